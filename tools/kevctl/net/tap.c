// SPDX-License-Identifier: GPL-2.0
/* A TAP device of the host. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kevctl.h"
#include "tap.h"
#include "virtio_net.h"

#define DEVICE		"/dev/net/tun"
#define ANY_NAME	"tap%d"
#define LOWER_UP	0x10000U	/* IFF_LOWER_UP, which <net/if.h> does not have */

static int refuse(const char *what, int error, const char *advice)
{
	message("--net", "%s: %s", what, strerror(error));
	if (advice)
		hint("%s", advice);
	return -error;
}

static const char *attach_hint(int error)
{
	switch (error) {
	case EPERM:
		return "as root: ip tuntap add dev NAME mode tap user USER";
	case EBUSY:
		return "another program has it";
	case EINVAL:
		return "it is no TAP device";
	default:
		return NULL;
	}
}

static int set_interface(int fd, const char *name, short flags, struct ifreq *request)
{
	*request = (struct ifreq){ .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags };
	strcpy(request->ifr_name, name);
	return ioctl(fd, TUNSETIFF, request) < 0 ? -errno : 0;
}

static int attach(struct tap *tap, const char *name)
{
	int size = sizeof(struct net_header);
	struct ifreq request;
	int error;

	tap->created = !*name || !if_nametoindex(name);
	if (!*name)
		name = ANY_NAME;
	error = set_interface(tap->fd, name, 0, &request);
	/* One that was made for several queues wants to be asked for one. */
	if (error == -EINVAL)
		error = set_interface(tap->fd, name, IFF_MULTI_QUEUE, &request);
	if (error)
		return refuse(name, -error, attach_hint(-error));
	strcpy(tap->name, request.ifr_name);
	tap->index = if_nametoindex(tap->name);
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &size) < 0 ||
	    ioctl(tap->fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
		return refuse(tap->name, errno, NULL);
	return 0;
}

/* The state of the link comes as an answer. */
static int ask_link(const struct tap *tap)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = tap->index },
	};

	return write(tap->link, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int watch_link(struct tap *tap)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	tap->link = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (tap->link < 0 ||
	    bind(tap->link, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return refuse("netlink", errno, NULL);
	return 0;
}

/* Any socket will do to set the flags of an interface. */
static int bring_up(const struct tap *tap)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { };
	int error = 0;

	strcpy(request.ifr_name, tap->name);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		error = -errno;
	request.ifr_flags |= IFF_UP;
	if (!error && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error ? refuse(tap->name, -error, NULL) : 0;
}

int tap_open(struct tap *tap, const char *name)
{
	int error;

	*tap = (struct tap){ .link = -1 };
	tap->fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0)
		return refuse(DEVICE, errno, errno == ENOENT ? "modprobe tun" : NULL);
	error = attach(tap, name);
	if (!error)
		error = watch_link(tap);
	if (!error && tap->created)
		error = bring_up(tap);
	if (!error)
		error = ask_link(tap);
	if (error) {
		tap_close(tap);
		return error;
	}
	tap_read_link(tap);
	return 0;
}

void tap_close(struct tap *tap)
{
	if (tap->link >= 0)
		close(tap->link);
	close(tap->fd);
}

static void take_message(struct tap *tap, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_index != tap->index)
		return;
	if (header->nlmsg_type == RTM_NEWLINK)
		tap->up = info->ifi_flags & LOWER_UP;
	else if (header->nlmsg_type == RTM_DELLINK)
		tap->up = false;
}

void tap_read_link(struct tap *tap)
{
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} buffer;
	const struct nlmsghdr *header;
	ssize_t n;

	while ((n = read(tap->link, &buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		/* Some were lost: ask anew. */
		if (n < 0 && errno == ENOBUFS && !ask_link(tap))
			continue;
		if (n < 0)
			break;
		for (header = &buffer.header; NLMSG_OK(header, n); header = NLMSG_NEXT(header, n))
			take_message(tap, header);
	}
}
