// SPDX-License-Identifier: GPL-2.0
/* Gets threads out of system calls that wait for what does not come. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "nudge.h"

#define MS_NS		1000000L
#define SECOND_NS	1000000000L

static void do_nothing(int signal)
{
	(void)signal;
}

void nudge_init(void)
{
	/* Without SA_RESTART */
	const struct sigaction action = { .sa_handler = do_nothing };
	sigset_t set;

	sigaction(SIGRTMIN, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void nudge(pthread_t thread)
{
	pthread_kill(thread, SIGRTMIN);
}

void nudge_join(pthread_t thread)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += NUDGE_MS * MS_NS;
		if (until.tv_nsec >= SECOND_NS) {
			until.tv_sec++;
			until.tv_nsec -= SECOND_NS;
		}
		if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
			return;
		nudge(thread);
	}
}
