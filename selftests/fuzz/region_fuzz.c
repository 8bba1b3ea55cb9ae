// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an image, boot structures and an amount of memory: the ranges of
 * RAM around them add up, touch nothing and leave no byte lower than they need.
 */
#include <kev/layout.h>

#include "fuzz.h"

#define PAGES(n)	((n) & 0xffffffffffULL)

/* What an input begins with; numbers of pages, so that most are well-formed */
struct start {
	u64 image_base, image_length;
	u64 boot_base, boot_length;
	u64 ram_pages;
	u8 phys_bits;
	u8 room;
	u8 raw;		/* not 0: the fields above are bytes, not pages */
};

static bool touches(const struct kev_range *a, const struct kev_range *b)
{
	return a->length && b->length &&
	       (__uint128_t)a->base < (__uint128_t)b->base + b->length &&
	       (__uint128_t)b->base < (__uint128_t)a->base + a->length;
}

/* Bytes of [base, end) that RAM may take */
static u64 room_between(u64 base, u64 end)
{
	u64 low = max(base, KEV_LAYOUT_HOLE_START), high = min(end, KEV_LAYOUT_HOLE_END);

	if (base >= end)
		return 0;
	return end - base - (low < high ? high - low : 0);
}

/* What an accepted layout has to give: the filling in order, one number at a time */
static u64 expected_ram(const struct kev_layout *l, u64 limit)
{
	u64 left = l->ram_bytes - l->image.length, boot_end = l->boot.base + l->boot.length;
	u64 below = l->boot.base + room_between(boot_end, l->image.base);
	u64 sum;

	sum = min(left, l->boot.base);
	left -= sum;
	left -= min(left, l->boot.length);
	sum += min(left, below - l->boot.base);
	left -= min(left, below - l->boot.base);
	fuzz_check(left <= room_between(l->image.base + l->image.length, limit),
		   "more RAM than there is room for");
	return sum + left;
}

static void check_ranges(const struct kev_layout *l, const struct kev_range *out, u32 n, u64 limit)
{
	const struct kev_range hole = {
		KEV_LAYOUT_HOLE_START, KEV_LAYOUT_HOLE_END - KEV_LAYOUT_HOLE_START,
	};
	u64 sum = 0;
	u32 i;

	fuzz_check(n <= KEV_LAYOUT_MAX_RANGES, "more ranges than there can be");
	for (i = 0; i < n; i++) {
		const struct kev_range *r = &out[i];

		fuzz_check(r->length && r->base % 4096 == 0 && r->length % 4096 == 0, "alignment");
		fuzz_check((__uint128_t)r->base + r->length <= limit, "above the width");
		fuzz_check(!touches(r, &l->image), "RAM in the image");
		fuzz_check(!touches(r, &l->boot), "RAM in boot structures");
		fuzz_check(!touches(r, &hole), "RAM in the hole");
		fuzz_check(!i || out[i - 1].base + out[i - 1].length <= r->base, "order");
		fuzz_check(!i || out[i - 1].base + out[i - 1].length < r->base ||
			   (!l->image.length && r->base == l->image.base) ||
			   (!l->boot.length && r->base == l->boot.base), "ranges that touch");
		sum += r->length;
	}
	fuzz_check(sum == expected_ram(l, limit), "the sum of RAM");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_range out[KEV_LAYOUT_MAX_RANGES + 1];
	struct kev_layout l;
	struct start start;
	unsigned int shift;
	u32 n = ~0U, room;
	u64 limit;
	int ret;

	fuzz_take(&data, &size, &start, sizeof(start));
	shift = start.raw ? 0 : KEV_PAGE_SHIFT;
	if (!start.raw) {
		start.image_base = PAGES(start.image_base);
		start.image_length = PAGES(start.image_length);
		start.boot_base = PAGES(start.boot_base);
		start.boot_length = PAGES(start.boot_length);
		start.ram_pages = PAGES(start.ram_pages);
	}
	l = (struct kev_layout) {
		.image = { start.image_base << shift, start.image_length << shift },
		.boot = { start.boot_base << shift, start.boot_length << shift },
		.ram_bytes = start.ram_pages << shift,
		.phys_bits = 32 + start.phys_bits % (KEV_PHYS_BITS_MAX - 32 + 1),
	};
	limit = 1ULL << l.phys_bits;
	room = start.room % (KEV_LAYOUT_MAX_RANGES + 1);

	ret = kev_layout_ram(&l, out, room, &n, &why);
	if (!ret) {
		fuzz_check(why.problem == KEV_IMAGE_OK, "accepted with a problem");
		fuzz_check(n <= room, "more ranges than there is room for");
		check_ranges(&l, out, n, limit);
		return 0;
	}
	fuzz_check(ret == -EINVAL || ret == -E2BIG, "an error from nowhere");
	fuzz_check(n == 0, "ranges in spite of an error");
	fuzz_check(ret != -E2BIG || room < KEV_LAYOUT_MAX_RANGES, "no room where there is");
	fuzz_check(ret == -EINVAL || why.problem == KEV_IMAGE_OK, "a problem of the image's");
	return 0;
}
