/* SPDX-License-Identifier: GPL-2.0 */
/* A TAP device of the host: frames in and out, and whether its link is up. */
#ifndef KEVCTL_TAP_H
#define KEVCTL_TAP_H

#include <net/if.h>
#include <stdbool.h>

/**
 * struct tap - a TAP device
 * @fd: frames, each behind a struct net_header; does not block
 * @link: netlink socket, readable when the state of some link has changed
 * @index: number of the interface
 * @name: its name
 * @created: tap_open() has made it
 * @up: it is up and has a carrier
 */
struct tap {
	int fd;
	int link;
	int index;
	char name[IFNAMSIZ];
	bool created;
	bool up;
};

/**
 * tap_open() - take a TAP device, or say why not
 * @tap: out
 * @name: an interface, made if it is not there; "" makes one with a name of the kernel's
 *
 * One that is made is brought up, and goes when the last descriptor is closed.
 *
 * Return: 0 or a negative errno.
 */
int tap_open(struct tap *tap, const char *name);
void tap_close(struct tap *tap);

/* Bring @up up to date with what the netlink socket has. */
void tap_read_link(struct tap *tap);

#endif /* KEVCTL_TAP_H */
