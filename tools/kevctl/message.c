// SPDX-License-Identifier: GPL-2.0
/* Messages to the user, and the one way to open the device. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libkev.h>

#include "kevctl.h"

void message(const char *what, const char *why, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "kevctl: %s: ", what);
	va_start(args, why);
	vfprintf(stderr, why, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void hint(const char *format, ...)
{
	va_list args;

	flockfile(stderr);
	fputs("  hint: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int usage_error(const char *command)
{
	if (command)
		hint("kevctl %s --help", command);
	else
		hint("kevctl --help");
	return STATUS_FAILURE;
}

const char *open_hint(int error)
{
	switch (error) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return "load the module (modprobe kev, or insmod kev.ko); "
		       "`kevctl check` says what else is missing";
	case EACCES:
	case EPERM:
		return "run as root, or as a member of the group that owns the device";
	default:
		return NULL;
	}
}

const char *vm_hint(int error)
{
	switch (error) {
	case ENOENT:
		return "kev, akaros, none and report are always there; others come with a module";
	case EBUSY:
		return "another hypervisor uses the CPUs' VMX: "
		       "end its VMs, then modprobe -r kvm_intel";
	case EDQUOT:
		return "you have as many VMs as kev's parameter max_vms allows; "
		       "`kevctl ps` lists them";
	case ENODEV:
	case EOPNOTSUPP:
		return "`kevctl check` says what is missing";
	default:
		return NULL;
	}
}

/* getopt_long() goes on with a group of letters before it comes to the next word. */
static bool in_group(const char *word, int letter)
{
	return letter && letter <= UCHAR_MAX && word && word[0] == '-' && word[1] != '-' &&
	       strchr(word, letter);
}

int option_error(int option, char **argv)
{
	char short_option[] = { '-', optopt, '\0' };
	const char *given = argv[optind - 1];

	if (option == '?' && !strncmp(given, "--", 2) && !in_group(argv[optind], optopt))
		message(given, optopt ? "takes no value" : "unknown option");
	else if (option == '?')
		message(short_option, "unknown option");
	else
		message(given, "needs a value");
	return usage_error(argv[0]);
}

int option_number(const char *name, const char *text, unsigned int most, unsigned int *value)
{
	int error = parse_count(text, 1, most, value);

	if (error)
		message(name, "%s is no number from 1 to %u", text, most);
	return error;
}

int open_device(const char *path)
{
	int kev = kev_open(path);

	if (kev < 0) {
		message(path ? path : KEV_DEVICE, "%s", strerror(-kev));
		if (open_hint(-kev))
			hint("%s", open_hint(-kev));
	}
	return kev;
}
