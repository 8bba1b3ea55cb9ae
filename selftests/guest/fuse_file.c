// SPDX-License-Identifier: GPL-2.0
/*
 * The slow file that other tests rely on (lib/fuse.c): reads wait when they are told
 * to, are counted, fail and end early. No guest runs here: if this program fails, what
 * tests say about slow files means nothing.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kevtest.h"

#define PAGES	64
#define TAIL	100	/* bytes of the last page that are in the file */
#define SIZE	((PAGES - 1) * KT_PAGE + TAIL)

FIXTURE(fuse_file) {
	struct kt_fuse fuse;
	int fd;
};

/* Every eight bytes hold their own offset. */
static void fill_offsets(const void *arg, uint64_t offset, void *bytes, size_t size)
{
	uint8_t *out = bytes;

	(void)arg;
	for (size_t i = 0; i < size; i++) {
		uint64_t at = offset + i;

		out[i] = (at & ~7UL) >> 8 * (at & 7);
	}
}

static const struct kt_fuse_file by_page = { .size = SIZE, .fill = fill_offsets };

static int open_file(struct kt_fuse *fuse)
{
	int fd = open(fuse->path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

FIXTURE_SETUP(fuse_file)
{
	ASSERT_EQ(0, kt_fuse_mount(&self->fuse, &by_page));
	self->fd = open_file(&self->fuse);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(fuse_file)
{
	close(self->fd);
	EXPECT_EQ(0, kt_fuse_unmount(&self->fuse));
	EXPECT_NE(0, access(self->fuse.path, F_OK));
}

/* Read a whole page and compare it: the bytes that came, or a negative errno */
static long read_page(int fd, uint64_t page)
{
	uint8_t bytes[KT_PAGE], expected[KT_PAGE];
	ssize_t n = pread(fd, bytes, sizeof(bytes), page * KT_PAGE);

	if (n < 0)
		return -errno;
	fill_offsets(NULL, page * KT_PAGE, expected, n);
	return memcmp(bytes, expected, n) ? -EILSEQ : n;
}

/* A thread that reads one page */
struct reader {
	pthread_t thread;
	int fd;
	uint64_t page;
	long ret;
	bool done;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	reader->ret = read_page(reader->fd, reader->page);
	__atomic_store_n(&reader->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static int reader_start(struct reader *reader, int fd, uint64_t page)
{
	*reader = (struct reader) { .fd = fd, .page = page };
	return -pthread_create(&reader->thread, NULL, reader_main, reader);
}

static long reader_join(struct reader *reader)
{
	int ret = pthread_join(reader->thread, NULL);

	return ret ? -ret : reader->ret;
}

static bool reader_done(struct reader *reader)
{
	return __atomic_load_n(&reader->done, __ATOMIC_SEQ_CST);
}

TEST_F(fuse_file, content)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(SIZE, st.st_size);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	for (uint64_t page = 0; page < PAGES; page++) {
		EXPECT_EQ(page == PAGES - 1 ? TAIL : (long)KT_PAGE, read_page(self->fd, page)) {
			TH_LOG("page %lu", page);
		}
	}
	EXPECT_EQ(0, read_page(self->fd, PAGES));
	EXPECT_EQ(SIZE, kt_fuse_bytes(&self->fuse));
}

/* The counts are of single pages, and of what the page cache did not have. */
TEST_F(fuse_file, counts)
{
	static const uint64_t pages[] = { 5, 0, 63, 6 };

	EXPECT_EQ(0, kt_fuse_reads(&self->fuse));
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
			EXPECT_LT(0, read_page(self->fd, pages[i]));
		EXPECT_EQ(ARRAY_SIZE(pages), kt_fuse_reads(&self->fuse));
	}
	for (uint64_t page = 0; page < PAGES + 1; page++) {
		bool read = page == 0 || page == 5 || page == 6 || page == 63;

		EXPECT_EQ(read, kt_fuse_page_reads(&self->fuse, page)) {
			TH_LOG("page %lu", page);
		}
	}
	/* A second open keeps the cache, the request to drop a page does not. */
	close(self->fd);
	self->fd = open_file(&self->fuse);
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 5));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, 5));
	EXPECT_EQ(0, posix_fadvise(self->fd, 5 * KT_PAGE, KT_PAGE, POSIX_FADV_DONTNEED));
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 5));
	EXPECT_EQ(2, kt_fuse_page_reads(&self->fuse, 5));
}

TEST_F(fuse_file, bytes_and_readahead)
{
	static const uint8_t bytes[16 * KT_PAGE] = { [0] = 1, [KT_PAGE] = 2 };
	const struct kt_fuse_file file = {
		.size = sizeof(bytes), .arg = bytes, .readahead = 16 * KT_PAGE,
	};
	struct kt_fuse fuse;
	uint8_t byte;
	int fd;

	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	fd = open_file(&fuse);
	EXPECT_EQ(1, pread(fd, &byte, 1, 0));
	EXPECT_EQ(1, byte);
	EXPECT_EQ(1, pread(fd, &byte, 1, KT_PAGE));
	EXPECT_EQ(2, byte);
	/* The second page came with the first. */
	EXPECT_EQ(1, kt_fuse_page_reads(&fuse, 1));
	EXPECT_LT(KT_PAGE, kt_fuse_bytes(&fuse));
	close(fd);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

TEST_F(fuse_file, hold_and_release)
{
	struct reader first, second;

	EXPECT_EQ(KT_PAGE, read_page(self->fd, 1));
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, reader_start(&first, self->fd, 3));
	kt_fuse_wait_held(&self->fuse, 1);
	ASSERT_EQ(0, reader_start(&second, self->fd, 7));
	kt_fuse_wait_held(&self->fuse, 2);
	EXPECT_EQ(3, kt_fuse_reads(&self->fuse));
	EXPECT_EQ(KT_PAGE, kt_fuse_bytes(&self->fuse));
	/* What is in the page cache needs no server. */
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 1));
	EXPECT_FALSE(reader_done(&first));

	kt_fuse_release(&self->fuse, 1);
	EXPECT_EQ(KT_PAGE, reader_join(&first));
	EXPECT_FALSE(reader_done(&second));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(KT_PAGE, reader_join(&second));
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 9));
}

/* A release in advance counts for the reads to come. */
TEST_F(fuse_file, release_in_advance)
{
	struct reader reader;

	kt_fuse_hold(&self->fuse, true);
	kt_fuse_release(&self->fuse, 2);
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 0));
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 1));
	ASSERT_EQ(0, reader_start(&reader, self->fd, 2));
	kt_fuse_wait_held(&self->fuse, 1);
	EXPECT_FALSE(reader_done(&reader));
	kt_fuse_release(&self->fuse, 1);
	EXPECT_EQ(KT_PAGE, reader_join(&reader));
}

TEST_F(fuse_file, fail)
{
	static const int errors[] = { EIO, ENOSPC, EACCES };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		kt_fuse_fail(&self->fuse, errors[i]);
		EXPECT_EQ(-errors[i], read_page(self->fd, 4));
	}
	EXPECT_EQ(0, kt_fuse_bytes(&self->fuse));
	kt_fuse_fail(&self->fuse, 0);
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 4));
}

TEST_F(fuse_file, resize)
{
	struct stat st;

	/* A short read tells the kernel */
	kt_fuse_resize(&self->fuse, 10 * KT_PAGE + 8);
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 9));
	EXPECT_EQ(8, read_page(self->fd, 10));
	EXPECT_EQ(0, read_page(self->fd, 11));
	/* ... and so does fstat(), which throws out the pages behind the end. */
	kt_fuse_resize(&self->fuse, 5 * KT_PAGE);
	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(5 * KT_PAGE, st.st_size);
	EXPECT_EQ(0, read_page(self->fd, 9));
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 4));
}

TEST_F(fuse_file, abort_ends_held_reads)
{
	struct reader reader;
	long ret;

	EXPECT_EQ(KT_PAGE, read_page(self->fd, 1));
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, reader_start(&reader, self->fd, 2));
	kt_fuse_wait_held(&self->fuse, 1);
	kt_fuse_abort(&self->fuse);
	/* Of the request that was held, or of one more after it */
	ret = reader_join(&reader);
	EXPECT_TRUE(ret == -ECONNABORTED || ret == -ENOTCONN) {
		TH_LOG("%ld", ret);
	}
	/* Pages that are there stay. */
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 1));
	EXPECT_EQ(-ENOTCONN, read_page(self->fd, 3));
}

/* Whoever waits for the server can be killed. */
TEST_F(fuse_file, kill_of_a_reader)
{
	int status;
	pid_t pid;

	kt_fuse_hold(&self->fuse, true);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(read_page(self->fd, 2) == (long)KT_PAGE);
	kt_fuse_wait_held(&self->fuse, 1);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(KT_PAGE, read_page(self->fd, 2));
}

TEST_HARNESS_MAIN
