// SPDX-License-Identifier: GPL-2.0
/* kevctl kill */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "command_line.h"
#include "control/find.h"
#include "json.h"
#include "kevctl.h"
#include "progress.h"

#define LOOK_MS	200	/* how often to tell that it takes time */

static const char help[] =
	"Usage: kevctl kill [-s SIGNAL] [--wait] [--json] GUEST...\n"
	"\n"
	"End guests of this user's that kevctl runs. GUEST is the number of a VM or a PID, as\n"
	"`kevctl ps` lists them.\n"
	"\n"
	"  -s, --signal SIGNAL\n"
	"              TERM (default), INT, HUP or KILL end the guest; QUIT shows its\n"
	"              registers where its messages go, and it goes on\n"
	"  --wait      return when it has ended\n"
	"  --json      print what came of it, as a JSON array\n"
	"  -h, --help  this text\n";

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "TERM", SIGTERM }, { "INT", SIGINT }, { "HUP", SIGHUP }, { "KILL", SIGKILL },
	{ "QUIT", SIGQUIT },
};

static int set_signal(const char *option, const char *text, void *value)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	unsigned int number;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (!strcasecmp(name, signals[i].name) ||
		    (!parse_count(text, 1, 64, &number) && (int)number == signals[i].number)) {
			*(int *)value = signals[i].number;
			return 0;
		}
	}
	message(option, "%s does not end a guest", text);
	hint("TERM, INT, HUP, KILL or QUIT");
	return -EINVAL;
}

/* Is the guest's process the one that has its pid here? */
static int check_process(const struct runtime_info *guest)
{
	int connection = runtime_connect(guest->pid), error = 0;
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	/* One that is stopped may not answer, but its socket is there. */
	if (connection == -EAGAIN)
		return 0;
	if (connection < 0)
		return connection == -ENOENT ? -ESRCH : connection;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		error = -errno;
	else if (peer.pid != guest->pid)
		error = -EXDEV;
	close(connection);
	return error;
}

/*
 * The pid may be another process's by now. Once the descriptor is there it stands for one
 * process: and if that has ended before the guest's answered, it cannot be signalled.
 * -ESRCH: the guest has ended; -EXDEV: it is there, but not by that pid.
 */
static int open_process(const struct runtime_info *guest)
{
	int process = syscall(SYS_pidfd_open, guest->pid, 0);
	int missing = process < 0 ? -errno : 0, error = check_process(guest);

	if (error && process >= 0)
		close(process);
	return error ?: missing ?: process;
}

static const char *problem_of(int error)
{
	switch (error) {
	case -ESRCH:
		return "the guest has ended";
	case -EXDEV:
		return "it runs in another PID namespace";
	default:
		return strerror(-error);
	}
}

/* A signal that does not end us is no reason to end. */
static void wait_for(const char *id, int process)
{
	const uint64_t start = read_clock(CLOCK_MONOTONIC);
	struct pollfd fd = { .fd = process, .events = POLLIN };

	while (poll(&fd, 1, LOOK_MS) <= 0)
		progress_show(start, 0, "waiting for %s to end", id);
	progress_end();
}

/* What came of one: @guest is set if @found. */
struct outcome {
	struct runtime_info guest;
	bool found;
	int error;
};

static void kill_guest(const char *id, int signal, bool wait, struct outcome *outcome)
{
	int process;

	*outcome = (struct outcome) { };
	outcome->error = find_guest(id, &outcome->guest);
	outcome->found = !outcome->error;
	if (outcome->error)
		return;
	process = open_process(&outcome->guest);
	outcome->error = process < 0 ? process : 0;
	if (!outcome->error && syscall(SYS_pidfd_send_signal, process, signal, NULL, 0))
		outcome->error = -errno;
	if (!outcome->error && wait)
		wait_for(id, process);
	if (process >= 0)
		close(process);
	if (outcome->error)
		message(id, "%s", problem_of(outcome->error));
}

static const char *signal_name(int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i].number == number)
			return signals[i].name;
	return NULL;
}

static void print_json(const char *id, int signal, bool wait, const struct outcome *outcome)
{
	fputs("  {\"guest\": ", stdout);
	json_string(stdout, id);
	if (outcome->found)
		printf(", \"vm\": %" PRIu64 ", \"pid\": %d", outcome->guest.vm,
		       outcome->guest.pid);
	else
		fputs(", \"vm\": null, \"pid\": null", stdout);
	fputs(", \"signal\": ", stdout);
	json_string(stdout, signal_name(signal));
	/* One that ended before the signal came has ended, too. */
	printf(", \"ended\": %s, \"error\": ",
	       outcome->error == -ESRCH || (wait && !outcome->error) ? "true" : "null");
	json_string(stdout, !outcome->error ? NULL :
		    outcome->found ? problem_of(outcome->error) : find_problem(outcome->error));
	putchar('}');
}

int cmd_kill(int argc, char **argv)
{
	int signal = SIGTERM, status, first;
	bool wait = false, json = false;
	const struct command_option options[] = {
		{ "signal", 's', OPTION_CALL, &signal, .set = set_signal },
		{ "wait", .kind = OPTION_FLAG, .value = &wait },
		{ "json", .kind = OPTION_FLAG, .value = &json },
		{ }
	};
	const struct command_line line = {
		"kill", help, options, .operand = "guest", .least = 1,
	};

	first = command_line_take(&line, argc, argv, &status);
	if (first < 0)
		return status;
	if (wait && signal == SIGQUIT) {
		message("--wait", "SIGQUIT does not end a guest");
		return STATUS_FAILURE;
	}
	status = 0;
	for (int i = first; i < argc; i++) {
		struct outcome outcome;

		kill_guest(argv[i], signal, wait, &outcome);
		if (outcome.error)
			status = STATUS_FAILURE;
		if (json) {
			fputs(i == first ? "[\n" : ",\n", stdout);
			print_json(argv[i], signal, wait, &outcome);
		}
	}
	if (json)
		puts("\n]");
	return status;
}
