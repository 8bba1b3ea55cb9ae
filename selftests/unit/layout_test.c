// SPDX-License-Identifier: GPL-2.0
/*
 * Where RAM goes: tables for the rules, random layouts for what always holds.
 */
#include "unit.h"

#include <kev/layout.h>

#define MIB		0x100000ULL
#define GIB		0x40000000ULL
#define HOLE		0xbffda000ULL
#define FOUR_GIB	0x100000000ULL
#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT
#define BOOT		{ 0x1000, 0x7000 }

struct ram_case {
	const char *name;
	struct kev_layout in;
	u32 max;		/* 0: KEV_LAYOUT_MAX_RANGES */
	int ret;
	enum kev_image_problem problem;
	u32 n;
	struct kev_range out[KEV_LAYOUT_MAX_RANGES];
};

static const struct ram_case ram_cases[] = {
	{ "16 MiB around an image at 1 MiB", { { MIB, MIB }, BOOT, 16 * MIB, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, 14 * MIB } } },
	{ "no boot structures", { { MIB, MIB }, {}, 16 * MIB, 36 }, .n = 2,
	  .out = { { 0, MIB }, { 2 * MIB, 14 * MIB } } },
	{ "just the image", { { MIB, MIB }, BOOT, MIB, 36 }, .n = 0 },
	{ "a page less than the image", { { MIB, MIB }, BOOT, MIB - 0x1000, 36 },
	  .ret = -EINVAL, .problem = KEV_IMAGE_RAM },
	{ "none", { { MIB, MIB }, BOOT, 0, 36 }, .ret = -EINVAL, .problem = KEV_IMAGE_RAM },
	{ "one page more", { { MIB, MIB }, BOOT, MIB + 0x1000, 36 }, .n = 1,
	  .out = { { 0, 0x1000 } } },
	{ "ends inside the boot structures", { { MIB, MIB }, BOOT, MIB + 0x4000, 36 }, .n = 1,
	  .out = { { 0, 0x1000 } } },
	{ "ends with the boot structures", { { MIB, MIB }, BOOT, MIB + 0x8000, 36 }, .n = 1,
	  .out = { { 0, 0x1000 } } },
	{ "one page behind them", { { MIB, MIB }, BOOT, MIB + 0x9000, 36 }, .n = 2,
	  .out = { { 0, 0x1000 }, { 0x8000, 0x1000 } } },
	{ "up to the image", { { MIB, MIB }, BOOT, 2 * MIB, 36 }, .n = 2,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 } } },
	{ "one page above the image", { { MIB, MIB }, BOOT, 2 * MIB + 0x1000, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, 0x1000 } } },
	{ "image right behind the boot structures", { { 0x8000, 0x1000 }, BOOT, MIB, 36 }, .n = 2,
	  .out = { { 0, 0x1000 }, { 0x9000, MIB - 0x9000 } } },
	{ "image at 0", { { 0, MIB }, {}, 2 * MIB, 36 }, .n = 1, .out = { { MIB, MIB } } },
	{ "boot structures at 0", { { MIB, MIB }, { 0, 0x1000 }, 2 * MIB, 36 }, .n = 1,
	  .out = { { 0x1000, MIB - 0x1000 } } },
	{ "up to the hole", { { MIB, MIB }, BOOT, HOLE, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB } } },
	{ "one page past the hole", { { MIB, MIB }, BOOT, HOLE + 0x1000, 36 }, .n = 4,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB },
		   { FOUR_GIB, 0x1000 } } },
	{ "8 GiB", { { MIB, MIB }, BOOT, 8 * GIB, 36 }, .n = 4,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB },
		   { FOUR_GIB, 8 * GIB - HOLE } } },
	{ "image ends at the hole", { { HOLE - MIB, MIB }, BOOT, HOLE + MIB, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, HOLE - MIB - 0x8000 }, { FOUR_GIB, MIB } } },
	{ "image above the hole", { { FOUR_GIB + MIB, MIB }, BOOT, HOLE + 4 * MIB, 36 }, .n = 4,
	  .out = { { 0, 0x1000 }, { 0x8000, HOLE - 0x8000 }, { FOUR_GIB, MIB },
		   { FOUR_GIB + 2 * MIB, 2 * MIB } } },
	{ "image right above the hole", { { FOUR_GIB, MIB }, BOOT, HOLE + 2 * MIB, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, HOLE - 0x8000 }, { FOUR_GIB + MIB, MIB } } },
	{ "a gap of the image spans the hole",
	  { { MIB, FOUR_GIB }, BOOT, FOUR_GIB + 2 * MIB, 36 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { FOUR_GIB + MIB, MIB } } },
	{ "all of the physical width", { { MIB, MIB }, BOOT, 64 * GIB - (FOUR_GIB - HOLE), 36 },
	  .n = 4,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB },
		   { FOUR_GIB, 60 * GIB } } },
	{ "a page more than the physical width",
	  { { MIB, MIB }, BOOT, 64 * GIB - (FOUR_GIB - HOLE) + 0x1000, 36 },
	  .ret = -EINVAL, .problem = KEV_IMAGE_PHYS_WIDTH },
	{ "32 bits wide", { { MIB, MIB }, BOOT, HOLE, 32 }, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB } } },
	{ "32 bits wide and too much", { { MIB, MIB }, BOOT, HOLE + 0x1000, 32 },
	  .ret = -EINVAL, .problem = KEV_IMAGE_PHYS_WIDTH },
	{ "nearly all of 64 bits", { { MIB, MIB }, BOOT, -0x1000ULL, 52 },
	  .ret = -EINVAL, .problem = KEV_IMAGE_PHYS_WIDTH },
	{ "room for 3 of 4 ranges", { { MIB, MIB }, BOOT, 8 * GIB, 36 }, .max = 3,
	  .ret = -E2BIG },
	{ "room for 3 of 3 ranges", { { MIB, MIB }, BOOT, HOLE, 36 }, .max = 3, .n = 3,
	  .out = { { 0, 0x1000 }, { 0x8000, MIB - 0x8000 }, { 2 * MIB, HOLE - 2 * MIB } } },
	{ "RAM is no multiple of a page", { { MIB, MIB }, BOOT, 16 * MIB + 1, 36 },
	  .ret = -EINVAL },
	{ "image starts inside a page", { { MIB + 1, MIB }, BOOT, 16 * MIB, 36 },
	  .ret = -EINVAL },
	{ "image ends inside a page", { { MIB, MIB + 1 }, BOOT, 16 * MIB, 36 },
	  .ret = -EINVAL },
	{ "image ends above the width", { { 64 * GIB - MIB, MIB + 0x1000 }, BOOT, GIB, 36 },
	  .ret = -EINVAL },
	{ "image wraps", { { -0x1000ULL, 0x2000 }, BOOT, GIB, 36 }, .ret = -EINVAL },
	{ "boot structures inside the image", { { 0x7000, MIB }, BOOT, 16 * MIB, 36 },
	  .ret = -EINVAL },
};

TEST(ram_tables)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(ram_cases); i++) {
		const struct ram_case *c = &ram_cases[i];
		struct kev_range out[KEV_LAYOUT_MAX_RANGES + 1] = { 0 };
		struct kev_image_fault why = { ~0U, 0 };
		u32 max = c->max ?: KEV_LAYOUT_MAX_RANGES, n = ~0U;

		ASSERT_EQ(c->ret, kev_layout_ram(&c->in, out, max, &n, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(NO_SEGMENT, why.segment);
		EXPECT_EQ(c->n, n)
			TH_LOG("%s", c->name);
		for (j = 0; j < c->n; j++) {
			EXPECT_EQ(c->out[j].base, out[j].base)
				TH_LOG("%s: range %zu", c->name, j);
			EXPECT_EQ(c->out[j].length, out[j].length)
				TH_LOG("%s: range %zu", c->name, j);
		}
		EXPECT_EQ(0, out[max].base | out[max].length);
	}
}

/* No range touches what it must not, and no byte of RAM is lost or made up. */
TEST(random_layouts)
{
	u32 laid = 0, i, j;
	u64 random = 2;

	for (i = 0; i < 100000; i++) {
		u64 any = unit_random(&random) >> unit_random(&random) % 24;
		u64 length = (any & 0xffffff000) + 0x1000;
		struct kev_layout in = {
			.image = { unit_random(&random) & 0x1fffff000, length },
			.boot = { 0x1000, 0x7000 },
			.ram_bytes = unit_random(&random) & 0xffffff000,
			.phys_bits = 36,
		};
		struct kev_range out[KEV_LAYOUT_MAX_RANGES];
		u64 image_end = in.image.base + length, last = 0, sum = 0, rest;
		struct kev_image_fault why;
		u32 n;

		if (kev_layout_ram(&in, out, KEV_LAYOUT_MAX_RANGES, &n, &why))
			continue;
		laid++;
		for (j = 0; j < n; j++) {
			u64 base = out[j].base, end = base + out[j].length;

			ASSERT_TRUE(base % 4096 == 0 && end % 4096 == 0 && end > base);
			ASSERT_TRUE(j == 0 || base > last);
			ASSERT_TRUE(end <= 1ULL << 36);
			ASSERT_TRUE(end <= in.image.base || base >= image_end);
			ASSERT_TRUE(end <= 0x1000 || base >= 0x8000);
			ASSERT_TRUE(end <= HOLE || base >= FOUR_GIB);
			sum += out[j].length;
			last = end;
		}
		/* The boot structures are charged as far as the filling came. */
		rest = in.ram_bytes - length;
		ASSERT_EQ(rest >= 0x8000 ? rest - 0x7000 : min(rest, 0x1000ULL), sum);
	}
	EXPECT_GT(laid, 10000);
}

struct check_case {
	const char *name;
	struct kev_elf_segment seg[2];
	int ret;
	enum kev_image_problem problem;
	u32 segment;
};

#define SEG(_gpa, _memsz, _index)	{ .gpa = (_gpa), .memsz = (_memsz), .index = (_index) }

static const struct check_case check_cases[] = {
	{ "at 1 MiB", { SEG(MIB, MIB, 0), SEG(2 * MIB, MIB, 1) },
	  0, KEV_IMAGE_OK, NO_SEGMENT },
	{ "at the limit", { SEG(0x8000, 0x1000, 0), SEG(MIB, MIB, 1) },
	  0, KEV_IMAGE_OK, NO_SEGMENT },
	{ "a byte below the limit", { SEG(0x7fff, 0x1000, 3), SEG(MIB, MIB, 1) },
	  -ENOEXEC, KEV_IMAGE_LOW, 3 },
	{ "at 0", { SEG(0, 1, 4), SEG(MIB, MIB, 1) },
	  -ENOEXEC, KEV_IMAGE_LOW, 4 },
	{ "up to the hole", { SEG(MIB, MIB, 0), SEG(HOLE - MIB, MIB, 1) },
	  0, KEV_IMAGE_OK, NO_SEGMENT },
	{ "a byte into the hole", { SEG(MIB, MIB, 0), SEG(HOLE - MIB, MIB + 1, 5) },
	  -ENOEXEC, KEV_IMAGE_HOLE, 5 },
	{ "inside the hole", { SEG(MIB, MIB, 0), SEG(0xfee00000, 0x1000, 6) },
	  -ENOEXEC, KEV_IMAGE_HOLE, 6 },
	{ "the last byte of the hole", { SEG(MIB, MIB, 0), SEG(FOUR_GIB - 1, 0x1000, 7) },
	  -ENOEXEC, KEV_IMAGE_HOLE, 7 },
	{ "over all of the hole", { SEG(MIB, FOUR_GIB, 8), SEG(2 * FOUR_GIB, MIB, 1) },
	  -ENOEXEC, KEV_IMAGE_HOLE, 8 },
	{ "right above the hole", { SEG(MIB, MIB, 0), SEG(FOUR_GIB, MIB, 1) },
	  0, KEV_IMAGE_OK, NO_SEGMENT },
};

TEST(check_tables)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(check_cases); i++) {
		const struct check_case *c = &check_cases[i];
		struct kev_elf_plan plan = { .nr = 2, .seg = { c->seg[0], c->seg[1] } };
		struct kev_image_fault why = { ~0U, 0 };

		EXPECT_EQ(c->ret, kev_layout_check(&plan, 0x8000, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->segment, why.segment)
			TH_LOG("%s", c->name);
	}
}

TEST_HARNESS_MAIN
