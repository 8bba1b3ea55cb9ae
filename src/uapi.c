// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of an ioctl: find it, copy its structure in, call, copy out.
 *
 * No kev lock is held over a copy: the buffer may lie in a mapping whose fault
 * needs one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <kev/compat.h>
#include <kev/mem.h>
#include <kev/uapi.h>

static const struct kev_ioctl *find(const struct kev_ioctl *table, unsigned int nr,
				    unsigned int cmd)
{
	for (unsigned int i = 0; i < nr; i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/*
 * Every structure begins with its size as the caller knows it. What the caller's is shorter
 * is filled with zeros.
 */
static int copy_in(const struct kev_ioctl *call, u8 *buf, void __user *user, u32 *size)
{
	int ret;

	if (get_user(*size, (u32 __user *)user))
		return -EFAULT;
	if (*size < call->min_size)
		return -EINVAL;
	if (*size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(buf, call->size, user, *size);
	/* The one that was checked: what user space has there may have changed. */
	*(u32 *)buf = *size;
	return ret;
}

void *kev_memdup_user(u64 from, size_t size)
{
	void *copy = kmalloc(size, KEV_GFP_GUEST);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(copy, u64_to_user_ptr(from), size))
		return copy;
	kfree(copy);
	return ERR_PTR(-EFAULT);
}

static bool goes_back(enum kev_ioctl_out out, long ret)
{
	switch (out) {
	case KEV_OUT_SUCCESS:
		return ret >= 0;
	case KEV_OUT_FAILURE:
		return ret < 0;
	default:
		return out == KEV_OUT_ALWAYS;
	}
}

/**
 * kev_uapi_call() - carry out one ioctl
 * @table: the calls of this kind of file
 * @nr: how many
 * @mine: the caller's address space made the VM
 * @object: the file's object
 * @cmd: ioctl number
 * @arg: ioctl argument
 *
 * Context: process, no lock held.
 * Return: the handler's result; -ENOTTY no such call; -EPERM not the VM's
 * process; -EFAULT bad pointer; -EINVAL structure too short; -E2BIG it has bits
 * that this kernel does not know.
 */
long kev_uapi_call(const struct kev_ioctl *table, unsigned int nr, bool mine, void *object,
		   unsigned int cmd, unsigned long arg)
{
	const struct kev_ioctl *call = find(table, nr, cmd);
	void __user *user = (void __user *)arg;
	/* What the call knows of it is written by copy_in(), the rest is nobody's. */
	u64 buf[KEV_UAPI_MAX_SIZE / sizeof(u64)] kev_uninitialized;
	u32 size;
	long ret;
	int err;

	if (!call)
		return -ENOTTY;
	if (call->owner && !mine)
		return -EPERM;

	err = copy_in(call, (u8 *)buf, user, &size);
	if (err)
		return err;

	ret = call->handler(object, buf);
	if (!goes_back(call->out, ret))
		return ret;
	/* Only what both sides know; the first field, the size, is the caller's. */
	if (copy_to_user(user + sizeof(u32), (u8 *)buf + sizeof(u32),
			 min(size, call->size) - sizeof(u32)) && call->out != KEV_OUT_FAILURE)
		return -EFAULT;
	return ret;
}
