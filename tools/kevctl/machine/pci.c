// SPDX-License-Identifier: GPL-2.0
/* The configuration ports of an empty PCI bus. */
#include "../kevctl.h"
#include "bus.h"
#include "pci.h"

static uint32_t pci_in(void *device, uint16_t port)
{
	(void)device;
	(void)port;
	return UINT32_MAX;
}

static void pci_out(void *device, uint16_t port, uint32_t value)
{
	(void)device;
	(void)port;
	(void)value;
}

static const struct port_range pci_ports[] = {
	{ 0xcf8, 0xcff, 4, pci_in, pci_out },
};

void pci_init(struct bus *bus)
{
	bus_attach(bus, pci_ports, ARRAY_SIZE(pci_ports), NULL);
}
