// SPDX-License-Identifier: GPL-2.0
/* A guest in the background. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "detach.h"
#include "kevctl.h"

static int open_log(const char *path)
{
	int log = open(path ? path : "/dev/null",
		       O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);

	if (log < 0)
		message(path ? path : "/dev/null", "%s", strerror(errno));
	return log;
}

/* The exit status: 0 once the guest starts, and the other's if it has ended without that. */
static int wait_for(pid_t pid, int ready)
{
	char byte;
	ssize_t n;
	int state;

	do
		n = read(ready, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(ready);
	if (n == 1) {
		printf("%d\n", pid);
		return 0;
	}
	while (waitpid(pid, &state, 0) < 0)
		if (errno != EINTR)
			return STATUS_FAILURE;
	return WIFEXITED(state) ? WEXITSTATUS(state) : STATUS_SIGNAL + WTERMSIG(state);
}

bool detach_fork(struct detach *detach, const char *log, int *status)
{
	int ends[2];
	pid_t pid;

	*status = STATUS_FAILURE;
	detach->log = open_log(log);
	if (detach->log < 0)
		return false;
	if (pipe2(ends, O_CLOEXEC)) {
		message("--detach", "%s", strerror(errno));
		return false;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		message("--detach", "%s", strerror(errno));
		return false;
	}
	if (pid) {
		close(ends[1]);
		*status = wait_for(pid, ends[0]);
		return false;
	}
	close(ends[0]);
	detach->ready = ends[1];
	setsid();
	return true;
}

int detach_ready(struct detach *detach, int input)
{
	const struct { int from, to; } streams[] = {
		{ input, STDIN_FILENO }, { detach->log, STDOUT_FILENO },
		{ detach->log, STDERR_FILENO },
	};

	if (write(detach->ready, "", 1) != 1)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(streams); i++)
		if (dup3(streams[i].from, streams[i].to, 0) < 0)
			return -errno;
	close(detach->log);
	close(detach->ready);
	return 0;
}
