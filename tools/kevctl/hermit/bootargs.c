// SPDX-License-Identifier: GPL-2.0
/* [kernel's arguments] env=NAME=VALUE... -- [program's arguments] */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootargs.h"

static bool is_plain(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("%+,-./:=@_", *text))
			return false;
	return true;
}

/* One word more, with @prefix in front of it */
static void put_word(FILE *line, const char *prefix, const char *text)
{
	if (ftell(line) > 0)
		fputc(' ', line);
	fputs(prefix, line);
	if (is_plain(text)) {
		fputs(text, line);
		return;
	}
	fputc('\'', line);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", line);
		else
			fputc(*text, line);
	fputc('\'', line);
}

static void put_arguments(FILE *line, const struct arguments *arguments)
{
	unsigned int divider = 1, first = 1;

	while (divider < arguments->argc && strcmp(arguments->argv[divider], "--"))
		divider++;
	if (divider < arguments->argc) {
		for (unsigned int i = 1; i < divider; i++)
			put_word(line, "", arguments->argv[i]);
		first = divider + 1;
	}
	for (unsigned int i = 0; i < arguments->envc; i++)
		put_word(line, "env=", arguments->env[i]);
	if (first < arguments->argc)
		put_word(line, "", "--");
	for (unsigned int i = first; i < arguments->argc; i++)
		put_word(line, "", arguments->argv[i]);
}

char *bootargs_make(const struct arguments *arguments)
{
	char *text = NULL;
	size_t length;
	FILE *line = open_memstream(&text, &length);

	if (!line)
		return NULL;
	if (arguments)
		put_arguments(line, arguments);
	if (ferror(line) | fclose(line)) {
		free(text);
		return NULL;
	}
	return text;
}
