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
	struct kev_mem mem;
	int i;

	CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, 53), -EINVAL);
	CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, 49), -EINVAL);
	CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, 12), -EINVAL);
	if (!CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, PHYS_BITS), 0))
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (!CHECK_EQ(kev_mem_add_ram(&mem, cases[i].gpa, cases[i].length, cases[i].prot),
			      cases[i].expected))
			pr_err("# case %d\n", i);
	kev_mem_fini(&mem);

	if (!CHECK_EQ(kev_mem_init(&mem, &kev_ept_format_execute_only, PHYS_BITS), 0))
		return;
	CHECK_EQ(kev_mem_add_ram(&mem, 0, 0x1000, X), 0);
	CHECK_EQ(kev_mem_fault(&mem, 0, X, NULL), 0);
	CHECK_EQ(kev_mem_fault(&mem, 0, R, NULL), -EACCES);
	kev_mem_fini(&mem);
}

void test_region_limit(void)
{
	struct kev_mem mem;
	int i;

	if (!CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, PHYS_BITS), 0))
		return;
	/* From above to below, so that each is sorted in at the front. */
	for (i = KEV_MEM_MAX_REGIONS - 1; i >= 0; i--)
		if (!CHECK_EQ(kev_mem_add_ram(&mem, i * 2 * PAGE_SIZE, PAGE_SIZE, R), 0))
			break;
	CHECK_EQ(kev_mem_add_ram(&mem, SZ_1G, PAGE_SIZE, R), -ENOSPC);
	for (i = 0; i < KEV_MEM_MAX_REGIONS; i++) {
		CHECK_EQ(kev_mem_fault(&mem, i * 2 * PAGE_SIZE, R, NULL), 0);
		CHECK_EQ(kev_mem_fault(&mem, (i * 2 + 1) * PAGE_SIZE, R, NULL), -ENOENT);
	}
	kev_mem_fini(&mem);
}

void test_ram(void)
{
	static const u64 far_apart[] = { 0x0, 0x200000, 0x40000000, 0x8000000000, 0xff00000000 };
	struct kev_fault_info info;
	struct kev_vm_stats stats;
	struct kev_mem mem;
	char buf[64] = "";
	int i;

	if (!CHECK_EQ(kev_mem_init(&mem, &kev_ept_format, PHYS_BITS), 0))
		return;
	for (i = 0; i < ARRAY_SIZE(far_apart); i++)
		CHECK_EQ(kev_mem_add_ram(&mem, far_apart[i], 0x2000, R | W | X), 0);
	CHECK_EQ(kev_mem_add_ram(&mem, 0x2000, 0x1000, R), 0);
	kev_mem_stats(&mem, &stats);
	CHECK_EQ(stats.resident_pages, 0);
	CHECK_EQ(stats.table_pages, 1);

	for (i = 0; i < ARRAY_SIZE(far_apart); i++) {
		memset(buf, 0xff, sizeof(buf));
		CHECK_EQ(kev_mem_read(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
		CHECK(!memchr_inv(buf, 0, 64));
		memset(buf, i + 1, sizeof(buf));
		CHECK_EQ(kev_mem_write(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
	}
	for (i = 0; i < ARRAY_SIZE(far_apart); i++) {
		CHECK_EQ(kev_mem_read(&mem, far_apart[i] + 0xfe0, buf, 64), 64);
		CHECK(!memchr_inv(buf, i + 1, 64));
	}
	kev_mem_stats(&mem, &stats);
	CHECK_EQ(stats.ram_pages, 2 * ARRAY_SIZE(far_apart));
	CHECK_EQ(stats.resident_pages, stats.ram_pages);
	CHECK_EQ(stats.faults, stats.ram_pages);
	/* The root, two tables of level 3, four of level 2, one of level 1 for each */
	CHECK_EQ(stats.table_pages, 1 + 2 + 4 + 5);

	/* Before the page is there and after */
	CHECK_EQ(kev_mem_fault(&mem, 0x2fff, R | W, &info), -EACCES);
	CHECK_EQ(info.kind, KEV_MEM_KIND_RAM);
	CHECK_EQ(info.prot, R);
	CHECK_EQ(kev_mem_fault(&mem, 0x2fff, R, &info), 0);
	CHECK_EQ(kev_mem_fault(&mem, 0x2fff, X, &info), -EACCES);
	CHECK_EQ(kev_mem_fault(&mem, 0x3000, R, &info), -ENOENT);
	CHECK_EQ(info.kind, KEV_MEM_KIND_NONE);
	CHECK_EQ(info.prot, 0);
	CHECK_EQ(kev_mem_write(&mem, 0x1ff0, buf, 64), 0x10);
	CHECK_EQ(kev_mem_write(&mem, 0x2000, buf, 64), -EACCES);
	CHECK_EQ(kev_mem_read(&mem, 0x2ff0, buf, 64), 0x10);
	CHECK_EQ(kev_mem_read(&mem, 0x3000, buf, 64), -ENOENT);
	CHECK_EQ(kev_mem_read(&mem, 0x3000, buf, 0), 0);
	/* Above the width, above what the tables can walk, at the very end */
	CHECK_EQ(kev_mem_read(&mem, 1ULL << PHYS_BITS, buf, 1), -ENOENT);
	CHECK_EQ(kev_mem_read(&mem, 1ULL << 48, buf, 1), -ENOENT);
	CHECK_EQ(kev_mem_read(&mem, -1ULL, buf, 2), -ENOENT);
	kev_mem_fini(&mem);
}

/* After the end every page, of any kind, is the last holder's alone. */
void test_fini(void)
{
	struct fixture *f = setup(&all_kinds, KEV_BOOT_DIRECT64, 0, 2048);
	static const u64 gpas[] = { 0x0, 0x1000, 0x2000, 0x8000, 0x100000, 0x108000, 0x1ff000 };
	struct page *page[ARRAY_SIZE(gpas) + 1];
	int i;

	if (!f)
		return;
	for (i = 0; i < ARRAY_SIZE(gpas); i++)
		if (!CHECK_EQ(kev_mem_get_page(&f->mem, gpas[i], R | W, &page[i]), 0))
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
