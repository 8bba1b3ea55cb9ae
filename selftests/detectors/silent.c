// SPDX-License-Identifier: GPL-2.0
/*
 * The instruments that say nothing in the kernel's log: coverage and failures on demand. Guards
 * that both reach the code of a module. Runs in the bed where kev_broken is loaded.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kevtest.h"

#define MAKE		"/sys/module/kev_broken/parameters/make"
#define TEXT		"/sys/module/kev_broken/sections/.text"
#define WORDS		(64 << 10)
/* More places than a write to a parameter has */
#define PLACES		100

/* Has the module make it, by one system call */
static int make(int fd, const char *kind)
{
	return write(fd, kind, strlen(kind)) < 0 ? -errno : 0;
}

TEST(coverage)
{
	int make_fd = open(MAKE, O_WRONLY), fd = open("/sys/kernel/debug/kcov", O_RDWR);
	unsigned long *words, text = 0, size = 0, inside = 0;
	char line[256];
	FILE *file;

	file = fopen(TEXT, "r");
	ASSERT_NE(NULL, file);
	ASSERT_EQ(1, fscanf(file, "%lx", &text));
	fclose(file);
	file = fopen("/proc/modules", "r");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "kev_broken %lu", &size);
	fclose(file);
	ASSERT_LT(0, size);

	ASSERT_LE(0, make_fd);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, KCOV_INIT_TRACE, WORDS));
	words = mmap(NULL, WORDS * sizeof(*words), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, words);
	ASSERT_EQ(0, ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC));
	__atomic_store_n(&words[0], 0, __ATOMIC_RELAXED);
	make(make_fd, "none");
	for (unsigned long i = 1; i <= words[0]; i++)
		inside += words[i] >= text && words[i] < text + size;
	ASSERT_EQ(0, ioctl(fd, KCOV_DISABLE, 0));
	TH_LOG("%lu places, %lu of the module", words[0], inside);
	/* All others ask for no KCOV. */
	EXPECT_LT(0, inside);
	EXPECT_EQ(inside, words[0]);
}

/* Each way to fail is met: a slab's object, a page, and the copy of what is written. */
TEST(failures)
{
	bool object = false, page = false, copy = false;
	int fd = open(MAKE, O_WRONLY), ret = -1;
	struct kt_fail fail;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_fail_open(&fail));
	for (int nth = 1; nth <= PLACES && ret; nth++) {
		ASSERT_EQ(0, kt_fail_nth(&fail, nth));
		ret = make(fd, "allocate");
		kt_fail_end(&fail);
		object |= ret == -ENOSPC;
		page |= ret == -ENOBUFS;
		copy |= ret == -EFAULT;
	}
	kt_fail_close(&fail);
	EXPECT_EQ(0, ret);
	EXPECT_TRUE(object);
	EXPECT_TRUE(page);
	EXPECT_TRUE(copy);
}

TEST_HARNESS_MAIN
