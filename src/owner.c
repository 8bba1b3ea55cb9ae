// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users who have VMs or images, and how much: no member of the group that may open /dev/kev can
 * take what there is of it from the others.
 *
 * A user is what the kernel's first user namespace calls so: processes in containers whose
 * root is the same user outside count together.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <kev/mem.h>
#include <kev/owner.h>

static unsigned int max_vms = 4096;
module_param(max_vms, uint, 0644);
MODULE_PARM_DESC(max_vms, "VMs that a user may have at once (4096)");

static unsigned int max_vcpus = 16384;
module_param(max_vcpus, uint, 0644);
MODULE_PARM_DESC(max_vcpus, "vCPUs that a user may have at once, in all VMs (16384)");

static unsigned long max_pinned_pages = LONG_MAX;
module_param(max_pinned_pages, ulong, 0644);
MODULE_PARM_DESC(max_pinned_pages,
		 "pages that a user may have pinned for guests at once (any number)");

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

/* One more reference to a user that is in the table, or is put there: NULL if neither */
static struct kev_owner *find_or_add(kuid_t uid, struct kev_owner *new)
{
	struct kev_owner *owner;

	spin_lock(&owners_lock);
	owner = find(uid);
	if (!owner && !new && !one.refs)
		new = &one;
	if (!owner && new) {
		owner = new;
		owner->uid = uid;
		for (unsigned int i = 0; i < ARRAY_SIZE(owner->places); i++) {
			atomic_set(&owner->places[i].taken, 0);
			init_waitqueue_head(&owner->places[i].wait);
		}
		hash_add(owners, &owner->node, __kuid_val(uid));
	}
	if (owner)
		owner->refs++;
	spin_unlock(&owners_lock);
	return owner;
}

struct kev_owner *kev_owner_get(kuid_t uid)
{
	struct kev_owner *owner = find_or_add(uid, NULL), *new;

	if (owner)
		return owner;
	new = kzalloc(sizeof(*new), KEV_GFP_GUEST);
	if (!new)
		return NULL;
	owner = find_or_add(uid, new);
	/* Somebody else was faster. */
	if (owner != new)
		kfree(new);
	return owner;
}

void kev_owner_ref(struct kev_owner *owner)
{
	spin_lock(&owners_lock);
	owner->refs++;
	spin_unlock(&owners_lock);
}

void kev_owner_put(struct kev_owner *owner)
{
	bool last;

	spin_lock(&owners_lock);
	last = !--owner->refs;
	if (last)
		hash_del(&owner->node);
	spin_unlock(&owners_lock);
	if (last && owner != &one)
		kfree(owner);
}

static int count_up(unsigned int *count, unsigned int max)
{
	int ret = 0;

	spin_lock(&owners_lock);
	if (*count < max)
		++*count;
	else
		ret = -EDQUOT;
	spin_unlock(&owners_lock);
	return ret;
}

static void count_down(unsigned int *count)
{
	spin_lock(&owners_lock);
	--*count;
	spin_unlock(&owners_lock);
}

struct kev_owner *kev_owner_add_vm(void)
{
	struct kev_owner *owner = kev_owner_get(current_uid());
	int ret;

	if (!owner)
		return ERR_PTR(-ENOMEM);
	ret = count_up(&owner->vms, READ_ONCE(max_vms));
	if (!ret)
		return owner;
	kev_owner_put(owner);
	return ERR_PTR(ret);
}

void kev_owner_remove_vm(struct kev_owner *owner)
{
	count_down(&owner->vms);
	kev_owner_put(owner);
}

int kev_owner_add_vcpu(struct kev_owner *owner)
{
	return count_up(&owner->vcpus, READ_ONCE(max_vcpus));
}

void kev_owner_remove_vcpu(struct kev_owner *owner)
{
	count_down(&owner->vcpus);
}

int kev_owner_pin(struct kev_owner *owner, u64 pages)
{
	u64 max = READ_ONCE(max_pinned_pages);
	int ret = -EDQUOT;

	spin_lock(&owners_lock);
	/* It may have been set to less than there are. */
	if (owner->pinned <= max && pages <= max - owner->pinned) {
		owner->pinned += pages;
		ret = 0;
	}
	spin_unlock(&owners_lock);
	return ret;
}

void kev_owner_unpin(struct kev_owner *owner, u64 pages)
{
	spin_lock(&owners_lock);
	owner->pinned -= pages;
	spin_unlock(&owners_lock);
}
