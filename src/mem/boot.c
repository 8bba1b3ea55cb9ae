// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot structures of the protocol "64-bit direct": pages that are computed
 * when the guest first touches them, and its own from then on.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <kev/direct64.h>
#include <kev/region.h>

static int boot_fault(struct kev_mem *mem, struct kev_fault *fault)
{
	struct page *page = kev_mem_alloc_page(mem, 0);

	if (!page)
		return -ENOMEM;
	kev_direct64_page(fault->gpa, page_address(page));
	fault->page = page;
	fault->prot = fault->region->prot;
	return 0;
}

static const struct kev_region_ops boot_ops = {
	.fault = boot_fault,
	.release = kev_region_release,
};

int kev_boot_create(struct list_head *list)
{
	return kev_region_create(list, &boot_ops, KEV_MEM_KIND_BOOT, KEV_DIRECT64_START,
				 KEV_DIRECT64_END - KEV_DIRECT64_START, KEV_MEM_ALL);
}
