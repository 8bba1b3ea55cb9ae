// SPDX-License-Identifier: GPL-2.0
/* Failures on demand, where the kernel has CONFIG_FAULT_INJECTION */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kevtest.h"

#define DEBUGFS	"/sys/kernel/debug/"

/* Every allocation counts, and none that fails fills the log. */
static const struct {
	const char *path, *value;
} settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_usercopy/verbose", "0" },
	{ NULL, NULL }
};

int kt_fail_open(struct kt_fail *fail)
{
	fail->fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail->fd < 0)
		return -errno;
	for (size_t i = 0; settings[i].path; i++) {
		int ret = kt_write_file(settings[i].path, settings[i].value);

		if (ret)
			return ret;
	}
	return 0;
}

void kt_fail_close(struct kt_fail *fail)
{
	if (fail->fd >= 0)
		close(fail->fd);
	fail->fd = -1;
}

int kt_fail_nth(struct kt_fail *fail, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail->fd, text, n, 0) == n ? 0 : -errno;
}

int kt_fail_left(struct kt_fail *fail)
{
	char text[16] = "";

	return pread(fail->fd, text, sizeof(text) - 1, 0) < 0 ? -errno : atoi(text);
}

int kt_fail_end(struct kt_fail *fail)
{
	/* To tell it, and to take the next number, are copies too: those may be what fails. */
	int left = kt_fail_left(fail);

	while (pwrite(fail->fd, "0", 1, 0) != 1)
		if (errno != EFAULT)
			return -errno;
	if (left < 0)
		return left == -EFAULT ? 0 : left;
	return !left;
}
