// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events on their way into the guest: exceptions, NMIs, interrupts, and those whose
 * delivery an exit has cut off.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>
#include <kev/double_fault.h>
#include <kev/trace.h>

#include "vmx.h"

#define BLOCKING_BY_INSTRUCTION	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* RIP is not all that changes. */
static noinline void advance_more(struct kev_vmx_vcpu *vmx, u64 rip)
{
	const struct kev_vmx_at *at = &vmx->at;

	/* Outside 64-bit mode RIP wraps at 4 GiB. */
	if ((at->rip ^ rip) >> 32 && !kev_vmx_code64(vmx))
		kev_vmwrite_natural(GUEST_RIP, (u32)rip);
	if (at->blocking & BLOCKING_BY_INSTRUCTION)
		kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO,
			       at->blocking & ~BLOCKING_BY_INSTRUCTION);
	/* A fault saves it set, for the instruction that is behind us now. */
	if (at->rflags & X86_EFLAGS_RF && rip != at->rip)
		kev_vmwrite_natural(GUEST_RFLAGS, at->rflags & ~X86_EFLAGS_RF);
	/* SDM Vol. 3, "Guest Non-Register State": pending debug exceptions, BS */
	if (at->rflags & X86_EFLAGS_TF &&
	    !(kev_vmread_64(GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF))
		kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS,
				    kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

/**
 * kev_vmx_advance() - move RIP behind an instruction that kev has finished
 * @vcpu: loaded
 * @length: the instruction's length, as the CPU gave it
 *
 * Ends blocking by STI and MOV SS and raises the single step that the guest may
 * have asked for, as the instruction would have done.
 *
 * Context: IRQs off.
 */
void kev_vmx_advance(struct kev_vcpu *vcpu, u8 length)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	struct kev_vmx_at *at = &vmx->at;
	u64 rip;

	if (!at->valid)
		kev_vmx_look_where(vmx);
	at->valid = false;
	rip = at->rip + length;
	kev_vmwrite_natural(GUEST_RIP, rip);
	if (unlikely((at->rip ^ rip) >> 32 || at->blocking & BLOCKING_BY_INSTRUCTION ||
		     at->rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF)))
		advance_more(vmx, rip);
}

/* The exception to deliver when @second comes up with an event on its way; false: none */
static bool combine(struct kev_vmx_vcpu *vmx, struct kev_exception *second)
{
	u32 type = vmx->event_info & INTR_INFO_INTR_TYPE_MASK;
	unsigned int first = vmx->event_info & INTR_INFO_VECTOR_MASK;

	if (type == INTR_TYPE_EXT_INTR || type == INTR_TYPE_SOFT_INTR ||
	    type == INTR_TYPE_NMI_INTR)
		first = KEV_EVENT_INTERRUPT;
	/* It is on its way no more, and has blocked others. */
	if (type == INTR_TYPE_NMI_INTR) {
		vmx->at.valid = false;
		kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO,
			       kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) |
			       GUEST_INTR_STATE_NMI);
	}
	switch (kev_combine_events(first, second->vector)) {
	case KEV_COMBINED_DOUBLE_FAULT:
		*second = (struct kev_exception) { .vector = X86_TRAP_DF, .has_error = true };
		return true;
	case KEV_COMBINED_SHUTDOWN:
		return false;
	default:
		return true;
	}
}

/**
 * kev_vmx_inject() - raise an exception at the next entry
 * @vcpu: loaded
 * @exception: which
 *
 * Takes the place of an event whose delivery was interrupted, as on a CPU that meets the
 * exception on its own: the instruction or the handler behind it meets that one again.
 *
 * Context: IRQs off. SDM Vol. 3, "VM-Entry Controls for Event Injection".
 * Return: false: a triple fault, and nothing is injected.
 */
bool kev_vmx_inject(struct kev_vcpu *vcpu, const struct kev_exception *exception)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	struct kev_exception e = *exception;

	if (unlikely(vmx->event_info) && !combine(vmx, &e)) {
		vmx->event_info = 0;
		return false;
	}
	vmx->event_info = INTR_INFO_VALID_MASK | e.vector |
			  (e.software ? INTR_TYPE_SOFT_INTR :
			   e.length ? INTR_TYPE_SOFT_EXCEPTION : INTR_TYPE_HARD_EXCEPTION);
	/* In real mode no exception pushes one. */
	if (e.has_error && (kev_vmread_natural(GUEST_CR0) & X86_CR0_PE))
		vmx->event_info |= INTR_INFO_DELIVER_CODE_MASK;
	vmx->event_error = e.error;
	vmx->event_length = e.length;
	return true;
}

/**
 * kev_vmx_event_waits() - does the next entry deliver an event already
 * @vcpu: loaded
 *
 * Context: IRQs off.
 * Return: true: no other can be injected.
 */
bool kev_vmx_event_waits(struct kev_vcpu *vcpu)
{
	return kev_to_vmx(vcpu)->event_info;
}

/* A trap of the last instruction; an injected interrupt would make the CPU forget it. */
#define PENDING_DBG_TRAP	(KEV_PENDING_DBG_ENABLED | DR_STEP)

/*
 * SDM Vol. 3, "Checks on Guest Control Registers, Debug Registers, and MSRs" ff.: an
 * entry that injects an interrupt or an NMI wants no blocking by MOV SS, nor, on some
 * CPUs, by STI.
 */
static bool can_take_event(const struct kev_vmx_vcpu *vmx, u32 blocking)
{
	return !vmx->event_info &&
	       !(kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) &
		 (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS | blocking)) &&
	       !(kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS) & PENDING_DBG_TRAP);
}

/**
 * kev_vmx_inject_interrupt() - raise an external interrupt at the next entry
 * @vcpu: armed
 * @vector: any: an entry checks the vectors of exceptions and NMIs only
 *
 * Context: IRQs off. SDM Vol. 3, "VM-Entry Controls for Event Injection",
 * "Interrupt-Window Exiting and Virtual-Interrupt Delivery"
 * Return: false if the guest cannot take it now; there is an exit for its interrupt
 * window as soon as it can, or a new request when a debugger's steps end.
 */
bool kev_vmx_inject_interrupt(struct kev_vcpu *vcpu, u8 vector)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	bool can;

	if (unlikely(kev_vmx_steps(vmx)))
		return false;
	can = (kev_vmread_natural(GUEST_RFLAGS) & X86_EFLAGS_IF) && can_take_event(vmx, 0);
	kev_vmx_set_proc(vmx, KEV_PROC_INTERRUPT_WINDOW, !can);
	if (can) {
		vmx->event_info = INTR_INFO_VALID_MASK | INTR_TYPE_EXT_INTR | vector;
		vmx->event_length = 0;
	}
	return can;
}

/**
 * kev_vmx_inject_nmi() - raise an NMI at the next entry
 * @vcpu: armed
 *
 * Its delivery blocks further ones until the guest's IRET.
 *
 * In the shadow of STI a CPU may keep an NMI window shut, and need not: then the entry would
 * exit before any instruction, again and again, ahead of the host's interrupts. An interrupt
 * window is shut there, and opens behind the next instruction, since IF is set; unless that
 * clears it: kev_vmx_look_at_shadow().
 *
 * Context: IRQs off. SDM Vol. 3, "VM-Entry Controls for Event Injection", "Changes to
 * NMI Behavior in VMX Non-Root Operation", "Other Causes of VM Exits"
 * Return: false if the guest cannot take it now; there is an exit for a window as soon as
 * it can.
 */
bool kev_vmx_inject_nmi(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	bool can, in_shadow;

	if (unlikely(kev_vmx_steps(vmx)))
		return false;
	can = can_take_event(vmx, GUEST_INTR_STATE_NMI);
	/* An event that is injected before ends the shadow. */
	in_shadow = !can && !vmx->event_info &&
		    kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI;
	kev_vmx_set_proc(vmx, KEV_PROC_NMI_WINDOW, !can && !in_shadow);
	vmx->due &= ~KEV_DUE_SHADOW;
	if (in_shadow) {
		kev_vmx_set_proc(vmx, KEV_PROC_INTERRUPT_WINDOW, true);
		vmx->due |= KEV_DUE_SHADOW;
	}
	if (can) {
		vmx->event_info = INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR | X86_TRAP_NMI;
		vmx->event_length = 0;
	}
	return can;
}

/**
 * kev_vmx_nmi_blocked() - does the guest handle an NMI, or does the next entry deliver one
 * @vcpu: armed
 *
 * Context: IRQs off.
 * Return: true: of further ones it keeps one.
 */
bool kev_vmx_nmi_blocked(struct kev_vcpu *vcpu)
{
	u32 event = kev_to_vmx(vcpu)->event_info;

	if (event && (event & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		return true;
	return kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

/**
 * kev_vmx_look_at_shadow() - let an NMI that waits for the end of STI's shadow wait for its own
 * window, once that has come
 * @vmx: armed, about to enter, with KEV_DUE_SHADOW
 *
 * The instruction behind STI may have cleared IF, which keeps the window of interrupts shut.
 * Then the NMI comes at the next exit of any kind.
 *
 * Context: IRQs off.
 */
void kev_vmx_look_at_shadow(struct kev_vmx_vcpu *vmx)
{
	if (kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI)
		return;
	vmx->due &= ~KEV_DUE_SHADOW;
	kev_vmx_set_proc(vmx, KEV_PROC_NMI_WINDOW, true);
}

/* Traps, the aborts #DF and #MC, and #DB, of which RFLAGS.RF is as the CPU has left it */
#define NO_FAULTS								\
	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF) | BIT(X86_TRAP_DF) |	\
	 BIT(X86_TRAP_MC))

static bool is_fault(u32 info)
{
	return (info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_HARD_EXCEPTION &&
	       !(NO_FAULTS & BIT(info & INTR_INFO_VECTOR_MASK));
}

static enum kev_injected injected(u32 info)
{
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		return KEV_INJECTED_INTERRUPT;
	case INTR_TYPE_NMI_INTR:
		return KEV_INJECTED_NMI;
	case INTR_TYPE_SOFT_INTR:
		return KEV_INJECTED_SOFTWARE;
	default:
		return KEV_INJECTED_EXCEPTION;
	}
}

/**
 * kev_vmx_write_event() - hand the event that waits to the entry
 * @vmx: armed, about to enter, with an event
 *
 * Context: IRQs off.
 */
void kev_vmx_write_event(struct kev_vmx_vcpu *vmx)
{
	enum kev_injected type;

	if (vmx->event_info & INTR_INFO_DELIVER_CODE_MASK)
		kev_vmwrite_32(VM_ENTRY_EXCEPTION_ERROR_CODE, vmx->event_error);
	if (vmx->event_length)
		kev_vmwrite_32(VM_ENTRY_INSTRUCTION_LEN, vmx->event_length);
	kev_vmwrite_32(VM_ENTRY_INTR_INFO_FIELD, vmx->event_info);
	type = injected(vmx->event_info);
	vmx->vcpu.counts.injected[type]++;
	trace_kev_inject(&vmx->vcpu, type, vmx->event_info & INTR_INFO_VECTOR_MASK,
			 vmx->event_info & INTR_INFO_DELIVER_CODE_MASK, vmx->event_error);
	/*
	 * A fault's frame has RF set, so that the instruction meets no breakpoint when it
	 * runs again. The entry pushes RFLAGS as it is, which the exit of an instruction has
	 * left clear. SDM Vol. 3, "Masking Instruction-Breakpoint Exceptions"
	 */
	if (is_fault(vmx->event_info))
		kev_vmx_set_resume_flag(vmx);
	/* An event ends an HLT that the guest is in by itself. */
	if (unlikely(vmx->vcpu.vm->passes & KEV_INTERCEPT_HLT))
		kev_vmwrite_32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	vmx->event_info = 0;
}

/**
 * kev_vmx_keep_event() - an exit in the middle of an event's delivery: it comes again
 * @vmx: armed, after an exit
 *
 * It would be lost otherwise.
 *
 * Context: IRQs off. SDM Vol. 3, "Information for VM Exits During Event Delivery"
 */
void kev_vmx_keep_event(struct kev_vmx_vcpu *vmx)
{
	u32 info = kev_vmread_32(IDT_VECTORING_INFO_FIELD);
	u32 type = info & INTR_INFO_INTR_TYPE_MASK;

	if (likely(!(info & INTR_INFO_VALID_MASK)))
		return;

	vmx->event_info = info & (INTR_INFO_VALID_MASK | INTR_INFO_DELIVER_CODE_MASK |
				  INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK);
	vmx->event_error = 0;
	vmx->event_length = 0;
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		vmx->event_error = kev_vmread_32(IDT_VECTORING_ERROR_CODE);
	/* Bochs tells of an error code in real mode, too, and no entry takes one there. */
	if (unlikely(info & INTR_INFO_DELIVER_CODE_MASK &&
		     !(kev_vmread_natural(GUEST_CR0) & X86_CR0_PE)))
		vmx->event_info &= ~INTR_INFO_DELIVER_CODE_MASK;
	if (type == INTR_TYPE_SOFT_INTR || type == INTR_TYPE_SOFT_EXCEPTION ||
	    type == INTR_TYPE_PRIV_SW_EXCEPTION)
		vmx->event_length = kev_vmread_32(VM_EXIT_INSTRUCTION_LEN);
	/* The NMI is delivered again: not yet blocked by itself */
	if (type == INTR_TYPE_NMI_INTR)
		kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO,
			       kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) &
			       ~GUEST_INTR_STATE_NMI);
}

/**
 * kev_vmx_block_nmi_again() - the exit came from an IRET that had unblocked NMIs
 * @vmx: armed, after an exit
 *
 * The IRET runs again, unless the exit came while an event was delivered: then it says
 * nothing of an IRET.
 *
 * Context: IRQs off. SDM Vol. 3, "Information About NMI Unblocking Due to IRET"
 */
void kev_vmx_block_nmi_again(struct kev_vmx_vcpu *vmx)
{
	if (vmx->event_info)
		return;
	kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO,
		       kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) | GUEST_INTR_STATE_NMI);
}
