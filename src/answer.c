// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space answers to a report. The run page is the caller's to scribble on: each
 * field is read once.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <asm/trapnr.h>
#include <kev/emulation.h>
#include <kev/exit.h>
#include <kev/trace.h>
#include <kev/vcpu.h>

/* A read of the guest gives RDX:RAX, zero-extended: contract of RDMSR. */
static int take_msr(struct kev_vcpu *vcpu, u32 answer, u64 data)
{
	bool write = vcpu->exit.event == KEV_EV_WRMSR;

	if (answer == KEV_MSR_ANSWER_GP) {
		if (vcpu->raised)
			return -EINVAL;
		trace_kev_msr(vcpu, write, true);
		kev_queue_gp(vcpu);
		return KEV_RETRY;
	}
	if (answer != KEV_MSR_ANSWER_DONE)
		return -EINVAL;
	if (!write) {
		vcpu->gpr[KEV_RAX] = lower_32_bits(data);
		vcpu->gpr[KEV_RDX] = upper_32_bits(data);
	}
	trace_kev_msr(vcpu, write, false);
	vcpu->pending |= KEV_PENDING_ADVANCE;
	return KEV_RETRY;
}

/* IN AL and IN AX leave the rest of RAX alone, IN EAX clears the upper half. */
static void take_io(struct kev_vcpu *vcpu, u32 data)
{
	u64 *rax = &vcpu->gpr[KEV_RAX];

	vcpu->pending |= KEV_PENDING_ADVANCE;
	if (!vcpu->exit.io.in)
		return;
	trace_kev_pio(vcpu, false, vcpu->exit.io.port, vcpu->exit.io.width, 1, data);
	switch (vcpu->exit.io.width) {
	case 1:
		*rax = (*rax & ~0xffULL) | (u8)data;
		break;
	case 2:
		*rax = (*rax & ~0xffffULL) | (u16)data;
		break;
	default:
		*rax = data;
		break;
	}
}

static int take_intercept(struct kev_vcpu *vcpu, u32 answer)
{
	switch (answer) {
	case KEV_INTERCEPT_CONTINUE:
		if (vcpu->raised)
			return -EINVAL;
		/* A trap does not come again: it is to wait where a move takes it along. */
		if (vcpu->exit.event == KEV_EV_EXCEPTION &&
		    vcpu->exit.exception.vector == X86_TRAP_DB)
			kev_raise_debug(vcpu, vcpu->exit.exception.dr6);
		else
			vcpu->resumed = true;
		return KEV_RETRY;
	case KEV_INTERCEPT_DONE:
		vcpu->pending |= KEV_PENDING_ADVANCE;
		return KEV_RETRY;
	case KEV_INTERCEPT_RETRY:
		return KEV_RETRY;
	default:
		return -EINVAL;
	}
}

static void take_cpuid(struct kev_vcpu *vcpu, const struct kev_exit_cpuid *cpuid)
{
	u32 leaf = vcpu->gpr[KEV_RAX], subleaf = vcpu->gpr[KEV_RCX];

	vcpu->gpr[KEV_RAX] = READ_ONCE(cpuid->eax);
	vcpu->gpr[KEV_RBX] = READ_ONCE(cpuid->ebx);
	vcpu->gpr[KEV_RCX] = READ_ONCE(cpuid->ecx);
	vcpu->gpr[KEV_RDX] = READ_ONCE(cpuid->edx);
	trace_kev_cpuid(vcpu, leaf, subleaf);
	vcpu->pending |= KEV_PENDING_ADVANCE;
}

/**
 * kev_take_answer() - complete the instruction that the last report was about
 * @vcpu: the caller holds its lock; kev_vcpu.answer is not KEV_EXIT_NONE
 *
 * Context: process.
 * Return: KEV_RETRY; KEV_KICKED: the slow level goes on with it; -EINVAL an answer that makes
 * no sense, and it is waited for still.
 */
int kev_take_answer(struct kev_vcpu *vcpu)
{
	const struct kev_run *run = vcpu->run;
	int ret = KEV_RETRY;

	switch (vcpu->answer) {
	case KEV_EXIT_HYPERCALL:
		vcpu->gpr[KEV_RAX] = READ_ONCE(run->hypercall.ret);
		vcpu->pending |= KEV_PENDING_ADVANCE;
		break;
	case KEV_EXIT_IO:
		if (vcpu->exit.io.string) {
			kev_emulate_string_answer(vcpu);
			ret = KEV_KICKED;
		} else {
			take_io(vcpu, READ_ONCE(run->io.data));
		}
		break;
	case KEV_EXIT_MMIO:
		ret = kev_emulate_answer(vcpu, READ_ONCE(run->mmio.data));
		break;
	case KEV_EXIT_CPUID:
		take_cpuid(vcpu, &run->cpuid);
		break;
	case KEV_EXIT_MSR:
		ret = take_msr(vcpu, READ_ONCE(run->msr.answer), READ_ONCE(run->msr.data));
		break;
	case KEV_EXIT_INTERCEPT:
		ret = take_intercept(vcpu, READ_ONCE(run->intercept.answer));
		break;
	case KEV_EXIT_CONSOLE:
	case KEV_EXIT_MEMORY:
		ret = KEV_KICKED;	/* to the slow level again */
		break;
	}
	if (ret >= 0) {
		vcpu->answer = KEV_EXIT_NONE;
		vcpu->raised = false;
	}
	return ret;
}
