// SPDX-License-Identifier: GPL-2.0
/* Where counters come from. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../control/control.h"
#include "../control/runtime.h"
#include "../kevctl.h"
#include "source.h"

#define CHUNK		65536
#define TABLE_MOST	(64U << 20)
#define ANSWER_MOST	(1U << 20)	/* from one process */
#define ANSWER_SECONDS	2
#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL

static bool is_mounted(const char *path)
{
	struct statfs stat;

	return !statfs(path, &stat) && stat.f_type == DEBUGFS_MAGIC;
}

static bool has_tables(const char *debugfs)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/kev/vms", debugfs) < PATH_MAX &&
	       !access(path, R_OK);
}

/* Root may expect all VMs. */
static void say_what_is_missing(void)
{
	int error = errno;

	if (is_mounted(DEBUGFS)) {
		message(DEBUGFS "/kev/vms", "%s", strerror(error));
		hint("the module is not loaded, or an old one: kevctl version");
	} else {
		message(DEBUGFS, "debugfs is not mounted");
		hint("mount -t debugfs none " DEBUGFS);
	}
	hint("without it there are only the guests that kevctl runs for this user");
}

int source_open(struct source *source, const char *debugfs)
{
	*source = (struct source){ .debugfs = debugfs };
	if (debugfs) {
		if (has_tables(debugfs))
			return 0;
		message(debugfs, "has no kev/vms: %s", strerror(errno));
		return -ENOENT;
	}
	if (geteuid())
		return 0;
	if (has_tables(DEBUGFS)) {
		source->debugfs = DEBUGFS;
		return 0;
	}
	say_what_is_missing();
	return 0;
}

/* read(), but with nothing at @deadline in monotonic ns; 0: waits as long as it takes */
static ssize_t read_until(int fd, void *buffer, size_t size, uint64_t deadline)
{
	struct pollfd fds = { .fd = fd, .events = POLLIN };
	uint64_t now;
	int ready;

	do {
		now = deadline ? read_clock(CLOCK_MONOTONIC) : 0;
		if (deadline && now >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		ready = poll(&fds, 1, deadline ? (int)((deadline - now) / NSEC_PER_MSEC) + 1 : -1);
	} while (!ready || (ready < 0 && errno == EINTR));
	return ready < 0 ? -1 : read(fd, buffer, size);
}

/* All bytes of a descriptor, up to @most, NUL-terminated. Returns NULL with errno. */
static char *read_all(int fd, size_t most, uint64_t deadline)
{
	size_t size = CHUNK, length = 0;
	char *text = malloc(size + 1), *more;
	ssize_t n = text ? read_until(fd, text, size, deadline) : -1;

	while (n > 0) {
		length += n;
		if (length == size) {
			size *= 2;
			more = size > most ? NULL : realloc(text, size + 1);
			if (!more) {
				free(text);
				errno = ENOMEM;
				return NULL;
			}
			text = more;
		}
		n = read_until(fd, text + length, size - length, deadline);
	}
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

static char *read_file(const char *debugfs, const char *name)
{
	char path[PATH_MAX];
	char *text;
	int fd;

	snprintf(path, sizeof(path), "%s/kev/%s", debugfs, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = read_all(fd, TABLE_MOST, 0);
	close(fd);
	return text;
}

static int read_debugfs(const char *debugfs, struct samples *samples)
{
	struct sample_tables tables = {
		.vms = read_file(debugfs, "vms"),
		.vcpus = read_file(debugfs, "vcpus"),
		.exits = read_file(debugfs, "exits"),
	};
	int error = -errno;

	if (tables.vms && tables.vcpus && tables.exits)
		error = samples_add(samples, &tables);
	free(tables.vms);
	free(tables.vcpus);
	free(tables.exits);
	return error;
}

/* One that does not answer, or not to the end, is as good as gone. */
static char *ask(pid_t pid)
{
	static const char request[] = CONTROL_STATS "\n";
	uint64_t deadline = read_clock(CLOCK_MONOTONIC) + ANSWER_SECONDS * NSEC_PER_SEC;
	int connection = runtime_connect(pid);
	char *text = NULL;

	if (connection < 0)
		return NULL;
	if (send(connection, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		text = read_all(connection, ANSWER_MOST, deadline);
	close(connection);
	return text;
}

/* What a process says of itself is its VM's only. */
static int add_process(struct samples *samples, const struct runtime_info *info)
{
	char *text = ask(info->pid);
	unsigned int before = samples->nr;
	struct sample_tables tables;
	struct samples own = { .most = 1 };
	int error = 0;

	if (text && !samples_split(text, &tables) && !samples_add(&own, &tables) && own.nr == 1) {
		struct vm_sample *vms = realloc(samples->vms, (before + 1) * sizeof(*vms));

		if (vms) {
			samples->vms = vms;
			vms[samples->nr++] = own.vms[0];
			vms[before].pid = info->pid;
			own.nr = 0;
		} else {
			error = -ENOMEM;
		}
	}
	samples_fini(&own);
	free(text);
	return error;
}

static void add_images(struct samples *samples, const struct runtime_info *infos, int nr)
{
	for (unsigned int i = 0; i < samples->nr; i++)
		for (int j = 0; j < nr; j++)
			if (infos[j].pid == samples->vms[i].pid)
				strcpy(samples->vms[i].image, infos[j].image);
}

int source_read(const struct source *source, struct samples *samples)
{
	struct runtime_info *infos;
	int nr = runtime_list(&infos), error = 0;

	*samples = (struct samples){ .time = read_clock(CLOCK_MONOTONIC) };
	if (source->debugfs)
		error = read_debugfs(source->debugfs, samples);
	else if (nr < 0)
		error = nr;
	for (int i = 0; i < nr && !source->debugfs && !error; i++)
		error = add_process(samples, &infos[i]);
	if (error)
		samples_fini(samples);
	else
		add_images(samples, infos, nr);
	free(infos);
	return error;
}
