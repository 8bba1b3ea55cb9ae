/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of the network card share: a machine with a card in a memory that is an array,
 * and a driver that speaks to its registers.
 */
#ifndef NET_RIG_H
#define NET_RIG_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libkev.h>

#include "../../tools/kevctl/events.h"
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/net/virtio_pci.h"
#include "tap.h"

#define MEMORY		0x100000
#define DESC(q)		(0x10000U + (q) * 0x10000)
#define AVAIL(q)	(DESC(q) + 0x1000)
#define USED(q)		(DESC(q) + 0x2000)
#define DATA		0x40000U
#define TABLE		0x80000U

#define NEXT		1
#define WRITE		2
#define INDIRECT	4

static uint8_t memory[MEMORY];
static struct machine machine;
static struct virtio_pci card;

/* What the hooks have seen */
static struct {
	unsigned int sent, listens, signals;
	uint64_t address;
	uint32_t data;
	struct net_packet packet;
	size_t length;
} seen;
/* ---- what the card is linked with ---- */

void message(const char *what, const char *why, ...)
{
	(void)what;
	(void)why;
}

void hint(const char *format, ...)
{
	(void)format;
}

uint64_t events_now(void)
{
	return 0;
}

int guest_read_all(const struct guest_view *view, uint64_t address, void *bytes, size_t length)
{
	(void)view;
	if (address > MEMORY || length > MEMORY - address)
		return -EFAULT;
	memcpy(bytes, memory + address, length);
	return 0;
}

int guest_write_all(const struct guest_view *view, uint64_t address, const void *bytes,
		    size_t length)
{
	(void)view;
	if (address > MEMORY || length > MEMORY - address)
		return -EFAULT;
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
	seen.data = vector;
	__atomic_fetch_add(&seen.signals, 1, __ATOMIC_RELEASE);
	return true;
}

static void hook_signal(void *owner, uint64_t address, uint32_t data)
{
	(void)owner;
	seen.address = address;
	seen.data = data;
	__atomic_fetch_add(&seen.signals, 1, __ATOMIC_RELEASE);
}

static void hook_alarm(void *owner, uint64_t deadline)
{
	(void)owner;
	(void)deadline;
}

static void hook_listen(void *owner)
{
	(void)owner;
}

static bool hook_send(void *owner, struct net_packet *packet, size_t length)
{
	(void)owner;
	memcpy(&seen.packet, packet, length);
	seen.length = length;
	seen.sent++;
	return true;
}

static void hook_wake(void *owner)
{
	(void)owner;
	seen.listens++;
}

static void start_machine(void)
{
	const struct machine_hooks hooks = {
		.print = hook_print,
		.interrupt = hook_interrupt,
		.signal = hook_signal,
		.alarm = hook_alarm,
		.listen = hook_listen,
	};
	const struct machine_config config = { .kind = MACHINE_KEV, .irqchip = true };

	memset(memory, 0, sizeof(memory));
	memset(&seen, 0, sizeof(seen));
	if (machine_init(&machine, &config, &hooks))
		abort();
}

static inline void start(uint16_t id)
{
	start_machine();
	card = (struct virtio_pci){
		.net = {
			.mac = { 2, 0, 0, 0, 0, 9 },
			.send = hook_send,
			.listen = hook_wake,
			.link = true,
		},
	};
	virtio_pci_init(&card, &machine, 0, id);
	seen.listens = 0;
}

/* ---- the driver ---- */

static inline uint32_t io(unsigned int direction, uint16_t port, unsigned int width, uint32_t value)
{
	struct kev_run run = {
		.io = { .port = port, .width = width, .direction = direction, .data = value,
			.count = 1 },
	};

	machine_io(&machine, &run, 0);
	return run.io.data;
}

static inline void out(uint16_t port, unsigned int width, uint32_t value)
{
	io(KEV_IO_OUT, port, width, value);
}

static inline uint32_t in(uint16_t port, unsigned int width)
{
	return io(KEV_IO_IN, port, width, 0);
}

static inline uint32_t config(unsigned int device, unsigned int offset, unsigned int width)
{
	out(0xcf8, 4, 0x80000000U | device << 11 | (offset & 0xfc));
	return in(0xcfc + offset % 4, width);
}

static inline void set_config(unsigned int offset, unsigned int width, uint32_t value)
{
	out(0xcf8, 4, 0x80000000U | (offset & 0xfc));
	out(0xcfc + offset % 4, width, value);
}

static inline uint64_t mmio(unsigned int direction, unsigned int offset, unsigned int width,
			    uint64_t value)
{
	struct kev_exit_mmio access = {
		.gpa = NET_MEMORY + offset, .width = width, .direction = direction, .data = value,
	};

	if (machine_mmio(&machine, &access, 0) != ACCESS_DONE)
		return 0xdead;
	return access.data;
}

static inline void store(unsigned int offset, unsigned int width, uint64_t value)
{
	mmio(KEV_MMIO_WRITE, offset, width, value);
}

static inline uint64_t load(unsigned int offset, unsigned int width)
{
	uint64_t value = mmio(KEV_MMIO_READ, offset, width, 0);

	return width == 8 ? value : value & ((1ULL << 8 * width) - 1);
}

static inline void set16(uint32_t at, uint16_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static inline uint16_t get16(uint32_t at)
{
	uint16_t value;

	memcpy(&value, memory + at, sizeof(value));
	return value;
}

static inline uint32_t get32(uint32_t at)
{
	uint32_t value;

	memcpy(&value, memory + at, sizeof(value));
	return value;
}

static inline void set_desc(uint32_t table, unsigned int index, uint64_t address, uint32_t length,
			    uint16_t flags, uint16_t next)
{
	uint32_t at = table + 16 * index;

	memcpy(memory + at, &address, 8);
	memcpy(memory + at + 8, &length, 4);
	set16(at + 12, flags);
	set16(at + 14, next);
}

/* One more entry of queue @q */
static inline void offer(unsigned int q, uint16_t head)
{
	uint16_t index = get16(AVAIL(q) + 2);

	set16(AVAIL(q) + 4 + 2 * (index % VQ_SIZE), head);
	set16(AVAIL(q) + 2, index + 1);
}

/* A legacy queue at DESC(q) has its available ring at AVAIL(q) and its used one at USED(q). */
static inline void start_legacy(uint32_t features)
{
	start(NET_LEGACY_ID);
	out(NET_PORTS + 18, 1, 0);
	out(NET_PORTS + 18, 1, 3);
	out(NET_PORTS + 4, 4, features);
	for (unsigned int q = 0; q < 2; q++) {
		out(NET_PORTS + 14, 2, q);
		out(NET_PORTS + 8, 4, DESC(q) >> 12);
	}
	out(NET_PORTS + 18, 1, 7);
}

static inline void start_modern(uint64_t features)
{
	start(NET_MODERN_ID);
	store(0x14, 1, 0);
	store(0x14, 1, 3);
	for (unsigned int half = 0; half < 2; half++) {
		store(0x08, 4, half);
		store(0x0c, 4, (features | VIRTIO_F_VERSION_1) >> 32 * half);
	}
	store(0x14, 1, 11);
	set_config(0x42, 2, MSIX_ENABLE);
	for (unsigned int vector = 0; vector < MSIX_VECTORS; vector++) {
		store(NET_MSIX_TABLE + 16 * vector, 4, 0xfee00000);
		store(NET_MSIX_TABLE + 16 * vector + 8, 4, 0x40 + vector);
		store(NET_MSIX_TABLE + 16 * vector + 12, 4, 0);
	}
	store(0x10, 2, 0);
	for (unsigned int q = 0; q < 2; q++) {
		store(0x16, 2, q);
		store(0x1a, 2, q + 1);
		store(0x20, 8, DESC(q));
		store(0x28, 8, AVAIL(q));
		store(0x30, 4, USED(q));
		store(0x34, 4, 0);
		store(0x1c, 2, 1);
	}
	store(0x14, 1, 15);
}

static inline enum net_verdict receive(size_t length, uint8_t flags)
{
	static struct net_packet packet;
	enum net_verdict verdict;

	packet.header = (struct net_header){ .flags = flags, .csum_start = 34, .csum_offset = 6 };
	for (size_t i = 0; i < length; i++)
		packet.frame[i] = i * 7;
	machine_enter(&machine, 0);
	verdict = virtio_net_receive(&card.net, &packet, sizeof(packet.header) + length);
	machine_leave(&machine);
	return verdict;
}

/* @length bytes of the pattern of receive() from byte @first on, at @at */
static inline bool is_pattern(const uint8_t *at, size_t first, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (at[i] != (uint8_t)((first + i) * 7))
			return false;
	return true;
}

static inline void expect(const char *name, uint64_t got, uint64_t want)
{
	if (got != want)
		printf("# 0x%llx, expected 0x%llx\n", (unsigned long long)got,
		       (unsigned long long)want);
	tap_result(got == want, name);
}

#endif /* NET_RIG_H */
