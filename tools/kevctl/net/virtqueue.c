// SPDX-License-Identifier: GPL-2.0
/* Split virtqueues, the device's side. */
#include <string.h>

#include "virtqueue.h"

#define PAGE_SIZE	4096ULL

#define DESC_NEXT	1	/* flags of a descriptor */
#define DESC_WRITE	2
#define DESC_INDIRECT	4

#define AVAIL_NO_INTERRUPT	1	/* flags of the rings */
#define USED_NO_NOTIFY		1

#define RING_INDEX	2	/* offset of idx in both rings, behind flags */
#define RING_ENTRIES	4

struct vq_desc {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct vq_used_entry {
	uint32_t head;
	uint32_t length;
};

/* A table of descriptors: the queue's own, or one that a descriptor points to */
struct table {
	uint64_t address;
	uint32_t count;
};

void vq_reset(struct virtqueue *vq)
{
	*vq = (struct virtqueue){ .memory = vq->memory, .size = VQ_SIZE };
}

void vq_place_legacy(struct virtqueue *vq, uint32_t pfn)
{
	bool event_idx = vq->event_idx, indirect = vq->indirect;
	uint64_t ring;

	/* Its rings start anew. */
	vq_reset(vq);
	vq->event_idx = event_idx;
	vq->indirect = indirect;
	vq->enabled = pfn;
	vq->descriptors = pfn * PAGE_SIZE;
	vq->available = vq->descriptors + vq->size * sizeof(struct vq_desc);
	/* flags, idx, the entries and used_event */
	ring = RING_ENTRIES + (vq->size + 1ULL) * sizeof(uint16_t);
	vq->used = (vq->available + ring + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
}

static bool fail(struct virtqueue *vq, const char *why)
{
	if (!vq->broken)
		vq->broken = why;
	return false;
}

static bool get(struct virtqueue *vq, uint64_t address, void *bytes, size_t length)
{
	if (guest_read_all(vq->memory, address, bytes, length))
		return fail(vq, "it reaches outside of memory");
	return true;
}

static bool put(struct virtqueue *vq, uint64_t address, const void *bytes, size_t length)
{
	if (guest_write_all(vq->memory, address, bytes, length))
		return fail(vq, "it reaches outside of memory");
	return true;
}

static uint64_t used_event(const struct virtqueue *vq)
{
	return vq->available + RING_ENTRIES + vq->size * sizeof(uint16_t);
}

static uint64_t avail_event(const struct virtqueue *vq)
{
	return vq->used + RING_ENTRIES + vq->size * sizeof(struct vq_used_entry);
}

/* How far the driver has filled its ring */
static bool look(struct virtqueue *vq)
{
	if (!get(vq, vq->available + RING_INDEX, &vq->seen_available, sizeof(uint16_t)))
		return false;
	if ((uint16_t)(vq->seen_available - vq->next_available) > vq->size)
		return fail(vq, "more buffers are available than it holds");
	/* What the entries point to was written before the index. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return true;
}

static bool add_segment(struct virtqueue *vq, struct vq_chain *chain, const struct vq_desc *desc)
{
	unsigned int nr = chain->nr_out + chain->nr_in;

	if (nr == VQ_SIZE)
		return fail(vq, "a buffer has too many descriptors");
	if (!desc->length)
		return fail(vq, "a descriptor has no length");
	if (desc->address + desc->length < desc->address)
		return fail(vq, "a descriptor ends beyond all addresses");
	if (!(desc->flags & DESC_WRITE) && chain->nr_in)
		return fail(vq, "a descriptor to be read follows one to be written");
	if (desc->flags & DESC_WRITE) {
		chain->nr_in++;
		chain->in_length += desc->length;
	} else {
		chain->nr_out++;
		chain->out_length += desc->length;
	}
	chain->segments[nr] = (struct vq_segment){ desc->address, desc->length };
	return true;
}

/* The last descriptor of a buffer may point to a table that goes on with it. */
static bool enter_table(struct virtqueue *vq, const struct vq_desc *desc, struct table *table)
{
	if (!vq->indirect || table->address != vq->descriptors)
		return fail(vq, "a descriptor is indirect where none may be");
	if (desc->flags & DESC_NEXT)
		return fail(vq, "an indirect descriptor has a successor");
	if (!desc->length || desc->length % sizeof(*desc) ||
	    desc->length / sizeof(*desc) > VQ_SIZE)
		return fail(vq, "a table of descriptors has an odd length");
	if (desc->address + desc->length < desc->address)
		return fail(vq, "a table of descriptors ends beyond all addresses");
	table->address = desc->address;
	table->count = desc->length / sizeof(*desc);
	return true;
}

static bool collect(struct virtqueue *vq, struct vq_chain *chain)
{
	struct table table = { vq->descriptors, vq->size };
	uint32_t index = chain->head, steps = 0;
	bool inside = false;
	struct vq_desc desc;

	for (;;) {
		if (index >= table.count)
			return fail(vq, "a descriptor's number is out of range");
		if (steps++ == table.count)
			return fail(vq, "a chain of descriptors does not end");
		if (!get(vq, table.address + index * sizeof(desc), &desc, sizeof(desc)))
			return false;
		if (desc.flags & DESC_INDIRECT) {
			if (inside)
				return fail(vq, "a table of descriptors points to another one");
			if (!enter_table(vq, &desc, &table))
				return false;
			inside = true;
			index = 0;
			steps = 0;
			continue;
		}
		if (!add_segment(vq, chain, &desc))
			return false;
		if (!(desc.flags & DESC_NEXT))
			return true;
		index = desc.next;
	}
}

bool vq_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	uint64_t entry;

	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_length = 0;
	chain->in_length = 0;
	if (!vq->enabled || vq->broken)
		return false;
	/* A look at the ring only when what is known of it is used up */
	if (vq->next_available == vq->seen_available &&
	    (!look(vq) || vq->next_available == vq->seen_available))
		return false;
	entry = vq->available + RING_ENTRIES +
		(vq->next_available & (vq->size - 1)) * sizeof(uint16_t);
	if (!get(vq, entry, &chain->head, sizeof(chain->head)) || !collect(vq, chain))
		return false;
	vq->next_available++;
	return true;
}

void vq_unpop(struct virtqueue *vq, uint16_t count)
{
	vq->next_available -= count;
}

/* Applies @access to @length bytes from @offset on of @nr segments. */
static bool copy(struct virtqueue *vq, const struct vq_segment *segment, unsigned int nr,
		 uint64_t offset, uint8_t *bytes, size_t length,
		 bool (*access)(struct virtqueue *vq, uint64_t address, uint8_t *bytes,
				size_t length))
{
	size_t part;

	for (; nr && length; nr--, segment++) {
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		part = segment->length - offset;
		if (part > length)
			part = length;
		if (!access(vq, segment->address + offset, bytes, part))
			return false;
		offset = 0;
		bytes += part;
		length -= part;
	}
	return length ? fail(vq, "a buffer is too short") : true;
}

static bool access_read(struct virtqueue *vq, uint64_t address, uint8_t *bytes, size_t length)
{
	return get(vq, address, bytes, length);
}

static bool access_write(struct virtqueue *vq, uint64_t address, uint8_t *bytes, size_t length)
{
	return put(vq, address, bytes, length);
}

bool vq_read(struct virtqueue *vq, const struct vq_chain *chain, uint64_t offset, void *bytes,
	     size_t length)
{
	return copy(vq, chain->segments, chain->nr_out, offset, bytes, length, access_read);
}

bool vq_write(struct virtqueue *vq, const struct vq_chain *chain, uint64_t offset,
	      const void *bytes, size_t length)
{
	return copy(vq, chain->segments + chain->nr_out, chain->nr_in, offset, (uint8_t *)bytes,
		    length, access_write);
}

bool vq_fill(struct virtqueue *vq, uint16_t offset, uint16_t head, uint32_t length)
{
	const struct vq_used_entry entry = { head, length };
	uint16_t slot = (vq->next_used + offset) & (vq->size - 1);

	return put(vq, vq->used + RING_ENTRIES + slot * sizeof(entry), &entry, sizeof(entry));
}

bool vq_publish(struct virtqueue *vq, uint16_t count)
{
	uint16_t next = vq->next_used + count;

	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (!put(vq, vq->used + RING_INDEX, &next, sizeof(next)))
		return false;
	vq->next_used = next;
	return true;
}

bool vq_wants_interrupt(struct virtqueue *vq)
{
	uint16_t old = vq->told_used, wanted;

	if (vq->broken || vq->next_used == old)
		return false;
	vq->told_used = vq->next_used;
	/* The index first, then what the driver wants: it does it the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!get(vq, vq->event_idx ? used_event(vq) : vq->available, &wanted, sizeof(wanted)))
		return false;
	if (!vq->event_idx)
		return !(wanted & AVAIL_NO_INTERRUPT);
	/* Has the entry @wanted been given back since? */
	return (uint16_t)(vq->next_used - wanted - 1) < (uint16_t)(vq->next_used - old);
}

/* With event_idx nothing need be done: the index that the driver waits for goes by. */
static bool set_quiet(struct virtqueue *vq, bool quiet)
{
	const uint16_t flags = quiet ? USED_NO_NOTIFY : 0;

	if (vq->event_idx || vq->quiet == quiet)
		return true;
	vq->quiet = quiet;
	return put(vq, vq->used, &flags, sizeof(flags));
}

bool vq_hush(struct virtqueue *vq)
{
	return set_quiet(vq, true);
}

bool vq_listen(struct virtqueue *vq)
{
	uint16_t seen = vq->seen_available;

	if (!vq->enabled || vq->broken)
		return false;
	if (vq->event_idx && !put(vq, avail_event(vq), &seen, sizeof(seen)))
		return false;
	if (!set_quiet(vq, false))
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return look(vq) && vq->seen_available != seen;
}
