// SPDX-License-Identifier: GPL-2.0
/*
 * What lies where beside an image, the boot information byte for byte, and the state in
 * which a vCPU starts, for each boot protocol.
 */
#include "unit.h"

#include <kev/boot.h>
#include <kev/direct64.h>

#define MIB		0x100000ULL
#define GIB		0x40000000ULL
#define HOLE		0xbffda000ULL
#define FOUR_GIB	0x100000000ULL
#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT

#define MODULES_MAX	2

struct place_case {
	const char *name;
	u32 protocol;
	struct kev_range seg[3];	/* until one of length 0 */
	u64 ram;
	u64 module[MODULES_MAX + 1];	/* sizes; until 0 */
	int ret;
	enum kev_image_problem problem;
	u32 segment;
	struct kev_range boot;
	u64 info, span_end, module_gpa[MODULES_MAX];
	struct kev_range run[5];	/* until one of length 0 */
};

#define P32	KEV_BOOT_KEV32
#define M1	KEV_BOOT_MULTIBOOT
#define M2	KEV_BOOT_MULTIBOOT2
#define PVH	KEV_BOOT_PVH
#define D64	KEV_BOOT_DIRECT64
#define ONE_MIB	{ { MIB, 0x10000 } }
#define BAD(_problem, _segment)							\
	.ret = -ENOEXEC, .problem = KEV_IMAGE_##_problem, .segment = (_segment)
#define GOOD	.segment = NO_SEGMENT

static const struct place_case place_cases[] = {
	{ "no protocol", KEV_BOOT_NONE, { { 0x12, 0x10 } }, GOOD, .span_end = 0x1000 },
	{ "direct", D64, ONE_MIB, 16 * MIB, GOOD, .boot = { 0x1000, 0x7000 },
	  .span_end = 0x110000, .run = { { 0, 16 * MIB } } },
	{ "direct, image below the structures' end", D64, { { 0x7fff, 0x10000 } }, 16 * MIB,
	  BAD(LOW, 0) },
	{ "kev 32-bit", P32, ONE_MIB, 16 * MIB, GOOD, .boot = { 0, 0x1000 },
	  .span_end = 0x110000, .run = { { 0, 16 * MIB } } },
	{ "kev 32-bit, image in page 0", P32, { { 0xfff, 0x10000 } }, 16 * MIB, BAD(LOW, 0) },
	{ "kev 32-bit, image in page 1", P32, { { 0x1000, 0x1000 } }, MIB, GOOD,
	  .boot = { 0, 0x1000 }, .span_end = 0x2000, .run = { { 0, MIB } } },
	{ "a gap in the image is none of the memory, runs of a page are", P32,
	  { { MIB, 0x800 }, { MIB + 0x800, 0x100 }, { MIB + 0x3000, 1 } }, 2 * MIB, GOOD,
	  .boot = { 0, 0x1000 }, .span_end = MIB + 0x4000,
	  .run = { { 0, MIB + 0x1000 }, { MIB + 0x3000, MIB - 0x3000 } } },
	{ "as much memory as the image", P32, ONE_MIB, 0x10000, GOOD,
	  .boot = { 0, 0x1000 }, .span_end = 0x110000,
	  .run = { { 0, 0x1000 }, { MIB, 0x10000 } } },
	{ "less memory than the image", P32, ONE_MIB, 0xf000, .ret = -EINVAL,
	  .problem = KEV_IMAGE_RAM, .segment = NO_SEGMENT, .span_end = 0x110000 },
	{ "past the hole", P32, ONE_MIB, 4 * GIB, GOOD, .boot = { 0, 0x1000 },
	  .span_end = 0x110000,
	  .run = { { 0, HOLE }, { FOUR_GIB, FOUR_GIB - HOLE } } },
	{ "image in the hole", P32, { { MIB, MIB }, { HOLE - 1, 2 } }, 4 * GIB, BAD(HOLE, 1) },

	{ "Multiboot", M1, ONE_MIB, 16 * MIB, GOOD, .boot = { 0x1000, 0x1000 }, .info = 0x1000,
	  .span_end = 0x110000, .run = { { 0, 16 * MIB } } },
	{ "Multiboot, modules", M1, ONE_MIB, 16 * MIB, { 1, 0x1001 }, GOOD,
	  .boot = { 0x1000, 0x1000 }, .info = 0x1000, .span_end = 0x113000,
	  .module_gpa = { 0x110000, 0x111000 }, .run = { { 0, 16 * MIB } } },
	{ "modules are charged", M2, ONE_MIB, 0x12000, { 1, 0x1001 }, .ret = -EINVAL,
	  .problem = KEV_IMAGE_RAM, .segment = NO_SEGMENT, .span_end = 0x113000 },
	{ "modules, and no more memory", M2, ONE_MIB, 0x13000, { 1, 0x1001 }, GOOD,
	  .boot = { 0x1000, 0x1000 }, .info = 0x1000, .span_end = 0x113000,
	  .module_gpa = { 0x110000, 0x111000 },
	  .run = { { 0x1000, 0x1000 }, { MIB, 0x13000 } } },
	{ "image in page 1: the information behind it", M2, { { 0x1000, 0x1000 } }, MIB,
	  { 1 }, GOOD,
	  .boot = { 0x3000, 0x1000 }, .info = 0x3000, .span_end = 0x4000,
	  .module_gpa = { 0x2000 }, .run = { { 0, MIB } } },
	{ "image in page 2: the information before it", M2, { { 0x2000, 0x1000 } }, MIB, GOOD,
	  .boot = { 0x1000, 0x1000 }, .info = 0x1000, .span_end = 0x3000, .run = { { 0, MIB } } },
	{ "image in page 0", M1, { { 0xfff, 1 } }, MIB, BAD(LOW, 0) },
	{ "module up to the hole", PVH, { { HOLE - 0x3000, 0x1000 } }, 4 * GIB, { 0x2000 }, GOOD,
	  .boot = { 0x1000, 0x1000 }, .info = 0x1000, .span_end = HOLE,
	  .module_gpa = { HOLE - 0x2000 },
	  .run = { { 0, HOLE }, { FOUR_GIB, FOUR_GIB - HOLE } } },
	{ "module into the hole", PVH, { { HOLE - 0x3000, 0x1000 } }, 4 * GIB, { 1, 0x1001 },
	  BAD(MODULE, 1) },
	{ "module of 2^64 bytes", PVH, ONE_MIB, 4 * GIB, { -1ULL }, BAD(MODULE, 0) },
	{ "the information into the hole", PVH,
	  { { 0x1000, 1 }, { HOLE - 0x1000, 0x1000 } }, 4 * GIB,
	  BAD(BOOT_SPACE, NO_SEGMENT) },
	{ "too much memory", PVH, ONE_MIB, 1ULL << 36, .ret = -EINVAL,
	  .problem = KEV_IMAGE_PHYS_WIDTH, .segment = NO_SEGMENT, .span_end = 0x110000 },
};

static void make_elf(const struct kev_range *seg, size_t max, struct kev_elf_plan *elf)
{
	size_t i;

	memset(elf, 0, sizeof(*elf));
	for (i = 0; i < max && seg[i].length; i++) {
		elf->seg[elf->nr++] = (struct kev_elf_segment) {
			.gpa = seg[i].base, .memsz = seg[i].length, .index = i,
		};
		elf->end = kev_page_up(seg[i].base + seg[i].length);
	}
	elf->start = kev_page_down(seg[0].base);
	elf->entry = seg[0].base;
}

TEST(places)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(place_cases); i++) {
		const struct place_case *c = &place_cases[i];
		const struct kev_boot_header header = { .protocol = c->protocol };
		struct kev_boot_file files[MODULES_MAX] = { 0 };
		struct kev_boot_args args = {
			.ram_bytes = c->ram, .phys_bits = 36, .modules = files,
		};
		struct kev_image_fault why = { ~0U, 0 };
		struct kev_boot_plan plan;
		struct kev_elf_plan elf;

		make_elf(c->seg, ARRAY_SIZE(c->seg), &elf);
		while (c->module[args.nr_modules]) {
			files[args.nr_modules].size = c->module[args.nr_modules];
			args.nr_modules++;
		}
		EXPECT_EQ(c->ret, kev_boot_place(&header, &elf, &args, &plan, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->segment, why.segment)
			TH_LOG("%s", c->name);
		if (c->span_end) {
			EXPECT_EQ(elf.start, plan.span.base)
				TH_LOG("%s", c->name);
			EXPECT_EQ(c->span_end, plan.span.base + plan.span.length)
				TH_LOG("%s", c->name);
		}
		if (c->ret)
			continue;
		EXPECT_EQ(c->protocol, plan.start.protocol);
		EXPECT_EQ(elf.entry, plan.start.entry);
		EXPECT_EQ(c->info, plan.start.info)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->boot.base, plan.boot.base)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->boot.length, plan.boot.length)
			TH_LOG("%s", c->name);
		EXPECT_EQ(args.nr_modules, plan.nr_modules);
		for (j = 0; j < args.nr_modules; j++) {
			EXPECT_EQ(c->module_gpa[j], plan.module[j].base)
				TH_LOG("%s: module %zu", c->name, j);
			EXPECT_EQ(c->module[j], plan.module[j].length);
		}
		for (j = 0; j < ARRAY_SIZE(c->run) && c->run[j].length; j++) {
			EXPECT_EQ(c->run[j].base, plan.run[j].base)
				TH_LOG("%s: run %zu", c->name, j);
			EXPECT_EQ(c->run[j].length, plan.run[j].length)
				TH_LOG("%s: run %zu", c->name, j);
		}
		EXPECT_EQ(j, plan.nr_runs)
			TH_LOG("%s", c->name);
	}
}

/* One image for all of what follows: a gap makes two runs, RAM above 4 GiB a third. */
static const struct kev_range gapped[] = { { MIB, 0x1000 }, { MIB + 0x3000, 0x1000 } };
static const struct kev_boot_file files[] = {
	{ .size = 0x1234, .cmdline = "one", .cmdline_length = 3 },
	{ .size = 1 },
};

static const struct kev_boot_args full = {
	.ram_bytes = 4 * GIB, .phys_bits = 36, .cmdline = "a=b c", .cmdline_length = 5,
	.nr_modules = 2, .modules = files,
};

static const struct kev_boot_args bare = { .ram_bytes = 4 * GIB, .phys_bits = 36 };

/* What the three runs are, with two modules and without */
#define RUNS_FULL	{ 0, MIB + 0x1000 }, { MIB + 0x3000, HOLE - MIB - 0x3000 },	\
			{ FOUR_GIB, FOUR_GIB - HOLE }
#define MODULE_0	0x104000
#define MODULE_1	0x106000

static u8 page[0x2000];

static u32 field32(size_t at)
{
	u32 value;

	memcpy(&value, page + at, sizeof(value));
	return value;
}

static u64 field64(size_t at)
{
	u64 value;

	memcpy(&value, page + at, sizeof(value));
	return value;
}

static void render(struct __test_metadata *_metadata, u32 protocol,
		   const struct kev_boot_args *args, const struct kev_boot_header *header)
{
	struct kev_boot_header made = { .protocol = protocol };
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_boot_plan plan;
	struct kev_elf_plan elf;

	make_elf(gapped, ARRAY_SIZE(gapped), &elf);
	ASSERT_EQ(0, kev_boot_place(header ?: &made, &elf, args, &plan, &why));
	ASSERT_EQ(3, plan.nr_runs);
	ASSERT_EQ(0x1000, plan.boot.length);
	memset(page, 0xa5, sizeof(page));
	ASSERT_EQ(0, kev_boot_render(&plan, args, page, &why));
	ASSERT_EQ(KEV_IMAGE_OK, why.problem);
	/* Nothing behind the page */
	EXPECT_EQ(0xa5, page[0x1000]);
}

static void expect_zeros(struct __test_metadata *_metadata, size_t from)
{
	size_t i;

	for (i = from; i < 0x1000; i++)
		ASSERT_EQ(0, page[i])
			TH_LOG("byte %zu", i);
}

static void expect_map(struct __test_metadata *_metadata, size_t at, size_t type_at)
{
	static const struct kev_range runs[] = { RUNS_FULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(runs); i++, at += 24) {
		EXPECT_EQ(runs[i].base, field64(at))
			TH_LOG("run %zu", i);
		EXPECT_EQ(runs[i].length, field64(at + 8))
			TH_LOG("run %zu", i);
		EXPECT_EQ(1, field32(at + type_at))
			TH_LOG("run %zu", i);
	}
}

TEST(kev32_information)
{
	static const struct kev_range runs[] = {
		{ 0, MIB + 0x1000 }, { MIB + 0x3000, HOLE - MIB - 0x3000 },
		{ FOUR_GIB, FOUR_GIB - HOLE },
	};
	u8 want[0x1000] = { 0 };
	const u32 head[] = { 8 + 16 + 3 * 24 + 8, 0, 6, 16 + 3 * 24, 24, 0 };
	const u32 end[] = { 0, 8 };
	const u32 type[] = { 1, 0 };
	size_t i;

	memcpy(want, head, sizeof(head));
	for (i = 0; i < 3; i++) {
		memcpy(want + 24 + i * 24, &runs[i], 16);
		memcpy(want + 24 + i * 24 + 16, type, sizeof(type));
	}
	memcpy(want + 24 + 3 * 24, end, sizeof(end));
	render(_metadata, P32, &bare, NULL);
	EXPECT_EQ(0, memcmp(want, page, sizeof(want)));
}

/* As many runs as an image can make fit; one page less would be too small a place. */
TEST(kev32_map_does_not_fit)
{
	const struct kev_boot_header header = { .protocol = P32 };
	struct kev_image_fault why = { ~0U, 0 };
	static struct kev_elf_plan elf;
	struct kev_boot_plan plan;
	u64 size;
	u32 i;

	elf.nr = KEV_ELF_MAX_PHDRS;
	for (i = 0; i < elf.nr; i++)
		elf.seg[i] = (struct kev_elf_segment) { .gpa = 2 * MIB + i * 0x2000, .memsz = 1 };
	elf.start = 2 * MIB;
	elf.end = 2 * MIB + elf.nr * 0x2000 - 0x1000;
	ASSERT_EQ(0, kev_boot_place(&header, &elf, &bare, &plan, &why));
	EXPECT_EQ(KEV_ELF_MAX_PHDRS + 1, plan.nr_runs);
	ASSERT_EQ(0, kev_boot_render(&plan, &bare, page, &why));
	size = 8 + 16 + 24 * plan.nr_runs + 8;
	EXPECT_EQ(size, field32(0));

	plan.boot.length = size - 1;
	memset(page, 0xa5, sizeof(page));
	EXPECT_EQ(-E2BIG, kev_boot_render(&plan, &bare, page, &why));
	EXPECT_EQ(KEV_IMAGE_MEMORY_MAP, why.problem);
	EXPECT_EQ(0xa5, page[size - 1]);
	plan.boot.length = size;
	EXPECT_EQ(0, kev_boot_render(&plan, &bare, page, &why));
	EXPECT_EQ(0xa5, page[size]);
}

TEST(multiboot_information)
{
	u32 modules, map, string;

	render(_metadata, M1, &full, NULL);
	EXPECT_EQ(0x24d, field32(0));
	EXPECT_EQ(640, field32(4));
	EXPECT_EQ(4, field32(8));		/* up to the gap in the image */
	EXPECT_EQ(0, field32(12));
	ASSERT_GT(0x1000, field32(16) - 0x1000);
	EXPECT_EQ(0, memcmp(page + field32(16) - 0x1000, "a=b c", 6));
	EXPECT_EQ(2, field32(20));
	modules = field32(24) - 0x1000;
	ASSERT_GT(0x1000, modules);
	EXPECT_EQ(MODULE_0, field32(modules));
	EXPECT_EQ(MODULE_0 + 0x1234, field32(modules + 4));
	string = field32(modules + 8) - 0x1000;
	ASSERT_GT(0x1000, string);
	EXPECT_EQ(0, memcmp(page + string, "one", 4));
	EXPECT_EQ(0, field32(modules + 12));
	EXPECT_EQ(MODULE_1, field32(modules + 16));
	EXPECT_EQ(MODULE_1 + 1, field32(modules + 20));
	string = field32(modules + 24) - 0x1000;
	ASSERT_GT(0x1000, string);
	EXPECT_EQ(0, page[string]);
	EXPECT_EQ(72, field32(44));
	map = field32(48) - 0x1000;
	ASSERT_GT(0x1000, map);
	EXPECT_EQ(20, field32(map));
	EXPECT_EQ(20, field32(map + 24));
	EXPECT_EQ(20, field32(map + 48));
	expect_map(_metadata, map + 4, 16);
	ASSERT_GT(0x1000, field32(64) - 0x1000);
	EXPECT_EQ(0, memcmp(page + field32(64) - 0x1000, "kev", 4));
	EXPECT_EQ(0, field64(28) | field64(36) | field64(52) | field32(60));
	EXPECT_EQ(0, field64(68) | field64(76) | field64(84));
	expect_zeros(_metadata, string + 1);
}

/* The tag of a type, or 0 */
static u32 find_tag(u32 type)
{
	u32 at;

	for (at = 8; at < field32(0); at += (field32(at + 4) + 7) & ~7U) {
		if (field32(at) == type)
			return at;
		if (field32(at + 4) < 8)
			return 0;
	}
	return 0;
}

TEST(multiboot2_information)
{
	const struct kev_boot_header relocatable = { .protocol = M2, .relocatable = true };
	u32 at, total;

	render(_metadata, M2, &full, NULL);
	total = field32(0);
	ASSERT_GT(0x1000, total);
	EXPECT_EQ(0, field32(4));
	EXPECT_EQ(0, field32(total - 8));
	EXPECT_EQ(8, field32(total - 4));
	expect_zeros(_metadata, total);
	at = find_tag(1);
	ASSERT_NE(0, at);
	EXPECT_EQ(14, field32(at + 4));
	EXPECT_EQ(0, memcmp(page + at + 8, "a=b c\0\0", 8));
	at = find_tag(2);
	ASSERT_NE(0, at);
	EXPECT_EQ(12, field32(at + 4));
	EXPECT_EQ(0, memcmp(page + at + 8, "kev\0\0\0\0", 8));
	at = find_tag(3);
	ASSERT_NE(0, at);
	EXPECT_EQ(20, field32(at + 4));
	EXPECT_EQ(MODULE_0, field32(at + 8));
	EXPECT_EQ(MODULE_0 + 0x1234, field32(at + 12));
	EXPECT_EQ(0, memcmp(page + at + 16, "one", 4));
	at += 24;
	EXPECT_EQ(3, field32(at));
	EXPECT_EQ(17, field32(at + 4));
	EXPECT_EQ(MODULE_1, field32(at + 8));
	EXPECT_EQ(MODULE_1 + 1, field32(at + 12));
	EXPECT_EQ(0, field64(at + 16));
	at = find_tag(4);
	ASSERT_NE(0, at);
	EXPECT_EQ(16, field32(at + 4));
	EXPECT_EQ(640, field32(at + 8));
	EXPECT_EQ(4, field32(at + 12));
	at = find_tag(6);
	ASSERT_NE(0, at);
	EXPECT_EQ(16 + 72, field32(at + 4));
	EXPECT_EQ(24, field32(at + 8));
	EXPECT_EQ(0, field32(at + 12));
	expect_map(_metadata, at + 16, 16);
	EXPECT_EQ(0, find_tag(8));
	EXPECT_EQ(0, find_tag(21));

	render(_metadata, M2, &full, &relocatable);
	at = find_tag(21);
	ASSERT_NE(0, at);
	EXPECT_EQ(12, field32(at + 4));
	EXPECT_EQ(MIB, field32(at + 8));
}

TEST(pvh_information)
{
	u64 modules, map, string;

	render(_metadata, PVH, &full, NULL);
	EXPECT_EQ(0x336ec578, field32(0));
	EXPECT_EQ(1, field32(4));
	EXPECT_EQ(0, field32(8));
	EXPECT_EQ(2, field32(12));
	modules = field64(16) - 0x1000;
	ASSERT_GT(0x1000, modules);
	ASSERT_GT(0x1000, field64(24) - 0x1000);
	EXPECT_EQ(0, memcmp(page + field64(24) - 0x1000, "a=b c", 6));
	EXPECT_EQ(0, field64(32));
	map = field64(40) - 0x1000;
	ASSERT_GT(0x1000, map);
	EXPECT_EQ(3, field32(48));
	EXPECT_EQ(0, field32(52));
	EXPECT_EQ(MODULE_0, field64(modules));
	EXPECT_EQ(0x1234, field64(modules + 8));
	string = field64(modules + 16) - 0x1000;
	ASSERT_GT(0x1000, string);
	EXPECT_EQ(0, memcmp(page + string, "one", 4));
	EXPECT_EQ(0, field64(modules + 24));
	EXPECT_EQ(MODULE_1, field64(modules + 32));
	EXPECT_EQ(1, field64(modules + 40));
	string = field64(modules + 48) - 0x1000;
	ASSERT_GT(0x1000, string);
	expect_map(_metadata, map, 16);
	expect_zeros(_metadata, string);
	/* No modules, no list */
	render(_metadata, PVH, &bare, NULL);
	EXPECT_EQ(0, field32(12));
	EXPECT_EQ(0, field64(16));
}

/* A command line and strings as long as they can be */
TEST(longest_strings)
{
	static const u32 protocols[] = { M1, M2, PVH };
	static char string[KEV_MAX_CMDLINE - 1];
	static u8 info[256 * 1024];
	struct kev_boot_file many[KEV_MAX_MODULES];
	struct kev_boot_args args = {
		.ram_bytes = GIB, .phys_bits = 36, .cmdline = string,
		.cmdline_length = sizeof(string), .nr_modules = KEV_MAX_MODULES, .modules = many,
	};
	size_t i;

	memset(string, 'x', sizeof(string));
	for (i = 0; i < KEV_MAX_MODULES; i++)
		many[i] = (struct kev_boot_file) { 1, string, sizeof(string) };
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		const struct kev_boot_header header = { .protocol = protocols[i] };
		struct kev_image_fault why;
		struct kev_boot_plan plan;
		struct kev_elf_plan elf;

		make_elf(gapped, ARRAY_SIZE(gapped), &elf);
		ASSERT_EQ(0, kev_boot_place(&header, &elf, &args, &plan, &why));
		ASSERT_GE(sizeof(info), plan.boot.length);
		/* 33 strings, less than two pages of anything else */
		EXPECT_LE(33 * 4096, plan.boot.length);
		EXPECT_GE(35 * 4096, plan.boot.length);
		EXPECT_EQ(0x1000, plan.boot.base);
		EXPECT_EQ(0, kev_boot_render(&plan, &args, info, &why));
	}
}

struct state_case {
	const char *name;
	u32 protocol;
	u64 info;
	u64 rax, rbx, rsi, rsp;
	u64 cr0;
};

static const struct state_case state_cases[] = {
	{ "kev 32-bit", P32, 0, 0, 0, 0, 0xa0000, 0x31 },
	{ "Multiboot", M1, 0x1000, 0x2badb002, 0x1000, 0, 0, 0x11 },
	{ "Multiboot 2", M2, 0x2000, 0x36d76289, 0x2000, 0, 0, 0x11 },
	{ "PVH", PVH, 0x3000, 0, 0x3000, 0, 0, 0x11 },
};

TEST(states)
{
	const struct kev_segment data = {
		.limit = 0xffffffff, .access = 0xc093, .selector = 0x18,
	};
	const struct kev_segments segments = {
		.cs = { .limit = 0xffffffff, .access = 0xc09b, .selector = 0x10 },
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		.tr = { .limit = 0x67, .access = 0x8b },
		.ldtr = { .access = 0x10000 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_cases); i++) {
		const struct state_case *c = &state_cases[i];
		const struct kev_boot_start start = { c->protocol, 0x123456, c->info };
		const struct kev_gprs gprs = {
			.gpr[KEV_RAX] = c->rax, .gpr[KEV_RBX] = c->rbx, .gpr[KEV_RSI] = c->rsi,
			.gpr[KEV_RSP] = c->rsp, .rip = 0x123456, .rflags = 2,
		};
		const struct kev_controls controls = { .cr0 = c->cr0, .xcr0 = 1, .dr7 = 0x400 };
		struct kev_vcpu_state state;

		memset(&state, 0xa5, sizeof(state));
		state.size = 77;
		kev_boot_state(&start, 3, &state);
		EXPECT_EQ(77, state.size);
		EXPECT_EQ(KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS, state.groups);
		EXPECT_EQ(0, memcmp(&gprs, &state.gprs, sizeof(gprs)))
			TH_LOG("%s", c->name);
		EXPECT_EQ(0, memcmp(&segments, &state.segments, sizeof(segments)))
			TH_LOG("%s", c->name);
		EXPECT_EQ(0, memcmp(&controls, &state.controls, sizeof(controls)))
			TH_LOG("%s", c->name);
		EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, state.msrs.star);
	}
}

/* Without an image a vCPU starts as "64-bit direct" has it, at 0. */
TEST(state_without_image)
{
	static const u32 protocols[] = { KEV_BOOT_NONE, D64 };
	struct kev_boot_start start = {};
	struct kev_vcpu_state state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		start.protocol = protocols[i];
		kev_boot_state(&start, 5, &state);
		EXPECT_EQ(0x80010033, state.controls.cr0);
		EXPECT_EQ(0, state.gprs.rip);
		EXPECT_EQ(0, state.gprs.gpr[KEV_RDI]);
		EXPECT_EQ(5, state.gprs.gpr[KEV_RSI]);
	}
}

/* SDM Vol. 3, "Processor State After Reset", column INIT */
/* What comes with the first entry: the page tables of direct64 on the way, and the page itself */
static const struct {
	const char *name;
	struct kev_boot_start start;
	u32 nr;
	u64 gpa[KEV_BOOT_MAX_TOUCHED];
} first_touches[] = {
	{ "nothing is known", { .protocol = KEV_BOOT_NONE, .entry = 0x100000 }, 0, { 0 } },
	{ "direct64, first GiB", { .protocol = KEV_BOOT_DIRECT64, .entry = 0x100000 }, 4,
	  { KEV_DIRECT64_PML4, KEV_DIRECT64_PDPT, KEV_DIRECT64_PD, 0x100000 } },
	{ "direct64, third GiB", { .protocol = KEV_BOOT_DIRECT64, .entry = 0x80001234 }, 4,
	  { KEV_DIRECT64_PML4, KEV_DIRECT64_PDPT, KEV_DIRECT64_PD + 0x2000, 0x80001234 } },
	{ "kev32", { .protocol = KEV_BOOT_KEV32, .entry = 0x200000 }, 1, { 0x200000 } },
	{ "multiboot", { .protocol = KEV_BOOT_MULTIBOOT, .entry = 0x300010 }, 1, { 0x300010 } },
	{ "pvh", { .protocol = KEV_BOOT_PVH, .entry = 0x300010 }, 1, { 0x300010 } },
};

TEST(touched)
{
	for (size_t i = 0; i < ARRAY_SIZE(first_touches); i++) {
		u64 gpa[KEV_BOOT_MAX_TOUCHED] = { 0 };

		EXPECT_EQ(first_touches[i].nr, kev_boot_touched(&first_touches[i].start, gpa)) {
			TH_LOG("%s", first_touches[i].name);
		}
		EXPECT_EQ(0, memcmp(first_touches[i].gpa, gpa, sizeof(gpa))) {
			TH_LOG("%s", first_touches[i].name);
		}
	}
}

TEST(state_after_init)
{
	const struct kev_segment data = { .limit = 0xffff, .access = 0x93 };
	struct kev_vcpu_state state, want;

	memset(&state, 0xa5, sizeof(state));
	want = state;
	state.controls.cr0 = 0xe005003b;
	state.controls.xcr0 = 7;
	want.groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS |
		      KEV_STATE_DEBUG | KEV_STATE_INTERRUPTS;
	want.gprs = (struct kev_gprs) { .gpr[KEV_RDX] = 0x306c3, .rip = 0xfff0, .rflags = 2 };
	want.segments = (struct kev_segments) {
		.cs = {
			.selector = 0xf000, .base = 0xffff0000, .limit = 0xffff, .access = 0x93,
		},
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		.tr = { .limit = 0xffff, .access = 0x8b },
		.ldtr = { .limit = 0xffff, .access = 0x82 },
		.gdt = { .limit = 0xffff }, .idt = { .limit = 0xffff },
	};
	want.controls = (struct kev_controls) { .cr0 = 0x60000010, .xcr0 = 7, .dr7 = 0x400 };
	want.debug = (struct kev_debug_registers) { .dr6 = 0xffff0ff0 };
	want.interrupts = (struct kev_interrupts) {};

	kev_boot_init_state(0x306c3, &state);
	EXPECT_EQ(0, memcmp(&want, &state, sizeof(want)));

	kev_boot_sipi_state(0x9a, &state);
	want.gprs.rip = 0;
	want.segments.cs.selector = 0x9a00;
	want.segments.cs.base = 0x9a000;
	EXPECT_EQ(0, memcmp(&want, &state, sizeof(want)));

	/* A vCPU that has never run: its caches are on, and it has the x87. */
	memset(&state, 0, sizeof(state));
	kev_boot_init_state(0, &state);
	EXPECT_EQ(0x10, state.controls.cr0);
	EXPECT_EQ(1, state.controls.xcr0);
}

TEST_HARNESS_MAIN
