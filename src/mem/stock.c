// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's stock of pages. It is filled only while the guest goes through memory page by
 * page: one that touches here and there keeps nothing it does not use.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <kev/region.h>
#include <kev/stock.h>

/* The page before, the same one, or the one behind */
static bool is_next(const struct kev_stock *stock, u64 gpa)
{
	return gpa - stock->last + PAGE_SIZE <= 2 * PAGE_SIZE;
}

/* The first of 2^order pages, the others into the stock; or NULL */
static struct page *fill(struct kev_stock *stock, struct kev_mem *mem)
{
	struct page *page = kev_mem_alloc_run(mem, stock->order, false);
	unsigned int i;

	if (!page)
		return NULL;
	/* In the order of their addresses, as they are taken from the end */
	stock->nr = (1U << stock->order) - 1;
	for (i = 0; i < stock->nr; i++)
		stock->page[i] = page + stock->nr - i;
	return page;
}

/* A page that the host has found broken meanwhile goes back to it. */
static struct page *pop(struct kev_stock *stock)
{
	struct page *page;

	while (stock->nr) {
		page = stock->page[--stock->nr];
		if (likely(!PageHWPoison(page)))
			return page;
		put_page(page);
	}
	return NULL;
}

struct page *kev_stock_take(struct kev_stock *stock, struct kev_mem *mem, u64 gpa, gfp_t flags)
{
	struct page *page;

	if (!stock)
		return kev_mem_alloc_page(mem, flags);
	page = pop(stock);
	if (!page) {
		if (!is_next(stock, gpa))
			stock->order /= 2;
		else if (stock->order < KEV_STOCK_ORDER)
			stock->order++;
		if (stock->order)
			page = fill(stock, mem);
		if (!page)
			page = kev_mem_alloc_page(mem, flags);
	}
	stock->last = gpa;
	return page;
}

struct page *kev_stock_take_fast(struct kev_stock *stock, u64 gpa)
{
	struct page *page;

	if (!stock->nr)
		return NULL;
	page = stock->page[stock->nr - 1];
	if (unlikely(PageHWPoison(page)))
		return NULL;
	stock->nr--;
	stock->last = gpa;
	return page;
}

void kev_stock_return(struct kev_stock *stock, struct page *page)
{
	clear_page(page_address(page));
	stock->page[stock->nr++] = page;
}

void kev_stock_drop(struct kev_stock *stock)
{
	while (stock->nr)
		put_page(stock->page[--stock->nr]);
}
