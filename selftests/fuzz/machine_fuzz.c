// SPDX-License-Identifier: GPL-2.0
/*
 * The input is which machine it is, and what a guest does to its devices: accesses to any port, one
 * by one and in strings, to the I/O APIC, and bytes and time that come from outside. Each ends, an
 * alarm is never for a time that is over, and input is taken as there was room for.
 */
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/machine/machine.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct machine machine;
static uint64_t now, alarm_at;

void message(const char *what, const char *why, ...)
{
}

static int hook_print(void *owner, uint8_t byte)
{
	/* Now and then the output is gone. */
	return byte == 0xff ? -1 : 0;
}

static bool hook_interrupt(void *owner, uint8_t vector)
{
	return vector & 1;
}

static void hook_signal(void *owner, uint64_t address, uint32_t data)
{
}

static void hook_alarm(void *owner, uint64_t deadline)
{
	alarm_at = deadline;
}

static void hook_listen(void *owner)
{
}

struct action {
	u8 kind, width;
	uint16_t where;
	uint32_t value;
};

static void port(const struct action *action, bool string)
{
	unsigned int width = 1U << action->width % 3;
	static struct kev_run run;

	memset(run.data, action->value >> 8, sizeof(run.data));
	run.io = (struct kev_exit_io) {
		.port = action->where, .width = width,
		.direction = action->width & 0x80 ? KEV_IO_IN : KEV_IO_OUT,
		.data = action->value, .count = 1,
	};
	if (string) {
		run.io.flags = KEV_IO_STRING;
		run.io.count = 1 + action->value % (sizeof(run.data) / width);
	}
	machine_io(&machine, &run, now);
}

static void memory(const struct action *action)
{
	struct kev_exit_mmio access = {
		.gpa = IOAPIC_BASE + action->where % (2 * IOAPIC_SIZE),
		.width = 1U << action->width % 4,
		.direction = action->width & 0x80 ? KEV_MMIO_READ : KEV_MMIO_WRITE,
		.data = action->value,
	};

	machine_mmio(&machine, &access, now);
}

static void input(const struct action *action)
{
	static const u8 bytes[256] = "input";
	unsigned int room = machine_room(&machine), length = action->where % sizeof(bytes);

	machine_receive(&machine, bytes, length < room ? length : room, now);
	fuzz_check(machine_room(&machine) <= room, "more room after input than before");
}

static void act(const struct action *action)
{
	/* The ports that there are, more often than others */
	static const uint16_t ports[] = {
		0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x64, 0x70, 0x71, 0x92, 0x3f8,
		0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x4d0, 0x4d1, 0xcf8, 0xcf9, 0xcfc,
		0xe9, 0xf4, 0x501, 0x604,
	};
	struct action known = *action;

	known.where = ports[action->where % ARRAY_SIZE(ports)];
	switch (action->kind % 8) {
	case 0:
		port(action, false);
		break;
	case 1:
	case 2:
		port(&known, false);
		break;
	case 3:
		port(&known, true);
		break;
	case 4:
		memory(action);
		break;
	case 5:
		input(action);
		break;
	case 6:
		now += (uint64_t)action->value << action->width % 8;
		machine_advance(&machine, now);
		fuzz_check(alarm_at > now, "an alarm that is over");
		break;
	case 7:
		if (action->where & 1)
			machine_hang_up(&machine);
		machine_can_interrupt(&machine);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const enum machine_kind kinds[] = { MACHINE_NONE, MACHINE_KEV, MACHINE_MIN };
	const struct machine_hooks hooks = {
		.print = hook_print, .interrupt = hook_interrupt, .signal = hook_signal,
		.alarm = hook_alarm, .listen = hook_listen,
	};
	struct machine_config config = { .ram_kib = 65536 };
	struct action action;
	u8 flags;

	fuzz_take(&data, &size, &flags, sizeof(flags));
	fuzz_take(&data, &size, &config.epoch, sizeof(config.epoch));
	config.kind = kinds[(flags & 3) % ARRAY_SIZE(kinds)];
	config.strict = flags & 4;
	config.irqchip = flags & 8;
	now = 0;
	alarm_at = PIT_NEVER;
	if (machine_init(&machine, &config, &hooks))
		abort();
	while (size && !machine.ended) {
		fuzz_take(&data, &size, &action, sizeof(action));
		act(&action);
	}
	machine_fini(&machine);
	return 0;
}
