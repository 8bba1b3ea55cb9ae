/* SPDX-License-Identifier: GPL-2.0 */
/* TAP output for test programs that are tables of cases. */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_number, tap_failures;

static void tap_result(bool ok, const char *name)
{
	if (!tap_number)
		puts("TAP version 13");
	printf("%sok %u %s\n", ok ? "" : "not ", ++tap_number, name);
	tap_failures += !ok;
}

static inline void tap_skip(const char *name, const char *why)
{
	if (!tap_number)
		puts("TAP version 13");
	printf("ok %u %s # SKIP %s\n", ++tap_number, name, why);
}

/* Prints the plan; returns the program's exit status. */
static int tap_end(void)
{
	printf("1..%u\n", tap_number);
	return tap_failures ? 1 : 0;
}

#endif /* TAP_H */
