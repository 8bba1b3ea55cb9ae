// SPDX-License-Identifier: GPL-2.0
/*
 * Exit qualifications, from tables of raw values.
 */
#include "unit.h"

#include "qual.h"

static const struct {
	const char *name;
	u64 qual;
	struct kev_qual_io io;
} io_cases[] = {
	{ "out dx, al", 0x03f80000, { .port = 0x3f8, .width = 1 } },
	{ "in al, dx", 0x03f80008, { .port = 0x3f8, .width = 1, .in = true } },
	{ "out imm8, ax", 0x00400041, { .port = 0x40, .width = 2 } },
	{ "in eax, imm8", 0x00ff004b, { .port = 0xff, .width = 4, .in = true } },
	{ "rep outsb", 0x12340030, { .port = 0x1234, .width = 1, .string = true } },
	{ "insd", 0xffff001b, { .port = 0xffff, .width = 4, .in = true, .string = true } },
	{ "no width that exists", 0x00010002, { .port = 1, .width = 0 } },
	{ "bits above", 0xffffffff00500000ULL, { .port = 0x50, .width = 1 } },
};

static bool same_io(const struct kev_qual_io *a, const struct kev_qual_io *b)
{
	return a->port == b->port && a->width == b->width && a->in == b->in &&
	       a->string == b->string;
}

TEST(io)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(io_cases); i++) {
		struct kev_qual_io io = kev_qual_decode_io(io_cases[i].qual);

		EXPECT_TRUE(same_io(&io_cases[i].io, &io))
			TH_LOG("%s", io_cases[i].name);
	}
}

TEST(ept)
{
	unsigned int access, allowed;

	for (access = 0; access < 8; access++) {
		for (allowed = 0; allowed < 8; allowed++) {
			struct kev_qual_ept ept = kev_qual_decode_ept(access | allowed << 3);

			EXPECT_EQ(access, ept.access);
			EXPECT_FALSE(ept.gva_valid || ept.translated || ept.nmi_unblocked);
		}
	}
	EXPECT_EQ(KEV_MEM_READ, kev_qual_decode_ept(1).access);
	EXPECT_EQ(KEV_MEM_WRITE, kev_qual_decode_ept(2).access);
	EXPECT_EQ(KEV_MEM_EXEC, kev_qual_decode_ept(4).access);
	EXPECT_TRUE(kev_qual_decode_ept(0x80).gva_valid);
	EXPECT_TRUE(kev_qual_decode_ept(0x100).translated);
	EXPECT_TRUE(kev_qual_decode_ept(0x1000).nmi_unblocked);
	EXPECT_FALSE(kev_qual_decode_ept(0xee3f).gva_valid);
	EXPECT_FALSE(kev_qual_decode_ept(0xeebf).translated);
	EXPECT_FALSE(kev_qual_decode_ept(0xefbf).nmi_unblocked);
}

static const struct {
	const char *name;
	u64 qual;
	struct kev_qual_cr cr;
} cr_cases[] = {
	{ "mov cr0, rax", 0x000, { .kind = KEV_QUAL_CR_WRITE, .cr = 0, .gpr = KEV_RAX } },
	{ "mov cr3, rcx", 0x103, { .kind = KEV_QUAL_CR_WRITE, .cr = 3, .gpr = KEV_RCX } },
	{ "mov rsp, cr4", 0x414, { .kind = KEV_QUAL_CR_READ, .cr = 4, .gpr = KEV_RSP } },
	{ "mov cr8, r15", 0xf08, { .kind = KEV_QUAL_CR_WRITE, .cr = 8, .gpr = KEV_R15 } },
	{ "clts", 0x20, { .kind = KEV_QUAL_CR_CLTS } },
	{ "lmsw register", 0x80010030, { .kind = KEV_QUAL_CR_LMSW, .lmsw_source = 0x8001 } },
	{ "lmsw memory", 0x00010070, { .kind = KEV_QUAL_CR_LMSW, .lmsw_source = 1 } },
};

TEST(control_registers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cr_cases); i++) {
		struct kev_qual_cr cr = kev_qual_decode_cr(cr_cases[i].qual);
		const struct kev_qual_cr *expected = &cr_cases[i].cr;

		TH_LOG("%s", cr_cases[i].name);
		EXPECT_EQ(expected->kind, cr.kind);
		EXPECT_EQ(expected->cr, cr.cr);
		EXPECT_EQ(expected->gpr, cr.gpr);
		EXPECT_EQ(expected->lmsw_source, cr.lmsw_source);
	}
}

TEST(debug_registers)
{
	struct kev_qual_dr dr;

	dr = kev_qual_decode_dr(0x007);		/* mov dr7, rax */
	EXPECT_EQ(7, dr.dr);
	EXPECT_EQ(KEV_RAX, dr.gpr);
	EXPECT_FALSE(dr.read);
	dr = kev_qual_decode_dr(0xf16);		/* mov r15, dr6 */
	EXPECT_EQ(6, dr.dr);
	EXPECT_EQ(KEV_R15, dr.gpr);
	EXPECT_TRUE(dr.read);
}

TEST_HARNESS_MAIN
