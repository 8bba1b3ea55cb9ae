// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level page tables: walks without locks, leaves under their table's.
 *
 * Every table is in one chain, and knows which of its leaves map something:
 * freeing a VM touches what exists and scans no table. A leaf holds a reference to
 * its page, or to all 512 of a page of 2 MiB.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <kev/mem_table.h>
#include <kev/region.h>

/* What is known of a table beside its page: zeros */
static struct kev_pt_page *alloc_info(struct kev_mem *mem)
{
	return kev_mem_room(mem, sizeof(struct kev_pt_page)) ?:
	       kev_mem_zalloc(mem, sizeof(struct kev_pt_page));
}

static void free_info(const struct kev_mem *mem, struct kev_pt_page *table)
{
	if (!kev_mem_in_room(mem, table))
		kfree(table);
}

static struct kev_pt_page *alloc_table(struct kev_mem *mem, u64 gpa, unsigned int level)
{
	struct kev_pt_page *table = alloc_info(mem);
	struct page *page;

	if (!table)
		return NULL;
	page = kev_mem_alloc_page(mem, __GFP_ZERO);
	if (!page) {
		free_info(mem, table);
		return NULL;
	}
	set_page_private(page, (unsigned long)table);
	table->entry = page_address(page);
	table->gpa = gpa & ~(kev_pt_size(level + 1) - 1);
	table->level = level;
	raw_spin_lock_init(&table->lock);
	return table;
}

static void free_table(const struct kev_mem *mem, struct kev_pt_page *table)
{
	struct page *page = virt_to_page(table->entry);

	set_page_private(page, 0);
	kev_mem_free_page(page);
	free_info(mem, table);
}

static void own_table(struct kev_mem *mem, struct kev_pt_page *table)
{
	atomic64_inc(&mem->count.table_pages);
	table->next = READ_ONCE(mem->tables);
	while (!try_cmpxchg(&mem->tables, &table->next, table))
		cpu_relax();
}

int kev_table_init(struct kev_mem *mem)
{
	mem->root = alloc_table(mem, 0, mem->config.format->levels);
	if (!mem->root)
		return -ENOMEM;
	own_table(mem, mem->root);
	return 0;
}

void kev_leaf_put(const struct kev_mem *mem, u64 entry, unsigned int level)
{
	struct page *page = pfn_to_page(PHYS_PFN(mem->config.format->address(entry, level)));
	unsigned int nr = level == KEV_PT_LEVEL_4K ? 1 : KEV_PT_ENTRIES;

	if (entry & KEV_LEAF_BORROWED)
		return;
	while (nr--)
		put_page(page++);
}

/* The last that is to be done about a leaf: nobody reaches its page any more. */
static void free_leaf(const struct kev_mem *mem, u64 entry, unsigned int level)
{
	if (level == KEV_PT_LEVEL_4K && !(entry & (KEV_LEAF_BORROWED | KEV_LEAF_SHARED)))
		kev_mem_free_page(pfn_to_page(PHYS_PFN(mem->config.format->address(entry, level))));
	else
		kev_leaf_put(mem, entry, level);
}

void kev_table_fini(struct kev_mem *mem)
{
	struct kev_pt_page *table, *next;
	unsigned int i;

	for (table = mem->tables; table; table = next) {
		next = table->next;
		for_each_set_bit(i, table->used, KEV_PT_ENTRIES) {
			free_leaf(mem, table->entry[i], table->level);
			if (table->level != KEV_PT_LEVEL_4K)
				cond_resched();
		}
		free_table(mem, table);
		cond_resched();
	}
}

/* Does an entry of a walk point to a lower table */
static bool is_table(const struct kev_mem *mem, u64 value, unsigned int level)
{
	return mem->config.format->present(value) && !mem->config.format->is_leaf(value, level);
}

static struct kev_pt_page *table_at(const struct kev_mem *mem, u64 value, unsigned int level)
{
	u64 pa = mem->config.format->address(value, level);

	return (struct kev_pt_page *)page_private(pfn_to_page(PHYS_PFN(pa)));
}

static u64 table_entry(const struct kev_mem *mem, const struct kev_pt_page *table)
{
	return mem->config.format->make_table(virt_to_phys(table->entry));
}

/*
 * Link a lower table at an entry. Of two threads that make one, one throws its
 * table away. Returns what the entry is now, 0: no memory.
 */
static u64 make_lower(struct kev_mem *mem, u64 *entry, u64 gpa, unsigned int level)
{
	struct kev_pt_page *table = alloc_table(mem, gpa, level - 1);
	struct kev_pt_page *upper = kev_table_of(entry);
	u64 old;

	if (!table)
		return 0;
	raw_spin_lock(&upper->lock);
	old = READ_ONCE(*entry);
	if (!old) {
		/* What was here as a page of 2 MiB, and was discarded */
		if (__test_and_clear_bit(kev_leaf_index(entry), upper->dirty))
			bitmap_fill(table->dirty, KEV_PT_ENTRIES);
		/* The table's content before the entry that shows it */
		smp_store_release(entry, table_entry(mem, table));
	}
	raw_spin_unlock(&upper->lock);
	if (old) {
		free_table(mem, table);
		return old;
	}
	own_table(mem, table);
	return READ_ONCE(*entry);
}

u64 *kev_table_make(struct kev_mem *mem, u64 gpa, unsigned int level)
{
	struct kev_pt_page *table = mem->root;
	u64 *entry, value;

	for (;;) {
		entry = &table->entry[kev_pt_index(gpa, table->level)];
		if (table->level == level)
			return entry;
		value = READ_ONCE(*entry);
		if (!value)
			value = make_lower(mem, entry, gpa, table->level);
		if (!value)
			return NULL;
		if (!is_table(mem, value, table->level))
			return entry;
		table = table_at(mem, value, table->level);
	}
}

u64 *kev_table_find(struct kev_mem *mem, u64 gpa)
{
	struct kev_pt_page *table = mem->root;
	u64 *entry, value;

	/* Above the width an address would alias one below. */
	if (gpa >> mem->config.phys_bits)
		return NULL;
	for (;;) {
		entry = &table->entry[kev_pt_index(gpa, table->level)];
		if (table->level == KEV_PT_LEVEL_4K)
			return entry;
		value = READ_ONCE(*entry);
		if (!value)
			return NULL;
		if (!is_table(mem, value, table->level))
			return entry;
		table = table_at(mem, value, table->level);
	}
}

struct kev_pt_page *kev_table_next(struct kev_mem *mem, u64 *gpa, u64 end, unsigned int *first,
				   unsigned int *nr)
{
	struct kev_pt_page *table = mem->root;
	u64 value, next;

	while (*gpa < end) {
		*first = kev_pt_index(*gpa, table->level);
		if (table->level == KEV_PT_LEVEL_4K) {
			next = min(end, table->gpa + kev_pt_size(KEV_PT_LEVEL_2M));
			*nr = (next - *gpa) >> KEV_PAGE_SHIFT;
			*gpa = next;
			return table;
		}
		value = READ_ONCE(table->entry[*first]);
		if (value && is_table(mem, value, table->level)) {
			table = table_at(mem, value, table->level);
			continue;
		}
		next = (*gpa | (kev_pt_size(table->level) - 1)) + 1;
		*gpa = min(end, next);
		if (value || test_bit(*first, table->dirty)) {
			*nr = 1;
			return table;
		}
		table = mem->root;
	}
	return NULL;
}

int kev_table_split(struct kev_mem *mem, u64 *leaf, struct kev_region *region)
{
	const struct kev_pt_format *format = mem->config.format;
	struct kev_pt_page *upper = kev_table_of(leaf);
	unsigned int index = kev_leaf_index(leaf);
	u64 gpa = kev_table_gpa(upper, index);
	struct kev_pt_page *table = alloc_table(mem, gpa, KEV_PT_LEVEL_4K);
	unsigned int i;
	u64 old, pa;
	bool done;

	if (!table)
		return -ENOMEM;
	raw_spin_lock(&upper->lock);
	done = test_bit(index, upper->used) && !(*leaf & KEV_LEAF_BUSY) &&
	       !kev_region_is_dead(region);
	if (done) {
		old = kev_leaf_claim(leaf);
		pa = format->address(old, KEV_PT_LEVEL_2M);
		for (i = 0; i < KEV_PT_ENTRIES; i++)
			table->entry[i] = format->make_leaf(pa + i * KEV_PAGE_SIZE,
							    region->prot, KEV_PT_LEVEL_4K);
		bitmap_fill(table->used, KEV_PT_ENTRIES);
		/* The new leaves start clean: what the old one knew is kept here. */
		if (old & format->dirty || test_bit(index, upper->dirty))
			bitmap_fill(table->dirty, KEV_PT_ENTRIES);
		__clear_bit(index, upper->dirty);
		__clear_bit(index, upper->used);
		/* The table's content before the entry that shows it */
		smp_store_release(leaf, table_entry(mem, table));
		atomic64_sub(KEV_PT_ENTRIES, &region->huge);
	}
	raw_spin_unlock(&upper->lock);
	if (done)
		own_table(mem, table);
	else
		free_table(mem, table);
	return 0;
}

struct page *kev_leaf_page(const struct kev_mem *mem, const u64 *leaf, u64 entry, u64 gpa)
{
	unsigned int level = kev_table_of(leaf)->level;
	unsigned long pfn = PHYS_PFN(mem->config.format->address(entry, level));

	return pfn_to_page(pfn + ((gpa & (kev_pt_size(level) - 1)) >> KEV_PAGE_SHIFT));
}

u64 kev_leaf_claim(u64 *leaf)
{
	return xchg(leaf, KEV_LEAF_BUSY);
}

bool kev_leaf_settle(u64 *leaf, u64 entry)
{
	bool waited = *leaf & KEV_LEAF_WAITED;
	struct kev_pt_page *table = kev_table_of(leaf);

	if (entry)
		__set_bit(kev_leaf_index(leaf), table->used);
	else
		__clear_bit(kev_leaf_index(leaf), table->used);
	WRITE_ONCE(*leaf, entry);
	return waited;
}

void kev_leaf_wake(u64 *leaf)
{
	/* The leaf before the look for waiters; pairs with prepare_to_wait_event(). */
	smp_mb();
	wake_up_var(leaf);
}
