/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users who have VMs or images, and how much they have of what there is for all.
 */
#ifndef _KEV_OWNER_H
#define _KEV_OWNER_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

/**
 * struct kev_read_places - places for reads
 * @taken: [a] by reads under way, whether somebody waits for them or not
 * @wait: who waits for one: a place that gets free wakes one of them
 */
struct kev_read_places {
	atomic_t taken;
	wait_queue_head_t wait;
};

/**
 * struct kev_owner - a user who has a VM or an image
 * @node: in the table, by @uid
 * @uid: [I] who
 * @refs: VMs, images and who pays for pinned pages; it goes with the last one
 * @vms: VMs of the user's
 * @vcpus: their vCPUs
 * @pinned: pages that are pinned for guests
 * @places: for reads of the user's files, by kev_image.local: a server that hangs takes none from
 *	disks
 *
 * The numbers are under owners_lock.
 */
struct kev_owner {
	struct hlist_node node;
	kuid_t uid;
	unsigned int refs;
	unsigned int vms;
	unsigned int vcpus;
	u64 pinned;
	struct kev_read_places places[2];
};

/**
 * kev_owner_get() - a user has something more
 * @uid: who
 *
 * Context: process, may sleep.
 * Return: a reference, until kev_owner_put(); NULL: no memory.
 */
struct kev_owner *kev_owner_get(kuid_t uid);
void kev_owner_put(struct kev_owner *owner);

/**
 * kev_owner_ref() - one who has a reference takes another one
 * @owner: the user
 *
 * Context: any, but no interrupt.
 */
void kev_owner_ref(struct kev_owner *owner);

/**
 * kev_owner_add_vm() - the caller is about to have one more VM
 *
 * Context: process, may sleep.
 * Return: the caller's user, until kev_owner_remove_vm(); ERR_PTR: -EDQUOT the module's
 * parameter max_vms does not allow it, -ENOMEM.
 */
struct kev_owner *kev_owner_add_vm(void);

/**
 * kev_owner_remove_vm() - a VM is gone
 * @owner: whose
 *
 * Context: process.
 */
void kev_owner_remove_vm(struct kev_owner *owner);

/**
 * kev_owner_add_vcpu() - a VM is about to have one more vCPU
 * @owner: whose VM it is
 *
 * Return: 0; -EDQUOT: the parameter max_vcpus does not allow it.
 */
int kev_owner_add_vcpu(struct kev_owner *owner);
void kev_owner_remove_vcpu(struct kev_owner *owner);

/**
 * kev_owner_pin() - more pages are about to be pinned
 * @owner: who pays for them
 * @pages: how many
 *
 * Context: any, but no interrupt.
 * Return: 0, until kev_owner_unpin(); -EDQUOT: the parameter max_pinned_pages does not allow it.
 */
int kev_owner_pin(struct kev_owner *owner, u64 pages);
void kev_owner_unpin(struct kev_owner *owner, u64 pages);

#endif /* _KEV_OWNER_H */
