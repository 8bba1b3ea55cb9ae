/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who pays for pages that are pinned, which the host cannot reclaim.
 */
#ifndef _KEV_PAYER_H
#define _KEV_PAYER_H

#include <linux/types.h>

struct kev_owner;
struct mm_struct;
struct user_struct;

/**
 * struct kev_payer - who pays for pinned pages
 * @mm: [I] whose VmPin tells of them, grabbed
 * @user: [I] whose RLIMIT_MEMLOCK they count against, a reference
 * @owner: [I] the same user, for whom kev counts them, a reference
 *
 * Whatever has pages pinned holds a copy of its own: it may live longer than the VM.
 */
struct kev_payer {
	struct mm_struct *mm;
	struct user_struct *user;
	struct kev_owner *owner;
};

/**
 * kev_payer_init() - the caller pays
 * @payer: is filled in, until kev_payer_fini()
 *
 * Context: Process context of a task with an mm, may sleep.
 * Return: 0 or -ENOMEM.
 */
int kev_payer_init(struct kev_payer *payer);

/**
 * kev_payer_copy() - somebody pays for more than one thing
 * @to: is filled in, until kev_payer_fini()
 * @from: who pays
 *
 * Context: any, but no interrupt.
 */
void kev_payer_copy(struct kev_payer *to, const struct kev_payer *from);
void kev_payer_fini(struct kev_payer *payer);

/**
 * kev_payer_pin() - count pages that are about to be pinned
 * @payer: who pays
 * @pages: how many; none are added unless all are
 *
 * Context: Process context; RLIMIT_MEMLOCK and CAP_IPC_LOCK are the caller's.
 * Return: 0, until kev_payer_unpin(); -EDQUOT: the module's parameter max_pinned_pages does not
 * allow it; -ENOMEM: RLIMIT_MEMLOCK does not.
 */
int kev_payer_pin(const struct kev_payer *payer, u64 pages);
void kev_payer_unpin(const struct kev_payer *payer, u64 pages);

#endif /* _KEV_PAYER_H */
