// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relocations: applied to a page when it is loaded, and to no other.
 */
#include <linux/mm.h>
#include "test.h"

#define BASE	0x400000

static const struct image_spec movable = {
	.entry = 0x10000,
	.nr = 2,
	.seg = {
		{ 0x10000, 0x1000, 0x5000, 0x6000, RWX },
		{ 0x20000, 0x8000, 0x1000, 0x1000, PF_R },
	},
	.dynamic = 0x20000,
	.rela = 0x20100,
	.nr_relocs = 4,
	.reloc = {
		/* not in order; the second lies in two pages, the last in the zeros */
		{ 0x13008, 0x1234 },
		{ 0x10ffc, 0x8877665544332211 - BASE },
		{ 0x10000, 0x10000 },
		{ 0x15ff8, 0x15000 },
	},
};

static u64 word_at(struct kev_mem *mem, u64 gpa)
{
	u64 word = 0;

	CHECK_EQ(read_gpa(mem, gpa, &word, sizeof(word)), sizeof(word));
	return word;
}

/* The file's bytes around a relocation are what they were. */
static void check_around(struct kev_mem *mem, u64 vaddr)
{
	CHECK_EQ(byte_at(mem, BASE + vaddr - 1), image_byte(&movable, vaddr - 1));
	CHECK_EQ(byte_at(mem, BASE + vaddr + 8), image_byte(&movable, vaddr + 8));
}

void test_relocations(void)
{
	static const struct {
		u64 gpa;
		u32 state;
	} cases[] = {
		{ 0x10000, KEV_PAGE_RESIDENT }, { 0x11000, KEV_PAGE_RESIDENT },
		{ 0x12000, KEV_PAGE_SHARED }, { 0x13000, KEV_PAGE_RESIDENT },
		{ 0x14000, KEV_PAGE_SHARED }, { 0x15000, KEV_PAGE_RESIDENT },
		{ 0x20000, KEV_PAGE_SHARED },
	};
	struct fixture *f = SETUP(&movable, .shared = true, .load_base = BASE,
				  .flags = KEV_ATTACH_VADDR | KEV_ATTACH_RELOCATE);
	int i;

	if (!f)
		return;
	CHECK_EQ(f->result.boot.entry, BASE + 0x10000);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 0);
	/* The second half of one, before its first half */
	CHECK_EQ(byte_at(&f->mem, BASE + 0x11000), 0x55);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 1);
	CHECK_EQ(byte_at(&f->mem, BASE + 0x11003), 0x88);
	CHECK_EQ(word_at(&f->mem, BASE + 0x10ffc), 0x8877665544332211);
	CHECK_EQ(word_at(&f->mem, BASE + 0x10000), BASE + 0x10000);
	CHECK_EQ(word_at(&f->mem, BASE + 0x13008), BASE + 0x1234);
	CHECK_EQ(word_at(&f->mem, BASE + 0x15ff8), BASE + 0x15000);
	CHECK_EQ(byte_at(&f->mem, BASE + 0x15ff7), 0);
	check_around(&f->mem, 0x13008);
	check_around(&f->mem, 0x10ffc);
	CHECK_EQ(byte_at(&f->mem, BASE + 0x10008), image_byte(&movable, 0x10008));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(fault(&f->mem, BASE + cases[i].gpa, R), 0);
		if (!CHECK_EQ(state_at(&f->mem, BASE + cases[i].gpa), cases[i].state))
			pr_err("# case %d\n", i);
	}
	CHECK_EQ(stats_of(&f->mem).copied_pages, 0);
	CHECK_EQ(atomic_read(&flushes), 0);
	teardown(f);
}

/* The same image, where nobody asks for them */
void test_no_relocations(void)
{
	struct fixture *f = SETUP(&movable, .shared = true, .load_base = BASE,
				  .flags = KEV_ATTACH_VADDR);
	u64 vaddr;

	if (!f)
		return;
	for (vaddr = 0x10000; vaddr < 0x15000; vaddr += 4)
		CHECK_EQ(byte_at(&f->mem, BASE + vaddr), image_byte(&movable, vaddr));
	CHECK_EQ(stats_of(&f->mem).shared_pages, 5);
	CHECK_EQ(fault(&f->mem, 0x10000, R), -ENOENT);
	teardown(f);
}

/* Relocated pages go through the file, too, where it has to be read. */
void test_relocations_read(void)
{
	struct fixture *f = SETUP(&movable, .load_base = BASE,
				  .flags = KEV_ATTACH_VADDR | KEV_ATTACH_RELOCATE);

	if (!f)
		return;
	atomic_set(&image_reads, 0);
	CHECK_EQ(word_at(&f->mem, BASE + 0x10ffc), 0x8877665544332211);
	CHECK_EQ(atomic_read(&image_reads), 2);
	CHECK_EQ(stats_of(&f->mem).read_pages, 2);
	teardown(f);
}
