/* SPDX-License-Identifier: GPL-2.0 */
/* A board that notes what a device does to it, and tables of accesses to the device. */
#ifndef DEVICE_H
#define DEVICE_H

#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/machine/board.h"
#include "../../tools/kevctl/machine/bus.h"
#include "tap.h"

#define DEVICE_PRINTED	64

static struct device_rig {
	struct board board;
	struct bus bus;
	uint16_t lines;			/* state of the interrupt lines */
	uint64_t rises;			/* how often one has gone up */
	char printed[DEVICE_PRINTED];	/* NUL-terminated */
	unsigned int ends;		/* calls of board.end */
	uint64_t code;			/* the last one's */
} rig;

enum device_op {
	OUT,	/* write @value to @port */
	IN,	/* read @port, expect @value */
	TIME,	/* the time is @value ns */
	CALL,	/* @call(@port) is to return @value */
	LINES,	/* the interrupt lines are @value */
	RISES,	/* they have risen @value times since the last RISES */
	CODE,	/* the machine has ended once more, with @value */
	ALIVE,	/* it has not */
};

struct step {
	const char *name;		/* NULL: a step that is no case of its own */
	enum device_op op;
	uint16_t port;
	uint64_t value;
	uint8_t width;			/* 0: one byte */
	uint64_t (*call)(unsigned int argument);
};

static void rig_line(struct board *board, unsigned int irq, bool up)
{
	uint16_t bit = 1U << irq;

	(void)board;
	rig.rises += up && !(rig.lines & bit);
	rig.lines = up ? rig.lines | bit : rig.lines & ~bit;
}

static void rig_print(struct board *board, uint8_t byte)
{
	size_t length = strlen(rig.printed);

	(void)board;
	if (length < DEVICE_PRINTED - 1)
		rig.printed[length] = byte;
}

static void rig_end(struct board *board, uint64_t code)
{
	(void)board;
	rig.ends++;
	rig.code = code;
}

static inline void rig_init(void)
{
	rig = (struct device_rig){
		.board = { .line = rig_line, .print = rig_print, .end = rig_end },
	};
}

static uint64_t rig_io(unsigned int direction, const struct step *step)
{
	struct kev_exit_io io = {
		.port = step->port,
		.direction = direction,
		.width = step->width ? step->width : 1,
		.data = direction == KEV_IO_OUT ? step->value : 0,
	};

	bus_access(&rig.bus, &io);
	return io.data;
}

/* What the step has given; @step->value where it has only to be done. */
static uint64_t play_step(const struct step *step)
{
	uint64_t result = step->value;

	switch (step->op) {
	case OUT:
		rig_io(KEV_IO_OUT, step);
		break;
	case IN:
		return rig_io(KEV_IO_IN, step);
	case TIME:
		rig.board.now = step->value;
		break;
	case CALL:
		return step->call(step->port);
	case LINES:
		return rig.lines;
	case RISES:
		result = rig.rises;
		rig.rises = 0;
		break;
	case CODE:
		result = rig.ends == 1 ? rig.code : ~step->value;
		rig.ends = 0;
		break;
	case ALIVE:
		return step->value + rig.ends;
	}
	return result;
}

/* Each step that gives something is a case; others only when they go wrong. */
static inline void play_steps(const char *table, const struct step *steps, size_t count)
{
	char name[128];

	for (size_t i = 0; i < count; i++) {
		uint64_t result = play_step(&steps[i]);
		bool ok = result == steps[i].value;

		if (ok && !steps[i].name)
			continue;
		snprintf(name, sizeof(name), "%s: %s", table,
			 steps[i].name ? steps[i].name : "unnamed step");
		if (!ok)
			printf("# step %zu: 0x%llx, expected 0x%llx\n", i,
			       (unsigned long long)result, (unsigned long long)steps[i].value);
		tap_result(ok, name);
	}
}

#define PLAY(steps)	play_steps(#steps, steps, ARRAY_SIZE(steps))

#endif /* DEVICE_H */
