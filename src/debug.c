// SPDX-License-Identifier: GPL-2.0-only
/*
 * A debugger outside the guest: KEV_VCPU_SET_DEBUG and what it is told.
 *
 * The debug registers that the guest has written stay what it reads; while there is a
 * debugger the CPU holds the debugger's. Where the hardware steps by RFLAGS.TF alone, kev
 * looks at each instruction first: those that save the flags are not to show it to the
 * guest.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/exit.h>
#include <kev/mem.h>
#include <kev/step.h>
#include <kev/values.h>
#include <kev/vcpu.h>
#include <kev/vm.h>
#include <kev/walk.h>

#define DEBUG_FLAGS	(KEV_DEBUG_STEP | KEV_DEBUG_SOFTWARE | KEV_DEBUG_HARDWARE)
#define DR7_ARGUMENT	(KEV_DR7_ENABLES | GENMASK_ULL(31, 16))

/**
 * kev_debug_takes() - is an exception the debugger's
 * @vcpu: the caller holds its lock
 * @exit: a KEV_EV_EXCEPTION
 *
 * With a debugger no breakpoint of the guest is on. A single step is the guest's own.
 *
 * Return: true: it is reported; else the guest gets it.
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

static void call_where(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->where(vcpu, arg);
}

static enum kev_verdict report(struct kev_vcpu *vcpu, u32 vector, u64 dr6)
{
	struct kev_where where = {};

	kev_report(vcpu, KEV_EXIT_DEBUG);
	/* Without the CPU there is still the reason to tell. */
	kev_vcpu_loaded_call(vcpu, call_where, &where);
	vcpu->run->debug = (struct kev_exit_debug) {
		.vector = vector,
		.address = where.rip,
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
 * Return: KEV_REPORT.
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
	/* A #DB of the guest came with it. */
	if (exit->step.guest)
		kev_raise_debug(vcpu, exit->step.guest);
	return vcpu->debug.flags & KEV_DEBUG_STEP ? KEV_PASS : KEV_RETRY;
}

static ssize_t copy_guest(struct kev_vcpu *vcpu, u64 gva, u32 access, void *buf, size_t len)
{
	struct kev_touch touch = {
		.access = access,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
	struct kev_paging paging;
	int ret = kev_vcpu_paging(vcpu, &paging);

	return ret ?: kev_mem_copy_gva(&vcpu->vm->mem, &paging, gva, &touch, buf, len);
}

/**
 * kev_debug_prepare() - before a step: look at the instruction
 * @vcpu: the caller holds its lock
 *
 * INT n is not executed: its interrupt is raised, as what it does.
 *
 * Context: process, may sleep.
 */
void kev_debug_prepare(struct kev_vcpu *vcpu)
{
	u8 bytes[KEV_INSN_MAX_LENGTH];
	struct kev_where where;
	struct kev_step step;
	ssize_t len, more;

	vcpu->loads_flags = false;
	vcpu->saves_flags = KEV_SAVES_NO_FLAGS;
	if (!kev_info.steps_by_flag || kev_vcpu_loaded_call(vcpu, call_where, &where))
		return;
	/* Something else comes first. */
	if (vcpu->pending || vcpu->resumed || where.event)
		return;
	len = min_t(size_t, sizeof(bytes), PAGE_SIZE - offset_in_page(where.rip));
	len = copy_guest(vcpu, where.rip, KEV_MEM_EXEC, bytes, len);
	if (len <= 0)
		return;
	kev_step_decode(bytes, len, where.code64, &step);
	/* Only then the page behind is the instruction's business. */
	if (step.cut && len < (ssize_t)sizeof(bytes)) {
		more = copy_guest(vcpu, where.rip + len, KEV_MEM_EXEC, bytes + len,
				  sizeof(bytes) - len);
		kev_step_decode(bytes, len + max_t(ssize_t, more, 0), where.code64, &step);
	}
	vcpu->loads_flags = step.loads;
	vcpu->saves_flags = step.saves;
	if (!step.interrupt || where.v8086)
		return;
	kev_queue_exception(vcpu, step.vector, false, 0);
	vcpu->exception.software = true;
	vcpu->exception.length = step.length;
}

/* The guest is not to find the flag of the step in what it has saved. */
static void hide_flag(struct kev_vcpu *vcpu)
{
	struct kev_where where;
	u16 flags;

	if (vcpu->saves_flags == KEV_SAVES_IN_R11)
		vcpu->gpr[KEV_R11] &= ~(u64)X86_EFLAGS_TF;
	if (vcpu->saves_flags != KEV_SAVES_ON_STACK ||
	    kev_vcpu_loaded_call(vcpu, call_where, &where))
		return;
	if (copy_guest(vcpu, where.stack, KEV_MEM_READ, &flags, sizeof(flags)) != sizeof(flags))
		return;
	flags &= ~X86_EFLAGS_TF;
	copy_guest(vcpu, where.stack, KEV_MEM_WRITE, &flags, sizeof(flags));
}

enum kev_verdict kev_slow_step(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 breakpoints = exit->step.breakpoints;

	/* The flag is the guest's own where the step is its own too. */
	if (vcpu->saves_flags && !(exit->step.guest & KEV_DR6_BS))
		hide_flag(vcpu);
	return report(vcpu, X86_TRAP_DB, KEV_DR6_BS | breakpoints);
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
 * Return: 0; -EINVAL; -EBUSY the vCPU is in RUN.
 */
long kev_vcpu_set_debug(void *object, void *arg)
{
	const struct kev_vcpu_debug *args = arg;
	struct kev_vcpu *vcpu = object;

	if (!debug_valid(args))
		return -EINVAL;
	if (!kev_vcpu_trylock(vcpu))
		return -EBUSY;
	vcpu->debug = *args;
	if (!(args->flags & KEV_DEBUG_STEP))
		vcpu->pending &= ~KEV_PENDING_STEP;
	/* What has waited for the end of the steps */
	set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
	kev_vcpu_unlock(vcpu);
	return 0;
}
