// SPDX-License-Identifier: GPL-2.0
/* One connection: what comes in and what goes out. */
#include <stdarg.h>
#include <string.h>

#include "connection.h"

/* What goes out */

void gdb_send(struct gdb_server *server)
{
	const struct gdb_target *target = server->target;

	server->frame_length = gdb_frame(server->frame, server->content, server->length);
	target->send(target->owner, server->frame, server->frame_length);
}

void gdb_add(struct gdb_server *server, const char *format, ...)
{
	size_t room = sizeof(server->content) - server->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(server->content + server->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		server->length += (size_t)length < room ? (size_t)length : room - 1;
}

void gdb_add_hex(struct gdb_server *server, const void *bytes, size_t length)
{
	char *end;

	if (length > (sizeof(server->content) - 1 - server->length) / 2)
		return;
	end = gdb_hex(server->content + server->length, bytes, length);
	server->length = end - server->content;
}

void gdb_reply(struct gdb_server *server, const char *text)
{
	server->length = 0;
	gdb_add(server, "%s", text);
	gdb_send(server);
}

void gdb_reply_error(struct gdb_server *server, int error)
{
	server->length = 0;
	gdb_add(server, "E%02x", -error & 0xff);
	gdb_send(server);
}

void gdb_reply_result(struct gdb_server *server, int error)
{
	if (error)
		gdb_reply_error(server, error);
	else
		gdb_reply(server, "OK");
}

void gdb_reply_unknown(struct gdb_server *server)
{
	gdb_reply(server, "");
}

/* What comes in */

bool gdb_starts(const char **at, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*at, prefix, length))
		return false;
	*at += length;
	return true;
}

bool gdb_take_number(const char **at, uint64_t *value)
{
	const char *begin = *at;

	*value = 0;
	for (; gdb_hex_digit(**at) >= 0; (*at)++) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | gdb_hex_digit(**at);
	}
	return *at != begin;
}

bool gdb_take_range(const char **at, uint64_t *address, uint64_t *length)
{
	return gdb_take_number(at, address) && gdb_starts(at, ",") && gdb_take_number(at, length);
}

bool gdb_take_thread(const struct gdb_server *server, const char **at, int any, int *thread)
{
	uint64_t id;

	if (gdb_starts(at, "-1")) {
		*thread = ALL_THREADS;
		return true;
	}
	if (!gdb_take_number(at, &id) || id > server->target->threads)
		return false;
	*thread = id ? (int)id - 1 : any;
	return true;
}
