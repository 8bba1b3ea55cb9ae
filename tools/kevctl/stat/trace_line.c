// SPDX-License-Identifier: GPL-2.0
/*
 * One line of a trace_pipe:
 *
 *	          kevctl-1234    [001] d..1. 123456789012: kev_exit: vm=1 vcpu_id=0 ...
 *
 * The task's name takes 16 columns, filled up with blanks from the left.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_line.h"

#define TASK_COLUMNS	16
#define PREFIX		"kev_"

static bool parse_lost(const char *text, struct trace_line *line)
{
	unsigned int cpu;
	int end = 0;

	if (sscanf(text, "CPU:%u [LOST %n", &cpu, &end) != 1 || !end)
		return false;
	line->kind = TRACE_LOST;
	line->lost = strtoull(text + end, NULL, 10);
	return true;
}

/* The value of a key, up to the next blank; "" where there is none */
static void copy_field(char *to, size_t size, const char *fields, const char *key)
{
	const size_t length = strlen(key);

	*to = '\0';
	while (*fields) {
		if (!strncmp(fields, key, length) && fields[length] == '=') {
			snprintf(to, size, "%.*s", (int)strcspn(fields + length + 1, " "),
				 fields + length + 1);
			return;
		}
		fields += strcspn(fields, " ");
		fields += strspn(fields, " ");
	}
}

static uint64_t field_number(const char *fields, const char *key)
{
	char text[TRACE_NAME_BYTES];

	copy_field(text, sizeof(text), fields, key);
	return strtoull(text, NULL, 0);
}

/* Behind "-PID [CPU] FLAGS": "TIME: EVENT: FIELDS" */
static const char *skip_context(const char *text)
{
	unsigned int pid, cpu;
	int end = 0;

	if (strnlen(text, TASK_COLUMNS) < TASK_COLUMNS)
		return NULL;
	text += TASK_COLUMNS;
	/* The flags have no blanks. */
	if (sscanf(text, "-%u [%u] %*s %n", &pid, &cpu, &end) != 2 || !end)
		return NULL;
	return text + end;
}

void trace_line_parse(const char *text, struct trace_line *line)
{
	const char *colon, *fields;
	char *end;

	*line = (struct trace_line){ .kind = TRACE_OTHER };
	if (parse_lost(text, line))
		return;
	text = skip_context(text);
	if (!text || !isdigit((unsigned char)*text))
		return;
	line->time = strtoull(text, &end, 10);
	if (strncmp(end, ": " PREFIX, strlen(": " PREFIX)))
		return;
	text = end + 2;
	colon = strstr(text, ": ");
	if (!colon || (size_t)(colon - text) >= sizeof(line->event))
		return;
	memcpy(line->event, text, colon - text);
	fields = colon + 2;
	line->vm = field_number(fields, "vm");
	line->vcpu = field_number(fields, "vcpu_id");
	copy_field(line->reason, sizeof(line->reason), fields, "exit_reason");
	line->kind = TRACE_EVENT;
}
