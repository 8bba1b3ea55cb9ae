// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that a step by RFLAGS.TF cannot just go over. Pure.
 */
#include <kev/step.h>

#define REX		0x40	/* to 0x4f, in 64-bit code */
#define REX_MASK	0xf0
#define TWO_BYTES	0x0f
#define PUSHF		0x9c
#define POPF		0x9d
#define INT		0xcd
#define IRET		0xcf
#define SYSCALL		0x05
#define SYSRET		0x07

static bool is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:	/* segments */
	case 0x66: case 0x67:							/* sizes */
	case 0xf0: case 0xf2: case 0xf3:					/* LOCK, REP */
		return true;
	default:
		return false;
	}
}

void kev_step_decode(const u8 *bytes, unsigned int len, bool code64, struct kev_step *step)
{
	unsigned int at = 0;

	*step = (struct kev_step) { .saves = KEV_SAVES_NO_FLAGS };
	while (at < len && is_prefix(bytes[at]))
		at++;
	/* One that is followed by another prefix has no effect, but is a prefix still. */
	while (code64 && at < len && ((bytes[at] & REX_MASK) == REX || is_prefix(bytes[at])))
		at++;
	/* The longest that matters is a byte of opcode more. */
	if (at + 1 > len) {
		step->cut = true;
		return;
	}

	switch (bytes[at]) {
	case PUSHF:
		step->saves = KEV_SAVES_ON_STACK;
		break;
	case POPF:
	case IRET:
		step->loads = true;
		break;
	case INT:
		step->cut = at + 2 > len;
		if (step->cut)
			break;
		step->interrupt = true;
		step->vector = bytes[at + 1];
		step->length = at + 2;
		break;
	case TWO_BYTES:
		step->cut = at + 2 > len;
		if (step->cut)
			break;
		if (bytes[at + 1] == SYSCALL)
			step->saves = KEV_SAVES_IN_R11;
		step->loads = bytes[at + 1] == SYSRET;
		break;
	}
}
