// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot structures: bytes that a boot protocol computes, a page of the guest's own when it
 * is first touched.
 */
#include <linux/container_of.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kev/region.h>

/* Either @page computes a page, or @bytes has them all. */
struct kev_boot_region {
	struct kev_region region;
	kev_boot_page_fn page;
	void *bytes;
};

static struct kev_boot_region *to_boot_region(struct kev_region *region)
{
	return container_of(region, struct kev_boot_region, region);
}

static int boot_fault(struct kev_fault *fault)
{
	const struct kev_boot_region *boot = to_boot_region(fault->region);
	void *to;

	fault->page = kev_mem_alloc_page(fault->mem, boot->page ? __GFP_ZERO : 0);
	if (!fault->page)
		return -ENOMEM;
	to = page_address(fault->page);
	if (boot->page)
		boot->page(fault->gpa, to);
	else
		memcpy(to, boot->bytes + (fault->gpa - boot->region.gpa), PAGE_SIZE);
	return 0;
}

static void boot_release(struct kev_region *region)
{
	kvfree(to_boot_region(region)->bytes);
}

static const struct kev_region_ops boot_ops = {
	.fault = boot_fault,
	.release = boot_release,
};

static int create(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
		  kev_boot_page_fn page, void *bytes)
{
	struct kev_boot_region *boot = kev_region_alloc(mem, sizeof(*boot));

	if (!boot)
		return -ENOMEM;
	kev_region_init(&boot->region, list, &boot_ops, KEV_REGION_BOOT, gpa, length, KEV_MEM_ALL);
	boot->page = page;
	boot->bytes = bytes;
	return 0;
}

int kev_boot_create(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
		    void *bytes)
{
	return create(mem, list, gpa, length, NULL, bytes);
}

int kev_boot_create_computed(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
			     kev_boot_page_fn page)
{
	return create(mem, list, gpa, length, page, NULL);
}
