// SPDX-License-Identifier: GPL-2.0
/*
 * An image runs from every kind of file system: one on a block device, a compressed
 * one, one that stands on another and one in memory. Guards that kev asks a file system
 * only for what it has: some cannot give their pages away, and those are copied.
 */
#include "kselftest_harness.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "kevtest.h"

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

TEST_HARNESS_MAIN
