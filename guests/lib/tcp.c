// SPDX-License-Identifier: GPL-2.0
/*
 * TCP, as much as an echo server needs (RFC 9293): passive opening, a window, what was
 * lost is sent again. What comes out of order is dropped and comes again.
 */
#include "stack.h"

#define PORT		7
#define CONNECTIONS	1024
#define BUFFER		16384	/* bytes of a connection that wait, a power of two */
#define MSS		1460

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10

#define FIRST_RTO	(1UL << 28)	/* ticks of the TSC */
#define RETRIES		12

enum state { FREE, SYN_RECEIVED, OPEN };

/**
 * struct tcb - a connection
 * @acked: first byte that the peer has not acknowledged; its place in @buffer is
 *	@acked - @start
 * @next: first byte that was not sent
 * @expected: first byte that has not come; all before it are in @buffer or acknowledged
 * @start: number of the byte that lies at buffer[0], modulo BUFFER
 * @end: first number behind what is to be sent
 * @window: how much the peer takes
 * @peer_done: its FIN has come
 * @fin_sent: ours has gone
 * @owes: an acknowledgement is due
 */
struct tcb {
	enum state state;
	struct peer peer;
	u32 acked, next, end, start, expected, window, told;
	u32 mss;
	bool peer_done, fin_sent, owes;
	u32 retries;
	u64 sent_at, rto;
	u8 buffer[BUFFER];
};

static struct tcb tcbs[CONNECTIONS];
static u8 frame[FRAME_MAX];

static u32 used(const struct tcb *tcb)
{
	return tcb->end - tcb->acked;
}

/* Room for what comes, which is not there before our SYN is acknowledged */
static u32 room(const struct tcb *tcb)
{
	return tcb->state == OPEN ? BUFFER - used(tcb) : BUFFER;
}

static bool emit(const struct peer *peer, u32 seq, u32 ack, u8 flags, u32 window, u32 length)
{
	u8 *tcp = frame + ETHER_HEADER + IP_HEADER;
	u32 header = TCP_HEADER;

	memset(tcp, 0, TCP_HEADER);
	if (flags & SYN) {
		tcp[TCP_HEADER] = 2;
		tcp[TCP_HEADER + 1] = 4;
		put16(tcp + TCP_HEADER + 2, MSS);
		header += 4;
	}
	put16(tcp, PORT);
	put16(tcp + 2, peer->port);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = header / 4 << 4;
	tcp[13] = flags;
	put16(tcp + 14, window);
	return ip_send(peer, PROTOCOL_TCP, frame, header + length, 16);
}

static bool send_segment(struct tcb *tcb, u32 seq, u8 flags, u32 length)
{
	u8 *data = frame + ETHER_HEADER + IP_HEADER + TCP_HEADER;

	for (u32 done = 0; done < length;) {
		u32 at = (seq + done - tcb->start) % BUFFER, part = BUFFER - at;

		if (part > length - done)
			part = length - done;
		memcpy(data + done, tcb->buffer + at, part);
		done += part;
	}
	if (!emit(&tcb->peer, seq, tcb->expected, flags | ACK, room(tcb), length))
		return false;
	tcb->owes = false;
	tcb->told = room(tcb);
	tcb->sent_at = rdtsc();
	return true;
}

static struct tcb *find(const struct peer *peer)
{
	for (u32 i = 0; i < CONNECTIONS; i++)
		if (tcbs[i].state != FREE && tcbs[i].peer.port == peer->port &&
		    tcbs[i].peer.address == peer->address)
			return &tcbs[i];
	return NULL;
}

static void open(const struct peer *peer, const u8 *segment, u32 options)
{
	u32 number = rdtsc();

	for (u32 i = 0; i < CONNECTIONS; i++) {
		struct tcb *tcb = &tcbs[i];

		if (tcb->state != FREE)
			continue;
		tcb->state = SYN_RECEIVED;
		tcb->peer = *peer;
		tcb->acked = number;
		tcb->next = number;
		tcb->start = number + 1;
		tcb->end = number + 1;
		tcb->expected = get32(segment + 4) + 1;
		tcb->window = get16(segment + 14);
		tcb->mss = 536;
		tcb->peer_done = false;
		tcb->fin_sent = false;
		tcb->owes = true;
		tcb->retries = 0;
		tcb->rto = FIRST_RTO;
		/* The option is the first one with every peer that we have. */
		if (options >= 4 && segment[TCP_HEADER] == 2 && segment[TCP_HEADER + 1] == 4)
			tcb->mss = get16(segment + TCP_HEADER + 2);
		if (tcb->mss > MSS || tcb->mss < 64)
			tcb->mss = MSS;
		return;
	}
}

static void take_ack(struct tcb *tcb, u32 ack, u32 window)
{
	tcb->window = window;
	/* What was sent once may be acknowledged even if it is about to be sent again. */
	if ((s32)(ack - tcb->acked) <= 0 || (s32)(ack - tcb->end - tcb->peer_done) > 0)
		return;
	if (tcb->state == SYN_RECEIVED)
		tcb->state = OPEN;
	tcb->acked = ack;
	if ((s32)(ack - tcb->next) > 0)
		tcb->next = ack;
	tcb->retries = 0;
	tcb->rto = FIRST_RTO;
	if (ack == tcb->end + 1)
		tcb->state = FREE;
}

static void take_data(struct tcb *tcb, u32 seq, const u8 *data, u32 length, bool fin)
{
	u32 skip = tcb->expected - seq, part;

	if (length || fin)
		tcb->owes = true;
	if (tcb->peer_done || skip > length || (skip == length && !fin))
		return;
	data += skip;
	length -= skip;
	if (length > room(tcb)) {
		length = room(tcb);
		fin = false;
	}
	for (u32 done = 0; done < length; done += part) {
		u32 at = (tcb->end - tcb->start) % BUFFER;

		part = BUFFER - at;
		if (part > length - done)
			part = length - done;
		memcpy(tcb->buffer + at, data + done, part);
		tcb->end += part;
	}
	tcb->expected += length + fin;
	tcb->peer_done = fin;
}

void tcp_receive(const struct peer *peer, const u8 *segment, u32 length)
{
	struct tcb *tcb = find(peer);
	u32 header, seq, ack;
	u8 flags;

	if (length < TCP_HEADER)
		return;
	header = (segment[12] >> 4) * 4;
	flags = segment[13];
	seq = get32(segment + 4);
	ack = get32(segment + 8);
	if (header < TCP_HEADER || header > length)
		return;
	if (flags & RST) {
		if (tcb && seq == tcb->expected)
			tcb->state = FREE;
	} else if (!tcb && flags == SYN && get16(segment + 2) == PORT) {
		open(peer, segment, header - TCP_HEADER);
	} else if (!tcb && flags & ACK) {
		emit(peer, ack, 0, RST, 0, 0);
	} else if (tcb && !(flags & SYN)) {
		if (flags & ACK)
			take_ack(tcb, ack, get16(segment + 14));
		if (tcb->state == OPEN)
			take_data(tcb, seq, segment + header, length - header, flags & FIN);
	}
}

/* All that the window allows; false: the card has no room. */
static bool send_new(struct tcb *tcb)
{
	u32 limit = tcb->acked + tcb->window;

	while (tcb->next != tcb->end && (s32)(limit - tcb->next) > 0 && !tcb->fin_sent) {
		u32 part = tcb->end - tcb->next;

		if (part > limit - tcb->next)
			part = limit - tcb->next;
		if (part > tcb->mss)
			part = tcb->mss;
		if (!send_segment(tcb, tcb->next, PSH, part))
			return false;
		tcb->next += part;
	}
	if (tcb->peer_done && !tcb->fin_sent && tcb->next == tcb->end) {
		if (!send_segment(tcb, tcb->next, FIN, 0))
			return false;
		tcb->fin_sent = true;
		tcb->next++;
	}
	return true;
}

/* Nothing was acknowledged for long: all of it goes out anew. */
static void send_again(struct tcb *tcb)
{
	if (tcb->retries++ == RETRIES) {
		tcb->state = FREE;
		return;
	}
	tcb->rto *= 2;
	tcb->next = tcb->acked;
	tcb->fin_sent = false;
	/* One byte looks whether a closed window has opened. */
	if (!tcb->window)
		tcb->window = 1;
}

static void work(struct tcb *tcb, u64 *again)
{
	bool waits = tcb->next != tcb->acked || (tcb->end != tcb->next && !tcb->window);

	if (waits && rdtsc() - tcb->sent_at > tcb->rto) {
		send_again(tcb);
		if (tcb->state == FREE)
			return;
	}
	if (tcb->state == SYN_RECEIVED) {
		if (tcb->next == tcb->acked && send_segment(tcb, tcb->acked, SYN, 0))
			tcb->next = tcb->acked + 1;
	} else if (send_new(tcb)) {
		/* A window that has opened by much is news, too. */
		if (tcb->owes || (tcb->told < MSS && room(tcb) >= 2 * MSS))
			send_segment(tcb, tcb->next, 0, 0);
	}
	if (!*again || tcb->sent_at + tcb->rto < *again)
		*again = tcb->sent_at + tcb->rto + 1;
}

u64 tcp_work(void)
{
	u64 again = 0;

	for (u32 i = 0; i < CONNECTIONS; i++) {
		struct tcb *tcb = &tcbs[i];

		if (tcb->state != FREE)
			work(tcb, &again);
	}
	return again;
}
