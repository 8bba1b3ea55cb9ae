/* SPDX-License-Identifier: GPL-2.0 */
/* Where the frames of a network card go, and where they come from. */
#ifndef KEVCTL_WIRE_H
#define KEVCTL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct net_packet;
struct wire;

/**
 * struct wire_ops - what a kind of wire does
 * @send: a frame leaves, @length bytes with its header; false: it is lost
 * @receive: the next frame; its bytes with the header, 0: none now, or a negative errno:
 *	the far end has gone
 * @look: bring wire.up up to date; NULL where it does not change
 * @close: give the wire up
 *
 * A checksum that the guest has left open may be completed in the packet itself. None of
 * them waits.
 */
struct wire_ops {
	bool (*send)(struct wire *wire, struct net_packet *packet, size_t length);
	ssize_t (*receive)(struct wire *wire, struct net_packet *packet);
	void (*look)(struct wire *wire);
	void (*close)(struct wire *wire);
};

/**
 * struct wire - a wire; part of what its kind needs
 * @ops: its kind
 * @fd: readable when frames have come, or the far end has gone
 * @link: readable when @up may have changed, or -1
 * @up: the far end is there, and takes frames
 */
struct wire {
	const struct wire_ops *ops;
	int fd;
	int link;
	bool up;
};

#endif /* KEVCTL_WIRE_H */
