// SPDX-License-Identifier: GPL-2.0
/* The terminal's modes. */
#include <signal.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

static struct termios before;
static volatile sig_atomic_t changed;

static bool is_ours(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void terminal_raw(void)
{
	struct termios raw;

	if (!is_ours() || tcgetattr(STDIN_FILENO, &raw))
		return;
	before = raw;
	cfmakeraw(&raw);
	raw.c_lflag |= ISIG;
	raw.c_oflag |= before.c_oflag & OPOST;
	changed = true;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

void terminal_restore(void)
{
	/* In the background the call would stop the process that it is in. */
	if (changed && is_ours())
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	changed = false;
}
