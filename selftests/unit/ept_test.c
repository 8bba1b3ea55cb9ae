// SPDX-License-Identifier: GPL-2.0
/*
 * The format of extended page tables, bit by bit, and a small table built of it.
 */
#include "unit.h"

#include <kev/ept.h>

#define R	KEV_MEM_READ
#define W	KEV_MEM_WRITE
#define X	KEV_MEM_EXEC

static const struct kev_pt_format *const ept = &kev_ept_format;

struct leaf_case {
	u64 pa;
	unsigned int prot;
	unsigned int level;
	u64 entry;
};

/*
 * SDM Vol. 3, tables "Format of an EPT ... Entry that Maps a ... Page": bits 5:3 are the
 * memory type, 6 is write-back; bit 6 ignores the guest's PAT; bit 7 is a large page.
 */
static const struct leaf_case leaf_cases[] = {
	{ 0, R, 1, 0x71 },
	{ 0, R | W, 1, 0x73 },
	{ 0, R | X, 1, 0x75 },
	{ 0, R | W | X, 1, 0x77 },
	{ 0, X, 1, 0x74 },
	{ 0x1000, R | W | X, 1, 0x1077 },
	{ 0x123456789000, R | W, 1, 0x123456789073 },
	{ 0xffffffffff000, R | W | X, 1, 0xffffffffff077 },
	{ 0x200000, R, 2, 0x2000f1 },
	{ 0xfffffffe00000, R | W | X, 2, 0xfffffffe000f7 },
	{ 0x40000000, R | X, 3, 0x400000f5 },
	{ 0xfffffc0000000, R | W | X, 3, 0xfffffc00000f7 },
};

TEST(leaves)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leaf_cases); i++) {
		const struct leaf_case *c = &leaf_cases[i];
		/* What the CPU sets later: accessed, dirty */
		const u64 used = c->entry | BIT_ULL(8) | BIT_ULL(9);

		EXPECT_EQ(c->entry, ept->make_leaf(c->pa, c->prot, c->level))
			TH_LOG("leaf %zu", i);
		EXPECT_TRUE(ept->present(used));
		EXPECT_TRUE(ept->is_leaf(used, c->level));
		EXPECT_EQ(c->pa, ept->address(used, c->level));
		EXPECT_EQ(c->prot, ept->prot(used));
	}
}

TEST(tables)
{
	unsigned int level;

	for (level = 2; level <= 4; level++) {
		u64 entry = ept->make_table(0x7654321fff000);

		EXPECT_EQ(0x7654321fff007, entry);
		EXPECT_TRUE(ept->present(entry));
		EXPECT_FALSE(ept->is_leaf(entry, level));
		EXPECT_EQ(0x7654321fff000, ept->address(entry | BIT_ULL(8), level));
		EXPECT_EQ(R | W | X, ept->prot(entry));
	}
	EXPECT_EQ(4, ept->levels);
}

TEST(not_present)
{
	EXPECT_FALSE(ept->present(0));
	/* Whatever else is there, an entry without rights maps nothing. */
	EXPECT_FALSE(ept->present(~7ULL));
	EXPECT_TRUE(ept->present(1));
	EXPECT_TRUE(ept->present(2));
	EXPECT_TRUE(ept->present(4));
}

TEST(expressible_rights)
{
	static const bool plain[8] = { [R] = 1, [R | W] = 1, [R | X] = 1, [R | W | X] = 1 };
	unsigned int prot;

	for (prot = 0; prot < 16; prot++) {
		bool valid = prot < 8 && plain[prot];

		EXPECT_EQ(valid, kev_pt_prot_valid(ept, prot))
			TH_LOG("rights %u", prot);
		EXPECT_EQ(valid || prot == X, kev_pt_prot_valid(&kev_ept_format_execute_only, prot))
			TH_LOG("rights %u", prot);
	}
	EXPECT_FALSE(kev_pt_prot_valid(ept, ~0U));
	EXPECT_EQ(0x74, kev_ept_format_execute_only.make_leaf(0, X, 1));
}

TEST(pointer)
{
	EXPECT_EQ(0x1e, kev_eptp(0, false));
	EXPECT_EQ(0x5e, kev_eptp(0, true));
	EXPECT_EQ(0xffffffffff01e, kev_eptp(0xffffffffff000, false));
}

TEST(geometry)
{
	u64 gpa = (1ULL << 39) + (2ULL << 30) + (3ULL << 21) + (4ULL << 12) + 5;

	EXPECT_EQ(1, kev_pt_index(gpa, 4));
	EXPECT_EQ(2, kev_pt_index(gpa, 3));
	EXPECT_EQ(3, kev_pt_index(gpa, 2));
	EXPECT_EQ(4, kev_pt_index(gpa, 1));
	EXPECT_EQ(511, kev_pt_index(~0ULL, 4));
	EXPECT_EQ(0x1000, kev_pt_size(KEV_PT_LEVEL_4K));
	EXPECT_EQ(0x200000, kev_pt_size(KEV_PT_LEVEL_2M));
	EXPECT_EQ(0x40000000, kev_pt_size(KEV_PT_LEVEL_1G));
	EXPECT_EQ(0x8000000000, kev_pt_size(KEV_PT_LEVEL_512G));
	EXPECT_EQ(1ULL << 48, kev_pt_limit(ept));
}

/* Tables at pretended addresses: table n lies at n << 12. */
struct arena {
	u64 used;
	u64 table[32][KEV_PT_ENTRIES];
};

static u64 *slot(struct arena *arena, u64 gpa, unsigned int to_level, bool make)
{
	u64 table = 0x1000;
	unsigned int level;

	for (level = ept->levels; ; level--) {
		u64 *entry = &arena->table[table >> 12][kev_pt_index(gpa, level)];

		if (level == to_level)
			return entry;
		if (!ept->present(*entry)) {
			if (!make)
				return NULL;
			*entry = ept->make_table(++arena->used << 12);
		}
		if (ept->is_leaf(*entry, level))
			return NULL;
		table = ept->address(*entry, level);
	}
}

/* As the CPU would: ~0 for an EPT violation */
static u64 translate(struct arena *arena, u64 gpa)
{
	unsigned int level;

	for (level = ept->levels; level >= 1; level--) {
		u64 *entry = slot(arena, gpa, level, false);

		if (!entry || !ept->present(*entry))
			return ~0ULL;
		if (ept->is_leaf(*entry, level))
			return ept->address(*entry, level) | (gpa & (kev_pt_size(level) - 1));
	}
	return ~0ULL;
}

/* The address with these indices, from the root down */
#define GPA(l4, l3, l2, l1)							\
	((l4) * 0x8000000000ULL + (l3) * 0x40000000ULL + (l2) * 0x200000ULL + (l1) * 0x1000ULL)

/* Five addresses without a common table below the root, one leaf of each size among them */
TEST(five_apart)
{
	static const struct {
		u64 gpa, pa;
		unsigned int level;
	} map[] = {
		{ GPA(0, 0, 0, 1), 0xabcd000, 1 },
		{ GPA(1, 2, 3, 4), 0x123f000, 1 },
		{ GPA(17, 33, 65, 0), 0x40200000, 2 },
		{ GPA(511, 511, 511, 510), 0xffffffffff000, 1 },
		{ GPA(300, 200, 0, 0), 0x80000000, 3 },
	};
	static struct arena arena;
	size_t i, j;

	arena.used = 1;
	for (i = 0; i < ARRAY_SIZE(map); i++) {
		u64 gpa = map[i].gpa;

		for (j = 0; j < i; j++)
			ASSERT_NE(kev_pt_index(map[j].gpa, 4), kev_pt_index(gpa, 4));
		EXPECT_EQ(~0ULL, translate(&arena, gpa));
		*slot(&arena, gpa, map[i].level, true) =
			ept->make_leaf(map[i].pa, R | W | X, map[i].level);
	}
	/* Root; three tables for each small page, two for 2 MiB, one for 1 GiB */
	EXPECT_EQ(1 + 3 * 3 + 2 + 1, arena.used);
	for (i = 0; i < ARRAY_SIZE(map); i++) {
		u64 size = kev_pt_size(map[i].level);

		EXPECT_EQ(map[i].pa, translate(&arena, map[i].gpa));
		EXPECT_EQ(map[i].pa + size - 1, translate(&arena, map[i].gpa + size - 1));
		EXPECT_EQ(~0ULL, translate(&arena, map[i].gpa + size));
		EXPECT_EQ(~0ULL, translate(&arena, map[i].gpa - 1));
	}
	/* One goes, the others stay. */
	for (i = 0; i < ARRAY_SIZE(map); i++) {
		*slot(&arena, map[i].gpa, map[i].level, false) = 0;
		for (j = 0; j < ARRAY_SIZE(map); j++)
			EXPECT_EQ(j <= i ? ~0ULL : map[j].pa, translate(&arena, map[j].gpa));
	}
}

TEST_HARNESS_MAIN
