// SPDX-License-Identifier: GPL-2.0
/* The devices together: how interrupts get to vCPUs, when the machine wants to be called. */
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/machine/machine.h"
#include "tap.h"

#define MS	1000000ULL
#define NOTHING	UINT64_MAX

static struct machine machine;

/* What the hooks have seen */
static struct {
	bool busy;
	uint64_t last;		/* vector or address << 32 | data of a message, or NOTHING */
	unsigned int interrupts;
	uint64_t alarm;
	unsigned int alarms, listens;
} seen;

void message(const char *what, const char *why, ...)
{
	printf("# %s: %s\n", what, why);
}

static int hook_print(void *owner, uint8_t byte)
{
	(void)owner;
	return byte == '!' ? -1 : 0;
}

static bool hook_interrupt(void *owner, uint8_t vector)
{
	(void)owner;
	if (seen.busy)
		return false;
	seen.last = vector;
	seen.interrupts++;
	return true;
}

static void hook_signal(void *owner, uint64_t address, uint32_t data)
{
	(void)owner;
	seen.last = address << 32 | data;
}

static void hook_alarm(void *owner, uint64_t deadline)
{
	(void)owner;
	seen.alarm = deadline;
	seen.alarms++;
}

static void hook_listen(void *owner)
{
	(void)owner;
	seen.listens++;
}

static void start(enum machine_kind kind)
{
	const struct machine_hooks hooks = {
		.print = hook_print,
		.interrupt = hook_interrupt,
		.signal = hook_signal,
		.alarm = hook_alarm,
		.listen = hook_listen,
	};
	const struct machine_config config = { .kind = kind, .ram_kib = 65536 };

	memset(&seen, 0, sizeof(seen));
	seen.last = NOTHING;
	if (machine_init(&machine, &config, &hooks))
		abort();
}

static enum verdict out(uint16_t port, uint32_t value, uint64_t now)
{
	struct kev_run run = {
		.io = { .port = port, .width = 1, .direction = KEV_IO_OUT, .data = value },
	};

	return machine_io(&machine, &run, now);
}

static uint32_t in(uint16_t port, uint64_t now)
{
	struct kev_run run = { .io = { .port = port, .width = 1, .direction = KEV_IO_IN } };

	machine_io(&machine, &run, now);
	return run.io.data;
}

/* Vectors from 0x20; @mask of the first 8259 */
static void start_pic_as(uint8_t icw4, uint8_t mask)
{
	const uint8_t words[] = { 0x20, 0x04, icw4 };

	out(0x20, 0x11, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		out(0x21, words[i], 0);
	out(0x21, mask, 0);
}

static void start_pic(uint8_t mask)
{
	start_pic_as(0x01, mask);
}

/* About 1 ms a period */
static void start_timer(uint64_t now)
{
	out(0x43, 0x34, now);
	out(0x40, 1193 & 0xff, now);
	out(0x40, 1193 >> 8, now);
}

static uint64_t take_last(void)
{
	uint64_t last = seen.last;

	seen.last = NOTHING;
	return last;
}

static void timer_cases(void)
{
	start(MACHINE_MIN);
	start_pic(0xff);
	start_timer(0);
	tap_result(!seen.alarms, "timer: no alarm while nobody hears it");
	out(0x21, 0xfe, 10 * MS);
	tap_result(take_last() == 0x20, "timer: a tick that was missed comes when it is heard");
	tap_result(seen.alarm > 10 * MS && seen.alarm < 11 * MS, "timer: alarm at the next tick");
	machine_advance(&machine, seen.alarm - MS / 2);
	tap_result(take_last() == NOTHING, "timer: not before");
	machine_advance(&machine, seen.alarm);
	tap_result(take_last() == NOTHING, "timer: nor while the first is in service");
	out(0x20, 0x20, machine.board.now);
	tap_result(take_last() == 0x20, "timer: but after its end");
	out(0x20, 0x20, machine.board.now);
	seen.busy = true;
	machine_advance(&machine, 12 * MS);
	seen.busy = false;
	tap_result(take_last() == NOTHING && in(0x20, 12 * MS) & 1,
		   "busy vCPU: the request stays");
	tap_result(take_last() == 0x20, "busy vCPU: the next call delivers it");
	tap_result(machine_can_interrupt(&machine), "a running timer can interrupt");
	out(0x21, 0xff, 12 * MS);
	tap_result(seen.alarm == PIT_NEVER, "masked: no alarm");
	tap_result(!machine_can_interrupt(&machine), "masked: cannot interrupt");
	out(0x43, 0x34, 13 * MS);
	out(0x40, 2, 13 * MS);
	out(0x40, 0, 13 * MS);
	out(0x21, 0xfe, 14 * MS);
	tap_result(seen.alarm >= 14 * MS + 10000, "a fast timer leaves time for the guest");
	machine_advance(&machine, 1);
	tap_result(machine.board.now == 14 * MS, "time does not go back");
	machine_fini(&machine);
}

/* No timer runs, and the guest makes no access. */
/* Two requests at once, and no EOI that would ask for the second one */
static void automatic_eoi_cases(void)
{
	start(MACHINE_MIN);
	start_pic_as(0x03, 0xff);
	out(0x43, 0x30, 0);	/* once */
	out(0x40, 1, 0);
	out(0x40, 0, 0);
	out(0x3fc, 8, 5 * MS);
	out(0x3f9, 2, 5 * MS);
	out(0x21, 0xee, 5 * MS);
	tap_result(seen.interrupts == 1 && take_last() == 0x20, "automatic EOI: the first request");
	tap_result(seen.alarm == 6 * MS, "automatic EOI: the second one is tried soon");
	machine_advance(&machine, 6 * MS);
	tap_result(take_last() == 0x24 && seen.alarm == PIT_NEVER,
		   "automatic EOI: and is the last one");
	machine_fini(&machine);
}

static void retry_cases(void)
{
	start(MACHINE_MIN);
	start_pic(0xef);
	seen.busy = true;
	out(0x3fc, 8, 5 * MS);
	out(0x3f9, 2, 5 * MS);
	tap_result(seen.alarm == 6 * MS, "busy vCPU: tried again soon");
	seen.busy = false;
	machine_advance(&machine, 6 * MS);
	tap_result(take_last() == 0x24 && seen.alarm == PIT_NEVER, "busy vCPU: until it is taken");
	machine_fini(&machine);
}

static void input_cases(void)
{
	start(MACHINE_MIN);
	tap_result(!machine_room(&machine), "input: no room before the guest has asked");
	start_pic(0xef);
	out(0x3fc, 8, 0);
	out(0x3f9, 1, 0);
	tap_result(seen.listens == 1, "input: the guest listens");
	tap_result(machine_room(&machine) == 1, "input: room for a byte");
	tap_result(machine_can_interrupt(&machine), "input: may interrupt");
	machine_receive(&machine, (const uint8_t *)"x", 1, 0);
	tap_result(take_last() == 0x24, "input: interrupts");
	tap_result(!machine_room(&machine), "input: full");
	in(0x3f8, 0);
	tap_result(seen.listens == 2, "input: room again");
	machine_hang_up(&machine);
	tap_result(!machine_room(&machine), "input: hung up, no room");
	tap_result(!machine_can_interrupt(&machine), "input: hung up, no interrupt");
	machine_fini(&machine);
}

static enum verdict mmio(struct kev_exit_mmio access)
{
	return machine_mmio(&machine, &access, 0);
}

static void ioapic_out(unsigned int offset, uint32_t value)
{
	mmio((struct kev_exit_mmio){
		.gpa = IOAPIC_BASE + offset, .width = 4, .direction = KEV_MMIO_WRITE,
		.data = value,
	});
}

static uint64_t ioapic_in(unsigned int offset, uint8_t width)
{
	struct kev_exit_mmio access = {
		.gpa = IOAPIC_BASE + offset, .width = width, .direction = KEV_MMIO_READ,
		.data = ~0ULL,
	};

	machine_mmio(&machine, &access, 0);
	return access.data;
}

/* Write a redirection entry. */
static void redirect(unsigned int pin, uint32_t high, uint32_t low)
{
	ioapic_out(0x00, 0x11 + 2 * pin);
	ioapic_out(0x10, high);
	ioapic_out(0x00, 0x10 + 2 * pin);
	ioapic_out(0x10, low);
}

#define MESSAGE(address, data)	((uint64_t)(address) << 32 | (data))

static void ioapic_cases(void)
{
	static const struct {
		const char *name;
		uint32_t high, low;
		uint64_t expected;
	} messages[] = {
		{ "I/O APIC: fixed, by id", 3U << 24, 0x41, MESSAGE(0xfee03000, 0x41) },
		{ "I/O APIC: lowest priority, logical", 6U << 24, 0x0942,
		  MESSAGE(0xfee06004, 0x142) },
		{ "I/O APIC: to all", 255U << 24, 0x43, MESSAGE(0xfeeff000, 0x43) },
		{ "I/O APIC: an NMI", 0, 0x0444, MESSAGE(0xfee00000, 0x444) },
		{ "I/O APIC: an SMI goes nowhere", 0, 0x0245, NOTHING },
		{ "I/O APIC: an external interrupt goes nowhere", 0, 0x0745, NOTHING },
		{ "I/O APIC: masked", 0, 0x10045, NOTHING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		start(MACHINE_MIN);
		start_timer(0);
		redirect(2, messages[i].high, messages[i].low);
		machine_advance(&machine, 2 * MS);
		tap_result(take_last() == messages[i].expected, messages[i].name);
		machine_advance(&machine, 2 * MS);
		tap_result(take_last() == NOTHING, "I/O APIC: once");
		machine_fini(&machine);
	}
	start(MACHINE_MIN);
	redirect(2, 0, 0x10077);
	tap_result(ioapic_in(0x10, 4) == 0x10077, "I/O APIC: a register of 32 bits");
	tap_result(!ioapic_in(0x10, 1) && !ioapic_in(0x10, 8), "I/O APIC: nothing in other widths");
	mmio((struct kev_exit_mmio){
		.gpa = IOAPIC_BASE + 0x10, .width = 8, .direction = KEV_MMIO_WRITE,
	});
	tap_result(ioapic_in(0x10, 4) == 0x10077, "I/O APIC: nor is anything written");
	tap_result(mmio((struct kev_exit_mmio){ .gpa = IOAPIC_BASE - 4, .width = 4 }) ==
		   ACCESS_UNCLAIMED, "no device below it");
	tap_result(mmio((struct kev_exit_mmio){ .gpa = IOAPIC_BASE + 0x1000, .width = 4 }) ==
		   ACCESS_UNCLAIMED, "nor above");
	machine_fini(&machine);
	start(MACHINE_KEV);
	tap_result(mmio((struct kev_exit_mmio){ .gpa = IOAPIC_BASE, .width = 4 }) ==
		   ACCESS_UNCLAIMED, "kev: no I/O APIC");
	machine_fini(&machine);
}

/* Strings of port accesses: each is one access to the device. */
static void string_cases(void)
{
	struct kev_run run = {
		.io = {
			.port = 0x70, .width = 1, .direction = KEV_IO_OUT, .count = 3,
			.flags = KEV_IO_STRING,
		},
		.data = { 0x0b, 0x0d, 0x7f },
	};

	start(MACHINE_MIN);
	tap_result(machine_io(&machine, &run, 0) == ACCESS_DONE && machine.cmos.index == 0x7f,
		   "string: the last byte counts");
	run.io.port = 0xf4;
	memcpy(run.data, (uint8_t []){ 1, 2, 3 }, 3);
	tap_result(machine_io(&machine, &run, 0) == ACCESS_END && machine.code == 3,
		   "string: the first byte ends it");
	machine_fini(&machine);

	start(MACHINE_MIN);
	run.io.port = 0x81;
	run.io.width = 2;
	run.io.direction = KEV_IO_IN;
	memset(run.data, 0, sizeof(run.data));
	tap_result(machine_io(&machine, &run, 0) == ACCESS_DONE && run.data[5] == 0xff &&
		   !run.data[6] && machine.counts[0x81].reads == 3,
		   "string: a port without device is read and counted each time");
	start_pic(0xa5);
	run.io.port = 0x21;
	run.io.width = 4;
	tap_result(machine_io(&machine, &run, 0) == ACCESS_DONE &&
		   !memcmp(run.data, (uint8_t []){ 0xa5, 0xff, 0xff, 0xff }, 4) &&
		   !memcmp(run.data + 8, run.data, 4),
		   "string: little-endian, one after the other");
	machine_fini(&machine);
}

static void verdict_cases(void)
{
	start(MACHINE_MIN);
	tap_result(out(0x80, 0, 0) == ACCESS_DONE && machine.counts[0x80].writes == 1,
		   "a port without device is counted");
	tap_result(out(0xf4, 3, 0) == ACCESS_END && machine.code == 7, "the exit device's code");
	tap_result(out(0xf4, 4, 0) == ACCESS_END && machine.code == 7, "the first end counts");
	tap_result(out(0x3f8, '!', 0) == ACCESS_ERROR, "output that fails");
	machine_fini(&machine);
	start(MACHINE_NONE);
	tap_result(out(0x3f8, 'x', 0) == ACCESS_UNCLAIMED, "none: no port at all");
	machine_fini(&machine);
	start(MACHINE_KEV);
	tap_result(out(0x21, 0, 0) == ACCESS_DONE && machine.counts[0x21].writes == 1,
		   "kev: no interrupt controller");
	machine_fini(&machine);
}

int main(void)
{
	timer_cases();
	retry_cases();
	automatic_eoi_cases();
	input_cases();
	ioapic_cases();
	string_cases();
	verdict_cases();
	return tap_end();
}
