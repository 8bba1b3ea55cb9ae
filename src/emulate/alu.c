// SPDX-License-Identifier: GPL-2.0
/*
 * Results and flags of arithmetic: SDM Vol. 1, "Status Flags", and Vol. 2. Pure.
 */
#include <kev/emulate.h>

#define FLAG_CF		BIT_ULL(0)
#define FLAG_PF		BIT_ULL(2)
#define FLAG_AF		BIT_ULL(4)
#define FLAG_ZF		BIT_ULL(6)
#define FLAG_SF		BIT_ULL(7)
#define FLAG_OF		BIT_ULL(11)
#define FLAGS		(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* The flags that follow from the result alone */
static u64 flags_of(u64 result, u64 sign)
{
	u64 flags = 0;

	if (!result)
		flags |= FLAG_ZF;
	if (result & sign)
		flags |= FLAG_SF;
	if (!(__builtin_popcount((u8)result) & 1))
		flags |= FLAG_PF;
	return flags;
}

/* Each bit: the carry out of it, or for a subtraction the borrow that it needs */
static u64 carries(u64 left, u64 right, u64 result, bool subtract)
{
	if (subtract)
		return (~left & right) | ((~left | right) & result);
	return (left & right) | ((left | right) & ~result);
}

u64 kev_alu(enum kev_insn_op op, unsigned int width, u64 left, u64 right, u64 *rflags)
{
	u64 mask = ~0ULL >> (64 - 8 * width), sign = mask ^ (mask >> 1);
	u64 carry_in = *rflags & FLAG_CF, keep = 0, carry = 0, result;
	bool subtract = false;
	u64 flags;

	switch (op) {
	case KEV_INSN_AND:
	case KEV_INSN_TEST:
		result = left & right;
		break;
	case KEV_INSN_OR:
		result = left | right;
		break;
	case KEV_INSN_XOR:
		result = left ^ right;
		break;
	case KEV_INSN_ADC:
		result = left + right + carry_in;
		break;
	case KEV_INSN_INC:
		right = 1;
		keep = FLAG_CF;
		result = left + right;
		break;
	case KEV_INSN_SBB:
		subtract = true;
		result = left - right - carry_in;
		break;
	case KEV_INSN_DEC:
		right = 1;
		keep = FLAG_CF;
		subtract = true;
		result = left - right;
		break;
	case KEV_INSN_NEG:
		right = left;
		left = 0;
		subtract = true;
		result = left - right;
		break;
	case KEV_INSN_SUB:
	case KEV_INSN_CMP:
		subtract = true;
		result = left - right;
		break;
	default:
		result = left + right;
		break;
	}
	result &= mask;

	/* Logic has no carries. */
	if (op != KEV_INSN_AND && op != KEV_INSN_TEST && op != KEV_INSN_OR && op != KEV_INSN_XOR)
		carry = carries(left, right, result, subtract);
	flags = flags_of(result, sign);
	if (carry & sign)
		flags |= FLAG_CF;
	if (carry & BIT_ULL(3))
		flags |= FLAG_AF;
	/* The sign is wrong: a carry into it, but none out of it, or the other way round */
	if ((carry ^ carry << 1) & sign)
		flags |= FLAG_OF;
	*rflags = (*rflags & ~(FLAGS & ~keep)) | (flags & ~keep);
	return result;
}
