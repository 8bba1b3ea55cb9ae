// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to control registers: each rule of MOV to CR0, CR3 and CR4, and what a legal
 * write brings with it.
 */
#include "unit.h"

#include <kev/cr.h>

#define PE	0x00000001ULL
#define ET	0x00000010ULL
#define NE	0x00000020ULL
#define WP	0x00010000ULL
#define NW	0x20000000ULL
#define CD	0x40000000ULL
#define PG	0x80000000ULL
#define PSE	0x10ULL
#define PAE	0x20ULL
#define PGE	0x80ULL
#define PCIDE	0x20000ULL
#define OSXSAVE	0x40000ULL
#define SMEP	0x100000ULL
#define LME	0x100ULL
#define LMA	0x400ULL

#define CR0_ALLOWED	0xe005003fULL
#define CR4_ALLOWED	0x1707ffULL

enum mode { REAL, FLAT, PAGED, PAE32, READY, COMPAT, LONG };

static const struct kev_cr_state modes[] = {
	[REAL] = { .cr0 = ET },
	[FLAT] = { .cr0 = ET | PE },
	[PAGED] = { .cr0 = ET | PE | PG, .cr3 = 0x1000 },
	[PAE32] = { .cr0 = ET | PE | PG, .cr3 = 0x1020, .cr4 = PAE },
	/* All is set for long mode but PG. */
	[READY] = { .cr0 = ET | PE, .cr3 = 0x1000, .cr4 = PAE, .efer = LME },
	[COMPAT] = { .cr0 = ET | PE | PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LME | LMA },
	[LONG] = { .cr0 = ET | PE | PG, .cr3 = 0x1000, .cr4 = PAE, .efer = LME | LMA,
		   .code64 = true },
};

#define GP	true
/* What a legal write does */
#define LOADS	1
#define FLUSHES	2
#define ENTERS	4	/* LMA is set after it */

struct cr_case {
	const char *name;
	enum mode mode;
	unsigned int cr;
	u64 value;
	bool fault;
	u64 result;
	unsigned int effects;
};

static const struct cr_case cases[] = {
	{ "enter protected mode", REAL, 0, PE, 0, ET | PE, 0 },
	{ "reserved bits do not stay", REAL, 0, PE | 0x0ff8ffc0, 0, ET | PE, 0 },
	{ "upper half of CR0", LONG, 0, PG | PE | 1ULL << 32, GP, 0, 0 },
	{ "PG without PE", REAL, 0, PG, GP, 0, 0 },
	{ "PE cleared, PG stays", PAGED, 0, PG, GP, 0, 0 },
	{ "PE and PG cleared", PAGED, 0, NE, 0, ET | NE, FLUSHES },
	{ "NW without CD", FLAT, 0, PE | NW, GP, 0, 0 },
	{ "NW with CD", FLAT, 0, PE | NW | CD, 0, ET | PE | NW | CD, 0 },
	{ "CD alone", FLAT, 0, PE | CD, 0, ET | PE | CD, 0 },
	{ "32-bit paging on", FLAT, 0, PG | PE, 0, ET | PG | PE, FLUSHES },
	{ "32-bit paging off", PAGED, 0, PE, 0, ET | PE, FLUSHES },
	{ "PAE paging off", PAE32, 0, PE, 0, ET | PE, FLUSHES },
	{ "CD with PAE paging", PAE32, 0, PG | PE | CD, 0, ET | PG | PE | CD, LOADS },
	{ "WP with PAE paging", PAE32, 0, PG | PE | WP, 0, ET | PG | PE | WP, 0 },
	{ "nothing new with PAE paging", PAE32, 0, PG | PE, 0, ET | PG | PE, 0 },
	{ "into long mode", READY, 0, PG | PE, 0, ET | PG | PE, FLUSHES | ENTERS },
	{ "stay in long mode", LONG, 0, PG | PE | WP | CD, 0, ET | PG | PE | WP | CD, ENTERS },
	{ "out of long mode", COMPAT, 0, PE, 0, ET | PE, FLUSHES },
	{ "out of long mode and protected mode", COMPAT, 0, 0, 0, ET, FLUSHES },
	{ "PG cleared in 64-bit mode", LONG, 0, PE, GP, 0, 0 },

	{ "CR3", PAGED, 3, 0xfffff018, 0, 0xfffff018, FLUSHES },
	{ "CR3 above the width", LONG, 3, 1ULL << 36, GP, 0, 0 },
	{ "CR3 in PAE paging", PAE32, 3, 0x2fe0, 0, 0x2fe0, LOADS | FLUSHES },
	{ "CR3 unpaged", FLAT, 3, 0x2fe0, 0, 0x2fe0, FLUSHES },
	{ "CR3 bit 63 without PCIDE", LONG, 3, 1ULL << 63, GP, 0, 0 },

	{ "CR4 bit that the guest does not have", LONG, 4, PAE | 1 << 11, GP, 0, 0 },
	{ "CR4 VMXE", LONG, 4, PAE | 1 << 13, GP, 0, 0 },
	{ "CR4 upper half", LONG, 4, PAE | 1ULL << 32, GP, 0, 0 },
	{ "PAE cleared in long mode", COMPAT, 4, 0, GP, 0, 0 },
	{ "PAE cleared before long mode", READY, 4, 0, 0, 0, FLUSHES },
	{ "PAE set, unpaged", FLAT, 4, PAE, 0, PAE, FLUSHES },
	{ "PAE set, paged", PAGED, 4, PAE, 0, PAE, LOADS | FLUSHES },
	{ "PAE cleared, paged", PAE32, 4, 0, 0, 0, FLUSHES },
	{ "PGE with PAE paging", PAE32, 4, PAE | PGE, 0, PAE | PGE, LOADS | FLUSHES },
	{ "PSE with PAE paging", PAE32, 4, PAE | PSE, 0, PAE | PSE, LOADS | FLUSHES },
	{ "SMEP with PAE paging", PAE32, 4, PAE | SMEP, 0, PAE | SMEP, LOADS | FLUSHES },
	{ "OSXSAVE with PAE paging", PAE32, 4, PAE | OSXSAVE, 0, PAE | OSXSAVE, 0 },
	{ "PGE in long mode", LONG, 4, PAE | PGE, 0, PAE | PGE, FLUSHES | ENTERS },
	{ "PCIDE in long mode", LONG, 4, PAE | PCIDE, 0, PAE | PCIDE, FLUSHES | ENTERS },
	{ "PCIDE before long mode", READY, 4, PAE | PCIDE, GP, 0, 0 },
	{ "PCIDE with PAE paging", PAE32, 4, PAE | PCIDE, GP, 0, 0 },
};

static struct kev_cr_state state_of(enum mode mode)
{
	struct kev_cr_state s = modes[mode];

	s.cr0_allowed = CR0_ALLOWED;
	s.cr4_allowed = CR4_ALLOWED;
	s.phys_bits = 36;
	return s;
}

TEST(each_rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cr_case *c = &cases[i];
		struct kev_cr_state s = state_of(c->mode);
		struct kev_cr_change change;
		unsigned int effects;

		EXPECT_EQ(c->fault ? -EINVAL : 0, kev_cr_write(&s, c->cr, c->value, &change))
			TH_LOG("%s", c->name);
		if (c->fault)
			continue;
		effects = (change.load_pdptes ? LOADS : 0) | (change.flush ? FLUSHES : 0) |
			  (change.efer & LMA ? ENTERS : 0);
		EXPECT_EQ(c->result, change.value)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->effects, effects)
			TH_LOG("%s", c->name);
		EXPECT_EQ(s.efer & ~LMA, change.efer & ~LMA)
			TH_LOG("%s", c->name);
	}
}

/* What besides the registers forbids long mode */
TEST(into_long_mode)
{
	struct kev_cr_state s = state_of(READY);
	struct kev_cr_change change;

	s.code64 = true;
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 0, PG | PE, &change));
	s = state_of(READY);
	s.tss16 = true;
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 0, PG | PE, &change));
	s = state_of(READY);
	s.cr4 = 0;
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 0, PG | PE, &change));
	/* Without LME it is 32-bit paging, and then PAE paging. */
	s.efer = 0;
	s.tss16 = true;
	EXPECT_EQ(0, kev_cr_write(&s, 0, PG | PE, &change));
	EXPECT_FALSE(change.load_pdptes);
	s.cr4 = PAE;
	EXPECT_EQ(0, kev_cr_write(&s, 0, PG | PE, &change));
	EXPECT_TRUE(change.load_pdptes);
}

TEST(pcid)
{
	struct kev_cr_state s = state_of(LONG);
	struct kev_cr_change change;

	s.cr3 = 0x1001;
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 4, PAE | PCIDE, &change));
	/* Once it is on, CR3 has a PCID, and CR4 can be written. */
	s.cr4 = PAE | PCIDE;
	EXPECT_EQ(0, kev_cr_write(&s, 4, PAE | PCIDE | PGE, &change));
	EXPECT_EQ(0, kev_cr_write(&s, 4, PAE, &change));
	EXPECT_TRUE(change.flush);
	EXPECT_EQ(0, kev_cr_write(&s, 3, 1ULL << 63 | 0x2002, &change));
	EXPECT_EQ(0x2002, change.value);
	EXPECT_FALSE(change.flush);
	EXPECT_EQ(0, kev_cr_write(&s, 3, 0x2002, &change));
	EXPECT_TRUE(change.flush);
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 3, 1ULL << 62 | 0x2002, &change));
	/* Paging cannot end. */
	s.code64 = false;
	EXPECT_EQ(-EINVAL, kev_cr_write(&s, 0, PE, &change));
}

TEST(pdptes)
{
	static const struct {
		u64 entry;
		bool valid;
	} entries[] = {
		{ 0, true }, { ~1ULL, true }, { 1, true }, { 0xffffff019, true },
		{ 0xe01, true }, { 3, false }, { 5, false }, { 0x21, false }, { 0x41, false },
		{ 0x81, false }, { 0x101, false }, { 1ULL << 36 | 1, false },
		{ 1ULL << 63 | 1, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		EXPECT_EQ(entries[i].valid, kev_pdpte_valid(entries[i].entry, 36))
			TH_LOG("%#llx", entries[i].entry);
}

TEST_HARNESS_MAIN
