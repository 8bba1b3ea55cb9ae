// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions and RAM.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <kev/ept.h>
#include "test.h"

void test_region_errors(void)
{
	static const struct {
		u64 gpa, length;
		u32 prot;
		int expected;
	} cases[] = {
		{ 0x100000, 0x10000, R | W | X, 0 },
		{ 0x110000, 0x1000, R, 0 },
		{ 0xff000, 0x1000, R | X, 0 },
		{ (1ULL << PHYS_BITS) - 0x1000, 0x1000, R | W, 0 },
		{ 0x100000, 0x10000, R | W | X, -EEXIST },
		{ 0x10f000, 0x1000, R, -EEXIST },
		{ 0x0, 0x100000, R, -EEXIST },
		{ 0x0, 0x1000000, R, -EEXIST },
		{ 0x200800, 0x1000, R, -EINVAL },
		{ 0x200000, 0x1800, R, -EINVAL },
		{ 0x200000, 0, R, -EINVAL },
		{ 0x200000, 0x1000, 0, -EINVAL },
		{ 0x200000, 0x1000, 8 | R, -EINVAL },
		{ 0x200000, 0x1000, W, -EOPNOTSUPP },
		{ 0x200000, 0x1000, W | X, -EOPNOTSUPP },
		{ 0x200000, 0x1000, X, -EOPNOTSUPP },
		{ 1ULL << PHYS_BITS, 0x1000, R, -EINVAL },
		{ (1ULL << PHYS_BITS) - 0x1000, 0x2000, R, -EINVAL },
		{ -0x1000ULL, 0x1000, R, -EINVAL },
		{ 0x200000, -0x200000ULL, R, -EINVAL },
		{ 0x200000, 0x1000, R | W, 0 },
	};
	static const u32 bad_bits[] = { 53, 49, 12 };
	struct kev_mem_config config = plain;
	struct kev_mem mem;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_bits); i++) {
		config.phys_bits = bad_bits[i];
		CHECK_EQ(kev_mem_init(&mem, &config), -EINVAL);
	}
	if (!make_mem(&mem, NULL))
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!CHECK_EQ(add_region(&mem, RAM, cases[i].gpa, cases[i].length, cases[i].prot),
			      cases[i].expected))
			pr_err("# case %d\n", i);
	kev_mem_fini(&mem);

	config = plain;
	config.format = &kev_ept_format_execute_only;
	if (!make_mem(&mem, &config))
		return;
	CHECK_EQ(add_region(&mem, RAM, 0, 0x1000, X), 0);
	CHECK_EQ(fault(&mem, 0, X), 0);
	CHECK_EQ(fault(&mem, 0, R), -EACCES);
	kev_mem_fini(&mem);
}

void test_region_limit(void)
{
	struct kev_mem mem;
	int i;

	if (!make_mem(&mem, NULL))
		return;
	/* From above to below, so that each is sorted in at the front. */
	for (i = KEV_MEM_MAX_REGIONS - 1; i >= 0; i--)
		if (!CHECK_EQ(add_region(&mem, RAM, i * 2 * PAGE_SIZE, PAGE_SIZE, R), 0))
			break;
	CHECK_EQ(add_region(&mem, RAM, SZ_1G, PAGE_SIZE, R), -ENOSPC);
	for (i = 0; i < KEV_MEM_MAX_REGIONS; i++) {
		CHECK_EQ(fault(&mem, i * 2 * PAGE_SIZE, R), 0);
		CHECK_EQ(fault(&mem, (i * 2 + 1) * PAGE_SIZE, R), -ENOENT);
	}
	kev_mem_fini(&mem);
}

void test_ram(void)
{
	static const u64 far_apart[] = { 0x0, 0x200000, 0x40000000, 0x8000000000, 0xff00000000 };
	struct kev_touch touch;
	struct kev_vm_stats stats;
	struct kev_mem mem;
	char buf[64] = "";
	int i;

	if (!make_mem(&mem, NULL))
		return;
	for (i = 0; i < ARRAY_SIZE(far_apart); i++)
		CHECK_EQ(add_region(&mem, RAM, far_apart[i], 0x2000, R | W | X), 0);
	CHECK_EQ(add_region(&mem, RAM, 0x2000, 0x1000, R), 0);
	stats = stats_of(&mem);
	CHECK_EQ(stats.resident_pages, 0);
	CHECK_EQ(stats.table_pages, 1);

	for (i = 0; i < ARRAY_SIZE(far_apart); i++) {
		memset(buf, 0xff, sizeof(buf));
		CHECK_EQ(read_gpa(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
		CHECK(!memchr_inv(buf, 0, 64));
		memset(buf, i + 1, sizeof(buf));
		CHECK_EQ(write_gpa(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
	}
	for (i = 0; i < ARRAY_SIZE(far_apart); i++) {
		CHECK_EQ(read_gpa(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
		CHECK(!memchr_inv(buf, i + 1, 64));
	}
	stats = stats_of(&mem);
	CHECK_EQ(stats.ram_pages, 2 * ARRAY_SIZE(far_apart));
	CHECK_EQ(stats.resident_pages, stats.ram_pages);
	CHECK_EQ(stats.faults, stats.ram_pages);
	/* The root, two tables of level 3, four of level 2, one of level 1 for each */
	CHECK_EQ(stats.table_pages, 1 + 2 + 4 + 5);

	/* Before the page is there and after */
	CHECK_EQ(fault_at(&mem, 0x2fff, R | W, &touch), -EACCES);
	CHECK_EQ(touch.kind, RAM);
	CHECK_EQ(touch.prot, R);
	CHECK_EQ(fault_at(&mem, 0x2fff, R, &touch), 0);
	CHECK_EQ(fault_at(&mem, 0x2fff, X, &touch), -EACCES);
	CHECK_EQ(fault_at(&mem, 0x3000, R, &touch), -ENOENT);
	CHECK_EQ(touch.kind, 0);
	CHECK_EQ(touch.prot, 0);
	CHECK_EQ(write_gpa(&mem, 0x1ff0, buf, 64), 0x10);
	CHECK_EQ(write_gpa(&mem, 0x2000, buf, 64), -EACCES);
	CHECK_EQ(read_gpa(&mem, 0x2ff0, buf, 64), 0x10);
	CHECK_EQ(read_gpa(&mem, 0x3000, buf, 64), -ENOENT);
	CHECK_EQ(read_gpa(&mem, 0x3000, buf, 0), 0);
	/* Above the width, above what the tables can walk, at the very end */
	CHECK_EQ(read_gpa(&mem, 1ULL << PHYS_BITS, buf, 1), -ENOENT);
	CHECK_EQ(read_gpa(&mem, 1ULL << 48, buf, 1), -ENOENT);
	CHECK_EQ(read_gpa(&mem, -1ULL, buf, 2), -ENOENT);
	kev_mem_fini(&mem);
}

/* After the end every page, of any kind, is the last holder's alone. */
void test_fini(void)
{
	struct fixture *f = SETUP(&all_kinds, .boot = KEV_BOOT_DIRECT64, .ram_kib = 2048);
	static const u64 gpas[] = { 0x0, 0x1000, 0x2000, 0x8000, 0x100000, 0x108000, 0x1ff000 };
	struct page *page[ARRAY_SIZE(gpas) + 1];
	int i;

	if (!f)
		return;
	for (i = 0; i < ARRAY_SIZE(gpas); i++)
		if (!CHECK_EQ(get_page_at(&f->mem, gpas[i], R | W, &page[i]), 0))
			goto out;
	page[i] = pfn_to_page(PHYS_PFN(kev_mem_root(&f->mem)));
	get_page(page[i++]);
out:
	teardown(f);
	while (i--) {
		CHECK_EQ(page_count(page[i]), 1);
		put_page(page[i]);
	}
}
