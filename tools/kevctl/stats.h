/* SPDX-License-Identifier: GPL-2.0 */
/* A VM's statistics: a list of names and values, and how it is printed. */
#ifndef KEVCTL_STATS_H
#define KEVCTL_STATS_H

#include <stdint.h>
#include <stdio.h>

#include <libkev.h>

#define STATS_MOST	64

/* @nr: lines that are there; the names are constants */
struct stats_list {
	struct stats_line {
		const char *name;
		uint64_t value;
	} lines[STATS_MOST];
	unsigned int nr;
};

/* Nanoseconds from the start of kevctl to the first time that; 0: never */
struct stats_times {
	uint64_t run;		/* the guest was entered */
	uint64_t report;	/* it came back with a report */
	uint64_t output;	/* a byte of it was written */
};

/* stats_add() - one line more, up to STATS_MOST */
void stats_add(struct stats_list *list, const char *name, uint64_t value);

/**
 * stats_add_start() - how the guest came to run
 * @list: where to
 * @times: how long it took
 * @before: statistics before the guest was entered
 */
void stats_add_start(struct stats_list *list, const struct stats_times *times,
		     const struct kev_vm_stats *before);

/* stats_add_vm() - what has happened since */
void stats_add_vm(struct stats_list *list, const struct kev_vm_stats *stats);

/* stats_print() - one "name value" a line */
void stats_print(FILE *to, const struct stats_list *list);

/* stats_print_json() - one object */
void stats_print_json(FILE *to, const struct stats_list *list);

#endif /* KEVCTL_STATS_H */
