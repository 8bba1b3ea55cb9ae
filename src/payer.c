// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for pages that are pinned: the kernel's limit for the user, which covers io_uring's as
 * well, and a limit for kev's alone, which nobody's privileges lift.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <kev/owner.h>
#include <kev/payer.h>

int kev_payer_init(struct kev_payer *payer)
{
	payer->owner = kev_owner_get(current_uid());
	if (!payer->owner)
		return -ENOMEM;
	payer->user = get_uid(current_user());
	payer->mm = current->mm;
	mmgrab(payer->mm);
	return 0;
}

void kev_payer_copy(struct kev_payer *to, const struct kev_payer *from)
{
	*to = *from;
	kev_owner_ref(to->owner);
	get_uid(to->user);
	mmgrab(to->mm);
}

void kev_payer_fini(struct kev_payer *payer)
{
	mmdrop(payer->mm);
	free_uid(payer->user);
	kev_owner_put(payer->owner);
}

/*
 * A user's limit, however many processes he has. What does not fit is never added: it would be
 * in the way of what does.
 */
static int lock_pages(struct user_struct *user, u64 pages)
{
	u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (old + pages > limit && !capable(CAP_IPC_LOCK))
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, old + pages));
	return 0;
}

int kev_payer_pin(const struct kev_payer *payer, u64 pages)
{
	int ret = kev_owner_pin(payer->owner, pages);

	if (ret)
		return ret;
	ret = lock_pages(payer->user, pages);
	if (ret) {
		kev_owner_unpin(payer->owner, pages);
		return ret;
	}
	/*
	 * For whoever looks. Not the locked_vm of the mm: that needs mmap_lock, for which the
	 * end of a VM would have to wait.
	 */
	atomic64_add(pages, &payer->mm->pinned_vm);
	return 0;
}

void kev_payer_unpin(const struct kev_payer *payer, u64 pages)
{
	atomic64_sub(pages, &payer->mm->pinned_vm);
	atomic_long_sub(pages, &payer->user->locked_vm);
	kev_owner_unpin(payer->owner, pages);
}
