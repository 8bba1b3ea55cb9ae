// SPDX-License-Identifier: GPL-2.0
/*
 * VMX capabilities and what kev makes of them. Pure.
 *
 * SDM Vol. 3, appendix A, "VMX Capability Reporting Facility": each field of
 * controls has an MSR whose low half says what has to be 1 and whose high half
 * what can be 1.
 */
#include <kev/ept.h>
#include <kev/pure.h>

#include "ctls.h"

/* IA32_FEATURE_CONTROL */
#define FEATURE_LOCKED			BIT_ULL(0)
#define FEATURE_VMX			(BIT_ULL(1) | BIT_ULL(2))	/* inside, outside SMX */

/* IA32_VMX_BASIC: appendix A.1 */
#define BASIC_REVISION			GENMASK_ULL(30, 0)
#define BASIC_SIZE(basic)		((basic) >> 32 & 0x1fff)
#define BASIC_32BIT_ADDRESSES		BIT_ULL(48)
#define BASIC_MEMORY_TYPE(basic)	((basic) >> 50 & 0xf)
#define BASIC_TRUE_CONTROLS		BIT_ULL(55)
#define MEMORY_TYPE_WB			6
#define VMCS_SIZE_MAX			4096

/* IA32_VMX_MISC: appendix A.6 */
#define MISC_TIMER_SHIFT		GENMASK_ULL(4, 0)
#define MISC_ACTIVITY_HLT		BIT_ULL(6)

#define CR0_PE				BIT_ULL(0)
#define CR0_PG				BIT_ULL(31)

/* The default1 classes of appendix A, without the controls that kev knows */
#define PIN_DEFAULT1			0x00000016U	/* A.3.1 */
#define PROC_DEFAULT1			0x04006172U	/* A.3.2; not CR3-load, -store exiting */
#define EXIT_DEFAULT1			0x00036dfbU	/* A.4.1; not "save debug controls" */
#define ENTRY_DEFAULT1			0x000011fbU	/* A.5; not "load debug controls" */

#define PROC_CR8	(KEV_PROC_CR8_LOAD | KEV_PROC_CR8_STORE)
#define PROC2_APICV	(KEV_PROC2_APIC_REGISTERS | KEV_PROC2_VIRTUAL_INTERRUPTS)

/*
 * In the order in which they are computed: a CPU without EPT cannot switch off CR3-load
 * exiting either and may lack virtual NMIs, and is to be refused for want of EPT.
 */
enum field { PROC2, PIN, PROC, EXIT, ENTRY, NR_FIELDS };

static const struct kev_vmx_want wants[NR_FIELDS] = {
	[PIN] = {
		/* Every CPU with EPT has virtual NMIs. */
		.required = KEV_PIN_EXTERNAL_INTERRUPT | KEV_PIN_NMI | KEV_PIN_VIRTUAL_NMIS,
		.default1 = PIN_DEFAULT1,
	},
	[PROC] = {
		.required = KEV_PROC_TSC_OFFSETTING | KEV_PROC_HLT | KEV_PROC_MWAIT |
			    KEV_PROC_RDPMC | KEV_PROC_CR8_LOAD | KEV_PROC_CR8_STORE |
			    KEV_PROC_MOV_DR | KEV_PROC_UNCONDITIONAL_IO | KEV_PROC_MSR_BITMAPS |
			    KEV_PROC_MONITOR | KEV_PROC_SECONDARY,
		.default1 = PROC_DEFAULT1,
		.dynamic = KEV_PROC_INTERRUPT_WINDOW | KEV_PROC_NMI_WINDOW,
	},
	[PROC2] = {
		.required = KEV_PROC2_EPT,
		.optional = KEV_PROC2_UNRESTRICTED | KEV_PROC2_VPID | KEV_PROC2_RDTSCP |
			    KEV_PROC2_INVPCID | KEV_PROC2_WBINVD | KEV_PROC2_ENCLS |
			    KEV_PROC2_CONCEAL_PT,
	},
	/* Acknowledge-on-exit stays off: the host takes its interrupts natively. */
	[EXIT] = {
		.required = KEV_VMEXIT_SAVE_DEBUG | KEV_VMEXIT_HOST_64 | KEV_VMEXIT_SAVE_PAT |
			    KEV_VMEXIT_LOAD_PAT | KEV_VMEXIT_SAVE_EFER | KEV_VMEXIT_LOAD_EFER,
		.optional = KEV_VMEXIT_CONCEAL_PT,
		.default1 = EXIT_DEFAULT1,
	},
	[ENTRY] = {
		.required = KEV_VMENTRY_LOAD_DEBUG | KEV_VMENTRY_LOAD_PAT | KEV_VMENTRY_LOAD_EFER,
		.optional = KEV_VMENTRY_CONCEAL_PT,
		.default1 = ENTRY_DEFAULT1,
	},
};

/* Names: SDM Vol. 3, "Definitions of ... Controls" */
static const char *const names[NR_FIELDS][32] = {
	[PIN] = {
		[0] = "external-interrupt exiting",
		[3] = "NMI exiting",
		[5] = "virtual NMIs",
		[6] = "activate VMX-preemption timer",
		[7] = "process posted interrupts",
	},
	[PROC] = {
		[2] = "interrupt-window exiting",
		[3] = "use TSC offsetting",
		[7] = "HLT exiting",
		[9] = "INVLPG exiting",
		[10] = "MWAIT exiting",
		[11] = "RDPMC exiting",
		[12] = "RDTSC exiting",
		[15] = "CR3-load exiting",
		[16] = "CR3-store exiting",
		[17] = "activate tertiary controls",
		[19] = "CR8-load exiting",
		[20] = "CR8-store exiting",
		[21] = "use TPR shadow",
		[22] = "NMI-window exiting",
		[23] = "MOV-DR exiting",
		[24] = "unconditional I/O exiting",
		[25] = "use I/O bitmaps",
		[27] = "monitor trap flag",
		[28] = "use MSR bitmaps",
		[29] = "MONITOR exiting",
		[30] = "PAUSE exiting",
		[31] = "activate secondary controls",
	},
	[PROC2] = {
		[0] = "virtualize APIC accesses",
		[1] = "enable EPT",
		[2] = "descriptor-table exiting",
		[3] = "enable RDTSCP",
		[4] = "virtualize x2APIC mode",
		[5] = "enable VPID",
		[6] = "WBINVD exiting",
		[7] = "unrestricted guest",
		[8] = "APIC-register virtualization",
		[9] = "virtual-interrupt delivery",
		[10] = "PAUSE-loop exiting",
		[11] = "RDRAND exiting",
		[12] = "enable INVPCID",
		[13] = "enable VM functions",
		[14] = "VMCS shadowing",
		[15] = "enable ENCLS exiting",
		[16] = "RDSEED exiting",
		[17] = "enable PML",
		[18] = "EPT-violation #VE",
		[19] = "conceal VMX from PT",
		[20] = "enable XSAVES/XRSTORS",
		[22] = "mode-based execute control for EPT",
		[23] = "sub-page write permissions for EPT",
		[24] = "Intel PT uses guest physical addresses",
		[25] = "use TSC scaling",
		[26] = "enable user wait and pause",
		[27] = "enable PCONFIG",
		[28] = "enable ENCLV exiting",
		[30] = "VMM bus-lock detection",
		[31] = "instruction timeout",
	},
	[EXIT] = {
		[2] = "save debug controls",
		[9] = "host address-space size",
		[12] = "load IA32_PERF_GLOBAL_CTRL",
		[15] = "acknowledge interrupt on exit",
		[18] = "save IA32_PAT",
		[19] = "load IA32_PAT",
		[20] = "save IA32_EFER",
		[21] = "load IA32_EFER",
		[22] = "save VMX-preemption timer value",
		[23] = "clear IA32_BNDCFGS",
		[24] = "conceal VMX from PT",
		[25] = "clear IA32_RTIT_CTL",
		[26] = "clear IA32_LBR_CTL",
		[27] = "clear UINV",
		[28] = "load CET state",
		[29] = "load PKRS",
		[30] = "save IA32_PERF_GLOBAL_CTL",
		[31] = "activate secondary controls",
	},
	[ENTRY] = {
		[2] = "load debug controls",
		[9] = "IA-32e mode guest",
		[10] = "entry to SMM",
		[11] = "deactivate dual-monitor treatment",
		[13] = "load IA32_PERF_GLOBAL_CTRL",
		[14] = "load IA32_PAT",
		[15] = "load IA32_EFER",
		[16] = "load IA32_BNDCFGS",
		[17] = "conceal VMX from PT",
		[18] = "load IA32_RTIT_CTL",
		[19] = "load UINV",
		[20] = "load CET state",
		[21] = "load guest IA32_LBR_CTL",
		[22] = "load PKRS",
	},
};

#define RESERVED(n)	"reserved control " #n

static const char *const reserved_names[32] = {
	RESERVED(0), RESERVED(1), RESERVED(2), RESERVED(3), RESERVED(4), RESERVED(5),
	RESERVED(6), RESERVED(7), RESERVED(8), RESERVED(9), RESERVED(10), RESERVED(11),
	RESERVED(12), RESERVED(13), RESERVED(14), RESERVED(15), RESERVED(16), RESERVED(17),
	RESERVED(18), RESERVED(19), RESERVED(20), RESERVED(21), RESERVED(22), RESERVED(23),
	RESERVED(24), RESERVED(25), RESERVED(26), RESERVED(27), RESERVED(28), RESERVED(29),
	RESERVED(30), RESERVED(31),
};

static const char *const field_names[NR_FIELDS] = {
	[PIN] = "IA32_VMX_PINBASED_CTLS",
	[PROC] = "IA32_VMX_PROCBASED_CTLS",
	[PROC2] = "IA32_VMX_PROCBASED_CTLS2",
	[EXIT] = "IA32_VMX_EXIT_CTLS",
	[ENTRY] = "IA32_VMX_ENTRY_CTLS",
};

static const char *const true_field_names[NR_FIELDS] = {
	[PIN] = "IA32_VMX_TRUE_PINBASED_CTLS",
	[PROC] = "IA32_VMX_TRUE_PROCBASED_CTLS",
	[PROC2] = "IA32_VMX_PROCBASED_CTLS2",	/* has no TRUE twin */
	[EXIT] = "IA32_VMX_TRUE_EXIT_CTLS",
	[ENTRY] = "IA32_VMX_TRUE_ENTRY_CTLS",
};

static const char not_offered[] = "is not offered";

static int refuse(struct kev_vmx_missing *missing, const char *field, const char *control,
		  const char *why)
{
	missing->field = field;
	missing->control = control;
	missing->why = why;
	return -EOPNOTSUPP;
}

int kev_vmx_ctl_compute(u64 cap, const struct kev_vmx_want *want, u32 *out, u32 *missing,
			const char **why)
{
	u32 must = lower_32_bits(cap), may = upper_32_bits(cap);
	u32 known = want->required | want->optional | want->default1;
	u32 needed = want->required | want->dynamic;
	u32 bad;

	if (must & ~may) {
		bad = must & ~may;
		*why = "has to be on and cannot be";
	} else if (needed & ~may) {
		bad = needed & ~may;
		*why = not_offered;
	} else if (must & ~known) {
		bad = must & ~known;
		*why = "cannot be off";
	} else {
		*out = known & may;
		return 0;
	}
	*missing = bad & -bad;
	return -EOPNOTSUPP;
}

static unsigned int bit_number(u32 bit)
{
	unsigned int n = 0;

	while (bit >>= 1)
		n++;
	return n;
}

static int compute_field(const struct kev_vmx_caps *caps, enum field field, u32 *out,
			 struct kev_vmx_missing *missing)
{
	const bool use_true = caps->basic & BASIC_TRUE_CONTROLS;
	const u64 cap[NR_FIELDS] = {
		[PIN] = use_true ? caps->true_pin : caps->pin,
		[PROC] = use_true ? caps->true_proc : caps->proc,
		[PROC2] = caps->proc2,
		[EXIT] = use_true ? caps->true_exit : caps->exit,
		[ENTRY] = use_true ? caps->true_entry : caps->entry,
	};
	const char *why, *name;
	u32 bit;
	int ret;

	ret = kev_vmx_ctl_compute(cap[field], &wants[field], out, &bit, &why);
	if (ret) {
		name = names[field][bit_number(bit)] ?: reserved_names[bit_number(bit)];
		refuse(missing, (use_true ? true_field_names : field_names)[field], name, why);
	}
	return ret;
}

static int check_basic(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg,
		       struct kev_vmx_missing *missing)
{
	static const char basic[] = "IA32_VMX_BASIC";

	if (!caps->cpu_vmx)
		return refuse(missing, "CPUID.1:ECX", "VMX", not_offered);
	/*
	 * SDM Vol. 3, "Enabling and Entering VMX Operation". Which of the two bits VMXON asks for
	 * depends on a measured launch, of which the kernel knows: it has looked at that one.
	 */
	if (!(caps->feature_control & FEATURE_LOCKED))
		return refuse(missing, "IA32_FEATURE_CONTROL", "VMX", "is not locked on");
	if (!(caps->feature_control & FEATURE_VMX) || !caps->kernel_vmx)
		return refuse(missing, "IA32_FEATURE_CONTROL", "VMX", "is disabled by firmware");

	if (BASIC_MEMORY_TYPE(caps->basic) != MEMORY_TYPE_WB)
		return refuse(missing, basic, "VMCS in write-back memory", not_offered);
	if (caps->basic & BASIC_32BIT_ADDRESSES)
		return refuse(missing, basic, "VMCS above 4 GiB", not_offered);
	if (!BASIC_SIZE(caps->basic) || BASIC_SIZE(caps->basic) > VMCS_SIZE_MAX)
		return refuse(missing, basic, "VMCS size", "is not 1 to 4096");
	cfg->basic = caps->basic;
	cfg->revision = caps->basic & BASIC_REVISION;
	return 0;
}

/* Appendix A.7 and A.8: a bit that is 1 in FIXED0 has to be 1, one that is 0 in FIXED1 0. */
static int compute_fixed(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg,
			 struct kev_vmx_missing *missing)
{
	static const char contradiction[] = "contradicts its twin";

	if (caps->cr0_fixed0 & ~caps->cr0_fixed1)
		return refuse(missing, "IA32_VMX_CR0_FIXED0", "CR0", contradiction);
	if (caps->cr4_fixed0 & ~caps->cr4_fixed1)
		return refuse(missing, "IA32_VMX_CR4_FIXED0", "CR4", contradiction);
	cfg->cr0_fixed0 = caps->cr0_fixed0;
	if (cfg->unrestricted)
		cfg->cr0_fixed0 &= ~(CR0_PE | CR0_PG);
	cfg->cr0_fixed1 = caps->cr0_fixed1;
	cfg->cr4_fixed0 = caps->cr4_fixed0;
	cfg->cr4_fixed1 = caps->cr4_fixed1;
	return 0;
}

static int compute_ept(u64 cap, struct kev_vmx_config *cfg, struct kev_vmx_missing *missing)
{
	static const char field[] = "IA32_VMX_EPT_VPID_CAP";

	if (!(cap & KEV_EPT_CAP_WALK_4))
		return refuse(missing, field, "EPT page-walk length 4", not_offered);
	if (!(cap & KEV_EPT_CAP_WB))
		return refuse(missing, field, "EPT write-back memory type", not_offered);
	if (!(cap & KEV_EPT_CAP_INVEPT))
		return refuse(missing, field, "INVEPT", not_offered);
	cfg->invept_single = cap & KEV_EPT_CAP_INVEPT_SINGLE;
	cfg->invept_global = cap & KEV_EPT_CAP_INVEPT_GLOBAL;
	if (!cfg->invept_single && !cfg->invept_global)
		return refuse(missing, field, "INVEPT type single-context or all-context",
			      not_offered);
	cfg->ept_ad = cap & KEV_EPT_CAP_ACCESSED_DIRTY;
	cfg->ept_2m = cap & KEV_EPT_CAP_2M;
	cfg->ept_1g = cap & KEV_EPT_CAP_1G;
	cfg->ept_xo = cap & KEV_EPT_CAP_EXECUTE_ONLY;
	return 0;
}

/* A VPID that cannot be flushed is worse than none. */
static void compute_vpid(u64 cap, struct kev_vmx_config *cfg)
{
	if (!(cfg->proc2 & KEV_PROC2_VPID))
		return;
	if (!(cap & KEV_VPID_CAP_INVVPID) ||
	    !(cap & (KEV_VPID_CAP_SINGLE | KEV_VPID_CAP_GLOBAL))) {
		cfg->proc2 &= ~KEV_PROC2_VPID;
		return;
	}
	cfg->vpid = true;
	cfg->invvpid_single = cap & KEV_VPID_CAP_SINGLE;
	cfg->invvpid_global = cap & KEV_VPID_CAP_GLOBAL;
}

static bool may_be_on(u64 cap, u32 controls)
{
	return (upper_32_bits(cap) & controls) == controls;
}

/*
 * CPUs whose preemption timer does not count at the rate that it should, by CPUID.1:EAX.
 * Intel's specification updates: AAJ124 and its twins (Nehalem), AAT59 and AAU65
 * (Westmere), BA86 (Xeon 7500).
 */
static bool is_timer_broken(u32 signature)
{
	static const u32 broken[] = {
		0x000106a0, 0x000106a1, 0x000106a4, 0x000106a5, 0x000106e5,
		0x00020652, 0x00020655, 0x000206e6,
		0x000306a8,	/* Xeon E3-1220 v2 */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(broken); i++)
		if (broken[i] == signature)
			return true;
	return false;
}

/*
 * Avoton and Rangeley (Atom C2000), erratum AVR41: accessed flags of EPT and MOV to CR3. The
 * stepping does not matter.
 */
static bool is_ept_ad_broken(u32 signature)
{
	return (signature & ~0xfU) == 0x000406d0;
}

static void report_apic(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg)
{
	const u64 proc = caps->basic & BASIC_TRUE_CONTROLS ? caps->true_proc : caps->proc;

	cfg->tpr_shadow = may_be_on(proc, KEV_PROC_TPR_SHADOW) &&
			  !(lower_32_bits(proc) & PROC_CR8);
	cfg->x2apic = cfg->tpr_shadow && may_be_on(caps->proc2, KEV_PROC2_X2APIC);
	cfg->apicv = cfg->x2apic && may_be_on(caps->proc2, PROC2_APICV);
}

static void report_offered(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg)
{
	cfg->timer_shift = caps->misc & MISC_TIMER_SHIFT;
	cfg->activity_hlt = caps->misc & MISC_ACTIVITY_HLT;
	cfg->proc_allowed = upper_32_bits(caps->proc);
	cfg->proc2_allowed = upper_32_bits(caps->proc2);

	cfg->unrestricted = cfg->proc2 & KEV_PROC2_UNRESTRICTED;
	cfg->rdtscp = cfg->proc2 & KEV_PROC2_RDTSCP;
	cfg->invpcid = cfg->proc2 & KEV_PROC2_INVPCID;
	cfg->encls = cfg->proc2 & KEV_PROC2_ENCLS;

	cfg->preemption_timer = may_be_on(caps->pin, KEV_PIN_PREEMPTION_TIMER) &&
				!is_timer_broken(caps->signature);
	cfg->tsc_scaling = may_be_on(caps->proc2, KEV_PROC2_TSC_SCALING);
	report_apic(caps, cfg);
}

int kev_vmx_config_compute(const struct kev_vmx_caps *caps, struct kev_vmx_config *cfg,
			   struct kev_vmx_missing *missing)
{
	u32 *const out[NR_FIELDS] = {
		[PIN] = &cfg->pin,
		[PROC] = &cfg->proc,
		[PROC2] = &cfg->proc2,
		[EXIT] = &cfg->exit,
		[ENTRY] = &cfg->entry,
	};
	enum field field;
	int ret;

	memset(cfg, 0, sizeof(*cfg));
	ret = check_basic(caps, cfg, missing);
	if (ret)
		return ret;
	for (field = PROC2; field < NR_FIELDS; field++) {
		ret = compute_field(caps, field, out[field], missing);
		if (ret)
			return ret;
	}
	ret = compute_ept(caps->ept_vpid, cfg, missing);
	if (ret)
		return ret;
	cfg->ept_ad &= !is_ept_ad_broken(caps->signature);
	compute_vpid(caps->ept_vpid, cfg);
	report_offered(caps, cfg);
	return compute_fixed(caps, cfg, missing);
}

void kev_vmx_config_choose(struct kev_vmx_config *cfg, const struct kev_vmx_choice *choice)
{
	cfg->ept_ad &= choice->ept_ad;
	cfg->preemption_timer &= choice->preemption_timer;
	cfg->tpr_shadow &= choice->tpr_shadow;
	cfg->x2apic &= cfg->tpr_shadow;
	cfg->apicv &= cfg->x2apic && choice->apicv;
	/* The guest's CR8 is in the virtual-APIC page then. */
	if (cfg->tpr_shadow)
		cfg->proc = (cfg->proc & ~PROC_CR8) | KEV_PROC_TPR_SHADOW;
}
