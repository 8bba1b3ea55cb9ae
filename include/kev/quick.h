/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The quick level: answers to the exits that guests make most, for a backend that can give
 * them between the exit and the next entry. They do what the fast level does, and only for
 * what kev_vcpu.quick has, where nothing has to be told to anybody.
 */
#ifndef _KEV_QUICK_H
#define _KEV_QUICK_H

#include <kev/cpuid.h>
#include <kev/mem.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

void kev_quick_init(struct kev_vcpu *vcpu);

/* An exit that has been answered; noinstr */
static __always_inline void kev_quick_count(struct kev_vcpu *vcpu, enum kev_event event)
{
	vcpu->counts.exits[event]++;
}

/* CPUID: false for leaves that are not the same for all vCPUs at all times; noinstr */
static __always_inline bool kev_quick_cpuid(struct kev_vcpu *vcpu)
{
	u32 leaf = vcpu->gpr[KEV_RAX];
	const struct kev_cpuid_regs *regs;

	if (unlikely(!kev_cpuid_is_constant(vcpu->cpuid, leaf)))
		return false;
	regs = kev_cpuid_constant(vcpu->cpuid, leaf);
	vcpu->gpr[KEV_RAX] = regs->eax;
	vcpu->gpr[KEV_RBX] = regs->ebx;
	vcpu->gpr[KEV_RCX] = regs->ecx;
	vcpu->gpr[KEV_RDX] = regs->edx;
	return true;
}

/* What RDMSR gives; RDX:RAX are zero-extended. */
static __always_inline void kev_quick_put_msr(struct kev_vcpu *vcpu, u64 value)
{
	vcpu->gpr[KEV_RAX] = lower_32_bits(value);
	vcpu->gpr[KEV_RDX] = upper_32_bits(value);
}

/* Who handles the MSR that RDMSR or WRMSR names; an RCU reader, or IRQs off in the host */
static __always_inline const struct kev_msr_ops *kev_quick_msr(const struct kev_vcpu *vcpu)
{
	return kev_msr_find(vcpu->gpr[KEV_RCX]);
}

/* RDMSR of one that has no field. Return: for kev_msr_verdict() */
static __always_inline int kev_quick_rdmsr(struct kev_vcpu *vcpu, const struct kev_msr_ops *ops)
{
	int ret = ops->read_msr(vcpu, vcpu->gpr[KEV_RCX], &vcpu->msr_value);

	if (likely(!ret))
		kev_quick_put_msr(vcpu, vcpu->msr_value);
	return ret;
}

/* WRMSR. Return: for kev_msr_verdict() */
static __always_inline int kev_quick_wrmsr(struct kev_vcpu *vcpu)
{
	const struct kev_msr_ops *ops = kev_quick_msr(vcpu);
	u64 value = vcpu->gpr[KEV_RDX] << 32 | (u32)vcpu->gpr[KEV_RAX];

	return likely(ops->write_msr) ? ops->write_msr(vcpu, vcpu->gpr[KEV_RCX], value) : -EAGAIN;
}

/*
 * A first touch of memory, with kev_vcpu.stock not empty. Return: enum kev_region_kind: the guest
 * can try again; 0: it needs more.
 */
static __always_inline u32 kev_quick_memory(struct kev_vcpu *vcpu, u64 gpa, u32 access)
{
	return kev_mem_fault_fast(&vcpu->vm->mem, &vcpu->stock, gpa, access);
}

#endif /* _KEV_QUICK_H */
