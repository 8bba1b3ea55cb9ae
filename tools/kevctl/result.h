/* SPDX-License-Identifier: GPL-2.0 */
/* What `kevctl run --json=FILE` leaves in FILE: one object that says how the run ended. */
#ifndef KEVCTL_RESULT_H
#define KEVCTL_RESULT_H

#include "dump.h"
#include "run_image.h"
#include "session.h"
#include "stats.h"

/**
 * struct result - the file, and what will be written to it
 * @path: its name, or NULL: there is none
 * @fd: the file, open
 * @body: members of the object, but the first and the last
 * @text: them
 * @length: how many bytes
 */
struct result {
	const char *path;
	int fd;
	FILE *body;
	char *text;
	size_t length;
};

/**
 * result_open() - open the file and make it empty, or say why not
 * @result: out
 * @path: its name, or NULL
 *
 * Before anything else of the run: it tells of all that goes wrong from here on.
 *
 * Return: 0 or a negative errno; only then there is nothing to close.
 */
int result_open(struct result *result, const char *path);

/* outcome_step() - what went wrong, where @kind is an error's, or NULL */
const char *outcome_step(enum outcome_kind kind);

/**
 * result_tell() - say how the guest ended
 * @result: result
 * @session: session, after session_run()
 * @image: its image
 * @dump: shows where its vCPUs are
 * @stats: statistics, or NULL
 */
void result_tell(struct result *result, const struct session *session,
		 const struct run_image *image, struct dump *dump, const struct stats_list *stats);

/**
 * result_close() - write the object
 * @result: result
 * @image: the image's name
 * @status: exit status
 *
 * Return: the exit status; STATUS_FAILURE, after a message, if it could not be written.
 */
int result_close(struct result *result, const char *image, int status);

#endif /* KEVCTL_RESULT_H */
