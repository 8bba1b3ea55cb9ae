// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that go while a guest uses them: a region that is removed, RAM that is discarded,
 * a shared page that another vCPU writes to. Guards that no access reaches the old page
 * once the call has returned, whatever translations the guest's CPU has cached.
 *
 * The guest reads a flag, then the page, in a loop; the test sets the flag after the call.
 * What the guest has read after it saw the flag must not be old.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

#include "vmem.h"

#define ROUNDS		40
/* Reads of the guest before the page goes: its translation is in use */
#define READS		200
/* At a page of 2 MiB, which the kernel may not have at once */
#define TRIES		5

#define REGION_GPA	(512 * KT_MIB)
#define REGION_SIZE	(4 * KT_MIB)
#define OLD		0x01d01d01d01d01dUL
#define NEW		0xeeeeeeeeeeeeeeeUL

/* Two pages of RAM */
#define FLAG_GPA	KT_SCRATCH_GPA
#define COUNT_GPA	(KT_SCRATCH_GPA + KT_PAGE)

FIXTURE(remove) {
	struct kt_image image;
	int fd;
	struct kt_vm vm;
	volatile uint64_t *flag, *count;
	struct kt_runner runner;
};

FIXTURE_VARIANT(remove) {
	uint32_t huge_pages;
	bool huge;
};

FIXTURE_VARIANT_ADD(remove, small) { KEV_HUGE_NEVER, false };
FIXTURE_VARIANT_ADD(remove, huge) { KEV_HUGE_ALWAYS, true };

FIXTURE_SETUP(remove)
{
	const struct kt_vm_options options = {
		.flags = KEV_VM_FAULT_AROUND, .huge_pages = variant->huge_pages, .vcpus = 2,
	};

	kt_image_init(&self->image, ROUNDS);
	self->fd = memfd_create("kevtest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kt_image_write(&self->image, self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	ASSERT_EQ(0, kt_vm_init(&self->vm, &self->image, self->fd, &options));
	ASSERT_EQ(0, kt_add_ram(self->vm.vm, REGION_GPA, REGION_SIZE));
	self->flag = kt_map_memory(self->vm.vm, FLAG_GPA, KT_PAGE);
	self->count = kt_map_memory(self->vm.vm, COUNT_GPA, KT_PAGE);
	ASSERT_NE(NULL, (void *)self->flag);
	ASSERT_NE(NULL, (void *)self->count);
	kt_pin(0);
}

FIXTURE_TEARDOWN(remove)
{
	munmap((void *)self->flag, KT_PAGE);
	munmap((void *)self->count, KT_PAGE);
	kt_vm_fini(&self->vm);
	close(self->fd);
}

/* The guest watches, on another CPU where there is one; it has read the page many times. */
static int start_watch(FIXTURE_DATA(remove) *self, uint64_t gpa)
{
	const struct kt_job job = {
		.op = KT_WATCH, .address = gpa, .value = FLAG_GPA, .counter = COUNT_GPA,
	};
	uint64_t start;
	int ret;

	*self->flag = 0;
	start = *self->count;
	ret = kt_vm_set(&self->vm, 0, &job);
	if (!ret)
		ret = kt_runner_start(&self->runner, self->vm.vcpu[0], kt_nr_cpus() - 1);
	while (!ret && *self->count - start < READS)
		sched_yield();
	return ret;
}

/* The page has gone: tell the guest, and wait for its RUN. */
static long stop_watch(FIXTURE_DATA(remove) *self)
{
	*self->flag = 1;
	return kt_runner_join(&self->runner);
}

/*
 * Words of the region by calls, not by a mapping: to take a page out of a mapping the kernel
 * interrupts the process's CPUs, which would end the guest's translations by itself.
 */
static bool put_word(FIXTURE_DATA(remove) *self, uint64_t gpa, uint64_t value)
{
	return kt_write_guest(self->vm.vm, gpa, &value, sizeof(value)) == sizeof(value);
}

static uint64_t get_word(FIXTURE_DATA(remove) *self, uint64_t gpa)
{
	uint64_t value;

	return kt_read_guest(self->vm.vm, gpa, &value, sizeof(value)) == sizeof(value) ? value :
	       ~0UL;
}

/* Is the region mapped as the variant says */
static bool mapped_as(FIXTURE_DATA(remove) *self, bool huge)
{
	struct kev_query_memory query;

	return !kt_query_memory(self->vm.vm, REGION_GPA, &query) &&
	       query.resident && query.huge == (huge ? query.resident : 0);
}

/* Ask the kernel for free memory in one piece: pages of 2 MiB are given where there is some. */
static void compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror("compact_memory");
	close(fd);
}

/* A word at the start of the region, which is mapped as the variant says then */
static bool fill(FIXTURE_DATA(remove) *self, bool huge)
{
	for (int try = 0; try < TRIES; try++) {
		if (!put_word(self, REGION_GPA, OLD))
			return false;
		if (mapped_as(self, huge))
			return true;
		/* Pages of 4 KiB stay what they are while the region is there. */
		compact();
		if (kt_remove_region(self->vm.vm, REGION_GPA, REGION_SIZE) ||
		    kt_add_ram(self->vm.vm, REGION_GPA, REGION_SIZE))
			return false;
	}
	return false;
}

TEST_F(remove, region)
{
	const struct kev_run *run = self->vm.run[0];

	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_TRUE(fill(self, variant->huge));
		ASSERT_EQ(0, start_watch(self, REGION_GPA));
		ASSERT_EQ(0, kt_remove_region(self->vm.vm, REGION_GPA, REGION_SIZE));
		ASSERT_EQ(0, stop_watch(self));
		ASSERT_EQ(KEV_EXIT_MEMORY, run->kind) {
			TH_LOG("round %d: read %#llx from a region that is not there", round,
			       run->hypercall.nr);
		}
		EXPECT_EQ(REGION_GPA, run->memory.gpa);
		EXPECT_EQ(KEV_MEM_READ, run->memory.access);
		EXPECT_EQ(0, run->memory.kind);
		EXPECT_EQ(KEV_RUN_RETRY, run->flags);
		ASSERT_EQ(0, kt_add_ram(self->vm.vm, REGION_GPA, REGION_SIZE));
	}
	/* Where there is a region again, the same access goes on, and finds zeros. */
	EXPECT_EQ(0, kt_run(self->vm.vcpu[0]));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, run->kind);
	EXPECT_EQ(0, run->hypercall.nr);
}

/* One page goes, also out of a large one. Its neighbours stay as they are. */
TEST_F(remove, discard)
{
	uint64_t value;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t gpa = REGION_GPA + (2 * round + 1) * KT_PAGE;

		ASSERT_TRUE(put_word(self, gpa, OLD));
		ASSERT_TRUE(put_word(self, gpa - 8, NEW));
		ASSERT_EQ(0, start_watch(self, gpa));
		ASSERT_EQ(0, kt_discard(self->vm.vm, gpa, KT_PAGE));
		ASSERT_EQ(0, stop_watch(self));
		ASSERT_TRUE(kt_vm_result(&self->vm, 0, &value));
		ASSERT_EQ(0, value) {
			TH_LOG("round %d", round);
		}
		ASSERT_EQ(0, get_word(self, gpa));
		ASSERT_EQ(NEW, get_word(self, gpa - 8));
	}
}

/* All of it at once, each time in the size that the variant has */
TEST_F(remove, discard_all)
{
	uint64_t value;

	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_TRUE(fill(self, variant->huge));
		ASSERT_EQ(0, start_watch(self, REGION_GPA));
		ASSERT_EQ(0, kt_discard(self->vm.vm, REGION_GPA, REGION_SIZE));
		ASSERT_EQ(0, stop_watch(self));
		ASSERT_TRUE(kt_vm_result(&self->vm, 0, &value));
		ASSERT_EQ(0, value) {
			TH_LOG("round %d", round);
		}
	}
}

/* Another vCPU's first write to a shared page changes the frame: all see the new one. */
TEST_F(remove, copy_on_write)
{
	uint64_t value;

	for (uint64_t page = 0; page < ROUNDS; page++) {
		const struct kt_job write = {
			.op = KT_WRITE, .address = KT_DATA_GPA + page * KT_PAGE, .value = NEW,
		};

		ASSERT_EQ(0, start_watch(self, write.address));
		ASSERT_EQ(KEV_PAGE_SHARED, kt_page_state(self->vm.vm, write.address));
		ASSERT_EQ(0, kt_vm_do(&self->vm, 1, &write, NULL));
		ASSERT_EQ(0, stop_watch(self));
		ASSERT_TRUE(kt_vm_result(&self->vm, 0, &value));
		ASSERT_EQ(NEW, value) {
			TH_LOG("page %lu", page);
		}
	}
	EXPECT_EQ(ROUNDS, kt_vm_stats(self->vm.vm).copied_pages);
}

TEST_HARNESS_MAIN
