// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users who have VMs, and how many: no member of the group that may open /dev/kev can take
 * what there is of it from the others.
 *
 * A user is what the kernel's first user namespace calls so: processes in containers whose
 * root is the same user outside count together.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <kev/mem.h>
#include <kev/owner.h>

static unsigned int max_vms = 4096;
module_param(max_vms, uint, 0644);
MODULE_PARM_DESC(max_vms, "VMs that a user may have at once (4096)");

static unsigned int max_vcpus = 16384;
module_param(max_vcpus, uint, 0644);
MODULE_PARM_DESC(max_vcpus, "vCPUs that a user may have at once, in all VMs (16384)");

/*
 * struct kev_owner - a user who has a VM
 * @node: in the table, by user
 * @uid: [I] who
 * @vms: his VMs; it goes with the last one
 * @vcpus: their vCPUs
 *
 * All under owners_lock.
 */
struct kev_owner {
	struct hlist_node node;
	kuid_t uid;
	unsigned int vms;
	unsigned int vcpus;
};

static DEFINE_HASHTABLE(owners, 6);	/* [owners_lock] */
static DEFINE_SPINLOCK(owners_lock);	/* innermost */
static struct kev_owner one;		/* [owners_lock] of the only user, as mostly */

/* owners_lock held */
static struct kev_owner *find(kuid_t uid)
{
	struct kev_owner *owner;

	hash_for_each_possible(owners, owner, node, __kuid_val(uid))
		if (uid_eq(owner->uid, uid))
			return owner;
	return NULL;
}

/* The entry that there is, or this one if there is none; owners_lock held */
static struct kev_owner *find_or_add(kuid_t uid, struct kev_owner *new)
{
	struct kev_owner *owner = find(uid);

	if (!owner && !new && !one.vms)
		new = &one;
	if (owner || !new)
		return owner;
	new->uid = uid;
	hash_add(owners, &new->node, __kuid_val(uid));
	return new;
}

/* One more VM of a user that is in the table, or is put there: NULL if neither */
static struct kev_owner *add_vm(kuid_t uid, struct kev_owner *new)
{
	struct kev_owner *owner;

	spin_lock(&owners_lock);
	owner = find_or_add(uid, new);
	if (owner && owner->vms >= READ_ONCE(max_vms)) {
		if (!owner->vms)
			hash_del(&owner->node);
		owner = ERR_PTR(-EDQUOT);
	} else if (owner) {
		owner->vms++;
	}
	spin_unlock(&owners_lock);
	return owner;
}

struct kev_owner *kev_owner_add_vm(void)
{
	kuid_t uid = current_uid();
	struct kev_owner *owner = add_vm(uid, NULL), *new;

	if (owner)
		return owner;
	new = kzalloc(sizeof(*new), KEV_GFP_GUEST);
	if (!new)
		return ERR_PTR(-ENOMEM);
	owner = add_vm(uid, new);
	/* Somebody else was faster, or there is to be none. */
	if (owner != new)
		kfree(new);
	return owner;
}

void kev_owner_remove_vm(struct kev_owner *owner)
{
	bool last;

	spin_lock(&owners_lock);
	last = !--owner->vms;
	if (last)
		hash_del(&owner->node);
	spin_unlock(&owners_lock);
	if (last && owner != &one)
		kfree(owner);
}

int kev_owner_add_vcpu(struct kev_owner *owner)
{
	int ret = 0;

	spin_lock(&owners_lock);
	if (owner->vcpus < READ_ONCE(max_vcpus))
		owner->vcpus++;
	else
		ret = -EDQUOT;
	spin_unlock(&owners_lock);
	return ret;
}

void kev_owner_remove_vcpu(struct kev_owner *owner)
{
	spin_lock(&owners_lock);
	owner->vcpus--;
	spin_unlock(&owners_lock);
}
