// SPDX-License-Identifier: GPL-2.0
/*
 * A halted vCPU and its timer. Guards that the timer ends the halt whenever it fires: also
 * when it interrupts the very task that is about to sleep.
 */
#include "kselftest_harness.h"

#include <sched.h>
#include <x86intrin.h>

#include "ticker.h"

/* From before the HLT's exit to long after the task sleeps, in steps below what that takes */
#define FIRST	500
#define STEP	16
#define ROUNDS	1500
#define LIMIT	4000000000ULL	/* of the TSC; all of it takes a fraction of that */

TEST(every_delay)
{
	struct kt_ticker ticker;
	uint64_t start;

	ASSERT_EQ(0, kt_ticker_init(&ticker));
	ticker.shared->delay = FIRST;
	ticker.shared->step = STEP;
	/* vCPU 1 is the one that halts; the other one never runs. */
	ASSERT_EQ(0, kt_runner_enter(&ticker.runners[1], ticker.vcpu[1], kt_nr_cpus() - 1));
	start = __rdtsc();
	while (ticker.shared->ticks[1] < ROUNDS && __rdtsc() - start < LIMIT)
		sched_yield();
	EXPECT_LE(ROUNDS, ticker.shared->ticks[1]) {
		TH_LOG("asleep with a delay of %lu", ticker.shared->delay);
	}
	EXPECT_EQ(-EINTR, kt_runner_kick(&ticker.runners[1]));
	kt_ticker_fini(&ticker);
}

TEST_HARNESS_MAIN
