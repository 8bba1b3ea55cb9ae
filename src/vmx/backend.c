// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel VMX as a backend of kev.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <asm/cpufeature.h>
#include <asm/hypervisor.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/tsc.h>
#include <kev/compat.h>
#include <kev/ept.h>
#include <kev/fpu.h>

#include "vmx.h"

struct kev_vmx_config kev_vmx_config;

/* An MSR that may not exist reads as 0: a capability that is not there. */
static u64 probe_msr(u32 index)
{
	u64 value = 0;

	rdmsrq_safe(index, &value);
	return value;
}

static void read_caps(struct kev_vmx_caps *caps)
{
	memset(caps, 0, sizeof(*caps));
	caps->cpu_vmx = cpuid_ecx(1) & BIT(5);
	if (!caps->cpu_vmx)
		return;
	caps->kernel_vmx = this_cpu_has(X86_FEATURE_VMX);
	caps->signature = cpuid_eax(1);
	caps->feature_control = probe_msr(MSR_IA32_FEAT_CTL);
	caps->basic = probe_msr(MSR_IA32_VMX_BASIC);
	caps->pin = probe_msr(MSR_IA32_VMX_PINBASED_CTLS);
	caps->proc = probe_msr(MSR_IA32_VMX_PROCBASED_CTLS);
	if (caps->proc >> 63)
		caps->proc2 = probe_msr(MSR_IA32_VMX_PROCBASED_CTLS2);
	caps->exit = probe_msr(MSR_IA32_VMX_EXIT_CTLS);
	caps->entry = probe_msr(MSR_IA32_VMX_ENTRY_CTLS);
	if (caps->basic & BIT_ULL(55)) {
		caps->true_pin = probe_msr(MSR_IA32_VMX_TRUE_PINBASED_CTLS);
		caps->true_proc = probe_msr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
		caps->true_exit = probe_msr(MSR_IA32_VMX_TRUE_EXIT_CTLS);
		caps->true_entry = probe_msr(MSR_IA32_VMX_TRUE_ENTRY_CTLS);
	}
	caps->misc = probe_msr(MSR_IA32_VMX_MISC);
	caps->cr0_fixed0 = probe_msr(MSR_IA32_VMX_CR0_FIXED0);
	caps->cr0_fixed1 = probe_msr(MSR_IA32_VMX_CR0_FIXED1);
	caps->cr4_fixed0 = probe_msr(MSR_IA32_VMX_CR4_FIXED0);
	caps->cr4_fixed1 = probe_msr(MSR_IA32_VMX_CR4_FIXED1);
	if ((caps->proc2 >> 32) & (KEV_PROC2_EPT | KEV_PROC2_VPID))
		caps->ept_vpid = probe_msr(MSR_IA32_VMX_EPT_VPID_CAP);
}

static void host_cpuid(void *ctx, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs)
{
	cpuid_count(leaf, subleaf, &regs->eax, &regs->ebx, &regs->ecx, &regs->edx);
}

static struct kev_vmx_choice choice = {
	.ept_ad = true,
	.tpr_shadow = true,
	.apicv = true,
	.preemption_timer = true,
};

module_param_named(ept_ad, choice.ept_ad, bool, 0444);
MODULE_PARM_DESC(ept_ad, "use accessed and dirty flags of EPT where the CPU has them (Y)");
module_param_named(tpr_shadow, choice.tpr_shadow, bool, 0444);
MODULE_PARM_DESC(tpr_shadow, "let the CPU keep a guest's task priority where it can (Y)");
module_param_named(apicv, choice.apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "let the CPU deliver a local APIC's interrupts where it can (Y)");
module_param_named(preemption_timer, choice.preemption_timer, bool, 0444);
MODULE_PARM_DESC(preemption_timer, "time guests by the VMX-preemption timer where it is there (Y)");

static u64 features(const struct kev_vmx_config *config, u64 xcr0)
{
	const struct {
		bool there;
		u64 bit;
	} table[] = {
		{ config->unrestricted, KEV_FEATURE_UNRESTRICTED_GUEST },
		{ config->ept_ad, KEV_FEATURE_EPT_ACCESSED_DIRTY },
		{ config->ept_2m, KEV_FEATURE_EPT_2M },
		{ config->ept_1g, KEV_FEATURE_EPT_1G },
		{ config->ept_xo, KEV_FEATURE_EPT_EXECUTE_ONLY },
		{ config->vpid, KEV_FEATURE_VPID },
		{ xcr0, KEV_FEATURE_XSAVE },
		{ config->preemption_timer, KEV_FEATURE_PREEMPTION_TIMER },
		{ config->tsc_scaling, KEV_FEATURE_TSC_SCALING },
		{ config->apicv, KEV_FEATURE_VIRTUAL_INTERRUPTS },
	};
	u64 bits = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].there)
			bits |= table[i].bit;
	return bits;
}

static void fill_info(struct kev_backend_info *info, const struct kev_vmx_config *config)
{
	struct kev_cpuid_limits limits;

	info->phys_bits = min_t(u32, boot_cpu_data.x86_phys_bits,
				kev_pt_shift(KEV_PT_LEVEL_512G) + KEV_PT_INDEX_BITS);
	info->linear_bits = boot_cpu_data.x86_virt_bits;
	info->pt_format = config->ept_xo ? &kev_ept_format_execute_only : &kev_ept_format;
	/* A guest could raise a machine check by changing the size of a page that it executes. */
	info->huge_exec = !boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT);
	info->xcr0 = kev_fpu_probe();
	limits = (struct kev_cpuid_limits) {
		.xcr0 = info->xcr0,
		.phys_bits = info->phys_bits,
		.xsave = info->xcr0,
		.rdtscp = config->rdtscp,
		.invpcid = config->invpcid,
		.local_apic = true,	/* the guest ABI promises the bits */
		.tsc_adjust = true,
	};
	kev_cpuid_build(&info->cpuid, host_cpuid, NULL, &limits);
	info->cr0_guest = X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET |
			  X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD |
			  X86_CR0_PG;
	info->cr4_guest = info->cpuid.cr4 & config->cr4_fixed1 & ~X86_CR4_VMXE;
	info->intercepts = kev_vmx_intercepts(config);
	info->passes = kev_vmx_passes(config);
	info->steps_by_flag = !(config->proc_allowed & KEV_PROC_MONITOR_TRAP);
	info->features = features(config, info->xcr0);
}

static void kev_vmx_unprobe(void)
{
	kev_vmx_vcpu_exit();
	kev_vmx_l1d_exit();
	kev_vmx_unprobe_cpus();
	kev_vmx_bitmaps_exit();
}

int kev_vmx_read_config(struct kev_vmx_config *config, struct kev_vmx_missing *missing)
{
	struct kev_vmx_caps caps;
	int ret;

	read_caps(&caps);
	ret = kev_vmx_config_compute(&caps, config, missing);
	if (!ret)
		kev_vmx_config_choose(config, &choice);
	return ret;
}

static int kev_vmx_probe(struct kev_backend_info *info)
{
	struct kev_vmx_missing missing;
	int ret;

	if (cpu_feature_enabled(X86_FEATURE_XENPV)) {
		pr_err("this kernel is a Xen PV guest: VMX belongs to Xen\n");
		return -EOPNOTSUPP;
	}
	if (kev_host_has_fred()) {
		pr_err("this kernel uses FRED event delivery, which kev does not support; boot with fred=off\n");
		return -EOPNOTSUPP;
	}

	/* Timers, clocks and counters divide by it. */
	if (!tsc_khz) {
		pr_err("the kernel does not know how fast the TSC counts\n");
		return -EOPNOTSUPP;
	}

	ret = kev_vmx_read_config(&kev_vmx_config, &missing);
	if (ret) {
		pr_err("this CPU cannot run guests: %s: %s %s\n",
		       missing.field, missing.control, missing.why);
		return ret;
	}

	kev_vmx_perf_init();
	kev_vmx_host_init();
	ret = kev_vmx_bitmaps_init();
	if (ret)
		return ret;
	ret = kev_vmx_probe_cpus();
	if (!ret)
		ret = kev_vmx_l1d_init();
	if (!ret) {
		fill_info(info, &kev_vmx_config);
		ret = kev_vmx_vcpu_init();
	}
	if (ret)
		kev_vmx_unprobe();
	return ret;
}

const struct kev_backend kev_vmx_backend = {
	.name = "vmx",
	.probe = kev_vmx_probe,
	.unprobe = kev_vmx_unprobe,
	.enable_cpu = kev_vmx_enable_cpu,
	.disable_cpu = kev_vmx_disable_cpu,
	.emergency_disable_cpu = kev_vmx_emergency_disable_cpu,
	.vcpu_create = kev_vmx_vcpu_create,
	.vcpu_destroy = kev_vmx_vcpu_destroy,
	.load = kev_vmx_load,
	.arm = kev_vmx_arm,
	.disarm = kev_vmx_disarm,
	.enter = kev_vmx_enter,
	.policy = kev_vmx_policy,
	.flush = kev_vmx_flush,
	.advance = kev_vmx_advance,
	.inject = kev_vmx_inject,
	.event_waits = kev_vmx_event_waits,
	.inject_interrupt = kev_vmx_inject_interrupt,
	.inject_nmi = kev_vmx_inject_nmi,
	.nmi_blocked = kev_vmx_nmi_blocked,
	.tsc_offset = kev_vmx_tsc_offset,
	.apic_changed = kev_vmx_apic_changed,
	.deliver = kev_vmx_deliver,
	.watch_tpr = kev_vmx_watch_tpr,
	.set_deadline = kev_vmx_set_deadline,
	.clear_deadline = kev_vmx_clear_deadline,
	.get = kev_vmx_get,
	.set = kev_vmx_set,
	.check = kev_vmx_check_state,
	.entry_problem = kev_vmx_entry_problem,
	.commit = kev_vmx_commit,
	.frame = kev_vmx_frame,
	.paging = kev_vmx_paging,
	.read_msr = kev_vmx_rdmsr,
	.write_msr = kev_vmx_wrmsr,
	.move_tsc = kev_vmx_move_tsc,
	.write_cr = kev_vmx_write_cr,
	.read_cr = kev_vmx_read_cr,
	.set_pdptes = kev_vmx_set_pdptes,
	.exit_info = kev_vmx_exit_info,
	.read_rip = kev_vmx_read_rip,
	.read_rsp = kev_vmx_read_rsp,
	.write_rsp = kev_vmx_write_rsp,
	.load_debug = kev_vmx_load_debug,
	.run_native = kev_vmx_run_native,
	.flush_guest = kev_vmx_flush_guest,
	.where = kev_vmx_where,
	.code64 = kev_vmx_code_at,
};
