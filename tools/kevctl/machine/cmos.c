// SPDX-License-Identifier: GPL-2.0
/* Clock and CMOS memory. */
#include <stdbool.h>
#include <time.h>

#include "../kevctl.h"
#include "bus.h"
#include "cmos.h"

#define PORT_INDEX	0x70
#define PORT_DATA	0x71

/* Registers of the clock */
enum { SECONDS = 0, MINUTES = 2, HOURS = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9 };
#define STATUS_A	0x0a
#define STATUS_B	0x0b
#define STATUS_C	0x0c
#define STATUS_D	0x0d
#define CENTURY		0x32

#define A_32768_HZ	0x26	/* time base and rate, as firmware sets them */
#define A_UPDATING	0x80
#define B_24_HOURS	0x02
#define B_BINARY	0x04
#define D_VALID		0x80
#define HOURS_PM	0x80

/* Where firmware leaves the sizes of memory, the low byte first */
#define BASE_KIB	0x15	/* below 640 KiB */
#define EXTENDED_KIB	0x17	/* above 1 MiB, at most 63 MiB; also at 0x30 */
#define EXTENDED_COPY	0x30
#define ABOVE_16M	0x34	/* above 16 MiB and below 4 GiB, in 64 KiB */

/* The hole below 4 GiB begins here, in KiB. */
#define HOLE_KIB	(0xbffda000U / 1024)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void store16(struct cmos *cmos, unsigned int index, uint64_t value)
{
	cmos->bytes[index] = value;
	cmos->bytes[index + 1] = value >> 8;
}

static uint8_t encode(const struct cmos *cmos, unsigned int value)
{
	return cmos->bytes[STATUS_B] & B_BINARY ? value : value / 10 << 4 | value % 10;
}

static uint8_t encode_hours(const struct cmos *cmos, unsigned int hours)
{
	if (cmos->bytes[STATUS_B] & B_24_HOURS)
		return encode(cmos, hours);
	return encode(cmos, (hours + 11) % 12 + 1) | (hours >= 12 ? HOURS_PM : 0);
}

static uint8_t read_register(const struct cmos *cmos)
{
	time_t seconds = (cmos->board->epoch + cmos->board->now) / NSEC_PER_SEC;
	struct tm time;

	gmtime_r(&seconds, &time);
	switch (cmos->index) {
	case SECONDS:
		return encode(cmos, time.tm_sec);
	case MINUTES:
		return encode(cmos, time.tm_min);
	case HOURS:
		return encode_hours(cmos, time.tm_hour);
	case WEEKDAY:
		return encode(cmos, time.tm_wday + 1);
	case DAY:
		return encode(cmos, time.tm_mday);
	case MONTH:
		return encode(cmos, time.tm_mon + 1);
	case YEAR:
		return encode(cmos, time.tm_year % 100);
	case CENTURY:
		return encode(cmos, time.tm_year / 100 + 19);
	default:
		return cmos->bytes[cmos->index];
	}
}

static uint32_t cmos_in(void *device, uint16_t port)
{
	/* The index is for writing. */
	return port == PORT_INDEX ? UINT8_MAX : read_register(device);
}

static void cmos_out(void *device, uint16_t port, uint32_t value)
{
	struct cmos *cmos = device;

	if (port == PORT_INDEX)
		cmos->index = value % CMOS_BYTES;	/* bit 7 keeps NMIs away: there are none */
	else if (cmos->index == STATUS_A)
		cmos->bytes[STATUS_A] = value & ~A_UPDATING;
	else if (cmos->index != STATUS_C && cmos->index != STATUS_D)
		cmos->bytes[cmos->index] = value;
}

static const struct port_range cmos_ports[] = {
	{ PORT_INDEX, PORT_DATA, 1, cmos_in, cmos_out },
};

void cmos_init(struct cmos *cmos, struct board *board, struct bus *bus, uint64_t ram_kib)
{
	uint64_t low = least(ram_kib, HOLE_KIB);
	uint64_t extended = low > 1024 ? least(low - 1024, 63 * 1024) : 0;

	*cmos = (struct cmos){ .board = board };
	cmos->bytes[STATUS_A] = A_32768_HZ;
	cmos->bytes[STATUS_B] = B_24_HOURS;
	cmos->bytes[STATUS_D] = D_VALID;
	store16(cmos, BASE_KIB, least(low, 640));
	store16(cmos, EXTENDED_KIB, extended);
	store16(cmos, EXTENDED_COPY, extended);
	store16(cmos, ABOVE_16M, low > 16 * 1024 ? (low - 16 * 1024) / 64 : 0);
	bus_attach(bus, cmos_ports, ARRAY_SIZE(cmos_ports), cmos);
}
