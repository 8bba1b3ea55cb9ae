/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions: what lies where in a VM's guest-physical memory. For the memory
 * room and for boot protocols; the rest of kev uses <kev/mem.h>.
 */
#ifndef _KEV_REGION_H
#define _KEV_REGION_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <kev/boot.h>
#include <kev/mem.h>
#include <kev/stock.h>

struct file;
struct kev_image;
struct kev_region;

/**
 * struct kev_fault - one page of a region is being made
 * @mem: in: the memory
 * @region: in: the region that holds @gpa
 * @touch: in: the access, allowed by the region
 * @gpa: in: first byte of the page
 * @page: out: the page, with a reference that goes to the leaf
 * @prot: in: the region's rights; out: the leaf's
 * @filled: out: @page has the bytes of touch->fill; false when called
 * @soft: out: KEV_LEAF_SHARED or _BORROWED; 0 when called
 * @made: enum kev_made: what has become present
 */
struct kev_fault {
	struct kev_mem *mem;
	struct kev_region *region;
	const struct kev_touch *touch;
	u64 gpa;
	struct page *page;
	u32 prot;
	bool filled;
	u64 soft;
	u8 made;
};

/**
 * struct kev_region_ops - how one kind of region comes by its pages
 * @fault: make a page. Never called for one page by two threads at once.
 *	Process context, no lock held, may sleep, also for a file, by the rules of
 *	kev_touch.flags. Returns 0, or an error of kev_mem_fault().
 * @cached: pages in a row that can be mapped shared without waiting, each with a reference,
 *	or NULL; may be NULL. Process context, no lock held.
 * @fast: a page that is at hand, out of the vCPU's stock, which is not empty: for an access
 *	that the region allows to a page that is not there. It becomes present with all of the
 *	region's rights. IRQs off, the table's lock held, the region not dead.
 *	NULL: @fault has to. May be NULL.
 * @removed: the region is dead: wake those who wait in @fault, which look at kev_touch.dead. Under
 *	kev_mem.lock. May be NULL.
 * @release: give back what the region holds; it is in no map, and nobody faults in it.
 *	kev_region_put() frees the region itself. May be NULL.
 */
struct kev_region_ops {
	int (*fault)(struct kev_fault *fault);
	void (*cached)(const struct kev_region *region, u64 gpa, unsigned int nr,
		       struct page **pages);
	struct page *(*fast)(struct kev_mem *mem, struct kev_region *region,
			     struct kev_stock *stock, u64 gpa, u32 access);
	void (*removed)(struct kev_region *region);
	void (*release)(struct kev_region *region);
};

/**
 * struct kev_region - a run of pages with one origin and one set of rights
 * @ops: [I] how it comes by its pages
 * @link: in a list until kev_region_add_list() takes the region
 * @rcu: for its end
 * @refs: the map holds one, and each fault under way
 * @in_room: [I] by kev_mem_room()
 * @dead: [t] removed: no leaf may become present any more
 * @gpa: [I] first byte
 * @length: [I] bytes
 * @kind: [I] enum kev_region_kind
 * @prot: [I] KEV_MEM_*: what the guest may do; 0 is a region that gives nothing
 * @huge_ok: [I] pages of 2 MiB may be used
 * @resident: [a] present pages of 4 KiB
 * @shared: [a] of these, pages of the page cache
 * @huge: [a] of these, parts of pages of 2 MiB
 * @file_pages: [a] pages whose bytes were taken from a file
 *
 * [I] immutable once it is in a map, [a] atomic, [t] set under kev_mem.lock, read under
 * a table's lock, which the remover takes after setting it.
 */
struct kev_region {
	const struct kev_region_ops *ops;
	struct list_head link;
	struct rcu_head rcu;
	refcount_t refs;
	bool in_room;
	bool dead;
	u64 gpa;
	u64 length;
	u32 kind;
	u32 prot;
	bool huge_ok;
	atomic64_t resident;
	atomic64_t shared;
	atomic64_t huge;
	atomic64_t file_pages;
};

static inline u64 kev_region_end(const struct kev_region *region)
{
	return region->gpa + region->length;
}

/*
 * kev_region_is_dead() - may no leaf of it become present any more; under the lock of the leaf's
 * table, or it may be about to be so
 */
static inline bool kev_region_is_dead(const struct kev_region *region)
{
	return READ_ONCE(region->dead);
}

/**
 * kev_region_alloc() - memory for a region
 * @mem: the memory that it is for
 * @size: of the structure that begins with it
 *
 * Context: Process context, may sleep.
 * Return: zeros, for kev_region_free(), or NULL.
 */
void *kev_region_alloc(struct kev_mem *mem, size_t size);

/* kev_region_free() - the opposite, at once; kev_region_put() does it after a grace period */
void kev_region_free(struct kev_region *region);

/**
 * kev_region_init() - fill a region and append it to a list
 * @region: of kev_region_alloc()
 * @list: where to append it
 * @ops: how it comes by its pages
 * @kind: enum kev_region_kind
 * @gpa: first byte
 * @length: bytes
 * @prot: KEV_MEM_*
 */
void kev_region_init(struct kev_region *region, struct list_head *list,
		     const struct kev_region_ops *ops, u32 kind, u64 gpa, u64 length, u32 prot);

/**
 * kev_region_check() - can there be such a region
 * @mem: the memory
 * @gpa: first byte
 * @length: bytes
 * @prot: KEV_MEM_*
 *
 * Context: Any.
 * Return: 0, -EINVAL, -EOPNOTSUPP as kev_mem_add_region().
 */
int kev_region_check(const struct kev_mem *mem, u64 gpa, u64 length, u32 prot);

/* kev_fault_alloc() - kev_mem_alloc_page() for the page that a fault makes */
static inline struct page *kev_fault_alloc(const struct kev_fault *fault, gfp_t flags)
{
	return kev_stock_take(fault->touch->stock, fault->mem, fault->gpa, flags);
}

/* kev_region_put() - give a reference back; the last one releases the region */
void kev_region_put(struct kev_region *region);

/**
 * kev_region_add_list() - add regions to a VM's memory, all or none
 * @mem: the memory
 * @list: regions in any order; empty afterwards, left alone on failure
 *
 * Context: Process context, may sleep.
 * Return: 0, or as kev_mem_add_region(), with nothing changed.
 */
int kev_region_add_list(struct kev_mem *mem, struct list_head *list);

/* kev_region_release_list() - release regions that are in no map */
void kev_region_release_list(struct list_head *list);

/**
 * kev_region_get() - the region that holds an address
 * @mem: the memory
 * @gpa: any address
 *
 * Context: process, as for the kev_region_put() that is due: the last one may sleep.
 * Return: the region, with a reference, or NULL.
 */
struct kev_region *kev_region_get(struct kev_mem *mem, u64 gpa);

/**
 * kev_region_find() - the same without a reference
 * @mem: the memory
 * @gpa: any address
 *
 * Context: RCU read side, or IRQs off. Only its own fields may be used: what it holds may go
 * with the last reference, unless the caller has its table's lock and finds it not dead.
 * Return: the region, or NULL where there is none.
 */
struct kev_region *kev_region_find(const struct kev_mem *mem, u64 gpa);

/**
 * kev_region_find_near() - the same, for whoever mostly asks for the region of last time
 * @mem: the memory
 * @gpa: any address
 * @hint: the caller's; anything at first
 *
 * Context: as kev_region_find().
 * Return: the region, or NULL where there is none.
 */
struct kev_region *kev_region_find_near(const struct kev_mem *mem, u64 gpa, u32 *hint);

/* kev_region_get_next() - the region that holds an address, or the next one above */
struct kev_region *kev_region_get_next(struct kev_mem *mem, u64 gpa);

/**
 * kev_region_take() - take a region out of the map
 * @mem: the memory; its lock is held
 * @gpa: its first byte
 * @length: bytes
 *
 * Return: the region, dead, with the map's reference; or an ERR_PTR: -ENOENT, -ENOMEM.
 */
struct kev_region *kev_region_take(struct kev_mem *mem, u64 gpa, u64 length);

/**
 * kev_region_sum() - add up what is resident, over all regions
 * @mem: the memory
 * @out: the page counters but table_pages are added to
 */
void kev_region_sum(struct kev_mem *mem, struct kev_vm_stats *out);

/* kev_region_fini() - release the map and every region in it; no reader is left */
void kev_region_fini(struct kev_mem *mem);

/*
 * The kinds of region; each appends to a list. RAM and its relatives, by @kind: 0 or
 * -ENOMEM.
 */
int kev_ram_create(struct kev_mem *mem, struct list_head *list, u32 kind, u64 gpa, u64 length,
		   u32 prot);

/**
 * kev_boot_create() - pages with bytes that a boot protocol has computed
 * @mem: the memory
 * @list: where to append it
 * @gpa: first byte
 * @length: bytes, a multiple of the page
 * @bytes: @length bytes from kvmalloc(); the region takes them over on success
 *
 * Return: 0, -ENOMEM.
 */
int kev_boot_create(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
		    void *bytes);

/* kev_boot_create_computed() - pages that @page computes when they are touched; as above */
int kev_boot_create_computed(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
			     kev_boot_page_fn page);

/* kev_image_create_regions() - the segments of an image; 0 or -ENOMEM */
int kev_image_create_regions(struct kev_mem *mem, struct list_head *list,
			     struct kev_image *image, bool restrict_prot);

/**
 * kev_file_create() - a range of a file
 * @mem: whose creator is charged for shared pages
 * @list: where to append it
 * @file: open file; the region takes a reference of its own
 * @seg: what goes where: whole pages of memory, any bytes of the file
 * @share: pages may be those of the page cache
 *
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL: more bytes of the file than of memory, or the file ends before; or as
 * kev_image_create().
 */
int kev_file_create(struct kev_mem *mem, struct list_head *list, struct file *file,
		    const struct kev_elf_segment *seg, bool share);

/**
 * kev_user_create() - pages of the caller's own mapping, pinned
 * @mem: whose creator the caller is
 * @list: where to append it
 * @gpa: first byte
 * @length: bytes
 * @user_address: of the first page
 * @prot: KEV_MEM_*
 *
 * Context: Process context, may sleep; takes mmap_lock.
 * Return: 0; -EFAULT, -ENOEXEC, -EINTR, -ENOMEM as kev_mem_add_region().
 */
int kev_user_create(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
		    u64 user_address, u32 prot);

/**
 * kev_mem_room() - memory for a small object that goes with the VM
 * @mem: the memory
 * @size: bytes
 *
 * What is given is not taken back before the VM's end: for what a VM has from its beginning.
 *
 * Context: Any.
 * Return: zeros, or NULL: there is not as much left; allocate it.
 */
void *kev_mem_room(struct kev_mem *mem, size_t size);

/* kev_mem_in_room() - was an object given by kev_mem_room() */
static inline bool kev_mem_in_room(const struct kev_mem *mem, const void *object)
{
	const void *room = mem->config.room;

	return object >= room && object < room + mem->config.room_size;
}

/* kev_mem_pages_init() - have the pages ready that every VM begins with, where that can be */
void kev_mem_pages_init(struct kev_mem *mem);

/* kev_mem_pages_fini() - free the pages that wait; nobody takes any more */
void kev_mem_pages_fini(struct kev_mem *mem);

/**
 * kev_mem_alloc_run() - 2^order pages of zeros in a row, each with a reference
 * @mem: the memory; its creator is charged
 * @order: KEV_PT_INDEX_BITS: a page of 2 MiB
 * @hard: wait for the host to make room for them; otherwise they are there or not
 *
 * Context: Process context, may sleep.
 * Return: the first page or NULL.
 */
struct page *kev_mem_alloc_run(struct kev_mem *mem, unsigned int order, bool hard);

/**
 * kev_mem_zap() - take the leaves of a range away
 * @mem: the memory; its lock is held
 * @region: counters that go down: the region of the whole range
 * @gpa: first byte
 * @end: first byte behind
 *
 * When it returns no CPU and no user mapping reaches the pages, and they are given back.
 *
 * Context: Process context, may sleep.
 * Return: 0; -ENOMEM: a leaf of 2 MiB that lies across an end cannot be split: it and what
 * is behind it stays. Not for a whole region: no leaf lies across its ends.
 */
int kev_mem_zap(struct kev_mem *mem, struct kev_region *region, u64 gpa, u64 end);

/**
 * kev_mem_flush() - let no vCPU use translations that entries do not give any more
 * @mem: the memory
 *
 * Context: Process context, may sleep.
 */
void kev_mem_flush(struct kev_mem *mem);

/**
 * kev_mem_unmap_user() - take pages out of the user mappings of the VM fd
 * @mem: the memory; the leaves are not present any more
 * @gpa: first byte
 * @length: bytes
 *
 * Whoever was about to insert one of these pages has done so before and loses it.
 *
 * Context: Process context, may sleep.
 */
void kev_mem_unmap_user(struct kev_mem *mem, u64 gpa, u64 length);

#endif /* _KEV_REGION_H */
