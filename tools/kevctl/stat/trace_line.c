// SPDX-License-Identifier: GPL-2.0
/*
 * One line of a trace_pipe:
 *
 *	          kevctl-1234    [001] d..1. 123456789012: kev_exit: vm=1 vcpu_id=0 ...
 *
 * The task's name takes 16 columns, filled up with blanks from the left.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "trace_line.h"

#define TASK_COLUMNS	16
#define PREFIX		"kev_"

static bool parse_lost(const char *text, unsigned int *cpu, uint64_t *lost)
{
	int end = 0;

	if (sscanf(text, "CPU:%u [LOST %n", cpu, &end) != 1 || !end)
		return false;
	*lost = strtoull(text + end, NULL, 10);
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

/* A line, cut up. @fields: behind the event's name */
struct parts {
	char task[TASK_COLUMNS + 1];
	unsigned int pid, cpu;
	uint64_t time;
	char event[TRACE_NAME_BYTES];
	const char *fields;
};

/* Behind the task's name: "-PID [CPU] FLAGS TIME: EVENT: FIELDS". @time: as far as it goes */
static bool cut(const char *text, struct parts *parts)
{
	const char *colon;
	char *rest;
	int end = 0;

	*parts = (struct parts){ };
	if (strnlen(text, TASK_COLUMNS) < TASK_COLUMNS)
		return false;
	memcpy(parts->task, text, TASK_COLUMNS);
	text += TASK_COLUMNS;
	/* The flags have no blanks. */
	if (sscanf(text, "-%u [%u] %*s %n", &parts->pid, &parts->cpu, &end) != 2 || !end ||
	    !isdigit((unsigned char)text[end]))
		return false;
	parts->time = strtoull(text + end, &rest, 10);
	if (strncmp(rest, ": " PREFIX, strlen(": " PREFIX)))
		return false;
	text = rest + 2;
	colon = strstr(text, ": ");
	if (!colon || (size_t)(colon - text) >= sizeof(parts->event))
		return false;
	memcpy(parts->event, text, colon - text);
	parts->fields = colon + 2;
	return true;
}

void trace_line_parse(const char *text, struct trace_line *line)
{
	struct parts parts;
	unsigned int cpu;

	*line = (struct trace_line){ .kind = TRACE_OTHER };
	if (parse_lost(text, &cpu, &line->lost)) {
		line->kind = TRACE_LOST;
		return;
	}
	if (cut(text, &parts)) {
		strcpy(line->event, parts.event);
		line->vm = field_number(parts.fields, "vm");
		line->vcpu = field_number(parts.fields, "vcpu_id");
		copy_field(line->reason, sizeof(line->reason), parts.fields, "exit_reason");
		line->kind = TRACE_EVENT;
	}
	line->time = parts.time;
}

/* Returns whether it is one: decimal, or hexadecimal behind 0x. */
static bool print_number(FILE *to, const char *text)
{
	const char *digits = *text == '-' ? text + 1 : text;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	if (!strncmp(text, "0x", 2)) {
		unsigned long long value = strtoull(text + 2, &end, 16);

		if (*end || end == text + 2)
			return false;
		fprintf(to, "%llu", value);
		return true;
	}
	/* JSON has no zeros before a number. */
	if (strspn(digits, "0123456789") != strlen(digits) || (*digits == '0' && digits[1]))
		return false;
	fputs(text, to);
	return true;
}

/* What is between blanks, as NAME=VALUE. @text is cut up. */
static void print_fields(FILE *to, char *text)
{
	const char *separator = "";
	char *field, *value;

	while ((field = strsep(&text, " "))) {
		value = strchr(field, '=');
		if (!value)
			continue;
		*value++ = '\0';
		fputs(separator, to);
		json_string(to, field);
		fputs(": ", to);
		if (!print_number(to, value))
			json_string(to, value);
		separator = ", ";
	}
}

void trace_line_print_json(FILE *to, const char *text)
{
	struct parts parts;
	unsigned int cpu;
	uint64_t lost;
	char *fields;

	if (parse_lost(text, &cpu, &lost)) {
		fprintf(to, "{\"event\": \"lost\", \"cpu\": %u, \"lost\": ", cpu);
		if (lost)
			fprintf(to, "%" PRIu64 "}\n", lost);
		else
			fputs("null}\n", to);
		return;
	}
	fields = cut(text, &parts) ? strdup(parts.fields) : NULL;
	if (!fields) {
		fputs("{\"event\": \"other\", \"text\": ", to);
		json_string(to, text);
		fputs("}\n", to);
		return;
	}
	fputs("{\"event\": ", to);
	json_string(to, parts.event);
	fprintf(to, ", \"ticks\": %" PRIu64 ", \"cpu\": %u, \"pid\": %u, \"task\": ", parts.time,
		parts.cpu, parts.pid);
	json_string(to, parts.task + strspn(parts.task, " "));
	fputs(", \"fields\": {", to);
	print_fields(to, fields);
	fputs("}}\n", to);
	free(fields);
}
