// SPDX-License-Identifier: GPL-2.0
/* A small IPv4 stack: Ethernet, ARP, IP, ICMP and UDP. */
#include "stack.h"

#define TYPE_IP		0x0800
#define TYPE_ARP	0x0806

#define ARP_LENGTH	28
#define ARP_REQUEST	1
#define ARP_REPLY	2

#define PROTOCOL_ICMP	1
#define PROTOCOL_UDP	17

#define ICMP_REQUEST	8

#define PORT_ECHO	7
#define PORT_END	9

#define PORT_DHCP	68

#define TTL		64

/* The exit code when checksums of frames were wrong */
#define EXIT_CHECKSUM	94

static u8 frame_in[FRAME_MAX], frame_out[FRAME_MAX];
static u64 bad_checksums;

u32 stack_address = STACK_ADDRESS;

u32 sum_bytes(const u8 *bytes, u32 length, u32 sum)
{
	for (u32 i = 0; i + 1 < length; i += 2)
		sum += get16(bytes + i);
	if (length & 1)
		sum += bytes[length - 1] << 8;
	return sum;
}

u16 sum_fold(u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static u32 pseudo_sum(u32 a, u32 b, u8 protocol, u32 length)
{
	return (a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff) + protocol + length;
}

static void put_ethernet(u8 *frame, const u8 *to, u16 type)
{
	memcpy(frame, to, MAC_LENGTH);
	memcpy(frame + MAC_LENGTH, card.mac, MAC_LENGTH);
	put16(frame + 12, type);
}

bool ip_send(const struct peer *peer, u8 protocol, u8 *frame, u32 length, u32 csum_at)
{
	struct virtio_header header = { };
	u8 *ip = frame + ETHER_HEADER, *body = ip + IP_HEADER;
	u32 sum;

	put_ethernet(frame, peer->mac, TYPE_IP);
	memset(ip, 0, IP_HEADER);
	ip[0] = 0x45;
	put16(ip + 2, IP_HEADER + length);
	ip[6] = 0x40;			/* do not fragment */
	ip[8] = TTL;
	ip[9] = protocol;
	put32(ip + 12, stack_address);
	put32(ip + 16, peer->address);
	put16(ip + 10, ~sum_fold(sum_bytes(ip, IP_HEADER, 0)));
	if (csum_at) {
		sum = pseudo_sum(stack_address, peer->address, protocol, length);
		put16(body + csum_at, card.modern ? sum_fold(sum) : 0);
		if (card.modern) {
			header.flags = VIRTIO_NEEDS_CSUM;
			header.csum_start = ETHER_HEADER + IP_HEADER;
			header.csum_offset = csum_at;
		} else {
			put16(body + csum_at, ~sum_fold(sum_bytes(body, length, sum)));
		}
	}
	return virtio_send(&header, frame, ETHER_HEADER + IP_HEADER + length);
}

static void handle_arp(const u8 *arp, u32 length)
{
	struct virtio_header header = { };
	u8 *out = frame_out + ETHER_HEADER;

	if (length < ARP_LENGTH || get16(arp + 6) != ARP_REQUEST ||
	    get32(arp + 24) != stack_address)
		return;
	put_ethernet(frame_out, arp + 8, TYPE_ARP);
	memcpy(out, arp, 8);
	put16(out + 6, ARP_REPLY);
	memcpy(out + 8, card.mac, MAC_LENGTH);
	put32(out + 14, stack_address);
	memcpy(out + 18, arp + 8, 10);
	virtio_send(&header, frame_out, ETHER_HEADER + ARP_LENGTH);
}

static void handle_icmp(const struct peer *peer, const u8 *icmp, u32 length)
{
	u8 *out = frame_out + ETHER_HEADER + IP_HEADER;

	if (length < 8 || icmp[0] != ICMP_REQUEST)
		return;
	memcpy(out, icmp, length);
	out[0] = 0;
	put16(out + 2, 0);
	put16(out + 2, ~sum_fold(sum_bytes(out, length, 0)));
	ip_send(peer, PROTOCOL_ICMP, frame_out, length, 0);
}

static void handle_udp(struct peer *peer, const u8 *udp, u32 length)
{
	u8 *out = frame_out + ETHER_HEADER + IP_HEADER;
	u16 port = get16(udp + 2);

	if (length < UDP_HEADER || get16(udp + 4) < UDP_HEADER || get16(udp + 4) > length)
		return;
	length = get16(udp + 4);
	if (port == PORT_END && length > UDP_HEADER)
		halt(bad_checksums ? EXIT_CHECKSUM : udp[UDP_HEADER]);
	if (port == PORT_DHCP) {
		dhcp_receive(udp + UDP_HEADER, length - UDP_HEADER);
		return;
	}
	if (port != PORT_ECHO)
		return;
	memcpy(out, udp, length);
	put16(out, PORT_ECHO);
	put16(out + 2, get16(udp));
	ip_send(peer, PROTOCOL_UDP, frame_out, length, 6);
}

/* Does a checksum with a pseudo-header fit? The host may have left it open. */
static bool sum_fits(const struct virtio_header *header, const u8 *ip, const u8 *body, u32 length)
{
	u32 sum = pseudo_sum(get32(ip + 12), get32(ip + 16), ip[9], length);

	if (header->flags & VIRTIO_NEEDS_CSUM)
		return card.modern;
	return sum_fold(sum_bytes(body, length, sum)) == 0xffff;
}

/* Until there is an address, the answer that brings it may go to anybody. */
static bool is_ours(u32 address)
{
	return address == stack_address || !stack_address;
}

static void handle_ip(const struct virtio_header *header, const u8 *frame, u32 length)
{
	const u8 *ip = frame + ETHER_HEADER, *body;
	u32 skip = (ip[0] & 15) * 4, total = get16(ip + 2);
	struct peer peer;

	if (length < IP_HEADER || ip[0] >> 4 != 4 || skip < IP_HEADER || total < skip ||
	    total > length || !is_ours(get32(ip + 16)) || get16(ip + 6) & 0x3fff)
		return;
	body = ip + skip;
	total -= skip;
	memcpy(peer.mac, frame + MAC_LENGTH, MAC_LENGTH);
	peer.address = get32(ip + 12);
	if (total < UDP_HEADER || sum_fold(sum_bytes(ip, skip, 0)) != 0xffff)
		return;
	peer.port = get16(body);
	if (ip[9] == PROTOCOL_ICMP) {
		handle_icmp(&peer, body, total);
	} else if (ip[9] == PROTOCOL_UDP || ip[9] == PROTOCOL_TCP) {
		/* A datagram may do without. */
		if (ip[9] == PROTOCOL_UDP && !get16(body + 6))
			;
		else if (!sum_fits(header, ip, body, total)) {
			bad_checksums++;
			return;
		}
		if (ip[9] == PROTOCOL_UDP)
			handle_udp(&peer, body, total);
		else
			tcp_receive(&peer, body, total);
	}
}

static void handle_frame(const struct virtio_header *header, const u8 *frame, u32 length)
{
	if (length < ETHER_HEADER + ARP_LENGTH)
		return;
	if (get16(frame + 12) == TYPE_ARP)
		handle_arp(frame + ETHER_HEADER, length - ETHER_HEADER);
	else if (get16(frame + 12) == TYPE_IP)
		handle_ip(header, frame, length - ETHER_HEADER);
}

void stack_run(void)
{
	struct virtio_header header;
	bool link = card.link;
	u32 length;

	for (;;) {
		while ((length = virtio_receive(&header, frame_in)))
			handle_frame(&header, frame_in, length);
		if (stack_address)
			virtio_alarm(tcp_work());
		else
			dhcp_work();
		virtio_wait();
		if (card.link != link)
			print(card.link ? "link up\n" : "link down\n");
		link = card.link;
	}
}
