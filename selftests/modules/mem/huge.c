// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of 2 MiB: when they are made, and when they have to end.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "test.h"

static bool make_ram(struct kev_mem *mem, u32 huge, bool exec, u64 gpa, u64 length)
{
	struct kev_mem_config config = plain;

	config.huge = huge;
	config.huge_exec = exec;
	return make_mem(mem, &config) && CHECK_EQ(add_region(mem, RAM, gpa, length, R | W | X), 0);
}

static unsigned int level_at(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);

	return leaf ? kev_table_of(leaf)->level : 0;
}

void test_huge_never(void)
{
	struct kev_mem mem;

	if (!make_ram(&mem, KEV_HUGE_NEVER, true, 0, SZ_8M))
		return;
	CHECK_EQ(fault(&mem, SZ_2M, R), 0);
	CHECK_EQ(stats_of(&mem).huge_pages, 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 1);
	kev_mem_fini(&mem);
}

void test_huge_always(void)
{
	/* Only what lies in the region from end to end */
	static const struct {
		u64 gpa;
		unsigned int level;
	} cases[] = {
		{ SZ_2M - 0x1000, KEV_PT_LEVEL_4K }, { SZ_2M + 0x3456, KEV_PT_LEVEL_2M },
		{ 3 * SZ_2M - 1, KEV_PT_LEVEL_2M }, { 3 * SZ_2M, KEV_PT_LEVEL_4K },
		{ 4 * SZ_2M - 0x3000, KEV_PT_LEVEL_4K },
		{ 5 * SZ_2M, KEV_PT_LEVEL_4K },
	};
	u8 *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct kev_vm_stats stats;
	struct kev_mem mem;
	u64 gpa;
	int i;

	if (!CHECK(page))
		return;
	if (!make_ram(&mem, KEV_HUGE_ALWAYS, true, SZ_2M - 0x3000, 3 * SZ_2M + 0x1000))
		goto out;
	CHECK_EQ(add_region(&mem, KEV_REGION_NOTIFY, 5 * SZ_2M, SZ_2M, R | W), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(fault_as(&mem, cases[i].gpa, W, KEV_TOUCH_OWNER), 0);
		if (!CHECK_EQ(level_at(&mem, cases[i].gpa), cases[i].level))
			pr_err("# case %d\n", i);
	}
	stats = stats_of(&mem);
	CHECK_EQ(stats.huge_pages, 2 * 512);
	CHECK_EQ(stats.resident_pages, 2 * 512 + 4);
	CHECK_EQ(stats.faults, ARRAY_SIZE(cases));
	CHECK_EQ(atomic_read(&flushes), 0);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, SZ_2M)), R | W | X);
	CHECK_EQ(state_at(&mem, SZ_2M + 0x7000), KEV_PAGE_RESIDENT);
	/* Each page is a page of its own, in its place, and clear. */
	for (gpa = SZ_2M; gpa < 3 * SZ_2M; gpa += PAGE_SIZE) {
		if (!CHECK_EQ(read_gpa(&mem, gpa, page, PAGE_SIZE), PAGE_SIZE) ||
		    !CHECK(!memchr_inv(page, 0, PAGE_SIZE)))
			break;
		memcpy(page + 16, &gpa, sizeof(gpa));
		CHECK_EQ(write_gpa(&mem, gpa, page, PAGE_SIZE), PAGE_SIZE);
	}
	for (gpa = SZ_2M; gpa < 3 * SZ_2M; gpa += PAGE_SIZE) {
		u64 found = 0;

		CHECK_EQ(read_gpa(&mem, gpa + 16, &found, sizeof(found)), sizeof(found));
		if (!CHECK_EQ(found, gpa))
			break;
	}
	kev_mem_fini(&mem);
out:
	kfree(page);
}

/* The first touches are of 4 KiB, until half of a neighbour is in use. */
void test_huge_auto(void)
{
	struct kev_mem mem;
	int i;

	if (!make_ram(&mem, KEV_HUGE_AUTO, true, 0, 6 * SZ_2M))
		return;
	for (i = 0; i < 255; i++)
		CHECK_EQ(fault(&mem, SZ_2M + i * PAGE_SIZE, W), 0);
	CHECK_EQ(fault(&mem, 2 * SZ_2M, W), 0);
	CHECK_EQ(level_at(&mem, 2 * SZ_2M), KEV_PT_LEVEL_4K);
	CHECK_EQ(fault(&mem, SZ_2M + i * PAGE_SIZE, W), 0);
	/* Before and behind it; what began with 4 KiB stays so. */
	CHECK_EQ(fault(&mem, 0, W), 0);
	CHECK_EQ(level_at(&mem, 0), KEV_PT_LEVEL_2M);
	CHECK_EQ(fault(&mem, 2 * SZ_2M + PAGE_SIZE, W), 0);
	CHECK_EQ(level_at(&mem, 2 * SZ_2M), KEV_PT_LEVEL_4K);
	CHECK_EQ(fault(&mem, 3 * SZ_2M, W), 0);
	CHECK_EQ(level_at(&mem, 3 * SZ_2M), KEV_PT_LEVEL_4K);
	CHECK_EQ(stats_of(&mem).huge_pages, 512);
	CHECK_EQ(stats_of(&mem).resident_pages, 512 + 256 + 2 + 1);
	kev_mem_fini(&mem);
}

/* X86_BUG_ITLB_MULTIHIT: no execution in pages of 2 MiB */
void test_huge_exec(void)
{
	struct kev_mem mem;
	u8 byte = 0x5a;

	if (!make_ram(&mem, KEV_HUGE_ALWAYS, false, 0, 2 * SZ_2M))
		return;
	CHECK_EQ(write_gpa(&mem, 0x7000, &byte, 1), 1);
	CHECK_EQ(level_at(&mem, 0), KEV_PT_LEVEL_2M);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, 0x7000)), R | W);
	CHECK_EQ(atomic_read(&flushes), 0);
	CHECK_EQ(fault(&mem, 0x8000, X), 0);
	CHECK_EQ(level_at(&mem, 0), KEV_PT_LEVEL_4K);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, 0x7000)), R | W | X);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, 0x8000)), R | W | X);
	CHECK_EQ(byte_at(&mem, 0x7000), byte);
	CHECK_EQ(stats_of(&mem).huge_pages, 0);
	CHECK_EQ(stats_of(&mem).resident_pages, 512);
	/* The first touch may be an execution. */
	CHECK_EQ(fault(&mem, SZ_2M + 0x1000, X), 0);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&mem, SZ_2M + 0x1000)), R | W | X);
	CHECK_EQ(level_at(&mem, SZ_2M), KEV_PT_LEVEL_4K);
	kev_mem_fini(&mem);

	if (!make_ram(&mem, KEV_HUGE_ALWAYS, true, 0, 2 * SZ_2M))
		return;
	CHECK_EQ(fault(&mem, 0x8000, X), 0);
	CHECK_EQ(level_at(&mem, 0), KEV_PT_LEVEL_2M);
	CHECK_EQ(atomic_read(&flushes), 0);
	kev_mem_fini(&mem);
}
