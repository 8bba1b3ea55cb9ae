// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a VM: its guest's, its page tables, and what hardware wants of its vCPUs.
 *
 * Half of what a page costs is to find it and to charge it. What every VM takes until its
 * first instruction is therefore allocated at once, and waits; pages that come later are
 * allocated by themselves, or as a vCPU's stock.
 */
#include <linux/gfp.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <kev/mem.h>
#include <kev/region.h>

/* The root, three page tables, three pages of a vCPU, and the first one of the guest */
#define FIRST_ORDER	3
/* Two more that a guest of the 64-bit protocol needs for its first instruction */
#define SECOND_ORDER	1

static struct page *alloc_charged(struct kev_mem *mem, gfp_t gfp, unsigned int order)
{
	struct mem_cgroup *old = set_active_memcg(mem->memcg);
	struct page *page = alloc_pages(gfp, order);

	set_active_memcg(old);
	return page;
}

struct page *kev_mem_alloc_run(struct kev_mem *mem, unsigned int order, bool hard)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN | __GFP_ZERO;
	struct page *page;

	/* Where pages in a row are only nice to have, nobody waits for compaction. */
	if (!hard)
		gfp &= ~__GFP_DIRECT_RECLAIM;
	page = alloc_charged(mem, gfp, order);
	/* Split at once, so that each can be given back by itself */
	if (page)
		split_page(page, order);
	return page;
}

/* A page that waits, with nothing in it, or NULL */
static struct page *take_first(struct kev_first_pages *first)
{
	struct page *page;

	if (!READ_ONCE(first->page))
		return NULL;
	spin_lock(&first->lock);
	page = first->page;
	if (page) {
		first->page = (struct page *)page_private(page);
		set_page_private(page, 0);
	}
	spin_unlock(&first->lock);
	return page;
}

/* Allocate pages that wait from now on; if there are none in a row, there are none. */
static void add_first(struct kev_mem *mem, unsigned int order, unsigned int next_order)
{
	struct page *page = kev_mem_alloc_run(mem, order, false);
	struct kev_first_pages *first = &mem->first;
	unsigned int nr = page ? 1U << order : 0;

	spin_lock(&first->lock);
	while (nr--) {
		set_page_private(page + nr, (unsigned long)first->page);
		first->page = page + nr;
	}
	first->next_order = next_order;
	spin_unlock(&first->lock);
}

struct page *kev_mem_alloc_page(struct kev_mem *mem, gfp_t flags)
{
	struct kev_first_pages *first = &mem->first;
	struct page *page = take_first(first);

	if (!page && READ_ONCE(first->next_order)) {
		add_first(mem, first->next_order, 0);
		page = take_first(first);
	}
	return page ?: alloc_charged(mem, KEV_GFP_GUEST | flags, 0);
}

void *kev_mem_zeroed_page(struct kev_mem *mem)
{
	struct page *page = kev_mem_alloc_page(mem, __GFP_ZERO);

	return page ? page_address(page) : NULL;
}

void kev_mem_pages_init(struct kev_mem *mem)
{
	spin_lock_init(&mem->first.lock);
	add_first(mem, FIRST_ORDER, SECOND_ORDER);
}

void kev_mem_pages_fini(struct kev_mem *mem)
{
	struct page *page;

	while ((page = take_first(&mem->first)))
		__free_page(page);
}
