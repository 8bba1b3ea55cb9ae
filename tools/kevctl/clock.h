/* SPDX-License-Identifier: GPL-2.0 */
/* Time, in nanoseconds. */
#ifndef KEVCTL_CLOCK_H
#define KEVCTL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

#endif /* KEVCTL_CLOCK_H */
