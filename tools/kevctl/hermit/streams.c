// SPDX-License-Identifier: GPL-2.0
/* Descriptors that may have to be waited for. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../terminal.h"
#include "streams.h"

/* A pipe that polls as writable takes this much without blocking: pipe(7), PIPE_BUF. */
#define CHUNK	4096

bool stream_stopped(int stop)
{
	struct pollfd fd = { .fd = stop, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/* Is there something to do with @fd, or is the time over; -EINTR when the VM ends */
static int wait_for(int fd, short events, int stop, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = events },
		{ .fd = stop, .events = POLLIN },
	};

	while (poll(fds, 2, timeout) < 0)
		if (errno != EINTR)
			return -errno;
	return fds[1].revents ? -EINTR : fds[0].revents != 0;
}

ssize_t stream_read(int fd, void *buffer, size_t length, int stop)
{
	ssize_t n;
	int error;

	for (;;) {
		error = wait_for(fd, POLLIN, stop, terminal_wait());
		if (error < 0)
			return error;
		if (!error)
			continue;
		n = read(fd, buffer, length);
		if (n >= 0)
			return n;
		error = -errno;
		if (terminal_is_others(fd, errno))
			error = wait_for(-1, 0, stop, TERMINAL_PAUSE);
		else if (error == -EINTR || error == -EAGAIN)
			error = 0;
		if (error)
			return error;
	}
}

ssize_t stream_write(int fd, const void *buffer, size_t length, int stop)
{
	const unsigned char *bytes = buffer;
	size_t done = 0;
	int error = 0;
	ssize_t n;

	while (done < length && !error) {
		error = wait_for(fd, POLLOUT, stop, -1);
		if (error < 0)
			break;
		error = 0;
		n = write(fd, bytes + done, length - done < CHUNK ? length - done : CHUNK);
		if (n > 0)
			done += n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			error = -errno;
	}
	return done ? (ssize_t)done : error;
}
