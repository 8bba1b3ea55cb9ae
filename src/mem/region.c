// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map of a VM's regions.
 *
 * It is an immutable sorted array that a writer replaces as a whole: an image
 * with all its regions appears at once or not at all, and a reader needs no
 * lock. A maple tree cannot promise this to a module: its preallocation is not
 * exported, so that taking back the first half of an insertion may fail.
 */
#include <linux/bsearch.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <kev/pt.h>
#include <kev/region.h>

/* The two ends stand beside the pointer: a search touches no region. */
struct kev_region_entry {
	u64 gpa;
	u64 end;
	struct kev_region *region;
};

struct kev_region_map {
	struct rcu_head rcu;
	u32 nr;
	struct kev_region_entry entry[];
};

static int compare_gpa(const void *key, const void *element)
{
	u64 gpa = *(const u64 *)key;
	const struct kev_region_entry *entry = element;

	if (gpa < entry->gpa)
		return -1;
	return gpa >= entry->end;
}

static int compare_entries(const void *a, const void *b)
{
	const struct kev_region_entry *left = a, *right = b;

	if (left->gpa == right->gpa)
		return 0;
	return left->gpa < right->gpa ? -1 : 1;
}

struct kev_region *kev_region_find(struct kev_mem *mem, u64 gpa)
{
	const struct kev_region_entry *entry = NULL;
	const struct kev_region_map *map;
	struct kev_region *region;

	rcu_read_lock();
	map = rcu_dereference(mem->map);
	if (map)
		entry = bsearch(&gpa, map->entry, map->nr, sizeof(*entry), compare_gpa);
	region = entry ? entry->region : NULL;
	rcu_read_unlock();
	return region;
}

static int check_region(const struct kev_mem *mem, const struct kev_region *region)
{
	u64 end;

	if (!PAGE_ALIGNED(region->gpa) || !PAGE_ALIGNED(region->length) || !region->length)
		return -EINVAL;
	if (check_add_overflow(region->gpa, region->length, &end) || end > BIT_ULL(mem->phys_bits))
		return -EINVAL;
	if (region->prot & ~KEV_MEM_ALL)
		return -EINVAL;
	/* Where the guest may do nothing there is never a leaf. */
	if (region->prot && !kev_pt_prot_valid(mem->format, region->prot))
		return -EOPNOTSUPP;
	return 0;
}

/* The map with the regions of @list added, or an ERR_PTR */
static struct kev_region_map *extend_map(const struct kev_region_map *old, struct list_head *list,
					 u32 added)
{
	u32 nr = old ? old->nr : 0;
	struct kev_region_map *map;
	struct kev_region *region;
	u32 i;

	if (added > KEV_MEM_MAX_REGIONS - nr)
		return ERR_PTR(-ENOSPC);
	map = kvmalloc(struct_size(map, entry, nr + added), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);

	if (nr)
		memcpy(map->entry, old->entry, array_size(nr, sizeof(*map->entry)));
	list_for_each_entry(region, list, link)
		map->entry[nr++] = (struct kev_region_entry) {
			.gpa = region->gpa,
			.end = kev_region_end(region),
			.region = region,
		};
	map->nr = nr;
	sort(map->entry, nr, sizeof(*map->entry), compare_entries, NULL);

	for (i = 1; i < nr; i++) {
		if (map->entry[i - 1].end > map->entry[i].gpa) {
			kvfree(map);
			return ERR_PTR(-EEXIST);
		}
	}
	return map;
}

int kev_region_add_list(struct kev_mem *mem, struct list_head *list)
{
	struct kev_region_map *old, *map;
	struct kev_region *region;
	u32 added = 0;
	int ret;

	list_for_each_entry(region, list, link) {
		ret = check_region(mem, region);
		if (ret)
			return ret;
		added++;
	}

	mutex_lock(&mem->lock);
	old = rcu_dereference_protected(mem->map, lockdep_is_held(&mem->lock));
	map = extend_map(old, list, added);
	if (!IS_ERR(map))
		rcu_assign_pointer(mem->map, map);
	mutex_unlock(&mem->lock);
	if (IS_ERR(map))
		return PTR_ERR(map);

	INIT_LIST_HEAD(list);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

int kev_region_create(struct list_head *list, const struct kev_region_ops *ops,
		      enum kev_mem_kind kind, u64 gpa, u64 length, u32 prot)
{
	struct kev_region *region = kmalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);

	if (!region)
		return -ENOMEM;
	*region = (struct kev_region) {
		.ops = ops,
		.gpa = gpa,
		.length = length,
		.kind = kind,
		.prot = prot,
	};
	list_add_tail(&region->link, list);
	return 0;
}

void kev_region_release(struct kev_region *region)
{
	kfree(region);
}

void kev_region_release_list(struct list_head *list)
{
	struct kev_region *region, *next;

	list_for_each_entry_safe(region, next, list, link)
		region->ops->release(region);
	INIT_LIST_HEAD(list);
}

void kev_region_fini(struct kev_mem *mem)
{
	struct kev_region_map *map = rcu_dereference_protected(mem->map, true);
	u32 i;

	if (!map)
		return;
	for (i = 0; i < map->nr; i++)
		map->entry[i].region->ops->release(map->entry[i].region);
	kvfree(map);
}
