// SPDX-License-Identifier: GPL-2.0
/*
 * --net user: kev-net-user, as kevctl starts it, with a guest that is only frames: ARP, DHCP,
 * datagrams and connections to the host and from it, what is refused, and its end.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/net/user.h"
#include "../../tools/kevctl/net/virtio_net.h"
#include "../../tools/kevctl/sandbox.h"
#include "tap.h"

#define PROGRAM		"../../tools/kevctl/net-user"

#define WAIT_MS		10000	/* for what comes */
#define SILENCE_MS	200	/* for what must not */

#define ETHER		14
#define IP		(ETHER + 20)
#define UDP		(IP + 8)
#define TCP		(IP + 20)

#define FIN	0x01
#define SYN	0x02
#define ACK	0x10

static const uint8_t guest_mac[6] = { 2, 0, 0, 0, 0, 9 };
static struct wire *wire;
static struct net_packet packet;
static uint8_t *const frame = packet.frame;

/* The wire's messages; the last one is kept. */
static char said[256];

void message(const char *what, const char *why, ...)
{
	(void)what;
	snprintf(said, sizeof(said), "%s", why);
}

void hint(const char *format, ...)
{
	(void)format;
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint32_t sum(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sends the first @length bytes of the frame; @open: the checksum of TCP or UDP is not done */
static bool send_frame(size_t length, unsigned int open)
{
	packet.header = (struct net_header){ };
	if (open) {
		packet.header.flags = NET_NEEDS_CSUM;
		packet.header.csum_start = IP;
		packet.header.csum_offset = open;
	}
	return wire->ops->send(wire, &packet, sizeof(packet.header) + length);
}

/* The next frame of @type (ARP: 0, else IP's protocol); its length, or 0 */
static size_t get_frame(unsigned int type, int ms)
{
	struct pollfd fd = { .fd = wire->fd, .events = POLLIN };
	ssize_t n;

	while (poll(&fd, 1, ms) == 1) {
		n = wire->ops->receive(wire, &packet);
		if (n < 0)
			return 0;
		n -= sizeof(packet.header);
		if (n < ETHER)
			continue;
		if (!type && get16(frame + 12) == 0x0806)
			return n;
		if (type && get16(frame + 12) == 0x0800 && frame[ETHER + 9] == type)
			return n;
	}
	return 0;
}

static void put_ethernet(const uint8_t *to, unsigned int type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, guest_mac, 6);
	put16(frame + 12, type);
}

static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static uint8_t gateway[6];

/* IP's header, and what a checksum behind it starts with */
static void put_ip(uint32_t from, uint32_t to, unsigned int protocol, size_t length, size_t csum)
{
	uint8_t *ip = frame + ETHER;

	put_ethernet(gateway, 0x0800);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, 20 + length);
	ip[8] = 64;
	ip[9] = protocol;
	put32(ip + 12, from);
	put32(ip + 16, to);
	put16(ip + 10, ~sum(ip, 20, 0));
	put16(frame + IP + csum, sum(ip + 12, 8, protocol + length));
}

/* The address of @who in the network 10.0.2.0/24, or the one of the test */
static uint32_t net_base = 0x0a000200;

static uint32_t at(unsigned int who)
{
	return net_base + who;
}

static bool send_udp(uint32_t from, uint32_t to, unsigned int from_port, unsigned int to_port,
		     const void *bytes, size_t length)
{
	uint8_t *udp = frame + IP;

	memcpy(frame + UDP, bytes, length);
	put16(udp, from_port);
	put16(udp + 2, to_port);
	put16(udp + 4, 8 + length);
	put_ip(from, to, 17, 8 + length, 6);
	return send_frame(UDP + length, 6);
}

static bool send_tcp(uint32_t to, unsigned int from_port, unsigned int to_port, uint32_t number,
		     uint32_t acknowledged, unsigned int flags, const char *text)
{
	size_t length = strlen(text);
	uint8_t *tcp = frame + IP;

	memset(tcp, 0, 20);
	memcpy(tcp + 20, text, length);
	put16(tcp, from_port);
	put16(tcp + 2, to_port);
	put32(tcp + 4, number);
	put32(tcp + 8, acknowledged);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 8192);
	put_ip(at(15), to, 6, 20 + length, 16);
	return send_frame(TCP + length, 16);
}

/* A segment of at least @length bytes, or with @flag */
static bool get_tcp(size_t length, unsigned int flag)
{
	size_t body;

	while (get_frame(6, WAIT_MS)) {
		body = get16(frame + ETHER + 2) - 20 - (frame[IP + 12] >> 4) * 4;
		if (frame[IP + 13] & flag || (length && body >= length))
			return true;
	}
	return false;
}

static bool open_net(unsigned int sandbox, ...)
{
	char *words[4] = { };
	va_list args;

	va_start(args, sandbox);
	for (unsigned int i = 0; i < 3; i++) {
		words[i] = va_arg(args, char *);
		if (!words[i])
			break;
	}
	va_end(args);
	return !user_open(&wire, sandbox, STDERR_FILENO, words);
}

static void close_net(void)
{
	if (wire)
		wire->ops->close(wire);
	wire = NULL;
}

static bool find_gateway(void)
{
	uint8_t *arp = frame + ETHER;

	put_ethernet(everyone, 0x0806);
	memset(arp, 0, 28);
	put16(arp, 1);
	put16(arp + 2, 0x0800);
	put16(arp + 4, 0x0604);
	put16(arp + 6, 1);
	memcpy(arp + 8, guest_mac, 6);
	put32(arp + 14, at(15));
	put32(arp + 24, at(2));
	if (!send_frame(ETHER + 28, 0) || !get_frame(0, WAIT_MS))
		return false;
	memcpy(gateway, arp + 8, 6);
	return get16(arp + 6) == 2 && get32(arp + 14) == at(2) && get32(arp + 24) == at(15);
}

/* The value of a DHCP option in the frame, 0 if it is not there */
static uint32_t dhcp_option(unsigned int code, size_t length)
{
	size_t i = UDP + 240;

	while (i + 6 <= length && frame[i] != 0xff) {
		if (frame[i] == code)
			return frame[i + 1] == 4 ? get32(frame + i + 2) : frame[i + 2];
		i += 2 + frame[i + 1];
	}
	return 0;
}

static void test_dhcp(const char *name)
{
	uint8_t request[244] = { 1, 1, 6, 0, 1, 2, 3, 4 };
	static const uint8_t discover[] = { 99, 130, 83, 99, 53, 1, 1, 255 };
	size_t length;

	memcpy(request + 28, guest_mac, 6);
	memcpy(request + 236, discover, sizeof(discover));
	memcpy(gateway, everyone, 6);
	send_udp(0, 0xffffffff, 68, 67, request, sizeof(request));
	length = get_frame(17, WAIT_MS);
	tap_result(length && dhcp_option(53, length) == 2 && get32(frame + UDP + 16) == at(15) &&
		   dhcp_option(3, length) == at(2) && dhcp_option(6, length) == at(3) &&
		   dhcp_option(1, length) == 0xffffff00, name);
}

/* A socket at 127.0.0.1; its port */
static int listen_at(int type, unsigned int *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t length = sizeof(in);
	int fd = socket(AF_INET, type, 0);

	if (bind(fd, (struct sockaddr *)&in, length) ||
	    getsockname(fd, (struct sockaddr *)&in, &length) ||
	    (type == SOCK_STREAM && listen(fd, 1)))
		abort();
	*port = ntohs(in.sin_port);
	return fd;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, ms) == 1;
}

static void test_echo_udp(const char *name, uint32_t to, bool comes)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	unsigned int port;
	char text[16] = "";
	int fd = listen_at(SOCK_DGRAM, &port);
	bool good;

	send_udp(at(15), to, 4000, port, "hello", 5);
	good = is_readable(fd, comes ? WAIT_MS : SILENCE_MS) == comes;
	if (good && comes) {
		good = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &length) == 5;
		sendto(fd, text, 5, 0, (struct sockaddr *)&from, length);
		good = good && get_frame(17, WAIT_MS) && !memcmp(frame + UDP, "hello", 5) &&
			get32(frame + ETHER + 12) == to && get16(frame + IP + 2) == 4000;
	}
	close(fd);
	tap_result(good, name);
}

static void test_tcp_out(void)
{
	unsigned int port;
	int server = listen_at(SOCK_STREAM, &port), fd;
	uint32_t next;
	char text[16] = "";
	bool good;

	send_tcp(at(2), 5000, port, 100, 0, SYN, "");
	good = is_readable(server, WAIT_MS) && get_tcp(0, SYN);
	next = get32(frame + IP + 4) + 1;
	tap_result(good && get32(frame + IP + 8) == 101, "TCP: a connection to the host");
	fd = accept(server, NULL, NULL);
	send_tcp(at(2), 5000, port, 101, next, ACK, "");
	send_tcp(at(2), 5000, port, 101, next, ACK, "question");
	good = is_readable(fd, WAIT_MS) && read(fd, text, sizeof(text)) == 8 &&
		!strcmp(text, "question");
	tap_result(good, "TCP: bytes of the guest's");
	good = write(fd, "answer", 6) == 6 && get_tcp(6, 0) && !memcmp(frame + TCP, "answer", 6);
	tap_result(good, "TCP: bytes for the guest");
	send_tcp(at(2), 5000, port, 109, next + 6, ACK | FIN, "");
	tap_result(is_readable(fd, WAIT_MS) && read(fd, text, 1) == 0, "TCP: its end");
	close(fd);
	close(server);
}

/* A connection to the forwarded port gets as far as the guest. */
static void test_tcp_in(unsigned int port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(0x7f000001),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool good;

	good = !connect(fd, (struct sockaddr *)&in, sizeof(in)) && get_tcp(0, SYN) &&
		get16(frame + IP + 2) == 7 && get32(frame + ETHER + 16) == at(15);
	tap_result(good, "a forwarded port leads to the guest");
	close(fd);
}

/* The process that has the far end, by its parent; 0: none */
static pid_t child(void)
{
	char path[64], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = 0;
	if (file)
		fclose(file);
	return atoi(text);
}

static bool status_has(pid_t pid, const char *line)
{
	char path[64], text[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && !found && fgets(text, sizeof(text), file))
		found = !strcmp(text, line);
	if (file)
		fclose(file);
	return found;
}

static unsigned int count_files(pid_t pid)
{
	char path[64];
	unsigned int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count - 2;	/* . and .. */
}

static void test_sandbox(void)
{
	pid_t pid = child();

	tap_result(status_has(pid, "NoNewPrivs:\t1\n"), "no new privileges");
	tap_result(status_has(pid, "CapEff:\t0000000000000000\n"), "no capabilities");
	tap_result(status_has(pid, "Seccomp:\t2\n"), "a filter for system calls");
	tap_result(count_files(pid) == 3, "no descriptors but its own");
}

static void test_default(void)
{
	tap_result(open_net(0, NULL), "started");
	tap_result(find_gateway(), "ARP: the gateway");
	test_dhcp("DHCP: an offer");
	find_gateway();
	test_sandbox();
	test_echo_udp("the host's loopback is not at the gateway", at(2), false);
	test_echo_udp("nor at its own address", 0x7f000001, false);
	test_echo_udp("nor at another of these", 0x7f123456, false);
	test_echo_udp("nor at 0.0.0.0", 0, false);
	memset(frame, 0xff, 4096);
	tap_result(send_frame(1515, 0) && send_frame(4096, 0) && send_frame(14, 0) &&
		   find_gateway(), "odd frames are dropped");
	close_net();
	for (unsigned int i = 0; i < WAIT_MS && child(); i++)
		poll(NULL, 0, 1);
	tap_result(!child(), "it ends with the wire");
}

static void test_loopback(void)
{
	unsigned int port;
	char forward[64];

	close(listen_at(SOCK_STREAM, &port));
	snprintf(forward, sizeof(forward), "hostfwd=tcp:%u-7", port);
	net_base = 0x0a090800;
	tap_result(open_net(0, "net=10.9.8.0/24", "loopback", forward), "with words");
	tap_result(find_gateway(), "ARP: the gateway of another network");
	test_dhcp("DHCP: in another network");
	find_gateway();
	test_echo_udp("UDP: to the host and back", at(2), true);
	test_tcp_out();
	test_tcp_in(port);
	close_net();
	tap_result(open_net(0, forward, NULL), "the port is free again");
	close_net();
	net_base = 0x0a000200;
}

static void test_words(void)
{
	static const char *const bad[] = {
		"", "fast", "net=", "net=10.0.2.0", "net=10.0.2.1/24", "net=10.0.2.0/28",
		"net=10.0.0.0/7", "net=0.0.0.0/8", "net=10.0.2/24", "net=10.0.2.0/24x",
		"hostfwd=", "hostfwd=tcp", "hostfwd=tcp:80", "hostfwd=sctp:80-80",
		"hostfwd=tcp:0-80", "hostfwd=tcp:80-65536", "hostfwd=tcp:80-",
		"hostfwd=tcp:localhost:80-80", "hostfwd=tcp:1.2.3.4:5:80-80", "loopback=1",
		"hostfwd=tcp:192.0.2.1:8080-80",
	};
	char name[128];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(name, sizeof(name), "refused: %s", bad[i]);
		tap_result(!open_net(0, bad[i], NULL), name);
	}
}

static void test_start(void)
{
	setenv("KEV_LIBEXEC", "/nowhere", 1);
	tap_result(!open_net(0, NULL) && strstr(said, "is not installed"), "not installed");
	setenv("KEV_LIBEXEC", PROGRAM, 1);
	tap_result(open_net(SANDBOX_ALL, NULL) && status_has(child(), "Seccomp:\t0\n"),
		   "without a sandbox");
	close_net();
}

int main(void)
{
	if (access(PROGRAM "/kev-net-user", X_OK)) {
		puts("TAP version 13\n1..1\nok 1 # SKIP no libslirp");
		return 4;
	}
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setenv("KEV_LIBEXEC", PROGRAM, 1);
	test_default();
	test_loopback();
	test_words();
	test_start();
	return tap_end();
}
