/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver for the virtio network card of kevctl, by both of its interfaces. Without locks:
 * one vCPU, interrupts off but in virtio_wait().
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include "guest.h"

#define FRAME_MAX	1514
#define MAC_LENGTH	6

/* What stands before a frame */
struct virtio_header {
	u8 flags, gso_type;
	u16 header_length, gso_size;
	u16 csum_start, csum_offset;
	u16 buffers;
} __packed;

#define VIRTIO_NEEDS_CSUM	1

struct virtio_card {
	bool modern;	/* registers in memory, MSI-X, mergeable buffers, checksums by the host */
	u8 mac[MAC_LENGTH];
	bool link;
	u64 features;
};

extern struct virtio_card card;

/* Find the card and start it; 0, or the number of the step that went wrong. */
int virtio_start(bool modern);

/* Ends the VM if the card is not as it ought to be. The next frame and its header, or 0 */
u32 virtio_receive(struct virtio_header *header, u8 *frame);

/* Send a frame of @length bytes; false: there is no room. */
bool virtio_send(const struct virtio_header *header, const u8 *frame, u32 length);

/* Sleep until the card or the timer interrupts, unless there is something to do already. */
void virtio_wait(void);

/* Let virtio_wait() return at @deadline, 0: never. */
void virtio_alarm(u64 deadline);

#endif /* GUEST_VIRTIO_H */
