// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debug registers in the CPU, single steps, and exceptions that exit.
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

static void write_exceptions(struct kev_vmx_vcpu *vmx)
{
	const struct kev_vcpu *vcpu = &vmx->vcpu;
	u32 exceptions = EXCEPTIONS_ALWAYS | vcpu->vm->exceptions;

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
	kev_vmx_set_proc(vmx, KEV_PROC_MONITOR_TRAP,
			 vmx->native || vcpu->debug.flags & KEV_DEBUG_STEP);
	write_exceptions(vmx);
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
			kev_vmwrite_natural(GUEST_RFLAGS,
					    kev_vmread_natural(GUEST_RFLAGS) | X86_EFLAGS_RF);
	}
	return why;
}

/**
 * kev_vmx_end_native() - end what kev_vmx_run_native() has begun
 * @vmx: loaded
 *
 * Context: IRQs off.
 */
void kev_vmx_end_native(struct kev_vmx_vcpu *vmx)
{
	if (likely(!vmx->native))
		return;
	vmx->native = false;
	kev_vmx_set_proc(vmx, vmx->intercept_proc, true);
	kev_vmx_set_proc2(vmx, vmx->intercept_proc2, true);
	kev_vmx_set_proc(vmx, KEV_PROC_MONITOR_TRAP, vmx->vcpu.debug.flags & KEV_DEBUG_STEP);
}

/**
 * kev_vmx_decode_step() - an exit of the monitor trap flag
 * @vmx: armed, after the exit
 *
 * Context: IRQs off.
 * Return: the debugger's breakpoints that the instruction has met, as bits of DR6: their
 * #DB would come behind the step.
 */
u64 kev_vmx_decode_step(struct kev_vmx_vcpu *vmx)
{
	const struct kev_vcpu_debug *debug = &vmx->vcpu.debug;
	u64 pending, breakpoints = 0;

	kev_vmx_end_native(vmx);
	if (!(debug->flags & KEV_DEBUG_HARDWARE))
		return 0;
	pending = kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS);
	if (!(pending & KEV_PENDING_DBG_ENABLED))
		return 0;
	for (unsigned int n = 0; n < KEV_NR_BREAKPOINTS; n++)
		if (vmx->dr7 & KEV_DR7_ENABLE(n))
			breakpoints |= pending & BIT(n);
	kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS,
			    pending & ~(KEV_PENDING_DBG_ENABLED | KEV_DR6_BREAKPOINTS));
	return breakpoints;
}

/**
 * kev_vmx_run_native() - the next instruction runs without the exits that user space wants
 * @vcpu: armed
 *
 * The monitor trap flag says when it has; an exit for something else leaves it to come.
 *
 * Context: IRQs off. SDM Vol. 3, "Monitor Trap Flag"
 */
void kev_vmx_run_native(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	vmx->native = true;
	kev_vmx_set_proc(vmx, vmx->intercept_proc, false);
	kev_vmx_set_proc2(vmx, vmx->intercept_proc2, false);
	kev_vmx_set_proc(vmx, KEV_PROC_MONITOR_TRAP, true);
}

/**
 * kev_vmx_linear_rip() - linear address of the next instruction
 * @vcpu: loaded
 *
 * Context: IRQs off.
 */
u64 kev_vmx_linear_rip(struct kev_vcpu *vcpu)
{
	u64 rip = kev_vmread_natural(GUEST_RIP);

	if (kev_vmread_32(GUEST_CS_AR_BYTES) & KEV_SEG_L)
		return rip;
	return (u32)(kev_vmread_natural(GUEST_CS_BASE) + rip);
}
