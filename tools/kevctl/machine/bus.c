// SPDX-License-Identifier: GPL-2.0
/* The I/O ports. */
#include <stdlib.h>

#include "bus.h"

static void add(struct bus *bus, const struct port_range *range, const struct sized_range *sized,
		void *device)
{
	if (bus->nr == BUS_SLOTS)
		abort();
	bus->slots[bus->nr].range = range;
	bus->slots[bus->nr].sized = sized;
	bus->slots[bus->nr].device = device;
	bus->nr++;
}

void bus_attach(struct bus *bus, const struct port_range *ranges, size_t count, void *device)
{
	for (size_t i = 0; i < count; i++)
		add(bus, &ranges[i], NULL, device);
}

void bus_attach_sized(struct bus *bus, const struct sized_range *range, void *device)
{
	add(bus, &range->ports, range, device);
}

/* Slot with a function for @port, or -1 */
static int find(const struct bus *bus, uint16_t port, bool out)
{
	for (unsigned int i = 0; i < bus->nr; i++) {
		const struct port_range *range = bus->slots[i].range;

		if (port >= range->first && port <= range->last &&
		    (bus->slots[i].sized || (out && range->out) || (!out && range->in)))
			return i;
	}
	return -1;
}

static uint32_t low_bytes(uint32_t value, unsigned int width)
{
	return value & (UINT32_MAX >> (32 - 8 * width));
}

static uint32_t read_slot(const struct bus *bus, int slot, uint16_t port, unsigned int width)
{
	const struct sized_range *sized = bus->slots[slot].sized;
	void *device = bus->slots[slot].device;

	return sized ? sized->read(device, port, width) :
		       bus->slots[slot].range->in(device, port);
}

static void write_slot(const struct bus *bus, int slot, uint16_t port, unsigned int width,
		       uint32_t value)
{
	const struct sized_range *sized = bus->slots[slot].sized;
	void *device = bus->slots[slot].device;

	if (sized)
		sized->write(device, port, width, value);
	else
		bus->slots[slot].range->out(device, port, value);
}

/* What is wider than the device becomes two halves, the lower port first. */
static uint32_t transfer(const struct bus *bus, uint16_t port, unsigned int width, bool out,
			 uint32_t value)
{
	int slot = find(bus, port, out);
	unsigned int half = width / 2;
	uint32_t low, high;

	if (slot >= 0 && width <= bus->slots[slot].range->width) {
		if (!out)
			return low_bytes(read_slot(bus, slot, port, width), width);
		write_slot(bus, slot, port, width, low_bytes(value, width));
		return 0;
	}
	if (!half)
		return UINT8_MAX;
	low = transfer(bus, port, half, out, value);
	high = transfer(bus, port + half, half, out, value >> 8 * half);
	return low | high << 8 * half;
}

bool bus_access(const struct bus *bus, struct kev_exit_io *io)
{
	bool out = io->direction == KEV_IO_OUT;
	bool claimed = false;
	uint32_t data;

	for (unsigned int i = 0; i < io->width; i++)
		claimed |= find(bus, io->port + i, out) >= 0;
	data = transfer(bus, io->port, io->width, out, io->data);
	if (!out)
		io->data = data;
	return claimed;
}
