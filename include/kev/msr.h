/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's model-specific registers.
 */
#ifndef _KEV_MSR_H
#define _KEV_MSR_H

#include <linux/hashtable.h>
#include <linux/kev.h>
#include <linux/types.h>
#include <kev/exit.h>

struct kev_vcpu;

typedef enum kev_verdict (*kev_msr_slow_write)(struct kev_vcpu *vcpu, u32 index, u64 value);

/* kev_msr_ops.field, of a member of struct kev_vcpu */
#define KEV_MSR_FIELD(member)	offsetof(struct kev_vcpu, member)

/**
 * struct kev_msr_ops - one class of MSR
 * @field: KEV_MSR_FIELD() that a read gives; 0: @read_msr
 * @read_msr: 0; -EINVAL for #GP(0); -ENOENT: this VM does not have it
 * @write_msr: the same; NULL: @slow_write
 * @slow_write: in process context, may sleep; KEV_PASS: this VM does not have it. Only
 *	for handlers that are never removed: nothing keeps them meanwhile
 *
 * Context, but for @slow_write: armed: IRQs off, hardware state loaded; only the vCPU is
 * touched.
 */
struct kev_msr_ops {
	int (*read_msr)(struct kev_vcpu *vcpu, u32 index, u64 *value);
	int (*write_msr)(struct kev_vcpu *vcpu, u32 index, u64 value);
	kev_msr_slow_write slow_write;
	u16 field;
};

/* Values of MSRs that no hardware state of the guest holds */
struct kev_msr_values {
	u64 apic_base;
	u64 misc_enable;
	u64 tsc_adjust;
};

/**
 * struct kev_msr_entry - who handles one index
 * @node: in kev_msr_table
 * @rcu: for its end
 * @index: which
 * @ops: who
 */
struct kev_msr_entry {
	struct hlist_node node;
	struct rcu_head rcu;
	u32 index;
	const struct kev_msr_ops *ops;
};

/* Read with IRQs off or in an RCU reader, written by kev_msr_insert() and kev_msr_remove() */
extern DECLARE_HASHTABLE(kev_msr_table, 9);

extern const struct kev_msr_ops kev_msr_nobody;

/**
 * kev_msr_find() - who handles an index
 * @index: which
 *
 * Context: IRQs off, or inside an RCU reader.
 * Return: kev_msr_nobody, whose answers are -ENOENT, if nobody does.
 */
static __always_inline const struct kev_msr_ops *kev_msr_find(u32 index)
{
	const struct kev_msr_entry *entry;

	hash_for_each_possible_rcu(kev_msr_table, entry, node, index, true)
		if (entry->index == index)
			return entry->ops;
	return &kev_msr_nobody;
}

/* Of one that has a field */
static __always_inline u64 *kev_msr_field(struct kev_vcpu *vcpu, const struct kev_msr_ops *ops)
{
	return (u64 *)((void *)vcpu + ops->field);
}

int kev_msr_insert(u32 index, const struct kev_msr_ops *ops);
void kev_msr_remove(u32 index);
enum kev_verdict kev_msr_verdict(struct kev_vcpu *vcpu, bool write, int ret);
int kev_msr_init(void);
void kev_msr_exit(void);
void kev_msr_reset(struct kev_vcpu *vcpu);

#endif /* _KEV_MSR_H */
