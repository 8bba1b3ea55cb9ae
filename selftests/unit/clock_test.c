// SPDX-License-Identifier: GPL-2.0
/*
 * Factors of KVM's clock page: nanoseconds come out right for any frequency, and a
 * multiplier uses all of its bits.
 */
#include "unit.h"

#include <kev/clock_scale.h>

static const u32 frequencies[] = {
	1, 2, 3, 999, 1000, 1001, 32768, 499999, 500000, 500001, 999999, 1000000, 1000001,
	1193182, 1999999, 2000000, 2400000, 2893202, 3500000, 3999999, 4000000, 5000001,
	0x7fffffff, 0x80000000, 0xffffffff,
};

TEST(factors)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(frequencies); i++) {
		const u32 khz = frequencies[i];
		const struct kev_clock_scale scale = kev_clock_scale(khz);
		unsigned int seconds;

		EXPECT_LE(1U << 31, scale.mul)
			TH_LOG("%u kHz", khz);
		for (seconds = 1; seconds <= 1000000; seconds *= 10) {
			const u64 expected = seconds * 1000000000ULL;
			const u64 ns = kev_clock_ns(scale, seconds * 1000ULL * khz);
			const u64 error = ns > expected ? ns - expected : expected - ns;

			/* One part of 2^31, and what shifting drops */
			EXPECT_GE(expected / 1000000000 + (1U << 31) / khz + 4, error)
				TH_LOG("%u kHz, %u s: %llu", khz, seconds, ns);
		}
	}
}

TEST(monotonic)
{
	const struct kev_clock_scale scale = kev_clock_scale(3500001);
	u64 ticks, last = 0;

	for (ticks = 0; ticks < 1ULL << 60; ticks = ticks * 3 / 2 + 1) {
		EXPECT_LE(last, kev_clock_ns(scale, ticks));
		last = kev_clock_ns(scale, ticks);
	}
}

TEST_HARNESS_MAIN
