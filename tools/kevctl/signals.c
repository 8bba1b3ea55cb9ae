// SPDX-License-Identifier: GPL-2.0
/* Signals that are read, not handled. */
#include <sys/signalfd.h>

#include "signals.h"

bool signals_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

int signals_open(const int *signals, size_t nr, sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < nr; i++)
		if (!signals_ignored(signals[i]))
			sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC);
}
