// SPDX-License-Identifier: GPL-2.0
/* Where a debugger connects. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../incoming.h"
#include "../kevctl.h"
#include "transport.h"

#define UNIX_PREFIX	"unix:"

static int listen_at(struct gdb_transport *transport, int family, const void *address,
		     socklen_t size)
{
	int on = 1;

	transport->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (transport->listener < 0)
		return -errno;
	/* Connections inherit both: a port is free again at once, answers go out at once. */
	if (family == AF_INET &&
	    (setsockopt(transport->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	     setsockopt(transport->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))))
		return -errno;
	if (bind(transport->listener, address, size) || listen(transport->listener, 1))
		return -errno;
	return 0;
}

static int open_port(struct gdb_transport *transport, unsigned int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int error = listen_at(transport, AF_INET, &address, size);

	if (error)
		return error;
	if (getsockname(transport->listener, (struct sockaddr *)&address, &size))
		return -errno;
	fprintf(stderr, "kevctl: the guest waits for a debugger: target remote :%u\n",
		ntohs(address.sin_port));
	return 0;
}

/* Left behind by one that was killed: nobody listens. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat stat;
	int fd, error = 0;

	if (lstat(address->sun_path, &stat) || !S_ISSOCK(stat.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		error = errno;
	close(fd);
	return error == ECONNREFUSED;
}

/* Kept open: it is removed when there may be no way to it by its path any more. */
static int open_directory(struct gdb_transport *transport, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";

	transport->name = path;
	if (slash) {
		transport->name = slash + 1;
		memcpy(directory, path, slash + 1 - path);
		directory[slash + 1 - path] = '\0';
	}
	transport->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return transport->directory < 0 ? -errno : 0;
}

static int open_path(struct gdb_transport *transport, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int error;

	if (!*path)
		return -EINVAL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (is_stale(&address))
		unlink(path);
	/* Who debugs a guest controls it: only its owner. */
	mask = umask(0177);
	error = listen_at(transport, AF_UNIX, &address, sizeof(address));
	umask(mask);
	if (!error)
		error = open_directory(transport, path);
	if (error)
		return error;
	fprintf(stderr, "kevctl: the guest waits for a debugger: target remote %s\n", path);
	return 0;
}

int gdb_transport_open(struct gdb_transport *transport, const char *where)
{
	bool is_path = !strncmp(where, UNIX_PREFIX, strlen(UNIX_PREFIX));
	unsigned int port;
	int error;

	transport->listener = -1;
	transport->connection = -1;
	transport->directory = -1;
	if (is_path) {
		error = open_path(transport, where + strlen(UNIX_PREFIX));
	} else {
		error = parse_count(where, 0, UINT16_MAX, &port);
		if (error) {
			message("--gdb", "%s is neither a port nor unix:PATH", where);
			return error;
		}
		error = open_port(transport, port);
	}
	if (error) {
		message("--gdb", "%s: %s", where, strerror(-error));
		gdb_transport_close(transport);
	}
	return error;
}

void gdb_transport_close(struct gdb_transport *transport)
{
	gdb_transport_hang_up(transport);
	if (transport->listener >= 0)
		close(transport->listener);
	transport->listener = -1;
	if (transport->directory >= 0) {
		unlinkat(transport->directory, transport->name, 0);
		close(transport->directory);
	}
	transport->directory = -1;
}

void gdb_transport_accept(struct gdb_transport *transport)
{
	transport->connection = incoming_accept(transport->listener);
}

void gdb_transport_hang_up(struct gdb_transport *transport)
{
	if (transport->connection >= 0)
		close(transport->connection);
	transport->connection = -1;
}

void gdb_transport_send(struct gdb_transport *transport, const char *bytes, size_t length)
{
	struct pollfd fds[] = {
		{ .fd = transport->connection, .events = POLLOUT },
		{ .fd = transport->stop, .events = POLLIN },
	};
	ssize_t sent;

	while (length) {
		sent = send(transport->connection, bytes, length, MSG_NOSIGNAL);
		if (sent >= 0) {
			bytes += sent;
			length -= sent;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || (poll(fds, 2, -1) > 0 && fds[1].revents))
			return;
	}
}
