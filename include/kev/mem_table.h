/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second-level page tables of a VM. For the memory room only.
 *
 * A table, once linked, stays until kev_table_fini(): any thread may walk the
 * tables without a lock. Entries that map memory, leaves, are of level 1 or, for
 * pages of 2 MiB, of level 2. A leaf is 0, busy or present; software changes it
 * under its table's lock alone, while the CPU sets accessed and dirty flags in
 * present ones at any time.
 */
#ifndef _KEV_MEM_TABLE_H
#define _KEV_MEM_TABLE_H

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <kev/mem.h>
#include <kev/pt.h>

struct kev_region;

/*
 * A leaf whose page is being made, or taken away: in the second case the frame's
 * address is still in it. Others wait on the leaf's address. For the CPU it is not
 * present, whatever the other bits say (SDM Vol. 3, "EPT Translation Mechanism":
 * bits 2:0 are clear; APM Vol. 2, "Nested Paging": P is clear).
 */
#define KEV_LEAF_BUSY		BIT_ULL(62)
#define KEV_LEAF_WAITED		BIT_ULL(61)	/* busy, and somebody waits for it */

/* Software's own bits of a present leaf: ignored by both vendors' CPUs */
#define KEV_LEAF_SHARED		BIT_ULL(52)	/* a page of the page cache, never written */
#define KEV_LEAF_BORROWED	BIT_ULL(53)	/* the region holds the reference */
#define KEV_LEAF_TRACKED	BIT_ULL(54)	/* writing is withheld for the dirty log */
#define KEV_LEAF_SOFT		(KEV_LEAF_SHARED | KEV_LEAF_BORROWED | KEV_LEAF_TRACKED)

/**
 * struct kev_pt_page - a page-table page, and what the CPU need not know of it
 * @next: [I] chain of all tables of the VM
 * @entry: [I] the page
 * @gpa: [I] first address that it covers
 * @level: [I] of its entries
 * @lock: see above; a leaf lock, IRQs on
 * @used: [t] leaves that are not 0
 * @dirty: [t] leaves that were written otherwise than the CPU's dirty flag tells
 *
 * [I] immutable, [t] @lock.
 */
struct kev_pt_page {
	struct kev_pt_page *next;
	u64 *entry;
	u64 gpa;
	unsigned int level;
	raw_spinlock_t lock;	/* innermost */
	DECLARE_BITMAP(used, KEV_PT_ENTRIES);
	DECLARE_BITMAP(dirty, KEV_PT_ENTRIES);
};

/* kev_table_init() - make the root; 0 or -ENOMEM */
int kev_table_init(struct kev_mem *mem);

/* kev_table_fini() - free all tables and all pages in them; nothing walks them */
void kev_table_fini(struct kev_mem *mem);

/**
 * kev_table_make() - the entry of a level for an address; makes what is missing above
 * @mem: the memory
 * @gpa: an address below the physical width
 * @level: KEV_PT_LEVEL_4K or KEV_PT_LEVEL_2M
 *
 * Context: Process context, may sleep.
 * Return: the entry; NULL: no memory. For level 1 it is the level-2 entry where that is
 * busy or maps 2 MiB: the caller compares the level of its table.
 */
u64 *kev_table_make(struct kev_mem *mem, u64 gpa, unsigned int level);

/**
 * kev_table_find() - the leaf for an address, if its table exists
 * @mem: the memory
 * @gpa: any address
 *
 * Context: Any.
 * Return: an entry of level 1, or of level 2 where that is a leaf or
 * busy; NULL.
 */
u64 *kev_table_find(struct kev_mem *mem, u64 gpa);

/**
 * kev_table_next() - go through the tables that exist in a range
 * @mem: the memory
 * @gpa: where to start; moved behind what is returned
 * @end: first address behind the range
 * @first: index of the first leaf of the table in the range
 * @nr: leaves of it in the range
 *
 * Gives every table of level 1, and each leaf, busy or discarded entry of level 2 by itself;
 * the latter covers more than the range where its ends do not lie on 2 MiB.
 *
 * Context: Any.
 * Return: the table, or NULL at the end.
 */
struct kev_pt_page *kev_table_next(struct kev_mem *mem, u64 *gpa, u64 end, unsigned int *first,
				   unsigned int *nr);

/**
 * kev_table_split() - replace a leaf of 2 MiB by a table of leaves of 4 KiB
 * @mem: the memory
 * @leaf: an entry of level 2
 * @region: that the leaf is in: gives the rights of the new leaves
 *
 * The frames stay, so what CPUs have cached of the old leaf stays right, but for rights
 * that are added: the caller flushes for those. Context: Process context, may sleep.
 * Return: 0, also when @leaf maps nothing any more; -ENOMEM.
 */
int kev_table_split(struct kev_mem *mem, u64 *leaf, struct kev_region *region);

/* kev_table_of() - the table that an entry is in */
static inline struct kev_pt_page *kev_table_of(const u64 *entry)
{
	return (struct kev_pt_page *)page_private(virt_to_page(entry));
}

/* kev_table_gpa() - the address that an entry of a table covers from */
static inline u64 kev_table_gpa(const struct kev_pt_page *table, unsigned int index)
{
	return table->gpa + index * kev_pt_size(table->level);
}

static inline unsigned int kev_leaf_index(const u64 *leaf)
{
	return offset_in_page(leaf) / sizeof(*leaf);
}

/* kev_leaf_page() - the page of 4 KiB at @gpa in a present leaf */
struct page *kev_leaf_page(const struct kev_mem *mem, const u64 *leaf, u64 entry, u64 gpa);

/**
 * kev_leaf_claim() - make a leaf busy
 * @leaf: its table's lock is held; the leaf is not busy
 *
 * The CPU may set flags until this returns.
 * Return: what the leaf was.
 */
u64 kev_leaf_claim(u64 *leaf);

/**
 * kev_leaf_settle() - end what kev_leaf_claim() began
 * @leaf: its table's lock is held; the leaf is busy
 * @entry: 0 or a present entry
 *
 * Return: somebody waits: call kev_leaf_wake() without the lock.
 */
bool kev_leaf_settle(u64 *leaf, u64 entry);
void kev_leaf_wake(u64 *leaf);

/* kev_leaf_allows() - does a present leaf allow an access as it is */
bool kev_leaf_allows(const struct kev_mem *mem, u64 entry, const struct kev_touch *touch);

/* kev_leaf_put() - give back what a present leaf of @level has held */
void kev_leaf_put(const struct kev_mem *mem, u64 entry, unsigned int level);

#endif /* _KEV_MEM_TABLE_H */
