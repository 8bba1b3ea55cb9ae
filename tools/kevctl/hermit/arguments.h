/* SPDX-License-Identifier: GPL-2.0 */
/* What a Hermit guest gets as argv and environ. */
#ifndef KEVCTL_HERMIT_ARGUMENTS_H
#define KEVCTL_HERMIT_ARGUMENTS_H

#include "../run_options.h"

/* What the structure of cmdsize has room for: of arguments, and of variables */
#define ARGUMENTS_MAX	128

/**
 * struct arguments - argv and environ
 * @argc: how many
 * @argv: argv[0] is the image's path
 * @envc: how many
 * @env: NAME=VALUE
 */
struct arguments {
	unsigned int argc;
	const char **argv;
	unsigned int envc;
	char **env;
};

/**
 * arguments_create() - put both together from the command line
 * @arguments: out; arguments_destroy() is due after success
 * @options: command line
 * @interface: version of the call interface: the first has limits, and guests that read
 *	four variables whether they are there or not
 *
 * Says on stderr what does not fit.
 *
 * Return: 0 or the exit status.
 */
int arguments_create(struct arguments *arguments, const struct run_options *options,
		     uint32_t interface);
void arguments_destroy(struct arguments *arguments);

#endif /* KEVCTL_HERMIT_ARGUMENTS_H */
