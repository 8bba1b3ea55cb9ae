// SPDX-License-Identifier: GPL-2.0
/*
 * Two hypercall ABIs of another module: "noop", with a call that does nothing, and
 * "second", which has registers of its own and calls at either level.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/uaccess.h>
#include <kev/hypercall.h>
#include <kev/vcpu.h>

#include "test.h"

#define NOOP_CALL	0x4e4fULL
#define SECOND_ADD	1ULL	/* RAX becomes the sum of two arguments */
#define SECOND_COUNT	2ULL	/* RAX becomes the calls of this kind so far; may sleep */
#define SECOND_FAULT	3ULL	/* The host has a page fault meanwhile; RAX: it had */

/* The last page of the address space, which is never mapped */
#define NOWHERE		((void *)-PAGE_SIZE)

static void resolve_noop(const u64 *gpr, struct kev_hypercall *call)
{
	*call = (struct kev_hypercall) {
		.nr = gpr[KEV_RAX],
		.args = { gpr[KEV_RDI], gpr[KEV_RSI], gpr[KEV_RDX], gpr[KEV_R10], gpr[KEV_R9],
			  gpr[KEV_R8] },
	};
}

static enum kev_verdict fast_noop(struct kev_vcpu *vcpu)
{
	return likely(vcpu->gpr[KEV_RAX] == NOOP_CALL) ? KEV_RESUME : KEV_PASS;
}

static const struct kev_hypercall_abi noop = {
	.name = "noop",
	.owner = THIS_MODULE,
	.resolve = resolve_noop,
	.fast = fast_noop,
};

static void resolve_second(const u64 *gpr, struct kev_hypercall *call)
{
	*call = (struct kev_hypercall) {
		.nr = gpr[KEV_RBX],
		.args = { gpr[KEV_R15], gpr[KEV_R14], gpr[KEV_R13], gpr[KEV_R12], gpr[KEV_RBP],
			  gpr[KEV_RCX] },
	};
}

static enum kev_verdict fast_second(struct kev_vcpu *vcpu)
{
	u8 byte;

	switch (vcpu->gpr[KEV_RBX]) {
	case SECOND_ADD:
		vcpu->gpr[KEV_RAX] = vcpu->gpr[KEV_R15] + vcpu->gpr[KEV_R14];
		return KEV_RESUME;
	case SECOND_FAULT:
		vcpu->gpr[KEV_RAX] = !!copy_from_kernel_nofault(&byte, NOWHERE, sizeof(byte));
		return KEV_RESUME;
	default:
		return KEV_PASS;
	}
}

static enum kev_verdict slow_second(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	static atomic64_t calls;

	might_sleep();
	if (call->nr != SECOND_COUNT)
		return KEV_PASS;
	vcpu->gpr[KEV_RAX] = atomic64_inc_return(&calls);
	return KEV_RESUME;
}

static const struct kev_hypercall_abi second = {
	.name = "second",
	.owner = THIS_MODULE,
	.kernel_only = true,
	.resolve = resolve_second,
	.fast = fast_second,
	.slow = slow_second,
};

/* Names that are taken, and structures that are not whole */
static int check_refusals(void)
{
	struct kev_hypercall_abi bad = noop;

	if (kev_hypercall_abi_register(&noop) != -EEXIST)
		return -EINVAL;
	bad.resolve = NULL;
	if (kev_hypercall_abi_register(&bad) != -EINVAL)
		return -EINVAL;
	bad = noop;
	memset(bad.name, 'x', sizeof(bad.name));
	if (kev_hypercall_abi_register(&bad) != -EINVAL)
		return -EINVAL;
	memset(bad.name, 0, sizeof(bad.name));
	if (kev_hypercall_abi_register(&bad) != -EINVAL)
		return -EINVAL;
	strscpy(bad.name, "kev", sizeof(bad.name));
	return kev_hypercall_abi_register(&bad) == -EEXIST ? 0 : -EINVAL;
}

static void __exit abi_test_exit(void)
{
	host_msrs_exit();
	fifo_exit();
	kev_hypercall_abi_unregister(&second);
	kev_hypercall_abi_unregister(&noop);
}

static int __init abi_test_init(void)
{
	int ret;

	ret = kev_hypercall_abi_register(&noop);
	if (ret)
		return ret;
	ret = kev_hypercall_abi_register(&second);
	if (ret)
		goto err_noop;
	ret = check_refusals();
	if (ret)
		goto err_second;
	ret = fifo_init();
	if (ret)
		goto err_second;
	ret = host_msrs_init();
	if (ret)
		goto err_fifo;
	return 0;

err_fifo:
	fifo_exit();
err_second:
	kev_hypercall_abi_unregister(&second);
err_noop:
	kev_hypercall_abi_unregister(&noop);
	return ret;
}

module_init(abi_test_init);
module_exit(abi_test_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hypercall ABIs and an MSR that kev does not have, for its tests");
