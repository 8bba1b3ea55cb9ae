// SPDX-License-Identifier: GPL-2.0
/*
 * MSR 0xabc: a write puts a value in, a read takes the oldest out. A read of nothing and
 * a write that finds no room are #GP(0).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

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

/* What somebody has already, whoever it is; handlers that are not whole */
static int check_refusals(void)
{
	static const struct kev_msr_ops no_read = { .write_msr = write_fifo };
	static const struct kev_msr_ops no_write = { .read_msr = read_fifo };
	static const struct {
		u32 index;
		const struct kev_msr_ops *ops;
		int result;
	} cases[] = {
		{ MSR_IA32_MISC_ENABLE, &fifo, -EEXIST },
		{ MSR_IA32_APICBASE, &fifo, -EEXIST },
		{ MSR_EFER, &fifo, -EEXIST },
		{ MSR_LSTAR, &fifo, -EEXIST },
		{ MSR_KERNEL_GS_BASE, &fifo, -EEXIST },
		{ MSR_IA32_TSC, &fifo, -EEXIST },
		{ FIFO_MSR, &fifo, -EEXIST },
		{ FIFO_MSR + 1, &no_read, -EINVAL },
		{ FIFO_MSR + 1, &no_write, -EINVAL },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = kev_msr_insert(cases[i].index, cases[i].ops);

		if (ret == cases[i].result)
			continue;
		pr_err("MSR %#x: %d, not %d\n", cases[i].index, ret, cases[i].result);
		if (!ret)
			kev_msr_remove(cases[i].index);
		return -EINVAL;
	}
	return 0;
}

int fifo_init(void)
{
	int ret = kev_msr_insert(FIFO_MSR, &fifo);

	if (ret)
		return ret;
	ret = check_refusals();
	if (ret)
		fifo_exit();
	return ret;
}

void fifo_exit(void)
{
	kev_msr_remove(FIFO_MSR);
	/* A guest may be in a handler. */
	synchronize_rcu();
}
