/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's model-specific registers.
 */
#ifndef _KEV_MSR_H
#define _KEV_MSR_H

#include <linux/hash.h>
#include <linux/kev.h>
#include <linux/rculist.h>
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
 * Context, but for @slow_write: armed: IRQs off, hardware state loaded.
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

#define KEV_MSR_HASH_BITS	9

/* Read with IRQs off or in an RCU reader, written by kev_msr_insert() and kev_msr_remove() */
extern struct hlist_head kev_msr_table[1 << KEV_MSR_HASH_BITS];

extern const struct kev_msr_ops kev_msr_nobody;

/* Where in the table an index is; as hash_32(), but noinstr */
static __always_inline struct hlist_head *kev_msr_bucket(u32 index)
{
	return &kev_msr_table[index * GOLDEN_RATIO_32 >> (32 - KEV_MSR_HASH_BITS)];
}

/**
 * kev_msr_find() - who handles an index
 * @index: which
 *
 * Context: IRQs off, or inside an RCU reader; noinstr.
 * Return: kev_msr_nobody, whose answers are -ENOENT, if nobody does.
 */
static __always_inline const struct kev_msr_ops *kev_msr_find(u32 index)
{
	const struct kev_msr_entry *entry;

	hlist_for_each_entry_rcu(entry, kev_msr_bucket(index), node, true)
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
