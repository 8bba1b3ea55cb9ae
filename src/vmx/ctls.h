/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMX capabilities and what kev makes of them. Pure.
 *
 * Bits and names: SDM Vol. 3, chapter "Virtual Machine Control Structures";
 * capability MSRs: appendix A, "VMX Capability Reporting Facility".
 */
#ifndef _KEV_VMX_CTLS_H
#define _KEV_VMX_CTLS_H

#include <kev/pure.h>

/* Pin-based VM-execution controls */
#define KEV_PIN_EXTERNAL_INTERRUPT	BIT(0)
#define KEV_PIN_NMI			BIT(3)
#define KEV_PIN_VIRTUAL_NMIS		BIT(5)
#define KEV_PIN_PREEMPTION_TIMER	BIT(6)

/* Primary processor-based VM-execution controls */
#define KEV_PROC_INTERRUPT_WINDOW	BIT(2)
#define KEV_PROC_TSC_OFFSETTING		BIT(3)
#define KEV_PROC_HLT			BIT(7)
#define KEV_PROC_INVLPG			BIT(9)
#define KEV_PROC_MWAIT			BIT(10)
#define KEV_PROC_RDPMC			BIT(11)
#define KEV_PROC_RDTSC			BIT(12)
#define KEV_PROC_CR3_LOAD		BIT(15)
#define KEV_PROC_CR3_STORE		BIT(16)
#define KEV_PROC_TERTIARY		BIT(17)
#define KEV_PROC_CR8_LOAD		BIT(19)
#define KEV_PROC_CR8_STORE		BIT(20)
#define KEV_PROC_TPR_SHADOW		BIT(21)
#define KEV_PROC_NMI_WINDOW		BIT(22)
#define KEV_PROC_MOV_DR			BIT(23)
#define KEV_PROC_UNCONDITIONAL_IO	BIT(24)
#define KEV_PROC_IO_BITMAPS		BIT(25)
#define KEV_PROC_MONITOR_TRAP		BIT(27)
#define KEV_PROC_MSR_BITMAPS		BIT(28)
#define KEV_PROC_MONITOR		BIT(29)
#define KEV_PROC_PAUSE			BIT(30)
#define KEV_PROC_SECONDARY		BIT(31)

/* Secondary processor-based VM-execution controls */
#define KEV_PROC2_APIC_ACCESSES		BIT(0)
#define KEV_PROC2_EPT			BIT(1)
#define KEV_PROC2_DESCRIPTOR_TABLE	BIT(2)
#define KEV_PROC2_RDTSCP		BIT(3)
#define KEV_PROC2_X2APIC		BIT(4)
#define KEV_PROC2_VPID			BIT(5)
#define KEV_PROC2_WBINVD		BIT(6)
#define KEV_PROC2_UNRESTRICTED		BIT(7)
#define KEV_PROC2_APIC_REGISTERS	BIT(8)
#define KEV_PROC2_VIRTUAL_INTERRUPTS	BIT(9)
#define KEV_PROC2_PAUSE_LOOP		BIT(10)
#define KEV_PROC2_RDRAND		BIT(11)
#define KEV_PROC2_INVPCID		BIT(12)
#define KEV_PROC2_VMFUNC		BIT(13)
#define KEV_PROC2_VMCS_SHADOWING	BIT(14)
#define KEV_PROC2_ENCLS			BIT(15)
#define KEV_PROC2_RDSEED		BIT(16)
#define KEV_PROC2_EPT_VE		BIT(18)
#define KEV_PROC2_CONCEAL_PT		BIT(19)
#define KEV_PROC2_MODE_BASED_EXECUTE	BIT(22)
#define KEV_PROC2_SUB_PAGE_WRITE	BIT(23)
#define KEV_PROC2_PT_GUEST_PHYSICAL	BIT(24)
#define KEV_PROC2_TSC_SCALING		BIT(25)
#define KEV_PROC2_USER_WAIT		BIT(26)

/* Primary VM-exit controls */
#define KEV_VMEXIT_SAVE_DEBUG		BIT(2)
#define KEV_VMEXIT_HOST_64		BIT(9)
#define KEV_VMEXIT_LOAD_PERF_GLOBAL	BIT(12)
#define KEV_VMEXIT_ACK_INTERRUPT	BIT(15)
#define KEV_VMEXIT_SAVE_PAT		BIT(18)
#define KEV_VMEXIT_LOAD_PAT		BIT(19)
#define KEV_VMEXIT_SAVE_EFER		BIT(20)
#define KEV_VMEXIT_LOAD_EFER		BIT(21)
#define KEV_VMEXIT_SAVE_TIMER		BIT(22)
#define KEV_VMEXIT_CLEAR_BNDCFGS	BIT(23)
#define KEV_VMEXIT_CONCEAL_PT		BIT(24)
#define KEV_VMEXIT_CLEAR_RTIT_CTL	BIT(25)
#define KEV_VMEXIT_CLEAR_LBR_CTL	BIT(26)
#define KEV_VMEXIT_LOAD_CET		BIT(28)
#define KEV_VMEXIT_LOAD_PKRS		BIT(29)
#define KEV_VMEXIT_SAVE_PERF_GLOBAL	BIT(30)
#define KEV_VMEXIT_SECONDARY		BIT(31)

/* VM-entry controls */
#define KEV_VMENTRY_LOAD_DEBUG		BIT(2)
#define KEV_VMENTRY_IA32E_GUEST		BIT(9)	/* dynamic: EFER.LMA of the guest */
#define KEV_VMENTRY_SMM			BIT(10)
#define KEV_VMENTRY_DUAL_MONITOR	BIT(11)
#define KEV_VMENTRY_LOAD_PERF_GLOBAL	BIT(13)
#define KEV_VMENTRY_LOAD_PAT		BIT(14)
#define KEV_VMENTRY_LOAD_EFER		BIT(15)
#define KEV_VMENTRY_LOAD_BNDCFGS	BIT(16)
#define KEV_VMENTRY_CONCEAL_PT		BIT(17)
#define KEV_VMENTRY_LOAD_RTIT_CTL	BIT(18)
#define KEV_VMENTRY_LOAD_CET		BIT(20)
#define KEV_VMENTRY_LOAD_LBR_CTL	BIT(21)
#define KEV_VMENTRY_LOAD_PKRS		BIT(22)

/**
 * struct kev_vmx_caps - what the CPU says
 * @cpu_vmx: CPUID.1:ECX.VMX, from the instruction
 * @kernel_vmx: the kernel's own flag of the same name, which it clears where firmware has not
 *	locked VMX on for the way in which it was launched: inside or outside of SMX
 * @signature: CPUID.1:EAX, for what is broken in some models
 * @feature_control: IA32_FEATURE_CONTROL
 * @basic: IA32_VMX_BASIC
 * @pin: IA32_VMX_PINBASED_CTLS
 * @proc: IA32_VMX_PROCBASED_CTLS
 * @proc2: IA32_VMX_PROCBASED_CTLS2; 0 if bit 63 of @proc is clear: the MSR does not exist
 * @exit: IA32_VMX_EXIT_CTLS
 * @entry: IA32_VMX_ENTRY_CTLS
 * @true_pin: IA32_VMX_TRUE_PINBASED_CTLS, as the next three 0 if bit 55 of @basic is clear
 * @true_proc: IA32_VMX_TRUE_PROCBASED_CTLS
 * @true_exit: IA32_VMX_TRUE_EXIT_CTLS
 * @true_entry: IA32_VMX_TRUE_ENTRY_CTLS
 * @misc: IA32_VMX_MISC
 * @cr0_fixed0: IA32_VMX_CR0_FIXED0
 * @cr0_fixed1: IA32_VMX_CR0_FIXED1
 * @cr4_fixed0: IA32_VMX_CR4_FIXED0
 * @cr4_fixed1: IA32_VMX_CR4_FIXED1
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP; 0 if @proc2 offers neither EPT nor VPID
 *
 * Without @cpu_vmx nothing else is looked at, without VMX in @feature_control nothing below it.
 */
struct kev_vmx_caps {
	bool cpu_vmx;
	bool kernel_vmx;
	u32 signature;
	u64 feature_control;
	u64 basic;
	u64 pin;
	u64 proc;
	u64 proc2;
	u64 exit;
	u64 entry;
	u64 true_pin;
	u64 true_proc;
	u64 true_exit;
	u64 true_entry;
	u64 misc;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	u64 ept_vpid;
};

/**
 * struct kev_vmx_config - how kev uses this CPU
 * @pin: controls to write to the VMCS, as the next four
 * @proc: primary; a VM may add KEV_PROC_* of @proc_allowed
 * @proc2: secondary
 * @exit: VM-exit controls
 * @entry: VM-entry controls, without KEV_VMENTRY_IA32E_GUEST
 * @proc_allowed: primary controls that can be 1 (interrupt window, PAUSE, monitor trap, ...)
 * @proc2_allowed: secondary controls that can be 1
 * @basic: IA32_VMX_BASIC, which is the same on every CPU
 * @revision: VMCS revision identifier
 * @cr0_fixed0: CR0 bits that are 1 in the guest; without PE and PG if @unrestricted
 * @cr0_fixed1: CR0 bits that can be 1
 * @cr4_fixed0: CR4 bits that are 1 in VMX operation, in the guest too
 * @cr4_fixed1: CR4 bits that can be 1
 * @timer_shift: the preemption timer counts once per TSC >> this
 * @unrestricted: on: the guest may be unpaged or in real mode
 * @vpid: on, and INVVPID can flush one VPID or all
 * @rdtscp: on
 * @invpcid: on
 * @encls: on: ENCLS exits, by a bitmap of its functions
 * @ept_ad: EPT accessed and dirty bits can be used
 * @ept_2m: EPT leaves of 2 MiB can be used
 * @ept_1g: EPT leaves of 1 GiB can be used
 * @ept_xo: EPT leaves can be execute-only
 * @invept_single: INVEPT of one EPTP; this or @invept_global is there
 * @invept_global: INVEPT of all
 * @invvpid_single: INVVPID of one VPID
 * @invvpid_global: INVVPID of all VPIDs
 * @activity_hlt: the activity state HLT exists
 * @preemption_timer: offered and not broken; a vCPU turns it on while it has a deadline
 * @tsc_scaling: offered, not on
 * @tpr_shadow: offered, and exits for CR8 can be off; on after kev_vmx_config_choose()
 * @x2apic: x2APIC mode can be virtualised, as far as @tpr_shadow reaches; a vCPU turns
 *	it on in that mode
 * @apicv: with @x2apic, APIC registers and virtual-interrupt delivery are offered; a
 *	vCPU turns them on in that mode
 */
struct kev_vmx_config {
	u32 pin;
	u32 proc;
	u32 proc2;
	u32 exit;
	u32 entry;
	u32 proc_allowed;
	u32 proc2_allowed;
	u64 basic;
	u32 revision;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	u32 timer_shift;
	bool unrestricted;
	bool vpid;
	bool rdtscp;
	bool invpcid;
	bool encls;
	bool ept_ad;
	bool ept_2m;
	bool ept_1g;
	bool ept_xo;
	bool invept_single;
	bool invept_global;
	bool invvpid_single;
	bool invvpid_global;
	bool activity_hlt;
	bool preemption_timer;
	bool tsc_scaling;
	bool tpr_shadow;
	bool x2apic;
	bool apicv;
};

/**
 * struct kev_vmx_choice - what may be used of what is offered
 * @ept_ad: EPT accessed and dirty bits
 * @tpr_shadow: as the next two, see struct kev_vmx_config
 * @apicv: wants @tpr_shadow
 * @preemption_timer: the VMX-preemption timer
 */
struct kev_vmx_choice {
	bool ept_ad;
	bool tpr_shadow;
	bool apicv;
	bool preemption_timer;
};

/**
 * struct kev_vmx_missing - why a CPU will not do
 * @field: the MSR or the CPUID register that says so
 * @control: the control or feature, as the SDM calls it; "reserved control N" for
 *	one that has no name here
 * @why: "is not offered", "cannot be off", ...: "@field: @control @why" is a sentence
 *
 * All three are constant strings.
 */
struct kev_vmx_missing {
	const char *field;
	const char *control;
	const char *why;
};

/**
 * struct kev_vmx_want - what kev wants of one field of controls
 * @required: has to be 1
 * @optional: 1 where the CPU lets it
 * @dynamic: has to be able to be 1 and to be 0: off, until a vCPU needs it
 * @default1: the default1 class without the controls that kev knows: 1 where the
 *	CPU lets it, as SDM Vol. 3, appendix A.2 advises for what one does not know
 *
 * Everything else has to be 0.
 */
struct kev_vmx_want {
	u32 required;
	u32 optional;
	u32 default1;
	u32 dynamic;
};

/**
 * kev_vmx_ctl_compute() - one field of controls
 * @cap: capability MSR: bits that have to be 1 below, bits that can be 1 above
 * @want: what kev wants
 * @out: written on success
 * @missing: written on failure: the bit that will not do, one bit, the lowest
 * @why: written on failure: as in struct kev_vmx_missing
 *
 * Context: Any.
 * Return: 0; -EOPNOTSUPP a required control cannot be 1, an unwanted one
 * cannot be 0, or the MSR contradicts itself.
 */
int kev_vmx_ctl_compute(u64 cap, const struct kev_vmx_want *want, u32 *out, u32 *missing,
			const char **why);

/**
 * kev_vmx_config_compute() - from capabilities to a configuration
 * @caps: what the CPU says
 * @cfg: written on success
 * @missing: written on failure
 *
 * Context: Any.
 * Return: 0, or -EOPNOTSUPP.
 */
int kev_vmx_config_compute(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg,
			   struct kev_vmx_missing *missing);

/**
 * kev_vmx_config_choose() - leave out of a configuration what is not wanted
 * @cfg: from kev_vmx_config_compute(); what is left of the TPR shadow is on afterwards
 * @choice: what may be used
 *
 * Context: Any.
 */
void kev_vmx_config_choose(struct kev_vmx_config *cfg, const struct kev_vmx_choice *choice);

/**
 * kev_vmx_timer_value() - what to count down from for an exit at a deadline
 * @now: TSC at the entry
 * @deadline: TSC
 * @shift: kev_vmx_config.timer_shift: the timer counts when bit @shift of the TSC changes
 *
 * Never early, and late by less than 1 << @shift. SDM Vol. 3, "VMX-Preemption Timer"
 *
 * Context: Any.
 * Return: 0 for a deadline that has passed; more than 32 bits are too many for the timer.
 */
static inline u64 kev_vmx_timer_value(u64 now, u64 deadline, u32 shift)
{
	u64 last = deadline >> shift;

	if (deadline <= now)
		return 0;
	if (deadline & ((1ULL << shift) - 1))
		last++;
	return last - (now >> shift);
}

#endif /* _KEV_VMX_CTLS_H */
