/* SPDX-License-Identifier: GPL-2.0 */
/* What `--net user` can be told behind its commas. */
#ifndef NET_USER_OPTIONS_H
#define NET_USER_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>

#define MAX_FORWARDS	32

/* A port of the host's that leads to the guest */
struct forward {
	bool udp;
	struct in_addr address;	/* the host's */
	uint16_t port, guest_port;
};

/**
 * struct options - a network
 * @network: its first address, in the host's byte order
 * @prefix: length of the network's part of an address, in bits
 * @loopback: the guest reaches what listens on the host's loopback
 * @forwards: see there
 * @nr_forwards: how many
 */
struct options {
	uint32_t network;
	unsigned int prefix;
	bool loopback;
	struct forward forwards[MAX_FORWARDS];
	unsigned int nr_forwards;
};

/**
 * options_parse() - read the words, or say what is wrong with one
 * @options: out
 * @words: net=A.B.C.D/PREFIX, loopback and hostfwd={tcp|udp}:[ADDRESS:]PORT-PORT, NULL
 *	behind the last one
 *
 * Return: 0 or -EINVAL.
 */
int options_parse(struct options *options, char *const words[]);

#endif /* NET_USER_OPTIONS_H */
