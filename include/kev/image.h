/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images: an ELF file whose segments are regions of guest-physical memory.
 */
#ifndef _KEV_IMAGE_H
#define _KEV_IMAGE_H

#include <linux/refcount.h>
#include <linux/types.h>
#include <kev/elf.h>

struct file;
struct kev_mem;

/**
 * struct kev_image - an ELF file and what its headers say
 * @refs: the attach and each region hold one
 * @file: [I] the file, a reference; only read, by kernel_read()
 * @writers_denied: [I] nobody can open the file for writing as long as this lives
 * @plan: [I] once the headers are read
 */
struct kev_image {
	refcount_t refs;
	struct file *file;
	bool writers_denied;
	struct kev_elf_plan plan;
};

/**
 * kev_image_create() - take a file for an image; reads nothing
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
int kev_image_create(struct file *file, struct kev_image **image, struct kev_image_fault *why);
struct kev_image *kev_image_get(struct kev_image *image);
void kev_image_put(struct kev_image *image);

/**
 * kev_image_read() - read a part of the file, all of it
 * @image: the image
 * @buf: kernel memory
 * @len: bytes
 * @offset: where in the file
 *
 * Context: Process context, may sleep for the file, no lock held.
 * Return: 0; -EIO the file ends before, or fails; -EINTR a signal; -ENOMEM.
 */
int kev_image_read(const struct kev_image *image, void *buf, size_t len, u64 offset);

/**
 * struct kev_attach_result - what kev_image_attach() found out
 * @entry: physical entry address
 * @start: first byte of the image's span, rounded down to a page
 * @end: first byte behind it, rounded up to a page
 * @problem: enum kev_image_problem: what is wrong with the image
 * @segment: the program header that @problem speaks of, or
 *	KEV_IMAGE_NO_SEGMENT
 */
struct kev_attach_result {
	u64 entry;
	u64 start;
	u64 end;
	u32 problem;
	u32 segment;
};

/**
 * kev_image_attach() - make the segments of an ELF file lazy regions
 * @mem: the memory; the caller makes sure that no vCPU exists or is made
 *	meanwhile
 * @file: open file; a reference of its own is taken on success
 * @boot: enum kev_boot: which boot protocol adds RAM and boot structures
 * @flags: KEV_ATTACH_*
 * @ram_kib: the guest's memory in KiB, the image's span included; 0 with
 *	KEV_BOOT_NONE
 * @out: written in every case; on failure the addresses are 0, but for the
 *	span of an image that needs more than @ram_kib
 *
 * Reads the file's headers and nothing else. Adds all regions or none.
 *
 * Context: Process context, may sleep, also for the file: no kev lock may be held.
 * Return: 0; -EBUSY: an image is attached; -EBADF: not open for reading;
 * -EISDIR; -ENOEXEC: unusable, see @problem; -EINVAL: @flags, @boot or
 * @ram_kib; -EEXIST: a region is in the way; -ENOSPC: too many regions;
 * -EOPNOTSUPP: rights that the page tables cannot express; -ETXTBSY: open for
 * writing; -EIO: the headers cannot be read; -EINTR; -ENOMEM.
 */
int kev_image_attach(struct kev_mem *mem, struct file *file, u32 boot,
		     u32 flags, u64 ram_kib, struct kev_attach_result *out);

#endif /* _KEV_IMAGE_H */
