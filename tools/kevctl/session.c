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

#include "control/control.h"
#include "gdb/gdb.h"
#include "hermit/hermit.h"
#include "kevctl.h"
#include "net/net.h"
#include "nudge.h"
#include "session.h"
#include "signals.h"
#include "terminal.h"

#define RFLAGS_IF	(1ULL << 9)

static void kick_vcpu(void *owner, unsigned int index)
{
	struct session *session = owner;

	kev_vcpu_kick(session->vcpus[index].fd);
}

int session_create_vcpus(struct session *session, unsigned int count)
{
	int error = gate_init(&session->gate, count);

	if (error)
		return error;
	session->gate.kick = kick_vcpu;
	session->gate.owner = session;
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
	gate_fini(&session->gate);
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

/* Halted vCPUs have to look again. */
static void change_locked(struct session *session)
{
	session->changes++;
	pthread_cond_broadcast(&session->changed);
}

/* Keep the outcome, if it counts, and make every vCPU's thread end. */
static void session_end(struct session *session, const struct outcome *outcome)
{
	pthread_mutex_lock(&session->lock);
	if (overrides(outcome->kind, session->outcome.kind))
		session->outcome = *outcome;
	__atomic_store_n(&session->stopping, true, __ATOMIC_RELEASE);
	eventfd_write(session->ending, 1);
	for (unsigned int i = 0; i < session->nr_vcpus; i++)
		kev_vcpu_kick(session->vcpus[i].fd);
	change_locked(session);
	pthread_mutex_unlock(&session->lock);
	gate_end(&session->gate);
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

/*
 * Nobody can answer the report. With a debugger that wants to look at it the vCPU goes on, as
 * far as the gate; else it is the end.
 */
static bool give_up(struct vcpu *vcpu)
{
	vcpu->answered = false;
	if (vcpu->session->gdb && gdb_last_words(vcpu->session->gdb, vcpu->id))
		return true;
	end_with_report(vcpu);
	return false;
}

/* What a vCPU that has halted may wait for */
static void note_raised(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	session->raised++;
	change_locked(session);
	pthread_mutex_unlock(&session->lock);
}

void session_pause(struct session *session)
{
	gate_pause(&session->gate);
}

void session_resume(struct session *session)
{
	gate_resume(&session->gate);
	/* The debugger may have sent one elsewhere, which may wake others: all look again. */
	note_raised(session);
}

void session_kill(struct session *session)
{
	/* A vCPU may wait for whoever reads the console. */
	console_abandon(&session->console);
	session_end(session, &(struct outcome){ .kind = OUTCOME_SIGNAL, .signal = SIGKILL });
}

int guest_status(uint64_t code)
{
	if (code && !(code & 0xff))
		return 255;
	return code & 0xff;
}

static int hook_print(void *owner, uint8_t byte)
{
	struct session *session = owner;

	return console_put(&session->console, byte);
}

static bool hook_interrupt(void *owner, uint8_t vector)
{
	struct session *session = owner;
	int error = kev_vcpu_interrupt(session->vcpus[0].fd, vector);

	if (error == -EBUSY)
		return false;
	if (error)
		end_with_error(session, OUTCOME_INTERRUPT_ERROR, 0, error);
	else
		note_raised(session);
	return true;
}

static void hook_signal(void *owner, uint64_t address, uint32_t data)
{
	struct session *session = owner;
	int error = kev_vm_signal(session->vm, address, data);

	/* A message that makes no sense is the guest's affair, and lost. */
	if (error && error != -EINVAL)
		end_with_error(session, OUTCOME_INTERRUPT_ERROR, 0, error);
	else
		note_raised(session);
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
	change_locked(session);
	pthread_mutex_unlock(&session->lock);
}

int session_init_machine(struct session *session, const struct machine_config *config)
{
	const struct machine_hooks hooks = {
		.owner = session,
		.print = hook_print,
		.interrupt = hook_interrupt,
		.signal = hook_signal,
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

static unsigned int interrupts_raised(struct session *session)
{
	unsigned int raised;

	pthread_mutex_lock(&session->lock);
	raised = session->raised;
	pthread_mutex_unlock(&session->lock);
	return raised;
}

static unsigned int note_halted(struct vcpu *vcpu, bool halted)
{
	struct session *session = vcpu->session;
	unsigned int changes;

	pthread_mutex_lock(&session->lock);
	session->nr_halted += halted ? 1 : -1;
	vcpu->listens = halted && vcpu->run->rflags & RFLAGS_IF;
	change_locked(session);
	changes = session->changes;
	pthread_mutex_unlock(&session->lock);
	return changes;
}

static bool someone_listens_locked(const struct session *session)
{
	for (unsigned int i = 0; i < session->nr_vcpus; i++)
		if (session->vcpus[i].listens)
			return true;
	return false;
}

enum halt { HALT_WAIT, HALT_OVER, HALT_FOR_GOOD };

/*
 * @silent: the machine can raise no interrupt; all that it has raised is counted. vCPU 0
 * speaks for all.
 */
static enum halt judge_halt_locked(const struct vcpu *vcpu, unsigned int seen, bool silent)
{
	const struct session *session = vcpu->session;

	if (session->raised != seen || session->stopping)
		return HALT_OVER;
	if (session->gdb && gdb_steps(session->gdb, vcpu->id))
		return HALT_OVER;
	if (session->nr_halted < session->nr_vcpus || vcpu->id)
		return HALT_WAIT;
	return silent || !someone_listens_locked(session) ? HALT_FOR_GOOD : HALT_WAIT;
}

/*
 * kev has nothing that could wake any vCPU, and tells each of them. The machine may have:
 * wait for an interrupt that came after the first @seen. One of those may have come before
 * the HLT: then the next RUN reports the HLT again.
 */
static bool handle_halted(struct vcpu *vcpu, unsigned int seen)
{
	struct session *session = vcpu->session;
	unsigned int changes = note_halted(vcpu, true);
	enum halt halt;
	bool silent;

	gate_rest(&session->gate, vcpu->id);
	for (;;) {
		/* Before the lock: an interrupt on its way is counted when the machine is free. */
		silent = !machine_can_interrupt(&session->machine);
		pthread_mutex_lock(&session->lock);
		halt = judge_halt_locked(vcpu, seen, silent);
		while (halt == HALT_WAIT && session->changes == changes)
			pthread_cond_wait(&session->changed, &session->lock);
		changes = session->changes;
		pthread_mutex_unlock(&session->lock);
		if (halt == HALT_OVER)
			break;
		if (halt == HALT_FOR_GOOD && give_up(vcpu))
			break;
	}
	gate_wake(&session->gate, vcpu->id);
	note_halted(vcpu, false);
	return true;
}

static bool handle_console(struct vcpu *vcpu)
{
	int result = console_drain(&vcpu->session->console);

	if (result < 0)
		end_with_error(vcpu->session, OUTCOME_OUTPUT_ERROR, vcpu->id, result);
	return result >= 0;
}

/* The report is a device's. */
static bool handle_access(struct vcpu *vcpu, enum verdict verdict)
{
	struct session *session = vcpu->session;

	switch (verdict) {
	case ACCESS_DONE:
		return true;
	case ACCESS_END:
		end_with_code(session, vcpu->id, session->machine.code);
		return false;
	case ACCESS_UNCLAIMED:
		return give_up(vcpu);
	case ACCESS_ERROR:
		end_with_error(session, OUTCOME_OUTPUT_ERROR, vcpu->id, -session->console.error);
		return false;
	}
	return false;
}

/* A port is one of the guest's calls, or one of the machine's devices. */
static bool handle_io(struct vcpu *vcpu)
{
	struct session *session = vcpu->session;
	enum verdict verdict = ACCESS_UNCLAIMED;
	uint64_t code;

	if (session->hermit)
		verdict = hermit_io(session->hermit, vcpu->run, &session->console,
				    session->ending, &code);
	if (verdict == ACCESS_UNCLAIMED)
		return handle_access(vcpu, machine_io(&session->machine, vcpu->run, events_now()));
	if (verdict != ACCESS_END)
		return handle_access(vcpu, verdict);
	end_with_code(session, vcpu->id, code);
	return false;
}

/* What the debugger has asked for; without one there is nothing of the kind. */
static bool handle_debug(struct vcpu *vcpu)
{
	struct session *session = vcpu->session;
	int error;

	if (!session->gdb)
		return give_up(vcpu);
	error = gdb_report(session->gdb, vcpu->id);
	if (error)
		end_with_error(session, OUTCOME_RUN_ERROR, vcpu->id, error);
	return !error;
}

/* Returns whether the vCPU is to run on. @seen: interrupts raised before it ran. */
static bool handle_report(struct vcpu *vcpu, unsigned int seen)
{
	struct machine *machine = &vcpu->session->machine;
	struct kev_run *run = vcpu->run;

	switch (run->kind) {
	case KEV_EXIT_CONSOLE:
		return handle_console(vcpu);
	case KEV_EXIT_IO:
		return handle_io(vcpu);
	case KEV_EXIT_MMIO:
		return handle_access(vcpu, machine_mmio(machine, &run->mmio, events_now()));
	case KEV_EXIT_VM_EXITED:
		end_with_code(vcpu->session, vcpu->id, run->exit_code);
		return false;
	case KEV_EXIT_HALTED:
		return handle_halted(vcpu, seen);
	case KEV_EXIT_DEBUG:
		return handle_debug(vcpu);
	default:
		return give_up(vcpu);
	}
}

static void note_time(uint64_t *time)
{
	uint64_t never = 0;

	if (!__atomic_load_n(time, __ATOMIC_RELAXED))
		__atomic_compare_exchange_n(time, &never, events_now(), false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

/* KEV_VCPU_RUN, through the gate. -EINTR: nothing has happened. */
static int run_vcpu(struct vcpu *vcpu)
{
	struct session *session = vcpu->session;
	enum gate_pass pass = gate_enter(&session->gate, vcpu->id, vcpu->answered);
	int error;

	/* What it has told the debugger was its end, and the debugger has left it so. */
	if (pass != GATE_COMPLETE && session->gdb && gdb_gives_up(session->gdb, vcpu->id)) {
		end_with_report(vcpu);
		pass = GATE_AGAIN;
	}
	if (pass == GATE_AGAIN)
		return -EINTR;
	vcpu->run->request = pass == GATE_COMPLETE ? KEV_RUN_IMMEDIATE_EXIT : 0;
	error = kev_vcpu_run(vcpu->fd);
	gate_left(&session->gate, vcpu->id);
	vcpu->answered = !error;
	return error;
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;
	struct session *session = vcpu->session;
	int error = affinity_apply(session->affinity, vcpu->id);
	unsigned int seen;

	if (error)
		end_with_error(session, OUTCOME_SYSTEM_ERROR, vcpu->id, error);
	note_time(&session->times.run);
	while (!stopping(session)) {
		seen = interrupts_raised(session);
		/* An interrupt that found another one waiting gets its next chance. */
		machine_advance(&session->machine, events_now());
		error = run_vcpu(vcpu);
		if (error == -EINTR)
			continue;
		if (error) {
			end_with_error(session, OUTCOME_RUN_ERROR, vcpu->id, error);
			break;
		}
		note_time(&session->times.report);
		if (!handle_report(vcpu, seen))
			break;
	}
	gate_rest(&session->gate, vcpu->id);
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

/* All vCPUs, where they are: they stand still meanwhile. */
static void *dump_thread(void *argument)
{
	struct session *session = argument;

	session_pause(session);
	for (unsigned int i = 0; i < session->nr_vcpus && !stopping(session); i++)
		dump_print(session->dump, stderr, session->vcpus[i].fd, session->vcpus[i].id);
	session_resume(session);
	eventfd_write(session->dump_finished, 1);
	return NULL;
}

/* In a thread of its own: it may take long, and signals are answered meanwhile. */
static void start_dump(struct session *session)
{
	/* Who asks while one is printed asks for what comes after it. */
	session->dump_again = session->dumping;
	if (!session->dumping)
		session->dumping = !pthread_create(&session->dumper, NULL, dump_thread, session);
}

static void end_dump(struct session *session)
{
	eventfd_t ended;

	eventfd_read(session->dump_finished, &ended);
	pthread_join(session->dumper, NULL);
	session->dumping = false;
	if (session->dump_again && !stopping(session))
		start_dump(session);
}

static void signal_arrived(struct session *session, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		terminal_stop();
		return;
	case SIGQUIT:
		start_dump(session);
		return;
	}
	/* Told twice: whatever the end still waits for, the kernel ends it. */
	if (session->told_to_end) {
		terminal_leave();
		_exit(STATUS_SIGNAL + info.ssi_signo);
	}
	session->told_to_end = true;
	console_abandon(&session->console);
	session_end(session, &(struct outcome){
		.kind = OUTCOME_SIGNAL, .signal = info.ssi_signo,
	});
}

/* They look for the end before they wait, but one may have waited since. */
static void nudge_all(struct session *session)
{
	for (unsigned int i = 0; i < session->nr_started; i++)
		nudge(session->vcpus[i].thread);
	nudge(session->console_thread);
	if (session->net)
		net_nudge(session->net);
	if (session->dumping)
		nudge(session->dumper);
}

/* Sleep until @finished is readable, or a signal or the end of a dump was answered. */
static bool wait_for_event(struct session *session, int signals, int finished)
{
	enum { FINISHED, SIGNALS, DUMPED, ENDING };
	bool ends = stopping(session);
	struct pollfd fds[] = {
		[FINISHED] = { .fd = finished, .events = POLLIN },
		[SIGNALS] = { .fd = signals, .events = POLLIN },
		[DUMPED] = { .fd = session->dump_finished, .events = POLLIN },
		/* It stays readable. */
		[ENDING] = { .fd = ends ? -1 : session->ending, .events = POLLIN },
	};
	int ready = poll(fds, ARRAY_SIZE(fds), ends ? NUDGE_MS : -1);

	if (!ready)
		nudge_all(session);
	if (ready <= 0)
		return false;
	if (fds[SIGNALS].revents)
		signal_arrived(session, signals);
	if (fds[DUMPED].revents)
		end_dump(session);
	return fds[FINISHED].revents;
}

/* Wait until @count threads have counted @finished up; answer signals meanwhile. */
static void wait_for_threads(struct session *session, int signals, int finished,
			     unsigned int count)
{
	eventfd_t ended;

	while (count)
		if (wait_for_event(session, signals, finished) && !eventfd_read(finished, &ended))
			count -= ended;
}

/*
 * A descriptor for the signals that end the VM or ask what it does, and, last, the one that
 * stops a kevctl whose terminal has to be put right before.
 */
static int open_signals(struct session *session)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	size_t nr = ARRAY_SIZE(signals) - !terminal_is_wanted();

	return signals_open(signals, nr, &session->signals);
}

void session_release_signals(const struct session *session)
{
	/* It asks for the registers of a guest, which has gone; it is not to end kevctl. */
	if (!sigismember(&session->signals, SIGQUIT))
		signal(SIGQUIT, SIG_IGN);
	pthread_sigmask(SIG_SETMASK, &session->signals, NULL);
}

/* The console's thread and the vCPUs', to their ends */
static void run_vcpus(struct session *session, int signals)
{
	int error;

	error = pthread_create(&session->console_thread, NULL, console_thread, session);
	if (error) {
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -error);
		return;
	}
	for (unsigned int i = 0; i < session->nr_vcpus; i++) {
		struct vcpu *vcpu = &session->vcpus[i];

		error = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
		if (error) {
			end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -error);
			break;
		}
		session->nr_started++;
	}
	wait_for_threads(session, signals, session->vcpus_finished, session->nr_started);
	for (unsigned int i = 0; i < session->nr_started; i++)
		pthread_join(session->vcpus[i].thread, NULL);
	session->nr_started = 0;

	eventfd_write(session->no_more, 1);
	wait_for_threads(session, signals, session->console_finished, 1);
	while (session->dumping)
		wait_for_event(session, signals, -1);
	pthread_join(session->console_thread, NULL);
}

static void run_threads(struct session *session, int signals)
{
	bool has_events = session->machine.irqchip;
	int error = session->gdb ? gdb_start(session->gdb, session) : 0;

	if (error)
		goto fail;
	error = has_events ? events_start(&session->events) : 0;
	if (error)
		goto stop_gdb;
	error = session->net ? net_start(session->net) : 0;
	if (error)
		goto stop_events;
	error = session->control ? control_start(session->control, session) : 0;
	if (error)
		goto stop_net;
	run_vcpus(session, signals);
	if (session->control)
		control_stop(session->control);
stop_net:
	if (session->net)
		net_stop(session->net);
stop_events:
	if (has_events)
		events_stop(&session->events);
stop_gdb:
	if (session->gdb)
		gdb_stop(session->gdb);
fail:
	if (error)
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, error);
}

void session_run(struct session *session)
{
	int signals = open_signals(session);

	pthread_mutex_init(&session->lock, NULL);
	pthread_cond_init(&session->changed, NULL);
	session->vcpus_finished = eventfd(0, EFD_CLOEXEC);
	session->console_finished = eventfd(0, EFD_CLOEXEC);
	session->no_more = eventfd(0, EFD_CLOEXEC);
	session->ending = eventfd(0, EFD_CLOEXEC);
	session->dump_finished = eventfd(0, EFD_CLOEXEC);
	nudge_init();
	if (signals < 0 || session->ending < 0 || session->dump_finished < 0 ||
	    session->vcpus_finished < 0 || session->console_finished < 0 || session->no_more < 0)
		end_with_error(session, OUTCOME_SYSTEM_ERROR, 0, -errno);
	else
		run_threads(session, signals);
	close(session->dump_finished);
	close(session->ending);
	close(session->no_more);
	close(session->console_finished);
	close(session->vcpus_finished);
	close(signals);
	pthread_cond_destroy(&session->changed);
	pthread_mutex_destroy(&session->lock);
}
