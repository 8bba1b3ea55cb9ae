// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of guest memory, without touching it.
 */
#include <linux/mm.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/region.h>

int kev_mem_query(struct kev_mem *mem, struct kev_query_memory *query)
{
	struct kev_region *region = kev_region_get_next(mem, query->gpa);

	if (!region)
		return -ENOENT;
	query->gpa = region->gpa;
	query->length = region->length;
	query->kind = region->kind;
	query->prot = region->prot;
	query->resident = atomic64_read(&region->resident);
	query->shared = atomic64_read(&region->shared);
	query->own = query->resident - min(query->resident, query->shared);
	query->huge = atomic64_read(&region->huge);
	query->file_pages = atomic64_read(&region->file_pages);
	kev_region_put(region);
	return 0;
}

static u32 leaf_state(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);
	u64 entry = leaf ? READ_ONCE(*leaf) : 0;

	if (!entry || entry & KEV_LEAF_BUSY)
		return KEV_PAGE_LAZY;
	return entry & KEV_LEAF_SHARED ? KEV_PAGE_SHARED : KEV_PAGE_RESIDENT;
}

u32 kev_mem_page_state(struct kev_mem *mem, u64 gpa, u32 *kind, u32 *prot)
{
	struct kev_region *region = kev_region_get(mem, gpa);

	*kind = region ? region->kind : 0;
	*prot = region ? region->prot : 0;
	if (region)
		kev_region_put(region);
	if (!*kind || *kind == KEV_REGION_TRAP)
		return KEV_PAGE_ABSENT;
	return leaf_state(mem, gpa);
}
