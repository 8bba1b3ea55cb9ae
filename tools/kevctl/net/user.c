// SPDX-License-Identifier: GPL-2.0
/*
 * --net user: the network stack is libslirp's, in a program of its own. kevctl is linked
 * statically and has given up sockets when the guest runs; libslirp is neither.
 *
 * The program gets its end of the wire as standard input: a socket that carries one frame
 * in each message, without the card's header. Standard output is a pipe: one byte when all is
 * set up, its end when the program has ended. USER_LOG takes the place of standard error then.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kevctl.h"
#include "checksum.h"
#include "user.h"
#include "virtio_net.h"

#define PROGRAM		"kev-net-user"
#define PACKAGE		"libslirp-dev"

/* What the program's end may take, with all that it has open */
#define END_MS		1000

/* From the program to us and from us to the program: as much as a full queue */
#define SOCKET_BUFFER	(1 << 20)

/**
 * struct user - a running program
 * @wire: its frames
 * @alive: readable once it has ended
 */
struct user {
	struct wire wire;
	int alive;
};

static bool user_send(struct wire *wire, struct net_packet *packet, size_t length)
{
	const struct net_header *header = &packet->header;

	length -= sizeof(*header);
	if (header->flags & NET_NEEDS_CSUM)
		checksum_complete(packet->frame, length, header->csum_start, header->csum_offset);
	return write(wire->fd, packet->frame, length) == (ssize_t)length;
}

static ssize_t user_receive(struct wire *wire, struct net_packet *packet)
{
	ssize_t n = read(wire->fd, packet->frame, sizeof(packet->frame));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	packet->header = (struct net_header){ };
	return n ? (ssize_t)sizeof(packet->header) + n : -EPIPE;
}

/* It ends by itself; whoever starts kevctl anew finds its ports free. */
static void user_close(struct wire *wire)
{
	struct user *user = (struct user *)wire;
	struct pollfd end = { .fd = user->alive };

	close(wire->fd);
	poll(&end, 1, END_MS);
	close(user->alive);
	free(user);
}

static const struct wire_ops user_ops = {
	.send = user_send,
	.receive = user_receive,
	.close = user_close,
};

/* Does "DIRECTORY/BELOW/PROGRAM" exist? It is in @path then. */
static bool is_in(char path[PATH_MAX], const char *directory, const char *below)
{
	int length = snprintf(path, PATH_MAX, "%s/%s" PROGRAM, directory, below);

	return length < PATH_MAX && !access(path, X_OK);
}

/*
 * Where the environment says, and nowhere else then; beside a kevctl that was built and not
 * installed; where both are installed.
 */
static bool find_program(char path[PATH_MAX])
{
	const char *directory = secure_getenv("KEV_LIBEXEC");
	char self[PATH_MAX] = "";

	if (directory)
		return is_in(path, directory, "");
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		directory = dirname(self);
		if (is_in(path, directory, "net-user/") ||
		    is_in(path, directory, "../libexec/kev/"))
			return true;
	}
	return is_in(path, KEVCTL_LIBEXECDIR, "");
}

static int spawn(const char *path, unsigned int sandbox, char *const words[],
		 const int streams[3])
{
	posix_spawn_file_actions_t actions;
	char parts[16], **argv;
	size_t nr = 0;
	pid_t pid;
	int error;

	while (words[nr])
		nr++;
	argv = calloc(nr + 3, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	snprintf(parts, sizeof(parts), "%u", sandbox);
	argv[0] = PROGRAM;
	argv[1] = parts;
	memcpy(&argv[2], words, nr * sizeof(*argv));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, streams[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, streams[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, streams[2], USER_LOG);
	error = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	free(argv);
	return -error;
}

static int make_ends(int frames[2], int alive[2])
{
	const int size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames))
		return -errno;
	/* The kernel gives what it allows. */
	setsockopt(frames[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(frames[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!fcntl(frames[0], F_SETFL, O_NONBLOCK) && !pipe2(alive, O_CLOEXEC))
		return 0;
	close(frames[0]);
	close(frames[1]);
	return -EMFILE;
}

/* The program says what is wrong itself, and ends. */
static int start(struct user *user, const char *path, unsigned int sandbox, int log,
		 char *const words[])
{
	int frames[2], alive[2];
	int error = make_ends(frames, alive);
	char byte;

	if (error) {
		message("--net", "user: %s", strerror(-error));
		return error;
	}
	error = spawn(path, sandbox, words, (const int[]){ frames[1], alive[1], log });
	close(frames[1]);
	close(alive[1]);
	if (error)
		message(path, "%s", strerror(-error));
	else if (read(alive[0], &byte, 1) != 1)
		error = -EINVAL;
	if (error) {
		close(frames[0]);
		close(alive[0]);
		return error;
	}
	user->wire.fd = frames[0];
	user->alive = alive[0];
	return 0;
}

int user_open(struct wire **wire, unsigned int sandbox, int log, char *const words[])
{
	struct user *user;
	char path[PATH_MAX];
	int error;

	if (!find_program(path)) {
		message("--net", "user: %s is not installed", path);
		hint("build kevctl where " PACKAGE " is installed, and install it; or set "
		     "KEV_LIBEXEC to the directory of " PROGRAM);
		return -ENOENT;
	}
	user = calloc(1, sizeof(*user));
	if (!user) {
		message("--net", "user: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	user->wire = (struct wire){ .ops = &user_ops, .link = -1, .up = true };
	error = start(user, path, sandbox, log, words);
	if (error) {
		free(user);
		return error;
	}
	*wire = &user->wire;
	return 0;
}
