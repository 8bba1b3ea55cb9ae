// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID for guests: nothing passes that is not on the list below, whatever the
 * host says, and what guests count on is there.
 */
#include "unit.h"

#include <kev/cpuid.h>

enum reg { EAX, EBX, ECX, EDX };

static u32 reg_of(const struct kev_cpuid_regs *regs, enum reg reg)
{
	switch (reg) {
	case EAX:
		return regs->eax;
	case EBX:
		return regs->ebx;
	case ECX:
		return regs->ecx;
	default:
		return regs->edx;
	}
}

/* A host: what is not in its table is @rest, or random with @random set. */
struct host {
	u32 max_basic, max_extended;
	u32 rest;
	u64 *random;
	const struct leaf *leaf;
	size_t nr;
	u32 too_high;		/* questions above the greatest leaf */
};

#define ANY	0xffffffffU	/* subleaf */

struct leaf {
	u32 leaf, subleaf;
	struct kev_cpuid_regs regs;
};

static void host_cpuid(void *ctx, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs)
{
	struct host *host = ctx;
	size_t i;

	if (leaf > (leaf < 0x80000000 ? host->max_basic : host->max_extended))
		host->too_high++;
	for (i = 0; i < host->nr; i++) {
		const struct leaf *l = &host->leaf[i];

		if (l->leaf == leaf && (l->subleaf == subleaf || l->subleaf == ANY)) {
			*regs = l->regs;
			return;
		}
	}
	*regs = (struct kev_cpuid_regs) { host->rest, host->rest, host->rest, host->rest };
	if (host->random) {
		regs->eax = unit_random_bits(host->random);
		regs->ebx = unit_random_bits(host->random);
		regs->ecx = unit_random_bits(host->random);
		regs->edx = unit_random_bits(host->random);
	}
	if (leaf == 0)
		regs->eax = host->max_basic;
	else if (leaf == 0x80000000)
		regs->eax = host->max_extended;
}

#define NO_XSAVE	BIT(0)
#define NO_RDTSCP	BIT(1)
#define NO_INVPCID	BIT(2)
#define NO_LOCAL_APIC	BIT(3)
#define NO_TSC_ADJUST	BIT(4)

static struct kev_cpuid_limits limits_of(u64 xcr0, u32 without)
{
	return (struct kev_cpuid_limits) {
		.xcr0 = xcr0,
		.phys_bits = 46,
		.xsave = !(without & NO_XSAVE),
		.rdtscp = !(without & NO_RDTSCP),
		.invpcid = !(without & NO_INVPCID),
		.local_apic = !(without & NO_LOCAL_APIC),
		.tsc_adjust = !(without & NO_TSC_ADJUST),
	};
}

static void build(struct kev_cpuid_table *table, struct host *host, u64 xcr0, u32 without)
{
	const struct kev_cpuid_limits limits = limits_of(xcr0, without);

	kev_cpuid_build(table, host_cpuid, host, &limits);
}

#define ALL		(~0ULL)	/* of XCR0 */

static const struct kev_cpuid_vcpu plain_vcpu = {
	.vcpu_id = 0xba, .nr_vcpus = 4, .xcr0 = 1,
};

/* Every bit that any guest can ever see, written down from the SDM once more */
static const struct leaf allowed[] = {
	{ 0x0, ANY, { 0x1f, ANY, ANY, ANY } },
	{ 0x1, ANY, { 0x0fff3fff, 0xffffff00, 0xfffa3203, 0x1f8bab7f } },
	{ 0x2, ANY, { 0x0000ff01, 0, 0, 0 } },
	{ 0x4, 0, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 1, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 2, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 3, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 4, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 5, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 6, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x4, 7, { 0xffffffff, ANY, ANY, 7 } },
	{ 0x6, ANY, { 0x4, 0, 0, 0 } },
	{ 0x7, 0, { 1, 0xf1bf27eb, 0x1a405f46, 0x00804510 } },
	{ 0x7, 1, { 0x00001c30, 0, 0, 0 } },
	{ 0xb, ANY, { 0xff, 0xffff, 0xffff, 0xff } },
	{ 0xd, 0, { 0xe7, ANY, ANY, 0 } },
	{ 0xd, 1, { 0x7, ANY, 0, 0 } },
	{ 0xd, 2, { ANY, ANY, 2, 0 } },
	{ 0xd, 5, { ANY, ANY, 2, 0 } },
	{ 0xd, 6, { ANY, ANY, 2, 0 } },
	{ 0xd, 7, { ANY, ANY, 2, 0 } },
	{ 0x16, ANY, { 0xffff, 0xffff, 0xffff, 0 } },
	{ 0x1f, ANY, { 0xff, 0xffff, 0xffff, 0xff } },
	{ 0x40000000, ANY, { 0x40000001, ANY, ANY, ANY } },
	{ 0x40000001, ANY, { 0x01000009, 0, 0, 0 } },
	{ 0x80000000, ANY, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, ANY, { 0, 0, 0x00000121, 0x2c100800 } },
	{ 0x80000002, ANY, { ANY, ANY, ANY, ANY } },
	{ 0x80000003, ANY, { ANY, ANY, ANY, ANY } },
	{ 0x80000004, ANY, { ANY, ANY, ANY, ANY } },
	{ 0x80000006, ANY, { 0, 0, ANY, 0 } },
	{ 0x80000007, ANY, { 0, 0, 0, 0x100 } },
	{ 0x80000008, ANY, { 0xffff, 0, 0, 0 } },
};

static struct kev_cpuid_regs allowed_of(u32 leaf, u32 subleaf)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		if (allowed[i].leaf == leaf &&
		    (allowed[i].subleaf == subleaf || allowed[i].subleaf == ANY))
			return allowed[i].regs;
	return (struct kev_cpuid_regs) { 0 };
}

static const struct {
	u32 first, last;
} asked[] = {
	{ 0, 0x40 }, { 0x3ffffff0, 0x40000110 }, { 0x7ffffff0, 0x80000030 },
	{ 0xc0000000, 0xc0000008 }, { 0xfffffff0, 0xfffffffe },
};

static const u32 asked_subleaves[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 0x100, 0xffffffff };

/* The first bit that passes without being allowed: true and *@at, or false */
static bool leak(const struct kev_cpuid_table *table, const struct kev_cpuid_vcpu *vcpu,
		 struct leaf *at)
{
	size_t i, j;
	u32 leaf;

	for (i = 0; i < ARRAY_SIZE(asked); i++) {
		for (leaf = asked[i].first; leaf <= asked[i].last; leaf++) {
			for (j = 0; j < ARRAY_SIZE(asked_subleaves); j++) {
				u32 subleaf = asked_subleaves[j];
				struct kev_cpuid_regs may = allowed_of(leaf, subleaf), is;

				memset(&is, 0xa5, sizeof(is));
				kev_cpuid_answer(table, vcpu, leaf, subleaf, &is);
				*at = (struct leaf) { leaf, subleaf, {
					is.eax & ~may.eax, is.ebx & ~may.ebx,
					is.ecx & ~may.ecx, is.edx & ~may.edx } };
				if (at->regs.eax | at->regs.ebx | at->regs.ecx | at->regs.edx)
					return true;
			}
		}
	}
	return false;
}

#define ASSERT_NO_LEAK(table, vcpu) do {					\
	struct leaf at;								\
	ASSERT_FALSE(leak(table, vcpu, &at))					\
		TH_LOG("leaf %x.%x: eax %x, ebx %x, ecx %x, edx %x", at.leaf, at.subleaf, \
		       at.regs.eax, at.regs.ebx, at.regs.ecx, at.regs.edx);	\
} while (0)

TEST(nothing_else_passes)
{
	struct host ones = { .max_basic = ANY >> 1, .max_extended = ANY, .rest = ANY };
	struct kev_cpuid_vcpu vcpu = plain_vcpu;
	struct kev_cpuid_table table;
	u64 random = 5;
	int i;

	build(&table, &ones, ALL, 0);
	vcpu.osxsave = true;
	vcpu.clock_pages = true;
	vcpu.xcr0 = ~0ULL;
	ASSERT_NO_LEAK(&table, &vcpu);

	for (i = 0; i < 1000; i++) {
		struct host host = {
			.max_basic = unit_random(&random) % 0x30,
			.max_extended = 0x80000000 + unit_random(&random) % 0x10,
			.random = &random,
		};
		u64 bits = unit_random(&random);
		const struct kev_cpuid_limits limits = {
			.xcr0 = unit_random_bits(&random), .phys_bits = 36 + bits % 17,
			.xsave = bits & 0x100, .rdtscp = bits & 0x200, .invpcid = bits & 0x400,
			.local_apic = bits & 0x800, .tsc_adjust = bits & 0x1000,
		};

		kev_cpuid_build(&table, host_cpuid, &host, &limits);
		ASSERT_EQ(0, host.too_high);
		vcpu.vcpu_id = bits >> 16 & 0xff;
		vcpu.nr_vcpus = 1 + (bits >> 24 & 63);
		vcpu.osxsave = bits & 0x2000;
		vcpu.clock_pages = bits & 0x4000;
		vcpu.xcr0 = unit_random_bits(&random);
		ASSERT_NO_LEAK(&table, &vcpu);
	}
}

/* What a feature needs: take it away and the bits must go, on a host that has everything. */
static const struct need {
	const char *name;
	u64 xcr0;
	u32 without;
	u32 leaf, subleaf;
	enum reg reg;
	u32 gone;
} needs[] = {
#define NEEDS_XSAVE	(BIT(26) | BIT(27))
#define NEEDS_AVX	(BIT(12) | BIT(28) | BIT(29))
	{ "no XSAVE", ALL, NO_XSAVE, 1, 0, ECX, NEEDS_XSAVE | NEEDS_AVX },
	{ "no XSAVE", ALL, NO_XSAVE, 0xd, 0, EAX, ANY },
	{ "no XSAVE", ALL, NO_XSAVE, 0xd, 0, EBX, ANY },
	{ "no XSAVE", ALL, NO_XSAVE, 0xd, 0, ECX, ANY },
	{ "no XSAVE", ALL, NO_XSAVE, 0xd, 1, EAX, ANY },
	{ "no XSAVE", ALL, NO_XSAVE, 0xd, 2, EAX, ANY },
	{ "XCR0 without SSE", 5, 0, 1, 0, ECX, NEEDS_XSAVE | NEEDS_AVX },
	{ "XCR0 without x87", 6, 0, 1, 0, ECX, NEEDS_XSAVE | NEEDS_AVX },
	{ "SSE only", 3, 0, 1, 0, ECX, NEEDS_AVX },
	{ "SSE only", 3, 0, 7, 0, EBX, 1 << 5 | 0xd0230000 },
	{ "SSE only", 3, 0, 7, 0, ECX, 1 << 9 | 1 << 10 | 0x5842 },
	{ "SSE only", 3, 0, 7, 0, EDX, 1 << 8 | 1 << 23 },
	{ "SSE only", 3, 0, 7, 1, EAX, 1 << 4 | 1 << 5 },
	{ "SSE only", 3, 0, 0xd, 0, EAX, ~3U },
	{ "SSE only", 3, 0, 0xd, 2, EAX, ANY },
	{ "AVX only", 7, 0, 7, 0, EBX, 0xd0230000 },
	{ "AVX only", 7, 0, 7, 0, ECX, 0x5842 },
	{ "AVX only", 7, 0, 7, 0, EDX, 1 << 8 | 1 << 23 },
	{ "AVX only", 7, 0, 7, 1, EAX, 1 << 5 },
	{ "two of AVX-512's three", 0x67, 0, 7, 0, EBX, 0xd0230000 },
	{ "two of AVX-512's three", 0x67, 0, 0xd, 0, EAX, ~7U },
	{ "AVX-512 without AVX", 0xe3, 0, 0xd, 0, EAX, ~3U },
	{ "no RDTSCP", ALL, NO_RDTSCP, 0x80000001, 0, EDX, 1 << 27 },
	{ "no RDTSCP", ALL, NO_RDTSCP, 7, 0, ECX, 1 << 22 },
	{ "no INVPCID", ALL, NO_INVPCID, 7, 0, EBX, 1 << 10 },
	{ "no TSC_ADJUST", ALL, NO_TSC_ADJUST, 7, 0, EBX, 1 << 1 },
	{ "no local APIC", ALL, NO_LOCAL_APIC, 1, 0, ECX, 1 << 21 | 1 << 24 },
	{ "no local APIC", ALL, NO_LOCAL_APIC, 1, 0, EDX, 1 << 9 },
	{ "no local APIC", ALL, NO_LOCAL_APIC, 6, 0, EAX, 1 << 2 },
};

TEST(what_features_need)
{
	/* Not leaf 4, of which an all-ones host has no end */
	struct host ones = { .max_basic = 0x20, .max_extended = 0x80000008, .rest = ANY };
	struct kev_cpuid_vcpu vcpu = plain_vcpu;
	struct kev_cpuid_table full, less;
	size_t i;

	vcpu.osxsave = true;
	build(&full, &ones, ALL, 0);
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct need *n = &needs[i];
		struct kev_cpuid_regs with, without;

		build(&less, &ones, n->xcr0, n->without);
		kev_cpuid_answer(&full, &vcpu, n->leaf, n->subleaf, &with);
		kev_cpuid_answer(&less, &vcpu, n->leaf, n->subleaf, &without);
		EXPECT_NE(0, reg_of(&with, n->reg) & n->gone)
			TH_LOG("%s, leaf %x.%u: was never there", n->name, n->leaf, n->subleaf);
		EXPECT_EQ(reg_of(&with, n->reg) & ~n->gone, reg_of(&without, n->reg))
			TH_LOG("%s, leaf %x.%u", n->name, n->leaf, n->subleaf);
	}
}

/* A host like Skylake server, from memory */
static const struct leaf skylake[] = {
	{ 0x00, ANY, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	{ 0x01, ANY, { 0x00050654, 0x12200800, 0x7ffefbff, 0xbfebfbff } },
	{ 0x02, ANY, { 0x76036301, 0x00f0b5ff, 0, 0x00c30000 } },
	{ 0x04, 0, { 0x7c004121, 0x01c0003f, 0x3f, 0 } },
	{ 0x04, 1, { 0x7c004122, 0x01c0003f, 0x3f, 0 } },
	{ 0x04, 2, { 0x7c004143, 0x03c0003f, 0x3ff, 0 } },
	{ 0x04, 3, { 0x7c07c163, 0x0280003f, 0x7fff, 4 } },
	{ 0x04, ANY, { 0, 0, 0, 0 } },
	{ 0x05, ANY, { 0x40, 0x40, 3, 0x2020 } },
	{ 0x06, ANY, { 0x77, 2, 9, 0 } },
	{ 0x07, 0, { 0, 0xd39ffffb, 0x8, 0xbc000400 } },
	{ 0x0a, ANY, { 0x07300404, 0, 0, 0x603 } },
	{ 0x0b, 0, { 1, 2, 0x100, 0x12 } },
	{ 0x0b, 1, { 5, 32, 0x201, 0x12 } },
	{ 0x0d, 0, { 0x2ff, 0xa88, 0xa88, 0 } },
	{ 0x0d, 1, { 0xf, 0xa88, 0x100, 0 } },
	{ 0x0d, 2, { 256, 576, 0, 0 } },
	{ 0x0d, 3, { 64, 960, 0, 0 } },
	{ 0x0d, 4, { 64, 1024, 0, 0 } },
	{ 0x0d, 5, { 64, 1088, 0, 0 } },
	{ 0x0d, 6, { 512, 1152, 0, 0 } },
	{ 0x0d, 7, { 1024, 1664, 0, 0 } },
	{ 0x0d, 8, { 128, 0, 1, 0 } },
	{ 0x0d, 9, { 8, 2688, 0, 0 } },
	{ 0x15, ANY, { 2, 0xa8, 25000000, 0 } },
	{ 0x16, ANY, { 2100, 3700, 100, 0 } },
	{ 0x80000000, ANY, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, ANY, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000002, ANY, { 0x65746e49, 0x2952286c, 0x6f655820, 0x2952286e } },
	{ 0x80000003, ANY, { 1, 2, 3, 4 } },
	{ 0x80000004, ANY, { 5, 6, 7, 8 } },
	{ 0x80000006, ANY, { 0, 0, 0x01006040, 0 } },
	{ 0x80000007, ANY, { 0, 0, 0, 0x100 } },
	{ 0x80000008, ANY, { 0x302e, 0, 0, 0 } },
};

static void build_skylake(struct kev_cpuid_table *table, u64 xcr0, u32 without)
{
	struct host host = {
		.max_basic = 0x16, .max_extended = 0x80000008,
		.leaf = skylake, .nr = ARRAY_SIZE(skylake),
	};

	build(table, &host, xcr0, without);
}

static const struct leaf expected_skylake[] = {
	{ 0x0, 0, { 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 } },
	/* Id 0xba, 4 vCPUs; hypervisor, TSC deadline and x2APIC set, VMX and its like gone */
	{ 0x1, 0, { 0x00050654, 0xba040800, 0xf7fa3203, 0x1f8bab7f } },
	{ 0x2, 0, { 0xff01, 0, 0, 0 } },
	/* 4 cores; levels 1 and 2 per vCPU, level 3 for the package */
	{ 0x4, 0, { 0x0c000121, 0x01c0003f, 0x3f, 0 } },
	{ 0x4, 2, { 0x0c000143, 0x03c0003f, 0x3ff, 0 } },
	{ 0x4, 3, { 0x0c3fc163, 0x0280003f, 0x7fff, 4 } },
	{ 0x4, 4, { 0, 0, 0, 0 } },
	{ 0x5, 0, { 0, 0, 0, 0 } },
	{ 0x6, 0, { 4, 0, 0, 0 } },
	{ 0x7, 0, { 0, 0xd19f27eb, 0, 0x00000400 } },
	{ 0x7, 1, { 0, 0, 0, 0 } },
	{ 0xa, 0, { 0, 0, 0, 0 } },
	{ 0xb, 0, { 0, 1, 0x100, 0xba } },
	{ 0xb, 1, { 8, 4, 0x201, 0xba } },
	{ 0xb, 2, { 0, 0, 2, 0xba } },
	{ 0xb, 0x1ff, { 0, 0, 0xff, 0xba } },
	{ 0xd, 0, { 0xe7, 576, 2688, 0 } },
	{ 0xd, 1, { 7, 576, 0, 0 } },
	{ 0xd, 2, { 256, 576, 0, 0 } },
	{ 0xd, 3, { 0, 0, 0, 0 } },
	{ 0xd, 7, { 1024, 1664, 0, 0 } },
	{ 0xd, 9, { 0, 0, 0, 0 } },
	/* The host's crystal is not what the guest's APIC timer counts. */
	{ 0x15, 0, { 0, 0, 0, 0 } },
	{ 0x16, 0, { 2100, 3700, 100, 0 } },
	{ 0x17, 0, { 0, 0, 0, 0 } },
	{ 0x1f, 0, { 0, 0, 0, 0 } },
	{ 0x40000000, 0, { 0, 0x4b4d564b, 0x564b4d56, 0x0000004d } },
	{ 0x40000001, 0, { 0, 0, 0, 0 } },
	{ 0x40000003, 0, { 0, 0, 0, 0 } },
	{ 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
	{ 0x80000001, 0, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000002, 0, { 0x65746e49, 0x2952286c, 0x6f655820, 0x2952286e } },
	{ 0x80000004, 0, { 5, 6, 7, 8 } },
	{ 0x80000007, 0, { 0, 0, 0, 0x100 } },
	{ 0x80000008, 0, { 0x302e, 0, 0, 0 } },
};

TEST(skylake_guest)
{
	struct kev_cpuid_table table;
	struct kev_cpuid_regs regs;
	size_t i;

	build_skylake(&table, ALL, 0);
	for (i = 0; i < ARRAY_SIZE(expected_skylake); i++) {
		const struct leaf *e = &expected_skylake[i];

		memset(&regs, 0xa5, sizeof(regs));
		kev_cpuid_answer(&table, &plain_vcpu, e->leaf, e->subleaf, &regs);
		EXPECT_EQ(0, memcmp(&e->regs, &regs, sizeof(regs)))
			TH_LOG("leaf %x.%x: %x %x %x %x", e->leaf, e->subleaf,
			       regs.eax, regs.ebx, regs.ecx, regs.edx);
	}
}

/* A host so old that it ends before the topology */
TEST(short_host)
{
	static const struct leaf leaves[] = {
		{ 0x0, ANY, { 0x5, 1, 2, 3 } },
		{ 0x80000000, ANY, { 0x80000004, 0, 0, 0 } },
	};
	struct host host = {
		.max_basic = 5, .max_extended = 0x80000004, .leaf = leaves, .nr = 2,
	};
	struct kev_cpuid_table table;
	struct kev_cpuid_regs regs;

	build(&table, &host, ALL, 0);
	EXPECT_EQ(0, host.too_high);
	kev_cpuid_answer(&table, &plain_vcpu, 0, 0, &regs);
	EXPECT_EQ(0xd, regs.eax);
	kev_cpuid_answer(&table, &plain_vcpu, 0xb, 1, &regs);
	EXPECT_EQ(8, regs.eax);
	kev_cpuid_answer(&table, &plain_vcpu, 0x80000008, 0, &regs);
	EXPECT_EQ(0x302e, regs.eax);
	EXPECT_EQ(0, table.xcr0);
}

TEST(of_the_vcpu)
{
	struct kev_cpuid_vcpu vcpu = plain_vcpu;
	struct kev_cpuid_table table;
	struct kev_cpuid_regs regs;

	build_skylake(&table, ALL, 0);

	vcpu.vcpu_id = 254;
	vcpu.nr_vcpus = 64;
	kev_cpuid_answer(&table, &vcpu, 1, 0, &regs);
	EXPECT_EQ(0xfe400800, regs.ebx);
	EXPECT_EQ(1 << 28, regs.edx & 1 << 28);
	kev_cpuid_answer(&table, &vcpu, 4, 0, &regs);
	EXPECT_EQ(0xfc000121, regs.eax);
	kev_cpuid_answer(&table, &vcpu, 0xb, 1, &regs);
	EXPECT_EQ(64, regs.ebx);
	EXPECT_EQ(254, regs.edx);

	vcpu.vcpu_id = 0;
	vcpu.nr_vcpus = 1;
	kev_cpuid_answer(&table, &vcpu, 1, 0, &regs);
	EXPECT_EQ(0x00010800, regs.ebx);
	EXPECT_EQ(0, regs.edx & 1 << 28);
	kev_cpuid_answer(&table, &vcpu, 4, 3, &regs);
	EXPECT_EQ(0x003fc163, regs.eax);

	vcpu.nr_vcpus = 3;
	kev_cpuid_answer(&table, &vcpu, 4, 0, &regs);
	EXPECT_EQ(0x0c000121, regs.eax);

	EXPECT_EQ(0, regs.ecx & 1 << 27);
	vcpu.osxsave = true;
	kev_cpuid_answer(&table, &vcpu, 1, 0, &regs);
	EXPECT_EQ(1 << 27, regs.ecx & 1 << 27);
	vcpu.osxsave = false;
	kev_cpuid_answer(&table, &vcpu, 1, 0, &regs);
	EXPECT_EQ(0, regs.ecx & 1 << 27);

	EXPECT_EQ(1 << 9, regs.edx & 1 << 9);
	vcpu.apic_off = true;
	kev_cpuid_answer(&table, &vcpu, 1, 0, &regs);
	EXPECT_EQ(0, regs.edx & 1 << 9);
	vcpu.apic_off = false;

	vcpu.clock_pages = true;
	kev_cpuid_answer(&table, &vcpu, 0x40000000, 0, &regs);
	EXPECT_EQ(0x40000001, regs.eax);
	kev_cpuid_answer(&table, &vcpu, 0x40000001, 0, &regs);
	EXPECT_EQ(0x01000009, regs.eax);

	kev_cpuid_answer(&table, &vcpu, 0x40000000, 0, &regs);
	EXPECT_EQ('K' | 'V' << 8 | 'M' << 16 | 'K' << 24, regs.ebx);
	EXPECT_EQ('V' | 'M' << 8 | 'K' << 16 | 'V' << 24, regs.ecx);
	EXPECT_EQ('M', regs.edx);
}

TEST(xsave_sizes)
{
	static const struct {
		u64 xcr0;
		u32 standard, compacted;
	} sizes[] = {
		{ 0x01, 576, 576 },
		{ 0x03, 576, 576 },
		{ 0x07, 832, 832 },
		{ 0xe7, 2688, 576 + 256 + 64 + 512 + 1024 },
		/* A bit that the guest cannot have does not count. */
		{ 0x21f, 832, 832 },
	};
	struct kev_cpuid_vcpu vcpu = plain_vcpu;
	struct kev_cpuid_table table;
	struct kev_cpuid_regs regs;
	size_t i;

	build_skylake(&table, ALL, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vcpu.xcr0 = sizes[i].xcr0;
		kev_cpuid_answer(&table, &vcpu, 0xd, 0, &regs);
		EXPECT_EQ(sizes[i].standard, regs.ebx)
			TH_LOG("XCR0 %llx", vcpu.xcr0);
		EXPECT_EQ(2688, regs.ecx);
		kev_cpuid_answer(&table, &vcpu, 0xd, 1, &regs);
		EXPECT_EQ(sizes[i].compacted, regs.ebx)
			TH_LOG("XCR0 %llx", vcpu.xcr0);
	}
	/* The greatest size is that of what the guest can have. */
	build_skylake(&table, 7, 0);
	kev_cpuid_answer(&table, &plain_vcpu, 0xd, 0, &regs);
	EXPECT_EQ(832, regs.ecx);
}

/* A state that wants alignment gets it in the compacted format. */
TEST(xsave_alignment)
{
	static const struct leaf leaves[] = {
		{ 0x1, ANY, { 0, 0, 1 << 26 | 1 << 28, 0 } },
		{ 0x7, 0, { 0, 1 << 16, 0, 0 } },
		{ 0xd, 0, { 0xe7, 0, 0, 0 } },
		{ 0xd, 1, { 2, 0, 0, 0 } },
		{ 0xd, 2, { 8, 576, 0, 0 } },
		{ 0xd, 5, { 16, 640, 2, 0 } },
		{ 0xd, 6, { 8, 704, 0, 0 } },
		{ 0xd, 7, { 8, 768, 2, 0 } },
	};
	struct host host = {
		.max_basic = 0xd, .max_extended = 0x80000008,
		.leaf = leaves, .nr = ARRAY_SIZE(leaves),
	};
	struct kev_cpuid_vcpu vcpu = plain_vcpu;
	struct kev_cpuid_table table;
	struct kev_cpuid_regs regs;

	build(&table, &host, ALL, 0);
	vcpu.xcr0 = 0xe7;
	kev_cpuid_answer(&table, &vcpu, 0xd, 1, &regs);
	/* 576 + 8, up to 640, + 16, + 8, up to 704, + 8 */
	EXPECT_EQ(712, regs.ebx);
}

static const struct {
	u64 xcr0;
	bool valid_avx512, valid_avx, valid_sse;
} xcr0_cases[] = {
	{ 0x00, false, false, false },
	{ 0x01, true, true, true },
	{ 0x02, false, false, false },
	{ 0x03, true, true, true },
	{ 0x05, false, false, false },
	{ 0x06, false, false, false },
	{ 0x07, true, true, false },
	{ 0x0f, false, false, false },		/* MPX */
	{ 0x1b, false, false, false },
	{ 0x27, false, false, false },		/* one of three */
	{ 0x67, false, false, false },
	{ 0xc7, false, false, false },
	{ 0xe3, false, false, false },		/* AVX-512 without AVX */
	{ 0xe7, true, false, false },
	{ 0x207, false, false, false },		/* PKRU */
	{ 0x60007, false, false, false },	/* AMX */
	{ 1ULL << 63 | 7, false, false, false },
	{ 1ULL << 32 | 7, false, false, false },
	{ ~0ULL, false, false, false },
};

TEST(xcr0_values)
{
	struct kev_cpuid_table avx512, avx, sse, none;
	size_t i;

	build_skylake(&avx512, ALL, 0);
	build_skylake(&avx, 7, 0);
	build_skylake(&sse, 3, 0);
	build_skylake(&none, ALL, NO_XSAVE);
	EXPECT_EQ(0xe7, avx512.xcr0);
	EXPECT_EQ(7, avx.xcr0);
	EXPECT_EQ(3, sse.xcr0);
	EXPECT_EQ(0, none.xcr0);
	for (i = 0; i < ARRAY_SIZE(xcr0_cases); i++) {
		u64 xcr0 = xcr0_cases[i].xcr0;

		EXPECT_EQ(xcr0_cases[i].valid_avx512, kev_cpuid_xcr0_valid(&avx512, xcr0))
			TH_LOG("%llx", xcr0);
		EXPECT_EQ(xcr0_cases[i].valid_avx, kev_cpuid_xcr0_valid(&avx, xcr0))
			TH_LOG("%llx", xcr0);
		EXPECT_EQ(xcr0_cases[i].valid_sse, kev_cpuid_xcr0_valid(&sse, xcr0))
			TH_LOG("%llx", xcr0);
		EXPECT_FALSE(kev_cpuid_xcr0_valid(&none, xcr0));
	}
}

/* CR4: VMXE, SMXE, LA57, PKE, CET, PKS, UINTR and MCE are never the guest's. */
TEST(cr4_bits)
{
	struct host ones = { .max_basic = 0x20, .max_extended = 0x80000008, .rest = ANY };
	struct host zeros = { .max_basic = 0x20, .max_extended = 0x80000008 };
	struct kev_cpuid_table table;

	build(&table, &ones, ALL, 0);
	EXPECT_EQ(0x370fff, table.cr4);
	build(&table, &ones, ALL, NO_XSAVE);
	EXPECT_EQ(0x330fff, table.cr4);
	build(&table, &zeros, ALL, 0);
	EXPECT_EQ(0x0007ff, table.cr4);
	/* UMIP is not on Skylake. */
	build_skylake(&table, ALL, 0);
	EXPECT_EQ(0x3707ff, table.cr4);
}

TEST_HARNESS_MAIN
