// SPDX-License-Identifier: GPL-2.0
/* The devices that a guest finds, put together. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kevctl.h"
#include "debug_exit.h"
#include "machine.h"
#include "power.h"
#include "printer.h"

#define NR_PORTS	0x10000

/* The 8254's line 0 leads to the I/O APIC's pin 2, as in every PC. */
#define IOAPIC_PIT_PIN	2

/* A timer that runs out more often than this would leave no time for the guest. */
#define LEAST_WAIT_NS	50000

/* An interrupt that found another one waiting is tried again after so long. */
#define RETRY_NS	1000000

/* SDM Vol. 3, "Message Address Register Format" and "Message Data Register Format" */
#define MESSAGE_ADDRESS		0xfee00000ULL
#define MESSAGE_LOGICAL		(1U << 2)
#define MESSAGE_DESTINATION(d)	((uint64_t)(d) << 12)
#define MESSAGE_MODE(m)		((uint32_t)(m) << 8)
#define MODE_FIXED	0
#define MODE_LOWEST	1
#define MODE_NMI	4

static struct machine *machine_of(struct board *board)
{
	return (void *)((char *)board - offsetof(struct machine, board));
}

static unsigned int ioapic_pin(unsigned int irq)
{
	return irq == PIT_IRQ ? IOAPIC_PIT_PIN : irq;
}

static void board_line(struct board *board, unsigned int irq, bool up)
{
	struct machine *machine = machine_of(board);

	pic_line(&machine->pic, irq, up);
	ioapic_line(&machine->ioapic, ioapic_pin(irq), up);
}

static void board_signal(struct board *board, uint64_t address, uint32_t data)
{
	struct machine *machine = machine_of(board);

	machine->hooks.signal(machine->hooks.owner, address, data);
}

static void board_print(struct board *board, uint8_t byte)
{
	struct machine *machine = machine_of(board);

	if (machine->hooks.print(machine->hooks.owner, byte))
		machine->failed = true;
}

static void board_end(struct board *board, uint64_t code)
{
	struct machine *machine = machine_of(board);

	if (!machine->ended)
		machine->code = code;
	machine->ended = true;
}

static void attach_kev(struct machine *machine)
{
	serial_printer_init(&machine->board, &machine->bus);
	power_init(&machine->board, &machine->bus);
	pci_init(&machine->pci, &machine->bus);
}

static void attach_irqchip(struct machine *machine)
{
	pic_init(&machine->pic, &machine->bus);
	ioapic_init(&machine->ioapic);
}

static void attach_min(struct machine *machine, uint64_t ram_kib)
{
	pit_init(&machine->pit, &machine->board, &machine->bus);
	uart_init(&machine->uart, &machine->board, &machine->bus);
	cmos_init(&machine->cmos, &machine->board, &machine->bus, ram_kib);
	reset_init(&machine->reset, &machine->board, &machine->bus);
	pci_init(&machine->pci, &machine->bus);
	power_init(&machine->board, &machine->bus);
	debug_printer_init(&machine->board, &machine->bus);
	debug_exit_init(&machine->board, &machine->bus);
}

int machine_init(struct machine *machine, const struct machine_config *config,
		 const struct machine_hooks *hooks)
{
	*machine = (struct machine){
		.kind = config->kind,
		.strict = config->strict,
		.irqchip = config->irqchip || config->kind == MACHINE_MIN,
		.hooks = *hooks,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.counts = calloc(NR_PORTS, sizeof(*machine->counts)),
		.board = {
			.epoch = config->epoch,
			.line = board_line,
			.signal = board_signal,
			.print = board_print,
			.end = board_end,
		},
		.input_open = config->kind == MACHINE_MIN,
		.deadline = PIT_NEVER,
	};
	if (!machine->counts)
		return -ENOMEM;
	if (machine->irqchip)
		attach_irqchip(machine);
	if (machine->kind == MACHINE_KEV)
		attach_kev(machine);
	else if (machine->kind == MACHINE_MIN)
		attach_min(machine, config->ram_kib);
	return 0;
}

void machine_fini(struct machine *machine)
{
	free(machine->counts);
	pthread_mutex_destroy(&machine->lock);
}

/* A message with another mode is none that a device's line makes: it goes nowhere. */
static void send(struct machine *machine, const struct ioapic_message *message)
{
	uint64_t address = MESSAGE_ADDRESS | MESSAGE_DESTINATION(message->destination);

	if (message->mode != MODE_FIXED && message->mode != MODE_LOWEST &&
	    message->mode != MODE_NMI)
		return;
	if (message->logical)
		address |= MESSAGE_LOGICAL;
	machine->hooks.signal(machine->hooks.owner, address,
			      MESSAGE_MODE(message->mode) | message->vector);
}

/*
 * A vector is acknowledged when the vCPU has it, so that a busy vCPU leaves the
 * 8259s as they are.
 */
static void deliver(struct machine *machine)
{
	struct ioapic_message message;
	int vector = pic_pending(&machine->pic);

	/* With automatic EOI there may be a next one at once: it waits for the first, too. */
	if (vector >= 0 && machine->hooks.interrupt(machine->hooks.owner, vector))
		pic_acknowledge(&machine->pic);
	machine->blocked = pic_pending(&machine->pic) >= 0;
	while (ioapic_pending(&machine->ioapic, &message)) {
		send(machine, &message);
		ioapic_accepted(&machine->ioapic, message.pin);
	}
}

/* Would line @irq get through to a vCPU? */
static bool line_open(const struct machine *machine, unsigned int irq)
{
	return pic_open(&machine->pic, irq) || ioapic_open(&machine->ioapic, ioapic_pin(irq));
}

/* While nobody hears the timer, what it has missed is found at the next access. */
static uint64_t next_deadline(const struct machine *machine)
{
	uint64_t least = machine->board.now + LEAST_WAIT_NS;
	uint64_t retry = machine->blocked ? machine->board.now + RETRY_NS : PIT_NEVER;
	uint64_t tick = PIT_NEVER;

	if (machine->kind == MACHINE_MIN && line_open(machine, PIT_IRQ))
		tick = pit_deadline(&machine->pit);
	if (tick < least)
		tick = least;
	return tick < retry ? tick : retry;
}

/* Time passes before an access, and what it has changed is passed on behind it. */
static void begin_locked(struct machine *machine, uint64_t now)
{
	/* Threads come here in another order than they looked at the clock. */
	if (now > machine->board.now)
		machine->board.now = now;
	if (machine->kind == MACHINE_MIN)
		pit_advance(&machine->pit);
}

static void finish_locked(struct machine *machine)
{
	uint64_t deadline;

	if (!machine->irqchip)
		return;
	deliver(machine);
	deadline = next_deadline(machine);
	if (deadline == machine->deadline)
		return;
	machine->deadline = deadline;
	machine->hooks.alarm(machine->hooks.owner, deadline);
}

static bool access_locked(struct machine *machine, struct kev_exit_io *io)
{
	unsigned int room = uart_room(&machine->uart);
	bool claimed = bus_access(&machine->bus, io);

	if (!room && uart_room(&machine->uart))
		machine->hooks.listen(machine->hooks.owner);
	return claimed;
}

static void count_locked(struct machine *machine, const struct kev_exit_io *io)
{
	if (io->direction == KEV_IO_IN)
		machine->counts[io->port].reads++;
	else
		machine->counts[io->port].writes++;
}

static enum verdict port_locked(struct machine *machine, struct kev_exit_io *io)
{
	bool claimed = access_locked(machine, io);

	if (!claimed && machine->strict)
		return ACCESS_UNCLAIMED;
	if (!claimed)
		count_locked(machine, io);
	if (machine->failed)
		return ACCESS_ERROR;
	return machine->ended ? ACCESS_END : ACCESS_DONE;
}

/* The accesses of a string instruction, one after the other */
static enum verdict string_locked(struct machine *machine, struct kev_run *run)
{
	enum verdict verdict = ACCESS_DONE;

	for (uint32_t i = 0; i < run->io.count && verdict == ACCESS_DONE; i++) {
		uint8_t *value = run->data + i * run->io.width;
		struct kev_exit_io io = {
			.port = run->io.port,
			.direction = run->io.direction,
			.width = run->io.width,
			.count = 1,
		};

		if (io.direction == KEV_IO_OUT)
			memcpy(&io.data, value, io.width);
		verdict = port_locked(machine, &io);
		if (io.direction == KEV_IO_IN)
			memcpy(value, &io.data, io.width);
	}
	return verdict;
}

enum verdict machine_io(struct machine *machine, struct kev_run *run, uint64_t now)
{
	enum verdict verdict;

	if (machine->kind == MACHINE_NONE)
		return ACCESS_UNCLAIMED;
	machine_enter(machine, now);
	if (run->io.flags & KEV_IO_STRING)
		verdict = string_locked(machine, run);
	else
		verdict = port_locked(machine, &run->io);
	machine_leave(machine);
	return verdict;
}

/* Its registers are 32 bits wide; what is written beside them is lost. */
static void ioapic_locked(struct machine *machine, struct kev_exit_mmio *mmio)
{
	unsigned int offset = mmio->gpa - IOAPIC_BASE;
	bool whole = mmio->width == sizeof(uint32_t);

	if (mmio->direction == KEV_MMIO_READ)
		mmio->data = whole ? ioapic_read(&machine->ioapic, offset) : 0;
	else if (whole)
		ioapic_write(&machine->ioapic, offset, mmio->data);
}

static bool mmio_locked(struct machine *machine, struct kev_exit_mmio *mmio)
{
	if (mmio->gpa < IOAPIC_BASE || mmio->gpa - IOAPIC_BASE >= IOAPIC_SIZE)
		return pci_memory(&machine->pci, mmio);
	ioapic_locked(machine, mmio);
	return true;
}

enum verdict machine_mmio(struct machine *machine, struct kev_exit_mmio *mmio, uint64_t now)
{
	bool claimed;

	if (!machine->irqchip)
		return ACCESS_UNCLAIMED;
	machine_enter(machine, now);
	claimed = mmio_locked(machine, mmio);
	machine_leave(machine);
	return claimed ? ACCESS_DONE : ACCESS_UNCLAIMED;
}

void machine_plug(struct machine *machine, unsigned int slot, const struct pci_function *function)
{
	machine->pci.functions[slot] = function;
}

void machine_enter(struct machine *machine, uint64_t now)
{
	pthread_mutex_lock(&machine->lock);
	begin_locked(machine, now);
}

void machine_leave(struct machine *machine)
{
	finish_locked(machine);
	pthread_mutex_unlock(&machine->lock);
}

void machine_advance(struct machine *machine, uint64_t now)
{
	if (!machine->irqchip)
		return;
	machine_enter(machine, now);
	machine_leave(machine);
}

unsigned int machine_room(struct machine *machine)
{
	unsigned int room;

	pthread_mutex_lock(&machine->lock);
	room = machine->input_open ? uart_room(&machine->uart) : 0;
	pthread_mutex_unlock(&machine->lock);
	return room;
}

void machine_receive(struct machine *machine, const uint8_t *bytes, size_t length, uint64_t now)
{
	machine_enter(machine, now);
	for (size_t i = 0; i < length; i++)
		uart_receive(&machine->uart, bytes[i]);
	machine_leave(machine);
}

void machine_hang_up(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	machine->input_open = false;
	pthread_mutex_unlock(&machine->lock);
}

static bool can_interrupt_locked(const struct machine *machine)
{
	if (pic_pending(&machine->pic) >= 0 || pci_waits(&machine->pci))
		return true;
	if (machine->kind != MACHINE_MIN)
		return false;
	return (line_open(machine, PIT_IRQ) && pit_deadline(&machine->pit) != PIT_NEVER) ||
	       (line_open(machine, UART_IRQ) && machine->input_open &&
		uart_waits(&machine->uart));
}

bool machine_can_interrupt(struct machine *machine)
{
	bool can;

	if (!machine->irqchip)
		return false;
	pthread_mutex_lock(&machine->lock);
	can = can_interrupt_locked(machine);
	pthread_mutex_unlock(&machine->lock);
	return can;
}

void machine_print_unclaimed(struct machine *machine)
{
	char name[sizeof("port 0xffff")];

	for (unsigned int port = 0; port < NR_PORTS; port++) {
		const struct port_count *count = &machine->counts[port];

		if (!count->reads && !count->writes)
			continue;
		snprintf(name, sizeof(name), "port 0x%x", port);
		message(name, "no device: %" PRIu64 " reads gave all ones, %" PRIu64
			" writes were ignored", count->reads, count->writes);
	}
}
