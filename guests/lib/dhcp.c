// SPDX-License-Identifier: GPL-2.0
/* DHCP, as much as finds an address (RFC 2131): the first offer is taken. */
#include "stack.h"

#define PORT_SERVER	67
#define PORT_CLIENT	68

#define EVERYONE	0xffffffffU

#define PROTOCOL_UDP	17

/* A message: its fixed part with the cookie, and where things are in it */
#define FIXED		240
#define XID		4
#define YOUR_ADDRESS	16
#define CLIENT_MAC	28
#define COOKIE		236
#define COOKIE_VALUE	0x63825363U

#define OPTION_ADDRESS	50
#define OPTION_TYPE	53
#define OPTION_SERVER	54
#define OPTION_END	255

enum type { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK };

#define OUR_XID		0x6b657601U
#define RETRY		(1UL << 30)	/* ticks of the TSC */

static u8 frame[FRAME_MAX];
static enum type asked;
static u64 asked_at;
static u32 offered, server;

static u8 *put_option32(u8 *at, u8 code, u32 value)
{
	at[0] = code;
	at[1] = 4;
	put32(at + 2, value);
	return at + 6;
}

static void ask(enum type type)
{
	struct peer everyone = { .mac = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
				 .address = EVERYONE };
	u8 *udp = frame + ETHER_HEADER + IP_HEADER, *message = udp + UDP_HEADER;
	u8 *end = message + FIXED;
	u32 length;

	memset(message, 0, FIXED);
	message[0] = 1;			/* from a client, */
	message[1] = 1;			/* by Ethernet, */
	message[2] = MAC_LENGTH;
	put32(message + XID, OUR_XID);
	message[10] = 0x80;		/* which hears what goes to everyone */
	memcpy(message + CLIENT_MAC, card.mac, MAC_LENGTH);
	put32(message + COOKIE, COOKIE_VALUE);
	*end++ = OPTION_TYPE;
	*end++ = 1;
	*end++ = type;
	if (type == REQUEST) {
		end = put_option32(end, OPTION_ADDRESS, offered);
		end = put_option32(end, OPTION_SERVER, server);
	}
	*end++ = OPTION_END;
	length = end - udp;
	put16(udp, PORT_CLIENT);
	put16(udp + 2, PORT_SERVER);
	put16(udp + 4, length);
	ip_send(&everyone, PROTOCOL_UDP, frame, length, 6);
	asked = type;
	asked_at = rdtsc();
}

void dhcp_work(void)
{
	if (!asked || rdtsc() - asked_at >= RETRY)
		ask(DISCOVER);
	virtio_alarm(asked_at + RETRY);
}

/* The value of an option of @length bytes, or NULL */
static const u8 *find_option(const u8 *message, u32 length, u8 code, u8 size)
{
	u32 at = FIXED;

	while (at + 2 <= length && message[at] != OPTION_END) {
		if (!message[at]) {
			at++;
			continue;
		}
		if (message[at] == code && message[at + 1] == size && at + 2 + size <= length)
			return message + at + 2;
		at += 2 + message[at + 1];
	}
	return NULL;
}

static char *put_decimal(char *at, u8 value)
{
	if (value >= 10)
		at = put_decimal(at, value / 10);
	*at++ = '0' + value % 10;
	return at;
}

static void print_address(void)
{
	char text[20], *at = text;

	for (int shift = 24; shift >= 0; shift -= 8) {
		at = put_decimal(at, stack_address >> shift);
		*at++ = shift ? '.' : '\n';
	}
	*at = '\0';
	print("net: ");
	print(text);
}

void dhcp_receive(const u8 *message, u32 length)
{
	const u8 *type, *from;

	if (stack_address || length < FIXED || get32(message + XID) != OUR_XID)
		return;
	type = find_option(message, length, OPTION_TYPE, 1);
	from = find_option(message, length, OPTION_SERVER, 4);
	if (!type || !from)
		return;
	if (*type == OFFER && asked == DISCOVER) {
		offered = get32(message + YOUR_ADDRESS);
		server = get32(from);
		ask(REQUEST);
	} else if (*type == ACK && asked == REQUEST) {
		stack_address = get32(message + YOUR_ADDRESS);
		print_address();
	}
}
