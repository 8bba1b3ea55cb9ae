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

static int fault(struct kev_image_fault *why, enum kev_image_problem problem, u32 segment)
{
	why->problem = problem;
	why->segment = segment;
	return problem == KEV_IMAGE_OK ? 0 : -ENOEXEC;
}

static enum kev_image_problem check_ident(const unsigned char *ident)
{
	if (ident[EI_CLASS] != ELFCLASS64)
		return KEV_IMAGE_CLASS;
	if (ident[EI_DATA] != ELFDATA2LSB)
		return KEV_IMAGE_DATA;
	if (ident[EI_VERSION] != EV_CURRENT)
		return KEV_IMAGE_VERSION;
	return KEV_IMAGE_OK;
}

static enum kev_image_problem check_header(const struct elf64_hdr *ehdr, u64 file_size)
{
	u64 end;

	if (ehdr->e_type != ET_EXEC && ehdr->e_type != ET_DYN)
		return KEV_IMAGE_TYPE;
	if (ehdr->e_machine != EM_X86_64)
		return KEV_IMAGE_MACHINE;
	if (ehdr->e_version != EV_CURRENT)
		return KEV_IMAGE_VERSION;
	if (ehdr->e_ehsize != sizeof(struct elf64_hdr))
		return KEV_IMAGE_EHSIZE;
	if (ehdr->e_phnum == 0 || ehdr->e_phnum > KEV_ELF_MAX_PHDRS)
		return KEV_IMAGE_PHNUM;
	if (ehdr->e_phentsize != sizeof(struct elf64_phdr))
		return KEV_IMAGE_PHENTSIZE;
	if (check_add_overflow((u64)ehdr->e_phoff, (u64)ehdr->e_phnum * KEV_ELF_PHDR_SIZE, &end) ||
	    end > file_size)
		return KEV_IMAGE_PHOFF;
	return KEV_IMAGE_OK;
}

int kev_elf_decode_header(const void *buf, size_t len, u64 file_size,
			  struct kev_elf_header *out, struct kev_image_fault *why)
{
	enum kev_image_problem problem;
	struct elf64_hdr ehdr;

	/* A short text file is "not ELF" rather than "truncated". */
	if (memcmp(buf, ELFMAG, min_t(size_t, len, SELFMAG)))
		return fault(why, KEV_IMAGE_MAGIC, KEV_IMAGE_NO_SEGMENT);
	if (len < sizeof(ehdr))
		return fault(why, KEV_IMAGE_TRUNCATED, KEV_IMAGE_NO_SEGMENT);
	memcpy(&ehdr, buf, sizeof(ehdr));

	problem = check_ident(ehdr.e_ident);
	if (problem == KEV_IMAGE_OK)
		problem = check_header(&ehdr, file_size);
	if (problem != KEV_IMAGE_OK)
		return fault(why, problem, KEV_IMAGE_NO_SEGMENT);

	*out = (struct kev_elf_header) {
		.entry = ehdr.e_entry,
		.phoff = ehdr.e_phoff,
		.phnum = ehdr.e_phnum,
		.type = ehdr.e_type,
	};
	return fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}

static enum kev_image_problem check_segment(const struct elf64_phdr *phdr, u64 file_size,
					    unsigned int phys_bits)
{
	u64 end, last;

	if (phdr->p_filesz > phdr->p_memsz)
		return KEV_IMAGE_FILESZ;
	if (phdr->p_filesz &&
	    (check_add_overflow((u64)phdr->p_offset, (u64)phdr->p_filesz, &end) || end > file_size))
		return KEV_IMAGE_OFFSET;
	if (!phdr->p_memsz)
		return KEV_IMAGE_OK;
	/* Last bytes, not ends: a kernel may be linked up to the top of the address space. */
	if (check_add_overflow((u64)phdr->p_vaddr, (u64)phdr->p_memsz - 1, &last) ||
	    check_add_overflow((u64)phdr->p_paddr, (u64)phdr->p_memsz - 1, &last))
		return KEV_IMAGE_ADDRESS;
	if (last >> min_t(unsigned int, phys_bits, KEV_PHYS_BITS_MAX))
		return KEV_IMAGE_PHYS_WIDTH;
	return KEV_IMAGE_OK;
}

static u32 prot_of(u32 flags)
{
	return (flags & PF_R ? KEV_MEM_READ : 0) |
	       (flags & PF_W ? KEV_MEM_WRITE : 0) |
	       (flags & PF_X ? KEV_MEM_EXEC : 0);
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
			return fault(why, KEV_IMAGE_OVERLAP, max(low->index, high->index));
	}
	return 0;
}

static int find_entry(const struct kev_elf_header *h, struct kev_elf_plan *plan,
		      struct kev_image_fault *why)
{
	const struct kev_elf_segment *holder = NULL;
	u32 i;

	for (i = 0; i < plan->nr; i++) {
		const struct kev_elf_segment *seg = &plan->seg[i];

		if (h->entry >= seg->vaddr && h->entry - seg->vaddr < seg->memsz &&
		    (!holder || seg->index < holder->index))
			holder = seg;
	}
	if (!holder)
		return fault(why, KEV_IMAGE_ENTRY, KEV_IMAGE_NO_SEGMENT);
	plan->entry = h->entry - holder->vaddr + holder->gpa;
	return 0;
}

int kev_elf_plan(const struct kev_elf_header *h, const void *phdrs, size_t len, u64 file_size,
		 unsigned int phys_bits, struct kev_elf_plan *plan, struct kev_image_fault *why)
{
	const struct kev_elf_segment *top;
	u32 i;
	int ret;

	plan->nr = 0;
	if (h->phnum > KEV_ELF_MAX_PHDRS)
		return fault(why, KEV_IMAGE_PHNUM, KEV_IMAGE_NO_SEGMENT);
	if (len < h->phnum * sizeof(struct elf64_phdr))
		return fault(why, KEV_IMAGE_PHOFF, KEV_IMAGE_NO_SEGMENT);

	for (i = 0; i < h->phnum; i++) {
		enum kev_image_problem problem;
		struct elf64_phdr phdr;

		memcpy(&phdr, (const u8 *)phdrs + i * sizeof(phdr), sizeof(phdr));
		if (phdr.p_type != PT_LOAD)
			continue;
		problem = check_segment(&phdr, file_size, phys_bits);
		if (problem != KEV_IMAGE_OK)
			return fault(why, problem, i);
		if (!phdr.p_memsz)
			continue;
		insert(plan, &(struct kev_elf_segment) {
			.gpa = phdr.p_paddr,
			.vaddr = phdr.p_vaddr,
			.offset = phdr.p_offset,
			.filesz = phdr.p_filesz,
			.memsz = phdr.p_memsz,
			.prot = prot_of(phdr.p_flags),
			.index = i,
		});
	}
	if (!plan->nr)
		return fault(why, KEV_IMAGE_NO_LOAD, KEV_IMAGE_NO_SEGMENT);

	ret = check_overlap(plan, why);
	if (ret)
		return ret;
	ret = find_entry(h, plan, why);
	if (ret)
		return ret;

	top = &plan->seg[plan->nr - 1];
	plan->start = kev_page_down(plan->seg[0].gpa);
	plan->end = kev_page_up(top->gpa + top->memsz);
	return fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}
