// SPDX-License-Identifier: GPL-2.0
/*
 * The ELF plan under other rules than the plain ones: ELFCLASS32, segments at
 * their virtual addresses, entries of a boot protocol; and what it says of
 * PT_DYNAMIC and PT_NOTE.
 */
#include "unit.h"

#include "elf_image.h"

#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT
#define WIDTH		ELF_IMAGE_PHYS_BITS
#define TOP		BIT_ULL(WIDTH)
#define PLAIN		{ .phys_bits = WIDTH }
#define CLASS32		{ .phys_bits = WIDTH, .class32 = true }
#define OWN_ENTRY	{ .phys_bits = WIDTH, .own_entry = true }
#define PHYSICAL_ENTRY	{ .phys_bits = WIDTH, .physical_entry = true }
#define BY_VADDR(b)	{ .phys_bits = WIDTH, .by_vaddr = true, .base = (b) }
#define BOTH(b)		{ .phys_bits = WIDTH, .class32 = true, .by_vaddr = true, .base = (b) }
#define VIRTUAL_32	((u32)ELF_IMAGE_VIRTUAL)

/* The file that a case changes */
enum kind { WIDE, DYN, NARROW };

struct rules_case {
	const char *name;
	enum kind kind;
	struct kev_elf_rules rules;
	struct elf_patch patch[4];
	u64 size;	/* of the file; 0: all of it */
	enum kev_image_problem problem;
	u32 segment;
	/* Without a problem */
	u64 entry, start, end;
};

#define REFUSED(problem, segment)	0, (problem), (segment), 0, 0, 0
#define TAKEN(entry, start, end)	0, KEV_IMAGE_OK, NO_SEGMENT, (entry), (start), (end)
#define AS_IT_IS			TAKEN(ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END)

static const struct rules_case cases[] = {
	{ "32-bit", NARROW, CLASS32, {}, AS_IT_IS },
	{ "32-bit, not taken", NARROW, PLAIN, {}, REFUSED(KEV_IMAGE_CLASS, NO_SEGMENT) },
	{ "64-bit where 32-bit is taken", WIDE, CLASS32, {}, AS_IT_IS },
	{ "32-bit, ET_DYN", NARROW, CLASS32, { EHDR32(e_type, ET_DYN) }, AS_IT_IS },
	{ "32-bit, 52 bytes of file", NARROW, CLASS32, {}, 52, KEV_IMAGE_PHOFF, NO_SEGMENT,
	  0, 0, 0 },
	{ "32-bit, 51 bytes of file", NARROW, CLASS32, {}, 51, KEV_IMAGE_TRUNCATED, NO_SEGMENT,
	  0, 0, 0 },
	{ "64-bit, 63 bytes of file", WIDE, CLASS32, {}, 63, KEV_IMAGE_TRUNCATED, NO_SEGMENT,
	  0, 0, 0 },
	{ "magic alone", NARROW, CLASS32, {}, 4, KEV_IMAGE_TRUNCATED, NO_SEGMENT, 0, 0, 0 },
	{ "x32", NARROW, CLASS32, { EHDR32(e_machine, EM_X86_64) },
	  REFUSED(KEV_IMAGE_MACHINE, NO_SEGMENT) },
	{ "i386 in 64-bit", WIDE, CLASS32, { EHDR(e_machine, EM_386) },
	  REFUSED(KEV_IMAGE_MACHINE, NO_SEGMENT) },
	{ "no class", NARROW, CLASS32, { IDENT(EI_CLASS, 0) },
	  REFUSED(KEV_IMAGE_CLASS, NO_SEGMENT) },
	{ "class 3", WIDE, CLASS32, { IDENT(EI_CLASS, 3) },
	  REFUSED(KEV_IMAGE_CLASS, NO_SEGMENT) },
	{ "32-bit, big-endian", NARROW, CLASS32, { IDENT(EI_DATA, ELFDATA2MSB) },
	  REFUSED(KEV_IMAGE_DATA, NO_SEGMENT) },
	{ "32-bit, e_version", NARROW, CLASS32, { EHDR32(e_version, 2) },
	  REFUSED(KEV_IMAGE_VERSION, NO_SEGMENT) },
	{ "32-bit, relocatable", NARROW, CLASS32, { EHDR32(e_type, ET_REL) },
	  REFUSED(KEV_IMAGE_TYPE, NO_SEGMENT) },
	{ "32-bit, e_ehsize of 64-bit", NARROW, CLASS32, { EHDR32(e_ehsize, 64) },
	  REFUSED(KEV_IMAGE_EHSIZE, NO_SEGMENT) },
	{ "32-bit, e_phentsize of 64-bit", NARROW, CLASS32, { EHDR32(e_phentsize, 56) },
	  REFUSED(KEV_IMAGE_PHENTSIZE, NO_SEGMENT) },
	{ "32-bit, too many headers", NARROW, CLASS32,
	  { EHDR32(e_phnum, KEV_ELF_MAX_PHDRS + 1) }, REFUSED(KEV_IMAGE_PHNUM, NO_SEGMENT) },
	{ "32-bit, headers up to the end of the file", NARROW, CLASS32,
	  { EHDR32(e_phoff, ELF_IMAGE_SIZE - ELF_IMAGE_NR * KEV_ELF_PHDR_SIZE_32) },
	  REFUSED(KEV_IMAGE_NO_LOAD, NO_SEGMENT) },
	{ "32-bit, headers one byte beyond the file", NARROW, CLASS32,
	  { EHDR32(e_phoff, ELF_IMAGE_SIZE - ELF_IMAGE_NR * KEV_ELF_PHDR_SIZE_32 + 1) },
	  REFUSED(KEV_IMAGE_PHOFF, NO_SEGMENT) },
	{ "32-bit, file bytes beyond the file", NARROW, CLASS32,
	  { PHDR32(ELF_IMAGE_DATA, p_offset, ~0U) }, REFUSED(KEV_IMAGE_OFFSET, ELF_IMAGE_DATA) },
	{ "32-bit, p_filesz > p_memsz", NARROW, CLASS32,
	  { PHDR32(ELF_IMAGE_TEXT, p_memsz, 0x2ff) }, REFUSED(KEV_IMAGE_FILESZ, ELF_IMAGE_TEXT) },
	{ "32-bit, up to 4 GiB", NARROW, CLASS32, { PHDR32(ELF_IMAGE_BSS, p_paddr, -0x2000) },
	  TAKEN(ELF_IMAGE_ENTRY, 0x100000, 1ULL << 32) },
	{ "32-bit, p_paddr wraps", NARROW, CLASS32, { PHDR32(ELF_IMAGE_BSS, p_paddr, -0x1fff) },
	  REFUSED(KEV_IMAGE_ADDRESS, ELF_IMAGE_BSS) },
	{ "32-bit, p_vaddr up to 4 GiB", NARROW, CLASS32,
	  { PHDR32(ELF_IMAGE_BSS, p_vaddr, -0x2000) }, AS_IT_IS },
	{ "32-bit, p_vaddr wraps", NARROW, CLASS32, { PHDR32(ELF_IMAGE_BSS, p_vaddr, -0x1fff) },
	  REFUSED(KEV_IMAGE_ADDRESS, ELF_IMAGE_BSS) },
	{ "32-bit, a narrow guest", NARROW, { .phys_bits = 20, .class32 = true }, {},
	  REFUSED(KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_TEXT) },
	{ "32-bit, overlap", NARROW, CLASS32, { PHDR32(ELF_IMAGE_DATA, p_paddr, 0x1002ff) },
	  REFUSED(KEV_IMAGE_OVERLAP, ELF_IMAGE_DATA) },
	{ "32-bit, entry is physical", NARROW, CLASS32, { EHDR32(e_entry, ELF_IMAGE_ENTRY) },
	  REFUSED(KEV_IMAGE_ENTRY, NO_SEGMENT) },

	{ "by virtual address", DYN, BY_VADDR(0), {}, AS_IT_IS },
	{ "by physical address", DYN, PLAIN, {},
	  REFUSED(KEV_IMAGE_ADDRESS, ELF_IMAGE_TEXT) },
	{ "with a base", DYN, BY_VADDR(0x12345000), {},
	  TAKEN(ELF_IMAGE_ENTRY + 0x12345000, ELF_IMAGE_START + 0x12345000,
		ELF_IMAGE_END + 0x12345000) },
	{ "a base without by_vaddr", WIDE, { .phys_bits = WIDTH, .base = 0x1001 }, {}, AS_IT_IS },
	{ "base unaligned", DYN, BY_VADDR(0x12345001), {}, REFUSED(KEV_IMAGE_BASE, NO_SEGMENT) },
	{ "base of half a page", DYN, BY_VADDR(0x800), {}, REFUSED(KEV_IMAGE_BASE, NO_SEGMENT) },
	{ "ET_EXEC by virtual address", DYN, BY_VADDR(0), { EHDR(e_type, ET_EXEC) }, AS_IT_IS },
	{ "ET_EXEC with a base", DYN, BY_VADDR(0x1000), { EHDR(e_type, ET_EXEC) },
	  REFUSED(KEV_IMAGE_BASE, NO_SEGMENT) },
	{ "up to the width", DYN, BY_VADDR(TOP - ELF_IMAGE_END),
	  { PHDR(ELF_IMAGE_DATA, p_memsz, 0xd00) },
	  TAKEN(TOP - ELF_IMAGE_END + ELF_IMAGE_ENTRY, TOP - ELF_IMAGE_END + ELF_IMAGE_START,
		TOP) },
	{ "one byte above the width", DYN, BY_VADDR(TOP - ELF_IMAGE_END),
	  { PHDR(ELF_IMAGE_DATA, p_memsz, 0xd01) },
	  REFUSED(KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_DATA) },
	{ "p_vaddr + base wraps", WIDE, BY_VADDR(-ELF_IMAGE_VIRTUAL), { EHDR(e_type, ET_DYN) },
	  REFUSED(KEV_IMAGE_ADDRESS, ELF_IMAGE_TEXT) },
	{ "the end wraps", DYN, BY_VADDR(-0x101000ULL), {},
	  REFUSED(KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_TEXT) },
	{ "p_vaddr alone wraps", DYN, BY_VADDR(0), { PHDR(ELF_IMAGE_BSS, p_vaddr, -0x1fffULL) },
	  REFUSED(KEV_IMAGE_ADDRESS, ELF_IMAGE_BSS) },
	{ "virtual overlap", DYN, BY_VADDR(0), { PHDR(ELF_IMAGE_DATA, p_vaddr, 0x1002ff) },
	  REFUSED(KEV_IMAGE_OVERLAP, ELF_IMAGE_DATA) },
	{ "entry outside", DYN, BY_VADDR(0x1000), { EHDR(e_entry, 0x100c00) },
	  REFUSED(KEV_IMAGE_ENTRY, NO_SEGMENT) },
	{ "32-bit, base beyond 4 GiB", NARROW, BOTH(0x100000000), { EHDR32(e_type, ET_DYN) },
	  TAKEN(0x1c0000000 + ELF_IMAGE_ENTRY, 0x1c0000000 + ELF_IMAGE_START,
		0x1c0000000 + ELF_IMAGE_END) },
	{ "32-bit, across 4 GiB", NARROW, BOTH(0x3ff00000), { EHDR32(e_type, ET_DYN) },
	  TAKEN(0xfff00000 + ELF_IMAGE_ENTRY, 0xfff00000 + ELF_IMAGE_START, 0x100001000) },
	{ "32-bit ET_EXEC with a base", NARROW, BOTH(0x1000), {},
	  REFUSED(KEV_IMAGE_BASE, NO_SEGMENT) },

	{ "physical entry", WIDE, PHYSICAL_ENTRY, { EHDR(e_entry, 0x1234) },
	  TAKEN(0x1234, ELF_IMAGE_START, ELF_IMAGE_END) },
	{ "physical entry, e_entry is virtual", WIDE, PHYSICAL_ENTRY, {}, AS_IT_IS },
	{ "physical entry, at virtual addresses", DYN,
	  { .phys_bits = WIDTH, .by_vaddr = true, .physical_entry = true },
	  { EHDR(e_entry, 0x1234) }, REFUSED(KEV_IMAGE_ENTRY, NO_SEGMENT) },
	{ "own entry, e_entry is good too", WIDE, OWN_ENTRY, {}, AS_IT_IS },
	{ "own entry, e_entry outside", WIDE, OWN_ENTRY, { EHDR(e_entry, ELF_IMAGE_ENTRY) },
	  TAKEN(0, ELF_IMAGE_START, ELF_IMAGE_END) },

	{ "PT_DYNAMIC up to the end of the file", WIDE, PLAIN,
	  { PHDR(ELF_IMAGE_DYNAMIC, p_offset, ELF_IMAGE_SIZE - 0x80) }, AS_IT_IS },
	{ "PT_DYNAMIC beyond the file", WIDE, PLAIN,
	  { PHDR(ELF_IMAGE_DYNAMIC, p_offset, ELF_IMAGE_SIZE - 0x7f) },
	  REFUSED(KEV_IMAGE_DYNAMIC, ELF_IMAGE_DYNAMIC) },
	{ "PT_DYNAMIC wraps", WIDE, PLAIN, { PHDR(ELF_IMAGE_DYNAMIC, p_offset, -0x40ULL) },
	  REFUSED(KEV_IMAGE_DYNAMIC, ELF_IMAGE_DYNAMIC) },
	{ "PT_DYNAMIC without bytes, beyond the file", WIDE, PLAIN,
	  { PHDR(ELF_IMAGE_DYNAMIC, p_offset, ~0ULL), PHDR(ELF_IMAGE_DYNAMIC, p_filesz, 0) },
	  AS_IT_IS },
	{ "32-bit, PT_DYNAMIC beyond the file", NARROW, CLASS32,
	  { PHDR32(ELF_IMAGE_DYNAMIC, p_filesz, ~0U) },
	  REFUSED(KEV_IMAGE_DYNAMIC, ELF_IMAGE_DYNAMIC) },
	{ "PT_NOTE beyond the file", WIDE, PLAIN, { PHDR(ELF_IMAGE_NOTE, p_offset, ~0ULL) },
	  AS_IT_IS },
};

static void make(enum kind kind, u8 *bytes)
{
	struct elf_image_32 narrow;
	struct elf_image image;

	if (kind == DYN)
		elf_image_make_dyn(&image);
	else
		elf_image_make(&image);
	memcpy(bytes, image.bytes, ELF_IMAGE_SIZE);
	if (kind == NARROW) {
		elf_image_narrow(&image, &narrow);
		memcpy(bytes, narrow.bytes, ELF_IMAGE_SIZE);
	}
}

TEST(each_rule)
{
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	u8 bytes[ELF_IMAGE_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct rules_case *c = &cases[i];
		int ret;

		make(c->kind, bytes);
		elf_image_apply(bytes, c->patch, ARRAY_SIZE(c->patch));
		why = (struct kev_image_fault) { ~0U, 0 };
		ret = elf_image_plan(bytes, c->size ?: ELF_IMAGE_SIZE, &c->rules, &header, &plan,
				     &why);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->segment, why.segment)
			TH_LOG("%s", c->name);
		ASSERT_EQ(c->problem == KEV_IMAGE_OK ? 0 : -ENOEXEC, ret)
			TH_LOG("%s", c->name);
		if (ret)
			continue;
		EXPECT_EQ(NULL, elf_image_violation(&plan, ELF_IMAGE_SIZE, &c->rules))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->entry, plan.entry)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->start, plan.start)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->end, plan.end)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->kind == NARROW, plan.class32);
		EXPECT_EQ(c->kind == NARROW, header.class32);
	}
}

/* A place in the file counts only for bytes: else it is any number, which sums would wrap with. */
TEST(segment_without_bytes)
{
	static const struct kev_elf_rules rules = PLAIN;
	struct kev_elf_header header = { .entry = 0x1000, .phnum = 1, .phentsize = 56,
					 .type = ET_EXEC };
	const Elf64_Phdr phdr = { .p_type = PT_LOAD, .p_offset = ~0ULL, .p_vaddr = 0x1000,
				  .p_paddr = 0x1000, .p_memsz = 1 };
	struct kev_image_fault why;
	struct kev_elf_plan plan;

	ASSERT_EQ(0, kev_elf_plan(&header, &phdr, sizeof(phdr), 0x1000, &rules, &plan, &why));
	ASSERT_EQ(1, plan.nr);
	EXPECT_EQ(0, plan.seg[0].offset);
}

TEST(fields_of_32_bit)
{
	static const struct kev_elf_rules rules = CLASS32;
	static const struct kev_elf_segment expected = {
		.gpa = 0x100300, .vaddr = VIRTUAL_32 + 0x100300, .offset = 0x500,
		.filesz = 0x100, .memsz = 0x900, .prot = KEV_MEM_READ | KEV_MEM_WRITE,
		.index = ELF_IMAGE_DATA,
	};
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	u8 bytes[ELF_IMAGE_SIZE];

	make(NARROW, bytes);
	ASSERT_EQ(0, elf_image_plan(bytes, sizeof(bytes), &rules, &header, &plan, &why));
	EXPECT_EQ(VIRTUAL_32 + ELF_IMAGE_ENTRY, header.entry);
	EXPECT_EQ(52, header.phoff);
	EXPECT_EQ(ELF_IMAGE_NR, header.phnum);
	EXPECT_EQ(32, header.phentsize);
	EXPECT_EQ(ET_EXEC, header.type);
	ASSERT_EQ(3, plan.nr);
	EXPECT_EQ(0, memcmp(&expected, &plan.seg[2], sizeof(expected)));
}

/* p_vaddr stays what the file says: relocations speak of it. */
TEST(virtual_addresses_have_no_base)
{
	static const struct kev_elf_rules rules = BY_VADDR(0x200000);
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	u8 bytes[ELF_IMAGE_SIZE];

	make(DYN, bytes);
	ASSERT_EQ(0, elf_image_plan(bytes, sizeof(bytes), &rules, &header, &plan, &why));
	EXPECT_EQ(0x300000, plan.seg[1].gpa);
	EXPECT_EQ(0x100000, plan.seg[1].vaddr);
}

TEST(extents)
{
	static const struct kev_elf_rules rules = PLAIN;
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct elf_image image;

	elf_image_make(&image);
	ASSERT_EQ(0, elf_image_plan(image.bytes, sizeof(image), &rules, &header, &plan, &why));
	EXPECT_EQ(0x510, plan.dynamic.offset);
	EXPECT_EQ(0x80, plan.dynamic.size);
	ASSERT_EQ(1, plan.nr_notes);
	EXPECT_EQ(ELF_IMAGE_NOTE_AT, plan.note[0].offset);
	EXPECT_EQ(ELF_IMAGE_NOTE_BYTES, plan.note[0].size);

	/* Without bytes, or with bytes that are not in the file */
	image.phdr[ELF_IMAGE_DYNAMIC].p_filesz = 0;
	image.phdr[ELF_IMAGE_NOTE].p_offset = ELF_IMAGE_SIZE - ELF_IMAGE_NOTE_BYTES + 1;
	ASSERT_EQ(0, elf_image_plan(image.bytes, sizeof(image), &rules, &header, &plan, &why));
	EXPECT_EQ(0, plan.dynamic.size);
	EXPECT_EQ(0, plan.nr_notes);

	/* The first PT_DYNAMIC that has bytes */
	elf_image_make(&image);
	image.phdr[ELF_IMAGE_NOTE] = image.phdr[ELF_IMAGE_DYNAMIC];
	image.phdr[ELF_IMAGE_NOTE].p_offset = 0x520;
	image.phdr[ELF_IMAGE_DYNAMIC].p_offset = ~0ULL;
	ASSERT_EQ(0, elf_image_plan(image.bytes, sizeof(image), &rules, &header, &plan, &why));
	EXPECT_EQ(0x520, plan.dynamic.offset);
	EXPECT_EQ(0, plan.nr_notes);
}

/* More notes than are kept, the first two of them empty and outside */
TEST(many_notes)
{
	enum { NR = KEV_ELF_MAX_NOTES + 4 };
	static const struct kev_elf_rules rules = PLAIN;
	struct kev_elf_header header = { .entry = 0x1000, .phnum = NR, .phentsize = 56,
					 .type = ET_EXEC };
	Elf64_Phdr phdr[NR] = {};
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	u32 i;

	for (i = 0; i < NR - 1; i++)
		phdr[i] = (Elf64_Phdr) { .p_type = PT_NOTE, .p_offset = i, .p_filesz = 0x10 };
	phdr[0].p_filesz = 0;
	phdr[1].p_offset = ~0ULL;
	phdr[NR - 1] = (Elf64_Phdr) { .p_type = PT_LOAD, .p_vaddr = 0x1000, .p_paddr = 0x1000,
				      .p_memsz = 1 };
	ASSERT_EQ(0, kev_elf_plan(&header, phdr, sizeof(phdr), 0x1000, &rules, &plan, &why));
	ASSERT_EQ(KEV_ELF_MAX_NOTES, plan.nr_notes);
	for (i = 0; i < KEV_ELF_MAX_NOTES; i++) {
		EXPECT_EQ(i + 2, plan.note[i].offset);
		EXPECT_EQ(0x10, plan.note[i].size);
	}
}

TEST(holder)
{
	/* By address in memory; the second one shadows the virtual addresses of the first. */
	static const struct kev_elf_plan plan = { .nr = 3, .seg = {
		{ .gpa = 0x1000, .vaddr = 0x8000, .memsz = 0x100, .index = 2 },
		{ .gpa = 0x2000, .vaddr = 0x80f0, .memsz = 0x100, .index = 1 },
		{ .gpa = 0x3000, .vaddr = -0x10ULL, .memsz = 0x10, .index = 3 },
	} };
	static const struct {
		u64 vaddr, size;
		int segment;	/* -1: none */
	} expected[] = {
		{ 0x7fff, 1, -1 }, { 0x8000, 1, 0 }, { 0x8000, 0x100, 0 }, { 0x8000, 0x101, -1 },
		{ 0x80ef, 1, 0 }, { 0x80f0, 1, 1 }, { 0x80ef, 0x11, 0 }, { 0x80ef, 0x12, -1 },
		{ 0x81ef, 1, 1 }, { 0x81ef, 2, -1 }, { 0x81f0, 1, -1 }, { 0x8000, ~0ULL, -1 },
		{ -8ULL, 8, 2 }, { -7ULL, 8, -1 }, { -1ULL, 1, 2 }, { -16ULL, 17, -1 },
		{ 0, 1, -1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct kev_elf_segment *seg = kev_elf_holder(&plan, expected[i].vaddr,
								   expected[i].size);

		EXPECT_EQ(expected[i].segment, seg ? (int)(seg - plan.seg) : -1)
			TH_LOG("0x%llx, 0x%llx bytes", expected[i].vaddr, expected[i].size);
	}
}

TEST_HARNESS_MAIN
