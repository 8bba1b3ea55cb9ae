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
	if (!mapping || !mapping_mapped(mapping))
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

	spin_lock(&table->lock);
	if (table->level != KEV_PT_LEVEL_4K && format->present(table->entry[first]) &&
	    !format->is_leaf(table->entry[first], table->level)) {
		spin_unlock(&table->lock);
		return false;
	}
	for (i = first; i < first + nr; i++) {
		if (!test_bit(i, table->used))
			continue;
		/* Busy for a private copy: what was there may not be forgotten everywhere. */
		if (table->entry[i] & KEV_LEAF_BUSY) {
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
	spin_unlock(&table->lock);
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
		spin_lock(&table->lock);
		entry = table->entry[i];
		if (!is_taken(mem, entry, table->level)) {
			spin_unlock(&table->lock);
			continue;
		}
		waited = kev_leaf_settle(&table->entry[i], 0);
		/* What is there now is not what it was: it reads as zero. */
		__set_bit(i, table->dirty);
		spin_unlock(&table->lock);
		if (waited)
			kev_leaf_wake(&table->entry[i]);
		kev_leaf_put(mem, entry, table->level);
	}
}

void kev_mem_zap(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end)
{
	unsigned int first, nr;
	struct kev_pt_page *table;
	bool any = false;
	u64 at;

	lockdep_assert_held(&mem->lock);
	for (at = gpa; (table = kev_table_next(mem, &at, end, &first, &nr));) {
		if (!take_leaves(mem, region, table, first, nr, &any))
			at = max(gpa, kev_table_gpa(table, first));
		cond_resched();
	}
	if (!any)
		return;
	kev_mem_flush(mem);
	kev_mem_unmap_user(mem, gpa, end - gpa);
	for (at = gpa; (table = kev_table_next(mem, &at, end, &first, &nr));) {
		free_leaves(mem, table, first, nr);
		cond_resched();
	}
}

int kev_mem_split(struct kev_mem *mem, struct kev_region *region, u64 gpa)
{
	u64 *leaf;

	if (IS_ALIGNED(gpa, kev_pt_size(KEV_PT_LEVEL_2M)))
		return 0;
	leaf = kev_table_find(mem, gpa);
	if (!leaf || kev_table_of(leaf)->level != KEV_PT_LEVEL_2M)
		return 0;
	return kev_table_split(mem, leaf, region);
}

int kev_mem_remove_region(struct kev_mem *mem, u64 gpa, u64 length)
{
	struct kev_region *region;

	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(length) || !length)
		return -EINVAL;
	mutex_lock(&mem->lock);
	region = kev_region_take(mem, gpa, length);
	/* A page of 2 MiB lies in one region: none lies across an end. */
	if (!IS_ERR(region))
		kev_mem_zap(mem, region, gpa, gpa + length);
	mutex_unlock(&mem->lock);
	if (IS_ERR(region))
		return PTR_ERR(region);
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

static int split_part(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end)
{
	return kev_mem_split(mem, region, gpa) ?: kev_mem_split(mem, region, end);
}

static int zap_part(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end)
{
	kev_mem_zap(mem, region, gpa, end);
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
		ret = do_parts(mem, gpa, end, split_part);
	if (!ret)
		ret = do_parts(mem, gpa, end, zap_part);
	mutex_unlock(&mem->lock);
	return ret;
}
