// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: from the policy's table, never the host's own answer.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static void answer(struct kev_vcpu *vcpu, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs)
{
	const struct kev_cpuid_vcpu state = {
		.vcpu_id = vcpu->id,
		.nr_vcpus = READ_ONCE(vcpu->vm->nr_vcpus),
		.osxsave = vcpu->osxsave,
		.clock_pages = vcpu->vm->flags & KEV_VM_CLOCK,
		.apic_off = !(vcpu->msr.apic_base & KEV_APIC_BASE_ENABLED),
		.xcr0 = vcpu->xcr0,
	};

	kev_cpuid_answer(kev_vm_cpuid(vcpu->vm), &state, leaf, subleaf, regs);
}

/**
 * kev_vcpu_signature() - family, model and stepping as the guest has them
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: EAX of CPUID leaf 1, which INIT leaves in EDX.
 */
u32 kev_vcpu_signature(struct kev_vcpu *vcpu)
{
	struct kev_cpuid_regs regs;

	rcu_read_lock();
	answer(vcpu, 1, 0, &regs);
	rcu_read_unlock();
	return regs.eax;
}

enum kev_verdict kev_fast_cpuid(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 leaf = vcpu->gpr[KEV_RAX], subleaf = vcpu->gpr[KEV_RCX];
	struct kev_cpuid_regs regs;

	if (unlikely(vcpu->vm->flags & KEV_VM_REPORT_CPUID))
		return KEV_PASS;
	answer(vcpu, leaf, subleaf, &regs);
	vcpu->gpr[KEV_RAX] = regs.eax;
	vcpu->gpr[KEV_RBX] = regs.ebx;
	vcpu->gpr[KEV_RCX] = regs.ecx;
	vcpu->gpr[KEV_RDX] = regs.edx;
	trace_kev_cpuid(vcpu, leaf, subleaf);
	return KEV_RESUME;
}

enum kev_verdict kev_slow_cpuid(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_cpuid_regs regs;

	answer(vcpu, vcpu->gpr[KEV_RAX], vcpu->gpr[KEV_RCX], &regs);
	kev_report(vcpu, KEV_EXIT_CPUID);
	vcpu->run->cpuid = (struct kev_exit_cpuid) {
		.leaf = vcpu->gpr[KEV_RAX],
		.subleaf = vcpu->gpr[KEV_RCX],
		.eax = regs.eax,
		.ebx = regs.ebx,
		.ecx = regs.ecx,
		.edx = regs.edx,
	};
	vcpu->answer = KEV_EXIT_CPUID;
	return KEV_REPORT;
}
