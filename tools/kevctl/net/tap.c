// SPDX-License-Identifier: GPL-2.0
/* A TAP device of the host. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
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

/**
 * struct tap - a TAP device
 * @wire: frames, each behind a struct net_header; a netlink socket tells of its link
 * @index: number of the interface
 * @name: its name
 * @created: tap_open() has made it
 */
struct tap {
	struct wire wire;
	int index;
	char name[IFNAMSIZ];
	bool created;
};

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
	error = set_interface(tap->wire.fd, name, 0, &request);
	/* One that was made for several queues wants to be asked for one. */
	if (error == -EINVAL)
		error = set_interface(tap->wire.fd, name, IFF_MULTI_QUEUE, &request);
	if (error)
		return refuse(name, -error, attach_hint(-error));
	strcpy(tap->name, request.ifr_name);
	tap->index = if_nametoindex(tap->name);
	if (ioctl(tap->wire.fd, TUNSETVNETHDRSZ, &size) < 0 ||
	    ioctl(tap->wire.fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
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

	return write(tap->wire.link, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int watch_link(struct tap *tap)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };

	tap->wire.link = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (tap->wire.link < 0 ||
	    bind(tap->wire.link, (const struct sockaddr *)&address, sizeof(address)) < 0)
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

static void take_message(struct tap *tap, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_index != tap->index)
		return;
	if (header->nlmsg_type == RTM_NEWLINK)
		tap->wire.up = info->ifi_flags & LOWER_UP;
	else if (header->nlmsg_type == RTM_DELLINK)
		tap->wire.up = false;
}

static void tap_look(struct wire *wire)
{
	struct tap *tap = (struct tap *)wire;
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} buffer;
	const struct nlmsghdr *header;
	ssize_t n;

	while ((n = read(tap->wire.link, &buffer, sizeof(buffer))) != 0) {
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

static bool tap_send(struct wire *wire, struct net_packet *packet, size_t length)
{
	return write(wire->fd, packet, length) == (ssize_t)length;
}

static ssize_t tap_receive(struct wire *wire, struct net_packet *packet)
{
	ssize_t n = read(wire->fd, packet, sizeof(*packet));

	if (n >= 0)
		return n;
	/* EIO: it is down. Else it was taken away from the host. */
	return errno == EAGAIN || errno == EINTR || errno == EIO ? 0 : -errno;
}

static void tap_close(struct wire *wire)
{
	if (wire->link >= 0)
		close(wire->link);
	if (wire->fd >= 0)
		close(wire->fd);
	free(wire);
}

static const struct wire_ops tap_ops = {
	.send = tap_send,
	.receive = tap_receive,
	.look = tap_look,
	.close = tap_close,
};

static int open_all(struct tap *tap, const char *name)
{
	int error;

	tap->wire.fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->wire.fd < 0)
		return refuse(DEVICE, errno, errno == ENOENT ? "modprobe tun" : NULL);
	error = attach(tap, name);
	if (!error)
		error = watch_link(tap);
	if (!error && tap->created)
		error = bring_up(tap);
	if (!error)
		error = ask_link(tap);
	return error;
}

int tap_open(struct wire **wire, const char *name)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	int error;

	if (!tap)
		return refuse("tap", ENOMEM, NULL);
	tap->wire = (struct wire){ .ops = &tap_ops, .fd = -1, .link = -1 };
	error = open_all(tap, name);
	if (error) {
		tap_close(&tap->wire);
		return error;
	}
	tap_look(&tap->wire);
	if (tap->created)
		message("--net", "made %s", tap->name);
	*wire = &tap->wire;
	return 0;
}
