// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's stock of pages, first touches that are answered from it with IRQs off, and
 * fault-around that follows a vCPU.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <kev/stock.h>
#include "test.h"

#define GPA	0x100000ULL

static u64 page(u32 i)
{
	return GPA + (u64)i * PAGE_SIZE;
}

static int slow(struct kev_mem *mem, struct kev_stock *stock, u64 gpa, u32 access)
{
	struct kev_touch touch = { .gpa = gpa, .access = access, .stock = stock };

	return kev_mem_fault(mem, &touch);
}

static bool fast(struct kev_mem *mem, struct kev_stock *stock, u64 gpa, u32 access)
{
	bool made;

	local_irq_disable();
	made = kev_mem_fault_fast(mem, stock, gpa, access);
	local_irq_enable();
	return made;
}

/* As a vCPU faults: is it answered, and how */
static bool touch(struct kev_mem *mem, struct kev_stock *stock, u64 gpa, u32 access)
{
	bool made = fast(mem, stock, gpa, access);

	if (!made)
		CHECK_EQ(slow(mem, stock, gpa, access), 0);
	return made;
}

/* Touch pages from @gpa on until seven are in stock. Returns the next page. */
static u64 fill(struct kev_mem *mem, struct kev_stock *stock, u64 gpa)
{
	for (; stock->nr != 7; gpa += PAGE_SIZE)
		touch(mem, stock, gpa, W);
	return gpa;
}

/* The stock grows while pages are touched in a row, and is used up before it is filled. */
void test_stock(void)
{
	static const u8 left[] = { 0, 1, 0, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14 };
	struct kev_stock stock = {};
	struct kev_vm_stats stats;
	struct kev_mem mem;
	u32 i;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(add_region(&mem, RAM, GPA, SZ_1M, R | W), 0);
	for (i = 0; i < 128; i++) {
		u8 before = stock.nr;

		CHECK_EQ(touch(&mem, &stock, page(i) + i, W), before != 0);
		if (i < ARRAY_SIZE(left) && !CHECK_EQ(stock.nr, left[i]))
			pr_err("# page %u\n", i);
		CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, page(i))), R | W);
	}
	stats = stats_of(&mem);
	CHECK_EQ(stats.resident_pages, 128);
	CHECK_EQ(stats.ram_pages, 128);
	CHECK_EQ(stats.faults, 128);
	for (i = 0; i < 128; i++) {
		CHECK_EQ(byte_at(&mem, page(i)), 0);
		CHECK_EQ(byte_at(&mem, page(i) + PAGE_SIZE - 1), 0);
	}
	/* Here and there: what is left is used, and no more is taken than is needed soon. */
	for (i = 0; stock.nr; i++)
		CHECK(touch(&mem, &stock, page(254 - 2 * i), R));
	CHECK_EQ(i, 31);
	CHECK(!touch(&mem, &stock, page(130), R));
	CHECK_EQ(stock.nr, 3);
	kev_stock_drop(&stock);
	CHECK(!touch(&mem, &stock, page(192), R));
	CHECK_EQ(stock.nr, 1);
	kev_stock_drop(&stock);
	CHECK(!touch(&mem, &stock, page(150), R));
	CHECK_EQ(stock.nr, 0);
	kev_mem_fini(&mem);
}

/* What is not a first touch of a page that is at hand is left to the slow fault. */
void test_stock_refuses(void)
{
	static const struct {
		const char *what;
		u64 gpa;
		u32 access;
		bool made;
	} cases[] = {
		{ "no region", 0x80000, R, false },
		{ "behind it", GPA + 0x40000, R, false },
		{ "no right to execute", GPA + 0x3f000, X, false },
		{ "RAM", GPA + 0x3f000, R, true },
		{ "present already", GPA + 0x3f000, W, false },
		{ "read-only RAM", GPA + 0x50000, W, false },
		{ "read-only RAM", GPA + 0x50000, R, true },
		{ "a trap", GPA + 0x60000, R, false },
		{ "user space's to fill", GPA + 0x70000, W, false },
		{ "another table", SZ_4M, W, false },
		{ "above the width", (1ULL << PHYS_BITS) + GPA + 0x30000, W, false },
	};
	struct kev_stock stock = {};
	struct kev_mem mem;
	u8 nr;
	int i;

	if (!make_mem(&mem, NULL))
		return;
	CHECK_EQ(add_region(&mem, RAM, GPA, 0x40000, R | W), 0);
	CHECK_EQ(add_region(&mem, RAM, GPA + 0x50000, 0x10000, R), 0);
	CHECK_EQ(add_region(&mem, KEV_REGION_TRAP, GPA + 0x60000, 0x10000, 0), 0);
	CHECK_EQ(add_region(&mem, KEV_REGION_NOTIFY, GPA + 0x70000, 0x10000, R | W), 0);
	CHECK_EQ(add_region(&mem, RAM, SZ_4M, SZ_1M, R | W), 0);
	fill(&mem, &stock, GPA);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		nr = stock.nr;
		if (!CHECK_EQ(fast(&mem, &stock, cases[i].gpa, cases[i].access), cases[i].made) ||
		    !CHECK_EQ(stock.nr, nr - cases[i].made))
			pr_err("# %s\n", cases[i].what);
	}
	CHECK_EQ(stats_of(&mem).table_pages, 4);
	CHECK_EQ(kev_mem_remove_region(&mem, GPA, 0x40000), 0);
	CHECK(!fast(&mem, &stock, page(20), W));
	kev_stock_drop(&stock);
	CHECK(!fast(&mem, &stock, GPA + 0x51000, R));
	kev_mem_fini(&mem);
}

/* Pages of an image: its bytes, and only what is in the page cache */
void test_stock_image(void)
{
	struct kev_stock stock = {};
	struct fixture *f = SETUP(&all_kinds, .shared = true);
	struct kev_mem *mem;
	u64 files;
	u32 i;

	if (!f)
		return;
	mem = &f->mem;
	CHECK_EQ(add_region(mem, RAM, SZ_1M - SZ_64K, SZ_64K, R | W), 0);
	fill(mem, &stock, SZ_1M - SZ_64K);
	files = stats_of(mem).file_pages;
	/* One that can be shared is shared; it may bring its neighbours. */
	CHECK_EQ(slow(mem, &stock, 0x101000, R), 0);
	CHECK(!fast(mem, &stock, 0x100000, R));
	CHECK_EQ(stock.nr, 7);
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		/* The page cache has locks that sleep there. */
		CHECK(!fast(mem, &stock, 0x100000, W));
		CHECK_EQ(stock.nr, 7);
		goto out;
	}
	CHECK(fast(mem, &stock, 0x100000, W));
	CHECK_EQ(state_at(mem, 0x100000), KEV_PAGE_RESIDENT);
	CHECK_EQ(kev_ept_format.prot(leaf_at(mem, 0x100000)), R | W | X);
	/* The first write to one that is shared already has to flush. */
	CHECK(!fast(mem, &stock, 0x101000, W));
	CHECK_EQ(state_at(mem, 0x101000), KEV_PAGE_SHARED);
	/* Of two segments; of none; of three */
	CHECK(fast(mem, &stock, 0x102000, W));
	CHECK(fast(mem, &stock, 0x108000, R));
	CHECK(fast(mem, &stock, 0x10c000, W));
	CHECK_EQ(stock.nr, 3);
	CHECK_EQ(stats_of(mem).file_pages, files + 4);
	CHECK_EQ(stats_of(mem).read_pages, 0);
	for (i = 0; i < PAGE_SIZE; i += 8) {
		CHECK_EQ(byte_at(mem, 0x100000 + i), image_byte(&all_kinds, 0x100000 + i));
		CHECK_EQ(byte_at(mem, 0x102000 + i), image_byte(&all_kinds, 0x102000 + i));
		CHECK_EQ(byte_at(mem, 0x10c000 + i), image_byte(&all_kinds, 0x10c000 + i));
		CHECK_EQ(byte_at(mem, 0x108000 + i), 0);
	}
out:
	kev_stock_drop(&stock);
	teardown(f);
}

/* What is not in the page cache is not waited for, and the page of the stock stays zeros. */
void test_stock_uncached(void)
{
	struct kev_stock stock = {};
	struct fixture *f = SETUP(&all_kinds);
	u64 gpa = SZ_1M - SZ_64K;

	if (!f)
		return;
	CHECK_EQ(add_region(&f->mem, RAM, gpa, SZ_64K, R | W), 0);
	gpa = fill(&f->mem, &stock, gpa);
	atomic_set(&image_reads, 0);
	CHECK(!fast(&f->mem, &stock, 0x102000, W));
	CHECK_EQ(atomic_read(&image_reads), 0);
	CHECK(fast(&f->mem, &stock, gpa, R));
	CHECK_EQ(byte_at(&f->mem, gpa), 0);
	CHECK_EQ(slow(&f->mem, &stock, 0x102000, W), 0);
	CHECK_EQ(byte_at(&f->mem, 0x102900), image_byte(&all_kinds, 0x102900));
	kev_stock_drop(&stock);
	teardown(f);
}

/* Fault-around follows a vCPU that goes on where the last window ended. */
void test_stock_around(void)
{
	static const struct {
		u32 page, around;	/* touched; mapped beside it, from the beginning on */
	} cases[] = {
		/* windows of 4, 8, 16, 16 */
		{ 0, 3 }, { 4, 3 + 3 }, { 8, 6 + 7 }, { 16, 13 + 15 }, { 32, 28 + 15 },
		/* behind a page that is there already: of 4 */
		{ 64, 43 + 3 }, { 66, 46 }, { 100, 46 + 3 },
		/* on from there: of 8, which ends at the file's end */
		{ 504, 49 + 3 }, { 508, 52 + 3 },
		/* zeros: nothing to share */
		{ 512, 55 },
	};
	struct kev_mem_config config = plain;
	struct kev_stock stock = {};
	struct fixture *f;
	int i;

	config.fault_around = 4;
	config.around_max = 16;
	f = SETUP(&big, .shared = true, .config = &config);
	if (!f)
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(slow(&f->mem, &stock, BIG_GPA + (u64)cases[i].page * PAGE_SIZE, R), 0);
		if (!CHECK_EQ(stats_of(&f->mem).around_pages, cases[i].around))
			pr_err("# page %u\n", cases[i].page);
	}
	/* Who is no vCPU goes nowhere. */
	CHECK_EQ(fault(&f->mem, BIG_GPA + 200 * PAGE_SIZE, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 204 * PAGE_SIZE, R), 0);
	CHECK_EQ(stats_of(&f->mem).around_pages, 55 + 3 + 3);
	kev_stock_drop(&stock);
	teardown(f);
}
