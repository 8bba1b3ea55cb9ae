/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where counters come from. Root reads those of all VMs in debugfs; everybody else, and root
 * where there is no debugfs, asks the kevctl processes of the user.
 */
#ifndef KEVCTL_SOURCE_H
#define KEVCTL_SOURCE_H

#include <stdbool.h>

#include "sample.h"

#define DEBUGFS	"/sys/kernel/debug"

/* @debugfs: where it is mounted, or NULL: it is not used */
struct source {
	const char *debugfs;
};

/**
 * source_open() - choose, and say so on stderr where it is not what the user expects
 * @source: out
 * @debugfs: where debugfs is mounted as the user says, or NULL
 *
 * Return: 0 or a negative errno after a message.
 */
int source_open(struct source *source, const char *debugfs);

/**
 * source_read() - take samples of all VMs
 * @source: source
 * @samples: out; samples_fini() is due if this returns 0
 *
 * Return: 0 or a negative errno.
 */
int source_read(const struct source *source, struct samples *samples);

#endif /* KEVCTL_SOURCE_H */
