/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's stock of pages: allocated some at a time, so that most first touches of a run of
 * pages cost no allocation, and can be answered with IRQs off.
 */
#ifndef _KEV_STOCK_H
#define _KEV_STOCK_H

#include <linux/types.h>

struct kev_mem;
struct kev_pt_page;
struct page;

/* Pages are allocated 2^n at a time; the first one is used at once. */
#define KEV_STOCK_ORDER		5
#define KEV_STOCK_PAGES		((1U << KEV_STOCK_ORDER) - 1)

/**
 * struct kev_stock - pages that a vCPU's guest has not touched yet, and where it is going
 * @nr: pages in @page
 * @order: of the last allocation
 * @around: pages of the last window of fault-around
 * @region: of the last fast fault: for kev_region_find_near()
 * @last: guest-physical address of the page that was last taken for
 * @around_end: where the last window of fault-around ended
 * @table: page-table page of the last fault; it lives as long as the memory
 * @page: zeros, charged to the VM's creator
 *
 * Belongs to whoever owns the vCPU. All 0 is an empty stock.
 */
struct kev_stock {
	u8 nr;
	u8 order;
	u16 around;
	u32 region;
	u64 last;
	u64 around_end;
	struct kev_pt_page *table;
	struct page *page[KEV_STOCK_PAGES];
};

/**
 * kev_stock_take() - a page for a fault
 * @stock: of the vCPU that faults; NULL: somebody else does
 * @mem: the memory; its creator is charged
 * @gpa: the page of the fault
 * @flags: __GFP_ZERO, unless the caller writes every byte
 *
 * While faults hit neighbouring pages an empty stock is filled with more pages each time, up
 * to KEV_STOCK_PAGES, as far as there is memory at hand.
 *
 * Context: Process context, may sleep.
 * Return: the page, or NULL as kev_mem_alloc_page().
 */
struct page *kev_stock_take(struct kev_stock *stock, struct kev_mem *mem, u64 gpa, gfp_t flags);

/**
 * kev_stock_take_fast() - the same, if there is a page
 * @stock: of the vCPU that faults
 * @gpa: the page of the fault
 *
 * Context: IRQs off.
 * Return: a page of zeros, or NULL.
 */
struct page *kev_stock_take_fast(struct kev_stock *stock, u64 gpa);

/* kev_stock_return() - the page that was just taken was not used; it may have been written */
void kev_stock_return(struct kev_stock *stock, struct page *page);

/* kev_stock_drop() - give all of it back. Context: Process context. */
void kev_stock_drop(struct kev_stock *stock);

#endif /* _KEV_STOCK_H */
