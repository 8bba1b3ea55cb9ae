/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network card as Virtual I/O Device 1.2 describes it ("Network Device"): features,
 * queues and frames. How a driver finds it and talks to it is virtio_pci.h's matter.
 */
#ifndef KEVCTL_VIRTIO_NET_H
#define KEVCTL_VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virtqueue.h"

/* Feature bits */
#define NET_F_CSUM		(1ULL << 0)
#define NET_F_GUEST_CSUM	(1ULL << 1)
#define NET_F_MAC		(1ULL << 5)
#define NET_F_MRG_RXBUF		(1ULL << 15)
#define NET_F_STATUS		(1ULL << 16)
#define VIRTIO_F_ANY_LAYOUT	(1ULL << 27)
#define VIRTIO_F_INDIRECT_DESC	(1ULL << 28)
#define VIRTIO_F_EVENT_IDX	(1ULL << 29)
#define VIRTIO_F_VERSION_1	(1ULL << 32)

#define NET_FEATURES	(NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MAC | NET_F_MRG_RXBUF | \
			 NET_F_STATUS | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)
/* What only the legacy interface offers, and what only the modern one does */
#define NET_LEGACY_FEATURES	(NET_FEATURES | VIRTIO_F_ANY_LAYOUT)
#define NET_MODERN_FEATURES	(NET_FEATURES | VIRTIO_F_VERSION_1)

/* Device status */
#define STATUS_ACKNOWLEDGE	0x01
#define STATUS_DRIVER		0x02
#define STATUS_DRIVER_OK	0x04
#define STATUS_FEATURES_OK	0x08
#define STATUS_NEEDS_RESET	0x40
#define STATUS_FAILED		0x80

enum { NET_RX, NET_TX, NET_QUEUES };

/* What interrupts beside the queues: a change of the configuration */
#define NET_CONFIG	NET_QUEUES

#define NET_MAC_LENGTH	6

/*
 * What stands before each frame outside of the guest, as TAP devices have it with
 * IFF_VNET_HDR and 12 bytes. Little-endian.
 */
struct net_header {
	uint8_t flags, gso_type;
	uint16_t header_length, gso_size;
	uint16_t csum_start, csum_offset;
	uint16_t buffers;
};

#define NET_NEEDS_CSUM	1	/* net_header.flags */

#define NET_FRAME_MIN	14
#define NET_FRAME_MAX	65550	/* Ethernet's header and the largest IP packet */

struct net_packet {
	struct net_header header;
	uint8_t frame[NET_FRAME_MAX];
};

struct net_counters {
	uint64_t packets, bytes, dropped;
};

/**
 * struct virtio_net - a network card
 * @memory: the guest's, by guest-physical addresses
 * @mac: address
 * @owner: first argument of the next three
 * @send: a frame leaves; @length: bytes of @packet, which may be changed; false: it is
 *	lost
 * @listen: virtio_net_poll() has something to do: buffers for frames have come, or the
 *	driver is no longer interested in any, or it sends more than was taken at once
 * @interrupt: tell the driver of queue @source, or NET_CONFIG
 * @link: the cable is plugged in
 * @modern: the driver speaks to the modern interface
 * @status: device status
 * @accepted: features that the driver has chosen
 * @queues: receive and transmit
 * @counters: frames to the guest and from it
 * @unfinished: the driver has put more into the transmit queue than was taken at once
 * @told_broken: the user knows that a queue is broken
 * @packet: frame on its way out
 *
 * Without locks: whoever calls sees to it that nobody else does.
 */
struct virtio_net {
	struct guest_view memory;
	uint8_t mac[NET_MAC_LENGTH];
	void *owner;
	bool (*send)(void *owner, struct net_packet *packet, size_t length);
	void (*listen)(void *owner);
	void (*interrupt)(struct virtio_net *net, unsigned int source);
	bool link;
	bool modern;
	uint8_t status;
	uint64_t accepted;
	struct virtqueue queues[NET_QUEUES];
	struct net_counters counters[NET_QUEUES];
	bool unfinished;
	bool told_broken;
	struct net_packet packet;
};

/* virtio_net_config() gives so many bytes. */
#define NET_CONFIG_SIZE	8

enum net_verdict {
	NET_TAKEN,	/* the guest has the frame */
	NET_DROPPED,	/* nobody wants it */
	NET_WAIT,	/* there is no room now: net.listen() is called when there is */
};

void virtio_net_reset(struct virtio_net *net);

/* The driver has written the status; 0 resets the card. */
void virtio_net_set_status(struct virtio_net *net, uint8_t status);

/* The driver has put something into queue @index; any number may come. */
void virtio_net_notify(struct virtio_net *net, unsigned int index);

/* Go on with what was put off. */
void virtio_net_poll(struct virtio_net *net);

/**
 * virtio_net_receive() - give the guest a frame
 * @net: card
 * @packet: frame; a checksum may be completed in it
 * @length: its bytes, with the header
 */
enum net_verdict virtio_net_receive(struct virtio_net *net, struct net_packet *packet,
				    size_t length);

/* The cable is plugged in or pulled. */
void virtio_net_set_link(struct virtio_net *net, bool up);

/* Device configuration: MAC and link status */
void virtio_net_config(const struct virtio_net *net, uint8_t config[NET_CONFIG_SIZE]);

/* Is there a driver that waits for frames? */
bool virtio_net_active(const struct virtio_net *net);

#endif /* KEVCTL_VIRTIO_NET_H */
