/* SPDX-License-Identifier: GPL-2.0 */
/* Signals that are read, not handled. */
#ifndef KEVCTL_SIGNALS_H
#define KEVCTL_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* By whoever started kevctl: nohup, or a shell for its commands in the background */
bool signals_ignored(int signal);

/*
 * signals_open() - a descriptor for signals that nobody ignores
 * @signals: @nr of them
 * @before: what was blocked until now, for when they are to do again what they did
 *
 * What is ignored stays so. Threads that are made later block them, too.
 *
 * Return: as signalfd().
 */
int signals_open(const int *signals, size_t nr, sigset_t *before);

#endif /* KEVCTL_SIGNALS_H */
