// SPDX-License-Identifier: GPL-2.0
/* A network card as Virtual I/O Device describes it. */
#include <string.h>

#include "../kevctl.h"
#include "checksum.h"
#include "virtio_net.h"

/* Bytes of the header in the guest's buffers */
#define HEADER_FULL	12
#define HEADER_SHORT	10	/* legacy, without mergeable buffers: it ends before buffers */

#define LINK_UP		1	/* of the configuration's status */

_Static_assert(sizeof(struct net_header) == HEADER_FULL, "the header has no gaps");
_Static_assert(offsetof(struct net_header, buffers) == HEADER_SHORT, "the short header");

static size_t header_size(const struct virtio_net *net)
{
	return net->modern || net->accepted & NET_F_MRG_RXBUF ? HEADER_FULL : HEADER_SHORT;
}

void virtio_net_reset(struct virtio_net *net)
{
	net->status = 0;
	net->accepted = 0;
	net->modern = false;
	net->unfinished = false;
	for (unsigned int i = 0; i < NET_QUEUES; i++) {
		net->queues[i].memory = &net->memory;
		vq_reset(&net->queues[i]);
	}
	/* Whoever waits for buffers waits in vain. */
	net->listen(net->owner);
}

bool virtio_net_active(const struct virtio_net *net)
{
	return net->status & STATUS_DRIVER_OK &&
	       !(net->status & (STATUS_NEEDS_RESET | STATUS_FAILED));
}

/* The guest's fault ends the card's work, until the guest resets it. */
static void check_broken(struct virtio_net *net)
{
	static const char *const names[] = { "receive queue", "transmit queue" };

	for (unsigned int i = 0; i < NET_QUEUES; i++) {
		const struct virtqueue *vq = &net->queues[i];

		if (!vq->broken || net->status & STATUS_NEEDS_RESET)
			continue;
		if (!net->told_broken)
			message("--net", "the guest's %s is broken: %s", names[i], vq->broken);
		net->told_broken = true;
		net->status |= STATUS_NEEDS_RESET;
		net->interrupt(net, NET_CONFIG);
		net->listen(net->owner);
	}
}

static void tell_used(struct virtio_net *net, unsigned int index)
{
	if (vq_wants_interrupt(&net->queues[index]))
		net->interrupt(net, index);
}

/* Only what the driver may ask for gets out: a checksum that is to be completed. */
static void clean_header(const struct virtio_net *net, struct net_header *header, size_t length)
{
	bool completes = net->accepted & NET_F_CSUM && header->flags & NET_NEEDS_CSUM &&
		(size_t)header->csum_start + header->csum_offset + sizeof(uint16_t) <= length;
	struct net_header clean = { };

	if (completes) {
		clean.flags = NET_NEEDS_CSUM;
		clean.csum_start = header->csum_start;
		clean.csum_offset = header->csum_offset;
	}
	*header = clean;
}

static void transmit(struct virtio_net *net, const struct vq_chain *chain)
{
	struct virtqueue *vq = &net->queues[NET_TX];
	struct net_counters *count = &net->counters[NET_TX];
	size_t skip = header_size(net);
	size_t length;

	if (chain->out_length < skip) {
		vq->broken = "a frame has no header";
		return;
	}
	length = chain->out_length - skip;
	if (length < NET_FRAME_MIN || length > NET_FRAME_MAX) {
		count->dropped++;
		return;
	}
	if (!vq_read(vq, chain, 0, &net->packet.header, skip) ||
	    !vq_read(vq, chain, skip, net->packet.frame, length))
		return;
	clean_header(net, &net->packet.header, length);
	if (!net->link ||
	    !net->send(net->owner, &net->packet, sizeof(net->packet.header) + length)) {
		count->dropped++;
		return;
	}
	count->packets++;
	count->bytes += length;
}

/*
 * At most as many as the queue holds: a guest that goes on filling it does not keep its vCPU
 * from being stopped.
 */
static void transmit_all(struct virtio_net *net)
{
	struct virtqueue *vq = &net->queues[NET_TX];
	unsigned int left = vq->size;
	struct vq_chain chain;

	do {
		while (left && vq_pop(vq, &chain)) {
			left--;
			transmit(net, &chain);
			if (vq->broken || !vq_fill(vq, 0, chain.head, 0) || !vq_publish(vq, 1))
				break;
		}
	} while (left && vq_listen(vq));
	tell_used(net, NET_TX);
	net->unfinished = !left;
	if (net->unfinished)
		net->listen(net->owner);
}

void virtio_net_notify(struct virtio_net *net, unsigned int index)
{
	if (!virtio_net_active(net))
		return;
	if (index == NET_TX)
		transmit_all(net);
	else if (index == NET_RX)
		net->listen(net->owner);
	check_broken(net);
}

void virtio_net_poll(struct virtio_net *net)
{
	if (!net->unfinished || !virtio_net_active(net))
		return;
	transmit_all(net);
	check_broken(net);
}

void virtio_net_set_status(struct virtio_net *net, uint8_t status)
{
	bool was_active = virtio_net_active(net);

	if (!status) {
		virtio_net_reset(net);
		return;
	}
	/* A driver cannot take back that the card needs a reset. */
	net->status = status | (net->status & STATUS_NEEDS_RESET);
	if (was_active || !virtio_net_active(net))
		return;
	for (unsigned int i = 0; i < NET_QUEUES; i++) {
		net->queues[i].event_idx = net->accepted & VIRTIO_F_EVENT_IDX;
		net->queues[i].indirect = net->accepted & VIRTIO_F_INDIRECT_DESC;
	}
	/* Drivers may have filled both queues before. */
	transmit_all(net);
	net->listen(net->owner);
	check_broken(net);
}

/* The guest sees no header that it has not asked for. */
static void prepare(const struct virtio_net *net, struct net_packet *packet, size_t length)
{
	struct net_header *header = &packet->header;
	struct net_header clean = { .buffers = 1 };

	if (header->flags & NET_NEEDS_CSUM && net->accepted & NET_F_GUEST_CSUM) {
		clean.flags = NET_NEEDS_CSUM;
		clean.csum_start = header->csum_start;
		clean.csum_offset = header->csum_offset;
	} else if (header->flags & NET_NEEDS_CSUM) {
		checksum_complete(packet->frame, length, header->csum_start,
				  header->csum_offset);
	}
	*header = clean;
}

/* The bytes of @packet from @done on go into one buffer; how many, or -1. */
static ssize_t scatter(struct virtqueue *vq, const struct vq_chain *chain, size_t header,
		       const struct net_packet *packet, size_t done, size_t length)
{
	size_t part = length - done;
	size_t head = done ? 0 : header;

	if (part > chain->in_length)
		part = chain->in_length;
	if (head > part)
		head = part;
	if (head && !vq_write(vq, chain, 0, &packet->header, head))
		return -1;
	if (!vq_write(vq, chain, head, packet->frame + done + head - header, part - head))
		return -1;
	return part;
}

/* Takes buffers until @length bytes, header included, are in them. */
static enum net_verdict fill_buffers(struct virtio_net *net, const struct net_packet *packet,
				     size_t length, uint16_t *count)
{
	struct virtqueue *vq = &net->queues[NET_RX];
	size_t header = header_size(net), done = 0;
	struct vq_chain first, more, *chain = &first;
	ssize_t part;

	for (*count = 0; done < length; done += part, chain = &more) {
		if (!vq_pop(vq, chain))
			return NET_WAIT;
		++*count;
		if (chain->in_length < (done ? 1 : header)) {
			vq->broken = "a buffer has no room for a header";
			return NET_WAIT;
		}
		/* Only mergeable buffers can share a frame. */
		if (length - done > chain->in_length && !(net->accepted & NET_F_MRG_RXBUF))
			return NET_DROPPED;
		part = scatter(vq, chain, header, packet, done, length);
		if (part < 0 || !vq_fill(vq, *count - 1, chain->head, part))
			return NET_WAIT;
	}
	if (*count > 1 && !vq_write(vq, &first, offsetof(struct net_header, buffers), count,
				    sizeof(*count)))
		return NET_WAIT;
	return NET_TAKEN;
}

enum net_verdict virtio_net_receive(struct virtio_net *net, struct net_packet *packet,
				    size_t length)
{
	struct virtqueue *vq = &net->queues[NET_RX];
	struct net_counters *counters = &net->counters[NET_RX];
	enum net_verdict verdict;
	uint16_t count;

	if (!virtio_net_active(net) || !vq->enabled ||
	    length < sizeof(packet->header) + NET_FRAME_MIN) {
		counters->dropped++;
		return NET_DROPPED;
	}
	length -= sizeof(packet->header);
	prepare(net, packet, length);
	do {
		verdict = fill_buffers(net, packet, header_size(net) + length, &count);
		if (verdict != NET_TAKEN)
			vq_unpop(vq, count);
		/* More buffers may have come just before the driver was asked to tell. */
	} while (verdict == NET_WAIT && vq_listen(vq));
	if (verdict == NET_TAKEN && vq_publish(vq, count) && vq_hush(vq)) {
		counters->packets++;
		counters->bytes += length;
		tell_used(net, NET_RX);
	}
	check_broken(net);
	if (vq->broken || verdict == NET_DROPPED) {
		counters->dropped++;
		return NET_DROPPED;
	}
	return verdict;
}

void virtio_net_set_link(struct virtio_net *net, bool up)
{
	if (net->link == up)
		return;
	net->link = up;
	if (virtio_net_active(net) && net->accepted & NET_F_STATUS)
		net->interrupt(net, NET_CONFIG);
}

void virtio_net_config(const struct virtio_net *net, uint8_t config[NET_CONFIG_SIZE])
{
	memcpy(config, net->mac, NET_MAC_LENGTH);
	config[NET_MAC_LENGTH] = net->link ? LINK_UP : 0;
	config[NET_MAC_LENGTH + 1] = 0;
}
