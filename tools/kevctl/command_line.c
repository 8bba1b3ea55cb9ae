// SPDX-License-Identifier: GPL-2.0
/* The command lines of sub-commands but run's. */
#include <getopt.h>
#include <stdio.h>

#include "kevctl.h"
#include "command_line.h"

#define MOST_OPTIONS	16	/* of one command, with --help */
#define FIRST_KEY	0x100	/* getopt_long()'s value for the first of them */

/* What getopt_long() wants */
struct getopt_tables {
	struct option names[MOST_OPTIONS + 1];
	char letters[2 * MOST_OPTIONS + 3];
};

static int has_argument(const struct command_option *option)
{
	if (option->kind == OPTION_FLAG)
		return no_argument;
	return option->may_lack ? optional_argument : required_argument;
}

/* A value that may be left out is only taken behind = of the long name. */
static void make_tables(const struct command_line *line, struct getopt_tables *tables)
{
	const struct command_option *option = line->options;
	char *letter = tables->letters;
	int i = 0;

	*tables = (struct getopt_tables){ };
	if (line->ends_options)
		*letter++ = '+';
	*letter++ = ':';
	*letter++ = 'h';
	for (; option->name; option++, i++) {
		tables->names[i] = (struct option){
			option->name, has_argument(option), NULL, FIRST_KEY + i
		};
		if (!option->letter)
			continue;
		*letter++ = option->letter;
		if (has_argument(option) == required_argument)
			*letter++ = ':';
	}
	tables->names[i] = (struct option){ "help", no_argument, NULL, 'h' };
}

static const struct command_option *find(const struct command_option *options, int key)
{
	if (key >= FIRST_KEY)
		return &options[key - FIRST_KEY];
	for (; options->name; options++)
		if (options->letter && options->letter == key)
			return options;
	return NULL;
}

static int take(const struct command_option *option, const char *text)
{
	char name[32];

	snprintf(name, sizeof(name), "--%s", option->name);
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)option->value = true;
		break;
	case OPTION_TEXT:
		*(const char **)option->value = text;
		break;
	case OPTION_NUMBER:
		return option_number(name, text, option->most, option->value);
	case OPTION_CALL:
		return option->set(name, text, option->value);
	}
	return 0;
}

/* Returns whether there are as many as there have to be. */
static bool check_operands(const struct command_line *line, int argc, char **argv)
{
	int nr = argc - optind;

	if (nr < line->least)
		message(line->command, "no %s given", line->operand);
	else if (nr > line->most && (line->most || !line->operand))
		message(argv[optind + line->most], "unexpected argument");
	else
		return true;
	usage_error(line->command);
	return false;
}

int command_line_take(const struct command_line *line, int argc, char **argv, int *status)
{
	const struct command_option *option;
	struct getopt_tables tables;
	int key;

	make_tables(line, &tables);
	*status = STATUS_FAILURE;
	opterr = 0;
	while ((key = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
		if (key == 'h') {
			fputs(line->help, stdout);
			*status = 0;
			return -1;
		}
		option = find(line->options, key);
		if (!option) {
			option_error(key, argv);
			return -1;
		}
		if (take(option, optarg))
			return -1;
	}
	return check_operands(line, argc, argv) ? optind : -1;
}
