/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Split virtqueues, the device's side (Virtual I/O Device 1.2, "Split Virtqueues").
 *
 * All of a queue's memory is the guest's, which may write anything there at any time.
 * What is wrong breaks the queue: nothing more is taken from it until it is reset.
 */
#ifndef KEVCTL_VIRTQUEUE_H
#define KEVCTL_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../guest_memory.h"

#define VQ_SIZE		256	/* descriptors of the largest queue */

/**
 * struct virtqueue - one queue
 * @memory: guest-physical memory
 * @size: descriptors, a power of two up to VQ_SIZE
 * @enabled: the addresses below count
 * @descriptors: guest-physical address of the descriptor table
 * @available: of the ring that the driver fills
 * @used: of the ring that the device fills
 * @event_idx: both sides say by index when they want to be told (VIRTIO_F_EVENT_IDX)
 * @indirect: descriptors may lie in tables of their own (VIRTIO_F_INDIRECT_DESC)
 * @next_available: index of the entry that is taken next
 * @seen_available: index behind the last entry that is known to be there
 * @next_used: index of the entry that is given back next
 * @told_used: @next_used when the driver was last asked whether it wants to be told
 * @quiet: without @event_idx: the driver is asked not to tell of buffers
 * @broken: what was wrong, or NULL
 */
struct virtqueue {
	const struct guest_view *memory;
	uint16_t size;
	bool enabled;
	uint64_t descriptors, available, used;
	bool event_idx, indirect;
	uint16_t next_available, seen_available;
	uint16_t next_used, told_used;
	bool quiet;
	const char *broken;
};

struct vq_segment {
	uint64_t address;
	uint32_t length;
};

/**
 * struct vq_chain - a buffer of the guest's
 * @head: its first descriptor: the name that it is given back by
 * @nr_out: segments that the device reads, the first ones
 * @nr_in: segments that it writes, behind them
 * @out_length: bytes to be read
 * @in_length: bytes to be written at most
 * @segments: all of them
 */
struct vq_chain {
	uint16_t head;
	unsigned int nr_out, nr_in;
	uint64_t out_length, in_length;
	struct vq_segment segments[VQ_SIZE];
};

/* Forget everything but @memory; the queue has its greatest size and is not enabled. */
void vq_reset(struct virtqueue *vq);

/* Put the rings of a legacy queue at the page @pfn; 0: it is not enabled. */
void vq_place_legacy(struct virtqueue *vq, uint32_t pfn);

/**
 * vq_pop() - take the next buffer
 * @vq: queue
 * @chain: out
 *
 * Return: whether there was one that is well-formed.
 */
bool vq_pop(struct virtqueue *vq, struct vq_chain *chain);

/* Put the last @count buffers back, none of which has been given back to the driver. */
void vq_unpop(struct virtqueue *vq, uint16_t count);

/* Copy @length bytes out of a buffer, from its byte @offset on; false breaks the queue. */
bool vq_read(struct virtqueue *vq, const struct vq_chain *chain, uint64_t offset, void *bytes,
	     size_t length);

/* Copy bytes into a buffer. */
bool vq_write(struct virtqueue *vq, const struct vq_chain *chain, uint64_t offset,
	      const void *bytes, size_t length);

/**
 * vq_fill() - write down that a buffer is given back
 * @vq: queue
 * @offset: how many others were written down since vq_publish()
 * @head: its name
 * @length: bytes that the device has written to it
 *
 * Return: false breaks the queue.
 */
bool vq_fill(struct virtqueue *vq, uint16_t offset, uint16_t head, uint32_t length);

/* Give @count buffers back that have been written down. */
bool vq_publish(struct virtqueue *vq, uint16_t count);

/* Does the driver want an interrupt for what was published since the last call? */
bool vq_wants_interrupt(struct virtqueue *vq);

/**
 * vq_listen() - ask the driver to tell of the next buffer
 * @vq: queue; vq_pop() has just found no more
 *
 * Return: whether there is one already.
 */
bool vq_listen(struct virtqueue *vq);

/* Undoes vq_listen(): the driver need not tell of buffers. */
bool vq_hush(struct virtqueue *vq);

#endif /* KEVCTL_VIRTQUEUE_H */
