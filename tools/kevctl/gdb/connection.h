/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the server share: one connection, what comes in and what goes out. */
#ifndef KEVCTL_GDB_CONNECTION_H
#define KEVCTL_GDB_CONNECTION_H

#include "packet.h"
#include "server.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* GDB counts threads from 1; 0 is any, -1 all of them. */
#define ID(thread)	((thread) + 1)
#define ALL_THREADS	(-1)

#define MAX_MEMORY	(GDB_PACKET_SIZE / 2)

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
 * @ordered: which of them the packet has given
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
	bool *ordered;
	char *description;
	uint8_t memory[MAX_MEMORY];
	size_t length;
	char content[GDB_PACKET_SIZE + 1];
	size_t frame_length;
	char frame[GDB_FRAME_SIZE];
};

/* Put together what goes out: from an empty content, by adding, to sending it. */
__attribute__((format(printf, 2, 3)))
void gdb_add(struct gdb_server *server, const char *format, ...);
void gdb_add_hex(struct gdb_server *server, const void *bytes, size_t length);
void gdb_send(struct gdb_server *server);

/* Replies by themselves: text, a negative errno, 0 or one, and that there is no such packet */
void gdb_reply(struct gdb_server *server, const char *text);
void gdb_reply_error(struct gdb_server *server, int error);
void gdb_reply_result(struct gdb_server *server, int error);
void gdb_reply_unknown(struct gdb_server *server);

/*
 * Read what has come in from *@at on, which moves behind what is taken. Each returns whether it
 * was there: a word, a number, ADDRESS,LENGTH, and a thread, from 0, or ALL_THREADS; GDB's
 * "any thread" is given as @any.
 */
bool gdb_starts(const char **at, const char *prefix);
bool gdb_take_number(const char **at, uint64_t *value);
bool gdb_take_range(const char **at, uint64_t *address, uint64_t *length);
bool gdb_take_thread(const struct gdb_server *server, const char **at, int any, int *thread);

/* Registers of a thread, ready for gdb_register_get() and gdb_register_set() */
int gdb_read_registers(struct gdb_server *server, unsigned int thread,
		       struct gdb_registers *registers);
void gdb_add_register(struct gdb_server *server, const struct gdb_registers *registers,
		      unsigned int number);
int gdb_set_rip(struct gdb_server *server, unsigned int thread, uint64_t rip);

/* Packets, from behind their letter on: g, G, p, P, m, M, X, Z and z, q */
void gdb_answer_read_all(struct gdb_server *server);
int gdb_answer_write_all(struct gdb_server *server, const char *hex);
void gdb_answer_read_one(struct gdb_server *server, const char *at);
int gdb_answer_write_one(struct gdb_server *server, const char *at);
void gdb_answer_read_memory(struct gdb_server *server, const char *at);
int gdb_answer_write_hex(struct gdb_server *server, const char *at);
int gdb_answer_write_binary(struct gdb_server *server, const char *at);
void gdb_answer_breakpoint(struct gdb_server *server, const char *at, bool insert);
void gdb_answer_query(struct gdb_server *server, const char *at);

#endif /* KEVCTL_GDB_CONNECTION_H */
