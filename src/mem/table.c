// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level page tables: the walk without locks, and who owns which page.
 *
 * Every table is in one chain that starts at kev_mem.tables and goes through
 * the index word of its struct page. Every guest page is in the chain of the
 * table that maps it, which starts in the private word of the table's struct
 * page and goes through the private words of the pages. Chains only grow, at
 * their heads, until the VM goes: freeing a VM touches what exists and scans
 * no table.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

static void push(unsigned long *head, unsigned long *next, const struct page *page)
{
	*next = READ_ONCE(*head);
	while (!try_cmpxchg(head, next, (unsigned long)page))
		cpu_relax();
}

static struct page *alloc_table(struct kev_mem *mem)
{
	return kev_mem_alloc_page(mem, __GFP_ZERO);
}

static void own_table(struct kev_mem *mem, struct page *table)
{
	atomic64_inc(&mem->table_pages);
	push(&mem->tables, &table->index, table);
}

int kev_table_init(struct kev_mem *mem)
{
	mem->root = alloc_table(mem);
	if (!mem->root)
		return -ENOMEM;
	own_table(mem, mem->root);
	return 0;
}

static void free_pages_of(struct page *table)
{
	struct page *page, *next;

	for (page = (struct page *)page_private(table); page; page = next) {
		next = (struct page *)page_private(page);
		set_page_private(page, 0);
		put_page(page);
	}
	set_page_private(table, 0);
}

void kev_table_fini(struct kev_mem *mem)
{
	struct page *table, *next;

	for (table = (struct page *)mem->tables; table; table = next) {
		next = (struct page *)table->index;
		free_pages_of(table);
		table->index = 0;
		__free_page(table);
		cond_resched();
	}
}

/*
 * The entry that points to a lower table, made if it is not there. Of two
 * threads that make one, one throws its table away.
 */
static u64 make_lower(struct kev_mem *mem, u64 *entry)
{
	struct page *table = alloc_table(mem);
	u64 new, old;

	if (!table)
		return 0;
	new = mem->format->make_table(page_to_phys(table));
	old = cmpxchg64(entry, 0, new);
	if (old) {
		__free_page(table);
		return old;
	}
	own_table(mem, table);
	return new;
}

static u64 *walk(struct kev_mem *mem, u64 gpa, bool make)
{
	const struct kev_pt_format *format = mem->format;
	struct page *table = mem->root;
	unsigned int level;
	u64 *entry, value;

	for (level = format->levels;; level--) {
		entry = (u64 *)page_address(table) + kev_pt_index(gpa, level);
		if (level == KEV_PT_LEVEL_4K)
			return entry;
		value = READ_ONCE(*entry);
		if (!value && make)
			value = make_lower(mem, entry);
		if (!value)
			return NULL;
		table = pfn_to_page(PHYS_PFN(format->address(value, level)));
	}
}

u64 *kev_table_find(struct kev_mem *mem, u64 gpa)
{
	/* Above the width an address would alias one below. */
	if (gpa >> mem->phys_bits)
		return NULL;
	return walk(mem, gpa, false);
}

u64 *kev_table_make(struct kev_mem *mem, u64 gpa)
{
	return walk(mem, gpa, true);
}

void kev_table_adopt(u64 *leaf, struct page *page)
{
	struct page *table = virt_to_page(leaf);

	push(&page_private(table), &page_private(page), page);
}

struct page *kev_table_page(const struct kev_mem *mem, u64 entry)
{
	return pfn_to_page(PHYS_PFN(mem->format->address(entry, KEV_PT_LEVEL_4K)));
}
