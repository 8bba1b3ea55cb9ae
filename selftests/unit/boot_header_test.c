// SPDX-License-Identifier: GPL-2.0
/*
 * What images say about how they want to be booted: headers of Multiboot 1 and 2, PVH's
 * note, each good one and each fault; the a.out kludge; which protocol KEV_BOOT_AUTO takes.
 */
#include "unit.h"

#include <kev/boot.h>

#define FILE_SIZE	40000U
#define NO_SEGMENT	KEV_IMAGE_NO_SEGMENT
#define FOUR_GIB	0x100000000ULL

#define MB1		0x1badb002U
#define MB2		0xe85250d6U

/* A file that holds 32-bit words at one place, zeros elsewhere */
struct words {
	u32 at;
	u32 word[24];
	bool broken;		/* the checksum */
	u32 size;		/* of the file; 0: FILE_SIZE */
};

static u8 file[FILE_SIZE];

static size_t make_file(const struct words *words)
{
	memset(file, 0, sizeof(file));
	memcpy(file + words->at, words->word, sizeof(words->word));
	return words->size ?: FILE_SIZE;
}

/* Fills a checksum in: of 3 words for Multiboot 1, of 4 for Multiboot 2 */
static void seal(size_t at, bool broken)
{
	u32 word[4], sum;

	memcpy(word, file + at, sizeof(word));
	if (word[0] == MB1) {
		sum = -(word[0] + word[1]) + broken;
		memcpy(file + at + 8, &sum, sizeof(sum));
	} else if (word[0] == MB2) {
		sum = -(word[0] + word[1] + word[2]) + broken;
		memcpy(file + at + 12, &sum, sizeof(sum));
	}
}

struct header_case {
	const char *name;
	u32 protocol;
	struct words words;
	enum kev_image_problem problem;
	struct kev_boot_header header;
};

#define FLAT(_offset, _load, _load_end, _bss_end)				\
	{ .offset = (_offset), .load = (_load), .load_end = (_load_end), .bss_end = (_bss_end) }

/* Multiboot 1: magic, flags, checksum, then header, load, load end, bss end, entry */
#define M1	KEV_BOOT_MULTIBOOT
#define ONE(...)	.protocol = M1, .words = { .word = { MB1, __VA_ARGS__ } }
#define ONE_AT(_at, _size, ...)							\
	.protocol = M1, .words = { .at = (_at), .size = (_size), .word = { MB1, __VA_ARGS__ } }
#define IS_ONE	.protocol = M1

/* Multiboot 2: magic, architecture, length, checksum, then tags */
#define M2	KEV_BOOT_MULTIBOOT2
#define TWO(_length, ...)							\
	.protocol = M2, .words = { .word = { MB2, 0, (_length), 0, __VA_ARGS__ } }
#define TWO_AT(_at, _length, ...)						\
	.protocol = M2,								\
	.words = { .at = (_at), .word = { MB2, 0, (_length), 0, __VA_ARGS__ } }
#define IS_TWO	.protocol = M2
#define TAG(type, size)		(type), (size)
#define OPTIONAL(type, size)	(type) | 1 << 16, (size)
#define END	TAG(0, 8)

static const struct header_case header_cases[] = {
	{ "1: nothing", M1, {}, KEV_IMAGE_NO_HEADER, {} },
	{ "1: no demands", ONE(0), .header = { IS_ONE } },
	{ "1: aligned modules and memory", ONE(3), .header = { IS_ONE } },
	{ "1: at 4", ONE_AT(4, 0, 3), .header = { IS_ONE } },
	{ "1: at 2", ONE_AT(2, 0, 3), KEV_IMAGE_NO_HEADER, {} },
	{ "1: up to 8192", ONE_AT(8180, 0, 3), .header = { IS_ONE } },
	{ "1: beyond 8192", ONE_AT(8184, 0, 3), KEV_IMAGE_NO_HEADER, {} },
	{ "1: up to the end of the file", ONE_AT(100, 112, 3), .header = { IS_ONE } },
	{ "1: beyond the end of the file", ONE_AT(100, 111, 3), KEV_IMAGE_NO_HEADER, {} },
	{ "1: checksum", M1, { .word = { MB1, 3 }, .broken = true }, KEV_IMAGE_HEADER, {} },
	{ "1: video mode", ONE(4), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "1: unknown demand", ONE(0x8000), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "1: unknown wish", ONE(0xfffe0000), .header = { IS_ONE } },
	{ "1: addresses",
	  ONE_AT(0x40, 0, 1 << 16, 0, 0x100040, 0x100000, 0x101000, 0x102000, 0x100100),
	  .header = { IS_ONE, .has_flat = true, .has_entry = true, .entry = 0x100100,
		      .flat = FLAT(0, 0x100000, 0x101000, 0x102000) } },
	{ "1: addresses of a part of the file",
	  ONE_AT(0x40, 0, 1 << 16, 0, 0x100020, 0x100000, 0, 0, 0x100100),
	  .header = { IS_ONE, .has_flat = true, .has_entry = true, .entry = 0x100100,
		      .flat = FLAT(0x20, 0x100000, 0, 0) } },
	{ "1: header below what is loaded", ONE(1 << 16, 0, 0xfffff, 0x100000, 0, 0, 0x100000),
	  KEV_IMAGE_HEADER, {} },
	{ "1: loads from before the file",
	  ONE_AT(0x40, 0, 1 << 16, 0, 0x100041, 0x100000, 0, 0, 0x100000), KEV_IMAGE_HEADER, {} },
	{ "1: addresses beyond the end of the file",
	  ONE_AT(0x40, 0x5f, 1 << 16, 0, 0x100040, 0x100000, 0, 0, 0x100000),
	  KEV_IMAGE_HEADER, {} },
	{ "1: addresses up to the end of the file",
	  ONE_AT(0x40, 0x60, 1 << 16, 0, 0x100040, 0x100000, 0, 0, 0x100000),
	  .header = { IS_ONE, .has_flat = true, .has_entry = true, .entry = 0x100000,
		      .flat = FLAT(0, 0x100000, 0, 0) } },

	{ "2: nothing", M2, {}, KEV_IMAGE_NO_HEADER, {} },
	{ "2: just an end", TWO(24, END), .header = { IS_TWO } },
	{ "2: at 8", TWO_AT(8, 24, END), .header = { IS_TWO } },
	{ "2: at 4", TWO_AT(4, 24, END), KEV_IMAGE_NO_HEADER, {} },
	{ "2: up to 32768", TWO_AT(32744, 24, END), .header = { IS_TWO } },
	{ "2: beyond 32768", TWO_AT(32752, 24, END), KEV_IMAGE_HEADER, {} },
	{ "2: starts at 32768", TWO_AT(32768, 24, END), KEV_IMAGE_NO_HEADER, {} },
	{ "2: checksum", M2, { .word = { MB2, 0, 24, 0, END }, .broken = true },
	  KEV_IMAGE_HEADER, {} },
	{ "2: MIPS", M2, { .word = { MB2, 4, 24, 0, END } }, KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: no tags", TWO(16, END), KEV_IMAGE_HEADER, {} },
	{ "2: no length", TWO(0, END), KEV_IMAGE_HEADER, {} },
	{ "2: longest length", TWO(~0U, END), KEV_IMAGE_HEADER, {} },
	{ "2: no end", TWO(24, TAG(6, 8)), KEV_IMAGE_HEADER, {} },
	{ "2: a tag beyond the length", TWO(24, TAG(6, 9), END), KEV_IMAGE_HEADER, {} },
	{ "2: a tag of no size", TWO(32, TAG(6, 0), END), KEV_IMAGE_HEADER, {} },
	{ "2: a tag of 7 bytes", TWO(32, TAG(6, 7), END), KEV_IMAGE_HEADER, {} },
	{ "2: a tag of the greatest size", TWO(32, TAG(6, ~0U), END), KEV_IMAGE_HEADER, {} },
	{ "2: tags are padded", TWO(48, TAG(1, 12), 6, 0, TAG(6, 8), END), .header = { IS_TWO } },
	{ "2: asks for all there is", TWO(64, TAG(1, 36), 1, 2, 3, 4, 6, 8, 21, 0, END),
	  .header = { IS_TWO } },
	{ "2: asks for what there is not", TWO(80, TAG(1, 52), 5, 7, 10, 11, 12, 13, 14, 15, 16, 17,
					       20, 0, END), .header = { IS_TWO } },
	{ "2: asks for sections", TWO(40, TAG(1, 12), 9, 0, END), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: asks for an end", TWO(40, TAG(1, 12), 0, 0, END), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: asks for the next tag", TWO(40, TAG(1, 12), 22, 0, END), KEV_IMAGE_HEADER_FEATURE,
	  {} },
	{ "2: would like sections", TWO(40, OPTIONAL(1, 12), 9, 0, END), .header = { IS_TWO } },
	{ "2: asks for an unknown tag", TWO(40, TAG(1, 12), 0x100, 0, END),
	  KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: asks for half a tag", TWO(40, TAG(1, 14), 4, 4, END), KEV_IMAGE_HEADER, {} },
	{ "2: entry", TWO(40, TAG(3, 12), 0x123456, 0, END),
	  .header = { IS_TWO, .has_entry = true, .entry = 0x123456 } },
	{ "2: entry without one", TWO(32, TAG(3, 8), END), KEV_IMAGE_HEADER, {} },
	{ "2: console needed", TWO(40, TAG(4, 12), 3, 0, END), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: console wanted", TWO(40, OPTIONAL(4, 12), 3, 0, END), .header = { IS_TWO } },
	{ "2: console known", TWO(40, TAG(4, 12), 2, 0, END), .header = { IS_TWO } },
	{ "2: console flags without them", TWO(32, TAG(4, 8), END), KEV_IMAGE_HEADER, {} },
	{ "2: a mode preferred", TWO(48, TAG(5, 20), 0, 0, 0, 0, END), .header = { IS_TWO } },
	{ "2: framebuffer wanted", TWO(48, OPTIONAL(5, 20), 0, 0, 0, 0, END),
	  .header = { IS_TWO } },
	{ "2: EFI", TWO(64, TAG(7, 8), TAG(8, 12), 1, 0, TAG(9, 12), 1, 0, END),
	  .header = { IS_TWO } },
	{ "2: unknown tag", TWO(32, TAG(11, 8), END), KEV_IMAGE_HEADER_FEATURE, {} },
	{ "2: unknown wish", TWO(32, OPTIONAL(11, 8), END), .header = { IS_TWO } },
	{ "2: addresses",
	  TWO_AT(0x40, 64, TAG(2, 24), 0x100050, 0x100020, 0x101000, 0x102000,
		 TAG(3, 12), 0x100100, 0, END),
	  .header = { IS_TWO, .has_flat = true, .has_entry = true, .entry = 0x100100,
		      .flat = FLAT(0x10, 0x100020, 0x101000, 0x102000) } },
	{ "2: addresses of the whole file",
	  TWO_AT(0x40, 64, TAG(2, 24), 0x100050, ~0U, 0, 0, TAG(3, 12), 0x100100, 0, END),
	  .header = { IS_TWO, .has_flat = true, .has_entry = true, .entry = 0x100100,
		      .flat = FLAT(0, 0x100010, 0, 0) } },
	{ "2: addresses of the whole file, below 0",
	  TWO_AT(0x40, 64, TAG(2, 24), 0x20, ~0U, 0, 0, TAG(3, 12), 0x100100, 0, END),
	  KEV_IMAGE_HEADER, {} },
	{ "2: addresses without an entry",
	  TWO_AT(0x40, 48, TAG(2, 24), 0x100040, 0x100000, 0, 0, END), KEV_IMAGE_HEADER, {} },
	{ "2: addresses, one missing", TWO(48, TAG(2, 20), 0x100000, 0x100000, 0, 0, END),
	  KEV_IMAGE_HEADER, {} },
	{ "2: relocatable", TWO(48, TAG(10, 24), 0x100000, 0x7fffffff, 0x200000, 1, END),
	  .header = { IS_TWO, .relocatable = true, .min = 0x100000, .max = 0x7fffffff,
		      .align = 0x200000 } },
	{ "2: relocatable if wanted", TWO(48, OPTIONAL(10, 24), 1, 2, 3, 4, END),
	  .header = { IS_TWO, .relocatable = true, .min = 0, .max = ~0U, .align = 1 } },
	{ "2: relocatable by no power of two", TWO(48, TAG(10, 24), 0, ~0U, 3, 1, END),
	  KEV_IMAGE_HEADER, {} },
};

static void expect_header(struct __test_metadata *_metadata, const char *name,
			  const struct kev_boot_header *want, const struct kev_boot_header *got)
{
	EXPECT_EQ(want->protocol, got->protocol)
		TH_LOG("%s: protocol", name);
	EXPECT_EQ(want->has_flat, got->has_flat)
		TH_LOG("%s: has_flat", name);
	EXPECT_EQ(want->has_entry, got->has_entry)
		TH_LOG("%s: has_entry", name);
	EXPECT_EQ(want->entry, got->entry)
		TH_LOG("%s: entry", name);
	EXPECT_EQ(want->flat.offset, got->flat.offset)
		TH_LOG("%s: offset", name);
	EXPECT_EQ(want->flat.load, got->flat.load)
		TH_LOG("%s: load", name);
	EXPECT_EQ(want->flat.load_end, got->flat.load_end)
		TH_LOG("%s: load_end", name);
	EXPECT_EQ(want->flat.bss_end, got->flat.bss_end)
		TH_LOG("%s: bss_end", name);
	EXPECT_EQ(want->relocatable, got->relocatable)
		TH_LOG("%s: relocatable", name);
	EXPECT_EQ(want->min, got->min)
		TH_LOG("%s: min", name);
	EXPECT_EQ(want->max, got->max)
		TH_LOG("%s: max", name);
	EXPECT_EQ(want->align, got->align)
		TH_LOG("%s: align", name);
}

TEST(headers)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(header_cases); i++) {
		const struct header_case *c = &header_cases[i];
		struct kev_image_fault why = { ~0U, 0 };
		struct kev_boot_header header;
		size_t size = make_file(&c->words);

		seal(c->words.at, c->words.broken);
		size = min(size, kev_boot_window(c->protocol));
		EXPECT_EQ(c->problem ? -ENOEXEC : 0,
			  kev_boot_find(c->protocol, file, size, &header, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(NO_SEGMENT, why.segment);
		if (!c->problem)
			expect_header(_metadata, c->name, &c->header, &header);
	}
}

/* The first good one counts, whatever has the magic number alone before it. */
TEST(second_header)
{
	static const u32 two[] = { MB2, 0, 40, 0, TAG(3, 12), 0x1000, 0, END };
	static const u32 one[] = { MB1, 3, 0 };
	struct kev_boot_header header;
	struct kev_image_fault why;

	memset(file, 0, sizeof(file));
	memcpy(file + 0x100, two, sizeof(two));
	memcpy(file + 0x200, two, sizeof(two));
	seal(0x100, true);
	seal(0x200, false);
	ASSERT_EQ(0, kev_boot_find(M2, file, 0x1000, &header, &why));
	EXPECT_EQ(0x1000, header.entry);

	/* Both kinds: 2 before 1; and 1 where 2 is no header */
	memcpy(file + 0x40, one, sizeof(one));
	seal(0x40, false);
	ASSERT_EQ(0, kev_boot_find(KEV_BOOT_AUTO, file, 0x1000, &header, &why));
	EXPECT_EQ(M2, header.protocol);
	seal(0x200, true);
	ASSERT_EQ(0, kev_boot_find(KEV_BOOT_AUTO, file, 0x1000, &header, &why));
	EXPECT_EQ(M1, header.protocol);
	EXPECT_EQ(KEV_IMAGE_OK, why.problem);
	EXPECT_FALSE(header.has_entry);
	/* and neither */
	seal(0x40, true);
	ASSERT_EQ(0, kev_boot_find(KEV_BOOT_AUTO, file, 0x1000, &header, &why));
	EXPECT_EQ(KEV_BOOT_AUTO, header.protocol);
	EXPECT_EQ(KEV_IMAGE_OK, why.problem);
	EXPECT_EQ(-ENOEXEC, kev_boot_find(M1, file, 0x1000, &header, &why));
	EXPECT_EQ(KEV_IMAGE_HEADER, why.problem);

	/* Another architecture's header is passed over. */
	seal(0x40, false);
	file[0x204] = 4;
	seal(0x200, false);
	ASSERT_EQ(0, kev_boot_find(KEV_BOOT_AUTO, file, 0x1000, &header, &why));
	EXPECT_EQ(M1, header.protocol);
	/* One that is for this, but demands what there is not, is not. */
	file[0x204] = 0;
	file[0x210] = 11;
	seal(0x200, false);
	EXPECT_EQ(-ENOEXEC, kev_boot_find(KEV_BOOT_AUTO, file, 0x1000, &header, &why));
	EXPECT_EQ(KEV_IMAGE_HEADER_FEATURE, why.problem);
}

struct flat_case {
	const char *name;
	struct kev_boot_flat flat;
	u64 size;
	unsigned int phys_bits;
	enum kev_image_problem problem;
	u64 filesz, memsz;
};

static const struct flat_case flat_cases[] = {
	{ "all of the file", FLAT(0, 0x100000, 0, 0), 0x1234, 36, 0, 0x1234, 0x1234 },
	{ "from an offset", FLAT(0x34, 0x100000, 0, 0), 0x1234, 36, 0, 0x1200, 0x1200 },
	{ "a part, then zeros", FLAT(0, 0x100000, 0x100800, 0x102000), 0x1234, 36, 0,
	  0x800, 0x2000 },
	{ "up to the end of the file", FLAT(0x34, 0x100000, 0x101200, 0), 0x1234, 36, 0,
	  0x1200, 0x1200 },
	{ "a byte beyond the file", FLAT(0x34, 0x100000, 0x101201, 0), 0x1234, 36,
	  KEV_IMAGE_OFFSET, 0, 0 },
	{ "the offset beyond the file", FLAT(0x1235, 0x100000, 0, 0), 0x1234, 36,
	  KEV_IMAGE_OFFSET, 0, 0 },
	{ "all of the file and zeros that it covers", FLAT(0, 0x100000, 0, 0x100010), 0x1234, 36,
	  0, 0x1234, 0x1234 },
	{ "ends before it begins", FLAT(0, 0x100000, 0xfffff, 0), 0x1234, 36,
	  KEV_IMAGE_HEADER, 0, 0 },
	{ "zeros end before the data", FLAT(0, 0x100000, 0x101000, 0x100fff), 0x1234, 36,
	  KEV_IMAGE_HEADER, 0, 0 },
	{ "zeros end before the start", FLAT(0, 0x100000, 0, 0xfffff), 0x1234, 36,
	  KEV_IMAGE_HEADER, 0, 0 },
	{ "nothing", FLAT(0, 0x100000, 0x100000, 0), 0x1234, 36, KEV_IMAGE_HEADER, 0, 0 },
	{ "zeros only", FLAT(0, 0x100000, 0x100000, 0x100001), 0x1234, 36, 0, 0, 1 },
	{ "up to 4 GiB", FLAT(0, 0xfffff000, 0, 0), 0x1000, 36, 0, 0x1000, 0x1000 },
	{ "above 4 GiB", FLAT(0, 0xfffff000, 0, 0), 0x1001, 36, KEV_IMAGE_ABOVE_4G, 0, 0 },
	{ "a file of 2^63 bytes", FLAT(0, 0x1000, 0, 0), 1ULL << 63, 36,
	  KEV_IMAGE_ABOVE_4G, 0, 0 },
	{ "above the width", FLAT(0, 0x7ffff000, 0, 0), 0x1001, 31, KEV_IMAGE_PHYS_WIDTH, 0, 0 },
	{ "up to the width", FLAT(0, 0x7ffff000, 0, 0), 0x1000, 31, 0, 0x1000, 0x1000 },
};

TEST(flat_images)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flat_cases); i++) {
		const struct flat_case *c = &flat_cases[i];
		const struct kev_boot_header header = {
			.protocol = M1, .has_flat = true, .has_entry = true,
			.flat = c->flat, .entry = 0x100004,
		};
		struct kev_image_fault why = { ~0U, 0 };
		struct kev_elf_plan plan;

		memset(&plan, 0xa5, sizeof(plan));
		EXPECT_EQ(c->problem ? -ENOEXEC : 0,
			  kev_boot_plan_flat(&header, c->size, c->phys_bits, &plan, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(NO_SEGMENT, why.segment);
		if (c->problem)
			continue;
		ASSERT_EQ(1, plan.nr);
		EXPECT_EQ(0x100004, plan.entry);
		EXPECT_EQ(0, plan.nr_notes);
		EXPECT_EQ(0, plan.dynamic.size);
		EXPECT_EQ(c->flat.load & ~0xfffU, plan.start)
			TH_LOG("%s", c->name);
		EXPECT_EQ((c->flat.load + c->memsz + 0xfff) & ~0xfffULL, plan.end)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->flat.load, plan.seg[0].gpa);
		EXPECT_EQ(c->flat.offset, plan.seg[0].offset);
		EXPECT_EQ(c->filesz, plan.seg[0].filesz)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->memsz, plan.seg[0].memsz)
			TH_LOG("%s", c->name);
		EXPECT_EQ(KEV_MEM_ALL, plan.seg[0].prot);
	}
}

/* Notes: sizes of name and descriptor, type, name, descriptor */
#define XEN	0x006e6558U		/* "Xen" */
#define GNU	0x00554e47U

struct note_case {
	const char *name;
	u32 word[16];
	u32 size;
	bool found;
	enum kev_image_problem problem;
	u64 entry;
};

static const struct note_case note_cases[] = {
	{ "32-bit", { 4, 4, 18, XEN, 0x1234 }, 20, true, 0, 0x1234 },
	{ "64-bit", { 4, 8, 18, XEN, 0x1234, 0 }, 24, true, 0, 0x1234 },
	{ "64-bit, high", { 4, 8, 18, XEN, 0x1234, 1 }, 24, true, 0, 0x100001234 },
	{ "last of several", { 4, 3, 1, GNU, 7, 4, 0, 18, GNU, 4, 4, 18, XEN, 0x1234 }, 56,
	  true, 0, 0x1234 },
	{ "first of two", { 4, 4, 18, XEN, 0x1234, 4, 4, 18, XEN, 0x5678 }, 40, true, 0, 0x1234 },
	{ "another type", { 4, 4, 17, XEN, 0x1234 }, 20, false, 0, 0 },
	{ "another name", { 4, 4, 18, GNU, 0x1234 }, 20, false, 0, 0 },
	{ "a longer name", { 5, 4, 18, XEN, 0, 0x1234 }, 24, false, 0, 0 },
	{ "a name without NUL", { 3, 4, 18, XEN, 0x1234 }, 20, false, 0, 0 },
	{ "a byte too short", { 4, 4, 18, XEN, 0x1234 }, 19, false, 0, 0 },
	{ "just a header", { 4, 4, 18 }, 12, false, 0, 0 },
	{ "not even that", { 4, 4, 18 }, 11, false, 0, 0 },
	{ "empty", { 0 }, 0, false, 0, 0 },
	{ "descriptor of 0 bytes", { 4, 0, 18, XEN, 0x1234 }, 20, false, KEV_IMAGE_HEADER, 0 },
	{ "descriptor of 5 bytes", { 4, 5, 18, XEN, 0x1234, 0 }, 24, false, KEV_IMAGE_HEADER, 0 },
	{ "descriptor of 12 bytes", { 4, 12, 18, XEN, 1, 2, 3 }, 28, false, KEV_IMAGE_HEADER, 0 },
	{ "the greatest name", { ~0U, 4, 18, XEN, 0x1234 }, 20, false, 0, 0 },
	{ "the greatest descriptor", { 4, ~0U, 18, XEN, 0x1234 }, 20, false, 0, 0 },
	{ "padding behind the end", { 4, 1, 1, GNU, 0 }, 17, false, 0, 0 },
};

TEST(notes)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(note_cases); i++) {
		const struct note_case *c = &note_cases[i];
		struct kev_boot_header header = { .protocol = KEV_BOOT_AUTO };
		struct kev_image_fault why = { ~0U, 0 };

		ASSERT_TRUE(kev_boot_wants_notes(&header));
		EXPECT_EQ(c->problem ? -ENOEXEC : 0,
			  kev_boot_find_note(&header, c->word, c->size, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->found ? KEV_BOOT_PVH : KEV_BOOT_AUTO, header.protocol)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->found, header.has_entry)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->entry, header.entry)
			TH_LOG("%s", c->name);
		EXPECT_EQ(!c->found, kev_boot_wants_notes(&header))
			TH_LOG("%s", c->name);
	}
}

struct resolve_case {
	const char *name;
	struct kev_boot_header header;
	bool class32;
	u64 elf_entry, gpa, memsz;
	enum kev_image_problem problem;
	u32 segment;
	u32 protocol;
	u64 entry;
};

#define AT_MIB	0x100010, 0x100000, 0x10000

static const struct resolve_case resolve_cases[] = {
	{ "nothing found", { .protocol = KEV_BOOT_AUTO }, false, AT_MIB, 0, NO_SEGMENT,
	  KEV_BOOT_DIRECT64, 0x100010 },
	{ "nothing found in a 32-bit file", { .protocol = KEV_BOOT_AUTO }, true, AT_MIB,
	  KEV_IMAGE_CLASS, NO_SEGMENT, KEV_BOOT_DIRECT64, 0 },
	{ "nothing found, and no entry", { .protocol = KEV_BOOT_AUTO }, false, 0, 0x100000, 0x10000,
	  KEV_IMAGE_ENTRY, NO_SEGMENT, KEV_BOOT_DIRECT64, 0 },
	{ "no protocol", { .protocol = KEV_BOOT_NONE }, false, AT_MIB, 0, NO_SEGMENT,
	  KEV_BOOT_NONE, 0x100010 },
	{ "kev 32-bit", { .protocol = KEV_BOOT_KEV32 }, false, AT_MIB, 0, NO_SEGMENT,
	  KEV_BOOT_KEV32, 0x100010 },
	{ "kev 32-bit, 32-bit file", { .protocol = KEV_BOOT_KEV32 }, true, AT_MIB, 0, NO_SEGMENT,
	  KEV_BOOT_KEV32, 0x100010 },
	{ "Multiboot", { .protocol = KEV_BOOT_MULTIBOOT }, true, AT_MIB, 0, NO_SEGMENT,
	  KEV_BOOT_MULTIBOOT, 0x100010 },
	{ "Multiboot 2 with an entry",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .has_entry = true, .entry = 0x10ffff }, true, AT_MIB,
	  0, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0x10ffff },
	{ "an entry behind the segment",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .has_entry = true, .entry = 0x110000 }, true, AT_MIB,
	  KEV_IMAGE_ENTRY, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0 },
	{ "an entry before the segment",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .has_entry = true, .entry = 0xfffff }, true, AT_MIB,
	  KEV_IMAGE_ENTRY, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0 },
	{ "PVH", { .protocol = KEV_BOOT_PVH, .has_entry = true, .entry = 0x100020 }, false,
	  0, 0x100000, 0x10000, 0, NO_SEGMENT, KEV_BOOT_PVH, 0x100020 },
	{ "PVH without a note", { .protocol = KEV_BOOT_PVH }, false, AT_MIB,
	  KEV_IMAGE_NO_HEADER, NO_SEGMENT, KEV_BOOT_PVH, 0 },
	{ "PVH with an entry above 4 GiB",
	  { .protocol = KEV_BOOT_PVH, .has_entry = true, .entry = FOUR_GIB }, false, AT_MIB,
	  KEV_IMAGE_ABOVE_4G, NO_SEGMENT, KEV_BOOT_PVH, 0 },
	{ "up to 4 GiB", { .protocol = KEV_BOOT_KEV32 }, false, 0xfffff000, 0xfffff000, 0x1000,
	  0, NO_SEGMENT, KEV_BOOT_KEV32, 0xfffff000 },
	{ "across 4 GiB", { .protocol = KEV_BOOT_KEV32 }, false, 0xfffff000, 0xfffff000, 0x1001,
	  KEV_IMAGE_ABOVE_4G, 5, KEV_BOOT_KEV32, 0 },
	{ "across 4 GiB, 64-bit", { .protocol = KEV_BOOT_DIRECT64 }, false,
	  FOUR_GIB, 0xfffff000, 0x1001,
	  0, NO_SEGMENT, KEV_BOOT_DIRECT64, FOUR_GIB },
	{ "relocatable, fits",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .relocatable = true, .min = 0x100000, .max = 0x10ffff,
	    .align = 0x100000 }, true, AT_MIB, 0, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0x100010 },
	{ "relocatable, no alignment",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .relocatable = true, .max = 0x10ffff }, true, AT_MIB,
	  0, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0x100010 },
	{ "relocatable, too low",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .relocatable = true, .min = 0x100001, .max = ~0U },
	  true, AT_MIB,
	  KEV_IMAGE_HEADER_FEATURE, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0 },
	{ "relocatable, too high",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .relocatable = true, .max = 0x10fffe }, true, AT_MIB,
	  KEV_IMAGE_HEADER_FEATURE, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0 },
	{ "relocatable, unaligned",
	  { .protocol = KEV_BOOT_MULTIBOOT2, .relocatable = true, .max = ~0U, .align = 0x200000 },
	  true, AT_MIB, KEV_IMAGE_HEADER_FEATURE, NO_SEGMENT, KEV_BOOT_MULTIBOOT2, 0 },
};

TEST(resolution)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(resolve_cases); i++) {
		const struct resolve_case *c = &resolve_cases[i];
		struct kev_elf_plan plan = {
			.entry = c->elf_entry, .class32 = c->class32, .nr = 1,
			.seg[0] = { .gpa = c->gpa, .memsz = c->memsz, .index = 5 },
		};
		struct kev_boot_header header = c->header;
		struct kev_image_fault why = { ~0U, 0 };

		EXPECT_EQ(c->problem ? -ENOEXEC : 0, kev_boot_resolve(&header, &plan, &why))
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->problem, why.problem)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->segment, why.segment)
			TH_LOG("%s", c->name);
		EXPECT_EQ(c->protocol, header.protocol)
			TH_LOG("%s", c->name);
		if (!c->problem)
			EXPECT_EQ(c->entry, plan.entry)
				TH_LOG("%s", c->name);
	}
}

/* An entry of the header's moves with the image. */
TEST(moved_entry)
{
	struct kev_boot_header header = {
		.protocol = KEV_BOOT_PVH, .has_entry = true, .entry = 0x20,
	};
	struct kev_elf_plan plan = {
		.base = 0x100000, .nr = 1, .seg[0] = { .gpa = 0x100000, .memsz = 0x1000 },
	};
	struct kev_image_fault why;

	ASSERT_EQ(0, kev_boot_resolve(&header, &plan, &why));
	EXPECT_EQ(0x100020, plan.entry);
	/* Around the end of all addresses it would be in the image. */
	header.entry = 0x20 - plan.base;
	plan.base *= 2;
	EXPECT_EQ(-ENOEXEC, kev_boot_resolve(&header, &plan, &why));
	EXPECT_EQ(KEV_IMAGE_ENTRY, why.problem);
}

struct rules_case {
	u32 protocol;
	bool has_entry, class32, own_entry, is_32bit, notes, takes;
	size_t window;
};

static const struct rules_case rules_cases[] = {
	{ KEV_BOOT_NONE, false, false, false, false, false, false, 64 },
	{ KEV_BOOT_DIRECT64, false, false, false, false, false, false, 64 },
	{ KEV_BOOT_KEV32, false, true, false, true, false, false, 64 },
	{ KEV_BOOT_MULTIBOOT, false, true, false, true, false, true, 8192 },
	{ KEV_BOOT_MULTIBOOT2, false, true, false, true, false, true, 32768 },
	{ KEV_BOOT_MULTIBOOT2, true, true, true, true, false, true, 32768 },
	{ KEV_BOOT_PVH, false, true, true, true, true, true, 64 },
	{ KEV_BOOT_PVH, true, true, true, true, false, true, 64 },
	{ KEV_BOOT_AUTO, false, true, true, false, true, false, 32768 },
};

TEST(protocols)
{
	struct kev_boot_args none = {}, line = { .cmdline_length = 1 }, file = { .nr_modules = 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules_cases); i++) {
		const struct rules_case *c = &rules_cases[i];
		struct kev_boot_header header = {
			.protocol = c->protocol, .has_entry = c->has_entry,
		};
		struct kev_elf_rules rules = { .phys_bits = 39, .by_vaddr = true, .base = 0x1000 };

		kev_boot_elf_rules(&header, &rules);
		EXPECT_TRUE(rules.phys_bits == 39 && rules.by_vaddr && rules.base == 0x1000);
		EXPECT_EQ(c->class32, rules.class32)
			TH_LOG("%u", c->protocol);
		EXPECT_EQ(c->own_entry, rules.own_entry)
			TH_LOG("%u", c->protocol);
		EXPECT_EQ(c->protocol == M1 || c->protocol == M2, rules.physical_entry)
			TH_LOG("%u", c->protocol);
		EXPECT_EQ(c->notes, kev_boot_wants_notes(&header))
			TH_LOG("%u", c->protocol);
		EXPECT_EQ(c->window, kev_boot_window(c->protocol))
			TH_LOG("%u", c->protocol);
		EXPECT_TRUE(kev_boot_known(c->protocol));
		if (c->protocol == KEV_BOOT_AUTO)
			continue;
		EXPECT_EQ(c->is_32bit, kev_boot_is_32bit(c->protocol))
			TH_LOG("%u", c->protocol);
		EXPECT_TRUE(kev_boot_takes(c->protocol, &none));
		EXPECT_EQ(c->takes, kev_boot_takes(c->protocol, &line))
			TH_LOG("%u", c->protocol);
		EXPECT_EQ(c->takes, kev_boot_takes(c->protocol, &file))
			TH_LOG("%u", c->protocol);
	}
	EXPECT_FALSE(kev_boot_known(6));
	EXPECT_FALSE(kev_boot_known(254));
	EXPECT_FALSE(kev_boot_known(256));
	EXPECT_FALSE(kev_boot_known(~0U));
}

TEST_HARNESS_MAIN
