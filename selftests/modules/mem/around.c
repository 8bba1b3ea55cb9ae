// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault-around: neighbours that are in the page cache come with a page.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include "test.h"

/* Five pages, with a hole on both sides */
static const struct image_spec five = {
	.entry = 0x105000,
	.nr = 1,
	.seg = { { 0x105000, 0x2000, 0x5000, 0x5000, RWX } },
};

/* Two regions of one image with KEV_ATTACH_PROT, side by side */
static const struct image_spec two = {
	.entry = 0x100000,
	.nr = 2,
	.seg = {
		{ 0x100000, 0x1000, 0x5000, 0x5000, PF_R | PF_X },
		{ 0x105000, 0x6000, 0x5000, 0x5000, PF_R },
	},
};

/* The pages [from, to) of a range of @nr are resident, the others are not. */
static void check_range(struct kev_mem *mem, u64 gpa, u32 nr, u32 from, u32 to)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (!CHECK_EQ(!!leaf_at(mem, gpa + i * PAGE_SIZE), i >= from && i < to))
			pr_err("# page %u\n", i);
}

void test_around(void)
{
	static const struct {
		const struct image_spec *spec;
		u32 window;
		u64 gpa;		/* is touched */
		u64 base;		/* of what is looked at then */
		u32 nr, from, to;	/* pages */
	} cases[] = {
		{ &big, 0, BIG_GPA + 0x5000, BIG_GPA, 32, 5, 6 },
		{ &big, 1, BIG_GPA + 0x5000, BIG_GPA, 32, 5, 6 },
		{ &big, 4, BIG_GPA + 0x5000, BIG_GPA, 32, 4, 8 },
		{ &big, 16, BIG_GPA + 0x5fff, BIG_GPA, 32, 0, 16 },
		{ &big, 16, BIG_GPA + 0x10000, BIG_GPA, 48, 16, 32 },
		/* to the ends of the region, which lie in the window */
		{ &five, 16, 0x107000, 0x100000, 16, 5, 10 },
		{ &five, 512, 0x105000, 0x100000, 32, 5, 10 },
		{ &two, 16, 0x101000, 0x100000, 16, 0, 5 },
		{ &two, 16, 0x109000, 0x100000, 16, 5, 10 },
		/* to the end of a table, which the region does not mind */
		{ &big, 512, SZ_2M - 0x1000, SZ_1M, 512, 0, 256 },
		{ &big, 512, SZ_2M, SZ_1M, 512, 256, 512 },
		/* behind the file there is nothing in the page cache */
		{ &big, 128, BIG_GPA + 0x1ff000, BIG_GPA + 0x180000, 160, 0, 128 },
		{ &big, 64, BIG_GPA + 0x200000, BIG_GPA + 0x1f0000, 80, 16, 17 },
	};
	struct kev_mem_config config = plain;
	struct kev_vm_stats stats;
	struct fixture *f;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 pages = cases[i].to - cases[i].from;
		bool from_file = cases[i].gpa < BIG_GPA + 0x200000;

		config.fault_around = cases[i].window;
		f = SETUP(cases[i].spec, .shared = true, .config = &config,
			  .flags = KEV_ATTACH_PROT);
		if (!f)
			return;
		CHECK_EQ(fault(&f->mem, cases[i].gpa, R), 0);
		check_range(&f->mem, cases[i].base, cases[i].nr, cases[i].from, cases[i].to);
		stats = stats_of(&f->mem);
		/* One fault, one page of the file; the others are counted by themselves. */
		if (!CHECK_EQ(stats.resident_pages, pages) ||
		    !CHECK_EQ(stats.shared_pages, from_file ? pages : 0) ||
		    !CHECK_EQ(stats.around_pages, pages - 1) ||
		    !CHECK_EQ(stats.file_pages, from_file) ||
		    !CHECK_EQ(stats.faults, 1) || !CHECK_EQ(stats.read_pages, 0) ||
		    !CHECK_EQ(atomic_read(&flushes), 0))
			pr_err("# case %d\n", i);
		teardown(f);
	}
}

/*
 * A write brings nothing along. What was there before stays; what came along with a read is
 * copied at a write, as any other.
 */
void test_around_write(void)
{
	struct kev_mem_config config = plain;
	struct fixture *f;
	u64 private;

	config.fault_around = 8;
	f = SETUP(&big, .shared = true, .config = &config);
	if (!f)
		return;
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x2000, W), 0);
	private = leaf_at(&f->mem, BIG_GPA + 0x2000);
	CHECK(!(private & KEV_LEAF_SHARED));
	CHECK_EQ(stats_of(&f->mem).around_pages, 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x3000, R), 0);
	CHECK_EQ(stats_of(&f->mem).around_pages, 6);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&f->mem, BIG_GPA + 0x1000)), R | X);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, W), 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(stats_of(&f->mem).copied_pages, 1);
	CHECK_EQ(stats_of(&f->mem).shared_pages, 6);
	CHECK_EQ(leaf_at(&f->mem, BIG_GPA + 0x2000), private);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0x1000), file_byte(BIG_OFFSET + 0x1000));
	teardown(f);
}

/* Nothing is read for it. */
void test_around_reads(void)
{
	struct kev_mem_config config = plain;
	struct fixture *f;

	config.fault_around = 16;
	f = SETUP(&big, .config = &config);
	if (!f)
		return;
	atomic_set(&image_reads, 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x2000, R), 0);
	CHECK_EQ(atomic_read(&image_reads), 1);
	CHECK_EQ(stats_of(&f->mem).around_pages, 0);
	CHECK_EQ(stats_of(&f->mem).read_pages, 1);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 1);
	teardown(f);
}
