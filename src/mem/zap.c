// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking pages away from a guest: regions that are removed, RAM that is discarded.
 *
 * First the leaves become busy, each keeping its frame's address; then vCPUs and user
 * mappings forget them; only then are the pages given back. Nothing has to be
 * remembered elsewhere, so there is no allocation that could fail half way.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

void kev_mem_flush(struct kev_mem *mem)
{
	atomic64_inc(&mem->count.flushes);
	mem->config.flush(mem);
}

void kev_mem_unmap_user(struct kev_mem *mem, u64 gpa, u64 length)
{
	struct address_space *mapping;

	/*
	 * The leaf before the mapping: a user fault has made its mapping known before it
	 * looks at the leaf; pairs with kev_mem_mmap().
	 */
	smp_mb();
	mapping = READ_ONCE(mem->mapping);
	if (!mapping)
		return;
	filemap_invalidate_lock(mapping);
	unmap_mapping_pages(mapping, gpa >> PAGE_SHIFT, length >> PAGE_SHIFT, false);
	filemap_invalidate_unlock(mapping);
}

/* A leaf that was taken away: busy, with the frame still in it */
static bool is_taken(const struct kev_mem *mem, u64 entry, unsigned int level)
{
	return entry & KEV_LEAF_BUSY && mem->config.format->address(entry, level);
}

/* The entry of a present leaf with its rights gone, whatever the vendor's bits are */
static u64 taken_entry(const struct kev_mem *mem, u64 entry, unsigned int level)
{
	return mem->config.format->address(entry, level) | (entry & KEV_LEAF_SOFT) | KEV_LEAF_BUSY;
}

/* What is at an entry: one that is split is busy only as long as its table is locked. */
static u64 look_at(struct kev_pt_page *table, unsigned int index)
{
	u64 entry;

	raw_spin_lock(&table->lock);
	entry = READ_ONCE(table->entry[index]);
	raw_spin_unlock(&table->lock);
	return entry;
}

/* Does a leaf of 2 MiB lie across an end of [gpa, end) */
static bool lies_across(const struct kev_pt_page *table, unsigned int index, u64 gpa, u64 end)
{
	u64 start = kev_table_gpa(table, index);

	return table->level != KEV_PT_LEVEL_4K &&
	       (start < gpa || end - start < kev_pt_size(table->level));
}

/*
 * Take leaves [first, first + nr) of a table. False: it is of level 2, and a table has
 * appeared at the entry meanwhile.
 */
static bool take_leaves(struct kev_mem *mem, struct kev_region *region, struct kev_pt_page *table,
			unsigned int first, unsigned int nr, bool *any)
{
	const struct kev_pt_format *format = mem->config.format;
	unsigned int pages = table->level == KEV_PT_LEVEL_4K ? 1 : KEV_PT_ENTRIES;
	unsigned int i;
	u64 entry;

	raw_spin_lock(&table->lock);
	if (table->level != KEV_PT_LEVEL_4K && format->present(table->entry[first]) &&
	    !format->is_leaf(table->entry[first], table->level)) {
		raw_spin_unlock(&table->lock);
		return false;
	}
	for (i = first; i < first + nr; i++) {
		if (!test_bit(i, table->used))
			continue;
		/* Busy for a private copy: what was there may not be forgotten everywhere. */
		if (READ_ONCE(table->entry[i]) & KEV_LEAF_BUSY) {
			*any = true;
			continue;
		}
		entry = kev_leaf_claim(&table->entry[i]);
		WRITE_ONCE(table->entry[i], taken_entry(mem, entry, table->level));
		atomic64_sub(pages, &region->resident);
		if (entry & KEV_LEAF_SHARED)
			atomic64_sub(pages, &region->shared);
		if (table->level != KEV_PT_LEVEL_4K)
			atomic64_sub(pages, &region->huge);
		*any = true;
	}
	raw_spin_unlock(&table->lock);
	return true;
}

/* Give the pages of taken leaves back. */
static void free_leaves(struct kev_mem *mem, struct kev_pt_page *table, unsigned int first,
			unsigned int nr)
{
	unsigned int i;
	bool waited;
	u64 entry;

	for (i = first; i < first + nr; i++) {
		raw_spin_lock(&table->lock);
		entry = READ_ONCE(table->entry[i]);
		if (!is_taken(mem, entry, table->level)) {
			raw_spin_unlock(&table->lock);
			continue;
		}
		waited = kev_leaf_settle(&table->entry[i], 0);
		/* What is there now is not what it was: it reads as zero. */
		__set_bit(i, table->dirty);
		raw_spin_unlock(&table->lock);
		if (waited)
			kev_leaf_wake(&table->entry[i]);
		kev_leaf_put(mem, entry, table->level);
	}
}

int kev_mem_zap(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end)
{
	unsigned int first, nr;
	struct kev_pt_page *table;
	bool any = false, taken;
	u64 at, entry;
	int ret = 0;

	lockdep_assert_held(&mem->lock);
	for (at = gpa; !ret && (table = kev_table_next(mem, &at, end, &first, &nr));) {
		if (!lies_across(table, first, gpa, end)) {
			taken = take_leaves(mem, region, table, first, nr, &any);
		} else {
			entry = look_at(table, first);
			/* One that is being made is a first touch that comes later. */
			taken = !entry || entry & KEV_LEAF_BUSY;
			if (!taken)
				ret = kev_table_split(mem, &table->entry[first], region);
		}
		if (!taken)
			at = max(gpa, kev_table_gpa(table, first));
		cond_resched();
	}
	if (!any)
		return ret;
	kev_mem_flush(mem);
	kev_mem_unmap_user(mem, gpa, end - gpa);
	for (at = gpa; (table = kev_table_next(mem, &at, end, &first, &nr));) {
		free_leaves(mem, table, first, nr);
		cond_resched();
	}
	return ret;
}

int kev_mem_remove_region(struct kev_mem *mem, u64 gpa, u64 length)
{
	struct kev_region *region;

	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(length) || !length)
		return -EINVAL;
	mutex_lock(&mem->lock);
	region = kev_region_take(mem, gpa, length);
	if (IS_ERR(region)) {
		mutex_unlock(&mem->lock);
		return PTR_ERR(region);
	}
	if (region->ops->removed)
		region->ops->removed(region);
	/* A page of 2 MiB lies in one region: none lies across an end. */
	kev_mem_zap(mem, region, gpa, gpa + length);
	mutex_unlock(&mem->lock);
	kev_region_put(region);
	return 0;
}

static bool can_discard(const struct kev_region *region)
{
	return region->kind == KEV_REGION_RAM || region->kind == KEV_REGION_NOTIFY;
}

/* What is done with the part of a range that is in one region */
typedef int (*part_fn)(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end);

/* Each part of [gpa, end), all of which has to be RAM */
static int do_parts(struct kev_mem *mem, u64 gpa, u64 end, part_fn fn)
{
	struct kev_region *region;
	int ret = 0;
	u64 next;

	for (; gpa < end && !ret; gpa = next) {
		region = kev_region_get(mem, gpa);
		if (!region)
			return -ENOENT;
		next = min(end, kev_region_end(region));
		ret = can_discard(region) ? fn(mem, region, gpa, next) : -ENOENT;
		kev_region_put(region);
	}
	return ret;
}

static int check_part(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end)
{
	return 0;
}

int kev_mem_discard(struct kev_mem *mem, u64 gpa, u64 length)
{
	u64 end;
	int ret;

	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(length) || !length ||
	    check_add_overflow(gpa, length, &end))
		return -EINVAL;
	mutex_lock(&mem->lock);
	ret = do_parts(mem, gpa, end, check_part);
	if (!ret)
		ret = do_parts(mem, gpa, end, kev_mem_zap);
	mutex_unlock(&mem->lock);
	return ret;
}
