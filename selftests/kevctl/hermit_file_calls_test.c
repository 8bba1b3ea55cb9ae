// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest that are about files, in both versions. */
#include <dirent.h>

#include "guest_calls.h"
#include "tap.h"

/* What both versions do with a file */
static bool whole_life(bool second)
{
	int32_t fd = do_open("/data/new", O_RDWR | O_CREAT | O_EXCL, second);
	bool right;

	if (fd != 3 || do_open("/data/new", O_RDWR | O_CREAT | O_EXCL, second) != -EEXIST)
		return false;
	if (second) {
		put(BUFFER, "0123456789", 10);
		right = write_v2(fd, BUFFER, 10) == 10 && lseek_v2(fd, -4, SEEK_END) == 6 &&
			read_v2(fd, ANSWER, 100) == 4 &&
			!memcmp(&guest_memory[ANSWER], "6789", 4) &&
			read_v2(fd, ANSWER, 100) == 0 && lseek_v2(fd, -1, SEEK_SET) == -EINVAL &&
			lseek_v2(fd, 0, 7) == -EINVAL && lseek_v2(77, 0, 0) == -EBADF;
	} else {
		put_virtual(VIRTUAL, "0123456789abcdefghij");
		write_v1(fd, VIRTUAL, 20);
		right = lseek_v1(fd, 6, SEEK_SET) == 6 && lseek_v1(fd, 2, SEEK_CUR) == 8 &&
			read_v1(fd, VIRTUAL + 7, 12) == 12 &&
			virtual_is(VIRTUAL, "012345689abcdefghijj") &&
			lseek_v1(fd, INT64_MAX, SEEK_CUR) == -EOVERFLOW &&
			host_is("data/new", "0123456789abcdefghij");
	}
	right &= do_close(fd, second) == 0 && do_close(fd, second) == -EBADF;
	right &= do_unlink("/data/new", second) == 0 && do_unlink("/data/new", second) == -ENOENT;
	return right && access(host("data/new"), F_OK);
}

static bool whole_life_v1(void)
{
	return whole_life(false);
}

static bool whole_life_v2(void)
{
	return whole_life(true);
}

/* What cannot be copied to the guest is still to be read. */
static bool short_read(void)
{
	uint64_t start = GUEST_VIRTUAL + 2 * GUEST_PAGE - 5;
	int32_t fd;
	bool right;

	host_make("data/file", "hello, world");
	fd = do_open("data/file", O_RDONLY, false);
	right = read_v1(fd, start, 12) == 5 && virtual_is(start, "hello") &&
		read_v1(fd, GUEST_VIRTUAL + 2 * GUEST_PAGE, 12) == -EFAULT &&
		read_v2(fd, BUFFER, 12) == 7 && !memcmp(&guest_memory[BUFFER], ", world", 7);
	return do_close(fd, false) == 0 && right;
}

static bool appends(void)
{
	int32_t fd;
	bool right;

	host_make("data/log", "one ");
	fd = do_open("/data/log", O_RDWR | O_APPEND, true);
	put(BUFFER, "more", 4);
	right = write_v2(fd, BUFFER, 4) == 4 && lseek_v2(fd, 0, SEEK_CUR) == 8 &&
		lseek_v2(fd, 0, SEEK_SET) == 0 && write_v2(fd, BUFFER, 4) == 4 &&
		lseek_v2(fd, 0, SEEK_CUR) == 12 && host_is("data/log", "one moremore");
	return do_close(fd, true) == 0 && right;
}

static bool by_rights(void)
{
	int32_t fd = do_open("/data/file", O_WRONLY, true);
	bool right = read_v2(fd, BUFFER, 1) == -EBADF;

	do_close(fd, true);
	fd = do_open("/data/file", O_RDONLY, true);
	right &= write_v2(fd, BUFFER, 1) == -EBADF;
	return do_close(fd, true) == 0 && right;
}

/* A FIFO: to a reader, and to none. kevctl ignores SIGPIPE as this test does. */
static bool reader_goes(void)
{
	int reader = open(host("pipe"), O_RDONLY | O_NONBLOCK);
	int32_t fd = do_open("/pipe", O_WRONLY, true);
	char bytes[8];
	bool right;

	put(BUFFER, "frames", 6);
	right = write_v2(fd, BUFFER, 6) == 6 && read(reader, bytes, sizeof(bytes)) == 6 &&
		!memcmp(bytes, "frames", 6);
	close(reader);
	right &= write_v2(fd, BUFFER, 6) == -EPIPE && write_v2(fd, BUFFER, 6) == -EPIPE;
	return do_close(fd, true) == 0 && right;
}

static bool names(void)
{
	bool right = true;

	memset(&guest_memory[NAME], 'x', 5000);
	put64(CALL, NAME);
	put32(CALL + 8, 0);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -ENAMETOOLONG;
	put64(CALL, GUEST_SIZE - 4);
	memset(&guest_memory[GUEST_SIZE - 4], 'x', 4);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -EFAULT;
	put64(CALL, 0x7fff00000000);
	out_rdi(0x1110, CALL);
	right &= get32(CALL + 16) == -EFAULT;
	put64(CALL, 0);
	memset(guest_memory, 0, 16);
	out_rdi(0x1110, CALL);
	return right && get32(CALL + 16) == -ENOENT;
}

static int64_t getdents(int32_t fd, uint64_t buffer, uint64_t length, uint32_t *kind)
{
	put32(CALL, fd);
	put64(CALL + 8, buffer);
	put64(CALL + 16, length);
	memset(&guest_memory[CALL + 24], 0, 16);
	out_rdi(0x1160, CALL);
	*kind = get32(CALL + 24);
	return get64(CALL + 32);
}

static bool listed(uint64_t buffer, int64_t length, const char *name, uint8_t type)
{
	for (int64_t at = 0; at < length; at += *(uint16_t *)&guest_memory[buffer + at + 16])
		if (!strcmp((char *)&guest_memory[buffer + at + 19], name))
			return guest_memory[buffer + at + 18] == type;
	return false;
}

static bool lists(void)
{
	int32_t fd = do_open("/data", O_RDONLY | O_DIRECTORY, true);
	uint32_t kind;
	int64_t n;
	bool right;

	/* A buffer that is not there takes nothing away. */
	n = getdents(fd, GUEST_HOLE, 2048, &kind);
	right = kind == 3 && n == EFAULT;
	n = getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && listed(ANSWER, n, "file", DT_REG) && listed(ANSWER, n, ".", DT_DIR);
	getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 2;
	right &= lseek_v2(fd, 0, SEEK_SET) == 0;
	getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && do_close(fd, true) == 0;
	n = getdents(fd, ANSWER, 2048, &kind);
	return right && kind == 3 && n == EBADF;
}

static bool lists_tree(void)
{
	int32_t fd = do_open("/", O_RDONLY, true);
	uint32_t kind;
	int64_t n = getdents(fd, ANSWER, 24, &kind);	/* one entry */
	bool right = kind == 1 && n == 24 && listed(ANSWER, n, "data", DT_DIR);

	right &= getdents(fd, ANSWER, 8, &kind) == EINVAL && kind == 3;
	n = getdents(fd, ANSWER, 2048, &kind);
	right &= kind == 1 && !listed(ANSWER, n, "data", DT_DIR) &&
		 listed(ANSWER, n, "deep", DT_DIR);
	getdents(fd, ANSWER, 2048, &kind);
	return kind == 2 && do_close(fd, true) == 0 && right;
}

static int32_t stat_error(const char *name, uint32_t kind, uint64_t answer)
{
	put(NAME, name, strlen(name) + 1);
	put64(CALL, NAME);
	put32(CALL + 8, kind);
	put64(CALL + 16, answer);
	put64(CALL + 24, 0);
	out_rdi(0x1170, CALL);
	if (get32(CALL + 24) == 1)
		return 0;
	return get32(CALL + 24) == 2 ? get32(CALL + 28) : -1;
}

static bool stats(void)
{
	struct stat stat;

	if (lstat(host("data/file"), &stat) || stat_error("/data/file", 0, ANSWER))
		return false;
	if ((uint64_t)get64(ANSWER + 8) != stat.st_ino ||
	    (uint32_t)get32(ANSWER + 24) != stat.st_mode || get64(ANSWER + 48) != stat.st_size ||
	    get64(ANSWER + 88) != stat.st_mtim.tv_sec || get32(ANSWER + 96) != stat.st_mtim.tv_nsec)
		return false;
	if (symlink("file", host("data/link")) || stat_error("/data/link", 0, ANSWER) ||
	    !S_ISREG(get32(ANSWER + 24)) || stat_error("/data/link", 1, ANSWER) ||
	    !S_ISLNK(get32(ANSWER + 24)))
		return false;
	if (stat_error("/deep", 0, ANSWER) || !S_ISDIR(get32(ANSWER + 24)))
		return false;
	return stat_error("/data/none", 0, ANSWER) == ENOENT &&
	       stat_error("/data/file", 2, ANSWER) == EINVAL &&
	       stat_error("/data/file", 0, GUEST_HOLE) == EFAULT &&
	       stat_error("/etc/passwd", 0, ANSWER) == ENOENT;
}

/* The size is behind the end of a page, at which a signal ends the copy. */
static bool interrupted(void)
{
	const uint64_t answer = ANSWER + GUEST_PAGE - 40;
	bool right;

	guest_interrupts = true;
	right = !stat_error("/data/file", 0, answer) && get64(answer + 48) == 12;
	guest_interrupts = false;
	return right;
}

static bool fstats(void)
{
	int32_t fd = do_open("/data/file", O_RDONLY, true);
	bool right;

	put32(CALL, fd);
	put64(CALL + 8, ANSWER);
	put64(CALL + 16, 0);
	out_rdi(0x1180, CALL);
	right = get32(CALL + 16) == 1 && get64(ANSWER + 48) == 12;
	put32(CALL, 1);
	out_rdi(0x1180, CALL);
	right &= get32(CALL + 16) == 2 && get32(CALL + 20) == EBADF;
	return do_close(fd, true) == 0 && right;
}

static int32_t mkdir_error(const char *name)
{
	put(NAME, name, strlen(name) + 1);
	put64(CALL, NAME);
	put64(CALL + 8, strlen(name) + 1);
	put64(CALL + 16, 0);
	out_rdi(0x1190, CALL);
	if (get32(CALL + 16) == 1)
		return 0;
	return get32(CALL + 16) == 2 ? get32(CALL + 20) : -1;
}

static bool mkdirs(void)
{
	struct stat stat;

	return !mkdir_error("/data/sub") && mkdir_error("/data/sub") == EEXIST &&
	       !lstat(host("data/sub"), &stat) && S_ISDIR(stat.st_mode) &&
	       mkdir_error("/data/none/sub") == ENOENT &&
	       mkdir_error("/data/file/sub") == ENOTDIR &&
	       !mkdir_error("/tmp/own") && mkdir_error("/tmp/own") == EEXIST &&
	       do_unlink("/data/sub", true) == -EISDIR && mkdir_error("/ro/sub") == EROFS &&
	       mkdir_error("/data") == EEXIST && mkdir_error("/") == EEXIST;
}

static bool all_descriptors(void)
{
	bool right = true;
	int32_t fd;

	for (int32_t i = 0; i < 256; i++)
		right &= do_open("/data/file", O_RDONLY, true) == 3 + i;
	right &= do_open("/data/file", O_RDONLY, true) == -EMFILE;
	/* It has had no effect. */
	right &= do_open("/data/more", O_WRONLY | O_CREAT | O_EXCL, true) == -EMFILE &&
		 access(host("data/more"), F_OK);
	right &= do_close(17, true) == 0 && do_open("/data/file", O_RDONLY, true) == 17;
	for (fd = 3; fd < 3 + 256; fd++)
		right &= do_close(fd, true) == 0;
	return right && do_close(0, true) == 0 && do_close(2, false) == 0 &&
	       do_close(-1, true) == -EBADF && do_close(259, true) == -EBADF;
}

static const struct {
	const char *name;
	bool (*test)(void);
} tests[] = {
	{ "v1: a file from open to unlink", whole_life_v1 },
	{ "v2: a file from open to unlink", whole_life_v2 },
	{ "read: what was not copied stays", short_read },
	{ "write: O_APPEND", appends },
	{ "read and write: as opened", by_rights },
	{ "write: a FIFO whose reader goes", reader_goes },
	{ "open: names without end, outside, empty", names },
	{ "getdents: a directory of the host's", lists },
	{ "getdents: the guest's own directory", lists_tree },
	{ "stat and lstat", stats },
	{ "stat: a copy that a signal ends goes on", interrupted },
	{ "fstat", fstats },
	{ "mkdir", mkdirs },
	{ "descriptors: lowest first, up to the limit", all_descriptors },
};

int main(void)
{
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tap_result(tests[i].test(), tests[i].name);
	tear_down();
	return tap_end();
}
