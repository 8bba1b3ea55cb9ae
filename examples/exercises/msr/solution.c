// SPDX-License-Identifier: GPL-2.0-only
/*
 * Solution: two MSRs that no CPU has, for the guests of all VMs.
 *
 *	0x4b450000	SUM: a write adds to a number of 64 bits, which a read gives. A value of
 *			more than 32 bits is refused: #GP(0), and the number stays
 *	0x4b450001	WRITES: a read gives how often SUM has been written, refused ones not
 *			counted. A write is refused
 *
 * vCPUs of any VM may be here at once, with interrupts off: no mutex, no sleep.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <kev/msr.h>

#define MSR_SUM		0x4b450000
#define MSR_WRITES	0x4b450001

/* One lock for both: whoever sees a sum sees the writes that made it. */
static DEFINE_RAW_SPINLOCK(lock);
static u64 sum, writes;		/* [lock] */

static u64 get(const u64 *number)
{
	unsigned long flags;
	u64 value;

	raw_spin_lock_irqsave(&lock, flags);
	value = *number;
	raw_spin_unlock_irqrestore(&lock, flags);
	return value;
}

static int read_sum(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = get(&sum);
	return 0;
}

static int write_sum(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	unsigned long flags;

	if (value > U32_MAX)
		return -EINVAL;
	raw_spin_lock_irqsave(&lock, flags);
	sum += value;
	writes++;
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

static const struct kev_msr_ops sum_ops = { .read_msr = read_sum, .write_msr = write_sum };

static int read_writes(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = get(&writes);
	return 0;
}

static int refuse(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return -EINVAL;
}

static const struct kev_msr_ops writes_ops = { .read_msr = read_writes, .write_msr = refuse };

static int __init msrs_init(void)
{
	int ret = kev_msr_insert(MSR_SUM, &sum_ops);

	if (ret)
		return ret;
	ret = kev_msr_insert(MSR_WRITES, &writes_ops);
	if (ret) {
		kev_msr_remove(MSR_SUM);
		synchronize_rcu();
	}
	return ret;
}

static void __exit msrs_exit(void)
{
	kev_msr_remove(MSR_WRITES);
	kev_msr_remove(MSR_SUM);
	/* A guest may be in a handler, with interrupts off: that is an RCU reader. */
	synchronize_rcu();
}

module_init(msrs_init);
module_exit(msrs_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Solution: two MSRs");
