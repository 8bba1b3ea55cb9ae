/* SPDX-License-Identifier: GPL-2.0 */
/* The command lines of sub-commands but run's: options by a table, then operands. */
#ifndef KEVCTL_COMMAND_LINE_H
#define KEVCTL_COMMAND_LINE_H

#include <stdbool.h>

enum option_kind {
	OPTION_FLAG,	/* a bool becomes true */
	OPTION_TEXT,	/* a const char * becomes what is given */
	OPTION_NUMBER,	/* an unsigned int, from 1 to .most */
	OPTION_CALL,	/* .set decides */
};

/**
 * struct command_option - an option
 * @name: the long one, without dashes
 * @letter: the short one, 0: none
 * @kind: what becomes of @value
 * @value: where to
 * @most: OPTION_NUMBER: greatest value
 * @may_lack: OPTION_CALL: a value may be left out; @set gets NULL, then
 * @set: OPTION_CALL: takes the text, or says what is wrong with it; @name begins with dashes.
 *	Returns 0 or a negative errno.
 */
struct command_option {
	const char *name;
	char letter;
	enum option_kind kind;
	void *value;
	unsigned int most;
	bool may_lack;
	int (*set)(const char *name, const char *text, void *value);
};

/**
 * struct command_line - what a sub-command takes
 * @command: its name
 * @help: what --help prints
 * @options: an array; the last one has no name. --help is not in it.
 * @operand: what an operand is called; NULL where there is none to be
 * @least, @most: number of operands; @most 0: any number
 * @ends_options: an operand ends the options: what follows is another command's
 */
struct command_line {
	const char *command;
	const char *help;
	const struct command_option *options;
	const char *operand;
	int least, most;
	bool ends_options;
};

/**
 * command_line_take() - take the options, and say what is wrong with them
 * @line: what there can be
 * @argc, @argv: of the sub-command; operands come to stand last
 * @status: out: exit status, if there is nothing more to do
 *
 * Return: index of the first operand, or -1.
 */
int command_line_take(const struct command_line *line, int argc, char **argv, int *status);

#endif /* KEVCTL_COMMAND_LINE_H */
