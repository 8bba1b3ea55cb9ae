// SPDX-License-Identifier: GPL-2.0
/* The line that shows how far something is, on a terminal and elsewhere. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/kevctl/clock.h"
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/progress.h"
#include "tap.h"

#define SECOND	1000000000ULL
#define ERASE	"\r\033[K"
#define BAR15	"###############"
#define BLANK15	"               "

static const struct {
	const char *name;
	unsigned int seconds, most;
	const char *text;
} cases[] = {
	{ "the first second", 0, 10, "" },
	{ "half of it", 5, 10, ERASE "[" BAR15 BLANK15 "] 5 of 10 s  7 exits" ERASE },
	{ "all of it", 10, 10, ERASE "[" BAR15 BAR15 "] 10 of 10 s  7 exits" ERASE },
	{ "longer", 20, 10, ERASE "[" BAR15 BAR15 "] 20 of 10 s  7 exits" ERASE },
	{ "the greatest number", 43200, 86400,
	  ERASE "[" BAR15 BLANK15 "] 43200 of 86400 s  7 exits" ERASE },
	{ "no end", 3, 0, ERASE "3 s  7 exits" ERASE },
};

static void show(unsigned int seconds, unsigned int most)
{
	progress_show(read_clock(CLOCK_MONOTONIC) - seconds * SECOND, most, "%d exits", 7);
	progress_end();
	fflush(stderr);
}

/* What is written, while standard error is @to and @from its other end */
static bool writes(int from, int to, unsigned int seconds, unsigned int most, const char *text)
{
	int before = dup(STDERR_FILENO);
	char buffer[256] = "";
	ssize_t got;

	dup2(to, STDERR_FILENO);
	show(seconds, most);
	dup2(before, STDERR_FILENO);
	close(before);
	/* It comes through the terminal in pieces. */
	for (size_t n = 0; n < strlen(text); n += got) {
		got = read(from, buffer + n, sizeof(buffer) - 1 - n);
		if (got <= 0)
			return false;
	}
	return !strcmp(buffer, text);
}

int main(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, ends[2];
	char byte;

	if (master < 0 || grantpt(master) || unlockpt(master) || pipe2(ends, O_NONBLOCK))
		return 1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		tap_result(writes(master, slave, cases[i].seconds, cases[i].most, cases[i].text),
			   cases[i].name);
	writes(ends[0], ends[1], 5, 10, "");
	tap_result(read(ends[0], &byte, 1) < 0, "nothing where there is no terminal");
	return tap_end();
}
