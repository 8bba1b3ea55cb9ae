// SPDX-License-Identifier: GPL-2.0
/*
 * From ticks of a TSC to nanoseconds. Pure.
 */
#include <kev/clock_scale.h>
#include <kev/pure.h>

#define NS_PER_MS	1000000ULL

struct kev_clock_scale kev_clock_scale(u32 khz)
{
	struct kev_clock_scale scale = { .shift = 0 };
	u64 ns = NS_PER_MS, ticks = khz;

	/* In one millisecond: bring ns / ticks into the range from a half to one. */
	while (ns >= ticks) {
		ticks *= 2;
		scale.shift++;
	}
	while (ns * 2 < ticks) {
		ns *= 2;
		scale.shift--;
	}
	/* ns is below 2^31 here: khz is below 2^32. */
	scale.mul = (ns << 32) / ticks;
	return scale;
}

u64 kev_clock_ns(struct kev_clock_scale scale, u64 ticks)
{
	u64 low;

	if (scale.shift < 0)
		ticks >>= -scale.shift;
	else
		ticks <<= scale.shift;
	low = (ticks & 0xffffffff) * scale.mul >> 32;
	return (ticks >> 32) * scale.mul + low;
}
