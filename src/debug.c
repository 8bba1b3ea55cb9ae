// SPDX-License-Identifier: GPL-2.0-only
/*
 * A debugger outside the guest: KEV_VCPU_SET_DEBUG and what it is told.
 *
 * Steps are the hardware's own, not RFLAGS.TF: the guest finds no trace of them. The
 * debug registers that the guest has written stay what it reads; while there is a
 * debugger the CPU holds the debugger's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/exit.h>
#include <kev/vcpu.h>

#define DEBUG_FLAGS	(KEV_DEBUG_STEP | KEV_DEBUG_SOFTWARE | KEV_DEBUG_HARDWARE)
#define DR7_ARGUMENT	(KEV_DR7_ENABLES | GENMASK_ULL(31, 16))

/**
 * kev_debug_takes() - is an exception the debugger's
 * @vcpu: the caller holds its lock
 * @exit: a KEV_EV_EXCEPTION
 *
 * With a debugger no breakpoint of the guest is on. A single step is the guest's own.
 */
bool kev_debug_takes(const struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	switch (exit->exception.vector) {
	case X86_TRAP_DB:
		return vcpu->debug.flags && (exit->exception.dr6 & KEV_DR6_BREAKPOINTS);
	case X86_TRAP_BP:
		return vcpu->debug.flags & KEV_DEBUG_SOFTWARE;
	default:
		return false;
	}
}

static void call_linear_rip(struct kev_vcpu *vcpu, void *arg)
{
	*(u64 *)arg = kev_backend->linear_rip(vcpu);
}

static enum kev_verdict report(struct kev_vcpu *vcpu, u32 vector, u64 dr6)
{
	u64 address = 0;

	kev_report(vcpu, KEV_EXIT_DEBUG);
	/* Without the CPU there is still the reason to tell. */
	kev_vcpu_loaded_call(vcpu, call_linear_rip, &address);
	vcpu->run->debug = (struct kev_exit_debug) {
		.vector = vector,
		.address = address,
		.dr6 = dr6,
		.dr7 = KEV_DR7_RESET | vcpu->debug.dr7,
	};
	return KEV_REPORT;
}

/**
 * kev_debug_exception() - report an exception that the debugger takes
 * @vcpu: the caller holds its lock
 * @exit: what it is
 *
 * Context: process, may sleep.
 */
enum kev_verdict kev_debug_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 dr6 = exit->exception.dr6;

	if (exit->exception.vector == X86_TRAP_BP)
		return report(vcpu, X86_TRAP_BP, 0);
	/* The guest's own single step came with it. */
	if (dr6 & KEV_DR6_BS)
		kev_raise_debug(vcpu, KEV_DR6_BS);
	return report(vcpu, X86_TRAP_DB, dr6 & KEV_DR6_BREAKPOINTS);
}

/* The debugger's step, or the end of an instruction that was to run by itself */
enum kev_verdict kev_fast_step(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return vcpu->debug.flags & KEV_DEBUG_STEP ? KEV_PASS : KEV_RETRY;
}

enum kev_verdict kev_slow_step(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	return report(vcpu, X86_TRAP_DB, KEV_DR6_BS | exit->step.breakpoints);
}

static bool breakpoint_valid(u64 dr7, unsigned int n)
{
	u64 rw = KEV_DR7_RW(dr7, n);

	/* I/O breakpoints would hang on the guest's CR4.DE. */
	if (rw == KEV_DR7_RW_IO)
		return false;
	return rw != KEV_DR7_RW_EXECUTE || !KEV_DR7_LEN(dr7, n);
}

static bool debug_valid(const struct kev_vcpu_debug *args)
{
	u64 any = args->dr7;

	if (args->flags & ~(u32)DEBUG_FLAGS || args->dr7 & ~DR7_ARGUMENT)
		return false;
	for (unsigned int n = 0; n < KEV_NR_BREAKPOINTS; n++) {
		any |= args->dr[n];
		if (!breakpoint_valid(args->dr7, n))
			return false;
	}
	return args->flags & KEV_DEBUG_HARDWARE || !any;
}

/**
 * kev_vcpu_set_debug() - KEV_VCPU_SET_DEBUG
 * @object: the vCPU
 * @arg: struct kev_vcpu_debug, unchecked
 *
 * Context: process, no kev lock held.
 * Return: 0; -EINVAL; -EOPNOTSUPP the CPU cannot step; -EBUSY the vCPU is in RUN.
 */
long kev_vcpu_set_debug(void *object, void *arg)
{
	const struct kev_vcpu_debug *args = arg;
	struct kev_vcpu *vcpu = object;

	if (!debug_valid(args))
		return -EINVAL;
	if (args->flags & KEV_DEBUG_STEP && !kev_info.step)
		return -EOPNOTSUPP;
	if (!mutex_trylock(&vcpu->lock))
		return -EBUSY;
	vcpu->debug = *args;
	if (!(args->flags & KEV_DEBUG_STEP))
		vcpu->pending &= ~KEV_PENDING_STEP;
	mutex_unlock(&vcpu->lock);
	return 0;
}
