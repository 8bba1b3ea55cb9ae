// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM's user space has said of MSRs, by range. Pure.
 */
#include <kev/msr_policy.h>
#include <kev/pure.h>

static int compare(const void *a, const void *b)
{
	const struct kev_msr_rule *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return 0;
}

static bool well_formed(const struct kev_msr_policy *entry)
{
	if (entry->reserved || entry->policy > KEV_MSR_REPORT || !entry->count)
		return false;
	if (entry->count - 1 > 0xffffffffU - entry->first)
		return false;
	if (entry->policy == KEV_MSR_VALUE)
		return entry->count == 1;
	return !entry->value;
}

int kev_msr_set_rules(struct kev_msr_rules *rules, const struct kev_msr_policy *entries, u32 nr)
{
	struct kev_msr_rule *rule = rules->rule;
	u32 i;

	rules->nr = nr;
	rules->nr_values = 0;
	for (i = 0; i < nr; i++) {
		if (!well_formed(&entries[i]))
			return -EINVAL;
		rule[i] = (struct kev_msr_rule) {
			.first = entries[i].first,
			.last = entries[i].first + entries[i].count - 1,
			.class = entries[i].policy,
			.value = entries[i].value,
		};
	}
	kev_sort(rule, nr, sizeof(*rule), compare);
	for (i = 0; i < nr; i++) {
		if (i && rule[i].first <= rule[i - 1].last)
			return -EINVAL;
		if (rule[i].class == KEV_MSR_VALUE)
			rule[i].slot = rules->nr_values++;
	}
	return 0;
}

bool kev_msr_rules_touch(const struct kev_msr_rules *rules, u32 first, u32 last)
{
	for (u32 i = 0; i < rules->nr; i++) {
		const struct kev_msr_rule *rule = &rules->rule[i];

		if (rule->class != KEV_MSR_EMULATED && rule->first <= last && rule->last >= first)
			return true;
	}
	return false;
}

const struct kev_msr_rule *kev_msr_find_rule(const struct kev_msr_rules *rules, u32 index)
{
	const struct kev_msr_rule *rule = rules->rule;
	u32 nr = rules->nr, half;

	/* The first rule that does not end below */
	while (nr) {
		half = nr / 2;
		if (rule[half].last < index) {
			rule += half + 1;
			nr -= half + 1;
		} else {
			nr = half;
		}
	}
	if (rule == rules->rule + rules->nr || rule->first > index)
		return NULL;
	return rule;
}
