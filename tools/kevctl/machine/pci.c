// SPDX-License-Identifier: GPL-2.0
/* PCI: the configuration ports. */
#include <stddef.h>

#include "bus.h"
#include "pci.h"

#define PORT_ADDRESS	0xcf8
#define PORT_DATA	0xcfc

#define ADDRESS_ENABLE	(1U << 31)
#define ADDRESS_BITS	0x80fffffcU	/* the others read as zero */
#define DEVICE_SHIFT	11
#define NOT_DEVICE	0x00ff0700U	/* bus and function: only 0 of each is there */

/* The device that the address port points to, if there is one */
static const struct pci_function *selected(const struct pci *pci)
{
	unsigned int slot = pci->address >> DEVICE_SHIFT & 0x1f;

	if (!(pci->address & ADDRESS_ENABLE) || pci->address & NOT_DEVICE || slot >= PCI_SLOTS)
		return NULL;
	return pci->functions[slot];
}

/* Where in the configuration @port is */
static unsigned int offset_of(const struct pci *pci, uint16_t port)
{
	return (pci->address & 0xfc) + (port - PORT_DATA);
}

static bool is_aligned(uint16_t port, unsigned int width)
{
	return !(port % width);
}

static uint32_t pci_read(void *device, uint16_t port, unsigned int width)
{
	struct pci *pci = device;
	const struct pci_function *function = selected(pci);

	/* Without a device there is no bus either. */
	if (port == PORT_ADDRESS && width == sizeof(uint32_t) && pci->functions[0])
		return pci->address;
	if (port < PORT_DATA || !function || !is_aligned(port, width))
		return UINT32_MAX;
	return function->config_read(function->device, offset_of(pci, port), width);
}

static void pci_write(void *device, uint16_t port, unsigned int width, uint32_t value)
{
	struct pci *pci = device;
	const struct pci_function *function = selected(pci);

	if (port == PORT_ADDRESS && width == sizeof(uint32_t))
		pci->address = value & ADDRESS_BITS;
	else if (port >= PORT_DATA && function && is_aligned(port, width))
		function->config_write(function->device, offset_of(pci, port), width, value);
}

static const struct sized_range pci_ports = {
	.ports = { .first = PORT_ADDRESS, .last = PORT_DATA + 3, .width = 4 },
	.read = pci_read,
	.write = pci_write,
};

void pci_init(struct pci *pci, struct bus *bus)
{
	*pci = (struct pci){ };
	bus_attach_sized(bus, &pci_ports, pci);
}

bool pci_memory(struct pci *pci, struct kev_exit_mmio *mmio)
{
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		const struct pci_function *function = pci->functions[slot];

		if (function && function->memory(function->device, mmio))
			return true;
	}
	return false;
}

bool pci_waits(const struct pci *pci)
{
	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		const struct pci_function *function = pci->functions[slot];

		if (function && function->waits(function->device))
			return true;
	}
	return false;
}
