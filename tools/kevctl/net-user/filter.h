/* SPDX-License-Identifier: GPL-2.0 */
/* Frames that the network stack does not get to see. */
#ifndef NET_USER_FILTER_H
#define NET_USER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX	1514	/* of a card without jumbo frames */

/*
 * Is the frame for the host's loopback, by one of its own addresses? The stack would connect
 * to it, as any address that is not in its network; what it has for the purpose (10.0.2.2) it
 * knows itself.
 */
bool filter_is_loopback(const uint8_t *frame, size_t length);

#endif /* NET_USER_FILTER_H */
