/* SPDX-License-Identifier: GPL-2.0 */
/* The port devices that a guest finds: --machine. */
#ifndef KEVCTL_MACHINE_H
#define KEVCTL_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <libkev.h>

#include "console.h"

enum machine_kind {
	MACHINE_KEV,	/* what kev's own guests expect */
	MACHINE_NONE,	/* no port at all */
};

/* What became of an access */
enum port_verdict {
	PORT_DONE,	/* answered */
	PORT_POWER_OFF,	/* the guest has switched the machine off */
	PORT_UNCLAIMED,	/* no device has this port, and that ends the VM */
	PORT_ERROR,	/* the output failed */
};

struct port_count {
	uint64_t reads;
	uint64_t writes;
};

/**
 * struct machine - the devices of one VM
 * @kind: which
 * @strict: an access to a port without device ends the VM
 * @console: where the serial port prints
 * @lock: guards @counts
 * @counts: accesses by port, for ports without device [lock]
 */
struct machine {
	enum machine_kind kind;
	bool strict;
	struct console *console;
	pthread_mutex_t lock;
	struct port_count *counts;
};

/**
 * machine_init() - set up the devices
 * @machine: what to set up
 * @kind: which
 * @strict: ports without device end the VM
 * @console: where the serial port prints
 *
 * Return: 0 or -ENOMEM.
 */
int machine_init(struct machine *machine, enum machine_kind kind, bool strict,
		 struct console *console);
void machine_fini(struct machine *machine);

/**
 * machine_io() - answer one access
 * @machine: machine
 * @io: in: the access; out: data of an IN
 *
 * From any thread.
 */
enum port_verdict machine_io(struct machine *machine, struct kev_exit_io *io);

/* Names each port without device once, with how often it was used, on stderr. */
void machine_print_unclaimed(struct machine *machine);

#endif /* KEVCTL_MACHINE_H */
