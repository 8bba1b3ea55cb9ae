// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first touch of a page, by whomever: a vCPU, a hypercall, a user mapping or a
 * probe; and the first write to a page that is shared until then.
 *
 * Who makes a leaf busy makes the page, holding no lock; others sleep on the leaf's
 * address. So one page results from any number of faults, and a file is read once.
 */
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>
#include <kev/compat.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>
#include <kev/trace_mem.h>

/* Look the region up again: it was removed meanwhile. */
#define AGAIN	1

/*
 * Is a leaf busy; if so, whoever ends that is asked to wake us. Each look asks anew: the
 * leaf may have become busy a second time since the last one.
 */
static bool is_busy(u64 *leaf)
{
	struct kev_pt_page *table = kev_table_of(leaf);
	bool busy;

	raw_spin_lock(&table->lock);
	busy = *leaf & KEV_LEAF_BUSY;
	if (busy)
		WRITE_ONCE(*leaf, *leaf | KEV_LEAF_WAITED);
	raw_spin_unlock(&table->lock);
	return busy;
}

/* Until a leaf is not busy: AGAIN or an errno */
static int wait_for_leaf(const struct kev_touch *touch, u64 *leaf)
{
	int ret;

	if (touch->flags & KEV_TOUCH_NOWAIT)
		return -EBUSY;
	if (touch->flags & KEV_TOUCH_KILLABLE)
		ret = wait_var_event_killable(leaf, !is_busy(leaf));
	else
		ret = wait_var_event_interruptible(leaf, !is_busy(leaf) ||
						   kev_touch_stopped(touch));
	return ret || kev_touch_stopped(touch) ? -EINTR : AGAIN;
}

bool kev_leaf_allows(const struct kev_mem *mem, u64 entry, const struct kev_touch *touch)
{
	if (touch->flags & KEV_TOUCH_OWNER)
		return !(touch->access & KEV_MEM_WRITE) || !(entry & KEV_LEAF_SHARED);
	return !(touch->access & ~mem->config.format->prot(entry));
}

static void count_pages(struct kev_region *region, u64 entry, unsigned int level)
{
	unsigned int nr = level == KEV_PT_LEVEL_4K ? 1 : KEV_PT_ENTRIES;

	atomic64_add(nr, &region->resident);
	if (entry & KEV_LEAF_SHARED)
		atomic64_add(nr, &region->shared);
	if (level != KEV_PT_LEVEL_4K)
		atomic64_add(nr, &region->huge);
}

static enum kev_made made_of(const struct kev_region *region, u64 entry, unsigned int level)
{
	if (level != KEV_PT_LEVEL_4K)
		return KEV_MADE_HUGE;
	if (entry & KEV_LEAF_SHARED)
		return KEV_MADE_SHARED;
	switch (region->kind) {
	case KEV_REGION_IMAGE:
	case KEV_REGION_FILE:
		return KEV_MADE_FILE;
	case KEV_REGION_BOOT:
		return KEV_MADE_BOOT;
	case KEV_REGION_USER:
		return KEV_MADE_USER;
	default:
		return KEV_MADE_ZERO;
	}
}

static void count_fault(struct kev_mem *mem, u64 gpa, enum kev_made made)
{
	atomic64_inc(&mem->count.faults[made]);
	if (made != KEV_MADE_NOTHING)
		trace_kev_page_load(mem, gpa, made, made == KEV_MADE_HUGE ? KEV_PT_ENTRIES : 1);
}

static u64 make_leaf(const struct kev_fault *fault, unsigned int level)
{
	const struct kev_pt_format *format = fault->mem->config.format;

	return format->make_leaf(page_to_phys(fault->page), fault->prot, level) | fault->soft;
}

/*
 * End a busy leaf with the page that was made, or with nothing: after a failure, or if
 * the region was removed meanwhile.
 */
static int settle(struct kev_fault *fault, u64 *leaf, int ret)
{
	struct kev_pt_page *table = kev_table_of(leaf);
	bool waited;
	u64 entry = 0;

	if (!ret)
		entry = make_leaf(fault, table->level);
	raw_spin_lock(&table->lock);
	if (!ret && kev_region_is_dead(fault->region))
		ret = AGAIN;
	waited = kev_leaf_settle(leaf, ret ? 0 : entry);
	if (!ret) {
		count_pages(fault->region, entry, table->level);
		fault->made = made_of(fault->region, entry, table->level);
	}
	raw_spin_unlock(&table->lock);
	if (waited)
		kev_leaf_wake(leaf);
	if (ret && entry)
		kev_leaf_put(fault->mem, entry, table->level);
	return ret;
}

static int make_page(struct kev_fault *fault, u64 *leaf)
{
	return settle(fault, leaf, fault->region->ops->fault(fault));
}

/*
 * The first write to a shared page: the frame changes. The old one stays readable
 * nowhere before the new one is writable, and is given back last. The leaf is busy.
 */
static int make_private(struct kev_fault *fault, u64 *leaf, u64 old, struct page *copy)
{
	struct kev_mem *mem = fault->mem;
	int ret;

	copy_highpage(copy, kev_leaf_page(mem, leaf, old, fault->gpa));
	kev_mem_flush(mem);
	kev_mem_unmap_user(mem, fault->gpa, PAGE_SIZE);

	fault->page = copy;
	fault->soft = 0;
	atomic64_dec(&fault->region->resident);
	atomic64_dec(&fault->region->shared);
	ret = settle(fault, leaf, 0);
	kev_leaf_put(mem, old, KEV_PT_LEVEL_4K);
	if (!ret) {
		fault->made = KEV_MADE_COPY;
		atomic64_inc(&mem->count.copied);
	}
	return ret;
}

/* Write to a page of the page cache. The leaf's lock is not held. */
static int copy_on_write(struct kev_fault *fault, u64 *leaf)
{
	struct kev_pt_page *table = kev_table_of(leaf);
	struct page *copy = kev_fault_alloc(fault, 0);
	int ret = 0;
	u64 entry;

	if (!copy)
		return -ENOMEM;
	raw_spin_lock(&table->lock);
	entry = READ_ONCE(*leaf);
	if (!(entry & KEV_LEAF_SHARED) || entry & KEV_LEAF_BUSY ||
	    kev_region_is_dead(fault->region))
		ret = AGAIN;
	else if (PageHWPoison(kev_leaf_page(fault->mem, leaf, entry, fault->gpa)))
		ret = -EIO;
	else
		entry = kev_leaf_claim(leaf);
	raw_spin_unlock(&table->lock);
	if (!ret)
		return make_private(fault, leaf, entry, copy);
	__free_page(copy);
	return ret;
}

/*
 * A write that only the dirty log withholds. More rights on the same frame: no flush.
 * The leaf's lock is held.
 */
static void end_tracking(const struct kev_mem *mem, u64 *leaf, u32 prot)
{
	const struct kev_pt_format *format = mem->config.format;
	u64 entry = READ_ONCE(*leaf);

	entry = format->make_leaf(format->address(entry, KEV_PT_LEVEL_4K), prot, KEV_PT_LEVEL_4K) |
		(entry & KEV_LEAF_SOFT & ~KEV_LEAF_TRACKED);
	__set_bit(kev_leaf_index(leaf), kev_table_of(leaf)->dirty);
	/* The CPU sets no flag here: TRACKED means that it keeps none. */
	WRITE_ONCE(*leaf, entry);
}

/* Execution in a page of 2 MiB, on a CPU with X86_BUG_ITLB_MULTIHIT */
static int split_for_exec(struct kev_fault *fault, u64 *leaf)
{
	int ret = kev_table_split(fault->mem, leaf, fault->region);

	if (ret)
		return ret;
	kev_mem_flush(fault->mem);
	return AGAIN;
}

/* Pages that are looked up at once */
#define AROUND_BATCH	32U

/* Make leaves of pages from the page cache present; those that find their leaf taken go. */
static void map_shared(const struct kev_fault *fault, struct kev_pt_page *table,
		       unsigned int first, unsigned int nr, struct page **pages)
{
	const struct kev_pt_format *format = fault->mem->config.format;
	struct kev_region *region = fault->region;
	u64 leaf = format->make_leaf(0, region->prot & ~KEV_MEM_WRITE, KEV_PT_LEVEL_4K) |
		   KEV_LEAF_SHARED;
	unsigned int i, mapped = 0;

	raw_spin_lock(&table->lock);
	for (i = 0; i < nr && !kev_region_is_dead(region); i++) {
		if (!pages[i] || table->entry[first + i])
			continue;
		WRITE_ONCE(table->entry[first + i], leaf | page_to_phys(pages[i]));
		__set_bit(first + i, table->used);
		pages[i] = NULL;
		mapped++;
	}
	atomic64_add(mapped, &region->resident);
	atomic64_add(mapped, &region->shared);
	raw_spin_unlock(&table->lock);
	atomic64_add(mapped, &fault->mem->count.around);
	if (mapped)
		trace_kev_page_load(fault->mem, kev_table_gpa(table, first), KEV_MADE_AROUND,
				    mapped);
	for (i = 0; i < nr; i++)
		if (pages[i])
			put_page(pages[i]);
}

/* Twice as many pages each time, as long as a vCPU comes from the end of the last window */
static u32 window_of(const struct kev_fault *fault)
{
	const struct kev_mem_config *config = &fault->mem->config;
	struct kev_stock *stock = fault->touch->stock;

	if (!stock)
		return config->fault_around;
	if (fault->gpa != stock->around_end || !stock->around)
		stock->around = config->fault_around;
	else if (stock->around < config->around_max)
		stock->around *= 2;
	return stock->around;
}

/* Map neighbours that are in the page cache, as far as one leaf table goes. */
static void fault_around(const struct kev_fault *fault, u64 *leaf)
{
	const struct kev_region *region = fault->region;
	struct kev_pt_page *table = kev_table_of(leaf);
	u32 window = window_of(fault);
	unsigned int first = kev_leaf_index(leaf) & ~(window - 1), end = first + window, nr;
	struct page *pages[AROUND_BATCH] kev_uninitialized;

	if (region->gpa > table->gpa)
		first = max_t(u64, first, (region->gpa - table->gpa) >> PAGE_SHIFT);
	end = min_t(u64, end, (kev_region_end(region) - table->gpa) >> PAGE_SHIFT);
	if (fault->touch->stock)
		fault->touch->stock->around_end = kev_table_gpa(table, end);
	for (; first < end; first += nr) {
		/* A hint: who looks again holds the lock. */
		first = find_next_zero_bit(table->used, end, first);
		nr = find_next_bit(table->used, end, first) - first;
		nr = min(nr, AROUND_BATCH);
		if (!nr)
			return;
		region->ops->cached(region, kev_table_gpa(table, first), nr, pages);
		map_shared(fault, table, first, nr, pages);
	}
}

/* Who writes to a page is likely to write to those behind as well: they had to be copied. */
static bool wants_neighbours(const struct kev_fault *fault)
{
	return fault->region->ops->cached && fault->mem->config.fault_around > 1 &&
	       !(fault->touch->access & KEV_MEM_WRITE);
}

/* What a fault has to do about a leaf */
enum step {
	STEP_DONE,	/* the access can be tried again */
	STEP_DENIED,	/* the region's rights do not reach the leaf */
	STEP_LOOK,	/* a table has taken the leaf's place, or the region is gone: again */
	STEP_WAIT,	/* somebody makes the page, or takes it away */
	STEP_MAKE,	/* make the page: the leaf is busy now */
	STEP_COPY,	/* make a private copy of a shared page */
	STEP_SPLIT,	/* split a page of 2 MiB to execute in it */
};

/* The table's lock is held. */
static enum step look_at_leaf(struct kev_fault *fault, u64 *leaf)
{
	const struct kev_pt_format *format = fault->mem->config.format;
	struct kev_pt_page *table = kev_table_of(leaf);
	u64 entry = READ_ONCE(*leaf);

	if (entry & KEV_LEAF_BUSY)
		return STEP_WAIT;
	/* What is here now may be another region's, with other rights. */
	if (kev_region_is_dead(fault->region))
		return STEP_LOOK;
	if (table->level != KEV_PT_LEVEL_4K && !(entry && format->is_leaf(entry, table->level)))
		return STEP_LOOK;
	if (!entry) {
		kev_leaf_claim(leaf);
		return STEP_MAKE;
	}
	if (kev_leaf_allows(fault->mem, entry, fault->touch))
		return STEP_DONE;
	if (entry & KEV_LEAF_TRACKED) {
		end_tracking(fault->mem, leaf, fault->region->prot);
		return STEP_DONE;
	}
	if (entry & KEV_LEAF_SHARED)
		return STEP_COPY;
	return table->level == KEV_PT_LEVEL_4K ? STEP_DENIED : STEP_SPLIT;
}

/* An entry of level 1, or one of level 2 that is a leaf or busy */
static int fault_at_leaf(struct kev_fault *fault, u64 *leaf)
{
	struct kev_pt_page *table = kev_table_of(leaf);
	enum step step;
	int ret;

	raw_spin_lock(&table->lock);
	step = look_at_leaf(fault, leaf);
	raw_spin_unlock(&table->lock);

	switch (step) {
	case STEP_DONE:
		return 0;
	case STEP_LOOK:
		return AGAIN;
	case STEP_WAIT:
		return wait_for_leaf(fault->touch, leaf);
	case STEP_COPY:
		return copy_on_write(fault, leaf);
	case STEP_SPLIT:
		return split_for_exec(fault, leaf);
	case STEP_MAKE:
		ret = make_page(fault, leaf);
		if (!ret && wants_neighbours(fault))
			fault_around(fault, leaf);
		return ret;
	default:
		return -EACCES;
	}
}

/* Does the guest use the 2 MiB before or after: half of them are there already */
static bool neighbour_used(struct kev_mem *mem, u64 gpa)
{
	u64 *leaf = kev_table_find(mem, gpa);

	if (!leaf)
		return false;
	if (kev_table_of(leaf)->level == KEV_PT_LEVEL_2M)
		return true;
	return bitmap_weight(kev_table_of(leaf)->used, KEV_PT_ENTRIES) >= KEV_PT_ENTRIES / 2;
}

static bool want_huge(const struct kev_fault *fault)
{
	const struct kev_region *region = fault->region;
	u64 size = kev_pt_size(KEV_PT_LEVEL_2M), start = fault->gpa & ~(size - 1);
	struct kev_mem *mem = fault->mem;

	if (mem->config.huge == KEV_HUGE_NEVER || !region->huge_ok)
		return false;
	if (start < region->gpa || kev_region_end(region) - start < size)
		return false;
	/* A leaf needs some right. */
	if (!mem->config.huge_exec && !kev_pt_prot_valid(mem->config.format,
							 region->prot & ~KEV_MEM_EXEC))
		return false;
	/* Pages of 4 KiB stay what they are. */
	if (kev_table_find(mem, fault->gpa))
		return false;
	return mem->config.huge == KEV_HUGE_ALWAYS ||
	       (start && neighbour_used(mem, start - size)) || neighbour_used(mem, start + size);
}

/*
 * A page of 2 MiB where there is nothing yet. 0, an error, or AGAIN: go on with pages
 * of 4 KiB.
 */
static int fault_huge(struct kev_fault *fault)
{
	struct kev_mem *mem = fault->mem;
	u64 *leaf = kev_table_make(mem, fault->gpa, KEV_PT_LEVEL_2M);
	struct kev_pt_page *table;
	u64 gpa = fault->gpa;
	int ret;

	if (!leaf)
		return -ENOMEM;
	table = kev_table_of(leaf);
	if (READ_ONCE(*leaf) || table->level != KEV_PT_LEVEL_2M)
		return AGAIN;
	raw_spin_lock(&table->lock);
	if (*leaf) {
		raw_spin_unlock(&table->lock);
		return AGAIN;
	}
	kev_leaf_claim(leaf);
	raw_spin_unlock(&table->lock);

	fault->page = kev_mem_alloc_run(mem, KEV_PT_INDEX_BITS,
					mem->config.huge == KEV_HUGE_ALWAYS);
	if (fault->page) {
		fault->gpa &= ~(kev_pt_size(KEV_PT_LEVEL_2M) - 1);
		if (!mem->config.huge_exec)
			fault->prot &= ~KEV_MEM_EXEC;
	}
	ret = settle(fault, leaf, fault->page ? 0 : -ENOMEM);
	fault->gpa = gpa;
	fault->prot = fault->region->prot;
	if (ret == -ENOMEM)
		return AGAIN;
	/* Execution is withheld: the guest would come back at once. */
	if (!ret && !mem->config.huge_exec && fault->touch->access & KEV_MEM_EXEC)
		return AGAIN;
	return ret;
}

/* The leaf for @gpa, or what is there instead; a vCPU mostly goes on in the table it was in. */
static u64 *make_entry(struct kev_mem *mem, struct kev_stock *stock, u64 gpa)
{
	struct kev_pt_page *table = stock ? stock->table : NULL;
	u64 *entry;

	if (table && gpa - table->gpa < kev_pt_size(KEV_PT_LEVEL_2M))
		return &table->entry[kev_pt_index(gpa, KEV_PT_LEVEL_4K)];
	entry = kev_table_make(mem, gpa, KEV_PT_LEVEL_4K);
	if (stock && entry && kev_table_of(entry)->level == KEV_PT_LEVEL_4K)
		stock->table = kev_table_of(entry);
	return entry;
}

static int fault_in_region(struct kev_mem *mem, struct kev_region *region,
			   struct kev_touch *touch)
{
	struct kev_fault fault = {
		.mem = mem,
		.region = region,
		.touch = touch,
		.gpa = kev_page_down(touch->gpa),
		.prot = region->prot,
	};
	int ret = AGAIN;
	u64 *leaf;

	if (want_huge(&fault))
		ret = fault_huge(&fault);
	if (ret == AGAIN) {
		fault.page = NULL;
		leaf = make_entry(mem, touch->stock, touch->gpa);
		if (!leaf)
			return -ENOMEM;
		ret = fault_at_leaf(&fault, leaf);
		touch->filled = !ret && fault.filled;
	}
	if (!ret)
		count_fault(mem, fault.gpa, fault.made);
	return ret;
}

static int check_access(const struct kev_region *region, const struct kev_touch *touch)
{
	/* A region that gives nothing, as a trap, has no leaf for anybody. */
	if (!region->prot)
		return -EACCES;
	if (touch->flags & KEV_TOUCH_OWNER)
		return 0;
	return touch->access & ~region->prot ? -EACCES : 0;
}

int kev_mem_fault(struct kev_mem *mem, struct kev_touch *touch)
{
	struct kev_region *region;
	int ret;

	might_sleep();
	touch->filled = false;
	do {
		region = kev_region_get(mem, touch->gpa);
		touch->kind = region ? region->kind : 0;
		touch->prot = region ? region->prot : 0;
		if (!region)
			return -ENOENT;
		touch->dead = &region->dead;
		ret = check_access(region, touch);
		if (!ret)
			ret = fault_in_region(mem, region, touch);
		/* What is there now need not be waited for. */
		if (ret == -EINTR && kev_touch_moot(touch))
			ret = AGAIN;
		touch->dead = NULL;
		kev_region_put(region);
	} while (ret == AGAIN);
	return ret;
}

/* The table of level 1 that has the leaf for @gpa, if it exists */
static struct kev_pt_page *find_table(struct kev_mem *mem, struct kev_stock *stock, u64 gpa)
{
	struct kev_pt_page *table = stock->table;
	u64 *leaf;

	if (table && gpa - table->gpa < kev_pt_size(KEV_PT_LEVEL_2M))
		return table;
	leaf = kev_table_find(mem, gpa);
	table = leaf ? kev_table_of(leaf) : NULL;
	if (!table || table->level != KEV_PT_LEVEL_4K)
		return NULL;
	stock->table = table;
	return table;
}

u32 kev_mem_fault_fast(struct kev_mem *mem, struct kev_stock *stock, u64 gpa, u32 access)
{
	enum kev_made made = KEV_MADE_NOTHING;
	struct kev_pt_page *table;
	struct kev_region *region;
	struct page *page = NULL;
	u64 *leaf, entry;
	u32 kind = 0;

	table = stock->nr ? find_table(mem, stock, gpa) : NULL;
	if (!table)
		return 0;
	leaf = &table->entry[kev_pt_index(gpa, KEV_PT_LEVEL_4K)];
	region = kev_region_find_near(mem, gpa, &stock->region);
	if (!region || !region->ops->fast || access & ~region->prot)
		return 0;
	/* Under the lock the leaf need not be busy while its page is made. */
	raw_spin_lock(&table->lock);
	/* Once it is dead the region may give back what it makes pages of. */
	if (!*leaf && !kev_region_is_dead(region))
		page = region->ops->fast(mem, region, stock, kev_page_down(gpa), access);
	if (page) {
		entry = mem->config.format->make_leaf(page_to_phys(page), region->prot,
						      KEV_PT_LEVEL_4K);
		__set_bit(kev_leaf_index(leaf), table->used);
		WRITE_ONCE(*leaf, entry);
		atomic64_inc(&region->resident);
		made = made_of(region, entry, KEV_PT_LEVEL_4K);
		kind = region->kind;
	}
	raw_spin_unlock(&table->lock);
	if (kind)
		count_fault(mem, kev_page_down(gpa), made);
	return kind;
}
