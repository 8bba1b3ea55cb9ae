// SPDX-License-Identifier: GPL-2.0
/* Connections that come in. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "incoming.h"

#define PAUSE_MS	100

int incoming_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
		poll(NULL, 0, PAUSE_MS);
	return fd;
}
