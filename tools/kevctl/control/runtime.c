// SPDX-License-Identifier: GPL-2.0
/* Where the kevctl processes of a user that run guests can be found. */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../kevctl.h"
#include "runtime.h"

#define INFO		"info"
#define SOCKET		"control"
#define SOCKET_NEW	"control.new"	/* until it listens */
#define BACKLOG		8
/* One second in all */
#define LOCK_TRIES	20
#define LOCK_PAUSE_NS	50000000

static bool is_own_directory(const char *path)
{
	struct stat stat;

	return !lstat(path, &stat) && S_ISDIR(stat.st_mode) && stat.st_uid == geteuid();
}

int runtime_base(char path[PATH_MAX])
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (!runtime_dir || *runtime_dir != '/' || !is_own_directory(runtime_dir)) {
		if (geteuid())
			return -ENOENT;
		runtime_dir = "/run";
	}
	if (snprintf(path, PATH_MAX, "%s/kev", runtime_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

/* Nobody else may have put anything there. */
static int open_base(bool make)
{
	char path[PATH_MAX];
	struct stat stat;
	int base, error = runtime_base(path);

	if (error)
		return error;
	if (make && mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	base = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0)
		return -errno;
	if (fstat(base, &stat) || stat.st_uid != geteuid() || stat.st_mode & 022) {
		close(base);
		return -EPERM;
	}
	return base;
}

/* By way of the directory's descriptor: its path may be longer than an address holds. */
static socklen_t make_address(struct sockaddr_un *address, int dir, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", dir, name);
	return sizeof(*address);
}

static void remove_files(int dir)
{
	unlinkat(dir, SOCKET, 0);
	unlinkat(dir, SOCKET_NEW, 0);
	unlinkat(dir, INFO, 0);
}

static void remove_entry(int base, int dir, const char *name)
{
	remove_files(dir);
	unlinkat(base, name, AT_REMOVEDIR);
}

static int write_info(int dir, const struct runtime_info *info)
{
	int fd = openat(dir, INFO, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int error;

	if (!file) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	info_print(file, info);
	return fclose(file) ? -errno : 0;
}

/* Under its name there is a socket that listens, or none: see runtime_connect(). */
static int listen_in(int dir)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int error = 0;
	mode_t mask;

	if (fd < 0)
		return -errno;
	/* Who controls a guest is its owner. */
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, make_address(&address, dir, SOCKET_NEW)) ||
	    listen(fd, BACKLOG) || renameat(dir, SOCKET_NEW, dir, SOCKET))
		error = -errno;
	umask(mask);
	if (error)
		close(fd);
	return error ? error : fd;
}

static int open_entry(int base, const char *name)
{
	int dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? -errno : dir;
}

/*
 * Whose entry it is holds a lock on it until it ends, in whatever way. Who removes one has the
 * lock as well; what is there under the name may be another one by then: -ENOENT.
 */
static int lock_entry(int base, int dir, const char *name, int operation)
{
	struct stat entry, there;

	while (flock(dir, operation))
		if (errno != EINTR)
			return -errno;
	if (fstat(dir, &entry) || fstatat(base, name, &there, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return entry.st_dev == there.st_dev && entry.st_ino == there.st_ino ? 0 : -ENOENT;
}

/*
 * One that is there was left behind by a process with the same pid, and somebody may be about to
 * remove it. Or that process lives, where several namespaces of PIDs share the directory: -EBUSY.
 */
static int make_entry(int base, const char *name)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int dir, error;

	for (unsigned int tries = 0; tries < LOCK_TRIES; tries++) {
		if (mkdirat(base, name, 0700) && errno != EEXIST)
			return -errno;
		dir = open_entry(base, name);
		error = dir < 0 ? dir : lock_entry(base, dir, name, LOCK_EX | LOCK_NB);
		if (!error)
			return dir;
		if (dir >= 0)
			close(dir);
		if (error == -EWOULDBLOCK)
			nanosleep(&pause, NULL);
		else if (error != -ENOENT)
			return error;
	}
	return -EBUSY;
}

int runtime_open(struct runtime *runtime, const struct runtime_info *info)
{
	int error;

	*runtime = (struct runtime){ .base = open_base(true), .dir = -1, .listener = -1 };
	if (runtime->base < 0)
		return runtime->base;
	snprintf(runtime->name, sizeof(runtime->name), "%d", info->pid);
	runtime->dir = make_entry(runtime->base, runtime->name);
	if (runtime->dir < 0)
		return runtime->dir;
	remove_files(runtime->dir);
	error = write_info(runtime->dir, info);
	if (!error) {
		runtime->listener = listen_in(runtime->dir);
		error = runtime->listener < 0 ? runtime->listener : 0;
	}
	if (error)
		runtime_close(runtime);
	return error;
}

void runtime_close(struct runtime *runtime)
{
	if (runtime->dir >= 0) {
		remove_entry(runtime->base, runtime->dir, runtime->name);
		close(runtime->dir);
	}
	if (runtime->base >= 0)
		close(runtime->base);
	if (runtime->listener >= 0)
		close(runtime->listener);
	*runtime = (struct runtime){ .base = -1, .dir = -1, .listener = -1 };
}

static int open_entry_of(int base, pid_t pid)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", pid);
	return open_entry(base, name);
}

/* Does not wait for a process that is stopped. */
static int connect_to(int dir)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, make_address(&address, dir, SOCKET)) ||
	    fcntl(fd, F_SETFL, 0)) {
		error = -errno;
		close(fd);
	}
	return error ? error : fd;
}

int runtime_connect(pid_t pid)
{
	int base = open_base(false), dir, fd;
	char name[16];

	if (base < 0)
		return base;
	dir = open_entry_of(base, pid);
	fd = dir < 0 ? dir : connect_to(dir);
	/* Whoever made the entry has the lock as long as it lives, even without a socket. */
	if (dir >= 0 && (fd == -ECONNREFUSED || fd == -ENOENT)) {
		snprintf(name, sizeof(name), "%d", pid);
		if (!lock_entry(base, dir, name, LOCK_EX | LOCK_NB))
			remove_entry(base, dir, name);
		fd = -ENOENT;
	}
	if (dir >= 0)
		close(dir);
	close(base);
	return fd;
}

static int read_info_from(int dir, pid_t pid, struct runtime_info *info)
{
	int fd = openat(dir, INFO, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[INFO_BYTES + 1];
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	info_parse(text, info);
	/* Where it was found counts, not what it says. */
	info->pid = pid;
	return 0;
}

int runtime_read_info(pid_t pid, struct runtime_info *info)
{
	int base = open_base(false), dir, error;

	if (base < 0)
		return base;
	dir = open_entry_of(base, pid);
	error = dir < 0 ? dir : read_info_from(dir, pid, info);
	if (dir >= 0)
		close(dir);
	close(base);
	return error;
}

static int add_entry(struct runtime_info **infos, unsigned int nr, pid_t pid)
{
	int fd = runtime_connect(pid);
	struct runtime_info *more;

	if (fd < 0 && fd != -EAGAIN)
		return 0;
	if (fd >= 0)
		close(fd);
	more = realloc(*infos, (nr + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*infos = more;
	return !runtime_read_info(pid, &more[nr]);
}

static int compare(const void *a, const void *b)
{
	const struct runtime_info *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int runtime_list(struct runtime_info **infos)
{
	int base = open_base(false);
	DIR *dir = base < 0 ? NULL : fdopendir(base);
	struct dirent *entry;
	unsigned int pid;
	int nr = 0, added = 0;

	*infos = NULL;
	if (base < 0)
		return base == -ENOENT ? 0 : base;
	if (!dir) {
		close(base);
		return -ENOMEM;
	}
	while (added >= 0 && (entry = readdir(dir))) {
		if (parse_count(entry->d_name, 1, INT_MAX, &pid))
			continue;
		added = add_entry(infos, nr, pid);
		nr += added > 0;
	}
	closedir(dir);
	if (nr)
		qsort(*infos, nr, sizeof(**infos), compare);
	if (added < 0) {
		free(*infos);
		*infos = NULL;
	}
	return added < 0 ? added : nr;
}
