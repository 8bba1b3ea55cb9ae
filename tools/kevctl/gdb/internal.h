/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the debugger share. */
#ifndef KEVCTL_GDB_INTERNAL_H
#define KEVCTL_GDB_INTERNAL_H

#include <pthread.h>

#include "../session.h"
#include "breakpoints.h"
#include "gdb.h"
#include "server.h"
#include "transport.h"

/**
 * struct gdb_vcpu - what the debugger knows of a vCPU [gdb.lock]
 * @order: what it does; GDB_STAY while it is stopped. gdb_set_order() writes it
 * @steps: order.action is GDB_STEP: read without the lock, too
 * @stopped: it has met what the debugger is to be told:
 * @stop: this
 * @later: but not before it shall run on
 * @doomed: it cannot go on unless its registers are changed
 * @debug: what kev was told last
 */
struct gdb_vcpu {
	struct gdb_order order;
	bool steps;
	bool stopped;
	struct gdb_stop stop;
	bool later;
	bool doomed;
	struct kev_vcpu_debug debug;
};

/**
 * struct gdb - the debugger
 * @session: VM
 * @transport: where it connects
 * @target: what the server calls
 * @server: while there is a connection
 * @thread: talks to it
 * @wake: eventfd: a vCPU has stopped, or the VM has ended
 * @xsave_size: bytes of KEV_STATE_XSAVE
 * @dump: prints registers; the thread's own
 * @paused: the vCPUs are stopped; the thread's own
 * @interrupted: Ctrl-C has come; the thread's own
 * @last: the thread that the last stop was about; the thread's own
 * @lock: guards what follows; never held across a call that waits for a vCPU
 * @attached: a debugger is there
 * @ended: all vCPUs' threads have ended
 * @breakpoints: changed while the vCPUs are stopped
 * @vcpus: by id
 */
struct gdb {
	struct session *session;
	struct gdb_transport transport;
	struct gdb_target target;
	struct gdb_server *server;
	pthread_t thread;
	int wake;
	uint32_t xsave_size;
	struct dump *dump;
	bool paused;
	bool interrupted;
	unsigned int last;
	pthread_mutex_t lock;
	bool attached;
	bool ended;
	struct gdb_breakpoints breakpoints;
	struct gdb_vcpu *vcpus;
};

/* target.c: how the server's questions reach the guest */
void gdb_target_init(struct gdb *gdb);

/*
 * gdb_choose_shape() - as what the vCPUs are shown to a debugger that has come: machines of 32
 * bits where the image is for these, and vCPU 0 is not in 64-bit mode
 */
void gdb_choose_shape(struct gdb *gdb);

/* gdb_set_order() - what a vCPU does from now on; the lock is held */
void gdb_set_order(struct gdb_vcpu *vcpu, const struct gdb_order *order);

/* gdb.c: gdb_target.resume, .interrupt and .detach */
void gdb_resume(void *owner, const struct gdb_order *orders);
void gdb_interrupt(void *owner);
void gdb_detach(void *owner);

/**
 * gdb_load_debug() - tell kev what each vCPU is watched for, by its order
 * @gdb: debugger, its vCPUs stopped
 *
 * Return: 0 or a negative errno.
 */
int gdb_load_debug(struct gdb *gdb);

/* gdb_forget() - no debugger any more: no breakpoints, no steps, nothing to tell */
void gdb_forget(struct gdb *gdb);

/* monitor.c: the user's own commands; as gdb_target.monitor */
bool gdb_monitor(void *owner, unsigned int thread, const char *command, FILE *to);

#endif /* KEVCTL_GDB_INTERNAL_H */
