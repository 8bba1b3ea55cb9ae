// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to control registers that the guest does not own alone, and XCR0.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#define CR8_MAX		15
#define LMSW_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

static enum kev_verdict raise_gp(struct kev_vcpu *vcpu)
{
	return kev_queue_exception(vcpu, X86_TRAP_GP, true, 0);
}

static enum kev_verdict write_cr(struct kev_vcpu *vcpu, unsigned int cr, u64 value)
{
	switch (kev_backend->write_cr(vcpu, cr, value)) {
	case 0:
		/* CR4.OSXSAVE may have changed. */
		kev_vcpu_load_xcr0(vcpu);
		return KEV_RESUME;
	case -EINVAL:
		return raise_gp(vcpu);
	default:
		return KEV_PASS;
	}
}

static enum kev_verdict write_cr8(struct kev_vcpu *vcpu, u64 value)
{
	if (value > CR8_MAX)
		return raise_gp(vcpu);
	kev_apic_set_tpr(vcpu, value << 4);
	return KEV_RESUME;
}

enum kev_verdict kev_fast_cr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 *gpr = &vcpu->gpr[exit->cr.gpr];
	u64 cr0, value;

	/* The backend keeps RSP; nobody moves it to or from a control register. */
	if (exit->cr.gpr == KEV_RSP && exit->cr.op <= KEV_CR_READ)
		return KEV_PASS;
	value = exit->cr.long_mode ? *gpr : (u32)*gpr;

	switch (exit->cr.op) {
	case KEV_CR_WRITE:
		if (exit->cr.reg == 0 || exit->cr.reg == 4)
			return write_cr(vcpu, exit->cr.reg, value);
		if (exit->cr.reg == 8)
			return write_cr8(vcpu, value);
		return KEV_PASS;
	case KEV_CR_READ:
		if (exit->cr.reg != 8)
			return KEV_PASS;
		*gpr = kev_apic_tpr(vcpu) >> 4;
		return KEV_RESUME;
	case KEV_CR_CLTS:
		return write_cr(vcpu, 0, kev_backend->read_cr(vcpu, 0) & ~X86_CR0_TS);
	default:
		/* LMSW sets PE but cannot clear it. SDM Vol. 2, "LMSW" */
		cr0 = kev_backend->read_cr(vcpu, 0);
		cr0 = (cr0 & ~(LMSW_BITS & ~X86_CR0_PE)) | (exit->cr.value & LMSW_BITS);
		return write_cr(vcpu, 0, cr0);
	}
}

enum kev_verdict kev_fast_xsetbv(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 value = (vcpu->gpr[KEV_RDX] << 32) | (u32)vcpu->gpr[KEV_RAX];

	if ((u32)vcpu->gpr[KEV_RCX] || !kev_vm_xcr0_valid(vcpu->vm, value))
		return raise_gp(vcpu);
	vcpu->xcr0 = value;
	kev_vcpu_load_xcr0(vcpu);
	return KEV_RESUME;
}
