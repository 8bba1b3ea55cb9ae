/* SPDX-License-Identifier: GPL-2.0 */
/* The I/O ports: which device has which, and how an access gets there. */
#ifndef KEVCTL_BUS_H
#define KEVCTL_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kev.h>

#define BUS_SLOTS	24

/**
 * struct port_range - ports of one device
 * @first: first port
 * @last: last port
 * @width: bytes of its widest access; wider ones become several
 * @in: a read; NULL: as without device
 * @out: a write; NULL: as without device
 */
struct port_range {
	uint16_t first, last;
	uint8_t width;
	uint32_t (*in)(void *device, uint16_t port);
	void (*out)(void *device, uint16_t port, uint32_t value);
};

/**
 * struct sized_range - ports of a device that has to know the width of each access
 * @ports: which; without @in and @out
 * @read: a read
 * @write: a write
 */
struct sized_range {
	struct port_range ports;
	uint32_t (*read)(void *device, uint16_t port, unsigned int width);
	void (*write)(void *device, uint16_t port, unsigned int width, uint32_t value);
};

/**
 * struct bus - all ports of a machine
 * @slots: ranges, each with its device; of two with one port the first counts
 * @nr: how many
 */
struct bus {
	struct {
		const struct port_range *range;
		const struct sized_range *sized;	/* or NULL */
		void *device;
	} slots[BUS_SLOTS];
	unsigned int nr;
};

/**
 * bus_attach() - give a device its ports
 * @bus: bus
 * @ranges: the device's table of ports; stays in use
 * @count: lines of it
 * @device: what its functions get
 */
void bus_attach(struct bus *bus, const struct port_range *ranges, size_t count, void *device);

/* The same with one range of that kind */
void bus_attach_sized(struct bus *bus, const struct sized_range *range, void *device);

/**
 * bus_access() - do one access
 * @bus: bus
 * @io: in: the access; out: data of an IN, ones where there is no device
 *
 * Return: whether a device has one of the ports.
 */
bool bus_access(const struct bus *bus, struct kev_exit_io *io);

#endif /* KEVCTL_BUS_H */
