/* SPDX-License-Identifier: GPL-2.0 */
/* One line of a tracefs trace_pipe, with events of kev. */
#ifndef KEVCTL_TRACE_LINE_H
#define KEVCTL_TRACE_LINE_H

#include <stdint.h>
#include <stdio.h>

#define TRACE_NAME_BYTES	32

enum trace_kind {
	TRACE_OTHER,		/* not kev's, or not understood */
	TRACE_EVENT,		/* of a VM, and of a vCPU where there is one */
	TRACE_LOST,		/* the buffer was full */
};

/* @time: as the clock counts. @lost: events, 0: it is not known how many. */
struct trace_line {
	enum trace_kind kind;
	uint64_t time;
	uint64_t vm;
	uint64_t vcpu;
	uint64_t lost;
	char event[TRACE_NAME_BYTES];
	char reason[TRACE_NAME_BYTES];	/* of kev_exit, "" elsewhere */
};

/**
 * trace_line_parse() - what a line says
 * @text: the line, without its end; the clock is one that counts, not one of seconds
 * @line: out
 *
 * A task can have any name, also one that looks like an event.
 */
void trace_line_parse(const char *text, struct trace_line *line);

/**
 * trace_line_print_json() - the line as an object, on a line of its own
 * @to: stream
 * @text: the line, as above
 */
void trace_line_print_json(FILE *to, const char *text);

#endif /* KEVCTL_TRACE_LINE_H */
