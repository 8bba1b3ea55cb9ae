// SPDX-License-Identifier: GPL-2.0
/* Ports whose bytes go to the console. */
#include "../kevctl.h"
#include "board.h"
#include "bus.h"
#include "printer.h"

#define PORT_SERIAL	0x3f8
#define PORT_DEBUG	0xe9

static uint32_t printer_in(void *device, uint16_t port)
{
	(void)device;
	return port;
}

static void printer_out(void *device, uint16_t port, uint32_t value)
{
	struct board *board = device;

	(void)port;
	board->print(board, value);
}

/* A wider write prints its low byte. */
static const struct port_range serial_ports[] = {
	{ PORT_SERIAL, PORT_SERIAL, 4, NULL, printer_out },
};

static const struct port_range debug_ports[] = {
	{ PORT_DEBUG, PORT_DEBUG, 1, printer_in, printer_out },
};

void serial_printer_init(struct board *board, struct bus *bus)
{
	bus_attach(bus, serial_ports, ARRAY_SIZE(serial_ports), board);
}

void debug_printer_init(struct board *board, struct bus *bus)
{
	bus_attach(bus, debug_ports, ARRAY_SIZE(debug_ports), board);
}
