/* SPDX-License-Identifier: GPL-2.0 */
/* Clock and CMOS memory at 0x70 and 0x71, as the MC146818 has them. */
#ifndef KEVCTL_CMOS_H
#define KEVCTL_CMOS_H

#include <stdint.h>

#include "board.h"

struct bus;

#define CMOS_BYTES	128

/**
 * struct cmos - the clock shows UTC and cannot be set; its interrupts do not come
 * @board: board
 * @index: register that the data port shows
 * @bytes: the registers that keep what is written
 */
struct cmos {
	struct board *board;
	uint8_t index;
	uint8_t bytes[CMOS_BYTES];
};

/**
 * cmos_init() - reset the clock and give it its ports
 * @cmos: clock
 * @board: board
 * @bus: bus
 * @ram_kib: memory of the machine, which firmware leaves in the CMOS memory
 */
void cmos_init(struct cmos *cmos, struct board *board, struct bus *bus, uint64_t ram_kib);

#endif /* KEVCTL_CMOS_H */
