/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the entry code in assembly and its caller in C agree on.
 */
#ifndef _KEV_VMX_FRAME_H
#define _KEV_VMX_FRAME_H

/* struct kev_vmx_frame */
#define KEV_VMX_FRAME_HOST_RSP	0
#define KEV_VMX_FRAME_SPEC_CTRL	8

/* struct kev_vmx_vcpu */
#define KEV_VMX_VCPU_GPR	0

/* Return values of kev_vmx_enter_guest() */
#define KEV_VMX_ENTERED		0
#define KEV_VMX_FAILED		1	/* a VMLAUNCH or VMRESUME failed */

#ifndef __ASSEMBLY__

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct kev_vmx_vcpu;

/**
 * struct kev_vmx_frame - host values that an entry and an exit need
 * @host_rsp: what HOST_RSP holds now
 * @spec_ctrl: host's IA32_SPEC_CTRL
 */
struct kev_vmx_frame {
	u64 host_rsp;
	u64 spec_ctrl;
};

static_assert(offsetof(struct kev_vmx_frame, host_rsp) == KEV_VMX_FRAME_HOST_RSP);
static_assert(offsetof(struct kev_vmx_frame, spec_ctrl) == KEV_VMX_FRAME_SPEC_CTRL);

/**
 * kev_vmx_enter_guest() - VM entries, until an exit that kev_vmx_exited() does not finish
 * @vmx: of its 16 general registers all are switched but RSP
 * @frame: host values
 * @launched: VMRESUME; otherwise VMLAUNCH, and VMRESUME from then on
 *
 * Context: armed, IRQs off; noinstr.
 * Return: KEV_VMX_ENTERED or KEV_VMX_FAILED.
 */
unsigned int kev_vmx_enter_guest(struct kev_vmx_vcpu *vmx, struct kev_vmx_frame *frame,
				 bool launched);

/* Where VM exits land: HOST_RIP */
void kev_vmx_exit(void);

/* After each exit: quick.c */
bool kev_vmx_exited(struct kev_vmx_vcpu *vmx, u32 reason);

#endif /* __ASSEMBLY__ */

#endif /* _KEV_VMX_FRAME_H */
