// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what other processes do with the socket of a kevctl that runs a guest: they connect,
 * send lines and keys, read or do not, and go; meanwhile the guest prints and takes its input.
 * Each gets what it has asked for and nothing else, none takes the place of one who comes later,
 * and no descriptor stays. Or it is what is done to the ring behind the console.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/kevctl/control/control.h"
#include "../../tools/kevctl/control/ring.h"
#include "../../tools/kevctl/control/runtime.h"
#include "../../tools/kevctl/incoming.h"
#include "../../tools/kevctl/stat/tell.h"

#include "fuzz.h"

#define MOST_PEERS	16
#define MOST_ACTIONS	128
#define LINE		32	/* bytes that a request can have */
#define TAG		0x80	/* of a key: who has sent it, and which of eight it is */
#define PATIENCE	1000	/* turns until the last one has to be served */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What one process has done and seen. @ok: it looks at the console. @ended: nothing more comes. */
struct peer {
	int fd;
	char line[LINE + 1];
	unsigned int sent;
	size_t received;
	bool ok, busy, ended;
	u8 next_key, next_taken;
};

static struct peer peers[MOST_PEERS];
static unsigned int nr_peers;
static int waiting[MOST_PEERS];
static unsigned int nr_waiting;
static int listener;
static u8 pattern[5 * RING_BYTES];	/* what is told, and what is printed */
static struct control *control;
static size_t printed, reply_bytes;
static bool fails;

/* ---- what is around it ---- */

int runtime_open(struct runtime *runtime, const struct runtime_info *info)
{
	(void)info;
	*runtime = (struct runtime){ .base = -1, .dir = -1 };
	listener = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	runtime->listener = listener;
	return 0;
}

void runtime_close(struct runtime *runtime)
{
	close(runtime->listener);
}

int incoming_accept(int from)
{
	eventfd_t one;
	int fd;

	if (eventfd_read(from, &one))
		return -1;
	fuzz_check(nr_waiting, "a connection that is not there");
	fd = waiting[0];
	memmove(waiting, waiting + 1, --nr_waiting * sizeof(*waiting));
	return fd;
}

char *tell_counters(const struct session *session, size_t *length)
{
	char *text = fails ? NULL : malloc(reply_bytes);

	(void)session;
	if (text)
		memcpy(text, pattern, reply_bytes);
	*length = reply_bytes;
	return text;
}

/* ---- the console ---- */

/* Of what the ring holds nobody loses anything. */
static void print(size_t length)
{
	length = min(length, RING_BYTES - printed);
	control_console(control, pattern + printed, length);
	printed += length;
}

static void take_input(void)
{
	u8 bytes[4096];
	ssize_t n = read(control_input(control), bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++) {
		struct peer *peer = &peers[bytes[i] >> 3 & (MOST_PEERS - 1)];

		if (!(bytes[i] & TAG))
			continue;
		fuzz_check(peer->ok, "a key of one who has no console");
		fuzz_check(peer->next_taken % 8 == bytes[i] % 8, "a key that is missing");
		peer->next_taken++;
	}
}

/* ---- the processes ---- */

static void connect_peer(void)
{
	const int small = 4096;
	int ends[2];

	if (nr_peers == MOST_PEERS ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
		return;
	/* What does not fit goes in parts. */
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	peers[nr_peers++] = (struct peer){ .fd = ends[0] };
	waiting[nr_waiting++] = ends[1];
	eventfd_write(listener, 1);
}

static void send_bytes(struct peer *peer, const void *bytes, size_t length)
{
	const char *from = bytes;
	ssize_t n = peer->fd < 0 ? -1 : send(peer->fd, from, length, MSG_NOSIGNAL);

	for (ssize_t i = 0; i < n && peer->sent < LINE; i++)
		peer->line[peer->sent++] = from[i];
}

static void send_keys(struct peer *peer, size_t length)
{
	u8 keys[255 * 64];
	ssize_t n;

	if (!peer->ok || peer->fd < 0)
		return;
	length = min(length, sizeof(keys));
	for (size_t i = 0; i < length; i++)
		keys[i] = TAG | (peer - peers) << 3 | ((peer->next_key + i) & 7);
	n = send(peer->fd, keys, length, MSG_NOSIGNAL);
	if (n > 0)
		peer->next_key += n;
}

/* The first line, or NULL where there is none that is short enough */
static const char *request(const struct peer *peer)
{
	static char line[LINE + 1];
	char *end = memchr(peer->line, '\n', peer->sent);

	if (!end || end - peer->line >= LINE)
		return NULL;
	memcpy(line, peer->line, sizeof(line));
	line[end - peer->line] = '\0';
	return line;
}

static void check_console(struct peer *peer, const u8 *bytes, size_t length)
{
	static const char ok[] = CONTROL_OK, busy[] = CONTROL_BUSY;
	const char *line;
	size_t n;

	if (!peer->received)
		peer->busy = *bytes == *busy;
	line = peer->busy ? busy : ok;
	n = peer->received < strlen(line) ? min(length, strlen(line) - peer->received) : 0;
	fuzz_check(!memcmp(bytes, line + min(peer->received, strlen(line)), n), "no answer");
	peer->received += n;
	length -= n;
	if (peer->received < strlen(line))
		return;
	peer->ok = !peer->busy;
	peer->received += length;
	fuzz_check(!length || (peer->ok && peer->received - strlen(ok) <= printed &&
			       !memcmp(bytes + n, pattern + peer->received - strlen(ok) - length,
				       length)), "not what was printed");
}

static void receive(struct peer *peer)
{
	u8 bytes[4096];
	const char *line;
	ssize_t n;

	if (peer->fd < 0)
		return;
	n = recv(peer->fd, bytes, sizeof(bytes), 0);
	peer->ended |= !n || (n < 0 && errno != EAGAIN);
	line = request(peer);
	if (n > 0 && line && !strcmp(line, CONTROL_CONSOLE)) {
		check_console(peer, bytes, n);
	} else if (n > 0) {
		fuzz_check(line && !strcmp(line, CONTROL_STATS) && !fails,
			   "an answer that was not asked for");
		fuzz_check(peer->received + n <= reply_bytes &&
			   !memcmp(bytes, pattern + peer->received, n), "another answer");
		peer->received += n;
	} else if (!n && peer->received && line && !strcmp(line, CONTROL_STATS)) {
		fuzz_check(peer->received == reply_bytes, "half an answer");
	}
}

static void leave(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

static bool looks(const struct peer *peer)
{
	struct pollfd fd = { .fd = peer->fd };

	return peer->ok && fd.fd >= 0 && !poll(&fd, 1, 0);
}

static void check_consoles(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < nr_peers; i++)
		nr += looks(&peers[i]);
	fuzz_check(nr <= CONTROL_CONSOLES, "too many look at the console");
}

static void act(const u8 **data, size_t *size)
{
	struct peer none = { .fd = -1 }, *peer;
	u8 what[2], raw[64];

	fuzz_take(data, size, what, sizeof(what));
	peer = what[0] >> 4 < nr_peers ? &peers[what[0] >> 4] : &none;
	switch (what[0] & 15) {
	case 0:
		connect_peer();
		break;
	case 1:
		fuzz_take(data, size, raw, what[1] %= sizeof(raw));
		for (unsigned int i = 0; i < what[1]; i++)
			raw[i] &= ~TAG;
		send_bytes(peer, raw, what[1]);
		break;
	case 2:
		send_bytes(peer, CONTROL_CONSOLE "\n", sizeof(CONTROL_CONSOLE));
		break;
	case 3:
		send_bytes(peer, CONTROL_STATS "\n", sizeof(CONTROL_STATS));
		break;
	case 4:
		send_keys(peer, what[1] * 64);
		break;
	case 5:
		print(what[1] * 64);
		break;
	case 6:
		leave(peer);
		break;
	case 7:
		if (peer->fd >= 0)
			shutdown(peer->fd, SHUT_WR);
		break;
	case 8:
		receive(peer);
		break;
	case 9:
		take_input();
		break;
	default:
		for (unsigned int i = 0; i <= what[1] % 16; i++)
			control_turn(control, 0);
	}
	check_consoles();
}

static bool has_all(const struct peer *peer)
{
	return peer->received == strlen(CONTROL_OK) + printed;
}

/* However the others have left it, who comes now is served. */
static void check_serves(void)
{
	struct peer *last;

	for (unsigned int i = 0; i < nr_peers; i++)
		leave(&peers[i]);
	/* There is room for all that wait only once those who were before have gone. */
	for (unsigned int i = 0; i < PATIENCE && nr_waiting; i++)
		control_turn(control, 0);
	for (unsigned int i = 0; i < 2 * LINE; i++)
		control_turn(control, 0);
	nr_peers = min(nr_peers, MOST_PEERS - 1U);
	connect_peer();
	last = &peers[nr_peers - 1];
	send_bytes(last, CONTROL_CONSOLE "\n", sizeof(CONTROL_CONSOLE));
	for (unsigned int i = 0; i < PATIENCE && !has_all(last) && !last->ended; i++) {
		control_turn(control, 0);
		receive(last);
	}
	fuzz_check(has_all(last), "one who comes late is not served");
}

static int lowest_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static void serve(const u8 *data, size_t size, bool input)
{
	struct runtime_info info = { 0 };
	int before = lowest_descriptor();

	nr_peers = 0;
	nr_waiting = 0;
	printed = 0;
	if (control_open(&info, input, &control))
		return;
	for (unsigned int i = 0; size && i < MOST_ACTIONS; i++)
		act(&data, &size);
	check_serves();
	if (control_start(control, NULL))
		abort();
	control_stop(control);
	receive(&peers[nr_peers - 1]);
	fuzz_check(peers[nr_peers - 1].ended, "the console has no end");
	leave(&peers[nr_peers - 1]);
	control_close(control);
	fuzz_check(lowest_descriptor() == before, "a descriptor is left");
}

static void check_ring(const u8 *data, size_t size)
{
	static struct ring ring;
	u8 bytes[4096], what[2];
	uint64_t position = 0, before;
	size_t length, most;

	memset(&ring, 0, sizeof(ring));
	while (size && ring.end < 4 * RING_BYTES) {
		fuzz_take(&data, &size, what, sizeof(what));
		length = (what[0] | what[1] << 8) % sizeof(bytes) + 1;
		if (what[1] & 0x80) {
			ring_put(&ring, pattern + ring.end, length);
			continue;
		}
		before = max(position, ring_begin(&ring));
		most = ring.end - before;
		length = ring_get(&ring, &position, bytes, length);
		fuzz_check(!length == !most && length <= most, "more or less than there is");
		fuzz_check(position == before + length, "position");
		fuzz_check(!memcmp(bytes, pattern + before, length), "another byte");
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i * 167 + (i >> 8) * 13 + (i >> 16);
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	fails = which & 2;
	reply_bytes = (which >> 3) * 1000 + 1;
	if (which & 1)
		check_ring(data, size);
	else
		serve(data, size, which & 4);
	return 0;
}
