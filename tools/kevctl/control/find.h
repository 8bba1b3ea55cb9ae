/* SPDX-License-Identifier: GPL-2.0 */
/* Which guest a command means. */
#ifndef KEVCTL_FIND_H
#define KEVCTL_FIND_H

#include <stdio.h>

#include "runtime.h"

/* find_number() - read a guest's number, or say that it is none: 0 or a negative errno */
int find_number(const char *id, unsigned int *number);

/**
 * find_guest() - the guest of this user's with that number, or say that there is none
 * @id: a VM's id in the kernel, or the PID of its kevctl
 * @info: out
 *
 * Return: 0 or a negative errno.
 */
int find_guest(const char *id, struct runtime_info *info);

/* find_problem() - what find_guest() says for its error */
const char *find_problem(int error);

/* print_name() - text that others have chosen, without what a terminal would obey */
void print_name(FILE *to, const char *text);

#endif /* KEVCTL_FIND_H */
