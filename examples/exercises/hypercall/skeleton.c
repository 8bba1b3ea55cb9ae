// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exercise: a hypercall ABI. The number of a call is in RAX, its arguments are in RDI and RSI.
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

#include <linux/module.h>
#include <linux/mutex.h>
#include <kev/hypercall.h>
#include <kev/vcpu.h>

enum { CALL_HALT, CALL_MAX, CALL_SWAP, CALL_NOTE };

static void resolve(const u64 *gpr, struct kev_hypercall *call)
{
	/* To do: the arguments, which user space is to see */
	*call = (struct kev_hypercall) { .nr = gpr[KEV_RAX] };
}

static enum kev_verdict fast(struct kev_vcpu *vcpu)
{
	/* To do: max() and swap() */
	if (vcpu->gpr[KEV_RAX] != CALL_HALT)
		return KEV_PASS;
	vcpu->end_code = vcpu->gpr[KEV_RDI];
	return KEV_EXIT;
}

static enum kev_verdict slow(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	/* To do: note() */
	return KEV_PASS;
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
MODULE_DESCRIPTION("Exercise: a hypercall ABI");
