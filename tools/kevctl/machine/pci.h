/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI: one bus without bridges, its configuration ports 0xcf8 to 0xcff (PCI Local Bus 3.0,
 * "Configuration Mechanism #1") and the memory of its devices.
 */
#ifndef KEVCTL_PCI_H
#define KEVCTL_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kev.h>

struct bus;

#define PCI_SLOTS	2	/* devices 0 and 1; the others are never there */
#define PCI_CONFIG_SIZE	256

/**
 * struct pci_function - function 0 of a device
 * @device: first argument of the others
 * @config_read: read @width bytes at @offset, a multiple of it, of the configuration
 * @config_write: write them
 * @memory: answer an access to memory; false: the address is not the device's
 * @waits: can the device interrupt without being touched by the guest?
 */
struct pci_function {
	void *device;
	uint32_t (*config_read)(void *device, unsigned int offset, unsigned int width);
	void (*config_write)(void *device, unsigned int offset, unsigned int width,
			     uint32_t value);
	bool (*memory)(void *device, struct kev_exit_mmio *mmio);
	bool (*waits)(const void *device);
};

/**
 * struct pci - the bus
 * @address: what the guest has written to 0xcf8
 * @functions: device by device, NULL without one
 */
struct pci {
	uint32_t address;
	const struct pci_function *functions[PCI_SLOTS];
};

/* Empty @pci and give it its ports. */
void pci_init(struct pci *pci, struct bus *bus);

/* As pci_function.memory and .waits, for all devices */
bool pci_memory(struct pci *pci, struct kev_exit_mmio *mmio);
bool pci_waits(const struct pci *pci);

#endif /* KEVCTL_PCI_H */
