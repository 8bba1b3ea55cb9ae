/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of sample.h of one VM, by the process that runs it. */
#ifndef KEVCTL_TELL_H
#define KEVCTL_TELL_H

#include <stddef.h>

struct session;

/**
 * tell_counters() - what a session's VM and vCPUs have counted
 * @session: session
 * @length: out: bytes
 *
 * Return: a text for free(), or NULL.
 */
char *tell_counters(const struct session *session, size_t *length);

#endif /* KEVCTL_TELL_H */
