// SPDX-License-Identifier: GPL-2.0-only
/*
 * One instruction of the guest at a time: for a debugger, and for instructions that run
 * without the exits that user space has asked for.
 *
 * The monitor trap flag does it where the CPU has that. Elsewhere RFLAGS.TF is set for the
 * one entry, every exception exits so that no handler of the guest sees it, and nothing
 * is injected with it. Behind an event that is injected the NMI window tells.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <kev/debug.h>

#include "vmx.h"

static bool has_trap_flag(void)
{
	return kev_vmx_config.proc_allowed & KEV_PROC_MONITOR_TRAP;
}

/**
 * kev_vmx_steps() - does a debugger step through the guest
 * @vmx: the vCPU
 *
 * Interrupts and NMIs wait meanwhile: a step is for the instruction that it is at.
 *
 * Context: any, the vCPU's owner.
 * Return: true: it does.
 */
bool kev_vmx_steps(const struct kev_vmx_vcpu *vmx)
{
	return vmx->vcpu.debug.flags & KEV_DEBUG_STEP;
}

/**
 * kev_vmx_run_native() - the next instruction runs without the exits that user space wants
 * @vcpu: armed
 *
 * KEV_EV_STEP follows. An interrupt of the host or a page that has to be made leaves it
 * to come; with an event on its way the instruction exits again.
 *
 * Context: IRQs off.
 */
void kev_vmx_run_native(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	vmx->native = true;
	kev_vmx_set_resume_flag(vmx);
	kev_vmx_set_proc(vmx, vmx->intercept_proc, false);
	kev_vmx_set_proc2(vmx, vmx->intercept_proc2, false);
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
}

/* SDM Vol. 3, "Checks on Guest Non-Register State": with TF the CPU wants no such shadow. */
static void set_flag(struct kev_vmx_vcpu *vmx)
{
	unsigned long rflags = kev_vmread_natural(GUEST_RFLAGS);
	u32 blocking = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO);

	vmx->watch = KEV_WATCH_FLAG;
	vmx->own_flag = rflags & X86_EFLAGS_TF;
	kev_vmx_write_exceptions(vmx);
	kev_vmx_hold_interrupt(vmx);
	if (vmx->own_flag)
		return;
	kev_vmwrite_natural(GUEST_RFLAGS, rflags | X86_EFLAGS_TF);
	if (blocking & (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS))
		kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO,
			       blocking & ~(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS));
}

/**
 * kev_vmx_watch() - the next entry is for one instruction, or for the delivery of an event
 * @vmx: armed, about to enter; a debugger steps or an instruction runs native
 *
 * Context: IRQs off.
 */
void kev_vmx_watch(struct kev_vmx_vcpu *vmx)
{
	if (vmx->event_info)
		kev_vmx_end_native(vmx);
	if (!vmx->native && !kev_vmx_steps(vmx))
		return;
	/*
	 * It goes on as if it had been woken: in a halt no instruction would end the step, and
	 * with the flag it is no state to enter.
	 */
	if (unlikely(vmx->vcpu.vm->passes & KEV_INTERCEPT_HLT))
		kev_vmwrite_32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	if (has_trap_flag()) {
		vmx->watch = KEV_WATCH_TRAP;
		if (kev_vmx_steps(vmx))
			kev_vmx_hold_interrupt(vmx);
		kev_vmx_set_proc(vmx, KEV_PROC_MONITOR_TRAP, true);
	} else if (vmx->event_info) {
		vmx->watch = KEV_WATCH_EVENT;
		kev_vmx_set_proc(vmx, KEV_PROC_NMI_WINDOW, true);
	} else {
		set_flag(vmx);
	}
}

/* The exit is for the step: anything else comes before the instruction has had an effect. */
static bool has_stepped(const struct kev_vmx_vcpu *vmx)
{
	const u32 db = INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | X86_TRAP_DB;
	const u32 mask = INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK;

	return vmx->exit_reason == EXIT_REASON_EXCEPTION_NMI &&
	       (kev_vmread_32(VM_EXIT_INTR_INFO) & mask) == db &&
	       (kev_vmread_natural(EXIT_QUALIFICATION) & KEV_DR6_BS);
}

/**
 * kev_vmx_unwatch() - after the exit: the guest's own state is back
 * @vmx: armed
 *
 * Context: IRQs off.
 * Return: how it was watched: KEV_WATCH_*.
 */
enum kev_watch kev_vmx_unwatch(struct kev_vmx_vcpu *vmx)
{
	enum kev_watch watch = vmx->watch;

	vmx->watch = KEV_WATCH_NONE;
	kev_vmx_release_interrupt(vmx);
	if (watch == KEV_WATCH_TRAP)
		kev_vmx_set_proc(vmx, KEV_PROC_MONITOR_TRAP, false);
	if (watch != KEV_WATCH_FLAG)
		return watch;
	kev_vmx_write_exceptions(vmx);
	if (vmx->own_flag)
		return watch;
	/* What POPF or IRET has loaded is the guest's, if it has run. */
	if (!vmx->vcpu.loads_flags || !has_stepped(vmx))
		kev_vmwrite_natural(GUEST_RFLAGS,
				    kev_vmread_natural(GUEST_RFLAGS) & ~X86_EFLAGS_TF);
	/* An exit in the middle of the instruction may leave its trap behind. */
	kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS,
			    kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS) & ~KEV_DR6_BS);
	return watch;
}

/* Breakpoints whose #DB would come behind the step */
static u64 take_pending_breakpoints(struct kev_vmx_vcpu *vmx)
{
	u64 pending = kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS);
	u64 breakpoints = 0;

	if (!(vmx->vcpu.debug.flags & KEV_DEBUG_HARDWARE) || !(pending & KEV_PENDING_DBG_ENABLED))
		return 0;
	for (unsigned int n = 0; n < KEV_NR_BREAKPOINTS; n++)
		if (vmx->dr7 & KEV_DR7_ENABLE(n))
			breakpoints |= pending & BIT(n);
	kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS,
			    pending & ~(KEV_PENDING_DBG_ENABLED | KEV_DR6_BREAKPOINTS));
	return breakpoints;
}

/**
 * kev_vmx_decode_step() - has the instruction that was watched come to its end
 * @vmx: armed, after the exit, which is decoded
 * @watch: how it was watched
 * @exit: becomes KEV_EV_STEP if it has
 *
 * Context: IRQs off. SDM Vol. 3, "Monitor Trap Flag", "NMI-Window Exiting"
 */
void kev_vmx_decode_step(struct kev_vmx_vcpu *vmx, enum kev_watch watch, struct kev_exit *exit)
{
	u64 dr6;

	switch (exit->event) {
	case KEV_EV_STEP:
		exit->step.breakpoints = take_pending_breakpoints(vmx);
		exit->step.guest = 0;
		break;
	case KEV_EV_NMI_WINDOW:
		if (watch != KEV_WATCH_EVENT)
			return;
		/* An NMI may have waited for the window too. */
		set_bit(KEV_REQ_INTERRUPT, &vmx->vcpu.requests);
		exit->event = KEV_EV_STEP;
		exit->step.breakpoints = 0;
		exit->step.guest = 0;
		break;
	case KEV_EV_EXCEPTION:
		if (watch != KEV_WATCH_FLAG || exit->exception.vector != X86_TRAP_DB ||
		    !(exit->exception.dr6 & KEV_DR6_BS))
			break;
		dr6 = exit->exception.dr6 & KEV_DR6_BREAKPOINTS;
		exit->event = KEV_EV_STEP;
		exit->step.breakpoints = vmx->vcpu.debug.flags ? dr6 : 0;
		exit->step.guest = (vmx->vcpu.debug.flags ? 0 : dr6) |
				   (vmx->own_flag ? KEV_DR6_BS : 0);
		break;
	/* Behind the instruction, and before what would tell of its end */
	case KEV_EV_TPR:
	case KEV_EV_APIC_WRITE:
	case KEV_EV_EOI:
	case KEV_EV_BUS_LOCK:
		if (kev_vmx_steps(vmx))
			vmx->vcpu.pending |= KEV_PENDING_STEP;
		break;
	/* It is still to come: these come before an instruction, the others end one. */
	case KEV_EV_INTERRUPT:
	case KEV_EV_NMI:
	case KEV_EV_MACHINE_CHECK:
	case KEV_EV_MEMORY:
	case KEV_EV_INTERRUPT_WINDOW:
	case KEV_EV_TIMER:
	case KEV_EV_NOTIFY:
		return;
	}
	kev_vmx_end_native(vmx);
}
