/* SPDX-License-Identifier: GPL-2.0 */
/* --net: the network card of a guest, and its way to the host. */
#ifndef KEVCTL_NET_H
#define KEVCTL_NET_H

#include <stdbool.h>

#include "../machine/machine.h"
#include "../stats.h"

struct net;

/**
 * net_open() - take what --net names, or say what is wrong with it
 * @net: out
 * @option: the option's value: tap, the name of a TAP device, or user; behind a comma each
 *	mac=ADDRESS, legacy and modern, and for user what kev-net-user takes
 * @sandbox: SANDBOX_*: parts of that program's sandbox to leave out
 * @log: where that program's messages go once it runs
 *
 * Return: 0, or the exit status.
 */
int net_open(struct net **net, const char *option, unsigned int sandbox, int log);
void net_close(struct net *net);

/**
 * net_attach() - give a machine the card
 * @net: net
 * @machine: machine with interrupt controllers
 * @vm: VM fd
 * @hermit: the guest is a Hermit image, whose drivers only take a modern card
 *
 * Return: 0 or a negative errno.
 */
int net_attach(struct net *net, struct machine *machine, int vm, bool hermit);

/**
 * net_start() - let frames come
 * @net: attached net
 *
 * Return: 0 or a negative errno.
 */
int net_start(struct net *net);

/* Let what its thread waits in fail with EINTR: a message that nobody reads, for example. */
void net_nudge(struct net *net);

/* Undoes net_start(), at once. */
void net_stop(struct net *net);

/* What went through */
void net_add_stats(struct stats_list *list, const struct net *net);

#endif /* KEVCTL_NET_H */
