/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Basic exit reasons: SDM Vol. 3, appendix C. Pure.
 */
#ifndef _KEV_VMX_REASONS_H
#define _KEV_VMX_REASONS_H

#include <kev/pure.h>

/**
 * struct kev_vmx_reason - one basic exit reason
 * @name: as in the SDM; NULL for a number that it does not define
 * @event: enum kev_event
 * @instruction: the exit is an instruction's, and the VM-exit instruction
 *	length says how far RIP goes on
 */
struct kev_vmx_reason {
	const char *name;
	u8 event;
	bool instruction;
};

/* One above the greatest number that the SDM defines */
#define KEV_VMX_NR_REASONS	86

extern const struct kev_vmx_reason kev_vmx_reasons[KEV_VMX_NR_REASONS];

#endif /* _KEV_VMX_REASONS_H */
