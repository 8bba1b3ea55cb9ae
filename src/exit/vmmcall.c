// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMMCALL: another vendor's way to make a hypercall, which this CPU does not know.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/string.h>
#include <asm/trapnr.h>
#include <kev/emulation.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static const u8 vmmcall[] = { 0x0f, 0x01, 0xd9 };

/**
 * kev_slow_invalid_opcode() - #UD: a VMMCALL, or the guest's own
 * @vcpu: the caller holds its lock
 * @exit: the exception
 *
 * The exit becomes that of a VMCALL, and is answered as one.
 *
 * Context: process, may sleep.
 * Return: what the run loop does next.
 */
enum kev_verdict kev_slow_invalid_opcode(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	const struct kev_emulation *e;
	int ret = kev_emulate_fetch(vcpu);

	e = vcpu->emulation;
	/* The rest of it may be in the next page. */
	if (!ret && e->nr_bytes < sizeof(vmmcall) && !memcmp(e->bytes, vmmcall, e->nr_bytes))
		ret = kev_emulate_fetch_more(vcpu);
	if (ret == -EINTR)
		return KEV_KICKED;
	if (ret == -ENOMEM)
		return kev_report_no_memory(vcpu);
	if (ret) {
		vcpu->fail = ret;
		return KEV_FAIL;
	}
	if (e->nr_bytes < sizeof(vmmcall) || memcmp(e->bytes, vmmcall, sizeof(vmmcall)))
		return kev_queue_exception(vcpu, X86_TRAP_UD, false, 0);

	vcpu->exit.event = KEV_EV_HYPERCALL;
	vcpu->exit.instruction_length = sizeof(vmmcall);
	vcpu->exit.hypercall.cpl = e->cpu.cpl;
	vcpu->exit.hypercall.long_mode = e->cpu.code == KEV_CODE_64;
	if (vcpu->vm->intercepts & KEV_INTERCEPT_HYPERCALL) {
		vcpu->intercepted = true;
		return KEV_KICKED;
	}
	vcpu->resumed = true;
	return KEV_RETRY;
}
