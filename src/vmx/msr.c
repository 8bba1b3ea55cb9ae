// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs whose guest value the VMCS or the CPU holds while the guest runs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/msr-index.h>
#include <kev/exit.h>
#include <kev/msr.h>
#include <kev/values.h>

#include "vmx.h"

/* Which user MSR an index is, or KEV_NR_USER_MSRS */
static unsigned int user_msr(u32 index)
{
	switch (index) {
	case MSR_STAR:
		return KEV_USER_STAR;
	case MSR_LSTAR:
		return KEV_USER_LSTAR;
	case MSR_CSTAR:
		return KEV_USER_CSTAR;
	case MSR_SYSCALL_MASK:
		return KEV_USER_SYSCALL_MASK;
	case MSR_TSC_AUX:
		if (kev_vmx_config.rdtscp)
			return KEV_USER_TSC_AUX;
		break;
	}
	return KEV_NR_USER_MSRS;
}

/**
 * kev_vmx_rdmsr() - the guest reads an MSR
 * @vcpu: armed
 * @index: which
 * @value: written on success
 *
 * Context: IRQs off.
 * Return: 0, or -ENOENT: not one of these.
 */
int kev_vmx_rdmsr(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	unsigned int user = user_msr(index);

	if (user < KEV_NR_USER_MSRS) {
		*value = vmx->user_msrs[user];
		return 0;
	}

	switch (index) {
	case MSR_EFER:
		*value = vmx->efer;
		return 0;
	case MSR_FS_BASE:
		*value = kev_vmread_natural(GUEST_FS_BASE);
		return 0;
	case MSR_GS_BASE:
		*value = kev_vmread_natural(GUEST_GS_BASE);
		return 0;
	case MSR_KERNEL_GS_BASE:
		rdmsrq(MSR_KERNEL_GS_BASE, *value);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		*value = kev_vmread_32(GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		*value = kev_vmread_natural(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		*value = kev_vmread_natural(GUEST_SYSENTER_EIP);
		return 0;
	case MSR_IA32_CR_PAT:
		*value = kev_vmread_64(GUEST_IA32_PAT);
		return 0;
	case MSR_IA32_TSC:
		*value = rdtsc() + vmx->tsc_offset;
		return 0;
	}
	return -ENOENT;
}

static int write_efer(struct kev_vcpu *vcpu, u64 value)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (value & ~kev_vm_efer_guest(vcpu->vm))
		return -EINVAL;
	if (((vmx->efer ^ value) & EFER_LME) && (kev_vmx_read_cr(vcpu, 0) & X86_CR0_PG))
		return -EINVAL;
	/* LMA is the CPU's to change. */
	vmx->efer = (value & ~EFER_LMA) | (vmx->efer & EFER_LMA);
	kev_vmwrite_64(GUEST_IA32_EFER, vmx->efer);
	vmx->due |= KEV_DUE_USER_MSRS;
	return 0;
}

static int write_user_msr(struct kev_vmx_vcpu *vmx, unsigned int user, u64 value)
{
	switch (user) {
	case KEV_USER_LSTAR:
	case KEV_USER_CSTAR:
		if (!kev_canonical(value))
			return -EINVAL;
		break;
	case KEV_USER_SYSCALL_MASK:
	case KEV_USER_TSC_AUX:
		if (value >> 32)
			return -EINVAL;
		break;
	}
	vmx->user_msrs[user] = value;
	vmx->due |= KEV_DUE_USER_MSRS;
	return 0;
}

/**
 * kev_vmx_move_tsc() - add to the guest's TSC
 * @vcpu: armed
 * @ticks: how many, modulo 2^64
 *
 * Context: IRQs off.
 */
void kev_vmx_move_tsc(struct kev_vcpu *vcpu, u64 ticks)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	vmx->tsc_offset += ticks;
	kev_vmwrite_64(TSC_OFFSET, vmx->tsc_offset);
}

/**
 * kev_vmx_wrmsr() - the guest writes an MSR
 * @vcpu: armed
 * @index: which
 * @value: what
 *
 * The value goes to the vCPU; the CPU gets it for as long as the guest runs.
 *
 * Context: IRQs off.
 * Return: 0; -EINVAL #GP(0); -ENOENT not one of these.
 */
int kev_vmx_wrmsr(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	unsigned int user = user_msr(index);
	unsigned long field;

	if (user < KEV_NR_USER_MSRS)
		return write_user_msr(vmx, user, value);

	switch (index) {
	case MSR_EFER:
		return write_efer(vcpu, value);
	case MSR_IA32_CR_PAT:
		if (!kev_pat_valid(value))
			return -EINVAL;
		kev_vmwrite_64(GUEST_IA32_PAT, value);
		return 0;
	case MSR_IA32_SYSENTER_CS:
		kev_vmwrite_32(GUEST_SYSENTER_CS, value);
		return 0;
	case MSR_KERNEL_GS_BASE:
		if (!kev_canonical(value))
			return -EINVAL;
		wrmsrq(MSR_KERNEL_GS_BASE, value);
		return 0;
	case MSR_FS_BASE:
		field = GUEST_FS_BASE;
		break;
	case MSR_GS_BASE:
		field = GUEST_GS_BASE;
		break;
	case MSR_IA32_SYSENTER_ESP:
		field = GUEST_SYSENTER_ESP;
		break;
	case MSR_IA32_SYSENTER_EIP:
		field = GUEST_SYSENTER_EIP;
		break;
	default:
		return -ENOENT;
	}
	if (!kev_canonical(value))
		return -EINVAL;
	kev_vmwrite(field, value);
	return 0;
}
