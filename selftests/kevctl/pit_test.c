// SPDX-License-Identifier: GPL-2.0
/* The 8254: counts as they are written and read, its modes, line 0, port 0x61. */
#include "../../tools/kevctl/machine/pit.h"
#include "device.h"

static struct pit pit;

/* The first ns of tick N */
#define TICK(n)	(((n) * NSEC_PER_SEC + PIT_HZ - 1) / PIT_HZ)

static uint64_t advance(unsigned int argument)
{
	pit_advance(&pit);
	return argument;
}

/* In ticks, or all ones */
static uint64_t deadline(unsigned int argument)
{
	uint64_t ns = pit_deadline(&pit);

	return ns == PIT_NEVER ? PIT_NEVER : ns * PIT_HZ / NSEC_PER_SEC + 0 * argument;
}

#define ADVANCE	{ NULL, CALL, 0, 0, .call = advance }

static const struct step rate[] = {
	{ "nothing runs after reset", CALL, 0, PIT_NEVER, .call = deadline },
	{ NULL, OUT, 0x43, 0x34 },	/* counter 0, both bytes, mode 2 */
	{ NULL, OUT, 0x40, 0xe8 },
	{ "half a count does not run", CALL, 0, PIT_NEVER, .call = deadline },
	{ NULL, OUT, 0x40, 0x03 },
	{ "first deadline", CALL, 0, 1000, .call = deadline },
	{ NULL, TIME, 0, TICK(999) },
	ADVANCE,
	{ "not yet", RISES, 0, 0 },
	{ "count: 1, low", IN, 0x40, 0x01 },
	{ "count: 1, high", IN, 0x40, 0x00 },
	{ NULL, TIME, 0, TICK(1000) },
	ADVANCE,
	{ "an edge", RISES, 0, 1 },
	ADVANCE,
	{ "only one", RISES, 0, 0 },
	{ "line 0 is up", LINES, 0, 1 },
	{ "the next deadline", CALL, 0, 2000, .call = deadline },
	{ "reloaded: low", IN, 0x40, 0xe8 },
	{ "reloaded: high", IN, 0x40, 0x03 },
	{ NULL, TIME, 0, TICK(5500) },
	ADVANCE,
	{ "edges that nobody saw become one", RISES, 0, 1 },
	{ "deadline behind them", CALL, 0, 6000, .call = deadline },
	{ NULL, OUT, 0x43, 0x00 },
	{ NULL, TIME, 0, TICK(5600) },
	{ "latched count, low", IN, 0x40, 500 & 0xff },
	{ "latched count, high", IN, 0x40, 500 >> 8 },
	{ "behind it the count goes on, low", IN, 0x40, 400 & 0xff },
	{ "high", IN, 0x40, 400 >> 8 },
	{ NULL, OUT, 0x40, 0x64 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "a new count waits for the period's end", CALL, 0, 6000, .call = deadline },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "status: a count waits, output high, mode 2", IN, 0x40, 0xf4 },
	{ NULL, TIME, 0, TICK(6000) },
	{ "looking does not lose the edge", IN, 0x40, 100 },
	{ NULL, IN, 0x40, 0 },
	ADVANCE,
	{ "the period's end", RISES, 0, 1 },
	{ "the new count", CALL, 0, 6100, .call = deadline },
};

static const struct step terminal_count[] = {
	{ NULL, OUT, 0x43, 0x30 },	/* counter 0, both bytes, mode 0 */
	{ NULL, OUT, 0x43, 0xe2 },
	{ "status: no count yet, output low", IN, 0x40, 0x70 },
	{ NULL, OUT, 0x40, 0x10 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "deadline", CALL, 0, 16, .call = deadline },
	{ NULL, TIME, 0, TICK(16) },
	ADVANCE,
	{ "an edge", RISES, 0, 1 },
	{ "the only one", CALL, 0, PIT_NEVER, .call = deadline },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "status: output high", IN, 0x40, 0xb0 },
	{ NULL, TIME, 0, TICK(17) },
	{ "it counts on: low", IN, 0x40, 0xff },
	{ "it counts on: high", IN, 0x40, 0xff },
	{ NULL, OUT, 0x40, 0x20 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "a new count begins at once", CALL, 0, 17 + 32, .call = deadline },
	{ NULL, TIME, 0, TICK(17 + 32) },
	ADVANCE,
	{ "and has its own edge", RISES, 0, 1 },
};

static const struct step square_wave[] = {
	{ NULL, OUT, 0x43, 0x36 },	/* counter 0, both bytes, mode 3 */
	{ NULL, OUT, 0x40, 0x00 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "0 is 65536", CALL, 0, 65536, .call = deadline },
	{ NULL, TIME, 0, TICK(16384) },
	{ NULL, OUT, 0x43, 0x00 },
	{ "two for each tick, low", IN, 0x40, 0x00 },
	{ "two for each tick, high", IN, 0x40, 0x80 },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "first half: output high", IN, 0x40, 0xb6 },
	{ NULL, TIME, 0, TICK(32768) },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "second half: output low", IN, 0x40, 0x36 },
	{ NULL, TIME, 0, TICK(65536) },
	ADVANCE,
	{ "an edge", RISES, 0, 1 },
	{ NULL, OUT, 0x43, 0x1e },	/* counter 0, low byte, mode 7 */
	{ NULL, OUT, 0x40, 0x05 },
	{ "mode 7 is mode 3; the low byte alone", CALL, 0, 65541, .call = deadline },
	{ NULL, TIME, 0, TICK(65536 + 2) },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "odd count: the longer half is high", IN, 0x40, 0x96 },
	{ NULL, TIME, 0, TICK(65536 + 3) },
	{ NULL, OUT, 0x43, 0xe2 },
	{ "odd count: the shorter one is low", IN, 0x40, 0x16 },
};

static const struct step bytes_and_bcd[] = {
	{ NULL, OUT, 0x43, 0x24 },	/* counter 0, high byte, mode 2 */
	{ NULL, OUT, 0x40, 0x02 },
	{ "the high byte alone", CALL, 0, 512, .call = deadline },
	{ "reads as such", IN, 0x40, 0x02 },
	{ NULL, OUT, 0x43, 0x31 },	/* counter 0, both bytes, mode 0, BCD */
	{ NULL, OUT, 0x40, 0x34 },
	{ NULL, OUT, 0x40, 0x12 },
	{ "decimal", CALL, 0, 1234, .call = deadline },
	{ NULL, TIME, 0, TICK(35) },
	{ NULL, OUT, 0x43, 0xc2 },
	{ "read back: status first", IN, 0x40, 0x31 },
	{ "then the count, low", IN, 0x40, 0x99 },
	{ "then the count, high", IN, 0x40, 0x11 },
	{ NULL, OUT, 0x43, 0x38 },	/* counter 0, both bytes, mode 4 */
	{ NULL, OUT, 0x40, 0x05 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "strobe: rises one tick behind the count", CALL, 0, 35 + 6, .call = deadline },
	{ NULL, OUT, 0x43, 0x32 },	/* counter 0, both bytes, mode 1 */
	{ NULL, OUT, 0x40, 0x05 },
	{ NULL, OUT, 0x40, 0x00 },
	{ "one-shot: its gate never rises", CALL, 0, PIT_NEVER, .call = deadline },
	{ "the control word cannot be read", IN, 0x43, 0xff },
};

static const struct step port_b[] = {
	{ NULL, OUT, 0x61, 0x01 },
	{ "the gate; counter 2 has no mode yet", IN, 0x61, 0x01 },
	{ NULL, OUT, 0x43, 0xb0 },	/* counter 2, both bytes, mode 0 */
	{ NULL, OUT, 0x42, 0x64 },
	{ NULL, OUT, 0x42, 0x00 },
	{ NULL, TIME, 0, 2 * 15085 },	/* tick 35 */
	{ "counting: output low", IN, 0x61, 0x01 },
	{ NULL, OUT, 0x61, 0x02 },
	{ "gate low, speaker", IN, 0x61, 0x02 },
	{ NULL, TIME, 0, 20 * 15085 },	/* tick 359 */
	{ "the gate holds the count", IN, 0x42, 65 },
	{ NULL, IN, 0x42, 0 },
	{ NULL, OUT, 0x61, 0x01 },
	{ NULL, TIME, 0, 22 * 15085 },	/* 36 ticks later */
	{ "and lets it go on", IN, 0x42, 65 - 36 },
	{ NULL, IN, 0x42, 0 },
	{ NULL, TIME, 0, 24 * 15085 },
	{ "36 + 36 ticks: past the end", IN, 0x61, 0x21 },
	{ NULL, TIME, 0, 25 * 15085 },
	{ "the refresh bit toggles", IN, 0x61, 0x31 },
	{ NULL, OUT, 0x43, 0xb2 },	/* counter 2, both bytes, mode 1 */
	{ NULL, OUT, 0x42, 0x05 },
	{ NULL, OUT, 0x42, 0x00 },
	{ NULL, TIME, 0, 26 * 15085 },
	{ "one-shot: high until the gate rises", IN, 0x61, 0x21 },
	{ NULL, OUT, 0x61, 0x00 },
	{ NULL, OUT, 0x61, 0x01 },
	{ "then low", IN, 0x61, 0x01 },
	{ NULL, TIME, 0, 28 * 15085 },
	{ "then high", IN, 0x61, 0x21 },
	{ "line 0 has nothing to do with it", RISES, 0, 0 },
};

static void reset(void)
{
	rig_init();
	pit_init(&pit, &rig.board, &rig.bus);
}

int main(void)
{
	reset();
	PLAY(rate);
	reset();
	PLAY(terminal_count);
	reset();
	PLAY(square_wave);
	reset();
	PLAY(bytes_and_bcd);
	reset();
	PLAY(port_b);
	return tap_end();
}
