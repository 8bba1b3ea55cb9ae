// SPDX-License-Identifier: GPL-2.0
/* The command of a run, or the shell of "bed shell". */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define REQUEST_FILE "/bed/request"
#define CONSOLE "/dev/ttyS0"

int request_read(struct request *req)
{
	static char text[256 * 1024];
	static char *words[8192];
	int fd = open(REQUEST_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t n = 0;
	char *p;

	if (len < 0) {
		channel_text(FRAME_FAILED, REQUEST_FILE ": %m");
		return -1;
	}
	close(fd);
	if (len == sizeof(text) - 1) {
		channel_text(FRAME_FAILED, "the command is too long");
		return -1;
	}
	/* Words that end with a NUL: options as "+name" up to "--", then the command. */
	for (p = text; p < text + len && strcmp(p, "--"); p += strlen(p) + 1) {
		req->module |= !strcmp(p, "+module");
		req->out |= !strcmp(p, "+out");
	}
	for (p += strlen(p) + 1; p < text + len; p += strlen(p) + 1) {
		if (n == sizeof(words) / sizeof(*words) - 1) {
			channel_text(FRAME_FAILED, "the command has more than %zu words", n);
			return -1;
		}
		words[n++] = p;
	}
	req->argv = words;
	return 0;
}

/* In the child: leaves what is ours behind. */
static void child_exec(char **argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	channel_drop();
	execvp(argv[0], argv);
	dprintf(2, "bed: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Collects whatever ended (we are process 1); true once pid did, with its status. */
static int reap(pid_t pid, int *status)
{
	int found = 0, st;
	pid_t got;

	while ((got = waitpid(-1, &st, WNOHANG)) > 0) {
		if (got != pid)
			continue;
		*status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
		found = 1;
	}
	return found;
}

/* Sends what comes from the pipes and the kernel's log until pid has ended. */
static int watch(pid_t pid, int out_fd, enum frame_type out, int err_fd, enum frame_type err,
		 int klog)
{
	struct pollfd fds[4] = {
		{ .fd = out_fd, .events = POLLIN },
		{ .fd = err_fd, .events = POLLIN },
		{ .fd = klog, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	int status = 0, done = 0;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	fds[3].fd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	fds[3].events = POLLIN;
	while (!done) {
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[0].revents && !channel_copy(out, out_fd, 1))
			fds[0].fd = -1;
		if (fds[1].revents && !channel_copy(err, err_fd, 1))
			fds[1].fd = -1;
		if (fds[2].revents)
			klog_copy(klog);
		if (fds[3].revents) {
			while (read(fds[3].fd, &info, sizeof(info)) > 0)
				;
			done = reap(pid, &status);
		}
	}
	/* What is in the pipes now is the command's; later writers are left behind. */
	if (out_fd >= 0)
		channel_copy(out, out_fd, 0);
	if (err_fd >= 0)
		channel_copy(err, err_fd, 0);
	klog_copy(klog);
	close(fds[3].fd);
	return status;
}

static int not_started(const char *name)
{
	channel_text(FRAME_FAILED, "cannot start %s: %m", name);
	return -1;
}

int command_run(char **argv, enum frame_type out, enum frame_type err, int klog)
{
	int out_pipe[2], err_pipe[2], status;
	pid_t pid;

	if (pipe2(out_pipe, O_CLOEXEC) || pipe2(err_pipe, O_CLOEXEC))
		return not_started(argv[0]);
	pid = fork();
	if (pid < 0)
		return not_started(argv[0]);
	if (!pid) {
		setsid();
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out_pipe[1], 1);
		dup2(err_pipe[1], 2);
		child_exec(argv);
	}
	close(out_pipe[1]);
	close(err_pipe[1]);
	/* Our ends only: the file status flags of a pipe belong to each end. */
	fcntl(out_pipe[0], F_SETFL, O_NONBLOCK);
	fcntl(err_pipe[0], F_SETFL, O_NONBLOCK);
	status = watch(pid, out_pipe[0], out, err_pipe[0], err, klog);
	close(out_pipe[0]);
	close(err_pipe[0]);
	return status;
}

int command_shell(int klog)
{
	char *argv[] = { "sh", "-l", NULL };
	pid_t pid = fork();
	int tty;

	if (pid < 0)
		return not_started("a shell");
	if (!pid) {
		setsid();
		tty = open(CONSOLE, O_RDWR);
		ioctl(tty, TIOCSCTTY, 1);
		dup2(tty, 0);
		dup2(tty, 1);
		dup2(tty, 2);
		child_exec(argv);
	}
	return watch(pid, -1, FRAME_STDOUT, -1, FRAME_STDERR, klog);
}
