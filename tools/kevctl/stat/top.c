// SPDX-License-Identifier: GPL-2.0
/* kevctl top */
#include <errno.h>
#include <limits.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "../command_line.h"
#include "../kevctl.h"
#include "../output.h"
#include "../signals.h"
#include "source.h"
#include "top_rows.h"

#define SECONDS_MOST	86400
#define LINE_BYTES	(PATH_MAX + 256)
#define HEAD_LINES	3	/* what is above the first VM */
#define FOOT_LINES	1

static const struct {
	int key;
	enum top_order order;
	const char *name;
} orders[] = {
	{ 'g', TOP_BY_GUEST, "time in guest" }, { 'e', TOP_BY_EXITS, "exits" },
	{ 'f', TOP_BY_FAULTS, "faults" }, { 'm', TOP_BY_MEMORY, "memory" },
	{ 'n', TOP_BY_NUMBER, "number" },
};

/*
 * @first: the uppermost VM that is seen. @count: outputs; 0: no end. @signals: a descriptor for
 * those that end it. @ended_by: one that has.
 */
struct top {
	struct source source;
	struct samples now, before;
	unsigned int order;
	unsigned int first;
	unsigned int interval;
	unsigned int count;
	int signals;
	int ended_by;
	bool json;
};

static const char help[] =
	"Usage: kevctl top [OPTION]...\n"
	"\n"
	"Show the VMs of the machine that do most, every second. Root sees all of them,\n"
	"others the guests that kevctl runs for them.\n"
	"\n"
	"  -d, --delay SECONDS\n"
	"                  show every so many seconds\n"
	"  -b, --batch     print lines, for files and pipes\n"
	"  --json          print one JSON array a line, which is a batch, too\n"
	"  --count N       end after N times\n"
	"  --sort ORDER    guest (default), exits, faults, memory or number\n"
	"  --debugfs DIR   where debugfs is mounted, instead of " DEBUGFS "\n"
	"  -h, --help      this text\n"
	"\n"
	"Keys: q ends, g, e, f, m and n sort as above, arrows and Page keys scroll,\n"
	"space shows at once.\n";

static int take(struct top *top)
{
	struct samples samples;
	int error = source_read(&top->source, &samples);

	if (error)
		return error;
	samples_fini(&top->before);
	top->before = top->now;
	top->now = samples;
	return 0;
}

static void print_batch(const struct top *top, const struct top_row *rows)
{
	static char line[LINE_BYTES];

	if (top->json) {
		top_json(stdout, rows, top->now.nr);
		return;
	}
	top_header(line, sizeof(line));
	puts(line);
	for (unsigned int i = 0; i < top->now.nr; i++) {
		top_format(line, sizeof(line), &rows[i]);
		puts(line);
	}
}

static int run_batch(struct top *top)
{
	struct timespec time = { .tv_sec = top->interval };
	struct top_row *rows;
	int error = take(top);

	for (unsigned int i = 0; !error; i++) {
		nanosleep(&time, NULL);
		error = take(top);
		rows = error ? NULL : top_rows(&top->now, &top->before, orders[top->order].order);
		if (rows)
			print_batch(top, rows);
		free(rows);
		source_say_silent(&top->source);
		if (output_flush() || i + 1 == top->count)
			break;
	}
	return error;
}

static unsigned int visible_lines(void)
{
	return LINES > HEAD_LINES + FOOT_LINES ? LINES - HEAD_LINES - FOOT_LINES : 0;
}

static void draw_line(int y, attr_t attributes, const char *text)
{
	attron(attributes);
	mvprintw(y, 0, "%-*.*s", COLS, COLS, text);
	attroff(attributes);
}

static void draw(struct top *top, const struct top_row *rows)
{
	static char line[LINE_BYTES];
	unsigned int visible = visible_lines(), last;
	char silent[64] = "";

	if (top->first >= top->now.nr)
		top->first = top->now.nr ? top->now.nr - 1 : 0;
	last = top->now.nr - top->first < visible ? top->now.nr : top->first + visible;
	erase();
	if (top->source.nr_silent)
		snprintf(silent, sizeof(silent), " and %u without an answer",
			 top->source.nr_silent);
	snprintf(line, sizeof(line), "kev: %u VMs%s, by %s%s", top->now.nr, silent,
		 orders[top->order].name,
		 top->source.debugfs ? "" : "; only guests that kevctl runs for this user");
	draw_line(0, A_BOLD, line);
	top_header(line, sizeof(line));
	draw_line(HEAD_LINES - 1, A_REVERSE, line);
	for (unsigned int i = top->first; i < last; i++) {
		top_format(line, sizeof(line), &rows[i]);
		draw_line(HEAD_LINES + i - top->first, A_NORMAL, line);
	}
	draw_line(LINES - 1, A_DIM, "q quit  sort: g guest  e exits  f faults  m memory  "
		  "n number  arrows scroll");
	refresh();
}

static void scroll_by(struct top *top, int lines)
{
	int first = (int)top->first + lines, most = (int)top->now.nr - 1;

	if (first > most)
		first = most;
	top->first = first < 0 ? 0 : first;
}

/* Returns whether to go on. */
static bool take_key(struct top *top, int key)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		if (key == orders[i].key)
			top->order = i;
	switch (key) {
	case KEY_UP:
		scroll_by(top, -1);
		break;
	case KEY_DOWN:
		scroll_by(top, 1);
		break;
	case KEY_PPAGE:
		scroll_by(top, -(int)visible_lines());
		break;
	case KEY_NPAGE:
		scroll_by(top, visible_lines());
		break;
	}
	return key != 'q';
}

/* A signal ends it, and so does a terminal that has gone. Returns whether to go on. */
static bool wait_for_key(struct top *top, int *key)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = top->signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	/* Part of a key's sequence may have been read already. */
	*key = getch();
	if (*key != ERR || poll(fds, ARRAY_SIZE(fds), top->interval * 1000) == 0)
		return true;
	*key = getch();
	if (fds[1].revents && read(top->signals, &info, sizeof(info)) == sizeof(info))
		top->ended_by = info.ssi_signo;
	return !top->ended_by && (*key != ERR || !(fds[0].revents & ~POLLIN));
}

/* Keys do not make it look again, but space does. */
static int run_screen(struct top *top)
{
	struct top_row *rows;
	bool more = true;
	int key, error = take(top);

	for (unsigned int i = 0; more && !error && (!top->count || i < top->count); i++) {
		rows = top_rows(&top->now, &top->before, orders[top->order].order);
		if (!rows)
			break;
		do {
			draw(top, rows);
			more = wait_for_key(top, &key) && take_key(top, key);
			if (key != ERR) {
				free(rows);
				rows = top_rows(&top->now, &top->before,
						orders[top->order].order);
			}
		} while (more && rows && key != ERR && key != ' ');
		free(rows);
		error = more ? take(top) : 0;
	}
	return error;
}

/* Returns 0, a negative errno, or the exit status after a message. */
static int run_on_terminal(struct top *top)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const char *type = getenv("TERM");
	SCREEN *screen;
	sigset_t before;
	int error;

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		message("top", "standard %s is no terminal",
			isatty(STDOUT_FILENO) ? "input" : "output");
		hint("--batch prints lines");
		return STATUS_FAILURE;
	}
	top->signals = signals_open(signals, ARRAY_SIZE(signals), &before);
	if (top->signals < 0)
		return -errno;
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		message("top", "nothing is known of the terminal %s", type ? type : "without TERM");
		hint("--batch prints lines; terminals are described in /usr/share/terminfo");
		return STATUS_FAILURE;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	nodelay(stdscr, TRUE);
	error = run_screen(top);
	endwin();
	delscreen(screen);
	if (top->ended_by) {
		/* The library may have set a handler of its own. */
		signal(top->ended_by, SIG_DFL);
		raise(top->ended_by);
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	return error;
}

static int set_order(const char *option, const char *text, void *order)
{
	static const char *const words[] = { "guest", "exits", "faults", "memory", "number" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i])) {
			*(unsigned int *)order = i;
			return 0;
		}
	}
	message(option, "there is no order %s", text);
	hint("guest, exits, faults, memory or number");
	return -EINVAL;
}

static int run(struct top *top, const char *debugfs, bool batch)
{
	int error = source_open(&top->source, debugfs);

	if (error)
		return STATUS_FAILURE;
	error = batch ? run_batch(top) : run_on_terminal(top);
	if (error < 0)
		message("reading the counters", "%s", strerror(-error));
	samples_fini(&top->now);
	samples_fini(&top->before);
	source_fini(&top->source);
	return error ? STATUS_FAILURE : 0;
}

int cmd_top(int argc, char **argv)
{
	struct top top = { .interval = 1 };
	const char *debugfs = NULL;
	bool batch = false;
	const struct command_option names[] = {
		{ "delay", 'd', OPTION_NUMBER, &top.interval, .most = SECONDS_MOST },
		{ "batch", 'b', OPTION_FLAG, .value = &batch },
		{ "json", .kind = OPTION_FLAG, .value = &top.json },
		{ "count", .kind = OPTION_NUMBER, .value = &top.count, .most = INT_MAX },
		{ "sort", .kind = OPTION_CALL, .value = &top.order, .set = set_order },
		{ "debugfs", .kind = OPTION_TEXT, .value = &debugfs },
		{ }
	};
	const struct command_line line = { "top", help, .options = names };
	int status;

	if (command_line_take(&line, argc, argv, &status) < 0)
		return status;
	return run(&top, debugfs, batch || top.json);
}
