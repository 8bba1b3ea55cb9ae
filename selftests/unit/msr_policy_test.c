// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's policy for MSRs: what is accepted, and that an index finds the range that it is in, and
 * no other.
 */
#include <linux/kev.h>

#include "unit.h"

#include <kev/msr_policy.h>

#define MOST	64

union rules {
	struct kev_msr_rules rules;
	u8 room[sizeof(struct kev_msr_rules) + MOST * sizeof(struct kev_msr_rule)];
};

static int set(union rules *rules, const struct kev_msr_policy *entries, u32 nr)
{
	memset(rules, 0xa5, sizeof(*rules));
	return kev_msr_set_rules(&rules->rules, entries, nr);
}

TEST(well_formed)
{
	static const struct {
		const char *name;
		struct kev_msr_policy entry;
		int ret;
	} cases[] = {
		{ "one index", { .first = 0x10, .count = 1 }, 0 },
		{ "all", { .first = 0, .count = ~0U }, 0 },
		{ "up to the last", { .first = ~0U, .count = 1 }, 0 },
		{ "none", { .first = 0x10 }, -EINVAL },
		{ "behind the last", { .first = ~0U, .count = 2 }, -EINVAL },
		{ "far behind it", { .first = 2, .count = ~0U }, -EINVAL },
		{ "reserved", { .first = 1, .count = 1, .reserved = 1 }, -EINVAL },
		{ "last class", { .first = 1, .count = 1, .policy = KEV_MSR_REPORT }, 0 },
		{ "no class", { .first = 1, .count = 1, .policy = KEV_MSR_REPORT + 1 }, -EINVAL },
		{ "value", { .first = 1, .count = 1, .policy = KEV_MSR_VALUE, .value = 7 }, 0 },
		{ "value of 0", { .first = 1, .count = 1, .policy = KEV_MSR_VALUE }, 0 },
		{ "values", { .first = 1, .count = 2, .policy = KEV_MSR_VALUE }, -EINVAL },
		{ "value of none", { .first = 1, .policy = KEV_MSR_VALUE }, -EINVAL },
		{ "value of another class",
		  { .first = 1, .count = 1, .policy = KEV_MSR_REPORT, .value = 1 }, -EINVAL },
	};
	union rules rules;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].ret, set(&rules, &cases[i].entry, 1))
			TH_LOG("%s", cases[i].name);
}

TEST(overlap)
{
	static const struct {
		const char *name;
		struct kev_msr_policy entries[2];
		int ret;
	} cases[] = {
		{ "apart", { { .first = 20, .count = 5 }, { .first = 10, .count = 5 } }, 0 },
		{ "side by side", { { .first = 15, .count = 5 }, { .first = 10, .count = 5 } }, 0 },
		{ "one shared", { { .first = 14, .count = 5 }, { .first = 10, .count = 5 } },
		  -EINVAL },
		{ "the same", { { .first = 10, .count = 5 }, { .first = 10, .count = 5 } },
		  -EINVAL },
		{ "inside", { { .first = 10, .count = 9 }, { .first = 12, .count = 1 } },
		  -EINVAL },
	};
	union rules rules;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].ret, set(&rules, cases[i].entries, 2))
			TH_LOG("%s", cases[i].name);
}

TEST(empty)
{
	union rules rules;

	ASSERT_EQ(0, set(&rules, NULL, 0));
	EXPECT_EQ(0, rules.rules.nr_values);
	EXPECT_TRUE(!kev_msr_find_rule(&rules.rules, 0));
	EXPECT_FALSE(kev_msr_rules_touch(&rules.rules, 0, ~0U));
}

TEST(slots)
{
	static const struct kev_msr_policy entries[] = {
		{ .first = 30, .count = 1, .policy = KEV_MSR_VALUE, .value = 3 },
		{ .first = 20, .count = 5, .policy = KEV_MSR_REPORT },
		{ .first = 10, .count = 1, .policy = KEV_MSR_VALUE, .value = 1 },
	};
	union rules rules;

	ASSERT_EQ(0, set(&rules, entries, ARRAY_SIZE(entries)));
	EXPECT_EQ(2, rules.rules.nr_values);
	EXPECT_EQ(0, kev_msr_find_rule(&rules.rules, 10)->slot);
	EXPECT_EQ(1, kev_msr_find_rule(&rules.rules, 10)->value);
	EXPECT_EQ(1, kev_msr_find_rule(&rules.rules, 30)->slot);
	EXPECT_EQ(3, kev_msr_find_rule(&rules.rules, 30)->value);
}

TEST(touch)
{
	static const struct kev_msr_policy entries[] = {
		{ .first = 10, .count = 10, .policy = KEV_MSR_REPORT },
		{ .first = 30, .count = 10, .policy = KEV_MSR_EMULATED },
	};
	static const struct {
		u32 first, last;
		bool touched;
	} cases[] = {
		{ 0, 9, false }, { 0, 10, true }, { 12, 13, true }, { 19, 40, true },
		{ 20, 29, false }, { 30, 39, false }, { 0, ~0U, true },
	};
	union rules rules;
	size_t i;

	ASSERT_EQ(0, set(&rules, entries, ARRAY_SIZE(entries)));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(cases[i].touched, kev_msr_rules_touch(&rules.rules, cases[i].first,
								cases[i].last))
			TH_LOG("%u to %u", cases[i].first, cases[i].last);
}

/* Each index up to behind the last range, against a look at one entry after the other */
TEST(found_as_given)
{
	struct kev_msr_policy entries[MOST];
	union rules rules;
	u64 seed = 1;

	for (u32 round = 0; round < 200; round++) {
		u32 nr = unit_random(&seed) % (MOST + 1), next = 0;

		for (u32 i = 0; i < nr; i++) {
			next += unit_random(&seed) % 3;
			entries[i] = (struct kev_msr_policy) {
				.first = next, .count = 1 + unit_random(&seed) % 4,
				.policy = KEV_MSR_REPORT,
			};
			next += entries[i].count;
		}
		/* In any order */
		for (u32 i = nr; i > 1; i--) {
			u32 other = unit_random(&seed) % i;
			struct kev_msr_policy entry = entries[i - 1];

			entries[i - 1] = entries[other];
			entries[other] = entry;
		}
		ASSERT_EQ(0, set(&rules, entries, nr));
		for (u32 index = 0; index <= next; index++) {
			const struct kev_msr_rule *rule = kev_msr_find_rule(&rules.rules, index);
			u32 i = 0;

			while (i < nr && index - entries[i].first >= entries[i].count)
				i++;
			ASSERT_EQ(i < nr, !!rule)
				TH_LOG("round %u, index %u", round, index);
			if (rule)
				ASSERT_EQ(entries[i].first, rule->first);
		}
	}
}

TEST_HARNESS_MAIN
