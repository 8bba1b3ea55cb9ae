// SPDX-License-Identifier: GPL-2.0
/* A line on standard error that shows how far something is. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "escapes.h"
#include "progress.h"

#define NS_PER_S	1000000000ULL
#define CELLS		"##############################"
#define BAR_CELLS	((int)sizeof(CELLS) - 1)

static bool shown;

static void print_bar(uint64_t seconds, unsigned int most)
{
	int full = seconds < most ? seconds * BAR_CELLS / most : BAR_CELLS;

	fprintf(stderr, "[%.*s%*s] %" PRIu64 " of %u s  ", full, CELLS,
		BAR_CELLS - full, "", seconds, most);
}

void progress_show(uint64_t start_ns, unsigned int most_s, const char *format, ...)
{
	uint64_t seconds = (read_clock(CLOCK_MONOTONIC) - start_ns) / NS_PER_S;
	va_list args;

	if (!seconds || !takes_escapes(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	if (most_s)
		print_bar(seconds, most_s);
	else
		fprintf(stderr, "%" PRIu64 " s  ", seconds);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
	shown = true;
}

void progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
