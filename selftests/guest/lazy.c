// SPDX-License-Identifier: GPL-2.0
/*
 * An image is read page by page, when the guest gets there. Guards laziness
 * twice: by kev's own count, and by the page cache of a real file system without
 * read-ahead, which shows every page of the file that anybody has ever read.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmem.h"

#define GUEST	"/guests/lazy"
#define IMAGE	"/disk/lazy"

/* See guests/lazy.c: headers, code and the marker */
static const size_t touched[] = { 0x0, 0x1000, 0x2002000 };

FIXTURE(lazy) {
	int fd;
	size_t pages;
	uint8_t *map;
	unsigned char *resident;
};

/*
 * A copy with holes: the image is 64 MiB of which little is not zero. A mapping of the
 * original, which has holes itself, would fill them as it reads.
 */
static int copy_sparse(const char *from, const char *to)
{
	static const uint8_t zeros[KT_PAGE];
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	uint8_t page[KT_PAGE];
	off_t at = 0;
	ssize_t size;
	int ret = 0;

	if (in < 0 || out < 0)
		return -errno;
	while ((size = pread(in, page, sizeof(page), at)) > 0) {
		if (memcmp(page, zeros, size) && pwrite(out, page, size, at) != size)
			break;
		at += size;
	}
	if (size)
		ret = -EIO;
	else if (ftruncate(out, at) || fsync(out))
		ret = -errno;
	close(in);
	close(out);
	return ret;
}

/* Throw the file's pages out of the page cache. */
static void drop_image(int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

FIXTURE_SETUP(lazy)
{
	struct stat st;

	ASSERT_EQ(0, kt_mount_disk());
	if (access(IMAGE, F_OK)) {
		ASSERT_EQ(0, copy_sparse(GUEST, IMAGE));
	}
	self->fd = open(IMAGE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fstat(self->fd, &st));
	self->pages = (st.st_size + KT_PAGE - 1) / KT_PAGE;
	/* A mapping that nobody touches: it only shows. */
	self->map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	self->resident = malloc(self->pages);
	ASSERT_NE(NULL, self->resident);
	drop_image(self->fd);
}

FIXTURE_TEARDOWN(lazy)
{
	close(self->fd);
	munmap(self->map, self->pages * KT_PAGE);
	free(self->resident);
}

/* How many pages of the file are in the page cache; -1 if that cannot be told */
static long count_resident(FIXTURE_DATA(lazy) *self)
{
	long count = 0;

	if (mincore(self->map, self->pages * KT_PAGE, self->resident))
		return -1;
	for (size_t i = 0; i < self->pages; i++)
		count += self->resident[i] & 1;
	return count;
}

/* The instrument works: what is read is seen, with neither more nor less. */
TEST_F(lazy, mincore_shows_reads)
{
	char byte;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, count_resident(self));
		ASSERT_EQ(1, pread(self->fd, &byte, 1, 0x5000));
		EXPECT_EQ(1, count_resident(self));
		EXPECT_EQ(1, self->resident[5] & 1);
		/* Both ways throw it out. */
		if (i)
			drop_image(self->fd);
		else {
			ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "1"));
		}
	}
	EXPECT_EQ(0, count_resident(self));
}

TEST_F(lazy, only_touched_pages_are_read)
{
	struct kev_vm_stats stats;
	struct kt_guest guest;

	ASSERT_EQ(0, count_resident(self));
	ASSERT_EQ(0, kt_guest_init_file(&guest, IMAGE, 128 << 10, NULL));
	/* The headers */
	EXPECT_EQ(1, count_resident(self));
	stats = kt_vm_stats(guest.vm);
	EXPECT_EQ(0, stats.file_pages);
	EXPECT_EQ(0, stats.file_bytes);
	EXPECT_LT(0, stats.header_bytes);
	EXPECT_GE(KT_PAGE, stats.header_bytes);

	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x1a2, guest.run->exit_code);
	EXPECT_EQ(ARRAY_SIZE(touched), count_resident(self));
	for (size_t i = 0; i < ARRAY_SIZE(touched); i++) {
		EXPECT_EQ(1, self->resident[touched[i] / KT_PAGE] & 1) {
			TH_LOG("offset %#zx", touched[i]);
		}
	}
	stats = kt_vm_stats(guest.vm);
	EXPECT_EQ(2, stats.file_pages);
	EXPECT_LT(KT_PAGE, stats.file_bytes);
	EXPECT_GE(2 * KT_PAGE, stats.file_bytes);
	EXPECT_EQ(2, stats.image_pages);
	kt_guest_fini(&guest);
}

/*
 * A page that was dropped from the cache is not read again: the guest has a copy. The one
 * that the guest has from the cache itself cannot be dropped.
 */
TEST_F(lazy, pages_are_read_once)
{
	struct kev_vcpu_state boot = { 0 };
	struct kt_guest guest;

	/* Without a HaltCpu that would end the VM */
	ASSERT_EQ(0, kt_guest_init_file(&guest, IMAGE, 128 << 10, "report"));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_set_state(guest.vcpu, KT_STATE_REGISTERS, &boot));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
		EXPECT_EQ(0x1a2, guest.run->hypercall.args[0]);
		EXPECT_EQ(i ? 1 : ARRAY_SIZE(touched), count_resident(self));
		EXPECT_EQ(2, kt_vm_stats(guest.vm).file_pages);
		drop_image(self->fd);
	}
	kt_guest_fini(&guest);
}

/* A second VM reads its pages out of the same cache. */
TEST_F(lazy, two_vms)
{
	struct kt_guest guests[2];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_guest_init_file(&guests[i], IMAGE, 128 << 10, NULL));
		ASSERT_EQ(0, kt_run(guests[i].vcpu));
		EXPECT_EQ(0x1a2, guests[i].run->exit_code);
		EXPECT_EQ(2, kt_vm_stats(guests[i].vm).file_pages);
	}
	EXPECT_EQ(ARRAY_SIZE(touched), count_resident(self));
	for (int i = 0; i < 2; i++)
		kt_guest_fini(&guests[i]);
}

TEST_HARNESS_MAIN
