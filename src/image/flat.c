// SPDX-License-Identifier: GPL-2.0
/*
 * The a.out kludge of Multiboot 1 and 2: a header that says itself where its file goes,
 * as one segment. Pure.
 */
#include <kev/boot_protocol.h>
#include <kev/pure.h>

bool kev_boot_flat_offset(u64 header_offset, u32 header_addr, struct kev_boot_flat *flat)
{
	u32 before = header_addr - flat->load;

	/* The header is part of what is loaded. */
	if (header_addr < flat->load || before > header_offset)
		return false;
	flat->offset = header_offset - before;
	return true;
}

/* How many bytes come from the file, and how many there are; false if they contradict */
static bool measure(const struct kev_boot_flat *flat, u64 file_size, u64 *filesz, u64 *memsz)
{
	if (flat->load_end && flat->load_end < flat->load)
		return false;
	/* A file that goes on behind the zeros' end has them covered. */
	if (flat->bss_end && flat->bss_end < max(flat->load, flat->load_end))
		return false;
	*filesz = flat->load_end ? flat->load_end - flat->load : file_size - flat->offset;
	*memsz = flat->bss_end ? max(*filesz, (u64)(flat->bss_end - flat->load)) : *filesz;
	return *memsz;
}

int kev_boot_plan_flat(const struct kev_boot_header *header, u64 file_size,
		       unsigned int phys_bits, struct kev_elf_plan *plan,
		       struct kev_image_fault *why)
{
	const struct kev_boot_flat *flat = &header->flat;
	u64 filesz, memsz;

	plan->nr = 0;
	plan->base = 0;
	if (flat->offset > file_size)
		return kev_image_fault(why, KEV_IMAGE_OFFSET, KEV_IMAGE_NO_SEGMENT);
	if (!measure(flat, file_size, &filesz, &memsz))
		return kev_image_fault(why, KEV_IMAGE_HEADER, KEV_IMAGE_NO_SEGMENT);
	if (filesz > file_size - flat->offset)
		return kev_image_fault(why, KEV_IMAGE_OFFSET, KEV_IMAGE_NO_SEGMENT);
	if (memsz > BIT_ULL(32) - flat->load)
		return kev_image_fault(why, KEV_IMAGE_ABOVE_4G, KEV_IMAGE_NO_SEGMENT);
	if ((flat->load + memsz - 1) >> min_t(unsigned int, phys_bits, KEV_PHYS_BITS_MAX))
		return kev_image_fault(why, KEV_IMAGE_PHYS_WIDTH, KEV_IMAGE_NO_SEGMENT);

	memset(plan, 0, sizeof(*plan));
	plan->entry = header->entry;
	plan->start = kev_page_down(flat->load);
	plan->end = kev_page_up(flat->load + memsz);
	plan->nr = 1;
	plan->seg[0] = (struct kev_elf_segment) {
		.gpa = flat->load,
		.vaddr = flat->load,
		.offset = flat->offset,
		.filesz = filesz,
		.memsz = memsz,
		.prot = KEV_MEM_ALL,
		.index = KEV_IMAGE_NO_SEGMENT,
	};
	return kev_image_fault(why, KEV_IMAGE_OK, KEV_IMAGE_NO_SEGMENT);
}
