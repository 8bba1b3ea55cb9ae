// SPDX-License-Identifier: GPL-2.0
/* The network card by its registers: both interfaces, frames, and what a guest can do wrong. */
#include "net_rig.h"

static void test_pci(void)
{
	unsigned int others = 0;

	start(NET_LEGACY_ID);
	expect("pci: ids", config(0, 0, 4), 0x10001af4);
	expect("pci: device, a word", config(0, 2, 2), 0x1000);
	expect("pci: class", config(0, 0x0a, 2), 0x0200);
	expect("pci: BAR0", config(0, 0x10, 4), 0xc001);
	expect("pci: line 11", config(0, 0x3c, 1), 11);
	for (unsigned int device = 1; device < 32; device++)
		others += config(device, 0, 4) != UINT32_MAX;
	out(0xcf8, 4, 0x80000100);
	others += in(0xcfc, 4) != UINT32_MAX;
	out(0xcf8, 4, 0x80010000);
	others += in(0xcfc, 4) != UINT32_MAX;
	expect("pci: no other device, function or bus", others, 0);
	out(0xcf8, 4, 0);
	expect("pci: not enabled", in(0xcfc, 4), UINT32_MAX);
	set_config(0x10, 4, UINT32_MAX);
	expect("pci: size of BAR0", config(0, 0x10, 4), 0xffffffc1);
	expect("pci: BAR0 moved away has no ports", in(NET_PORTS + 12, 2), 0xffff);
	set_config(0x10, 4, 0xc000);
	expect("pci: BAR0 is back", in(NET_PORTS + 12, 2), VQ_SIZE);
	set_config(0x20, 4, UINT32_MAX);
	expect("pci: size of BAR4", config(0, 0x20, 4), 0xfffff00c);
	expect("pci: BAR4 moved away", load(0x12, 2), 0xffff);
	set_config(0x20, 4, NET_MEMORY);
	expect("pci: BAR4 is back", load(0x12, 2), 2);
	set_config(4, 2, 0);
	expect("pci: ports switched off", in(NET_PORTS + 12, 2), 0xffff);
	expect("pci: memory switched off", load(0x12, 2), 0xffff);
	set_config(4, 2, 7);
	set_config(0, 4, 0);
	expect("pci: ids cannot be written", config(0, 0, 4), 0x10001af4);
	expect("pci: capabilities", config(0, 0x34, 1), 0x40);
	expect("pci: MSI-X first", config(0, 0x40, 1), 0x11);

	virtio_pci_add_modern(&card, &machine, 1);
	expect("second slot: ids", config(1, 0, 4), 0x10411af4);
	expect("second slot: no ports", config(1, 0x10, 4), 0);
	expect("second slot: revision", config(1, 8, 1), 1);
	expect("second slot: memory", config(1, 0x20, 4), NET_MEMORY | 0xc);
	expect("second slot: first one is as before", config(0, 0x10, 4), 0xc001);
	machine_fini(&machine);
}

static void test_legacy(void)
{
	start_legacy(NET_F_MAC | NET_F_STATUS);
	expect("legacy: features", in(NET_PORTS, 4), NET_LEGACY_FEATURES);
	expect("legacy: accepted", in(NET_PORTS + 4, 4), NET_F_MAC | NET_F_STATUS);
	expect("legacy: queue size", in(NET_PORTS + 12, 2), VQ_SIZE);
	expect("legacy: queue address", in(NET_PORTS + 8, 4), DESC(1) >> 12);
	out(NET_PORTS + 14, 2, 2);
	expect("legacy: no third queue", in(NET_PORTS + 12, 2), 0);
	expect("legacy: MAC", in(NET_PORTS + 20, 4), 2);
	expect("legacy: MAC's end", in(NET_PORTS + 24, 2), 0x0900);
	expect("legacy: link", in(NET_PORTS + 26, 2), 1);
	expect("legacy: status", in(NET_PORTS + 18, 1), 7);

	/* 10 bytes of header, then the frame, in two parts */
	memset(memory + DATA, 0xff, 10);
	for (unsigned int i = 0; i < 60; i++)
		memory[DATA + 0x100 + i] = i * 7;
	set_desc(DESC(1), 5, DATA, 10, NEXT, 6);
	set_desc(DESC(1), 6, DATA + 0x100, 60, 0, 0);
	offer(1, 5);
	out(NET_PORTS + 16, 2, 1);
	expect("legacy send: one frame", seen.sent, 1);
	expect("legacy send: length", seen.length, 72);
	expect("legacy send: bytes", is_pattern(seen.packet.frame, 0, 60), true);
	expect("legacy send: a clean header", seen.packet.header.flags, 0);
	expect("legacy send: used", get32(USED(1)), 1U << 16);
	expect("legacy send: its name", get32(USED(1) + 4), 5);
	expect("legacy send: interrupt", in(NET_PORTS + 19, 1), 1);
	expect("legacy send: only once", in(NET_PORTS + 19, 1), 0);

	expect("legacy receive: no buffer", receive(100, 0), NET_WAIT);
	set_desc(DESC(0), 0, DATA, 10, NEXT | WRITE, 1);
	set_desc(DESC(0), 1, DATA + 0x1000, 1514, WRITE, 0);
	offer(0, 0);
	out(NET_PORTS + 16, 2, 0);
	expect("legacy receive: told of it", seen.listens > 0, true);
	expect("legacy receive: taken", receive(100, 0), NET_TAKEN);
	expect("legacy receive: bytes", is_pattern(memory + DATA + 0x1000, 0, 100), true);
	expect("legacy receive: length", get32(USED(0) + 8), 110);
	expect("legacy receive: line", card.line, true);
	expect("legacy receive: cause", in(NET_PORTS + 19, 1), 1);
	expect("legacy receive: line falls", card.line, false);
	expect("legacy receive: the driver need not tell", get16(USED(0)), 1);
	expect("legacy receive: empty again", receive(100, 0), NET_WAIT);
	expect("legacy receive: the driver is to tell", get16(USED(0)), 0);
	offer(0, 0);
	expect("legacy receive: too long", receive(1515, 0), NET_DROPPED);
	expect("legacy receive: the buffer is still there", receive(1514, 0), NET_TAKEN);

	set16(AVAIL(0), 1);
	offer(0, 0);
	in(NET_PORTS + 19, 1);
	expect("legacy receive: silent", receive(60, 0), NET_TAKEN);
	expect("legacy receive: no interrupt", in(NET_PORTS + 19, 1), 0);

	machine_enter(&machine, 0);
	virtio_pci_set_link(&card, false);
	machine_leave(&machine);
	expect("link: down", in(NET_PORTS + 26, 2), 0);
	expect("link: cause", in(NET_PORTS + 19, 1), 2);
	offer(1, 5);
	out(NET_PORTS + 16, 2, 1);
	expect("link: nothing leaves", seen.sent, 1);
	expect("link: but buffers come back", get16(USED(1) + 2), 2);

	memset(memory + AVAIL(1), 0, 0x2000);
	out(NET_PORTS + 14, 2, 1);
	out(NET_PORTS + 8, 4, 0);
	expect("queue: taken away", in(NET_PORTS + 8, 4), 0);
	out(NET_PORTS + 8, 4, DESC(1) >> 12);
	offer(1, 5);
	out(NET_PORTS + 16, 2, 1);
	expect("queue: starts anew", get16(USED(1) + 2), 1);

	out(NET_PORTS + 18, 1, 0);
	expect("reset: status", in(NET_PORTS + 18, 1), 0);
	expect("reset: queue", in(NET_PORTS + 8, 4), 0);
	expect("reset: frames are dropped", receive(60, 0), NET_DROPPED);
	machine_fini(&machine);
}

static void test_modern(void)
{
	start(NET_MODERN_ID);
	expect("modern: ids", config(0, 0, 4), 0x10411af4);
	expect("modern: no ports", in(NET_PORTS + 12, 2), 0xffff);
	store(0x14, 1, 3);
	store(0x08, 4, 0);
	store(0x0c, 4, NET_F_MAC);
	store(0x14, 1, 11);
	expect("modern: without VERSION_1 nothing is agreed", load(0x14, 1), 3);
	machine_fini(&machine);

	start_modern(NET_F_MAC | NET_F_MRG_RXBUF | NET_F_CSUM | NET_F_GUEST_CSUM |
		     NET_F_STATUS | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	expect("modern: agreed", load(0x14, 1), 15);
	store(0, 4, 1);
	expect("modern: VERSION_1 is offered", load(4, 4), 1);
	expect("modern: queues", load(0x12, 2), 2);
	store(0x16, 2, 1);
	expect("modern: address of a ring", load(0x28, 8), AVAIL(1));
	expect("modern: vector of a queue", load(0x1a, 2), 2);
	store(0x1a, 2, 7);
	expect("modern: a vector that is not there", load(0x1a, 2), 0xffff);
	store(0x1a, 2, 2);
	expect("modern: MAC", load(0x80, 4), 2);
	expect("modern: link", load(0x86, 2), 1);

	/* A frame over three buffers, of 64 bytes each */
	for (unsigned int i = 0; i < 8; i++) {
		set_desc(DESC(0), i, DATA + 0x100 * i, 64, WRITE, 0);
		if (i < 2)
			offer(0, i);
	}
	expect("merged: not enough room yet", receive(150, 1), NET_WAIT);
	expect("merged: nothing given back", get16(USED(0) + 2), 0);
	expect("merged: told at the third", get16(USED(0) + 4 + 8 * VQ_SIZE), 2);
	offer(0, 2);
	expect("merged: taken", receive(150, 1), NET_TAKEN);
	expect("merged: three buffers", get16(USED(0) + 2), 3);
	expect("merged: says so", get16(DATA + 10), 3);
	expect("merged: checksum is open", memory[DATA], NET_NEEDS_CSUM);
	expect("merged: first part", is_pattern(memory + DATA + 12, 0, 52), true);
	expect("merged: second part", is_pattern(memory + DATA + 0x100, 52, 64), true);
	expect("merged: third part", is_pattern(memory + DATA + 0x200, 116, 34), true);
	expect("merged: lengths", get32(USED(0) + 8) << 16 | get32(USED(0) + 16) << 8 |
	       get32(USED(0) + 24), 64 << 16 | 64 << 8 | 34);
	expect("merged: one message", seen.signals, 1);
	expect("merged: of its queue", seen.data, 0x41);
	expect("merged: no line", card.line, false);

	/* The driver wants to hear of the sixth buffer only. */
	set16(AVAIL(0) + 4 + 2 * VQ_SIZE, 5);
	for (unsigned int i = 3; i < 6; i++)
		offer(0, i);
	for (unsigned int i = 0; i < 3; i++) {
		receive(40, 0);
		expect(i < 2 ? "event: not yet" : "event: now", seen.signals, i < 2 ? 1 : 2);
	}

	/* Messages that are masked */
	store(NET_MSIX_TABLE + 16 + 12, 4, 1);
	set16(AVAIL(0) + 4 + 2 * VQ_SIZE, 6);
	offer(0, 6);
	receive(40, 0);
	expect("masked: held back", seen.signals, 2);
	expect("masked: pending", load(NET_MSIX_PENDING, 4), 2);
	store(NET_MSIX_TABLE + 16 + 12, 4, 0);
	expect("masked: sent now", seen.signals, 3);
	expect("masked: no longer pending", load(NET_MSIX_PENDING, 4), 0);

	/* An indirect table; a checksum that the host completes */
	memset(memory + DATA, 0, 12);
	memory[DATA] = NET_NEEDS_CSUM;
	set16(DATA + 6, 34);
	set16(DATA + 8, 6);
	set_desc(TABLE, 0, DATA, 12, NEXT, 1);
	set_desc(TABLE, 1, DATA + 0x800, 60, 0, 0);
	set_desc(DESC(1), 0, TABLE, 32, INDIRECT, 0);
	offer(1, 0);
	store(NET_NOTIFY + NET_NOTIFY_STEP, 2, 1);
	expect("send: one frame", seen.sent, 1);
	expect("send: with an open checksum", seen.packet.header.flags, NET_NEEDS_CSUM);
	expect("send: where", seen.packet.header.csum_start << 8 | seen.packet.header.csum_offset,
	       34 << 8 | 6);
	set16(DATA + 6, 60);
	offer(1, 0);
	store(NET_NOTIFY + NET_NOTIFY_STEP, 2, 1);
	expect("send: a checksum outside of the frame", seen.packet.header.flags, 0);
	machine_fini(&machine);

	/* The host completes what the guest cannot. */
	start_modern(NET_F_MAC);
	set_desc(DESC(0), 0, DATA, 2048, WRITE, 0);
	offer(0, 0);
	expect("checksum: taken", receive(60, NET_NEEDS_CSUM), NET_TAKEN);
	expect("checksum: nothing is open", memory[DATA], 0);
	{
		uint32_t sum = 0;

		/* The sum with what stood in its place, 34 + 6 */
		for (unsigned int i = 34; i < 60; i += 2)
			sum += memory[DATA + 12 + i] << 8 | memory[DATA + 13 + i];
		sum += (uint8_t)(40 * 7) << 8 | (uint8_t)(41 * 7);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		expect("checksum: complete", sum, 0xffff);
	}
	machine_fini(&machine);
}

/* What a guest can do wrong; each breaks the queue, and only that. */
static void no_length(void)
{
	set_desc(DESC(1), 0, DATA, 0, 0, 0);
}

static void loop(void)
{
	set_desc(DESC(1), 0, DATA, 16, NEXT, 1);
	set_desc(DESC(1), 1, DATA, 16, NEXT, 0);
}

/* Behind the table lies the ring, which could be taken for a descriptor. */
static void out_of_range(void)
{
	set16(AVAIL(1) + 8, 20);
	set_desc(DESC(1), 0, DATA, 16, NEXT, VQ_SIZE);
}

static void outside(void)
{
	set_desc(DESC(1), 0, MEMORY - 8, 100, 0, 0);
}

static void wrapping(void)
{
	set_desc(DESC(1), 0, UINT64_MAX - 8, 100, 0, 0);
}

static void write_before_read(void)
{
	set_desc(DESC(1), 0, DATA, 16, NEXT | WRITE, 1);
	set_desc(DESC(1), 1, DATA, 16, 0, 0);
}

static void no_header(void)
{
	set_desc(DESC(1), 0, DATA, 9, 0, 0);
}

static void only_writable(void)
{
	set_desc(DESC(1), 0, DATA, 90, WRITE, 0);
}

static void head_out_of_range(void)
{
	set16(AVAIL(1) + 4, 999);
}

static void many_available(void)
{
	set_desc(DESC(1), 0, DATA, 90, 0, 0);
	set16(AVAIL(1) + 2, VQ_SIZE + 1);
}

static void indirect_loop(void)
{
	set_desc(DESC(1), 0, TABLE, 32, INDIRECT, 0);
	set_desc(TABLE, 0, DATA, 16, NEXT, 1);
	set_desc(TABLE, 1, DATA, 16, NEXT, 0);
}

static void indirect_twice(void)
{
	set_desc(DESC(1), 0, TABLE, 32, INDIRECT, 0);
	set_desc(TABLE, 0, TABLE, 16, INDIRECT, 1);
}

static void indirect_next(void)
{
	set_desc(DESC(1), 0, TABLE, 32, INDIRECT | NEXT, 1);
}

static void indirect_length(void)
{
	set_desc(DESC(1), 0, TABLE, 33, INDIRECT, 0);
}

static void indirect_empty(void)
{
	set_desc(DESC(1), 0, TABLE, 0, INDIRECT, 0);
}

static void indirect_large(void)
{
	set_desc(DESC(1), 0, 0, (VQ_SIZE + 1) * 16, INDIRECT, 0);
}

static const struct {
	const char *name;
	void (*spoil)(void);
} faults[] = {
	{ "no length", no_length }, { "loop", loop }, { "next out of range", out_of_range },
	{ "outside of memory", outside }, { "wrapping address", wrapping },
	{ "write before read", write_before_read }, { "no header", no_header },
	{ "nothing to read", only_writable }, { "head out of range", head_out_of_range },
	{ "too many available", many_available }, { "loop in a table", indirect_loop },
	{ "table in a table", indirect_twice }, { "table with a successor", indirect_next },
	{ "table of odd length", indirect_length }, { "empty table", indirect_empty },
	{ "large table", indirect_large },
};

static void test_faults(void)
{
	char name[128];

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		start_modern(NET_F_MAC | VIRTIO_F_INDIRECT_DESC);
		offer(1, 0);
		faults[i].spoil();
		store(NET_NOTIFY + NET_NOTIFY_STEP, 2, 1);
		snprintf(name, sizeof(name), "fault: %s: needs reset", faults[i].name);
		expect(name, load(0x14, 1), 15 | STATUS_NEEDS_RESET);
		snprintf(name, sizeof(name), "fault: %s: message, nothing sent, nothing used",
			 faults[i].name);
		expect(name, seen.signals << 16 | seen.data << 8 | seen.sent << 4 |
		       get16(USED(1) + 2), 1 << 16 | 0x40 << 8);
		store(0x14, 1, 15);
		expect("fault: only a reset mends it", load(0x14, 1), 15 | STATUS_NEEDS_RESET);
		store(0x14, 1, 0);
		expect("fault: reset", load(0x14, 1), 0);
		machine_fini(&machine);
	}

	/* A legacy queue that is outside of memory */
	start_legacy(NET_F_MAC);
	out(NET_PORTS + 14, 2, 0);
	out(NET_PORTS + 8, 4, 0xffffffff);
	expect("fault: rings outside of memory", receive(60, 0), NET_DROPPED);
	expect("fault: the card has stopped", card.net.status, 7 | STATUS_NEEDS_RESET);
	machine_fini(&machine);

	/* Receive buffers: too short for a header, without a byte to write */
	start_modern(NET_F_MAC | NET_F_MRG_RXBUF);
	set_desc(DESC(0), 0, DATA, 11, WRITE, 0);
	offer(0, 0);
	expect("fault: short buffer", receive(60, 0), NET_DROPPED);
	expect("fault: short buffer: needs reset", load(0x14, 1), 15 | STATUS_NEEDS_RESET);
	machine_fini(&machine);
	start_modern(NET_F_MAC | NET_F_MRG_RXBUF);
	set_desc(DESC(0), 0, DATA, 100, 0, 0);
	offer(0, 0);
	expect("fault: buffer to be read", receive(60, 0), NET_DROPPED);
	machine_fini(&machine);

	/* Frames of impossible lengths are lost, and no more. */
	start_modern(NET_F_MAC);
	set_desc(DESC(1), 0, DATA, 12 + 13, 0, 0);
	set_desc(DESC(1), 1, 0x1000, 0xf0000, NEXT, 2);
	set_desc(DESC(1), 2, 0x1000, 0xf0000, 0, 0);
	offer(1, 0);
	offer(1, 1);
	store(NET_NOTIFY + NET_NOTIFY_STEP, 2, 1);
	expect("too short, too long: lost", seen.sent << 8 | card.net.counters[NET_TX].dropped, 2);
	expect("too short, too long: given back", get16(USED(1) + 2), 2);
	expect("too short, too long: goes on", load(0x14, 1), 15);
	machine_fini(&machine);
}

int main(void)
{
	test_pci();
	test_legacy();
	test_modern();
	test_faults();
	return tap_end();
}
