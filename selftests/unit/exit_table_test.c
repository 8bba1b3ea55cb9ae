// SPDX-License-Identifier: GPL-2.0
/*
 * Guards against an exit reason that falls through: each one that the SDM
 * defines has an entry, with an event that exists.
 */
#include "unit.h"

#include <kev/exit.h>

#include "reasons.h"

/* SDM Vol. 3, appendix C: the numbers up to the last that no exit has */
static const u32 undefined[] = { 35, 38, 42, 71, 82, 83 };

static bool defined(u32 reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(undefined); i++)
		if (undefined[i] == reason)
			return false;
	return true;
}

TEST(every_reason_has_an_entry)
{
	for (u32 reason = 0; reason < KEV_VMX_NR_REASONS; reason++) {
		EXPECT_EQ(defined(reason), kev_vmx_reasons[reason].name != NULL)
			TH_LOG("reason %u", reason);
		EXPECT_LT(kev_vmx_reasons[reason].event, KEV_NR_EVENTS)
			TH_LOG("reason %u", reason);
	}
}

TEST(names_are_unique)
{
	for (u32 a = 0; a < KEV_VMX_NR_REASONS; a++)
		for (u32 b = 0; b < a; b++)
			if (kev_vmx_reasons[a].name && kev_vmx_reasons[b].name)
				EXPECT_STRNE(kev_vmx_reasons[a].name, kev_vmx_reasons[b].name);
}

/* What an exit means, where a wrong line would do harm */
static const struct {
	u32 reason;
	u8 event;
	bool instruction;
} meanings[] = {
	{ 0, KEV_EV_EXCEPTION, false },
	{ 1, KEV_EV_INTERRUPT, false },
	{ 2, KEV_EV_SHUTDOWN, false },
	{ 3, KEV_EV_OTHER, false },
	{ 4, KEV_EV_OTHER, false },
	{ 7, KEV_EV_INTERRUPT_WINDOW, false },
	{ 8, KEV_EV_NMI_WINDOW, false },
	{ 9, KEV_EV_TASK_SWITCH, true },
	{ 10, KEV_EV_CPUID, true },
	{ 12, KEV_EV_HLT, true },
	{ 18, KEV_EV_HYPERCALL, true },
	{ 27, KEV_EV_UNDEFINED, true },
	{ 28, KEV_EV_CR, true },
	{ 30, KEV_EV_IO, true },
	{ 31, KEV_EV_RDMSR, true },
	{ 32, KEV_EV_WRMSR, true },
	{ 33, KEV_EV_ENTRY_FAILED, false },
	{ 34, KEV_EV_ENTRY_FAILED, false },
	{ 41, KEV_EV_ENTRY_FAILED, false },
	{ 37, KEV_EV_STEP, false },
	{ 48, KEV_EV_MEMORY, false },
	{ 49, KEV_EV_MISCONFIGURED, false },
	{ 55, KEV_EV_XSETBV, true },
	{ 74, KEV_EV_BUS_LOCK, false },
	{ 75, KEV_EV_NOTIFY, false },
};

TEST(reasons_mean_what_they_should)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		const struct kev_vmx_reason *reason = &kev_vmx_reasons[meanings[i].reason];

		EXPECT_EQ(meanings[i].event, reason->event) TH_LOG("%s", reason->name);
		EXPECT_EQ(meanings[i].instruction, reason->instruction) TH_LOG("%s", reason->name);
	}
}

/* RIP may only go on behind an instruction: a fault runs it again. */
TEST(only_instructions_advance)
{
	for (u32 reason = 0; reason < KEV_VMX_NR_REASONS; reason++) {
		switch (kev_vmx_reasons[reason].event) {
		case KEV_EV_CPUID:
		case KEV_EV_RDMSR:
		case KEV_EV_WRMSR:
		case KEV_EV_HYPERCALL:
		case KEV_EV_HLT:
		case KEV_EV_IO:
		case KEV_EV_CR:
		case KEV_EV_XSETBV:
		case KEV_EV_WBINVD:
		case KEV_EV_PAUSE:
		case KEV_EV_MWAIT:
		case KEV_EV_DR:
		case KEV_EV_RDTSC:
		case KEV_EV_INVLPG:
			EXPECT_TRUE(kev_vmx_reasons[reason].instruction)
				TH_LOG("reason %u", reason);
			break;
		case KEV_EV_MEMORY:
		case KEV_EV_INTERRUPT:
		case KEV_EV_INTERRUPT_WINDOW:
		case KEV_EV_NMI_WINDOW:
		case KEV_EV_STEP:
		case KEV_EV_MISCONFIGURED:
		case KEV_EV_BUS_LOCK:
		case KEV_EV_NOTIFY:
		case KEV_EV_EXCEPTION:
		case KEV_EV_SHUTDOWN:
		case KEV_EV_ENTRY_FAILED:
			EXPECT_FALSE(kev_vmx_reasons[reason].instruction)
				TH_LOG("reason %u", reason);
			break;
		}
	}
}

TEST_HARNESS_MAIN
