/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel is told when a guest begins.
 */
#ifndef _KEV_VMX_CONTEXT_H
#define _KEV_VMX_CONTEXT_H

#include <linux/context_tracking.h>
#include <linux/irqflags.h>
#include <linux/kvm_host.h>

/*
 * As guest_state_enter_irqoff(), but without a note to RCU for each entry: the
 * run loop gives it one for each host interrupt.
 */
static __always_inline void kev_vmx_guest_state_enter(void)
{
	instrumentation_begin();
	trace_hardirqs_on_prepare();
	lockdep_hardirqs_on_prepare();
	instrumentation_end();
	if (context_tracking_enabled())
		context_tracking_guest_enter();
	lockdep_hardirqs_on(CALLER_ADDR0);
}

#endif /* _KEV_VMX_CONTEXT_H */
