/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of `kevctl run`. */
#ifndef KEVCTL_RUN_OPTIONS_H
#define KEVCTL_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <libkev.h>

#include "affinity.h"
#include "machine/machine.h"

/* --boot hermit: kevctl's own, beside enum kev_boot */
#define BOOT_HERMIT	254U

/* --module: a file and the string that goes with it, "" without one */
struct run_module {
	const char *path;
	const char *arguments;
};

/* Values of an option that may be repeated, in their order */
struct text_list {
	const char **items;
	unsigned int nr;
};

struct run_options {
	const char *image;
	char **arguments;		/* what stands behind the image: the guest's */
	unsigned int nr_arguments;
	const char *device;
	const char *memory_text;	/* NULL: the default */
	uint64_t memory_kib;
	unsigned int cpus;
	uint32_t boot;			/* enum kev_boot, or BOOT_HERMIT */
	const char *append;		/* "" without one */
	struct run_module modules[KEV_MAX_MODULES];
	unsigned int nr_modules;
	enum machine_kind machine;
	uint32_t flags;			/* KEV_VM_* */
	const char *hypercalls;		/* name of the ABI */
	uint32_t huge_pages;		/* enum kev_huge_pages */
	unsigned int fault_around;
	bool strict_ports;
	struct text_list env;		/* NAME or NAME=VALUE */
	struct text_list file_mappings;	/* HOST:GUEST[:ro|rw] */
	uint64_t load_address;
	bool load_given;
	struct affinity affinity;	/* no CPU where none is given */
	const char *gdb;		/* PORT or unix:PATH, or NULL */
	const char *net;		/* or NULL */
	unsigned int sandbox;		/* SANDBOX_*: parts that are left out */
	bool detach;			/* run in the background */
	const char *log;		/* where messages and output go then, or NULL */
	const char *json;		/* file that says how it ended, or NULL */
	bool raw;			/* the terminal's mode */
	bool stats;
	bool verbose;
};

/**
 * run_options_parse() - read the command line, or say what is wrong with it
 * @argc: of the command
 * @argv: of the command; the options keep parts of it
 * @options: out
 * @status: out: exit status, when the command has ended
 *
 * Return: whether to go on.
 */
bool run_options_parse(int argc, char **argv, struct run_options *options, int *status);

/* run_help() - print the usage on stdout */
void run_help(void);

#endif /* KEVCTL_RUN_OPTIONS_H */
