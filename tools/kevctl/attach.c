// SPDX-License-Identifier: GPL-2.0
/* kevctl console */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command_line.h"
#include "control/control.h"
#include "control/find.h"
#include "kevctl.h"
#include "output.h"
#include "terminal.h"

#define ESCAPE	0x1d	/* Ctrl-] */
#define CHUNK	4096

static const char help[] =
	"Usage: kevctl console [--no-input] GUEST\n"
	"\n"
	"Show the last 64 KiB of what a guest of this user's has printed, then what it prints.\n"
	"Standard input is the guest's if it was started with `kevctl run --detach`. GUEST is\n"
	"the number of a VM or a PID, as `kevctl ps` lists them. At a terminal each key goes\n"
	"to the guest as it is pressed, and Ctrl-] ends this command, not the guest.\n"
	"\n"
	"  --no-input  only show\n"
	"  -h, --help  this text\n";

/* Another program may have left a terminal so that a write does not wait. */
static int write_all(int fd, const char *bytes, size_t length)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	for (; length; length -= n, bytes += n) {
		n = write(fd, bytes, length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n < 0 && errno == EAGAIN)
			poll(&room, 1, -1);
		if (n < 0)
			n = 0;
	}
	return 0;
}

/* Input that the guest has not taken. @keys: of a terminal. @end: there will be no more. */
struct input {
	char bytes[CHUNK];
	size_t length;
	bool keys;
	bool end;
};

/* A guest that has ended meanwhile is seen by its output. */
static void send_input(int connection, struct input *input)
{
	ssize_t n = write(connection, input->bytes, input->length);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		n = input->length;
	if (n <= 0)
		return;
	input->length -= n;
	memmove(input->bytes, input->bytes + n, input->length);
}

/* Of keys there is no room for, only the one to leave by is looked at. Returns whether it came. */
static bool take_input(struct input *input)
{
	char bytes[CHUNK], *escape;
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	size_t length;

	if (n <= 0) {
		input->end = !n || (errno != EINTR && errno != EAGAIN);
		return false;
	}
	escape = input->keys ? memchr(bytes, ESCAPE, n) : NULL;
	length = escape ? escape - bytes : n;
	if (length > sizeof(input->bytes) - input->length)
		length = sizeof(input->bytes) - input->length;
	memcpy(input->bytes + input->length, bytes, length);
	input->length += length;
	return escape;
}

/* Returns 1 when there will be no more output. */
static int pass_output(int connection)
{
	char bytes[CHUNK];
	ssize_t n = read(connection, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return 1;
	return write_all(STDOUT_FILENO, bytes, n);
}

static int talk(int connection, bool has_input)
{
	struct input input = { .end = !has_input, .keys = has_input && isatty(STDIN_FILENO) };
	bool leave = false, wanted;
	int result = 0;

	while (!result && !leave) {
		/* A terminal's user can leave even if the guest takes nothing. */
		wanted = !input.end && (input.keys || !input.length);
		struct pollfd fds[] = {
			{ .fd = connection, .events = POLLIN | (input.length ? POLLOUT : 0) },
			{ .fd = wanted ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(fds, 2, wanted ? terminal_wait() : -1) < 0)
			continue;
		if (fds[0].revents & ~POLLOUT)
			result = pass_output(connection);
		if (fds[1].revents)
			leave = take_input(&input);
		if (input.length)
			send_input(connection, &input);
	}
	return result < 0 ? result : 0;
}

/* Returns 0 once what the guest prints comes next, or a negative errno. */
static int open_console(int connection)
{
	static const char request[] = CONTROL_CONSOLE "\n";
	char line[sizeof(CONTROL_BUSY)] = "";
	size_t length = 0;
	ssize_t n;

	/* It may have been closed with an answer in it. */
	write_all(connection, request, strlen(request));
	while (!strchr(line, '\n')) {
		n = length < sizeof(line) - 1 ? read(connection, line + length, 1) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -ESRCH;
		length += n;
	}
	return strcmp(line, CONTROL_OK) ? -EBUSY : 0;
}

static int attach(const char *id, bool input)
{
	struct runtime_info guest;
	int connection, error = find_guest(id, &guest);

	if (error)
		return STATUS_FAILURE;
	connection = runtime_connect(guest.pid);
	error = connection < 0 ? connection : open_console(connection);
	/* What the guest prints is shown while it takes no input. */
	if (!error && fcntl(connection, F_SETFL, O_NONBLOCK))
		error = -errno;
	if (!error) {
		input &= guest.detached;
		if (input)
			terminal_raw_keys();
		output_lost(-talk(connection, input));
		terminal_restore();
	}
	if (connection >= 0)
		close(connection);
	if (error == -ENOENT)
		message(id, "the guest has ended");
	else if (error == -ESRCH)
		message(id, "no answer: the guest has ended, or too many ask it at once");
	else if (error == -EBUSY)
		message(id, "%d look at it already", CONTROL_CONSOLES);
	else if (error)
		message(id, "%s", strerror(-error));
	return error ? STATUS_FAILURE : 0;
}

int cmd_console(int argc, char **argv)
{
	bool no_input = false;
	const struct command_option options[] = {
		{ "no-input", .kind = OPTION_FLAG, .value = &no_input },
		{ }
	};
	const struct command_line line = {
		"console", help, options, .operand = "guest", .least = 1, .most = 1,
	};
	int status, first = command_line_take(&line, argc, argv, &status);

	return first < 0 ? status : attach(argv[first], !no_input);
}
