/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way from a VM's console to stdout. Bytes that the kernel holds and bytes
 * that a port device prints take the same way, in the order in which the guest
 * sent them.
 */
#ifndef KEVCTL_CONSOLE_H
#define KEVCTL_CONSOLE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct console - one VM's output
 * @lock: held while bytes are on their way
 * @vm: VM fd, with O_NONBLOCK
 * @out: where the bytes go
 * @abandon: eventfd: once it is readable, output that would block is dropped
 * @first: when the first byte was written, by events_now(); 0: none was [lock]
 * @error: errno of the first failed write, positive; bytes after it are dropped [lock]
 * @copy: called with the bytes, too, or NULL; does not wait
 * @owner: its first argument
 */
struct console {
	pthread_mutex_t lock;
	int vm;
	int out;
	int abandon;
	uint64_t first;
	int error;
	void (*copy)(void *owner, const void *bytes, size_t length);
	void *owner;
};

/**
 * console_init() - set up the way
 * @console: what to set up
 * @vm: VM fd; gets O_NONBLOCK
 * @out: where the bytes go
 *
 * Return: 0 or a negative errno.
 */
int console_init(struct console *console, int vm, int out);

/* Closes what console_init() opened. */
void console_fini(struct console *console);

/**
 * console_drain() - move all bytes that the kernel holds
 * @console: console
 *
 * Return: 0 when there are no more for now, 1 when there never will be, or the
 * negative errno of a failed write or read.
 */
int console_drain(struct console *console);

/**
 * console_put() - print one byte behind everything that the kernel holds
 * @console: console
 * @byte: byte
 *
 * Return: 0 or the negative errno of a failed write or read.
 */
int console_put(struct console *console, unsigned char byte);

/* console_write() - as console_put(), but more than one byte, which stay together */
int console_write(struct console *console, const void *bytes, size_t length);

/* From now on drop what cannot be written at once. From any thread. */
void console_abandon(struct console *console);

#endif /* KEVCTL_CONSOLE_H */
