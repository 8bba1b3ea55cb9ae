// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAM: pages of zeros.
 */
#include <linux/gfp.h>
#include <kev/region.h>

static int ram_fault(struct kev_mem *mem, struct kev_fault *fault)
{
	fault->page = kev_mem_alloc_page(mem, __GFP_ZERO);
	fault->prot = fault->region->prot;
	return fault->page ? 0 : -ENOMEM;
}

static const struct kev_region_ops ram_ops = {
	.fault = ram_fault,
	.release = kev_region_release,
};

int kev_ram_create(struct list_head *list, u64 gpa, u64 length, u32 prot)
{
	return kev_region_create(list, &ram_ops, KEV_MEM_KIND_RAM, gpa, length, prot);
}

int kev_mem_add_ram(struct kev_mem *mem, u64 gpa, u64 length, u32 prot)
{
	LIST_HEAD(regions);
	int ret;

	if (!prot)
		return -EINVAL;
	ret = kev_ram_create(&regions, gpa, length, prot);
	if (!ret)
		ret = kev_region_add_list(mem, &regions);
	kev_region_release_list(&regions);
	return ret;
}
