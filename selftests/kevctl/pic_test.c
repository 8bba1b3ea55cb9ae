// SPDX-License-Identifier: GPL-2.0
/* The pair of 8259s: initialisation, priorities, ends of interrupt, cascade, ELCR. */
#include "../../tools/kevctl/machine/pic.h"
#include "device.h"

#define NONE	UINT64_MAX

static struct pic pic;

static uint64_t pending(unsigned int argument)
{
	return (int64_t)pic_pending(&pic) + 0 * argument;
}

static uint64_t up(unsigned int irq)
{
	pic_line(&pic, irq, true);
	return 0;
}

static uint64_t down(unsigned int irq)
{
	pic_line(&pic, irq, false);
	return 0;
}

static uint64_t pulse(unsigned int irq)
{
	up(irq);
	return down(irq);
}

/* The vector that the CPU takes */
static uint64_t take(unsigned int argument)
{
	int vector = pic_pending(&pic);

	if (vector >= 0)
		pic_acknowledge(&pic);
	return (int64_t)vector + 0 * argument;
}

static uint64_t open_line(unsigned int irq)
{
	return pic_open(&pic, irq);
}

/* ICW1 to ICW4 of both chips: vectors 0x20 and 0x28 */
#define START \
	{ NULL, OUT, 0x20, 0x11 }, { NULL, OUT, 0x21, 0x20 }, { NULL, OUT, 0x21, 0x04 }, \
	{ NULL, OUT, 0x21, 0x01 }, { NULL, OUT, 0xa0, 0x11 }, { NULL, OUT, 0xa1, 0x28 }, \
	{ NULL, OUT, 0xa1, 0x02 }, { NULL, OUT, 0xa1, 0x01 }

static const struct step initialisation[] = {
	{ NULL, CALL, 0, 0, .call = pulse },
	{ "nothing before it is initialised", CALL, 0, NONE, .call = pending },
	{ "no line is open", CALL, 0, 0, .call = open_line },
	{ NULL, OUT, 0x20, 0x11 },
	{ NULL, OUT, 0x21, 0x23 },
	{ NULL, OUT, 0x21, 0x04 },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ "nothing before ICW4", CALL, 0, NONE, .call = pending },
	{ NULL, OUT, 0x21, 0x01 },
	{ "the low bits of ICW2 are the line", CALL, 0, 0x21, .call = pending },
	{ NULL, OUT, 0x20, 0x11 },
	{ "ICW1 forgets requests", IN, 0x20, 0 },
	{ NULL, OUT, 0x21, 0x40 },
	{ NULL, OUT, 0x21, 0x04 },
	{ NULL, OUT, 0x21, 0x01 },
	{ NULL, OUT, 0x21, 0xfe },
	{ "after ICW4 the data port is the mask", IN, 0x21, 0xfe },
	{ NULL, OUT, 0x20, 0x13 },
	{ NULL, OUT, 0x21, 0x50 },
	{ NULL, OUT, 0x21, 0x01 },
	{ NULL, CALL, 3, 0, .call = pulse },
	{ "single: no ICW3; the mask is 0", CALL, 0, 0x53, .call = pending },
	{ NULL, OUT, 0x20, 0x12 },
	{ NULL, OUT, 0x21, 0x60 },
	{ NULL, CALL, 3, 0, .call = pulse },
	{ "single, no ICW4", CALL, 0, 0x63, .call = pending },
};

static const struct step priorities[] = {
	START,
	{ NULL, CALL, 4, 0, .call = pulse },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ "IRR", IN, 0x20, 0x12 },
	{ "the lower line goes first", CALL, 0, 0x21, .call = take },
	{ "IRR without it", IN, 0x20, 0x10 },
	{ NULL, OUT, 0x20, 0x0b },
	{ "ISR", IN, 0x20, 0x02 },
	{ "a line in service holds back those behind it", CALL, 0, NONE, .call = take },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ "itself too", CALL, 0, NONE, .call = take },
	{ NULL, CALL, 0, 0, .call = pulse },
	{ "but not those before it", CALL, 0, 0x20, .call = take },
	{ NULL, OUT, 0x20, 0x20 },
	{ "EOI ends the first in service", IN, 0x20, 0x02 },
	{ NULL, OUT, 0x20, 0x61 },
	{ "EOI of a line", IN, 0x20, 0x00 },
	{ NULL, OUT, 0x20, 0x0a },
	{ NULL, OUT, 0x21, 0x02 },
	{ "a masked line waits", CALL, 0, 0x24, .call = take },
	{ "in the IRR", IN, 0x20, 0x02 },
	{ "the mask", IN, 0x21, 0x02 },
	{ "is not open", CALL, 1, 0, .call = open_line },
	{ "its neighbour is", CALL, 2, 1, .call = open_line },
	{ NULL, OUT, 0x21, 0x00 },
	{ "unmasked", CALL, 0, 0x21, .call = take },
};

static const struct step edges[] = {
	START,
	{ NULL, CALL, 5, 0, .call = up },
	{ NULL, CALL, 0, 0x25, .call = take },
	{ NULL, OUT, 0x20, 0x20 },
	{ NULL, CALL, 5, 0, .call = up },
	{ "a line that stays up asks once", CALL, 0, NONE, .call = take },
	{ NULL, CALL, 5, 0, .call = down },
	{ NULL, CALL, 5, 0, .call = up },
	{ "a new edge asks again", CALL, 0, 0x25, .call = take },
	{ NULL, OUT, 0x20, 0x20 },
	{ NULL, OUT, 0x4d0, 0xff },
	{ "ELCR: lines 0 to 2 are edge-triggered", IN, 0x4d0, 0xf8 },
	{ NULL, OUT, 0x4d1, 0xff },
	{ "ELCR: lines 8 and 13 too", IN, 0x4d1, 0xde },
	{ "a line that is up asks by its level then", CALL, 0, 0x25, .call = take },
	{ NULL, CALL, 5, 0, .call = down },
	{ NULL, OUT, 0x20, 0x20 },
	{ NULL, CALL, 3, 0, .call = up },
	{ NULL, CALL, 0, 0x23, .call = take },
	{ NULL, OUT, 0x20, 0x20 },
	{ "a level asks until it is down", CALL, 0, 0x23, .call = take },
	{ NULL, CALL, 3, 0, .call = down },
	{ NULL, OUT, 0x20, 0x20 },
	{ "then no more", CALL, 0, NONE, .call = take },
};

static const struct step cascade[] = {
	START,
	{ NULL, CALL, 12, 0, .call = pulse },
	{ "line 2 of the first chip asks", IN, 0x20, 0x04 },
	{ "line 4 of the second", IN, 0xa0, 0x10 },
	{ "the second chip's vector", CALL, 0, 0x2c, .call = take },
	{ NULL, CALL, 8, 0, .call = pulse },
	{ "the first chip's line 2 is in service", CALL, 0, NONE, .call = take },
	{ NULL, OUT, 0x20, 0x20 },
	{ "a better line of the second chip", CALL, 0, 0x28, .call = take },
	{ NULL, OUT, 0xa0, 0x20 },
	{ NULL, OUT, 0xa0, 0x20 },
	{ NULL, OUT, 0x20, 0x20 },
	{ NULL, OUT, 0x21, 0x04 },
	{ NULL, CALL, 15, 0, .call = pulse },
	{ "line 2 masked: nothing", CALL, 0, NONE, .call = take },
	{ "nor is it open", CALL, 15, 0, .call = open_line },
	{ NULL, OUT, 0x21, 0x00 },
	{ "unmasked", CALL, 15, 1, .call = open_line },
	{ NULL, OUT, 0xa1, 0x80 },
	{ "withdrawn by the second chip's mask", CALL, 0, NONE, .call = take },
};

static const struct step modes[] = {
	{ NULL, OUT, 0x20, 0x11 }, { NULL, OUT, 0x21, 0x20 }, { NULL, OUT, 0x21, 0x04 },
	{ NULL, OUT, 0x21, 0x03 },
	{ NULL, OUT, 0x20, 0x0b },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ NULL, CALL, 0, 0x21, .call = take },
	{ "automatic EOI: not in service", IN, 0x20, 0 },
	{ NULL, OUT, 0x20, 0x80 },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ NULL, CALL, 0, 0x21, .call = take },
	{ NULL, CALL, 1, 0, .call = pulse },
	{ NULL, CALL, 3, 0, .call = pulse },
	{ "automatic rotation: line 1 is the last now", CALL, 0, 0x23, .call = take },
	START,
	{ NULL, OUT, 0x20, 0xc3 },
	{ NULL, CALL, 3, 0, .call = pulse },
	{ NULL, CALL, 4, 0, .call = pulse },
	{ "set priority: line 4 is the first now", CALL, 0, 0x24, .call = take },
	{ NULL, OUT, 0x20, 0xa0 },
	{ NULL, CALL, 4, 0, .call = pulse },
	{ "rotate on EOI: line 4 is the last now", CALL, 0, 0x23, .call = take },
	{ NULL, OUT, 0x20, 0xe3 },
	{ "rotate on EOI of a line", CALL, 0, 0x24, .call = take },
	START,
	{ NULL, CALL, 1, 0, .call = pulse },
	{ NULL, CALL, 0, 0x21, .call = take },
	{ NULL, OUT, 0x21, 0x02 },
	{ NULL, CALL, 6, 0, .call = pulse },
	{ "without special mask mode", CALL, 0, NONE, .call = pending },
	{ NULL, OUT, 0x20, 0x68 },
	{ "with it a masked line holds nobody back", CALL, 0, 0x26, .call = take },
	{ NULL, OUT, 0x20, 0x48 },
	START,
	{ NULL, OUT, 0x20, 0x0c },
	{ "poll: nothing", IN, 0x20, 0x00 },
	{ NULL, CALL, 7, 0, .call = pulse },
	{ NULL, OUT, 0x20, 0x0c },
	{ "poll: line 7", IN, 0x20, 0x87 },
	{ "which is in service then", CALL, 0, NONE, .call = pending },
	{ "the next read is no poll", IN, 0x20, 0x00 },
	{ NULL, OUT, 0x20, 0x11 }, { NULL, OUT, 0x21, 0x20 }, { NULL, OUT, 0x21, 0x04 },
	{ NULL, OUT, 0x21, 0x11 },
	{ NULL, CALL, 12, 0, .call = pulse },
	{ NULL, CALL, 0, 0x2c, .call = take },
	{ NULL, CALL, 9, 0, .call = pulse },
	{ "special fully nested: the second chip may ask again", CALL, 0, 0x29, .call = take },
};

static void reset(void)
{
	rig_init();
	pic_init(&pic, &rig.bus);
}

int main(void)
{
	reset();
	PLAY(initialisation);
	reset();
	PLAY(priorities);
	reset();
	PLAY(edges);
	reset();
	PLAY(cascade);
	reset();
	PLAY(modes);
	return tap_end();
}
