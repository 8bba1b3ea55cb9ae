// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs that every guest gets, but for those of the local APIC. Documentation/msrs.rst
 * has the whole list.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/kernel.h>
#include <asm/kvm_para.h>
#include <asm/msr-index.h>
#include <asm/mtrr.h>
#include <kev/backend.h>
#include <kev/clock.h>
#include <kev/msr.h>
#include <kev/vcpu.h>

static int read_zero(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 0;
	return 0;
}

static int read_faults(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	return -EINVAL;
}

static int write_ignored(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return 0;
}

static int write_faults(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return -EINVAL;
}

/* There, empty, and deaf: what guests probe on their way up */
static const struct kev_msr_ops msr_zero = { read_zero, write_ignored };

/* Read-only, and empty */
static const struct kev_msr_ops msr_zero_read_only = { read_zero, write_faults };

/* A command without an effect */
static const struct kev_msr_ops msr_write_only = { read_faults, write_ignored };

static int read_microcode(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 1ULL << 32;	/* revision 1, in the upper half */
	return 0;
}

/* SDM Vol. 3, "Determining the Signature": 0 is written before the revision is read. */
static const struct kev_msr_ops msr_microcode = { read_microcode, write_ignored };

/* Locked, without VMX: SDM Vol. 3, "Enabling and Entering VMX Operation" */
static int read_feature_control(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = FEAT_CTL_LOCKED;
	return 0;
}

static const struct kev_msr_ops msr_feature_control = { read_feature_control, write_faults };

/*
 * No range has a type of its own (IA32_MTRRCAP is 0, and CPUID tells of no MTRRs): all
 * memory is write-back, as it is. SDM Vol. 3, "IA32_MTRR_DEF_TYPE MSR"
 */
#define MTRR_ENABLE	BIT_ULL(11)

static int read_mtrr_def_type(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = MTRR_ENABLE | MTRR_TYPE_WRBACK;
	return 0;
}

static const struct kev_msr_ops msr_mtrr_def_type = { read_mtrr_def_type, write_ignored };

/* Neither can be had: no counters, no branch records. */
#define MISC_ENABLE_READ_ONLY	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
#define MISC_ENABLE_RESET	(MSR_IA32_MISC_ENABLE_FAST_STRING | MISC_ENABLE_READ_ONLY)

static int write_misc_enable(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	vcpu->msr.misc_enable = value | MISC_ENABLE_READ_ONLY;
	return 0;
}

static const struct kev_msr_ops msr_misc_enable = {
	.field = KEV_MSR_FIELD(msr.misc_enable),
	.write_msr = write_misc_enable,
};

/* Hardware state holds its value. */
static int read_backend(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	return kev_backend->read_msr(vcpu, index, value);
}

static int write_backend(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return kev_backend->write_msr(vcpu, index, value);
}

static const struct kev_msr_ops msr_backend = { read_backend, write_backend };

/*
 * SDM Vol. 3, "IA32_TSC_ADJUST MSR": a write to either register moves both. What the guest's
 * clock page says holds no longer.
 */
static void move_tsc(struct kev_vcpu *vcpu, u64 ticks)
{
	kev_backend->move_tsc(vcpu, ticks);
	vcpu->msr.tsc_adjust += ticks;
	kev_timer_tsc_changed(vcpu);
	kev_clock_moved(vcpu);
}

static int write_tsc(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	u64 now;
	int ret = kev_backend->read_msr(vcpu, index, &now);

	if (!ret)
		move_tsc(vcpu, value - now);
	return ret;
}

static const struct kev_msr_ops msr_tsc = { read_backend, write_tsc };

/* Guests write again and again what they have found: it moves nothing. */
static int write_tsc_adjust(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	if (value != vcpu->msr.tsc_adjust)
		move_tsc(vcpu, value - vcpu->msr.tsc_adjust);
	return 0;
}

static const struct kev_msr_ops msr_tsc_adjust = {
	.field = KEV_MSR_FIELD(msr.tsc_adjust),
	.write_msr = write_tsc_adjust,
};

/* The first after IA32_MCG_STATUS would be banks of machine checks: there is none. */
static const struct {
	u32 index;
	const struct kev_msr_ops *ops;
} builtin[] = {
	{ MSR_EFER, &msr_backend },
	{ MSR_STAR, &msr_backend },
	{ MSR_LSTAR, &msr_backend },
	{ MSR_CSTAR, &msr_backend },
	{ MSR_SYSCALL_MASK, &msr_backend },
	{ MSR_TSC_AUX, &msr_backend },
	{ MSR_FS_BASE, &msr_backend },
	{ MSR_GS_BASE, &msr_backend },
	{ MSR_KERNEL_GS_BASE, &msr_backend },
	{ MSR_IA32_SYSENTER_CS, &msr_backend },
	{ MSR_IA32_SYSENTER_ESP, &msr_backend },
	{ MSR_IA32_SYSENTER_EIP, &msr_backend },
	{ MSR_IA32_CR_PAT, &msr_backend },
	{ MSR_IA32_TSC, &msr_tsc },
	{ MSR_IA32_TSC_ADJUST, &msr_tsc_adjust },
	{ MSR_KVM_WALL_CLOCK, &kev_msr_wall_clock },
	{ MSR_KVM_SYSTEM_TIME, &kev_msr_system_time },
	{ MSR_IA32_PLATFORM_ID, &msr_zero_read_only },
	{ MSR_IA32_EBL_CR_POWERON, &msr_zero },
	{ MSR_EBC_FREQUENCY_ID, &msr_zero_read_only },
	{ MSR_SMI_COUNT, &msr_zero_read_only },
	{ MSR_IA32_FEAT_CTL, &msr_feature_control },
	{ MSR_IA32_UCODE_WRITE, &msr_write_only },
	{ MSR_IA32_UCODE_REV, &msr_microcode },
	{ MSR_IA32_PERFCTR0, &msr_zero },
	{ MSR_IA32_PERFCTR1, &msr_zero },
	{ MSR_FSB_FREQ, &msr_zero_read_only },
	{ MSR_PLATFORM_INFO, &msr_zero_read_only },
	{ MSR_MTRRcap, &msr_zero_read_only },
	{ MSR_IA32_BBL_CR_CTL, &msr_zero },
	{ MSR_IA32_BBL_CR_CTL3, &msr_zero },
	{ MSR_MISC_FEATURES_ENABLES, &msr_zero },
	{ MSR_IA32_MCG_CAP, &msr_zero_read_only },
	{ MSR_IA32_MCG_STATUS, &msr_zero },
	{ MSR_P6_EVNTSEL0, &msr_zero },
	{ MSR_P6_EVNTSEL1, &msr_zero },
	{ MSR_IA32_PERF_STATUS, &msr_zero_read_only },
	{ MSR_IA32_PERF_CTL, &msr_zero },
	{ MSR_IA32_THERM_CONTROL, &msr_zero },
	{ MSR_IA32_THERM_INTERRUPT, &msr_zero },
	{ MSR_IA32_THERM_STATUS, &msr_zero },
	{ MSR_IA32_MISC_ENABLE, &msr_misc_enable },
	{ MSR_IA32_TEMPERATURE_TARGET, &msr_zero_read_only },
	{ MSR_TURBO_RATIO_LIMIT, &msr_zero_read_only },
	{ MSR_LBR_TOS, &msr_zero },
	{ MSR_IA32_DEBUGCTLMSR, &msr_zero },
	{ MSR_MTRRdefType, &msr_mtrr_def_type },
	{ MSR_IA32_PERF_CAPABILITIES, &msr_zero_read_only },
	{ MSR_CORE_PERF_FIXED_CTR_CTRL, &msr_zero },
	{ MSR_CORE_PERF_GLOBAL_STATUS, &msr_zero_read_only },
	{ MSR_CORE_PERF_GLOBAL_CTRL, &msr_zero },
	{ MSR_CORE_PERF_GLOBAL_OVF_CTRL, &msr_zero },
	{ MSR_RAPL_POWER_UNIT, &msr_zero_read_only },
	{ MSR_PKG_ENERGY_STATUS, &msr_zero_read_only },
	{ MSR_DRAM_ENERGY_STATUS, &msr_zero_read_only },
	{ MSR_PP0_ENERGY_STATUS, &msr_zero_read_only },
	{ MSR_PP1_ENERGY_STATUS, &msr_zero_read_only },
	{ MSR_KVM_WALL_CLOCK_NEW, &kev_msr_wall_clock },
	{ MSR_KVM_SYSTEM_TIME_NEW, &kev_msr_system_time },
	{ MSR_AMD64_SYSCFG, &msr_zero },
	{ MSR_K7_HWCR, &msr_zero },
	{ MSR_AMD64_NB_CFG, &msr_zero },
};

/**
 * kev_msr_init() - fill the table with what every guest gets
 *
 * Return: 0 or -ENOMEM, with an empty table.
 */
int kev_msr_init(void)
{
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++) {
		ret = kev_msr_insert(builtin[i].index, builtin[i].ops);
		if (ret) {
			kev_msr_exit();
			return ret;
		}
	}
	return 0;
}

/**
 * kev_msr_exit() - the opposite of kev_msr_init(); also after half of it
 */
void kev_msr_exit(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++)
		kev_msr_remove(builtin[i].index);
}

/**
 * kev_msr_reset() - a vCPU's values after reset
 * @vcpu: not running
 */
void kev_msr_reset(struct kev_vcpu *vcpu)
{
	vcpu->msr = (struct kev_msr_values) {
		.apic_base = KEV_APIC_BASE_DEFAULT | KEV_APIC_BASE_ENABLED,
		.misc_enable = MISC_ENABLE_RESET,
	};
}
