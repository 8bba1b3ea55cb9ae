/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What kevctl gives up before the guest's first instruction, so that a guest which
 * has found a way into kevctl finds little there.
 */
#ifndef KEVCTL_SANDBOX_H
#define KEVCTL_SANDBOX_H

#include <stdbool.h>

/* Parts that --sandbox can leave out; without all of them, privileges can be gained, too */
#define SANDBOX_CAPABILITIES	(1U << 0)
#define SANDBOX_LIMITS		(1U << 1)
#define SANDBOX_LANDLOCK	(1U << 2)
#define SANDBOX_SECCOMP		(1U << 3)
#define SANDBOX_ALL		0xfU

#define SANDBOX_WORDS		"-capabilities, -limits, -landlock, -seccomp"

/**
 * struct sandbox_path - what the guest may reach of the host's files
 * @fd: a file or a directory; O_PATH will do
 * @writable: files may be written, made and removed there
 * @removable: of a directory, alone: files may be removed there, and nothing else
 * @removable_dirs: likewise: directories that are empty
 */
struct sandbox_path {
	int fd;
	bool writable;
	bool removable;
	bool removable_dirs;
};

/**
 * struct sandbox_needs - what has to work afterwards
 * @without: SANDBOX_*: parts that are left out
 * @files: descriptors that may be opened beside those that are open
 * @paths: everything that may be opened by a name
 * @nr_paths: how many; 0: nothing can be opened, made or removed
 * @sockets: connections may be accepted, and bytes go both ways
 * @network: sockets may be made and connected, too, and the paths read; it is not kevctl
 *	itself that asks for this
 * @streams: a descriptor may be put in another one's place
 * @verbose: say what is in effect
 */
struct sandbox_needs {
	unsigned int without;
	unsigned int files;
	const struct sandbox_path *paths;
	unsigned int nr_paths;
	bool sockets;
	bool network;
	bool streams;
	bool verbose;
};

/* sandbox_opens_files() - does any of the paths lead to a file that is opened by its name */
static inline bool sandbox_opens_files(const struct sandbox_needs *needs)
{
	for (unsigned int i = 0; i < needs->nr_paths; i++)
		if (!needs->paths[i].removable && !needs->paths[i].removable_dirs)
			return true;
	return false;
}

/**
 * sandbox_parse() - read a value of --sandbox
 * @text: on, off, or a list of SANDBOX_WORDS with commas between them
 * @without: out: SANDBOX_*: parts to leave out
 *
 * Return: 0, or -EINVAL when @text is none of these.
 */
int sandbox_parse(const char *text, unsigned int *without);

/**
 * sandbox_enter() - give it up, for good
 * @needs: what has to work afterwards
 *
 * For a process with one thread: those that it starts later inherit it. A part that the
 * kernel does not have is left out. Says on stderr what the user has turned off, and
 * what is wrong.
 *
 * Return: 0 or the exit status.
 */
int sandbox_enter(const struct sandbox_needs *needs);

/* Its parts; 0 or a negative errno. -EOPNOTSUPP: the kernel does not have it. */
int sandbox_landlock(const struct sandbox_needs *needs);
int sandbox_seccomp(const struct sandbox_needs *needs);

#endif /* KEVCTL_SANDBOX_H */
