// SPDX-License-Identifier: GPL-2.0
/* What a process tells of its guest, as text: a line "name value" each. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "info.h"

/* A name of a file may hold line breaks; the value is one line. */
static void print_text(FILE *to, const char *name, const char *text)
{
	fprintf(to, "%s ", name);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == '\\')
			fprintf(to, "\\%03o", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('\n', to);
}

void info_print(FILE *to, const struct runtime_info *info)
{
	fprintf(to, "pid %d\nvm %" PRIu64 "\nstarted %" PRIu64 "\nmemory_kib %" PRIu64 "\n"
		"vcpus %u\ndetached %d\n", info->pid, info->vm, info->started, info->memory_kib,
		info->vcpus, info->detached);
	print_text(to, "image", info->image);
}

/* Undoes print_text(). */
static void read_text(char *to, size_t size, const char *text)
{
	size_t length = 0;
	unsigned int byte;

	while (*text && length + 1 < size) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &byte) == 1 && strlen(text) >= 4 &&
		    byte) {
			to[length++] = byte;
			text += 4;
		} else {
			to[length++] = *text++;
		}
	}
	to[length] = '\0';
}

static void read_line(struct runtime_info *info, const char *name, const char *value)
{
	uint64_t number = strtoull(value, NULL, 10);

	if (!strcmp(name, "image"))
		read_text(info->image, sizeof(info->image), value);
	else if (!strcmp(name, "vm"))
		info->vm = number;
	else if (!strcmp(name, "started"))
		info->started = number;
	else if (!strcmp(name, "memory_kib"))
		info->memory_kib = number;
	else if (!strcmp(name, "vcpus"))
		info->vcpus = number;
	else if (!strcmp(name, "detached"))
		info->detached = number;
}

void info_parse(char *text, struct runtime_info *info)
{
	char *line, *space;

	*info = (struct runtime_info){ };
	while ((line = strsep(&text, "\n"))) {
		space = strchr(line, ' ');
		if (!space)
			continue;
		*space = '\0';
		read_line(info, line, space + 1);
	}
}
