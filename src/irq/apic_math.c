// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's rules that need no vCPU. Pure.
 */
#include <kev/apic_math.h>

#define NR_WORDS	8	/* of ISR, TMR and IRR */

#define NS_PER_MS	1000000ULL
#define NS_MAX		BIT_ULL(62)

/* Interrupt command register; the low half is the same in both modes. */
#define ICR_VECTOR	0xffU
#define ICR_LOGICAL	BIT(11)
#define ICR_ASSERT	BIT(14)
#define ICR_LEVEL	BIT(15)

/* Message address and data */
#define MSI_BASE	0xfee00000ULL
#define MSI_BASE_MASK	(~0xfffffULL)
#define MSI_LOGICAL	BIT(2)
#define MSI_REDIRECT	BIT(3)	/* to the one of lowest priority */

/* A destination of 8 bits, as messages and xAPIC mode have it */
#define SHORT_BROADCAST	0xffU

/* Is any bit of a field set: mostly there is none */
static bool has_any(u32 *regs, unsigned int field)
{
	u32 any = 0;

#pragma GCC unroll 8
	for (int i = 0; i < NR_WORDS; i++)
		any |= *kev_apic_reg(regs, field + i * KEV_APIC_STEP);
	return any;
}

int kev_apic_highest(u32 *regs, unsigned int field)
{
	if (!has_any(regs, field))
		return -1;
	for (int i = NR_WORDS - 1; i >= 0; i--) {
		u32 word = *kev_apic_reg(regs, field + i * KEV_APIC_STEP);

		if (word)
			return i * 32 + 31 - __builtin_clz(word);
	}
	return -1;
}

u8 kev_apic_ppr(u8 tpr, int in_service)
{
	u8 class = in_service < 0 ? 0 : in_service & 0xf0;

	return (tpr & 0xf0) >= class ? tpr : class;
}

/* Bits 3, 1 and 0 count: 000 is a division by 2, 110 by 128, 111 by 1. */
unsigned int kev_apic_divide_shift(u32 divide)
{
	return ((((divide & 8) >> 1) | (divide & 3)) + 1) & 7;
}

u32 kev_apic_x2_ldr(u32 id)
{
	return (id >> 4) << 16 | 1U << (id & 0xf);
}

bool kev_apic_matches(u64 at, u32 id, u32 dest, bool logical)
{
	u32 ldr = lower_32_bits(at);

	if (!(at & KEV_APIC_AT_ON))
		return false;
	if (dest == KEV_APIC_BROADCAST)
		return true;
	if (!logical)
		return dest == id;
	if (at & KEV_APIC_AT_X2)
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);

	ldr >>= 24;
	if (dest > 0xff)
		return false;
	if (at & KEV_APIC_AT_CLUSTER)
		return dest >> 4 == ldr >> 4 && (dest & ldr & 0xf);
	return dest & ldr;
}

static u32 long_dest(u32 dest)
{
	return dest == SHORT_BROADCAST ? KEV_APIC_BROADCAST : dest;
}

/* Table "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC ICR" */
static bool icr_valid(const struct kev_apic_message *message)
{
	switch (message->mode) {
	case KEV_APIC_FIXED:
		return true;
	case KEV_APIC_INIT:
		/* The de-assertion has had no effect since the Pentium. */
		if (message->level && !message->assert)
			return false;
		break;
	case KEV_APIC_LOWEST:
	case KEV_APIC_NMI:
	case KEV_APIC_SIPI:
		break;
	default:
		return false;	/* there is no SMM; the others are reserved */
	}
	return message->shorthand == KEV_APIC_NO_SHORTHAND ||
	       message->shorthand == KEV_APIC_TO_OTHERS;
}

bool kev_apic_decode_icr(u64 icr, bool x2apic, struct kev_apic_message *message)
{
	u32 high = upper_32_bits(icr);

	*message = (struct kev_apic_message) {
		.dest = x2apic ? high : long_dest(high >> 24),
		.vector = icr & ICR_VECTOR,
		.mode = icr >> 8 & 7,
		.shorthand = icr >> 18 & 3,
		.logical = icr & ICR_LOGICAL,
		.level = icr & ICR_LEVEL,
		.assert = icr & ICR_ASSERT,
	};
	if (!icr_valid(message))
		return false;
	/* Only INIT has a level: SDM Vol. 3, "Interrupt Command Register", trigger mode */
	message->level = false;
	message->assert = true;
	return true;
}

bool kev_apic_decode_msi(u64 address, u32 data, struct kev_apic_message *message)
{
	if ((address & MSI_BASE_MASK) != MSI_BASE)
		return false;
	*message = (struct kev_apic_message) {
		.dest = long_dest(address >> 12 & 0xff),
		.vector = data & ICR_VECTOR,
		.mode = data >> 8 & 7,
		.logical = address & MSI_LOGICAL,
		.level = data & ICR_LEVEL,
		.assert = !(data & ICR_LEVEL) || (data & ICR_ASSERT),
	};
	switch (message->mode) {
	case KEV_APIC_FIXED:
		if (address & MSI_REDIRECT)
			message->mode = KEV_APIC_LOWEST;
		return true;
	case KEV_APIC_LOWEST:
	case KEV_APIC_NMI:
	case KEV_APIC_INIT:
		return true;
	default:
		return false;
	}
}

bool kev_apic_base_possible(u64 value, unsigned int phys_bits)
{
	u64 writable = GENMASK_ULL(phys_bits - 1, KEV_PAGE_SHIFT) | KEV_APIC_BASE_BSP |
		       KEV_APIC_BASE_MODE;

	return !(value & ~writable) && (value & KEV_APIC_BASE_MODE) != KEV_APIC_BASE_X2APIC;
}

bool kev_apic_base_valid(u64 old, u64 value, unsigned int phys_bits)
{
	u64 from = old & KEV_APIC_BASE_MODE;

	if (!kev_apic_base_possible(value, phys_bits))
		return false;
	/* The way out of x2APIC mode leads through "disabled", the way into it does not. */
	switch (value & KEV_APIC_BASE_MODE) {
	case KEV_APIC_BASE_ENABLED:
		return from != KEV_APIC_BASE_MODE;
	case KEV_APIC_BASE_MODE:
		return from != 0;
	default:
		return true;
	}
}

u64 kev_tsc_to_ns(u64 ticks, u32 khz)
{
	u64 ms = ticks / khz;

	if (ms >= NS_MAX / NS_PER_MS)
		return NS_MAX;
	return ms * NS_PER_MS + (ticks % khz * NS_PER_MS + khz - 1) / khz;
}
