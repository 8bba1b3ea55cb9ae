// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking pages away: regions that are removed, RAM that is discarded.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <kev/region.h>
#include "test.h"

/* A page that is being taken away, and where the guest has it */
static struct page *watched;
static u64 watched_gpa;

/* At the flush no CPU can begin to use it any more, and nobody else has it yet. */
static void check_taken(struct kev_mem *mem)
{
	CHECK(!kev_ept_format.present(leaf_at(mem, watched_gpa)));
	CHECK_EQ(page_count(watched), 2);
}

static bool watch(struct kev_mem *mem, u64 gpa)
{
	watched_gpa = gpa;
	at_flush = check_taken;
	return CHECK_EQ(get_page_at(mem, gpa, R, &watched), 0);
}

/* The VM has given it back. */
static void unwatch(void)
{
	at_flush = NULL;
	CHECK_EQ(page_count(watched), 1);
	put_page(watched);
}

static void fill_pages(struct kev_mem *mem, u64 gpa, u32 pages)
{
	u32 i;

	for (i = 0; i < pages; i++) {
		u8 byte = i + 1;

		CHECK_EQ(write_gpa(mem, gpa + i * PAGE_SIZE + i, &byte, 1), 1);
	}
}

/* Pages [from, to) of those that fill_pages() has written are zero, the rest is not. */
static void check_pages(struct kev_mem *mem, u64 gpa, u32 pages, u32 from, u32 to)
{
	u32 i;

	for (i = 0; i < pages; i++)
		if (!CHECK_EQ(byte_at(mem, gpa + i * PAGE_SIZE + i),
			      i >= from && i < to ? 0 : (u8)(i + 1)))
			pr_err("# page %u\n", i);
}

void test_remove(void)
{
	static const struct {
		u64 gpa, length;
		int expected;
	} wrong[] = {
		{ 0x10800, 0x8000, -EINVAL }, { 0x10000, 0x7800, -EINVAL },
		{ 0x10000, 0, -EINVAL }, { 0x10000, 0x4000, -ENOENT },
		{ 0x14000, 0x4000, -ENOENT }, { 0x10000, 0x9000, -ENOENT },
		{ 0xf000, 0x9000, -ENOENT }, { 0x20000, 0x8000, -ENOENT },
		{ 1ULL << PHYS_BITS, 0x1000, -ENOENT }, { -0x1000ULL, 0x1000, -ENOENT },
	};
	struct kev_region *region;
	struct kev_mem mem;
	int i;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(kev_mem_remove_region(&mem, 0x10000, 0x8000), -ENOENT);
	CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x8000, R | W), 0);
	CHECK_EQ(add_region(&mem, RAM, 0x18000, 0x1000, R | W), 0);
	CHECK_EQ(add_region(&mem, RAM, 0xf000, 0x1000, R | W), 0);
	fill_pages(&mem, 0xf000, 10);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (!CHECK_EQ(kev_mem_remove_region(&mem, wrong[i].gpa, wrong[i].length),
			      wrong[i].expected))
			pr_err("# case %d\n", i);
	check_pages(&mem, 0xf000, 10, 0, 0);

	region = kev_region_get(&mem, 0x10000);
	if (!CHECK(region) || !watch(&mem, 0x13000))
		goto out;
	CHECK(!region->dead);
	CHECK_EQ(kev_mem_remove_region(&mem, 0x10000, 0x8000), 0);
	unwatch();
	/* A fault under way would keep the region, and see that it is dead. */
	CHECK(region->dead);
	CHECK_EQ(refcount_read(&region->refs), 1);
	CHECK_EQ(atomic64_read(&region->resident), 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(stats_of(&mem).flushes, 1);
	CHECK_EQ(stats_of(&mem).resident_pages, 2);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(leaf_at(&mem, 0x10000 + i * PAGE_SIZE), 0);
		CHECK_EQ(fault(&mem, 0x10000 + i * PAGE_SIZE, R), -ENOENT);
	}
	CHECK_EQ(byte_at(&mem, 0xf000), 1);
	CHECK_EQ(byte_at(&mem, 0x18009), 10);

	/* The next one there is another; what was never touched needs no flush. */
	CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x8000, R), 0);
	CHECK_EQ(kev_mem_remove_region(&mem, 0x10000, 0x8000), 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x8000, R | W), 0);
	check_pages(&mem, 0xf000, 10, 1, 9);
out:
	if (region)
		kev_region_put(region);
	kev_mem_fini(&mem);
}

/* A page of boot structures that is being computed until the test lets it */
static struct hold computing;

static void compute_held(u64 gpa, void *page)
{
	complete(&computing.entered);
	wait_for_completion(&computing.go);
}

/* The region goes while a page of it is made: the page goes with it. */
static void remove_held(bool replace)
{
	struct toucher maker = { .gpa = 0x10000, .pages = 1, .access = R };
	struct toucher waiter;
	LIST_HEAD(regions);
	struct kev_mem mem;

	if (!make_mem(&mem, NULL))
		return;
	init_completion(&computing.entered);
	init_completion(&computing.go);
	CHECK_EQ(kev_boot_create_computed(&mem, &regions, 0x10000, 0x8000, compute_held), 0);
	CHECK_EQ(kev_region_add_list(&mem, &regions), 0);
	maker.mem = &mem;
	waiter = maker;
	if (!start_toucher(&maker))
		goto out;
	wait_for_completion(&computing.entered);
	CHECK_EQ(kev_mem_remove_region(&mem, 0x10000, 0x8000), 0);
	CHECK_EQ(atomic_read(&flushes), 0);
	CHECK_EQ(fault(&mem, 0x11000, R), -ENOENT);
	if (replace) {
		CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x10000, R | W), 0);
		CHECK_EQ(byte_at(&mem, 0x11000), 0);
	}
	if (start_toucher(&waiter)) {
		if (replace)
			wait_for_sleep(&waiter);
		complete_all(&computing.go);
		finish_toucher(&waiter);
		CHECK_EQ(waiter.ret, replace ? 0 : -ENOENT);
		kvfree(waiter.seen);
	} else {
		complete_all(&computing.go);
	}
	finish_toucher(&maker);
	CHECK_EQ(maker.ret, replace ? 0 : -ENOENT);
	kvfree(maker.seen);
	CHECK_EQ(byte_at(&mem, 0x10000), replace ? 0 : -1);
	CHECK_EQ(stats_of(&mem).resident_pages, replace ? 2 : 0);
	CHECK(!leaf_at(&mem, 0x10000) == !replace);
out:
	kev_mem_fini(&mem);
}

void test_remove_held(void)
{
	remove_held(false);
	remove_held(true);
}

/* The region goes while a file is read for it: that is waited for no longer. */
void test_remove_read(void)
{
	struct fixture *f = SETUP(&big);
	struct toucher reader = { .gpa = BIG_GPA, .pages = 1, .access = R };
	struct toucher waiter;
	struct hold hold;

	if (!f)
		return;
	reader.mem = &f->mem;
	waiter = reader;
	hold_reads(&hold);
	if (!start_toucher(&reader)) {
		release_reads(&hold);
		goto out;
	}
	wait_for_completion(&hold.entered);
	if (start_toucher(&waiter)) {
		wait_for_sleep(&reader);
		wait_for_sleep(&waiter);
		CHECK_EQ(kev_mem_remove_region(&f->mem, BIG_GPA, BIG_PAGES * PAGE_SIZE), 0);
		finish_toucher(&waiter);
		CHECK_EQ(waiter.ret, -ENOENT);
		kvfree(waiter.seen);
	}
	finish_toucher(&reader);
	CHECK_EQ(reader.ret, -ENOENT);
	kvfree(reader.seen);
	/* The page belongs to the region that comes after. */
	CHECK_EQ(add_region(&f->mem, RAM, BIG_GPA, SZ_1M, R | W), 0);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA), 0);
	release_reads(&hold);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA), 0);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 1);
	CHECK_EQ(stats_of(&f->mem).image_pages, 0);
	/* Nothing is left of the image. */
	wait_for_file(f->file);
out:
	teardown(f);
}

void test_discard(void)
{
	static const struct {
		u64 gpa, length;
		int expected;
	} wrong[] = {
		{ 0x10800, 0x1000, -EINVAL }, { 0x10000, 0x800, -EINVAL },
		{ 0x10000, 0, -EINVAL }, { 0x10000, -0x1000ULL, -EINVAL },
		{ 0xf000, 0x2000, -ENOENT },	/* begins in nothing */
		{ 0x10000, 0x11000, -ENOENT },	/* ends in it */
		{ 0x10000, 0x23000, -ENOENT },	/* has it between */
		{ 0x30000, 0x2000, -ENOENT },	/* ends in a trap */
		{ 0x32000, 0x1000, -ENOENT },	/* pages that a read trap has */
	};
	struct kev_mem mem;
	int i;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(add_region(&mem, RAM, 0x10000, 0x8000, R | W), 0);
	CHECK_EQ(add_region(&mem, RAM, 0x18000, 0x8000, R | W | X), 0);
	CHECK_EQ(add_region(&mem, RAM, 0x30000, 0x1000, R | W), 0);
	CHECK_EQ(add_region(&mem, KEV_REGION_TRAP, 0x31000, 0x1000, 0), 0);
	CHECK_EQ(add_region(&mem, KEV_REGION_READ_TRAP, 0x32000, 0x1000, R), 0);
	fill_pages(&mem, 0x10000, 16);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (!CHECK_EQ(kev_mem_discard(&mem, wrong[i].gpa, wrong[i].length),
			      wrong[i].expected))
			pr_err("# case %d\n", i);
	CHECK_EQ(atomic_read(&flushes), 0);
	check_pages(&mem, 0x10000, 16, 0, 0);

	/* In one region, then across two */
	if (watch(&mem, 0x12000)) {
		CHECK_EQ(kev_mem_discard(&mem, 0x12000, 0x3000), 0);
		unwatch();
	}
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(stats_of(&mem).resident_pages, 13);
	CHECK_EQ(state_at(&mem, 0x12000), KEV_PAGE_LAZY);
	check_pages(&mem, 0x10000, 16, 2, 5);
	fill_pages(&mem, 0x10000, 16);
	if (watch(&mem, 0x19000)) {
		at_flush = NULL;
		CHECK_EQ(kev_mem_discard(&mem, 0x17000, 0x3000), 0);
		unwatch();
	}
	CHECK_EQ(stats_of(&mem).resident_pages, 13);
	check_pages(&mem, 0x10000, 16, 7, 10);

	/* What was not there needs no flush. */
	CHECK_EQ(kev_mem_discard(&mem, 0x17000, 0x3000), 0);
	atomic_set(&flushes, 0);
	CHECK_EQ(kev_mem_discard(&mem, 0x17000, 0x3000), 0);
	CHECK_EQ(kev_mem_discard(&mem, 0x30000, 0x1000), 0);
	CHECK_EQ(atomic_read(&flushes), 0);
	kev_mem_fini(&mem);
}

/* A part of a page of 2 MiB: it is split, and its neighbours stay what they are. */
void test_discard_huge(void)
{
	struct kev_mem_config config = plain;
	struct kev_vm_stats stats;
	struct kev_mem mem;
	u64 tables;

	config.huge = KEV_HUGE_ALWAYS;
	if (!make_mem(&mem, &config))
		return;
	CHECK_EQ(add_region(&mem, RAM, SZ_2M, SZ_4M, R | W), 0);
	fill_pages(&mem, SZ_2M, 1024);
	stats = stats_of(&mem);
	CHECK_EQ(stats.huge_pages, 1024);
	CHECK_EQ(stats.resident_pages, 1024);
	tables = stats.table_pages;

	if (watch(&mem, SZ_2M + 0x5000)) {
		CHECK_EQ(kev_mem_discard(&mem, SZ_2M + 0x3000, 0x5000), 0);
		unwatch();
	}
	CHECK(atomic_read(&flushes) > 0);
	stats = stats_of(&mem);
	CHECK_EQ(stats.huge_pages, 512);
	CHECK_EQ(stats.resident_pages, 1024 - 5);
	CHECK_EQ(stats.table_pages, tables + 1);
	check_pages(&mem, SZ_2M, 1024, 3, 8);

	/* From the middle of one to the middle of the next */
	fill_pages(&mem, SZ_2M, 1024);
	if (watch(&mem, SZ_4M)) {
		CHECK_EQ(kev_mem_discard(&mem, SZ_4M - 0x2000, 0x5000), 0);
		unwatch();
	}
	CHECK_EQ(stats_of(&mem).huge_pages, 0);
	check_pages(&mem, SZ_2M, 1024, 510, 515);
	kev_mem_fini(&mem);

	/* All of one: it goes as it is. */
	if (!make_mem(&mem, &config))
		return;
	CHECK_EQ(add_region(&mem, RAM, SZ_2M, SZ_4M, R | W), 0);
	fill_pages(&mem, SZ_2M, 1024);
	if (watch(&mem, SZ_2M + 0x5000)) {
		CHECK_EQ(kev_mem_discard(&mem, SZ_2M, SZ_2M), 0);
		unwatch();
	}
	CHECK_EQ(atomic_read(&flushes), 1);
	stats = stats_of(&mem);
	CHECK_EQ(stats.huge_pages, 512);
	CHECK_EQ(stats.resident_pages, 512);
	CHECK_EQ(stats.table_pages, tables);
	check_pages(&mem, SZ_2M, 1024, 0, 512);
	CHECK_EQ(kev_mem_remove_region(&mem, SZ_2M, SZ_4M), 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 0);
	CHECK_EQ(fault(&mem, SZ_4M, R), -ENOENT);
	kev_mem_fini(&mem);
}
