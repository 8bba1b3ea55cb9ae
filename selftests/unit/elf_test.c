// SPDX-License-Identifier: GPL-2.0
/*
 * The ELF plan: each problem from a valid file by one fault, and what is no
 * problem though it looks like one.
 */
#include "unit.h"

#include "elf_image.h"

#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT
#define TOP		BIT_ULL(ELF_IMAGE_PHYS_BITS)
#define VIRTUAL(gpa)	((gpa) + ELF_IMAGE_VIRTUAL)

struct elf_case {
	const char *name;
	struct elf_patch patch[4];
	u64 size;	/* of the file; 0: all of it */
	enum kev_image_problem problem;
	u32 segment;
};

static const struct elf_case rejected[] = {
	{ "one byte", .size = 1, .problem = KEV_IMAGE_TRUNCATED, .segment = NO_SEGMENT },
	{ "magic and no more", .size = 4, .problem = KEV_IMAGE_TRUNCATED, .segment = NO_SEGMENT },
	{ "one byte short of a header", .size = 63, .problem = KEV_IMAGE_TRUNCATED,
	  .segment = NO_SEGMENT },
	{ "short and not ELF", .size = 10, .patch = { IDENT(EI_MAG3, 'G') },
	  .problem = KEV_IMAGE_MAGIC, .segment = NO_SEGMENT },
	{ "magic 0", { IDENT(EI_MAG0, '#') }, 0, KEV_IMAGE_MAGIC, NO_SEGMENT },
	{ "magic 3", { IDENT(EI_MAG3, 'f') }, 0, KEV_IMAGE_MAGIC, NO_SEGMENT },
	{ "32-bit", { IDENT(EI_CLASS, ELFCLASS32) }, 0, KEV_IMAGE_CLASS, NO_SEGMENT },
	{ "no class", { IDENT(EI_CLASS, ELFCLASSNONE) }, 0, KEV_IMAGE_CLASS, NO_SEGMENT },
	{ "big-endian", { IDENT(EI_DATA, ELFDATA2MSB) }, 0, KEV_IMAGE_DATA, NO_SEGMENT },
	{ "EI_VERSION", { IDENT(EI_VERSION, 2) }, 0, KEV_IMAGE_VERSION, NO_SEGMENT },
	{ "e_version", { EHDR(e_version, 0) }, 0, KEV_IMAGE_VERSION, NO_SEGMENT },
	{ "relocatable", { EHDR(e_type, ET_REL) }, 0, KEV_IMAGE_TYPE, NO_SEGMENT },
	{ "core dump", { EHDR(e_type, ET_CORE) }, 0, KEV_IMAGE_TYPE, NO_SEGMENT },
	{ "i386", { EHDR(e_machine, EM_386) }, 0, KEV_IMAGE_MACHINE, NO_SEGMENT },
	{ "aarch64", { EHDR(e_machine, EM_AARCH64) }, 0, KEV_IMAGE_MACHINE, NO_SEGMENT },
	{ "e_ehsize of 32-bit", { EHDR(e_ehsize, 52) }, 0, KEV_IMAGE_EHSIZE, NO_SEGMENT },
	{ "e_ehsize too great", { EHDR(e_ehsize, 65) }, 0, KEV_IMAGE_EHSIZE, NO_SEGMENT },
	{ "e_phentsize of 32-bit", { EHDR(e_phentsize, 32) }, 0, KEV_IMAGE_PHENTSIZE, NO_SEGMENT },
	{ "e_phentsize too great", { EHDR(e_phentsize, 57) }, 0, KEV_IMAGE_PHENTSIZE, NO_SEGMENT },
	{ "no program headers", { EHDR(e_phnum, 0) }, 0, KEV_IMAGE_PHNUM, NO_SEGMENT },
	{ "PN_XNUM", { EHDR(e_phnum, PN_XNUM) }, 0, KEV_IMAGE_PHNUM, NO_SEGMENT },
	{ "headers one byte beyond the file",
	  { EHDR(e_phoff, ELF_IMAGE_SIZE - ELF_IMAGE_NR * KEV_ELF_PHDR_SIZE + 1) }, 0,
	  KEV_IMAGE_PHOFF, NO_SEGMENT },
	{ "e_phoff wraps", { EHDR(e_phoff, ~0ULL) }, 0, KEV_IMAGE_PHOFF, NO_SEGMENT },
	{ "e_phoff wraps to 0",
	  { EHDR(e_phoff, -(u64)(ELF_IMAGE_NR * KEV_ELF_PHDR_SIZE)) }, 0,
	  KEV_IMAGE_PHOFF, NO_SEGMENT },
	{ "nothing to load", { EHDR(e_phnum, 1) }, 0, KEV_IMAGE_NO_LOAD, NO_SEGMENT },
	{ "loads without memory",
	  { PHDR(ELF_IMAGE_TEXT, p_type, PT_NULL), PHDR(ELF_IMAGE_DATA, p_type, PT_NOTE),
	    PHDR(ELF_IMAGE_BSS, p_memsz, 0) }, 0,
	  KEV_IMAGE_NO_LOAD, NO_SEGMENT },
	{ "p_filesz > p_memsz", { PHDR(ELF_IMAGE_TEXT, p_filesz, 0x301) }, 0,
	  KEV_IMAGE_FILESZ, ELF_IMAGE_TEXT },
	{ "p_filesz > p_memsz = 0", { PHDR(ELF_IMAGE_EMPTY, p_filesz, 1) }, 0,
	  KEV_IMAGE_FILESZ, ELF_IMAGE_EMPTY },
	{ "one byte beyond the file", { PHDR(ELF_IMAGE_DATA, p_offset, ELF_IMAGE_SIZE - 0xff) }, 0,
	  KEV_IMAGE_OFFSET, ELF_IMAGE_DATA },
	{ "p_offset wraps", { PHDR(ELF_IMAGE_DATA, p_offset, -0x80ULL) }, 0,
	  KEV_IMAGE_OFFSET, ELF_IMAGE_DATA },
	{ "p_paddr wraps", { PHDR(ELF_IMAGE_DATA, p_paddr, -0x8ffULL) }, 0,
	  KEV_IMAGE_ADDRESS, ELF_IMAGE_DATA },
	{ "p_vaddr wraps", { PHDR(ELF_IMAGE_DATA, p_vaddr, -0x8ffULL) }, 0,
	  KEV_IMAGE_ADDRESS, ELF_IMAGE_DATA },
	{ "all of the address space and more",
	  { PHDR(ELF_IMAGE_BSS, p_memsz, ~0ULL) }, 0, KEV_IMAGE_ADDRESS, ELF_IMAGE_BSS },
	{ "one byte above the width", { PHDR(ELF_IMAGE_BSS, p_paddr, TOP - 0x1fff) }, 0,
	  KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_BSS },
	{ "linked high without physical address",
	  { PHDR(ELF_IMAGE_TEXT, p_paddr, VIRTUAL(0x100000)) }, 0,
	  KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_TEXT },
	{ "ends at the top of 64 bits", { PHDR(ELF_IMAGE_BSS, p_paddr, -0x2000ULL) }, 0,
	  KEV_IMAGE_PHYS_WIDTH, ELF_IMAGE_BSS },
	{ "overlap by a byte", { PHDR(ELF_IMAGE_DATA, p_paddr, 0x1002ff) }, 0,
	  KEV_IMAGE_OVERLAP, ELF_IMAGE_DATA },
	{ "one inside another", { PHDR(ELF_IMAGE_BSS, p_paddr, 0x0fffff) }, 0,
	  KEV_IMAGE_OVERLAP, ELF_IMAGE_BSS },
	{ "the same address", { PHDR(ELF_IMAGE_DATA, p_paddr, 0x100000) }, 0,
	  KEV_IMAGE_OVERLAP, ELF_IMAGE_DATA },
	{ "entry right behind a segment", { EHDR(e_entry, VIRTUAL(0x100c00)) }, 0,
	  KEV_IMAGE_ENTRY, NO_SEGMENT },
	{ "entry right before a segment", { EHDR(e_entry, VIRTUAL(ELF_IMAGE_START + 7)) }, 0,
	  KEV_IMAGE_ENTRY, NO_SEGMENT },
	{ "entry is physical", { EHDR(e_entry, ELF_IMAGE_ENTRY) }, 0,
	  KEV_IMAGE_ENTRY, NO_SEGMENT },
};

struct accepted_case {
	const char *name;
	struct elf_patch patch[4];
	u64 entry, start, end;
	u32 nr;
};

static const struct accepted_case accepted[] = {
	{ "as it is", {}, ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "ET_DYN", { EHDR(e_type, ET_DYN) }, ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "EI_OSABI", { IDENT(EI_OSABI, 0x42) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "EI_ABIVERSION and padding", { IDENT(EI_ABIVERSION, 9), IDENT(EI_PAD, 1) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "section headers beyond the file", { EHDR(e_shoff, ~0ULL), EHDR(e_shnum, 99) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "file bytes up to the end of the file",
	  { PHDR(ELF_IMAGE_DATA, p_offset, ELF_IMAGE_SIZE - 0x100) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "p_offset beyond the file, but no file bytes",
	  { PHDR(ELF_IMAGE_BSS, p_offset, ~0ULL) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "up to the physical width", { PHDR(ELF_IMAGE_BSS, p_paddr, TOP - 0x2000) },
	  ELF_IMAGE_ENTRY, 0x100000, TOP, 3 },
	{ "linked up to the top", { PHDR(ELF_IMAGE_DATA, p_vaddr, -0x900ULL) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "at address 0", { PHDR(ELF_IMAGE_BSS, p_paddr, 0) },
	  ELF_IMAGE_ENTRY, 0, ELF_IMAGE_END, 3 },
	{ "last byte as entry", { EHDR(e_entry, VIRTUAL(0x100bff)) },
	  0x100bff, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "first byte as entry", { EHDR(e_entry, VIRTUAL(ELF_IMAGE_START + 8)) },
	  ELF_IMAGE_START + 8, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "entry in two segments: the first by index",
	  { PHDR(ELF_IMAGE_BSS, p_vaddr, VIRTUAL(0x100000)) },
	  ELF_IMAGE_ENTRY, ELF_IMAGE_START, ELF_IMAGE_END, 3 },
	{ "one segment", { EHDR(e_phnum, ELF_IMAGE_TEXT + 1) },
	  ELF_IMAGE_ENTRY, 0x100000, 0x101000, 1 },
	{ "across a page boundary",
	  { EHDR(e_phnum, ELF_IMAGE_TEXT + 1), PHDR(ELF_IMAGE_TEXT, p_paddr, 0x5fff),
	    PHDR(ELF_IMAGE_TEXT, p_memsz, 0x11), PHDR(ELF_IMAGE_TEXT, p_filesz, 0) },
	  0x600f, 0x5000, 0x7000, 1 },
};

static const struct kev_elf_rules rules = { .phys_bits = ELF_IMAGE_PHYS_BITS };

TEST(each_problem)
{
	struct kev_elf_plan plan;
	struct kev_elf_header header;
	struct kev_image_fault why;
	u32 seen = BIT(KEV_IMAGE_OK), reachable;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rejected); i++) {
		const struct elf_case *c = &rejected[i];
		struct elf_image image;

		elf_image_make(&image);
		elf_image_apply(image.bytes, c->patch, ARRAY_SIZE(c->patch));
		why = (struct kev_image_fault) { ~0U, 0 };
		EXPECT_EQ(-ENOEXEC,
			  elf_image_plan(image.bytes, c->size ?: ELF_IMAGE_SIZE, &rules,
					 &header, &plan, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->segment, why.segment)
			TH_LOG("%s", c->name);
		seen |= BIT(c->problem);
	}
	/* Those of the file itself and of the boot protocol are found elsewhere. */
	reachable = BIT(KEV_IMAGE_ENTRY + 1) - 1 - BIT(KEV_IMAGE_NOT_REGULAR);
	EXPECT_EQ(reachable, seen);
}

TEST(no_problem)
{
	struct kev_elf_plan plan;
	struct kev_elf_header header;
	struct kev_image_fault why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accepted); i++) {
		const struct accepted_case *c = &accepted[i];
		struct elf_image image;

		elf_image_make(&image);
		elf_image_apply(image.bytes, c->patch, ARRAY_SIZE(c->patch));
		why = (struct kev_image_fault) { ~0U, 0 };
		ASSERT_EQ(0, elf_image_plan(image.bytes, ELF_IMAGE_SIZE, &rules,
					    &header, &plan, &why))
			TH_LOG("%s: problem %u, segment %u", c->name, why.problem, why.segment);
		EXPECT_EQ(KEV_IMAGE_OK, why.problem);
		EXPECT_EQ(NO_SEGMENT, why.segment);
		EXPECT_EQ(NULL, elf_image_violation(&plan, ELF_IMAGE_SIZE, &rules));
		EXPECT_EQ(c->entry, plan.entry)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->start, plan.start)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->end, plan.end)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->nr, plan.nr)
			TH_LOG("%s", c->name);
	}
}

TEST(empty_file)
{
	struct kev_elf_header header;
	struct kev_image_fault why;

	EXPECT_EQ(-ENOEXEC, kev_elf_decode_header("", 0, 0, &rules, &header, &why));
	EXPECT_EQ(KEV_IMAGE_TRUNCATED, why.problem);
	EXPECT_EQ(NO_SEGMENT, why.segment);
}

/* The file shrank between the two reads. */
TEST(short_program_headers)
{
	struct kev_elf_header header = { .phnum = 2 };
	u8 phdrs[2 * KEV_ELF_PHDR_SIZE] = { 0 };
	struct kev_image_fault why;
	struct kev_elf_plan plan;

	EXPECT_EQ(-ENOEXEC,
		  kev_elf_plan(&header, phdrs, sizeof(phdrs) - 1, 4096, &rules, &plan, &why));
	EXPECT_EQ(KEV_IMAGE_PHOFF, why.problem);
	EXPECT_EQ(-ENOEXEC, kev_elf_plan(&header, phdrs, sizeof(phdrs), 4096, &rules, &plan, &why));
	EXPECT_EQ(KEV_IMAGE_NO_LOAD, why.problem);
}

/* Either step holds the limit by itself. */
TEST(one_header_too_many)
{
	static const u8 phdrs[(KEV_ELF_MAX_PHDRS + 1) * KEV_ELF_PHDR_SIZE];
	struct kev_elf_header header = { .phnum = KEV_ELF_MAX_PHDRS + 1 };
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct elf_image image;

	EXPECT_EQ(-ENOEXEC,
		  kev_elf_plan(&header, phdrs, sizeof(phdrs), 1 << 20, &rules, &plan, &why));
	EXPECT_EQ(KEV_IMAGE_PHNUM, why.problem);

	elf_image_make(&image);
	image.ehdr.e_phnum = KEV_ELF_MAX_PHDRS + 1;
	EXPECT_EQ(-ENOEXEC, kev_elf_decode_header(&image, 64, 1 << 20, &rules, &header, &why));
	EXPECT_EQ(KEV_IMAGE_PHNUM, why.problem);
	image.ehdr.e_phnum = KEV_ELF_MAX_PHDRS;
	EXPECT_EQ(0, kev_elf_decode_header(&image, 64, 1 << 20, &rules, &header, &why));
}

TEST(fields_and_order)
{
	static const struct kev_elf_segment expected[] = {
		{ .gpa = ELF_IMAGE_START + 8, .vaddr = VIRTUAL(ELF_IMAGE_START + 8),
		  .memsz = 0x2000, .prot = KEV_MEM_READ | KEV_MEM_WRITE,
		  .index = ELF_IMAGE_BSS },
		{ .gpa = 0x100000, .vaddr = VIRTUAL(0x100000), .offset = 0x200, .filesz = 0x300,
		  .memsz = 0x300, .prot = KEV_MEM_READ | KEV_MEM_EXEC, .index = ELF_IMAGE_TEXT },
		{ .gpa = 0x100300, .vaddr = VIRTUAL(0x100300), .offset = 0x500, .filesz = 0x100,
		  .memsz = 0x900, .prot = KEV_MEM_READ | KEV_MEM_WRITE, .index = ELF_IMAGE_DATA },
	};
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct elf_image image;
	size_t i;

	elf_image_make(&image);
	ASSERT_EQ(0, elf_image_plan(image.bytes, ELF_IMAGE_SIZE, &rules, &header,
				    &plan, &why));
	EXPECT_EQ(VIRTUAL(ELF_IMAGE_ENTRY), header.entry);
	EXPECT_EQ(64, header.phoff);
	EXPECT_EQ(ELF_IMAGE_NR, header.phnum);
	EXPECT_EQ(ET_EXEC, header.type);
	EXPECT_EQ(KEV_ELF_PHDR_SIZE, header.phentsize);
	EXPECT_FALSE(header.class32);
	ASSERT_EQ(ARRAY_SIZE(expected), plan.nr);
	for (i = 0; i < plan.nr; i++)
		EXPECT_EQ(0, memcmp(&expected[i], &plan.seg[i], sizeof(expected[i])))
			TH_LOG("segment %zu", i);
}

/* As many segments as there can be, in descending order, each one byte from the next */
TEST(greatest_number_of_segments)
{
	static u8 file[KEV_ELF_HEADER_SIZE + KEV_ELF_MAX_PHDRS * KEV_ELF_PHDR_SIZE];
	struct kev_elf_header header;
	struct kev_image_fault why;
	struct kev_elf_plan plan;
	struct elf_image image;
	u32 i;

	elf_image_make(&image);
	image.ehdr.e_phnum = KEV_ELF_MAX_PHDRS;
	image.ehdr.e_entry = 0x1000;
	memcpy(file, &image.ehdr, sizeof(image.ehdr));
	for (i = 0; i < KEV_ELF_MAX_PHDRS; i++) {
		u64 address = 0x1000 + (KEV_ELF_MAX_PHDRS - 1 - i) * 0x11;
		Elf64_Phdr phdr = {
			.p_type = PT_LOAD, .p_memsz = 0x10, .p_paddr = address, .p_vaddr = address,
		};

		memcpy(file + KEV_ELF_HEADER_SIZE + i * sizeof(phdr), &phdr, sizeof(phdr));
	}
	ASSERT_EQ(0, elf_image_plan(file, sizeof(file), &rules, &header, &plan, &why));
	EXPECT_EQ(KEV_ELF_MAX_PHDRS, plan.nr);
	EXPECT_EQ(NULL, elf_image_violation(&plan, sizeof(file), &rules));
	for (i = 0; i < plan.nr; i++) {
		EXPECT_EQ(0x1000 + i * 0x11, plan.seg[i].gpa);
		EXPECT_EQ(KEV_ELF_MAX_PHDRS - 1 - i, plan.seg[i].index);
	}
	EXPECT_EQ(0x1000, plan.entry);
}

TEST_HARNESS_MAIN
