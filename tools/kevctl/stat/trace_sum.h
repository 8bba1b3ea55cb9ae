/* SPDX-License-Identifier: GPL-2.0 */
/* How often guests exit, by reason, and how long it takes until they are entered again. */
#ifndef KEVCTL_TRACE_SUM_H
#define KEVCTL_TRACE_SUM_H

#include <stdbool.h>
#include <stdint.h>

#include "trace_line.h"

/* @timed: of @exits, those whose entry was seen; the times are theirs, as the clock counts. */
struct trace_reason {
	char name[TRACE_NAME_BYTES];
	uint64_t exits;
	uint64_t timed;
	uint64_t sum, least, most;
};

/* A vCPU, and the exit that waits for its entry: an index, or -1 */
struct trace_vcpu {
	uint64_t vm, vcpu;
	int reason;
	uint64_t time;
};

struct trace_sum {
	struct trace_reason *reasons;
	unsigned int nr_reasons;
	struct trace_vcpu *vcpus;
	unsigned int nr_vcpus;
	uint64_t exits;
	uint64_t lost;
	bool unknown_lost;	/* more were lost than @lost says */
};

/**
 * trace_sum_add() - count one line
 * @sum: zeroed before the first one
 * @line: line, later than those before
 *
 * Return: 0 or -ENOMEM.
 */
int trace_sum_add(struct trace_sum *sum, const struct trace_line *line);

/* trace_sum_sort() - the most frequent reason first */
void trace_sum_sort(struct trace_sum *sum);

void trace_sum_fini(struct trace_sum *sum);

#endif /* KEVCTL_TRACE_SUM_H */
