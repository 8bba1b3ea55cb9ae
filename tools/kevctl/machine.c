// SPDX-License-Identifier: GPL-2.0
/* Port devices. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kevctl.h"
#include "machine.h"

#define NR_PORTS	0x10000

#define PORT_SERIAL	0x3f8
#define PORT_PCI_FIRST	0xcf8	/* configuration address; data at 0xcfc */
#define PORT_PCI_LAST	0xcff
#define PORT_ACPI_PM	0x604	/* power management, as QEMU's q35 has it */
#define PORT_ACPI_OLD	0xb004	/* the same in older machines */

#define POWER_OFF	0x2000	/* SLP_EN, sleep type 0 */

int machine_init(struct machine *machine, enum machine_kind kind, bool strict,
		 struct console *console)
{
	*machine = (struct machine){
		.kind = kind,
		.strict = strict,
		.console = console,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.counts = calloc(NR_PORTS, sizeof(*machine->counts)),
	};
	return machine->counts ? 0 : -ENOMEM;
}

void machine_fini(struct machine *machine)
{
	free(machine->counts);
	pthread_mutex_destroy(&machine->lock);
}

static uint32_t all_ones(unsigned int width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

static enum port_verdict unclaimed(struct machine *machine, struct kev_exit_io *io)
{
	if (machine->strict)
		return PORT_UNCLAIMED;
	pthread_mutex_lock(&machine->lock);
	if (io->direction == KEV_IO_IN)
		machine->counts[io->port].reads++;
	else
		machine->counts[io->port].writes++;
	pthread_mutex_unlock(&machine->lock);
	return PORT_DONE;
}

enum port_verdict machine_io(struct machine *machine, struct kev_exit_io *io)
{
	bool out = io->direction == KEV_IO_OUT;

	if (machine->kind == MACHINE_NONE)
		return PORT_UNCLAIMED;
	if (!out)
		io->data = all_ones(io->width);
	if (io->port >= PORT_PCI_FIRST && io->port <= PORT_PCI_LAST)
		return PORT_DONE;
	if (out && io->port == PORT_SERIAL)
		return console_put(machine->console, io->data) ? PORT_ERROR : PORT_DONE;
	if (out && (io->port == PORT_ACPI_PM || io->port == PORT_ACPI_OLD))
		return io->width >= 2 && io->data == POWER_OFF ? PORT_POWER_OFF : PORT_DONE;
	return unclaimed(machine, io);
}

void machine_print_unclaimed(struct machine *machine)
{
	char name[sizeof("port 0xffff")];

	for (unsigned int port = 0; port < NR_PORTS; port++) {
		const struct port_count *count = &machine->counts[port];

		if (!count->reads && !count->writes)
			continue;
		snprintf(name, sizeof(name), "port 0x%x", port);
		message(name, "no device: %" PRIu64 " reads gave all ones, %" PRIu64
			" writes were ignored", count->reads, count->writes);
	}
}
