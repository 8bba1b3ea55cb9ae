// SPDX-License-Identifier: GPL-2.0
/* The modern registers of the card, in memory ("PCI Device Layout"). */
#include <string.h>

#include "virtio_pci.h"

/* Common configuration, from NET_COMMON on */
#define OFFERED_HALF	0x00
#define OFFERED		0x04
#define ACCEPTED_HALF	0x08
#define ACCEPTED	0x0c
#define CONFIG_VECTOR	0x10
#define NR_QUEUES	0x12
#define STATUS		0x14
#define GENERATION	0x15
#define QUEUE_SELECT	0x16
#define QUEUE_SIZE	0x18
#define QUEUE_VECTOR	0x1a
#define QUEUE_ENABLE	0x1c
#define QUEUE_NOTIFY	0x1e
#define QUEUE_DESC	0x20
#define QUEUE_DRIVER	0x28
#define QUEUE_DEVICE	0x30

/* A queue's parts are aligned so ("Virtqueues"). */
#define ALIGN_DESC	16
#define ALIGN_DRIVER	2
#define ALIGN_DEVICE	4

static uint32_t half(uint64_t features, uint32_t which)
{
	return which < 2 ? features >> 32 * which : 0;
}

static void put(uint8_t *image, unsigned int offset, uint64_t value, unsigned int width)
{
	memcpy(image + offset, &value, width);
}

static void fill_common(struct virtio_pci *card, uint8_t image[NET_COMMON_SIZE])
{
	const struct virtqueue *vq = virtio_pci_queue(card);

	memset(image, 0, NET_COMMON_SIZE);
	put(image, OFFERED_HALF, card->offered_half, 4);
	put(image, OFFERED, half(NET_MODERN_FEATURES, card->offered_half), 4);
	put(image, ACCEPTED_HALF, card->accepted_half, 4);
	put(image, ACCEPTED, half(card->net.accepted, card->accepted_half), 4);
	put(image, CONFIG_VECTOR, card->vectors[NET_CONFIG], 2);
	put(image, NR_QUEUES, NET_QUEUES, 2);
	put(image, STATUS, card->net.status, 1);
	put(image, GENERATION, card->generation, 1);
	put(image, QUEUE_SELECT, card->queue, 2);
	put(image, QUEUE_VECTOR, MSIX_NO_VECTOR, 2);
	if (!vq)
		return;
	put(image, QUEUE_SIZE, vq->size, 2);
	put(image, QUEUE_VECTOR, card->vectors[card->queue], 2);
	put(image, QUEUE_ENABLE, vq->enabled, 2);
	put(image, QUEUE_NOTIFY, card->queue, 2);
	put(image, QUEUE_DESC, vq->descriptors, 8);
	put(image, QUEUE_DRIVER, vq->available, 8);
	put(image, QUEUE_DEVICE, vq->used, 8);
}

static uint32_t read_image(const uint8_t *image, size_t size, unsigned int offset,
			   unsigned int width)
{
	uint32_t value = 0;

	if (offset < size)
		memcpy(&value, image + offset, width < size - offset ? width : size - offset);
	return value;
}

uint32_t virtio_modern_read(struct virtio_pci *card, unsigned int offset, unsigned int width)
{
	uint8_t image[NET_COMMON_SIZE];

	if (offset < NET_COMMON + NET_COMMON_SIZE) {
		fill_common(card, image);
		return read_image(image, NET_COMMON_SIZE, offset - NET_COMMON, width);
	}
	if (offset == NET_ISR)
		return virtio_pci_take_isr(card);
	if (offset >= NET_DEVICE && offset < NET_DEVICE + NET_CONFIG_SIZE) {
		virtio_net_config(&card->net, image);
		return read_image(image, NET_CONFIG_SIZE, offset - NET_DEVICE, width);
	}
	if (width == 4 && offset == NET_MSIX_PENDING)
		return card->msix.pending;
	if (width == 4 && offset >= NET_MSIX_TABLE)
		return msix_read(&card->msix, offset - NET_MSIX_TABLE);
	return 0;
}

static void set_status(struct virtio_pci *card, uint8_t status)
{
	struct virtio_net *net = &card->net;

	if (status)
		net->modern = true;
	/* Features that do not go together are not confirmed. */
	if (status & STATUS_FEATURES_OK && !(net->status & STATUS_FEATURES_OK) &&
	    (net->accepted & ~NET_MODERN_FEATURES || !(net->accepted & VIRTIO_F_VERSION_1)))
		status &= ~STATUS_FEATURES_OK;
	virtio_pci_set_status(card, status);
}

static void set_accepted(struct virtio_pci *card, uint32_t value)
{
	unsigned int shift = 32 * card->accepted_half;

	if (card->accepted_half > 1 || card->net.status & STATUS_FEATURES_OK)
		return;
	card->net.accepted &= ~((uint64_t)UINT32_MAX << shift);
	card->net.accepted |= (uint64_t)value << shift;
}

static void set_size(struct virtqueue *vq, uint32_t size)
{
	if (!vq->enabled && size && size <= VQ_SIZE && !(size & (size - 1)))
		vq->size = size;
}

static void enable(struct virtqueue *vq, uint32_t value)
{
	if (value != 1)
		return;
	vq->enabled = true;
	if (vq->descriptors % ALIGN_DESC || vq->available % ALIGN_DRIVER ||
	    vq->used % ALIGN_DEVICE)
		vq->broken = "its parts are not aligned";
}

/* One half of an address; it is fixed once the queue is enabled. */
static void set_address(struct virtqueue *vq, uint64_t *address, bool high, uint32_t value)
{
	if (vq->enabled)
		return;
	if (high)
		*address = (uint32_t)*address | (uint64_t)value << 32;
	else
		*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void write_queue(struct virtio_pci *card, struct virtqueue *vq, unsigned int offset,
			unsigned int width, uint32_t value)
{
	uint64_t *const addresses[] = { &vq->descriptors, &vq->available, &vq->used };

	if (width == 4 && offset >= QUEUE_DESC) {
		set_address(vq, addresses[(offset - QUEUE_DESC) / 8], offset % 8, value);
		return;
	}
	if (width != 2)
		return;
	if (offset == QUEUE_SIZE)
		set_size(vq, value);
	else if (offset == QUEUE_VECTOR)
		card->vectors[card->queue] = virtio_pci_vector(value);
	else if (offset == QUEUE_ENABLE)
		enable(vq, value);
}

static void write_common(struct virtio_pci *card, unsigned int offset, unsigned int width,
			 uint32_t value)
{
	struct virtqueue *vq = virtio_pci_queue(card);

	if (offset == OFFERED_HALF && width == 4)
		card->offered_half = value;
	else if (offset == ACCEPTED_HALF && width == 4)
		card->accepted_half = value;
	else if (offset == ACCEPTED && width == 4)
		set_accepted(card, value);
	else if (offset == CONFIG_VECTOR && width == 2)
		card->vectors[NET_CONFIG] = virtio_pci_vector(value);
	else if (offset == STATUS && width == 1)
		set_status(card, value);
	else if (offset == QUEUE_SELECT && width == 2)
		card->queue = value;
	else if (vq)
		write_queue(card, vq, offset, width, value);
}

void virtio_modern_write(struct virtio_pci *card, unsigned int offset, unsigned int width,
			 uint32_t value)
{
	if (offset < NET_COMMON + NET_COMMON_SIZE)
		write_common(card, offset - NET_COMMON, width, value);
	else if (offset >= NET_NOTIFY && offset < NET_NOTIFY + NET_QUEUES * NET_NOTIFY_STEP &&
		 offset % NET_NOTIFY_STEP == 0)
		virtio_net_notify(&card->net, (offset - NET_NOTIFY) / NET_NOTIFY_STEP);
	else if (width == 4 && offset >= NET_MSIX_TABLE && offset < NET_MSIX_PENDING)
		msix_write(&card->msix, offset - NET_MSIX_TABLE, value);
}
