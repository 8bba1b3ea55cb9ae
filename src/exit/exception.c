// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exceptions of the guest that kev has looked at: they are the guest's, but for those
 * that a debugger outside has asked for.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/cpu.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/exit.h>
#include <kev/vcpu.h>

/**
 * kev_raise_debug() - the guest gets a #DB
 * @vcpu: the caller holds its lock
 * @why: bits of DR6 that say why
 *
 * As the CPU leaves the debug registers: SDM Vol. 3, "Debug Status Register (DR6)".
 *
 * Return: KEV_INJECT
 */
enum kev_verdict kev_raise_debug(struct kev_vcpu *vcpu, u64 why)
{
	vcpu->dr6 = (vcpu->dr6 & ~KEV_DR6_BREAKPOINTS) | why;
	vcpu->dr7 &= ~KEV_DR7_GD;
	return kev_queue_exception(vcpu, X86_TRAP_DB, false, 0);
}

enum kev_verdict kev_fast_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (exit->exception.split_lock || kev_debug_takes(vcpu, exit))
		return KEV_PASS;
	switch (exit->exception.vector) {
	case X86_TRAP_UD:
		return KEV_PASS;
	case X86_TRAP_DB:
		return kev_raise_debug(vcpu, exit->exception.dr6);
	case X86_TRAP_PF:
		vcpu->cr2 = exit->exception.cr2;
		break;
	}
	kev_queue_exception(vcpu, exit->exception.vector, exit->exception.has_error,
			    exit->exception.error);
	vcpu->exception.length = exit->instruction_length;
	return KEV_INJECT;
}

enum kev_verdict kev_slow_exception(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (exit->exception.vector == X86_TRAP_UD)
		return kev_slow_invalid_opcode(vcpu, exit);
	if (!exit->exception.split_lock)
		return kev_debug_exception(vcpu, exit);
	/* The host's policy for split locks holds for guests: a warning, a delay, or SIGBUS. */
	handle_guest_split_lock(exit->exception.rip);
	return KEV_RETRY;
}
