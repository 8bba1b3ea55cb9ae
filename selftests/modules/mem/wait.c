// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a file, or for another thread that does: who waits, and what ends it.
 */
#include <linux/bitops.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "test.h"

/* A thread whose read is held, and one that waits for the same page */
struct waiters {
	struct fixture *f;
	struct hold hold;
	struct toucher reader, waiter;
	unsigned long reader_stop, waiter_stop;
};

/* Both sleep, in the manner of @flags. */
static struct waiters *start_waiters(u32 flags)
{
	struct waiters *w = kzalloc(sizeof(*w), GFP_KERNEL);

	if (!CHECK(w))
		return NULL;
	w->f = SETUP(&big);
	if (!w->f)
		goto fail;
	w->reader = (struct toucher) {
		.mem = &w->f->mem, .gpa = BIG_GPA, .pages = 1, .access = R, .flags = flags,
	};
	w->waiter = w->reader;
	w->reader.stop = &w->reader_stop;
	w->waiter.stop = &w->waiter_stop;
	atomic_set(&image_reads, 0);
	hold_reads(&w->hold);
	if (!start_toucher(&w->reader))
		goto fail_started;
	wait_for_completion(&w->hold.entered);
	if (start_toucher(&w->waiter)) {
		wait_for_sleep(&w->reader);
		wait_for_sleep(&w->waiter);
		return w;
	}
	release_reads(&w->hold);
	finish_toucher(&w->reader);
	kvfree(w->reader.seen);
fail_started:
	release_reads(&w->hold);
	teardown(w->f);
fail:
	kfree(w);
	return NULL;
}

/* Ends @t with @expected, if there is something to end it. */
static void expect_end(struct toucher *t, int expected)
{
	finish_toucher(t);
	CHECK_EQ(t->ret, expected);
}

static void end_waiters(struct waiters *w)
{
	kvfree(w->reader.seen);
	kvfree(w->waiter.seen);
	teardown(w->f);
	kfree(w);
}

/* A signal ends the wait for the other thread, then that for the file. */
void test_signal(void)
{
	struct waiters *w = start_waiters(0);

	if (!w)
		return;
	send_sig(SIGUSR1, w->waiter.task, 1);
	expect_end(&w->waiter, -EINTR);
	CHECK(!completion_done(&w->reader.done));
	send_sig(SIGUSR1, w->reader.task, 1);
	expect_end(&w->reader, -EINTR);
	CHECK_EQ(leaf_at(&w->f->mem, BIG_GPA), 0);
	CHECK_EQ(stats_of(&w->f->mem).resident_pages, 0);
	CHECK_EQ(stats_of(&w->f->mem).file_pages, 0);
	/* The read goes on, and holds the image until it ends: the VM need not wait. */
	CHECK_EQ(kev_mem_remove_region(&w->f->mem, BIG_GPA, BIG_PAGES * PAGE_SIZE), 0);
	CHECK_EQ(atomic_read(&file_inode(w->f->file)->i_writecount), -1);
	release_reads(&w->hold);
	end_waiters(w);
}

/* The reader gives up: who waited for it joins the read that goes on. */
void test_reader_killed(void)
{
	struct waiters *w = start_waiters(0);

	if (!w)
		return;
	send_sig(SIGKILL, w->reader.task, 1);
	expect_end(&w->reader, -EINTR);
	wait_for_sleep(&w->waiter);
	CHECK(!completion_done(&w->waiter.done));
	release_reads(&w->hold);
	expect_end(&w->waiter, 0);
	CHECK_EQ(atomic_read(&image_reads), 1);
	CHECK_EQ(byte_at(&w->f->mem, BIG_GPA), file_byte(BIG_OFFSET));
	CHECK_EQ(stats_of(&w->f->mem).file_pages, 1);
	end_waiters(w);
}

/* KEV_TOUCH_KILLABLE: another signal does not end it. */
void test_killable(void)
{
	struct waiters *w = start_waiters(KEV_TOUCH_KILLABLE);

	if (!w)
		return;
	send_sig(SIGUSR1, w->waiter.task, 1);
	send_sig(SIGUSR1, w->reader.task, 1);
	wait_for_sleep(&w->waiter);
	wait_for_sleep(&w->reader);
	CHECK(!completion_done(&w->waiter.done));
	CHECK(!completion_done(&w->reader.done));
	send_sig(SIGKILL, w->waiter.task, 1);
	expect_end(&w->waiter, -EINTR);
	send_sig(SIGKILL, w->reader.task, 1);
	expect_end(&w->reader, -EINTR);
	CHECK_EQ(atomic_read(&image_reads), 1);
	release_reads(&w->hold);
	end_waiters(w);
}

static void stop_toucher(struct toucher *t, unsigned long *stop)
{
	/* A bit that is not meant, then the one that is */
	set_bit(1, stop);
	wake_up_process(t->task);
	wait_for_sleep(t);
	CHECK(!completion_done(&t->done));
	set_bit(0, stop);
	wake_up_process(t->task);
	expect_end(t, -EINTR);
}

/* A kick: kev_touch.stop */
void test_stop(void)
{
	struct waiters *w = start_waiters(0);

	if (!w)
		return;
	stop_toucher(&w->waiter, &w->waiter_stop);
	stop_toucher(&w->reader, &w->reader_stop);
	CHECK_EQ(stats_of(&w->f->mem).resident_pages, 0);
	release_reads(&w->hold);
	end_waiters(w);
}

void test_nowait(void)
{
	struct waiters *w = start_waiters(0);
	struct kev_mem *mem;
	int before;

	if (!w)
		return;
	mem = &w->f->mem;
	/* A page that another thread makes, one that would have to be read, and zeros */
	CHECK_EQ(fault_as(mem, BIG_GPA, R, KEV_TOUCH_NOWAIT), -EBUSY);
	CHECK_EQ(fault_as(mem, BIG_GPA + PAGE_SIZE, R, KEV_TOUCH_NOWAIT), -EBUSY);
	CHECK_EQ(fault_as(mem, BIG_GPA + BIG_FILE_PAGES * PAGE_SIZE, R, KEV_TOUCH_NOWAIT), 0);
	CHECK_EQ(atomic_read(&image_reads), 1);
	CHECK_EQ(leaf_at(mem, BIG_GPA + PAGE_SIZE), 0);
	release_reads(&w->hold);
	expect_end(&w->reader, 0);
	expect_end(&w->waiter, 0);
	before = atomic_read(&image_reads);
	CHECK_EQ(fault_as(mem, BIG_GPA, R, KEV_TOUCH_NOWAIT), 0);
	CHECK_EQ(atomic_read(&image_reads), before);
	end_waiters(w);
}

/* What is in the page cache needs no wait, shared or copied. */
void test_nowait_cached(void)
{
	struct fixture *f = SETUP(&all_kinds, .shared = true);

	if (!f)
		return;
	CHECK_EQ(fault_as(&f->mem, 0x100000, R, KEV_TOUCH_NOWAIT), 0);
	CHECK_EQ(fault_as(&f->mem, 0x101000, W, KEV_TOUCH_NOWAIT), 0);
	CHECK_EQ(fault_as(&f->mem, 0x102000, R, KEV_TOUCH_NOWAIT), 0);
	CHECK_EQ(atomic_read(&image_reads), 0);
	teardown(f);
}
