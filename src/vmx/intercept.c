// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits that a VM turns on or off: KEV_VM_SET_EXITS.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmx.h"

/* Exits that take no more than a control */
static const struct {
	u64 intercept;
	u32 proc, proc2;
	bool native;	/* the instruction has to run by itself when it is to go on */
} intercepts[] = {
	{ KEV_INTERCEPT_PAUSE, .proc = KEV_PROC_PAUSE },
	{ KEV_INTERCEPT_RDTSC, .proc = KEV_PROC_RDTSC },
	{ KEV_INTERCEPT_CR, .proc = KEV_PROC_CR3_LOAD },
	{ KEV_INTERCEPT_WBINVD, .proc2 = KEV_PROC2_WBINVD },
	{ KEV_INTERCEPT_INVLPG, .proc = KEV_PROC_INVLPG, .native = true },
	{ KEV_INTERCEPT_DESCRIPTOR, .proc2 = KEV_PROC2_DESCRIPTOR_TABLE, .native = true },
	{ KEV_INTERCEPT_RDRAND, .proc2 = KEV_PROC2_RDRAND, .native = true },
};

/* With RDRAND where the CPU has it */
#define RDRAND_TOO	KEV_PROC2_RDSEED

/* These exit always. */
#define ALWAYS	(KEV_INTERCEPT_CPUID | KEV_INTERCEPT_MSR | KEV_INTERCEPT_HYPERCALL |	\
		 KEV_INTERCEPT_HLT | KEV_INTERCEPT_MWAIT | KEV_INTERCEPT_DR |		\
		 KEV_INTERCEPT_XSETBV | KEV_INTERCEPT_RDPMC | KEV_INTERCEPT_UNDEFINED |	\
		 KEV_INTERCEPT_EXCEPTION)

/**
 * kev_vmx_intercepts() - which exits this CPU can give to user space
 * @config: what the CPU can do
 *
 * Return: KEV_INTERCEPT_*.
 */
u64 kev_vmx_intercepts(const struct kev_vmx_config *config)
{
	u64 bits = ALWAYS;

	for (unsigned int i = 0; i < ARRAY_SIZE(intercepts); i++) {
		if (intercepts[i].proc & ~config->proc_allowed ||
		    intercepts[i].proc2 & ~config->proc2_allowed)
			continue;
		bits |= intercepts[i].intercept;
	}
	return bits;
}

/*
 * MWAIT of the guest's own may take the CPU where the host's tick must not stop: the kernel sees to
 * that in its own idle loop only. With a broken MONITOR the guest would not wake up.
 */
static bool mwait_passes(void)
{
	return boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
	       !boot_cpu_has_bug(X86_BUG_MONITOR);
}

/**
 * kev_vmx_passes() - which instructions this CPU can leave to the guest
 * @config: what the CPU can do
 *
 * Return: KEV_INTERCEPT_*.
 */
u64 kev_vmx_passes(const struct kev_vmx_config *config)
{
	return KEV_INTERCEPT_PAUSE | (mwait_passes() ? KEV_INTERCEPT_MWAIT : 0) |
	       (config->activity_hlt ? KEV_INTERCEPT_HLT : 0);
}

/**
 * kev_vmx_set_intercepts() - turn on and off what the VM's policy says
 * @vmx: loaded; the policy is final
 *
 * Context: IRQs off.
 */
void kev_vmx_set_intercepts(struct kev_vmx_vcpu *vmx)
{
	const struct kev_vm *vm = vmx->vcpu.vm;
	u32 proc = 0, proc2 = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(intercepts); i++) {
		if (!(vm->intercepts & intercepts[i].intercept))
			continue;
		kev_vmx_set_proc(vmx, intercepts[i].proc, true);
		kev_vmx_set_proc2(vmx, intercepts[i].proc2, true);
		if (intercepts[i].native) {
			proc |= intercepts[i].proc;
			proc2 |= intercepts[i].proc2;
		}
	}
	if (vm->intercepts & KEV_INTERCEPT_RDRAND) {
		proc2 |= RDRAND_TOO & kev_vmx_config.proc2_allowed;
		kev_vmx_set_proc2(vmx, proc2, true);
	}
	vmx->intercept_proc = proc;
	vmx->intercept_proc2 = proc2;
	if (vm->passes & KEV_INTERCEPT_HLT)
		kev_vmx_set_proc(vmx, KEV_PROC_HLT, false);
	if (vm->passes & KEV_INTERCEPT_MWAIT)
		kev_vmx_set_proc(vmx, KEV_PROC_MWAIT | KEV_PROC_MONITOR, false);
}
