// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254 interval timer. A counter is not stepped: what it shows follows from
 * the ticks since its count began.
 */
#include "../kevctl.h"
#include "bus.h"
#include "pit.h"

#define CONTROL_PORT	0x43
#define READ_BACK	3	/* of a control word, in place of a counter */
#define NO_COUNT	0x20	/* of a read-back command, low-active */
#define NO_STATUS	0x10

#define ACCESS_BOTH	3

#define STATUS_OUT	0x80
#define STATUS_NULL	0x40

#define PORT_B		0x61
#define PORT_B_GATE	0x01
#define PORT_B_SPEAKER	0x02
#define PORT_B_REFRESH	0x10	/* toggles with each refresh of the memory */
#define PORT_B_OUT	0x20
#define REFRESH_NS	15085

static uint64_t ticks_of(uint64_t ns)
{
	return (__uint128_t)ns * PIT_HZ / NSEC_PER_SEC;
}

/* The first ns of a tick */
static uint64_t ns_of(uint64_t tick)
{
	return ((__uint128_t)tick * NSEC_PER_SEC + PIT_HZ - 1) / PIT_HZ;
}

static bool periodic(const struct pit_counter *counter)
{
	return counter->mode == 2 || counter->mode == 3;
}

/* Modes 1 and 5 begin with a rising gate, the others with their count. */
static bool triggered(const struct pit_counter *counter)
{
	return counter->mode == 1 || counter->mode == 5;
}

static uint64_t elapsed(const struct pit_counter *counter, uint64_t tick)
{
	return counter->held + (counter->running ? tick - counter->start : 0);
}

static bool begun(const struct pit_counter *counter)
{
	return counter->loaded && (counter->running || counter->held);
}

/* Rising edges of the output in the first @ticks of a count */
static uint64_t edges(const struct pit_counter *counter, uint64_t ticks)
{
	if (!begun(counter))
		return 0;
	switch (counter->mode) {
	case 0:
	case 1:
		return ticks >= counter->count;
	case 2:
	case 3:
		return ticks / counter->count;
	default:
		return ticks > counter->count;
	}
}

static bool output(const struct pit_counter *counter, uint64_t tick)
{
	uint64_t ticks = elapsed(counter, tick);

	if (!begun(counter))
		return counter->mode != 0;
	switch (counter->mode) {
	case 0:
	case 1:
		return ticks >= counter->count;
	case 2:
		return !counter->gate || ticks % counter->count != counter->count - 1;
	case 3:
		return !counter->gate || ticks % counter->count < (counter->count + 1) / 2;
	default:
		return ticks != counter->count;
	}
}

static uint16_t to_bcd(uint32_t value)
{
	return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 |
	       value / 1000 % 10 << 12;
}

static uint32_t from_bcd(uint16_t value)
{
	return (value & 15) + (value >> 4 & 15) * 10 + (value >> 8 & 15) * 100 +
	       (value >> 12) * 1000;
}

/* What the counting element holds; what does not fit wraps around. */
static uint16_t present(const struct pit_counter *counter, uint64_t tick)
{
	uint32_t modulus = counter->bcd ? 10000 : 0x10000;
	uint64_t ticks = elapsed(counter, tick);
	uint32_t half = (counter->count + 1) / 2;
	uint32_t value;

	if (periodic(counter))
		ticks %= counter->count;
	if (counter->mode == 2)
		value = counter->count - ticks;
	else if (counter->mode == 3)	/* down by two, once for each half of the period */
		value = (counter->count & ~1U) - 2 * (ticks < half ? ticks : ticks - half);
	else
		value = counter->count + modulus - ticks % modulus;
	value %= modulus;
	return counter->bcd ? to_bcd(value) : value;
}

static void begin(struct pit_counter *counter, uint64_t tick)
{
	counter->start = tick;
	counter->held = 0;
	counter->edges = 0;
	counter->running = counter->gate;
}

/* Modes 2 and 3: a count written while another runs takes over at a period's end. */
static void settle(struct pit_counter *counter, uint64_t tick)
{
	if (!counter->next || tick < counter->switch_at)
		return;
	counter->count = counter->next;
	counter->next = 0;
	counter->held = 0;
	counter->start = counter->switch_at;
	counter->edges = 0;
	counter->owed = true;
}

static void load(struct pit_counter *counter, uint16_t written, uint64_t tick)
{
	uint32_t modulus = counter->bcd ? 10000 : 0x10000;
	uint32_t count = counter->bcd ? from_bcd(written) : written;

	if (!count)
		count = modulus;
	if (periodic(counter) && counter->loaded && counter->running) {
		uint64_t ticks = elapsed(counter, tick);

		counter->next = count;
		counter->switch_at = tick + counter->count - ticks % counter->count;
		return;
	}
	counter->count = count;
	counter->loaded = true;
	if (!triggered(counter))
		begin(counter, tick);
}

static void set_gate(struct pit_counter *counter, bool gate, uint64_t tick)
{
	bool rises = gate && !counter->gate;

	counter->gate = gate;
	if (!counter->loaded)
		return;
	if (rises && (periodic(counter) || triggered(counter))) {
		begin(counter, tick);
	} else if (rises) {
		counter->start = tick;
		counter->running = true;
	} else if (!gate && !triggered(counter)) {
		counter->held = elapsed(counter, tick);
		counter->running = false;
	}
}

static void latch_count(struct pit_counter *counter, uint64_t tick)
{
	if (counter->latched)
		return;
	counter->latch = counter->loaded ? present(counter, tick) : 0;
	counter->latched = counter->access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct pit_counter *counter, uint64_t tick)
{
	if (counter->status_latched)
		return;
	counter->status_latched = true;
	counter->status = (output(counter, tick) ? STATUS_OUT : 0) |
			  (!counter->loaded || counter->next ? STATUS_NULL : 0) |
			  counter->access << 4 | counter->mode << 1 | counter->bcd;
}

static void read_back(struct pit *pit, uint32_t command, uint64_t tick)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(pit->counters); i++) {
		if (!(command & 2U << i))
			continue;
		if (!(command & NO_COUNT))
			latch_count(&pit->counters[i], tick);
		if (!(command & NO_STATUS))
			latch_status(&pit->counters[i], tick);
	}
}

static void write_control(struct pit *pit, uint32_t command, uint64_t tick)
{
	struct pit_counter *counter;

	if (command >> 6 == READ_BACK) {
		read_back(pit, command, tick);
		return;
	}
	counter = &pit->counters[command >> 6];
	if (!(command >> 4 & 3)) {
		latch_count(counter, tick);
		return;
	}
	*counter = (struct pit_counter){
		.access = command >> 4 & 3,
		/* modes 6 and 7 are 2 and 3 */
		.mode = (command >> 1 & 7) > 5 ? command >> 1 & 3 : command >> 1 & 7,
		.bcd = command & 1,
		.gate = counter->gate,
	};
}

static void write_count(struct pit_counter *counter, uint8_t value, uint64_t tick)
{
	if (counter->access == 1) {
		load(counter, value, tick);
	} else if (counter->access == 2) {
		load(counter, value << 8, tick);
	} else if (!counter->write_high) {
		counter->low = value;
		counter->write_high = true;
		/* Mode 0: the first byte stops the counting. */
		if (!counter->mode)
			counter->loaded = false;
	} else {
		counter->write_high = false;
		load(counter, value << 8 | counter->low, tick);
	}
}

static uint8_t read_count(struct pit_counter *counter, uint64_t tick)
{
	uint16_t value;
	bool high = counter->access == 2;

	if (counter->status_latched) {
		counter->status_latched = false;
		return counter->status;
	}
	value = counter->latched ? counter->latch : counter->loaded ? present(counter, tick) : 0;
	if (counter->latched)
		counter->latched--;
	if (counter->access == ACCESS_BOTH) {
		high = counter->read_high;
		counter->read_high = !high;
	}
	return high ? value >> 8 : value;
}

static uint64_t settled_tick(struct pit *pit)
{
	uint64_t tick = ticks_of(pit->board->now);

	for (unsigned int i = 0; i < ARRAY_SIZE(pit->counters); i++)
		settle(&pit->counters[i], tick);
	return tick;
}

static uint32_t pit_in(void *device, uint16_t port)
{
	struct pit *pit = device;
	uint64_t tick = settled_tick(pit);

	/* The control word cannot be read. */
	return port == CONTROL_PORT ? UINT8_MAX : read_count(&pit->counters[port & 3], tick);
}

static void pit_out(void *device, uint16_t port, uint32_t value)
{
	struct pit *pit = device;
	uint64_t tick;

	pit_advance(pit);
	tick = settled_tick(pit);
	if (port == CONTROL_PORT)
		write_control(pit, value, tick);
	else
		write_count(&pit->counters[port & 3], value, tick);
}

static uint32_t port_b_in(void *device, uint16_t port)
{
	struct pit *pit = device;
	uint64_t tick = settled_tick(pit);

	(void)port;
	return (pit->counters[2].gate ? PORT_B_GATE : 0) |
	       (pit->speaker ? PORT_B_SPEAKER : 0) |
	       (pit->board->now / REFRESH_NS & 1 ? PORT_B_REFRESH : 0) |
	       (output(&pit->counters[2], tick) ? PORT_B_OUT : 0);
}

static void port_b_out(void *device, uint16_t port, uint32_t value)
{
	struct pit *pit = device;

	(void)port;
	set_gate(&pit->counters[2], value & PORT_B_GATE, settled_tick(pit));
	pit->speaker = value & PORT_B_SPEAKER;
}

static const struct port_range pit_ports[] = {
	{ 0x40, CONTROL_PORT, 1, pit_in, pit_out },
	{ PORT_B, PORT_B, 1, port_b_in, port_b_out },
};

void pit_init(struct pit *pit, struct board *board, struct bus *bus)
{
	*pit = (struct pit){ .board = board };
	for (unsigned int i = 0; i < ARRAY_SIZE(pit->counters); i++) {
		pit->counters[i].gate = i != 2;
		pit->counters[i].access = ACCESS_BOTH;
	}
	bus_attach(bus, pit_ports, ARRAY_SIZE(pit_ports), pit);
}

void pit_advance(struct pit *pit)
{
	struct pit_counter *counter = &pit->counters[0];
	uint64_t tick = settled_tick(pit);
	uint64_t now = edges(counter, elapsed(counter, tick));

	if (now <= counter->edges && !counter->owed)
		return;
	counter->edges = now;
	counter->owed = false;
	pit->board->line(pit->board, PIT_IRQ, false);
	pit->board->line(pit->board, PIT_IRQ, true);
}

uint64_t pit_deadline(const struct pit *pit)
{
	const struct pit_counter *counter = &pit->counters[0];
	uint64_t ticks;

	if (!counter->loaded || !counter->running)
		return PIT_NEVER;
	if (periodic(counter))
		ticks = (counter->edges + 1) * counter->count;
	else
		ticks = counter->count + (counter->mode > 1);
	if (!periodic(counter) && counter->edges)
		return PIT_NEVER;
	return ns_of(counter->start + ticks - counter->held);
}
