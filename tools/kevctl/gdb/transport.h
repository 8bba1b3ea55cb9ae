/* SPDX-License-Identifier: GPL-2.0 */
/* Where a debugger connects: a TCP port of this host only, or a socket in the file system. */
#ifndef KEVCTL_GDB_TRANSPORT_H
#define KEVCTL_GDB_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct gdb_transport - one place to connect to, and one connection at a time
 * @listener: socket
 * @connection: socket, or -1
 * @directory: that a socket in the file system is in, or -1
 * @name: its name there
 * @stop: descriptor: readable when nothing shall wait for the debugger any more
 */
struct gdb_transport {
	int listener;
	int connection;
	int directory;
	const char *name;
	int stop;
};

/**
 * gdb_transport_open() - listen, and say on stderr where, or what is wrong
 * @transport: out, but for stop
 * @where: PORT or unix:PATH; port 0 is any that is free
 *
 * Return: 0 or a negative errno.
 */
int gdb_transport_open(struct gdb_transport *transport, const char *where);
void gdb_transport_close(struct gdb_transport *transport);

/* gdb_transport_accept() - take a connection that waits, if it still does */
void gdb_transport_accept(struct gdb_transport *transport);
void gdb_transport_hang_up(struct gdb_transport *transport);

/**
 * gdb_transport_send() - send all of it, or lose it if the debugger or the VM goes away
 * @transport: transport with a connection
 * @bytes: bytes
 * @length: how many
 */
void gdb_transport_send(struct gdb_transport *transport, const char *bytes, size_t length);

#endif /* KEVCTL_GDB_TRANSPORT_H */
