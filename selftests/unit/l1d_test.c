// SPDX-License-Identifier: GPL-2.0
/*
 * Guards that the L1 data cache is flushed for a guest where the CPU and the kernel's
 * parameters ask for it, and nowhere else.
 */
#include "unit.h"

#include "l1d.h"

static const struct {
	const char *name;
	struct kev_l1d_facts facts;
	enum kev_l1d_rule rule;
} cases[] = {
	{ "a CPU without L1TF", { .conditional = true }, KEV_L1D_NEVER },
	{ "without, l1tf=full", { 0 }, KEV_L1D_NEVER },
	{ "l1tf=off", { .affected = true, .off = true }, KEV_L1D_NEVER },
	{ "l1tf=flush", { .affected = true, .conditional = true }, KEV_L1D_AFTER_HOST },
	{ "l1tf=full", { .affected = true }, KEV_L1D_ALWAYS },
	{ "a hypervisor below that flushes",
	  { .affected = true, .conditional = true, .capabilities = BIT_ULL(3) }, KEV_L1D_NEVER },
	{ "the same, l1tf=full", { .affected = true, .capabilities = BIT_ULL(3) }, KEV_L1D_NEVER },
	{ "other capabilities",
	  { .affected = true, .capabilities = ~BIT_ULL(3) }, KEV_L1D_ALWAYS },
};

TEST(rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].rule, kev_l1d_rule(&cases[i].facts)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

TEST_HARNESS_MAIN
