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

/* From above: what is added mostly lies there, and in order. */
static void insert(struct kev_region_map *map, struct kev_region *region)
{
	u32 i;

	for (i = map->nr++; i && map->entry[i - 1].gpa > region->gpa; i--)
		map->entry[i] = map->entry[i - 1];
	map->entry[i] = (struct kev_region_entry) {
		.gpa = region->gpa,
		.end = kev_region_end(region),
		.region = region,
	};
}

/* With IRQs off one is a reader too. */
static const struct kev_region_map *read_map(const struct kev_mem *mem)
{
	return rcu_dereference_check(mem->map, rcu_read_lock_sched_held());
}

static const struct kev_region_entry *find(const struct kev_region_map *map, u64 gpa)
{
	return __inline_bsearch(&gpa, map->entry, map->nr, sizeof(map->entry[0]), compare_gpa);
}

struct kev_region *kev_region_find(const struct kev_mem *mem, u64 gpa)
{
	const struct kev_region_map *map = read_map(mem);
	const struct kev_region_entry *entry = map ? find(map, gpa) : NULL;

	return entry ? entry->region : NULL;
}

struct kev_region *kev_region_find_near(const struct kev_mem *mem, u64 gpa, u32 *hint)
{
	const struct kev_region_map *map = read_map(mem);
	const struct kev_region_entry *entry;

	if (!map)
		return NULL;
	/* The map may be another one by now: the hint says where to look first, and no more. */
	entry = &map->entry[*hint];
	if (*hint < map->nr && !compare_gpa(&gpa, entry))
		return entry->region;
	entry = find(map, gpa);
	if (!entry)
		return NULL;
	*hint = entry - map->entry;
	return entry->region;
}

struct kev_region *kev_region_get(struct kev_mem *mem, u64 gpa)
{
	struct kev_region *region;

	rcu_read_lock();
	region = kev_region_find(mem, gpa);
	if (region && !refcount_inc_not_zero(&region->refs))
		region = NULL;
	rcu_read_unlock();
	return region;
}

struct kev_region *kev_region_get_next(struct kev_mem *mem, u64 gpa)
{
	struct kev_region *region = NULL;
	const struct kev_region_map *map;
	u32 i;

	rcu_read_lock();
	map = rcu_dereference(mem->map);
	for (i = 0; map && i < map->nr && !region; i++)
		if (map->entry[i].end > gpa && refcount_inc_not_zero(&map->entry[i].region->refs))
			region = map->entry[i].region;
	rcu_read_unlock();
	return region;
}

void kev_region_sum(struct kev_mem *mem, struct kev_vm_stats *out)
{
	const struct kev_region_map *map;
	u32 i;

	rcu_read_lock();
	map = rcu_dereference(mem->map);
	for (i = 0; map && i < map->nr; i++) {
		const struct kev_region *region = map->entry[i].region;
		u64 resident = atomic64_read(&region->resident);

		out->resident_pages += resident;
		out->shared_pages += atomic64_read(&region->shared);
		out->huge_pages += atomic64_read(&region->huge);
		switch (region->kind) {
		case KEV_REGION_BOOT:
			out->boot_pages += resident;
			break;
		case KEV_REGION_FILE:
		case KEV_REGION_IMAGE:
			out->image_pages += resident;
			break;
		default:
			out->ram_pages += resident;
			break;
		}
	}
	rcu_read_unlock();
}

int kev_region_check(const struct kev_mem *mem, u64 gpa, u64 length, u32 prot)
{
	u64 end;

	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(length) || !length)
		return -EINVAL;
	if (check_add_overflow(gpa, length, &end) || end > BIT_ULL(mem->config.phys_bits))
		return -EINVAL;
	if (prot & ~KEV_MEM_ALL)
		return -EINVAL;
	/* Where the guest may do nothing there is never a leaf. */
	if (prot && !kev_pt_prot_valid(mem->config.format, prot))
		return -EOPNOTSUPP;
	return 0;
}

static struct kev_region_map *alloc_map(struct kev_mem *mem, u32 nr)
{
	struct kev_region_map *map;
	size_t size = struct_size(map, entry, nr);

	return kev_mem_room(mem, size) ?: kvmalloc(size, KEV_GFP_GUEST);
}

static void free_map(const struct kev_mem *mem, struct kev_region_map *map)
{
	if (!kev_mem_in_room(mem, map))
		kvfree(map);
}

/* Readers may still be at it. @map: may be NULL */
static void retire_map(const struct kev_mem *mem, struct kev_region_map *map)
{
	if (map && !kev_mem_in_room(mem, map))
		kvfree_rcu(map, rcu);
}

/* The map with the regions of @list added, or an ERR_PTR */
static struct kev_region_map *extend_map(struct kev_mem *mem, const struct kev_region_map *old,
					 struct list_head *list, u32 added)
{
	u32 nr = old ? old->nr : 0;
	struct kev_region_map *map;
	struct kev_region *region;
	u32 i;

	if (added > KEV_MEM_MAX_REGIONS - nr)
		return ERR_PTR(-ENOSPC);
	map = alloc_map(mem, nr + added);
	if (!map)
		return ERR_PTR(-ENOMEM);

	if (nr)
		memcpy(map->entry, old->entry, array_size(nr, sizeof(*map->entry)));
	map->nr = nr;
	list_for_each_entry(region, list, link)
		insert(map, region);

	for (i = 1; i < map->nr; i++) {
		if (map->entry[i - 1].end > map->entry[i].gpa) {
			free_map(mem, map);
			return ERR_PTR(-EEXIST);
		}
	}
	return map;
}

static void publish(struct kev_mem *mem, struct kev_region_map *map)
{
	rcu_assign_pointer(mem->map, map);
	/*
	 * Who still finds the last number may go by the last map; who finds this one goes by this
	 * map, or a later one. Pairs with find_device() in mmio_fast.c.
	 */
	smp_store_release(&mem->map_nr, mem->map_nr + 1);
}

int kev_region_add_list(struct kev_mem *mem, struct list_head *list)
{
	struct kev_region_map *old, *map;
	struct kev_region *region;
	u32 added = 0;
	int ret;

	list_for_each_entry(region, list, link) {
		ret = kev_region_check(mem, region->gpa, region->length, region->prot);
		if (ret)
			return ret;
		added++;
	}

	mutex_lock(&mem->lock);
	old = rcu_dereference_protected(mem->map, lockdep_is_held(&mem->lock));
	map = extend_map(mem, old, list, added);
	if (!IS_ERR(map))
		publish(mem, map);
	mutex_unlock(&mem->lock);
	if (IS_ERR(map))
		return PTR_ERR(map);

	INIT_LIST_HEAD(list);
	retire_map(mem, old);
	return 0;
}

/* The map without the region at @index, or an ERR_PTR */
static struct kev_region_map *shrink_map(struct kev_mem *mem, const struct kev_region_map *old,
					 u32 index)
{
	struct kev_region_map *map;

	map = alloc_map(mem, old->nr - 1);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->nr = old->nr - 1;
	memcpy(map->entry, old->entry, array_size(index, sizeof(*map->entry)));
	memcpy(&map->entry[index], &old->entry[index + 1],
	       array_size(map->nr - index, sizeof(*map->entry)));
	return map;
}

struct kev_region *kev_region_take(struct kev_mem *mem, u64 gpa, u64 length)
{
	struct kev_region_map *map, *old;
	struct kev_region_entry *entry;
	struct kev_region *region;

	old = rcu_dereference_protected(mem->map, lockdep_is_held(&mem->lock));
	entry = old ? bsearch(&gpa, old->entry, old->nr, sizeof(*entry), compare_gpa) : NULL;
	if (!entry || entry->gpa != gpa || entry->end - gpa != length)
		return ERR_PTR(-ENOENT);
	region = entry->region;
	map = shrink_map(mem, old, entry - old->entry);
	if (IS_ERR(map))
		return ERR_CAST(map);
	publish(mem, map);
	WRITE_ONCE(region->dead, true);
	/*
	 * Dead before the walk over the tables: who links a table that the walk does not
	 * meet sees it. Pairs with the lock of that table.
	 */
	smp_mb();
	retire_map(mem, old);
	return region;
}

void *kev_region_alloc(struct kev_mem *mem, size_t size)
{
	struct kev_region *region = kev_mem_room(mem, size);

	if (!region)
		return kzalloc(size, KEV_GFP_GUEST);
	region->in_room = true;
	return region;
}

void kev_region_free(struct kev_region *region)
{
	if (!region->in_room)
		kfree(region);
}

void kev_region_init(struct kev_region *region, struct list_head *list,
		     const struct kev_region_ops *ops, u32 kind, u64 gpa, u64 length, u32 prot)
{
	region->ops = ops;
	refcount_set(&region->refs, 1);
	region->gpa = gpa;
	region->length = length;
	region->kind = kind;
	region->prot = prot;
	list_add_tail(&region->link, list);
}

void kev_region_put(struct kev_region *region)
{
	if (!refcount_dec_and_test(&region->refs))
		return;
	if (region->ops->release)
		region->ops->release(region);
	/* A reader of an old map may be about to look at the count. */
	if (!region->in_room)
		kvfree_rcu(region, rcu);
}

void kev_region_release_list(struct list_head *list)
{
	struct kev_region *region, *next;

	list_for_each_entry_safe(region, next, list, link)
		kev_region_put(region);
	INIT_LIST_HEAD(list);
}

void kev_region_fini(struct kev_mem *mem)
{
	struct kev_region_map *map = rcu_dereference_protected(mem->map, true);
	u32 i;

	if (!map)
		return;
	for (i = 0; i < map->nr; i++)
		kev_region_put(map->entry[i].region);
	free_map(mem, map);
}
