// SPDX-License-Identifier: GPL-2.0
/*
 * One run of a VM. A thread for each vCPU, one that moves console bytes, one
 * for time and input of a machine that has interrupts, and the calling thread,
 * which waits for signals and for the others to end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "session.h"

#define RFLAGS_IF	(1ULL << 9)

int session_create_vcpus(struct session *session, unsigned int count)
{
	int error;

	session->vcpus = calloc(count, sizeof(*session->vcpus));
	if (!session->vcpus)
		return -ENOMEM;
	for (unsigned int id = 0; id < count; id++) {
		struct vcpu *vcpu = &session->vcpus[id];

		vcpu->session = session;
		vcpu->id = id;
		vcpu->fd = kev_vm_create_vcpu(session->vm, id);
		if (vcpu->fd < 0)
			return vcpu->fd;
		session->nr_vcpus++;
		error = kev_vcpu_map_run(vcpu->fd, session->run_size, &vcpu->run);
		if (error)
			return error;
	}
	return 0;
}

void session_fini(struct session *session)
{
	for (unsigned int i = 0; i < session->nr_vcpus; i++) {
		struct vcpu *vcpu = &session->vcpus[i];

		if (vcpu->run)
			kev_vcpu_unmap_run(vcpu->run, session->run_size);
		kev_close(vcpu->fd);
	}
	free(session->vcpus);
}

static bool stopping(struct session *session)
{
	return __atomic_load_n(&session->stopping, __ATOMIC_ACQUIRE);
}

static bool overrides(enum outcome_kind next, enum outcome_kind present)
{
	return present == OUTCOME_NONE || next == OUTCOME_SIGNAL ||
	       (next == OUTCOME_OUTPUT_ERROR && present != OUTCOME_SIGNAL);
}

/* Keep the outcome, if it counts, and make every vCPU's thread end. */
static void session_end(struct session *session, const struct outcome *outcome)
{
	pthread_mutex_lock(&session->lock);
	if (overrides(outcome->kind, session->outcome.kind))
		session->outcome = *outcome;
	__atomic_store_n(&session->stopping, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < session->nr_vcpus; i++)
		kev_vcpu_kick(session->vcpus[i].fd);
	pthread_cond_broadcast(&session->wake);
	pthread_mutex_unlock(&session->lock);
}

static void end_with_error(struct session *session, enum outcome_kind kind, uint32_t vcpu_id,
			   int error)
{
	session_end(session, &(struct outcome){
		.kind = kind, .vcpu_id = vcpu_id, .error = -error,
	});
}

static void end_with_code(struct session *session, uint32_t vcpu_id, uint64_t code)
{
	session_end(session, &(struct outcome){
		.kind = OUTCOME_EXITED, .vcpu_id = vcpu_id, .code = code,
	});
}

static void end_with_report(struct vcpu *vcpu)
{
	session_end(vcpu->session, &(struct outcome){
		.kind = OUTCOME_REPORT, .vcpu_id = vcpu->id, .run = *vcpu->run,
	});
}

static int hook_print(void *owner, uint8_t byte)
{
	struct session *session = owner;

	return console_put(&session->console, byte);
}

static bool hook_interrupt(void *owner, uint32_t vcpu_id, uint8_t vector)
{
	struct session *session = owner;
	int error;

	if (vcpu_id >= session->nr_vcpus)
		return true;
	error = kev_vcpu_interrupt(session->vcpus[vcpu_id].fd, vector);
	if (error == -EBUSY)
		return false;
	if (error) {
		end_with_error(session, OUTCOME_INTERRUPT_ERROR, vcpu_id, error);
		return true;
	}
	pthread_mutex_lock(&session->lock);
	session->vcpus[vcpu_id].raised++;
	pthread_cond_broadcast(&session->wake);
	pthread_mutex_unlock(&session->lock);
	return true;
}

static void hook_alarm(void *owner, uint64_t deadline)
{
	struct session *session = owner;

	events_alarm(&session->events, deadline);
}

static void hook_listen(void *owner)
{
	struct session *session = owner;

	events_listen(&session->events);
}

static void input_ended(void *owner)
{
	struct session *session = owner;

	pthread_mutex_lock(&session->lock);
	session->hung_up = true;
	pthread_cond_broadcast(&session->wake);
	pthread_mutex_unlock(&session->lock);
}

int session_init_machine(struct session *session, const struct machine_config *config)
{
	const struct machine_hooks hooks = {
		.owner = session,
		.print = hook_print,
		.interrupt = hook_interrupt,
		.alarm = hook_alarm,
		.listen = hook_listen,
	};
	int error = machine_init(&session->machine, config, &hooks);

	if (error)
		return error;
	session->events = (struct events){
		.machine = &session->machine,
		.in = STDIN_FILENO,
		.hung_up = input_ended,
		.owner = session,
	};
	error = events_init(&session->events);
	if (error)
		machine_fini(&session->machine);
	return error;
}

void session_fini_machine(struct session *session)
{
	events_fini(&session->events);
	machine_fini(&session->machine);
}

static unsigned int interrupts_raised(struct vcpu *vcpu)
{
	unsigned int raised;

	pthread_mutex_lock(&vcpu->session->lock);
	raised = vcpu->raised;
	pthread_mutex_unlock(&vcpu->session->lock);
	return raised;
}

/* Sleep until something has changed for a halted vCPU. Returns whether it is to run. */
static bool sleep_halted(struct vcpu *vcpu, unsigned int seen, bool hung_up)
{
	struct session *session = vcpu->session;
	bool awake;

	pthread_mutex_lock(&session->lock);
	while (vcpu->raised == seen && session->hung_up == hung_up && !session->stopping)
		pthread_cond_wait(&session->wake, &session->lock);
	awake = vcpu->raised != seen || session->stopping;
	pthread_mutex_unlock(&session->lock);
	return awake;
}

/*
 * Wait for an interrupt that came after the first @seen. One of those may have come
 * before the HLT: then the next RUN reports the HLT again.
 *
 * Returns false when none can come any more.
 */
static bool wait_for_interrupt(struct vcpu *vcpu, unsigned int seen)
{
	struct machine *machine = &vcpu->session->machine;
	bool hung_up = false;

	if (!(vcpu->run->rflags & RFLAGS_IF))
		return false;
	for (;; hung_up = true) {
		/* In this order: an interrupt on its way is counted when the machine is free. */
		if (!machine_can_interrupt(machine, vcpu->id) && interrupts_raised(vcpu) == seen)
			return false;
		if (sleep_halted(vcpu, seen, hung_up))
			return true;
	}
}

/* Only when all vCPUs have halted for good, the VM has come to an end. */
static bool handle_halted(struct vcpu *vcpu, unsigned int seen)
{
	struct session *session = vcpu->session;
	bool all;

	if (wait_for_interrupt(vcpu, seen))
		return true;
	pthread_mutex_lock(&session->lock);
	all = ++session->nr_halted == session->nr_vcpus;
	pthread_mutex_unlock(&session->lock);
	if (all)
		end_with_report(vcpu);
	return false;
}

static bool handle_console(struct vcpu *vcpu)
{
	int result = console_drain(&vcpu->session->console);

	if (result < 0)
		end_with_error(vcpu->session, OUTCOME_OUTPUT_ERROR, vcpu->id, result);
	return result >= 0;
}

static bool handle_io(struct vcpu *vcpu)
{
	struct session *session = vcpu->session;

	switch (machine_io(&session->machine, &vcpu->run->io, events_now())) {
	case PORT_DONE:
		return true;
	case PORT_END:
		end_with_code(session, vcpu->id, session->machine.code);
		return false;
	case PORT_UNCLAIMED:
		end_with_report(vcpu);
		return false;
	case PORT_ERROR:
		end_with_error(session, OUTCOME_OUTPUT_ERROR, vcpu->id, -session->console.error);
		return false;
	}
	return false;
}

/* Returns whether the vCPU is to run on. @seen: interrupts raised before it ran. */
static bool handle_report(struct vcpu *vcpu, unsigned int seen)
{
	switch (vcpu->run->kind) {
	case KEV_EXIT_CONSOLE:
		return handle_console(vcpu);
	case KEV_EXIT_IO:
		return handle_io(vcpu);
	case KEV_EXIT_VM_EXITED:
		end_with_code(vcpu->session, vcpu->id, vcpu->run->exit_code);
		return false;
	case KEV_EXIT_HALTED:
		return handle_halted(vcpu, seen);
	default:
		end_with_report(vcpu);
		return false;
	}
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	struct session *session = vcpu->session;
	unsigned int seen;
	int error;

	while (!stopping(session)) {
		seen = interrupts_raised(vcpu);
		/* An interrupt that found another one waiting gets its next chance. */
		machine_advance(&session->machine, events_now());
		error = kev_vcpu_run(vcpu->fd);
		if (error == -EINTR)
			continue;
		if (error) {
			end_with_error(session, OUTCOME_RUN_ERROR, vcpu->id, error);
			break;
		}
		if (!handle_report(vcpu, seen))
			break;
	}
	eventfd_write(session->vcpus_finished, 1);
	return NULL;
}

static void *console_thread(void *argument)
{
	struct session *session = argument;
	struct pollfd fds[] = {
		{ .fd = session->vm, .events = POLLIN },
		{ .fd = session->no_more, .events = POLLIN },
	};
	int result = 0;

	while (!result) {
		if (poll(fds, 2, -1) < 0)
			continue;	/* a signal: only EINTR is possible */
		result = console_drain(&session->console);
		if (fds[1].revents)
			break;
	}
	if (result < 0)
		end_with_error(session, OUTCOME_OUTPUT_ERROR, 0, result);
	eventfd_write(session->console_finished, 1);
	return NULL;
}

static void signal_arrived(struct session *session, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	console_abandon(&session->console);
	session_end(session, &(struct outcome){
		.kind = OUTCOME_SIGNAL, .signal = info.ssi_signo,
	});
}

/* Wait until @count threads have counted @finished up; answer signals meanwhile. */
static void wait_for_threads(struct session *session, int signals, int finished,
			     unsigned int count)
{
	struct pollfd fds[] = {
		{ .fd = finished, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	eventfd_t ended;

	while (count) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			signal_arrived(session, signals);
		if (fds[0].revents && !eventfd_read(finished, &ended))
			count -= ended;
	}
}

/* A descriptor for the signals that end the VM; threads made later block them too. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void run_threads(struct session *session, int signals)
{
	bool has_events = session->machine.kind == MACHINE_MIN;
	unsigned int started;
	pthread_t console;
	int error = has_events ? -events_start(&session->events) : 0;

	if (error) {
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -error);
		return;
	}
	error = pthread_create(&console, NULL, console_thread, session);
	if (error) {
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -error);
		goto stop_events;
	}
	for (started = 0; started < session->nr_vcpus; started++) {
		struct vcpu *vcpu = &session->vcpus[started];

		error = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
		if (error) {
			end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -error);
			break;
		}
	}
	wait_for_threads(session, signals, session->vcpus_finished, started);
	for (unsigned int i = 0; i < started; i++)
		pthread_join(session->vcpus[i].thread, NULL);

	eventfd_write(session->no_more, 1);
	wait_for_threads(session, signals, session->console_finished, 1);
	pthread_join(console, NULL);
stop_events:
	if (has_events)
		events_stop(&session->events);
}

void session_run(struct session *session)
{
	int signals = open_signals();

	pthread_mutex_init(&session->lock, NULL);
	pthread_cond_init(&session->wake, NULL);
	session->vcpus_finished = eventfd(0, EFD_CLOEXEC);
	session->console_finished = eventfd(0, EFD_CLOEXEC);
	session->no_more = eventfd(0, EFD_CLOEXEC);
	if (signals < 0 || session->vcpus_finished < 0 || session->console_finished < 0 ||
	    session->no_more < 0)
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -errno);
	else
		run_threads(session, signals);
	close(session->no_more);
	close(session->console_finished);
	close(session->vcpus_finished);
	close(signals);
	pthread_cond_destroy(&session->wake);
	pthread_mutex_destroy(&session->lock);
}
