// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages were written.
 *
 * The CPU's dirty flags tell what the guest has written; without them writing is
 * withheld after each look, and the fault tells. Each table's own bitmap tells what
 * everybody else has written: kev for the guest, user space by a call or a mapping.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

static u64 end_of(u64 gpa, unsigned long pages)
{
	return gpa + ((u64)pages << KEV_PAGE_SHIFT);
}

/* Look at a present leaf of 4 KiB and forget; its table's lock is held. */
static bool take_flag(struct kev_mem *mem, u64 *leaf)
{
	const struct kev_pt_format *format = mem->config.format;
	u64 entry = READ_ONCE(*leaf);
	unsigned int prot = format->prot(entry);

	if (mem->config.dirty_flag) {
		/* The CPU sets flags of its own meanwhile. */
		while (entry & format->dirty && !try_cmpxchg(leaf, &entry, entry & ~format->dirty))
			;
		return entry & format->dirty;
	}
	if (!(prot & KEV_MEM_WRITE))
		return false;
	entry = format->make_leaf(format->address(entry, KEV_PT_LEVEL_4K), prot & ~KEV_MEM_WRITE,
				  KEV_PT_LEVEL_4K) | (entry & KEV_LEAF_SOFT) | KEV_LEAF_TRACKED;
	WRITE_ONCE(*leaf, entry);
	return true;
}

/* The page of a range that a leaf is */
static unsigned long page_of(u64 gpa, const struct kev_pt_page *table, unsigned int index)
{
	return (kev_table_gpa(table, index) - gpa) >> KEV_PAGE_SHIFT;
}

static long take_table(struct kev_mem *mem, struct kev_pt_page *table, unsigned int first,
		       unsigned int nr, u64 gpa, unsigned long *bitmap)
{
	unsigned int i;
	long taken = 0;

	raw_spin_lock(&table->lock);
	for (i = first; i < first + nr; i++) {
		bool dirty = __test_and_clear_bit(i, table->dirty);

		if (test_bit(i, table->used) && !(table->entry[i] & KEV_LEAF_BUSY))
			dirty |= take_flag(mem, &table->entry[i]);
		if (dirty) {
			__set_bit(page_of(gpa, table, i), bitmap);
			taken++;
		}
	}
	raw_spin_unlock(&table->lock);
	return taken;
}

/* A leaf of 2 MiB becomes a table; so does one that was discarded: its answer is kept there. */
static int split_entry(struct kev_mem *mem, struct kev_pt_page *table, unsigned int index)
{
	u64 gpa = kev_table_gpa(table, index);
	struct kev_region *region;
	int ret;

	if (!READ_ONCE(table->entry[index]))
		return kev_table_make(mem, gpa, KEV_PT_LEVEL_4K) ? 0 : -ENOMEM;
	region = kev_region_get(mem, gpa);
	if (!region)
		return 0;
	ret = kev_table_split(mem, &table->entry[index], region);
	kev_region_put(region);
	return ret;
}

/* So that each page of 4 KiB has its own answer: 0 or -ENOMEM */
static int split_range(struct kev_mem *mem, u64 gpa, u64 end)
{
	unsigned int first, nr;
	struct kev_pt_page *table;
	u64 at = gpa;
	int ret;

	for (;;) {
		table = kev_table_next(mem, &at, end, &first, &nr);
		if (!table)
			return 0;
		cond_resched();
		if (table->level == KEV_PT_LEVEL_4K)
			continue;
		ret = split_entry(mem, table, first);
		if (ret)
			return ret;
	}
}

long kev_mem_get_dirty(struct kev_mem *mem, u64 gpa, unsigned long pages, unsigned long *bitmap)
{
	u64 end = end_of(gpa, pages), at = gpa;
	unsigned int first, nr;
	struct kev_pt_page *table;
	long dirty = 0;
	int ret;

	mutex_lock(&mem->lock);
	ret = split_range(mem, gpa, end);
	while (!ret) {
		table = kev_table_next(mem, &at, end, &first, &nr);
		if (!table)
			break;
		if (table->level == KEV_PT_LEVEL_4K)
			dirty += take_table(mem, table, first, nr, gpa, bitmap);
		cond_resched();
	}
	/* A CPU that has a page cached as dirty would not say so again. */
	if (dirty) {
		kev_mem_flush(mem);
		kev_mem_unmap_user(mem, gpa, end - gpa);
	}
	mutex_unlock(&mem->lock);
	return ret ?: dirty;
}

void kev_mem_set_dirty(struct kev_mem *mem, u64 gpa, unsigned long pages,
		       const unsigned long *bitmap)
{
	u64 end = end_of(gpa, pages), at = gpa;
	unsigned int first, nr, i;
	struct kev_pt_page *table;

	while ((table = kev_table_next(mem, &at, end, &first, &nr))) {
		cond_resched();
		if (table->level != KEV_PT_LEVEL_4K)
			continue;
		raw_spin_lock(&table->lock);
		for (i = first; i < first + nr; i++)
			if (test_bit(page_of(gpa, table, i), bitmap))
				__set_bit(i, table->dirty);
		raw_spin_unlock(&table->lock);
	}
}
