/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM exit as the core sees it, and the verdicts that handlers give.
 */
#ifndef _KEV_EXIT_H
#define _KEV_EXIT_H

#include <linux/kev.h>
#include <kev/pure.h>

struct kev_vcpu;

/* What the guest or the CPU wants; the backend maps its exit reasons to these. */
enum kev_event {
	KEV_EV_OTHER = 0,	/* nothing in kev handles it: reported */
	KEV_EV_INTERRUPT,	/* a host interrupt is pending */
	KEV_EV_NMI,		/* a host NMI came; the backend has handed it over */
	KEV_EV_MACHINE_CHECK,
	KEV_EV_EXCEPTION,	/* a guest exception that kev intercepts */
	KEV_EV_ENTRY_FAILED,	/* the CPU refused the entry */
	KEV_EV_BROKEN,		/* an instruction of the backend failed */
	KEV_EV_SHUTDOWN,	/* triple fault */
	KEV_EV_CPUID,
	KEV_EV_RDMSR,
	KEV_EV_WRMSR,
	KEV_EV_HYPERCALL,
	KEV_EV_HLT,
	KEV_EV_IO,
	KEV_EV_MEMORY,		/* second-level fault */
	KEV_EV_CR,		/* access to a control register */
	KEV_EV_XSETBV,
	KEV_EV_UNDEFINED,	/* an instruction that this guest does not have: #UD */
	KEV_EV_PRIVILEGED,	/* an instruction that this guest may not use: #GP(0) */
	KEV_EV_INTERRUPT_WINDOW,	/* the guest can take an external interrupt now */
	KEV_EV_NMI_WINDOW,	/* the guest can take an NMI now */
	KEV_EV_TIMER,		/* the time that the backend was to watch for has come */
	KEV_EV_DR,		/* MOV to or from a debug register */
	KEV_EV_RDTSC,		/* RDTSC, RDTSCP */
	KEV_EV_RDPMC,
	KEV_EV_INVLPG,		/* INVLPG, INVPCID */
	KEV_EV_WBINVD,		/* WBINVD, WBNOINVD, INVD */
	KEV_EV_PAUSE,
	KEV_EV_MWAIT,		/* MONITOR, MWAIT */
	KEV_EV_DESCRIPTOR,	/* access to GDTR, IDTR, LDTR or TR */
	KEV_EV_RDRAND,		/* RDRAND, RDSEED */
	KEV_EV_TASK_SWITCH,
	KEV_EV_MISCONFIGURED,	/* a second-level entry that the hardware does not understand */
	KEV_EV_BUS_LOCK,
	KEV_EV_STEP,		/* an instruction is done: one that was watched for */
	KEV_EV_NOTIFY,		/* no interrupt window for too long */
	KEV_EV_EOI,		/* the hardware has ended an interrupt, kev wants to know */
	KEV_EV_APIC_WRITE,	/* the hardware has written a register of the local APIC */
	KEV_EV_TPR,		/* the task priority went below what kev waits for */
	KEV_NR_EVENTS
};

/* kev_exit.cr.op */
enum kev_cr_op {
	KEV_CR_WRITE = 0,
	KEV_CR_READ = 1,
	KEV_CR_CLTS = 2,
	KEV_CR_LMSW = 3,
};

/**
 * struct kev_exit - one VM exit, decoded by the backend
 * @event: enum kev_event
 * @instruction_length: bytes to advance RIP by, 0 where the exit is no instruction
 * @memory: for KEV_EV_MEMORY; @memory.operand: the access was made by the instruction at
 *	RIP, to an operand of its own: not by a walk through paging structures, nor by the
 *	delivery of an event
 * @io: for KEV_EV_IO
 * @cr: for KEV_EV_CR; @cr.value is LMSW's operand
 * @exception: for KEV_EV_EXCEPTION; @exception.dr6: for #DB, bits of DR6 that say why;
 *	@exception.cr2: for #PF. INT3 and INTO have an @instruction_length
 * @entry: for KEV_EV_ENTRY_FAILED
 * @hypercall: for KEV_EV_HYPERCALL
 * @hlt: for KEV_EV_HLT; @hlt.interruptible: an external interrupt ends it;
 *	@hlt.stepped: its own single step does; @hlt.nmi_blocked: an NMI does not
 * @apic_offset: for KEV_EV_APIC_WRITE: of the register in its page
 * @dr: for KEV_EV_DR; @dr.extensions: CR4.DE
 * @rdtsc: for KEV_EV_RDTSC; @rdtsc.aux: RDTSCP
 * @invlpg: for KEV_EV_INVLPG; @invlpg.pcid: INVPCID
 * @step: for KEV_EV_STEP; @step.breakpoints: of a debugger, that the instruction has met,
 *	as bits of DR6; @step.guest: bits of DR6 of a #DB of the guest that came with it
 * @notify: for KEV_EV_NOTIFY; @notify.invalid: the guest's state is lost
 */
struct kev_exit {
	u8 event;
	u8 instruction_length;
	union {
		struct {
			u64 gpa;
			u64 gva;
			u32 access;	/* KEV_MEM_* */
			bool gva_valid;
			bool operand;
		} memory;
		struct {
			u16 port;
			u8 width;
			bool in;
			bool string;
		} io;
		struct {
			u8 reg;		/* 0, 3, 4 or 8 */
			u8 op;		/* enum kev_cr_op */
			u8 gpr;		/* enum kev_gpr */
			bool long_mode;	/* all 64 bits of it count */
			u16 value;
		} cr;
		struct {
			u8 vector;
			bool has_error;
			bool split_lock;	/* #AC for the host's sake, not the guest's */
			u32 error;
			u64 rip;
			union {
				u64 dr6;
				u64 cr2;
			};
		} exception;
		struct {
			u32 instruction_error;
		} entry;
		struct {
			u8 cpl;
			bool long_mode;	/* all 64 bits of registers count */
		} hypercall;
		struct {
			bool interruptible;
			bool stepped;
			bool nmi_blocked;
		} hlt;
		u16 apic_offset;
		struct {
			u8 reg;		/* 0 to 7 */
			u8 gpr;		/* enum kev_gpr */
			u8 cpl;
			bool read;
			bool long_mode;	/* all 64 bits of @gpr count */
			bool extensions;
		} dr;
		struct {
			bool aux;
		} rdtsc;
		struct {
			bool pcid;
		} invlpg;
		struct {
			u64 breakpoints;
			u64 guest;
		} step;
		struct {
			bool invalid;
		} notify;
	};
};

/* What a handler has decided. RIP moves in one place, after the verdict. */
enum kev_verdict {
	KEV_RESUME = 0,	/* done: RIP goes behind the instruction */
	KEV_RETRY,	/* the same instruction again */
	KEV_INJECT,	/* an exception is queued for the guest */
	KEV_REPORT,	/* to user space; kev_run is filled */
	KEV_EXIT,	/* the VM ends with a code */
	KEV_FAIL,	/* mine, and it failed: the VM ends with an errno */
	KEV_PASS,	/* not mine, or not at this level: ask the next */
	KEV_KICKED,	/* not done: on with it, after a kick or a signal at the next RUN */
};

typedef enum kev_verdict (*kev_exit_handler)(struct kev_vcpu *vcpu, const struct kev_exit *exit);

/**
 * struct kev_exit_ops - who answers one kind of event
 * @name: for humans
 * @counter: offset in struct kev_vcpu_stats of the number that it is told in
 * @intercept: KEV_INTERCEPT_* that gives it to user space, or 0
 * @fast: with IRQs off and the hardware state loaded; NULL goes straight to @slow
 * @slow: after put, IRQs and preemption on; may sleep; NULL reports the exit
 */
struct kev_exit_ops {
	const char *name;
	u32 counter;
	u64 intercept;
	kev_exit_handler fast;
	kev_exit_handler slow;
};

extern const struct kev_exit_ops kev_exit_table[KEV_NR_EVENTS];

/* src/exit/: one file each */
enum kev_verdict kev_fast_cpuid(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_cpuid(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_rdmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_wrmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_msr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_hypercall(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_hypercall(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_hlt(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_invalid_opcode(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_io(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_io(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_mmio(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_memory(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_memory(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_report_memory(struct kev_vcpu *vcpu, const struct kev_exit_memory *memory,
				   int ret);
enum kev_verdict kev_report_no_memory(struct kev_vcpu *vcpu);
enum kev_verdict kev_fast_cr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_cr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_load_pdptes(struct kev_vcpu *vcpu);
enum kev_verdict kev_fast_xsetbv(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_timer(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_apic_write(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_dr(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_rdtsc(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_invlpg(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_native(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_window(struct kev_vcpu *vcpu, const struct kev_exit *exit);

#endif /* _KEV_EXIT_H */
