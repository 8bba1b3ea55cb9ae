// SPDX-License-Identifier: GPL-2.0
/*
 * Bochs writes what a machine sends to port 0xe9 to its standard output, where its display is as
 * well. This putc() takes the bytes that Bochs' module for that port writes, and sends them to the
 * file descriptor in $BED_PORT_FD instead, a whole frame with one write.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bed.h"

#undef putc

static char buf[65536];
static size_t fill;
static size_t left; /* bytes of the current frame still to come, 0: in its header */

static int port_fd(void)
{
	static int fd = -2;
	const char *env;

	if (fd == -2) {
		env = getenv("BED_PORT_FD");
		fd = env ? atoi(env) : -1;
	}
	return fd;
}

static void port_write(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(port_fd(), p, len);

		/* The bed reads until Bochs is gone: nobody there means that the run is over. */
		if (n <= 0)
			_exit(1);
		p += n;
		len -= n;
	}
}

/* True when what was gathered so far cannot be the head of a frame (a BIOS chats, for one). */
static int port_noise(void)
{
	return !left && fill <= 2 && buf[fill - 1] != "KB"[fill - 1];
}

/* True when the caller is Bochs' module for ports without a device; it has just one such call. */
static int port_caller(void *from)
{
	static void *known;
	Dl_info info;

	if (from == known)
		return 1;
	if (!dladdr(from, &info) || !strstr(info.dli_fname, "libbx_unmapped"))
		return 0;
	known = from;
	return 1;
}

int putc(int c, FILE *f)
{
	struct bed_frame head;

	if (port_fd() < 0 || !port_caller(__builtin_return_address(0)))
		return fputc(c, f);
	buf[fill++] = c;
	if (left) {
		left--;
	} else if (port_noise()) {
		fill = 0;
		return c;
	} else if (fill == sizeof(head)) {
		memcpy(&head, buf, sizeof(head));
		left = head.len;
	} else {
		return c;
	}
	if (!left || fill == sizeof(buf)) {
		port_write(buf, fill);
		fill = 0;
	}
	return c;
}

void bed_port_note(const char *fmt, ...)
{
	struct bed_frame head = { .magic = "KB", .type = BED_FRAME_NOTE };
	char text[512];
	va_list ap;
	int n;

	if (port_fd() < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	head.len = n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1;
	port_write(&head, sizeof(head));
	port_write(text, head.len);
}
