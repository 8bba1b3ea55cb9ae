/* SPDX-License-Identifier: GPL-2.0 */
/* The Internet checksum (RFC 1071) of a packet's part. */
#ifndef KEVCTL_CHECKSUM_H
#define KEVCTL_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * checksum_complete() - finish a checksum that covers the rest of a frame
 * @frame: frame; at @start + @offset lies the sum of the pseudo-header
 * @length: bytes of it
 * @start: first byte that the checksum covers
 * @offset: where it lies behind @start
 *
 * Return: whether it lies in the frame.
 */
bool checksum_complete(uint8_t *frame, size_t length, uint16_t start, uint16_t offset);

#endif /* KEVCTL_CHECKSUM_H */
