// SPDX-License-Identifier: GPL-2.0
/* A buffer of kevctl's own for kev's trace events. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../kevctl.h"
#include "tracefs.h"

#define PREFIX	"kevctl-"

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX];
	int fd, error = 0;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* Instances of processes that are not there any more */
static void remove_stale(const char *instances)
{
	DIR *dir = opendir(instances);
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int pid;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) ||
		    parse_count(entry->d_name + strlen(PREFIX), 1, INT_MAX, &pid) ||
		    !kill(pid, 0) || errno != ESRCH)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", instances, entry->d_name) < PATH_MAX)
			rmdir(path);
	}
	if (dir)
		closedir(dir);
}

/* Is there anything to trace? */
static int check(const char *dir)
{
	char path[PATH_MAX];
	struct statfs stat;

	if (statfs(dir, &stat)) {
		message(dir, "%s", strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/events/kev", dir);
	if (!access(path, F_OK))
		return 0;
	if (errno == EACCES) {
		message(dir, "%s", strerror(errno));
		hint("run as root");
	} else if (stat.f_type != TRACEFS_MAGIC) {
		message(dir, "tracefs is not mounted");
		hint("mount -t tracefs none " TRACEFS);
	} else {
		message(path, "%s", strerror(errno));
		hint("the module is not loaded, or its kernel has no trace events");
	}
	return -ENOENT;
}

static int open_pipe(const char *instance)
{
	char path[PATH_MAX];
	int pipe;

	if (snprintf(path, sizeof(path), "%s/trace_pipe", instance) >= PATH_MAX)
		return -ENAMETOOLONG;
	pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return pipe < 0 ? -errno : pipe;
}

/* Options may come from the machine's main buffer: its lines shall be as we expect them. */
static void set_options(const char *instance)
{
	static const char *const options[] = {
		"context-info", "irq-info", "norecord-tgid", "noraw", "nohex", "nobin",
		"nolatency-format", "nofields", "noblock", "overwrite",
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		write_file(instance, "trace_options", options[i]);
	/* Else nobody is told before half of it is full. */
	write_file(instance, "buffer_percent", "0");
}

int tracefs_open(struct tracefs *tracefs, const char *dir, unsigned int buffer_kib)
{
	char instances[PATH_MAX / 2], size[16];
	int error;

	*tracefs = (struct tracefs){ .pipe = -1 };
	dir = dir ? dir : TRACEFS;
	error = check(dir);
	if (error)
		return error;
	if (snprintf(instances, sizeof(instances), "%s/instances", dir) >= PATH_MAX / 2)
		return -ENAMETOOLONG;
	remove_stale(instances);
	snprintf(tracefs->path, sizeof(tracefs->path), "%s/" PREFIX "%d", instances, getpid());
	if (mkdir(tracefs->path, 0700)) {
		error = -errno;
		message(tracefs->path, "%s", strerror(-error));
		*tracefs->path = '\0';
		return error;
	}
	set_options(tracefs->path);
	snprintf(size, sizeof(size), "%u", buffer_kib);
	error = write_file(tracefs->path, "trace_clock", "x86-tsc");
	if (!error)
		error = write_file(tracefs->path, "buffer_size_kb", size);
	if (!error) {
		tracefs->pipe = open_pipe(tracefs->path);
		error = tracefs->pipe < 0 ? tracefs->pipe : 0;
	}
	if (error)
		message(tracefs->path, "%s", strerror(-error));
	return error;
}

void tracefs_close(struct tracefs *tracefs)
{
	if (tracefs->pipe >= 0)
		close(tracefs->pipe);
	if (*tracefs->path && rmdir(tracefs->path))
		message(tracefs->path, "%s", strerror(errno));
	*tracefs = (struct tracefs){ .pipe = -1 };
}

int tracefs_enable(const struct tracefs *tracefs, const char *event, uint64_t vm)
{
	char name[128], filter[32];
	int error = 0;

	event = event ? event : "";
	if (vm) {
		snprintf(name, sizeof(name), "events/kev/%s/filter", event);
		snprintf(filter, sizeof(filter), "vm == %" PRIu64, vm);
		error = write_file(tracefs->path, name, filter);
	}
	if (!error) {
		snprintf(name, sizeof(name), "events/kev/%s/enable", event);
		error = write_file(tracefs->path, name, "1");
	}
	if (error)
		message(name, "%s", strerror(-error));
	return error;
}

void tracefs_stop(const struct tracefs *tracefs)
{
	write_file(tracefs->path, "tracing_on", "0");
}
