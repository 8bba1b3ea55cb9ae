// SPDX-License-Identifier: GPL-2.0
/* The legacy registers of the card, in ports ("Legacy Interfaces", Virtio Over PCI Bus). */
#include "../kevctl.h"
#include "virtio_pci.h"

/* Registers, from NET_PORTS on */
#define OFFERED		0x00	/* 32 bits */
#define ACCEPTED	0x04
#define QUEUE_PFN	0x08
#define QUEUE_SIZE	0x0c	/* 16 bits */
#define QUEUE_SELECT	0x0e
#define NOTIFY		0x10
#define STATUS		0x12	/* 8 bits */
#define ISR		0x13
#define CONFIG_VECTOR	0x14	/* 16 bits, with MSI-X; the configuration stands behind them */
#define QUEUE_VECTOR	0x16
#define VECTORS_END	0x18

static uint32_t queue_pfn(const struct virtqueue *vq)
{
	return vq && vq->enabled ? vq->descriptors >> 12 : 0;
}

static uint32_t read_config(const struct virtio_pci *card, unsigned int offset, unsigned int width)
{
	uint8_t config[NET_CONFIG_SIZE];
	uint32_t value = 0;

	virtio_net_config(&card->net, config);
	for (unsigned int i = 0; i < width; i++)
		if (offset + i < NET_CONFIG_SIZE)
			value |= (uint32_t)config[offset + i] << 8 * i;
	return value;
}

static uint32_t read_vector(struct virtio_pci *card, unsigned int offset)
{
	if (offset == CONFIG_VECTOR)
		return card->vectors[NET_CONFIG];
	return card->queue < NET_QUEUES ? card->vectors[card->queue] : MSIX_NO_VECTOR;
}

uint32_t virtio_legacy_read(void *device, uint16_t port, unsigned int width)
{
	struct virtio_pci *card = device;
	const struct virtqueue *vq = virtio_pci_queue(card);
	unsigned int offset = port - NET_PORTS;

	if (!virtio_pci_has_ports(card))
		return UINT32_MAX;
	switch (offset) {
	case OFFERED:
		return NET_LEGACY_FEATURES;
	case ACCEPTED:
		return card->net.accepted;
	case QUEUE_PFN:
		return queue_pfn(vq);
	case QUEUE_SIZE:
		return vq ? vq->size : 0;
	case QUEUE_SELECT:
		return card->queue;
	case STATUS:
		return card->net.status;
	case ISR:
		return virtio_pci_take_isr(card);
	}
	if (offset < CONFIG_VECTOR)
		return 0;
	if (!msix_enabled(&card->msix))
		return read_config(card, offset - CONFIG_VECTOR, width);
	if (offset >= VECTORS_END)
		return read_config(card, offset - VECTORS_END, width);
	return read_vector(card, offset);
}

static void write_vector(struct virtio_pci *card, unsigned int offset, uint16_t value)
{
	if (offset == CONFIG_VECTOR)
		card->vectors[NET_CONFIG] = virtio_pci_vector(value);
	else if (card->queue < NET_QUEUES)
		card->vectors[card->queue] = virtio_pci_vector(value);
}

/* A driver that knows only this interface has chosen it by its first feature. */
void virtio_legacy_write(void *device, uint16_t port, unsigned int width, uint32_t value)
{
	struct virtio_pci *card = device;
	struct virtqueue *vq = virtio_pci_queue(card);

	if (!virtio_pci_has_ports(card))
		return;
	switch (port - NET_PORTS) {
	case ACCEPTED:
		if (width == 4 && !(card->net.status & STATUS_DRIVER_OK))
			card->net.accepted = value & NET_LEGACY_FEATURES;
		break;
	case QUEUE_PFN:
		if (width == 4 && vq && !vq->broken)
			vq_place_legacy(vq, value);
		break;
	case QUEUE_SELECT:
		if (width >= 2)
			card->queue = value;
		break;
	case NOTIFY:
		if (width >= 2)
			virtio_net_notify(&card->net, value & UINT16_MAX);
		break;
	case STATUS:
		virtio_pci_set_status(card, value);
		break;
	case CONFIG_VECTOR:
	case QUEUE_VECTOR:
		if (msix_enabled(&card->msix) && width == 2)
			write_vector(card, port - NET_PORTS, value);
		break;
	}
}
