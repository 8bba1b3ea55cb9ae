/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all unit tests share: the kselftest harness and random numbers that are
 * the same in each run.
 */
#ifndef _UNIT_H
#define _UNIT_H

#include "kselftest_harness.h"

#include <kev/pure.h>

/* unit_random() - 64 bits; *@state is any seed at first (splitmix64) */
static inline u64 unit_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* unit_random_bits() - 64 bits of which few are set, or few are clear, or neither */
static inline u64 unit_random_bits(u64 *state)
{
	u64 a = unit_random(state), b = unit_random(state), c = unit_random(state);

	switch (unit_random(state) % 3) {
	case 0:
		return a & b & c;
	case 1:
		return a | b | c;
	default:
		return a;
	}
}

#endif /* _UNIT_H */
