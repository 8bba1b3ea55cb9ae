// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the guest, and what its exits say.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>
#include <asm/debugreg.h>
#include <asm/special_insns.h>
#include <asm/trapnr.h>
#include <kev/compat.h>
#include <kev/exit.h>
#include <kev/trace.h>
#include <kev/values.h>

#include "context.h"
#include "vmx.h"

#define EXIT_REASON_BASIC	0xffffU
#define EXIT_REASON_FAILED_ENTRY	BIT(31)

static __always_inline bool is_nmi(u32 info)
{
	return (info & (INTR_INFO_VALID_MASK | INTR_INFO_INTR_TYPE_MASK)) ==
	       (INTR_INFO_VALID_MASK | INTR_TYPE_NMI_INTR);
}

/*
 * From here to the hand-over of an NMI nothing may fault or be traced: the IRET
 * of a fault would unblock NMIs while the host has not seen this one.
 */
static noinstr unsigned int enter_and_exit(struct kev_vmx_vcpu *vmx)
{
	struct kev_vcpu *vcpu = &vmx->vcpu;
	unsigned int failed;

	kev_vmx_guest_state_enter();
	if (vcpu->cr2 != native_read_cr2())
		native_write_cr2(vcpu->cr2);

	failed = kev_vmx_enter_guest(vmx, &vmx->frame, vmx->launched);

	vcpu->cr2 = native_read_cr2();
	/* A guest exception has this reason too. */
	if (likely(failed == KEV_VMX_ENTERED) &&
	    vmx->exit_reason == EXIT_REASON_EXCEPTION_NMI &&
	    is_nmi(kev_vmread_unchecked(VM_EXIT_INTR_INFO)))
		asm volatile("int $2");
	guest_state_exit_irqoff();
	return failed;
}

/* SS.DPL is the CPL: SDM Vol. 3, "Guest Register State". */
static u8 guest_cpl(void)
{
	return (kev_vmread_32(GUEST_SS_AR_BYTES) & KEV_SEG_DPL) >> 5;
}

/*
 * #AC that the guest has not asked for: the host detects locks that cross a
 * cache line. SDM Vol. 3, "Alignment-Check Exception (#AC)"
 */
static bool is_split_lock(struct kev_vmx_vcpu *vmx, u8 vector)
{
	if (vector != X86_TRAP_AC || !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT))
		return false;
	return guest_cpl() != 3 || !(kev_vmx_read_cr(&vmx->vcpu, 0) & X86_CR0_AM) ||
	       !(kev_vmread_natural(GUEST_RFLAGS) & X86_EFLAGS_AC);
}

/*
 * The step of the instruction behind STI or MOV SS: with TF set and blocking in
 * place, an entry wants to see it pending. SDM Vol. 3, "Checks on Guest
 * Non-Register State"
 */
static void keep_step_pending(void)
{
	if ((kev_vmread_natural(GUEST_RFLAGS) & X86_EFLAGS_TF) &&
	    (kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) &
	     (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)))
		kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS,
				    kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

static u8 instruction_length(void)
{
	return min_t(u32, kev_vmread_32(VM_EXIT_INSTRUCTION_LEN), KEV_INSN_MAX_LENGTH);
}

static void decode_exception(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	u32 info = kev_vmread_32(VM_EXIT_INTR_INFO);

	if (is_nmi(info)) {
		if (kev_vmx_perf_switches)
			kev_vmx_perf_to_guest(vmx);
		exit->event = KEV_EV_NMI;
		return;
	}

	exit->exception.vector = info & INTR_INFO_VECTOR_MASK;
	exit->exception.has_error = info & INTR_INFO_DELIVER_CODE_MASK;
	exit->exception.error = 0;
	if (exit->exception.has_error)
		exit->exception.error = kev_vmread_32(VM_EXIT_INTR_ERROR_CODE);

	kev_vmx_keep_event(vmx);
	if (exit->exception.vector == X86_TRAP_MC) {
		exit->event = KEV_EV_MACHINE_CHECK;
		kev_machine_check();
		return;
	}
	/* With #DF the bit says nothing. */
	if ((info & INTR_INFO_UNBLOCK_NMI) && exit->exception.vector != X86_TRAP_DF)
		kev_vmx_block_nmi_again(vmx);
	exit->exception.split_lock = is_split_lock(vmx, exit->exception.vector);
	exit->exception.rip = kev_vmread_natural(GUEST_RIP);
	if (exit->exception.vector == X86_TRAP_DB)
		exit->exception.dr6 = kev_vmx_decode_debug(vmx);
	else if (exit->exception.vector == X86_TRAP_PF)
		exit->exception.cr2 = kev_vmread_natural(EXIT_QUALIFICATION);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_SOFT_EXCEPTION)
		exit->instruction_length = instruction_length();
	/* INT1 is delivered behind itself; a hardware exception is injected in its place. */
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION)
		kev_vmx_advance(&vmx->vcpu, kev_vmread_32(VM_EXIT_INSTRUCTION_LEN));
	else if (exit->exception.vector == X86_TRAP_DB)
		keep_step_pending();
}

static __always_inline void decode_memory(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	u64 qualification = kev_vmread_natural(EXIT_QUALIFICATION);
	struct kev_qual_ept qual = kev_qual_decode_ept(qualification);

	vmx->qualification = qualification;
	exit->memory.access = qual.access;
	exit->memory.gva_valid = qual.gva_valid;
	exit->memory.operand = qual.gva_valid && qual.translated;
	exit->memory.gva = 0;
	if (likely(qual.gva_valid))
		exit->memory.gva = kev_vmread_natural(GUEST_LINEAR_ADDRESS);
	exit->memory.gpa = kev_vmread_64(GUEST_PHYSICAL_ADDRESS);
	if (unlikely(kev_vmread_32(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK)) {
		kev_vmx_keep_event(vmx);
		exit->memory.operand = false;
	}
	if (unlikely(qual.nmi_unblocked))
		kev_vmx_block_nmi_again(vmx);
}

static __always_inline void decode_io(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	u64 qualification = kev_vmread_natural(EXIT_QUALIFICATION);
	struct kev_qual_io qual = kev_qual_decode_io(qualification);

	vmx->qualification = qualification;
	exit->io.port = qual.port;
	exit->io.width = qual.width;
	exit->io.in = qual.in;
	exit->io.string = qual.string;
}

static void decode_cr(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	struct kev_qual_cr qual = kev_qual_decode_cr(kev_vmread_natural(EXIT_QUALIFICATION));

	BUILD_BUG_ON((int)KEV_CR_WRITE != (int)KEV_QUAL_CR_WRITE ||
		     (int)KEV_CR_LMSW != (int)KEV_QUAL_CR_LMSW);
	exit->cr.reg = qual.cr;
	exit->cr.op = qual.kind;
	exit->cr.gpr = qual.gpr;
	exit->cr.value = qual.lmsw_source;
	exit->cr.long_mode = kev_vmx_code64(vmx);
}

static void decode_hlt(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	unsigned long rflags = kev_vmread_natural(GUEST_RFLAGS);

	exit->hlt.interruptible = rflags & X86_EFLAGS_IF;
	exit->hlt.stepped = rflags & X86_EFLAGS_TF || vmx->vcpu.debug.flags & KEV_DEBUG_STEP;
	exit->hlt.nmi_blocked = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

static void decode_dr(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	struct kev_qual_dr qual = kev_qual_decode_dr(kev_vmread_natural(EXIT_QUALIFICATION));

	exit->dr.reg = qual.dr;
	exit->dr.gpr = qual.gpr;
	exit->dr.read = qual.read;
	exit->dr.cpl = guest_cpl();
	exit->dr.long_mode = kev_vmx_code64(vmx);
	exit->dr.extensions = kev_vmx_read_cr(&vmx->vcpu, 4) & X86_CR4_DE;
}

/* SDM Vol. 3, "Notification", exit qualification: bit 0, VM context invalid */
static void decode_notify(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	exit->notify.invalid = kev_vmread_natural(EXIT_QUALIFICATION) & BIT(0);
	kev_vmx_keep_event(vmx);
}

/* The entry has failed, and this is what the exit is for. */
static noinline void decode_failed_entry(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	exit->event = KEV_EV_ENTRY_FAILED;
	exit->instruction_length = 0;
	exit->entry.instruction_error = 0;
	if ((vmx->exit_reason & EXIT_REASON_BASIC) == EXIT_REASON_MCE_DURING_VMENTRY)
		kev_machine_check();
}

/* Any exit but those that decode() looks for first */
static noinline void decode_other(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	u32 basic = vmx->exit_reason & EXIT_REASON_BASIC;
	const struct kev_vmx_reason *reason;

	exit->event = KEV_EV_OTHER;
	exit->instruction_length = 0;
	if (unlikely(basic >= KEV_VMX_NR_REASONS))
		return;

	reason = &kev_vmx_reasons[basic];
	exit->event = reason->event;
	if (reason->instruction)
		exit->instruction_length = instruction_length();

	switch (exit->event) {
	case KEV_EV_EXCEPTION:
		decode_exception(vmx, exit);
		break;
	case KEV_EV_CR:
		decode_cr(vmx, exit);
		break;
	case KEV_EV_HYPERCALL:
		exit->hypercall.cpl = guest_cpl();
		exit->hypercall.long_mode = kev_vmx_code64(vmx);
		break;
	case KEV_EV_HLT:
		decode_hlt(vmx, exit);
		break;
	case KEV_EV_DR:
		decode_dr(vmx, exit);
		break;
	case KEV_EV_RDTSC:
		exit->rdtsc.aux = basic == EXIT_REASON_RDTSCP;
		break;
	case KEV_EV_INVLPG:
		exit->invlpg.pcid = basic == EXIT_REASON_INVPCID;
		break;
	case KEV_EV_MISCONFIGURED:
		exit->memory.gpa = kev_vmread_64(GUEST_PHYSICAL_ADDRESS);
		kev_vmx_keep_event(vmx);
		break;
	case KEV_EV_NOTIFY:
		decode_notify(vmx, exit);
		break;
	/*
	 * By an instruction or by an event and a task gate. SDM Vol. 3, "VM-Exit Instruction
	 * Length": undefined for an event that is no software interrupt or exception
	 */
	case KEV_EV_TASK_SWITCH:
		kev_vmx_keep_event(vmx);
		if (vmx->event_info && !vmx->event_length)
			exit->instruction_length = 0;
		break;
	/* A log that is full: the event comes again. */
	case KEV_EV_OTHER:
		kev_vmx_keep_event(vmx);
		break;
	case KEV_EV_APIC_WRITE:
		exit->apic_offset = kev_qual_decode_apic(kev_vmread_natural(EXIT_QUALIFICATION));
		break;
	/* It is open: nobody need be told again. */
	case KEV_EV_INTERRUPT_WINDOW:
		kev_vmx_set_proc(vmx, KEV_PROC_INTERRUPT_WINDOW, false);
		break;
	case KEV_EV_NMI_WINDOW:
		kev_vmx_set_proc(vmx, KEV_PROC_NMI_WINDOW, false);
		break;
	default:
		break;
	}
}

/* What exits most at this level goes first. */
static __always_inline void decode(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	/* A failed entry leaves the launch state clear. */
	if (unlikely(vmx->exit_reason & EXIT_REASON_FAILED_ENTRY)) {
		decode_failed_entry(vmx, exit);
		return;
	}
	vmx->launched = true;
	switch (vmx->exit_reason) {
	case EXIT_REASON_IO_INSTRUCTION:
		exit->event = KEV_EV_IO;
		exit->instruction_length = instruction_length();
		decode_io(vmx, exit);
		break;
	case EXIT_REASON_EPT_VIOLATION:
		exit->event = KEV_EV_MEMORY;
		exit->instruction_length = 0;
		decode_memory(vmx, exit);
		/* What answers it reads page tables, files and whatever it copies. */
		vmx->due |= kev_vmx_l1d_due;
		break;
	default:
		decode_other(vmx, exit);
		break;
	}
}

/**
 * kev_vmx_prepare() - do what the next entry needs, by @vmx->due
 * @vmx: armed, about to enter
 *
 * Context: IRQs off.
 * Return: false: there must not be one.
 */
bool kev_vmx_prepare(struct kev_vmx_vcpu *vmx)
{
	if (vmx->due & KEV_DUE_USER_MSRS)
		kev_vmx_user_msrs_load(vmx);
	if (vmx->due & KEV_DUE_FLUSH_L1D)
		kev_vmx_l1d_flush(vmx);
	if (vmx->due & KEV_DUE_TIMER)
		kev_vmx_write_timer(vmx);
	if (vmx->due & KEV_DUE_SHADOW)
		kev_vmx_look_at_shadow(vmx);
	return !(vmx->due & KEV_DUE_BROKEN);
}

/* No exit at all */
static noinline void entry_failed(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	vmx->exit_reason = EXIT_REASON_FAILED_ENTRY;
	exit->entry.instruction_error = kev_vmread_32(VM_INSTRUCTION_ERROR);
	exit->event = KEV_EV_ENTRY_FAILED;
	exit->instruction_length = 0;
}

/* An entry for one instruction: what is watched for is every exit. */
static noinline void enter_watched(struct kev_vmx_vcpu *vmx, struct kev_exit *exit)
{
	enum kev_watch watch;
	unsigned int failed;

	vmx->quick = 0;
	vmx->verdict = KEV_PASS;
	failed = enter_and_exit(vmx);
	watch = kev_vmx_unwatch(vmx);
	if (unlikely(failed != KEV_VMX_ENTERED)) {
		entry_failed(vmx, exit);
		return;
	}
	decode(vmx, exit);
	kev_vmx_decode_step(vmx, watch, exit);
}

/**
 * kev_vmx_enter() - run the guest until an exit that is not answered on the spot
 * @vcpu: armed
 * @exit: written
 *
 * Context: IRQs off. An NMI or a machine check that ended the guest has been
 * handed to the host when this returns; an interrupt is still pending.
 * Return: KEV_PASS, or the verdict on @exit of a handler of the quick level.
 */
enum kev_verdict kev_vmx_enter(struct kev_vcpu *vcpu, struct kev_exit *exit)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	vmx->at.valid = false;
	if (unlikely(vmx->native || vcpu->debug.flags & KEV_DEBUG_STEP))
		kev_vmx_watch(vmx);
	if (unlikely(vmx->event_info))
		kev_vmx_write_event(vmx);
	if (unlikely(vmx->due) && !kev_vmx_prepare(vmx)) {
		exit->event = KEV_EV_BROKEN;
		return KEV_PASS;
	}
	if (unlikely(vmx->watch)) {
		enter_watched(vmx, exit);
		return KEV_PASS;
	}
	/* What is traced is every exit; a quick one goes on by VMRESUME. */
	vmx->quick = vcpu->quick;
	if (unlikely(!vmx->launched || kev_trace_wants_exits()))
		vmx->quick = 0;

	if (unlikely(enter_and_exit(vmx) != KEV_VMX_ENTERED)) {
		entry_failed(vmx, exit);
		return KEV_PASS;
	}
	decode(vmx, exit);
	return vmx->verdict;
}

/* The event that has caused the exit, or the one whose delivery it has cut off */
static void frame_event(struct kev_run *run)
{
	u32 idt_info = kev_vmread_32(IDT_VECTORING_INFO_FIELD);
	u32 intr_info = kev_vmread_32(VM_EXIT_INTR_INFO);

	run->intr_info = intr_info;
	run->idt_vectoring_info = idt_info;
	if (idt_info & VECTORING_INFO_VALID_MASK) {
		run->flags |= KEV_RUN_EVENT_DELIVERY;
		if (idt_info & VECTORING_INFO_DELIVER_CODE_MASK)
			run->idt_vectoring_error = kev_vmread_32(IDT_VECTORING_ERROR_CODE);
	}
	if ((intr_info & INTR_INFO_VALID_MASK) && (intr_info & INTR_INFO_DELIVER_CODE_MASK))
		run->intr_error = kev_vmread_32(VM_EXIT_INTR_ERROR_CODE);
}

/* What the CPU says of any exit but those whose decoding has said it */
static noinline void frame_other(struct kev_vmx_vcpu *vmx, struct kev_run *run)
{
	u32 basic = vmx->exit_reason & EXIT_REASON_BASIC;
	/* Other exits leave what an earlier one wrote there. */
	bool memory = vmx->vcpu.exit.event == KEV_EV_MEMORY || basic == EXIT_REASON_EPT_MISCONFIG;

	run->exit_qualification = kev_vmread_natural(EXIT_QUALIFICATION);
	run->guest_linear = memory ? kev_vmread_natural(GUEST_LINEAR_ADDRESS) : 0;
	run->guest_physical = memory ? kev_vmread_64(GUEST_PHYSICAL_ADDRESS) : 0;
	if (vmx->exit_reason & EXIT_REASON_FAILED_ENTRY)
		run->flags |= KEV_RUN_ENTRY_FAILED;
	/* An instruction's exit has no event, and needs no look, but for a task gate's. */
	if (basic >= KEV_VMX_NR_REASONS || !kev_vmx_reasons[basic].instruction ||
	    basic == EXIT_REASON_TASK_SWITCH)
		frame_event(run);
}

static __always_inline void frame_where(struct kev_vmx_vcpu *vmx, struct kev_run *run)
{
	run->interruptibility = vmx->at.blocking;
	run->rip = vmx->at.rip;
	run->rflags = vmx->at.rflags;
	run->cr3 = vmx->at.cr3;
}

/* Both at once: what has just been read need not be loaded again. */
static __always_inline void look_for_frame(struct kev_vmx_vcpu *vmx, struct kev_run *run)
{
	vmx->at.valid = true;
	vmx->at.blocking = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO);
	run->interruptibility = vmx->at.blocking;
	vmx->at.rip = kev_vmread_natural(GUEST_RIP);
	run->rip = vmx->at.rip;
	vmx->at.rflags = kev_vmread_natural(GUEST_RFLAGS);
	run->rflags = vmx->at.rflags;
	vmx->at.cr3 = kev_vmread_natural(GUEST_CR3);
	run->cr3 = vmx->at.cr3;
}

/**
 * kev_vmx_exit_info() - what the last exit was, for who traces it
 * @vcpu: armed, after an exit
 * @info: written
 *
 * Context: IRQs off.
 */
void kev_vmx_exit_info(struct kev_vcpu *vcpu, struct kev_exit_info *info)
{
	const u32 has_error = INTR_INFO_VALID_MASK | INTR_INFO_DELIVER_CODE_MASK;

	info->reason = kev_to_vmx(vcpu)->exit_reason;
	info->rip = kev_vmread_natural(GUEST_RIP);
	info->info1 = kev_vmread_natural(EXIT_QUALIFICATION);
	info->info2 = kev_vmread_32(IDT_VECTORING_INFO_FIELD);
	info->intr_info = kev_vmread_32(VM_EXIT_INTR_INFO);
	info->error_code = 0;
	if ((info->intr_info & has_error) == has_error)
		info->error_code = kev_vmread_32(VM_EXIT_INTR_ERROR_CODE);
}

/**
 * kev_vmx_frame() - the raw part of a report
 * @vcpu: loaded
 * @run: all fields from exit_reason to cr4 are written but for the instruction's bytes;
 *	bits are added to flags
 *
 * Context: IRQs off. The exit information stays in the VMCS until the next entry.
 */
void kev_vmx_frame(struct kev_vcpu *vcpu, struct kev_run *run)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	u32 reason = vmx->exit_reason;

	run->exit_reason = reason & EXIT_REASON_BASIC;
	run->exit_reason_raw = reason;
	run->instruction_length = vcpu->exit.instruction_length;
	run->intr_info = 0;
	run->intr_error = 0;
	run->idt_vectoring_info = 0;
	run->idt_vectoring_error = 0;
	/* Of these much is known: of other exits nothing but an instruction's has no event. */
	if (vcpu->exit.event == KEV_EV_IO) {
		run->exit_qualification = vmx->qualification;
		run->guest_linear = 0;
		run->guest_physical = 0;
	} else if (vcpu->exit.event == KEV_EV_MEMORY && !vmx->event_info) {
		run->exit_qualification = vmx->qualification;
		run->guest_linear = vcpu->exit.memory.gva;
		run->guest_physical = vcpu->exit.memory.gpa;
	} else {
		frame_other(vmx, run);
	}

	if (vmx->at.valid)
		frame_where(vmx, run);
	else
		look_for_frame(vmx, run);
	run->guest_interrupt_status = kev_vmx_interrupt_status(vmx);
	memcpy(run->gpr, vcpu->gpr, KEV_RSP * sizeof(u64));
	run->gpr[KEV_RSP] = kev_vmread_natural(GUEST_RSP);
	memcpy(&run->gpr[KEV_RSP + 1], &vcpu->gpr[KEV_RSP + 1],
	       (KEV_NR_GPRS - KEV_RSP - 1) * sizeof(u64));
	run->cr0 = kev_vmx_read_cr(vcpu, 0);
	run->cr2 = vcpu->cr2;
	run->cr4 = kev_vmx_read_cr(vcpu, 4);
}
