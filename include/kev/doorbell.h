/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells: a guest's write to a port or an address signals an eventfd.
 */
#ifndef _KEV_DOORBELL_H
#define _KEV_DOORBELL_H

#include <linux/list.h>
#include <linux/types.h>

struct kev_vm;

/* Of one VM at most: each write to a port or a device looks at all of them. */
#define KEV_MAX_DOORBELLS	64

/**
 * struct kev_doorbells - a VM's
 * @list: written under the VM's lock, read under RCU
 * @nr: under the VM's lock
 */
struct kev_doorbells {
	struct list_head list;
	u32 nr;
};

/* Is there any; a look without RCU, which can come as early or as late as the write itself */
static inline bool kev_doorbells_any(const struct kev_doorbells *doorbells)
{
	return !list_empty(&doorbells->list);
}

void kev_doorbells_init(struct kev_doorbells *doorbells);
void kev_doorbells_fini(struct kev_doorbells *doorbells);
long kev_vm_doorbell(void *object, void *arg);
bool kev_doorbell_ring(struct kev_vm *vm, bool port, u64 address, unsigned int width, u64 data);
bool kev_doorbell_matches(struct kev_vm *vm, bool port, u64 address, unsigned int width,
			  u64 data);

#endif /* _KEV_DOORBELL_H */
