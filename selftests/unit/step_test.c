// SPDX-License-Identifier: GPL-2.0
/*
 * Guards that a step finds the instructions which save or load RFLAGS, behind any prefix,
 * and takes no other for one of them.
 */
#include "unit.h"

#include <kev/step.h>
#include <kev/values.h>

static const struct {
	const char *name;
	u8 bytes[KEV_INSN_MAX_LENGTH];
	unsigned int len;
	bool code64;
	struct kev_step step;
} cases[] = {
	{ "pushf", { 0x9c }, 1, true, { .saves = KEV_SAVES_ON_STACK } },
	{ "pushf, 16 bits", { 0x66, 0x9c }, 2, true, { .saves = KEV_SAVES_ON_STACK } },
	{ "pushf, REX", { 0x48, 0x9c }, 2, true, { .saves = KEV_SAVES_ON_STACK } },
	{ "pushf, 66 REX", { 0x66, 0x4f, 0x9c }, 3, true, { .saves = KEV_SAVES_ON_STACK } },
	{ "pushf, REX 66", { 0x4f, 0x66, 0x9c }, 3, true, { .saves = KEV_SAVES_ON_STACK } },
	{ "inc eax, pushf", { 0x40, 0x9c }, 2, false, { 0 } },
	{ "pushf, 32-bit code", { 0x66, 0x9c }, 2, false, { .saves = KEV_SAVES_ON_STACK } },
	{ "popf", { 0x9d }, 1, true, { .loads = true } },
	{ "iret", { 0xcf }, 1, false, { .loads = true } },
	{ "iretq", { 0x48, 0xcf }, 2, true, { .loads = true } },
	{ "sysret", { 0x48, 0x0f, 0x07 }, 3, true, { .loads = true } },
	{ "syscall", { 0x0f, 0x05 }, 2, true, { .saves = KEV_SAVES_IN_R11 } },
	{ "int 0x80", { 0xcd, 0x80 }, 2, true,
	  { .interrupt = true, .vector = 0x80, .length = 2 } },
	{ "int 3 in two bytes, prefix", { 0x65, 0xcd, 0x03 }, 3, true,
	  { .interrupt = true, .vector = 3, .length = 3 } },
	{ "int without its byte", { 0xcd }, 1, true, { .cut = true } },
	{ "int3", { 0xcc }, 1, true, { 0 } },
	{ "nop", { 0x90, 0x9c }, 2, true, { 0 } },
	{ "mov with such a byte", { 0xb0, 0x9c }, 2, true, { 0 } },
	{ "two bytes, one there", { 0x0f }, 1, true, { .cut = true } },
	{ "two bytes, another", { 0x0f, 0xa2 }, 2, true, { 0 } },
	{ "nothing", { 0x9c }, 0, true, { .cut = true } },
	{ "prefixes alone", { 0x66, 0x66, 0x66 }, 3, true, { .cut = true } },
	{ "as many prefixes as fit", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	  0x66, 0x66, 0x66, 0x66, 0x66, 0x9c }, 15, true, { .saves = KEV_SAVES_ON_STACK } },
};

TEST(instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_step step = { .loads = true, .length = 99 };

		kev_step_decode(cases[i].bytes, cases[i].len, cases[i].code64, &step);
		EXPECT_EQ(cases[i].step.loads, step.loads)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].step.saves, step.saves)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].step.interrupt, step.interrupt)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].step.vector, step.vector)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].step.length, step.length)
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(cases[i].step.cut, step.cut)
			TH_LOG("%s", cases[i].name);
	}
}

TEST_HARNESS_MAIN
