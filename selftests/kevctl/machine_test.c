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
	uint64_t last;		/* vCPU << 8 | vector, or NOTHING */
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

static bool hook_interrupt(void *owner, uint32_t vcpu_id, uint8_t vector)
{
	(void)owner;
	if (seen.busy)
		return false;
	seen.last = vcpu_id << 8 | vector;
	seen.interrupts++;
	return true;
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
		.alarm = hook_alarm,
		.listen = hook_listen,
	};
	const struct machine_config config = { .kind = kind, .ram_kib = 65536 };

	memset(&seen, 0, sizeof(seen));
	seen.last = NOTHING;
	if (machine_init(&machine, &config, &hooks))
		abort();
}

static enum port_verdict out(uint16_t port, uint32_t value, uint64_t now)
{
	struct kev_exit_io io = {
		.port = port, .width = 1, .direction = KEV_IO_OUT, .data = value,
	};

	return machine_io(&machine, &io, now);
}

static uint32_t in(uint16_t port, uint64_t now)
{
	struct kev_exit_io io = { .port = port, .width = 1, .direction = KEV_IO_IN };

	machine_io(&machine, &io, now);
	return io.data;
}

/* Vectors from 0x20; @mask of the first 8259 */
static void start_pic(uint8_t mask)
{
	static const uint8_t words[] = { 0x20, 0x04, 0x01 };

	out(0x20, 0x11, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		out(0x21, words[i], 0);
	out(0x21, mask, 0);
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
	tap_result(machine_can_interrupt(&machine, 0), "a running timer can interrupt vCPU 0");
	tap_result(!machine_can_interrupt(&machine, 1), "but not vCPU 1");
	out(0x21, 0xff, 12 * MS);
	tap_result(seen.alarm == PIT_NEVER, "masked: no alarm");
	tap_result(!machine_can_interrupt(&machine, 0), "masked: cannot interrupt");
	out(0x43, 0x34, 13 * MS);
	out(0x40, 2, 13 * MS);
	out(0x40, 0, 13 * MS);
	out(0x21, 0xfe, 14 * MS);
	tap_result(seen.alarm >= 14 * MS + 10000, "a fast timer leaves time for the guest");
	machine_advance(&machine, 1);
	tap_result(machine.board.now == 14 * MS, "time does not go back");
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
	tap_result(machine_can_interrupt(&machine, 0), "input: may interrupt");
	machine_receive(&machine, (const uint8_t *)"x", 1, 0);
	tap_result(take_last() == 0x24, "input: interrupts");
	tap_result(!machine_room(&machine), "input: full");
	in(0x3f8, 0);
	tap_result(seen.listens == 2, "input: room again");
	machine_hang_up(&machine);
	tap_result(!machine_room(&machine), "input: hung up, no room");
	tap_result(!machine_can_interrupt(&machine, 0), "input: hung up, no interrupt");
	machine_fini(&machine);
}

/* Write a redirection entry as a guest does by way of the page. */
static void redirect(unsigned int pin, uint32_t high, uint32_t low)
{
	ioapic_write(&machine.ioapic, 0x00, 0x11 + 2 * pin);
	ioapic_write(&machine.ioapic, 0x10, high);
	ioapic_write(&machine.ioapic, 0x00, 0x10 + 2 * pin);
	ioapic_write(&machine.ioapic, 0x10, low);
}

static void ioapic_cases(void)
{
	static const struct {
		const char *name;
		uint32_t high, low;
		uint64_t expected;
	} messages[] = {
		{ "I/O APIC: fixed, by id", 3U << 24, 0x41, 0x341 },
		{ "I/O APIC: lowest priority, logical", 6U << 24, 0x0942, 0x142 },
		{ "I/O APIC: logical, nobody", 0, 0x0843, 0x043 },
		{ "I/O APIC: an NMI goes nowhere", 0, 0x0444, NOTHING },
		{ "I/O APIC: masked", 0, 0x10045, NOTHING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		start(MACHINE_MIN);
		start_timer(0);
		redirect(2, messages[i].high, messages[i].low);
		machine_advance(&machine, 2 * MS);
		tap_result(take_last() == messages[i].expected, messages[i].name);
		machine_fini(&machine);
	}
	start(MACHINE_MIN);
	start_timer(0);
	redirect(2, 0, 0x41);
	seen.busy = true;
	machine_advance(&machine, 2 * MS);
	seen.busy = false;
	machine_advance(&machine, 2 * MS);
	tap_result(take_last() == 0x41, "I/O APIC: a message waits for a busy vCPU");
	machine_advance(&machine, 2 * MS);
	tap_result(take_last() == NOTHING, "I/O APIC: and comes once");
	machine_fini(&machine);
}

static void verdict_cases(void)
{
	start(MACHINE_MIN);
	tap_result(out(0x80, 0, 0) == PORT_DONE && machine.counts[0x80].writes == 1,
		   "a port without device is counted");
	tap_result(out(0xf4, 3, 0) == PORT_END && machine.code == 7, "the exit device's code");
	tap_result(out(0xf4, 4, 0) == PORT_END && machine.code == 7, "the first end counts");
	tap_result(out(0x3f8, '!', 0) == PORT_ERROR, "output that fails");
	machine_fini(&machine);
	start(MACHINE_NONE);
	tap_result(out(0x3f8, 'x', 0) == PORT_UNCLAIMED, "none: no port at all");
	machine_fini(&machine);
	start(MACHINE_KEV);
	tap_result(out(0x21, 0, 0) == PORT_DONE && machine.counts[0x21].writes == 1,
		   "kev: no interrupt controller");
	machine_fini(&machine);
}

int main(void)
{
	timer_cases();
	input_cases();
	ioapic_cases();
	verdict_cases();
	return tap_end();
}
