// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which exits user space is given: KEV_VM_SET_EXITS.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/vm.h>

#define CAN_PASS	(KEV_INTERCEPT_HLT | KEV_INTERCEPT_PAUSE | KEV_INTERCEPT_MWAIT)

/* An NMI is no exception, and a machine check is the host's. */
#define NO_EXCEPTIONS	(BIT(X86_TRAP_NMI) | BIT(X86_TRAP_MC))

static bool exits_valid(const struct kev_set_exits *args)
{
	if (args->flags || args->reserved || args->report & ~KEV_INTERCEPT_ALL)
		return false;
	if (args->pass & ~CAN_PASS || args->pass & args->report)
		return false;
	if (!(args->report & KEV_INTERCEPT_EXCEPTION))
		return !args->exceptions;
	return args->exceptions && !(args->exceptions & NO_EXCEPTIONS);
}

/**
 * kev_vm_set_exits() - KEV_VM_SET_EXITS
 * @object: the VM
 * @arg: struct kev_set_exits, unchecked
 *
 * Context: process, may sleep, no kev lock held.
 * Return: 0; -EINVAL; -EOPNOTSUPP the CPU cannot do it; -EBUSY a vCPU has run.
 */
long kev_vm_set_exits(void *object, void *arg)
{
	const struct kev_set_exits *args = arg;
	struct kev_vm *vm = object;
	int ret;

	if (!exits_valid(args))
		return -EINVAL;
	if (args->report & ~kev_info.intercepts || args->pass & ~kev_info.passes)
		return -EOPNOTSUPP;
	ret = kev_vm_lock_policy(vm);
	if (ret)
		return ret;
	vm->intercepts = args->report;
	vm->passes = args->pass;
	vm->exceptions = args->exceptions;
	mutex_unlock(&vm->lock);
	return 0;
}
