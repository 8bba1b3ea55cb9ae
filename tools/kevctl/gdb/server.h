/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GDB remote protocol: what is asked, and what is answered. Knows no transport and no
 * kev: bytes come in by a call, and go out and to the guest by the target's functions.
 * GDB manual, appendix "Remote Serial Protocol". All-stop mode: either all threads, which are
 * the vCPUs, are stopped, or some run and the debugger waits.
 */
#ifndef KEVCTL_GDB_SERVER_H
#define KEVCTL_GDB_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "registers.h"

/* Signals in GDB's own numbering */
enum gdb_signal {
	GDB_SIGNAL_0 = 0,
	GDB_SIGNAL_INT = 2,
	GDB_SIGNAL_ILL = 4,
	GDB_SIGNAL_TRAP = 5,
	GDB_SIGNAL_ABRT = 6,
	GDB_SIGNAL_KILL = 9,
	GDB_SIGNAL_BUS = 10,
	GDB_SIGNAL_SEGV = 11,
	GDB_SIGNAL_TERM = 15,
};

/* What a thread does from now on */
enum gdb_action { GDB_STAY, GDB_CONTINUE, GDB_STEP };

/*
 * One thread's orders. GDB_STEP: at least one instruction, and more of them while the
 * address of the next is from @start to before @end.
 */
struct gdb_order {
	enum gdb_action action;
	uint64_t start, end;
};

/* Kinds of breakpoints, as the packets Z and z number them */
enum gdb_breakpoint {
	GDB_SOFTWARE,
	GDB_HARDWARE,
	GDB_WATCH_WRITE,
	GDB_WATCH_READ,
	GDB_WATCH_ACCESS,
	GDB_NR_BREAKPOINTS
};

/**
 * struct gdb_stop - why the threads have stopped
 * @thread: the one it is about
 * @signal: GDB's
 * @at_breakpoint: @kind counts, and for watchpoints @address
 */
struct gdb_stop {
	unsigned int thread;
	enum gdb_signal signal;
	bool at_breakpoint;
	enum gdb_breakpoint kind;
	uint64_t address;
};

/**
 * struct gdb_target - the guest, as the protocol sees it
 * @owner: first argument of the functions
 * @threads: how many vCPUs there are
 * @shape: GDB_SHAPE_*: what the vCPUs are shown as
 * @moved: the image is not where its file says:
 * @first_segment: there its first segment is
 * @send: bytes for the debugger
 * @read_registers: 0 or a negative errno
 * @write_registers: of the groups @groups; 0 or a negative errno
 * @read_memory: guest-virtual, by the paging of @thread: bytes copied or a negative errno
 * @write_memory: likewise
 * @insert: a breakpoint that holds for all threads; 0, -EOPNOTSUPP for a kind that there is
 *	not, or another negative errno. @thread's paging counts
 * @remove: likewise
 * @resume: let the threads do what @orders say; gdb_server_stopped() is due later
 * @interrupt: the debugger wants the threads to stop; gdb_server_stopped() is due
 * @detach: no more breakpoints; the threads run on
 * @kill: end the guest
 * @describe: state of a thread in words
 * @monitor: the user's own command; false if there is none like it
 *
 * All are called from gdb_server_take(), by its caller's thread.
 */
struct gdb_target {
	void *owner;
	unsigned int threads;
	unsigned int shape;
	bool moved;
	uint64_t first_segment;
	void (*send)(void *owner, const char *bytes, size_t length);
	int (*read_registers)(void *owner, unsigned int thread, struct gdb_registers *registers);
	int (*write_registers)(void *owner, unsigned int thread, struct gdb_registers *registers,
			       uint32_t groups);
	ssize_t (*read_memory)(void *owner, unsigned int thread, uint64_t address, void *buffer,
			       size_t length);
	ssize_t (*write_memory)(void *owner, unsigned int thread, uint64_t address,
				const void *buffer, size_t length);
	int (*insert)(void *owner, unsigned int thread, enum gdb_breakpoint kind,
		      uint64_t address, uint64_t length);
	int (*remove)(void *owner, unsigned int thread, enum gdb_breakpoint kind,
		      uint64_t address, uint64_t length);
	void (*resume)(void *owner, const struct gdb_order *orders);
	void (*interrupt)(void *owner);
	void (*detach)(void *owner);
	void (*kill)(void *owner);
	void (*describe)(void *owner, unsigned int thread, char *text, size_t size);
	bool (*monitor)(void *owner, unsigned int thread, const char *command, FILE *to);
};

struct gdb_server;

/**
 * gdb_server_create() - a debugger has connected
 * @target: guest, whose threads are all stopped; has to stay
 *
 * Return: the server, or NULL without memory.
 */
struct gdb_server *gdb_server_create(const struct gdb_target *target);
void gdb_server_destroy(struct gdb_server *server);

/**
 * gdb_server_take() - bytes from the debugger
 * @server: server
 * @bytes: bytes
 * @length: how many
 *
 * Return: false once the debugger has detached or has killed the guest: it is to be hung up on.
 */
bool gdb_server_take(struct gdb_server *server, const void *bytes, size_t length);

/* gdb_server_running() - has the debugger let threads go, and waits for a stop */
bool gdb_server_running(const struct gdb_server *server);

/**
 * gdb_server_stopped() - all threads have stopped
 * @server: server, gdb_server_running()
 * @stop: why
 */
void gdb_server_stopped(struct gdb_server *server, const struct gdb_stop *stop);

/**
 * gdb_server_ended() - the guest has ended
 * @server: server
 * @signal: GDB's number, or GDB_SIGNAL_0:
 * @status: exit status
 */
void gdb_server_ended(struct gdb_server *server, enum gdb_signal signal, uint8_t status);

#endif /* KEVCTL_GDB_SERVER_H */
