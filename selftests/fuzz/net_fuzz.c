// SPDX-License-Identifier: GPL-2.0
/*
 * The input is guest memory with rings and descriptors, and what a guest does to the card's
 * registers meanwhile: the card reads and writes nothing outside of memory, ends each
 * action, and after a reset it works as on the first day.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/net/virtio_pci.h"

#define MEMORY		0x10000
#define QUEUE(q)	(0x4000U * (q))
#define DATA		0x8000U

static uint8_t memory[MEMORY];
static struct machine machine;
static struct virtio_pci card;
static unsigned int accesses, sent;

void message(const char *what, const char *why, ...)
{
	(void)what;
	(void)why;
}

static void check(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int guest_read_all(const struct guest_view *view, uint64_t address, void *bytes, size_t length)
{
	(void)view;
	accesses++;
	if (address > MEMORY || length > MEMORY - address)
		return -1;
	memcpy(bytes, memory + address, length);
	return 0;
}

int guest_write_all(const struct guest_view *view, uint64_t address, const void *bytes,
		    size_t length)
{
	(void)view;
	accesses++;
	if (address > MEMORY || length > MEMORY - address)
		return -1;
	memcpy(memory + address, bytes, length);
	return 0;
}

static int hook_print(void *owner, uint8_t byte)
{
	(void)owner;
	(void)byte;
	return 0;
}

static bool hook_interrupt(void *owner, uint8_t vector)
{
	(void)owner;
	(void)vector;
	return true;
}

static void hook_signal(void *owner, uint64_t address, uint32_t data)
{
	(void)owner;
	(void)address;
	(void)data;
}

static void hook_alarm(void *owner, uint64_t deadline)
{
	(void)owner;
	(void)deadline;
}

static void hook_none(void *owner)
{
	(void)owner;
}

static bool hook_send(void *owner, struct net_packet *packet, size_t length)
{
	(void)owner;
	check(length >= sizeof(packet->header) + NET_FRAME_MIN && length <= sizeof(*packet),
	      "length of a frame");
	check(!(packet->header.flags & ~NET_NEEDS_CSUM) && !packet->header.gso_type,
	      "a header that was not asked for");
	length -= sizeof(packet->header);
	check(!packet->header.flags ||
	      packet->header.csum_start + packet->header.csum_offset + 2U <= length,
	      "a checksum outside of its frame");
	sent++;
	return true;
}

static void start(void)
{
	const struct machine_hooks hooks = {
		.print = hook_print,
		.interrupt = hook_interrupt,
		.signal = hook_signal,
		.alarm = hook_alarm,
		.listen = hook_none,
	};
	const struct machine_config config = { .kind = MACHINE_KEV, .irqchip = true };

	if (machine_init(&machine, &config, &hooks))
		abort();
	card = (struct virtio_pci){
		.net = { .send = hook_send, .listen = hook_none, .link = true },
	};
	virtio_pci_init(&card, &machine, 0, NET_LEGACY_ID);
	virtio_pci_add_modern(&card, &machine, 1);
}

static void out(uint16_t port, unsigned int width, uint32_t value)
{
	struct kev_run run = {
		.io = { .port = port, .width = width, .direction = KEV_IO_OUT, .data = value,
			.count = 1 },
	};

	machine_io(&machine, &run, 0);
}

static uint32_t in(uint16_t port, unsigned int width)
{
	struct kev_run run = {
		.io = { .port = port, .width = width, .direction = KEV_IO_IN, .count = 1 },
	};

	machine_io(&machine, &run, 0);
	return run.io.data;
}

static void mmio(unsigned int direction, unsigned int offset, unsigned int width, uint64_t value)
{
	struct kev_exit_mmio access = {
		.gpa = NET_MEMORY + offset, .width = width, .direction = direction, .data = value,
	};

	machine_mmio(&machine, &access, 0);
}

static void receive(size_t length, uint8_t flags, uint16_t start_at)
{
	static struct net_packet packet;

	packet.header = (struct net_header){
		.flags = flags, .csum_start = start_at, .csum_offset = start_at >> 3,
	};
	machine_enter(&machine, 0);
	virtio_net_receive(&card.net, &packet, length > sizeof(packet) ? sizeof(packet) : length);
	machine_leave(&machine);
}

/* A driver that has agreed on @features and lets the rings lie where memory says */
static void start_driver(bool modern, uint32_t features)
{
	if (!modern) {
		out(NET_PORTS + 18, 1, 3);
		out(NET_PORTS + 4, 4, features);
		for (unsigned int q = 0; q < 2; q++) {
			out(NET_PORTS + 14, 2, q);
			out(NET_PORTS + 8, 4, QUEUE(q) >> 12);
		}
		out(NET_PORTS + 18, 1, 7);
		return;
	}
	mmio(KEV_MMIO_WRITE, 0x14, 1, 3);
	mmio(KEV_MMIO_WRITE, 0x08, 4, 0);
	mmio(KEV_MMIO_WRITE, 0x0c, 4, features & (uint32_t)NET_MODERN_FEATURES);
	mmio(KEV_MMIO_WRITE, 0x08, 4, 1);
	mmio(KEV_MMIO_WRITE, 0x0c, 4, 1);
	mmio(KEV_MMIO_WRITE, 0x14, 1, 11);
	for (unsigned int q = 0; q < 2; q++) {
		mmio(KEV_MMIO_WRITE, 0x16, 2, q);
		mmio(KEV_MMIO_WRITE, 0x18, 2, 8);
		mmio(KEV_MMIO_WRITE, 0x20, 8, QUEUE(q));
		mmio(KEV_MMIO_WRITE, 0x28, 8, QUEUE(q) + 0x80);
		mmio(KEV_MMIO_WRITE, 0x30, 8, QUEUE(q) + 0x100);
		mmio(KEV_MMIO_WRITE, 0x1c, 2, 1);
	}
	mmio(KEV_MMIO_WRITE, 0x14, 1, 15);
}

/* After a reset a well-behaved driver sends a frame. */
static void check_works(void)
{
	static const uint8_t desc[] = {
		0, DATA >> 8, 0, 0, 0, 0, 0, 0, 76, 0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t avail[] = { 0, 0, 1, 0, 0, 0 };

	virtio_pci_set_link(&card, true);
	out(0xcf8, 4, 0x80000004);
	out(0xcfc, 4, 7);
	out(0xcf8, 4, 0x80000010);
	out(0xcfc, 4, NET_PORTS);
	out(NET_PORTS + 18, 1, 0);
	check(in(NET_PORTS + 18, 1) == 0, "status after a reset");
	memset(memory, 0, sizeof(memory));
	memcpy(memory + QUEUE(1), desc, sizeof(desc));
	memcpy(memory + QUEUE(1) + 0x1000, avail, sizeof(avail));
	sent = 0;
	start_driver(false, 0);
	out(NET_PORTS + 16, 2, 1);
	check(sent == 1, "a frame after a reset");
	check(memory[QUEUE(1) + 0x2002] == 1, "it is given back");
}

struct action {
	uint8_t kind, width;
	uint16_t where;
	uint32_t value;
};

static void act(const struct action *action)
{
	unsigned int width = 1U << action->width % 4, narrow = width > 4 ? 4 : width;

	accesses = 0;
	switch (action->kind % 8) {
	case 0:
		out(NET_PORTS + action->where % NET_PORTS_SIZE, narrow, action->value);
		break;
	case 1:
		in(NET_PORTS + action->where % NET_PORTS_SIZE, narrow);
		break;
	case 2:
		out(0xcf8, 4, 0x80000000 | (action->where & 0x8fc));
		out(0xcfc + (action->where & 3), narrow, action->value);
		break;
	case 3:
		mmio(KEV_MMIO_WRITE, action->where % NET_MEMORY_SIZE, width, action->value);
		break;
	case 4:
		mmio(KEV_MMIO_READ, action->where % NET_MEMORY_SIZE, width, 0);
		break;
	case 5:
		receive(action->value & 0x7ff, action->width, action->where);
		break;
	case 6:
		out(NET_PORTS + 16, 2, action->value & 1);
		mmio(KEV_MMIO_WRITE, NET_NOTIFY + (action->value & 1) * NET_NOTIFY_STEP, 2, 0);
		break;
	case 7:
		machine_enter(&machine, 0);
		virtio_pci_set_link(&card, action->value & 1);
		virtio_net_poll(&card.net);
		machine_leave(&machine);
		break;
	}
	/* Buffers at once, descriptors of each twice: looked at and copied */
	check(accesses < 4 * VQ_SIZE * (2 * VQ_SIZE + 8), "work without end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct action first, action;
	size_t actions, filled;

	if (size < sizeof(first))
		return 0;
	memcpy(&first, data, sizeof(first));
	data += sizeof(first);
	size -= sizeof(first);
	memset(memory, 0, sizeof(memory));
	start();
	start_driver(first.kind & 1, first.value);
	/* The first bytes are actions, the others what the two queues have in memory. */
	actions = first.width % 32;
	if (actions * sizeof(action) > size)
		actions = size / sizeof(action);
	filled = size - actions * sizeof(action);
	for (unsigned int q = 0; q < 2; q++) {
		const uint8_t *from = data + actions * sizeof(action) + q * (filled / 2);
		size_t length = filled / 2 < 0x4000 ? filled / 2 : 0x4000;
		size_t ring = length < 0x100 ? length : 0x100;

		/* The same bytes serve both layouts: descriptors first, rings behind. */
		memcpy(memory + QUEUE(q), from, length);
		if (!(first.kind & 1) && length > ring)
			memcpy(memory + QUEUE(q) + 0x1000, from + ring,
			       length - ring < 0x210 ? length - ring : 0x210);
	}
	out(NET_PORTS + 16, 2, 1);
	mmio(KEV_MMIO_WRITE, NET_NOTIFY + NET_NOTIFY_STEP, 2, 1);
	for (size_t i = 0; i < actions; i++) {
		memcpy(&action, data + i * sizeof(action), sizeof(action));
		act(&action);
	}
	receive(100, 0, 0);
	check_works();
	machine_fini(&machine);
	return 0;
}
