/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest behind a TAP device of the bed's, or behind kev-net-user: `kevctl run --net` with one
 * of the guests net, net_modern and net_dhcp, and sockets that lead to it.
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NET_TAP		"kevtap"
#define NET_PORT_ECHO	7

#define NET_WAIT_MS	60000	/* until something is lost for good */

/**
 * struct kt_net - the guest
 * @pid: kevctl, 0 once it has ended
 * @output: what the guest prints
 * @text: of that, what was read
 * @length: its bytes
 */
struct kt_net {
	pid_t pid;
	int output;
	char text[256];
	size_t length;
};

/* Start @guest and give the host its address; -ENODEV: there are no TAP devices. */
int kt_net_start(struct kt_net *net, const char *guest);

/* The same behind kev-net-user, at the forwarded ports of 127.0.0.1; -ENOENT: there is none */
int kt_net_start_user(struct kt_net *net, const char *guest);

/* Wait until the guest has printed @text. */
bool kt_net_printed(struct kt_net *net, const char *text);

/* Pull the cable of the guest, or plug it in: 0 or a negative errno */
int kt_net_set_up(bool up);

/* Is there a TAP device? */
bool kt_net_exists(void);

/* A socket that is connected to the guest, or a negative errno */
int kt_net_socket(int type, int protocol, unsigned int port);

/* Wait until there is something to read. */
bool kt_net_readable(int fd);

/* Bytes that nobody else sends */
void kt_net_fill(uint8_t *bytes, size_t length, uint32_t seed);

/* Send a datagram of @length bytes and get it back. */
bool kt_net_datagram(size_t length);

/* Send @length bytes while they come back, and end the connection. */
bool kt_net_stream(size_t length);

/* Let the guest end with @code; kevctl's exit status, or minus a signal */
int kt_net_end(struct kt_net *net, uint8_t code);
/* Wait for it. */
int kt_net_status(struct kt_net *net);
/* Whatever state it is in */
void kt_net_kill(struct kt_net *net);

#endif /* NET_H */
