/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gets threads out of system calls that wait for what does not come: a read or a write of
 * which poll() has said that it would not wait, when somebody else was faster.
 */
#ifndef KEVCTL_NUDGE_H
#define KEVCTL_NUDGE_H

#include <pthread.h>

/* How long a thread has that is to end, before it is nudged, and from then to the next time */
#define NUDGE_MS	100

/* Before the first nudge, for all threads */
void nudge_init(void);

/*
 * nudge() - let what a thread waits in fail with EINTR
 *
 * It may have ended, but not been joined. A thread that is about to wait does not notice: who
 * nudges does so again and again.
 */
void nudge(pthread_t thread);

/* Wait for a thread that has been told to end, and nudge it. */
void nudge_join(pthread_t thread);

#endif /* KEVCTL_NUDGE_H */
