// SPDX-License-Identifier: GPL-2.0
/*
 * The channel to the bed: I/O port 0xe9, which Bochs and QEMU both offer. It has no speed, no line
 * discipline and no state, so bytes arrive as they are and at once.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "agent.h"

#define CHANNEL_PORT 0xe9

struct frame_head {
	uint8_t magic[2];
	uint8_t type;
	uint8_t zero;
	uint32_t len;
};

void channel_open(void)
{
	if (ioperm(CHANNEL_PORT, 1, 1)) {
		perror("bed: ioperm");
		pause();
	}
}

void channel_drop(void)
{
	ioperm(CHANNEL_PORT, 1, 0);
}

/* Not outsb() of sys/io.h, which does not tell the compiler that it reads memory. */
static void port_write(const void *data, size_t len)
{
	__asm__ volatile("rep outsb"
			 : "+S"(data), "+c"(len)
			 : "d"((uint16_t)CHANNEL_PORT)
			 : "memory");
}

void channel_send(enum frame_type type, const void *data, size_t len)
{
	struct frame_head head = { .magic = "KB", .type = type, .len = len };

	port_write(&head, sizeof(head));
	port_write(data, len);
}

void channel_text(enum frame_type type, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	channel_send(type, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

int channel_copy(enum frame_type type, int fd, int once)
{
	static char buf[65536];

	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 1;
		if (n <= 0)
			return 0;
		channel_send(type, buf, n);
		if (once)
			return 1;
	}
}
