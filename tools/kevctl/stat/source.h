/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where counters come from. Root reads those of all VMs in debugfs; everybody else, and root
 * where there is no debugfs, asks the kevctl processes of the user.
 */
#ifndef KEVCTL_SOURCE_H
#define KEVCTL_SOURCE_H

#include <sys/types.h>

#include "sample.h"

#define DEBUGFS	"/sys/kernel/debug"

/*
 * @debugfs: where it is mounted, or NULL: it is not used. @silent: the processes that have not
 * answered the last time, @nr_silent of them
 */
struct source {
	const char *debugfs;
	pid_t *silent;
	unsigned int nr_silent;
};

/**
 * source_open() - choose, and say so on stderr where it is not what the user expects
 * @source: out
 * @debugfs: where debugfs is mounted as the user says, or NULL
 *
 * Return: 0 or a negative errno after a message. source_fini() is due if this returns 0.
 */
int source_open(struct source *source, const char *debugfs);

/**
 * source_read() - take samples of all VMs
 * @source: source
 * @samples: out; samples_fini() is due if this returns 0
 *
 * A process that does not answer, as it is stopped, is waited for two seconds once, and then a
 * tenth of one; its guest is not among the samples.
 *
 * Return: 0 or a negative errno.
 */
int source_read(struct source *source, struct samples *samples);

/* source_say_silent() - on stderr, which processes have not answered */
void source_say_silent(const struct source *source);

void source_fini(struct source *source);

#endif /* KEVCTL_SOURCE_H */
