/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's guest-physical memory: regions that say what is where, and the
 * second-level page tables that fill up as pages are touched.
 *
 * Nothing is allocated or read before its first touch. A guest's access, the
 * kernel's access for a hypercall, a user mapping and a probe all take
 * kev_mem_fault().
 *
 * Guest addresses are plain u64: a guest-physical one is always named gpa, a
 * guest-virtual one gva. Only src/mem/access.c follows them to host memory.
 */
#ifndef _KEV_MEM_H
#define _KEV_MEM_H

#include <linux/atomic.h>
#include <linux/kev.h>
#include <linux/mutex.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <kev/payer.h>
#include <kev/pure.h>

struct address_space;
struct kev_mem;
struct kev_pt_format;
struct file;
struct kev_paging;
struct kev_region_map;
struct kev_pt_page;
struct kev_stock;
struct mem_cgroup;
struct page;
struct vm_area_struct;

/* Regions of one VM at most: an image of 128 segments takes up to 257. */
#define KEV_MEM_MAX_REGIONS	1024

/**
 * struct kev_mem_config - what a VM's memory is made with
 * @format: how the second-level page tables are encoded
 * @phys_bits: width of a guest-physical address, at most what @format can walk
 * @huge: KEV_HUGE_NEVER, _AUTO or _ALWAYS; NEVER where the tables have no such leaves
 * @huge_exec: a leaf of 2 MiB may be executable (not where X86_BUG_ITLB_MULTIHIT)
 * @dirty_flag: the CPU keeps dirty flags; otherwise writing is withheld to see it
 * @fault_around: image pages that a fault maps at most, a power of two; 0 and 1: its own
 * @around_max: the same of a vCPU whose faults go on from one window to the next
 * @room: zeros that stay as long as the memory, for small objects; may be NULL
 * @room_size: bytes there
 * @flush: make every vCPU forget translations that entries do not give any more;
 *	process context, may sleep, returns when no CPU uses one
 */
struct kev_mem_config {
	const struct kev_pt_format *format;
	unsigned int phys_bits;
	u32 huge;
	bool huge_exec;
	bool dirty_flag;
	u32 fault_around;
	u32 around_max;
	void *room;
	size_t room_size;
	void (*flush)(struct kev_mem *mem);
};

/* What a fault has made present */
enum kev_made {
	KEV_MADE_NOTHING = 0,	/* it was there, or only a right was missing */
	KEV_MADE_ZERO,		/* a page of RAM */
	KEV_MADE_HUGE,		/* 2 MiB of RAM */
	KEV_MADE_SHARED,	/* a page of the page cache */
	KEV_MADE_FILE,		/* a page of the VM's own with bytes of a file */
	KEV_MADE_COPY,		/* a private copy of a shared page */
	KEV_MADE_BOOT,		/* boot structures */
	KEV_MADE_USER,		/* a page of the creator's */
	KEV_NR_MADE,
	KEV_MADE_AROUND = KEV_NR_MADE,	/* pages of the page cache, by fault-around: no fault */
};

/**
 * struct kev_mem_counters - what has happened to a VM's memory
 * @table_pages: page-table pages, the root included
 * @file_pages: pages whose bytes were taken from a file, because they were touched
 * @file_bytes: bytes taken for them
 * @read_pages: of these, pages that were not in the page cache
 * @header_bytes: bytes of headers read at the attach
 * @faults: faults resolved, by enum kev_made
 * @copied: private copies of shared pages
 * @around: pages mapped by fault-around
 * @flushes: calls of kev_mem_config.flush
 */
struct kev_mem_counters {
	atomic64_t table_pages;
	atomic64_t file_pages;
	atomic64_t file_bytes;
	atomic64_t read_pages;
	atomic64_t header_bytes;
	atomic64_t faults[KEV_NR_MADE];
	atomic64_t copied;
	atomic64_t around;
	atomic64_t flushes;
};

/**
 * struct kev_first_pages - pages that wait for their first use, cleared and charged
 * @lock: guards the next
 * @page: chained by page_private()
 * @next_order: once they are used up, allocate 2^this more; 0: no more. Whoever exchanges it for 0
 *	does that.
 */
struct kev_first_pages {
	spinlock_t lock;	/* innermost */
	struct page *page;
	unsigned int next_order;
};

/**
 * struct kev_mem - guest-physical memory of one VM
 * @config: [I]
 * @id: [I] number of the VM, for traces
 * @memcg: [I] the creator's memory cgroup, charged for every page; may be NULL
 * @payer: [I] the creator, who pays for pinned pages
 * @root: [I] root of the second-level page tables
 * @lock: serialises writers of @map and @image_claimed, and whoever takes leaves away;
 *	sleeps for memory and for CPUs, never for a file or user memory
 * @map: [m] the regions: an immutable snapshot, read under RCU
 * @map_nr: [a] how many maps there have been
 * @image_claimed: [m] an image is attached, or about to be
 * @tables: [a] chain of all page-table pages; see src/mem/table.c
 * @mapping: [a] of the VM's inode, once user space has mapped it; holds the inode
 * @count: [a] what has happened
 * @first: see there
 * @room_used: [a] bytes of config.room that are given
 *
 * [I] immutable from kev_mem_init() to kev_mem_fini(), [m] @lock, [a] atomic.
 */
struct kev_mem {
	struct kev_mem_config config;
	u64 id;
	struct mem_cgroup *memcg;
	struct kev_payer payer;
	struct kev_pt_page *root;

	struct mutex lock;	/* before a table's and the invalidate_lock */
	struct kev_region_map __rcu *map;
	u64 map_nr;
	bool image_claimed;

	struct kev_pt_page *tables;
	struct address_space *mapping;
	struct kev_mem_counters count;
	struct kev_first_pages first;
	atomic_t room_used;
};

/* kev_touch.flags */
#define KEV_TOUCH_OWNER		BIT(0)	/* user space: rights of the region do not count */
#define KEV_TOUCH_NOWAIT	BIT(1)	/* -EBUSY instead of waiting for a file or a thread */
#define KEV_TOUCH_KILLABLE	BIT(2)	/* only a fatal signal ends a wait */
#define KEV_TOUCH_MAPPING	BIT(3)	/* by a mapping: it fills KEV_REGION_NOTIFY */
#define KEV_TOUCH_TRIED		BIT(4)	/* with NOWAIT: the error of this task's wait before */

/**
 * struct kev_touch - an access to guest memory
 * @gpa: in: any address
 * @access: in: KEV_MEM_*
 * @flags: in: KEV_TOUCH_*
 * @stop: in: a wait ends with -EINTR once one of @stop_mask's bits is set here and the task
 *	is woken; may be NULL
 * @stop_mask: in: see there
 * @dead: kev_mem_fault()'s own: a wait ends with -EINTR once this is set and the task is
 *	woken, too; NULL outside
 * @fill: in: the bytes of a page of KEV_REGION_NOTIFY that becomes present; NULL: zeros
 * @stock: in: of the vCPU that accesses, which the caller owns; may be NULL
 * @filled: out: the page has become present with the bytes of @fill
 * @kind: out: enum kev_region_kind of what holds the address, 0: nothing
 * @prot: out: KEV_MEM_* that the region gives; 0 without one
 */
struct kev_touch {
	u64 gpa;
	u32 access;
	u32 flags;
	const unsigned long *stop;
	unsigned long stop_mask;
	const bool *dead;
	const void *fill;
	struct kev_stock *stock;
	bool filled;
	u32 kind;
	u32 prot;
};

/* kev_touch_stopped() - does somebody want the wait to end */
static inline bool kev_touch_stopped(const struct kev_touch *touch)
{
	return touch->stop && READ_ONCE(*touch->stop) & touch->stop_mask;
}

/* kev_touch_moot() - is the region gone that the page was to be made for */
static inline bool kev_touch_moot(const struct kev_touch *touch)
{
	return touch->dead && READ_ONCE(*touch->dead);
}

/**
 * kev_mem_init() - make an empty guest-physical memory
 * @mem: storage, in any state
 * @config: see there; copied
 *
 * Charges the memory cgroup of the current process from now on.
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL (phys_bits), -ENOMEM: there
 * is nothing to undo.
 */
int kev_mem_init(struct kev_mem *mem, const struct kev_mem_config *config);

/**
 * kev_mem_option() - fill what a VM's creator may choose
 * @config: @huge, @fault_around and @around_max are written
 * @huge: enum kev_huge_pages
 * @fault_around: pages; counts if @around_given
 * @around_given: else the module's parameter counts
 * @huge_possible: the tables have leaves of 2 MiB
 *
 * Context: Any.
 * Return: 0, -EINVAL.
 */
int kev_mem_option(struct kev_mem_config *config, u32 huge, u32 fault_around, bool around_given,
		   bool huge_possible);

/**
 * kev_mem_fini() - free every page, table and region, let go of the image
 * @mem: no vCPU may run in it and no call on it may be under way, now or later
 *
 * Takes no lock and waits for nothing. Translations of these tables that a CPU
 * still caches are the backend's concern: it flushes before a root is used again.
 * Context: Process context.
 */
void kev_mem_fini(struct kev_mem *mem);

/**
 * kev_mem_root() - physical address of the root of the second-level page tables
 * @mem: the memory
 *
 * It does not change until kev_mem_fini().
 *
 * Context: Any.
 * Return: host-physical address of a page.
 */
phys_addr_t kev_mem_root(const struct kev_mem *mem);

/*
 * For everything that is charged. Without RETRY_MAYFAIL a cgroup at its limit gets the OOM
 * killer, which does not see guest memory and would shoot at random.
 */
#define KEV_GFP_GUEST	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/**
 * kev_mem_alloc_page() - a page for the guest, its page tables or a vCPU
 * @mem: the memory; its creator is charged
 * @flags: __GFP_ZERO, unless the caller writes every byte
 *
 * Never calls the OOM killer: the guest is told instead.
 *
 * Context: Process context, may sleep, no lock of the memory held.
 * Return: the page, for
 * kev_mem_free_page() or put_page(), or NULL.
 */
struct page *kev_mem_alloc_page(struct kev_mem *mem, gfp_t flags);

/**
 * kev_mem_free_page() - give back a page of kev_mem_alloc_page()
 * @page: the caller's reference goes; nothing of its content stays
 *
 * It may be kept for the next VM of the cgroup that has paid for it.
 *
 * Context: Process context.
 */
void kev_mem_free_page(struct page *page);

/* kev_mem_drop_kept() - free the pages that are kept; no VM exists */
void kev_mem_drop_kept(void);

/* kev_mem_zeroed_page() - the address of such a page, cleared, for free_page(); or NULL */
void *kev_mem_zeroed_page(struct kev_mem *mem);

/**
 * kev_mem_zalloc() - memory that a vCPU needs on the way, or a page table
 * @mem: the memory; its creator is charged
 * @size: bytes
 *
 * Context: as kev_mem_alloc_page().
 * Return: zeros, for kfree(), or NULL.
 */
void *kev_mem_zalloc(struct kev_mem *mem, size_t size);

/**
 * kev_mem_stats() - fill the memory fields of struct kev_vm_stats
 * @mem: the memory
 * @out: zeros there; the rest is left alone
 *
 * Context: Any. The numbers are not read at one instant while vCPUs run.
 */
void kev_mem_stats(struct kev_mem *mem, struct kev_vm_stats *out);

/**
 * kev_mem_faults() - how many faults have made what
 * @mem: the memory
 * @faults: written, by enum kev_made
 *
 * Context: Any.
 */
void kev_mem_faults(const struct kev_mem *mem, u64 *faults);

/**
 * kev_mem_add_region() - add a region
 * @mem: the memory
 * @args: checked here in full
 *
 * KEV_REGION_USER pins the pages, KEV_REGION_FILE takes a reference to the file.
 *
 * Context: Process context, may sleep; no kev lock held.
 * Return: 0; -EINVAL: unaligned,
 * empty, wraps or ends above the physical width, bad kind or rights, fields of another
 * kind; -EOPNOTSUPP: rights that the page tables cannot express; -EEXIST: overlaps a
 * region; -ENOSPC: too many regions; -EFAULT: USER: not mapped for writing; -ENOEXEC:
 * USER: neither anonymous, shmem nor hugetlb memory; FILE: no regular file; -EBADF,
 * -EISDIR, -ETXTBSY, -EIO: FILE; -EINTR; -ENOMEM. Nothing has changed then.
 */
int kev_mem_add_region(struct kev_mem *mem, const struct kev_add_region *args);

/**
 * kev_mem_remove_region() - take a region away
 * @mem: the memory
 * @gpa: its first address
 * @length: bytes
 *
 * Context: Process context, may sleep.
 * Return: 0: no CPU and no mapping reaches it any
 * more; -EINVAL: unaligned or empty; -ENOENT: no region with these two ends; -ENOMEM.
 */
int kev_mem_remove_region(struct kev_mem *mem, u64 gpa, u64 length);

/**
 * kev_mem_discard() - give pages of RAM back, as if they had never been touched
 * @mem: the memory
 * @gpa: first address, a multiple of 4096
 * @length: bytes, a multiple of 4096
 *
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL: unaligned, empty, or wraps;
 * -ENOENT: not RAM or KEV_REGION_NOTIFY from end to end; -ENOMEM: a page of 2 MiB could
 * not be split; it and what is behind it has not changed.
 */
int kev_mem_discard(struct kev_mem *mem, u64 gpa, u64 length);

/**
 * kev_mem_query() - describe the region at an address, or the next one above
 * @mem: the memory
 * @query: @gpa is read, the rest written
 *
 * Context: Process context.
 * Return: 0, -ENOENT: there is none.
 */
int kev_mem_query(struct kev_mem *mem, struct kev_query_memory *query);

/**
 * kev_mem_get_dirty() - which pages of a range were written; forget it
 * @mem: the memory
 * @gpa: first address, a multiple of 4096
 * @pages: pages, at most 64 * 4096
 * @bitmap: one bit for each, cleared by the caller
 *
 * Context: Process context, may sleep.
 * Return: bits set, or -ENOMEM.
 */
long kev_mem_get_dirty(struct kev_mem *mem, u64 gpa, unsigned long pages, unsigned long *bitmap);

/* kev_mem_set_dirty() - the opposite, where the bitmap reached nobody; as above */
void kev_mem_set_dirty(struct kev_mem *mem, u64 gpa, unsigned long pages,
		       const unsigned long *bitmap);

/**
 * kev_mem_page_state() - what is known of an address; touches nothing
 * @mem: the memory
 * @gpa: any address
 * @kind: out: enum kev_region_kind, 0 without a region
 * @prot: out: KEV_MEM_* that the region gives
 *
 * Context: Process context.
 * Return: enum kev_page_state.
 */
u32 kev_mem_page_state(struct kev_mem *mem, u64 gpa, u32 *kind, u32 *prot);

/**
 * kev_mem_find_bytes() - where bytes of guest memory are that the guest can read now
 * @mem: the memory
 * @gpa: of the first; the others are in the same page
 *
 * They stay there until their leaf goes. A vCPU that is armed may read them as its guest
 * may, without a reference: kev_vm_flush() waits for it before the page is given back.
 * And with kev_vm.flush_wanted as it was before this call, no leaf has gone since that this
 * call has seen.
 *
 * Context: Any.
 * Return: NULL: not present, not readable, or poisoned.
 */
const void *kev_mem_find_bytes(struct kev_mem *mem, u64 gpa);

/**
 * kev_mem_fault() - make the page at a guest-physical address present
 * @mem: the memory
 * @touch: the access; afterwards the page is present with all of its rights
 *
 * Any number of threads may fault on one page: one makes it, the others wait.
 *
 * Context: Process context, IRQs and preemption on, no lock of the memory held; may
 * sleep, also for a file.
 * Return: 0: the access can be tried again; -ENOENT: no region;
 * -EACCES: the region forbids it; -EAGAIN: user space has to fill the page first;
 * -ENOMEM: no memory, or the cgroup's limit; -EIO: the file cannot be read there;
 * -EINTR: a signal came, or *stop; -EBUSY: with KEV_TOUCH_NOWAIT.
 */
int kev_mem_fault(struct kev_mem *mem, struct kev_touch *touch);

/**
 * kev_mem_fault_fast() - the same for a first touch that needs only what is at hand
 * @mem: the memory
 * @stock: of the vCPU that accesses
 * @gpa: any address
 * @access: KEV_MEM_*
 *
 * Context: IRQs off; takes no lock but the table's.
 * Return: enum kev_region_kind: the
 * access can be tried again; 0: kev_mem_fault() has to look.
 */
u32 kev_mem_fault_fast(struct kev_mem *mem, struct kev_stock *stock, u64 gpa, u32 access);

/**
 * kev_mem_mmap() - map guest memory into the owner's address space
 * @mem: the memory, whose owner the caller is
 * @vma: as given to the VM fd's mmap
 *
 * Context: mmap_lock held for writing.
 * Return: 0; -EINVAL: a private or an executable
 * mapping, or one that ends above the physical width.
 */
int kev_mem_mmap(struct kev_mem *mem, struct vm_area_struct *vma);

/**
 * kev_mem_get_page() - the page behind a guest-physical address
 * @mem: the memory
 * @touch: what the caller is going to do
 * @page: where to put the page, with a reference: put_page() when done
 *
 * Makes the page present first, as kev_mem_fault(). A page that is to be written counts
 * as dirty from here on.
 *
 * Context: as kev_mem_fault().
 * Return: as kev_mem_fault(); -EIO: also a page that is poisoned by now.
 */
int kev_mem_get_page(struct kev_mem *mem, struct kev_touch *touch, struct page **page);

/**
 * kev_mem_copy() - copy from or to guest-physical memory
 * @mem: the memory
 * @touch: first address and the manner; KEV_MEM_READ or _WRITE says the direction.
 *	@gpa is left at the page of the last access
 * @buf: kernel memory
 * @len: bytes
 *
 * Context: as kev_mem_fault().
 * Return: bytes copied, less than @len where a
 * page behind them cannot be had; if that is the first one, the error of
 * kev_mem_get_page().
 */
ssize_t kev_mem_copy(struct kev_mem *mem, struct kev_touch *touch, void *buf, size_t len);

/**
 * kev_mem_copy_gva() - copy from or to guest-virtual memory
 * @mem: the memory
 * @paging: the vCPU's paging mode and root
 * @gva: first address; the range may wrap only into an error
 * @touch: the manner; @gpa is written as by kev_mem_copy()
 * @buf: kernel memory
 * @len: bytes
 *
 * Page by page through the guest's own page tables, which may lie in pages
 * that are not loaded yet. Context: as kev_mem_fault().
 *
 * Return: bytes copied, less than @len where a page behind them cannot be had.
 * If that is the first one: -EFAULT: the guest does not map it, or maps it to
 * no region or one that forbids it; the others as kev_mem_fault().
 */
ssize_t kev_mem_copy_gva(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
			 struct kev_touch *touch, void *buf, size_t len);

struct kev_walk;

/**
 * kev_mem_walk() - translate a guest-virtual address
 * @mem: the memory
 * @paging: the vCPU's paging mode and root
 * @gva: the address
 * @touch: the manner in which the guest's tables are read
 * @walk: as kev_walk() writes it
 *
 * Context: as kev_mem_fault().
 * Return: 0; -EFAULT as kev_mem_copy_gva().
 */
int kev_mem_walk(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
		 struct kev_touch *touch, struct kev_walk *walk);

/* struct kev_mem_user - who accesses: at CPL 3; with RFLAGS.AC set */
struct kev_mem_user {
	bool user;
	bool ac;
};

/**
 * kev_mem_walk_as_cpu() - translate a guest-virtual address for an access of the guest
 * @mem: the memory
 * @paging: the vCPU's paging mode and root
 * @gva: the address
 * @user: who accesses
 * @touch: @access is what it does; @gpa is written as by kev_mem_copy()
 * @walk: as kev_walk() writes it
 * @error: error code of #PF
 *
 * Rights count, and accessed and dirty flags are set as the CPU sets them.
 *
 * Context: as kev_mem_fault().
 * Return: 0; -EFAULT: #PF with @error; any other: an entry
 * at touch->gpa cannot be had for touch->access, as kev_mem_get_page().
 */
int kev_mem_walk_as_cpu(struct kev_mem *mem, const struct kev_paging *paging, u64 gva,
			const struct kev_mem_user *user, struct kev_touch *touch,
			struct kev_walk *walk, u32 *error);

#endif /* _KEV_MEM_H */
