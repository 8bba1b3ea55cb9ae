// SPDX-License-Identifier: GPL-2.0
/*
 * The files of a run come as one archive. A machine in Bochs stops where machines are saved, and
 * the bed writes the archive into a window of reserved memory; in QEMU it comes as a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

#define PAYLOAD_FILE "/bed/payload"

/* A record; its name follows, then its chunks. bedlib/archive.py describes the format. */
struct record {
	char magic[4];
	uint32_t mode;
	uint64_t size;
	uint64_t name_len; /* 0: the end */
	uint64_t chunks;
};

struct chunk {
	uint64_t offset;
	uint64_t len;
	char data[];
};

static uint64_t align8(uint64_t n)
{
	return (n + 7) & ~7ul;
}

static const struct chunk *next_chunk(const struct chunk *c)
{
	return (const struct chunk *)(c->data + align8(c->len));
}

/* bed.window=SIZE@ADDRESS from the kernel's command line; false where there is none. */
static int window_find(uint64_t *size, uint64_t *addr)
{
	char line[4096] = "";
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	const char *p;

	if (fd < 0)
		return 0;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	p = strstr(line, "bed.window=");
	return p && sscanf(p, "bed.window=%li@%li", (long *)size, (long *)addr) == 2;
}

static int write_chunk(int fd, const struct chunk *c)
{
	uint64_t done = 0;

	while (done < c->len) {
		ssize_t n = pwrite(fd, c->data + done, c->len - done, c->offset + done);

		if (n <= 0)
			return -1;
		done += n;
	}
	return 0;
}

static int write_file(const char *name, const struct record *r, const struct chunk *c)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int ret = fd < 0 ? -1 : ftruncate(fd, r->size);
	uint64_t i;

	for (i = 0; !ret && i < r->chunks; i++, c = next_chunk(c))
		ret = write_chunk(fd, c);
	if (!ret)
		ret = fchmod(fd, r->mode & 07777);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int make_link(const char *name, const struct record *r, const struct chunk *c)
{
	char *target = r->chunks ? strndup(c->data, c->len) : NULL;
	int ret;

	unlink(name);
	ret = symlink(target ? target : "", name);
	free(target);
	return ret;
}

static int unpack_record(const char *name, const struct record *r, const struct chunk *c)
{
	if (S_ISDIR(r->mode))
		return mkdir(name, r->mode & 07777) && errno != EEXIST ? -1 : 0;
	if (S_ISLNK(r->mode))
		return make_link(name, r, c);
	return write_file(name, r, c);
}

static int unpack(const void *data)
{
	const struct record *r = data;

	while (!memcmp(r->magic, "BEDF", 4) && r->name_len) {
		const char *name = (const char *)(r + 1);
		const struct chunk *c = (const struct chunk *)(name + align8(r->name_len + 1));
		uint64_t i;

		if (unpack_record(name, r, c)) {
			channel_text(FRAME_FAILED, "cannot unpack /%s: %m", name);
			return -1;
		}
		for (i = 0; i < r->chunks; i++)
			c = next_chunk(c);
		r = (const struct record *)c;
	}
	if (!memcmp(r->magic, "BEDF", 4))
		return 0;
	channel_text(FRAME_FAILED, "the files of the run arrived damaged");
	return -1;
}

static int take_window(uint64_t size, uint64_t addr)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	char *window = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_SHARED, fd, addr);
	int ret;

	if (window == MAP_FAILED) {
		channel_text(FRAME_FAILED, "cannot map the payload window: %m");
		return -1;
	}
	/* Bochs' magic breakpoint: the bed saves the machine here, and fills the window. */
	__asm__ volatile("xchg %%bx, %%bx" ::: "memory");
	ret = unpack(window);
	munmap(window, size);
	close(fd);
	return ret;
}

static int take_file(void)
{
	int fd = open(PAYLOAD_FILE, O_RDONLY | O_CLOEXEC);
	off_t len = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char *data = len > 0 ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	int ret;

	if (data == MAP_FAILED) {
		channel_text(FRAME_FAILED, PAYLOAD_FILE ": %m");
		return -1;
	}
	ret = unpack(data);
	munmap(data, len);
	close(fd);
	return ret | unlink(PAYLOAD_FILE);
}

int payload_take(void)
{
	uint64_t size, addr;

	if (chdir("/"))
		return -1;
	return window_find(&size, &addr) ? take_window(size, addr) : take_file();
}
