// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages were written, with the CPU's dirty flags and without. The test writes as
 * the CPU does: it sets the flag in the leaf.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "test.h"

#define GPA	0x10000ULL
#define PAGES	64

/* The pages that are dirty now, of @pages from @gpa: exactly @expected */
static void check_dirty(struct kev_mem *mem, u64 gpa, u32 pages, u64 expected)
{
	DECLARE_BITMAP(bitmap, PAGES) = {};

	CHECK_EQ(kev_mem_get_dirty(mem, gpa, pages, bitmap), hweight64(expected));
	CHECK_EQ(bitmap[0], expected);
}

/* A guest's write to a page that it can write to without a fault */
static void cpu_writes(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);

	if (CHECK(leaf) && CHECK(kev_ept_format.prot(*leaf) & W))
		set_bit(ilog2(kev_ept_format.dirty), (unsigned long *)leaf);
}

void test_dirty_flag(void)
{
	const u64 page3 = BIT_ULL(3), page5 = BIT_ULL(5), page9 = BIT_ULL(9);
	DECLARE_BITMAP(bitmap, PAGES) = { BIT(3) | BIT(9) };
	struct kev_mem mem;
	u32 i;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(add_region(&mem, RAM, GPA, PAGES * PAGE_SIZE, R | W), 0);
	check_dirty(&mem, GPA, PAGES, 0);
	for (i = 0; i < 16; i++)
		CHECK_EQ(fault(&mem, GPA + i * PAGE_SIZE, R), 0);
	check_dirty(&mem, GPA, PAGES, 0);
	CHECK_EQ(atomic_read(&flushes), 0);

	/* The guest's writes, and kev's own */
	cpu_writes(&mem, GPA + 3 * PAGE_SIZE);
	cpu_writes(&mem, GPA + 9 * PAGE_SIZE);
	CHECK_EQ(write_gpa(&mem, GPA + 5 * PAGE_SIZE, "x", 1), 1);
	check_dirty(&mem, GPA, PAGES, page3 | page5 | page9);
	/* The CPU would not set a flag again that it has cached. */
	CHECK_EQ(atomic_read(&flushes), 1);
	check_dirty(&mem, GPA, PAGES, 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, GPA + 3 * PAGE_SIZE)), R | W);

	/* Only what was asked for is forgotten. */
	cpu_writes(&mem, GPA + 3 * PAGE_SIZE);
	cpu_writes(&mem, GPA + 9 * PAGE_SIZE);
	check_dirty(&mem, GPA, 9, page3);
	check_dirty(&mem, GPA + 3 * PAGE_SIZE, PAGES - 3, BIT_ULL(9 - 3));
	/* An answer that reached nobody */
	kev_mem_set_dirty(&mem, GPA, PAGES, bitmap);
	check_dirty(&mem, GPA, PAGES, page3 | page9);
	/* What was given back is not what it was. */
	CHECK_EQ(kev_mem_discard(&mem, GPA + 4 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
	check_dirty(&mem, GPA, PAGES, BIT(4) | BIT(5));
	check_dirty(&mem, GPA, PAGES, 0);
	kev_mem_fini(&mem);
}

/* Without flags of the CPU the first write after each look is withheld. */
void test_dirty_fault(void)
{
	struct kev_mem_config config = plain;
	struct kev_mem mem;
	u64 before;
	u32 i;

	config.dirty_flag = false;
	if (!make_mem(&mem, &config))
		return;
	CHECK_EQ(add_region(&mem, RAM, GPA, PAGES * PAGE_SIZE, R | W | X), 0);
	/* Until the first look nobody can tell. */
	for (i = 0; i < 8; i++)
		CHECK_EQ(fault(&mem, GPA + i * PAGE_SIZE, R), 0);
	before = leaf_at(&mem, GPA);
	check_dirty(&mem, GPA, PAGES, 0xff);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, GPA)), R | X);
	CHECK_EQ(kev_ept_format.address(leaf_at(&mem, GPA), KEV_PT_LEVEL_4K),
		 kev_ept_format.address(before, KEV_PT_LEVEL_4K));
	check_dirty(&mem, GPA, PAGES, 0);

	/* The write's fault gives all rights back; that takes no flush, and copies nothing. */
	CHECK_EQ(fault(&mem, GPA + 2 * PAGE_SIZE, R | X), 0);
	CHECK_EQ(fault(&mem, GPA + 6 * PAGE_SIZE, W), 0);
	CHECK_EQ(write_gpa(&mem, GPA + 7 * PAGE_SIZE, "x", 1), 1);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, GPA + 6 * PAGE_SIZE)), R | W | X);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, GPA + 2 * PAGE_SIZE)), R | X);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(stats_of(&mem).copied_pages, 0);
	check_dirty(&mem, GPA, PAGES, BIT(6) | BIT(7));
	CHECK_EQ(atomic_read(&flushes), 2);
	check_dirty(&mem, GPA, PAGES, 0);
	CHECK_EQ(leaf_at(&mem, GPA) & ~KEV_LEAF_TRACKED & kev_ept_format.address(-1ULL, 1),
		 kev_ept_format.address(before, KEV_PT_LEVEL_4K));
	kev_mem_fini(&mem);
}

/* A shared page is clean until it is copied. */
void test_dirty_shared(void)
{
	static const bool flags[] = { true, false };
	struct kev_mem_config config = plain;
	struct fixture *f;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		config.dirty_flag = flags[i];
		f = SETUP(&big, .shared = true, .config = &config);
		if (!f)
			return;
		CHECK_EQ(fault(&f->mem, BIG_GPA, R), 0);
		CHECK_EQ(fault(&f->mem, BIG_GPA + PAGE_SIZE, R), 0);
		check_dirty(&f->mem, BIG_GPA, PAGES, 0);
		CHECK_EQ(write_gpa(&f->mem, BIG_GPA + PAGE_SIZE, "x", 1), 1);
		check_dirty(&f->mem, BIG_GPA, PAGES, BIT(1));
		CHECK_EQ(state_at(&f->mem, BIG_GPA), KEV_PAGE_SHARED);
		/* What is withheld for the log is no copy-on-write. */
		CHECK_EQ(write_gpa(&f->mem, BIG_GPA + PAGE_SIZE, "y", 1), 1);
		check_dirty(&f->mem, BIG_GPA, PAGES, BIT(1));
		CHECK_EQ(stats_of(&f->mem).copied_pages, 1);
		teardown(f);
	}
}

/* Each page of 4 KiB has its own answer, after the first look at one of 2 MiB. */
/* A page of 2 MiB that is given back as a whole leaves nothing behind but this. */
static void discard_huge(const struct kev_mem_config *config, unsigned long *bitmap)
{
	struct kev_mem mem;

	if (!make_mem(&mem, config))
		return;
	CHECK_EQ(add_region(&mem, RAM, 0, SZ_4M, R | W), 0);
	CHECK_EQ(fault(&mem, SZ_2M, R), 0);
	CHECK_EQ(stats_of(&mem).huge_pages, 512);
	CHECK_EQ(kev_mem_discard(&mem, SZ_2M, SZ_2M), 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 0);
	bitmap_zero(bitmap, 1024);
	CHECK_EQ(kev_mem_get_dirty(&mem, 0, 1024, bitmap), 512);
	CHECK_EQ(find_first_bit(bitmap, 1024), 512);
	CHECK_EQ(kev_mem_get_dirty(&mem, 0, 1024, bitmap), 0);
	/* And nothing in the way of what comes next, in pieces or as a whole */
	CHECK_EQ(kev_mem_discard(&mem, SZ_2M + SZ_64K, SZ_64K), 0);
	CHECK_EQ(fault(&mem, 0, W), 0);
	CHECK_EQ(kev_mem_discard(&mem, 0, SZ_2M), 0);
	CHECK_EQ(kev_mem_discard(&mem, SZ_64K, SZ_64K), 0);
	CHECK_EQ(fault(&mem, 0, W), 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 512);
	kev_mem_fini(&mem);
}

void test_dirty_huge(void)
{
	struct kev_mem_config config = plain;
	unsigned long *bitmap = bitmap_zalloc(1024, GFP_KERNEL);
	struct kev_mem mem;

	config.huge = KEV_HUGE_ALWAYS;
	if (!CHECK(bitmap) || !make_mem(&mem, &config))
		goto out;
	CHECK_EQ(add_region(&mem, RAM, 0, SZ_4M, R | W), 0);
	CHECK_EQ(fault(&mem, 0x1000, R), 0);
	CHECK_EQ(fault(&mem, SZ_2M, R), 0);
	cpu_writes(&mem, SZ_2M + 0x3000);
	CHECK_EQ(stats_of(&mem).huge_pages, 1024);
	CHECK_EQ(kev_mem_get_dirty(&mem, 0, 1024, bitmap), 512);
	CHECK_EQ(find_first_bit(bitmap, 1024), 512);
	CHECK_EQ(stats_of(&mem).huge_pages, 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 1024);
	cpu_writes(&mem, SZ_2M + 0x3000);
	bitmap_zero(bitmap, 1024);
	CHECK_EQ(kev_mem_get_dirty(&mem, 0, 1024, bitmap), 1);
	CHECK(test_bit(512 + 3, bitmap));
	kev_mem_fini(&mem);
	discard_huge(&config, bitmap);
out:
	bitmap_free(bitmap);
}
