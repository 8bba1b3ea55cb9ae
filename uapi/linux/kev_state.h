/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The state of a vCPU, in groups: KEV_VCPU_GET_STATE and KEV_VCPU_SET_STATE. Part of
 * <linux/kev.h>, which programs include.
 */
#ifndef _UAPI_LINUX_KEV_STATE_H
#define _UAPI_LINUX_KEV_STATE_H

#include <linux/const.h>
#include <linux/types.h>
#include <linux/kev_run.h>

/**
 * struct kev_gprs - state group KEV_STATE_GPRS
 * @gpr: by enum kev_gpr; RSP included
 * @rip: instruction pointer
 * @rflags: flags
 */
struct kev_gprs {
	__u64 gpr[KEV_NR_GPRS];
	__u64 rip;
	__u64 rflags;
};

/* kev_segment.access: SDM Vol. 3, "Guest Register State", access-rights format */
#define KEV_SEG_TYPE		0x000fU
#define KEV_SEG_S		0x0010U
#define KEV_SEG_DPL		0x0060U
#define KEV_SEG_P		0x0080U
#define KEV_SEG_AVL		0x1000U
#define KEV_SEG_L		0x2000U
#define KEV_SEG_DB		0x4000U
#define KEV_SEG_G		0x8000U
#define KEV_SEG_UNUSABLE	0x10000U

struct kev_segment {
	__u64 base;
	__u32 limit;
	__u32 access;
	__u16 selector;
	__u16 reserved[3];
};

struct kev_table {
	__u64 base;
	__u16 limit;
	__u16 reserved[3];
};

/* struct kev_segments - state group KEV_STATE_SEGMENTS */
struct kev_segments {
	struct kev_segment cs, ds, es, fs, gs, ss, tr, ldtr;
	struct kev_table gdt, idt;
};

/**
 * struct kev_controls - state group KEV_STATE_CONTROLS
 * @cr0: as the guest reads it
 * @cr2: page-fault address
 * @cr3: page-table base
 * @cr4: as the guest reads it
 * @efer: IA32_EFER
 * @xcr0: XCR0; 1 where the guest has no XSAVE
 * @dr7: debug control
 */
struct kev_controls {
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 efer;
	__u64 xcr0;
	__u64 dr7;
};

/* struct kev_msrs - state group KEV_STATE_MSRS, by their names in the SDM, Vol. 4 */
struct kev_msrs {
	__u64 star;
	__u64 lstar;
	__u64 cstar;
	__u64 sfmask;
	__u64 kernel_gs_base;
	__u64 tsc_aux;
	__u64 sysenter_cs;
	__u64 sysenter_esp;
	__u64 sysenter_eip;
	__u64 pat;
	__u64 apic_base;
	__u64 misc_enable;
};

/* struct kev_debug_registers - state group KEV_STATE_DEBUG; DR7 is in struct kev_controls */
struct kev_debug_registers {
	__u64 dr[4];
	__u64 dr6;
};

/* kev_interrupts.interruptibility: SDM Vol. 3, "Guest Non-Register State" */
#define KEV_BLOCKED_BY_STI	_BITUL(0)
#define KEV_BLOCKED_BY_MOV_SS	_BITUL(1)
#define KEV_BLOCKED_BY_NMI	_BITUL(3)

/* kev_interrupts.external */
#define KEV_EXTERNAL_WAITS	_BITUL(8)

/**
 * struct kev_interrupts - state group KEV_STATE_INTERRUPTS
 * @event: the event that the next entry delivers: an exception that waits, or one whose
 *	delivery an exit has cut off; 0 for none. Format: SDM Vol. 3, "VM-Entry Controls
 *	for Event Injection", interruption-information field
 * @event_error: its error code, where it has one
 * @event_length: instruction length of a software interrupt or exception
 * @interruptibility: KEV_BLOCKED_BY_*
 * @nmis: NMIs that wait, 0 to 2
 * @external: KEV_EXTERNAL_WAITS and the vector of KEV_VCPU_INTERRUPT, or 0
 * @pending_debug: pending debug exceptions
 */
struct kev_interrupts {
	__u32 event;
	__u32 event_error;
	__u32 event_length;
	__u32 interruptibility;
	__u32 nmis;
	__u32 external;
	__u64 pending_debug;
};

/* kev_apic_state.lvt */
enum kev_apic_lvt {
	KEV_LVT_TIMER, KEV_LVT_THERMAL, KEV_LVT_PERFORMANCE, KEV_LVT_LINT0, KEV_LVT_LINT1,
	KEV_LVT_ERROR, KEV_NR_LVTS
};

/**
 * struct kev_apic_state - state group KEV_STATE_APIC: SDM Vol. 3, chapter "APIC"
 * @id: APIC id; SET wants the vCPU's
 * @tpr: task priority
 * @ldr: logical destination; in x2APIC mode what follows from the id
 * @dfr: destination format of xAPIC mode
 * @svr: spurious-interrupt vector
 * @esr: error status; in bits 15:8 what the next write to it will show
 * @lvt: local vector table, by enum kev_apic_lvt
 * @initial_count: timer
 * @divide: timer
 * @icr: interrupt command, the destination in bits 63:32
 * @timer_deadline: guest's TSC at which the timer fires next, 0 for never
 * @isr: interrupts in service
 * @tmr: of these and of those requested, level-triggered ones
 * @irr: interrupts requested
 *
 * Enabled or not, and the mode, are in kev_msrs.apic_base.
 */
struct kev_apic_state {
	__u32 id;
	__u32 tpr;
	__u32 ldr;
	__u32 dfr;
	__u32 svr;
	__u32 esr;
	__u32 lvt[KEV_NR_LVTS];
	__u32 initial_count;
	__u32 divide;
	__u64 icr;
	__u64 timer_deadline;
	__u32 isr[8];
	__u32 tmr[8];
	__u32 irr[8];
};

enum kev_mp {
	KEV_MP_RUNNABLE = 0,
	KEV_MP_HALTED = 1,		/* behind an HLT */
	KEV_MP_WAIT_FOR_SIPI = 2,	/* an AP, or after INIT */
};

/**
 * struct kev_mp_state - state group KEV_STATE_MP
 * @state: enum kev_mp
 * @init: 1: an INIT waits
 * @sipi: 0x100 and the vector of a SIPI that waits, or 0
 * @reserved: 0
 */
struct kev_mp_state {
	__u32 state;
	__u32 init;
	__u32 sipi;
	__u32 reserved;
};

/**
 * struct kev_time - state group KEV_STATE_TIME
 * @tsc_offset: guest's TSC minus the host's
 * @tsc_adjust: IA32_TSC_ADJUST
 * @system_time: KVM's clock page, as written to MSR 0x4b564d01
 * @wall_clock: KVM's wall clock, as written to MSR 0x4b564d00
 */
struct kev_time {
	__u64 tsc_offset;
	__u64 tsc_adjust;
	__u64 system_time;
	__u64 wall_clock;
};

#define KEV_STATE_GPRS		_BITUL(0)
#define KEV_STATE_SEGMENTS	_BITUL(1)
#define KEV_STATE_CONTROLS	_BITUL(2)
#define KEV_STATE_MSRS		_BITUL(3)
#define KEV_STATE_DEBUG		_BITUL(4)
#define KEV_STATE_INTERRUPTS	_BITUL(5)
#define KEV_STATE_APIC		_BITUL(6)
#define KEV_STATE_MP		_BITUL(7)
#define KEV_STATE_TIME		_BITUL(8)
#define KEV_STATE_XSAVE		_BITUL(9)
#define KEV_STATE_MSR_VALUES	_BITUL(10)
#define KEV_STATE_ALL		0x7ffU

#define KEV_PROBLEM_LEN		48

/**
 * struct kev_vcpu_state - KEV_VCPU_GET_STATE, KEV_VCPU_SET_STATE
 * @size: in: sizeof(struct kev_vcpu_state)
 * @groups: in: KEV_STATE_*: the groups to get or set, not 0
 * @gprs: in or out
 * @segments: in or out
 * @controls: in or out
 * @msrs: in or out
 * @debug: in or out
 * @interrupts: in or out
 * @apic: in or out
 * @mp: in or out
 * @time: in or out
 * @xsave: in: with KEV_STATE_XSAVE: user address of an XSAVE image in standard format
 * @xsave_size: in: its bytes, kev_query.xsave_size
 * @reserved: in: 0
 * @msr_values: in: with KEV_STATE_MSR_VALUES: user address of what the MSRs hold that are
 *	KEV_MSR_VALUE in the VM, 8 bytes each, in ascending order of their indices
 * @nr_msr_values: in: how many the VM's policy has
 * @reserved2: in: 0
 * @problem: out: SET that failed with -EINVAL: the field that will not do and why,
 *	NUL-terminated; empty where no field is to blame
 *
 * KEV_STATE_MSR_VALUES with the right number makes the VM's policy final, as the first RUN does.
 *
 * Groups that are not named are neither read nor, on GET, filled: they come
 * back as they were sent. SET checks the state that the vCPU would have with the new
 * groups as a VM entry does, and changes nothing if the entry would fail: registers that
 * depend on each other are set together.
 */
struct kev_vcpu_state {
	__u32 size;
	__u32 groups;
	struct kev_gprs gprs;
	struct kev_segments segments;
	struct kev_controls controls;
	struct kev_msrs msrs;
	struct kev_debug_registers debug;
	struct kev_interrupts interrupts;
	struct kev_apic_state apic;
	struct kev_mp_state mp;
	struct kev_time time;
	__u64 xsave;
	__u32 xsave_size;
	__u32 reserved;
	__u64 msr_values;
	__u32 nr_msr_values;
	__u32 reserved2;
	char problem[KEV_PROBLEM_LEN];
};

#endif /* _UAPI_LINUX_KEV_STATE_H */
