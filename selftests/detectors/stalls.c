// SPDX-License-Identifier: GPL-2.0
/* What does not end. Each lasts until its detector had time enough, and goes on then. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "broken.h"

#define SECONDS	12

static void spin(void)
{
	u64 end = ktime_get_mono_fast_ns() + SECONDS * NSEC_PER_SEC;

	while (ktime_get_mono_fast_ns() < end)
		cpu_relax();
}

static int rcu_stall(void)
{
	rcu_read_lock();
	spin();
	rcu_read_unlock();
	return 0;
}

static int soft_lockup(void)
{
	preempt_disable();
	spin();
	preempt_enable();
	return 0;
}

static int hung_task(void)
{
	unsigned long left = SECONDS * HZ;

	while (left) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		left = schedule_timeout(left);
	}
	return 0;
}

const struct broken_kind broken_stalls[] = {
	{ "rcu_stall", rcu_stall },
	{ "soft_lockup", soft_lockup },
	{ "hung_task", hung_task },
	{}
};
