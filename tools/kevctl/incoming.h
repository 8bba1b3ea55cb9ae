/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that come in. */
#ifndef KEVCTL_INCOMING_H
#define KEVCTL_INCOMING_H

/**
 * incoming_accept() - take a connection that waits
 * @listener: socket, which does not block
 *
 * A connection that cannot be taken for want of descriptors or memory goes on waiting, and
 * poll() tells of it again at once: then this returns a moment later.
 *
 * Return: a socket that does not block, or -1.
 */
int incoming_accept(int listener);

#endif /* KEVCTL_INCOMING_H */
