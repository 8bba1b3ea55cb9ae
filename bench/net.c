// SPDX-License-Identifier: GPL-2.0
/* The network card of kevctl: a datagram to the guest and back, and a stream */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "net.h"

#define ROUNDS	32
#define STREAMS	8
#define STREAM	(64 << 10)

enum part { ROUND_TRIP, STREAM_BACK, NR_PARTS };

static const char *const names[NR_PARTS] = {
	[ROUND_TRIP] = "round trip of a datagram, 1 byte",
	[STREAM_BACK] = "64 KiB by TCP and back",
};

static int round_trips(struct bench_samples *samples)
{
	int fd = kt_net_socket(SOCK_DGRAM, 0, NET_PORT_ECHO);
	char byte = 1;
	int ret = 0;

	for (int i = 0; !ret && i < ROUNDS; i++) {
		uint64_t since = kt_rdtsc();

		if (send(fd, &byte, 1, 0) != 1 || !kt_net_readable(fd) ||
		    recv(fd, &byte, 1, 0) != 1)
			ret = -EIO;
		bench_add(samples, kt_rdtsc() - since);
	}
	close(fd);
	return ret;
}

static int streams(struct bench_samples *samples)
{
	for (int i = 0; i < STREAMS; i++) {
		uint64_t since = kt_rdtsc();

		if (!kt_net_stream(STREAM))
			return -EIO;
		bench_add(samples, kt_rdtsc() - since);
	}
	return 0;
}

static void measure(const char *subject, const char *guest)
{
	static struct bench_samples samples[NR_PARTS];
	struct kt_net net;
	int ret[NR_PARTS];

	memset(samples, 0, sizeof(samples));
	ret[ROUND_TRIP] = kt_net_start(&net, guest);
	/* The first one asks for the guest's address. */
	if (!ret[ROUND_TRIP] && !kt_net_datagram(1))
		ret[ROUND_TRIP] = -EIO;
	ret[STREAM_BACK] = ret[ROUND_TRIP];
	if (!ret[ROUND_TRIP])
		ret[ROUND_TRIP] = round_trips(&samples[ROUND_TRIP]);
	if (!ret[STREAM_BACK])
		ret[STREAM_BACK] = streams(&samples[STREAM_BACK]);
	for (enum part part = 0; part < NR_PARTS; part++) {
		const struct bench_name name = {
			"network, the host's stack included", names[part], subject, "instructions"
		};

		bench_result(&name, &samples[part], ret[part]);
	}
	kt_net_kill(&net);
}

void bench_net(void)
{
	measure("legacy", "/guests/net");
	measure("modern", "/guests/net_modern");
}
