// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers in the CPU, and exceptions that exit.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <kev/debug.h>

#include "vmx.h"

/*
 * A guest can make the CPU deliver #DB or #AC without end and without an interrupt
 * window (CVE-2015-8104, CVE-2015-5307): kev has to see each of them. #MC is the host's. #UD may
 * be a VMMCALL.
 */
#define EXCEPTIONS_ALWAYS							\
	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC) | BIT(X86_TRAP_UD))

/**
 * kev_vmx_write_exceptions() - which exceptions exit
 * @vmx: armed, or being armed
 *
 * Context: IRQs off.
 */
void kev_vmx_write_exceptions(struct kev_vmx_vcpu *vmx)
{
	const struct kev_vcpu *vcpu = &vmx->vcpu;
	u32 exceptions = EXCEPTIONS_ALWAYS | vcpu->vm->exceptions;

	/* The CPU would show the guest's handler a flag that is not the guest's. */
	if (vmx->watch == KEV_WATCH_FLAG)
		exceptions = ~0U;
	if (vcpu->debug.flags & KEV_DEBUG_SOFTWARE)
		exceptions |= BIT(X86_TRAP_BP);
	if (exceptions == vmx->exceptions)
		return;
	vmx->exceptions = exceptions;
	kev_vmwrite_32(EXCEPTION_BITMAP, exceptions);
}

/**
 * kev_vmx_load_debug() - put the debug registers that count into the CPU
 * @vcpu: armed, or being armed
 *
 * DR7 comes from the VMCS at the entry, and an exit makes it harmless; DR0 to DR3 have to
 * be there before. Those of the host are restored with kev_vmx_disarm(). #DB exits, so
 * DR6 never changes.
 *
 * Context: IRQs off.
 */
void kev_vmx_load_debug(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	const u64 *dr = vcpu->dr;
	u64 dr7 = vcpu->dr7 & ~KEV_DR7_GD;

	vmx->debug_loaded = vcpu->debug.flags;
	if (unlikely(vcpu->debug.flags)) {
		dr = vcpu->debug.dr;
		dr7 = KEV_DR7_RESET | vcpu->debug.dr7;
	}
	if (unlikely(dr7 != vmx->dr7)) {
		vmx->dr7 = dr7;
		kev_vmwrite_natural(GUEST_DR7, dr7);
	}
	if (unlikely(dr7 & KEV_DR7_ENABLES)) {
		/* The host's breakpoints must not meet the guest's addresses. */
		set_debugreg(0UL, 7);
		set_debugreg((unsigned long)dr[0], 0);
		set_debugreg((unsigned long)dr[1], 1);
		set_debugreg((unsigned long)dr[2], 2);
		set_debugreg((unsigned long)dr[3], 3);
	}
	kev_vmx_write_exceptions(vmx);
}

/**
 * kev_vmx_decode_debug() - why there was a #DB
 * @vmx: armed, after the exit
 *
 * The CPU may name breakpoints that are not on.
 *
 * Context: IRQs off. SDM Vol. 3, "Exit Qualification for Debug Exceptions"
 * Return: bits of DR6.
 */
u64 kev_vmx_decode_debug(struct kev_vmx_vcpu *vmx)
{
	u64 qual = kev_vmread_natural(EXIT_QUALIFICATION);
	u64 why = qual & (KEV_DR6_BD | KEV_DR6_BS);

	for (unsigned int n = 0; n < KEV_NR_BREAKPOINTS; n++) {
		if (!(qual & BIT(n)) || !(vmx->dr7 & KEV_DR7_ENABLE(n)))
			continue;
		why |= BIT(n);
		/* The debugger has seen it: the instruction is to run at the next entry. */
		if (vmx->vcpu.debug.flags && KEV_DR7_RW(vmx->dr7, n) == KEV_DR7_RW_EXECUTE)
			kev_vmx_set_resume_flag(vmx);
	}
	return why;
}

/**
 * kev_vmx_where() - where the guest is
 * @vcpu: loaded
 * @where: written
 *
 * Context: IRQs off.
 */
void kev_vmx_where(struct kev_vcpu *vcpu, struct kev_where *where)
{
	u64 rip = kev_vmread_natural(GUEST_RIP), rsp = kev_vmread_natural(GUEST_RSP);

	*where = (struct kev_where) {
		.rip = rip,
		.stack = rsp,
		.code64 = kev_vmx_code64(kev_to_vmx(vcpu)),
		.v8086 = kev_vmread_natural(GUEST_RFLAGS) & X86_EFLAGS_VM,
		.event = kev_vmx_event_waits(vcpu),
	};
	if (where->code64)
		return;
	if (!(kev_vmread_32(GUEST_SS_AR_BYTES) & KEV_SEG_DB))
		rsp = (u16)rsp;
	where->rip = (u32)(kev_vmread_natural(GUEST_CS_BASE) + rip);
	where->stack = (u32)(kev_vmread_natural(GUEST_SS_BASE) + rsp);
}
