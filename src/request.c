// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others want of a vCPU that somebody else owns.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <kev/compat.h>
#include <kev/trace.h>
#include <kev/vcpu.h>

/**
 * kev_vcpu_request() - ask a vCPU to leave its guest and look
 * @vcpu: the vCPU
 * @request: KEV_REQ_*
 *
 * Context: any, IRQs off included.
 */
void kev_vcpu_request(struct kev_vcpu *vcpu, unsigned int request)
{
	int cpu;

	set_bit(request, &vcpu->requests);
	/* The bit before the look at guest_cpu; pairs with run_loaded(). */
	smp_mb__after_atomic();

	/* While preemption is off here, the other CPU cannot go offline. */
	preempt_disable();
	cpu = READ_ONCE(vcpu->guest_cpu);
	trace_kev_kick(vcpu, request, cpu);
	if (cpu >= 0 && cpu != smp_processor_id())
		smp_send_reschedule(cpu);
	preempt_enable();

	/* It may wait for a page, or halted: the bit before the look at runner, as above. */
	kev_vcpu_wake_runner(vcpu);
}

/**
 * kev_vcpu_wake_runner() - have a vCPU that sleeps in RUN look around
 * @vcpu: the vCPU
 *
 * Its task may be the current one: an interrupt may have come just before it sleeps.
 *
 * Context: any, IRQs off included.
 */
void kev_vcpu_wake_runner(struct kev_vcpu *vcpu)
{
	struct task_struct *runner;

	rcu_read_lock();
	runner = READ_ONCE(vcpu->runner);
	if (runner)
		wake_up_process(runner);
	rcu_read_unlock();
}
