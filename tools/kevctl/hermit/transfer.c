// SPDX-License-Identifier: GPL-2.0
/* Bytes between a Hermit guest's memory and its files and streams. */
#include <errno.h>
#include <unistd.h>

#include "call.h"
#include "streams.h"

#define PAGE_SIZE	4096
/* What is on its way at a time */
#define CHUNK		16384
/* What one call moves at most; read(2) and write(2) have the same limit. */
#define MOST		0x7ffff000ULL

static size_t chunk_of(uint64_t length)
{
	return length < CHUNK ? length : CHUNK;
}

/* Up to the end of the address space */
static uint64_t limit(uint64_t buffer, uint64_t length)
{
	if (buffer && length > -buffer)
		length = -buffer;
	return length;
}

/* What has been moved counts more than what came then. */
static int64_t result(uint64_t done, int64_t error)
{
	return done ? (int64_t)done : error;
}

/* The descriptor of the host's behind a stream of the guest's */
static ssize_t read_stream(struct call *call, int fd, void *bytes, size_t length)
{
	ssize_t n;

	if (fd != STDIN_FILENO)
		return stream_read(fd, bytes, length, call->stop);
	pthread_mutex_lock(&call->calls->input);
	n = stream_read(fd, bytes, length, call->stop);
	pthread_mutex_unlock(&call->calls->input);
	return n;
}

/*
 * What has been taken from a stream cannot be put back: look first whether the guest's
 * page is there. One page at a time, and no more once there are fewer bytes than room.
 */
static int64_t stream_to_guest(struct call *call, const struct guest_view *view, int fd,
			       uint64_t buffer, uint64_t length)
{
	unsigned char bytes[PAGE_SIZE];
	size_t part = PAGE_SIZE - buffer % PAGE_SIZE;
	ssize_t n;

	if (part > length)
		part = length;
	if (guest_read_all(view, buffer, bytes, 1))
		return -EFAULT;
	n = read_stream(call, fd, bytes, part);
	if (n <= 0)
		return n;
	return guest_write_all(view, buffer, bytes, n) ? -EFAULT : n;
}

static int64_t file_to_guest(struct call *call, const struct guest_view *view,
			     struct file *file, uint64_t buffer, uint64_t length)
{
	struct files *files = &call->calls->files;
	unsigned char bytes[CHUNK];
	uint64_t done = 0;
	ssize_t n, copied;

	do {
		n = file_peek(files, file, bytes, chunk_of(length - done));
		if (n <= 0)
			return result(done, n);
		copied = guest_write(view, buffer + done, bytes, n);
		if (copied < 0)
			return result(done, -EFAULT);
		file_skip(file, copied);
		done += copied;
	} while (copied == n && done < length && !stream_stopped(call->stop));
	return done;
}

int64_t call_read(struct call *call, const struct guest_view *view, int32_t fd, uint64_t buffer,
		  uint64_t length)
{
	struct files *files = &call->calls->files;
	struct file *file;
	int64_t n = -EBADF;

	if (length > MOST)
		length = MOST;
	length = limit(buffer, length);
	if (fd == GUEST_STDIN)
		return length ? stream_to_guest(call, view, STDIN_FILENO, buffer, length) : 0;
	file = files_get(files, fd);
	if (!file)
		return -EBADF;
	if (file->readable && !length) {
		n = 0;
	} else if (file->readable && file->kind == FILE_STREAM) {
		n = stream_to_guest(call, view, file->fd, buffer, length);
	} else if (file->readable) {
		pthread_mutex_lock(&file->lock);
		n = file_to_guest(call, view, file, buffer, length);
		pthread_mutex_unlock(&file->lock);
	}
	files_put(files, file);
	return n;
}

/* Where bytes of the guest's go: a number written, or a negative errno */
typedef ssize_t sink(struct call *call, struct file *file, const void *bytes, size_t length);

static ssize_t to_console(struct call *call, struct file *file, const void *bytes, size_t length)
{
	int error = console_write(call->console, bytes, length);

	(void)file;
	if (error < 0)
		call->failed = true;
	return error < 0 ? error : (ssize_t)length;
}

static ssize_t to_stderr(struct call *call, struct file *file, const void *bytes, size_t length)
{
	(void)file;
	return stream_write(STDERR_FILENO, bytes, length, call->stop);
}

static ssize_t to_stream(struct call *call, struct file *file, const void *bytes, size_t length)
{
	return stream_write(file->fd, bytes, length, call->stop);
}

static ssize_t to_file(struct call *call, struct file *file, const void *bytes, size_t length)
{
	struct files *files = &call->calls->files;
	size_t done = 0;
	ssize_t n;

	while (done < length) {
		n = file_write(files, file, (const unsigned char *)bytes + done, length - done);
		if (n <= 0)
			return result(done, n);
		done += n;
	}
	return done;
}

static int64_t from_guest(struct call *call, const struct guest_view *view, uint64_t buffer,
			  uint64_t length, sink *sink, struct file *file)
{
	unsigned char bytes[CHUNK];
	uint64_t done = 0;
	ssize_t got, n;

	length = limit(buffer, length);
	while (done < length && !stream_stopped(call->stop)) {
		got = guest_read(view, buffer + done, bytes, chunk_of(length - done));
		if (got < 0)
			return result(done, -EFAULT);
		n = sink(call, file, bytes, got);
		if (n < 0)
			return result(done, n);
		done += n;
		if (n < got)
			break;
	}
	return done;
}

static int64_t write_file(struct call *call, const struct guest_view *view, struct file *file,
			  uint64_t buffer, uint64_t length)
{
	int64_t n;

	if (!file->writable)
		return -EBADF;
	if (file->kind == FILE_STREAM)
		return from_guest(call, view, buffer, length, to_stream, file);
	pthread_mutex_lock(&file->lock);
	n = from_guest(call, view, buffer, length, to_file, file);
	pthread_mutex_unlock(&file->lock);
	return n;
}

int64_t call_write(struct call *call, const struct guest_view *view, int32_t fd,
		   uint64_t buffer, uint64_t length)
{
	struct files *files = &call->calls->files;
	struct file *file;
	int64_t n;

	if (fd == GUEST_STDOUT)
		return from_guest(call, view, buffer, length, to_console, NULL);
	if (fd == GUEST_STDERR)
		return from_guest(call, view, buffer, length, to_stderr, NULL);
	file = files_get(files, fd);
	if (!file)
		return -EBADF;
	n = write_file(call, view, file, buffer, length);
	files_put(files, file);
	return n;
}

int64_t call_entries(struct call *call, int32_t fd, uint64_t buffer, uint64_t length)
{
	struct files *files = &call->calls->files;
	struct file *file = files_get(files, fd);
	unsigned char bytes[CHUNK];
	int64_t position;
	ssize_t n;

	if (!file)
		return -EBADF;
	pthread_mutex_lock(&file->lock);
	position = file_position(file);
	n = file_entries(file, bytes, chunk_of(limit(buffer, length)));
	if (n > 0 && guest_write_all(&call->physical, buffer, bytes, n)) {
		file_entries_undo(file, position);
		n = -EFAULT;
	}
	pthread_mutex_unlock(&file->lock);
	files_put(files, file);
	return n;
}

void call_print(struct call *call, uint64_t buffer, uint64_t length)
{
	from_guest(call, &call->physical, buffer, length, to_console, NULL);
}

void call_print_byte(struct call *call, uint8_t byte)
{
	to_console(call, NULL, &byte, 1);
}

int call_input_byte(struct call *call)
{
	uint8_t byte;
	ssize_t n = read_stream(call, STDIN_FILENO, &byte, 1);

	if (n < 0)
		return n;
	return n ? byte : -ENODATA;
}
