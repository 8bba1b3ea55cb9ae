/* SPDX-License-Identifier: GPL-2.0 */
/* The terminal that standard input may be: as it was, or with each key for the guest. */
#ifndef KEVCTL_TERMINAL_H
#define KEVCTL_TERMINAL_H

/*
 * terminal_raw() - give the guest each key as it is pressed, without echo
 *
 * The keys for signals stay the terminal's. Does nothing where standard input is no
 * terminal, or is another process group's. terminal_restore() is due.
 */
void terminal_raw(void);

/* terminal_restore() - as it was before the first terminal_raw(); from a signal handler, too */
void terminal_restore(void);

#endif /* KEVCTL_TERMINAL_H */
