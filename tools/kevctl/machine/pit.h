/* SPDX-License-Identifier: GPL-2.0 */
/* The 8254 interval timer (Intel 8254 data sheet, order 231164) and port 0x61. */
#ifndef KEVCTL_PIT_H
#define KEVCTL_PIT_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

struct bus;

#define PIT_HZ		1193182ULL
#define PIT_IRQ		0
#define PIT_NEVER	UINT64_MAX

/**
 * struct pit_counter - one of the three counters
 * @mode: 0 to 5
 * @access: which bytes are read and written: 1 low, 2 high, 3 both
 * @bcd: counts in decimal
 * @gate: gate input
 * @loaded: has a count since the last control word
 * @running: counts: the clock is not stopped by the gate
 * @start: when the present count began, in ticks
 * @held: ticks counted before the gate stopped the clock
 * @count: initial count, 1 to 65536
 * @next: count of modes 2 and 3 that begins with the period after @switch_at; 0: none
 * @switch_at: tick at which @next counts
 * @edges: rising edges of the output that were told, since @start
 * @owed: the edge at @switch_at is still to be told
 * @low: low byte of a count that is being written
 * @write_high, @read_high: the next byte is the high one
 * @latch: latched count
 * @latched: bytes of @latch still to be read
 * @status: latched status
 * @status_latched: it is to be read first
 */
struct pit_counter {
	uint8_t mode, access;
	bool bcd, gate, loaded, running;
	uint64_t start, held;
	uint32_t count, next;
	uint64_t switch_at, edges;
	bool owed;
	uint8_t low;
	bool write_high, read_high;
	uint16_t latch;
	uint8_t latched, status;
	bool status_latched;
};

struct pit {
	struct board *board;
	struct pit_counter counters[3];
	bool speaker;
};

/* Reset @pit and give it ports 0x40 to 0x43 and 0x61. No counter runs then. */
void pit_init(struct pit *pit, struct board *board, struct bus *bus);

/* Pulse line 0 if counter 0's output has risen since this was last called. */
void pit_advance(struct pit *pit);

/* When counter 0's output rises next, in the board's ns, or PIT_NEVER. */
uint64_t pit_deadline(const struct pit *pit);

#endif /* KEVCTL_PIT_H */
