// SPDX-License-Identifier: GPL-2.0
/* The course of a run inside the machine. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

#define MODULE_FILE "/kev.ko"

static int load_module(void)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) {
		channel_text(FRAME_FAILED, "cannot load " MODULE_FILE ": %m");
		return -1;
	}
	return close(fd);
}

static void send_out(int klog)
{
	char *argv[] = { "tar", "-C", "/out", "-cf", "-", ".", NULL };

	if (command_run(argv, FRAME_TAR, FRAME_STDERR, klog) > 0)
		channel_text(FRAME_FAILED, "tar failed to pack /out");
}

static void run(int klog)
{
	struct request req = { 0 };
	int status;

	if (payload_take())
		return;
	/* Unread, it would count as a log without a report. */
	if (klog < 0) {
		channel_text(FRAME_FAILED, "cannot read the kernel's log");
		return;
	}
	/* The second greeting: from here on, what happens is the run's. */
	channel_text(FRAME_HELLO, "run");
	if (request_read(&req) || (req.module && load_module()))
		return;
	if (req.argv[0])
		status = command_run(req.argv, FRAME_STDOUT, FRAME_STDERR, klog);
	else
		status = command_shell(klog);
	if (status < 0)
		return;
	channel_text(FRAME_STATUS, "%d", status);
	if (req.out)
		send_out(klog);
}

int main(void)
{
	sigset_t chld;
	int klog;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	channel_open();
	channel_text(FRAME_HELLO, "boot");
	klog = klog_open();
	run(klog);
	klog_copy(klog);
	channel_send(FRAME_END, "", 0);
	/* Process 1 must not end; the bed ends the machine. */
	for (;;)
		pause();
}
