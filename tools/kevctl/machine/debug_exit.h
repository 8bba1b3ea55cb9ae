/* SPDX-License-Identifier: GPL-2.0 */
/* The exit device of test kernels, as QEMU's isa-debug-exit. */
#ifndef KEVCTL_DEBUG_EXIT_H
#define KEVCTL_DEBUG_EXIT_H

struct board;
struct bus;

/* Ports 0xf4 to 0xf7: a write of V ends the machine with code 2 * V + 1. */
void debug_exit_init(struct board *board, struct bus *bus);

#endif /* KEVCTL_DEBUG_EXIT_H */
