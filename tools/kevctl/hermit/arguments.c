// SPDX-License-Identifier: GPL-2.0
/* argv and environ of a Hermit guest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kevctl.h"
#include "arguments.h"

/* --env host: all that kevctl has itself */
#define ENV_HOST	"host"
/* Kernels up to 0.6 read their environ without a NULL behind it. */
#define LEAST_ENV	4

/* What makes up the least, where the user has given less */
static const char *const defaults[LEAST_ENV] = {
	"HOME=/", "PATH=/", "TERM=dumb", "LANG=C",
};

static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static char **find(const struct arguments *arguments, const char *variable)
{
	size_t length = name_length(variable);

	for (unsigned int i = 0; i < arguments->envc; i++)
		if (name_length(arguments->env[i]) == length &&
		    !memcmp(arguments->env[i], variable, length))
			return &arguments->env[i];
	return NULL;
}

/* The last value of a name counts. There is room. */
static bool set(struct arguments *arguments, const char *variable)
{
	char **place = find(arguments, variable);
	char *copy = strdup(variable);

	if (!copy)
		return false;
	if (place)
		free(*place);
	else
		place = &arguments->env[arguments->envc++];
	*place = copy;
	return true;
}

/* NAME alone takes kevctl's own value; without one there is no such variable. */
static bool set_from_option(struct arguments *arguments, const char *option)
{
	const char *value;
	char *variable;
	bool done;

	if (strchr(option, '='))
		return set(arguments, option);
	value = getenv(option);
	if (!value)
		return true;
	if (asprintf(&variable, "%s=%s", option, value) < 0)
		return false;
	done = set(arguments, variable);
	free(variable);
	return done;
}

static unsigned int count_environ(void)
{
	unsigned int count = 0;

	while (environ && environ[count])
		count++;
	return count;
}

static bool wants_host(const struct text_list *env)
{
	for (unsigned int i = 0; i < env->nr; i++)
		if (!strcmp(env->items[i], ENV_HOST))
			return true;
	return false;
}

static bool fill_env(struct arguments *arguments, const struct text_list *env, bool pad)
{
	bool host = wants_host(env);
	unsigned int nr_host = host ? count_environ() : 0;

	arguments->env = calloc(nr_host + env->nr + LEAST_ENV, sizeof(*arguments->env));
	if (!arguments->env)
		return false;
	for (unsigned int i = 0; i < nr_host; i++)
		if (!set(arguments, environ[i]))
			return false;
	for (unsigned int i = 0; i < env->nr; i++)
		if (strcmp(env->items[i], ENV_HOST) && !set_from_option(arguments, env->items[i]))
			return false;
	for (unsigned int i = 0; pad && i < LEAST_ENV && arguments->envc < LEAST_ENV; i++)
		if (!find(arguments, defaults[i]) && !set(arguments, defaults[i]))
			return false;
	return true;
}

static bool fill_argv(struct arguments *arguments, const struct run_options *options)
{
	arguments->argv = calloc(options->nr_arguments + 1, sizeof(*arguments->argv));
	if (!arguments->argv)
		return false;
	arguments->argv[0] = options->image;
	for (unsigned int i = 0; i < options->nr_arguments; i++)
		arguments->argv[i + 1] = options->arguments[i];
	arguments->argc = options->nr_arguments + 1;
	return true;
}

static int check_limits(const struct arguments *arguments, const char *image)
{
	if (arguments->argc > ARGUMENTS_MAX) {
		message(image, "%u arguments are more than %u, the most that such a guest takes",
			arguments->argc - 1, ARGUMENTS_MAX - 1);
		return STATUS_FAILURE;
	}
	if (arguments->envc > ARGUMENTS_MAX) {
		message("--env", "%u variables are more than %u, the most that such a guest takes",
			arguments->envc, ARGUMENTS_MAX);
		return STATUS_FAILURE;
	}
	return 0;
}

int arguments_create(struct arguments *arguments, const struct run_options *options,
		     uint32_t interface)
{
	int status = STATUS_FAILURE;

	*arguments = (struct arguments){ 0 };
	if (!fill_argv(arguments, options) ||
	    !fill_env(arguments, &options->env, interface == 1))
		message(options->image, "no memory for its arguments");
	else
		status = interface == 1 ? check_limits(arguments, options->image) : 0;
	if (status)
		arguments_destroy(arguments);
	return status;
}

void arguments_destroy(struct arguments *arguments)
{
	for (unsigned int i = 0; i < arguments->envc; i++)
		free(arguments->env[i]);
	free(arguments->env);
	free(arguments->argv);
}
