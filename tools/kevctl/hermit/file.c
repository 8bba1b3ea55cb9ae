// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest that name an open file. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "listing.h"

static int64_t size_of(struct files *files, struct file *file)
{
	struct stat stat;
	int64_t size;

	if (file->kind == FILE_MEMORY) {
		pthread_mutex_lock(&files->lock);
		size = file->memory->size;
		pthread_mutex_unlock(&files->lock);
		return size;
	}
	return fstat(file->fd, &stat) ? -errno : stat.st_size;
}

static int64_t base_of(struct files *files, struct file *file, uint32_t whence)
{
	switch (whence) {
	case SEEK_SET:
		return 0;
	case SEEK_CUR:
		return file->offset;
	case SEEK_END:
		return size_of(files, file);
	default:
		return -EINVAL;
	}
}

static int64_t seek_locked(struct files *files, struct file *file, int64_t offset,
			   uint32_t whence)
{
	int64_t base = base_of(files, file, whence);
	int64_t position;

	if (base < 0)
		return base;
	if (__builtin_add_overflow(base, offset, &position))
		return -EOVERFLOW;
	if (position < 0)
		return -EINVAL;
	file->offset = position;
	return position;
}

/* To its start, or to where an entry has said that the next one is */
static int64_t seek_entries_locked(struct file *file, int64_t offset, uint32_t whence)
{
	size_t whole;

	if (whence != SEEK_SET || offset < 0)
		return -EINVAL;
	if (file->kind == FILE_DIRECTORY)
		return lseek(file->fd, offset, SEEK_SET) < 0 ? -errno : offset;
	if ((size_t)offset > file->list_size)
		return -EINVAL;
	whole = listing_whole(file->list, file->list_size, offset);
	if (whole != (size_t)offset)
		return -EINVAL;
	file->offset = offset;
	return offset;
}

int64_t files_lseek(struct files *files, int32_t fd, int64_t offset, uint32_t whence)
{
	struct file *file = files_get(files, fd);
	int64_t position = -ESPIPE;

	if (!file)
		return fd >= 0 && fd < FILES_FIRST ? -ESPIPE : -EBADF;
	pthread_mutex_lock(&file->lock);
	if (file->kind == FILE_REGULAR || file->kind == FILE_MEMORY)
		position = seek_locked(files, file, offset, whence);
	else if (file->kind == FILE_DIRECTORY || file->kind == FILE_LIST)
		position = seek_entries_locked(file, offset, whence);
	pthread_mutex_unlock(&file->lock);
	files_put(files, file);
	return position;
}

ssize_t file_peek(struct files *files, struct file *file, void *buffer, size_t length)
{
	ssize_t n;

	if (file->kind == FILE_MEMORY) {
		pthread_mutex_lock(&files->lock);
		n = memory_file_read(file->memory, file->offset, buffer, length);
		pthread_mutex_unlock(&files->lock);
		return n;
	}
	if (file->kind != FILE_REGULAR)
		return -EISDIR;
	do {
		n = pread(file->fd, buffer, length, file->offset);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void file_skip(struct file *file, size_t length)
{
	file->offset += length;
}

static ssize_t write_memory(struct files *files, struct file *file, const void *buffer,
			    size_t length)
{
	ssize_t n;

	pthread_mutex_lock(&files->lock);
	if (file->append)
		file->offset = file->memory->size;
	n = memory_file_write(file->memory, file->offset, buffer, length);
	pthread_mutex_unlock(&files->lock);
	return n;
}

/* With O_APPEND the kernel chooses the place, and its own position says which. */
static ssize_t write_host(struct file *file, const void *buffer, size_t length)
{
	ssize_t n;

	do {
		n = file->append ? write(file->fd, buffer, length) :
				   pwrite(file->fd, buffer, length, file->offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (file->append)
		file->offset = lseek(file->fd, 0, SEEK_CUR) - n;
	return n;
}

ssize_t file_write(struct files *files, struct file *file, const void *buffer, size_t length)
{
	ssize_t n = -EISDIR;

	if (file->kind == FILE_MEMORY)
		n = write_memory(files, file, buffer, length);
	else if (file->kind == FILE_REGULAR)
		n = write_host(file, buffer, length);
	if (n > 0)
		file->offset += n;
	return n;
}

int64_t file_position(struct file *file)
{
	return file->kind == FILE_DIRECTORY ? lseek(file->fd, 0, SEEK_CUR) : file->offset;
}

void file_entries_undo(struct file *file, int64_t position)
{
	if (file->kind == FILE_DIRECTORY)
		lseek(file->fd, position, SEEK_SET);
	else
		file->offset = position;
}

ssize_t file_entries(struct file *file, void *buffer, size_t length)
{
	size_t left, whole;
	ssize_t n;

	if (file->kind == FILE_DIRECTORY) {
		n = getdents64(file->fd, buffer, length);
		return n < 0 ? -errno : n;
	}
	if (file->kind != FILE_LIST)
		return -ENOTDIR;
	left = file->list_size - file->offset;
	whole = listing_whole(file->list + file->offset, left, length);
	if (!whole && left)
		return -EINVAL;
	memcpy(buffer, file->list + file->offset, whole);
	file->offset += whole;
	return whole;
}
