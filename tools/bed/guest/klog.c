// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log from the moment /init ran. Records are sent as they come, so that what was
 * logged before a machine hung is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

/* What /init wrote into the log as its first act. */
#define KLOG_MARK ";bed: init"

/* Records longer than this do not exist (PRINTKRB_RECORD_MAX and the prefix). */
#define KLOG_RECORD 8192

/* In place of records that were overwritten before we read them: there may have been a report. */
#define KLOG_LOST "4,0,0,-;bed: records of the log were lost\n"

/* One record into buf; its length, 0 when there is none now. */
static ssize_t klog_read(int fd, char *buf)
{
	for (;;) {
		ssize_t n = read(fd, buf, KLOG_RECORD - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			strcpy(buf, KLOG_LOST);
			return strlen(KLOG_LOST);
		}
		if (n <= 0)
			return 0;
		buf[n] = 0;
		return n;
	}
}

int klog_open(void)
{
	static char buf[KLOG_RECORD];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	while (fd >= 0 && klog_read(fd, buf) && !strstr(buf, KLOG_MARK))
		;
	return fd;
}

void klog_copy(int fd)
{
	static char buf[KLOG_RECORD];
	ssize_t n;

	while (fd >= 0 && (n = klog_read(fd, buf)) > 0)
		channel_send(FRAME_KLOG, buf, n);
}
