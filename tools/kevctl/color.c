// SPDX-License-Identifier: GPL-2.0
/* Colours on standard output. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "color.h"
#include "escapes.h"
#include "kevctl.h"

static enum { AUTO, ALWAYS, NEVER } when;

int color_option(const char *name, const char *text, void *value)
{
	static const char *const words[] = { "auto", "always", "never" };

	(void)value;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i])) {
			when = i;
			return 0;
		}
	}
	message(name, "%s is neither auto nor always nor never", text);
	return -EINVAL;
}

static bool is_wanted(void)
{
	const char *no_color = getenv("NO_COLOR");

	if (when != AUTO)
		return when == ALWAYS;
	return takes_escapes(STDOUT_FILENO) && !(no_color && *no_color);
}

const char *color(enum color color)
{
	static const char *const codes[] = {
		[COLOR_NONE] = "\033[0m", [COLOR_BOLD] = "\033[1m", [COLOR_GOOD] = "\033[32m",
		[COLOR_BAD] = "\033[1;31m", [COLOR_DIM] = "\033[2m",
	};

	return is_wanted() ? codes[color] : "";
}
