// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger outside the guest.
 *
 * The vCPUs stand still together or run together. What a vCPU meets is noted by its own
 * thread, which holds itself back; the debugger's thread then stops the others and tells. What
 * others have met meanwhile is told when they shall run on, if it still means something.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libkev.h>

#include "../kevctl.h"
#include "../sandbox.h"
#include "internal.h"

#define VECTOR_DB	1
#define VECTOR_BP	3
/* SDM Vol. 3, "Debug Status Register (DR6)" */
#define DR6_BREAKPOINTS	0xfULL

int gdb_open(const char *where, uint32_t xsave_size, struct dump *dump, struct gdb **gdb)
{
	struct gdb *new = calloc(1, sizeof(*new));
	int error = new ? 0 : -ENOMEM;

	if (xsave_size > GDB_XSAVE_SIZE)
		error = -E2BIG;
	if (!error) {
		new->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		error = new->wake < 0 ? -errno : 0;
	}
	if (error) {
		message("--gdb", "%s", strerror(-error));
		free(new);
		return error;
	}
	new->xsave_size = xsave_size;
	new->dump = dump;
	pthread_mutex_init(&new->lock, NULL);
	error = gdb_transport_open(&new->transport, where);
	if (error)
		gdb_close(new);
	else
		*gdb = new;
	return error;
}

void gdb_close(struct gdb *gdb)
{
	if (!gdb)
		return;
	gdb_transport_close(&gdb->transport);
	gdb_breakpoints_free(&gdb->breakpoints);
	pthread_mutex_destroy(&gdb->lock);
	close(gdb->wake);
	free(gdb->vcpus);
	free(gdb);
}

bool gdb_path(const struct gdb *gdb, struct sandbox_path *path)
{
	*path = (struct sandbox_path){ .fd = gdb->transport.directory, .removable = true };
	return path->fd >= 0;
}

void gdb_moved(struct gdb *gdb, uint64_t address)
{
	gdb->target.moved = true;
	gdb->target.first_segment = address;
}

/* What the vCPUs' threads do */

void gdb_set_order(struct gdb_vcpu *vcpu, const struct gdb_order *order)
{
	vcpu->order = *order;
	__atomic_store_n(&vcpu->steps, order->action == GDB_STEP, __ATOMIC_RELAXED);
}

/* The lock is held. */
static void note_stop(struct gdb *gdb, uint32_t id, const struct gdb_stop *stop)
{
	struct gdb_vcpu *vcpu = &gdb->vcpus[id];

	vcpu->stopped = true;
	vcpu->stop = *stop;
	gdb_set_order(vcpu, &(struct gdb_order){ .action = GDB_STAY });
	gate_hold(&gdb->session->gate, id, true);
	eventfd_write(gdb->wake, 1);
}

/* A #DB: a breakpoint or watchpoint, the end of a step, or both */
static bool is_stop(const struct gdb *gdb, uint32_t id, const struct kev_run *run,
		    struct gdb_stop *stop)
{
	const struct gdb_order *order = &gdb->vcpus[id].order;
	const struct gdb_hardware *hit;

	*stop = (struct gdb_stop){ .thread = id, .signal = GDB_SIGNAL_TRAP };
	hit = gdb_hardware_hit(&gdb->breakpoints, run->debug.dr6 & DR6_BREAKPOINTS);
	if (hit) {
		stop->at_breakpoint = true;
		stop->kind = hit->kind;
		stop->address = hit->address;
		return true;
	}
	/* With a range it goes on until it is out of it. */
	return order->action == GDB_STEP && (run->rip < order->start || run->rip >= order->end);
}

static int give_int3(int vcpu)
{
	const struct kev_vcpu_inject breakpoint = {
		.size = sizeof(breakpoint), .type = KEV_INJECT_EXCEPTION, .vector = VECTOR_BP,
	};

	unsigned int tries = 0;
	int error;

	do
		error = kev_vcpu_inject(vcpu, &breakpoint);
	while (guest_try_again(error, &tries));
	return error;
}

int gdb_report(struct gdb *gdb, uint32_t id)
{
	const struct vcpu *vcpu = &gdb->session->vcpus[id];
	const struct guest_view view = { .vm = gdb->session->vm, .virtual = true, .vcpu_id = id };
	const struct kev_run *run = vcpu->run;
	struct gdb_stop stop;
	bool own;

	pthread_mutex_lock(&gdb->lock);
	if (run->debug.vector == VECTOR_BP) {
		own = gdb_software_at(&gdb->breakpoints, &view, run->debug.address);
		if (own)
			note_stop(gdb, id, &(struct gdb_stop){
				.thread = id, .signal = GDB_SIGNAL_TRAP, .at_breakpoint = true,
				.kind = GDB_SOFTWARE,
			});
		pthread_mutex_unlock(&gdb->lock);
		/* One of the debugger's that it has taken away since is none of the guest's. */
		if (own || !gdb_int3_at(&view, run->debug.address))
			return 0;
		return give_int3(vcpu->fd);
	}
	if (gdb->attached && is_stop(gdb, id, run, &stop))
		note_stop(gdb, id, &stop);
	pthread_mutex_unlock(&gdb->lock);
	return 0;
}

static enum gdb_signal signal_of(uint32_t kind)
{
	switch (kind) {
	case KEV_EXIT_SHUTDOWN:
	case KEV_EXIT_MEMORY:
	case KEV_EXIT_MMIO:
		return GDB_SIGNAL_SEGV;
	case KEV_EXIT_MEMORY_ERROR:
		return GDB_SIGNAL_BUS;
	case KEV_EXIT_HALTED:
		return GDB_SIGNAL_ABRT;
	case KEV_EXIT_FAILED:
	case KEV_EXIT_ENTRY_FAILED:
		return GDB_SIGNAL_KILL;
	default:
		return GDB_SIGNAL_ILL;
	}
}

bool gdb_last_words(struct gdb *gdb, uint32_t id)
{
	const struct kev_run *run = gdb->session->vcpus[id].run;
	bool attached;

	/* There is nothing left to look at. */
	if (run->kind == KEV_EXIT_FAILED || run->kind == KEV_EXIT_ENTRY_FAILED)
		return false;
	pthread_mutex_lock(&gdb->lock);
	attached = gdb->attached;
	if (attached) {
		gdb->vcpus[id].doomed = true;
		note_stop(gdb, id, &(struct gdb_stop){
			.thread = id, .signal = signal_of(run->kind),
		});
	}
	pthread_mutex_unlock(&gdb->lock);
	return attached;
}

bool gdb_gives_up(struct gdb *gdb, uint32_t id)
{
	bool doomed;

	pthread_mutex_lock(&gdb->lock);
	doomed = gdb->vcpus[id].doomed;
	pthread_mutex_unlock(&gdb->lock);
	return doomed;
}

bool gdb_steps(struct gdb *gdb, uint32_t id)
{
	return __atomic_load_n(&gdb->vcpus[id].steps, __ATOMIC_RELAXED);
}

/* What the debugger's thread does */

static void pause_vcpus(struct gdb *gdb)
{
	if (gdb->paused)
		return;
	gdb->paused = true;
	session_pause(gdb->session);
}

/* Let those go that shall; the others are held back one by one. */
static void release_vcpus(struct gdb *gdb)
{
	if (!gdb->paused)
		return;
	gdb->paused = false;
	pthread_mutex_lock(&gdb->lock);
	for (unsigned int i = 0; i < gdb->target.threads; i++)
		gate_hold(&gdb->session->gate, i, gdb->vcpus[i].order.action == GDB_STAY);
	pthread_mutex_unlock(&gdb->lock);
	session_resume(gdb->session);
}

/* Does what a vCPU has met still mean something, after the debugger has had its turn? */
static bool still_counts(const struct gdb *gdb, const struct gdb_vcpu *vcpu)
{
	if (vcpu->doomed)
		return true;
	/* An INT3 is met again; a step was made, and is not news. */
	if (!vcpu->stop.at_breakpoint || vcpu->stop.kind == GDB_SOFTWARE)
		return false;
	for (unsigned int i = 0; i < gdb->breakpoints.nr_hardware; i++)
		if (gdb->breakpoints.hardware[i].kind == vcpu->stop.kind &&
		    gdb->breakpoints.hardware[i].address == vcpu->stop.address)
			return true;
	return false;
}

/* The next vCPU that has something to tell, each in its turn. The lock is held. */
static bool take_stop(struct gdb *gdb, struct gdb_stop *stop)
{
	for (unsigned int i = 1; i <= gdb->target.threads; i++) {
		struct gdb_vcpu *vcpu = &gdb->vcpus[(gdb->last + i) % gdb->target.threads];

		if (!vcpu->stopped || vcpu->later)
			continue;
		vcpu->stopped = false;
		*stop = vcpu->stop;
		return true;
	}
	return false;
}

static void tell(struct gdb *gdb, const struct gdb_stop *stop)
{
	gdb->last = stop->thread;
	gdb->interrupted = false;
	gdb_server_stopped(gdb->server, stop);
}

/* A vCPU has stopped, or Ctrl-C has come: stop the others, and tell. */
static void stop_all(struct gdb *gdb)
{
	struct gdb_stop stop = { .thread = gdb->last, .signal = GDB_SIGNAL_INT };
	bool met;

	pause_vcpus(gdb);
	pthread_mutex_lock(&gdb->lock);
	met = take_stop(gdb, &stop);
	pthread_mutex_unlock(&gdb->lock);
	if (met || gdb->interrupted)
		tell(gdb, &stop);
	else
		release_vcpus(gdb);
}

void gdb_resume(void *owner, const struct gdb_order *orders)
{
	struct gdb *gdb = owner;
	bool met = false;
	struct gdb_stop stop;

	pthread_mutex_lock(&gdb->lock);
	for (unsigned int i = 0; i < gdb->target.threads; i++) {
		struct gdb_vcpu *vcpu = &gdb->vcpus[i];

		gdb_set_order(vcpu, &orders[i]);
		/*
		 * One that stays behind, while another one steps over a breakpoint for example,
		 * is not to be told of, nor forgotten because breakpoints are away.
		 */
		vcpu->later = orders[i].action == GDB_STAY;
		if (vcpu->later)
			continue;
		vcpu->stopped = vcpu->stopped && still_counts(gdb, vcpu);
		met |= vcpu->stopped;
	}
	if (met)
		take_stop(gdb, &stop);
	pthread_mutex_unlock(&gdb->lock);
	/* Without its breakpoints the guest is not to run. */
	if (!met && gdb_load_debug(gdb)) {
		met = true;
		stop = (struct gdb_stop){ .thread = gdb->last, .signal = GDB_SIGNAL_0 };
	}
	if (met)
		tell(gdb, &stop);
	else
		release_vcpus(gdb);
}

void gdb_interrupt(void *owner)
{
	struct gdb *gdb = owner;

	gdb->interrupted = true;
	stop_all(gdb);
}

void gdb_detach(void *owner)
{
	struct gdb *gdb = owner;

	gdb_forget(gdb);
	release_vcpus(gdb);
}

/*
 * The first bytes of a connection. Who looks for open ports says nothing, and a browser something
 * else: they are not to stop a guest.
 */
static bool greet(struct gdb *gdb, char first)
{
	bool paused;

	if (!first || !strchr("+-$\003", first))
		return false;
	paused = gdb->paused;
	pause_vcpus(gdb);
	gdb_choose_shape(gdb);
	gdb->server = gdb_server_create(&gdb->target);
	if (!gdb->server) {
		if (!paused)
			release_vcpus(gdb);
		return false;
	}
	pthread_mutex_lock(&gdb->lock);
	gdb->attached = true;
	for (unsigned int i = 0; i < gdb->target.threads; i++)
		gdb_set_order(&gdb->vcpus[i], &(struct gdb_order){ .action = GDB_STAY });
	pthread_mutex_unlock(&gdb->lock);
	return true;
}

static void hang_up(struct gdb *gdb)
{
	gdb_server_destroy(gdb->server);
	gdb->server = NULL;
	gdb_transport_hang_up(&gdb->transport);
}

/*
 * A debugger that has gone without a word leaves the guest as it was, running or stopped, but
 * without breakpoints.
 */
static void lose(struct gdb *gdb)
{
	bool known = gdb->server;
	bool running = known && gdb_server_running(gdb->server);

	hang_up(gdb);
	if (!known)
		return;
	pause_vcpus(gdb);
	gdb_forget(gdb);
	if (running)
		release_vcpus(gdb);
}

static void listen_to(struct gdb *gdb)
{
	char bytes[4096];
	ssize_t got = recv(gdb->transport.connection, bytes, sizeof(bytes), 0);

	if (got > 0) {
		if ((!gdb->server && !greet(gdb, bytes[0])) ||
		    !gdb_server_take(gdb->server, bytes, got))
			hang_up(gdb);
	} else if (!got || (errno != EAGAIN && errno != EINTR)) {
		lose(gdb);
	}
}

static bool ended(struct gdb *gdb)
{
	bool ended;

	pthread_mutex_lock(&gdb->lock);
	ended = gdb->ended;
	pthread_mutex_unlock(&gdb->lock);
	return ended;
}

static void say_goodbye(struct gdb *gdb)
{
	struct session *session = gdb->session;
	enum gdb_signal signal = GDB_SIGNAL_0;
	struct outcome outcome;

	if (!gdb->server)
		return;
	/* Lost output may still override it. */
	pthread_mutex_lock(&session->lock);
	outcome = session->outcome;
	pthread_mutex_unlock(&session->lock);
	if (outcome.kind == OUTCOME_SIGNAL)
		signal = outcome.signal;
	else if (outcome.kind == OUTCOME_REPORT)
		signal = signal_of(outcome.run.kind);
	gdb_server_ended(gdb->server, signal, outcome.kind == OUTCOME_EXITED ?
			 guest_status(outcome.code) : STATUS_FAILURE);
	hang_up(gdb);
}

static void *gdb_thread(void *argument)
{
	struct gdb *gdb = argument;
	enum { WAKE, CONNECTION, LISTENER };
	struct pollfd fds[] = {
		[WAKE] = { .fd = gdb->wake, .events = POLLIN },
		[CONNECTION] = { .events = POLLIN },
		[LISTENER] = { .events = POLLIN },
	};
	eventfd_t count;

	while (!ended(gdb)) {
		fds[CONNECTION].fd = gdb->transport.connection;
		fds[LISTENER].fd = gdb->server ? -1 : gdb->transport.listener;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[WAKE].revents && !eventfd_read(gdb->wake, &count) && gdb->server &&
		    gdb_server_running(gdb->server))
			stop_all(gdb);
		if (fds[CONNECTION].revents) {
			listen_to(gdb);
		} else if (fds[LISTENER].revents) {
			/* Who has said nothing yet may never do. */
			gdb_transport_hang_up(&gdb->transport);
			gdb_transport_accept(&gdb->transport);
		}
	}
	say_goodbye(gdb);
	return NULL;
}

int gdb_start(struct gdb *gdb, struct session *session)
{
	gdb->session = session;
	gdb->transport.stop = session->ending;
	gdb_target_init(gdb);
	gdb->vcpus = calloc(session->nr_vcpus, sizeof(*gdb->vcpus));
	if (!gdb->vcpus)
		return -ENOMEM;
	for (unsigned int i = 0; i < session->nr_vcpus; i++)
		gdb->vcpus[i].debug.size = sizeof(gdb->vcpus[i].debug);
	pause_vcpus(gdb);
	return -pthread_create(&gdb->thread, NULL, gdb_thread, gdb);
}

void gdb_stop(struct gdb *gdb)
{
	pthread_mutex_lock(&gdb->lock);
	gdb->ended = true;
	pthread_mutex_unlock(&gdb->lock);
	eventfd_write(gdb->wake, 1);
	pthread_join(gdb->thread, NULL);
}
