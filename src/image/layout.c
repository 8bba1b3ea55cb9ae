// SPDX-License-Identifier: GPL-2.0
/*
 * Where a guest's RAM goes around its image. Pure.
 */
#include <kev/layout.h>
#include <kev/pure.h>

static bool touches(u64 a, u64 a_end, u64 b, u64 b_end)
{
	return a < b_end && b < a_end;
}

int kev_layout_check(const struct kev_elf_plan *plan, u64 low_end, struct kev_image_fault *why)
{
	u32 i;

	why->problem = KEV_IMAGE_OK;
	why->segment = KEV_IMAGE_NO_SEGMENT;
	for (i = 0; i < plan->nr; i++) {
		const struct kev_elf_segment *seg = &plan->seg[i];

		if (seg->gpa < low_end)
			why->problem = KEV_IMAGE_LOW;
		else if (touches(seg->gpa, seg->gpa + seg->memsz,
				 KEV_LAYOUT_HOLE_START, KEV_LAYOUT_HOLE_END))
			why->problem = KEV_IMAGE_HOLE;
		else
			continue;
		why->segment = seg->index;
		return -ENOEXEC;
	}
	return 0;
}

static bool range_valid(const struct kev_range *range, u64 limit)
{
	return IS_ALIGNED(range->base | range->length, KEV_PAGE_SIZE) &&
	       range->base <= limit && range->length <= limit - range->base;
}

/* What is left to hand out, and where it went */
struct filling {
	u64 left;
	struct kev_range *out;
	u32 max;
	u32 n;
};

static int fill(struct filling *f, u64 base, u64 end)
{
	u64 length;

	if (base >= end || !f->left)
		return 0;
	if (f->n == f->max)
		return -E2BIG;
	length = min(end - base, f->left);
	f->out[f->n++] = (struct kev_range) { .base = base, .length = length };
	f->left -= length;
	return 0;
}

/* Boot structures are paid for as if they were RAM, but are no range of it. */
static void charge(struct filling *f, u64 length)
{
	f->left -= min(length, f->left);
}

static int fill_around_hole(struct filling *f, u64 base, u64 end)
{
	int ret = fill(f, base, min(end, KEV_LAYOUT_HOLE_START));

	return ret ?: fill(f, max(base, KEV_LAYOUT_HOLE_END), end);
}

int kev_layout_ram(const struct kev_layout *layout, struct kev_range *out, u32 max_ranges, u32 *n,
		   struct kev_image_fault *why)
{
	u64 limit = 1ULL << min_t(unsigned int, layout->phys_bits, KEV_PHYS_BITS_MAX);
	const struct kev_range *image = &layout->image, *boot = &layout->boot;
	struct filling f = { .out = out, .max = max_ranges };
	u64 boot_end;
	int ret;

	*n = 0;
	why->problem = KEV_IMAGE_OK;
	why->segment = KEV_IMAGE_NO_SEGMENT;
	if (!range_valid(image, limit) || !range_valid(boot, limit) ||
	    !IS_ALIGNED(layout->ram_bytes, KEV_PAGE_SIZE))
		return -EINVAL;
	boot_end = boot->base + boot->length;
	if (boot_end > min(image->base, KEV_LAYOUT_HOLE_START))
		return -EINVAL;
	if (layout->ram_bytes < image->length) {
		why->problem = KEV_IMAGE_RAM;
		return -EINVAL;
	}
	f.left = layout->ram_bytes - image->length;

	ret = fill(&f, 0, boot->base);
	if (ret)
		return ret;
	charge(&f, boot->length);
	ret = fill_around_hole(&f, boot_end, image->base);
	if (ret)
		return ret;
	ret = fill_around_hole(&f, image->base + image->length, limit);
	if (ret)
		return ret;
	if (f.left) {
		why->problem = KEV_IMAGE_PHYS_WIDTH;
		return -EINVAL;
	}
	*n = f.n;
	return 0;
}
