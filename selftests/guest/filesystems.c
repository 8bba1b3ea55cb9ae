// SPDX-License-Identifier: GPL-2.0
/*
 * An image runs from every kind of file system: one on a block device, a compressed
 * one, one that stands on another and one in memory. Guards that kev asks a file system
 * only for what it has: some cannot give their pages away, and those are copied.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "boot.h"
#include "vmem.h"

#define IMAGES	"/selftests/images"
#define DIR	"/tmp/kt_filesystem"

FIXTURE(filesystem) {
	struct kt_guest guest;
};

FIXTURE_VARIANT(filesystem) {
	const char *argv[10];	/* mounts it at DIR */
	bool shares;		/* its page cache's pages can be the guest's */
};

FIXTURE_VARIANT_ADD(filesystem, ext4) {
	.argv = { "mount", "-t", "ext4", "-o", "loop,ro", IMAGES "/ext4.img", DIR },
	.shares = true,
};

FIXTURE_VARIANT_ADD(filesystem, squashfs) {
	.argv = { "mount", "-t", "squashfs", "-o", "loop,ro", IMAGES "/squashfs.img", DIR },
	.shares = true,
};

FIXTURE_VARIANT_ADD(filesystem, overlayfs) {
	.argv = { "mount", "-t", "overlay", "-o", "lowerdir=/guests:/selftests", "overlay", DIR },
	.shares = false,
};

FIXTURE_VARIANT_ADD(filesystem, memory) {
	.argv = { "mount", "-o", "bind", "/guests", DIR },
	.shares = true,
};

FIXTURE_SETUP(filesystem)
{
	static const char *const load[] = { "modprobe", "loop", NULL };

	mkdir(DIR, 0755);
	/* Not every kernel loads it when it is needed; one may have it built in. */
	kt_command(load);
	ASSERT_EQ(0, kt_command(variant->argv));
}

FIXTURE_TEARDOWN(filesystem)
{
	/* After a failure the guest may be there and hold it. */
	umount2(DIR, MNT_DETACH);
}

TEST_F(filesystem, lazy_guest)
{
	struct kev_vm_stats stats;

	ASSERT_EQ(0, kt_guest_init_file(&self->guest, DIR "/lazy", 128 << 10, NULL));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(0x1a2, self->guest.run->exit_code);
	stats = kt_vm_stats(self->guest.vm);
	EXPECT_EQ(2, stats.file_pages);
	EXPECT_EQ(variant->shares, stats.shared_pages > 0);
	kt_guest_fini(&self->guest);
	/* Nothing of the file is in use any more. */
	EXPECT_EQ(0, umount2(DIR, 0));
}

/* ---- on whose account a disk is read ---- */

#define ROOT		"/sys/fs/cgroup"
#define CGROUP		ROOT "/kevtest-io"
#define DISK_FILE	"/disk/kevtest-io"
#define FILE_PAGES	64UL

static int enter(const char *cgroup)
{
	char path[64], pid[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	snprintf(pid, sizeof(pid), "%d", getpid());
	return kt_write_file(path, pid);
}

/* Bytes that the group has read from disks */
static uint64_t bytes_read(void)
{
	char text[1024], *at;
	int fd = open(CGROUP "/io.stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	uint64_t bytes = 0;

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	for (at = text; (at = strstr(at, "rbytes=")); at++)
		bytes += strtoull(at + strlen("rbytes="), NULL, 10);
	return bytes;
}

/* A file on a disk that has to be read; its descriptor, for reading */
static int make_file(void)
{
	char page[KT_PAGE];
	int fd, ret;

	memset(page, 0x5c, sizeof(page));
	if (kt_mount_disk())
		return -1;
	fd = open(DISK_FILE, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		if (pwrite(fd, page, KT_PAGE, i * KT_PAGE) != (ssize_t)KT_PAGE)
			return -1;
	ret = fsync(fd);
	close(fd);
	if (ret || kt_write_file("/proc/sys/vm/drop_caches", "1"))
		return -1;
	return open(DISK_FILE, O_RDONLY | O_CLOEXEC);
}

/* A worker reads; a limit on the group of whoever has made the VM holds all the same. */
TEST(reads_count_for_their_cgroup)
{
	int kev, vm, fd;
	char byte;

	if (kt_write_file(ROOT "/cgroup.subtree_control", "+io"))
		SKIP(return, "no io controller in " ROOT);
	fd = make_file();
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, enter(CGROUP));
	kev = kt_open();
	vm = kt_create_plain_vm(kev);
	ASSERT_EQ(0, kt_add_file(vm, KT_DATA_GPA, FILE_PAGES * KT_PAGE, fd, 0,
				 FILE_PAGES * KT_PAGE));
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		ASSERT_EQ(1, kt_read_guest(vm, KT_DATA_GPA + i * KT_PAGE, &byte, 1));
	EXPECT_LE(FILE_PAGES * KT_PAGE, bytes_read());
	close(vm);
	close(kev);
	close(fd);
	EXPECT_EQ(0, unlink(DISK_FILE));
	EXPECT_EQ(0, enter(ROOT));
	EXPECT_EQ(0, rmdir(CGROUP));
	EXPECT_EQ(0, kt_write_file(ROOT "/cgroup.subtree_control", "-io"));
}

/*
 * Pages come by way of the page cache, not by the file's own way to read: that may be made to want
 * other buffers, or take a lock that a writer to the file has, who waits for the guest's memory.
 */
TEST(the_page_cache_is_what_is_read)
{
	int kev = kt_open(), vm = kt_create_plain_vm(kev), fd = make_file();
	uint8_t byte;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_add_file(vm, KT_DATA_GPA, FILE_PAGES * KT_PAGE, fd, 0,
				 FILE_PAGES * KT_PAGE));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_DIRECT));
	for (uint64_t i = 0; i < FILE_PAGES; i++) {
		ASSERT_EQ(1, kt_read_guest(vm, KT_DATA_GPA + i * KT_PAGE, &byte, 1));
		ASSERT_EQ(0x5c, byte);
	}
	close(vm);
	close(kev);
	close(fd);
	EXPECT_EQ(0, unlink(DISK_FILE));
}

TEST_HARNESS_MAIN
