// SPDX-License-Identifier: GPL-2.0
/* libslirp between a guest's frames and the host's sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <slirp/libslirp.h>

#include "../kevctl.h"
#include "filter.h"
#include "stack.h"

/* Frames that are taken before other descriptors are looked at */
#define BURST		64

#define MS_NS		1000000LL
#define SECOND_NS	1000000000LL

/* Where who is in the network, as with other VMMs that use libslirp */
#define HOST_PART	2
#define NAMES_PART	3
#define GUEST_PART	15

#define PREFIX6		64

/* One of libslirp's; @expires: in ms, -1: never */
struct timer {
	struct timer *next;
	SlirpTimerCb call;
	void *argument;
	int64_t expires;
};

/**
 * struct stack - a network
 * @slirp: of libslirp's
 * @cable: socket to the guest
 * @loopback: the guest may reach the host's loopback
 * @gone: the far end has been closed
 * @timers: all of them
 * @fds: what poll() waits for; the cable first
 * @nr_fds: how many
 * @room: how many there can be
 */
struct stack {
	Slirp *slirp;
	int cable;
	bool loopback;
	bool gone;
	struct timer *timers;
	struct pollfd *fds;
	size_t nr_fds, room;
};

static int64_t clock_ns(void *opaque)
{
	struct timespec now;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/*
 * Waits for the guest when it has much to read: what is dropped comes again late. At the end
 * nobody is told: libslirp would complain on stderr.
 */
static ssize_t send_packet(const void *frame, size_t length, void *opaque)
{
	struct stack *stack = opaque;

	while (write(stack->cable, frame, length) < 0) {
		if (errno == EINTR)
			continue;
		stack->gone = true;
		break;
	}
	return length;
}

static void guest_error(const char *text, void *opaque)
{
	/* The guest's own affair, and it could have any number of them. */
	(void)text;
	(void)opaque;
}

static void *timer_new(SlirpTimerCb call, void *argument, void *opaque)
{
	struct stack *stack = opaque;
	struct timer *timer = malloc(sizeof(*timer));

	if (!timer)
		abort();
	*timer = (struct timer){
		.next = stack->timers, .call = call, .argument = argument, .expires = -1,
	};
	stack->timers = timer;
	return timer;
}

static void timer_free(void *timer, void *opaque)
{
	struct stack *stack = opaque;
	struct timer **link = &stack->timers;

	while (*link && *link != timer)
		link = &(*link)->next;
	if (*link)
		*link = (*link)->next;
	free(timer);
}

static void timer_mod(void *pointer, int64_t expires, void *opaque)
{
	struct timer *timer = pointer;

	(void)opaque;
	timer->expires = expires;
}

/* poll() is asked anew each time: nothing to do. */
static void ignore_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void ignore(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = ignore_fd,
	.unregister_poll_fd = ignore_fd,
	.notify = ignore,
};

static struct in_addr address(const struct options *options, unsigned int part)
{
	return (struct in_addr){ .s_addr = htonl(options->network + part) };
}

static int add_forward(struct stack *stack, const struct forward *forward)
{
	const struct in_addr first_guest = { };

	/* libslirp's own error is in errno. */
	if (!slirp_add_hostfwd(stack->slirp, forward->udp, forward->address, forward->port,
			       first_guest, forward->guest_port))
		return 0;
	message("--net", "user: %s port %u: %s", forward->udp ? "UDP" : "TCP", forward->port,
		strerror(errno));
	return -errno;
}

struct stack *stack_open(const struct options *options, int cable)
{
	SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork = address(options, 0),
		.vnetmask.s_addr = htonl(~(UINT32_MAX >> options->prefix)),
		.vhost = address(options, HOST_PART),
		.vnameserver = address(options, NAMES_PART),
		.vdhcp_start = address(options, GUEST_PART),
		.in6_enabled = true,
		.vprefix_len = PREFIX6,
		.disable_host_loopback = !options->loopback,
	};
	struct stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return NULL;
	inet_pton(AF_INET6, "fec0::", &config.vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &config.vhost6);
	inet_pton(AF_INET6, "fec0::3", &config.vnameserver6);
	stack->cable = cable;
	stack->loopback = options->loopback;
	stack->slirp = slirp_new(&config, &callbacks, stack);
	if (!stack->slirp) {
		message("--net", "user: libslirp cannot make the network");
		free(stack);
		return NULL;
	}
	for (unsigned int i = 0; i < options->nr_forwards; i++) {
		if (add_forward(stack, &options->forwards[i])) {
			stack_close(stack);
			return NULL;
		}
	}
	return stack;
}

void stack_close(struct stack *stack)
{
	slirp_cleanup(stack->slirp);
	free(stack->fds);
	free(stack);
}

/* libslirp's bits are not poll()'s. */
static const struct {
	int slirp;
	short poll;
} events[] = {
	{ SLIRP_POLL_IN, POLLIN }, { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

/* Returns an index for get_events(). */
static int add_fd(int fd, int wanted, void *opaque)
{
	struct stack *stack = opaque;
	struct pollfd *entry;

	if (stack->nr_fds == stack->room) {
		stack->room = stack->room ? 2 * stack->room : BURST;
		stack->fds = realloc(stack->fds, stack->room * sizeof(*stack->fds));
		if (!stack->fds)
			abort();
	}
	entry = &stack->fds[stack->nr_fds];
	*entry = (struct pollfd){ .fd = fd };
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (wanted & events[i].slirp)
			entry->events |= events[i].poll;
	return stack->nr_fds++;
}

static int get_events(int index, void *opaque)
{
	const struct stack *stack = opaque;
	int got = 0;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (stack->fds[index].revents & events[i].poll)
			got |= events[i].slirp;
	return got;
}

static void take_frames(struct stack *stack)
{
	uint8_t frame[FRAME_MAX];
	ssize_t n;

	for (unsigned int i = 0; i < BURST; i++) {
		/* With MSG_TRUNC the length is the frame's own. */
		n = recv(stack->cable, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			stack->gone = true;
			return;
		}
		if (n <= FRAME_MAX && (stack->loopback || !filter_is_loopback(frame, n)))
			slirp_input(stack->slirp, frame, n);
	}
}

static int64_t now_ms(void)
{
	return clock_ns(NULL) / MS_NS;
}

/* How long poll() may wait, if libslirp allows @timeout */
static int wait_ms(const struct stack *stack, uint32_t timeout)
{
	int64_t least = timeout == UINT32_MAX ? INT_MAX : timeout, left;

	for (const struct timer *timer = stack->timers; timer; timer = timer->next) {
		left = timer->expires < 0 ? INT_MAX : timer->expires - now_ms();
		if (left < least)
			least = left < 0 ? 0 : left;
	}
	return least >= INT_MAX ? -1 : least;
}

static void run_timers(struct stack *stack)
{
	struct timer *next;

	for (struct timer *timer = stack->timers; timer; timer = next) {
		next = timer->next;
		if (timer->expires < 0 || timer->expires > now_ms())
			continue;
		timer->expires = -1;
		timer->call(timer->argument);
	}
}

void stack_run(struct stack *stack)
{
	uint32_t timeout;
	int ready;

	while (!stack->gone) {
		stack->nr_fds = 0;
		timeout = UINT32_MAX;
		add_fd(stack->cable, SLIRP_POLL_IN, stack);
		slirp_pollfds_fill(stack->slirp, &timeout, add_fd, stack);
		ready = poll(stack->fds, stack->nr_fds, wait_ms(stack, timeout));
		/* First: what frames open has no place among the descriptors yet. */
		slirp_pollfds_poll(stack->slirp, ready < 0, get_events, stack);
		run_timers(stack);
		if (ready > 0 && stack->fds[0].revents)
			take_frames(stack);
	}
}
