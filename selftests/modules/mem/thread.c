// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads that touch the same pages, and some that get killed.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "test.h"

#define NR_THREADS	8
#define RAM_PAGES	512

void test_concurrent(void)
{
	struct fixture *f = SETUP(&big, .boot = KEV_BOOT_DIRECT64, .ram_kib = 8192);
	struct toucher *t = kcalloc(NR_THREADS, sizeof(*t), GFP_KERNEL);
	struct kev_vm_stats stats;
	u32 i, page, nr = 0;

	if (!f || !CHECK(t))
		goto out;
	atomic_set(&image_reads, 0);
	image_read_slow = true;	/* so that threads meet */
	/* Image and, behind it, RAM */
	for (nr = 0; nr < NR_THREADS; nr++) {
		t[nr] = (struct toucher) {
			.mem = &f->mem,
			.gpa = BIG_GPA,
			.pages = BIG_PAGES + RAM_PAGES,
			.access = R | W,
		};
		if (!start_toucher(&t[nr]))
			break;
	}
	for (i = 0; i < nr; i++)
		finish_toucher(&t[i]);
	image_read_slow = false;
	for (i = 0; i < nr; i++) {
		CHECK_EQ(t[i].ret, 0);
		for (page = 0; page < BIG_PAGES + RAM_PAGES; page++)
			if (!CHECK(t[i].seen[page] && t[i].seen[page] == t[0].seen[page]))
				break;
	}
	CHECK_EQ(atomic_read(&image_reads), BIG_FILE_PAGES);
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.image_pages, BIG_PAGES);
	CHECK_EQ(stats.ram_pages, RAM_PAGES);
	CHECK_EQ(stats.file_pages, BIG_FILE_PAGES);
	CHECK_EQ(stats.read_pages, BIG_FILE_PAGES);
	CHECK_EQ(stats.file_bytes, BIG_FILE_PAGES * PAGE_SIZE);
	/* One of each upper level; 0x100000 to 0x540000 has three of level 1 */
	CHECK_EQ(stats.table_pages, 3 + 3);
	/* A page that becomes present needs none. */
	CHECK_EQ(atomic_read(&flushes), 0);
out:
	for (i = 0; i < nr; i++)
		kvfree(t[i].seen);
	kfree(t);
	if (f)
		teardown(f);
}

/* While one thread's read is held, one that waits for the page can be killed. */
void test_killed_waiter(void)
{
	struct fixture *f = SETUP(&big);
	struct toucher reader = { .gpa = BIG_GPA, .pages = 1, .access = R | W };
	struct toucher waiter, other;
	struct kev_vm_stats stats;
	struct hold hold;

	if (!f)
		return;
	reader.mem = &f->mem;
	waiter = reader;
	other = reader;
	atomic_set(&image_reads, 0);
	hold_reads(&hold);
	if (!start_toucher(&reader)) {
		release_reads(&hold);
		goto out;
	}
	wait_for_completion(&hold.entered);
	if (start_toucher(&waiter)) {
		wait_for_sleep(&waiter);
		send_sig(SIGKILL, waiter.task, 1);
		finish_toucher(&waiter);
		CHECK_EQ(waiter.ret, -EINTR);
	}
	/* A page beside it comes while the read is held. */
	CHECK_EQ(fault(&f->mem, BIG_GPA + BIG_FILE_PAGES * PAGE_SIZE, R), 0);
	CHECK(!completion_done(&reader.done));
	if (start_toucher(&other)) {
		wait_for_sleep(&other);
		release_reads(&hold);
		finish_toucher(&other);
		CHECK_EQ(other.ret, 0);
	} else {
		release_reads(&hold);
	}
	finish_toucher(&reader);
	CHECK_EQ(reader.ret, 0);
	CHECK_EQ(atomic_read(&image_reads), 1);
	CHECK(other.seen && reader.seen[0] == other.seen[0]);
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.file_pages, 1);
	CHECK_EQ(stats.resident_pages, 2);
out:
	kvfree(reader.seen);
	kvfree(waiter.seen);
	kvfree(other.seen);
	teardown(f);
}
