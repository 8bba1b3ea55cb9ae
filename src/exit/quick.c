// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the quick level may answer: <kev/quick.h>.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kev/hypercall.h>
#include <kev/quick.h>
#include <kev/vm.h>

/* Exits that user space has asked for: KEV_VM_SET_EXITS */
static u32 intercepted(const struct kev_vm *vm)
{
	static const enum kev_event events[] = {
		KEV_EV_CPUID, KEV_EV_RDMSR, KEV_EV_WRMSR, KEV_EV_HYPERCALL,
	};
	u32 mask = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++)
		if (vm->intercepts & kev_exit_table[events[i]].intercept)
			mask |= BIT(events[i]);
	return mask;
}

/**
 * kev_quick_init() - find out what the quick level may answer for a vCPU
 * @vcpu: the caller holds its lock; the VM's policy is final
 */
void kev_quick_init(struct kev_vcpu *vcpu)
{
	const struct kev_vm *vm = vcpu->vm;

	vcpu->cpuid = kev_vm_cpuid(vm);
	vcpu->quick_call = vm->abi->fast;
	vcpu->quick = BIT(KEV_EV_MEMORY);
	/* What user space says of an MSR goes first. */
	if (!vm->msrs)
		vcpu->quick |= BIT(KEV_EV_RDMSR) | BIT(KEV_EV_WRMSR);
	if (vcpu->quick_call)
		vcpu->quick |= BIT(KEV_EV_HYPERCALL);
	if (!(vm->flags & KEV_VM_REPORT_CPUID))
		vcpu->quick |= BIT(KEV_EV_CPUID);
	vcpu->quick &= ~intercepted(vm);
}
