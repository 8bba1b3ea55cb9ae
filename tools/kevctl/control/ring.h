/* SPDX-License-Identifier: GPL-2.0 */
/* The last bytes of a stream, for readers who come later or fall behind. Locked by its user. */
#ifndef KEVCTL_RING_H
#define KEVCTL_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_BYTES	65536U	/* a power of two */

/* @end: bytes put so far; the byte at position n is at n % RING_BYTES */
struct ring {
	uint64_t end;
	uint8_t bytes[RING_BYTES];
};

/* ring_put() - put bytes behind the others; the oldest go */
void ring_put(struct ring *ring, const void *bytes, size_t length);

/* ring_begin() - position of the oldest byte that is there */
static inline uint64_t ring_begin(const struct ring *ring)
{
	return ring->end > RING_BYTES ? ring->end - RING_BYTES : 0;
}

/**
 * ring_get() - copy bytes from a position on
 * @ring: ring
 * @position: of the first one; the oldest where that is not there any more; out: of the next
 * @to: out
 * @size: bytes at most
 *
 * Return: how many; 0: there are none yet.
 */
size_t ring_get(const struct ring *ring, uint64_t *position, void *to, size_t size);

#endif /* KEVCTL_RING_H */
