/* SPDX-License-Identifier: GPL-2.0 */
/* What kev reports, in readable form. */
#ifndef KEVCTL_REPORT_H
#define KEVCTL_REPORT_H

#include <stdio.h>

#include <libkev.h>

/**
 * report_print() - say what happened, then show the exit
 * @to: stream
 * @run: copy of the run page
 */
void report_print(FILE *to, const struct kev_run *run);

/* Nanoseconds from the start of kevctl to the first time that; 0: never */
struct stats_times {
	uint64_t run;		/* the guest was entered */
	uint64_t report;	/* it came back with a report */
	uint64_t output;	/* a byte of it was written */
};

/**
 * stats_print_start() - one "name value" a line: how the guest came to run
 * @to: stream
 * @times: how long it took
 * @before: statistics before the guest was entered
 */
void stats_print_start(FILE *to, const struct stats_times *times,
		       const struct kev_vm_stats *before);

/* stats_print() - one "name value" a line: what has happened since */
void stats_print(FILE *to, const struct kev_vm_stats *stats);

#endif /* KEVCTL_REPORT_H */
