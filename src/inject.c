// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that user space raises in a guest: KEV_VCPU_INJECT.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <asm/trapnr.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/emulation.h>
#include <kev/values.h>
#include <kev/vcpu.h>

#define NR_EXCEPTIONS	32

/*
 * SDM Vol. 3, "Checks on VM-Entry Control Fields": the entry of older CPUs refuses a greater one.
 * A state may have it: there it came from a CPU.
 */
#define ERROR_CODE_MAX	0x7fffU

/* INT3 and INTO, of which there is no instruction to measure */
#define SOFTWARE_LENGTH	1

struct exception_call {
	struct kev_exception exception;
	int ret;
};

/**
 * kev_vcpu_unfinished() - will RUN go on with an instruction, which may raise an exception
 * @vcpu: the caller holds its lock
 *
 * Return: true: no event may be set for the next entry.
 */
bool kev_vcpu_unfinished(const struct kev_vcpu *vcpu)
{
	switch (vcpu->answer) {
	case KEV_EXIT_MMIO:
	case KEV_EXIT_MMIO | KEV_ANSWER_ADVANCE:
	case KEV_EXIT_CONSOLE:
		return true;
	case KEV_EXIT_IO:
		return vcpu->exit.io.string;
	default:
		return vcpu->resumed;
	}
}

/**
 * kev_vcpu_event_set() - user space has said what event the next entry delivers
 * @vcpu: the caller holds its lock; no instruction is unfinished if @waits
 * @waits: whether there is one
 *
 * What the answer to the last report may raise would be a second one.
 */
void kev_vcpu_event_set(struct kev_vcpu *vcpu, bool waits)
{
	/* Instead of the memory that an instruction waits for: it has not been executed. */
	if (waits && vcpu->answer == KEV_EXIT_MEMORY) {
		vcpu->answer = KEV_EXIT_NONE;
		kev_emulate_drop(vcpu);
	}
	vcpu->raised = waits && (vcpu->answer == KEV_EXIT_MSR ||
				 vcpu->answer == KEV_EXIT_INTERCEPT);
}

static void call_inject(struct kev_vcpu *vcpu, void *arg)
{
	struct exception_call *call = arg;

	if (kev_backend->event_waits(vcpu) || kev_vcpu_unfinished(vcpu)) {
		call->ret = -EBUSY;
		return;
	}
	kev_vcpu_event_set(vcpu, true);
	vcpu->exception = call->exception;
	vcpu->pending |= KEV_PENDING_EXCEPTION;
	/* Its handler runs, whatever the last instruction was. */
	if (vcpu->mp == KEV_MP_HALTED)
		kev_halt_end(vcpu);
}

static long inject_exception(struct kev_vcpu *vcpu, const struct kev_vcpu_inject *args)
{
	struct exception_call call = {
		.exception = {
			.vector = args->vector,
			.has_error = args->flags & KEV_INJECT_ERROR_CODE,
			.error = args->error_code,
		},
	};
	long ret;

	if (args->vector >= NR_EXCEPTIONS || args->vector == X86_TRAP_NMI)
		return -EINVAL;
	if (call.exception.has_error != !!(KEV_VECTORS_WITH_ERROR & BIT(args->vector)))
		return -EINVAL;
	if (args->error_code > ERROR_CODE_MAX)
		return -EINVAL;
	/* No guest has CET, and a CPU without it refuses the error code. */
	if (args->vector == X86_TRAP_CP)
		return -EOPNOTSUPP;
	if (args->vector == X86_TRAP_BP || args->vector == X86_TRAP_OF)
		call.exception.length = SOFTWARE_LENGTH;

	if (!kev_vcpu_trylock(vcpu))
		return -EBUSY;
	ret = kev_vcpu_loaded_call(vcpu, call_inject, &call);
	kev_vcpu_unlock(vcpu);
	return ret ?: call.ret;
}

/**
 * kev_vcpu_inject() - KEV_VCPU_INJECT
 * @object: the vCPU
 * @arg: struct kev_vcpu_inject, unchecked
 *
 * Context: process, may sleep, no kev lock held.
 * Return: 0; -EINVAL; -EBUSY an event of that kind waits already, or for an exception any,
 * an instruction is unfinished, or the vCPU is in RUN; -EOPNOTSUPP; -EIO.
 */
long kev_vcpu_inject(void *object, void *arg)
{
	const struct kev_vcpu_inject *args = arg;
	struct kev_vcpu *vcpu = object;

	if (args->flags & ~(u32)KEV_INJECT_ERROR_CODE || args->reserved || args->vector > U8_MAX)
		return -EINVAL;
	if (!(args->flags & KEV_INJECT_ERROR_CODE) && args->error_code)
		return -EINVAL;
	if (args->type == KEV_INJECT_EXCEPTION)
		return inject_exception(vcpu, args);
	if (args->flags)
		return -EINVAL;
	if (args->type == KEV_INJECT_INTERRUPT)
		return kev_interrupt_raise(vcpu, args->vector);
	if (args->type != KEV_INJECT_NMI || args->vector != X86_TRAP_NMI)
		return -EINVAL;
	return kev_nmi_raise(vcpu) ? 0 : -EBUSY;
}
