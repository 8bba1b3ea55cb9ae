// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's own CPUID: what user space may change of the policy's answers, and how. Pure.
 */
#include <kev/cpuid.h>
#include <kev/pure.h>

enum { EAX, EBX, ECX, EDX, NR_REGS };

static_assert(sizeof(struct kev_cpuid_regs) == NR_REGS * sizeof(u32), "an array, too");

#define ALL	0xffffffffU
#define ANY	ALL		/* subleaf */

/* The whole range that CPUs leave to hypervisors, as far as anybody uses it */
#define HYPERVISOR_LAST	0x4000ffffU

/*
 * What the bits of a leaf are: @fixed ones follow from the vCPU, from XCR0 or from the
 * machine, @free ones only inform. All others tell features: they can only go.
 */
struct rule {
	u32 first, last;
	u32 subleaf;
	u32 fixed[NR_REGS];
	u32 free[NR_REGS];
};

#define EVERYTHING	{ ALL, ALL, ALL, ALL }

/* The first that fits counts. */
static const struct rule rules[] = {
	/* EAX, the greatest leaf: in kev_cpuid_set() */
	{ 0x0, 0x0, ANY, { 0 }, { 0, ALL, ALL, ALL } },
	/* EBX: id and number of vCPUs; ECX: OSXSAVE; EDX: HTT */
	{ 0x1, 0x1, ANY, { 0, 0xffff0000, BIT(27), BIT(28) }, { ALL, 0xffff, 0, 0 } },
	{ 0x2, 0x3, ANY, { 0 }, EVERYTHING },
	/* EAX: number of cores */
	{ 0x4, 0x4, ANY, { 0xfc000000, 0, 0, 0 }, { 0x03ffffff, ALL, ALL, ALL } },
	{ 0xb, 0xb, ANY, EVERYTHING, { 0 } },
	/* Sizes for the present and for the greatest XCR0 */
	{ 0xd, 0xd, 0, { 0, ALL, ALL, 0 }, { 0 } },
	{ 0xd, 0xd, 1, { 0, ALL, 0, 0 }, { 0 } },
	{ 0xd, 0xd, ANY, EVERYTHING, { 0 } },
	{ 0x15, 0x18, ANY, { 0 }, EVERYTHING },
	{ 0x1a, 0x1a, ANY, { 0 }, EVERYTHING },
	{ 0x1f, 0x1f, ANY, EVERYTHING, { 0 } },
	{ KEV_CPUID_HYPERVISOR, HYPERVISOR_LAST, ANY, { 0 }, EVERYTHING },
	{ 0x80000000, 0x80000000, ANY, { 0 }, { 0, ALL, ALL, ALL } },
	{ 0x80000002, 0x80000006, ANY, { 0 }, EVERYTHING },
	/* Widths of addresses */
	{ 0x80000008, 0x80000008, ANY, { ALL, 0, 0, 0 }, { 0 } },
	{ 0, ALL, ANY, { 0 }, { 0 } },
};

static const struct rule *rule_of(u32 leaf, u32 subleaf)
{
	const struct rule *rule = rules;

	while (leaf < rule->first || leaf > rule->last ||
	       (rule->subleaf != ANY && rule->subleaf != subleaf))
		rule++;
	return rule;
}

/* As kev_cpuid_list() tells it */
static const struct kev_cpuid_vcpu first_vcpu = {
	.nr_vcpus = 1,
	.xcr0 = KEV_XCR0_X87,
};

static bool has_subleaves(u32 leaf)
{
	switch (leaf) {
	case 0x4:
	case 0x7:
	case 0xb:
	case 0xd:
	case 0x17:
	case 0x18:
	case 0x1f:
		return true;
	default:
		return leaf >= KEV_CPUID_HYPERVISOR && leaf <= HYPERVISOR_LAST;
	}
}

/* One more than there are of any leaf: those above have the same rules and are zero. */
#define NR_SUBLEAVES	(KEV_CPUID_NR_CACHES + 1)

static bool covers(const struct kev_cpuid_entry *entry, u32 subleaf)
{
	return !(entry->flags & KEV_CPUID_SUBLEAF) || entry->subleaf == subleaf;
}

static bool well_formed(const struct kev_cpuid_entry *entry)
{
	if (entry->reserved || entry->flags & ~KEV_CPUID_SUBLEAF)
		return false;
	if (entry->flags & KEV_CPUID_SUBLEAF)
		return has_subleaves(entry->leaf);
	return !entry->subleaf;
}

/* Where the table keeps what a leaf says of features; NULL where it does not */
static struct kev_cpuid_regs *features_of(struct kev_cpuid_table *t, u32 leaf, u32 subleaf)
{
	if (leaf == 0x7)
		return subleaf < ARRAY_SIZE(t->feature) ? &t->feature[subleaf] : NULL;
	if (leaf == 0xd)
		return subleaf == 1 ? &t->xstate[1] : NULL;
	if (leaf <= KEV_CPUID_MAX_BASIC)
		return &t->basic[leaf];
	if (leaf >= KEV_CPUID_EXTENDED && leaf <= KEV_CPUID_MAX_EXTENDED)
		return &t->extended[leaf - KEV_CPUID_EXTENDED];
	return NULL;
}

/* Bits of @old where the mask is clear, of the entry where it is set */
static u32 merge(const struct kev_cpuid_entry *entry, unsigned int reg, u32 old)
{
	return (old & ~entry->mask[reg]) | (entry->value[reg] & entry->mask[reg]);
}

static void take_features(struct kev_cpuid_table *t, const struct kev_cpuid_entry *entry,
			  const struct rule *rule, u32 subleaf)
{
	struct kev_cpuid_regs *regs = features_of(t, entry->leaf, subleaf);
	u32 gone[NR_REGS];
	unsigned int i;

	for (i = 0; i < NR_REGS; i++)
		gone[i] = entry->mask[i] & ~entry->value[i] & ~rule->fixed[i] & ~rule->free[i];
	if (entry->leaf == 0xd && subleaf == 0)
		t->xcr0 &= ~((u64)gone[EDX] << 32 | gone[EAX]);
	if (!regs)
		return;
	regs->eax &= ~gone[EAX];
	regs->ebx &= ~gone[EBX];
	regs->ecx &= ~gone[ECX];
	regs->edx &= ~gone[EDX];
}

/* The greatest leaf is a number, not a set of bits. */
static bool take_greatest(struct kev_cpuid_table *t, const struct kev_cpuid_entry *entry)
{
	bool basic = entry->leaf == 0;
	u32 *greatest = basic ? &t->basic[0].eax : &t->extended[0].eax;

	*greatest = merge(entry, EAX, *greatest);
	return *greatest >= (basic ? 1 : KEV_CPUID_EXTENDED) &&
	       *greatest <= (basic ? KEV_CPUID_MAX_BASIC : KEV_CPUID_MAX_EXTENDED);
}

static bool take_subleaf(struct kev_cpuid_table *t, const struct kev_cpuid_table *base,
			 const struct kev_cpuid_entry *entry, u32 subleaf)
{
	const struct rule *rule = rule_of(entry->leaf, subleaf);
	u32 policy[NR_REGS];
	unsigned int i;

	kev_cpuid_answer(base, &first_vcpu, entry->leaf, subleaf,
			 (struct kev_cpuid_regs *)policy);
	for (i = 0; i < NR_REGS; i++) {
		u32 changed = (entry->value[i] ^ policy[i]) & entry->mask[i];

		if (changed & rule->fixed[i])
			return false;
		if (changed & entry->value[i] & ~rule->fixed[i] & ~rule->free[i])
			return false;
	}
	take_features(t, entry, rule, subleaf);
	return true;
}

static bool take_entry(struct kev_cpuid_table *t, const struct kev_cpuid_table *base,
		       const struct kev_cpuid_entry *entry)
{
	u32 i;

	if (entry->leaf == 0 || entry->leaf == KEV_CPUID_EXTENDED)
		return take_greatest(t, entry);
	if (entry->flags & KEV_CPUID_SUBLEAF)
		return take_subleaf(t, base, entry, entry->subleaf);
	for (i = 0; i < NR_SUBLEAVES; i++)
		if (!take_subleaf(t, base, entry, i))
			return false;
	return true;
}

/* By leaf; those for one subleaf behind the one for all */
static int compare(const void *a, const void *b)
{
	const struct kev_cpuid_entry *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->flags != y->flags)
		return x->flags < y->flags ? -1 : 1;
	if (x->subleaf != y->subleaf)
		return x->subleaf < y->subleaf ? -1 : 1;
	return 0;
}

/* Keep of an entry what the table itself cannot say; false: nothing. */
static bool strip(struct kev_cpuid_entry *entry)
{
	const struct rule *rule = rule_of(entry->leaf, entry->subleaf);
	u32 left = 0;
	unsigned int i;

	for (i = 0; i < NR_REGS; i++) {
		entry->mask[i] &= rule->free[i];
		entry->value[i] &= entry->mask[i];
		left |= entry->mask[i];
	}
	return left;
}

int kev_cpuid_set(struct kev_cpuid_table *table, const struct kev_cpuid_table *base,
		  struct kev_cpuid_entry *entries, u32 nr)
{
	u32 i, kept = 0;

	*table = *base;
	for (i = 0; i < nr; i++)
		if (!well_formed(&entries[i]))
			return -EINVAL;
	kev_sort(entries, nr, sizeof(*entries), compare);
	for (i = 1; i < nr; i++)
		if (!compare(&entries[i - 1], &entries[i]))
			return -EINVAL;
	for (i = 0; i < nr; i++)
		if (!take_entry(table, base, &entries[i]))
			return -EINVAL;
	kev_cpuid_settle(table);

	for (i = 0; i < nr; i++)
		if (strip(&entries[i])) {
			if (entries[i].leaf <= KEV_CPUID_MAX_BASIC)
				table->constant &= ~BIT(entries[i].leaf);
			entries[kept++] = entries[i];
		}
	table->own = entries;
	table->nr_own = kept;
	return 0;
}

void kev_cpuid_own(const struct kev_cpuid_table *table, u32 leaf, u32 subleaf,
		   struct kev_cpuid_regs *out)
{
	const struct kev_cpuid_entry *entry = table->own;
	const struct kev_cpuid_entry *end = entry + table->nr_own;
	u32 nr = table->nr_own, half;

	/* The first entry whose leaf is not below */
	while (nr) {
		half = nr / 2;
		if (entry[half].leaf < leaf) {
			entry += half + 1;
			nr -= half + 1;
		} else {
			nr = half;
		}
	}
	for (; entry < end && entry->leaf == leaf; entry++) {
		if (!covers(entry, subleaf))
			continue;
		out->eax = merge(entry, EAX, out->eax);
		out->ebx = merge(entry, EBX, out->ebx);
		out->ecx = merge(entry, ECX, out->ecx);
		out->edx = merge(entry, EDX, out->edx);
	}
}

struct list {
	const struct kev_cpuid_table *table;
	struct kev_cpuid_vcpu vcpu;
	struct kev_cpuid_entry *entries;
	u32 room, nr;
};

static void list_subleaf(struct list *list, u32 leaf, u32 subleaf)
{
	struct kev_cpuid_entry entry = {
		.leaf = leaf,
		.subleaf = subleaf,
		.flags = has_subleaves(leaf) && leaf < KEV_CPUID_HYPERVISOR ? KEV_CPUID_SUBLEAF : 0,
		.mask = EVERYTHING,
	};

	kev_cpuid_answer(list->table, &list->vcpu, leaf, subleaf,
			 (struct kev_cpuid_regs *)entry.value);
	if (!(entry.value[EAX] | entry.value[EBX] | entry.value[ECX] | entry.value[EDX]))
		return;
	if (list->nr < list->room)
		list->entries[list->nr] = entry;
	list->nr++;
}

static void list_leaves(struct list *list, u32 first, u32 last)
{
	u32 leaf, subleaf;

	for (leaf = first; leaf <= last; leaf++) {
		/* The topology has an answer for every subleaf, and two that mean something. */
		u32 nr = leaf == 0xb || leaf == 0x1f ? 2 : NR_SUBLEAVES;

		if (!has_subleaves(leaf) || leaf >= KEV_CPUID_HYPERVISOR)
			nr = 1;
		for (subleaf = 0; subleaf < nr; subleaf++)
			list_subleaf(list, leaf, subleaf);
	}
}

u32 kev_cpuid_list(const struct kev_cpuid_table *table, bool clock_pages,
		   struct kev_cpuid_entry *entries, u32 room)
{
	struct list list = {
		.table = table, .vcpu = first_vcpu, .entries = entries, .room = room,
	};

	list.vcpu.clock_pages = clock_pages;
	list_leaves(&list, 0, table->basic[0].eax);
	list_leaves(&list, KEV_CPUID_HYPERVISOR, KEV_CPUID_KVM_FEATURES);
	list_leaves(&list, KEV_CPUID_EXTENDED, table->extended[0].eax);
	return list.nr;
}
