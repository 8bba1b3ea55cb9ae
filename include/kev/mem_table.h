/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second-level page tables of a VM. For the memory room only.
 *
 * A table, once linked, stays until kev_table_fini(): any thread may walk the
 * tables without a lock. An entry of a level-1 table, a leaf, is 0, busy or
 * present, and changes by compare and exchange alone.
 */
#ifndef _KEV_MEM_TABLE_H
#define _KEV_MEM_TABLE_H

#include <linux/types.h>
#include <kev/mem.h>

/*
 * A leaf whose page is being made by one thread; the others wait for it on the
 * leaf's address. For the CPU it is not present, whatever the other bits say
 * (SDM Vol. 3, "EPT Translation Mechanism": bits 2:0 are clear; and APM Vol. 2,
 * "Nested Paging": P is clear).
 */
#define KEV_TABLE_BUSY	BIT_ULL(62)

/* kev_table_init() - make the root; 0 or -ENOMEM */
int kev_table_init(struct kev_mem *mem);

/* kev_table_fini() - free all tables and all pages in them; nothing walks them */
void kev_table_fini(struct kev_mem *mem);

/**
 * kev_table_find() - the leaf for an address, if its table exists
 * @mem: the memory
 * @gpa: any address
 *
 * Context: Any. Return: the leaf or NULL.
 */
u64 *kev_table_find(struct kev_mem *mem, u64 gpa);

/**
 * kev_table_make() - the leaf for an address; makes the tables that are missing
 * @mem: the memory
 * @gpa: an address below the physical width
 *
 * Context: Process context, may sleep. Return: the leaf, or NULL: no memory.
 */
u64 *kev_table_make(struct kev_mem *mem, u64 gpa);

/**
 * kev_table_adopt() - hand a page's reference to the table that maps it
 * @leaf: the leaf that is going to map it
 * @page: the page: kev's own, its private word is free
 *
 * Context: Any.
 */
void kev_table_adopt(u64 *leaf, struct page *page);

/* kev_table_page() - the page that a present leaf maps */
struct page *kev_table_page(const struct kev_mem *mem, u64 entry);

#endif /* _KEV_MEM_TABLE_H */
