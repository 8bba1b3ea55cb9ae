// SPDX-License-Identifier: GPL-2.0
/* Packets that ask: what the server can do, which threads there are, `monitor`. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

#define MAX_COMMAND	256
/* Bytes of text that an O packet holds */
#define MAX_OUTPUT	(GDB_PACKET_SIZE / 2 - 1)

/* What qSupported says of the debugger */
static void note_features(struct gdb_server *server, const char *at)
{
	server->knows_swbreak = strstr(at, "swbreak+");
	server->knows_hwbreak = strstr(at, "hwbreak+");
	server->length = 0;
	gdb_add(server, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;"
	    "vContSupported+", GDB_PACKET_SIZE);
	gdb_send(server);
}

/* target.xml:OFFSET,LENGTH */
static void send_description(struct gdb_server *server, const char *at)
{
	size_t size = strlen(server->description);
	uint64_t offset, length;

	if (!gdb_starts(&at, "target.xml:")) {
		gdb_reply(server, "E00");
		return;
	}
	if (!gdb_take_range(&at, &offset, &length) || *at || offset > size) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	if (length > GDB_PACKET_SIZE - 1)
		length = GDB_PACKET_SIZE - 1;
	server->length = 0;
	if (length >= size - offset)
		gdb_add(server, "l%s", server->description + offset);
	else
		gdb_add(server, "m%.*s", (int)length, server->description + offset);
	gdb_send(server);
}

static void list_threads(struct gdb_server *server)
{
	server->length = 0;
	for (unsigned int i = 0; i < server->target->threads; i++)
		gdb_add(server, "%c%x", i ? ',' : 'm', ID(i));
	gdb_send(server);
}

static void describe_thread(struct gdb_server *server, const char *at)
{
	const struct gdb_target *target = server->target;
	char text[64] = "";
	int thread;

	if (!gdb_take_thread(server, &at, 0, &thread) || *at || thread == ALL_THREADS) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	target->describe(target->owner, thread, text, sizeof(text));
	server->length = 0;
	gdb_add_hex(server, text, strlen(text));
	gdb_send(server);
}

/* `monitor`: the text goes out in O packets, then an OK */
static void run_command(struct gdb_server *server, const char *hex)
{
	const struct gdb_target *target = server->target;
	char command[MAX_COMMAND + 1], *text = NULL;
	size_t length = gdb_unhex(command, hex, MAX_COMMAND), size, part;
	FILE *to = open_memstream(&text, &size);

	if (!to) {
		gdb_reply_error(server, -ENOMEM);
		return;
	}
	command[length] = '\0';
	if (hex[2 * length] || !target->monitor(target->owner, server->selected, command, to))
		fputs("There is no such command; try `monitor help`.\n", to);
	if (fclose(to)) {
		free(text);
		gdb_reply_error(server, -ENOMEM);
		return;
	}
	for (size_t sent = 0; sent < size; sent += part) {
		part = size - sent < MAX_OUTPUT ? size - sent : MAX_OUTPUT;
		server->length = 0;
		gdb_add(server, "O");
		gdb_add_hex(server, text + sent, part);
		gdb_send(server);
	}
	free(text);
	gdb_reply(server, "OK");
}

void gdb_answer_query(struct gdb_server *server, const char *at)
{
	server->length = 0;
	if (gdb_starts(&at, "Supported")) {
		note_features(server, at);
	} else if (gdb_starts(&at, "Xfer:features:read:")) {
		send_description(server, at);
	} else if (!strcmp(at, "fThreadInfo")) {
		list_threads(server);
	} else if (!strcmp(at, "sThreadInfo")) {
		gdb_reply(server, "l");
	} else if (gdb_starts(&at, "ThreadExtraInfo,")) {
		describe_thread(server, at);
	} else if (!strcmp(at, "C")) {
		gdb_add(server, "QC%x", ID(server->selected));
		gdb_send(server);
	} else if (gdb_starts(&at, "Attached")) {
		gdb_reply(server, "1");	/* whoever quits leaves the guest running */
	} else if (!strcmp(at, "Offsets") && server->target->moved) {
		gdb_add(server, "TextSeg=%" PRIx64, server->target->first_segment);
		gdb_send(server);
	} else if (gdb_starts(&at, "Symbol:")) {
		gdb_reply(server, "OK");
	} else if (gdb_starts(&at, "Rcmd,")) {
		run_command(server, at);
	} else {
		gdb_reply_unknown(server);
	}
}
