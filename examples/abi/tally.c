// SPDX-License-Identifier: GPL-2.0-only
/* A hypercall ABI: one number that guests add to, and notes in the kernel's log */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/module.h>
#include <kev/hypercall.h>
#include <kev/vcpu.h>

enum { CALL_HALT, CALL_ADD, CALL_NOTE };	/* in RAX */

static atomic64_t sum;

/* [resolve] */
static void resolve(const u64 *gpr, struct kev_hypercall *call)
{
	*call = (struct kev_hypercall) {
		.nr = gpr[KEV_RAX],
		.args = { gpr[KEV_RDI], gpr[KEV_RSI] },
	};
}

/* [fast] */
static enum kev_verdict fast(struct kev_vcpu *vcpu)
{
	switch (vcpu->gpr[KEV_RAX]) {
	case CALL_HALT:
		vcpu->end_code = vcpu->gpr[KEV_RDI];
		return KEV_EXIT;
	case CALL_ADD:
		vcpu->gpr[KEV_RAX] = atomic64_add_return(vcpu->gpr[KEV_RDI], &sum);
		return KEV_RESUME;
	default:
		return KEV_PASS;
	}
}

/* [slow] */
static enum kev_verdict slow(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	if (call->nr != CALL_NOTE)
		return KEV_PASS;
	pr_info_ratelimited("a guest notes %llu\n", call->args[0]);
	return KEV_RESUME;
}

/* [register] */
static const struct kev_hypercall_abi tally = {
	.name = "tally",
	.owner = THIS_MODULE,
	.kernel_only = true,
	.resolve = resolve,
	.fast = fast,
	.slow = slow,
};

static int __init tally_init(void)
{
	return kev_hypercall_abi_register(&tally);
}

static void __exit tally_exit(void)
{
	kev_hypercall_abi_unregister(&tally);
}

module_init(tally_init);
module_exit(tally_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A hypercall ABI with a number that guests add to");
