// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's own CPUID: a bit that tells of a feature can go and cannot come, what needs
 * it goes with it, and nothing else changes.
 */
#include "unit.h"

#include <kev/cpuid.h>

#define ALL	0xffffffffU
#define FULL	{ ALL, ALL, ALL, ALL }

/* A host with every feature, four caches and AVX-512 */
static void host_cpuid(void *ctx, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs)
{
	(void)ctx;
	*regs = (struct kev_cpuid_regs) { ALL, ALL, ALL, ALL };
	switch (leaf) {
	case 0x0:
		*regs = (struct kev_cpuid_regs) { 0x20, 0x756e6547, 0x6c65746e, 0x49656e69 };
		break;
	case 0x4:
		if (subleaf >= 4)
			*regs = (struct kev_cpuid_regs) { 0 };
		else
			*regs = (struct kev_cpuid_regs) { 0x7c004121, 0x01c0003f, 0x3f, 0 };
		break;
	case 0x7:
		regs->eax = subleaf ? ALL : 1;
		break;
	case 0xd:
		if (subleaf == 2)
			*regs = (struct kev_cpuid_regs) { 256, 576, 0, 0 };
		else if (subleaf >= 5 && subleaf <= 7)
			*regs = (struct kev_cpuid_regs) { 64, 1024 + 64 * subleaf, 0, 0 };
		break;
	case 0x80000000:
		regs->eax = 0x80000008;
		break;
	}
}

static const struct kev_cpuid_vcpu vcpu = {
	.vcpu_id = 3, .nr_vcpus = 4, .xcr0 = 1,
};

static void build(struct kev_cpuid_table *base)
{
	const struct kev_cpuid_limits limits = {
		.xcr0 = ~0ULL, .phys_bits = 46, .xsave = true, .rdtscp = true, .invpcid = true,
		.local_apic = true, .tsc_adjust = true,
	};

	kev_cpuid_build(base, host_cpuid, NULL, &limits);
}

static int set(struct kev_cpuid_table *table, const struct kev_cpuid_table *base,
	       struct kev_cpuid_entry *entries, u32 nr)
{
	memset(table, 0xa5, sizeof(*table));
	return kev_cpuid_set(table, base, entries, nr);
}

static struct kev_cpuid_regs ask(const struct kev_cpuid_table *table, u32 leaf, u32 subleaf)
{
	struct kev_cpuid_regs regs;

	kev_cpuid_answer(table, &vcpu, leaf, subleaf, &regs);
	return regs;
}

#define EXPECT_REGS(a, b, c, d, regs) do {					\
	const struct kev_cpuid_regs is = (regs);				\
	EXPECT_EQ(a, is.eax);							\
	EXPECT_EQ(b, is.ebx);							\
	EXPECT_EQ(c, is.ecx);							\
	EXPECT_EQ(d, is.edx);							\
} while (0)

/* What the list says can be set again, all of it, and changes nothing. */
TEST(list_is_no_change)
{
	struct kev_cpuid_entry entries[KEV_MAX_CPUID_ENTRIES];
	struct kev_cpuid_table base, table;
	u32 nr, i, j;

	build(&base);
	for (i = 0; i < 2; i++) {
		nr = kev_cpuid_list(&base, i, entries, ARRAY_SIZE(entries));
		ASSERT_LT(20, nr);
		ASSERT_GT(ARRAY_SIZE(entries), nr);
		ASSERT_EQ(0, set(&table, &base, entries, nr));
		EXPECT_EQ(base.xcr0, table.xcr0);
		EXPECT_EQ(base.cr4, table.cr4);
		EXPECT_EQ(base.efer, table.efer);
		for (j = 0; j < 0x40; j++) {
			for (u32 subleaf = 0; subleaf < 10; subleaf++) {
				const struct kev_cpuid_regs a = ask(&base, j, subleaf);
				const struct kev_cpuid_regs b = ask(&table, j, subleaf);

				EXPECT_EQ(0, memcmp(&a, &b, sizeof(a)))
					TH_LOG("leaf %x.%u", j, subleaf);
			}
		}
	}
}

TEST(list_room)
{
	struct kev_cpuid_entry entries[KEV_MAX_CPUID_ENTRIES];
	struct kev_cpuid_table base;
	u32 nr;

	build(&base);
	nr = kev_cpuid_list(&base, false, entries, ARRAY_SIZE(entries));
	memset(entries, 0xa5, sizeof(entries));
	EXPECT_EQ(nr, kev_cpuid_list(&base, false, entries, 3));
	EXPECT_EQ(0, entries[0].leaf);
	EXPECT_EQ(0xa5a5a5a5, entries[3].leaf);
	EXPECT_EQ(nr, kev_cpuid_list(&base, false, NULL, 0));
	/* 0x40000001 too */
	EXPECT_EQ(nr + 1, kev_cpuid_list(&base, true, entries, ARRAY_SIZE(entries)));
}

#define SUB	KEV_CPUID_SUBLEAF

/* One entry each: taken or not */
static const struct {
	const char *name;
	struct kev_cpuid_entry entry;
	int ret;
} cases[] = {
	{ "vendor", { 0, 0, 0, 0, { 0, 1, 2, 3 }, { 0, ALL, ALL, ALL } }, 0 },
	{ "greatest leaf 1", { 0, 0, 0, 0, { 1, 0, 0, 0 }, { ALL, 0, 0, 0 } }, 0 },
	{ "greatest leaf 0", { 0, 0, 0, 0, { 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "greatest leaf 0x20", { 0, 0, 0, 0, { 0x20, 0, 0, 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "family", { 1, 0, 0, 0, { 0x663, 0, 0, 0 }, { ALL, 0, 0, 0 } }, 0 },
	{ "CLFLUSH", { 1, 0, 0, 0, { 0, 0x400, 0, 0 }, { 0, 0xff00, 0, 0 } }, 0 },
	{ "id", { 1, 0, 0, 0, { 0, 5 << 24, 0, 0 }, { 0, 0xff000000, 0, 0 } }, -EINVAL },
	{ "vCPUs", { 1, 0, 0, 0, { 0, 2 << 16, 0, 0 }, { 0, 0xff0000, 0, 0 } }, -EINVAL },
	{ "OSXSAVE", { 1, 0, 0, 0, { 0, 0, 1 << 27, 0 }, { 0, 0, 1 << 27, 0 } }, -EINVAL },
	{ "HTT", { 1, 0, 0, 0, { 0, 0, 0, 1 << 28 }, { 0, 0, 0, 1 << 28 } }, -EINVAL },
	{ "VMX", { 1, 0, 0, 0, { 0, 0, 1 << 5, 0 }, { 0, 0, 1 << 5, 0 } }, -EINVAL },
	{ "VMX, not in the mask", { 1, 0, 0, 0, { 0, 0, 1 << 5, 0 }, { 0 } }, 0 },
	{ "no VMX", { 1, 0, 0, 0, { 0 }, { 0, 0, 1 << 5, 0 } }, 0 },
	{ "MTRR", { 1, 0, 0, 0, { 0, 0, 0, 1 << 12 }, { 0, 0, 0, 1 << 12 } }, -EINVAL },
	{ "no hypervisor", { 1, 0, 0, 0, { 0 }, { 0, 0, 1U << 31, 0 } }, 0 },
	{ "subleaf of leaf 1", { 1, 0, SUB, 0, { 0 }, { 0 } }, -EINVAL },
	{ "descriptors", { 2, 0, 0, 0, { 1, 2, 3, 4 }, FULL }, 0 },
	{ "caches", { 4, 1, SUB, 0, { 0x22, 1, 2, 3 }, { 0x03ffffff, ALL, ALL, ALL } }, 0 },
	{ "cores", { 4, 1, SUB, 0, { 1U << 26, 0, 0, 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "MONITOR", { 5, 0, 0, 0, { 1, 0, 0, 0 }, { 1, 0, 0, 0 } }, -EINVAL },
	{ "ARAT gone", { 6, 0, 0, 0, { 0 }, FULL }, 0 },
	{ "turbo", { 6, 0, 0, 0, { 2, 0, 0, 0 }, { 2, 0, 0, 0 } }, -EINVAL },
	{ "SGX", { 7, 0, SUB, 0, { 0, 4, 0, 0 }, { 0, 4, 0, 0 } }, -EINVAL },
	{ "SGX in all", { 7, 0, 0, 0, { 0, 4, 0, 0 }, { 0, 4, 0, 0 } }, -EINVAL },
	{ "BMI1 in all: not in 1", { 7, 0, 0, 0, { 0, 8, 0, 0 }, { 0, 8, 0, 0 } }, -EINVAL },
	{ "subleaf 2 of 7", { 7, 2, SUB, 0, { 0, 0, 0, 1 }, { 0, 0, 0, 1 } }, -EINVAL },
	{ "counters", { 0xa, 0, 0, 0, { 2, 0, 0, 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "topology", { 0xb, 1, SUB, 0, { 4, 0, 0, 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "topology repeated", { 0xb, 0, SUB, 0, { 0, 1, 0x100, 0 }, FULL }, 0 },
	{ "size", { 0xd, 0, SUB, 0, { 0, 4096, 0, 0 }, { 0, ALL, 0, 0 } }, -EINVAL },
	{ "XCR0 PKRU", { 0xd, 0, SUB, 0, { 0x200, 0, 0, 0 }, { 0x200, 0, 0, 0 } }, -EINVAL },
	{ "XSAVES", { 0xd, 1, SUB, 0, { 8, 0, 0, 0 }, { 8, 0, 0, 0 } }, -EINVAL },
	{ "offset", { 0xd, 2, SUB, 0, { 0, 640, 0, 0 }, { 0, ALL, 0, 0 } }, -EINVAL },
	{ "PT", { 0x14, 0, 0, 0, { 1, 0, 0, 0 }, FULL }, -EINVAL },
	{ "clock", { 0x15, 0, 0, 0, { 1, 2, 3, 4 }, FULL }, 0 },
	{ "above", { 0x24, 0, 0, 0, { 1, 0, 0, 0 }, FULL }, -EINVAL },
	{ "signature", { 0x40000000, 0, 0, 0, { 0x40000010, 1, 2, 3 }, FULL }, 0 },
	{ "hypervisor leaf", { 0x40000010, 7, SUB, 0, { 1, 2, 3, 4 }, FULL }, 0 },
	{ "behind it", { 0x40010000, 0, 0, 0, { 1, 2, 3, 4 }, FULL }, -EINVAL },
	{ "extended", { 0x80000000, 0, 0, 0, { 0x80000004, 0, 0, 0 }, { ALL, 0, 0, 0 } }, 0 },
	{ "extended 9", { 0x80000000, 0, 0, 0, { 0x80000009, 0, 0, 0 }, { ALL, 0, 0, 0 } },
	  -EINVAL },
	{ "extended 0", { 0x80000000, 0, 0, 0, { 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "SVM", { 0x80000001, 0, 0, 0, { 0, 0, 4, 0 }, { 0, 0, 4, 0 } }, -EINVAL },
	{ "brand", { 0x80000003, 0, 0, 0, { 1, 2, 3, 4 }, FULL }, 0 },
	{ "width", { 0x80000008, 0, 0, 0, { 0x3028, 0, 0, 0 }, { ALL, 0, 0, 0 } }, -EINVAL },
	{ "width repeated", { 0x80000008, 0, 0, 0, { 0x302e, 0, 0, 0 }, FULL }, 0 },
	{ "AMD leaf", { 0x8000001e, 0, 0, 0, { 1, 0, 0, 0 }, FULL }, -EINVAL },
	{ "far leaf of zeros", { 0xc0000000, 0, 0, 0, { 0 }, FULL }, 0 },
	{ "flag", { 0, 0, 2, 0, { 0 }, { 0 } }, -EINVAL },
	{ "reserved", { 0, 0, 0, 1, { 0 }, { 0 } }, -EINVAL },
	{ "subleaf without flag", { 4, 1, 0, 0, { 0 }, { 0 } }, -EINVAL },
};

TEST(entries)
{
	struct kev_cpuid_table base, table;
	size_t i;

	build(&base);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_cpuid_entry entry = cases[i].entry;

		EXPECT_EQ(cases[i].ret, set(&table, &base, &entry, 1))
			TH_LOG("%s", cases[i].name);
	}
}

TEST(duplicates)
{
	struct kev_cpuid_entry entries[] = {
		{ .leaf = 0x40000000 }, { .leaf = 4, .subleaf = 1, .flags = SUB },
		{ .leaf = 4 }, { .leaf = 4, .subleaf = 2, .flags = SUB }, { .leaf = 1 },
	};
	struct kev_cpuid_table base, table;

	build(&base);
	EXPECT_EQ(0, set(&table, &base, entries, ARRAY_SIZE(entries)));
	entries[0] = entries[1];
	EXPECT_EQ(-EINVAL, set(&table, &base, entries, ARRAY_SIZE(entries)));
}

/* What goes, and what has to go with it */
static const struct {
	const char *name;
	struct kev_cpuid_entry entry;
	u64 xcr0, cr4_gone, efer_gone;
	u32 ecx1_gone, ebx7_gone;
} removals[] = {
	{ "XSAVE", { 1, 0, 0, 0, { 0 }, { 0, 0, BIT(26), 0 } },
	  0, 0x40000, 0, 0x34001000, 0xd0230020 },
	{ "AVX", { 1, 0, 0, 0, { 0 }, { 0, 0, BIT(28), 0 } },
	  3, 0, 0, 0x30001000, 0xd0230020 },
	{ "AVX512F", { 7, 0, SUB, 0, { 0 }, { 0, BIT(16), 0, 0 } }, 7, 0, 0, 0, 0xd0230000 },
	{ "a bit of AVX-512 in XCR0", { 0xd, 0, SUB, 0, { 0 }, { BIT(6), 0, 0, 0 } },
	  7, 0, 0, 0, 0xd0230000 },
	{ "AVX in XCR0", { 0xd, 0, SUB, 0, { 0 }, { BIT(2), 0, 0, 0 } },
	  3, 0, 0, 0x30001000, 0xd0230020 },
	{ "SSE in XCR0", { 0xd, 0, SUB, 0, { 0 }, { BIT(1), 0, 0, 0 } },
	  0, 0x40000, 0, 0x34001000, 0xd0230020 },
	{ "PCID", { 1, 0, 0, 0, { 0 }, { 0, 0, BIT(17), 0 } }, 0xe7, 0x20000, 0, BIT(17), 0 },
	{ "SMEP", { 7, 0, SUB, 0, { 0 }, { 0, BIT(7), 0, 0 } }, 0xe7, BIT(20), 0, 0, BIT(7) },
	{ "SMAP, in all", { 7, 0, 0, 0, { 0 }, { 0, BIT(20), 0, 0 } },
	  0xe7, BIT(21), 0, 0, BIT(20) },
	{ "NX", { 0x80000001, 0, 0, 0, { 0 }, { 0, 0, 0, BIT(20) } }, 0xe7, 0, 0x800, 0, 0 },
	{ "long mode", { 0x80000001, 0, 0, 0, { 0 }, { 0, 0, 0, BIT(29) } },
	  0xe7, 0, 0x500, 0, 0 },
	{ "SYSCALL", { 0x80000001, 0, 0, 0, { 0 }, { 0, 0, 0, BIT(11) } }, 0xe7, 0, 1, 0, 0 },
};

TEST(what_goes_with_it)
{
	struct kev_cpuid_table base, table;
	size_t i;

	build(&base);
	ASSERT_EQ(0xe7, base.xcr0);
	ASSERT_EQ(0xd01, base.efer);
	for (i = 0; i < ARRAY_SIZE(removals); i++) {
		struct kev_cpuid_entry entry = removals[i].entry;

		ASSERT_EQ(0, set(&table, &base, &entry, 1));
		EXPECT_EQ(removals[i].xcr0, table.xcr0)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(base.cr4 & ~removals[i].cr4_gone, table.cr4)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(base.efer & ~removals[i].efer_gone, table.efer)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(ask(&base, 1, 0).ecx & ~removals[i].ecx1_gone, ask(&table, 1, 0).ecx)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(ask(&base, 7, 0).ebx & ~removals[i].ebx7_gone, ask(&table, 7, 0).ebx)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(table.xcr0, ask(&table, 0xd, 0).eax)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(!(table.xcr0 & 4), !ask(&table, 0xd, 2).eax)
			TH_LOG("%s", removals[i].name);
		EXPECT_EQ(0, table.nr_own);
	}
}

TEST(free_leaves)
{
	struct kev_cpuid_entry entries[] = {
		{ 0x80000004, 0, 0, 0, { 1, 2, 3, 4 }, FULL },
		{ 0x40000000, 0, 0, 0, { 0x40000002, 0x11, 0x22, 0x33 }, FULL },
		{ 0x40000002, 0, 0, 0, { 5, 6, 7, 8 }, FULL },
		{ 0x40000002, 1, SUB, 0, { 9, 0, 0, 0 }, { ALL, 0, 0, 0 } },
		{ 0x0, 0, 0, 0, { 7, 0, 0, 0x1234 }, { ALL, 0, 0, 0xffff } },
		{ 0x1, 0, 0, 0, { 0x600, 0, 0, 0 }, { 0xf00, 0, BIT(9), 0 } },
	};
	struct kev_cpuid_table base, table;
	struct kev_cpuid_regs regs;

	build(&base);
	ASSERT_EQ(0, set(&table, &base, entries, ARRAY_SIZE(entries)));
	EXPECT_REGS(1, 2, 3, 4, ask(&table, 0x80000004, 0));
	EXPECT_REGS(ALL, ALL, ALL, ALL, ask(&table, 0x80000003, 0));
	EXPECT_REGS(0x40000002, 0x11, 0x22, 0x33, ask(&table, 0x40000000, 0));
	EXPECT_REGS(0, 0, 0, 0, ask(&table, 0x40000001, 0));
	EXPECT_REGS(5, 6, 7, 8, ask(&table, 0x40000002, 0));
	EXPECT_REGS(9, 6, 7, 8, ask(&table, 0x40000002, 1));
	EXPECT_REGS(5, 6, 7, 8, ask(&table, 0x40000002, 2));
	EXPECT_REGS(0, 0, 0, 0, ask(&table, 0x40000003, 0));
	EXPECT_REGS(7, 0x756e6547, 0x6c65746e, 0x49651234, ask(&table, 0, 0));
	regs = ask(&base, 1, 0);
	EXPECT_REGS((regs.eax & ~0xf00U) | 0x600, regs.ebx, regs.ecx & ~0x200U, regs.edx,
		    ask(&table, 1, 0));
	/* Above the greatest leaf nothing is told. */
	EXPECT_REGS(0, 0, 0, 0, ask(&table, 0xb, 1));
	EXPECT_REGS(0, 0, 0, 0, ask(&table, 0x16, 0));
}

/* What is answered without a look at the vCPU is what a look gives. Return: how many leaves. */
static u32 compare_constant(struct __test_metadata *_metadata,
			    const struct kev_cpuid_table *table)
{
	u32 nr = 0;

	for (u32 leaf = 0; leaf < 0x100; leaf++) {
		if (!kev_cpuid_is_constant(table, leaf))
			continue;
		nr++;
		for (u32 subleaf = 0; subleaf < 10; subleaf++) {
			const struct kev_cpuid_regs regs = ask(table, leaf, subleaf);

			EXPECT_EQ(0, memcmp(&regs, kev_cpuid_constant(table, leaf), sizeof(regs)))
				TH_LOG("leaf %x.%u", leaf, subleaf);
		}
	}
	return nr;
}

TEST(constant_leaves)
{
	struct kev_cpuid_entry vendor = { 0x0, 0, 0, 0, { 0, 0, 0, 0x1234 }, { 0, 0, 0, 0xffff } };
	struct kev_cpuid_entry greatest = { 0x0, 0, 0, 0, { 7, 0, 0, 0 }, { ALL, 0, 0, 0 } };
	struct kev_cpuid_table base, table;

	build(&base);
	EXPECT_EQ(0x20 - 6, compare_constant(_metadata, &base));
	EXPECT_TRUE(kev_cpuid_is_constant(&base, 0));
	EXPECT_FALSE(kev_cpuid_is_constant(&base, 1));
	EXPECT_FALSE(kev_cpuid_is_constant(&base, 0x20));
	EXPECT_FALSE(kev_cpuid_is_constant(&base, 0x80000000));
	ASSERT_EQ(0, set(&table, &base, &vendor, 1));
	EXPECT_EQ(0x20 - 7, compare_constant(_metadata, &table));
	EXPECT_FALSE(kev_cpuid_is_constant(&table, 0));
	ASSERT_EQ(0, set(&table, &base, &greatest, 1));
	EXPECT_EQ(8 - 3, compare_constant(_metadata, &table));
}

/* Entries at random: none gives a feature that was not there. */
TEST(nothing_comes)
{
	struct kev_cpuid_table base, table;
	u64 random = 7;
	u32 taken = 0;
	int i;

	build(&base);
	for (i = 0; i < 20000; i++) {
		static const u32 leaves[] = { 1, 6, 7, 0xa, 0xd, 0x80000001, 0x80000007 };
		struct kev_cpuid_entry entry = {
			.leaf = leaves[unit_random(&random) % ARRAY_SIZE(leaves)],
		};
		struct kev_cpuid_regs a, b;

		if (entry.leaf == 7 || entry.leaf == 0xd) {
			entry.flags = SUB;
			entry.subleaf = unit_random(&random) % 3;
		}
		for (unsigned int reg = 0; reg < 4; reg++) {
			entry.value[reg] = unit_random_bits(&random);
			entry.mask[reg] = 1U << unit_random(&random) % 32;
		}
		if (set(&table, &base, &entry, 1))
			continue;
		taken++;
		a = ask(&base, entry.leaf, entry.subleaf);
		b = ask(&table, entry.leaf, entry.subleaf);
		/* Of leaf 0xd it is a size. */
		if (entry.leaf != 0xd) {
			ASSERT_EQ(0, b.ecx & ~a.ecx);
		}
		ASSERT_EQ(0, b.edx & ~a.edx);
		if (entry.leaf != 1) {
			ASSERT_EQ(0, b.eax & ~a.eax);
		}
		ASSERT_EQ(0, table.xcr0 & ~base.xcr0);
		ASSERT_EQ(0, table.cr4 & ~base.cr4);
		ASSERT_EQ(0, table.efer & ~base.efer);
		ASSERT_TRUE(!table.xcr0 || kev_cpuid_xcr0_valid(&table, table.xcr0));
	}
	EXPECT_LT(100, taken);
}

TEST_HARNESS_MAIN
