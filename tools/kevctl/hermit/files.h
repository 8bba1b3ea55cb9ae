/* SPDX-License-Identifier: GPL-2.0 */
/* The files that a Hermit guest has open, and those that it can open. */
#ifndef KEVCTL_HERMIT_FILES_H
#define KEVCTL_HERMIT_FILES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../run_options.h"
#include "memory_file.h"
#include "tree.h"

/* The guest's descriptors: the first three are its streams, and never in this table */
#define FILES_FIRST	3
#define FILES_MAX	256

enum file_kind {
	FILE_REGULAR,		/* of the host's */
	FILE_STREAM,		/* of the host's: no position, may have to be waited for */
	FILE_DIRECTORY,		/* of the host's */
	FILE_MEMORY,		/* struct memory_file */
	FILE_LIST,		/* a directory that is the tree's: what was in it */
};

/**
 * struct file - an open file
 * @refs: the table's, and one for each call that uses it [struct files.lock]
 * @lock: guards what follows
 * @kind: kind [I]
 * @fd: of the host, -1 for the last two kinds [I]
 * @readable: by how it was opened [I]
 * @writable: likewise [I]
 * @append: likewise [I]
 * @offset: position of FILE_REGULAR, FILE_MEMORY and FILE_LIST; not negative
 * @memory: of FILE_MEMORY, with a reference
 * @list: of FILE_LIST: struct linux_dirent64 one after the other
 * @list_size: bytes of it
 */
struct file {
	unsigned int refs;
	pthread_mutex_t lock;
	enum file_kind kind;
	int fd;
	bool readable, writable, append;
	int64_t offset;
	struct memory_file *memory;
	unsigned char *list;
	size_t list_size;
};

/**
 * struct files - all of a guest's
 * @lock: guards everything below; taken inside a file's
 * @tree: paths
 * @budget: for files in memory, and the lists of open directories of the tree's
 * @last_id: inode number of the latest one
 * @table: by descriptor - FILES_FIRST
 */
struct files {
	pthread_mutex_t lock;
	struct tree tree;
	struct memory_budget budget;
	uint64_t last_id;
	struct file *table[FILES_MAX];
};

/**
 * files_init() - open what is mapped
 * @files: out; files_fini() is due after success
 * @mappings: HOST:GUEST[:ro|rw]
 * @memory_bytes: what files of the guest's own, and open directories, may take together
 *
 * Says on stderr what is wrong.
 *
 * Return: 0 or the exit status.
 */
int files_init(struct files *files, const struct text_list *mappings, uint64_t memory_bytes);
void files_fini(struct files *files);

/* files_place() - the mappings, from 0 on; NULL behind the last */
const struct place *files_place(struct files *files, unsigned int index);

/*
 * files_mount() - guest directories, but for the root, that are mapped or have a mapped
 * file in them, from 0 on, each once: the path, to be freed; NULL behind the last
 */
char *files_mount(struct files *files, unsigned int index);

/*
 * The calls. Results are as those of the system calls, but negative errnos. Paths are the
 * guest's, @flags and @mode are as on Linux. From any thread.
 */
int files_open(struct files *files, const char *path, uint32_t flags, uint32_t mode);
int files_close(struct files *files, int32_t fd);
int files_unlink(struct files *files, const char *path);
int files_mkdir(struct files *files, const char *path);
int files_stat(struct files *files, const char *path, bool follow, struct stat *stat);
int files_fstat(struct files *files, int32_t fd, struct stat *stat);
int64_t files_lseek(struct files *files, int32_t fd, int64_t offset, uint32_t whence);

/* files_get() - use an open file, until files_put(); NULL if there is none */
struct file *files_get(struct files *files, int32_t fd);
void files_put(struct files *files, struct file *file);

/*
 * The position stays where it is in file_peek(); file_skip() moves it on. file_write()
 * moves it on itself. With file.lock held; not for streams.
 */
ssize_t file_peek(struct files *files, struct file *file, void *buffer, size_t length);
void file_skip(struct file *file, size_t length);
ssize_t file_write(struct files *files, struct file *file, const void *buffer, size_t length);

/* file_entries() - as getdents64(2), and file_entries_undo() as if it had not been */
ssize_t file_entries(struct file *file, void *buffer, size_t length);
void file_entries_undo(struct file *file, int64_t position);
int64_t file_position(struct file *file);

#endif /* KEVCTL_HERMIT_FILES_H */
