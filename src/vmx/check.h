/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Would the CPU enter a guest in this state. Pure.
 */
#ifndef _KEV_VMX_CHECK_H
#define _KEV_VMX_CHECK_H

#include <kev/cr.h>
#include <kev/problem.h>
#include <kev/pure.h>

/* Fields of struct kev_vmx_guest that kev has, and not the guest */
#define KEV_VMX_NO_LINK		(~0ULL)

/**
 * struct kev_vmx_guest - guest state as a VM entry finds it in the VMCS
 * @cr0: what the CPU gets, not what the guest reads; so with @cr4
 * @cr3: page-table base
 * @cr4: see @cr0
 * @efer: IA32_EFER
 * @dr7: debug control
 * @debugctl: IA32_DEBUGCTL
 * @pat: IA32_PAT
 * @sysenter_esp: IA32_SYSENTER_ESP
 * @sysenter_eip: IA32_SYSENTER_EIP
 * @segments: all of them, GDTR and IDTR
 * @rip: instruction pointer
 * @rflags: flags
 * @activity: activity state: 0 active, 1 HLT, 2 shutdown, 3 wait-for-SIPI
 * @interruptibility: blocking by STI, MOV SS, SMI, NMI
 * @pending_debug: pending debug exceptions
 * @link: VMCS link pointer
 * @pdpte: with PAE paging: page-directory-pointer entries
 * @event: VM-entry interruption information
 * @event_error: its error code
 * @event_length: its instruction length
 * @ia32e: VM-entry control "IA-32e mode guest"
 * @unrestricted: secondary control "unrestricted guest"
 * @virtual_nmis: pin-based control
 * @activities: bit n: the CPU supports activity state n
 * @cr0_fixed0: bits that have to be 1
 * @cr0_fixed1: bits that can be 1; so the next two for CR4
 * @cr4_fixed0: see there
 * @cr4_fixed1: see there
 * @phys_bits: width of a physical address
 * @linear_bits: width of the CPU's linear addresses, with or without CR4.LA57: SDM Vol. 1,
 *	"Canonical Addressing"
 */
struct kev_vmx_guest {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 dr7;
	u64 debugctl;
	u64 pat;
	u64 sysenter_esp;
	u64 sysenter_eip;
	struct kev_segments segments;
	u64 rip;
	u64 rflags;
	u32 activity;
	u32 interruptibility;
	u64 pending_debug;
	u64 link;
	u64 pdpte[KEV_NR_PDPTES];
	u32 event;
	u32 event_error;
	u32 event_length;
	bool ia32e;
	bool unrestricted;
	bool virtual_nmis;
	u32 activities;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	u32 phys_bits;
	u32 linear_bits;
};

/**
 * kev_vmx_check() - SDM Vol. 3, "Checks on the Guest State Area"
 * @guest: see there
 * @problem: written when this returns false: the first field in the SDM's order that
 *	will not do
 *
 * With "Checks on VM-Entry Control Fields" as far as they are about the event that the
 * entry delivers. What the SDM leaves to the processor is refused, and so is what kev
 * never lets a guest have: SMM, enclaves, a VMCS link.
 *
 * Context: Any.
 * Return: true if the entry does not fail for it.
 */
bool kev_vmx_check(const struct kev_vmx_guest *guest, struct kev_problem *problem);

#endif /* _KEV_VMX_CHECK_H */
