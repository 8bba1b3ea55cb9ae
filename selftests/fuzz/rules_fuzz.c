// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a choice of one of the smaller rules, and what it is asked: MSR policies against a
 * look at one entry after the other, messages of the local APIC, clocks, events that meet,
 * instructions that are stepped over, exit qualifications, flushes of the L1 data cache.
 */
#include <linux/kev.h>

#include <kev/apic_math.h>
#include <kev/clock_scale.h>
#include <kev/double_fault.h>
#include <kev/ept.h>
#include <kev/exit.h>
#include <kev/msr_policy.h>
#include <kev/step.h>
#include <kev/values.h>

#include "fuzz.h"
#include "l1d.h"
#include "qual.h"
#include "reasons.h"

#define MOST_RULES	32

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void msr_policy(const u8 *data, size_t size)
{
	union {
		struct kev_msr_rules rules;
		u8 room[sizeof(struct kev_msr_rules) + MOST_RULES * sizeof(struct kev_msr_rule)];
	} set;
	struct kev_msr_policy entries[MOST_RULES];
	u32 nr = 0, index, found = 0;
	u64 slots = 0;

	fuzz_take(&data, &size, &index, sizeof(index));
	while (size && nr < MOST_RULES)
		fuzz_take(&data, &size, &entries[nr++], sizeof(*entries));
	if (kev_msr_set_rules(&set.rules, entries, nr))
		return;
	for (u32 i = 0; i < nr; i++) {
		const struct kev_msr_rule *rule;

		found += index - entries[i].first < entries[i].count;
		rule = kev_msr_find_rule(&set.rules, entries[i].first);
		fuzz_check(rule && rule->first == entries[i].first &&
			   rule->class == entries[i].policy, "a rule that is not found");
		if (rule->class != KEV_MSR_VALUE)
			continue;
		fuzz_check(rule->slot < set.rules.nr_values && !(slots >> rule->slot & 1),
			   "a slot that is another's");
		slots |= BIT_ULL(rule->slot);
		fuzz_check(rule->value == entries[i].value, "another value");
	}
	fuzz_check(found <= 1, "two rules for an index");
	fuzz_check(found == !!kev_msr_find_rule(&set.rules, index), "a rule from nowhere");
	fuzz_check(kev_msr_rules_touch(&set.rules, index, index) <= found, "touched by none");
}

static void apic(const u8 *data, size_t size)
{
	u32 regs[KEV_APIC_PAGE_SIZE / sizeof(u32)] = { 0 };
	struct kev_apic_message message;
	u64 address, value;
	u8 vectors[8];
	int highest = -1;

	fuzz_take(&data, &size, &address, sizeof(address));
	fuzz_take(&data, &size, &value, sizeof(value));
	fuzz_take(&data, &size, vectors, sizeof(vectors));
	if (kev_apic_decode_icr(value, address & 1, &message))
		fuzz_check(message.mode < 8 && message.shorthand < 4, "a message that is none");
	if (kev_apic_decode_msi(address, value, &message))
		fuzz_check(message.mode == KEV_APIC_FIXED || message.mode == KEV_APIC_LOWEST ||
			   message.mode == KEV_APIC_NMI || message.mode == KEV_APIC_INIT,
			   "a mode that is not taken");
	fuzz_check(!kev_apic_base_valid(address, value, 46) || kev_apic_base_possible(value, 46),
		   "valid, but not possible");
	fuzz_check(kev_apic_divide_shift(value) <= 7, "divided by more than 128");
	fuzz_check(!kev_apic_matches(address, value, ~value & 0xff, false) ||
		   (~value & 0xff) == 0xff, "another's message");
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		kev_apic_set_bit(regs, KEV_APIC_IRR, vectors[i]);
		if (vectors[i] > highest)
			highest = vectors[i];
		fuzz_check(kev_apic_highest(regs, KEV_APIC_IRR) == highest, "not the highest");
		fuzz_check(kev_apic_ppr(value, vectors[i]) >> 4 ==
			   max((u8)value >> 4, vectors[i] >> 4), "processor priority");
	}
}

static void clocks(const u8 *data, size_t size)
{
	struct kev_clock_scale scale;
	u64 ticks, ns;
	u32 khz;

	fuzz_take(&data, &size, &khz, sizeof(khz));
	fuzz_take(&data, &size, &ticks, sizeof(ticks));
	if (!khz)
		return;
	ns = kev_tsc_to_ns(ticks, khz);
	fuzz_check(ns <= 1ULL << 62, "a time that is too long");
	fuzz_check(ns == 1ULL << 62 || (__uint128_t)ns * khz >=
		   (__uint128_t)ticks * 1000000, "rounded down");
	scale = kev_clock_scale(khz);
	fuzz_check(scale.mul >> 31, "a multiplier with room to spare");
	/* Nanoseconds that 64 bits hold */
	ticks %= (u64)min(khz, 1U << 20) << 43;
	fuzz_check(kev_clock_ns(scale, ticks) <= kev_clock_ns(scale, ticks + 1000), "backwards");
}

static void events(const u8 *data, size_t size)
{
	u16 first, second;

	fuzz_take(&data, &size, &first, sizeof(first));
	fuzz_take(&data, &size, &second, sizeof(second));
	first %= KEV_EVENT_INTERRUPT + 1;
	second %= KEV_EVENT_INTERRUPT + 1;
	fuzz_check(kev_combine_events(first, second) <= KEV_COMBINED_SHUTDOWN, "no verdict");
	fuzz_check((kev_combine_events(first, second) == KEV_COMBINED_SHUTDOWN) <= (first == 8),
		   "a shutdown without a double fault");
}

static void step(const u8 *data, size_t size)
{
	u8 bytes[KEV_INSN_MAX_LENGTH];
	struct kev_step all, part;
	unsigned int length;
	bool code64;
	u8 *copy;
	u8 mode;

	fuzz_take(&data, &size, &mode, sizeof(mode));
	code64 = mode & 1;
	length = min(size, sizeof(bytes));
	fuzz_take(&data, &size, bytes, length);
	/* Of its own size, for a read behind the end to be seen */
	copy = malloc(length ?: 1);
	memcpy(copy, bytes, length);
	kev_step_decode(copy, length, code64, &all);
	fuzz_check(!all.interrupt || (all.length && all.length <= length), "length of INT n");
	fuzz_check(all.saves <= KEV_SAVES_IN_R11, "saves");
	if (length && !all.cut) {
		kev_step_decode(copy, length - 1, code64, &part);
		fuzz_check(part.cut || (part.loads == all.loads && part.saves == all.saves &&
					part.interrupt == all.interrupt) || !all.interrupt,
			   "another instruction with a byte less");
	}
	free(copy);
}

static void qualifications(const u8 *data, size_t size)
{
	struct kev_qual_io io;
	u64 qual;

	fuzz_take(&data, &size, &qual, sizeof(qual));
	io = kev_qual_decode_io(qual);
	fuzz_check(io.width == 0 || io.width == 1 || io.width == 2 || io.width == 4, "width");
	fuzz_check(!(kev_qual_decode_ept(qual).access & ~KEV_MEM_ALL), "rights");
	fuzz_check(kev_qual_decode_cr(qual).gpr < KEV_NR_GPRS, "register");
	fuzz_check(kev_qual_decode_dr(qual).dr < 8, "debug register");
	fuzz_check(kev_qual_decode_apic(qual) < KEV_APIC_PAGE_SIZE, "offset");
	fuzz_check(kev_vmx_reasons[qual % KEV_VMX_NR_REASONS].event < KEV_NR_EVENTS, "event");
	fuzz_check((kev_eptp(qual & GENMASK_ULL(51, 12), qual & 1) & GENMASK_ULL(51, 12)) ==
		   (qual & GENMASK_ULL(51, 12)), "root");
}

static void l1d(const u8 *data, size_t size)
{
	struct kev_l1d_facts facts, less;
	enum kev_l1d_rule rule;
	u8 bits;

	fuzz_take(&data, &size, &bits, sizeof(bits));
	facts = (struct kev_l1d_facts){
		.affected = bits & 1, .off = bits & 2, .conditional = bits & 4,
	};
	fuzz_take(&data, &size, &facts.capabilities, sizeof(facts.capabilities));
	rule = kev_l1d_rule(&facts);
	fuzz_check(rule <= KEV_L1D_ALWAYS, "no rule");
	fuzz_check(!rule || facts.affected, "a flush for a CPU that is not affected");
	/* Each of these asks for more: it takes nothing away. */
	less = facts;
	facts.conditional = false;
	fuzz_check(kev_l1d_rule(&facts) >= rule, "always is less than now and then");
	facts.off = false;
	facts.affected = true;
	fuzz_check(kev_l1d_rule(&facts) >= rule, "on is less than off");
	facts.capabilities &= ~KEV_SKIPS_L1D_FLUSH;
	fuzz_check(kev_l1d_rule(&facts) == KEV_L1D_ALWAYS, "a CPU without a flush");
	less.off = true;
	fuzz_check(kev_l1d_rule(&less) == KEV_L1D_NEVER, "off, and a flush");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static void (*const rules[])(const u8 *data, size_t size) = {
		msr_policy, apic, clocks, events, step, qualifications,
	};
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	/* Until there was a seventh the others had it all. */
	if (which == 0xff)
		l1d(data, size);
	else
		rules[which % ARRAY_SIZE(rules)](data, size);
	return 0;
}
