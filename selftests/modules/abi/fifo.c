// SPDX-License-Identifier: GPL-2.0
/*
 * MSR 0xabc: a write puts a value in, a read takes the oldest out. A read of nothing and
 * a write that finds no room are #GP(0).
 */
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <asm/msr-index.h>
#include <kev/msr.h>

#include "test.h"

#define FIFO_MSR	0xabc
#define FIFO_SIZE	16	/* a power of two */

/* Guests of any VM come here with IRQs off. */
static DEFINE_RAW_SPINLOCK(lock);
static u64 values[FIFO_SIZE];	/* [lock] */
static unsigned int head, tail;	/* [lock] */

static int read_fifo(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	unsigned long flags;
	int ret = -EINVAL;

	raw_spin_lock_irqsave(&lock, flags);
	if (head != tail) {
		*value = values[tail++ % FIFO_SIZE];
		ret = 0;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return ret;
}

static int write_fifo(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	unsigned long flags;
	int ret = -EINVAL;

	raw_spin_lock_irqsave(&lock, flags);
	if (head - tail < FIFO_SIZE) {
		values[head++ % FIFO_SIZE] = value;
		ret = 0;
	}
	raw_spin_unlock_irqrestore(&lock, flags);
	return ret;
}

static const struct kev_msr_ops fifo = { .read_msr = read_fifo, .write_msr = write_fifo };

int fifo_init(void)
{
	int ret;

	/* What somebody has already is refused. */
	if (kev_msr_insert(MSR_IA32_MISC_ENABLE, &fifo) != -EEXIST)
		return -EINVAL;
	ret = kev_msr_insert(FIFO_MSR, &fifo);
	if (ret)
		return ret;
	if (kev_msr_insert(FIFO_MSR, &fifo) == -EEXIST)
		return 0;
	fifo_exit();
	return -EINVAL;
}

void fifo_exit(void)
{
	kev_msr_remove(FIFO_MSR);
	/* A guest may be in a handler. */
	synchronize_rcu();
}
