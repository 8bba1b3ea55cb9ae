// SPDX-License-Identifier: GPL-2.0
/*
 * Relocations: where the table lies, what of it is taken, and what becomes of a page.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "unit.h"

#include <kev/reloc.h>

#include "elf_image.h"

#define RELATIVE	8
#define NONE		0
#define MAX		((u64)KEV_RELOC_MAX)
#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT

/*
 * By address in memory: bss; data at virtual 0x8000, with file bytes up to 0x9000;
 * and a segment at the end of the virtual addresses.
 */
static const struct kev_elf_plan plan = { .nr = 3, .seg = {
	{ .gpa = 0x1004, .vaddr = 0x4004, .memsz = 0x2000, .index = 2 },
	{ .gpa = 0x10000, .vaddr = 0x8000, .offset = 0x200, .filesz = 0x1000, .memsz = 0x2000,
	  .index = 0 },
	{ .gpa = 0x20000, .vaddr = -0x1000ULL, .offset = 0x1200, .filesz = 0x1000,
	  .memsz = 0x1000, .index = 1 },
} };

/* Tables of the greatest length need room that no file of a test has. */
static const struct kev_elf_plan large = { .nr = 1, .seg = {
	{ .gpa = 0x1000, .vaddr = 0x1000, .offset = 0x1000, .filesz = 0x10000000,
	  .memsz = 0x10000000 },
} };

struct find_case {
	const char *name;
	Elf64_Dyn dyn[6];
	u32 nr;			/* entries; 0: all of them, the rest is DT_NULL */
	enum kev_image_problem problem;
	struct kev_elf_extent table;
	const struct kev_elf_plan *plan;	/* NULL: plan */
};

#define TAG(tag, value)	{ .d_tag = (tag), .d_un.d_val = (value) }
#define TABLE(at, size)	TAG(DT_RELA, at), TAG(DT_RELASZ, size), TAG(DT_RELAENT, 24)

static const struct find_case find_cases[] = {
	{ "no relocations", { TAG(DT_FLAGS, 8) }, 0, KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "DT_NULL alone", { TAG(DT_NULL, 0) }, 1, KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "a table", { TABLE(0x8100, 48) }, 0, KEV_IMAGE_OK, { 0x300, 48 }, NULL },
	{ "in another order", { TAG(DT_RELAENT, 24), TAG(DT_DEBUG, 5), TAG(DT_RELASZ, 24),
				TAG(DT_RELA, 0x8000) }, 0, KEV_IMAGE_OK, { 0x200, 24 }, NULL },
	{ "up to the end of the file bytes", { TABLE(0x8fe8, 24) }, 0,
	  KEV_IMAGE_OK, { 0x11e8, 24 }, NULL },
	{ "one byte beyond the file bytes", { TABLE(0x8fe9, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "up to the end of the virtual addresses", { TABLE(-24ULL, 24) }, 0,
	  KEV_IMAGE_OK, { 0x21e8, 24 }, NULL },
	{ "wraps", { TABLE(-24ULL, 48) }, 0, KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "in no segment", { TABLE(0x7000, 24) }, 0, KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "in memory without file bytes", { TABLE(0x4100, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "empty", { TABLE(0x8100, 0) }, 0, KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "empty and nowhere", { TAG(DT_RELASZ, 0) }, 0, KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "behind DT_NULL", { TAG(DT_NULL, 0), TABLE(0x8100, 24) }, 0,
	  KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "no DT_NULL", { TABLE(0x8100, 48) }, 3, KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "no DT_RELA", { TAG(DT_RELASZ, 24), TAG(DT_RELAENT, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "no DT_RELASZ", { TAG(DT_RELA, 0x8100), TAG(DT_RELAENT, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "no DT_RELAENT", { TAG(DT_RELA, 0x8100), TAG(DT_RELASZ, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "DT_RELAENT of 16", { TAG(DT_RELA, 0x8100), TAG(DT_RELASZ, 48), TAG(DT_RELAENT, 16) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "half an entry", { TABLE(0x8100, 36) }, 0, KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "DT_RELA twice", { TABLE(0x8100, 24), TAG(DT_RELA, 0x8100) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "DT_RELASZ twice", { TABLE(0x8100, 24), TAG(DT_RELASZ, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "DT_RELAENT twice", { TABLE(0x8100, 24), TAG(DT_RELAENT, 24) }, 0,
	  KEV_IMAGE_DYNAMIC, { 0, 0 }, NULL },
	{ "DT_REL", { TAG(DT_REL, 0x8100), TAG(DT_RELSZ, 16) }, 0,
	  KEV_IMAGE_RELOCATION, { 0, 0 }, NULL },
	{ "DT_RELR", { TABLE(0x8100, 24), TAG(DT_RELRSZ, 8) }, 0,
	  KEV_IMAGE_RELOCATION, { 0, 0 }, NULL },
	{ "DT_JMPREL", { TABLE(0x8100, 24), TAG(DT_PLTRELSZ, 24) }, 0,
	  KEV_IMAGE_RELOCATION, { 0, 0 }, NULL },
	{ "other tables, empty", { TAG(DT_REL, 1), TAG(DT_RELSZ, 0), TAG(DT_RELRSZ, 0),
				   TAG(DT_PLTRELSZ, 0) }, 0, KEV_IMAGE_OK, { 0, 0 }, NULL },
	{ "as many as there may be", { TABLE(0x1000, MAX * 24) }, 0,
	  KEV_IMAGE_OK, { 0x1000, MAX * 24 }, &large },
	{ "one too many", { TABLE(0x1000, (MAX + 1) * 24) }, 0,
	  KEV_IMAGE_RELOCATIONS, { 0, 0 }, &large },
};

/* A copy that ends where its allocation ends, at an odd address; *@block is to be freed. */
static void *odd_copy(const void *bytes, size_t len, void **block)
{
	*block = malloc(len + 1);
	if (!*block)
		abort();
	return memcpy((u8 *)*block + 1, bytes, len);
}

TEST(find)
{
	size_t i, len;
	void *block;

	for (i = 0; i < ARRAY_SIZE(find_cases); i++) {
		const struct find_case *c = &find_cases[i];
		struct kev_elf_extent table = { 1, 1 };
		struct kev_image_fault why = { ~0U, 0 };

		len = c->nr ? c->nr * sizeof(c->dyn[0]) : sizeof(c->dyn);
		EXPECT_EQ(c->problem == KEV_IMAGE_OK ? 0 : -ENOEXEC,
			  kev_reloc_find(odd_copy(c->dyn, len, &block), len, c->plan ?: &plan,
					 &table, &why))
			TH_LOG("%s", c->name);
		free(block);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(NO_SEGMENT, why.segment)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->table.offset, table.offset)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->table.size, table.size)
			TH_LOG("%s", c->name);
	}
}

TEST(find_without_a_dynamic_section)
{
	static const struct kev_elf_plan narrow = { .class32 = true };
	struct kev_elf_extent table = { 1, 1 };
	struct kev_image_fault why = { ~0U, 0 };

	EXPECT_EQ(0, kev_reloc_find("", 0, &narrow, &table, &why));
	EXPECT_EQ(KEV_IMAGE_OK, why.problem);
	EXPECT_EQ(0, table.size);
	EXPECT_EQ(-ENOEXEC, kev_reloc_find("", 1, &plan, &table, &why));
	EXPECT_EQ(KEV_IMAGE_DYNAMIC, why.problem);
	EXPECT_EQ(-ENOEXEC, kev_reloc_find("", 1, &narrow, &table, &why));
	EXPECT_EQ(KEV_IMAGE_RELOCATION, why.problem);
}

struct decode_case {
	const char *name;
	u64 base;
	Elf64_Rela rela[4];
	u32 nr;
	enum kev_image_problem problem;
	u32 n;
	struct kev_relocation out[4];
};

#define RELA(at, type, addend)							\
	{ .r_offset = (at), .r_info = ELF64_R_INFO(0, type), .r_addend = (addend) }

static const struct decode_case decode_cases[] = {
	{ "none", 0, {}, 0, KEV_IMAGE_OK, 0, {} },
	{ "one", 0x100000, { RELA(0x8008, RELATIVE, 0x42) }, 1, KEV_IMAGE_OK, 1,
	  { { 0x10008, 0x100042 } } },
	{ "sorted by physical address", 0,
	  { RELA(-0x1000ULL, RELATIVE, 1), RELA(0x9000, RELATIVE, 2), RELA(0x8000, RELATIVE, 3),
	    RELA(0x4004, RELATIVE, 4) }, 4, KEV_IMAGE_OK, 4,
	  { { 0x1004, 4 }, { 0x10000, 3 }, { 0x11000, 2 }, { 0x20000, 1 } } },
	{ "back to back", 0, { RELA(0x8009, RELATIVE, 1), RELA(0x8001, RELATIVE, 2) }, 2,
	  KEV_IMAGE_OK, 2, { { 0x10001, 2 }, { 0x10009, 1 } } },
	{ "R_X86_64_NONE, even outside", 0,
	  { RELA(0, NONE, 0), RELA(0x8000, RELATIVE, 1), RELA(0x8000, NONE, 2) }, 3,
	  KEV_IMAGE_OK, 1, { { 0x10000, 1 } } },
	{ "a symbol is ignored", 0,
	  { { .r_offset = 0x8000, .r_info = ELF64_R_INFO(7, RELATIVE), .r_addend = 5 } }, 1,
	  KEV_IMAGE_OK, 1, { { 0x10000, 5 } } },
	{ "negative addend", 0x1000, { RELA(0x8000, RELATIVE, -1) }, 1, KEV_IMAGE_OK, 1,
	  { { 0x10000, 0xfff } } },
	{ "the value wraps", -0x1000ULL, { RELA(0x8000, RELATIVE, 0x1800) }, 1, KEV_IMAGE_OK, 1,
	  { { 0x10000, 0x800 } } },
	{ "last bytes of memory", 0, { RELA(0x9ff8, RELATIVE, 1) }, 1, KEV_IMAGE_OK, 1,
	  { { 0x11ff8, 1 } } },
	{ "one byte beyond memory", 0, { RELA(0x9ff9, RELATIVE, 1) }, 1,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "last bytes of the virtual addresses", 0, { RELA(-8ULL, RELATIVE, 1) }, 1,
	  KEV_IMAGE_OK, 1, { { 0x20ff8, 1 } } },
	{ "beyond the virtual addresses", 0, { RELA(-7ULL, RELATIVE, 1) }, 1,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "one byte before memory", 0, { RELA(0x7fff, RELATIVE, 1) }, 1,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "in no segment", 0, { RELA(0x10000, RELATIVE, 1) }, 1, KEV_IMAGE_RELOCATION, 0, {} },
	{ "R_X86_64_64", 0, { RELA(0x8000, RELATIVE, 1), RELA(0x8008, 1, 1) }, 2,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "R_X86_64_IRELATIVE", 0, { RELA(0x8000, 37, 1) }, 1, KEV_IMAGE_RELOCATION, 0, {} },
	{ "the same place twice", 0, { RELA(0x8000, RELATIVE, 1), RELA(0x8000, RELATIVE, 1) }, 2,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "overlap by a byte", 0, { RELA(0x8007, RELATIVE, 1), RELA(0x8000, RELATIVE, 1) }, 2,
	  KEV_IMAGE_RELOCATION, 0, {} },
	{ "overlap in order", 0, { RELA(0x8000, RELATIVE, 1), RELA(0x8007, RELATIVE, 1) }, 2,
	  KEV_IMAGE_RELOCATION, 0, {} },
};

TEST(decode)
{
	struct kev_relocation out[4];
	void *block;
	size_t i;
	u32 j;

	for (i = 0; i < ARRAY_SIZE(decode_cases); i++) {
		const struct decode_case *c = &decode_cases[i];
		struct kev_image_fault why = { ~0U, 0 };
		int ret;

		ret = kev_reloc_decode(&plan, c->base,
				       odd_copy(c->rela, c->nr * sizeof(c->rela[0]), &block),
				       c->nr, out, &why);
		free(block);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(NO_SEGMENT, why.segment);
		ASSERT_EQ(c->problem == KEV_IMAGE_OK ? (int)c->n : -ENOEXEC, ret)
			TH_LOG("%s", c->name);
		for (j = 0; ret >= 0 && j < c->n; j++) {
			EXPECT_EQ(c->out[j].gpa, out[j].gpa)
				TH_LOG("%s", c->name);
			EXPECT_EQ(c->out[j].value, out[j].value)
				TH_LOG("%s", c->name);
		}
	}
}

static u64 gave_way;

void kev_gave_way(void)
{
	gave_way++;
}

/* As many as there may be, in descending order; and one more. Others may run all the time. */
TEST(decode_the_greatest_number)
{
	struct kev_relocation *out = malloc(MAX * sizeof(*out));
	Elf64_Rela *rela = calloc(MAX, sizeof(*rela));
	struct kev_image_fault why;
	u64 i;

	ASSERT_TRUE(out && rela);
	for (i = 0; i < MAX; i++)
		rela[i] = (Elf64_Rela)RELA(0x1000 + (MAX - 1 - i) * 8, RELATIVE, i);
	gave_way = 0;
	EXPECT_EQ(MAX, kev_reloc_decode(&large, 0, rela, MAX, out, &why));
	/* Each time that two are compared, and for each entry */
	EXPECT_LT(5 * MAX, gave_way);
	for (i = 0; i < MAX; i++) {
		ASSERT_EQ(0x1000 + i * 8, out[i].gpa);
		ASSERT_EQ(MAX - 1 - i, out[i].value);
	}
	gave_way = 0;
	EXPECT_EQ(1, kev_reloc_decode(&large, 0, rela, 1, out, &why));
	EXPECT_EQ(1, gave_way);
	EXPECT_EQ(-ENOEXEC, kev_reloc_decode(&large, 0, rela, MAX + 1, out, &why));
	EXPECT_EQ(KEV_IMAGE_RELOCATIONS, why.problem);
	free(rela);
	free(out);
}

#define PAGES	6

static bool touches(const struct kev_relocation *relocs, u64 nr, u64 page_gpa)
{
	return kev_reloc_next(relocs, nr, page_gpa) - page_gpa < KEV_PAGE_SIZE;
}

/* Against a plain write to the whole memory, for any relocations in it */
TEST(apply)
{
	enum { BYTES = PAGES * KEV_PAGE_SIZE, FIRST = 0x5000 };
	static u8 expected[BYTES], got[BYTES];
	static struct kev_relocation relocs[BYTES / 8];
	u64 random = 1, crossing = 0, untouched = 0;
	u32 round, i;

	for (round = 0; round < 500; round++) {
		u64 at = unit_random(&random) % 0x1000, nr = 0;
		bool touched[PAGES] = {};

		for (i = 0; i < BYTES; i++)
			expected[i] = unit_random(&random);
		memcpy(got, expected, BYTES);
		/* From back to back to less than one a page */
		for (; at + 8 <= BYTES; at += 8 + unit_random(&random) % (1U << round % 16)) {
			relocs[nr] = (struct kev_relocation) { FIRST + at, unit_random(&random) };
			memcpy(expected + at, &relocs[nr++].value, 8);
			touched[at / KEV_PAGE_SIZE] = true;
			touched[(at + 7) / KEV_PAGE_SIZE] = true;
			crossing += at / KEV_PAGE_SIZE != (at + 7) / KEV_PAGE_SIZE;
		}
		/* Any order, and one of them twice */
		for (i = 0; i <= PAGES; i++) {
			u32 page = (i * 5 + round) % PAGES;

			kev_reloc_apply(relocs, nr, FIRST + page * KEV_PAGE_SIZE,
					got + page * KEV_PAGE_SIZE);
			ASSERT_EQ(touched[page],
				  touches(relocs, nr, FIRST + page * KEV_PAGE_SIZE));
			untouched += !touched[page];
		}
		ASSERT_EQ(0, memcmp(expected, got, BYTES))
			TH_LOG("round %u", round);
		ASSERT_FALSE(touches(relocs, nr, FIRST - KEV_PAGE_SIZE));
		ASSERT_FALSE(touches(relocs, nr, FIRST + BYTES));
	}
	/* The random numbers have made what is hard. */
	EXPECT_LT(100, crossing);
	EXPECT_LT(100, untouched);
}

TEST(edges_of_a_page)
{
	static const struct {
		u64 gpa;
		bool before, here, behind;
	} expected[] = {
		{ 0x4ff8, true, false, false }, { 0x4ff9, true, true, false },
		{ 0x4fff, true, true, false }, { 0x5000, false, true, false },
		{ 0x5ff8, false, true, false }, { 0x5ff9, false, true, true },
		{ 0x5fff, false, true, true }, { 0x6000, false, false, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct kev_relocation reloc = { expected[i].gpa, 0 };

		EXPECT_EQ(expected[i].before, touches(&reloc, 1, 0x4000));
		EXPECT_EQ(expected[i].here, touches(&reloc, 1, 0x5000));
		EXPECT_EQ(expected[i].behind, touches(&reloc, 1, 0x6000));
	}
	EXPECT_FALSE(touches(NULL, 0, 0x5000));
}

/* A symbol's address by the file, or 0 */
static u64 symbol(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	GElf_Sym sym;
	int i;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_SYMTAB)
			continue;
		for (i = 0; gelf_getsym(elf_getdata(scn, NULL), i, &sym); i++)
			if (!strcmp(elf_strptr(elf, shdr.sh_link, sym.st_name), name))
				return sym.st_value;
	}
	return 0;
}

#define LINKED_BASE	0x200000ULL
#define LINKED_BYTES	0x10000ULL

/* An image as the linker makes it, in memory at its base, page by page relocated */
static bool load_linked(u8 *memory, const u8 *file, u64 size)
{
	static const struct kev_elf_rules rules = {
		.phys_bits = 40, .by_vaddr = true, .base = LINKED_BASE,
	};
	struct kev_relocation relocs[64];
	struct kev_elf_header header;
	struct kev_elf_extent table;
	struct kev_image_fault why;
	struct kev_elf_plan linked;
	u64 page;
	int nr;
	u32 i;

	if (elf_image_plan(file, size, &rules, &header, &linked, &why) ||
	    linked.end > LINKED_BASE + LINKED_BYTES ||
	    kev_reloc_find(file + linked.dynamic.offset, linked.dynamic.size, &linked, &table,
			   &why) ||
	    table.size > ARRAY_SIZE(relocs) * KEV_RELOC_ENTRY_SIZE)
		return false;
	nr = kev_reloc_decode(&linked, LINKED_BASE, file + table.offset,
			      table.size / KEV_RELOC_ENTRY_SIZE, relocs, &why);
	if (nr <= 0)
		return false;
	for (i = 0; i < linked.nr; i++)
		memcpy(memory + linked.seg[i].gpa - LINKED_BASE, file + linked.seg[i].offset,
		       linked.seg[i].filesz);
	for (page = linked.start; page < linked.end; page += KEV_PAGE_SIZE)
		kev_reloc_apply(relocs, nr, page, memory + page - LINKED_BASE);
	return true;
}

TEST(as_linked)
{
	static u8 memory[LINKED_BYTES];
	u64 target, pointers, odd, value;
	const u8 *file;
	struct stat st;
	Elf *elf;
	int fd;

	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	fd = open(RELOC_IMAGE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	file = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, file);
	ASSERT_TRUE(load_linked(memory, file, st.st_size));

	elf = elf_memory((char *)file, st.st_size);
	target = symbol(elf, "target");
	pointers = symbol(elf, "pointers");
	odd = symbol(elf, "odd");
	ASSERT_TRUE(target && pointers && odd);
#define POINTER_AT(vaddr)	(memcpy(&value, memory + (vaddr), 8), value)
	EXPECT_EQ(LINKED_BASE + target, POINTER_AT(pointers));
	EXPECT_EQ(LINKED_BASE + target + 4, POINTER_AT(pointers + 8));
	EXPECT_EQ(LINKED_BASE + target + 12, POINTER_AT(pointers + 16));
	EXPECT_EQ(LINKED_BASE + pointers, POINTER_AT(odd + 1));
	EXPECT_EQ(LINKED_BASE + odd, POINTER_AT(odd + 10));
	EXPECT_EQ(LINKED_BASE + symbol(elf, "_start"), POINTER_AT(symbol(elf, "entry")));
	elf_end(elf);
	munmap((void *)file, st.st_size);
	close(fd);
}

TEST_HARNESS_MAIN
