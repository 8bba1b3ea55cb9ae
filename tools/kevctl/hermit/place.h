/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file or directory of the host's that the user has given to a guest. What
 * the guest names below it is resolved by the kernel as if the directory were
 * the root of everything: no "..", no symbolic link and no race leads out.
 */
#ifndef KEVCTL_HERMIT_PLACE_H
#define KEVCTL_HERMIT_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

/**
 * struct place - file or directory
 * @directory: O_PATH: the directory itself, or the one that the file is in
 * @itself: O_PATH: the file, -1 if it was not there; for a directory the same as @directory
 * @name: of the file in @directory; NULL for a directory
 * @writable: the guest may change it
 */
struct place {
	int directory;
	int itself;
	char *name;
	bool writable;
};

/**
 * place_open() - take a path of the host's
 * @place: out; place_close() is due after success
 * @path: directory, file, or a file that is not there yet in a directory that is
 * @writable: the guest may change it
 *
 * Symbolic links on the way are the user's, and followed now.
 *
 * Return: 0 or a negative errno.
 */
int place_open(struct place *place, const char *path, bool writable);
void place_close(struct place *place);

/*
 * The rest of a path, below: without slash in front, "" for the place itself, without
 * "." and "..". What is neither a regular file nor a directory is given only where the
 * user has mapped it by its own name; block devices and sockets never: -EACCES.
 * Descriptors are close-on-exec.
 */

/**
 * place_open_file() - open(2)
 * @place: place
 * @rest: rest of a path
 * @flags: O_* of the host; O_NONBLOCK and O_NOCTTY are added
 * @mode: permissions of a new file
 * @stat: out: what was opened
 *
 * Return: a descriptor or a negative errno; -EROFS where the guest may not write.
 */
int place_open_file(const struct place *place, const char *rest, int flags, unsigned int mode,
		    struct stat *stat);

/* place_stat() - stat(2), or lstat(2); 0 or a negative errno */
int place_stat(const struct place *place, const char *rest, bool follow, struct stat *stat);

/* place_unlink() - unlink(2); 0 or a negative errno */
int place_unlink(const struct place *place, const char *rest);

/* place_mkdir() - mkdir(2) with mode 0777; 0 or a negative errno */
int place_mkdir(const struct place *place, const char *rest);

#endif /* KEVCTL_HERMIT_PLACE_H */
