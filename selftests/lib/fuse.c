// SPDX-License-Identifier: GPL-2.0
/*
 * A file whose reads take as long as a test likes: a FUSE file system whose root is
 * that file, served by a process that speaks the kernel's protocol (linux/fuse.h).
 *
 * What the test sets and what the server counts lie in memory that both share. The
 * server looks at the settings whenever it answers, and the test wakes it by an eventfd
 * when an answer that it holds back may be due.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"

/* Reads that wait at once: more stay in the kernel until one is answered. */
#define MAX_HELD	64
/* What the kernel asks for in one read at most, without FUSE_MAX_PAGES */
#define MAX_READ	(32 * KT_PAGE)
#define MAX_REQUEST	(FUSE_MIN_READ_BUFFER + KT_PAGE)

struct kt_fuse_shared {
	/* set by the test */
	uint64_t size;
	uint32_t hold, credits, error, failures;
	/* counted by the server */
	uint32_t held;
	uint64_t reads, bytes;
	uint32_t page_reads[];
};

struct held_read {
	uint64_t unique, offset;
	uint32_t size;
};

struct server {
	int fuse, event;
	const struct kt_fuse_file *file;
	struct kt_fuse_shared *shared;
	struct held_read held[MAX_HELD];
	size_t nr_held;
};

#define GET(field)		__atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define SET(field, value)	__atomic_store_n(&(field), value, __ATOMIC_SEQ_CST)
#define ADD(field, value)	__atomic_add_fetch(&(field), value, __ATOMIC_SEQ_CST)

/* ---- the server's process ---- */

/* A reader that is gone by now makes the write fail: nobody waits for the answer. */
static void reply(struct server *server, uint64_t unique, int error, const void *bytes,
		  size_t size)
{
	static struct {
		struct fuse_out_header header;
		uint8_t bytes[MAX_READ];
	} answer;
	ssize_t n;

	answer.header.len = sizeof(answer.header) + size;
	answer.header.error = -error;
	answer.header.unique = unique;
	if (size)
		memcpy(answer.bytes, bytes, size);
	n = write(server->fuse, &answer, answer.header.len);
	(void)n;
}

static void reply_attr(struct server *server, uint64_t unique)
{
	uint64_t size = GET(server->shared->size);
	const struct fuse_attr_out out = {
		.attr = {
			.ino = FUSE_ROOT_ID,
			.size = size,
			.blocks = (size + 511) / 512,
			.mode = S_IFREG | 0755,
			.nlink = 1,
			.blksize = KT_PAGE,
		},
	};

	reply(server, unique, 0, &out, sizeof(out));
}

static void reply_init(struct server *server, uint64_t unique)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = server->file->readahead,
		.flags = FUSE_ASYNC_READ,
		.max_background = MAX_HELD,
		.congestion_threshold = MAX_HELD,
		.max_write = KT_PAGE,
	};

	reply(server, unique, 0, &out, sizeof(out));
}

static void reply_open(struct server *server, uint64_t unique)
{
	/* Else each open would throw out what the page cache holds. */
	const struct fuse_open_out out = { .open_flags = FOPEN_KEEP_CACHE };

	reply(server, unique, 0, &out, sizeof(out));
}

static void answer_read(struct server *server, const struct held_read *read)
{
	static uint8_t bytes[MAX_READ];
	struct kt_fuse_shared *shared = server->shared;
	const struct kt_fuse_file *file = server->file;
	uint64_t end = GET(shared->size);
	int error = GET(shared->failures) ? GET(shared->error) : 0;
	size_t size = 0;

	if (error)
		ADD(shared->failures, -1);
	if (!error && read->offset < end) {
		size = end - read->offset < read->size ? end - read->offset : read->size;
		file->fill(file->arg, read->offset, bytes, size);
		ADD(shared->bytes, size);
	}
	reply(server, read->unique, error, bytes, size);
}

static bool may_answer(struct kt_fuse_shared *shared)
{
	if (!GET(shared->hold))
		return true;
	if (!GET(shared->credits))
		return false;
	ADD(shared->credits, -1);
	return true;
}

/* Answer what waits, the oldest first, as far as the test allows. */
static void answer_held(struct server *server)
{
	while (server->nr_held && may_answer(server->shared)) {
		answer_read(server, &server->held[0]);
		server->nr_held--;
		memmove(&server->held[0], &server->held[1],
			server->nr_held * sizeof(server->held[0]));
	}
	SET(server->shared->held, server->nr_held);
}

static void take_read(struct server *server, uint64_t unique, const struct fuse_read_in *in)
{
	struct kt_fuse_shared *shared = server->shared;
	uint64_t pages = (server->file->size + KT_PAGE - 1) / KT_PAGE;
	uint64_t page = in->offset / KT_PAGE, last = (in->offset + in->size - 1) / KT_PAGE;

	for (; page <= last && page < pages; page++)
		ADD(shared->page_reads[page], 1);
	ADD(shared->reads, 1);
	server->held[server->nr_held++] = (struct held_read) {
		.unique = unique,
		.offset = in->offset,
		.size = in->size < MAX_READ ? in->size : MAX_READ,
	};
	answer_held(server);
}

/* Returns false when the file system is gone. */
static bool serve_request(struct server *server)
{
	static union {
		struct fuse_in_header header;
		uint8_t bytes[MAX_REQUEST];
	} request;
	const void *body = request.bytes + sizeof(request.header);
	uint64_t unique;

	/* ENOENT: the request was taken back before it was read. */
	if (read(server->fuse, &request, sizeof(request)) < 0)
		return errno == EINTR || errno == EAGAIN || errno == ENOENT;
	unique = request.header.unique;
	switch (request.header.opcode) {
	case FUSE_INIT:
		reply_init(server, unique);
		break;
	case FUSE_GETATTR:
		reply_attr(server, unique);
		break;
	case FUSE_OPEN:
		reply_open(server, unique);
		break;
	case FUSE_READ:
		take_read(server, unique, body);
		break;
	case FUSE_RELEASE:
		reply(server, unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		/* No answer is due: a read that was interrupted goes on waiting. */
		break;
	default:
		reply(server, unique, ENOSYS, NULL, 0);
	}
	return true;
}

static void serve(struct server *server)
{
	for (;;) {
		bool room = server->nr_held < MAX_HELD;
		struct pollfd fds[2] = {
			{ .fd = server->event, .events = POLLIN },
			{ .fd = room ? server->fuse : -1, .events = POLLIN },
		};
		uint64_t woken;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && read(server->event, &woken, sizeof(woken)) < 0)
			return;
		answer_held(server);
		if (fds[1].revents && !serve_request(server))
			return;
	}
}

static void fill_bytes(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	memcpy(bytes, (const uint8_t *)arg + offset, size);
}

/*
 * Keeps nothing of the test's but its memory as it is now: an inherited descriptor would
 * keep a VM, or the test's output, open.
 */
static void server_main(int fuse, int event, const struct kt_fuse_file *file,
			struct kt_fuse_shared *shared)
{
	struct kt_fuse_file copy = *file;
	struct server server = { .fuse = 0, .event = 1, .file = &copy, .shared = shared };

	if (!copy.fill)
		copy.fill = fill_bytes;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(fuse, 0) != 0 || dup2(event, 1) != 1 || close_range(2, ~0U, 0))
		_exit(1);
	serve(&server);
	_exit(0);
}

/* ---- the test's process ---- */

static void wake(struct kt_fuse *fuse)
{
	const uint64_t one = 1;
	ssize_t n = write(fuse->event, &one, sizeof(one));

	/* Its counter cannot run over. */
	(void)n;
}

static size_t shared_size(const struct kt_fuse_file *file)
{
	size_t pages = (file->size + KT_PAGE - 1) / KT_PAGE;

	return sizeof(struct kt_fuse_shared) + pages * sizeof(uint32_t);
}

static int share(struct kt_fuse *fuse, const struct kt_fuse_file *file)
{
	fuse->shared_size = shared_size(file);
	fuse->shared = mmap(NULL, fuse->shared_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fuse->shared == MAP_FAILED)
		return -errno;
	fuse->shared->size = file->size;
	fuse->pages = (file->size + KT_PAGE - 1) / KT_PAGE;
	return 0;
}

/* Mount over a file of its own; fuse->path names it. */
static int mount_file(struct kt_fuse *fuse, int fd)
{
	char options[96];
	int over;

	strcpy(fuse->path, "/tmp/kt_fuse.XXXXXX");
	over = mkstemp(fuse->path);
	if (over < 0)
		return -errno;
	close(over);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100755,user_id=%u,group_id=%u", fd,
		 getuid(), getgid());
	if (!mount("kevtest", fuse->path, "fuse", 0, options))
		return 0;
	over = -errno;
	unlink(fuse->path);
	return over;
}

static int start_server(struct kt_fuse *fuse, int fd, const struct kt_fuse_file *file)
{
	fuse->server = fork();
	if (fuse->server < 0)
		return -errno;
	if (!fuse->server)
		server_main(fd, fuse->event, file, fuse->shared);
	return 0;
}

static int unmount_file(struct kt_fuse *fuse)
{
	int ret = umount2(fuse->path, MNT_DETACH) ? -errno : 0;

	unlink(fuse->path);
	return ret;
}

int kt_fuse_mount(struct kt_fuse *fuse, const struct kt_fuse_file *file)
{
	static const char *const load[] = { "modprobe", "fuse", NULL };
	int fd, ret;

	*fuse = (struct kt_fuse) { .server = -1 };
	if (access("/dev/fuse", F_OK) && kt_command(load))
		return -ENODEV;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fuse->event = eventfd(0, EFD_CLOEXEC);
	ret = fuse->event < 0 ? -errno : share(fuse, file);
	if (ret)
		goto close_event;
	ret = mount_file(fuse, fd);
	if (ret)
		goto unmap;
	ret = start_server(fuse, fd, file);
	/* The server's own is the last one: when it ends, the file system does. */
	close(fd);
	if (!ret)
		return 0;
	unmount_file(fuse);
	fd = -1;
unmap:
	munmap(fuse->shared, fuse->shared_size);
close_event:
	if (fuse->event >= 0)
		close(fuse->event);
	if (fd >= 0)
		close(fd);
	return ret;
}

void kt_fuse_abort(struct kt_fuse *fuse)
{
	if (fuse->server < 0)
		return;
	kill(fuse->server, SIGKILL);
	waitpid(fuse->server, NULL, 0);
	fuse->server = -1;
}

int kt_fuse_unmount(struct kt_fuse *fuse)
{
	int ret;

	kt_fuse_abort(fuse);
	ret = unmount_file(fuse);
	munmap(fuse->shared, fuse->shared_size);
	close(fuse->event);
	return ret;
}

void kt_fuse_hold(struct kt_fuse *fuse, bool on)
{
	SET(fuse->shared->credits, 0);
	SET(fuse->shared->hold, on);
	wake(fuse);
}

void kt_fuse_release(struct kt_fuse *fuse, uint32_t reads)
{
	ADD(fuse->shared->credits, reads);
	wake(fuse);
}

void kt_fuse_fail_reads(struct kt_fuse *fuse, int error, uint32_t reads)
{
	SET(fuse->shared->error, error);
	SET(fuse->shared->failures, reads);
}

void kt_fuse_fail(struct kt_fuse *fuse, int error)
{
	/* Whoever asks again and again, in a test that has failed, gets an end. */
	kt_fuse_fail_reads(fuse, error, 100);
}

void kt_fuse_resize(struct kt_fuse *fuse, uint64_t size)
{
	SET(fuse->shared->size, size);
}

uint64_t kt_fuse_reads(struct kt_fuse *fuse)
{
	return GET(fuse->shared->reads);
}

uint64_t kt_fuse_bytes(struct kt_fuse *fuse)
{
	return GET(fuse->shared->bytes);
}

uint32_t kt_fuse_page_reads(struct kt_fuse *fuse, uint64_t page)
{
	return page < fuse->pages ? GET(fuse->shared->page_reads[page]) : 0;
}

void kt_fuse_wait_held(struct kt_fuse *fuse, uint32_t reads)
{
	while (GET(fuse->shared->held) < reads)
		sched_yield();
}
