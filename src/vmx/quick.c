// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that are answered right behind the exit, before the entry code has gone back to
 * its caller: those that guests make most, where nothing is unusual about them.
 *
 * Whatever is unusual leaves the entry code. kev_vmx_enter() then either finds an exit like
 * any other, or the verdict of the handler that has run here.
 *
 * The guest's CR2 stays in the CPU meanwhile: what could fault or be traced runs between
 * begin_host() and end_host().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/context_tracking.h>
#include <asm/processor-flags.h>
#include <kev/compat.h>
#include <kev/quick.h>

#include "context.h"
#include "vmx.h"

/* Of a code segment's access rights: SDM Vol. 3, "Code- and Data-Segment Descriptor Types" */
#define CONFORMING	BIT(2)

static __always_inline void begin_host(struct kev_vmx_vcpu *vmx)
{
	vmx->vcpu.cr2 = native_read_cr2();
	instrumentation_begin();
}

static __always_inline void restore_cr2(struct kev_vmx_vcpu *vmx)
{
	if (unlikely(native_read_cr2() != vmx->vcpu.cr2))
		native_write_cr2(READ_ONCE(vmx->vcpu.cr2));
}

static __always_inline void end_host(struct kev_vmx_vcpu *vmx)
{
	instrumentation_end();
	restore_cr2(vmx);
}

/* The vCPU, behind a call: to read it again is shorter than to keep it in a register. */
static __always_inline struct kev_vmx_vcpu *current_vmx(void)
{
	return raw_cpu_read(kev_vmx_cpu.current_vcpu);
}

/* An instruction is shorter than 16 bytes: zero in these bits of RIP where its lower half wraps */
#define LOWER_HALF_BUT_LENGTH	GENMASK(31, 4)

/*
 * As kev_vmx_advance(), where RIP is all that changes: no blocking by STI or MOV SS ends, no
 * single step is due, RFLAGS.RF is clear, and the lower half of RIP does not wrap.
 */
static __always_inline bool advance(void)
{
	u64 length = kev_vmread_unchecked(VM_EXIT_INSTRUCTION_LEN);
	u64 rip = kev_vmread_unchecked(GUEST_RIP) + length;

	if (unlikely(!(rip & LOWER_HALF_BUT_LENGTH)))
		return false;
	if (unlikely(kev_vmread_unchecked(GUEST_INTERRUPTIBILITY_INFO) &
		     (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)))
		return false;
	if (unlikely(kev_vmread_unchecked(GUEST_RFLAGS) & (X86_EFLAGS_TF | X86_EFLAGS_RF)))
		return false;
	kev_vmwrite_unchecked(GUEST_RIP, rip);
	return true;
}

/* Which event it is that a reason here stands for: that of kev_vmx_reasons, at compile time */
static __always_inline enum kev_event event_of(u32 reason)
{
	switch (reason) {
	case EXIT_REASON_CPUID:
		return KEV_EV_CPUID;
	case EXIT_REASON_VMCALL:
		return KEV_EV_HYPERCALL;
	case EXIT_REASON_MSR_READ:
		return KEV_EV_RDMSR;
	case EXIT_REASON_MSR_WRITE:
		return KEV_EV_WRMSR;
	default:
		return KEV_EV_MEMORY;
	}
}

/* kev_vmx_enter() sees to the exit, or to what the verdict on it calls for. */
static noinstr bool leave(struct kev_vmx_vcpu *vmx, u32 reason, enum kev_verdict verdict)
{
	vmx->exit_reason = reason;
	vmx->verdict = verdict;
	return false;
}

/* Before an entry something is to be looked at: is it nothing but ours? */
static noinstr bool look_around(struct kev_vmx_vcpu *vmx, u32 reason)
{
	bool go_on;

	begin_host(vmx);
	go_on = !READ_ONCE(vmx->vcpu.requests) && !__xfer_to_guest_mode_work_pending() &&
		kev_vmx_prepare(vmx);
	end_host(vmx);
	return go_on || leave(vmx, reason, KEV_RETRY);
}

static __always_inline bool enter_again(struct kev_vmx_vcpu *vmx, u32 reason)
{
	if (unlikely(READ_ONCE(vmx->vcpu.requests) | vmx->due |
		     (read_thread_flags() & XFER_TO_GUEST_MODE_WORK)))
		return look_around(vmx, reason);
	return true;
}

/* The instruction is done: the guest goes on behind it. */
static __always_inline bool resume(struct kev_vmx_vcpu *vmx, u32 reason)
{
	kev_quick_count(&vmx->vcpu, event_of(reason));
	if (unlikely(!advance()))
		return leave(vmx, reason, KEV_RESUME);
	return enter_again(vmx, reason);
}

/* Another verdict */
static noinstr bool no_resume(struct kev_vmx_vcpu *vmx, u32 reason, enum kev_verdict verdict)
{
	if (verdict != KEV_PASS)
		kev_quick_count(&vmx->vcpu, event_of(reason));
	return leave(vmx, reason, verdict);
}

/* What a handler of an MSR has said, between begin_host() and end_host() */
static __always_inline enum kev_verdict verdict_of(int ret, bool write)
{
	return likely(!ret) ? KEV_RESUME : kev_msr_verdict(&current_vmx()->vcpu, write, ret);
}

/* One whose handler is called */
static noinstr bool call_rdmsr(struct kev_vmx_vcpu *vmx, const struct kev_msr_ops *ops)
{
	enum kev_verdict verdict;

	begin_host(vmx);
	verdict = verdict_of(kev_quick_rdmsr(&vmx->vcpu, ops), false);
	vmx = current_vmx();
	end_host(vmx);
	if (unlikely(verdict != KEV_RESUME))
		return no_resume(vmx, EXIT_REASON_MSR_READ, verdict);
	return resume(vmx, EXIT_REASON_MSR_READ);
}

static __always_inline bool exit_rdmsr(struct kev_vmx_vcpu *vmx)
{
	const struct kev_msr_ops *ops = kev_quick_msr(&vmx->vcpu);

	if (unlikely(!ops->field))
		return call_rdmsr(vmx, ops);
	kev_quick_put_msr(&vmx->vcpu, *kev_msr_field(&vmx->vcpu, ops));
	return resume(vmx, EXIT_REASON_MSR_READ);
}

static __always_inline bool exit_wrmsr(struct kev_vmx_vcpu *vmx)
{
	enum kev_verdict verdict;

	begin_host(vmx);
	verdict = verdict_of(kev_quick_wrmsr(&vmx->vcpu), true);
	vmx = current_vmx();
	end_host(vmx);
	if (unlikely(verdict != KEV_RESUME))
		return no_resume(vmx, EXIT_REASON_MSR_WRITE, verdict);
	return resume(vmx, EXIT_REASON_MSR_WRITE);
}

/*
 * 64-bit code of privilege level 0. What CS says of the level holds where its code does not
 * conform: SDM Vol. 3, "Checks on Guest Segment Registers". CS.L counts in IA-32e mode.
 */
static __always_inline bool is_kernel_code64(const struct kev_vmx_vcpu *vmx)
{
	u64 access = kev_vmread_unchecked(GUEST_CS_AR_BYTES);

	return (access & (KEV_SEG_L | KEV_SEG_DPL | CONFORMING)) == KEV_SEG_L &&
	       vmx->efer & EFER_LMA;
}

static __always_inline bool exit_vmcall(struct kev_vmx_vcpu *vmx)
{
	enum kev_verdict verdict;

	if (unlikely(!is_kernel_code64(vmx)))
		return leave(vmx, EXIT_REASON_VMCALL, KEV_PASS);
	begin_host(vmx);
	verdict = vmx->vcpu.quick_call(&vmx->vcpu);
	vmx = current_vmx();
	end_host(vmx);
	if (unlikely(verdict != KEV_RESUME))
		return no_resume(vmx, EXIT_REASON_VMCALL, verdict);
	return resume(vmx, EXIT_REASON_VMCALL);
}

/*
 * A first touch of memory. An event whose delivery it has cut off has to be delivered again,
 * and NMIs that an IRET has unblocked too early to be blocked: not here.
 */
static noinstr bool exit_memory(struct kev_vmx_vcpu *vmx)
{
	struct kev_qual_ept qual;
	u32 kind;

	if (!vmx->vcpu.stock.nr)
		return leave(vmx, EXIT_REASON_EPT_VIOLATION, KEV_PASS);
	qual = kev_qual_decode_ept(kev_vmread_unchecked(EXIT_QUALIFICATION));
	if (unlikely(qual.nmi_unblocked ||
		     kev_vmread_unchecked(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK))
		return leave(vmx, EXIT_REASON_EPT_VIOLATION, KEV_PASS);
	begin_host(vmx);
	kind = kev_quick_memory(&vmx->vcpu, kev_vmread_unchecked(GUEST_PHYSICAL_ADDRESS),
				qual.access);
	vmx = current_vmx();
	end_host(vmx);
	if (!kind)
		return leave(vmx, EXIT_REASON_EPT_VIOLATION, KEV_PASS);
	kev_quick_count(&vmx->vcpu, KEV_EV_MEMORY);
	/* A page of RAM was cleared before it waited here: nothing was read but kev's own. */
	if (kind != KEV_REGION_RAM)
		vmx->due |= kev_vmx_l1d_due;
	return enter_again(vmx, EXIT_REASON_EPT_VIOLATION);
}

static __always_inline bool answers(const struct kev_vmx_vcpu *vmx, u32 reason)
{
	return vmx->quick & BIT(event_of(reason));
}

static __always_inline bool answer(struct kev_vmx_vcpu *vmx, u32 reason)
{
	if (reason == EXIT_REASON_VMCALL && answers(vmx, EXIT_REASON_VMCALL))
		return exit_vmcall(vmx);
	if (reason == EXIT_REASON_CPUID && answers(vmx, EXIT_REASON_CPUID) &&
	    likely(kev_quick_cpuid(&vmx->vcpu)))
		return resume(vmx, EXIT_REASON_CPUID);
	if (reason == EXIT_REASON_MSR_READ && answers(vmx, EXIT_REASON_MSR_READ))
		return exit_rdmsr(vmx);
	if (reason == EXIT_REASON_MSR_WRITE && answers(vmx, EXIT_REASON_MSR_WRITE))
		return exit_wrmsr(vmx);
	if (reason == EXIT_REASON_EPT_VIOLATION && answers(vmx, EXIT_REASON_EPT_VIOLATION))
		return exit_memory(vmx);
	return leave(vmx, reason, KEV_PASS);
}

/*
 * The kernel wants to know when it is in the guest: nohz_full, or lockdep. What it does then may
 * be traced, has to wait for the hand-over of an NMI, and may fault: CR2 is the host's meanwhile.
 */
static noinstr bool answer_tracked(struct kev_vmx_vcpu *vmx, u32 reason)
{
	bool again;

	if (reason == EXIT_REASON_EXCEPTION_NMI)
		return leave(vmx, reason, KEV_PASS);
	vmx->vcpu.cr2 = native_read_cr2();
	guest_state_exit_irqoff();
	restore_cr2(vmx);
	again = answer(vmx, reason);
	vmx->vcpu.cr2 = native_read_cr2();
	kev_vmx_guest_state_enter();
	restore_cr2(vmx);
	return again;
}

/**
 * kev_vmx_exited() - answer an exit on the spot, if that can be done
 * @vmx: the vCPU
 * @reason: as the VMCS has it
 *
 * Context: armed, IRQs off, between an exit and the next entry; noinstr. An NMI may have
 * ended the guest, and has not been handed over yet.
 * Return: true: the guest is to be entered again; false: kev_vmx_enter() sees to the exit.
 */
noinstr bool kev_vmx_exited(struct kev_vmx_vcpu *vmx, u32 reason)
{
	if (IS_ENABLED(CONFIG_TRACE_IRQFLAGS) || context_tracking_enabled())
		return answer_tracked(vmx, reason);
	return answer(vmx, reason);
}
