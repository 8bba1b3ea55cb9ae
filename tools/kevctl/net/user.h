/* SPDX-License-Identifier: GPL-2.0 */
/* A network stack in a program of its own, which makes connections as any program does. */
#ifndef KEVCTL_USER_H
#define KEVCTL_USER_H

#include "wire.h"

/* The descriptor behind the program's standard streams */
#define USER_LOG	3

/**
 * user_open() - start kev-net-user, or say why not
 * @wire: out
 * @sandbox: SANDBOX_*: parts of its own sandbox to leave out
 * @log: where its messages go once it runs
 * @words: what else was asked for, NULL behind the last one; the program judges them
 *
 * The program ends when the wire is closed, and with kevctl.
 *
 * Return: 0 or a negative errno.
 */
int user_open(struct wire **wire, unsigned int sandbox, int log, char *const words[]);

#endif /* KEVCTL_USER_H */
