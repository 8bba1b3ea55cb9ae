// SPDX-License-Identifier: GPL-2.0-only
/*
 * RAM and its relatives: pages of zeros, pages that only user space writes, pages that
 * user space fills, and addresses without pages.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kev/region.h>

static int ram_fault(struct kev_fault *fault)
{
	fault->page = kev_fault_alloc(fault, __GFP_ZERO);
	return fault->page ? 0 : -ENOMEM;
}

static struct page *ram_fast(struct kev_mem *mem, struct kev_region *region,
			     struct kev_stock *stock, u64 gpa, u32 access)
{
	return kev_stock_take_fast(stock, gpa);
}

/*
 * User space comes first, to fill the page: by a mapping, or by a write, which may bring all
 * bytes at once. To look at a page that is not filled yet, as debuggers do, makes none.
 */
static int notify_fault(struct kev_fault *fault)
{
	const struct kev_touch *touch = fault->touch;
	const void *fill = touch->fill;

	if (!(touch->flags & KEV_TOUCH_OWNER) ||
	    !(touch->flags & KEV_TOUCH_MAPPING || touch->access & KEV_MEM_WRITE))
		return -EAGAIN;
	if (!fill)
		return ram_fault(fault);
	fault->page = kev_fault_alloc(fault, 0);
	if (!fault->page)
		return -ENOMEM;
	memcpy(page_address(fault->page), fill, PAGE_SIZE);
	fault->filled = true;
	return 0;
}

/* kev_mem_fault() refuses every access before. */
static int trap_fault(struct kev_fault *fault)
{
	return -EACCES;
}

static const struct kev_region_ops ram_ops = { .fault = ram_fault, .fast = ram_fast };
static const struct kev_region_ops notify_ops = { .fault = notify_fault };
static const struct kev_region_ops trap_ops = { .fault = trap_fault };

static const struct kev_region_ops *ops_of(u32 kind)
{
	switch (kind) {
	case KEV_REGION_NOTIFY:
		return &notify_ops;
	case KEV_REGION_TRAP:
		return &trap_ops;
	default:
		return &ram_ops;
	}
}

int kev_ram_create(struct kev_mem *mem, struct list_head *list, u32 kind, u64 gpa, u64 length,
		   u32 prot)
{
	struct kev_region *region = kev_region_alloc(mem, sizeof(*region));

	if (!region)
		return -ENOMEM;
	kev_region_init(region, list, ops_of(kind), kind, gpa, length, prot);
	region->huge_ok = kind == KEV_REGION_RAM;
	return 0;
}
