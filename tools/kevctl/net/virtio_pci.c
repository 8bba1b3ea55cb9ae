// SPDX-License-Identifier: GPL-2.0
/* A virtio network card on the PCI bus: configuration and interrupts. */
#include <string.h>

#include "../kevctl.h"
#include "virtio_pci.h"

#define VENDOR		0x1af4

/* Offsets in the PCI configuration */
#define PCI_VENDOR	0x00
#define PCI_DEVICE	0x02
#define PCI_COMMAND	0x04
#define PCI_STATUS	0x06
#define PCI_REVISION	0x08
#define PCI_CLASS	0x0a
#define PCI_BAR0	0x10
#define PCI_BAR4	0x20
#define PCI_SUBVENDOR	0x2c
#define PCI_SUBDEVICE	0x2e
#define PCI_CAPS	0x34
#define PCI_LINE	0x3c
#define PCI_PIN		0x3d

#define COMMAND_IO	0x0001
#define COMMAND_MEMORY	0x0002
#define COMMAND_MASTER	0x0004
#define COMMAND_NO_INTX	0x0400

#define STATUS_INTX	0x08	/* low byte of the status */
#define STATUS_CAPS	0x10

#define CLASS_ETHERNET	0x0200
#define PIN_A		1

#define BAR_IO		0x1
#define BAR_64		0x4
#define BAR_PREFETCH	0x8

/* Capabilities, one behind the other */
#define CAP_MSIX	0x40
#define CAP_FIRST	0x50	/* of virtio */
#define CAP_STEP	0x14

#define CAP_ID_VENDOR	0x09
#define CAP_ID_MSIX	0x11

/* Kinds of virtio's capabilities */
enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE };

#define BAR_OF_MEMORY	4
#define ISR_QUEUE	1
#define ISR_CONFIG	2

static void put(struct virtio_pci *card, unsigned int offset, uint32_t value, unsigned int width)
{
	memcpy(card->config + offset, &value, width);
}

static uint32_t get(const struct virtio_pci *card, unsigned int offset, unsigned int width)
{
	uint32_t value = 0;

	memcpy(&value, card->config + offset, width);
	return value;
}

static void allow(struct virtio_pci *card, unsigned int offset, uint32_t mask, unsigned int width)
{
	memcpy(card->writable + offset, &mask, width);
}

static void add_msix(struct virtio_pci *card)
{
	put(card, CAP_MSIX, CAP_ID_MSIX, 1);
	put(card, CAP_MSIX + 1, CAP_FIRST, 1);
	put(card, CAP_MSIX + 2, MSIX_VECTORS - 1, 2);
	allow(card, CAP_MSIX + 2, MSIX_ENABLE | MSIX_MASK_ALL, 2);
	put(card, CAP_MSIX + 4, NET_MSIX_TABLE | BAR_OF_MEMORY, 4);
	put(card, CAP_MSIX + 8, NET_MSIX_PENDING | BAR_OF_MEMORY, 4);
}

static void add_capabilities(struct virtio_pci *card)
{
	static const struct {
		uint8_t kind, length;
		uint32_t offset, size;
	} caps[] = {
		{ CFG_COMMON, 16, NET_COMMON, NET_COMMON_SIZE },
		{ CFG_ISR, 16, NET_ISR, 1 },
		{ CFG_DEVICE, 16, NET_DEVICE, NET_DEVICE_SIZE },
		{ CFG_NOTIFY, 20, NET_NOTIFY, NET_QUEUES * NET_NOTIFY_STEP },
	};

	add_msix(card);
	for (unsigned int i = 0; i < ARRAY_SIZE(caps); i++) {
		unsigned int at = CAP_FIRST + i * CAP_STEP;

		put(card, at, CAP_ID_VENDOR, 1);
		put(card, at + 1, i + 1 < ARRAY_SIZE(caps) ? at + CAP_STEP : 0, 1);
		put(card, at + 2, caps[i].length, 1);
		put(card, at + 3, caps[i].kind, 1);
		put(card, at + 4, BAR_OF_MEMORY, 1);
		put(card, at + 8, caps[i].offset, 4);
		put(card, at + 12, caps[i].size, 4);
		if (caps[i].kind == CFG_NOTIFY)
			put(card, at + 16, NET_NOTIFY_STEP, 4);
	}
	put(card, PCI_CAPS, CAP_MSIX, 1);
}

static void add_header(struct virtio_pci *card, uint16_t id)
{
	put(card, PCI_VENDOR, VENDOR, 2);
	put(card, PCI_DEVICE, id, 2);
	/* As firmware leaves it */
	put(card, PCI_COMMAND, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER, 2);
	allow(card, PCI_COMMAND,
	      COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX, 2);
	put(card, PCI_STATUS, STATUS_CAPS, 2);
	put(card, PCI_REVISION, id == NET_MODERN_ID, 1);
	put(card, PCI_CLASS, CLASS_ETHERNET, 2);
	if (id == NET_LEGACY_ID) {
		put(card, PCI_BAR0, NET_PORTS | BAR_IO, 4);
		allow(card, PCI_BAR0, (uint32_t)-NET_PORTS_SIZE, 4);
	}
	put(card, PCI_BAR4, NET_MEMORY | BAR_64 | BAR_PREFETCH, 4);
	allow(card, PCI_BAR4, (uint32_t)-NET_MEMORY_SIZE, 4);
	allow(card, PCI_BAR4 + 4, UINT32_MAX, 4);
	put(card, PCI_SUBVENDOR, VENDOR, 2);
	put(card, PCI_SUBDEVICE, 1, 2);		/* of a legacy device: a network card */
	put(card, PCI_LINE, NET_IRQ, 1);
	allow(card, PCI_LINE, UINT8_MAX, 1);
	put(card, PCI_PIN, PIN_A, 1);
}

/* The line follows the cause, unless messages take its place. */
static void update_line(struct virtio_pci *card)
{
	bool up = card->isr && !msix_enabled(&card->msix) &&
		  !(get(card, PCI_COMMAND, 2) & COMMAND_NO_INTX);

	if (up != card->line)
		card->board->line(card->board, NET_IRQ, up);
	card->line = up;
}

static uint32_t config_read(void *device, unsigned int offset, unsigned int width)
{
	const struct virtio_pci *card = device;
	uint32_t value = get(card, offset, width);

	if (offset <= PCI_STATUS && offset + width > PCI_STATUS && card->isr)
		value |= (uint32_t)STATUS_INTX << 8 * (PCI_STATUS - offset);
	return value;
}

static void config_write(void *device, unsigned int offset, unsigned int width, uint32_t value)
{
	struct virtio_pci *card = device;
	uint16_t control = get(card, CAP_MSIX + 2, 2);
	uint32_t mask = 0;

	memcpy(&mask, card->writable + offset, width);
	put(card, offset, (get(card, offset, width) & ~mask) | (value & mask), width);
	if (get(card, CAP_MSIX + 2, 2) != control)
		msix_set_control(&card->msix, get(card, CAP_MSIX + 2, 2));
	update_line(card);
}

bool virtio_pci_has_ports(const struct virtio_pci *card)
{
	return get(card, PCI_COMMAND, 2) & COMMAND_IO &&
	       get(card, PCI_BAR0, 4) == (NET_PORTS | BAR_IO);
}

/* Is the memory where it always is? Elsewhere it is out of reach. */
static bool has_memory(const struct virtio_pci *card)
{
	return get(card, PCI_COMMAND, 2) & COMMAND_MEMORY && !get(card, PCI_BAR4 + 4, 4) &&
	       (get(card, PCI_BAR4, 4) & (uint32_t)-NET_MEMORY_SIZE) == NET_MEMORY;
}

/* Registers are 32 bits wide at most: what is wider becomes two. */
static uint64_t memory_read(struct virtio_pci *card, unsigned int offset, unsigned int width)
{
	if (width <= sizeof(uint32_t))
		return virtio_modern_read(card, offset, width);
	return virtio_modern_read(card, offset, 4) |
	       (uint64_t)virtio_modern_read(card, offset + 4, 4) << 32;
}

static bool memory(void *device, struct kev_exit_mmio *mmio)
{
	struct virtio_pci *card = device;
	unsigned int offset = mmio->gpa - NET_MEMORY;
	unsigned int width = mmio->width;
	bool there;

	if (mmio->gpa < NET_MEMORY || mmio->gpa - NET_MEMORY >= NET_MEMORY_SIZE)
		return false;
	there = has_memory(card) && offset % width == 0;
	if (mmio->direction == KEV_MMIO_READ) {
		mmio->data = there ? memory_read(card, offset, width) : UINT64_MAX;
		return true;
	}
	if (!there)
		return true;
	virtio_modern_write(card, offset, width > 4 ? 4 : width, mmio->data);
	if (width > 4)
		virtio_modern_write(card, offset + 4, 4, mmio->data >> 32);
	return true;
}

static bool waits(const void *device)
{
	const struct virtio_pci *card = device;

	return virtio_net_active(&card->net);
}

static void interrupt(struct virtio_net *net, unsigned int source)
{
	struct virtio_pci *card = (void *)((char *)net - offsetof(struct virtio_pci, net));

	card->isr |= source == NET_CONFIG ? ISR_CONFIG : ISR_QUEUE;
	msix_send(&card->msix, card->vectors[source]);
	update_line(card);
}

uint8_t virtio_pci_take_isr(struct virtio_pci *card)
{
	uint8_t isr = card->isr;

	card->isr = 0;
	update_line(card);
	return isr;
}

static void reset(struct virtio_pci *card)
{
	card->isr = 0;
	card->queue = 0;
	card->offered_half = 0;
	card->accepted_half = 0;
	for (unsigned int i = 0; i <= NET_QUEUES; i++)
		card->vectors[i] = MSIX_NO_VECTOR;
	update_line(card);
}

void virtio_pci_set_status(struct virtio_pci *card, uint8_t status)
{
	virtio_net_set_status(&card->net, status);
	if (!status)
		reset(card);
}

struct virtqueue *virtio_pci_queue(struct virtio_pci *card)
{
	return card->queue < NET_QUEUES ? &card->net.queues[card->queue] : NULL;
}

uint16_t virtio_pci_vector(uint16_t value)
{
	return value < MSIX_VECTORS ? value : MSIX_NO_VECTOR;
}

void virtio_pci_set_link(struct virtio_pci *card, bool up)
{
	card->generation += card->net.link != up;
	virtio_net_set_link(&card->net, up);
}

static const struct sized_range ports = {
	.ports = { .first = NET_PORTS, .last = NET_PORTS + NET_PORTS_SIZE - 1, .width = 4 },
	.read = virtio_legacy_read,
	.write = virtio_legacy_write,
};

/* The same card once more, as a driver of modern ones only wants to see it */
static uint32_t modern_config_read(void *device, unsigned int offset, unsigned int width)
{
	static const struct {
		uint8_t offset, width;
		uint32_t value;
	} differences[] = {
		{ PCI_DEVICE, 2, NET_MODERN_ID }, { PCI_REVISION, 1, 1 }, { PCI_BAR0, 4, 0 },
	};
	uint32_t first = offset & ~3U;
	uint32_t value = config_read(device, first, 4);

	for (unsigned int i = 0; i < ARRAY_SIZE(differences); i++)
		if ((differences[i].offset & ~3U) == first)
			memcpy((char *)&value + differences[i].offset % 4, &differences[i].value,
			       differences[i].width);
	return value >> 8 * (offset - first) & UINT32_MAX >> (32 - 8 * width);
}

static void modern_config_write(void *device, unsigned int offset, unsigned int width,
				uint32_t value)
{
	if ((offset & ~3U) != PCI_BAR0)
		config_write(device, offset, width, value);
}

void virtio_pci_add_modern(struct virtio_pci *card, struct machine *machine, unsigned int slot)
{
	card->modern_function = card->function;
	card->modern_function.config_read = modern_config_read;
	card->modern_function.config_write = modern_config_write;
	machine_plug(machine, slot, &card->modern_function);
}

void virtio_pci_init(struct virtio_pci *card, struct machine *machine, unsigned int slot,
		     uint16_t id)
{
	card->board = &machine->board;
	card->net.interrupt = interrupt;
	card->function = (struct pci_function){
		.device = card,
		.config_read = config_read,
		.config_write = config_write,
		.memory = memory,
		.waits = waits,
	};
	msix_init(&card->msix, card->board);
	add_header(card, id);
	add_capabilities(card);
	virtio_net_reset(&card->net);
	reset(card);
	machine_plug(machine, slot, &card->function);
	if (id == NET_LEGACY_ID)
		bus_attach_sized(&machine->bus, &ports, card);
}
