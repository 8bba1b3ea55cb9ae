// SPDX-License-Identifier: GPL-2.0
/* The terminal's modes. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "kevctl.h"
#include "terminal.h"

static struct termios before;
static volatile sig_atomic_t changed, leaving;
/* Against a change of the modes while the process is about to stop */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool wanted;
static tcflag_t kept;

bool terminal_is_wanted(void)
{
	return wanted;
}

/* In the background a change of its modes would stop this process, and be another's. */
static bool is_ours(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void terminal_restore(void)
{
	if (changed && is_ours())
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	changed = false;
}

void terminal_leave(void)
{
	leaving = true;
	terminal_restore();
}

static void crashed(int signal)
{
	terminal_leave();
	raise(signal);	/* its default action, once this returns */
}

/* The ways out that do not come past the caller: what would end kevctl without being handled */
static void watch_exits(void)
{
	static const int ends[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGUSR1,
		SIGSEGV, SIGUSR2, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO,
		SIGPWR, SIGSYS,
	};
	const struct sigaction action = { .sa_handler = crashed, .sa_flags = SA_RESETHAND };
	struct sigaction old;
	static bool watched;

	if (watched)
		return;
	watched = true;
	atexit(terminal_restore);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &action, NULL);
}

static void make_raw_locked(void)
{
	struct termios raw;

	if (leaving || changed || !is_ours() || tcgetattr(STDIN_FILENO, &raw))
		return;
	watch_exits();
	before = raw;
	cfmakeraw(&raw);
	raw.c_lflag |= before.c_lflag & kept;
	raw.c_oflag |= before.c_oflag & OPOST;
	changed = true;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* Another thread may have put it back just before. */
	if (leaving)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

/* @flags: of c_lflag, that stay as they are */
static void make_raw(tcflag_t flags)
{
	pthread_mutex_lock(&lock);
	wanted = isatty(STDIN_FILENO);
	kept = flags;
	make_raw_locked();
	pthread_mutex_unlock(&lock);
}

void terminal_raw(void)
{
	make_raw(ISIG);
}

void terminal_raw_keys(void)
{
	make_raw(0);
}

int terminal_wait(void)
{
	bool waits;

	pthread_mutex_lock(&lock);
	if (wanted)
		make_raw_locked();
	waits = wanted && !changed;
	pthread_mutex_unlock(&lock);
	return waits ? TERMINAL_PAUSE : -1;
}

void terminal_stop(void)
{
	pthread_mutex_lock(&lock);
	terminal_restore();
	kill(getpid(), SIGSTOP);
	if (wanted)
		make_raw_locked();
	pthread_mutex_unlock(&lock);
}
