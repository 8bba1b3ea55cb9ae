/* SPDX-License-Identifier: GPL-2.0 */
/* One run of a VM: its threads, and how it came to an end. */
#ifndef KEVCTL_SESSION_H
#define KEVCTL_SESSION_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <libkev.h>

#include "affinity.h"
#include "console.h"
#include "dump.h"
#include "events.h"
#include "gate.h"
#include "machine/machine.h"

enum outcome_kind {
	OUTCOME_NONE,		/* still running */
	OUTCOME_EXITED,		/* by HaltCpu, a power switch or an exit device: code */
	OUTCOME_REPORT,		/* with a report that nobody can answer: run */
	OUTCOME_RUN_ERROR,	/* KEV_VCPU_RUN failed: error, vcpu_id */
	OUTCOME_INTERRUPT_ERROR, /* KEV_VCPU_INTERRUPT or KEV_VM_SIGNAL failed: error */
	OUTCOME_OUTPUT_ERROR,	/* stdout cannot be written: error */
	OUTCOME_SIGNAL,		/* kevctl was told to end: signal */
	OUTCOME_SYSTEM_ERROR,	/* no thread, no descriptor: error */
};

/*
 * How the VM ended. The first outcome wins, but lost output overrides a result,
 * and a signal everything.
 */
struct outcome {
	enum outcome_kind kind;
	uint32_t vcpu_id;
	uint64_t code;
	int error;		/* positive */
	int signal;
	struct kev_run run;
};

struct control;
struct gdb;
struct session;

/* When it came to what, by events_now(); 0: not yet */
struct session_times {
	uint64_t run;		/* a vCPU enters the guest */
	uint64_t report;	/* and leaves it with a report */
};

/*
 * One vCPU and the thread that runs it. @listens: it has halted where a maskable interrupt
 * wakes it [session.lock]. @answered: the next RUN completes an instruction; the thread's own.
 */
struct vcpu {
	struct session *session;
	uint32_t id;
	int fd;
	struct kev_run *run;
	pthread_t thread;
	bool listens;
	bool answered;
};

/**
 * struct session - a VM while it runs
 * @vm: VM fd
 * @run_size: bytes of a run page
 * @console: output
 * @machine: port devices
 * @hermit: who answers the ports that are calls of a Hermit guest, or NULL
 * @net: network card, or NULL
 * @control: what others of its user can ask of it, or NULL
 * @events: what comes to them from outside, if they can interrupt
 * @dump: shows what its vCPUs are at, on SIGQUIT
 * @affinity: host CPUs of the vCPUs, if they have any of their own
 * @told_to_end: by a signal: the next one does not wait [the main thread's]
 * @times: the first time that
 * @gdb: debugger, or NULL
 * @gate: what the vCPUs' threads pass before they enter the guest
 * @vcpus: all vCPUs
 * @nr_vcpus: how many
 * @nr_started: of them, whose threads are there [the main thread's]
 * @console_thread: moves console bytes
 * @dumper: shows what the vCPUs are at
 * @dumping: @dumper is there [the main thread's]
 * @dump_again: another one is to follow [the main thread's]
 * @dump_finished: eventfd, readable once it has ended
 * @vcpus_finished: eventfd, counts the vCPUs' threads that have ended
 * @console_finished: eventfd, readable once the console's thread has ended
 * @no_more: eventfd, readable once no vCPU can print any more
 * @ending: eventfd, readable once the vCPUs shall end
 * @signals: what was blocked before
 * @lock: guards what follows; taken inside the machine's
 * @changed: broadcast with each change of the next
 * @changes: counts what a vCPU that has halted has to look at again: another one has
 *	halted or goes on, an interrupt was raised, the input has ended, the vCPUs shall
 *	end [lock]
 * @raised: interrupts that the machine has raised, and ends of pauses [lock]
 * @stopping: the vCPUs shall end [lock for writing]
 * @nr_halted: vCPUs that nothing of kev's can wake [lock]
 * @outcome: how the VM ended [lock]
 */
struct session {
	int vm;
	size_t run_size;
	struct console console;
	struct machine machine;
	struct hermit *hermit;
	struct net *net;
	struct control *control;
	struct events events;
	struct dump *dump;
	const struct affinity *affinity;
	bool told_to_end;
	struct session_times times;
	struct gdb *gdb;
	struct gate gate;
	struct vcpu *vcpus;
	unsigned int nr_vcpus;
	unsigned int nr_started;
	pthread_t console_thread;
	pthread_t dumper;
	bool dumping;
	bool dump_again;
	int dump_finished;
	int vcpus_finished;
	int console_finished;
	int no_more;
	int ending;
	sigset_t signals;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int changes;
	unsigned int raised;
	bool stopping;
	unsigned int nr_halted;
	struct outcome outcome;
};

/**
 * session_create_vcpus() - make and map the vCPUs with the ids 0 to @count - 1
 * @session: zeroed but for vm and run_size
 * @count: how many
 *
 * Return: 0 or a negative errno; session_fini() is due either way.
 */
int session_create_vcpus(struct session *session, unsigned int count);

/**
 * session_init_machine() - set up the devices and the way between them and the vCPUs
 * @session: session with vCPUs and console
 * @config: what is wanted
 *
 * Return: 0 or a negative errno; without an error session_fini_machine() is due.
 */
int session_init_machine(struct session *session, const struct machine_config *config);
void session_fini_machine(struct session *session);

/**
 * session_run() - run the VM to its end
 * @session: session with vCPUs, console and machine
 *
 * Blocks SIGINT, SIGTERM and SIGHUP and answers them by ending the VM; a second one ends the
 * process. SIGQUIT shows all vCPUs' registers on stderr. A thread that waits when the VM ends is
 * nudged.
 * When this returns, all threads have ended and all output has been written.
 */
void session_run(struct session *session);

/* After session_run(): signals mean what they meant before. What follows may take long. */
void session_release_signals(const struct session *session);

/**
 * session_pause() - get all vCPUs out of the guest, and keep them out
 * @session: session, running
 *
 * From any thread but the vCPUs'. May be nested; see gate_pause().
 */
void session_pause(struct session *session);
void session_resume(struct session *session);

/* session_kill() - end the VM as SIGKILL would; from any thread */
void session_kill(struct session *session);

/* guest_status() - the exit status for the guest's exit code */
int guest_status(uint64_t code);

/* Undoes session_create_vcpus(). */
void session_fini(struct session *session);

#endif /* KEVCTL_SESSION_H */
