// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that are answered right behind the exit, before the entry code has gone back to
 * its caller: those that guests make most, where nothing is unusual about them.
 *
 * Whatever is unusual leaves the entry code. kev_vmx_enter() then either finds an exit like
 * any other, or the verdict of the handler that has run here.
 *
 * The guest's CR2 stays in the CPU meanwhile, and context tracking stays in guest mode.
 * What could fault, be traced, or read under RCU runs between begin_host() and end_host().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/context_tracking.h>
#include <asm/processor-flags.h>
#include <kev/compat.h>
#include <kev/quick.h>

#include "context.h"
#include "vmx.h"

static __always_inline void begin_host(struct kev_vmx_vcpu *vmx)
{
	vmx->vcpu.cr2 = native_read_cr2();
	guest_state_exit_irqoff();
	instrumentation_begin();
}

static __always_inline void end_host(struct kev_vmx_vcpu *vmx)
{
	instrumentation_end();
	kev_vmx_guest_state_enter();
	if (unlikely(native_read_cr2() != vmx->vcpu.cr2))
		native_write_cr2(READ_ONCE(vmx->vcpu.cr2));
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

static noinstr struct kev_vmx_vcpu *leave(struct kev_vmx_vcpu *vmx, enum kev_verdict verdict)
{
	vmx->verdict = verdict;
	return NULL;
}

/* Before an entry something is to be looked at: is it nothing but ours? */
static noinstr struct kev_vmx_vcpu *look_around(struct kev_vmx_vcpu *vmx)
{
	bool go_on;

	begin_host(vmx);
	go_on = !READ_ONCE(vmx->vcpu.requests) && !__xfer_to_guest_mode_work_pending() &&
		kev_vmx_prepare(vmx);
	end_host(vmx);
	return go_on ? vmx : leave(vmx, KEV_RETRY);
}

static __always_inline struct kev_vmx_vcpu *enter_again(struct kev_vmx_vcpu *vmx)
{
	if (unlikely(READ_ONCE(vmx->vcpu.requests) | vmx->due |
		     (read_thread_flags() & XFER_TO_GUEST_MODE_WORK)))
		return look_around(vmx);
	return vmx;
}

/* The instruction is done: the guest goes on behind it. */
static __always_inline struct kev_vmx_vcpu *resume(struct kev_vmx_vcpu *vmx,
						   enum kev_event event)
{
	kev_quick_count(&vmx->vcpu, event);
	if (unlikely(!advance()))
		return leave(vmx, KEV_RESUME);
	return enter_again(vmx);
}

/* The handler has another verdict, with the host's state as begin_host() left it. */
static noinstr struct kev_vmx_vcpu *no_resume(struct kev_vmx_vcpu *vmx, enum kev_event event,
					      enum kev_verdict verdict)
{
	if (verdict != KEV_PASS)
		kev_quick_count(&vmx->vcpu, event);
	end_host(vmx);
	return leave(vmx, verdict);
}

/* The same of an access to an MSR; in the host */
static noinstr struct kev_vmx_vcpu *no_access(struct kev_vmx_vcpu *vmx, enum kev_event event,
					      int ret)
{
	enum kev_verdict verdict = kev_msr_verdict(&vmx->vcpu, event == KEV_EV_WRMSR, ret);

	return no_resume(vmx, event, verdict);
}

static noinstr struct kev_vmx_vcpu *call_rdmsr(struct kev_vmx_vcpu *vmx)
{
	int ret;

	begin_host(vmx);
	ret = kev_quick_rdmsr(&vmx->vcpu);
	if (unlikely(ret))
		return no_access(vmx, KEV_EV_RDMSR, ret);
	end_host(vmx);
	return resume(vmx, KEV_EV_RDMSR);
}

static noinstr struct kev_vmx_vcpu *exit_rdmsr(struct kev_vmx_vcpu *vmx)
{
	bool found;

	guest_state_exit_irqoff();
	found = kev_quick_rdmsr_field(&vmx->vcpu);
	kev_vmx_guest_state_enter();
	return likely(found) ? resume(vmx, KEV_EV_RDMSR) : call_rdmsr(vmx);
}

static noinstr struct kev_vmx_vcpu *exit_wrmsr(struct kev_vmx_vcpu *vmx)
{
	int ret;

	begin_host(vmx);
	ret = kev_quick_wrmsr(&vmx->vcpu);
	if (unlikely(ret))
		return no_access(vmx, KEV_EV_WRMSR, ret);
	end_host(vmx);
	return resume(vmx, KEV_EV_WRMSR);
}

/* From privilege level 0, which is that of SS. SDM Vol. 3, "Guest Register State" */
static noinstr struct kev_vmx_vcpu *exit_vmcall(struct kev_vmx_vcpu *vmx)
{
	enum kev_verdict verdict;

	if (unlikely(kev_vmread_unchecked(GUEST_SS_AR_BYTES) & KEV_SEG_DPL))
		return leave(vmx, KEV_PASS);
	begin_host(vmx);
	verdict = vmx->vcpu.quick_call(&vmx->vcpu);
	if (unlikely(verdict != KEV_RESUME))
		return no_resume(vmx, KEV_EV_HYPERCALL, verdict);
	end_host(vmx);
	return resume(vmx, KEV_EV_HYPERCALL);
}

/*
 * A first touch of memory. An event whose delivery it has cut off has to be delivered again,
 * and NMIs that an IRET has unblocked too early to be blocked: not here.
 */
static noinstr struct kev_vmx_vcpu *exit_memory(struct kev_vmx_vcpu *vmx)
{
	struct kev_qual_ept qual =
		kev_qual_decode_ept(kev_vmread_unchecked(EXIT_QUALIFICATION));
	bool made;

	if (unlikely(qual.nmi_unblocked ||
		     kev_vmread_unchecked(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK))
		return leave(vmx, KEV_PASS);
	begin_host(vmx);
	made = kev_quick_memory(&vmx->vcpu, kev_vmread_unchecked(GUEST_PHYSICAL_ADDRESS),
				qual.access);
	end_host(vmx);
	if (!made)
		return leave(vmx, KEV_PASS);
	kev_quick_count(&vmx->vcpu, KEV_EV_MEMORY);
	return enter_again(vmx);
}

/**
 * kev_vmx_exited() - answer an exit on the spot, if that can be done
 * @vmx: the vCPU
 *
 * Context: armed, IRQs off, between an exit and the next entry; noinstr. An NMI may have
 * ended the guest, and has not been handed over yet.
 * Return: @vmx, to enter the guest again; NULL: kev_vmx_enter() sees to it.
 */
noinstr struct kev_vmx_vcpu *kev_vmx_exited(struct kev_vmx_vcpu *vmx)
{
	u32 reason = kev_vmread_unchecked(VM_EXIT_REASON);

	vmx->exit_reason = reason;
	if (reason == EXIT_REASON_VMCALL && vmx->quick & BIT(KEV_EV_HYPERCALL))
		return exit_vmcall(vmx);
	if (reason == EXIT_REASON_CPUID && vmx->quick & BIT(KEV_EV_CPUID) &&
	    likely(kev_quick_cpuid(&vmx->vcpu)))
		return resume(vmx, KEV_EV_CPUID);
	if (reason == EXIT_REASON_MSR_READ && vmx->quick & BIT(KEV_EV_RDMSR))
		return exit_rdmsr(vmx);
	if (reason == EXIT_REASON_MSR_WRITE && vmx->quick & BIT(KEV_EV_WRMSR))
		return exit_wrmsr(vmx);
	if (reason == EXIT_REASON_EPT_VIOLATION && vmx->quick & BIT(KEV_EV_MEMORY))
		return exit_memory(vmx);
	return leave(vmx, KEV_PASS);
}
