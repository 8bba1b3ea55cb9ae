// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions that change nothing, and what a VM's creator may choose.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include "test.h"

void test_page_state(void)
{
	static const struct {
		u64 gpa;
		u32 state, kind, prot;
	} cases[] = {
		{ 0x0, KEV_PAGE_ABSENT, 0, 0 },
		{ 0x10000, KEV_PAGE_LAZY, RAM, R | W },
		{ 0x10fff, KEV_PAGE_LAZY, RAM, R | W },
		{ 0x11000, KEV_PAGE_RESIDENT, RAM, R | W },
		{ 0x12000, KEV_PAGE_ABSENT, KEV_REGION_TRAP, 0 },
		{ 0x13000, KEV_PAGE_LAZY, KEV_REGION_NOTIFY, R },
		{ 0x14000, KEV_PAGE_ABSENT, 0, 0 },
		{ BIG_GPA, KEV_PAGE_SHARED, KEV_REGION_IMAGE, R | W | X },
		{ BIG_GPA + 0x1000, KEV_PAGE_RESIDENT, KEV_REGION_IMAGE, R | W | X },
		{ BIG_GPA + 0x2000, KEV_PAGE_LAZY, KEV_REGION_IMAGE, R | W | X },
		/* Bits above the width do not make it another address. */
		{ BIT_ULL(PHYS_BITS) | 0x11000, KEV_PAGE_ABSENT, 0, 0 },
		{ BIT_ULL(48) | 0x11000, KEV_PAGE_ABSENT, 0, 0 },
		{ -1ULL, KEV_PAGE_ABSENT, 0, 0 },
	};
	struct fixture *f = SETUP(&big, .shared = true);
	u32 kind, prot;
	int i;

	if (!f)
		return;
	CHECK_EQ(add_region(&f->mem, RAM, 0x10000, 0x2000, R | W), 0);
	CHECK_EQ(add_region(&f->mem, KEV_REGION_TRAP, 0x12000, 0x1000, 0), 0);
	CHECK_EQ(add_region(&f->mem, KEV_REGION_NOTIFY, 0x13000, 0x1000, R), 0);
	CHECK_EQ(fault(&f->mem, 0x11000, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, W), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!CHECK_EQ(kev_mem_page_state(&f->mem, cases[i].gpa, &kind, &prot),
			      cases[i].state) ||
		    !CHECK_EQ(kind, cases[i].kind) || !CHECK_EQ(prot, cases[i].prot))
			pr_err("# case %d\n", i);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 3);
	CHECK_EQ(stats_of(&f->mem).faults, 3);
	teardown(f);
}

void test_query(void)
{
	static const struct {
		u64 ask, gpa, length;
		u32 kind, prot;
		u64 resident, shared, huge, file_pages;
	} cases[] = {
		{ 0x0, 0x10000, 0x8000, RAM, R | W, 2, 0, 0, 0 },
		{ 0x10000, 0x10000, 0x8000, RAM, R | W, 2, 0, 0, 0 },
		{ 0x17fff, 0x10000, 0x8000, RAM, R | W, 2, 0, 0, 0 },
		{ 0x18000, 0x18000, 0x1000, KEV_REGION_TRAP, 0, 0, 0, 0, 0 },
		{ 0x19000, BIG_GPA, BIG_PAGES * PAGE_SIZE, KEV_REGION_IMAGE, R | W | X, 3, 1, 0,
		  2 },
		{ SZ_4M, SZ_4M, SZ_4M, RAM, R | W, 512, 0, 512, 0 },
	};
	struct kev_mem_config config = plain;
	struct kev_query_memory query;
	struct fixture *f;
	int i;

	config.huge = KEV_HUGE_ALWAYS;
	f = SETUP(&big, .shared = true, .config = &config);
	if (!f)
		return;
	CHECK_EQ(add_region(&f->mem, RAM, 0x10000, 0x8000, R | W), 0);
	CHECK_EQ(add_region(&f->mem, KEV_REGION_TRAP, 0x18000, 0x1000, 0), 0);
	CHECK_EQ(add_region(&f->mem, RAM, SZ_4M, SZ_4M, R | W), 0);
	CHECK_EQ(fault(&f->mem, 0x10000, R), 0);
	CHECK_EQ(fault(&f->mem, 0x17000, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + PAGE_SIZE, W), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + BIG_FILE_PAGES * PAGE_SIZE, W), 0);
	CHECK_EQ(fault(&f->mem, SZ_4M + SZ_2M, R), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		query.gpa = cases[i].ask;
		if (!CHECK_EQ(kev_mem_query(&f->mem, &query), 0) ||
		    !CHECK_EQ(query.gpa, cases[i].gpa) ||
		    !CHECK_EQ(query.length, cases[i].length) ||
		    !CHECK_EQ(query.kind, cases[i].kind) ||
		    !CHECK_EQ(query.prot, cases[i].prot) ||
		    !CHECK_EQ(query.resident, cases[i].resident) ||
		    !CHECK_EQ(query.shared, cases[i].shared) ||
		    !CHECK_EQ(query.own, cases[i].resident - cases[i].shared) ||
		    !CHECK_EQ(query.huge, cases[i].huge) ||
		    !CHECK_EQ(query.file_pages, cases[i].file_pages))
			pr_err("# case %d\n", i);
	}
	query.gpa = SZ_8M;
	CHECK_EQ(kev_mem_query(&f->mem, &query), -ENOENT);
	query.gpa = -1ULL;
	CHECK_EQ(kev_mem_query(&f->mem, &query), -ENOENT);
	teardown(f);
}

void test_options(void)
{
	static const struct {
		u32 huge, around;
		bool given, possible;
		int expected;
		u32 huge_then, around_then, max_then;
	} cases[] = {
		{ KEV_HUGE_DEFAULT, 0, false, true, 0, KEV_HUGE_AUTO, 16, 512 },
		{ KEV_HUGE_DEFAULT, 0, true, true, 0, KEV_HUGE_AUTO, 0, 0 },
		{ KEV_HUGE_DEFAULT, 0, true, false, 0, KEV_HUGE_NEVER, 0, 0 },
		{ KEV_HUGE_NEVER, 1, true, true, 0, KEV_HUGE_NEVER, 1, 1 },
		{ KEV_HUGE_AUTO, 64, true, true, 0, KEV_HUGE_AUTO, 64, 64 },
		{ KEV_HUGE_ALWAYS, 512, true, true, 0, KEV_HUGE_ALWAYS, 512, 512 },
		{ KEV_HUGE_ALWAYS, 512, true, false, 0, KEV_HUGE_NEVER, 512, 512 },
		{ KEV_HUGE_ALWAYS + 1, 0, true, true, -EINVAL },
		{ KEV_HUGE_AUTO, 3, true, true, -EINVAL },
		{ KEV_HUGE_AUTO, 1024, true, true, -EINVAL },
		{ KEV_HUGE_AUTO, 16, false, true, -EINVAL },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_mem_config config = {};

		if (!CHECK_EQ(kev_mem_option(&config, cases[i].huge, cases[i].around,
					     cases[i].given, cases[i].possible),
			      cases[i].expected) ||
		    !CHECK_EQ(config.huge, cases[i].huge_then) ||
		    !CHECK_EQ(config.fault_around, cases[i].around_then) ||
		    !CHECK_EQ(config.around_max, cases[i].max_then))
			pr_err("# case %d\n", i);
	}
}
