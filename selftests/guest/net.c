// SPDX-License-Identifier: GPL-2.0
/*
 * `kevctl run --net` against the host's own network: the guests net and net_modern answer at
 * 10.7.0.2 behind a TAP device. Pings, datagrams, a stream that comes back, connections, a
 * cable that is pulled, and two ways to end.
 */
#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "kevtest.h"

#define TUN		"/dev/net/tun"
#define TAP		"kevtap"
#define HOST		"10.7.0.1"
#define GUEST		"10.7.0.2"
#define PORT_ECHO	7
#define PORT_END	9
#define ENDS_WITH	5

#define WAIT_MS		60000	/* until something is lost for good */
#define STREAM		(64 << 10)
#define STREAM_SOAK	(10 << 20)
#define CONNECTIONS	16
#define CONNECTIONS_SOAK	1000
#define AT_ONCE		8

FIXTURE(net) {
	pid_t pid;
	int output;
	char text[256];		/* what the guest has printed */
	size_t length;
};

FIXTURE_VARIANT(net) {
	const char *guest;
};

FIXTURE_VARIANT_ADD(net, legacy) {
	.guest = "/guests/net",
};

FIXTURE_VARIANT_ADD(net, modern) {
	.guest = "/guests/net_modern",
};

static struct sockaddr_in address(const char *host, unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(host),
	};
}

static int interface(unsigned long request, struct ifreq *ifreq)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int ret = ioctl(fd, request, ifreq);

	close(fd);
	return ret;
}

static int set_address(unsigned long request, const char *text)
{
	struct sockaddr_in in = address(text, 0);
	struct ifreq ifreq = { .ifr_name = TAP };

	memcpy(&ifreq.ifr_addr, &in, sizeof(in));
	return interface(request, &ifreq);
}

static int set_up(bool up)
{
	struct ifreq ifreq = { .ifr_name = TAP };

	if (interface(SIOCGIFFLAGS, &ifreq))
		return -1;
	ifreq.ifr_flags = up ? ifreq.ifr_flags | IFF_UP : ifreq.ifr_flags & ~IFF_UP;
	return interface(SIOCSIFFLAGS, &ifreq);
}

/* Waits until the guest has printed @text. */
static bool printed(FIXTURE_DATA(net) *self, const char *text)
{
	struct pollfd fd = { .fd = self->output, .events = POLLIN };
	ssize_t n;

	while (!strstr(self->text, text)) {
		if (poll(&fd, 1, WAIT_MS) <= 0)
			return false;
		n = read(self->output, self->text + self->length,
			 sizeof(self->text) - 1 - self->length);
		if (n <= 0)
			return false;
		self->length += n;
	}
	return true;
}

static int open_socket(int type, int protocol, unsigned int port)
{
	struct sockaddr_in to = address(GUEST, port);
	int fd = socket(AF_INET, type, protocol);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, WAIT_MS) == 1;
}

static void fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = seed >> 24;
	}
}

static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* One echo of @length bytes */
static bool ping(size_t length, uint16_t number)
{
	uint8_t out[1500] = { ICMP_ECHO }, in[2000];
	struct icmphdr *header = (struct icmphdr *)out, *got;
	int fd = open_socket(SOCK_RAW, IPPROTO_ICMP, 0);
	bool came = false;
	ssize_t n;

	header->un.echo.sequence = number;
	fill(out + sizeof(*header), length, number);
	length += sizeof(*header);
	header->checksum = checksum(out, length);
	if (send(fd, out, length, 0) == (ssize_t)length) {
		while (!came && readable(fd)) {
			n = recv(fd, in, sizeof(in), 0);
			got = (struct icmphdr *)(in + sizeof(struct iphdr));
			came = n == (ssize_t)(sizeof(struct iphdr) + length) &&
			       got->type == ICMP_ECHOREPLY && got->un.echo.sequence == number &&
			       !memcmp(got + 1, header + 1, length - sizeof(*header));
		}
	}
	close(fd);
	return came;
}

static bool datagram(size_t length)
{
	uint8_t out[1472], in[1500];
	int fd = open_socket(SOCK_DGRAM, 0, PORT_ECHO);
	bool came;

	fill(out, length, length);
	came = send(fd, out, length, 0) == (ssize_t)length && readable(fd) &&
	       recv(fd, in, sizeof(in), 0) == (ssize_t)length && !memcmp(in, out, length);
	close(fd);
	return came;
}

/* Sends @length bytes while they come back, and ends the connection. */
static bool stream(size_t length)
{
	uint8_t *out = malloc(length), *in = malloc(length);
	int fd = open_socket(SOCK_STREAM, 0, PORT_ECHO);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	size_t sent = 0, got = 0;
	ssize_t n;
	char end;
	bool ok = false;

	fill(out, length, 1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (got < length && poll(&poll_fd, 1, WAIT_MS) == 1) {
		if (poll_fd.revents & POLLOUT) {
			n = send(fd, out + sent, length - sent, MSG_NOSIGNAL);
			if (n > 0)
				sent += n;
			if (sent == length)
				poll_fd.events = POLLIN;
		}
		if (poll_fd.revents & (POLLIN | POLLERR | POLLHUP)) {
			n = recv(fd, in + got, length - got, 0);
			if (n == 0 || (n < 0 && errno != EAGAIN))
				break;
			if (n > 0)
				got += n;
		}
	}
	if (got == length && !memcmp(in, out, length)) {
		shutdown(fd, SHUT_WR);
		ok = readable(fd) && recv(fd, &end, 1, 0) == 0;
	}
	close(fd);
	free(out);
	free(in);
	return ok;
}

/* Some connections at a time, each with a word of its own; how many were well */
static unsigned int connections(unsigned int count)
{
	unsigned int good = 0;
	char out[16], in[16];
	int fds[AT_ONCE];

	for (unsigned int first = 0; first < count; first += AT_ONCE) {
		for (unsigned int i = 0; i < AT_ONCE; i++)
			fds[i] = open_socket(SOCK_STREAM, 0, PORT_ECHO);
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			int length = snprintf(out, sizeof(out), "word %u", first + i);

			good += send(fds[i], out, length, MSG_NOSIGNAL) == length &&
				readable(fds[i]) && recv(fds[i], in, sizeof(in), 0) == length &&
				!memcmp(in, out, length);
			close(fds[i]);
		}
	}
	return good;
}

static bool send_end(char code)
{
	int fd = open_socket(SOCK_DGRAM, 0, PORT_END);
	bool sent = send(fd, &code, 1, 0) == 1;

	close(fd);
	return sent;
}

static int wait_status(FIXTURE_DATA(net) *self)
{
	int status = 0;

	waitpid(self->pid, &status, 0);
	self->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

FIXTURE_SETUP(net)
{
	static const char *const modprobe[] = { "modprobe", "tun", NULL };
	int fds[2], fd;

	kt_command(modprobe);
	mkdir("/dev/net", 0755);
	mknod(TUN, S_IFCHR | 0600, makedev(10, 200));
	fd = open(TUN, O_RDWR);
	if (fd < 0)
		SKIP(return, "no TAP devices");
	close(fd);
	ASSERT_EQ(0, pipe(fds));
	self->output = fds[0];
	self->pid = fork();
	ASSERT_LE(0, self->pid);
	if (!self->pid) {
		dup2(fds[1], STDOUT_FILENO);
		execlp("kevctl", "kevctl", "run", "--net=" TAP ",mac=02:00:00:00:00:09",
		       variant->guest, NULL);
		_exit(127);
	}
	close(fds[1]);
	ASSERT_TRUE(printed(self, "net: up\n"));
	ASSERT_EQ(0, set_address(SIOCSIFADDR, HOST));
	ASSERT_EQ(0, set_address(SIOCSIFNETMASK, "255.255.255.0"));
}

FIXTURE_TEARDOWN(net)
{
	if (self->pid > 0) {
		kill(self->pid, SIGKILL);
		waitpid(self->pid, NULL, 0);
	}
	close(self->output);
}

TEST_F_TIMEOUT(net, answers, 3600)
{
	unsigned int count = kt_rounds(CONNECTIONS, CONNECTIONS_SOAK);

	EXPECT_TRUE(ping(0, 1));
	EXPECT_TRUE(ping(1, 2));
	EXPECT_TRUE(ping(1472, 3));
	EXPECT_TRUE(datagram(1));
	EXPECT_TRUE(datagram(1472));
	EXPECT_TRUE(stream(kt_rounds(STREAM, STREAM_SOAK)));
	EXPECT_EQ(count, connections(count));

	/* The cable: pulled, nothing is heard; back, all is as before. */
	EXPECT_EQ(0, set_up(false));
	EXPECT_TRUE(printed(self, "link down\n"));
	EXPECT_EQ(0, set_up(true));
	EXPECT_TRUE(printed(self, "link up\n"));
	EXPECT_TRUE(ping(100, 4));

	/* Not if a checksum of the host's was wrong */
	EXPECT_TRUE(send_end(ENDS_WITH));
	EXPECT_EQ(ENDS_WITH, wait_status(self));
}

/* The TAP device goes with kevctl, at once, whatever is on its way. */
TEST_F_TIMEOUT(net, signal, 600)
{
	struct ifreq ifreq = { .ifr_name = TAP };

	EXPECT_TRUE(ping(100, 1));
	EXPECT_EQ(0, kill(self->pid, SIGTERM));
	EXPECT_EQ(128 + SIGTERM, wait_status(self));
	EXPECT_EQ(-1, interface(SIOCGIFFLAGS, &ifreq));
}

TEST_HARNESS_MAIN
