/* SPDX-License-Identifier: GPL-2.0 */
/* A TAP device of the host. */
#ifndef KEVCTL_TAP_H
#define KEVCTL_TAP_H

#include "wire.h"

/**
 * tap_open() - take a TAP device, or say why not
 * @wire: out
 * @name: an interface, made if it is not there; "" makes one with a name of the kernel's
 *
 * One that is made is brought up, which is told on stderr, and goes when the wire is closed.
 *
 * Return: 0 or a negative errno.
 */
int tap_open(struct wire **wire, const char *name);

#endif /* KEVCTL_TAP_H */
