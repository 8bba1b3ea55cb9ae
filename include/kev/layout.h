/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a guest's RAM goes around its image. Pure.
 */
#ifndef _KEV_LAYOUT_H
#define _KEV_LAYOUT_H

#include <kev/elf.h>
#include <kev/pure.h>

/* Never RAM and never image: room for devices below 4 GiB */
#define KEV_LAYOUT_HOLE_START	0xbffda000ULL
#define KEV_LAYOUT_HOLE_END	0x100000000ULL

/* kev_layout_ram() never gives more ranges than this. */
#define KEV_LAYOUT_MAX_RANGES	4

/**
 * struct kev_range - a range of guest-physical addresses
 * @base: first byte, a multiple of KEV_PAGE_SIZE
 * @length: bytes, a multiple of KEV_PAGE_SIZE
 */
struct kev_range {
	u64 base;
	u64 length;
};

/**
 * struct kev_layout - what RAM has to be laid around
 * @image: the image's span [plan.start, plan.end), gaps included
 * @boot: boot structures, below the image and below the hole; length 0 if there are none
 * @ram_bytes: the guest's memory, a multiple of KEV_PAGE_SIZE
 * @phys_bits: width of a guest-physical address, at most KEV_PHYS_BITS_MAX
 */
struct kev_layout {
	struct kev_range image;
	struct kev_range boot;
	u64 ram_bytes;
	unsigned int phys_bits;
};

/**
 * kev_layout_check() - does an image leave alone what a boot protocol needs
 * @plan: the image
 * @low_end: no segment may begin below this address
 * @why: always written: KEV_IMAGE_OK, KEV_IMAGE_LOW or KEV_IMAGE_HOLE with the segment
 *
 * A gap between two segments may span the hole.
 *
 * Context: Any.
 * Return: 0, or -ENOEXEC.
 */
int kev_layout_check(const struct kev_elf_plan *plan, u64 low_end, struct kev_image_fault *why);

/**
 * kev_layout_ram() - the ranges of RAM beside image and boot structures
 * @layout: see there
 * @out: ranges by ascending base; none touches another, the image's span, the boot
 *	structures or the hole
 * @max: room in @out; KEV_LAYOUT_MAX_RANGES is always enough
 * @n: ranges in @out, possibly 0
 * @why: always written: KEV_IMAGE_OK, KEV_IMAGE_RAM, or KEV_IMAGE_PHYS_WIDTH (without a
 *	segment: it is the RAM that ends above the width)
 *
 * The image's span, its gaps included, is charged first. The rest fills
 * [0, image) by ascending address, then goes upward from the image's end, past
 * the hole, until it is spent. Boot structures are charged where the filling
 * passes them; they exist even if it ends below or inside them.
 *
 * Context: Any.
 * Return: 0; -EINVAL less RAM than the image's span, more than the physical
 * width has room for, or a malformed @layout; -E2BIG more than @max ranges.
 */
int kev_layout_ram(const struct kev_layout *layout, struct kev_range *out, u32 max, u32 *n,
		   struct kev_image_fault *why);

#endif /* _KEV_LAYOUT_H */
