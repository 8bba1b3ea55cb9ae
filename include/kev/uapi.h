/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ioctls as tables: what a call takes, and the one way in and out of the kernel.
 */
#ifndef _KEV_UAPI_H
#define _KEV_UAPI_H

#include <linux/types.h>

/* The greatest argument structure of any call. It lies on the stack, in a frame below 1 KiB. */
#define KEV_UAPI_MAX_SIZE	896

/* When the structure goes back to user space */
enum kev_ioctl_out {
	KEV_OUT_NEVER,		/* it has no field to fill: it may lie in read-only memory */
	KEV_OUT_SUCCESS,
	KEV_OUT_ALWAYS,		/* it tells why the call failed */
	KEV_OUT_FAILURE,	/* it tells that and no more: read-only memory will do */
};

/**
 * struct kev_ioctl - one call
 * @cmd: number as user space gives it
 * @size: of the structure that this kernel knows
 * @min_size: of its first version
 * @owner: only for the process whose address space made the VM
 * @out: when the structure goes back
 * @handler: with no kev lock held. @object is the file's, @arg a copy of
 *	the structure. Returns the call's result.
 */
struct kev_ioctl {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	bool owner;
	enum kev_ioctl_out out;
	long (*handler)(void *object, void *arg);
};

/* One line of such a table: the structure's first version ends with @last. */
#define KEV_IOCTL(_cmd, _struct, _last, _owner, _out, _handler) {		\
	.cmd = (_cmd),								\
	.size = sizeof(struct _struct) +					\
		BUILD_BUG_ON_ZERO(sizeof(struct _struct) < sizeof(u32)) +	\
		BUILD_BUG_ON_ZERO(sizeof(struct _struct) > KEV_UAPI_MAX_SIZE),	\
	.min_size = offsetofend(struct _struct, _last),				\
	.owner = (_owner),							\
	.out = (_out),								\
	.handler = (_handler),							\
}

long kev_uapi_call(const struct kev_ioctl *table, unsigned int nr, bool mine, void *object,
		   unsigned int cmd, unsigned long arg);

int kev_dev_init(void);
void kev_dev_exit(void);

/**
 * kev_memdup_user() - copy bytes of the caller's to memory on his account
 * @from: where they are
 * @size: bytes, not 0
 *
 * Context: process context; may sleep.
 * Return: for kfree(); or -ENOMEM, -EFAULT as ERR_PTR.
 */
void *kev_memdup_user(u64 from, size_t size);

#endif /* _KEV_UAPI_H */
