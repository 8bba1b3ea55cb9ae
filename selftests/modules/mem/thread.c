// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads that touch the same pages, and some that get killed.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "test.h"

static const struct image_spec big = {
	.entry = 0x100000,
	.nr = 1,
	.seg = { { 0x100000, 0x1000, SZ_2M, SZ_2M + SZ_256K, RWX } },
};

#define BIG_PAGES	((SZ_2M + SZ_256K) / PAGE_SIZE)
#define BIG_FILE_PAGES	(SZ_2M / PAGE_SIZE)
#define NR_THREADS	8

struct toucher {
	struct kev_mem *mem;
	struct task_struct *task;
	struct completion started, done;
	u64 gpa;
	u32 pages;
	struct page **seen;
	int ret;
};

static int touch(void *data)
{
	struct toucher *t = data;
	u32 i;

	allow_signal(SIGKILL);
	complete(&t->started);
	for (i = 0; i < t->pages && !t->ret; i++) {
		t->ret = kev_mem_get_page(t->mem, t->gpa + i * PAGE_SIZE, R | W, &t->seen[i]);
		if (!t->ret)
			put_page(t->seen[i]);
		if (i % 16 == 0)
			cond_resched();
	}
	complete(&t->done);
	return 0;
}

static bool start_toucher(struct toucher *t, struct kev_mem *mem, u64 gpa, u32 pages)
{
	struct task_struct *task;

	init_completion(&t->started);
	init_completion(&t->done);
	t->mem = mem;
	t->gpa = gpa;
	t->pages = pages;
	t->seen = kvcalloc(pages, sizeof(*t->seen), GFP_KERNEL);
	if (!CHECK(t->seen))
		return false;
	task = kthread_create(touch, t, "kev_toucher");
	if (!CHECK(!IS_ERR(task))) {
		kvfree(t->seen);
		return false;
	}
	t->task = get_task_struct(task);
	wake_up_process(task);
	return true;
}

static void finish_toucher(struct toucher *t)
{
	wait_for_completion(&t->done);
	put_task_struct(t->task);
}

void test_concurrent(void)
{
	struct fixture *f = setup(&big, KEV_BOOT_DIRECT64, 0, 8192);
	struct toucher *t = kcalloc(NR_THREADS, sizeof(*t), GFP_KERNEL);
	struct kev_vm_stats stats;
	u32 i, page, nr = 0;

	if (!f || !CHECK(t))
		goto out;
	atomic_set(&image_reads, 0);
	image_read_slow = true;	/* so that threads meet */
	/* Image and, behind it, RAM */
	for (nr = 0; nr < NR_THREADS; nr++)
		if (!start_toucher(&t[nr], &f->mem, 0x100000, BIG_PAGES + 512))
			break;
	for (i = 0; i < nr; i++)
		finish_toucher(&t[i]);
	image_read_slow = false;
	for (i = 0; i < nr; i++) {
		CHECK_EQ(t[i].ret, 0);
		for (page = 0; page < BIG_PAGES + 512; page++)
			if (!CHECK(t[i].seen[page] && t[i].seen[page] == t[0].seen[page]))
				break;
	}
	CHECK_EQ(atomic_read(&image_reads), BIG_FILE_PAGES);
	kev_mem_stats(&f->mem, &stats);
	CHECK_EQ(stats.image_pages, BIG_PAGES);
	CHECK_EQ(stats.ram_pages, 512);
	CHECK_EQ(stats.file_pages, BIG_FILE_PAGES);
	CHECK_EQ(stats.file_bytes, SZ_2M);
	/* One of each upper level; 0x100000 to 0x540000 has three of level 1 */
	CHECK_EQ(stats.table_pages, 3 + 3);
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
	struct fixture *f = setup(&big, KEV_BOOT_NONE, 0, 0);
	DECLARE_COMPLETION_ONSTACK(entered);
	DECLARE_COMPLETION_ONSTACK(hold);
	struct toucher reader = {}, waiter = {}, other = {};
	struct kev_vm_stats stats;

	if (!f)
		return;
	atomic_set(&image_reads, 0);
	image_read_entered = &entered;
	image_read_hold = &hold;
	if (!start_toucher(&reader, &f->mem, 0x100000, 1))
		goto out;
	wait_for_completion(&entered);
	if (start_toucher(&waiter, &f->mem, 0x100000, 1)) {
		wait_for_completion(&waiter.started);
		/* Asleep, or on the way there: a signal before would not test the wait. */
		while (!(READ_ONCE(waiter.task->__state) & TASK_INTERRUPTIBLE) &&
		       !completion_done(&waiter.done))
			msleep(20);
		send_sig(SIGKILL, waiter.task, 1);
		finish_toucher(&waiter);
		CHECK_EQ(waiter.ret, -EINTR);
	}
	/* A page beside it comes while the read is held. */
	CHECK_EQ(kev_mem_fault(&f->mem, 0x100000 + SZ_2M, R, NULL), 0);
	CHECK(!completion_done(&reader.done));
	if (start_toucher(&other, &f->mem, 0x100000, 1)) {
		complete_all(&hold);
		finish_toucher(&other);
		CHECK_EQ(other.ret, 0);
	}
	complete_all(&hold);
	finish_toucher(&reader);
	CHECK_EQ(reader.ret, 0);
	CHECK_EQ(atomic_read(&image_reads), 1);
	CHECK(other.seen && reader.seen[0] == other.seen[0]);
	kev_mem_stats(&f->mem, &stats);
	CHECK_EQ(stats.file_pages, 1);
	CHECK_EQ(stats.resident_pages, 2);
out:
	image_read_hold = NULL;
	kvfree(reader.seen);
	kvfree(waiter.seen);
	kvfree(other.seen);
	teardown(f);
}
