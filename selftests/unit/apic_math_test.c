// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's rules, case by case, and the priorities against a plain count.
 */
#include "unit.h"

#include <kev/apic_math.h>

TEST(highest)
{
	static u32 regs[KEV_APIC_PAGE_SIZE / sizeof(u32)];
	u64 seed = 1;

	EXPECT_EQ(-1, kev_apic_highest(regs, KEV_APIC_IRR));
	for (int i = 0; i < 10000; i++) {
		u8 vector = unit_random(&seed);
		int greatest = -1;

		if (unit_random(&seed) & 1)
			kev_apic_set_bit(regs, KEV_APIC_IRR, vector);
		else
			kev_apic_clear_bit(regs, KEV_APIC_IRR, vector);
		for (int v = 0; v < 256; v++)
			if (kev_apic_has_bit(regs, KEV_APIC_IRR, v))
				greatest = v;
		ASSERT_EQ(greatest, kev_apic_highest(regs, KEV_APIC_IRR));
	}
	/* The neighbours have stayed as they were. */
	EXPECT_EQ(-1, kev_apic_highest(regs, KEV_APIC_TMR));
	EXPECT_EQ(0, *kev_apic_reg(regs, KEV_APIC_ESR));
}

TEST(ppr)
{
	static const struct {
		u8 tpr;
		int in_service;
		u8 ppr;
	} cases[] = {
		{ 0, -1, 0 }, { 0x35, -1, 0x35 }, { 0, 0x5c, 0x50 }, { 0x4f, 0x5c, 0x50 },
		{ 0x50, 0x5c, 0x50 }, { 0x53, 0x5c, 0x53 }, { 0x61, 0x5c, 0x61 },
		{ 0xff, 0xff, 0xff }, { 0, 0xff, 0xf0 }, { 0x0f, 0x10, 0x10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].ppr, kev_apic_ppr(cases[i].tpr, cases[i].in_service));
}

TEST(divide)
{
	static const struct {
		u32 divide;
		unsigned int shift;
	} cases[] = {
		{ 0x0, 1 }, { 0x1, 2 }, { 0x2, 3 }, { 0x3, 4 },
		{ 0x8, 5 }, { 0x9, 6 }, { 0xa, 7 }, { 0xb, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].shift, kev_apic_divide_shift(cases[i].divide));
}

#define X2(id)		(KEV_APIC_AT_ON | KEV_APIC_AT_X2 | ((id) >> 4) << 16 | 1ULL << ((id) & 15))
#define FLAT(ldr)	(KEV_APIC_AT_ON | (ldr) << 24)
#define CLUSTER(ldr)	(KEV_APIC_AT_ON | KEV_APIC_AT_CLUSTER | (ldr) << 24)

TEST(matches)
{
	static const struct {
		const char *name;
		u64 at;
		u32 id, dest;
		bool logical, result;
	} cases[] = {
		{ "disabled", 0, 0, 0, false, false },
		{ "disabled, broadcast", 0, 0, KEV_APIC_BROADCAST, false, false },
		{ "physical", FLAT(0ULL), 5, 5, false, true },
		{ "physical, another", FLAT(0ULL), 5, 4, false, false },
		{ "physical, x2APIC", X2(254ULL), 254, 254, false, true },
		{ "broadcast", X2(3ULL), 3, KEV_APIC_BROADCAST, false, true },
		{ "logical broadcast", FLAT(0ULL), 3, KEV_APIC_BROADCAST, true, true },
		{ "x2APIC", X2(0x35ULL), 0x35, 0x30020, true, true },
		{ "x2APIC, several", X2(0x35ULL), 0x35, 0x3ffff, true, true },
		{ "x2APIC, other bit", X2(0x35ULL), 0x35, 0x30010, true, false },
		{ "x2APIC, other cluster", X2(0x35ULL), 0x35, 0x40020, true, false },
		{ "x2APIC, no bit", X2(0x35ULL), 0x35, 0x30000, true, false },
		{ "flat", FLAT(0x14ULL), 0, 0x04, true, true },
		{ "flat, other bit", FLAT(0x14ULL), 0, 0x08, true, false },
		{ "flat, no LDR", FLAT(0ULL), 0, 0x7f, true, false },
		{ "flat, long destination", FLAT(0x14ULL), 0, 0x104, true, false },
		{ "cluster", CLUSTER(0x24ULL), 0, 0x2c, true, true },
		{ "cluster, other bit", CLUSTER(0x24ULL), 0, 0x2b, true, false },
		{ "cluster, another", CLUSTER(0x24ULL), 0, 0x3c, true, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].result, kev_apic_matches(cases[i].at, cases[i].id,
							    cases[i].dest, cases[i].logical)) {
			TH_LOG("%s", cases[i].name);
		}
	}
	EXPECT_EQ(0x00030020, kev_apic_x2_ldr(0x35));
	EXPECT_EQ(0x000f4000, kev_apic_x2_ldr(254));
}

TEST(icr)
{
	static const struct {
		const char *name;
		u64 icr;
		bool x2apic, valid;
		struct kev_apic_message message;
	} cases[] = {
		{ "fixed", 0x500000040ULL, true, true, { .dest = 5, .vector = 0x40 } },
		{ "xAPIC", 0x0500000000000040ULL, false, true, { .dest = 5, .vector = 0x40 } },
		{ "xAPIC, all", 0xff00000000000840ULL, false, true,
		  { .dest = KEV_APIC_BROADCAST, .vector = 0x40, .logical = true } },
		{ "x2APIC, 255", 0xff00000040ULL, true, true, { .dest = 255, .vector = 0x40 } },
		{ "fixed to all", 0x80041, true, true,
		  { .vector = 0x41, .shorthand = KEV_APIC_TO_ALL } },
		{ "fixed, level", 0xc041, true, true, { .vector = 0x41 } },
		{ "lowest", 0x142, true, true, { .vector = 0x42, .mode = KEV_APIC_LOWEST } },
		{ "lowest to itself", 0x40142, true, false, { 0 } },
		{ "lowest to all", 0x80142, true, false, { 0 } },
		{ "lowest to others", 0xc0142, true, true,
		  { .vector = 0x42, .mode = KEV_APIC_LOWEST, .shorthand = KEV_APIC_TO_OTHERS } },
		{ "SMI", 0x200, true, false, { 0 } },
		{ "reserved 3", 0x300, true, false, { 0 } },
		{ "reserved 7", 0x700, true, false, { 0 } },
		{ "NMI", 0x4400, true, true, { .mode = KEV_APIC_NMI } },
		{ "NMI to itself", 0x44400, true, false, { 0 } },
		{ "INIT", 0xc500, true, true, { .mode = KEV_APIC_INIT } },
		{ "INIT, edge", 0x500, true, true, { .mode = KEV_APIC_INIT } },
		{ "INIT, de-asserted", 0x8500, true, false, { 0 } },
		{ "INIT to all", 0x84500, true, false, { 0 } },
		{ "SIPI", 0xc4608, true, true,
		  { .vector = 8, .mode = KEV_APIC_SIPI, .shorthand = KEV_APIC_TO_OTHERS } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct kev_apic_message *want = &cases[i].message;
		struct kev_apic_message got;

		EXPECT_EQ(cases[i].valid,
			  kev_apic_decode_icr(cases[i].icr, cases[i].x2apic, &got)) {
			TH_LOG("%s", cases[i].name);
		}
		if (!cases[i].valid)
			continue;
		EXPECT_TRUE(got.dest == want->dest && got.vector == want->vector &&
			    got.mode == want->mode && got.shorthand == want->shorthand &&
			    got.logical == want->logical && !got.level && got.assert) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

TEST(msi)
{
	static const struct {
		const char *name;
		u64 address;
		u32 data;
		bool valid;
		struct kev_apic_message message;
	} cases[] = {
		{ "below", 0xfedffffc, 0x40, false, { 0 } },
		{ "above", 0xfef00000, 0x40, false, { 0 } },
		{ "64 bits", 0x1fee00000, 0x40, false, { 0 } },
		{ "physical", 0xfee05000, 0x40, true,
		  { .dest = 5, .vector = 0x40, .assert = true } },
		{ "all", 0xfeeff000, 0x40, true,
		  { .dest = KEV_APIC_BROADCAST, .vector = 0x40, .assert = true } },
		{ "logical", 0xfee05004, 0x40, true,
		  { .dest = 5, .vector = 0x40, .logical = true, .assert = true } },
		{ "redirection", 0xfee0500c, 0x40, true,
		  { .dest = 5, .vector = 0x40, .mode = KEV_APIC_LOWEST, .logical = true,
		    .assert = true } },
		{ "lowest", 0xfee05004, 0x140, true,
		  { .dest = 5, .vector = 0x40, .mode = KEV_APIC_LOWEST, .logical = true,
		    .assert = true } },
		{ "level", 0xfee00000, 0xc040, true,
		  { .vector = 0x40, .level = true, .assert = true } },
		{ "level de-asserted", 0xfee00000, 0x8040, true,
		  { .vector = 0x40, .level = true } },
		{ "NMI", 0xfee00000, 0x400, true, { .mode = KEV_APIC_NMI, .assert = true } },
		{ "INIT", 0xfee00000, 0x500, true, { .mode = KEV_APIC_INIT, .assert = true } },
		{ "SMI", 0xfee00000, 0x200, false, { 0 } },
		{ "reserved 3", 0xfee00000, 0x300, false, { 0 } },
		{ "SIPI", 0xfee00000, 0x608, false, { 0 } },
		{ "ExtINT", 0xfee00000, 0x740, false, { 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct kev_apic_message *want = &cases[i].message;
		struct kev_apic_message got;

		EXPECT_EQ(cases[i].valid,
			  kev_apic_decode_msi(cases[i].address, cases[i].data, &got)) {
			TH_LOG("%s", cases[i].name);
		}
		if (!cases[i].valid)
			continue;
		EXPECT_TRUE(got.dest == want->dest && got.vector == want->vector &&
			    got.mode == want->mode && got.shorthand == 0 &&
			    got.logical == want->logical && got.level == want->level &&
			    got.assert == want->assert) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

TEST(base)
{
	static const u64 disabled = 0xfee00000, xapic = 0xfee00800, x2apic = 0xfee00c00;
	static const struct {
		const char *name;
		u64 old, value;
		bool valid;
	} cases[] = {
		{ "off to off", disabled, disabled, true },
		{ "off to xAPIC", disabled, xapic, true },
		{ "off to x2APIC", disabled, x2apic, false },
		{ "xAPIC to off", xapic, disabled, true },
		{ "xAPIC to xAPIC elsewhere", xapic, 0x12345800, true },
		{ "xAPIC to x2APIC", xapic, x2apic, true },
		{ "x2APIC to off", x2apic, disabled, true },
		{ "x2APIC to xAPIC", x2apic, xapic, false },
		{ "x2APIC to x2APIC", x2apic, x2apic | KEV_APIC_BASE_BSP, true },
		{ "x2APIC without enable", xapic, 0xfee00400, false },
		{ "bit 9", xapic, 0xfee00a00, false },
		{ "bit 7", xapic, 0xfee00880, false },
		{ "the greatest page", xapic, 0xffffff800, true },
		{ "above the width", xapic, 0x1000000800, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].valid, kev_apic_base_valid(cases[i].old, cases[i].value, 36)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

TEST(tsc_to_ns)
{
	static const struct {
		u64 ticks;
		u32 khz;
		u64 ns;
	} cases[] = {
		{ 0, 1000000, 0 }, { 1, 1000000, 1 }, { 1, 3000000, 1 }, { 3, 3000000, 1 },
		{ 4, 3000000, 2 }, { 3000000, 3000000, 1000000 },
		{ 2999999, 3000000, 1000000 }, { 1, 1, 1000000 },
		{ ~0ULL, 1, 1ULL << 62 }, { ~0ULL, 1000000, 1ULL << 62 },
		{ ~0ULL, 0xffffffff, 4294967297000000ULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].ns, kev_tsc_to_ns(cases[i].ticks, cases[i].khz)) {
			TH_LOG("%llu at %u", cases[i].ticks, cases[i].khz);
		}
	}
}

TEST_HARNESS_MAIN
