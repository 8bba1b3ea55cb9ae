// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who answers which exit, and the answers that take no file of their own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/stddef.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/state.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static enum kev_verdict retry(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return KEV_RETRY;
}

static enum kev_verdict resume(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return KEV_RESUME;
}

static enum kev_verdict raise_ud(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return kev_queue_exception(vcpu, X86_TRAP_UD, false, 0);
}

static enum kev_verdict raise_gp(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return kev_queue_gp(vcpu);
}

static enum kev_verdict slow_shutdown(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return kev_report(vcpu, KEV_EXIT_SHUTDOWN);
}

static void call_entry_problem(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->entry_problem(vcpu, arg);
}

static enum kev_verdict slow_entry_failed(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_problem problem = {};

	kev_vcpu_loaded_call(vcpu, call_entry_problem, &problem);
	kev_vm_end(vcpu, KEV_VM_FAILED, 0, EIO);
	kev_report(vcpu, KEV_EXIT_ENTRY_FAILED);
	static_assert(sizeof(vcpu->run->entry.problem) == KEV_PROBLEM_LEN);
	kev_problem_text(&problem, vcpu->run->entry.problem);
	vcpu->run->entry.instruction_error = exit->entry.instruction_error;
	return KEV_REPORT;
}

static enum kev_verdict slow_broken(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	vcpu->fail = -EIO;
	return KEV_FAIL;
}

/* Only a bug of kev, or broken memory, makes one. */
static enum kev_verdict slow_misconfigured(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	pr_err_ratelimited("vCPU %u: the page-table entries for guest-physical %#llx are corrupt\n",
			   vcpu->id, exit->memory.gpa);
	vcpu->fail = -EIO;
	return KEV_FAIL;
}

/* The guest has delayed the host's interrupts for long: they come now, before it goes on. */
static enum kev_verdict slow_notify(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return exit->notify.invalid ? KEV_PASS : KEV_RETRY;
}

#define EXIT(text, count, ...)	{						\
	.name = (text),								\
	.counter = offsetof(struct kev_vcpu_stats, count),			\
	__VA_ARGS__								\
}

const struct kev_exit_ops kev_exit_table[KEV_NR_EVENTS] = {
	[KEV_EV_OTHER] = EXIT("other", other, .slow = NULL),
	[KEV_EV_INTERRUPT] = EXIT("interrupt", interrupt, .slow = retry),
	[KEV_EV_NMI] = EXIT("NMI", nmi, .fast = retry),
	[KEV_EV_MACHINE_CHECK] = EXIT("machine check", other, .slow = retry),
	[KEV_EV_EXCEPTION] = EXIT("exception", other, .intercept = KEV_INTERCEPT_EXCEPTION,
				  .fast = kev_fast_exception, .slow = kev_slow_exception),
	[KEV_EV_ENTRY_FAILED] = EXIT("entry failed", other, .slow = slow_entry_failed),
	[KEV_EV_BROKEN] = EXIT("broken", other, .slow = slow_broken),
	[KEV_EV_SHUTDOWN] = EXIT("shutdown", other, .slow = slow_shutdown),
	[KEV_EV_CPUID] = EXIT("CPUID", cpuid, .intercept = KEV_INTERCEPT_CPUID,
			      .fast = kev_fast_cpuid, .slow = kev_slow_cpuid),
	[KEV_EV_RDMSR] = EXIT("RDMSR", msr, .intercept = KEV_INTERCEPT_MSR,
			      .fast = kev_fast_rdmsr, .slow = kev_slow_msr),
	[KEV_EV_WRMSR] = EXIT("WRMSR", msr, .intercept = KEV_INTERCEPT_MSR,
			      .fast = kev_fast_wrmsr, .slow = kev_slow_msr),
	[KEV_EV_HYPERCALL] = EXIT("hypercall", hypercall, .intercept = KEV_INTERCEPT_HYPERCALL,
				  .fast = kev_fast_hypercall, .slow = kev_slow_hypercall),
	[KEV_EV_HLT] = EXIT("HLT", other, .intercept = KEV_INTERCEPT_HLT, .slow = kev_slow_hlt),
	[KEV_EV_IO] = EXIT("I/O", io, .fast = kev_fast_io, .slow = kev_slow_io),
	[KEV_EV_MEMORY] = EXIT("memory", memory, .fast = kev_fast_memory, .slow = kev_slow_memory),
	[KEV_EV_CR] = EXIT("control register", other, .intercept = KEV_INTERCEPT_CR,
			   .fast = kev_fast_cr, .slow = kev_slow_cr),
	[KEV_EV_XSETBV] = EXIT("XSETBV", other, .intercept = KEV_INTERCEPT_XSETBV,
			       .fast = kev_fast_xsetbv),
	[KEV_EV_UNDEFINED] = EXIT("undefined", other, .intercept = KEV_INTERCEPT_UNDEFINED,
				  .fast = raise_ud),
	[KEV_EV_PRIVILEGED] = EXIT("privileged", other, .fast = raise_gp),
	[KEV_EV_INTERRUPT_WINDOW] = EXIT("interrupt window", other,
					 .fast = kev_fast_window),
	[KEV_EV_NMI_WINDOW] = EXIT("NMI window", other, .fast = kev_fast_window),
	[KEV_EV_TIMER] = EXIT("timer", other, .fast = kev_fast_timer),
	[KEV_EV_DR] = EXIT("debug register", other, .intercept = KEV_INTERCEPT_DR,
			   .fast = kev_fast_dr),
	[KEV_EV_RDTSC] = EXIT("RDTSC", other, .intercept = KEV_INTERCEPT_RDTSC,
			      .fast = kev_fast_rdtsc),
	[KEV_EV_RDPMC] = EXIT("RDPMC", other, .intercept = KEV_INTERCEPT_RDPMC, .fast = raise_gp),
	[KEV_EV_INVLPG] = EXIT("INVLPG", other, .intercept = KEV_INTERCEPT_INVLPG,
			       .fast = kev_fast_invlpg),
	[KEV_EV_WBINVD] = EXIT("WBINVD", other, .intercept = KEV_INTERCEPT_WBINVD,
			       .fast = resume),
	[KEV_EV_PAUSE] = EXIT("PAUSE", other, .intercept = KEV_INTERCEPT_PAUSE, .fast = resume),
	[KEV_EV_MWAIT] = EXIT("MWAIT", other, .intercept = KEV_INTERCEPT_MWAIT,
			      .fast = raise_ud),
	[KEV_EV_DESCRIPTOR] = EXIT("descriptor table", other,
				   .intercept = KEV_INTERCEPT_DESCRIPTOR,
				   .fast = kev_fast_native),
	[KEV_EV_RDRAND] = EXIT("RDRAND", other, .intercept = KEV_INTERCEPT_RDRAND,
			       .fast = kev_fast_native),
	[KEV_EV_TASK_SWITCH] = EXIT("task switch", other, .slow = NULL),
	[KEV_EV_MISCONFIGURED] = EXIT("misconfiguration", other, .slow = slow_misconfigured),
	[KEV_EV_BUS_LOCK] = EXIT("bus lock", other, .fast = retry),
	[KEV_EV_STEP] = EXIT("step", other, .fast = kev_fast_step, .slow = kev_slow_step),
	[KEV_EV_NOTIFY] = EXIT("notify", other, .slow = slow_notify),
	[KEV_EV_EOI] = EXIT("EOI", other, .slow = NULL),
	[KEV_EV_APIC_WRITE] = EXIT("APIC write", other, .fast = kev_fast_apic_write),
	[KEV_EV_TPR] = EXIT("TPR", other, .fast = kev_fast_window),
};
