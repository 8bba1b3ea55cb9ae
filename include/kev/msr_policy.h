/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM's own policy for MSRs: which index does what. Pure.
 */
#ifndef _KEV_MSR_POLICY_H
#define _KEV_MSR_POLICY_H

#include <kev/pure.h>

/**
 * struct kev_msr_rule - a range of MSRs
 * @first: lowest index
 * @last: highest
 * @class: enum kev_msr_class
 * @slot: KEV_MSR_VALUE: place of a vCPU's value
 * @value: KEV_MSR_VALUE: what it starts with
 */
struct kev_msr_rule {
	u32 first;
	u32 last;
	u32 class;
	u32 slot;
	u64 value;
};

/**
 * struct kev_msr_rules - ranges in ascending order; what is in none is kev's to decide
 * @nr: how many
 * @nr_values: rules of KEV_MSR_VALUE among them
 * @rule: the ranges
 */
struct kev_msr_rules {
	u32 nr;
	u32 nr_values;
	struct kev_msr_rule rule[];
};

/**
 * kev_msr_set_rules() - check what user space wants
 * @rules: has room for @nr; valid only if this returns 0
 * @entries: unchecked
 * @nr: how many
 *
 * Context: Any.
 * Return: 0, or -EINVAL: malformed, or ranges overlap.
 */
int kev_msr_set_rules(struct kev_msr_rules *rules, const struct kev_msr_policy *entries, u32 nr);

/**
 * kev_msr_rules_touch() - does the policy change what an MSR of a range does
 * @rules: of kev_msr_set_rules()
 * @first: lowest index
 * @last: highest
 *
 * Context: Any.
 * Return: true: of one at least.
 */
bool kev_msr_rules_touch(const struct kev_msr_rules *rules, u32 first, u32 last);

/**
 * kev_msr_find_rule() - what the policy says of an index
 * @rules: of kev_msr_set_rules()
 * @index: which
 *
 * Context: Any, IRQs off included.
 * Return: NULL for nothing.
 */
const struct kev_msr_rule *kev_msr_find_rule(const struct kev_msr_rules *rules, u32 index);

#endif /* _KEV_MSR_POLICY_H */
