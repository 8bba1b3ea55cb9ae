// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM does on exits, as user space has it: calls of the VM fd that change it before
 * the first RUN, and what follows from it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <kev/backend.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_vm_cpuid() - what CPUID tells in a VM
 * @vm: the VM
 *
 * Context: in an RCU reader, as with IRQs off, or after the first RUN.
 */
const struct kev_cpuid_table *kev_vm_cpuid(const struct kev_vm *vm)
{
	return rcu_dereference_check(vm->cpuid, irqs_disabled() || READ_ONCE(vm->frozen));
}

/**
 * kev_vm_cr4_guest() - CR4 bits that a VM's guests may set
 * @vm: the VM
 *
 * Context: any.
 */
u64 kev_vm_cr4_guest(const struct kev_vm *vm)
{
	u64 bits;

	rcu_read_lock();
	bits = kev_vm_cpuid(vm)->cr4 & kev_info.cr4_guest;
	rcu_read_unlock();
	return bits;
}

/**
 * kev_vm_efer_guest() - IA32_EFER bits that a VM's guests may have
 * @vm: the VM
 *
 * Context: any.
 */
u64 kev_vm_efer_guest(const struct kev_vm *vm)
{
	u64 bits;

	rcu_read_lock();
	bits = kev_vm_cpuid(vm)->efer;
	rcu_read_unlock();
	return bits;
}

/**
 * kev_vm_xcr0_guest() - XCR0 bits that a VM's guests may set
 * @vm: the VM
 *
 * Context: any. Return: 0 where they have no XSAVE.
 */
u64 kev_vm_xcr0_guest(const struct kev_vm *vm)
{
	u64 bits;

	rcu_read_lock();
	bits = kev_vm_cpuid(vm)->xcr0;
	rcu_read_unlock();
	return bits;
}

/**
 * kev_vm_xcr0_valid() - may a VM's guest load this value with XSETBV
 * @vm: the VM
 * @xcr0: the value
 *
 * Context: any.
 */
bool kev_vm_xcr0_valid(const struct kev_vm *vm, u64 xcr0)
{
	bool valid;

	rcu_read_lock();
	valid = kev_cpuid_xcr0_valid(kev_vm_cpuid(vm), xcr0);
	rcu_read_unlock();
	return valid;
}

static void call_policy(struct kev_vcpu *vcpu, void *arg)
{
	*(int *)arg = kev_backend->policy(vcpu);
}

/**
 * kev_vcpu_take_policy() - before a vCPU's first entry: what the VM's policy makes of it
 * @vcpu: the caller holds its lock; the VM's policy is final
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL the vCPU's registers have what the VM's CPUID does not; -EIO.
 */
int kev_vcpu_take_policy(struct kev_vcpu *vcpu)
{
	int ret, problem = 0;

	if (likely(vcpu->policed))
		return 0;
	if (vcpu->xcr0 != KEV_XCR0_X87 && !kev_vm_xcr0_valid(vcpu->vm, vcpu->xcr0))
		return -EINVAL;
	ret = kev_vcpu_loaded_call(vcpu, call_policy, &problem);
	if (!ret)
		ret = problem;
	vcpu->policed = !ret;
	return ret;
}
