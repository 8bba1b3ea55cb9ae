// SPDX-License-Identifier: GPL-2.0
/*
 * The input is what a host says to CPUID, what user space wants of it, and what a guest asks:
 * nothing is told that the host does not have, and what is listed is what is answered.
 */
#include <kev/cpuid.h>

#include "fuzz.h"

#define MOST		16
#define ROOM		256

struct choice {
	u8 flags, phys_bits, nr, host_leaves;
	u64 xcr0;
	u32 leaf, subleaf;
};

/* What the input says of a leaf of the host */
struct host_leaf {
	u32 leaf, subleaf;
	struct kev_cpuid_regs regs;
};

struct host {
	const struct host_leaf *leaves;
	u32 nr;
	u8 fill;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void host_cpuid(void *ctx, u32 leaf, u32 subleaf, struct kev_cpuid_regs *regs)
{
	const struct host *host = ctx;

	memset(regs, host->fill, sizeof(*regs));
	for (u32 i = 0; i < host->nr; i++)
		if (host->leaves[i].leaf == leaf && host->leaves[i].subleaf == subleaf)
			*regs = host->leaves[i].regs;
}

static void ask(const struct kev_cpuid_table *table, u32 leaf, u32 subleaf,
		struct kev_cpuid_regs *regs)
{
	const struct kev_cpuid_vcpu vcpu = { .nr_vcpus = 1, .xcr0 = KEV_XCR0_X87 };

	kev_cpuid_answer(table, &vcpu, leaf, subleaf, regs);
	if (kev_cpuid_is_constant(table, leaf))
		fuzz_check(!memcmp(regs, kev_cpuid_constant(table, leaf), sizeof(*regs)),
			   "a constant answer is another one");
}

static void check_list(const struct kev_cpuid_table *table, u32 room)
{
	struct kev_cpuid_entry entries[ROOM];
	u32 nr = kev_cpuid_list(table, false, entries, room);

	fuzz_check(nr <= ROOM, "more leaves than there can be");
	for (u32 i = 0; i < min(nr, room); i++) {
		struct kev_cpuid_regs regs;

		/* What a VM's interface puts there */
		if (entries[i].leaf >> 28 == 4)
			continue;
		ask(table, entries[i].leaf, entries[i].subleaf, &regs);
		fuzz_check(!memcmp(&regs, entries[i].value, sizeof(regs)),
			   "listed otherwise than answered");
	}
}

static void check_own(const struct kev_cpuid_table *base, struct kev_cpuid_entry *entries, u32 nr,
		      const struct choice *choice)
{
	struct kev_cpuid_table table;
	struct kev_cpuid_regs a, b;

	if (kev_cpuid_set(&table, base, entries, nr))
		return;
	fuzz_check(!(table.xcr0 & ~base->xcr0) && !(table.cr4 & ~base->cr4) &&
		   !(table.efer & ~base->efer), "a feature out of thin air");
	ask(&table, choice->leaf, choice->subleaf, &b);
	/* Feature bits: leaf 1 and what 7 tells first */
	for (u32 leaf = 1; leaf <= 7; leaf += 6) {
		ask(base, leaf, 0, &a);
		ask(&table, leaf, 0, &b);
		fuzz_check(!(b.ecx & ~a.ecx) && !(b.edx & ~a.edx), "a bit out of thin air");
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_cpuid_entry entries[MOST];
	struct host_leaf leaves[MOST];
	struct kev_cpuid_limits limits;
	struct kev_cpuid_table base;
	struct choice choice;
	struct host host;

	fuzz_take(&data, &size, &choice, sizeof(choice));
	host = (struct host) {
		.leaves = leaves, .nr = choice.host_leaves % MOST,
		.fill = choice.flags & 1 ? 0xff : 0,
	};
	fuzz_take(&data, &size, leaves, host.nr * sizeof(*leaves));
	limits = (struct kev_cpuid_limits) {
		.xcr0 = choice.xcr0 & KEV_XCR0_GUEST, .phys_bits = 32 + choice.phys_bits % 21,
		.xsave = choice.flags & 2, .rdtscp = choice.flags & 4,
		.invpcid = choice.flags & 8, .local_apic = choice.flags & 16,
		.tsc_adjust = choice.flags & 32,
	};
	kev_cpuid_build(&base, host_cpuid, &host, &limits);
	fuzz_check(!(base.xcr0 & ~limits.xcr0), "a part of XCR0 that is not there");
	check_list(&base, choice.flags & 64 ? 3 : ROOM);

	memset(entries, 0, sizeof(entries));
	fuzz_take(&data, &size, entries, choice.nr % MOST * sizeof(*entries));
	check_own(&base, entries, choice.nr % MOST, &choice);
	return 0;
}
