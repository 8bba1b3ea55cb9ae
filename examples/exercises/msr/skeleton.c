// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exercise: two MSRs that no CPU has, for the guests of all VMs.
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
#include <kev/msr.h>

#define MSR_SUM		0x4b450000
#define MSR_WRITES	0x4b450001

static int read_sum(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	/* To do */
	return -EINVAL;
}

static int write_sum(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	/* To do */
	return -EINVAL;
}

static const struct kev_msr_ops sum_ops = { .read_msr = read_sum, .write_msr = write_sum };

/* To do: WRITES */

static int __init msrs_init(void)
{
	return kev_msr_insert(MSR_SUM, &sum_ops);
}

static void __exit msrs_exit(void)
{
	kev_msr_remove(MSR_SUM);
	/* To do: a guest may be in a handler at this moment. */
}

module_init(msrs_init);
module_exit(msrs_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Exercise: two MSRs");
