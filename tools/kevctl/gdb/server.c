// SPDX-License-Identifier: GPL-2.0
/* The GDB remote protocol: what is asked, and what is answered. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "server.h"

/* GDB counts threads from 1; 0 is any, -1 all of them. */
#define ID(thread)	((thread) + 1)
#define ALL_THREADS	(-1)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define MAX_COMMAND	256
#define MAX_MEMORY	(GDB_PACKET_SIZE / 2)
/* Bytes of text that an O packet holds */
#define MAX_OUTPUT	(GDB_PACKET_SIZE / 2 - 1)
#define MAX_REGISTER	16

/**
 * struct gdb_server - one connection
 * @target: guest
 * @parser: what comes in
 * @acks: packets are acknowledged
 * @knows_swbreak: the debugger understands that stop reason
 * @knows_hwbreak: and that one
 * @running: threads were let go
 * @done: to be hung up on
 * @selected: the thread that registers and memory are of
 * @resumed: the thread that the packets c and s are for, or ALL_THREADS
 * @last: the last stop
 * @orders: one for each thread
 * @description: of the registers
 * @memory: bytes on their way
 * @content: what goes out next
 * @length: its bytes
 * @frame: what went out last
 * @frame_length: its bytes
 */
struct gdb_server {
	const struct gdb_target *target;
	struct gdb_parser parser;
	bool acks, knows_swbreak, knows_hwbreak, running, done;
	unsigned int selected;
	int resumed;
	struct gdb_stop last;
	struct gdb_order *orders;
	char *description;
	uint8_t memory[MAX_MEMORY];
	size_t length;
	char content[GDB_PACKET_SIZE + 1];
	size_t frame_length;
	char frame[GDB_FRAME_SIZE];
};

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
	server->description = gdb_registers_describe(target->avx);
	if (server->orders && server->description)
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
	free(server);
}

bool gdb_server_running(const struct gdb_server *server)
{
	return server->running;
}

/* What goes out */

static void send_content(struct gdb_server *server)
{
	const struct gdb_target *target = server->target;

	server->frame_length = gdb_frame(server->frame, server->content, server->length);
	target->send(target->owner, server->frame, server->frame_length);
}

__attribute__((format(printf, 2, 3)))
static void add(struct gdb_server *server, const char *format, ...)
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

static void add_hex(struct gdb_server *server, const void *bytes, size_t length)
{
	char *end;

	if (length > (sizeof(server->content) - 1 - server->length) / 2)
		return;
	end = gdb_hex(server->content + server->length, bytes, length);
	server->length = end - server->content;
}

static void reply(struct gdb_server *server, const char *text)
{
	server->length = 0;
	add(server, "%s", text);
	send_content(server);
}

static void reply_error(struct gdb_server *server, int error)
{
	server->length = 0;
	add(server, "E%02x", -error & 0xff);
	send_content(server);
}

/* Nothing or a negative errno, as calls give it */
static void reply_result(struct gdb_server *server, int error)
{
	if (error)
		reply_error(server, error);
	else
		reply(server, "OK");
}

/* A packet that there is not */
static void reply_unknown(struct gdb_server *server)
{
	reply(server, "");
}

/* What comes in */

static bool starts(const char **at, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*at, prefix, length))
		return false;
	*at += length;
	return true;
}

static bool take_number(const char **at, uint64_t *value)
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

/* ADDRESS,LENGTH */
static bool take_range(const char **at, uint64_t *address, uint64_t *length)
{
	return take_number(at, address) && starts(at, ",") && take_number(at, length);
}

/* An id: a thread's number from 0, or ALL_THREADS. GDB's "any thread" is given as @any. */
static bool take_thread(const struct gdb_server *server, const char **at, int any, int *thread)
{
	uint64_t id;

	if (starts(at, "-1")) {
		*thread = ALL_THREADS;
		return true;
	}
	if (!take_number(at, &id) || id > server->target->threads)
		return false;
	*thread = id ? (int)id - 1 : any;
	return true;
}

/* Registers */

static int read_registers(struct gdb_server *server, unsigned int thread,
			  struct gdb_registers *registers)
{
	const struct gdb_target *target = server->target;
	int error = target->read_registers(target->owner, thread, registers);

	if (!error)
		gdb_registers_prepare(registers);
	return error;
}

static int write_registers(struct gdb_server *server, unsigned int thread,
			   struct gdb_registers *registers, uint32_t groups)
{
	const struct gdb_target *target = server->target;

	return groups ? target->write_registers(target->owner, thread, registers, groups) : 0;
}

static void add_register(struct gdb_server *server, const struct gdb_registers *registers,
			 unsigned int number)
{
	bool avx = server->target->avx;
	uint8_t bytes[MAX_REGISTER];

	gdb_register_get(registers, avx, number, bytes);
	add_hex(server, bytes, gdb_register_size(avx, number));
}

static void read_all(struct gdb_server *server)
{
	unsigned int count = gdb_registers_count(server->target->avx);
	struct gdb_registers registers;
	int error = read_registers(server, server->selected, &registers);

	if (error) {
		reply_error(server, error);
		return;
	}
	server->length = 0;
	for (unsigned int number = 0; number < count; number++)
		add_register(server, &registers, number);
	send_content(server);
}

static int write_all_registers(struct gdb_server *server, const char *hex)
{
	bool avx = server->target->avx;
	unsigned int count = gdb_registers_count(avx);
	struct gdb_registers registers;
	uint8_t bytes[MAX_REGISTER];
	uint32_t groups = 0;
	int error = read_registers(server, server->selected, &registers);

	if (error)
		return error;
	for (unsigned int number = 0; number < count; number++) {
		size_t size = gdb_register_size(avx, number);

		if (gdb_unhex(bytes, hex, size) != size)
			return -EINVAL;
		hex += 2 * size;
		groups |= gdb_register_set(&registers, avx, number, bytes);
	}
	if (*hex)
		return -EINVAL;
	return write_registers(server, server->selected, &registers, groups);
}

static void read_one(struct gdb_server *server, const char *at)
{
	struct gdb_registers registers;
	uint64_t number;
	int error;

	if (!take_number(&at, &number) || *at ||
	    number >= gdb_registers_count(server->target->avx)) {
		reply_error(server, -EINVAL);
		return;
	}
	error = read_registers(server, server->selected, &registers);
	if (error) {
		reply_error(server, error);
		return;
	}
	server->length = 0;
	add_register(server, &registers, number);
	send_content(server);
}

/* NUMBER=VALUE */
static int write_one(struct gdb_server *server, const char *at)
{
	bool avx = server->target->avx;
	struct gdb_registers registers;
	uint8_t bytes[MAX_REGISTER];
	uint64_t number;
	size_t size;
	int error;

	if (!take_number(&at, &number) || !starts(&at, "=") || number >= gdb_registers_count(avx))
		return -EINVAL;
	size = gdb_register_size(avx, number);
	if (gdb_unhex(bytes, at, size) != size || at[2 * size])
		return -EINVAL;
	error = read_registers(server, server->selected, &registers);
	if (error)
		return error;
	return write_registers(server, server->selected, &registers,
			       gdb_register_set(&registers, avx, number, bytes));
}

static int set_rip(struct gdb_server *server, unsigned int thread, uint64_t rip)
{
	struct gdb_registers registers;
	int error = read_registers(server, thread, &registers);

	if (error)
		return error;
	registers.state.gprs.rip = rip;
	return write_registers(server, thread, &registers, KEV_STATE_GPRS);
}

/* Memory */

static void read_memory(struct gdb_server *server, const char *at)
{
	const struct gdb_target *target = server->target;
	uint64_t address, length;
	ssize_t got = 0;

	if (!take_range(&at, &address, &length) || *at) {
		reply_error(server, -EINVAL);
		return;
	}
	if (length > MAX_MEMORY)
		length = MAX_MEMORY;
	if (length)
		got = target->read_memory(target->owner, server->selected, address,
					  server->memory, length);
	if (got < 0) {
		reply_error(server, got);
		return;
	}
	server->length = 0;
	add_hex(server, server->memory, got);
	send_content(server);
}

static int write_memory(struct gdb_server *server, uint64_t address, const void *bytes,
			uint64_t length)
{
	const struct gdb_target *target = server->target;
	ssize_t done;

	if (!length)
		return 0;
	done = target->write_memory(target->owner, server->selected, address, bytes, length);
	if (done < 0)
		return done;
	return (uint64_t)done == length ? 0 : -EFAULT;
}

/* ADDRESS,LENGTH:DIGITS */
static int write_hex(struct gdb_server *server, const char *at)
{
	uint64_t address, length;

	if (!take_range(&at, &address, &length) || !starts(&at, ":") || length > MAX_MEMORY ||
	    gdb_unhex(server->memory, at, length) != length || at[2 * length])
		return -EINVAL;
	return write_memory(server, address, server->memory, length);
}

/* ADDRESS,LENGTH:BYTES */
static int write_binary(struct gdb_server *server, const char *at)
{
	const char *end = server->parser.content + server->parser.length;
	uint64_t address, length;

	if (!take_range(&at, &address, &length) || !starts(&at, ":") ||
	    length != (uint64_t)(end - at))
		return -EINVAL;
	return write_memory(server, address, at, length);
}

/* Z and z: TYPE,ADDRESS,KIND */
static void change_breakpoint(struct gdb_server *server, const char *at, bool insert)
{
	const struct gdb_target *target = server->target;
	uint64_t kind, address, length;
	int error;

	if (!take_number(&at, &kind) || !starts(&at, ",") ||
	    !take_range(&at, &address, &length) || *at) {
		reply_error(server, -EINVAL);
		return;
	}
	if (kind >= GDB_NR_BREAKPOINTS) {
		reply_unknown(server);
		return;
	}
	error = (insert ? target->insert : target->remove)(target->owner, server->selected, kind,
							   address, length);
	if (error == -EOPNOTSUPP)
		reply_unknown(server);
	else
		reply_result(server, error);
}

/* Stops */

static void reply_stop(struct gdb_server *server)
{
	static const char *const watches[] = {
		[GDB_WATCH_WRITE] = "watch", [GDB_WATCH_READ] = "rwatch",
		[GDB_WATCH_ACCESS] = "awatch",
	};
	static const unsigned int useful[] = { GDB_RBP, GDB_RSP, GDB_RIP };
	const struct gdb_stop *stop = &server->last;
	struct gdb_registers registers;

	server->length = 0;
	add(server, "T%02x", stop->signal);
	if (stop->at_breakpoint) {
		if (stop->kind == GDB_SOFTWARE && server->knows_swbreak)
			add(server, "swbreak:;");
		else if (stop->kind == GDB_HARDWARE && server->knows_hwbreak)
			add(server, "hwbreak:;");
		else if (stop->kind >= GDB_WATCH_WRITE)
			add(server, "%s:%" PRIx64 ";", watches[stop->kind], stop->address);
	}
	add(server, "thread:%x;", ID(stop->thread));
	if (!read_registers(server, stop->thread, &registers)) {
		for (size_t i = 0; i < ARRAY_SIZE(useful); i++) {
			add(server, "%02x:", useful[i]);
			add_register(server, &registers, useful[i]);
			add(server, ";");
		}
	}
	send_content(server);
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
		add(server, "X%02x", signal);
	else
		add(server, "W%02x", status);
	send_content(server);
}

/* Running on */

static void resume(struct gdb_server *server)
{
	const struct gdb_target *target = server->target;
	bool any = false;

	for (unsigned int i = 0; i < target->threads; i++)
		any |= server->orders[i].action != GDB_STAY;
	if (!any) {
		reply_error(server, -EINVAL);
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

	if (has_signal && (!take_number(&at, &value) || (*at && !starts(&at, ";")))) {
		reply_error(server, -EINVAL);
		return;
	}
	if (*at) {
		error = take_number(&at, &value) && !*at ? set_rip(server, thread, value) : -EINVAL;
		if (error) {
			reply_error(server, error);
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
		if (!take_number(at, &signal))
			return false;
		break;
	case 'r':
		if (!take_range(at, &order->start, &order->end))
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
	bool taken[threads];
	struct gdb_order order;
	int thread;

	memset(taken, 0, sizeof(taken));
	memset(server->orders, 0, threads * sizeof(*server->orders));
	while (*at) {
		if (!starts(&at, ";") || !take_order(&at, &order))
			return false;
		thread = ALL_THREADS;
		if (starts(&at, ":") && !take_thread(server, &at, ALL_THREADS, &thread))
			return false;
		for (unsigned int i = 0; i < threads; i++) {
			if (taken[i] || (thread != ALL_THREADS && (unsigned int)thread != i))
				continue;
			taken[i] = true;
			server->orders[i] = order;
		}
	}
	return true;
}

/* Questions */

/* What qSupported says of the debugger */
static void note_features(struct gdb_server *server, const char *at)
{
	server->knows_swbreak = strstr(at, "swbreak+");
	server->knows_hwbreak = strstr(at, "hwbreak+");
	server->length = 0;
	add(server, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;"
	    "vContSupported+", GDB_PACKET_SIZE);
	send_content(server);
}

/* target.xml:OFFSET,LENGTH */
static void send_description(struct gdb_server *server, const char *at)
{
	size_t size = strlen(server->description);
	uint64_t offset, length;

	if (!starts(&at, "target.xml:")) {
		reply(server, "E00");
		return;
	}
	if (!take_range(&at, &offset, &length) || *at || offset > size) {
		reply_error(server, -EINVAL);
		return;
	}
	if (length > GDB_PACKET_SIZE - 1)
		length = GDB_PACKET_SIZE - 1;
	server->length = 0;
	if (length >= size - offset)
		add(server, "l%s", server->description + offset);
	else
		add(server, "m%.*s", (int)length, server->description + offset);
	send_content(server);
}

static void list_threads(struct gdb_server *server)
{
	server->length = 0;
	for (unsigned int i = 0; i < server->target->threads; i++)
		add(server, "%c%x", i ? ',' : 'm', ID(i));
	send_content(server);
}

static void describe_thread(struct gdb_server *server, const char *at)
{
	const struct gdb_target *target = server->target;
	char text[64] = "";
	int thread;

	if (!take_thread(server, &at, 0, &thread) || *at || thread == ALL_THREADS) {
		reply_error(server, -EINVAL);
		return;
	}
	target->describe(target->owner, thread, text, sizeof(text));
	server->length = 0;
	add_hex(server, text, strlen(text));
	send_content(server);
}

/* `monitor`: the text goes out in O packets, then an OK */
static void run_command(struct gdb_server *server, const char *hex)
{
	const struct gdb_target *target = server->target;
	char command[MAX_COMMAND + 1], *text = NULL;
	size_t length = gdb_unhex(command, hex, MAX_COMMAND), size, part;
	FILE *to = open_memstream(&text, &size);

	if (!to) {
		reply_error(server, -ENOMEM);
		return;
	}
	command[length] = '\0';
	if (hex[2 * length] || !target->monitor(target->owner, server->selected, command, to))
		fputs("There is no such command; try `monitor help`.\n", to);
	if (fclose(to)) {
		free(text);
		reply_error(server, -ENOMEM);
		return;
	}
	for (size_t sent = 0; sent < size; sent += part) {
		part = size - sent < MAX_OUTPUT ? size - sent : MAX_OUTPUT;
		server->length = 0;
		add(server, "O");
		add_hex(server, text + sent, part);
		send_content(server);
	}
	free(text);
	reply(server, "OK");
}

static void answer_query(struct gdb_server *server, const char *at)
{
	server->length = 0;
	if (starts(&at, "Supported")) {
		note_features(server, at);
	} else if (starts(&at, "Xfer:features:read:")) {
		send_description(server, at);
	} else if (!strcmp(at, "fThreadInfo")) {
		list_threads(server);
	} else if (!strcmp(at, "sThreadInfo")) {
		reply(server, "l");
	} else if (starts(&at, "ThreadExtraInfo,")) {
		describe_thread(server, at);
	} else if (!strcmp(at, "C")) {
		add(server, "QC%x", ID(server->selected));
		send_content(server);
	} else if (starts(&at, "Attached")) {
		reply(server, "1");	/* whoever quits leaves the guest running */
	} else if (!strcmp(at, "Offsets") && server->target->moved) {
		add(server, "TextSeg=%" PRIx64, server->target->first_segment);
		send_content(server);
	} else if (starts(&at, "Symbol:")) {
		reply(server, "OK");
	} else if (starts(&at, "Rcmd,")) {
		run_command(server, at);
	} else {
		reply_unknown(server);
	}
}

static void change_setting(struct gdb_server *server, const char *at)
{
	if (strcmp(at, "StartNoAckMode")) {
		reply_unknown(server);
		return;
	}
	reply(server, "OK");
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
		reply(server, "vCont;c;C;s;S;t;r");
	} else if (starts(&at, "Cont")) {
		if (take_orders(server, at))
			resume(server);
		else
			reply_error(server, -EINVAL);
	} else if (starts(&at, "Kill;")) {
		reply(server, "OK");
		end_guest(server);
	} else {
		reply_unknown(server);
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
	    !take_thread(server, &at, what == 'c' ? ALL_THREADS : (int)server->last.thread,
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

	return take_thread(server, &at, 0, &thread) && !*at ? 0 : -EINVAL;
}

static void detach(struct gdb_server *server)
{
	server->target->detach(server->target->owner);
	reply(server, "OK");
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
		read_all(server);
		break;
	case 'G':
		reply_result(server, write_all_registers(server, at));
		break;
	case 'H':
		reply_result(server, select_thread(server, at));
		break;
	case 'k':
		end_guest(server);
		break;
	case 'm':
		read_memory(server, at);
		break;
	case 'M':
		reply_result(server, write_hex(server, at));
		break;
	case 'p':
		read_one(server, at);
		break;
	case 'P':
		reply_result(server, write_one(server, at));
		break;
	case 'q':
		answer_query(server, at);
		break;
	case 'Q':
		change_setting(server, at);
		break;
	case 'T':
		reply_result(server, look_for_thread(server, at));
		break;
	case 'v':
		answer_verb(server, at);
		break;
	case 'X':
		reply_result(server, write_binary(server, at));
		break;
	case 'z':
		change_breakpoint(server, at, false);
		break;
	case 'Z':
		change_breakpoint(server, at, true);
		break;
	default:
		reply_unknown(server);
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
