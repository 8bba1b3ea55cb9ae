/* SPDX-License-Identifier: GPL-2.0 */
/* Who understands escape sequences. */
#ifndef KEVCTL_ESCAPES_H
#define KEVCTL_ESCAPES_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A descriptor is a terminal that takes more than characters. */
static inline bool takes_escapes(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && !(term && !strcmp(term, "dumb"));
}

#endif /* KEVCTL_ESCAPES_H */
