// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMX-preemption timer: it ends the guest's stay at a deadline, without an
 * interrupt of the host's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/minmax.h>
#include <asm/msr.h>

#include "vmx.h"

/**
 * kev_vmx_set_deadline() - watch for a time while the guest runs
 * @vcpu: armed
 * @deadline: host's TSC
 *
 * Each entry counts down to it anew. What the CPU saves of the count at an exit is
 * not looked at.
 *
 * Context: IRQs off. SDM Vol. 3, "VMX-Preemption Timer"
 * Return: false if this CPU cannot, or not for so long; then nothing is watched.
 */
bool kev_vmx_set_deadline(struct kev_vcpu *vcpu, u64 deadline)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	/* In what MWAIT makes of the CPU the timer need not count. */
	if (!kev_vmx_config.preemption_timer || vcpu->vm->passes & KEV_INTERCEPT_MWAIT ||
	    kev_vmx_timer_value(rdtsc(), deadline, kev_vmx_config.timer_shift) > U32_MAX) {
		kev_vmx_clear_deadline(vcpu);
		return false;
	}
	vmx->deadline = deadline;
	vmx->due |= KEV_DUE_TIMER;
	kev_vmx_set_pin(vmx, KEV_PIN_PREEMPTION_TIMER, true);
	return true;
}

/**
 * kev_vmx_clear_deadline() - the opposite of kev_vmx_set_deadline()
 * @vcpu: armed
 *
 * Context: IRQs off.
 */
void kev_vmx_clear_deadline(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	vmx->due &= ~KEV_DUE_TIMER;
	kev_vmx_set_pin(vmx, KEV_PIN_PREEMPTION_TIMER, false);
}

/**
 * kev_vmx_write_timer() - start the count for the entry that follows
 * @vmx: armed, with a deadline, about to enter
 *
 * Context: IRQs off.
 */
void kev_vmx_write_timer(struct kev_vmx_vcpu *vmx)
{
	u64 value = kev_vmx_timer_value(rdtsc(), vmx->deadline, kev_vmx_config.timer_shift);

	kev_vmwrite_32(VMX_PREEMPTION_TIMER_VALUE, min_t(u64, value, U32_MAX));
}
