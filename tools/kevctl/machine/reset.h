/* SPDX-License-Identifier: GPL-2.0 */
/* Ports that reset the machine, which ends it. */
#ifndef KEVCTL_RESET_H
#define KEVCTL_RESET_H

#include <stdint.h>

struct board;
struct bus;

/**
 * struct reset - the reset control register at 0xcf9 and what is left of a keyboard
 *	controller at 0x64
 * @board: board
 * @control: what 0xcf9 reads
 */
struct reset {
	struct board *board;
	uint8_t control;
};

/* Attach it before the PCI bus, whose ports have 0xcf9 in their middle. */
void reset_init(struct reset *reset, struct board *board, struct bus *bus);

#endif /* KEVCTL_RESET_H */
