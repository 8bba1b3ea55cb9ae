/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KEV_VM_ATTACH_IMAGE: what the caller hands over, and what becomes of it.
 */
#ifndef _KEV_ATTACH_H
#define _KEV_ATTACH_H

#include <linux/types.h>
#include <kev/boot.h>

struct file;
struct kev_mem;

/**
 * struct kev_attach_module - a file beside the image
 * @file: open file, a reference
 * @cmdline: its string, without a NUL; NULL with length 0
 * @cmdline_length: bytes, below KEV_MAX_CMDLINE
 */
struct kev_attach_module {
	struct file *file;
	char *cmdline;
	u32 cmdline_length;
};

/**
 * struct kev_attach_args - struct kev_attach_image, copied to the kernel
 * @file: open file, a reference
 * @boot: enum kev_boot, unchecked
 * @flags: KEV_ATTACH_*, unchecked
 * @ram_kib: the guest's memory in KiB, unchecked
 * @load_base: with KEV_ATTACH_VADDR; unchecked
 * @cmdline: the command line, without a NUL; NULL with length 0
 * @cmdline_length: bytes, below KEV_MAX_CMDLINE
 * @nr_modules: at most KEV_MAX_MODULES
 * @modules: the modules; NULL if there are none
 */
struct kev_attach_args {
	struct file *file;
	u32 boot;
	u32 flags;
	u64 ram_kib;
	u64 load_base;
	char *cmdline;
	u32 cmdline_length;
	u32 nr_modules;
	struct kev_attach_module *modules;
};

/**
 * struct kev_attach_result - what has been found out
 * @boot: the protocol, the entry and where the boot information lies
 * @start: first byte of the image's span, rounded down to a page; modules are part of it,
 *	and boot information where it lies behind them
 * @end: first byte behind it, rounded up to a page
 * @why: what is wrong
 */
struct kev_attach_result {
	struct kev_boot_start boot;
	u64 start;
	u64 end;
	struct kev_image_fault why;
};

/**
 * kev_attach_args_get() - copy the arguments from user space, take the files
 * @args: written; on success kev_attach_args_put() gives back what it holds
 * @user: the structure itself, copied already
 * @why: always written: KEV_IMAGE_OK, or KEV_IMAGE_MODULE with the module's index
 *
 * Context: Process context, may sleep.
 * Return: 0; -EBADF no such fd; -E2BIG too many modules, or a string that is too long;
 * -EINVAL a NUL in a string; -EFAULT; -ENOMEM.
 */
int kev_attach_args_get(struct kev_attach_args *args, const struct kev_attach_image *user,
			struct kev_image_fault *why);
void kev_attach_args_put(struct kev_attach_args *args);

/**
 * kev_image_attach() - make the segments of an image lazy regions, with what its boot
 * protocol puts around them
 * @mem: the memory; the caller makes sure that no vCPU exists or is made
 *	meanwhile
 * @args: see there; references of its own are taken on success
 * @out: written in every case; on failure the addresses are 0, but for the
 *	span of an image that needs more memory than there is
 *
 * Reads the file's headers and notes, with KEV_ATTACH_RELOCATE the relocation table, and
 * nothing else. Adds all regions or none.
 *
 * Context: Process context, may sleep, also for the file: no kev lock may be held.
 * Return: 0; -EBUSY: an image is attached; -EBADF: not open for reading;
 * -EISDIR; -ENOEXEC: unusable, see @out; -EINVAL: flags, protocol, memory, load base, or
 * a command line or modules for a protocol that has none; -EEXIST: a region is in the
 * way; -ENOSPC: too many regions; -E2BIG: the memory map does not fit; -EOPNOTSUPP: rights
 * that the page tables cannot express, or a 32-bit protocol on a CPU without "unrestricted
 * guest"; -ETXTBSY: open for writing; -EIO: the headers cannot be read; -EINTR; -ENOMEM.
 */
int kev_image_attach(struct kev_mem *mem, const struct kev_attach_args *args,
		     struct kev_attach_result *out);

#endif /* _KEV_ATTACH_H */
