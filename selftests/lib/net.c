// SPDX-License-Identifier: GPL-2.0
/* A guest behind a TAP device, or behind kev-net-user. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"
#include "net.h"

#define TUN		"/dev/net/tun"
#define HOST		"10.7.0.1"
#define NETMASK		"255.255.255.0"
#define GUEST		"10.7.0.2"
#define PORT_END	9

#define USER		"/libexec/kev/kev-net-user"
/* From the loopback libslirp takes no answer to a datagram without that word. */
#define USER_OPTION	"--net=user,loopback,hostfwd=tcp:7-7,hostfwd=udp:7-7,hostfwd=udp:9-9"

/* Where the guest is found */
static const char *guest_address = GUEST;

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
	int ret = ioctl(fd, request, ifreq) ? -errno : 0;

	close(fd);
	return ret;
}

static int set_address(unsigned long request, const char *text)
{
	struct sockaddr_in in = address(text, 0);
	struct ifreq ifreq = { .ifr_name = NET_TAP };

	memcpy(&ifreq.ifr_addr, &in, sizeof(in));
	return interface(request, &ifreq);
}

bool kt_net_exists(void)
{
	struct ifreq ifreq = { .ifr_name = NET_TAP };

	return !interface(SIOCGIFFLAGS, &ifreq);
}

int kt_net_set_up(bool up)
{
	struct ifreq ifreq = { .ifr_name = NET_TAP };
	int ret = interface(SIOCGIFFLAGS, &ifreq);

	ifreq.ifr_flags = up ? ifreq.ifr_flags | IFF_UP : ifreq.ifr_flags & ~IFF_UP;
	return ret ? ret : interface(SIOCSIFFLAGS, &ifreq);
}

static int make_device(void)
{
	static const char *const modprobe[] = { "modprobe", "tun", NULL };
	int fd;

	kt_command(modprobe);
	mkdir("/dev/net", 0755);
	mknod(TUN, S_IFCHR | 0600, makedev(10, 200));
	fd = open(TUN, O_RDWR);
	if (fd < 0)
		return -ENODEV;
	close(fd);
	return 0;
}

static int start(struct kt_net *net, const char *option, const char *guest)
{
	int fds[2];

	if (pipe(fds))
		return -errno;
	net->output = fds[0];
	net->pid = fork();
	if (!net->pid) {
		dup2(fds[1], STDOUT_FILENO);
		execlp("kevctl", "kevctl", "run", option, guest, NULL);
		_exit(127);
	}
	close(fds[1]);
	return net->pid < 0 ? -ECHILD : 0;
}

int kt_net_start(struct kt_net *net, const char *guest)
{
	int ret = make_device();

	*net = (struct kt_net){ .output = -1 };
	guest_address = GUEST;
	if (!ret)
		ret = start(net, "--net=" NET_TAP ",mac=02:00:00:00:00:09", guest);
	if (!ret && !kt_net_printed(net, "net: up\n"))
		ret = -ETIMEDOUT;
	if (!ret)
		ret = set_address(SIOCSIFADDR, HOST);
	if (!ret)
		ret = set_address(SIOCSIFNETMASK, NETMASK);
	return ret;
}

int kt_net_start_user(struct kt_net *net, const char *guest)
{
	*net = (struct kt_net){ .output = -1 };
	guest_address = "127.0.0.1";
	return access(USER, X_OK) ? -ENOENT : start(net, USER_OPTION, guest);
}

bool kt_net_printed(struct kt_net *net, const char *text)
{
	struct pollfd fd = { .fd = net->output, .events = POLLIN };
	ssize_t n;

	while (!strstr(net->text, text)) {
		if (poll(&fd, 1, NET_WAIT_MS) <= 0)
			return false;
		n = read(net->output, net->text + net->length,
			 sizeof(net->text) - 1 - net->length);
		if (n <= 0)
			return false;
		net->length += n;
	}
	return true;
}

int kt_net_socket(int type, int protocol, unsigned int port)
{
	struct sockaddr_in to = address(guest_address, port);
	int fd = socket(AF_INET, type, protocol);

	if (fd < 0 || !connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -errno;
}

bool kt_net_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, NET_WAIT_MS) == 1;
}

void kt_net_fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = seed >> 24;
	}
}

bool kt_net_datagram(size_t length)
{
	uint8_t out[1472], in[1500];
	int fd = kt_net_socket(SOCK_DGRAM, 0, NET_PORT_ECHO);
	bool came;

	kt_net_fill(out, length, length);
	came = send(fd, out, length, 0) == (ssize_t)length && kt_net_readable(fd) &&
	       recv(fd, in, sizeof(in), 0) == (ssize_t)length && !memcmp(in, out, length);
	close(fd);
	return came;
}

/* @out goes and @in comes, both of @length bytes. */
static bool exchange(int fd, const uint8_t *out, uint8_t *in, size_t length)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	size_t sent = 0, got = 0;
	ssize_t n;

	while (got < length && poll(&poll_fd, 1, NET_WAIT_MS) == 1) {
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
				return false;
			if (n > 0)
				got += n;
		}
	}
	return got == length;
}

bool kt_net_stream(size_t length)
{
	uint8_t *out = malloc(length), *in = malloc(length);
	int fd = kt_net_socket(SOCK_STREAM, 0, NET_PORT_ECHO);
	bool ok = false;
	char end;

	if (fd >= 0 && out && in) {
		kt_net_fill(out, length, 1);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		ok = exchange(fd, out, in, length) && !memcmp(in, out, length) &&
		     !shutdown(fd, SHUT_WR) && kt_net_readable(fd) && recv(fd, &end, 1, 0) == 0;
	}
	close(fd);
	free(out);
	free(in);
	return ok;
}

int kt_net_status(struct kt_net *net)
{
	int status = 0;

	waitpid(net->pid, &status, 0);
	net->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int kt_net_end(struct kt_net *net, uint8_t code)
{
	int fd = kt_net_socket(SOCK_DGRAM, 0, PORT_END);
	bool sent = send(fd, &code, 1, 0) == 1;

	close(fd);
	return sent ? kt_net_status(net) : -EIO;
}

void kt_net_kill(struct kt_net *net)
{
	if (net->pid > 0) {
		kill(net->pid, SIGKILL);
		kt_net_status(net);
	}
	if (net->output >= 0)
		close(net->output);
}
