// SPDX-License-Identifier: GPL-2.0
/*
 * ELF images: header bytes become a plan of guest-physical segments. Pure.
 *
 * Every field comes from a file that anybody may have written: no sum is
 * formed before it is known not to wrap, and structures are copied out of the
 * buffers, which have no alignment.
 */
#include <linux/elf.h>

#include <kev/elf.h>
#include <kev/pure.h>

static_assert(sizeof(struct elf64_hdr) == KEV_ELF_HEADER_SIZE, "as the format has it");
static_assert(sizeof(struct elf64_phdr) == KEV_ELF_PHDR_SIZE, "as the format has it");
static_assert(sizeof(struct elf32_hdr) == KEV_ELF_HEADER_SIZE_32, "as the format has it");
static_assert(sizeof(struct elf32_phdr) == KEV_ELF_PHDR_SIZE_32, "as the format has it");

static enum kev_image_problem check_ident(const u8 *ident, const struct kev_elf_rules *rules)
{
	if (ident[EI_CLASS] != ELFCLASS64 && !(rules->class32 && ident[EI_CLASS] == ELFCLASS32))
		return KEV_IMAGE_CLASS;
	if (ident[EI_DATA] != ELFDATA2LSB)
		return KEV_IMAGE_DATA;
	if (ident[EI_VERSION] != EV_CURRENT)
		return KEV_IMAGE_VERSION;
	return KEV_IMAGE_OK;
}

/* The header of either class, in the form of the larger one */
static void read_header(const void *buf, bool class32, struct elf64_hdr *out)
{
	struct elf32_hdr narrow;

	if (!class32) {
		memcpy(out, buf, sizeof(*out));
		return;
	}
	memcpy(&narrow, buf, sizeof(narrow));
	*out = (struct elf64_hdr) {
		.e_type = narrow.e_type,
		.e_machine = narrow.e_machine,
		.e_version = narrow.e_version,
		.e_entry = narrow.e_entry,
		.e_phoff = narrow.e_phoff,
		.e_ehsize = narrow.e_ehsize,
		.e_phentsize = narrow.e_phentsize,
		.e_phnum = narrow.e_phnum,
	};
}

static enum kev_image_problem check_header(const struct elf64_hdr *ehdr, bool class32,
					   u64 file_size)
{
	u64 end;

	if (ehdr->e_type != ET_EXEC && ehdr->e_type != ET_DYN)
		return KEV_IMAGE_TYPE;
	if (ehdr->e_machine != (class32 ? EM_386 : EM_X86_64))
		return KEV_IMAGE_MACHINE;
	if (ehdr->e_version != EV_CURRENT)
		return KEV_IMAGE_VERSION;
	if (ehdr->e_ehsize != (class32 ? KEV_ELF_HEADER_SIZE_32 : KEV_ELF_HEADER_SIZE))
		return KEV_IMAGE_EHSIZE;
	if (ehdr->e_phnum == 0 || ehdr->e_phnum > KEV_ELF_MAX_PHDRS)
		return KEV_IMAGE_PHNUM;
	if (ehdr->e_phentsize != (class32 ? KEV_ELF_PHDR_SIZE_32 : KEV_ELF_PHDR_SIZE))
		return KEV_IMAGE_PHENTSIZE;
	if (check_add_overflow((u64)ehdr->e_phoff, (u64)ehdr->e_phnum * ehdr->e_phentsize, &end) ||
	    end > file_size)
		return KEV_IMAGE_PHOFF;
	return KEV_IMAGE_OK;
}

int kev_elf_decode_header(const void *buf, size_t len, u64 file_size,
			  const struct kev_elf_rules *rules, struct kev_elf_header *out,
			  struct kev_image_fault *why)
{
	const u8 *ident = buf;
	enum kev_image_problem problem;
	struct elf64_hdr ehdr;
	bool class32;

	/* A short text file is "not ELF" rather than "truncated". */
	if (memcmp(buf, ELFMAG, min_t(size_t, len, SELFMAG)))
		return kev_image_fault(why, KEV_IMAGE_MAGIC, KEV_IMAGE_NO_SEGMENT);
	class32 = len > EI_CLASS && ident[EI_CLASS] == ELFCLASS32 && rules->class32;
	if (len < (class32 ? KEV_ELF_HEADER_SIZE_32 : KEV_ELF_HEADER_SIZE))
		return kev_image_fault(why, KEV_IMAGE_TRUNCATED, KEV_IMAGE_NO_SEGMENT);

	read_header(buf, class32, &ehdr);
	problem = check_ident(ident, rules);
	if (problem == KEV_IMAGE_OK)
		problem = check_header(&ehdr, class32, file_size);
	if (problem != KEV_IMAGE_OK)
		return kev_image_fault(why, problem, KEV_IMAGE_NO_SEGMENT);

	*out = (struct kev_elf_header) {
		.entry = ehdr.e_entry,
		.phoff = ehdr.e_phoff,
		.phnum = ehdr.e_phnum,
		.phentsize = ehdr.e_phentsize,
		.type = ehdr.e_type,
		.class32 = class32,
	};
	return kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}

/* Likewise for a program header */
static void read_phdr(const u8 *buf, bool class32, struct elf64_phdr *out)
{
	struct elf32_phdr narrow;

	if (!class32) {
		memcpy(out, buf, sizeof(*out));
		return;
	}
	memcpy(&narrow, buf, sizeof(narrow));
	*out = (struct elf64_phdr) {
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
	};
}

static u32 prot_of(u32 flags)
{
	return (flags & PF_R ? KEV_MEM_READ : 0) |
	       (flags & PF_W ? KEV_MEM_WRITE : 0) |
	       (flags & PF_X ? KEV_MEM_EXEC : 0);
}

static bool in_file(const struct elf64_phdr *phdr, u64 file_size)
{
	u64 end;

	return !check_add_overflow((u64)phdr->p_offset, (u64)phdr->p_filesz, &end) &&
	       end <= file_size;
}

/* Last bytes, not ends: a kernel may be linked up to the top of the address space. */
static bool last_byte(u64 first, u64 size, u64 top, u64 *last)
{
	return !check_add_overflow(first, size - 1, last) && *last <= top;
}

/* Check a PT_LOAD, fill @seg; one without memory leaves seg->memsz 0 */
static enum kev_image_problem decode_segment(const struct elf64_phdr *phdr, bool class32,
					     u64 file_size, const struct kev_elf_rules *rules,
					     struct kev_elf_segment *seg)
{
	unsigned int width = min_t(unsigned int, rules->phys_bits, KEV_PHYS_BITS_MAX);
	u64 top = class32 ? ~0U : ~0ULL;
	u64 last;

	if (phdr->p_filesz > phdr->p_memsz)
		return KEV_IMAGE_FILESZ;
	if (phdr->p_filesz && !in_file(phdr, file_size))
		return KEV_IMAGE_OFFSET;
	*seg = (struct kev_elf_segment) {
		.gpa = phdr->p_paddr,
		.vaddr = phdr->p_vaddr,
		/* Without bytes of the file it has no place there, whatever it says. */
		.offset = phdr->p_filesz ? phdr->p_offset : 0,
		.filesz = phdr->p_filesz,
		.memsz = phdr->p_memsz,
		.prot = prot_of(phdr->p_flags),
	};
	if (!seg->memsz)
		return KEV_IMAGE_OK;
	if (!last_byte(seg->vaddr, seg->memsz, top, &last))
		return KEV_IMAGE_ADDRESS;
	if (rules->by_vaddr) {
		/* The width of the guest's memory is all that limits a sum. */
		top = ~0ULL;
		if (check_add_overflow(seg->vaddr, rules->base, &seg->gpa))
			return KEV_IMAGE_ADDRESS;
	}
	if (!last_byte(seg->gpa, seg->memsz, top, &last))
		return KEV_IMAGE_ADDRESS;
	return last >> width ? KEV_IMAGE_PHYS_WIDTH : KEV_IMAGE_OK;
}

/* Insertion keeps @seg sorted; linkers write segments in order, so it rarely moves one. */
static void insert(struct kev_elf_plan *plan, const struct kev_elf_segment *seg)
{
	u32 i = plan->nr++;

	for (; i > 0 && plan->seg[i - 1].gpa > seg->gpa; i--)
		plan->seg[i] = plan->seg[i - 1];
	plan->seg[i] = *seg;
}

/* Sorted by address, any two that overlap make two neighbours that do. */
static int check_overlap(const struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	u32 i;

	for (i = 1; i < plan->nr; i++) {
		const struct kev_elf_segment *low = &plan->seg[i - 1], *high = &plan->seg[i];

		if (low->gpa + low->memsz > high->gpa)
			return kev_image_fault(why, KEV_IMAGE_OVERLAP,
					       max(low->index, high->index));
	}
	return 0;
}

static int find_entry(const struct kev_elf_header *h, const struct kev_elf_rules *rules,
		      struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	const struct kev_elf_segment *holder = kev_elf_holder(plan, h->entry, 1);

	if (holder)
		plan->entry = h->entry - holder->vaddr + holder->gpa;
	else if (rules->physical_entry && !rules->by_vaddr)
		plan->entry = h->entry;
	else if (rules->own_entry)
		plan->entry = 0;
	else
		return kev_image_fault(why, KEV_IMAGE_ENTRY, KEV_IMAGE_NO_SEGMENT);
	return 0;
}

static int check_rules(const struct kev_elf_header *h, const struct kev_elf_rules *rules,
		       struct kev_image_fault *why)
{
	if (rules->by_vaddr && (!IS_ALIGNED(rules->base, KEV_PAGE_SIZE) ||
				(h->type == ET_EXEC && rules->base)))
		return kev_image_fault(why, KEV_IMAGE_BASE, KEV_IMAGE_NO_SEGMENT);
	return 0;
}

/* One program header's part of the plan */
static enum kev_image_problem add_phdr(const struct elf64_phdr *phdr, u32 index, u64 file_size,
				       const struct kev_elf_rules *rules,
				       struct kev_elf_plan *plan)
{
	const struct kev_elf_extent extent = { phdr->p_offset, phdr->p_filesz };
	enum kev_image_problem problem;
	struct kev_elf_segment seg;

	switch (phdr->p_type) {
	case PT_LOAD:
		problem = decode_segment(phdr, plan->class32, file_size, rules, &seg);
		if (problem == KEV_IMAGE_OK && seg.memsz) {
			seg.index = index;
			insert(plan, &seg);
		}
		return problem;
	case PT_DYNAMIC:
		if (!extent.size || plan->dynamic.size)
			return KEV_IMAGE_OK;
		if (!in_file(phdr, file_size))
			return KEV_IMAGE_DYNAMIC;
		plan->dynamic = extent;
		return KEV_IMAGE_OK;
	case PT_NOTE:
		if (extent.size && plan->nr_notes < KEV_ELF_MAX_NOTES && in_file(phdr, file_size))
			plan->note[plan->nr_notes++] = extent;
		return KEV_IMAGE_OK;
	default:
		return KEV_IMAGE_OK;
	}
}

int kev_elf_plan(const struct kev_elf_header *h, const void *phdrs, size_t len, u64 file_size,
		 const struct kev_elf_rules *rules, struct kev_elf_plan *plan,
		 struct kev_image_fault *why)
{
	const size_t phentsize = h->class32 ? KEV_ELF_PHDR_SIZE_32 : KEV_ELF_PHDR_SIZE;
	const struct kev_elf_segment *top;
	u32 i;
	int ret;

	plan->nr = 0;
	plan->nr_notes = 0;
	plan->dynamic = (struct kev_elf_extent) {};
	plan->class32 = h->class32;
	plan->base = rules->by_vaddr ? rules->base : 0;
	if (h->phnum > KEV_ELF_MAX_PHDRS)
		return kev_image_fault(why, KEV_IMAGE_PHNUM, KEV_IMAGE_NO_SEGMENT);
	if (len < h->phnum * phentsize)
		return kev_image_fault(why, KEV_IMAGE_PHOFF, KEV_IMAGE_NO_SEGMENT);
	ret = check_rules(h, rules, why);
	if (ret)
		return ret;

	for (i = 0; i < h->phnum; i++) {
		enum kev_image_problem problem;
		struct elf64_phdr phdr;

		read_phdr((const u8 *)phdrs + i * phentsize, h->class32, &phdr);
		problem = add_phdr(&phdr, i, file_size, rules, plan);
		if (problem != KEV_IMAGE_OK)
			return kev_image_fault(why, problem, i);
	}
	if (!plan->nr)
		return kev_image_fault(why, KEV_IMAGE_NO_LOAD, KEV_IMAGE_NO_SEGMENT);

	ret = check_overlap(plan, why);
	if (ret)
		return ret;
	ret = find_entry(h, rules, plan, why);
	if (ret)
		return ret;

	top = &plan->seg[plan->nr - 1];
	plan->start = kev_page_down(plan->seg[0].gpa);
	plan->end = kev_page_up(top->gpa + top->memsz);
	return kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}

const struct kev_elf_segment *kev_elf_holder(const struct kev_elf_plan *plan, u64 vaddr, u64 size)
{
	const struct kev_elf_segment *holder = NULL;
	u32 i;

	for (i = 0; i < plan->nr; i++) {
		const struct kev_elf_segment *seg = &plan->seg[i];

		if (vaddr >= seg->vaddr && size <= seg->memsz &&
		    vaddr - seg->vaddr <= seg->memsz - size &&
		    (!holder || seg->index < holder->index))
			holder = seg;
	}
	return holder;
}
