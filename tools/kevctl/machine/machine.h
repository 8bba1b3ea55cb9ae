/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The devices that a guest finds, put together: --machine. No system call is
 * made here: time and input come in, interrupts and output go out by hooks.
 */
#ifndef KEVCTL_MACHINE_H
#define KEVCTL_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/kev.h>

#include "board.h"
#include "bus.h"
#include "cmos.h"
#include "ioapic.h"
#include "pci.h"
#include "pic.h"
#include "pit.h"
#include "reset.h"
#include "uart.h"

enum machine_kind {
	MACHINE_DEFAULT,	/* what the boot protocol suggests */
	MACHINE_NONE,		/* no port at all */
	MACHINE_KEV,		/* what kev's own guests expect */
	MACHINE_MIN,		/* the little hardware that test kernels expect */
};

/* What became of an access */
enum verdict {
	ACCESS_DONE,		/* answered */
	ACCESS_END,		/* the guest has ended the machine: machine.code */
	ACCESS_UNCLAIMED,	/* no device is there, and that ends the VM */
	ACCESS_ERROR,		/* the output failed */
};

struct port_count {
	uint64_t reads;
	uint64_t writes;
};

/**
 * struct machine_hooks - what a machine needs from the one who runs it
 * @owner: first argument of each
 * @print: print a byte; 0 or a negative errno
 * @interrupt: give @vector to vCPU 0; false: one waits there, it is to come again
 * @signal: send a message to the local APICs, as a device writes it
 * @alarm: call machine_advance() at @deadline ns, PIT_NEVER for never; replaces the last
 * @listen: there is room for input again
 *
 * They are called with the machine's lock held and call nothing of the machine's.
 */
struct machine_hooks {
	void *owner;
	int (*print)(void *owner, uint8_t byte);
	bool (*interrupt)(void *owner, uint8_t vector);
	void (*signal)(void *owner, uint64_t address, uint32_t data);
	void (*alarm)(void *owner, uint64_t deadline);
	void (*listen)(void *owner);
};

/**
 * struct machine_config - what a machine is to be
 * @kind: which, not MACHINE_DEFAULT
 * @strict: an access to a port without device ends the VM
 * @irqchip: there are interrupt controllers, even with MACHINE_KEV
 * @ram_kib: memory of the guest
 * @epoch: ns of UTC since 1970 at time 0
 */
struct machine_config {
	enum machine_kind kind;
	bool strict;
	bool irqchip;
	uint64_t ram_kib;
	uint64_t epoch;
};

/**
 * struct machine - the devices of one VM
 * @kind: which [I]
 * @strict: an access to a port without device ends the VM [I]
 * @irqchip: there are interrupt controllers [I]
 * @hooks: the way out [I]
 * @lock: guards everything below
 * @counts: accesses by port, for ports without device
 * @board: what the devices see
 * @bus: ports
 * @pic: interrupt controllers; to vCPU 0
 * @pit: timer
 * @uart: serial port
 * @ioapic: further interrupt controller, with the same lines
 * @cmos: clock
 * @reset: reset ports
 * @pci: devices that machine_plug() has brought
 * @input_open: more input may come
 * @ended: the guest has ended the machine
 * @code: with which code
 * @failed: a byte could not be printed
 * @blocked: an 8259's interrupt waits behind another one at vCPU 0
 * @deadline: what hooks.alarm was told last
 */
struct machine {
	enum machine_kind kind;
	bool strict;
	bool irqchip;
	struct machine_hooks hooks;
	pthread_mutex_t lock;
	struct port_count *counts;
	struct board board;
	struct bus bus;
	struct pic pic;
	struct pit pit;
	struct uart uart;
	struct ioapic ioapic;
	struct cmos cmos;
	struct reset reset;
	struct pci pci;
	bool input_open;
	bool ended;
	uint64_t code;
	bool failed;
	bool blocked;
	uint64_t deadline;
};

/**
 * machine_init() - set up the devices
 * @machine: what to set up
 * @config: what it is to be
 * @hooks: the way out; copied
 *
 * Return: 0 or -ENOMEM.
 */
int machine_init(struct machine *machine, const struct machine_config *config,
		 const struct machine_hooks *hooks);
void machine_fini(struct machine *machine);

/**
 * machine_plug() - put a device into a slot of the PCI bus
 * @machine: machine with interrupt controllers, before the first access
 * @slot: below PCI_SLOTS
 * @function: device; stays in use
 *
 * The device has @machine->board and may take ports of @machine->bus.
 */
void machine_plug(struct machine *machine, unsigned int slot,
		  const struct pci_function *function);

/**
 * machine_enter() - touch a device from outside
 * @machine: machine
 * @now: monotonic ns
 *
 * Until machine_leave() nobody else touches one.
 */
void machine_enter(struct machine *machine, uint64_t now);

/* Passes on what has changed. */
void machine_leave(struct machine *machine);

/**
 * machine_io() - answer a report of port accesses
 * @machine: machine
 * @run: run page with KEV_EXIT_IO: in: one access, or a string of them; out: data of an IN
 * @now: monotonic ns
 *
 * From any thread, as the functions below.
 */
enum verdict machine_io(struct machine *machine, struct kev_run *run, uint64_t now);

/**
 * machine_mmio() - answer an access to memory where a device is
 * @machine: machine
 * @mmio: in: the access; out: data of a read
 * @now: monotonic ns
 */
enum verdict machine_mmio(struct machine *machine, struct kev_exit_mmio *mmio, uint64_t now);

/* The time is @now: let timers run out, and give vCPUs the interrupts that wait. */
void machine_advance(struct machine *machine, uint64_t now);

/* How many bytes of input machine_receive() takes now. */
unsigned int machine_room(struct machine *machine);

/* Input comes in, not more than there is room for. */
void machine_receive(struct machine *machine, const uint8_t *bytes, size_t length, uint64_t now);

/* No more input will come. */
void machine_hang_up(struct machine *machine);

/* Can the machine still interrupt a vCPU without being touched by the guest? */
bool machine_can_interrupt(struct machine *machine);

/* Names each port without device once, with how often it was used, on stderr. */
void machine_print_unclaimed(struct machine *machine);

#endif /* KEVCTL_MACHINE_H */
