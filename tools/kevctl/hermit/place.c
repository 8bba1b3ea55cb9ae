// SPDX-License-Identifier: GPL-2.0
/* Files and directories of the host's that a guest may use. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "place.h"

/* openat2(2): -EAGAIN says that a name on the way was moved meanwhile. */
#define MAX_TRIES	64

static int open_path(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* @path: absolute, without symbolic links; its last name may not exist */
static int open_file_place(struct place *place, char *path)
{
	char *slash = strrchr(path, '/');

	place->name = strdup(slash + 1);
	if (!place->name)
		return -ENOMEM;
	place->itself = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	/* Only one that the guest may make need not be there. */
	if (place->itself < 0 && (!place->writable || errno != ENOENT))
		return -errno;
	slash[slash == path] = '\0';
	place->directory = open_path(path);
	return place->directory < 0 ? place->directory : 0;
}

/* The directory's path, and the name that is not there behind it */
static int resolve_new(const char *path, char *resolved)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char directory[PATH_MAX] = ".";
	struct stat stat;
	size_t length;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -ENOENT;
	/* A symbolic link to nothing is no name for a new file. */
	if (!lstat(path, &stat))
		return -ENOENT;
	if (slash) {
		length = slash == path ? 1 : slash - path;
		if (length >= sizeof(directory))
			return -ENAMETOOLONG;
		memcpy(directory, path, length);
		directory[length] = '\0';
	}
	if (!realpath(directory, resolved))
		return -errno;
	length = strlen(resolved);
	if (length + strlen(name) + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	if (length > 1)
		resolved[length++] = '/';
	strcpy(resolved + length, name);
	return 0;
}

static bool is_directory(const char *path)
{
	struct stat stat;

	return !lstat(path, &stat) && S_ISDIR(stat.st_mode);
}

/* A directory of /proc has kevctl's own memory in it. */
static int open_directory_place(struct place *place, const char *path)
{
	struct statfs statfs;

	place->directory = open_path(path);
	if (place->directory < 0)
		return place->directory;
	place->itself = place->directory;
	if (fstatfs(place->directory, &statfs))
		return -errno;
	return statfs.f_type == PROC_SUPER_MAGIC ? -EPERM : 0;
}

int place_open(struct place *place, const char *path, bool writable)
{
	char resolved[PATH_MAX];
	bool exists = realpath(path, resolved);
	int error = 0;

	*place = (struct place){ .directory = -1, .itself = -1, .writable = writable };
	if (!exists)
		error = errno == ENOENT && writable ? resolve_new(path, resolved) : -errno;
	if (error)
		return error;
	if (exists && is_directory(resolved))
		error = open_directory_place(place, resolved);
	else
		error = open_file_place(place, resolved);
	if (error)
		place_close(place);
	return error;
}

void place_close(struct place *place)
{
	if (place->directory >= 0)
		close(place->directory);
	if (place->itself >= 0 && place->itself != place->directory)
		close(place->itself);
	free(place->name);
	*place = (struct place){ .directory = -1, .itself = -1 };
}

static int try_open(int directory, const char *path, const struct open_how *how)
{
	int fd, tries = 0;

	do {
		fd = syscall(SYS_openat2, directory, path, how, sizeof(*how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < MAX_TRIES);
	return fd < 0 ? -errno : fd;
}

/*
 * A file that was mapped has no symbolic link in its own name, and may be a mount itself. What is
 * mounted below a directory was not mapped with it: it might be /proc, and kevctl's own memory in
 * there.
 */
static int open_below(const struct place *place, const char *rest, int flags, unsigned int mode)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (place->name ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS :
					  RESOLVE_IN_ROOT | RESOLVE_NO_XDEV),
	};

	if (!place->name)
		return try_open(place->directory, *rest ? rest : ".", &how);
	if (*rest)
		return -ENOTDIR;
	return try_open(place->directory, place->name, &how);
}

static bool allowed(const struct place *place, const struct stat *stat)
{
	if (S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode))
		return true;
	return place->name && (S_ISCHR(stat->st_mode) || S_ISFIFO(stat->st_mode));
}

int place_stat(const struct place *place, const char *rest, bool follow, struct stat *stat)
{
	int fd = open_below(place, rest, O_PATH | (follow ? 0 : O_NOFOLLOW), 0);
	int error = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, stat))
		error = -errno;
	close(fd);
	return error;
}

static bool changes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

/*
 * What is there is looked at before it is opened, because opening a device or a FIFO may
 * have effects, and again behind it, because it may have changed meanwhile.
 */
int place_open_file(const struct place *place, const char *rest, int flags, unsigned int mode,
		    struct stat *stat)
{
	bool creates = flags & O_CREAT;
	int error = place_stat(place, rest, !(flags & O_NOFOLLOW), stat);
	int fd;

	if (!error && creates && flags & O_EXCL)
		return -EEXIST;
	if (!error && !allowed(place, stat))
		return S_ISLNK(stat->st_mode) ? -ELOOP : -EACCES;
	if (error && (error != -ENOENT || !creates))
		return error;
	if (!place->writable && (error || changes(flags)))
		return -EROFS;
	if (!place->writable)
		flags &= ~(O_CREAT | O_EXCL);
	fd = open_below(place, rest, flags | O_NONBLOCK | O_NOCTTY, mode);
	if (fd < 0)
		return fd;
	error = fstat(fd, stat) ? -errno : 0;
	if (!error && !allowed(place, stat))
		error = -EACCES;
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* The directory that the last name of @rest is in, and that name */
static int open_parent(const struct place *place, const char *rest, const char **name)
{
	const char *slash = strrchr(rest, '/');
	char parent[PATH_MAX];

	if (!place->writable)
		return -EROFS;
	*name = slash ? slash + 1 : rest;
	if (!slash)
		return open_below(place, "", O_PATH | O_DIRECTORY, 0);
	memcpy(parent, rest, slash - rest);
	parent[slash - rest] = '\0';
	return open_below(place, parent, O_PATH | O_DIRECTORY, 0);
}

int place_unlink(const struct place *place, const char *rest)
{
	const char *name;
	int fd, error;

	if (place->name) {
		if (*rest)
			return -ENOTDIR;
		if (!place->writable)
			return -EROFS;
		return unlinkat(place->directory, place->name, 0) ? -errno : 0;
	}
	if (!*rest)
		return -EISDIR;
	fd = open_parent(place, rest, &name);
	if (fd < 0)
		return fd;
	error = unlinkat(fd, name, 0) ? -errno : 0;
	close(fd);
	return error;
}

int place_mkdir(const struct place *place, const char *rest)
{
	const char *name;
	int fd, error;

	if (place->name)
		return *rest ? -ENOTDIR : -EEXIST;
	if (!*rest)
		return -EEXIST;
	fd = open_parent(place, rest, &name);
	if (fd < 0)
		return fd;
	error = mkdirat(fd, name, 0777) ? -errno : 0;
	close(fd);
	return error;
}
