/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio network card on the PCI bus (Virtual I/O Device 1.2, "Virtio Over PCI Bus").
 *
 * It has the legacy registers in ports and the modern ones in memory; a driver chooses. The
 * ids say which drivers look at it: as NET_LEGACY_ID it is a transitional device, which old
 * drivers know; some new ones only take NET_MODERN_ID, which has no ports.
 */
#ifndef KEVCTL_VIRTIO_PCI_H
#define KEVCTL_VIRTIO_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "../machine/machine.h"
#include "msix.h"
#include "virtio_net.h"

#define NET_LEGACY_ID	0x1000
#define NET_MODERN_ID	0x1041

#define NET_IRQ		11

/* Where its registers are, for good */
#define NET_PORTS	0xc000
#define NET_PORTS_SIZE	0x40
#define NET_MEMORY	0xfeb00000ULL
#define NET_MEMORY_SIZE	0x1000ULL

/* The modern registers, from NET_MEMORY on */
#define NET_COMMON	0x000
#define NET_COMMON_SIZE	56
#define NET_ISR		0x040
#define NET_DEVICE	0x080
#define NET_DEVICE_SIZE	0x40	/* some drivers insist on fields that come with other features */
#define NET_NOTIFY	0x100
#define NET_NOTIFY_STEP	4
#define NET_MSIX_TABLE	0x800
#define NET_MSIX_PENDING	0xc00

/**
 * struct virtio_pci - the card
 * @net: what it does
 * @board: machine
 * @msix: its messages
 * @config: PCI configuration
 * @writable: bits of it that a guest can write
 * @isr: why it interrupts: bit 0 a queue, bit 1 the configuration
 * @line: the interrupt line is up
 * @vectors: messages of the queues and, last, of the configuration
 * @queue: queue that the registers show
 * @offered_half: which half of the offered features the modern registers show
 * @accepted_half: the same of the accepted ones
 * @generation: changes with the configuration
 * @function: as the bus sees it
 * @modern_function: as it sees it in the slot of virtio_pci_add_modern()
 */
struct virtio_pci {
	struct virtio_net net;
	struct board *board;
	struct msix msix;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	uint8_t isr;
	bool line;
	uint16_t vectors[NET_QUEUES + 1];
	uint16_t queue;
	uint32_t offered_half, accepted_half;
	uint8_t generation;
	struct pci_function function;
	struct pci_function modern_function;
};

/**
 * virtio_pci_init() - plug a card into a machine
 * @card: zeroed but for net.memory, .mac, .owner, .send, .listen and .link
 * @machine: machine with interrupt controllers
 * @slot: where
 * @id: NET_LEGACY_ID or NET_MODERN_ID
 */
void virtio_pci_init(struct virtio_pci *card, struct machine *machine, unsigned int slot,
		     uint16_t id);

/*
 * Let the card appear in another slot, too, with NET_MODERN_ID: for guests whose kernels have
 * drivers of one kind or the other. There is one card still: the last driver has it.
 */
void virtio_pci_add_modern(struct virtio_pci *card, struct machine *machine, unsigned int slot);

/* The cable is plugged in or pulled. */
void virtio_pci_set_link(struct virtio_pci *card, bool up);

/*
 * What the registers share, below. The status of the device is written, and reading the
 * cause of the interrupt takes it away.
 */
void virtio_pci_set_status(struct virtio_pci *card, uint8_t status);
uint8_t virtio_pci_take_isr(struct virtio_pci *card);

/* The queue that the registers show, or NULL */
struct virtqueue *virtio_pci_queue(struct virtio_pci *card);

/* A vector as the driver has written it: one that is not there becomes MSIX_NO_VECTOR. */
uint16_t virtio_pci_vector(uint16_t value);

/* The registers: virtio_legacy.c and virtio_modern.c */
uint32_t virtio_legacy_read(void *device, uint16_t port, unsigned int width);
void virtio_legacy_write(void *device, uint16_t port, unsigned int width, uint32_t value);
uint32_t virtio_modern_read(struct virtio_pci *card, unsigned int offset, unsigned int width);
void virtio_modern_write(struct virtio_pci *card, unsigned int offset, unsigned int width,
			 uint32_t value);

/* Can a driver reach the ports? */
bool virtio_pci_has_ports(const struct virtio_pci *card);

#endif /* KEVCTL_VIRTIO_PCI_H */
