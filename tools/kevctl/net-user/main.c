// SPDX-License-Identifier: GPL-2.0
/*
 * kev-net-user: the network of `kevctl run --net user`, in a process of its own. kevctl
 * starts it with the guest's cable as standard input, a pipe that says when it is ready and
 * when it has ended as standard output, where messages go once it is ready as USER_LOG, the parts
 * of the sandbox to leave out as the first argument, and what the user has asked for as the
 * others.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kevctl.h"
#include "../net/user.h"
#include "../sandbox.h"
#include "options.h"
#include "stack.h"

/* Connections of the guest at the same time, each with its buffers */
#define CONNECTIONS	1024
#define DATA_MAX	(512UL << 20)

#define NAME_SERVERS	"/etc/resolv.conf"

/* A network manager's own: neither /etc, /run or the like, nor one that anybody may write to */
static bool is_own_directory(const char *path)
{
	struct stat stat;

	return strchr(path + 1, '/') && !lstat(path, &stat) && !(stat.st_mode & 0002);
}

/*
 * libslirp reads the list again when it has changed. A network manager that keeps it in a
 * directory of its own replaces the file: that directory is let through.
 */
static int open_name_servers(void)
{
	char path[PATH_MAX];
	const char *directory;

	if (!realpath(NAME_SERVERS, path))
		return -1;
	directory = dirname(strdupa(path));
	return open(is_own_directory(directory) ? directory : path, O_PATH | O_CLOEXEC);
}

static int limit_data(void)
{
	const struct rlimit limit = { .rlim_cur = DATA_MAX, .rlim_max = DATA_MAX };

	return setrlimit(RLIMIT_DATA, &limit);
}

static int enter_sandbox(unsigned int without)
{
	const struct sandbox_path names = { .fd = open_name_servers() };
	const struct sandbox_needs needs = {
		.without = without,
		.files = CONNECTIONS,
		.paths = &names,
		.nr_paths = names.fd >= 0,
		.sockets = true,
		.network = true,
		.streams = true,
	};
	int status;

	if (!(without & SANDBOX_LIMITS) && limit_data()) {
		message("--net", "user: a limit for memory: %s", strerror(errno));
		return STATUS_FAILURE;
	}
	/* kevctl has said what the user has turned off. */
	status = without == SANDBOX_ALL ? 0 : sandbox_enter(&needs);
	if (names.fd >= 0)
		close(names.fd);
	return status;
}

/* Ends with kevctl, and not by what the terminal tells both. */
static void set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* Who started kevctl may wait for the end of what it has given it as standard error. */
static int change_log(void)
{
	int ret = dup3(USER_LOG, STDERR_FILENO, 0) < 0 ? -errno : 0;

	close(USER_LOG);
	return ret;
}

static bool is_cable(int fd)
{
	socklen_t length = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	unsigned int without;
	struct options options;
	struct stack *stack;

	if (argc < 2 || !is_cable(STDIN_FILENO) ||
	    parse_count(argv[1], 0, SANDBOX_ALL, &without)) {
		message("kev-net-user", "it is kevctl that starts it: kevctl run --net user");
		return STATUS_FAILURE;
	}
	set_signals();
	close_range(USER_LOG + 1, UINT_MAX, 0);
	if (options_parse(&options, argv + 2))
		return STATUS_FAILURE;
	stack = stack_open(&options, STDIN_FILENO);
	if (!stack)
		return STATUS_FAILURE;
	if (enter_sandbox(without) || change_log() || write(STDOUT_FILENO, "", 1) != 1) {
		stack_close(stack);
		return STATUS_FAILURE;
	}
	stack_run(stack);
	stack_close(stack);
	return 0;
}
