/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From ticks of a TSC to nanoseconds, as a clock page tells guests to compute it. Pure.
 */
#ifndef _KEV_CLOCK_SCALE_H
#define _KEV_CLOCK_SCALE_H

#include <kev/pure.h>

/**
 * struct kev_clock_scale - nanoseconds are ((ticks << shift) * mul) >> 32
 * @mul: a fraction of 2^32, at least a half
 * @shift: to the right where negative
 */
struct kev_clock_scale {
	u32 mul;
	signed char shift;
};

/**
 * kev_clock_scale() - factors for a frequency
 * @khz: of the TSC, not 0
 *
 * Context: Any.
 * Return: the factors.
 */
struct kev_clock_scale kev_clock_scale(u32 khz);

/**
 * kev_clock_ns() - what a guest computes
 * @scale: of kev_clock_scale()
 * @ticks: of the TSC
 *
 * Context: Any.
 * Return: nanoseconds.
 */
u64 kev_clock_ns(struct kev_clock_scale scale, u64 ticks);

#endif /* _KEV_CLOCK_SCALE_H */
