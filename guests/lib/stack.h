/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small IPv4 stack that answers: ARP, ICMP echo, UDP echo and TCP echo on port 7. A UDP
 * datagram to port 9 ends the VM; its first byte is the exit code.
 */
#ifndef GUEST_STACK_H
#define GUEST_STACK_H

#include "virtio.h"

#define STACK_ADDRESS	0x0a070002U	/* 10.7.0.2 */

/* Ours; 0: dhcp_work() is to find one */
extern u32 stack_address;

/* Answers until the VM ends. */
__noreturn void stack_run(void);

/* Checksums: of @length bytes, added to @sum; folded, and complemented where needed. */
u32 sum_bytes(const u8 *bytes, u32 length, u32 sum);
u16 sum_fold(u32 sum);

static inline u16 get16(const u8 *at)
{
	return at[0] << 8 | at[1];
}

static inline u32 get32(const u8 *at)
{
	return (u32)get16(at) << 16 | get16(at + 2);
}

static inline void put16(u8 *at, u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline void put32(u8 *at, u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* Lengths of headers, without options */
#define ETHER_HEADER	14
#define IP_HEADER	20
#define UDP_HEADER	8
#define TCP_HEADER	20

#define PROTOCOL_TCP	6

/* Who a packet came from, or goes to */
struct peer {
	u8 mac[MAC_LENGTH];
	u32 address;
	u16 port;
};

/**
 * ip_send() - send an IP packet
 * @peer: to whom
 * @protocol: its number
 * @frame: @length bytes stand behind room for the headers of Ethernet and IP
 * @length: bytes
 * @csum_at: where in them a checksum with a pseudo-header belongs, 0: nowhere
 *
 * Return: false when the card has no room.
 */
bool ip_send(const struct peer *peer, u8 protocol, u8 *frame, u32 length, u32 csum_at);

/* A segment has come: @length bytes from the TCP header on, the checksum is right. */
void tcp_receive(const struct peer *peer, const u8 *segment, u32 length);

/* Send what can be sent; returns when it is to be called again, 0: no matter when. */
u64 tcp_work(void);

/* Ask for an address, unless that was done; a UDP datagram for port 68 has come. */
void dhcp_work(void);
void dhcp_receive(const u8 *message, u32 length);

#endif /* GUEST_STACK_H */
