// SPDX-License-Identifier: GPL-2.0
/* kevctl: runs guests under kev. Here: which sub-command it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "kevctl.h"
#include "output.h"

static const struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "run a guest from an ELF image", cmd_run },
	{ "ps", "guests that run", cmd_ps },
	{ "stat", "what VMs have counted", cmd_stat },
	{ "top", "the VMs that do most", cmd_top },
	{ "trace", "why guests exit, and how long that takes", cmd_trace },
	{ "kill", "end a guest", cmd_kill },
	{ "console", "see what a guest prints, and give it input", cmd_console },
	{ "inspect", "what an image is, and how run would start it", cmd_inspect },
	{ "check", "can this machine run kev?", cmd_check },
	{ "version", "versions of kevctl and of the module", cmd_version },
};

static void help(FILE *to)
{
	fputs("Usage: kevctl COMMAND [OPTION]... [ARGUMENT]...\n\nCommands:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`kevctl help COMMAND` and `kevctl COMMAND --help` describe a command, kevctl(1)\n"
	      "everything. `kevctl --version` is `kevctl version`.\n", to);
}

uint64_t process_start;
sigset_t signals_to_default;

/* Without these three, a file opened later would take a standard stream's place. */
static void fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			exit(STATUS_FAILURE);
}

static int run_command(int argc, char **argv)
{
	const char *name = argv[1];

	if (argc < 2) {
		help(stderr);
		return STATUS_FAILURE;
	}
	if (!strcmp(name, "help") && argc == 3) {
		name = argv[2];
		argv[1] = argv[2];
		argv[2] = "--help";
	} else if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		help(stdout);
		return 0;
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	message(name, "no such command");
	return usage_error(NULL);
}

/* A write that fails is told of, and what is to be put back is put back. */
static void ignore_write_signals(void)
{
	static const int signals[] = { SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signal(signals[i], SIG_IGN) != SIG_IGN)
			sigaddset(&signals_to_default, signals[i]);
}

int main(int argc, char **argv)
{
	process_start = events_now();
	fill_standard_streams();
	ignore_write_signals();
	return output_end(run_command(argc, argv));
}
