// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that exit only because user space wants to see them: what they would have
 * done.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/msr-index.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/vcpu.h>

enum kev_verdict kev_fast_rdtsc(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 tsc, aux = 0;

	if (kev_backend->read_msr(vcpu, MSR_IA32_TSC, &tsc))
		return KEV_PASS;
	if (exit->rdtsc.aux) {
		if (kev_backend->read_msr(vcpu, MSR_TSC_AUX, &aux))
			return kev_queue_exception(vcpu, X86_TRAP_UD, false, 0);
		vcpu->gpr[KEV_RCX] = aux;
	}
	vcpu->gpr[KEV_RAX] = lower_32_bits(tsc);
	vcpu->gpr[KEV_RDX] = upper_32_bits(tsc);
	return KEV_RESUME;
}

/* More than one page's translations may always be forgotten. */
enum kev_verdict kev_fast_invlpg(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (exit->invlpg.pcid)
		return kev_fast_native(vcpu, exit);
	kev_backend->flush_guest(vcpu);
	return KEV_RESUME;
}

/* The instruction itself runs, with all that it checks and all its operands. */
enum kev_verdict kev_fast_native(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	kev_backend->run_native(vcpu);
	return KEV_RETRY;
}
