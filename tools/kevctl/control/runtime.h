/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the kevctl processes of a user that run guests can be found: a directory of the user's,
 * in it one for each process, named by its pid, with the file "info" and the socket "control".
 * The process has a lock (flock(2)) on it; one without was left behind.
 */
#ifndef KEVCTL_RUNTIME_H
#define KEVCTL_RUNTIME_H

#include <limits.h>
#include <sys/types.h>

#include "info.h"

/**
 * struct runtime - this process's own entry
 * @base: directory of the user's, or -1
 * @dir: the process's own in it, or -1
 * @name: its name there
 * @listener: the socket, or -1
 */
struct runtime {
	int base;
	int dir;
	char name[16];
	int listener;
};

/**
 * runtime_base() - name of the user's directory
 * @path: out
 *
 * $XDG_RUNTIME_DIR/kev where that variable names a directory of the user's own; for root
 * else /run/kev.
 *
 * Return: 0; -ENOENT there is none; -ENAMETOOLONG.
 */
int runtime_base(char path[PATH_MAX]);

/**
 * runtime_open() - make this process's entry, with a socket that others can connect to
 * @runtime: out; runtime_close() is due either way
 * @info: what the file shall tell
 *
 * Return: 0 or a negative errno, and there is no entry.
 */
int runtime_open(struct runtime *runtime, const struct runtime_info *info);

/* runtime_close() - take the entry away */
void runtime_close(struct runtime *runtime);

/**
 * runtime_connect() - reach the process of an entry
 * @pid: of the process
 *
 * An entry whose process has ended without taking it away is removed.
 *
 * Return: a socket; -ENOENT there is no such process; -EAGAIN it does not answer; another
 * negative errno.
 */
int runtime_connect(pid_t pid);

/**
 * runtime_read_info() - what an entry tells
 * @pid: of the process
 * @info: out
 *
 * The bytes are that process's: text from it may hold anything but NUL.
 *
 * Return: 0 or a negative errno.
 */
int runtime_read_info(pid_t pid, struct runtime_info *info);

/**
 * runtime_list() - all entries whose process is there
 * @infos: out: an array for free(), by ascending pid
 *
 * Return: how many, or a negative errno.
 */
int runtime_list(struct runtime_info **infos);

#endif /* KEVCTL_RUNTIME_H */
