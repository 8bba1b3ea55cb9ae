// SPDX-License-Identifier: GPL-2.0
/* Frames that the network stack does not get to see. */
#include <string.h>

#include "filter.h"

#define ETHER_HEADER	14
#define ETHER_TYPE	12
#define TYPE_IP		0x0800
#define TYPE_IP6	0x86dd

#define IP_HEADER	20
#define IP_TO		16
#define IP6_HEADER	40
#define IP6_TO		24

/* 127.0.0.0/8, and 0.0.0.0/8: Linux takes 0.0.0.0 as itself */
static bool is_loopback4(const uint8_t *address)
{
	return address[0] == 127 || !address[0];
}

/* ::, ::1, and the IPv4 ones as they are written in IPv6: ::a.b.c.d and ::ffff:a.b.c.d */
static bool is_loopback6(const uint8_t *address)
{
	static const uint8_t zeros[10];

	if (memcmp(address, zeros, sizeof(zeros)))
		return false;
	return (!address[10] && !address[11]) || (address[10] == 0xff && address[11] == 0xff);
}

bool filter_is_loopback(const uint8_t *frame, size_t length)
{
	const uint8_t *packet = frame + ETHER_HEADER;
	unsigned int type;

	if (length < ETHER_HEADER + IP_HEADER)
		return false;
	type = frame[ETHER_TYPE] << 8 | frame[ETHER_TYPE + 1];
	if (type == TYPE_IP)
		return is_loopback4(packet + IP_TO);
	return type == TYPE_IP6 && length >= ETHER_HEADER + IP6_HEADER &&
	       is_loopback6(packet + IP6_TO);
}
