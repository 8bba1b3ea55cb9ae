// SPDX-License-Identifier: GPL-2.0
/*
 * RAM in pages of 2 MiB, and RAM that nobody touches. Guards that the three settings do
 * what they say, that a large page can lose a small one, that code runs in it, and that
 * the size of a VM's memory costs nothing.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "vmem.h"

#define HUGE		(2 * KT_MIB)
#define HUGE_PAGES	(HUGE / KT_PAGE)
#define REGION_GPA	(512 * KT_MIB)
#define REGION_SIZE	(4 * HUGE)
#define PARAMETER	"/sys/module/kev/parameters/huge_pages"
#define LARGE_VM	(512UL << 30)
/* Bits of an address for such a VM, with the hole below 4 GiB */
#define LARGE_VM_BITS	40
#define RET		0xc3c3c3c3c3c3c3c3UL

FIXTURE(huge) {
	struct kt_image image;
	int fd;
	struct kt_vm vm;
	bool possible;
};

static int start_vm(FIXTURE_DATA(huge) *self, uint32_t huge_pages)
{
	const struct kt_vm_options options = { .huge_pages = huge_pages };
	int ret = kt_vm_init(&self->vm, &self->image, self->fd, &options);

	return ret ? ret : kt_add_ram(self->vm.vm, REGION_GPA, REGION_SIZE);
}

FIXTURE_SETUP(huge)
{
	struct kev_query query = { .size = sizeof(query) };
	int kev = kt_open();

	ASSERT_LE(0, kev);
	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	close(kev);
	self->possible = query.features & KEV_FEATURE_EPT_2M;
	kt_image_init(&self->image, 1);
	self->fd = memfd_create("kevtest", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kt_image_write(&self->image, self->fd));
}

FIXTURE_TEARDOWN(huge)
{
	close(self->fd);
}

/* Write to pages from @page on, in order. */
static long fill(struct kt_vm *vm, uint64_t page, uint64_t pages)
{
	const struct kt_job job = {
		.op = KT_FILL, .address = REGION_GPA + page * KT_PAGE, .value = 0x100 + page,
		.pages = pages, .step = 1,
	};

	return kt_vm_do(vm, 0, &job, NULL);
}

static struct kev_query_memory look(struct kt_vm *vm)
{
	struct kev_query_memory query;

	if (kt_query_memory(vm->vm, REGION_GPA, &query))
		query.resident = ~0UL;
	return query;
}

/* What is resident after the guest has written to pages [page, page + pages) */
static const struct setting_case {
	const char *name;
	uint32_t setting;
	uint64_t page, pages;
	uint64_t resident, huge;	/* in pages of 4 KiB */
} setting_cases[] = {
	{ "never", KEV_HUGE_NEVER, 0, 2 * HUGE_PAGES, 2 * HUGE_PAGES, 0 },
	{ "always", KEV_HUGE_ALWAYS, 700, 1, HUGE_PAGES, HUGE_PAGES },
	{ "always, two", KEV_HUGE_ALWAYS, HUGE_PAGES - 1, 2, 2 * HUGE_PAGES, 2 * HUGE_PAGES },
	{ "auto, one page", KEV_HUGE_AUTO, 700, 1, 1, 0 },
	{ "auto, less than half", KEV_HUGE_AUTO, HUGE_PAGES / 2 + 1, HUGE_PAGES / 2,
	  HUGE_PAGES / 2, 0 },
	{ "auto, half", KEV_HUGE_AUTO, HUGE_PAGES / 2, HUGE_PAGES / 2 + 1,
	  HUGE_PAGES / 2 + HUGE_PAGES, HUGE_PAGES },
	{ "auto, all", KEV_HUGE_AUTO, 0, 4 * HUGE_PAGES, 4 * HUGE_PAGES, 3 * HUGE_PAGES },
};

TEST_F(huge, settings)
{
	if (!self->possible)
		SKIP(return, "no EPT pages of 2 MiB");
	for (size_t i = 0; i < ARRAY_SIZE(setting_cases); i++) {
		const struct setting_case *c = &setting_cases[i];
		struct kev_query_memory query;

		ASSERT_EQ(0, start_vm(self, c->setting));
		ASSERT_EQ(0, fill(&self->vm, c->page, c->pages));
		query = look(&self->vm);
		EXPECT_EQ(c->resident, query.resident) {
			TH_LOG("%s", c->name);
		}
		EXPECT_EQ(c->huge, query.huge) {
			TH_LOG("%s", c->name);
		}
		EXPECT_EQ(c->huge, kt_vm_stats(self->vm.vm).huge_pages) {
			TH_LOG("%s", c->name);
		}
		kt_vm_fini(&self->vm);
	}
}

TEST_F(huge, parameter)
{
	if (!self->possible)
		SKIP(return, "no EPT pages of 2 MiB");
	ASSERT_EQ(0, kt_write_file(PARAMETER, "always"));
	EXPECT_EQ(-EINVAL, kt_write_file(PARAMETER, "sometimes"));
	ASSERT_EQ(0, start_vm(self, KEV_HUGE_DEFAULT));
	/* VMs that are there keep what they have. */
	ASSERT_EQ(0, kt_write_file(PARAMETER, "never"));
	ASSERT_EQ(0, fill(&self->vm, 0, 1));
	EXPECT_EQ(HUGE_PAGES, look(&self->vm).huge);
	kt_vm_fini(&self->vm);
	ASSERT_EQ(0, start_vm(self, KEV_HUGE_DEFAULT));
	ASSERT_EQ(0, fill(&self->vm, 0, 1));
	EXPECT_EQ(1, look(&self->vm).resident);
	kt_vm_fini(&self->vm);
	ASSERT_EQ(0, kt_write_file(PARAMETER, "auto"));
}

/* 4 KiB out of the middle: they read as zero, the 511 others are what they were. */
TEST_F(huge, discard_splits)
{
	struct kev_query_memory query;
	const uint64_t gone = 77;

	if (!self->possible)
		SKIP(return, "no EPT pages of 2 MiB");
	ASSERT_EQ(0, start_vm(self, KEV_HUGE_ALWAYS));
	ASSERT_EQ(0, fill(&self->vm, 0, 2 * HUGE_PAGES));
	ASSERT_EQ(0, kt_discard(self->vm.vm, REGION_GPA + gone * KT_PAGE, KT_PAGE));
	query = look(&self->vm);
	EXPECT_EQ(2 * HUGE_PAGES - 1, query.resident);
	EXPECT_EQ(HUGE_PAGES, query.huge);
	for (uint64_t page = 0; page < 2 * HUGE_PAGES; page++) {
		const struct kt_job read = {
			.op = KT_READ, .address = REGION_GPA + page * KT_PAGE,
		};
		uint64_t word;

		ASSERT_EQ(0, kt_vm_do(&self->vm, 0, &read, &word));
		ASSERT_EQ(page == gone ? 0 : 0x100 + page, word) {
			TH_LOG("page %lu", page);
		}
	}
	/* The hole is filled by a small page. */
	query = look(&self->vm);
	EXPECT_EQ(2 * HUGE_PAGES, query.resident);
	EXPECT_EQ(HUGE_PAGES, query.huge);
	kt_vm_fini(&self->vm);
}

/* A CPU that may not have large pages of code gets small ones. */
static bool code_may_be_huge(void)
{
	static const char path[] = "/sys/devices/system/cpu/vulnerabilities/itlb_multihit";
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n < 0 || !strncmp(text, "Not affected", 12);
}

TEST_F(huge, execution)
{
	const struct kt_job write = {
		.op = KT_WRITE, .address = REGION_GPA + 0x5008, .value = RET,
	};
	const struct kt_job call = { .op = KT_CALL, .address = REGION_GPA + 0x5008 };

	if (!self->possible)
		SKIP(return, "no EPT pages of 2 MiB");
	ASSERT_EQ(0, start_vm(self, KEV_HUGE_ALWAYS));
	ASSERT_EQ(0, kt_vm_do(&self->vm, 0, &write, NULL));
	EXPECT_EQ(HUGE_PAGES, look(&self->vm).huge);
	EXPECT_EQ(0, kt_vm_do(&self->vm, 0, &call, NULL));
	EXPECT_EQ(HUGE_PAGES, look(&self->vm).resident);
	EXPECT_EQ(code_may_be_huge() ? HUGE_PAGES : 0, look(&self->vm).huge);
	kt_vm_fini(&self->vm);
}

/* A VM's memory costs what is touched of it, wherever that is. */
TEST_F(huge, large_vm)
{
	const struct kt_vm_options options = {
		.huge_pages = KEV_HUGE_AUTO, .ram_kib = LARGE_VM >> 10,
	};
	struct kev_query query = { .size = sizeof(query) };
	struct sysinfo before, after;
	struct kev_vm_stats stats;
	struct kt_vm vm;
	uint64_t word = 0x5a;
	int kev = kt_open();

	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	close(kev);
	if (query.phys_bits < LARGE_VM_BITS)
		SKIP(return, "guest addresses are too narrow for 512 GiB");
	ASSERT_EQ(0, sysinfo(&before));
	ASSERT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, &options));
	ASSERT_EQ(0, sysinfo(&after));
	stats = kt_vm_stats(vm.vm);
	EXPECT_EQ(0, stats.resident_pages);
	EXPECT_EQ(1, stats.table_pages);
	/* In MiB, of which free pages that a CPU keeps for itself may be one or two */
	EXPECT_GE(4, (int64_t)(before.freeram - after.freeram) * before.mem_unit >> 20);
	/* Above 4 GiB goes on what the hole leaves out. */
	EXPECT_EQ(8, kt_write_guest(vm.vm, LARGE_VM, &word, 8));
	EXPECT_EQ(8, kt_read_guest(vm.vm, LARGE_VM, &word, 8));
	EXPECT_EQ(0x5a, word);
	stats = kt_vm_stats(vm.vm);
	EXPECT_EQ(1, stats.resident_pages);
	EXPECT_EQ(4, stats.table_pages);
	kt_vm_fini(&vm);
}

TEST_HARNESS_MAIN
