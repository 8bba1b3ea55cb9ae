// SPDX-License-Identifier: GPL-2.0
/*
 * VMX control computation, from tables of capability values: those of real CPUs,
 * each with one thing missing, and some that lie.
 */
#include "unit.h"

#include "ctls.h"

/* The capability MSRs of a CPU that has all that kev knows and little else */
static const struct kev_vmx_caps good = {
	.cpu_vmx = true,
	.kernel_vmx = true,
	.feature_control = 0x5,
	.basic = 0x00da040000000012,
	.pin = 0x000000ff00000016,
	.proc = 0xfff9fffe0401e172,
	.proc2 = 0x021fffff00000000,
	.exit = 0x01ffffff00036dff,
	.entry = 0x0003ffff000011ff,
	.true_pin = 0x000000ff00000016,
	.true_proc = 0xfff9fffe04006172,
	.true_exit = 0x01ffffff00036dfb,
	.true_entry = 0x0003ffff000011fb,
	.misc = 0x00000000300481e5,
	.cr0_fixed0 = 0x80000021,
	.cr0_fixed1 = 0xffffffff,
	.cr4_fixed0 = 0x2000,
	.cr4_fixed1 = 0x3767ff,
	.ept_vpid = 0x00000f0106734141,
};

struct ctl_case {
	const char *name;
	u64 cap;
	struct kev_vmx_want want;
	int ret;
	u32 value;	/* the controls, or the bit that will not do */
	const char *why;
};

#define CAP(may, must)	((u64)(may) << 32 | (must))

static const struct ctl_case ctl_cases[] = {
	{ "nothing wanted", CAP(0xff, 0), { 0 }, 0, 0, NULL },
	{ "required", CAP(0xff, 0), { .required = 0x81 }, 0, 0x81, NULL },
	{ "required and forced", CAP(0xff, 0x1), { .required = 0x81 }, 0, 0x81, NULL },
	{ "optional, offered", CAP(0xff, 0), { 1, 2, 0, 0 }, 0, 3, NULL },
	{ "optional, not offered", CAP(0x1, 0), { 1, 2, 0, 0 }, 0, 1, NULL },
	{ "optional, forced", CAP(0x3, 2), { 1, 2, 0, 0 }, 0, 3, NULL },
	{ "default1, forced", CAP(0x1f, 0x10), { 1, 0, 0x10, 0 }, 0, 0x11, NULL },
	{ "default1, free", CAP(0x1f, 0), { 1, 0, 0x10, 0 }, 0, 0x11, NULL },
	{ "default1, not offered", CAP(0x0f, 0), { 1, 0, 0x10, 0 }, 0, 0x01, NULL },
	{ "dynamic, free", CAP(0xff, 0), { 1, 0, 0, 4 }, 0, 1, NULL },
	{ "dynamic, not offered", CAP(0xfb, 0), { 1, 0, 0, 4 }, -EOPNOTSUPP, 4,
	  "is not offered" },
	{ "dynamic, forced", CAP(0xff, 4), { 1, 0, 0, 4 }, -EOPNOTSUPP, 4, "cannot be off" },
	{ "offered, not wanted", CAP(~0U, 0), { 1, 0, 0, 0 }, 0, 1, NULL },
	{ "required, not offered", CAP(0xfe, 0), { .required = 0x81 }, -EOPNOTSUPP, 0x01,
	  "is not offered" },
	{ "the lowest of two that are missing", CAP(0, 0), { .required = 0x84 }, -EOPNOTSUPP, 0x04,
	  "is not offered" },
	{ "not wanted, forced", CAP(0xff, 0x40), { .required = 1 }, -EOPNOTSUPP, 0x40,
	  "cannot be off" },
	{ "bit 31 forced", CAP(~0U, BIT(31)), { .required = 1 }, -EOPNOTSUPP, 0x80000000,
	  "cannot be off" },
	{ "forced and not offered", CAP(0x01, 0x10), { 1, 0, 0x10, 0 }, -EOPNOTSUPP, 0x10,
	  "has to be on and cannot be" },
	{ "all zero", 0, { .required = 1 }, -EOPNOTSUPP, 0x01, "is not offered" },
	{ "all ones below, none above", CAP(0, ~0U), { .required = 1 }, -EOPNOTSUPP, 0x01,
	  "has to be on and cannot be" },
};

TEST(one_field)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ctl_cases); i++) {
		const struct ctl_case *c = &ctl_cases[i];
		u32 out = 0xdeadbeef, missing = 0xdeadbeef;
		const char *why = NULL;

		ASSERT_EQ(c->ret, kev_vmx_ctl_compute(c->cap, &c->want, &out, &missing, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->value, c->ret ? missing : out)
			TH_LOG("%s", c->name);
		if (c->ret)
			EXPECT_STREQ(c->why, why);
	}
}

TEST(everything_offered)
{
	struct kev_vmx_missing missing;
	struct kev_vmx_config cfg;

	ASSERT_EQ(0, kev_vmx_config_compute(&good, &cfg, &missing));
	/* Default1 class, external interrupts, NMIs, virtual NMIs */
	EXPECT_EQ(0x0000003f, cfg.pin);
	/* Default1 but CR3-load and -store exiting; 3, 7, 10, 11, 19, 20, 23, 24, 28, 29, 31 */
	EXPECT_EQ(0xb5986dfa, cfg.proc);
	/* EPT, RDTSCP, VPID, WBINVD, unrestricted, INVPCID, ENCLS, conceal from PT */
	EXPECT_EQ(0x000890ea, cfg.proc2);
	/* Default1 class, 9, 18 to 21, conceal from PT */
	EXPECT_EQ(0x013f6fff, cfg.exit);
	/* Default1 class, 14, 15, conceal from PT */
	EXPECT_EQ(0x0002d1ff, cfg.entry);

	EXPECT_EQ(0, cfg.exit & KEV_VMEXIT_ACK_INTERRUPT);
	EXPECT_EQ(0, cfg.entry & KEV_VMENTRY_IA32E_GUEST);
	EXPECT_EQ(0xfff9fffe, cfg.proc_allowed);
	EXPECT_EQ(0x12, cfg.revision);
	EXPECT_EQ(5, cfg.timer_shift);
	EXPECT_EQ(0x20, cfg.cr0_fixed0);
	EXPECT_EQ(0xffffffff, cfg.cr0_fixed1);
	EXPECT_EQ(0x2000, cfg.cr4_fixed0);
	EXPECT_EQ(0x3767ff, cfg.cr4_fixed1);
	EXPECT_TRUE(cfg.unrestricted && cfg.vpid && cfg.rdtscp && cfg.invpcid && cfg.encls);
	EXPECT_TRUE(cfg.ept_ad && cfg.ept_2m && cfg.ept_1g && cfg.ept_xo);
	EXPECT_TRUE(cfg.invept_single && cfg.invept_global);
	EXPECT_TRUE(cfg.invvpid_single && cfg.invvpid_global && cfg.activity_hlt);
	EXPECT_TRUE(cfg.preemption_timer && cfg.tsc_scaling && cfg.tpr_shadow && cfg.x2apic &&
		    cfg.apicv);
}

struct cpu_case {
	const char *name;
	struct kev_vmx_caps caps;
	const char *missing;	/* NULL: it will do */
	const char *field;
	/* What tells them apart */
	bool unrestricted, invpcid, ept_1g, ept_ad, tsc_scaling, apicv, timer;
};

/*
 * As published dumps of these models have them, from memory: revisions and the
 * bits that kev does not look at are approximate.
 */
static const struct cpu_case cpus[] = {
	{
		.name = "Penryn: no EPT, no TRUE controls",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .feature_control = 0x5,
			.basic = 0x005a08000000000d,
			.pin = 0x0000003f00000016, .proc = 0xf7f9fffe0401e172,
			.proc2 = 0x0000004100000000, .exit = 0x0003ffff00036dff,
			.entry = 0x00003fff000011ff, .misc = 0x00000000000403c0,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x27ff,
		},
		.missing = "enable EPT", .field = "IA32_VMX_PROCBASED_CTLS2",
	}, {
		.name = "Merom: no secondary controls",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .feature_control = 0x5,
			.basic = 0x001a040000000007,
			.pin = 0x0000001f00000016, .proc = 0x77f9fffe0401e172,
			.exit = 0x0003ffff00036dff, .entry = 0x00001fff000011ff,
			.misc = 0x00000000000403c0,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x27ff,
		},
		.missing = "enable EPT", .field = "IA32_VMX_PROCBASED_CTLS2",
	}, {
		.name = "Nehalem: no unrestricted guest, a broken preemption timer",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .signature = 0x000106a5,
			.feature_control = 0x5,
			.basic = 0x00da04000000000e,
			.pin = 0x0000007f00000016, .proc = 0xf7f9fffe0401e172,
			.proc2 = 0x0000007f00000000, .exit = 0x007fffff00036dff,
			.entry = 0x0000ffff000011ff, .true_pin = 0x0000007f00000016,
			.true_proc = 0xf7f9fffe04006172, .true_exit = 0x007fffff00036dfb,
			.true_entry = 0x0000ffff000011fb, .misc = 0x00000000000403c5,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x27ff,
			.ept_vpid = 0x00000f0106114141,
		},
	}, {
		.name = "Haswell",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .signature = 0x000306c3,
			.feature_control = 0x5,
			.basic = 0x00da040000000012,
			.pin = 0x0000007f00000016, .proc = 0xfff9fffe0401e172,
			.proc2 = 0x00007cff00000000, .exit = 0x007fffff00036dff,
			.entry = 0x0000ffff000011ff, .true_pin = 0x0000007f00000016,
			.true_proc = 0xfff9fffe04006172, .true_exit = 0x007fffff00036dfb,
			.true_entry = 0x0000ffff000011fb, .misc = 0x00000000300481e5,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x1767ff,
			.ept_vpid = 0x00000f0106334141,
		},
		.unrestricted = true, .invpcid = true, .ept_1g = true, .ept_ad = true,
		.timer = true,
	}, {
		.name = "Broadwell",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .signature = 0x000306d4,
			.feature_control = 0x5,
			.basic = 0x00da040000000012,
			.pin = 0x000000ff00000016, .proc = 0xfff9fffe0401e172,
			.proc2 = 0x00077fff00000000, .exit = 0x007fffff00036dff,
			.entry = 0x0000ffff000011ff, .true_pin = 0x000000ff00000016,
			.true_proc = 0xfff9fffe04006172, .true_exit = 0x007fffff00036dfb,
			.true_entry = 0x0000ffff000011fb, .misc = 0x00000000300481e5,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3767ff,
			.ept_vpid = 0x00000f0106334141,
		},
		.unrestricted = true, .invpcid = true, .ept_1g = true, .ept_ad = true,
		.apicv = true, .timer = true,
	}, {
		.name = "Skylake server, locked with SMX too",
		.caps = {
			.cpu_vmx = true, .kernel_vmx = true, .signature = 0x00050654,
			.feature_control = 0xff07,
			.basic = 0x00da040000000004,
			.pin = 0x000000ff00000016, .proc = 0xfff9fffe0401e172,
			.proc2 = 0x025f7fff00000000, .exit = 0x01ffffff00036dff,
			.entry = 0x0003ffff000011ff, .true_pin = 0x000000ff00000016,
			.true_proc = 0xfff9fffe04006172, .true_exit = 0x01ffffff00036dfb,
			.true_entry = 0x0003ffff000011fb, .misc = 0x000000007004c1e7,
			.cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,
			.cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3767ff,
			.ept_vpid = 0x00000f0106734141,
		},
		.unrestricted = true, .invpcid = true, .ept_1g = true, .ept_ad = true,
		.tsc_scaling = true, .apicv = true,
		.timer = true,
	},
};

TEST(real_cpus)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		const struct cpu_case *c = &cpus[i];
		struct kev_vmx_missing missing = { "", "", "" };
		struct kev_vmx_config cfg;
		int ret = kev_vmx_config_compute(&c->caps, &cfg, &missing);

		ASSERT_EQ(c->missing ? -EOPNOTSUPP : 0, ret)
			TH_LOG("%s: %s: %s %s", c->name, missing.field, missing.control,
			       missing.why);
		if (ret) {
			EXPECT_STREQ(c->missing, missing.control);
			EXPECT_STREQ(c->field, missing.field);
			continue;
		}
		EXPECT_EQ(c->unrestricted, cfg.unrestricted)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->unrestricted ? 0x20 : 0x80000021, cfg.cr0_fixed0)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->invpcid, cfg.invpcid)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->ept_1g, cfg.ept_1g)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->ept_ad, cfg.ept_ad)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->tsc_scaling, cfg.tsc_scaling)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->apicv, cfg.apicv)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->timer, cfg.preemption_timer)
			TH_LOG("%s", c->name);
		EXPECT_TRUE(cfg.tpr_shadow);
		EXPECT_TRUE(cfg.vpid);
	}
}

/* A capability to set, and what then is said; words of 64 bits by offset in kev_vmx_caps */
struct refusal {
	const char *name;
	size_t at[2];		/* the second: its TRUE twin, or 0 */
	u64 clear;
	u64 set;
	const char *field;
	const char *control;
	const char *why;
};

#define AT(field)		{ offsetof(struct kev_vmx_caps, field), 0 }
#define BOTH(field)								\
	{ offsetof(struct kev_vmx_caps, field), offsetof(struct kev_vmx_caps, true_##field) }
#define MUST(bit)		(1ULL << (bit))
#define MAY(bit)		(1ULL << 32 << (bit))

/* A control that is not offered, also where it was forced */
#define LACKS(_field, _msr, bit, _control)					\
	{ .name = _control, .at = BOTH(_field), .clear = MAY(bit) | MUST(bit),	\
	  .field = "IA32_VMX_TRUE_" _msr, .control = _control, .why = "is not offered" }
/* A control that cannot be off */
#define FORCES(_field, _msr, bit, _control)					\
	{ .name = _control, .at = BOTH(_field), .set = MAY(bit) | MUST(bit),	\
	  .field = "IA32_VMX_TRUE_" _msr, .control = _control, .why = "cannot be off" }
/* A control that has to be on and cannot be */
#define LIES(_field, _msr, bit, _control)					\
	{ .name = _control, .at = BOTH(_field), .clear = MAY(bit), .set = MUST(bit), \
	  .field = "IA32_VMX_TRUE_" _msr, .control = _control,			\
	  .why = "has to be on and cannot be" }
#define PIN(what, ...)		what(pin, "PINBASED_CTLS", __VA_ARGS__)
#define PROC(what, ...)		what(proc, "PROCBASED_CTLS", __VA_ARGS__)
#define EXIT(what, ...)		what(exit, "EXIT_CTLS", __VA_ARGS__)
#define ENTRY(what, ...)	what(entry, "ENTRY_CTLS", __VA_ARGS__)
#define PROC2(_set, _clear, _control, _why)					\
	{ .name = _control, .at = AT(proc2), .set = _set, .clear = _clear,	\
	  .field = "IA32_VMX_PROCBASED_CTLS2", .control = _control, .why = _why }
#define BASIC(_name, _clear, _set, _control, _why)				\
	{ .name = _name, .at = AT(basic), .clear = _clear, .set = _set,		\
	  .field = "IA32_VMX_BASIC", .control = _control, .why = _why }
#define EPT(_name, _clear, _control)						\
	{ .name = _name, .at = AT(ept_vpid), .clear = _clear,			\
	  .field = "IA32_VMX_EPT_VPID_CAP", .control = _control, .why = "is not offered" }

static const struct refusal refusals[] = {
	{ .name = "feature control unlocked", .at = AT(feature_control), .clear = 1,
	  .field = "IA32_FEATURE_CONTROL", .control = "VMX", .why = "is not locked on" },
	{ .name = "feature control locked off", .at = AT(feature_control), .clear = 4,
	  .field = "IA32_FEATURE_CONTROL", .control = "VMX", .why = "is disabled by firmware" },

	BASIC("uncacheable VMCS", 0xfULL << 50, 0, "VMCS in write-back memory", "is not offered"),
	BASIC("32-bit addresses", 0, 1ULL << 48, "VMCS above 4 GiB", "is not offered"),
	BASIC("VMCS of no size", 0x1fffULL << 32, 0, "VMCS size", "is not 1 to 4096"),
	BASIC("VMCS of 4097 bytes", 0x1fffULL << 32, 0x1001ULL << 32, "VMCS size",
	      "is not 1 to 4096"),

	PIN(LACKS, 0, "external-interrupt exiting"),
	PIN(LACKS, 3, "NMI exiting"),
	PIN(LACKS, 5, "virtual NMIs"),
	PROC(LACKS, 2, "interrupt-window exiting"),
	PROC(LACKS, 3, "use TSC offsetting"),
	PROC(LACKS, 7, "HLT exiting"),
	PROC(LACKS, 10, "MWAIT exiting"),
	PROC(LACKS, 11, "RDPMC exiting"),
	PROC(LACKS, 19, "CR8-load exiting"),
	PROC(LACKS, 20, "CR8-store exiting"),
	PROC(LACKS, 22, "NMI-window exiting"),
	PROC(LACKS, 23, "MOV-DR exiting"),
	PROC(LACKS, 24, "unconditional I/O exiting"),
	PROC(LACKS, 28, "use MSR bitmaps"),
	PROC(LACKS, 29, "MONITOR exiting"),
	PROC(LACKS, 31, "activate secondary controls"),
	PROC2(0, MAY(1), "enable EPT", "is not offered"),
	EXIT(LACKS, 2, "save debug controls"),
	EXIT(LACKS, 9, "host address-space size"),
	EXIT(LACKS, 18, "save IA32_PAT"),
	EXIT(LACKS, 19, "load IA32_PAT"),
	EXIT(LACKS, 20, "save IA32_EFER"),
	EXIT(LACKS, 21, "load IA32_EFER"),
	ENTRY(LACKS, 2, "load debug controls"),
	ENTRY(LACKS, 14, "load IA32_PAT"),
	ENTRY(LACKS, 15, "load IA32_EFER"),

	PIN(FORCES, 6, "activate VMX-preemption timer"),
	PIN(FORCES, 7, "process posted interrupts"),
	PIN(FORCES, 8, "reserved control 8"),
	PROC(FORCES, 2, "interrupt-window exiting"),
	PROC(FORCES, 9, "INVLPG exiting"),
	PROC(FORCES, 12, "RDTSC exiting"),
	PROC(FORCES, 15, "CR3-load exiting"),
	PROC(FORCES, 16, "CR3-store exiting"),
	PROC(FORCES, 18, "reserved control 18"),
	PROC(FORCES, 21, "use TPR shadow"),
	PROC(FORCES, 22, "NMI-window exiting"),
	PROC(FORCES, 25, "use I/O bitmaps"),
	PROC(FORCES, 27, "monitor trap flag"),
	PROC(FORCES, 30, "PAUSE exiting"),
	PROC2(MAY(20) | MUST(20), 0, "enable XSAVES/XRSTORS", "cannot be off"),
	PROC2(MAY(25) | MUST(25), 0, "use TSC scaling", "cannot be off"),
	PROC2(MAY(29) | MUST(29), 0, "reserved control 29", "cannot be off"),
	EXIT(FORCES, 12, "load IA32_PERF_GLOBAL_CTRL"),
	EXIT(FORCES, 15, "acknowledge interrupt on exit"),
	EXIT(FORCES, 22, "save VMX-preemption timer value"),
	ENTRY(FORCES, 9, "IA-32e mode guest"),
	ENTRY(FORCES, 10, "entry to SMM"),
	ENTRY(FORCES, 31, "reserved control 31"),

	PIN(LIES, 0, "external-interrupt exiting"),
	PIN(LIES, 31, "reserved control 31"),
	PROC(LIES, 1, "reserved control 1"),
	PROC(LIES, 30, "PAUSE exiting"),
	EXIT(LIES, 9, "host address-space size"),
	ENTRY(LIES, 12, "reserved control 12"),
	PROC2(MUST(1), MAY(1), "enable EPT", "has to be on and cannot be"),

	EPT("page walks of 5 only", 1 << 6, "EPT page-walk length 4"),
	EPT("uncacheable tables only", 1 << 14, "EPT write-back memory type"),
	EPT("no INVEPT", 1 << 20, "INVEPT"),
	EPT("no type of INVEPT", 3 << 25, "INVEPT type single-context or all-context"),
	EPT("EPT without capabilities", ~0ULL, "EPT page-walk length 4"),

	{ .name = "CR0 bit forced and forbidden", .at = AT(cr0_fixed1), .clear = 0x20,
	  .field = "IA32_VMX_CR0_FIXED0", .control = "CR0", .why = "contradicts its twin" },
	{ .name = "CR4 bit forced and forbidden", .at = AT(cr4_fixed1), .clear = 0x2000,
	  .field = "IA32_VMX_CR4_FIXED0", .control = "CR4", .why = "contradicts its twin" },
};

static void change(struct kev_vmx_caps *caps, size_t at, const struct refusal *r)
{
	u64 *word = (u64 *)((char *)caps + at);

	*word = (*word & ~r->clear) | r->set;
}

TEST(each_refusal)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct kev_vmx_missing missing = { "", "", "" };
		struct kev_vmx_caps caps = good;
		struct kev_vmx_config cfg;

		change(&caps, r->at[0], r);
		if (r->at[1])
			change(&caps, r->at[1], r);
		ASSERT_EQ(-EOPNOTSUPP, kev_vmx_config_compute(&caps, &cfg, &missing))
			TH_LOG("%s", r->name);
		EXPECT_STREQ(r->field, missing.field)
			TH_LOG("%s", r->name);
		EXPECT_STREQ(r->control, missing.control)
			TH_LOG("%s", r->name);
		EXPECT_STREQ(r->why, missing.why)
			TH_LOG("%s", r->name);
	}
}

TEST(measured_launch)
{
	struct kev_vmx_missing missing = { "", "", "" };
	struct kev_vmx_caps caps = good;
	struct kev_vmx_config cfg;

	/* Inside SMX it is bit 1 that counts. The kernel keeps its flag if that is the case. */
	caps.feature_control = 0x3;
	EXPECT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing));
	caps.kernel_vmx = false;
	EXPECT_EQ(-EOPNOTSUPP, kev_vmx_config_compute(&caps, &cfg, &missing));
	EXPECT_STREQ("IA32_FEATURE_CONTROL", missing.field);
	EXPECT_STREQ("is disabled by firmware", missing.why);
	/* And bit 2 alone does not help the one that was measured. */
	caps.feature_control = 0x5;
	EXPECT_EQ(-EOPNOTSUPP, kev_vmx_config_compute(&caps, &cfg, &missing));
	EXPECT_STREQ("is disabled by firmware", missing.why);
}

#define CR8_EXITS	(KEV_PROC_CR8_LOAD | KEV_PROC_CR8_STORE)

struct apic_case {
	const char *name;
	size_t at[2];
	u64 clear, set;
	bool tpr_shadow, x2apic, apicv, timer;
};

/* What the parts of APIC virtualisation need of each other, and a control that cannot be off */
static const struct apic_case apic_cases[] = {
	{ "all", AT(proc2), 0, 0, true, true, true, true },
	{ "no TPR shadow", BOTH(proc), MAY(21), 0, false, false, false, true },
	{ "CR8-load exiting forced", BOTH(proc), 0, MUST(19), false, false, false, true },
	{ "CR8-store exiting forced", BOTH(proc), 0, MUST(20), false, false, false, true },
	{ "no x2APIC mode", AT(proc2), MAY(4), 0, true, false, false, true },
	{ "no APIC registers", AT(proc2), MAY(8), 0, true, true, false, true },
	{ "no virtual interrupts", AT(proc2), MAY(9), 0, true, true, false, true },
	{ "no preemption timer", BOTH(pin), MAY(6), 0, true, true, true, false },
};

TEST(apic_virtualisation)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(apic_cases); i++) {
		const struct apic_case *c = &apic_cases[i];
		const struct refusal r = { .clear = c->clear, .set = c->set };
		struct kev_vmx_missing missing = { "", "", "" };
		struct kev_vmx_caps caps = good;
		struct kev_vmx_config cfg;

		change(&caps, c->at[0], &r);
		if (c->at[1])
			change(&caps, c->at[1], &r);
		ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing))
			TH_LOG("%s: %s: %s %s", c->name, missing.field, missing.control,
			       missing.why);
		EXPECT_EQ(c->tpr_shadow, cfg.tpr_shadow)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->x2apic, cfg.x2apic)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->apicv, cfg.apicv)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->timer, cfg.preemption_timer)
			TH_LOG("%s", c->name);
		/* Until the choice CR8 exits. */
		EXPECT_EQ(CR8_EXITS, cfg.proc & (CR8_EXITS | KEV_PROC_TPR_SHADOW))
			TH_LOG("%s", c->name);
	}
}

struct choice_case {
	const char *name;
	struct kev_vmx_choice choice;
	bool tpr_shadow, apicv;
	u32 proc;	/* of the controls that have to do with CR8 */
};

static const struct choice_case choice_cases[] = {
	{ "all", { true, true, true, true }, true, true, KEV_PROC_TPR_SHADOW },
	{ "no APICv", { true, true, false, true }, true, false, KEV_PROC_TPR_SHADOW },
	{ "no TPR shadow", { true, false, true, true }, false, false, CR8_EXITS },
	{ "no preemption timer", { true, true, true, false }, true, true, KEV_PROC_TPR_SHADOW },
	{ "no accessed and dirty flags", { false, true, true, true }, true, true,
	  KEV_PROC_TPR_SHADOW },
};

TEST(choice)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(choice_cases); i++) {
		const struct choice_case *c = &choice_cases[i];
		struct kev_vmx_missing missing;
		struct kev_vmx_config cfg;

		ASSERT_EQ(0, kev_vmx_config_compute(&good, &cfg, &missing));
		kev_vmx_config_choose(&cfg, &c->choice);
		EXPECT_EQ(c->tpr_shadow, cfg.tpr_shadow)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->tpr_shadow, cfg.x2apic)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->apicv, cfg.apicv)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->choice.preemption_timer, cfg.preemption_timer)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->choice.ept_ad, cfg.ept_ad)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->proc, cfg.proc & (CR8_EXITS | KEV_PROC_TPR_SHADOW))
			TH_LOG("%s", c->name);
	}
}

TEST(choice_of_what_is_not_there)
{
	const struct kev_vmx_choice all = { true, true, true, true };
	struct kev_vmx_config cfg = { .proc = CR8_EXITS };

	kev_vmx_config_choose(&cfg, &all);
	EXPECT_FALSE(cfg.tpr_shadow || cfg.x2apic || cfg.apicv || cfg.preemption_timer ||
		     cfg.ept_ad);
	EXPECT_EQ(CR8_EXITS, cfg.proc);
}

TEST(broken_timers)
{
	static const u32 broken[] = {
		0x106a0, 0x106a1, 0x106a4, 0x106a5, 0x106e5, 0x20652, 0x20655, 0x206e6, 0x306a8,
	};
	static const u32 sound[] = { 0, 0x206a7, 0x306a9, 0x306c3, 0x306d4, 0x50654 };
	struct kev_vmx_missing missing;
	struct kev_vmx_caps caps = good;
	struct kev_vmx_config cfg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(broken); i++) {
		caps.signature = broken[i];
		ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing));
		EXPECT_FALSE(cfg.preemption_timer)
			TH_LOG("%#x", broken[i]);
	}
	for (i = 0; i < ARRAY_SIZE(sound); i++) {
		caps.signature = sound[i];
		ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing));
		EXPECT_TRUE(cfg.preemption_timer)
			TH_LOG("%#x", sound[i]);
	}
}

/* Atom C2000 and its neighbours */
TEST(broken_flags_of_ept)
{
	static const struct {
		u32 signature;
		bool ept_ad;
	} cpus_by_signature[] = {
		{ 0x406d0, false }, { 0x406d8, false }, { 0x406c8, true }, { 0x406e3, true },
	};
	struct kev_vmx_missing missing;
	struct kev_vmx_caps caps = good;
	struct kev_vmx_config cfg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cpus_by_signature); i++) {
		caps.signature = cpus_by_signature[i].signature;
		ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing));
		EXPECT_EQ(cpus_by_signature[i].ept_ad, cfg.ept_ad)
			TH_LOG("%#x", caps.signature);
	}
}

struct timer_case {
	u64 now, deadline;
	u32 shift;
	u64 value;
};

static const struct timer_case timer_cases[] = {
	{ 1000, 1000, 0, 0 },
	{ 1000, 999, 0, 0 },
	{ 1000, 0, 5, 0 },
	{ 1000, 1001, 0, 1 },
	{ 1000, 5000, 0, 4000 },
	/* Bit 5 changes at 1024: once before 1025, which would be early. */
	{ 1000, 1024, 5, 1 },
	{ 1000, 1025, 5, 2 },
	{ 1023, 1024, 5, 1 },
	{ 1024, 1025, 5, 1 },
	{ 1024, 1056, 5, 1 },
	{ 1024, 1057, 5, 2 },
	{ 0, ~0ULL, 0, ~0ULL },
	{ 0, ~0ULL, 5, 1ULL << 59 },
	{ 0, 1ULL << 32, 0, 1ULL << 32 },
	{ 0, 1ULL << 37, 5, 1ULL << 32 },
	{ ~0ULL - 1, ~0ULL, 31, 1 },
};

TEST(timer_value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(timer_cases); i++) {
		const struct timer_case *c = &timer_cases[i];
		u64 value = kev_vmx_timer_value(c->now, c->deadline, c->shift);

		EXPECT_EQ(c->value, value)
			TH_LOG("now %llu, deadline %llu, shift %u", c->now, c->deadline, c->shift);
		/* Never early: that many changes of the bit lead to the deadline or behind it. */
		if (value && c->deadline < 1ULL << 63)
			EXPECT_TRUE(((c->now >> c->shift) + value) << c->shift >= c->deadline);
	}
}

TEST(no_vmx)
{
	const struct kev_vmx_caps caps = { .cpu_vmx = false };
	struct kev_vmx_missing missing;
	struct kev_vmx_config cfg;

	ASSERT_EQ(-EOPNOTSUPP, kev_vmx_config_compute(&caps, &cfg, &missing));
	EXPECT_STREQ("CPUID.1:ECX", missing.field);
	EXPECT_STREQ("VMX", missing.control);
	EXPECT_STREQ("is not offered", missing.why);
}

/* Without TRUE controls the MSRs of old count, and the zeros of the new ones do not. */
TEST(no_true_controls)
{
	struct kev_vmx_caps caps = good;
	struct kev_vmx_missing missing;
	struct kev_vmx_config cfg;

	caps.basic &= ~(1ULL << 55);
	caps.true_pin = 0;
	caps.true_proc = 0;
	caps.true_exit = 0;
	caps.true_entry = 0;
	ASSERT_EQ(-EOPNOTSUPP, kev_vmx_config_compute(&caps, &cfg, &missing));
	EXPECT_STREQ("IA32_VMX_PROCBASED_CTLS", missing.field);
	EXPECT_STREQ("CR3-load exiting", missing.control);

	caps.proc = good.true_proc;
	ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing));
	EXPECT_EQ(0xb5986dfa, cfg.proc);
	EXPECT_EQ(0x0002d1ff, cfg.entry);
}

struct optional_case {
	const char *name;
	size_t at[2];
	u64 clear;
	size_t flag;	/* offset of the bool that then is false, or 0 */
	u32 proc2_gone;
};

#define FLAG(name)	offsetof(struct kev_vmx_config, name)

static const struct optional_case optional_cases[] = {
	{ "preemption timer", BOTH(pin), MAY(6), FLAG(preemption_timer), 0 },
	{ "TPR shadow", BOTH(proc), MAY(21), FLAG(apicv), 0 },
	{ "RDTSCP", AT(proc2), MAY(3), FLAG(rdtscp), BIT(3) },
	{ "x2APIC mode", AT(proc2), MAY(4), FLAG(apicv), 0 },
	{ "VPID", AT(proc2), MAY(5), FLAG(vpid), BIT(5) },
	{ "WBINVD", AT(proc2), MAY(6), 0, BIT(6) },
	{ "unrestricted guest", AT(proc2), MAY(7), FLAG(unrestricted), BIT(7) },
	{ "APIC registers", AT(proc2), MAY(8), FLAG(apicv), 0 },
	{ "virtual interrupts", AT(proc2), MAY(9), FLAG(apicv), 0 },
	{ "INVPCID", AT(proc2), MAY(12), FLAG(invpcid), BIT(12) },
	{ "ENCLS", AT(proc2), MAY(15), FLAG(encls), BIT(15) },
	{ "conceal VMX from PT", AT(proc2), MAY(19), 0, BIT(19) },
	{ "TSC scaling", AT(proc2), MAY(25), FLAG(tsc_scaling), 0 },
	{ "EPT execute-only", AT(ept_vpid), 1, FLAG(ept_xo), 0 },
	{ "EPT 2 MiB", AT(ept_vpid), 1 << 16, FLAG(ept_2m), 0 },
	{ "EPT 1 GiB", AT(ept_vpid), 1 << 17, FLAG(ept_1g), 0 },
	{ "EPT accessed and dirty", AT(ept_vpid), 1 << 21, FLAG(ept_ad), 0 },
	{ "INVEPT single", AT(ept_vpid), 1 << 25, FLAG(invept_single), 0 },
	{ "INVEPT global", AT(ept_vpid), 1 << 26, FLAG(invept_global), 0 },
	{ "INVVPID", AT(ept_vpid), 1ULL << 32, FLAG(vpid), BIT(5) },
	{ "INVVPID single", AT(ept_vpid), 1ULL << 41, FLAG(invvpid_single), 0 },
	{ "INVVPID global", AT(ept_vpid), 1ULL << 42, FLAG(invvpid_global), 0 },
	{ "INVVPID single and global", AT(ept_vpid), 3ULL << 41, FLAG(vpid), BIT(5) },
	{ "activity HLT", AT(misc), 1 << 6, FLAG(activity_hlt), 0 },
};

TEST(each_optional)
{
	struct kev_vmx_missing missing;
	struct kev_vmx_config all, cfg;
	size_t i;

	ASSERT_EQ(0, kev_vmx_config_compute(&good, &all, &missing));
	for (i = 0; i < ARRAY_SIZE(optional_cases); i++) {
		const struct optional_case *c = &optional_cases[i];
		const struct refusal r = { .clear = c->clear };
		struct kev_vmx_caps caps = good;

		change(&caps, c->at[0], &r);
		if (c->at[1])
			change(&caps, c->at[1], &r);
		ASSERT_EQ(0, kev_vmx_config_compute(&caps, &cfg, &missing))
			TH_LOG("%s: %s %s", c->name, missing.control, missing.why);
		EXPECT_TRUE(!c->flag || *((bool *)&all + c->flag))
			TH_LOG("%s", c->name);
		EXPECT_FALSE(c->flag && *((bool *)&cfg + c->flag))
			TH_LOG("%s", c->name);
		EXPECT_EQ(all.proc2 & ~c->proc2_gone, cfg.proc2)
			TH_LOG("%s", c->name);
	}
}

/* Whatever a CPU says, what comes out is what it lets be. */
TEST(random_capabilities)
{
	u32 good_ones = 0, i;
	u64 random = 4;

	for (i = 0; i < 200000; i++) {
		struct kev_vmx_caps caps = good;
		u64 *word = (u64 *)&caps + 1 + unit_random(&random) % (sizeof(caps) / 8 - 1);
		struct kev_vmx_missing missing = { NULL, NULL, NULL };
		struct kev_vmx_config cfg;

		*word ^= 1ULL << unit_random(&random) % 64;
		*word ^= unit_random(&random) % 2 ? 1ULL << unit_random(&random) % 64 : 0;
		if (kev_vmx_config_compute(&caps, &cfg, &missing)) {
			ASSERT_TRUE(missing.field && missing.control && missing.why);
			continue;
		}
		good_ones++;
		ASSERT_EQ(0, cfg.pin & ~upper_32_bits(caps.true_pin));
		ASSERT_EQ(0, cfg.proc & ~upper_32_bits(caps.true_proc));
		ASSERT_EQ(0, cfg.proc2 & ~upper_32_bits(caps.proc2));
		ASSERT_EQ(0, cfg.exit & ~upper_32_bits(caps.true_exit));
		ASSERT_EQ(0, cfg.entry & ~upper_32_bits(caps.true_entry));
		ASSERT_EQ(0, lower_32_bits(caps.true_pin) & ~cfg.pin);
		ASSERT_EQ(0, lower_32_bits(caps.true_proc) & ~cfg.proc);
		ASSERT_EQ(0, lower_32_bits(caps.proc2) & ~cfg.proc2);
		ASSERT_EQ(0, lower_32_bits(caps.true_exit) & ~cfg.exit);
		ASSERT_EQ(0, lower_32_bits(caps.true_entry) & ~cfg.entry);
		ASSERT_EQ(0, cfg.proc & (KEV_PROC_CR3_LOAD | KEV_PROC_CR3_STORE | KEV_PROC_INVLPG));
		ASSERT_EQ(0, cfg.exit & KEV_VMEXIT_ACK_INTERRUPT);
		ASSERT_EQ(0, cfg.cr0_fixed0 & ~cfg.cr0_fixed1);
		ASSERT_EQ(0, cfg.cr4_fixed0 & ~cfg.cr4_fixed1);
		ASSERT_TRUE(cfg.invept_single || cfg.invept_global);
		ASSERT_EQ(cfg.vpid, !!(cfg.proc2 & KEV_PROC2_VPID));
	}
	EXPECT_GT(good_ones, 20000);
	EXPECT_LT(good_ones, 180000);
}

TEST_HARNESS_MAIN
