// SPDX-License-Identifier: GPL-2.0
/* Ports that reset the machine, which ends it with code 0. */
#include "../kevctl.h"
#include "board.h"
#include "bus.h"
#include "reset.h"

#define PORT_CONTROL	0xcf9
#define CONTROL_HARD	0x02
#define CONTROL_RESET	0x04	/* a reset as it becomes 1 */

#define PORT_KEYBOARD	0x64
#define KEYBOARD_READY	0x04	/* self-test passed; no byte in either direction */
#define KEYBOARD_PULSE	0xfe	/* pulse line 0: the CPU's reset */

static uint32_t control_in(void *device, uint16_t port)
{
	struct reset *reset = device;

	(void)port;
	return reset->control;
}

static void control_out(void *device, uint16_t port, uint32_t value)
{
	struct reset *reset = device;
	bool rises = value & ~reset->control & CONTROL_RESET;

	(void)port;
	reset->control = value & (CONTROL_HARD | CONTROL_RESET);
	if (rises)
		reset->board->end(reset->board, 0);
}

static uint32_t keyboard_in(void *device, uint16_t port)
{
	(void)device;
	(void)port;
	return KEYBOARD_READY;
}

static void keyboard_out(void *device, uint16_t port, uint32_t value)
{
	struct reset *reset = device;

	(void)port;
	if (value == KEYBOARD_PULSE)
		reset->board->end(reset->board, 0);
}

static const struct port_range reset_ports[] = {
	{ PORT_CONTROL, PORT_CONTROL, 1, control_in, control_out },
	{ PORT_KEYBOARD, PORT_KEYBOARD, 1, keyboard_in, keyboard_out },
};

void reset_init(struct reset *reset, struct board *board, struct bus *bus)
{
	*reset = (struct reset){ .board = board };
	bus_attach(bus, reset_ports, ARRAY_SIZE(reset_ports), reset);
}
