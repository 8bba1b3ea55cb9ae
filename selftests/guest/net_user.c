// SPDX-License-Identifier: GPL-2.0
/*
 * `kevctl run --net user`: a guest that gets its address by DHCP, and is reached at ports of
 * the host's.
 */
#include "kselftest_harness.h"

#include <signal.h>
#include <sys/socket.h>

#include "kevtest.h"
#include "net.h"

#define ENDS_WITH	5

#define STREAM		(32 << 10)

FIXTURE(net_user) {
	struct kt_net net;
};

FIXTURE_SETUP(net_user)
{
	int ret = kt_net_start_user(&self->net, "/guests/net_dhcp");

	if (ret == -ENOENT)
		SKIP(return, "no kev-net-user");
	ASSERT_EQ(0, ret);
	ASSERT_TRUE(kt_net_printed(&self->net, "net: 10.0.2.15\n"));
}

FIXTURE_TEARDOWN(net_user)
{
	kt_net_kill(&self->net);
}

/* The harness runs a test although its set-up has skipped it. */
TEST_F_TIMEOUT(net_user, answers, 600)
{
	if (self->net.pid <= 0)
		return;
	EXPECT_TRUE(kt_net_datagram(1));
	EXPECT_TRUE(kt_net_datagram(1472));
	EXPECT_TRUE(kt_net_stream(STREAM));
	EXPECT_EQ(ENDS_WITH, kt_net_end(&self->net, ENDS_WITH));
}

/* Its ports go with kevctl, and can be had again: by the next test's guest. */
TEST_F_TIMEOUT(net_user, signal, 600)
{
	if (self->net.pid <= 0)
		return;
	EXPECT_TRUE(kt_net_datagram(100));
	EXPECT_EQ(0, kill(self->net.pid, SIGTERM));
	EXPECT_EQ(128 + SIGTERM, kt_net_status(&self->net));
	EXPECT_EQ(-ECONNREFUSED, kt_net_socket(SOCK_STREAM, 0, NET_PORT_ECHO));
}

TEST_HARNESS_MAIN
