// SPDX-License-Identifier: GPL-2.0
/*
 * The boot protocol "64-bit direct", byte for byte.
 */
#include "unit.h"

#include <kev/direct64.h>
#include <kev/walk.h>

/* [0x1000, 0x8000), as a guest finds it */
static void make_region(u8 *region)
{
	u64 gpa;

	memset(region, 0, 0x7000);
	for (gpa = 0x1000; gpa < 0x8000; gpa += 0x1000)
		kev_direct64_page(gpa, region + gpa - 0x1000);
}

static u64 entry(const u8 *region, u64 gpa, unsigned int index)
{
	u64 value;

	memcpy(&value, region + gpa - 0x1000 + index * 8, 8);
	return value;
}

TEST(descriptor_table)
{
	static const u8 gdt[0x1000] = {
		0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xaf, 0x00,
		0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00,
	};
	u8 region[0x7000] __attribute__((aligned(0x1000)));

	make_region(region);
	EXPECT_EQ(0, memcmp(gdt, region, sizeof(gdt)));
}

TEST(page_tables)
{
	u8 region[0x7000] __attribute__((aligned(0x1000)));
	unsigned int i;

	make_region(region);
	for (i = 0; i < 512; i++) {
		EXPECT_EQ(i == 0 ? 0x3003 : 0, entry(region, 0x2000, i));
		EXPECT_EQ(i < 4 ? 0x4003 + 0x1000 * i : 0, entry(region, 0x3000, i));
	}
	/* Present, writable, 2 MiB */
	for (i = 0; i < 2048; i++)
		EXPECT_EQ(0x200000ULL * i + 0x83, entry(region, 0x4000, i));
}

static int read_region(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	if (gpa < 0x1000 || gpa + len > 0x8000)
		return -ENXIO;
	memcpy(buf, (u8 *)ctx + gpa - 0x1000, len);
	return 0;
}

/* The guest that gets this state finds the first 4 GiB mapped to themselves, no more. */
TEST(identity_map)
{
	struct kev_vcpu_state state;
	struct kev_paging paging;
	struct kev_walk walk;
	u8 region[0x7000] __attribute__((aligned(0x1000)));
	u64 random = 3;
	int i;

	make_region(region);
	kev_direct64_state(&state, 0, 0, 0);
	paging = (struct kev_paging) {
		.cr0 = state.controls.cr0, .cr3 = state.controls.cr3,
		.cr4 = state.controls.cr4, .efer = state.controls.efer, .phys_bits = 36,
	};
	for (i = 0; i < 10000; i++) {
		u64 gva = unit_random(&random) & 0xffffffff;

		ASSERT_EQ(0, kev_walk(&paging, gva, read_region, region, &walk));
		ASSERT_EQ(gva, walk.gpa);
		ASSERT_EQ(0x200000, walk.page_size);
		ASSERT_EQ(KEV_MEM_ALL, walk.prot);
	}
	EXPECT_EQ(-EFAULT, kev_walk(&paging, 1ULL << 32, read_region, region, &walk));
	EXPECT_EQ(-EFAULT, kev_walk(&paging, -1ULL, read_region, region, &walk));
}

/* What an instruction's fetch reads is what kev_direct64_walk() says. */
struct visits {
	const u8 *region;
	u64 gpa[8];
	u32 nr;
};

static int visit(void *ctx, u64 gpa, void *buf, unsigned int len)
{
	struct visits *visits = ctx;

	visits->gpa[visits->nr++] = gpa & ~0xfffULL;
	return read_region((void *)visits->region, gpa, buf, len);
}

TEST(walk)
{
	static const u64 entries[] = { 0, 0x8000, 0x3fffffff, 0x40000000, 0xffffffff };
	struct kev_vcpu_state state;
	struct kev_paging paging;
	u8 region[0x7000] __attribute__((aligned(0x1000)));
	u64 gpa[3] = {};
	u32 i, j;

	make_region(region);
	kev_direct64_state(&state, 0, 0, 0);
	paging = (struct kev_paging) {
		.cr0 = state.controls.cr0, .cr3 = state.controls.cr3,
		.cr4 = state.controls.cr4, .efer = state.controls.efer, .phys_bits = 36,
	};
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		struct visits visits = { .region = region };
		struct kev_walk walk;

		ASSERT_EQ(0, kev_walk(&paging, entries[i], visit, &visits, &walk));
		ASSERT_EQ(visits.nr, kev_direct64_walk(entries[i], gpa));
		for (j = 0; j < visits.nr; j++)
			EXPECT_EQ(visits.gpa[j], gpa[j]);
	}
	/* Above the map the tables end before. */
	EXPECT_EQ(2, kev_direct64_walk(1ULL << 32, gpa));
	EXPECT_EQ(2, kev_direct64_walk(-1ULL, gpa));
}

TEST(start_state)
{
	const struct kev_segment data = {
		.limit = 0xffffffff, .access = 0xc093, .selector = 0x10,
	};
	const struct kev_vcpu_state expected = {
		.size = 77,
		.groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS,
		.gprs = {
			.gpr[KEV_RSP] = 0xa0000, .gpr[KEV_RDI] = 0x7654000, .gpr[KEV_RSI] = 0xba,
			.rip = 0x123456, .rflags = 2,
		},
		.segments = {
			.cs = { .limit = 0xffffffff, .access = 0xa09b, .selector = 0x08 },
			.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
			.tr = { .limit = 0x67, .access = 0x8b },
			.ldtr = { .access = 0x10000 },
			.gdt = { .base = 0x1000, .limit = 23 },
		},
		.controls = {
			.cr0 = 0x80010033, .cr3 = 0x2000, .cr4 = 0x620, .efer = 0x500,
			.xcr0 = 1, .dr7 = 0x400,
		},
		.msrs = { .lstar = 0xabcdef },
	};
	struct kev_vcpu_state state;

	memset(&state, 0xa5, sizeof(state));
	state.size = expected.size;
	state.msrs = expected.msrs;
	kev_direct64_state(&state, 0x123456, 0x7654000, 0xba);
	EXPECT_EQ(expected.size, state.size);
	EXPECT_EQ(expected.groups, state.groups);
	EXPECT_EQ(0, memcmp(&expected.gprs, &state.gprs, sizeof(state.gprs)));
	EXPECT_EQ(0, memcmp(&expected.segments, &state.segments, sizeof(state.segments)));
	EXPECT_EQ(0, memcmp(&expected.controls, &state.controls, sizeof(state.controls)));
	EXPECT_EQ(0, memcmp(&expected.msrs, &state.msrs, sizeof(state.msrs)));
}

TEST_HARNESS_MAIN
