/* SPDX-License-Identifier: GPL-2.0 */
/* A line on standard error that shows how far something is. */
#ifndef KEVCTL_PROGRESS_H
#define KEVCTL_PROGRESS_H

#include <stdint.h>

/**
 * progress_show() - show it, where standard error is a terminal
 * @start_ns: when it began, by read_clock(CLOCK_MONOTONIC): in its first second nothing is shown
 * @most_s: seconds that it takes; 0 where nobody knows
 * @format: what else there is to say, for printf
 */
void progress_show(uint64_t start_ns, unsigned int most_s, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* progress_end() - take the line away */
void progress_end(void);

#endif /* KEVCTL_PROGRESS_H */
