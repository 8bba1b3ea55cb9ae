// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a VM: its guest's, its page tables, and what hardware wants of its vCPUs.
 *
 * Half of what a page costs is to find it and to charge it. What every VM takes until its
 * first instruction is therefore allocated at once, and waits; pages that come later are
 * allocated by themselves, or as a vCPU's stock.
 *
 * A few pages of VMs that are gone are kept, cleared, for the next one. They stay charged to
 * the memory cgroup that has paid for them, and only a VM of that cgroup gets them.
 */
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <kev/mem.h>
#include <kev/region.h>

/* The root, three page tables, three pages of a vCPU, and the first one of the guest */
#define FIRST_ORDER	3
/* Two more that a guest of the 64-bit protocol needs for its first instruction */
#define SECOND_ORDER	1
/* Both together */
#define FIRST_PAGES	((1U << FIRST_ORDER) + (1U << SECOND_ORDER))

/* Pages that are kept, of all VMs together */
#define MAX_KEPT	16U

static struct page *kept[MAX_KEPT];	/* [kept_lock] */
static unsigned int nr_kept;		/* [kept_lock] to write */
static DEFINE_SPINLOCK(kept_lock);	/* innermost */

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

void kev_mem_free_page(struct page *page)
{
	/* Who else has a reference may write to it. */
	if (READ_ONCE(nr_kept) < MAX_KEPT && page_count(page) == 1 && !PageHWPoison(page)) {
		clear_page(page_address(page));
		spin_lock(&kept_lock);
		if (nr_kept < MAX_KEPT) {
			kept[nr_kept] = page;
			WRITE_ONCE(nr_kept, nr_kept + 1);
			page = NULL;
		}
		spin_unlock(&kept_lock);
	}
	if (page)
		__free_page(page);
}

void kev_mem_drop_kept(void)
{
	while (nr_kept)
		__free_page(kept[--nr_kept]);
}

/* Has this cgroup paid for the page: what is charged to none belongs to the root */
static bool paid_by(struct page *page, struct mem_cgroup *memcg)
{
	struct mem_cgroup *payer;

	rcu_read_lock();
	payer = folio_memcg(page_folio(page));
	rcu_read_unlock();
	return payer ? payer == memcg : !memcg || !parent_mem_cgroup(memcg);
}

/*
 * Have pages that are kept wait for the VM, as many as it needs first; the number. Those that
 * are of no use to it make room.
 */
static unsigned int take_kept(struct kev_mem *mem)
{
	struct kev_first_pages *first = &mem->first;
	struct page *page, *useless = NULL;
	unsigned int taken = 0;

	if (!READ_ONCE(nr_kept))
		return 0;
	spin_lock(&kept_lock);
	while (nr_kept && taken < FIRST_PAGES) {
		WRITE_ONCE(nr_kept, nr_kept - 1);
		page = kept[nr_kept];
		if (page_to_nid(page) == numa_mem_id() && !PageHWPoison(page) &&
		    paid_by(page, mem->memcg)) {
			set_page_private(page, (unsigned long)first->page);
			first->page = page;
			taken++;
		} else {
			set_page_private(page, (unsigned long)useless);
			useless = page;
		}
	}
	spin_unlock(&kept_lock);
	while (useless) {
		page = useless;
		useless = (struct page *)page_private(page);
		set_page_private(page, 0);
		__free_page(page);
	}
	return taken;
}

/* A page that waits, with nothing in it, or NULL. One that has gone bad meanwhile is let go. */
static struct page *take_first(struct kev_first_pages *first)
{
	struct page *page;

	while (READ_ONCE(first->page)) {
		spin_lock(&first->lock);
		page = first->page;
		if (page) {
			WRITE_ONCE(first->page, (struct page *)page_private(page));
			set_page_private(page, 0);
		}
		spin_unlock(&first->lock);
		if (!page || likely(!PageHWPoison(page)))
			return page;
		__free_page(page);
	}
	return NULL;
}

/* Allocate pages that wait from now on; if there are none in a row, there are none. */
static void add_first(struct kev_mem *mem, unsigned int order)
{
	struct page *page = kev_mem_alloc_run(mem, order, false);
	struct kev_first_pages *first = &mem->first;
	unsigned int nr = page ? 1U << order : 0;

	spin_lock(&first->lock);
	while (nr--) {
		set_page_private(page + nr, (unsigned long)first->page);
		WRITE_ONCE(first->page, page + nr);
	}
	spin_unlock(&first->lock);
}

struct page *kev_mem_alloc_page(struct kev_mem *mem, gfp_t flags)
{
	struct kev_first_pages *first = &mem->first;
	struct page *page = take_first(first);
	unsigned int order = 0;

	/* One vCPU allocates them. Another that finds none meanwhile takes a page for itself. */
	if (!page && READ_ONCE(first->next_order))
		order = xchg(&first->next_order, 0);
	if (order) {
		add_first(mem, order);
		page = take_first(first);
	}
	return page ?: alloc_charged(mem, KEV_GFP_GUEST | flags, 0);
}

void *kev_mem_zeroed_page(struct kev_mem *mem)
{
	struct page *page = kev_mem_alloc_page(mem, __GFP_ZERO);

	return page ? page_address(page) : NULL;
}

void *kev_mem_zalloc(struct kev_mem *mem, size_t size)
{
	struct mem_cgroup *old = set_active_memcg(mem->memcg);
	void *bytes = kzalloc(size, KEV_GFP_GUEST);

	set_active_memcg(old);
	return bytes;
}

void kev_mem_pages_init(struct kev_mem *mem)
{
	unsigned int taken;

	spin_lock_init(&mem->first.lock);
	taken = take_kept(mem);
	/* The rest comes when it is needed: in a batch, but for a last one. */
	if (taken < FIRST_PAGES / 2) {
		add_first(mem, FIRST_ORDER);
		mem->first.next_order = SECOND_ORDER;
	} else if (taken < FIRST_PAGES - 1) {
		mem->first.next_order = order_base_2(FIRST_PAGES - taken);
	}
}

void kev_mem_pages_fini(struct kev_mem *mem)
{
	struct page *page;

	while ((page = take_first(&mem->first)))
		kev_mem_free_page(page);
}
