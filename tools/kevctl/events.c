// SPDX-License-Identifier: GPL-2.0
/* What comes to a machine from outside. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "events.h"
#include "nudge.h"
#include "terminal.h"

uint64_t events_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t events_epoch(void)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

int events_init(struct events *events)
{
	events->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (events->timer < 0)
		return -errno;
	events->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (events->wake < 0) {
		close(events->timer);
		return -errno;
	}
	return 0;
}

void events_fini(struct events *events)
{
	close(events->wake);
	close(events->timer);
}

void events_alarm(struct events *events, uint64_t deadline)
{
	struct itimerspec time = { };	/* all zero: never */

	if (deadline != PIT_NEVER) {
		time.it_value.tv_sec = deadline / NSEC_PER_SEC;
		time.it_value.tv_nsec = deadline % NSEC_PER_SEC;
	}
	timerfd_settime(events->timer, TFD_TIMER_ABSTIME, &time, NULL);
}

void events_listen(struct events *events)
{
	eventfd_write(events->wake, 1);
}

/* How long to wait before the next, as poll() takes it */
static int take_input(struct events *events, unsigned int room)
{
	uint8_t bytes[UART_FIFO];
	ssize_t n = read(events->in, bytes, room < sizeof(bytes) ? room : sizeof(bytes));

	if (n > 0) {
		machine_receive(events->machine, bytes, n, events_now());
		return -1;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -1;
	if (n < 0 && terminal_is_others(events->in, errno))
		return TERMINAL_PAUSE;
	machine_hang_up(events->machine);
	events->hung_up(events->owner);
	return -1;
}

static void *events_thread(void *argument)
{
	enum { TIMER, WAKE, INPUT };
	struct events *events = argument;
	struct pollfd fds[] = {
		[TIMER] = { .fd = events->timer, .events = POLLIN },
		[WAKE] = { .fd = events->wake, .events = POLLIN },
		[INPUT] = { .events = POLLIN },
	};
	unsigned int room;
	eventfd_t count;
	int pause = -1;

	while (!__atomic_load_n(&events->stop, __ATOMIC_ACQUIRE)) {
		room = machine_room(events->machine);
		fds[INPUT].fd = room && pause < 0 ? events->in : -1;
		if (poll(fds, 3, pause < 0 ? terminal_wait() : pause) < 0)
			continue;	/* a signal: only EINTR is possible */
		pause = -1;
		if (fds[WAKE].revents)
			eventfd_read(events->wake, &count);
		if (fds[TIMER].revents && read(events->timer, &count, sizeof(count)) > 0)
			machine_advance(events->machine, events_now());
		if (fds[INPUT].revents)
			pause = take_input(events, room);
	}
	return NULL;
}

int events_start(struct events *events)
{
	signal(SIGTTIN, SIG_IGN);
	return -pthread_create(&events->thread, NULL, events_thread, events);
}

void events_stop(struct events *events)
{
	__atomic_store_n(&events->stop, true, __ATOMIC_RELEASE);
	eventfd_write(events->wake, 1);
	/* A vCPU may have taken the input that was there. */
	nudge_join(events->thread);
}
