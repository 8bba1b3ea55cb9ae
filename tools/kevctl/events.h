/* SPDX-License-Identifier: GPL-2.0 */
/* What comes to a machine from outside: time and standard input, by a thread. */
#ifndef KEVCTL_EVENTS_H
#define KEVCTL_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

/**
 * struct events - time and input of one machine
 * @machine: machine
 * @in: where input comes from
 * @timer: timerfd: the machine's next deadline
 * @wake: eventfd: there is room for input, or it is time to stop
 * @hung_up: called once when there will be no more input
 * @owner: its argument
 * @thread: thread
 * @stop: it is to end [atomic]
 */
struct events {
	struct machine *machine;
	int in;
	int timer;
	int wake;
	void (*hung_up)(void *owner);
	void *owner;
	pthread_t thread;
	bool stop;
};

/* Monotonic time in ns, as machines take it. */
uint64_t events_now(void);

/* What is to be added to events_now() for ns of UTC since 1970. */
uint64_t events_epoch(void);

/**
 * events_init() - open the descriptors
 * @events: machine, in, hung_up and owner set by the caller
 *
 * Return: 0 or a negative errno.
 */
int events_init(struct events *events);

/* Closes what events_init() opened. */
void events_fini(struct events *events);

/**
 * events_start() - let time and input come
 * @events: events
 *
 * Ignores SIGTTIN for good: a job in the background goes on without input.
 *
 * Return: 0 or a negative errno.
 */
int events_start(struct events *events);

/* Undoes events_start(). */
void events_stop(struct events *events);

/* For the machine's hooks of these names. */
void events_alarm(struct events *events, uint64_t deadline);
void events_listen(struct events *events);

#endif /* KEVCTL_EVENTS_H */
