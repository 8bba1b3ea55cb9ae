/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU object: the neutral part. A backend embeds it in its own.
 */
#ifndef _KEV_VCPU_H
#define _KEV_VCPU_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/kev.h>
#include <asm/trapnr.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/clock.h>
#include <kev/emulation.h>
#include <kev/exit.h>
#include <kev/fpu.h>
#include <kev/msr.h>
#include <kev/stats.h>
#include <kev/stock.h>

struct kev_cpuid_table;
struct kev_paging;
struct kev_vm;
struct task_struct;

/* kev_vcpu.requests: looked at with IRQs off before each entry */
#define KEV_REQ_KICK		0	/* RUN returns -EINTR */
#define KEV_REQ_VM_ENDED	1	/* RUN reports the end of the VM */
#define KEV_REQ_INTERRUPT	2	/* see whether the guest can take its interrupt */
#define KEV_REQ_MP		3	/* an INIT or a SIPI waits */
#define KEV_REQ_CLOCK		4	/* the guest's clock page has to be written */
#define KEV_REQ_RCU		5	/* RCU has to be told that nothing is read; by the owner */

/* Those that end work for the guest, which goes on at the next RUN */
#define KEV_REQ_LEAVE		(BIT(KEV_REQ_KICK) | BIT(KEV_REQ_VM_ENDED))
/* What ends the wait of a fault: with an interrupt the guest may have better things to do. */
#define KEV_REQ_WAKE		(KEV_REQ_LEAVE | BIT(KEV_REQ_INTERRUPT) | BIT(KEV_REQ_MP))

/* kev_vcpu.interrupt: a vector waits in the low 8 bits */
#define KEV_INTERRUPT_WAITS	BIT(8)

/*
 * One is delivered, and one waits behind it, which is all once the first is on its way: SDM
 * Vol. 3, "Handling Multiple NMIs"
 */
#define KEV_MAX_NMIS		2

/* kev_vcpu.mp_events: an INIT waits; so does, behind it, a SIPI with its vector */
#define KEV_MP_EVENT_INIT	BIT(16)
#define KEV_MP_EVENT_SIPI	BIT(8)
#define KEV_MP_EVENT_VECTOR	0xffU

/* kev_vcpu.answer: with the kind, where nothing is to be read: RIP goes on */
#define KEV_ANSWER_ADVANCE	BIT(31)

/* kev_vcpu.pending: what the next arm does, before it enters */
#define KEV_PENDING_ADVANCE	BIT(0)	/* RIP goes behind the exit's instruction */
#define KEV_PENDING_EXCEPTION	BIT(1)
/* What then comes instead of an entry */
#define KEV_PENDING_STEP	BIT(2)	/* the debugger's: the instruction is done */
#define KEV_PENDING_SHUTDOWN	BIT(3)	/* the exception was one too many */

/**
 * struct kev_exception - an exception for the guest
 * @vector: 0 to 31, not 2
 * @length: of the instruction that raises it and behind which it is delivered, INT3 or
 *	INTO; 0 for others
 * @software: it is no exception but the interrupt of INT n
 * @has_error: it pushes an error code
 * @error: the error code
 */
struct kev_exception {
	u8 vector;
	u8 length;
	bool software;
	bool has_error;
	u32 error;
};

/**
 * struct kev_halt - what ends an HLT; written before it begins
 * @class: the processor's priority: interrupts of a higher class do, 16 for none
 * @timer: the APIC's timer is armed, and its interrupt does
 * @error: the interrupt that an error of the APIC makes does
 * @nmi: an NMI does
 */
struct kev_halt {
	u8 class;
	bool timer;
	bool error;
	bool nmi;
};

/**
 * struct kev_vcpu - a virtual CPU
 * @gpr: [c] by enum kev_gpr; RSP lives in hardware state. First: a backend's entry code
 *	has the offset
 * @vm: [I] a reference
 * @id: [I]
 * @lock: [a] 1: somebody owns the vCPU, as RUN, GET_STATE and SET_STATE try to; what is
 *	marked [c] belongs to whoever holds it. Nobody ever waits for it
 * @cr2: [c] guest's, while it does not run
 * @xcr0: [c] guest's
 * @osxsave: [c] guest's CR4.OSXSAVE: its XCR0 counts
 * @xcr0_live: [c] what the CPU has while armed: kev_vcpu_note_xcr0()
 * @dr: [c] DR0 to DR3 as the guest reads them
 * @dr6: [c] likewise
 * @dr7: [c] likewise
 * @pdptes_wanted: [c] page-directory-pointer entries have to be loaded before an entry:
 *	user space has set the registers that point to them
 * @loads_flags: [c] the instruction that is stepped over loads RFLAGS
 * @saves_flags: [c] how it saves them: enum kev_saves_flags
 * @debug: [c] what a debugger outside wants: KEV_VCPU_SET_DEBUG
 * @msr: [c]
 * @msr_values: [c] of the MSRs that are KEV_MSR_VALUE in the VM, by slot; NULL before the
 *	first RUN and where there is none
 * @msr_value: [c] what a handler has just read
 * @clock: [c]
 * @fpu: [c]
 * @stock: [c]
 * @pending: [c] KEV_PENDING_*
 * @exception: [c] the exception to raise
 * @exit: [c] the last exit
 * @answer: [c] enum kev_exit_kind that user space was asked to complete, with
 *	KEV_ANSWER_ADVANCE, or KEV_EXIT_NONE; KEV_EXIT_CONSOLE and KEV_EXIT_MEMORY mean
 *	that @exit is handled again
 * @raised: [c] user space has set an event since the report that @answer is for, to which an
 *	exception is an answer, too: it would replace the event, or make a double fault of the
 *	two
 * @reported: [c] enum kev_exit_kind of the last report: kev_report_clean()
 * @printed: [c] bytes of the Print under way that are on the console
 * @end_code: [c] exit code that a fast handler recorded with KEV_EXIT
 * @fail: [c] negative errno that goes with KEV_FAIL
 * @emulation: [c] instructions that kev carries out; NULL before the first
 * @intercepted: [c] @exit goes to user space, as KEV_VM_SET_EXITS has asked
 * @resumed: [c] @exit was reported as user space has asked: kev answers it at the next
 *	RUN, as if it had just come
 * @starts: [c] it has the state of its VM's protocol, as the first vCPU, and has not run
 * @policed: [c] what the VM's policy says is in the hardware state, and in the next three
 * @quick: [c] exits that the quick level answers, BIT(KEV_EV_*)
 * @quick_call: [c] with BIT(KEV_EV_HYPERCALL): kev_hypercall_abi.fast
 * @cpuid: [c] what CPUID tells in the VM
 * @mp: [a] enum kev_mp; written by the owner. Nothing is entered but when it is
 *	KEV_MP_RUNNABLE; with KEV_MP_HALTED RIP is behind the HLT
 * @halt: [a] valid with KEV_MP_HALTED; written by the owner
 * @mp_events: [a] KEV_MP_EVENT_*
 * @apic: see there
 * @interrupt: [a] an external interrupt that the guest has not taken yet:
 *	KEV_INTERRUPT_WAITS and its vector, or 0
 * @nmis: [a] NMIs that the guest has not taken yet, up to KEV_MAX_NMIS
 * @requests: [a] KEV_REQ_*
 * @runner: [a] the task in RUN, if it may sleep there, or NULL; it is woken under RCU
 * @flush_seen: [c] kev_vm.flush_wanted, as of the last flush
 * @guest_cpu: [a] CPU in whose guest mode the vCPU is, or -1
 * @run: [I] run page; user space writes it at any time
 * @counts: [c] written by the owner, read by anybody
 */
struct kev_vcpu {
	u64 gpr[KEV_NR_GPRS];
	struct kev_vm *vm;
	u32 id;
	atomic_t lock;

	u64 cr2;
	u64 xcr0;
	u64 xcr0_live;
	bool osxsave;
	u64 dr[4];
	u64 dr6;
	u64 dr7;
	bool pdptes_wanted;
	bool loads_flags;
	u8 saves_flags;
	struct kev_vcpu_debug debug;
	struct kev_msr_values msr;
	u64 *msr_values;
	u64 msr_value;
	struct kev_clock clock;
	struct kev_fpu fpu;
	struct kev_stock stock;

	u32 pending;
	struct kev_exception exception;

	struct kev_exit exit;
	u32 answer;
	bool raised;
	u32 reported;
	u64 printed;
	u64 end_code;
	int fail;
	struct kev_emulation *emulation;
	bool intercepted;
	bool resumed;
	bool starts;
	bool policed;
	u32 quick;
	enum kev_verdict (*quick_call)(struct kev_vcpu *vcpu);
	const struct kev_cpuid_table *cpuid;

	u32 mp;
	struct kev_halt halt;
	u32 mp_events;
	struct kev_apic apic;

	u32 interrupt;
	atomic_t nmis;
	unsigned long requests;
	struct task_struct *runner;
	u64 flush_seen;
	int guest_cpu;
	struct kev_run *run;
	struct kev_counts counts;
};

/* False: somebody else owns the vCPU. */
static inline bool kev_vcpu_trylock(struct kev_vcpu *vcpu)
{
	return !atomic_xchg_acquire(&vcpu->lock, 1);
}

static inline void kev_vcpu_unlock(struct kev_vcpu *vcpu)
{
	atomic_set_release(&vcpu->lock, 0);
}

int kev_vcpu_create(struct kev_vm *vm, const struct kev_create_vcpu *args);
void kev_vcpu_request(struct kev_vcpu *vcpu, unsigned int request);
void kev_vcpu_wake_runner(struct kev_vcpu *vcpu);
void kev_vcpu_forget_exit(struct kev_vcpu *vcpu);

int kev_vcpu_loaded_call(struct kev_vcpu *vcpu, void (*fn)(struct kev_vcpu *vcpu, void *arg),
			 void *arg);
int kev_vcpu_paging(struct kev_vcpu *vcpu, struct kev_paging *paging);
u64 kev_vcpu_gpr(struct kev_vcpu *vcpu, unsigned int gpr);
u32 kev_vcpu_signature(struct kev_vcpu *vcpu);
void kev_vcpu_set_gpr(struct kev_vcpu *vcpu, unsigned int gpr, u64 value);

/* state.c */
long kev_vcpu_get_state(void *object, void *arg);
long kev_vcpu_set_state(void *object, void *arg);
int kev_vcpu_start_state(struct kev_vcpu *vcpu);

/* answer.c */
int kev_take_answer(struct kev_vcpu *vcpu);

/* run.c */
long kev_vcpu_run(struct kev_vcpu *vcpu);
void kev_vcpu_apply_pending(struct kev_vcpu *vcpu);
void kev_vcpu_load_xcr0(struct kev_vcpu *vcpu);
int kev_vcpu_wait_for_hw(void);

/* irq/interrupt.c */
int kev_interrupt_raise(struct kev_vcpu *vcpu, u8 vector);
bool kev_nmi_raise(struct kev_vcpu *vcpu);
void kev_interrupt_offer(struct kev_vcpu *vcpu);

/* inject.c */
bool kev_vcpu_unfinished(const struct kev_vcpu *vcpu);
void kev_vcpu_event_set(struct kev_vcpu *vcpu, bool waits);
long kev_vcpu_inject(void *object, void *arg);

/* debug.c */
long kev_vcpu_set_debug(void *object, void *arg);
bool kev_debug_takes(const struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_debug_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_fast_step(struct kev_vcpu *vcpu, const struct kev_exit *exit);
enum kev_verdict kev_slow_step(struct kev_vcpu *vcpu, const struct kev_exit *exit);

void kev_debug_prepare(struct kev_vcpu *vcpu);

/* exit/memory.c */
void kev_memory_start(struct kev_vcpu *vcpu);

/* exit/exception.c */
enum kev_verdict kev_raise_debug(struct kev_vcpu *vcpu, u64 why);

/* report.c */
void kev_report_clean(struct kev_vcpu *vcpu, enum kev_exit_kind kind);
enum kev_verdict kev_report(struct kev_vcpu *vcpu, enum kev_exit_kind kind);
enum kev_verdict kev_report_console(struct kev_vcpu *vcpu);

/* Queue an exception; the next entry raises it. */
static inline enum kev_verdict kev_queue_exception(struct kev_vcpu *vcpu, u8 vector,
						   bool has_error, u32 error)
{
	vcpu->exception = (struct kev_exception) {
		.vector = vector,
		.has_error = has_error,
		.error = error,
	};
	vcpu->pending |= KEV_PENDING_EXCEPTION;
	return KEV_INJECT;
}

/* The same for #GP(0) */
static inline enum kev_verdict kev_queue_gp(struct kev_vcpu *vcpu)
{
	return kev_queue_exception(vcpu, X86_TRAP_GP, true, 0);
}

/**
 * kev_apic_owns() - is an address in the page of the vCPU's local APIC
 * @vcpu: the caller owns it
 * @gpa: guest-physical address
 *
 * Context: any.
 * Return: false also in x2APIC mode, which has no page.
 */
static inline bool kev_apic_owns(const struct kev_vcpu *vcpu, u64 gpa)
{
	u64 base = vcpu->msr.apic_base;

	return (base & KEV_APIC_BASE_MODE) == KEV_APIC_BASE_ENABLED &&
	       unlikely(!((gpa ^ base) >> PAGE_SHIFT)) && kev_apic_owns_page(vcpu, gpa);
}

/* The guest's XCR0 or CR4.OSXSAVE has changed; without that it cannot look at XCR0. */
static inline void kev_vcpu_note_xcr0(struct kev_vcpu *vcpu)
{
	vcpu->xcr0_live = vcpu->osxsave ? vcpu->xcr0 : kev_host_xcr0;
}

/**
 * kev_report_loaded() - fill the run page for a return to user space
 * @vcpu: loaded, armed or not; nothing is pending
 * @kind: enum kev_exit_kind
 *
 * The caller writes the kind's own structure afterwards, all of it. Nothing is left of an
 * earlier report of another kind. Who writes more than that says so:
 * kev_report_has_more().
 *
 * Context: IRQs off.
 * Return: KEV_REPORT.
 */
static inline enum kev_verdict kev_report_loaded(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	struct kev_run *run = vcpu->run;

	if (vcpu->reported != kind)
		kev_report_clean(vcpu, kind);
	run->flags = READ_ONCE(vcpu->interrupt) & KEV_INTERRUPT_WAITS ?
		     KEV_RUN_INTERRUPT_PENDING : 0;
	kev_backend_call(frame)(vcpu, run);
	run->kind = kind;
	vcpu->counts.reports++;
	return KEV_REPORT;
}

/* The error or the bytes of an instruction: the next report has to take them away. */
static inline void kev_report_has_more(struct kev_vcpu *vcpu)
{
	vcpu->reported = KEV_NR_EXIT_KINDS;
}

#endif /* _KEV_VCPU_H */
