// SPDX-License-Identifier: GPL-2.0
/* Files in kevctl's memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memory_file.h"

#define LEAST_ROOM	(64ULL * 1024)

static void touch(struct memory_file *file)
{
	clock_gettime(CLOCK_REALTIME, &file->changed);
}

struct memory_file *memory_file_create(struct memory_budget *budget, uint64_t id)
{
	struct memory_file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->refs = 1;
	file->id = id;
	file->budget = budget;
	touch(file);
	return file;
}

struct memory_file *memory_file_get(struct memory_file *file)
{
	file->refs++;
	return file;
}

void memory_file_truncate(struct memory_file *file)
{
	if (file->bytes)
		munmap(file->bytes, file->room);
	file->bytes = NULL;
	file->budget->used -= file->size;
	file->room = 0;
	file->size = 0;
	touch(file);
}

void memory_file_put(struct memory_file *file)
{
	if (--file->refs)
		return;
	memory_file_truncate(file);
	free(file);
}

size_t memory_file_read(const struct memory_file *file, uint64_t offset, void *buffer,
			size_t length)
{
	if (offset >= file->size)
		return 0;
	if (length > file->size - offset)
		length = file->size - offset;
	memcpy(buffer, file->bytes + offset, length);
	return length;
}

/*
 * Room for @size bytes, and an eighth more for what will follow. What lies behind the file's
 * end has never been written: it is zero, and takes no memory.
 */
static int grow(struct memory_file *file, uint64_t size)
{
	uint64_t room = (size + size / 8 + LEAST_ROOM) / LEAST_ROOM * LEAST_ROOM;
	void *bytes;

	if (size <= file->size)
		return 0;
	if (size - file->size > file->budget->most - file->budget->used)
		return -ENOSPC;
	if (size <= file->room)
		return 0;
	if (file->bytes)
		bytes = mremap(file->bytes, file->room, room, MREMAP_MAYMOVE);
	else
		bytes = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	if (bytes == MAP_FAILED)
		return -ENOSPC;
	file->bytes = bytes;
	file->room = room;
	return 0;
}

ssize_t memory_file_write(struct memory_file *file, uint64_t offset, const void *buffer,
			  size_t length)
{
	uint64_t end;
	int error;

	if (!length)
		return 0;
	if (__builtin_add_overflow(offset, length, &end))
		return -EFBIG;
	error = grow(file, end);
	if (error)
		return error;
	memcpy(file->bytes + offset, buffer, length);
	if (end > file->size) {
		file->budget->used += end - file->size;
		file->size = end;
	}
	touch(file);
	return length;
}
