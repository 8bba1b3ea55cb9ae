/* SPDX-License-Identifier: GPL-2.0 */
/* A buffer of kevctl's own for kev's trace events: an instance in tracefs. */
#ifndef KEVCTL_TRACEFS_H
#define KEVCTL_TRACEFS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define TRACEFS	"/sys/kernel/tracing"

/* @path: of the instance; "": there is none. @pipe: trace_pipe, or -1; does not block. */
struct tracefs {
	char path[PATH_MAX];
	int pipe;
};

/**
 * tracefs_open() - make an instance, with no event enabled, or say what is wrong
 * @tracefs: out
 * @dir: where tracefs is mounted, or NULL
 * @buffer_kib: size of the buffer of each CPU
 *
 * Its clock is the TSC. Removes what killed processes have left.
 *
 * Return: 0 or a negative errno.
 */
int tracefs_open(struct tracefs *tracefs, const char *dir, unsigned int buffer_kib);

/* tracefs_close() - remove the instance; after tracefs_open(), whatever that has returned */
void tracefs_close(struct tracefs *tracefs);

/**
 * tracefs_enable() - let events come, or say what is wrong
 * @tracefs: instance
 * @event: of kev, or NULL: all
 * @vm: those of one VM, 0: of all
 *
 * Return: 0 or a negative errno.
 */
int tracefs_enable(const struct tracefs *tracefs, const char *event, uint64_t vm);

/* tracefs_stop() - no more events; those in the buffer can be read */
void tracefs_stop(const struct tracefs *tracefs);

#endif /* KEVCTL_TRACEFS_H */
