// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first touch of a page, by whomever: a vCPU, a hypercall or a probe.
 *
 * A leaf goes from 0 to busy to present; a failure takes it back to 0. Who makes it
 * busy makes the page, holding no lock; others sleep on the leaf's address. So
 * one page results from any number of faults, and a file is read once.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/wait_bit.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

/* Only who has made a leaf busy ends that, once. */
static void settle(u64 *leaf, u64 entry)
{
	WARN_ON_ONCE(cmpxchg64(leaf, KEV_TABLE_BUSY, entry) != KEV_TABLE_BUSY);
	/* The exchange is the barrier that a waiter's check needs. */
	wake_up_var(leaf);
}

static int make_page(struct kev_mem *mem, struct kev_fault *fault, u64 *leaf)
{
	const struct kev_region *region = fault->region;
	int ret;

	ret = region->ops->fault(mem, fault);
	if (ret) {
		settle(leaf, 0);
		return ret;
	}
	kev_table_adopt(leaf, fault->page);
	atomic64_inc(&mem->resident[region->kind]);
	settle(leaf, mem->format->make_leaf(page_to_phys(fault->page), fault->prot,
					    KEV_PT_LEVEL_4K));
	return 0;
}

static int make_present(struct kev_mem *mem, struct kev_fault *fault, u64 *leaf)
{
	u64 entry;

	for (;;) {
		entry = cmpxchg64(leaf, 0, KEV_TABLE_BUSY);
		if (!entry)
			return make_page(mem, fault, leaf);
		if (entry != KEV_TABLE_BUSY)
			return fault->access & ~mem->format->prot(entry) ? -EACCES : 0;
		if (wait_var_event_interruptible(leaf, READ_ONCE(*leaf) != KEV_TABLE_BUSY))
			return -EINTR;
	}
}

int kev_mem_fault(struct kev_mem *mem, u64 gpa, u32 access, struct kev_fault_info *info)
{
	struct kev_fault fault = {
		.gpa = kev_page_down(gpa),
		.access = access,
	};
	u64 *leaf;
	int ret;

	might_sleep();
	fault.region = kev_region_find(mem, gpa);
	if (info)
		*info = (struct kev_fault_info) {
			.kind = fault.region ? fault.region->kind : KEV_MEM_KIND_NONE,
			.prot = fault.region ? fault.region->prot : 0,
		};
	if (!fault.region)
		return -ENOENT;
	/* No right at all means that no leaf can be made, even for an access of 0. */
	if ((access & ~fault.region->prot) || !fault.region->prot)
		return -EACCES;

	leaf = kev_table_make(mem, gpa);
	if (!leaf)
		return -ENOMEM;
	ret = make_present(mem, &fault, leaf);
	if (!ret)
		atomic64_inc(&mem->faults);
	return ret;
}
