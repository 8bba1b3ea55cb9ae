/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that a guest makes where nothing of the host's is mapped: they live in
 * kevctl's memory, and end with the guest.
 */
#ifndef KEVCTL_HERMIT_MEMORY_FILE_H
#define KEVCTL_HERMIT_MEMORY_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/**
 * struct memory_budget - what all such files of a guest may hold together
 * @most: bytes
 * @used: bytes
 */
struct memory_budget {
	uint64_t most;
	uint64_t used;
};

/**
 * struct memory_file - one file
 * @refs: its name, and each time that it is open
 * @id: inode number
 * @budget: what it counts against
 * @bytes: contents
 * @size: bytes of it
 * @room: bytes allocated
 * @changed: when
 *
 * The caller's lock guards it and its budget.
 */
struct memory_file {
	unsigned int refs;
	uint64_t id;
	struct memory_budget *budget;
	unsigned char *bytes;
	size_t size;
	size_t room;
	struct timespec changed;
};

/* memory_file_create() - a file with one reference, empty; or NULL */
struct memory_file *memory_file_create(struct memory_budget *budget, uint64_t id);
struct memory_file *memory_file_get(struct memory_file *file);
void memory_file_put(struct memory_file *file);

/* As pread(2) and pwrite(2): bytes, or -ENOSPC */
size_t memory_file_read(const struct memory_file *file, uint64_t offset, void *buffer,
			size_t length);
ssize_t memory_file_write(struct memory_file *file, uint64_t offset, const void *buffer,
			  size_t length);

/* Drops the contents. */
void memory_file_truncate(struct memory_file *file);

#endif /* KEVCTL_HERMIT_MEMORY_FILE_H */
