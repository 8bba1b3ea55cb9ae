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

/**
 * report_print_json() - the same as an object
 * @to: stream
 * @run: copy of the run page
 */
void report_print_json(FILE *to, const struct kev_run *run);

#endif /* KEVCTL_REPORT_H */
