// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads fault on the same pages: four vCPUs, each in an order of its own, and
 * threads of the process through a mapping. Guards that each page results once and with
 * the right bytes, that the file is read once, and that a VM may end amid all this.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "vmem.h"

#define VCPUS		KT_VM_VCPUS
#define TOUCHERS	2
#define PAGES		10000UL		/* 39 MiB */
#define TEARDOWNS	40

/* Steps without a common divisor with PAGES: each visits all pages. */
static const uint64_t steps[VCPUS + TOUCHERS] = { 1, 9999, 4999, 3333, 7, 9001 };

/* ---- threads that touch the memory through a mapping ---- */

struct toucher {
	pthread_t thread;
	const volatile uint64_t *words;
	uint64_t step, sum;
};

static void *toucher_main(void *arg)
{
	struct toucher *toucher = arg;
	uint64_t page = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		toucher->sum += toucher->words[page * KT_PAGE / sizeof(uint64_t)];
		page = (page + toucher->step) % PAGES;
	}
	return NULL;
}

/* ---- everybody reads everything once ---- */

/* False: a thread could not be started, or a sum is not what it should be. */
static bool all_read(struct kt_vm *vm, uint64_t gpa, uint64_t sum)
{
	struct toucher touchers[TOUCHERS];
	struct kt_runner runners[VCPUS];
	bool ok = true;
	uint64_t found;
	void *map = kt_map_memory(vm->vm, gpa, PAGES * KT_PAGE);

	if (!map)
		return false;
	for (uint32_t i = 0; i < VCPUS; i++) {
		const struct kt_job job = {
			.op = KT_SCAN, .address = gpa, .pages = PAGES, .step = steps[i],
			.first = i * PAGES / VCPUS,
			.counter = KT_SCRATCH_GPA + i * KT_PAGE,
		};

		if (kt_vm_set(vm, i, &job))
			return false;
	}
	for (uint32_t i = 0; i < TOUCHERS; i++) {
		touchers[i] = (struct toucher) { .words = map, .step = steps[VCPUS + i] };
		ok &= !pthread_create(&touchers[i].thread, NULL, toucher_main, &touchers[i]);
	}
	for (uint32_t i = 0; i < VCPUS; i++)
		ok &= !kt_runner_start(&runners[i], vm->vcpu[i], -1);
	if (!ok)
		return false;
	for (uint32_t i = 0; i < VCPUS; i++) {
		ok &= !kt_runner_join(&runners[i]);
		ok &= kt_vm_result(vm, i, &found) && found == sum;
	}
	for (uint32_t i = 0; i < TOUCHERS; i++) {
		pthread_join(touchers[i].thread, NULL);
		ok &= touchers[i].sum == sum;
	}
	munmap(map, PAGES * KT_PAGE);
	return ok;
}

FIXTURE(smp_fault) {
	struct kt_image image;
	int fd;
};

FIXTURE_VARIANT(smp_fault) {
	uint32_t attach;
	uint32_t around;
};

/* Pages of the page cache, one by one and several at a time; copies */
FIXTURE_VARIANT_ADD(smp_fault, shared) { 0, 0 };
FIXTURE_VARIANT_ADD(smp_fault, around) { 0, 16 };
FIXTURE_VARIANT_ADD(smp_fault, copied) { KEV_ATTACH_COPY, 0 };

FIXTURE_SETUP(smp_fault)
{
	kt_image_init(&self->image, PAGES);
	self->fd = memfd_create("kevtest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kt_image_write(&self->image, self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
}

FIXTURE_TEARDOWN(smp_fault)
{
	close(self->fd);
}

static int start_vm(FIXTURE_DATA(smp_fault) *self, const FIXTURE_VARIANT(smp_fault) *variant,
		    struct kt_vm *vm)
{
	const struct kt_vm_options options = {
		.flags = KEV_VM_FAULT_AROUND,
		.fault_around = variant->around,
		.huge_pages = KEV_HUGE_NEVER,
		.attach = variant->attach,
		.vcpus = VCPUS,
		.ram_kib = PAGES * KT_PAGE >> 10,
	};

	return kt_vm_init(vm, &self->image, self->fd, &options);
}

TEST_F(smp_fault, each_page_once)
{
	bool shared = !variant->attach;
	uint64_t ram = kt_vm_ram(&self->image);
	struct kev_query_memory query;
	struct kev_vm_stats stats;
	struct kt_vm vm;

	ASSERT_EQ(0, start_vm(self, variant, &vm));
	EXPECT_TRUE(all_read(&vm, KT_DATA_GPA, kt_image_sum(&self->image)));
	ASSERT_EQ(0, kt_query_memory(vm.vm, KT_DATA_GPA, &query));
	EXPECT_EQ(KT_DATA_GPA, query.gpa);
	EXPECT_EQ(PAGES, query.resident);
	EXPECT_EQ(shared ? PAGES : 0, query.shared);
	stats = kt_vm_stats(vm.vm);
	/* The code is one more. */
	EXPECT_EQ(PAGES + 1, stats.file_pages + stats.around_pages);
	EXPECT_EQ(PAGES + 1, stats.image_pages);
	EXPECT_EQ(variant->around != 0, stats.around_pages != 0);
	EXPECT_EQ(0, stats.read_pages);
	EXPECT_EQ(0, stats.flushes);

	/* RAM, of zeros */
	EXPECT_TRUE(all_read(&vm, ram, 0));
	ASSERT_EQ(0, kt_query_memory(vm.vm, ram, &query));
	EXPECT_EQ(ram, query.gpa);
	EXPECT_EQ(PAGES, query.resident);
	kt_vm_fini(&vm);
}

/* A word that several vCPUs write first is one word: no page is made twice. */
TEST_F(smp_fault, first_writes)
{
	static const uint64_t marks[VCPUS] = { 1UL << 48, 2UL << 48, 3UL << 48, 4UL << 48 };
	struct kt_runner runners[VCPUS];
	volatile uint64_t *words;
	struct kt_vm vm;

	ASSERT_EQ(0, start_vm(self, variant, &vm));
	/* Each vCPU has a word of its own in every page: all of them must be there after. */
	for (uint32_t i = 0; i < VCPUS; i++) {
		const struct kt_job job = {
			.op = KT_FILL, .address = KT_DATA_GPA + 8 * i, .value = marks[i],
			.pages = PAGES, .step = steps[i],
		};

		ASSERT_EQ(0, kt_vm_set(&vm, i, &job));
	}
	for (uint32_t i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, kt_runner_start(&runners[i], vm.vcpu[i], -1));
	}
	for (uint32_t i = 0; i < VCPUS; i++) {
		EXPECT_EQ(0, kt_runner_join(&runners[i]));
		EXPECT_TRUE(kt_vm_result(&vm, i, NULL));
	}
	words = kt_map_memory(vm.vm, KT_DATA_GPA, PAGES * KT_PAGE);
	ASSERT_NE(NULL, (void *)words);
	for (uint64_t page = 0; page < PAGES; page++) {
		for (uint32_t i = 0; i < VCPUS; i++) {
			ASSERT_EQ(marks[i] + page, words[page * KT_PAGE / 8 + i]) {
				TH_LOG("page %lu, vCPU %u", page, i);
			}
		}
		/* What nobody has written is the file's. */
		ASSERT_EQ(kt_image_word(page) + 8 * VCPUS, words[page * KT_PAGE / 8 + VCPUS]);
	}
	munmap((void *)words, PAGES * KT_PAGE);
	kt_vm_fini(&vm);
}

/* In a child: everybody faults until the process is killed. */
static void fault_for_ever(FIXTURE_DATA(smp_fault) *self,
			   const FIXTURE_VARIANT(smp_fault) *variant, int ready)
{
	struct kt_vm vm;

	if (start_vm(self, variant, &vm) || write(ready, "", 1) != 1)
		_exit(1);
	all_read(&vm, KT_DATA_GPA, 0);
	for (;;)
		pause();
}

/* Killed at another place each time, by how many turns the test gives away */
TEST_F(smp_fault, process_ends_amid_faults)
{
	int ready[2], status;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	for (int round = 0; round < TEARDOWNS; round++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			fault_for_ever(self, variant, ready[1]);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		for (int turn = 0; turn < round * 4; turn++)
			sched_yield();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
	}
	close(ready[0]);
	close(ready[1]);
}

/* ---- the same from a server that counts its reads ---- */

#define SERVED_PAGES	512UL

TEST(file_is_read_once)
{
	const struct kt_vm_options options = { .vcpus = VCPUS };
	struct kt_runner runners[VCPUS];
	struct kt_fuse_file file = { .fill = kt_image_fill };
	struct kt_image image;
	struct kt_fuse fuse;
	struct kt_vm vm;
	struct stat st;
	uint64_t sum;
	int fd;

	kt_image_init(&image, SERVED_PAGES);
	file.size = image.size;
	file.arg = &image;
	ASSERT_EQ(0, kt_fuse_mount(&fuse, &file));
	fd = open(fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	ASSERT_EQ(0, kt_vm_init(&vm, &image, fd, &options));
	for (uint32_t i = 0; i < VCPUS; i++) {
		const struct kt_job job = {
			.op = KT_SCAN, .address = KT_DATA_GPA, .pages = SERVED_PAGES,
			.first = i * SERVED_PAGES / VCPUS, .step = 2 * i + 1,
		};

		ASSERT_EQ(0, kt_vm_set(&vm, i, &job));
	}
	for (uint32_t i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, kt_runner_start(&runners[i], vm.vcpu[i], -1));
	}
	for (uint32_t i = 0; i < VCPUS; i++) {
		EXPECT_EQ(0, kt_runner_join(&runners[i]));
		EXPECT_TRUE(kt_vm_result(&vm, i, &sum));
		EXPECT_EQ(kt_image_sum(&image), sum);
	}
	for (uint64_t page = 0; page < SERVED_PAGES; page++) {
		ASSERT_EQ(1, kt_fuse_page_reads(&fuse, KT_DATA_OFFSET / KT_PAGE + page)) {
			TH_LOG("page %lu", page);
		}
	}
	EXPECT_EQ(SERVED_PAGES + 1, kt_vm_stats(vm.vm).read_pages);
	EXPECT_EQ(SERVED_PAGES + 1, kt_vm_stats(vm.vm).file_pages);
	kt_vm_fini(&vm);
	close(fd);
	EXPECT_EQ(0, kt_fuse_unmount(&fuse));
}

TEST_HARNESS_MAIN
