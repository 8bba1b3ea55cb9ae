// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run loop: enter, dispatch, act on the verdict.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/compat.h>
#include <kev/exit.h>
#include <kev/hw.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_vcpu_wait_for_hw() - the hardware is off on this CPU: go elsewhere
 *
 * A CPU that goes offline turns it off before its last tasks have left.
 *
 * Context: process, may sleep.
 * Return: 0 to try again, -EIO when it will not come back, -EINTR.
 */
int kev_vcpu_wait_for_hw(void)
{
	if (kev_hw_going_down())
		return -EIO;
	if (fatal_signal_pending(current))
		return -EINTR;
	schedule_timeout_uninterruptible(1);
	return 0;
}

/**
 * kev_vcpu_apply_pending() - finish the last exit: move RIP, raise the exception
 * @vcpu: loaded
 *
 * What is pending then comes instead of the next entry.
 */
void kev_vcpu_apply_pending(struct kev_vcpu *vcpu)
{
	u32 left = vcpu->pending & (KEV_PENDING_STEP | KEV_PENDING_SHUTDOWN);

	if (vcpu->pending & KEV_PENDING_ADVANCE) {
		kev_backend_call(advance)(vcpu, vcpu->exit.instruction_length);
		if (unlikely(vcpu->debug.flags & KEV_DEBUG_STEP))
			left |= KEV_PENDING_STEP;
	}
	if (vcpu->pending & KEV_PENDING_EXCEPTION && !kev_backend->inject(vcpu, &vcpu->exception))
		left |= KEV_PENDING_SHUTDOWN;
	vcpu->pending = left;
}

/* The same, where nearly always RIP is all that there is to move */
static void apply_pending(struct kev_vcpu *vcpu)
{
	if (unlikely(vcpu->pending != KEV_PENDING_ADVANCE ||
		     vcpu->debug.flags & KEV_DEBUG_STEP)) {
		kev_vcpu_apply_pending(vcpu);
		return;
	}
	vcpu->pending = 0;
	kev_backend_call(advance)(vcpu, vcpu->exit.instruction_length);
}

/* What is pending is an event, as if the hardware had brought it. */
static enum kev_verdict take_pending(struct kev_vcpu *vcpu)
{
	vcpu->exit = (struct kev_exit) {
		.event = vcpu->pending & KEV_PENDING_SHUTDOWN ? KEV_EV_SHUTDOWN : KEV_EV_STEP,
	};
	vcpu->pending = 0;
	vcpu->resumed = false;
	return KEV_PASS;
}

/*
 * Signals and the like, kicks, the end of the VM. An interrupt for the guest is no
 * reason to leave: it is dealt with here. Armed.
 */
static bool must_leave(struct kev_vcpu *vcpu)
{
	unsigned long requests = READ_ONCE(vcpu->requests);

	if (unlikely(__xfer_to_guest_mode_work_pending()))
		return true;
	if (likely(!requests))
		return false;
	if (requests & ~BIT(KEV_REQ_INTERRUPT))
		return true;
	/* An exit that is still to be answered may raise an exception, which goes first. */
	if (!vcpu->resumed)
		kev_interrupt_offer(vcpu);
	return false;
}

/* Does user space want to be given this exit; KEV_VM_SET_EXITS */
static bool intercepted(struct kev_vcpu *vcpu, const struct kev_exit_ops *ops)
{
	const struct kev_vm *vm = vcpu->vm;

	if (likely(!vm->intercepts) || !(vm->intercepts & ops->intercept))
		return false;
	vcpu->intercepted = true;
	if (ops->intercept == KEV_INTERCEPT_EXCEPTION)
		vcpu->intercepted = vm->exceptions & BIT(vcpu->exit.exception.vector) &&
				    !vcpu->exit.exception.split_lock &&
				    !kev_debug_takes(vcpu, &vcpu->exit);
	return vcpu->intercepted;
}

/* An exit that the entry loop does not finish */
static enum kev_verdict pass_on(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	vcpu->counts.slow[vcpu->exit.event]++;
	if (verdict == KEV_REPORT)
		vcpu->counts.reported[vcpu->exit.event]++;
	return verdict;
}

static bool goes_on(enum kev_verdict verdict)
{
	return verdict == KEV_RESUME || verdict == KEV_RETRY || verdict == KEV_INJECT;
}

/* An exit that was reported before, and has been counted: the fast level's verdict */
static noinline enum kev_verdict resume(struct kev_vcpu *vcpu)
{
	struct kev_exit *exit = &vcpu->exit;
	const struct kev_exit_ops *ops = &kev_exit_table[exit->event];
	enum kev_verdict verdict = ops->fast ? ops->fast(vcpu, exit) : KEV_PASS;

	vcpu->resumed = false;
	if (verdict == KEV_REPORT)
		vcpu->counts.reported[exit->event]++;
	return verdict;
}

/* The fast level's verdict on the exit */
static enum kev_verdict dispatch_fast(struct kev_vcpu *vcpu)
{
	struct kev_exit *exit = &vcpu->exit;
	const struct kev_exit_ops *ops = &kev_exit_table[exit->event];

	vcpu->counts.exits[exit->event]++;
	if (unlikely(intercepted(vcpu, ops)))
		return KEV_PASS;
	/* Most of the exits that come as far as here: a call instead of a jump by a table */
	if (exit->event == KEV_EV_IO)
		return kev_fast_io(vcpu, exit);
	if (exit->event == KEV_EV_MEMORY) {
		enum kev_verdict verdict = KEV_PASS;

		/* A guest without devices of user space in memory has no @emulation. */
		if (vcpu->emulation)
			verdict = kev_fast_mmio(vcpu, exit);
		return verdict == KEV_PASS ? kev_fast_memory(vcpu, exit) : verdict;
	}
	return ops->fast ? ops->fast(vcpu, exit) : KEV_PASS;
}

/* Armed: until an exit that the fast level does not finish. */
static enum kev_verdict run_armed(struct kev_vcpu *vcpu)
{
	enum kev_verdict verdict;

	for (;;) {
		if (vcpu->pending) {
			apply_pending(vcpu);
			if (unlikely(vcpu->pending))
				return take_pending(vcpu);
		}
		if (unlikely(must_leave(vcpu)))
			return KEV_RETRY;

		if (unlikely(vcpu->resumed)) {
			verdict = resume(vcpu);
			if (!goes_on(verdict))
				return verdict;
		} else {
			trace_kev_entry(vcpu);
			verdict = kev_backend_call(enter)(vcpu, &vcpu->exit);
			trace_kev_exit(vcpu);
			if (verdict == KEV_PASS)
				verdict = dispatch_fast(vcpu);
			if (!goes_on(verdict))
				return pass_on(vcpu, verdict);
		}
		if (verdict == KEV_RESUME)
			vcpu->pending |= KEV_PENDING_ADVANCE;
		/*
		 * The delivery of an exception can raise the next one, without end and without
		 * an instruction between them at which the host's interrupts would end the
		 * guest: they are let in after each (CVE-2015-5307, CVE-2015-8104).
		 */
		if (unlikely(vcpu->exit.event == KEV_EV_EXCEPTION))
			return verdict;
	}
}

/**
 * kev_vcpu_load_xcr0() - make the guest's XCR0 live, after it may have changed
 * @vcpu: armed
 *
 * Without CR4.OSXSAVE the guest has no instruction that looks at XCR0: the
 * host's stays.
 */
void kev_vcpu_load_xcr0(struct kev_vcpu *vcpu)
{
	u64 live = vcpu->xcr0_live;

	kev_vcpu_note_xcr0(vcpu);
	kev_xcr0_switch(live, vcpu->xcr0_live);
}

/*
 * Page-table entries were taken away: this CPU may have cached what they said. Whoever
 * takes one away after this look finds guest_cpu set, and interrupts the guest.
 */
static void follow_flushes(struct kev_vcpu *vcpu)
{
	u64 wanted = atomic64_read(&vcpu->vm->flush_wanted);

	if (likely(vcpu->flush_seen == wanted))
		return;
	vcpu->flush_seen = wanted;
	kev_backend->flush(vcpu);
}

/* The interrupt that ended the guest comes now, on the guest's account. */
static void take_interrupt(struct kev_vcpu *vcpu)
{
	/*
	 * Its tick finds preemption off and cannot tell RCU that this CPU passes through a
	 * quiescent state: it is told before the next entry, after whatever else waits.
	 */
	set_bit(KEV_REQ_RCU, &vcpu->requests);
	/* STI holds interrupts off for one instruction: there has to be one. */
	local_irq_enable();
	asm volatile("nop" : : : "memory");
	local_irq_disable();
}

static void tell_rcu(void)
{
	local_irq_disable();
	rcu_note_context_switch(false);
	local_irq_enable();
}

/* Loaded: the guest's registers in, run, out; returns with IRQs on. */
static enum kev_verdict run_loaded(struct kev_vcpu *vcpu)
{
	struct kev_counts *counts = &vcpu->counts;
	u64 start = rdtsc();
	enum kev_verdict verdict;

	counts->loads++;
	if (unlikely(!counts->first_entry))
		counts->first_entry = start + kev_hw_tsc_lost();
	guest_timing_enter_irqoff();
	kev_fpu_load(&vcpu->fpu);
	kev_backend_call(arm)(vcpu);
	/* Before the look at requests; pairs with kev_vcpu_request() and kev_vm_flush(). */
	smp_store_mb(vcpu->guest_cpu, smp_processor_id());
	follow_flushes(vcpu);
	kev_xcr0_switch(kev_host_xcr0, vcpu->xcr0_live);

	/* It may ask for a reschedule: before must_leave() looks. */
	xfer_to_guest_mode_prepare();
	verdict = run_armed(vcpu);

	kev_xcr0_switch(vcpu->xcr0_live, kev_host_xcr0);
	/* After the looks at guest memory that take no reference; pairs with find_in_guest(). */
	smp_store_release(&vcpu->guest_cpu, -1);
	if (unlikely(vcpu->apic.timer.in_guest))
		kev_timer_leave(vcpu);
	kev_backend_call(disarm)(vcpu);
	kev_fpu_put(&vcpu->fpu);
	counts->guest_tsc += rdtsc() - start;

	if (vcpu->exit.event == KEV_EV_INTERRUPT)
		take_interrupt(vcpu);
	guest_timing_exit_irqoff();
	local_irq_enable();
	return verdict;
}

/* One stay in the guest: its verdict, or an errno of the backend */
static int run_once(struct kev_vcpu *vcpu)
{
	int ret;

	preempt_disable();
	ret = kev_backend_call(load)(vcpu);
	if (!ret)
		ret = run_loaded(vcpu);
	preempt_enable();
	return ret;
}

static enum kev_verdict report_intercept(struct kev_vcpu *vcpu, const struct kev_exit_ops *ops)
{
	vcpu->intercepted = false;
	kev_report(vcpu, KEV_EXIT_INTERCEPT);
	vcpu->run->intercept = (struct kev_exit_intercept) { .intercept = ops->intercept };
	vcpu->answer = KEV_EXIT_INTERCEPT;
	return KEV_REPORT;
}

/* The slow level, for what the fast one passed on */
static enum kev_verdict dispatch_slow(struct kev_vcpu *vcpu)
{
	const struct kev_exit_ops *ops = &kev_exit_table[vcpu->exit.event];
	enum kev_verdict verdict = KEV_PASS;

	if (unlikely(vcpu->intercepted))
		verdict = report_intercept(vcpu, ops);
	else if (ops->slow)
		verdict = ops->slow(vcpu, &vcpu->exit);
	if (verdict == KEV_PASS)
		verdict = kev_report(vcpu, KEV_EXIT_UNHANDLED);
	if (verdict == KEV_REPORT)
		vcpu->counts.reported[vcpu->exit.event]++;
	return verdict;
}

static enum kev_verdict report_end(struct kev_vcpu *vcpu)
{
	const struct kev_vm *vm = vcpu->vm;

	if (vm->state == KEV_VM_EXITED) {
		kev_report(vcpu, KEV_EXIT_VM_EXITED);
		vcpu->run->exit_code = vm->exit_code;
	} else {
		kev_report(vcpu, KEV_EXIT_FAILED);
		vcpu->run->error = vm->error;
		kev_report_has_more(vcpu);
	}
	return KEV_REPORT;
}

static enum kev_verdict end_vm(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	if (verdict == KEV_EXIT)
		kev_vm_end(vcpu, KEV_VM_EXITED, vcpu->end_code, 0);
	else
		kev_vm_end(vcpu, KEV_VM_FAILED, 0, -vcpu->fail);
	/* Another vCPU may have been first: then its end counts. */
	return report_end(vcpu);
}

/*
 * Whatever keeps the vCPU from entering: 0 to go on, or the errno of RUN. A signal without a
 * handler is none of user space's business, as when tasks are frozen or stopped: RUN begins
 * again afterwards.
 */
static int look_around(struct kev_vcpu *vcpu)
{
	int ret;

	if (test_and_clear_bit(KEV_REQ_KICK, &vcpu->requests))
		return -EINTR;
	if (READ_ONCE(vcpu->run->request) & KEV_RUN_IMMEDIATE_EXIT)
		return -EINTR;
	if (!__xfer_to_guest_mode_work_pending())
		return 0;
	ret = kev_handle_guest_work();
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

/* INIT and SIPI, which may leave nothing of the work under way. Return: the verdict. */
static enum kev_verdict take_mp_events(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	const struct kev_exit_memory none = {};
	bool started_anew = false;
	int ret = kev_mp_take(vcpu, &started_anew);

	if (ret == -ENOMEM) {
		/* Work that was interrupted goes on at the next RUN, if they leave any of it. */
		if (verdict == KEV_KICKED)
			vcpu->answer = KEV_EXIT_CONSOLE;
		return kev_report_memory(vcpu, &none, ret);
	}
	if (ret) {
		vcpu->fail = ret;
		return KEV_FAIL;
	}
	return started_anew ? KEV_RETRY : verdict;
}

/*
 * Is there anything to do before the first entry? What other tasks ask for is looked at again,
 * and the task's own work at all, when nobody can ask any more without an interrupt:
 * must_leave().
 */
static bool must_look(const struct kev_vcpu *vcpu, u32 request)
{
	BUILD_BUG_ON(KEV_MP_RUNNABLE != 0);
	/* One look at all of them: there is hardly ever anything. */
	return READ_ONCE(vcpu->requests) | request | vcpu->mp | vcpu->pdptes_wanted |
	       (vcpu->debug.flags & KEV_DEBUG_STEP);
}

/*
 * What a verdict calls for, and all else that comes before an entry. Return: KEV_RETRY to
 * enter; KEV_REPORT; or the errno of RUN.
 */
static noinline int prepare_entry(struct kev_vcpu *vcpu, enum kev_verdict verdict)
{
	int ret;

	if (!vcpu->runner) {
		/*
		 * Whoever asks for something wakes a task that sleeps in here. Before any
		 * look at requests; pairs with kev_vcpu_request().
		 */
		smp_store_mb(vcpu->runner, current);
	}
	for (;;) {
		if (verdict == KEV_EXIT || verdict == KEV_FAIL)
			verdict = end_vm(vcpu, verdict);
		if (verdict == KEV_REPORT)
			return KEV_REPORT;
		if (verdict == KEV_PASS) {
			verdict = dispatch_slow(vcpu);
			continue;
		}
		if (verdict == KEV_RESUME)
			vcpu->pending |= KEV_PENDING_ADVANCE;
		if (kev_vm_ended(vcpu->vm)) {
			verdict = report_end(vcpu);
			continue;
		}
		ret = look_around(vcpu);
		/* Work that was interrupted goes on at the next RUN. */
		if (ret && verdict == KEV_KICKED)
			vcpu->answer = KEV_EXIT_CONSOLE;
		if (ret)
			return ret;

		if (test_and_clear_bit(KEV_REQ_RCU, &vcpu->requests))
			tell_rcu();
		if (unlikely(test_bit(KEV_REQ_MP, &vcpu->requests))) {
			verdict = take_mp_events(vcpu, verdict);
			if (verdict == KEV_FAIL || verdict == KEV_REPORT)
				continue;
		}
		if (verdict == KEV_KICKED) {
			verdict = KEV_PASS;
			continue;
		}
		if (unlikely(test_and_clear_bit(KEV_REQ_CLOCK, &vcpu->requests))) {
			verdict = kev_clock_update(vcpu);
			continue;
		}
		if (unlikely(vcpu->mp != KEV_MP_RUNNABLE)) {
			verdict = KEV_RETRY;
			if (!kev_halt_wait(vcpu))
				verdict = kev_report(vcpu, KEV_EXIT_HALTED);
			continue;
		}
		if (unlikely(vcpu->pdptes_wanted)) {
			verdict = kev_load_pdptes(vcpu);
			continue;
		}
		if (unlikely(vcpu->debug.flags & KEV_DEBUG_STEP))
			kev_debug_prepare(vcpu);
		return KEV_RETRY;
	}
}

/* The vCPU could not be loaded. Return: a verdict, or the errno of RUN. */
static int load_failed(struct kev_vcpu *vcpu, int error)
{
	if (error == -EAGAIN)
		error = kev_vcpu_wait_for_hw();
	if (!error)
		return KEV_RETRY;
	if (error == -EINTR)
		return error;
	vcpu->fail = error;
	return KEV_FAIL;
}

/* Until there is something to tell: KEV_REPORT, or the errno of RUN */
static int run_until_report(struct kev_vcpu *vcpu)
{
	int verdict;

	do {
		verdict = run_once(vcpu);
		if (likely(verdict == KEV_REPORT))
			break;
		if (unlikely(verdict < 0))
			verdict = load_failed(vcpu, verdict);
		if (verdict >= 0)
			verdict = prepare_entry(vcpu, verdict);
	} while (verdict == KEV_RETRY);
	return verdict;
}

/**
 * kev_vcpu_run() - run the guest until there is something to tell
 * @vcpu: the caller holds its lock
 *
 * Context: process, may sleep.
 * Return: 0 with the run page filled; -EINTR a kick; -ERESTARTNOHAND a signal; -EINVAL an
 * answer or a request that makes no sense, or registers that the VM's CPUID forbids, and
 * nothing has run; -ENOMEM; -EIO the CPU refuses the VMCS.
 */
long kev_vcpu_run(struct kev_vcpu *vcpu)
{
	u32 request = READ_ONCE(vcpu->run->request);
	int verdict = KEV_RETRY, ret;

	if (unlikely(request & ~KEV_RUN_IMMEDIATE_EXIT))
		return -EINVAL;
	if (likely(vcpu->answer & KEV_ANSWER_ADVANCE)) {
		vcpu->answer = KEV_EXIT_NONE;
		vcpu->pending |= KEV_PENDING_ADVANCE;
	} else if (vcpu->answer != KEV_EXIT_NONE) {
		verdict = kev_take_answer(vcpu);
		if (unlikely(verdict < 0))
			return verdict;
	}
	if (unlikely(!vcpu->policed)) {
		kev_vm_freeze(vcpu->vm);
		ret = kev_vcpu_take_policy(vcpu);
		if (ret)
			return ret;
		if (vcpu->starts)
			kev_memory_start(vcpu);
		vcpu->starts = false;
	}
	/*
	 * What was answered is done before RUN can be called off, so that no state is ever
	 * taken in the middle of an instruction whose accesses are known.
	 */
	if (verdict == KEV_KICKED && !kev_vm_ended(vcpu->vm))
		verdict = KEV_PASS;
	if (unlikely(verdict != KEV_RETRY || must_look(vcpu, request)))
		verdict = prepare_entry(vcpu, verdict);
	if (likely(verdict == KEV_RETRY))
		verdict = run_until_report(vcpu);
	WRITE_ONCE(vcpu->runner, NULL);
	if (likely(verdict == KEV_REPORT))
		return 0;
	WRITE_ONCE(vcpu->run->kind, KEV_EXIT_NONE);
	vcpu->counts.kicks++;
	/* It may be the last one that others wait for, and was called off before its look. */
	if (unlikely(vcpu->mp != KEV_MP_RUNNABLE))
		kev_halt_recheck(vcpu->vm);
	return verdict;
}
