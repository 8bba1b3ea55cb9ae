/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users who have VMs, and how many.
 */
#ifndef _KEV_OWNER_H
#define _KEV_OWNER_H

struct kev_owner;

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

#endif /* _KEV_OWNER_H */
