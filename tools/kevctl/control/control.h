/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kevctl that runs a guest offers to others of its user, by the socket of its runtime
 * directory. A client sends one line:
 *
 *	stats	gets the counters as stat/sample.h describes them, then the end
 *	console	gets the line "ok", the last bytes of the guest's console, then what the guest
 *		prints; what it sends is the guest's input, where the guest was started in
 *		the background. Or it gets the line "busy".
 *
 * One thread serves all of them. None of them can hold the guest up: who does not read loses
 * bytes of the console.
 */
#ifndef KEVCTL_CONTROL_H
#define KEVCTL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_STATS	"stats"
#define CONTROL_CONSOLE	"console"

#define CONTROL_OK	"ok\n"
#define CONTROL_BUSY	"busy\n"

/* Descriptors that clients take, and how many may look at the console: others have a word */
#define CONTROL_FILES		8
#define CONTROL_CONSOLES	(CONTROL_FILES - 1)

struct control;
struct runtime_info;
struct sandbox_path;
struct session;

/**
 * control_open() - make this process's entry
 * @info: what to tell
 * @input: whether clients of the console have the guest's input
 * @control: out
 *
 * Return: 0 or a negative errno.
 */
int control_open(const struct runtime_info *info, bool input, struct control **control);

/* control_close() - undo it, also of NULL */
void control_close(struct control *control);

/* control_input() - where the clients' input comes out, or -1 */
int control_input(const struct control *control);

/**
 * control_paths() - what it removes at its end
 * @control: control
 * @paths: out
 *
 * Return: how many, at most CONTROL_PATHS.
 */
#define CONTROL_PATHS	2
unsigned int control_paths(const struct control *control, struct sandbox_path *paths);

/**
 * control_start() - serve clients, in a thread of its own
 * @control: control
 * @session: whose VM and vCPUs are theirs
 *
 * Return: 0 or a negative errno; without an error control_stop() is due.
 */
int control_start(struct control *control, struct session *session);

/**
 * control_turn() - wait for clients once, and serve those that have something
 * @control: control
 * @timeout: at most so many milliseconds; -1: without an end
 *
 * What the thread of control_start() does all the time, for a caller that has none.
 */
void control_turn(struct control *control, int timeout);

/* control_stop() - the console has ended: send what is left of it, and end the thread */
void control_stop(struct control *control);

/* control_console() - the guest has printed these bytes; from any thread */
void control_console(void *control, const void *bytes, size_t length);

#endif /* KEVCTL_CONTROL_H */
