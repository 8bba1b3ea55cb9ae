/* SPDX-License-Identifier: GPL-2.0 */
/* The terminal that standard input may be: as it was, or with each key for the guest. */
#ifndef KEVCTL_TERMINAL_H
#define KEVCTL_TERMINAL_H

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* How long to wait in the background before the terminal is looked at again, in ms */
#define TERMINAL_PAUSE	500

/**
 * terminal_is_others() - has read() failed only as long as this job is in the background?
 * @fd: what was to be read, with SIGTTIN ignored
 * @error: its errno
 */
static inline bool terminal_is_others(int fd, int error)
{
	pid_t group = error == EIO ? tcgetpgrp(fd) : -1;

	return group >= 0 && group != getpgrp();
}

/**
 * terminal_raw() - give the guest each key as it is pressed, without echo
 *
 * The keys for signals stay the terminal's. Does nothing where standard input is no
 * terminal; where it is another process group's, terminal_wait() does it later. However
 * kevctl ends, but by SIGKILL, the terminal is then as it was before.
 */
void terminal_raw(void);

/**
 * terminal_raw_keys() - the same, with the keys for signals
 *
 * For a command that signals end in the usual way: the terminal is put back then, too.
 */
void terminal_raw_keys(void);

/**
 * terminal_wait() - before poll() on standard input: as wanted, if it has become this job's
 *
 * A shell tells nobody that it has put a running job into the foreground.
 *
 * Return: how long poll() may wait until the next look: TERMINAL_PAUSE, or -1 for ever.
 */
int terminal_wait(void);

/* terminal_is_wanted() - has terminal_raw() a terminal, now or once this job is in front? */
bool terminal_is_wanted(void);

/* terminal_restore() - as it was before; from a signal handler, too */
void terminal_restore(void);

/* terminal_leave() - the same, before _exit(): threads leave it alone from now on */
void terminal_leave(void);

/* terminal_stop() - stop this process with the terminal as it was, until SIGCONT */
void terminal_stop(void);

#endif /* KEVCTL_TERMINAL_H */
