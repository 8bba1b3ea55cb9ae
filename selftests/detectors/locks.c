// SPDX-License-Identifier: GPL-2.0
/* Locks and contexts that do not go together */
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "broken.h"

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

static int sleep_in_spinlock(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
	return 0;
}

static int sleep_in_rcu(void)
{
	rcu_read_lock();
	might_sleep();
	rcu_read_unlock();
	return 0;
}

static int lock_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

static int lock_recursion(void)
{
	/* Two of one class, as two VMs have them */
	struct mutex locks[2];

	for (int i = 0; i < 2; i++)
		mutex_init(&locks[i]);
	mutex_lock(&locks[0]);
	mutex_lock(&locks[1]);
	mutex_unlock(&locks[1]);
	mutex_unlock(&locks[0]);
	return 0;
}

static void interrupt(struct irq_work *work)
{
	spin_lock(&spin);
	spin_unlock(&spin);
}

static int lock_in_interrupt(void)
{
	struct irq_work work = IRQ_WORK_INIT_HARD(interrupt);

	spin_lock(&spin);
	spin_unlock(&spin);
	irq_work_queue(&work);
	irq_work_sync(&work);
	return 0;
}

static int unlock_unlocked(void)
{
	mutex_unlock(&first);
	return 0;
}

static int lock_kept(void)
{
	mutex_lock(&first);
	return 0;
}

static int *pointer __rcu;

static int rcu_unlocked(void)
{
	return rcu_dereference(pointer) ? -EBUSY : 0;
}

static int which_processor(void)
{
	return smp_processor_id() < 0 ? -EINVAL : 0;
}

static int interrupts_on(void)
{
	unsigned long flags;

	local_irq_save(flags);
	local_irq_enable();
	local_irq_restore(flags);
	return 0;
}

const struct broken_kind broken_locks[] = {
	{ "sleep_in_spinlock", sleep_in_spinlock },
	{ "sleep_in_rcu", sleep_in_rcu },
	{ "lock_inversion", lock_inversion },
	{ "lock_recursion", lock_recursion },
	{ "lock_in_interrupt", lock_in_interrupt },
	{ "unlock_unlocked", unlock_unlocked },
	{ "lock_kept", lock_kept },
	{ "rcu_unlocked", rcu_unlocked },
	{ "which_processor", which_processor },
	{ "interrupts_on", interrupts_on },
	{}
};
