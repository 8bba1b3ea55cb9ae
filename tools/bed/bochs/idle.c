// SPDX-License-Identifier: GPL-2.0
/*
 * When every processor of the machine is halted, Bochs' terminal display sleeps for a millisecond
 * before it lets the machine's time go on to the next timer. That makes a machine's waits very
 * long: an RCU grace period, for one. It sleeps by select() on its standard input; here that call
 * returns at once. With $BED_IDLE_SLEEPS set it sleeps: a shell that waits for somebody to type
 * need not keep a processor busy.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/select.h>

#include "bed.h"

int select(int n, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout)
{
	static int (*real)(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t);
	static int sleeps;

	if (!real) {
		real = dlsym(RTLD_NEXT, "select");
		sleeps = !!getenv("BED_IDLE_SLEEPS");
	}
	if (!sleeps && n == 1 && timeout && !timeout->tv_sec && timeout->tv_usec == 1000)
		return 0;
	return real(n, readfds, writefds, exceptfds, timeout);
}
