/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images: files whose segments are regions of guest-physical memory.
 */
#ifndef _KEV_IMAGE_H
#define _KEV_IMAGE_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <kev/elf.h>
#include <kev/payer.h>
#include <kev/reloc.h>

struct cgroup_subsys_state;
struct file;
struct kev_mem;
struct kev_touch;
struct mem_cgroup;
struct page;

#define KEV_IMAGE_FEW	4

/**
 * struct kev_image - a file and what of it goes where
 * @refs: the attach, each region and each read under way hold one
 * @file: [I] the file, a reference; only read
 * @memcg: [I] charged for what reading brings into the page cache; may be NULL
 * @io: [I] whose limits on disks hold for reads of it; a reference; may be NULL
 * @payer: [I] the VM's creator, who pays for pinned pages; the owner's reads are counted, too
 * @writers_denied: [I] nobody can open the file for writing as long as this lives
 * @cached: [I] what the page cache has of the file is what a read would give
 * @local: [I] it lies on a disk of this machine, or in memory: a read of it ends some time
 * @shared: [I] once regions exist: whole pages are mapped from the page cache
 * @pinned: [I] pages for which @payer is charged
 * @nr: [I] segments in @seg; 0 until the headers are read
 * @seg: [I] by ascending gpa, @few or from kmalloc(); no two share a byte
 * @few: [I] where @seg lies if there is room: most images have a handful of segments
 * @relocs: [I] sorted, from kvmalloc(); may be NULL
 * @nr_relocs: [I]
 * @lock: guards the rest
 * @reads: reads under way, whether somebody waits for them or not
 * @nr_reads: how many; whoever waits for a place waits on its address, and looks without the
 *	lock
 * @failed: whose wait has failed last, for which page, and how: KEV_TOUCH_TRIED
 */
struct kev_image {
	refcount_t refs;
	struct file *file;
	struct mem_cgroup *memcg;
	struct cgroup_subsys_state *io;
	struct kev_payer payer;
	bool writers_denied;
	bool cached;
	bool local;
	bool shared;
	u64 pinned;
	u32 nr;
	struct kev_elf_segment *seg;
	struct kev_elf_segment few[KEV_IMAGE_FEW];
	struct kev_relocation *relocs;
	u64 nr_relocs;

	spinlock_t lock;	/* innermost */
	struct list_head reads;
	unsigned int nr_reads;
	struct {
		const struct task_struct *task;
		u64 gpa;
		int error;
	} failed;
};

/**
 * kev_image_create() - take a file for an image; reads nothing
 * @mem: whose creator is charged
 * @file: open file
 * @image: out: the image, with one reference
 * @why: out: KEV_IMAGE_NOT_REGULAR or KEV_IMAGE_READ, with -ENOEXEC and -EIO
 *
 * While the image lives the file cannot be opened for writing, if the caller
 * may execute or owns it: a mere reader must not be able to block a writer.
 *
 * Context: Process context, may sleep.
 * Return: 0; -EBADF not open for reading; -EISDIR; -ENOEXEC no regular file;
 * -EIO a file that the kernel cannot read; -ETXTBSY open for writing; -ENOMEM.
 */
int kev_image_create(const struct kev_mem *mem, struct file *file, struct kev_image **image,
		     struct kev_image_fault *why);
struct kev_image *kev_image_get(struct kev_image *image);
void kev_image_put(struct kev_image *image);

/**
 * kev_image_plan() - say what of the file goes where
 * @image: in no region yet, without a plan
 * @seg: by ascending gpa, no two of them share a byte; copied
 * @nr: how many
 *
 * Context: Process context, may sleep.
 * Return: 0, -ENOMEM.
 */
int kev_image_plan(struct kev_image *image, const struct kev_elf_segment *seg, u32 nr);

/**
 * kev_image_share() - let guests have the page cache's pages, where that is safe
 * @image: planned, in no region yet
 *
 * Not where the file could change under the guest, where a file system does not keep
 * its pages in the page cache, or where RLIMIT_MEMLOCK does not allow to pin the
 * image: its pages are copied then.
 *
 * Context: Process context.
 */
void kev_image_share(struct kev_image *image);

/**
 * kev_image_read() - read a part of the file, all of it
 * @image: the image
 * @buf: kernel memory
 * @len: bytes
 * @offset: where in the file
 *
 * A signal ends the wait for the file; the read itself goes on elsewhere.
 *
 * Context: Process context, may sleep for the file, no lock held.
 * Return: 0; -EIO the file ends before, or fails; -EINTR a signal; -ENOMEM.
 */
int kev_image_read(struct kev_image *image, void *buf, size_t len, u64 offset);

/**
 * kev_image_fill() - read what a page of the guest has of the file
 * @image: the image
 * @touch: how to wait
 * @gpa: first byte of the page
 * @page: where to put it; bytes that are not the file's stay
 *
 * Context: as kev_image_read().
 * Return: 0; -EBUSY with KEV_TOUCH_NOWAIT, unless KEV_TOUCH_TRIED tells of an error; -EIO,
 * -EINTR, -ENOMEM.
 */
int kev_image_fill(struct kev_image *image, const struct kev_touch *touch, u64 gpa,
		   struct page *page);

/**
 * kev_image_wake() - wake all who wait for a part of the file
 * @image: the image
 *
 * They look at kev_touch.dead, which has been set, with a full barrier behind it.
 *
 * Context: no lock of the image's held.
 */
void kev_image_wake(struct kev_image *image);

/**
 * kev_image_fill_cached() - the same from the page cache, without waiting
 * @image: has the file
 * @gpa: of the page
 * @to: the page's bytes
 *
 * Context: Process context, or IRQs off where PREEMPT_RT is not.
 * Return: bytes of the file; -ENODATA: not all of it is there; -EIO: a page is poisoned.
 */
ssize_t kev_image_fill_cached(const struct kev_image *image, u64 gpa, void *to);

/* kev_image_read_cached() - a part of the file, likewise */
int kev_image_read_cached(const struct kev_image *image, void *buf, size_t len, u64 offset);

/**
 * kev_image_cached() - the page of the page cache that a guest may be given
 * @image: the image
 * @gpa: first byte of the page
 *
 * Context: Process context, does not wait.
 * Return: the page, with a reference; NULL: it is not there, or must be copied.
 */
struct page *kev_image_cached(const struct kev_image *image, u64 gpa);

/**
 * kev_image_cached_pages() - the same for pages in a row
 * @image: the image
 * @gpa: first byte of the first page
 * @nr: pages
 * @pages: out: each with a reference, or NULL
 *
 * Unlike kev_image_cached() this does not say that they are in use: the guest may never
 * look at them. Context: Process context, does not wait.
 */
void kev_image_cached_pages(const struct kev_image *image, u64 gpa, unsigned int nr,
			    struct page **pages);

/**
 * struct kev_piece - a run of bytes of a page that comes from the file
 * @at: where in the page
 * @len: bytes
 * @offset: where in the file
 */
struct kev_piece {
	size_t at;
	size_t len;
	u64 offset;
};

/**
 * kev_image_piece() - the next piece of a page
 * @image: the image
 * @gpa: first byte of the page
 * @i: in: the segment to begin with; out: behind the piece's segment
 * @piece: out
 *
 * Context: Any.
 * Return: there is one.
 */
bool kev_image_piece(const struct kev_image *image, u64 gpa, u32 *i, struct kev_piece *piece);

/* kev_read_init() - for reads that nobody waits for any more; 0 or -ENOMEM */
int kev_read_init(void);
void kev_read_exit(void);

#endif /* _KEV_IMAGE_H */
