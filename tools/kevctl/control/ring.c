// SPDX-License-Identifier: GPL-2.0
/* The last bytes of a stream. */
#include <string.h>

#include "ring.h"

void ring_put(struct ring *ring, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	size_t at, n;

	while (length) {
		at = ring->end % RING_BYTES;
		n = length < RING_BYTES - at ? length : RING_BYTES - at;
		memcpy(ring->bytes + at, from, n);
		ring->end += n;
		from += n;
		length -= n;
	}
}

size_t ring_get(const struct ring *ring, uint64_t *position, void *to, size_t size)
{
	size_t at, n;

	if (*position < ring_begin(ring))
		*position = ring_begin(ring);
	at = *position % RING_BYTES;
	n = ring->end - *position;
	if (n > RING_BYTES - at)
		n = RING_BYTES - at;
	if (n > size)
		n = size;
	memcpy(to, ring->bytes + at, n);
	*position += n;
	return n;
}
