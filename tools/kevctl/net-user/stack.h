/* SPDX-License-Identifier: GPL-2.0 */
/* libslirp between a guest's frames and the host's sockets. */
#ifndef NET_USER_STACK_H
#define NET_USER_STACK_H

#include "options.h"

struct stack;

/**
 * stack_open() - make the network, with its forwarded ports, or say why not
 * @options: which one
 * @cable: socket: a frame in each message, both ways
 *
 * Return: the stack, or NULL.
 */
struct stack *stack_open(const struct options *options, int cable);

/* Serve the guest until the far end of the cable is closed. */
void stack_run(struct stack *stack);

/* Ends all connections and gives the ports back. */
void stack_close(struct stack *stack);

#endif /* NET_USER_STACK_H */
