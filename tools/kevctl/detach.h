/* SPDX-License-Identifier: GPL-2.0 */
/* A guest in the background: `kevctl run --detach`. */
#ifndef KEVCTL_DETACH_H
#define KEVCTL_DETACH_H

#include <stdbool.h>

/* @log: where its messages and output go, or -1. @ready: pipe to the one that waits. */
struct detach {
	int log;
	int ready;
};

/**
 * detach_fork() - go on in a process of its own, in a session of its own
 * @detach: out
 * @log: name of a file that is appended to, or NULL
 * @status: out: exit status, when the command has ended
 *
 * The caller's process waits until the guest is about to start, and prints the other's pid, or
 * until the other has failed. Messages go to the caller's stderr until then.
 *
 * Return: whether to go on: in the new process.
 */
bool detach_fork(struct detach *detach, const char *log, int *status);

/**
 * detach_ready() - from now on be on its own
 * @detach: detach
 * @input: the guest's input, which takes the place of standard input
 *
 * Return: 0 or a negative errno: also when nobody waits any more.
 */
int detach_ready(struct detach *detach, int input);

#endif /* KEVCTL_DETACH_H */
