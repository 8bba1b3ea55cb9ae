// SPDX-License-Identifier: GPL-2.0
/* Ports that switch the machine off. */
#include "../kevctl.h"
#include "board.h"
#include "bus.h"
#include "power.h"

#define PORT_ACPI_PM	0x604	/* power management, as QEMU's q35 has it */
#define PORT_ACPI_OLD	0xb004	/* the same in older machines */

#define POWER_OFF	0x2000	/* SLP_EN, sleep type 0 */

static void power_out(void *device, uint16_t port, uint32_t value)
{
	struct board *board = device;

	(void)port;
	if (value == POWER_OFF)
		board->end(board, 0);
}

static const struct port_range power_ports[] = {
	{ PORT_ACPI_PM, PORT_ACPI_PM, 4, NULL, power_out },
	{ PORT_ACPI_OLD, PORT_ACPI_OLD, 4, NULL, power_out },
};

void power_init(struct board *board, struct bus *bus)
{
	bus_attach(bus, power_ports, ARRAY_SIZE(power_ports), board);
}
