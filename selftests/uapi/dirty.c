// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_GET_DIRTY. Guards that no write is missed, whoever has made it, that what
 * nobody has written is not reported, and that each look forgets. All of it with the
 * CPU's dirty flags and without, in pages of 4 KiB and of 2 MiB.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "kevtest.h"

#define GPA		0x200000UL
#define PAGES		512
#define LENGTH		(PAGES * KT_PAGE)
#define WORDS		(PAGES / 64)
#define PATTERN_GPA	0x80000UL
#define NAMED		"/tmp/kevtest-dirty"
#define HUGE_PAGES	"/sys/module/kev/parameters/huge_pages"

/*
 * For ever: reports, and then writes each of 512 pages from 2 MiB on whose bit is set at
 * 0x80000; reads the others.
 */
KT_CODE(writes_pattern,
	"again: out %al, $0x80\n"
	"xor %edx, %edx\n"
	"next: mov %rdx, %rbx\n"
	"shl $12, %rbx\n"
	"bt %rdx, 0x80000\n"
	"jnc only_read\n"
	"movb $1, 0x200123(%rbx)\n"
	"jmp done\n"
	"only_read: mov 0x200456(%rbx), %al\n"
	"done: inc %edx\n"
	"cmp $512, %edx\n"
	"jb next\n"
	"jmp again\n");

FIXTURE(dirty) {
	struct kt_guest guest;
	uint64_t bitmap[WORDS + 1];
	bool reloaded;
};

FIXTURE_VARIANT(dirty) {
	bool by_flags;
	const char *huge_pages;
};

FIXTURE_VARIANT_ADD(dirty, flags) { .by_flags = true, .huge_pages = "never" };
FIXTURE_VARIANT_ADD(dirty, flags_huge) { .by_flags = true, .huge_pages = "always" };
FIXTURE_VARIANT_ADD(dirty, faults) { .by_flags = false, .huge_pages = "never" };
FIXTURE_VARIANT_ADD(dirty, faults_huge) { .by_flags = false, .huge_pages = "always" };

static bool has_flags(void)
{
	struct kev_query query = { .size = sizeof(query) };
	int kev = kt_open();
	long ret = kt_ioctl(kev, KEV_QUERY, &query);

	close(kev);
	return !ret && query.features & KEV_FEATURE_EPT_ACCESSED_DIRTY;
}

static int reload_module(const char *option)
{
	const char *const argv[] = { "insmod", "/kev.ko", option, NULL };
	int ret = kt_unload_module("kev");

	return ret ? ret : kt_command(argv);
}

FIXTURE_SETUP(dirty)
{
	if (!variant->by_flags && has_flags()) {
		ASSERT_EQ(0, reload_module("ept_ad=0"));
		self->reloaded = true;
		ASSERT_FALSE(has_flags());
	}
	ASSERT_EQ(0, kt_write_file(HUGE_PAGES, variant->huge_pages));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &writes_pattern, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, GPA, LENGTH));
}

FIXTURE_TEARDOWN(dirty)
{
	unlink(NAMED);
	kt_guest_fini(&self->guest);
	EXPECT_EQ(0, self->reloaded ? reload_module(NULL) : kt_write_file(HUGE_PAGES, "auto"));
}

#define NEED_FLAGS()								\
	do {									\
		if (variant->by_flags && !has_flags())				\
			SKIP(return, "EPT has no dirty flags on this CPU");	\
	} while (0)

static bool same_bits(const uint64_t *a, const uint64_t *b)
{
	return !memcmp(a, b, WORDS * sizeof(*a));
}

static unsigned int count_bits(const uint64_t *bitmap)
{
	unsigned int count = 0;

	for (int i = 0; i < WORDS; i++)
		count += __builtin_popcountll(bitmap[i]);
	return count;
}

/* Each word of the pattern of a round */
static const struct {
	const char *name;
	uint64_t words[WORDS];
} rounds[] = {
	{ "every third", { 0x9249249249249249, 0x4924924924924924, 0x2492492492492492,
			   0x9249249249249249, 0x4924924924924924, 0x2492492492492492,
			   0x9249249249249249, 0x4924924924924924 } },
	{ "none", { 0 } },
	{ "the last page", { [WORDS - 1] = 1ULL << 63 } },
	{ "the last page again", { [WORDS - 1] = 1ULL << 63 } },
	{ "the first page", { 1 } },
	{ "all", { ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL } },
	{ "none after all", { 0 } },
	{ "scattered", { 0x8000000000000001, 0x0123456789abcdef, 0, 0xff, 0, 1ULL << 40, 0, 7 } },
};

TEST_F(dirty, pattern)
{
	bool exact = variant->by_flags && !strcmp(variant->huge_pages, "never");
	int vm = self->guest.vm;
	long dirty;

	NEED_FLAGS();
	for (size_t i = 0; i < ARRAY_SIZE(rounds); i++) {
		ASSERT_EQ(sizeof(rounds[i].words),
			  kt_write_guest(vm, PATTERN_GPA, rounds[i].words,
					 sizeof(rounds[i].words)));
		/* To the report, and through the pattern to the next one */
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(KEV_EXIT_IO, self->guest.run->kind);
		self->bitmap[WORDS] = 0x5a5a;
		dirty = kt_get_dirty(vm, GPA, LENGTH, self->bitmap);
		ASSERT_EQ(count_bits(self->bitmap), dirty);
		/*
		 * A page that was not watched at its first touch counts as written, as does
		 * one whose 511 neighbours were.
		 */
		if (i || exact) {
			EXPECT_TRUE(same_bits(rounds[i].words, self->bitmap)) {
				TH_LOG("%s: %#lx...", rounds[i].name, self->bitmap[0]);
			}
		} else {
			for (int word = 0; word < WORDS; word++) {
				EXPECT_EQ(0, rounds[i].words[word] & ~self->bitmap[word]);
			}
		}
		EXPECT_EQ(0x5a5a, self->bitmap[WORDS]);
		EXPECT_EQ(0, kt_get_dirty(vm, GPA, LENGTH, self->bitmap));
		EXPECT_EQ(0, count_bits(self->bitmap));
	}
}

/* All of it present, and nothing dirty */
static void make_clean(struct __test_metadata *_metadata, struct kt_guest *guest,
		       uint64_t *bitmap)
{
	uint8_t zero = 0;

	for (int page = 0; page < PAGES; page++) {
		ASSERT_EQ(1, kt_write_guest(guest->vm, GPA + page * KT_PAGE, &zero, 1));
	}
	ASSERT_LT(0, kt_get_dirty(guest->vm, GPA, LENGTH, bitmap));
	ASSERT_EQ(0, kt_get_dirty(guest->vm, GPA, LENGTH, bitmap));
}

/* The only page that is dirty, or -1: none, or more */
static int dirty_page(int vm, uint64_t *bitmap)
{
	if (kt_get_dirty(vm, GPA, LENGTH, bitmap) != 1)
		return -1;
	for (int i = 0; i < PAGES; i++)
		if (bitmap[i / 64] >> i % 64 & 1)
			return i;
	return -1;
}

TEST_F(dirty, written_by_others)
{
	uint8_t byte = 1, *at;
	int vm = self->guest.vm, fds[2];

	NEED_FLAGS();
	make_clean(_metadata, &self->guest, self->bitmap);
	/* By a call */
	ASSERT_EQ(1, kt_write_guest(vm, GPA + 3 * KT_PAGE + 5, &byte, 1));
	EXPECT_EQ(3, dirty_page(vm, self->bitmap));
	/* By a mapping; and again, when it has been writable before */
	at = kt_map_memory(vm, GPA, LENGTH);
	ASSERT_NE(NULL, at);
	for (int i = 0; i < 3; i++) {
		at[5 * KT_PAGE] = i;
		EXPECT_EQ(5, dirty_page(vm, self->bitmap));
	}
	EXPECT_EQ(0, kt_get_dirty(vm, GPA, LENGTH, self->bitmap));
	at[7 * KT_PAGE] = 1;
	at[7 * KT_PAGE + 1] = 1;
	EXPECT_EQ(7, dirty_page(vm, self->bitmap));
	/* By the kernel for a system call */
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(1, write(fds[1], "x", 1));
	ASSERT_EQ(1, read(fds[0], at + 9 * KT_PAGE, 1));
	EXPECT_EQ(9, dirty_page(vm, self->bitmap));
	/* Given back: not the bytes that it had */
	ASSERT_EQ(0, kt_discard(vm, GPA + 11 * KT_PAGE, KT_PAGE));
	EXPECT_EQ(11, dirty_page(vm, self->bitmap));
	/* A range of two pages is nobody else's business. */
	at[13 * KT_PAGE] = 1;
	at[15 * KT_PAGE] = 1;
	EXPECT_EQ(1, kt_get_dirty(vm, GPA + 12 * KT_PAGE, 2 * KT_PAGE, self->bitmap));
	EXPECT_EQ(2, self->bitmap[0]);
	EXPECT_EQ(15, dirty_page(vm, self->bitmap));
	munmap(at, LENGTH);
	close(fds[0]);
	close(fds[1]);
}

/* Reads of every kind */
TEST_F(dirty, only_read)
{
	uint8_t bytes[2 * KT_PAGE], byte, *at;
	int vm = self->guest.vm, fds[2];

	NEED_FLAGS();
	make_clean(_metadata, &self->guest, self->bitmap);
	ASSERT_EQ(sizeof(bytes), kt_read_guest(vm, GPA, bytes, sizeof(bytes)));
	at = kt_map_memory(vm, GPA, LENGTH);
	ASSERT_NE(NULL, at);
	EXPECT_EQ(0, kt_peek(at + KT_PAGE, &byte));
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(1, write(fds[1], at + 2 * KT_PAGE, 1));
	EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(vm, GPA));
	EXPECT_EQ(0, kt_get_dirty(vm, GPA, LENGTH, self->bitmap));
	munmap(at, LENGTH);
	close(fds[0]);
	close(fds[1]);
}

/* Print with the string at GPA */
KT_CODE(prints, "mov $1, %eax\n mov $0x200000, %edi\n mov $8192, %esi\n vmcall\n"
	"out %al, $0x80\n");

TEST_F(dirty, printed)
{
	struct kt_guest guest;

	NEED_FLAGS();
	ASSERT_EQ(0, kt_guest_init(&guest, &prints, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(guest.vm, GPA, LENGTH));
	make_clean(_metadata, &guest, self->bitmap);
	ASSERT_EQ(0, kt_run_to_report(&guest));
	EXPECT_EQ(KEV_EXIT_IO, guest.run->kind);
	EXPECT_EQ(0, kt_get_dirty(guest.vm, GPA, LENGTH, self->bitmap));
	kt_guest_fini(&guest);
}

/* A page of the page cache is clean until somebody has a copy of it. */
TEST_F(dirty, shared_page)
{
	int vm = self->guest.vm, fd = open(NAMED, O_CREAT | O_RDWR, 0755);
	const uint64_t gpa = GPA + LENGTH;
	uint8_t bytes[2 * KT_PAGE];

	NEED_FLAGS();
	memset(bytes, 0x77, sizeof(bytes));
	ASSERT_EQ(sizeof(bytes), write(fd, bytes, sizeof(bytes)));
	close(fd);
	fd = open(NAMED, O_RDONLY);
	ASSERT_EQ(0, kt_add_file(vm, gpa, sizeof(bytes), fd, 0, sizeof(bytes)));
	close(fd);
	ASSERT_EQ(sizeof(bytes), kt_read_guest(vm, gpa, bytes, sizeof(bytes)));
	EXPECT_EQ(KEV_PAGE_SHARED, kt_page_state(vm, gpa + KT_PAGE));
	EXPECT_EQ(0, kt_get_dirty(vm, gpa, sizeof(bytes), self->bitmap));
	ASSERT_EQ(1, kt_write_guest(vm, gpa + KT_PAGE, bytes, 1));
	EXPECT_EQ(1, kt_get_dirty(vm, gpa, sizeof(bytes), self->bitmap));
	EXPECT_EQ(2, self->bitmap[0]);
}

/* Ranges and buffers; one page, GPA's first, is dirty before each of them. */
static const struct {
	const char *name;
	uint32_t flags;
	uint64_t gpa, length;
	bool bad_bitmap;
	long result;	/* dirty pages, or an errno */
} arguments[] = {
	{ "the page", 0, GPA, KT_PAGE, false, 1 },
	{ "flags", 1, GPA, KT_PAGE, false, -EINVAL },
	{ "last flag", 1U << 31, GPA, KT_PAGE, false, -EINVAL },
	{ "unaligned address", 0, GPA + 1, KT_PAGE, false, -EINVAL },
	{ "unaligned length", 0, GPA, KT_PAGE + 8, false, -EINVAL },
	{ "no length", 0, GPA, 0, false, -EINVAL },
	{ "wraps", 0, GPA, -KT_PAGE, false, -EINVAL },
	{ "above the physical width", 0, 1ULL << 52, KT_PAGE, false, -EINVAL },
	{ "bitmap without memory", 0, GPA, KT_PAGE, true, -EFAULT },
	{ "where nothing is", 0, 1ULL << 32, KT_PAGE, false, 0 },
	{ "around", 0, GPA - KT_PAGE, 3 * KT_PAGE, false, 1 },
};

/* What fails forgets nothing. */
TEST_F(dirty, arguments)
{
	int vm = self->guest.vm;
	uint8_t byte = 1;

	NEED_FLAGS();
	make_clean(_metadata, &self->guest, self->bitmap);
	for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
		struct kev_get_dirty args = {
			.size = sizeof(args),
			.flags = arguments[i].flags,
			.gpa = arguments[i].gpa,
			.length = arguments[i].length,
			.bitmap = arguments[i].bad_bitmap ? 16 : (uintptr_t)self->bitmap,
		};
		long ret;

		ASSERT_EQ(1, kt_write_guest(vm, GPA, &byte, 1));
		ret = kt_ioctl(vm, KEV_VM_GET_DIRTY, &args);
		EXPECT_EQ(arguments[i].result, ret < 0 ? ret : (long)args.dirty) {
			TH_LOG("%s", arguments[i].name);
		}
		EXPECT_EQ(arguments[i].result != 1, kt_get_dirty(vm, GPA, KT_PAGE, self->bitmap)) {
			TH_LOG("%s: afterwards", arguments[i].name);
		}
	}
}

/* A range that takes more than one piece of the kernel's bitmap, with holes in it */
TEST_F(dirty, large_range)
{
	const uint64_t length = 3UL << 30, far = 5UL << 29;
	uint64_t *bitmap = calloc(length / KT_PAGE / 64, 8);
	int vm = self->guest.vm;
	uint8_t byte = 1;

	NEED_FLAGS();
	ASSERT_NE(NULL, bitmap);
	ASSERT_EQ(0, kt_add_ram(vm, far, LENGTH));
	make_clean(_metadata, &self->guest, self->bitmap);
	ASSERT_EQ(1, kt_write_guest(vm, far, &byte, 1));
	ASSERT_LT(0, kt_get_dirty(vm, 0, length, bitmap));
	ASSERT_EQ(1, kt_write_guest(vm, GPA + 70 * KT_PAGE, &byte, 1));
	ASSERT_EQ(1, kt_write_guest(vm, far + KT_PAGE, &byte, 1));
	ASSERT_EQ(2, kt_get_dirty(vm, 0, length, bitmap));
	EXPECT_EQ(1ULL << 6, bitmap[GPA / KT_PAGE / 64 + 1]);
	EXPECT_EQ(2, bitmap[far / KT_PAGE / 64]);
	free(bitmap);
}

TEST_HARNESS_MAIN
