// SPDX-License-Identifier: GPL-2.0
/* Lists, timers, works and callbacks that are used behind their end, or twice */
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "broken.h"

static LIST_HEAD(list);

static int list_twice(void)
{
	static struct list_head entry;

	list_add(&entry, &list);
	list_add(&entry, &list);
	return 0;
}

static int list_deleted(void)
{
	static struct list_head entry;

	list_add(&entry, &list);
	list_del(&entry);
	list_del(&entry);
	return 0;
}

static void tick(struct timer_list *timer)
{
}

static int timer_freed(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return -ENOMEM;
	timer_setup(timer, tick, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
	return 0;
}

static void work_done(struct work_struct *work)
{
}

static int work_freed(void)
{
	struct delayed_work *work = kmalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return -ENOMEM;
	INIT_DELAYED_WORK(work, work_done);
	schedule_delayed_work(work, 3600 * HZ);
	kfree(work);
	return 0;
}

static void called(struct rcu_head *head)
{
}

static int rcu_twice(void)
{
	static struct rcu_head head;

	call_rcu(&head, called);
	call_rcu(&head, called);
	rcu_barrier();
	return 0;
}

/* More than the destination has, in a size that only a run tells */
static int copy_too_much(void)
{
	static char name[8];
	size_t size = sizeof(name) + 1;

	OPTIMIZER_HIDE_VAR(size);
	memset(name, 0, size);
	return name[0];
}

const struct broken_kind broken_objects[] = {
	{ "list_twice", list_twice },
	{ "list_deleted", list_deleted },
	{ "timer_freed", timer_freed },
	{ "work_freed", work_freed },
	{ "rcu_twice", rcu_twice },
	{ "copy_too_much", copy_too_much },
	{}
};
