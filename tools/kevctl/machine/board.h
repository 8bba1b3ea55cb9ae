/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device sees of the machine around it. Devices make no system call and
 * know no time but the board's: a unit test gives them a board of its own.
 */
#ifndef KEVCTL_BOARD_H
#define KEVCTL_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define NSEC_PER_SEC	1000000000ULL

/**
 * struct board - the machine, as its devices see it
 * @now: monotonic time of this access in ns
 * @epoch: what @now is added to for ns of UTC since 1970
 * @line: an interrupt line of the ISA bus, 0 to 15, goes up or down
 * @signal: a message to the local APICs, as a device writes it
 * @print: a byte for the console
 * @end: the guest has ended the machine, with an exit code
 *
 * Without locks: whoever calls a device sees to it that nobody else does.
 */
struct board {
	uint64_t now;
	uint64_t epoch;
	void (*line)(struct board *board, unsigned int irq, bool up);
	void (*signal)(struct board *board, uint64_t address, uint32_t data);
	void (*print)(struct board *board, uint8_t byte);
	void (*end)(struct board *board, uint64_t code);
};

#endif /* KEVCTL_BOARD_H */
