// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that touch pages.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "test.h"

static int touch_pages(void *data)
{
	struct toucher *t = data;
	u32 i;

	allow_signal(SIGKILL);
	allow_signal(SIGUSR1);
	complete_all(&t->started);
	for (i = 0; i < t->pages && !t->ret; i++) {
		struct kev_touch touch = {
			.gpa = t->gpa + i * PAGE_SIZE,
			.access = t->access,
			.flags = t->flags,
			.stop = t->stop,
			.stop_mask = BIT(0),
		};

		t->ret = kev_mem_get_page(t->mem, &touch, &t->seen[i]);
		if (!t->ret)
			put_page(t->seen[i]);
		if (i % 16 == 0)
			cond_resched();
	}
	complete(&t->done);
	return 0;
}

bool start_toucher(struct toucher *t)
{
	struct task_struct *task;

	init_completion(&t->started);
	init_completion(&t->done);
	t->ret = 0;
	t->seen = kvcalloc(t->pages, sizeof(*t->seen), GFP_KERNEL);
	if (!CHECK(t->seen))
		return false;
	task = kthread_create(touch_pages, t, "kev_toucher");
	if (!CHECK(!IS_ERR(task))) {
		kvfree(t->seen);
		return false;
	}
	t->task = get_task_struct(task);
	wake_up_process(task);
	return true;
}

void wait_for_sleep(struct toucher *t)
{
	wait_for_completion(&t->started);
	while (!(READ_ONCE(t->task->__state) & TASK_NORMAL) && !completion_done(&t->done))
		msleep(20);
}

void finish_toucher(struct toucher *t)
{
	wait_for_completion(&t->done);
	put_task_struct(t->task);
}
