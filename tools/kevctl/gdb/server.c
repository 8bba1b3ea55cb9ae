// SPDX-License-Identifier: GPL-2.0
/* The GDB remote protocol: connections, stops, and running on. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

struct gdb_server *gdb_server_create(const struct gdb_target *target)
{
	struct gdb_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->target = target;
	server->acks = true;
	server->resumed = ALL_THREADS;
	server->last.signal = GDB_SIGNAL_TRAP;
	server->orders = calloc(target->threads, sizeof(*server->orders));
	server->ordered = calloc(target->threads, sizeof(*server->ordered));
	server->description = gdb_registers_describe(target->shape);
	if (server->orders && server->ordered && server->description)
		return server;
	gdb_server_destroy(server);
	return NULL;
}

void gdb_server_destroy(struct gdb_server *server)
{
	if (!server)
		return;
	free(server->description);
	free(server->orders);
	free(server->ordered);
	free(server);
}

bool gdb_server_running(const struct gdb_server *server)
{
	return server->running;
}

/* Stops */

static void reply_stop(struct gdb_server *server)
{
	static const char *const watches[] = {
		[GDB_WATCH_WRITE] = "watch", [GDB_WATCH_READ] = "rwatch",
		[GDB_WATCH_ACCESS] = "awatch",
	};
	const unsigned int *useful = gdb_registers_useful(server->target->shape);
	const struct gdb_stop *stop = &server->last;
	struct gdb_registers registers;

	server->length = 0;
	gdb_add(server, "T%02x", stop->signal);
	if (stop->at_breakpoint) {
		if (stop->kind == GDB_SOFTWARE && server->knows_swbreak)
			gdb_add(server, "swbreak:;");
		else if (stop->kind == GDB_HARDWARE && server->knows_hwbreak)
			gdb_add(server, "hwbreak:;");
		else if (stop->kind >= GDB_WATCH_WRITE)
			gdb_add(server, "%s:%" PRIx64 ";", watches[stop->kind], stop->address);
	}
	gdb_add(server, "thread:%x;", ID(stop->thread));
	if (!gdb_read_registers(server, stop->thread, &registers)) {
		for (size_t i = 0; i < GDB_USEFUL; i++) {
			gdb_add(server, "%02x:", useful[i]);
			gdb_add_register(server, &registers, useful[i]);
			gdb_add(server, ";");
		}
	}
	gdb_send(server);
}

void gdb_server_stopped(struct gdb_server *server, const struct gdb_stop *stop)
{
	server->running = false;
	server->last = *stop;
	server->selected = stop->thread;
	reply_stop(server);
}

void gdb_server_ended(struct gdb_server *server, enum gdb_signal signal, uint8_t status)
{
	/* Nobody waits for it otherwise. */
	if (!server->running)
		return;
	server->running = false;
	server->length = 0;
	if (signal)
		gdb_add(server, "X%02x", signal);
	else
		gdb_add(server, "W%02x", status);
	gdb_send(server);
}

/* Running on */

static void resume(struct gdb_server *server)
{
	const struct gdb_target *target = server->target;
	bool any = false;

	for (unsigned int i = 0; i < target->threads; i++)
		any |= server->orders[i].action != GDB_STAY;
	if (!any) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	server->running = true;
	target->resume(target->owner, server->orders);
}

/* [ADDRESS] behind c and s, [SIGNAL[;ADDRESS]] behind C and S: guests take no signals. */
static void resume_plainly(struct gdb_server *server, const char *at, enum gdb_action action,
			   bool has_signal)
{
	bool all = server->resumed == ALL_THREADS;
	unsigned int thread = all ? server->last.thread : (unsigned int)server->resumed;
	uint64_t value;
	int error;

	if (has_signal && (!gdb_take_number(&at, &value) || (*at && !gdb_starts(&at, ";")))) {
		gdb_reply_error(server, -EINVAL);
		return;
	}
	if (*at) {
		error = -EINVAL;
		if (gdb_take_number(&at, &value) && !*at)
			error = gdb_set_rip(server, thread, value);
		if (error) {
			gdb_reply_error(server, error);
			return;
		}
	}
	for (unsigned int i = 0; i < server->target->threads; i++)
		server->orders[i] = (struct gdb_order){ .action = all ? GDB_CONTINUE : GDB_STAY };
	server->orders[thread].action = action;
	resume(server);
}

/* c, CSIGNAL, s, SSIGNAL, t, rSTART,END */
static bool take_order(const char **at, struct gdb_order *order)
{
	uint64_t signal;
	char letter = **at;

	*order = (struct gdb_order){ .action = GDB_STAY };
	if (letter)
		(*at)++;
	switch (letter) {
	case 'C':
	case 'S':
		if (!gdb_take_number(at, &signal))
			return false;
		break;
	case 'r':
		if (!gdb_take_range(at, &order->start, &order->end))
			return false;
		break;
	case 'c':
	case 's':
	case 't':
		break;
	default:
		return false;
	}
	if (letter == 'c' || letter == 'C')
		order->action = GDB_CONTINUE;
	else if (letter != 't')
		order->action = GDB_STEP;
	return true;
}

/* ;ORDER[:THREAD] and so on: the first one that is for a thread counts. */
static bool take_orders(struct gdb_server *server, const char *at)
{
	unsigned int threads = server->target->threads;
	struct gdb_order order;
	int thread;

	memset(server->ordered, 0, threads * sizeof(*server->ordered));
	memset(server->orders, 0, threads * sizeof(*server->orders));
	while (*at) {
		if (!gdb_starts(&at, ";") || !take_order(&at, &order))
			return false;
		thread = ALL_THREADS;
		if (gdb_starts(&at, ":") && !gdb_take_thread(server, &at, ALL_THREADS, &thread))
			return false;
		for (unsigned int i = 0; i < threads; i++) {
			if (server->ordered[i] ||
			    (thread != ALL_THREADS && (unsigned int)thread != i))
				continue;
			server->ordered[i] = true;
			server->orders[i] = order;
		}
	}
	return true;
}

static void change_setting(struct gdb_server *server, const char *at)
{
	if (strcmp(at, "StartNoAckMode")) {
		gdb_reply_unknown(server);
		return;
	}
	gdb_reply(server, "OK");
	server->acks = false;
}

static void end_guest(struct gdb_server *server)
{
	server->done = true;
	server->target->kill(server->target->owner);
}

static void answer_verb(struct gdb_server *server, const char *at)
{
	if (!strcmp(at, "Cont?")) {
		gdb_reply(server, "vCont;c;C;s;S;t;r");
	} else if (gdb_starts(&at, "Cont")) {
		if (take_orders(server, at))
			resume(server);
		else
			gdb_reply_error(server, -EINVAL);
	} else if (gdb_starts(&at, "Kill;")) {
		gdb_reply(server, "OK");
		end_guest(server);
	} else {
		gdb_reply_unknown(server);
	}
}

/* Hg and Hc */
static int select_thread(struct gdb_server *server, const char *at)
{
	char what = *at;
	int thread;

	if (what)
		at++;
	if ((what != 'g' && what != 'c') ||
	    !gdb_take_thread(server, &at, what == 'c' ? ALL_THREADS : (int)server->last.thread,
			     &thread) || *at)
		return -EINVAL;
	if (what == 'c')
		server->resumed = thread;
	else if (thread != ALL_THREADS)
		server->selected = thread;
	return 0;
}

static int look_for_thread(struct gdb_server *server, const char *at)
{
	int thread;

	return gdb_take_thread(server, &at, 0, &thread) && !*at ? 0 : -EINVAL;
}

static void detach(struct gdb_server *server)
{
	server->target->detach(server->target->owner);
	gdb_reply(server, "OK");
	server->done = true;
}

static void answer(struct gdb_server *server)
{
	const char *at = server->parser.content + 1;

	switch (server->parser.content[0]) {
	case '?':
		reply_stop(server);
		break;
	case 'c':
	case 'C':
		resume_plainly(server, at, GDB_CONTINUE, at[-1] == 'C');
		break;
	case 's':
	case 'S':
		resume_plainly(server, at, GDB_STEP, at[-1] == 'S');
		break;
	case 'D':
		detach(server);
		break;
	case 'g':
		gdb_answer_read_all(server);
		break;
	case 'G':
		gdb_reply_result(server, gdb_answer_write_all(server, at));
		break;
	case 'H':
		gdb_reply_result(server, select_thread(server, at));
		break;
	case 'k':
		end_guest(server);
		break;
	case 'm':
		gdb_answer_read_memory(server, at);
		break;
	case 'M':
		gdb_reply_result(server, gdb_answer_write_hex(server, at));
		break;
	case 'p':
		gdb_answer_read_one(server, at);
		break;
	case 'P':
		gdb_reply_result(server, gdb_answer_write_one(server, at));
		break;
	case 'q':
		gdb_answer_query(server, at);
		break;
	case 'Q':
		change_setting(server, at);
		break;
	case 'T':
		gdb_reply_result(server, look_for_thread(server, at));
		break;
	case 'v':
		answer_verb(server, at);
		break;
	case 'X':
		gdb_reply_result(server, gdb_answer_write_binary(server, at));
		break;
	case 'z':
		gdb_answer_breakpoint(server, at, false);
		break;
	case 'Z':
		gdb_answer_breakpoint(server, at, true);
		break;
	default:
		gdb_reply_unknown(server);
		break;
	}
}

static void acknowledge(struct gdb_server *server, const char *how)
{
	if (server->acks)
		server->target->send(server->target->owner, how, 1);
}

static void take_packet(struct gdb_server *server)
{
	acknowledge(server, "+");
	/* GDB knows that there is no answer before the stop. */
	if (!server->running)
		answer(server);
	else if (server->parser.content[0] == 'k')
		end_guest(server);
}

bool gdb_server_take(struct gdb_server *server, const void *bytes, size_t length)
{
	const struct gdb_target *target = server->target;
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < length && !server->done; i++) {
		switch (gdb_parser_take(&server->parser, byte[i])) {
		case GDB_INPUT_PACKET:
			take_packet(server);
			break;
		case GDB_INPUT_BAD:
			acknowledge(server, "-");
			break;
		case GDB_INPUT_INTERRUPT:
			if (server->running)
				target->interrupt(target->owner);
			break;
		case GDB_INPUT_NAK:
			if (server->acks)
				target->send(target->owner, server->frame, server->frame_length);
			break;
		case GDB_INPUT_ACK:
		case GDB_INPUT_MORE:
			break;
		}
	}
	return !server->done;
}
