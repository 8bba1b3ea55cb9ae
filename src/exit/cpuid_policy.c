// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID for guests: an allow-list over the host's answers. Pure.
 *
 * Leaves and bits: SDM Vol. 2A, "CPUID". The names in comments are those of the
 * kernel's cpufeatures.h where they differ. What is not named here is 0.
 */
#include <kev/cpuid.h>
#include <kev/pure.h>

/* Leaf 1, EAX and EBX: signature without reserved bits; line size of CLFLUSH */
#define L1_EAX_SIGNATURE	0x0fff3fffU
#define L1_EBX_CLFLUSH_SIZE	0x0000ff00U

/* Leaf 1, ECX */
#define L1_ECX_SSE3		BIT(0)		/* XMM3 */
#define L1_ECX_PCLMULQDQ	BIT(1)
#define L1_ECX_SSSE3		BIT(9)
#define L1_ECX_FMA		BIT(12)
#define L1_ECX_CX16		BIT(13)
#define L1_ECX_PCID		BIT(17)
#define L1_ECX_SSE4_1		BIT(19)		/* XMM4_1 */
#define L1_ECX_SSE4_2		BIT(20)		/* XMM4_2 */
#define L1_ECX_X2APIC		BIT(21)
#define L1_ECX_MOVBE		BIT(22)
#define L1_ECX_POPCNT		BIT(23)
#define L1_ECX_TSC_DEADLINE	BIT(24)		/* TSC_DEADLINE_TIMER */
#define L1_ECX_AES		BIT(25)
#define L1_ECX_XSAVE		BIT(26)
#define L1_ECX_OSXSAVE		BIT(27)
#define L1_ECX_AVX		BIT(28)
#define L1_ECX_F16C		BIT(29)
#define L1_ECX_RDRAND		BIT(30)
#define L1_ECX_HYPERVISOR	BIT(31)

#define L1_ECX_NEEDS_AVX	(L1_ECX_AVX | L1_ECX_F16C | L1_ECX_FMA)
#define L1_ECX_ALLOW								\
	(L1_ECX_SSE3 | L1_ECX_PCLMULQDQ | L1_ECX_SSSE3 | L1_ECX_CX16 |		\
	 L1_ECX_PCID | L1_ECX_SSE4_1 | L1_ECX_SSE4_2 | L1_ECX_MOVBE |		\
	 L1_ECX_POPCNT | L1_ECX_AES | L1_ECX_XSAVE | L1_ECX_RDRAND |		\
	 L1_ECX_NEEDS_AVX)

/* Leaf 1, EDX */
#define L1_EDX_FPU		BIT(0)
#define L1_EDX_VME		BIT(1)
#define L1_EDX_DE		BIT(2)
#define L1_EDX_PSE		BIT(3)
#define L1_EDX_TSC		BIT(4)
#define L1_EDX_MSR		BIT(5)
#define L1_EDX_PAE		BIT(6)
#define L1_EDX_CX8		BIT(8)
#define L1_EDX_APIC		BIT(9)
#define L1_EDX_SEP		BIT(11)
#define L1_EDX_PGE		BIT(13)
#define L1_EDX_CMOV		BIT(15)
#define L1_EDX_PAT		BIT(16)
#define L1_EDX_PSE36		BIT(17)
#define L1_EDX_CLFLUSH		BIT(19)
#define L1_EDX_MMX		BIT(23)
#define L1_EDX_FXSR		BIT(24)
#define L1_EDX_SSE		BIT(25)		/* XMM */
#define L1_EDX_SSE2		BIT(26)		/* XMM2 */
#define L1_EDX_SELFSNOOP	BIT(27)
#define L1_EDX_HTT		BIT(28)		/* HT: more than one logical processor */

#define L1_EDX_ALLOW								\
	(L1_EDX_FPU | L1_EDX_VME | L1_EDX_DE | L1_EDX_PSE | L1_EDX_TSC |	\
	 L1_EDX_MSR | L1_EDX_PAE | L1_EDX_CX8 | L1_EDX_SEP | L1_EDX_PGE |	\
	 L1_EDX_CMOV | L1_EDX_PAT | L1_EDX_PSE36 | L1_EDX_CLFLUSH |		\
	 L1_EDX_MMX | L1_EDX_FXSR | L1_EDX_SSE | L1_EDX_SSE2 | L1_EDX_SELFSNOOP)

/* Leaf 2: one query, no descriptors but "see leaf 4" */
#define L2_EAX_SEE_LEAF_4	0x0000ff01U

/* Leaf 4 */
#define L4_EAX_TYPE		0x0000001fU
#define L4_EAX_LEVEL		0x000000e0U
#define L4_EAX_LEVEL_SHIFT	5
#define L4_EAX_SELF_INIT	BIT(8)
#define L4_EAX_FULLY_ASSOC	BIT(9)
#define L4_EAX_ALLOW								\
	(L4_EAX_TYPE | L4_EAX_LEVEL | L4_EAX_SELF_INIT | L4_EAX_FULLY_ASSOC)
#define L4_EAX_SHARING_SHIFT	14
#define L4_EAX_CORES_SHIFT	26
#define L4_MAX_CORES		64U		/* what bits 31:26 can say */
#define L4_EDX_ALLOW		0x7U		/* WBINVD's reach, inclusive, complex index */

/* Leaf 6, EAX */
#define L6_EAX_ARAT		BIT(2)		/* the APIC timer never stops */

/* Leaf 7, subleaf 0, EBX */
#define L7_EBX_FSGSBASE		BIT(0)
#define L7_EBX_TSC_ADJUST	BIT(1)
#define L7_EBX_BMI1		BIT(3)
#define L7_EBX_AVX2		BIT(5)
#define L7_EBX_FDP_EXCPTN_ONLY	BIT(6)
#define L7_EBX_SMEP		BIT(7)
#define L7_EBX_BMI2		BIT(8)
#define L7_EBX_ERMS		BIT(9)
#define L7_EBX_INVPCID		BIT(10)
#define L7_EBX_ZERO_FCS_FDS	BIT(13)
#define L7_EBX_AVX512F		BIT(16)
#define L7_EBX_AVX512DQ		BIT(17)
#define L7_EBX_RDSEED		BIT(18)
#define L7_EBX_ADX		BIT(19)
#define L7_EBX_SMAP		BIT(20)
#define L7_EBX_AVX512_IFMA	BIT(21)		/* AVX512IFMA */
#define L7_EBX_CLFLUSHOPT	BIT(23)
#define L7_EBX_CLWB		BIT(24)
#define L7_EBX_AVX512CD		BIT(28)
#define L7_EBX_SHA		BIT(29)		/* SHA_NI */
#define L7_EBX_AVX512BW		BIT(30)
#define L7_EBX_AVX512VL		BIT(31)

#define L7_EBX_NEEDS_AVX	L7_EBX_AVX2
#define L7_EBX_NEEDS_AVX512							\
	(L7_EBX_AVX512F | L7_EBX_AVX512DQ | L7_EBX_AVX512_IFMA |		\
	 L7_EBX_AVX512CD | L7_EBX_AVX512BW | L7_EBX_AVX512VL)
#define L7_EBX_ALLOW								\
	(L7_EBX_FSGSBASE | L7_EBX_TSC_ADJUST | L7_EBX_BMI1 |			\
	 L7_EBX_FDP_EXCPTN_ONLY | L7_EBX_SMEP | L7_EBX_BMI2 | L7_EBX_ERMS |	\
	 L7_EBX_INVPCID | L7_EBX_ZERO_FCS_FDS | L7_EBX_RDSEED | L7_EBX_ADX |	\
	 L7_EBX_SMAP | L7_EBX_CLFLUSHOPT | L7_EBX_CLWB | L7_EBX_SHA |		\
	 L7_EBX_NEEDS_AVX | L7_EBX_NEEDS_AVX512)

/* Leaf 7, subleaf 0, ECX */
#define L7_ECX_AVX512_VBMI	BIT(1)		/* AVX512VBMI */
#define L7_ECX_UMIP		BIT(2)		/* the CPU's own: no state but CR4.UMIP */
#define L7_ECX_AVX512_VBMI2	BIT(6)
#define L7_ECX_GFNI		BIT(8)
#define L7_ECX_VAES		BIT(9)
#define L7_ECX_VPCLMULQDQ	BIT(10)
#define L7_ECX_AVX512_VNNI	BIT(11)
#define L7_ECX_AVX512_BITALG	BIT(12)
#define L7_ECX_AVX512_VPOPCNTDQ	BIT(14)
#define L7_ECX_RDPID		BIT(22)
#define L7_ECX_CLDEMOTE		BIT(25)
#define L7_ECX_MOVDIRI		BIT(27)
#define L7_ECX_MOVDIR64B	BIT(28)

#define L7_ECX_NEEDS_AVX	(L7_ECX_VAES | L7_ECX_VPCLMULQDQ)
#define L7_ECX_NEEDS_AVX512							\
	(L7_ECX_AVX512_VBMI | L7_ECX_AVX512_VBMI2 | L7_ECX_AVX512_VNNI |	\
	 L7_ECX_AVX512_BITALG | L7_ECX_AVX512_VPOPCNTDQ)
#define L7_ECX_ALLOW								\
	(L7_ECX_UMIP | L7_ECX_GFNI | L7_ECX_RDPID | L7_ECX_CLDEMOTE |		\
	 L7_ECX_MOVDIRI | L7_ECX_MOVDIR64B | L7_ECX_NEEDS_AVX |			\
	 L7_ECX_NEEDS_AVX512)

/* Leaf 7, subleaf 0, EDX */
#define L7_EDX_FSRM		BIT(4)
#define L7_EDX_VP2INTERSECT	BIT(8)		/* AVX512_VP2INTERSECT */
#define L7_EDX_MD_CLEAR		BIT(10)		/* VERW clears buffers, in a guest too */
#define L7_EDX_SERIALIZE	BIT(14)
#define L7_EDX_AVX512_FP16	BIT(23)

#define L7_EDX_NEEDS_AVX512	(L7_EDX_VP2INTERSECT | L7_EDX_AVX512_FP16)
#define L7_EDX_ALLOW								\
	(L7_EDX_FSRM | L7_EDX_MD_CLEAR | L7_EDX_SERIALIZE | L7_EDX_NEEDS_AVX512)

/* Leaf 7, subleaf 1, EAX */
#define L7_1_EAX_AVX_VNNI	BIT(4)
#define L7_1_EAX_AVX512_BF16	BIT(5)
#define L7_1_EAX_FZLRM		BIT(10)		/* fast zero-length REP MOVSB */
#define L7_1_EAX_FSRS		BIT(11)		/* fast short REP STOSB */
#define L7_1_EAX_FSRC		BIT(12)		/* fast short REP CMPSB, SCASB */

#define L7_1_EAX_ALLOW								\
	(L7_1_EAX_AVX_VNNI | L7_1_EAX_AVX512_BF16 | L7_1_EAX_FZLRM |		\
	 L7_1_EAX_FSRS | L7_1_EAX_FSRC)

/* Leaf 0xb and 0x1f: level types in ECX[15:8] */
#define TOPOLOGY_SMT		0x0100U
#define TOPOLOGY_CORE		0x0200U
/* All vCPUs are cores of one package: ids are sparse, 0 to 254. */
#define TOPOLOGY_ID_BITS	8

/* Leaf 0xd */
#define LD_1_EAX_XSAVEOPT	BIT(0)
#define LD_1_EAX_XSAVEC		BIT(1)
#define LD_1_EAX_XGETBV1	BIT(2)
#define LD_1_EAX_ALLOW		(LD_1_EAX_XSAVEOPT | LD_1_EAX_XSAVEC | LD_1_EAX_XGETBV1)
#define LD_N_ECX_ALIGNED	BIT(1)		/* to 64 bytes in the compacted format */
#define XSAVE_FIRST		2U		/* states 0 and 1 lie in the legacy region */
#define XSAVE_LEGACY_SIZE	576U		/* with the XSAVE header */

/* Leaf 0x80000001 */
#define E1_ECX_LAHF		BIT(0)		/* LAHF_LM */
#define E1_ECX_LZCNT		BIT(5)		/* ABM */
#define E1_ECX_PREFETCHW	BIT(8)		/* 3DNOWPREFETCH */
#define E1_ECX_ALLOW		(E1_ECX_LAHF | E1_ECX_LZCNT | E1_ECX_PREFETCHW)
#define E1_EDX_SYSCALL		BIT(11)
#define E1_EDX_NX		BIT(20)
#define E1_EDX_PAGE1GB		BIT(26)		/* GBPAGES */
#define E1_EDX_RDTSCP		BIT(27)
#define E1_EDX_LM		BIT(29)
#define E1_EDX_ALLOW								\
	(E1_EDX_SYSCALL | E1_EDX_NX | E1_EDX_PAGE1GB | E1_EDX_RDTSCP | E1_EDX_LM)

/* Leaf 0x80000007, EDX */
#define E7_EDX_INVARIANT_TSC	BIT(8)		/* CONSTANT_TSC, NONSTOP_TSC */

#define LINEAR_BITS		48U

/* Leaf 0x40000001, EAX: KVM's clock MSRs */
#define KVM_CLOCKSOURCE		BIT(0)		/* MSRs 0x11, 0x12 */
#define KVM_CLOCKSOURCE2	BIT(3)		/* MSRs 0x4b564d00, 0x4b564d01 */
#define KVM_CLOCKSOURCE_STABLE	BIT(24)

#define CR4_VME			BIT(0)
#define CR4_PVI			BIT(1)
#define CR4_TSD			BIT(2)
#define CR4_DE			BIT(3)
#define CR4_PSE			BIT(4)
#define CR4_PAE			BIT(5)
#define CR4_MCE			BIT(6)
#define CR4_PGE			BIT(7)
#define CR4_PCE			BIT(8)
#define CR4_OSFXSR		BIT(9)
#define CR4_OSXMMEXCPT		BIT(10)
#define CR4_UMIP		BIT(11)
#define CR4_FSGSBASE		BIT(16)
#define CR4_PCIDE		BIT(17)
#define CR4_OSXSAVE		BIT(18)
#define CR4_SMEP		BIT(20)
#define CR4_SMAP		BIT(21)

#define EFER_SYSCALL		BIT(0)
#define EFER_LONG_MODE		(BIT(8) | BIT(10))	/* LME, LMA */
#define EFER_NXE		BIT(11)

/*
 * What every CPU with VMX has. CPUID gives guests no machine check, but there are some that
 * set MCE all the same: it is theirs to read and write, and has no effect.
 */
#define CR4_BASE								\
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE |	\
	 CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

#define ALL			0xffffffffU

/*
 * Leaves that pass through a mask and nothing else. Sizes, frequencies and
 * names are passed as the host has them: a guest cannot act on them wrongly. Not so leaf
 * 0x15: guests take its crystal clock for the rate of the APIC's timer, and kev's counts
 * at that of the TSC.
 */
struct passed {
	u32 leaf;
	struct kev_cpuid_regs allow;
};

static const struct passed passed_basic[] = {
	{ 0x01, { L1_EAX_SIGNATURE, L1_EBX_CLFLUSH_SIZE, L1_ECX_ALLOW, L1_EDX_ALLOW } },
	{ 0x16, { 0xffff, 0xffff, 0xffff, 0 } },	/* frequencies in MHz */
};

static const struct passed passed_extended[] = {
	{ 0x80000001, { 0, 0, E1_ECX_ALLOW, E1_EDX_ALLOW } },
	{ 0x80000002, { ALL, ALL, ALL, ALL } },		/* brand string */
	{ 0x80000003, { ALL, ALL, ALL, ALL } },
	{ 0x80000004, { ALL, ALL, ALL, ALL } },
	{ 0x80000006, { 0, 0, ALL, 0 } },		/* level 2 cache */
	{ 0x80000007, { 0, 0, 0, E7_EDX_INVARIANT_TSC } },
};

/* Leaf 7 by subleaf */
static const struct kev_cpuid_regs passed_feature[KEV_CPUID_NR_FEATURES] = {
	{ 0, L7_EBX_ALLOW, L7_ECX_ALLOW, L7_EDX_ALLOW },
	{ L7_1_EAX_ALLOW, 0, 0, 0 },
};

struct host {
	kev_cpuid_host_fn ask;
	void *ctx;
	u32 max_basic;
	u32 max_extended;
};

/* What the host says, through a mask; zeros above its greatest leaf */
static struct kev_cpuid_regs filter(const struct host *host, u32 leaf, u32 subleaf,
				    const struct kev_cpuid_regs *allow)
{
	u32 greatest = leaf < KEV_CPUID_EXTENDED ? host->max_basic : host->max_extended;
	struct kev_cpuid_regs regs = { 0 };

	if (leaf > greatest)
		return regs;
	host->ask(host->ctx, leaf, subleaf, &regs);
	regs.eax &= allow->eax;
	regs.ebx &= allow->ebx;
	regs.ecx &= allow->ecx;
	regs.edx &= allow->edx;
	return regs;
}

static const struct kev_cpuid_regs allow_all = { ALL, ALL, ALL, ALL };

static bool has_all(u64 value, u64 bits)
{
	return (value & bits) == bits;
}

/* SDM Vol. 1, "Extended Control Register XCR0" */
static bool xcr0_consistent(u64 xcr0)
{
	if (!(xcr0 & KEV_XCR0_X87))
		return false;
	if (xcr0 & KEV_XCR0_AVX && !(xcr0 & KEV_XCR0_SSE))
		return false;
	if (xcr0 & KEV_XCR0_AVX512 && !has_all(xcr0, KEV_XCR0_AVX512 | KEV_XCR0_AVX))
		return false;
	return true;
}

static void build_caches(struct kev_cpuid_table *t, const struct host *host)
{
	static const struct kev_cpuid_regs allow = { L4_EAX_ALLOW, ALL, ALL, L4_EDX_ALLOW };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(t->cache); i++) {
		struct kev_cpuid_regs *cache = &t->cache[i];

		*cache = filter(host, 4, i, &allow);
		if (!(cache->eax & L4_EAX_TYPE)) {
			*cache = (struct kev_cpuid_regs) { 0 };
			break;
		}
		/* Levels 1 and 2 belong to one vCPU, the others to the package. */
		if ((cache->eax & L4_EAX_LEVEL) >> L4_EAX_LEVEL_SHIFT >= 3)
			cache->eax |= (BIT(TOPOLOGY_ID_BITS) - 1) << L4_EAX_SHARING_SHIFT;
	}
}

/* Which register states the guest can have, and how an XSAVE area holds them */
static void build_xstate(struct kev_cpuid_table *t, const struct host *host,
			 const struct kev_cpuid_limits *limits)
{
	static const struct kev_cpuid_regs allow_1 = { LD_1_EAX_ALLOW, 0, 0, 0 };
	static const struct kev_cpuid_regs allow_n = { ALL, ALL, LD_N_ECX_ALIGNED, 0 };
	struct kev_cpuid_regs regs = filter(host, 0xd, 0, &allow_all);
	u64 offered = ((u64)regs.edx << 32 | regs.eax) & limits->xcr0 & KEV_XCR0_GUEST;
	u32 i;

	if (!limits->xsave || !(t->basic[1].ecx & L1_ECX_XSAVE) ||
	    !has_all(offered, KEV_XCR0_X87 | KEV_XCR0_SSE))
		return;
	t->xcr0 = offered;
	t->xstate[1] = filter(host, 0xd, 1, &allow_1);
	for (i = XSAVE_FIRST; i < ARRAY_SIZE(t->xstate); i++)
		if (offered & BIT_ULL(i))
			t->xstate[i] = filter(host, 0xd, i, &allow_n);
}

/* Take away what needs a VMX control or an MSR that is not there. */
static void apply_limits(struct kev_cpuid_table *t, const struct kev_cpuid_limits *limits)
{
	if (!limits->tsc_adjust)
		t->feature[0].ebx &= ~L7_EBX_TSC_ADJUST;
	if (!limits->invpcid)
		t->feature[0].ebx &= ~L7_EBX_INVPCID;
	if (!limits->rdtscp) {
		t->feature[0].ecx &= ~L7_ECX_RDPID;
		t->extended[1].edx &= ~E1_EDX_RDTSCP;
	}
}

/* Register states that nothing uses */
static void settle_xcr0(struct kev_cpuid_table *t)
{
	u32 i;

	if (!(t->basic[1].ecx & L1_ECX_AVX))
		t->xcr0 &= ~KEV_XCR0_AVX;
	if (!(t->feature[0].ebx & L7_EBX_AVX512F) ||
	    !has_all(t->xcr0, KEV_XCR0_AVX512 | KEV_XCR0_AVX))
		t->xcr0 &= ~KEV_XCR0_AVX512;
	if (!(t->basic[1].ecx & L1_ECX_XSAVE) || !has_all(t->xcr0, KEV_XCR0_X87 | KEV_XCR0_SSE))
		t->xcr0 = 0;
	for (i = 0; i < ARRAY_SIZE(t->xstate); i++)
		if (i == 1 ? !t->xcr0 : !(t->xcr0 & BIT_ULL(i)))
			t->xstate[i] = (struct kev_cpuid_regs) { 0 };
}

/* Features whose register state is not there */
static void settle_features(struct kev_cpuid_table *t)
{
	struct kev_cpuid_regs *l1 = &t->basic[1], *l7 = &t->feature[0];

	if (!t->xcr0)
		l1->ecx &= ~L1_ECX_XSAVE;
	if (!(t->xcr0 & KEV_XCR0_AVX)) {
		l1->ecx &= ~L1_ECX_NEEDS_AVX;
		l7->ebx &= ~L7_EBX_NEEDS_AVX;
		l7->ecx &= ~L7_ECX_NEEDS_AVX;
		t->feature[1].eax &= ~L7_1_EAX_AVX_VNNI;
	}
	if (!(t->xcr0 & KEV_XCR0_AVX512)) {
		l7->ebx &= ~L7_EBX_NEEDS_AVX512;
		l7->ecx &= ~L7_ECX_NEEDS_AVX512;
		l7->edx &= ~L7_EDX_NEEDS_AVX512;
		t->feature[1].eax &= ~L7_1_EAX_AVX512_BF16;
	}
	if (!l7->eax)
		t->feature[1] = (struct kev_cpuid_regs) { 0 };
}

static u64 cr4_of(const struct kev_cpuid_table *t)
{
	const struct kev_cpuid_regs *l1 = &t->basic[1], *l7 = &t->feature[0];

	return CR4_BASE |
	       (l1->ecx & L1_ECX_PCID ? CR4_PCIDE : 0) |
	       (l1->ecx & L1_ECX_XSAVE ? CR4_OSXSAVE : 0) |
	       (l7->ebx & L7_EBX_FSGSBASE ? CR4_FSGSBASE : 0) |
	       (l7->ebx & L7_EBX_SMEP ? CR4_SMEP : 0) |
	       (l7->ebx & L7_EBX_SMAP ? CR4_SMAP : 0) |
	       (l7->ecx & L7_ECX_UMIP ? CR4_UMIP : 0);
}

static u64 efer_of(const struct kev_cpuid_table *t)
{
	u32 features = t->extended[1].edx;

	return (features & E1_EDX_SYSCALL ? EFER_SYSCALL : 0) |
	       (features & E1_EDX_LM ? EFER_LONG_MODE : 0) |
	       (features & E1_EDX_NX ? EFER_NXE : 0);
}

/* Leaves with subleaves, or that depend on the vCPU, and those that are not there */
static u32 constant_leaves(const struct kev_cpuid_table *t)
{
	const u32 others = BIT(0x1) | BIT(0x4) | BIT(0x7) | BIT(0xb) | BIT(0xd) | BIT(0x1f);

	return GENMASK_ULL(min(t->basic[0].eax, KEV_CPUID_MAX_BASIC), 0) & ~others;
}

void kev_cpuid_settle(struct kev_cpuid_table *t)
{
	settle_xcr0(t);
	settle_features(t);
	t->cr4 = cr4_of(t);
	t->efer = efer_of(t);
	t->constant = constant_leaves(t);
}

void kev_cpuid_build(struct kev_cpuid_table *t, kev_cpuid_host_fn host_fn, void *ctx,
		     const struct kev_cpuid_limits *limits)
{
	struct host host = { .ask = host_fn, .ctx = ctx };
	struct kev_cpuid_regs regs;
	u32 i;

	memset(t, 0, sizeof(*t));
	host.ask(ctx, 0, 0, &regs);
	host.max_basic = regs.eax;
	t->basic[0] = regs;
	/* The topology (leaf 0xb) and 0xd are kev's own: there, whatever the host has. */
	t->basic[0].eax = max(0xdU, min(regs.eax, KEV_CPUID_MAX_BASIC));
	host.ask(ctx, KEV_CPUID_EXTENDED, 0, &regs);
	host.max_extended = regs.eax;
	t->extended[0].eax = KEV_CPUID_MAX_EXTENDED;

	for (i = 0; i < ARRAY_SIZE(passed_basic); i++)
		t->basic[passed_basic[i].leaf] =
			filter(&host, passed_basic[i].leaf, 0, &passed_basic[i].allow);
	for (i = 0; i < ARRAY_SIZE(passed_extended); i++)
		t->extended[passed_extended[i].leaf - KEV_CPUID_EXTENDED] =
			filter(&host, passed_extended[i].leaf, 0, &passed_extended[i].allow);

	/* Subleaf 0 says in EAX which is the last one. */
	regs = filter(&host, 7, 0, &allow_all);
	t->feature[0] = filter(&host, 7, 0, &passed_feature[0]);
	if (regs.eax >= 1) {
		t->feature[0].eax = 1;
		t->feature[1] = filter(&host, 7, 1, &passed_feature[1]);
	}

	build_caches(t, &host);
	build_xstate(t, &host, limits);
	apply_limits(t, limits);

	t->basic[1].ecx |= L1_ECX_HYPERVISOR;
	if (limits->local_apic) {
		t->basic[1].ecx |= L1_ECX_X2APIC | L1_ECX_TSC_DEADLINE;
		t->basic[1].edx |= L1_EDX_APIC;
		t->basic[6].eax |= L6_EAX_ARAT;
	}
	t->basic[2].eax = L2_EAX_SEE_LEAF_4;
	t->extended[8].eax = limits->phys_bits | LINEAR_BITS << 8;
	kev_cpuid_settle(t);
}

/* Bytes of an XSAVE area in the standard format; a state that the guest cannot have has none */
static u32 standard_size(const struct kev_cpuid_table *t, u64 xcr0)
{
	u32 size = XSAVE_LEGACY_SIZE, i;

	for (i = XSAVE_FIRST; i < ARRAY_SIZE(t->xstate); i++)
		if (xcr0 & BIT_ULL(i))
			size = max(size, t->xstate[i].ebx + t->xstate[i].eax);
	return size;
}

/* Bytes of an XSAVE area in the compacted format */
static u32 compacted_size(const struct kev_cpuid_table *t, u64 xcr0)
{
	u32 size = XSAVE_LEGACY_SIZE, i;

	for (i = XSAVE_FIRST; i < ARRAY_SIZE(t->xstate); i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		if (t->xstate[i].ecx & LD_N_ECX_ALIGNED)
			size = (size + 63) & ~63U;
		size += t->xstate[i].eax;
	}
	return size;
}

static void answer_features(const struct kev_cpuid_table *t, const struct kev_cpuid_vcpu *vcpu,
			    struct kev_cpuid_regs *out)
{
	*out = t->basic[1];
	out->ebx |= vcpu->vcpu_id << 24 | (vcpu->nr_vcpus & 0xff) << 16;
	if (vcpu->osxsave && out->ecx & L1_ECX_XSAVE)
		out->ecx |= L1_ECX_OSXSAVE;
	if (vcpu->nr_vcpus > 1)
		out->edx |= L1_EDX_HTT;
	if (vcpu->apic_off)
		out->edx &= ~L1_EDX_APIC;
}

static void answer_caches(const struct kev_cpuid_table *t, const struct kev_cpuid_vcpu *vcpu,
			  u32 subleaf, struct kev_cpuid_regs *out)
{
	u32 cores = 1;

	if (subleaf >= ARRAY_SIZE(t->cache) || !t->cache[subleaf].eax)
		return;
	while (cores < vcpu->nr_vcpus && cores < L4_MAX_CORES)
		cores *= 2;
	*out = t->cache[array_index_nospec(subleaf, ARRAY_SIZE(t->cache))];
	out->eax |= (cores - 1) << L4_EAX_CORES_SHIFT;
}

static void answer_topology(const struct kev_cpuid_vcpu *vcpu, u32 subleaf,
			    struct kev_cpuid_regs *out)
{
	out->ecx = subleaf & 0xff;
	out->edx = vcpu->vcpu_id;
	if (subleaf == 0) {
		out->ebx = 1;
		out->ecx |= TOPOLOGY_SMT;
	} else if (subleaf == 1) {
		out->eax = TOPOLOGY_ID_BITS;
		out->ebx = max(vcpu->nr_vcpus, 1U);
		out->ecx |= TOPOLOGY_CORE;
	}
}

static void answer_xstate(const struct kev_cpuid_table *t, const struct kev_cpuid_vcpu *vcpu,
			  u32 subleaf, struct kev_cpuid_regs *out)
{
	if (!t->xcr0 || subleaf >= ARRAY_SIZE(t->xstate))
		return;
	*out = t->xstate[array_index_nospec(subleaf, ARRAY_SIZE(t->xstate))];
	if (subleaf == 0) {
		out->eax = lower_32_bits(t->xcr0);
		out->ebx = standard_size(t, vcpu->xcr0);
		out->ecx = standard_size(t, t->xcr0);
		out->edx = upper_32_bits(t->xcr0);
	} else if (subleaf == 1 && out->eax & LD_1_EAX_XSAVEC) {
		out->ebx = compacted_size(t, vcpu->xcr0);
	}
}

static void answer_hypervisor(const struct kev_cpuid_vcpu *vcpu, u32 leaf,
			      struct kev_cpuid_regs *out)
{
	if (leaf == KEV_CPUID_HYPERVISOR) {
		out->eax = vcpu->clock_pages ? KEV_CPUID_KVM_FEATURES : 0;
		out->ebx = KEV_CPUID_SIGNATURE_EBX;
		out->ecx = KEV_CPUID_SIGNATURE_ECX;
		out->edx = KEV_CPUID_SIGNATURE_EDX;
	} else if (leaf == KEV_CPUID_KVM_FEATURES && vcpu->clock_pages) {
		out->eax = KVM_CLOCKSOURCE | KVM_CLOCKSOURCE2 | KVM_CLOCKSOURCE_STABLE;
	}
}

static void answer(const struct kev_cpuid_table *t, const struct kev_cpuid_vcpu *vcpu,
		   u32 leaf, u32 subleaf, struct kev_cpuid_regs *out)
{
	*out = (struct kev_cpuid_regs) { 0 };

	if (leaf < KEV_CPUID_HYPERVISOR && leaf > t->basic[0].eax)
		return;
	if (leaf >= KEV_CPUID_EXTENDED && leaf > t->extended[0].eax)
		return;
	switch (leaf) {
	case 0x1:
		answer_features(t, vcpu, out);
		return;
	case 0x4:
		answer_caches(t, vcpu, subleaf, out);
		return;
	case 0x7:
		if (subleaf < ARRAY_SIZE(t->feature))
			*out = t->feature[array_index_nospec(subleaf, ARRAY_SIZE(t->feature))];
		return;
	case 0xd:
		answer_xstate(t, vcpu, subleaf, out);
		return;
	case 0xb:
	case 0x1f:
		answer_topology(vcpu, subleaf, out);
		return;
	}
	/* The guest chooses the index, and mispredicted paths read too. */
	if (leaf <= KEV_CPUID_MAX_BASIC) {
		*out = t->basic[array_index_nospec(leaf, ARRAY_SIZE(t->basic))];
	} else if (leaf >= KEV_CPUID_EXTENDED && leaf <= KEV_CPUID_MAX_EXTENDED) {
		leaf -= KEV_CPUID_EXTENDED;
		*out = t->extended[array_index_nospec(leaf, ARRAY_SIZE(t->extended))];
	} else {
		answer_hypervisor(vcpu, leaf, out);
	}
}

void kev_cpuid_answer(const struct kev_cpuid_table *t, const struct kev_cpuid_vcpu *vcpu,
		      u32 leaf, u32 subleaf, struct kev_cpuid_regs *out)
{
	answer(t, vcpu, leaf, subleaf, out);
	if (t->nr_own)
		kev_cpuid_own(t, leaf, subleaf, out);
}

bool kev_cpuid_xcr0_valid(const struct kev_cpuid_table *t, u64 xcr0)
{
	return !(xcr0 & ~t->xcr0) && xcr0_consistent(xcr0);
}
