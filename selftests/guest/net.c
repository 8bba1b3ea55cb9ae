// SPDX-License-Identifier: GPL-2.0
/*
 * `kevctl run --net` against the host's own network: pings, datagrams, a stream that comes
 * back, connections, a cable that is pulled, and two ways to end.
 */
#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <sys/socket.h>

#include "kevtest.h"
#include "net.h"

#define ENDS_WITH	5

#define STREAM		(64 << 10)
#define STREAM_SOAK	(10 << 20)
#define CONNECTIONS	16
#define CONNECTIONS_SOAK	1000
#define AT_ONCE		8

FIXTURE(net) {
	struct kt_net net;
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

FIXTURE_SETUP(net)
{
	int ret = kt_net_start(&self->net, variant->guest);

	if (ret == -ENODEV)
		SKIP(return, "no TAP devices");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(net)
{
	kt_net_kill(&self->net);
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
	int fd = kt_net_socket(SOCK_RAW, IPPROTO_ICMP, 0);
	bool came = false;
	ssize_t n;

	header->un.echo.sequence = number;
	kt_net_fill(out + sizeof(*header), length, number);
	length += sizeof(*header);
	header->checksum = checksum(out, length);
	if (send(fd, out, length, 0) == (ssize_t)length) {
		while (!came && kt_net_readable(fd)) {
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

/* Some connections at a time, each with a word of its own; how many were well */
static unsigned int connections(unsigned int count)
{
	unsigned int good = 0;
	char out[16], in[16];
	int fds[AT_ONCE];

	for (unsigned int first = 0; first < count; first += AT_ONCE) {
		for (unsigned int i = 0; i < AT_ONCE; i++)
			fds[i] = kt_net_socket(SOCK_STREAM, 0, NET_PORT_ECHO);
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			int length = snprintf(out, sizeof(out), "word %u", first + i);

			good += send(fds[i], out, length, MSG_NOSIGNAL) == length &&
				kt_net_readable(fds[i]) &&
				recv(fds[i], in, sizeof(in), 0) == length &&
				!memcmp(in, out, length);
			close(fds[i]);
		}
	}
	return good;
}

TEST_F_TIMEOUT(net, answers, 3600)
{
	unsigned int count = kt_rounds(CONNECTIONS, CONNECTIONS_SOAK);

	/* The harness goes on behind a set-up that skips. */
	if (!self->net.pid)
		return;
	EXPECT_TRUE(ping(0, 1));
	EXPECT_TRUE(ping(1, 2));
	EXPECT_TRUE(ping(1472, 3));
	EXPECT_TRUE(kt_net_datagram(1));
	EXPECT_TRUE(kt_net_datagram(1472));
	EXPECT_TRUE(kt_net_stream(kt_rounds(STREAM, STREAM_SOAK)));
	EXPECT_EQ(count, connections(count));

	/* The cable: pulled, nothing is heard; back, all is as before. */
	EXPECT_EQ(0, kt_net_set_up(false));
	EXPECT_TRUE(kt_net_printed(&self->net, "link down\n"));
	EXPECT_EQ(0, kt_net_set_up(true));
	EXPECT_TRUE(kt_net_printed(&self->net, "link up\n"));
	EXPECT_TRUE(ping(100, 4));

	/* Another code if a checksum of the host's was wrong */
	EXPECT_EQ(ENDS_WITH, kt_net_end(&self->net, ENDS_WITH));
}

/* The TAP device goes with kevctl, at once, whatever is on its way. */
TEST_F_TIMEOUT(net, signal, 600)
{
	if (!self->net.pid)
		return;
	EXPECT_TRUE(ping(100, 1));
	EXPECT_EQ(0, kill(self->net.pid, SIGTERM));
	EXPECT_EQ(128 + SIGTERM, kt_net_status(&self->net));
	EXPECT_FALSE(kt_net_exists());
}

TEST_HARNESS_MAIN
