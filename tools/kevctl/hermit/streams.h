/* SPDX-License-Identifier: GPL-2.0 */
/* Descriptors of the host's that may have to be waited for, while the VM may end. */
#ifndef KEVCTL_HERMIT_STREAMS_H
#define KEVCTL_HERMIT_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* stream_stopped() - is @stop, an eventfd, readable? */
bool stream_stopped(int stop);

/**
 * stream_read() - wait for bytes, and read what is there
 * @fd: descriptor
 * @buffer: where they go
 * @length: bytes
 * @stop: eventfd: once it is readable nothing is waited for any more
 *
 * Return: bytes, 0 at the end, or a negative errno: -EINTR after @stop.
 */
ssize_t stream_read(int fd, void *buffer, size_t length, int stop);

/* stream_write() - write all of it; bytes written, or a negative errno if there are none */
ssize_t stream_write(int fd, const void *buffer, size_t length, int stop);

#endif /* KEVCTL_HERMIT_STREAMS_H */
