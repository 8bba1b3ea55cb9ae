// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/eventfd.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <kev/compat.h>
#include <kev/doorbell.h>
#include <kev/vm.h>

#define DOORBELL_FLAGS	(KEV_DOORBELL_PORT | KEV_DOORBELL_DATA | KEV_DOORBELL_REMOVE)

struct doorbell {
	struct list_head link;
	struct eventfd_ctx *eventfd;
	u64 address;
	u64 data;
	u32 width;		/* 0: any */
	u32 flags;		/* KEV_DOORBELL_PORT, KEV_DOORBELL_DATA */
};

/**
 * kev_doorbells_init() - none yet
 * @doorbells: written
 */
void kev_doorbells_init(struct kev_doorbells *doorbells)
{
	INIT_LIST_HEAD(&doorbells->list);
}

static void doorbell_free(struct doorbell *bell)
{
	eventfd_ctx_put(bell->eventfd);
	kfree(bell);
}

/**
 * kev_doorbells_fini() - take all away
 * @doorbells: nobody rings them any more
 */
void kev_doorbells_fini(struct kev_doorbells *doorbells)
{
	struct doorbell *bell, *next;

	list_for_each_entry_safe(bell, next, &doorbells->list, link)
		doorbell_free(bell);
}

/* Is there a write that rings both */
static bool same_writes(const struct doorbell *a, const struct doorbell *b)
{
	if ((a->flags ^ b->flags) & KEV_DOORBELL_PORT || a->address != b->address)
		return false;
	if (a->width && b->width && a->width != b->width)
		return false;
	return !(a->flags & b->flags & KEV_DOORBELL_DATA) || a->data == b->data;
}

static bool same(const struct doorbell *a, const struct doorbell *b)
{
	return a->flags == b->flags && a->address == b->address && a->width == b->width &&
	       a->data == b->data && a->eventfd == b->eventfd;
}

/* Under the VM's lock; @new is the list's on success. */
static int add(struct kev_doorbells *doorbells, struct doorbell *new)
{
	const struct doorbell *bell;

	list_for_each_entry(bell, &doorbells->list, link)
		if (same_writes(bell, new))
			return -EEXIST;
	if (doorbells->nr == KEV_MAX_DOORBELLS)
		return -ENOSPC;
	doorbells->nr++;
	list_add_tail_rcu(&new->link, &doorbells->list);
	return 0;
}

/* Under the VM's lock: the one that is the same as @like, or NULL */
static struct doorbell *take(struct kev_doorbells *doorbells, const struct doorbell *like)
{
	struct doorbell *bell;

	list_for_each_entry(bell, &doorbells->list, link)
		if (same(bell, like)) {
			doorbells->nr--;
			list_del_rcu(&bell->link);
			return bell;
		}
	return NULL;
}

static bool arguments_valid(const struct kev_vm *vm, const struct kev_doorbell *args)
{
	u64 limit = args->flags & KEV_DOORBELL_PORT ? U16_MAX + 1 :
		    BIT_ULL(vm->mem.config.phys_bits);
	u64 data_bits = 8 * (args->width ?: sizeof(u64));

	if (args->flags & ~DOORBELL_FLAGS)
		return false;
	if (args->width > 8 || args->width & (args->width - 1))
		return false;
	if (args->width == 8 && args->flags & KEV_DOORBELL_PORT)
		return false;
	if (args->address >= limit || max(args->width, 1U) > limit - args->address)
		return false;
	if (!(args->flags & KEV_DOORBELL_DATA))
		return !args->data;
	return args->data <= ~0ULL >> (64 - data_bits);
}

/**
 * kev_vm_doorbell() - KEV_VM_DOORBELL
 * @object: the VM
 * @arg: struct kev_doorbell
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL; -EBADF no file, -EINVAL no eventfd; -EEXIST, -ENOENT, -ENOSPC see
 * there; -ENOMEM.
 */
long kev_vm_doorbell(void *object, void *arg)
{
	const struct kev_doorbell *args = arg;
	struct doorbell *bell, *old = NULL;
	struct kev_vm *vm = object;
	int ret = 0;

	if (!arguments_valid(vm, args))
		return -EINVAL;
	bell = kmalloc(sizeof(*bell), KEV_GFP_GUEST);
	if (!bell)
		return -ENOMEM;
	bell->address = args->address;
	bell->data = args->data;
	bell->width = args->width;
	bell->flags = args->flags & ~KEV_DOORBELL_REMOVE;
	bell->eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(bell->eventfd)) {
		ret = PTR_ERR(bell->eventfd);
		kfree(bell);
		return ret;
	}

	mutex_lock(&vm->lock);
	if (args->flags & KEV_DOORBELL_REMOVE) {
		old = take(&vm->doorbells, bell);
		ret = old ? 0 : -ENOENT;
	} else {
		ret = add(&vm->doorbells, bell);
	}
	mutex_unlock(&vm->lock);
	if (old) {
		synchronize_rcu();
		doorbell_free(old);
	}
	if (ret || old)
		doorbell_free(bell);
	return ret;
}

/* Under RCU */
static struct doorbell *find(struct kev_vm *vm, bool port, u64 address, unsigned int width,
			     u64 data)
{
	struct doorbell *bell;

	list_for_each_entry_rcu(bell, &vm->doorbells.list, link) {
		if (!(bell->flags & KEV_DOORBELL_PORT) != !port || bell->address != address)
			continue;
		if (bell->width && bell->width != width)
			continue;
		if (!(bell->flags & KEV_DOORBELL_DATA) || bell->data == data)
			return bell;
	}
	return NULL;
}

/**
 * kev_doorbell_ring() - does a write ring a doorbell; if so, signal its eventfd
 * @vm: the VM
 * @port: @address is a port
 * @address: of the write
 * @width: its bytes
 * @data: what was written, zero-extended
 *
 * Context: any but NMI; on a kernel with PREEMPT_RT process only.
 * Return: true: it was one, and has been signalled.
 */
bool kev_doorbell_ring(struct kev_vm *vm, bool port, u64 address, unsigned int width, u64 data)
{
	struct doorbell *bell;

	rcu_read_lock();
	bell = find(vm, port, address, width, data);
	if (bell)
		kev_eventfd_signal(bell->eventfd);
	rcu_read_unlock();
	return bell;
}

/**
 * kev_doorbell_matches() - would a write ring a doorbell
 * @vm: the VM
 * @port: @address is a port
 * @address: of the write
 * @width: its bytes
 * @data: what was written, zero-extended
 *
 * Context: any but NMI.
 * Return: true: it would now.
 */
bool kev_doorbell_matches(struct kev_vm *vm, bool port, u64 address, unsigned int width,
			  u64 data)
{
	bool matches;

	rcu_read_lock();
	matches = find(vm, port, address, width, data);
	rcu_read_unlock();
	return matches;
}
