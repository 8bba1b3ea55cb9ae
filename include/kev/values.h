/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values that the CPU takes. Pure.
 */
#ifndef _KEV_VALUES_H
#define _KEV_VALUES_H

#include <kev/pure.h>

/*
 * Exceptions that push an error code, but in real mode: 8, 10 to 14, 17, 21. SDM Vol. 3,
 * "Protected-Mode Exceptions and Interrupts"
 */
#define KEV_VECTORS_WITH_ERROR	0x227d00U

/* SDM Vol. 2, "Instruction Format": a longer one is #GP. */
#define KEV_INSN_MAX_LENGTH	15U

/* kev_canonical_in() - a linear address of @bits bits: those above are copies of the highest */
static inline bool kev_canonical_in(u64 address, unsigned int bits)
{
	u64 high = address >> (bits - 1);

	return high == 0 || high == ~0ULL >> (bits - 1);
}

/* kev_canonical() - of 48 bits, which is what guests' CPUID says; every CPU takes these */
static inline bool kev_canonical(u64 address)
{
	return kev_canonical_in(address, 48);
}

/* kev_pat_valid() - eight memory types of 8 bits: UC, WC, WT, WP, WB, UC-. "IA32_PAT MSR" */
static inline bool kev_pat_valid(u64 pat)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		u8 type = pat >> i;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

#endif /* _KEV_VALUES_H */
