/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions: what lies where in a VM's guest-physical memory. For the memory
 * room and for boot protocols; the rest of kev uses <kev/mem.h>.
 */
#ifndef _KEV_REGION_H
#define _KEV_REGION_H

#include <linux/list.h>
#include <linux/types.h>
#include <kev/mem.h>

struct kev_image;
struct kev_region;

/**
 * struct kev_fault - one page of a region is being made
 * @region: in: the region that holds @gpa
 * @gpa: in: first byte of the page
 * @access: in: KEV_MEM_*, all of them allowed by the region
 * @page: out: the page, with a reference that goes to the VM
 * @prot: out: rights of the guest's mapping, at least @access
 */
struct kev_fault {
	const struct kev_region *region;
	u64 gpa;
	u32 access;
	struct page *page;
	u32 prot;
};

/**
 * struct kev_region_ops - how one kind of region comes by its pages
 * @fault: make a page. Never called for one page by two threads at once.
 *	Process context, no lock held, may sleep, also for a file.
 *	Returns 0, or -ENOMEM, -EIO, -EINTR.
 * @release: free the region; it is in no map any more. Must not wait.
 */
struct kev_region_ops {
	int (*fault)(struct kev_mem *mem, struct kev_fault *fault);
	void (*release)(struct kev_region *region);
};

/**
 * struct kev_region - a run of pages with one origin and one set of rights
 * @ops: [I] how it comes by its pages
 * @link: in a list until kev_region_add_list() takes the region
 * @gpa: [I] first byte
 * @length: [I] bytes
 * @kind: [I] what it is made of
 * @prot: [I] KEV_MEM_*: what the guest may do; 0 is a region that gives nothing
 *
 * [I] immutable once it is in a map. It stays there until kev_mem_fini().
 */
struct kev_region {
	const struct kev_region_ops *ops;
	struct list_head link;
	u64 gpa;
	u64 length;
	enum kev_mem_kind kind;
	u32 prot;
};

static inline u64 kev_region_end(const struct kev_region *region)
{
	return region->gpa + region->length;
}

/**
 * kev_region_create() - append a region that needs nothing but its ops to a list
 * @list: where to append it
 * @ops: how it comes by its pages; @release must be kev_region_release()
 * @kind: what it is made of
 * @gpa: first byte
 * @length: bytes
 * @prot: KEV_MEM_*
 *
 * Context: Process context, may sleep. Return: 0, -ENOMEM.
 */
int kev_region_create(struct list_head *list, const struct kev_region_ops *ops,
		      enum kev_mem_kind kind, u64 gpa, u64 length, u32 prot);
void kev_region_release(struct kev_region *region);

/**
 * kev_region_add_list() - add regions to a VM's memory, all or none
 * @mem: the memory
 * @list: regions in any order; empty afterwards, left alone on failure
 *
 * Context: Process context, may sleep.
 * Return: 0, or as kev_mem_add_ram(), with nothing changed.
 */
int kev_region_add_list(struct kev_mem *mem, struct list_head *list);

/* kev_region_release_list() - release regions that are in no map */
void kev_region_release_list(struct list_head *list);

/**
 * kev_region_find() - the region that holds an address
 * @mem: the memory
 * @gpa: any address
 *
 * Context: Any. Return: the region, valid until kev_mem_fini(), or NULL.
 */
struct kev_region *kev_region_find(struct kev_mem *mem, u64 gpa);

/* kev_region_fini() - release the map and every region in it; no reader is left */
void kev_region_fini(struct kev_mem *mem);

/* The kinds of region; each appends to a list, and returns 0 or -ENOMEM. */
int kev_ram_create(struct list_head *list, u64 gpa, u64 length, u32 prot);
int kev_boot_create(struct list_head *list);
int kev_image_create_regions(struct list_head *list, struct kev_image *image, bool restrict_prot);

/**
 * kev_mem_alloc_page() - a page for the guest, or for its page tables
 * @mem: the memory; its creator is charged
 * @flags: __GFP_ZERO, unless the caller writes every byte
 *
 * Never calls the OOM killer: the guest is told instead.
 *
 * Context: Process context, may sleep. Return: the page or NULL.
 */
struct page *kev_mem_alloc_page(struct kev_mem *mem, gfp_t flags);

#endif /* _KEV_REGION_H */
