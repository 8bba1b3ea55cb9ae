// SPDX-License-Identifier: GPL-2.0
/* kevctl kill */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/find.h"
#include "kevctl.h"

static void help(void)
{
	puts("Usage: kevctl kill [-s SIGNAL] [--wait] GUEST...\n"
	     "\n"
	     "End guests of this user's that kevctl runs. GUEST is the number of a VM or a PID, as\n"
	     "`kevctl ps` lists them.\n"
	     "\n"
	     "  -s, --signal SIGNAL\n"
	     "              TERM (default), INT, HUP or KILL end the guest; QUIT shows its\n"
	     "              registers where its messages go, and it goes on\n"
	     "  --wait      return when it has ended\n"
	     "  -h, --help  this text");
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "TERM", SIGTERM }, { "INT", SIGINT }, { "HUP", SIGHUP }, { "KILL", SIGKILL },
	{ "QUIT", SIGQUIT },
};

static int parse_signal(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	unsigned int number;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!strcasecmp(name, signals[i].name) ||
		    (!parse_count(text, 1, 64, &number) && (int)number == signals[i].number))
			return signals[i].number;
	message("--signal", "%s does not end a guest", text);
	hint("TERM, INT, HUP, KILL or QUIT");
	return -EINVAL;
}

/*
 * The pid may be another process's by now. Once the descriptor is there it stands for one
 * process: and if that has ended before the guest's answered, it cannot be signalled.
 */
static int open_process(const struct runtime_info *guest)
{
	int process = syscall(SYS_pidfd_open, guest->pid, 0), connection, error = 0;
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	if (process < 0)
		return -errno;
	connection = runtime_connect(guest->pid);
	/* One that is stopped may not answer, but its socket is there. */
	if (connection < 0)
		error = connection == -EAGAIN ? 0 : connection;
	else if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		error = -errno;
	else if (peer.pid != guest->pid)
		error = -ESRCH;
	if (connection >= 0)
		close(connection);
	if (error)
		close(process);
	return error ? error : process;
}

static int kill_guest(const char *id, int signal, bool wait)
{
	struct pollfd fd = { .events = POLLIN };
	struct runtime_info guest;
	int error = find_guest(id, &guest);

	if (error)
		return error;
	fd.fd = open_process(&guest);
	error = fd.fd < 0 ? fd.fd : 0;
	if (!error && syscall(SYS_pidfd_send_signal, fd.fd, signal, NULL, 0))
		error = -errno;
	while (!error && wait && poll(&fd, 1, -1) < 0)
		;		/* a signal that does not end us */
	if (fd.fd >= 0)
		close(fd.fd);
	if (error)
		message(id, "%s", strerror(-error));
	return error;
}

int cmd_kill(int argc, char **argv)
{
	static const struct option options[] = {
		{ "signal", required_argument, NULL, 's' },
		{ "wait", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option, signal = SIGTERM, status = 0;
	bool wait = false;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			signal = parse_signal(optarg);
			if (signal < 0)
				return STATUS_FAILURE;
			break;
		case 'w':
			wait = true;
			break;
		case 'h':
			help();
			return 0;
		default:
			return option_error(option, argv);
		}
	}
	if (optind == argc) {
		message("kill", "no guest given");
		return usage_error("kill");
	}
	if (wait && signal == SIGQUIT) {
		message("--wait", "SIGQUIT does not end a guest");
		return STATUS_FAILURE;
	}
	for (int i = optind; i < argc; i++)
		if (kill_guest(argv[i], signal, wait))
			status = STATUS_FAILURE;
	return status;
}
