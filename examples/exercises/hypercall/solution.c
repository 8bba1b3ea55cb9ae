// SPDX-License-Identifier: GPL-2.0-only
/*
 * Solution: a hypercall ABI. The number of a call is in RAX, its arguments are in RDI and RSI.
 *
 *	0 halt(code)	ends the VM with the exit code RDI
 *	1 max(a, b)	RAX becomes the greater of RDI and RSI, as unsigned numbers; fast
 *	2 swap()	exchanges RDI and RSI; fast
 *	3 note(n)	writes RDI to the kernel's log, in decimal; RAX becomes the number of
 *			notes so far. It counts under a mutex, so it is slow
 *
 * Any other call is user space's to answer. No register changes but those that are named.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <kev/hypercall.h>
#include <kev/vcpu.h>

enum { CALL_HALT, CALL_MAX, CALL_SWAP, CALL_NOTE };

static void resolve(const u64 *gpr, struct kev_hypercall *call)
{
	*call = (struct kev_hypercall) {
		.nr = gpr[KEV_RAX],
		.args = { gpr[KEV_RDI], gpr[KEV_RSI] },
	};
}

static enum kev_verdict fast(struct kev_vcpu *vcpu)
{
	switch (vcpu->gpr[KEV_RAX]) {
	case CALL_HALT:
		vcpu->end_code = vcpu->gpr[KEV_RDI];
		return KEV_EXIT;
	case CALL_MAX:
		vcpu->gpr[KEV_RAX] = max(vcpu->gpr[KEV_RDI], vcpu->gpr[KEV_RSI]);
		return KEV_RESUME;
	case CALL_SWAP:
		swap(vcpu->gpr[KEV_RDI], vcpu->gpr[KEV_RSI]);
		return KEV_RESUME;
	default:
		return KEV_PASS;
	}
}

static DEFINE_MUTEX(notes_lock);
static u64 notes;	/* [notes_lock] */

static enum kev_verdict slow(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	if (call->nr != CALL_NOTE)
		return KEV_PASS;
	pr_info_ratelimited("a guest notes %llu\n", call->args[0]);
	mutex_lock(&notes_lock);
	vcpu->gpr[KEV_RAX] = ++notes;
	mutex_unlock(&notes_lock);
	return KEV_RESUME;
}

static const struct kev_hypercall_abi course = {
	.name = "course",
	.owner = THIS_MODULE,
	.kernel_only = true,
	.resolve = resolve,
	.fast = fast,
	.slow = slow,
};

static int __init course_init(void)
{
	return kev_hypercall_abi_register(&course);
}

static void __exit course_exit(void)
{
	kev_hypercall_abi_unregister(&course);
}

module_init(course_init);
module_exit(course_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Solution: a hypercall ABI");
