// SPDX-License-Identifier: GPL-2.0
/*
 * A small valid ELF file to break in tests, and what has to hold of any plan.
 */
#include <stdlib.h>

#include "elf_image.h"

static Elf64_Phdr load(u32 flags, u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
	return (Elf64_Phdr) {
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = offset,
		.p_vaddr = paddr + ELF_IMAGE_VIRTUAL,
		.p_paddr = paddr,
		.p_filesz = filesz,
		.p_memsz = memsz,
		.p_align = 0x1000,
	};
}

void elf_image_make(struct elf_image *image)
{
	size_t i;

	for (i = 0; i < sizeof(image->bytes); i++)
		image->bytes[i] = i * 7;
	image->ehdr = (Elf64_Ehdr) {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT, ELFOSABI_STANDALONE },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = ELF_IMAGE_ENTRY + ELF_IMAGE_VIRTUAL,
		.e_phoff = offsetof(struct elf_image, phdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = ELF_IMAGE_NR,
	};
	image->phdr[ELF_IMAGE_NOTE] = (Elf64_Phdr) {
		.p_type = PT_NOTE, .p_offset = ELF_IMAGE_NOTE_AT, .p_filesz = ELF_IMAGE_NOTE_BYTES,
	};
	image->phdr[ELF_IMAGE_TEXT] = load(PF_R | PF_X, 0x200, 0x100000, 0x300, 0x300);
	image->phdr[ELF_IMAGE_EMPTY] = load(PF_R, 0x200, 0x100000, 0, 0);
	image->phdr[ELF_IMAGE_DATA] = load(PF_R | PF_W, 0x500, 0x100300, 0x100, 0x900);
	image->phdr[ELF_IMAGE_BSS] = load(PF_R | PF_W, 0x600, ELF_IMAGE_START + 8, 0, 0x2000);
	image->phdr[ELF_IMAGE_DYNAMIC] = load(PF_R | PF_W, 0x510, 0x100310, 0x80, 0x80);
	image->phdr[ELF_IMAGE_DYNAMIC].p_type = PT_DYNAMIC;
}

void elf_image_make_dyn(struct elf_image *image)
{
	size_t i;

	elf_image_make(image);
	image->ehdr.e_type = ET_DYN;
	image->ehdr.e_entry = ELF_IMAGE_ENTRY;
	for (i = 0; i < ELF_IMAGE_NR; i++) {
		image->phdr[i].p_vaddr = image->phdr[i].p_paddr;
		image->phdr[i].p_paddr = ~0ULL;
	}
}

void elf_image_narrow(const struct elf_image *wide, struct elf_image_32 *narrow)
{
	size_t i;

	memcpy(narrow->bytes, wide->bytes, sizeof(narrow->bytes));
	narrow->ehdr = (Elf32_Ehdr) {
		.e_type = wide->ehdr.e_type,
		.e_machine = EM_386,
		.e_version = wide->ehdr.e_version,
		.e_entry = wide->ehdr.e_entry,
		.e_phoff = offsetof(struct elf_image_32, phdr),
		.e_ehsize = sizeof(Elf32_Ehdr),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = wide->ehdr.e_phnum,
	};
	memcpy(narrow->ehdr.e_ident, wide->ehdr.e_ident, EI_NIDENT);
	narrow->ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	for (i = 0; i < ELF_IMAGE_NR; i++)
		narrow->phdr[i] = (Elf32_Phdr) {
			.p_type = wide->phdr[i].p_type,
			.p_flags = wide->phdr[i].p_flags,
			.p_offset = wide->phdr[i].p_offset,
			.p_vaddr = wide->phdr[i].p_vaddr,
			.p_paddr = wide->phdr[i].p_paddr,
			.p_filesz = wide->phdr[i].p_filesz,
			.p_memsz = wide->phdr[i].p_memsz,
			.p_align = wide->phdr[i].p_align,
		};
}

void elf_image_apply(u8 *bytes, const struct elf_patch *patch, size_t nr)
{
	size_t i;

	/* All fields are little-endian, as the machine that runs this is. */
	for (i = 0; i < nr; i++)
		memcpy(bytes + patch[i].at, &patch[i].value, patch[i].width);
}

/* A copy at an odd address that ends where its allocation ends; *@block is to be freed. */
static void *copy(const u8 *bytes, size_t len, void **block)
{
	*block = malloc(len + 1);
	if (!*block)
		abort();
	return memcpy((u8 *)*block + 1, bytes, len);
}

int elf_image_plan(const u8 *bytes, u64 size, const struct kev_elf_rules *rules,
		   struct kev_elf_header *header, struct kev_elf_plan *plan,
		   struct kev_image_fault *why)
{
	size_t len = min_t(u64, size, KEV_ELF_HEADER_SIZE);
	void *block;
	int ret;

	ret = kev_elf_decode_header(copy(bytes, len, &block), len, size, rules, header,
				    why);
	free(block);
	if (ret)
		return ret;
	len = header->phnum * header->phentsize;
	ret = kev_elf_plan(header, copy(bytes + header->phoff, len, &block), len, size,
			   rules, plan, why);
	free(block);
	return ret;
}

static bool extent_in_file(const struct kev_elf_extent *extent, u64 size)
{
	return (__uint128_t)extent->offset + extent->size <= size;
}

static const char *segment_violation(const struct kev_elf_segment *seg, bool class32, u64 size,
				     const struct kev_elf_rules *rules)
{
	const struct kev_elf_extent extent = { seg->offset, seg->filesz };

	if (!seg->memsz)
		return "segment without memory";
	if (seg->filesz > seg->memsz)
		return "more file than memory";
	if (seg->filesz && !extent_in_file(&extent, size))
		return "file bytes beyond the file";
	if ((__uint128_t)seg->gpa + seg->memsz > (__uint128_t)1 << rules->phys_bits)
		return "above the physical width";
	if ((__uint128_t)seg->vaddr + seg->memsz > (__uint128_t)1 << (class32 ? 32 : 64))
		return "virtual addresses wrap";
	if (rules->by_vaddr && (__uint128_t)seg->vaddr + rules->base != seg->gpa)
		return "not at its virtual address";
	if (seg->prot & ~(u32)KEV_MEM_ALL)
		return "unknown rights";
	if (seg->index >= KEV_ELF_MAX_PHDRS)
		return "no such program header";
	return NULL;
}

static const char *extents_violation(const struct kev_elf_plan *plan, u64 size)
{
	u32 i;

	if (plan->dynamic.size && !extent_in_file(&plan->dynamic, size))
		return "PT_DYNAMIC beyond the file";
	if (plan->nr_notes > KEV_ELF_MAX_NOTES)
		return "number of notes";
	for (i = 0; i < plan->nr_notes; i++)
		if (!plan->note[i].size || !extent_in_file(&plan->note[i], size))
			return "a note beyond the file";
	return NULL;
}

const char *elf_image_violation(const struct kev_elf_plan *plan, u64 size,
				const struct kev_elf_rules *rules)
{
	bool entry_found = (rules->own_entry && !plan->entry) ||
			   (rules->physical_entry && !rules->by_vaddr);
	u64 low = ~0ULL, high = 0;
	const char *violation;
	u32 i, j;

	if (!plan->nr || plan->nr > KEV_ELF_MAX_PHDRS)
		return "number of segments";
	if (plan->class32 && !rules->class32)
		return "32-bit where it is not taken";
	violation = extents_violation(plan, size);
	if (violation)
		return violation;
	for (i = 0; i < plan->nr; i++) {
		const struct kev_elf_segment *a = &plan->seg[i];

		violation = segment_violation(a, plan->class32, size, rules);
		if (violation)
			return violation;
		for (j = 0; j < i; j++) {
			const struct kev_elf_segment *b = &plan->seg[j];

			if (b->gpa > a->gpa)
				return "not sorted";
			if (b->gpa + b->memsz > a->gpa)
				return "two segments share a byte";
			if (a->index == b->index)
				return "a program header counted twice";
		}
		if (plan->entry >= a->gpa && plan->entry < a->gpa + a->memsz)
			entry_found = true;
		low = min(low, a->gpa);
		high = max(high, a->gpa + a->memsz);
	}
	if (!entry_found)
		return "entry in no segment";
	if (plan->start % 4096 || plan->start > low || low - plan->start >= 4096)
		return "start";
	if (plan->end % 4096 || plan->end < high || plan->end - high >= 4096)
		return "end";
	return NULL;
}
