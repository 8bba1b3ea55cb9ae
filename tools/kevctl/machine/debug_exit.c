// SPDX-License-Identifier: GPL-2.0
/* The exit device of test kernels. */
#include "../kevctl.h"
#include "board.h"
#include "bus.h"
#include "debug_exit.h"

static uint32_t debug_exit_in(void *device, uint16_t port)
{
	(void)device;
	(void)port;
	return 0;
}

static void debug_exit_out(void *device, uint16_t port, uint32_t value)
{
	struct board *board = device;

	(void)port;
	board->end(board, (uint64_t)value << 1 | 1);
}

static const struct port_range debug_exit_ports[] = {
	{ 0xf4, 0xf7, 4, debug_exit_in, debug_exit_out },
};

void debug_exit_init(struct board *board, struct bus *bus)
{
	bus_attach(bus, debug_exit_ports, ARRAY_SIZE(debug_exit_ports), board);
}
