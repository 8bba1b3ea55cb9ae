// SPDX-License-Identifier: GPL-2.0
/* The way from a VM's console to stdout. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libkev.h>

#include "clock.h"
#include "console.h"

/* A pipe that polls as writable takes this much without blocking: pipe(7), PIPE_BUF. */
#define CHUNK	4096

int console_init(struct console *console, int vm, int out)
{
	int flags = fcntl(vm, F_GETFL);

	if (flags < 0 || fcntl(vm, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	*console = (struct console){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.vm = vm,
		.out = out,
		.abandon = eventfd(0, EFD_CLOEXEC),
	};
	return console->abandon < 0 ? -errno : 0;
}

void console_fini(struct console *console)
{
	close(console->abandon);
	pthread_mutex_destroy(&console->lock);
}

void console_abandon(struct console *console)
{
	eventfd_write(console->abandon, 1);
}

/* Write all of @bytes, unless the user has given up on it. */
static int write_all(struct console *console, const unsigned char *bytes, size_t length)
{
	struct pollfd fds[] = {
		{ .fd = console->out, .events = POLLOUT },
		{ .fd = console->abandon, .events = POLLIN },
	};
	ssize_t n;

	while (length) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!fds[0].revents)
			return -ECANCELED;
		n = write(console->out, bytes, length < CHUNK ? length : CHUNK);
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return -errno;
		}
		bytes += n;
		length -= n;
	}
	return 0;
}

/* As write_all(), but after a failure the bytes vanish. */
static int emit_locked(struct console *console, const unsigned char *bytes, size_t length)
{
	if (console->copy)
		console->copy(console->owner, bytes, length);
	if (!console->error)
		console->error = -write_all(console, bytes, length);
	if (!console->first && !console->error)
		console->first = read_clock(CLOCK_MONOTONIC);
	return -console->error;
}

static int drain_locked(struct console *console)
{
	unsigned char buffer[CHUNK];
	int error = 0;
	ssize_t n;

	/* The kernel's bytes are taken even when they cannot be written: the guest goes on. */
	do {
		n = kev_vm_read(console->vm, buffer, sizeof(buffer));
		if (n > 0)
			error = emit_locked(console, buffer, n);
	} while (n > 0 || n == -EINTR);
	if (error)
		return error;
	if (n == -EAGAIN)
		return 0;
	/* What cannot be read cannot be written. */
	if (n < 0 && !console->error)
		console->error = -n;
	return n < 0 ? n : 1;
}

int console_drain(struct console *console)
{
	int result;

	pthread_mutex_lock(&console->lock);
	result = drain_locked(console);
	pthread_mutex_unlock(&console->lock);
	return result;
}

int console_write(struct console *console, const void *bytes, size_t length)
{
	int result;

	pthread_mutex_lock(&console->lock);
	result = drain_locked(console);
	if (result >= 0)
		result = emit_locked(console, bytes, length);
	pthread_mutex_unlock(&console->lock);
	return result;
}

int console_put(struct console *console, unsigned char byte)
{
	return console_write(console, &byte, 1);
}
