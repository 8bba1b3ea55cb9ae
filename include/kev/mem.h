/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM's guest-physical memory: regions that say what is where, and the
 * second-level page tables that fill up as pages are touched.
 *
 * Nothing is allocated or read before its first touch. A guest's access, the
 * kernel's access for a hypercall and a probe all take kev_mem_fault().
 *
 * Guest addresses are plain u64: a guest-physical one is always named gpa, a
 * guest-virtual one gva. Only src/mem/access.c follows them to host memory.
 */
#ifndef _KEV_MEM_H
#define _KEV_MEM_H

#include <linux/atomic.h>
#include <linux/kev.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <kev/pure.h>

struct kev_paging;
struct kev_pt_format;
struct kev_region_map;
struct mem_cgroup;
struct page;

/* Regions of one VM at most: an image of 128 segments takes up to 257. */
#define KEV_MEM_MAX_REGIONS	1024

/* What a region is made of */
enum kev_mem_kind {
	KEV_MEM_KIND_NONE = 0,
	KEV_MEM_KIND_RAM,	/* zero-filled at the first touch */
	KEV_MEM_KIND_IMAGE,	/* read from the image's file at the first touch */
	KEV_MEM_KIND_BOOT,	/* computed by the boot protocol at the first touch */
	KEV_MEM_NR_KINDS
};

/**
 * struct kev_mem - guest-physical memory of one VM
 * @format: [I] how the second-level page tables are encoded
 * @memcg: [I] the creator's memory cgroup, charged for every page; may be NULL
 * @root: [I] root of the second-level page tables
 * @phys_bits: [I] width of a guest-physical address
 * @lock: serialises writers of @map and @image_claimed; sleeps for memory,
 *	never for a file. Nothing is taken inside it.
 * @map: [m] the regions: an immutable snapshot, read under RCU
 * @image_claimed: [m] an image is attached, or about to be
 * @tables: [a] chain of all page-table pages; see src/mem/table.c
 * @resident: [a] present pages by enum kev_mem_kind
 * @table_pages: [a] page-table pages, the root included
 * @file_pages: [a] pages for which the image's file was read
 * @file_bytes: [a] bytes read for them
 * @header_bytes: [a] bytes of headers read at the attach
 * @faults: [a] faults resolved
 *
 * [I] immutable from kev_mem_init() to kev_mem_fini(), [m] @lock, [a] atomic.
 */
struct kev_mem {
	const struct kev_pt_format *format;
	struct mem_cgroup *memcg;
	struct page *root;
	unsigned int phys_bits;

	struct mutex lock;	/* writers of the next two */
	struct kev_region_map __rcu *map;
	bool image_claimed;

	unsigned long tables;
	atomic64_t resident[KEV_MEM_NR_KINDS];
	atomic64_t table_pages;
	atomic64_t file_pages;
	atomic64_t file_bytes;
	atomic64_t header_bytes;
	atomic64_t faults;
};

/**
 * struct kev_fault_info - what kev_mem_fault() found at an address
 * @kind: what the address belongs to; KEV_MEM_KIND_NONE: no region
 * @prot: the rights (KEV_MEM_*) that the region gives; 0 without one
 */
struct kev_fault_info {
	enum kev_mem_kind kind;
	u32 prot;
};

/**
 * kev_mem_init() - make an empty guest-physical memory
 * @mem: storage, in any state
 * @format: encoding of the second-level page tables
 * @phys_bits: width of a guest-physical address, at most what @format can walk
 *
 * Charges the memory cgroup of the current process from now on.
 * Context: Process context, may sleep. Return: 0; -EINVAL (@phys_bits), -ENOMEM: there
 * is nothing to undo.
 */
int kev_mem_init(struct kev_mem *mem, const struct kev_pt_format *format,
		 unsigned int phys_bits);

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
 * It does not change until kev_mem_fini(). Context: Any.
 */
phys_addr_t kev_mem_root(const struct kev_mem *mem);

/**
 * kev_mem_stats() - fill the memory fields of struct kev_vm_stats
 * @mem: the memory
 * @out: resident_pages to faults are written, the rest is left alone
 *
 * Context: Any. The numbers are not read at one instant while vCPUs run.
 */
void kev_mem_stats(const struct kev_mem *mem, struct kev_vm_stats *out);

/**
 * kev_mem_add_ram() - add a region of zero-filled RAM
 * @mem: the memory
 * @gpa: first address, a multiple of 4096
 * @length: bytes, a multiple of 4096
 * @prot: KEV_MEM_*, what the guest may do there
 *
 * Context: Process context, may sleep. Return: 0; -EINVAL: unaligned, empty, wraps or
 * ends above the physical width, bad @prot; -EOPNOTSUPP: rights that the page
 * tables cannot express; -EEXIST: overlaps a region; -ENOSPC: too many
 * regions; -ENOMEM. Nothing has changed then.
 */
int kev_mem_add_ram(struct kev_mem *mem, u64 gpa, u64 length, u32 prot);

/**
 * kev_mem_fault() - make the page at a guest-physical address present
 * @mem: the memory
 * @gpa: any address
 * @access: KEV_MEM_*: the page is present with all of these afterwards
 * @info: where to put what was found; may be NULL; written in every case
 *
 * Any number of threads may fault on one page: one makes it, the others wait.
 * No flush is needed: entries only ever go from not present to present.
 *
 * Context: Process context, IRQs and preemption on, no lock held; may sleep, also for
 * a file. Return: 0: the access can be tried again; -ENOENT: no region;
 * -EACCES: the region forbids it; -ENOMEM: no memory, or the cgroup's limit;
 * -EIO: the file cannot be read there; -EINTR: a signal came.
 */
int kev_mem_fault(struct kev_mem *mem, u64 gpa, u32 access,
		  struct kev_fault_info *info);

/**
 * kev_mem_get_page() - the page behind a guest-physical address
 * @mem: the memory
 * @gpa: any address
 * @access: KEV_MEM_*: what the caller is going to do for the guest
 * @page: where to put the page, with a reference: put_page() when done
 *
 * Makes the page present first, as kev_mem_fault(). Context and errors: as
 * kev_mem_fault().
 */
int kev_mem_get_page(struct kev_mem *mem, u64 gpa, u32 access,
		     struct page **page);

/**
 * kev_mem_read() - copy from guest-physical memory
 * @mem: the memory
 * @gpa: first address
 * @buf: kernel memory
 * @len: bytes
 *
 * Context: as kev_mem_fault(). Return: bytes copied, less than @len where a
 * page behind them cannot be had; if that is the first one, the error of
 * kev_mem_fault().
 */
ssize_t kev_mem_read(struct kev_mem *mem, u64 gpa, void *buf, size_t len);

/**
 * kev_mem_write() - copy to guest-physical memory
 * @mem: the memory
 * @gpa: first address
 * @buf: kernel memory
 * @len: bytes
 *
 * Context and return: as kev_mem_read().
 */
ssize_t kev_mem_write(struct kev_mem *mem, u64 gpa, const void *buf,
		      size_t len);

/**
 * kev_mem_read_gva() - copy from guest-virtual memory
 * @mem: the memory
 * @paging: the vCPU's paging mode and root
 * @gva: first address; the range may wrap only into an error
 * @buf: kernel memory
 * @len: bytes
 *
 * Page by page through the guest's own page tables, which may lie in pages
 * that are not loaded yet. Context: as kev_mem_fault().
 *
 * Return: bytes copied, less than @len where a page behind them cannot be had.
 * If that is the first one: -EFAULT: the guest does not map it, or maps it to
 * no region or one that it may not read; -ENOMEM, -EIO, -EINTR as
 * kev_mem_fault().
 */
ssize_t kev_mem_read_gva(struct kev_mem *mem, const struct kev_paging *paging,
			 u64 gva, void *buf, size_t len);

#endif /* _KEV_MEM_H */
