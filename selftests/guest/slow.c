// SPDX-License-Identifier: GPL-2.0
/*
 * Images behind a server that does not answer. Guards that only who needs the page waits
 * for it, that the wait can be ended by everything that ends RUN, that a page is read once, or
 * is an error that is over when the server is well again, and that no user takes up all
 * workers.
 *
 * The server tells when a read hangs; nothing here measures time.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vmem.h"

#define PAGES		41
#define RAM_KIB		64
/* How far another vCPU has to come to have gone on */
#define STEPS		1000

/* Index in the file of a page of data */
#define FILE_PAGE(page)	(KT_DATA_OFFSET / KT_PAGE + (page))
#define DATA(page)	(KT_DATA_GPA + (page) * KT_PAGE)

FIXTURE(slow) {
	struct kt_image image;
	struct kt_fuse fuse;
	int fd;
	struct kt_vm vm;
};

/* A VM whose code is loaded: only data is slow from now on. */
static int start_vm(FIXTURE_DATA(slow) *self, struct kt_vm *vm, const char *abi)
{
	const struct kt_vm_options options = { .vcpus = 2, .ram_kib = RAM_KIB, .abi = abi };
	const struct kt_job warm = { .op = KT_READ, .address = KT_SCRATCH_GPA };
	int ret = kt_vm_init(vm, &self->image, self->fd, &options);

	/* With the ABI "kev" no job ends but the VM; the code is in the page cache by then. */
	if (!ret && !abi)
		ret = kt_vm_do(vm, 0, &warm, NULL);
	return ret;
}

FIXTURE_SETUP(slow)
{
	kt_image_init(&self->image, PAGES);
	const struct kt_fuse_file file = {
		.size = self->image.size,
		.fill = kt_image_fill,
		.arg = &self->image,
	};
	struct stat st;

	ASSERT_EQ(0, kt_fuse_mount(&self->fuse, &file));
	self->fd = open(self->fuse.path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	/* The kernel asks for the size of a mount's root only now. */
	ASSERT_EQ(0, fstat(self->fd, &st));
	ASSERT_EQ(0, start_vm(self, &self->vm, NULL));
}

FIXTURE_TEARDOWN(slow)
{
	kt_vm_fini(&self->vm);
	close(self->fd);
	EXPECT_EQ(0, kt_fuse_unmount(&self->fuse));
}

/* A thread whose guest waits in the server for a page of data */
static int start_read(FIXTURE_DATA(slow) *self, struct kt_vm *vm, uint32_t vcpu, uint64_t page,
		      struct kt_runner *runner)
{
	const struct kt_job job = { .op = KT_READ, .address = DATA(page) };
	int ret;

	kt_fuse_hold(&self->fuse, true);
	ret = kt_vm_set(vm, vcpu, &job);
	if (!ret)
		ret = kt_runner_start(runner, vm->vcpu[vcpu], -1);
	if (!ret)
		kt_fuse_wait_held(&self->fuse, 1);
	return ret;
}

static bool has_read(const struct kt_vm *vm, uint32_t vcpu, uint64_t page)
{
	uint64_t word;

	return kt_vm_result(vm, vcpu, &word) && word == kt_image_word(page);
}

/* Let the server answer, and the guest's read succeed. */
static bool finish_read(FIXTURE_DATA(slow) *self, const struct kt_vm *vm, uint32_t vcpu,
			uint64_t page)
{
	kt_fuse_hold(&self->fuse, false);
	return !kt_run(vm->vcpu[vcpu]) && has_read(vm, vcpu, page);
}

/* Does a vCPU come forward: it counts in a page of RAM, which is mapped here. */
static bool counts(struct kt_vm *vm, uint32_t vcpu)
{
	const struct kt_job job = { .op = KT_COUNT, .address = KT_SCRATCH_GPA };
	struct kt_runner runner;
	volatile uint64_t *word;
	uint64_t start;

	word = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, vm->vm, KT_SCRATCH_GPA);
	if (word == MAP_FAILED || kt_vm_set(vm, vcpu, &job))
		return false;
	start = *word;
	if (kt_runner_start(&runner, vm->vcpu[vcpu], -1))
		return false;
	while (*word - start < STEPS)
		sched_yield();
	munmap((void *)word, KT_PAGE);
	return kt_runner_kick(&runner) == -EINTR;
}

TEST_F(slow, others_go_on)
{
	const struct kt_job ready = { .op = KT_READ, .address = DATA(1) };
	struct kt_runner runner;
	struct kt_vm other;
	char byte;

	ASSERT_EQ(0, start_vm(self, &other, NULL));
	/* A page that is in the page cache already */
	ASSERT_EQ(1, pread(self->fd, &byte, 1, KT_DATA_OFFSET + KT_PAGE));
	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &runner));

	/* Another vCPU of the VM, and another VM: they run, and load pages. */
	EXPECT_TRUE(counts(&self->vm, 1));
	EXPECT_EQ(0, kt_vm_do(&self->vm, 1, &ready, NULL));
	EXPECT_TRUE(has_read(&self->vm, 1, 1));
	EXPECT_TRUE(counts(&other, 0));
	EXPECT_EQ(0, kt_vm_do(&other, 0, &ready, NULL));
	EXPECT_TRUE(has_read(&other, 0, 1));

	/* One waits still. */
	EXPECT_EQ(0, kt_fuse_page_reads(&self->fuse, FILE_PAGE(2)));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, kt_runner_join(&runner));
	EXPECT_TRUE(has_read(&self->vm, 0, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
	kt_vm_fini(&other);
}

/* The wait ends with RUN; the read goes on, and what it brings is taken at the next RUN. */
TEST_F(slow, signal)
{
	uint64_t files = kt_vm_stats(self->vm.vm).file_pages;
	struct kt_runner runner;

	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &runner));
	ASSERT_EQ(0, pthread_kill(runner.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_NONE, self->vm.run[0]->kind);
	EXPECT_EQ(files, kt_vm_stats(self->vm.vm).file_pages);
	EXPECT_TRUE(finish_read(self, &self->vm, 0, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
}

TEST_F(slow, kick)
{
	struct kt_runner runner;

	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &runner));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_TRUE(finish_read(self, &self->vm, 0, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
}

/* HaltCpu of one vCPU: the one that waits hears of it. */
TEST_F(slow, end_of_the_vm)
{
	const struct kt_job end = { .op = KT_END, .value = 0xcafe };
	struct kt_runner runner;
	struct kt_vm vm;

	ASSERT_EQ(0, start_vm(self, &vm, "kev"));
	ASSERT_EQ(0, start_read(self, &vm, 0, 0, &runner));
	ASSERT_EQ(0, kt_vm_set(&vm, 1, &end));
	EXPECT_EQ(0, kt_run(vm.vcpu[1]));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, vm.run[1]->kind);
	EXPECT_EQ(0, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, vm.run[0]->kind);
	EXPECT_EQ(0xcafe, vm.run[0]->exit_code);
	kt_vm_fini(&vm);
	kt_fuse_hold(&self->fuse, false);
}

TEST_F(slow, two_vcpus_one_read)
{
	const struct kt_job job = { .op = KT_READ, .address = DATA(0) + 8 };
	struct kt_runner first, second;
	uint64_t faults, files, word;

	files = kt_vm_stats(self->vm.vm).file_pages;
	faults = kt_vcpu_stats(self->vm.vcpu[1]).memory;
	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &first));
	ASSERT_EQ(0, kt_vm_set(&self->vm, 1, &job));
	ASSERT_EQ(0, kt_runner_start(&second, self->vm.vcpu[1], -1));
	kt_wait_memory(self->vm.vcpu[1], faults);
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, kt_runner_join(&first));
	EXPECT_EQ(0, kt_runner_join(&second));
	EXPECT_TRUE(has_read(&self->vm, 0, 0));
	EXPECT_TRUE(kt_vm_result(&self->vm, 1, &word));
	EXPECT_EQ(kt_image_word(0) + 8, word);
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
	EXPECT_EQ(files + 1, kt_vm_stats(self->vm.vm).file_pages);
}

/* The one that reads is called away: the other one takes over. */
TEST_F(slow, reader_leaves)
{
	const struct kt_job job = { .op = KT_READ, .address = DATA(0) };
	struct kt_runner first, second;
	uint64_t faults = kt_vcpu_stats(self->vm.vcpu[1]).memory;

	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &first));
	ASSERT_EQ(0, kt_vm_set(&self->vm, 1, &job));
	ASSERT_EQ(0, kt_runner_start(&second, self->vm.vcpu[1], -1));
	kt_wait_memory(self->vm.vcpu[1], faults);
	EXPECT_EQ(-EINTR, kt_runner_kick(&first));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, kt_runner_join(&second));
	EXPECT_TRUE(has_read(&self->vm, 1, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
}

TEST_F(slow, server_errors)
{
	const struct kt_job good = { .op = KT_READ, .address = DATA(1) };
	const struct kt_job bad = { .op = KT_READ, .address = DATA(0) + 16 };
	const struct kev_run *run = self->vm.run[0];
	uint64_t resident, word;

	ASSERT_EQ(0, kt_vm_do(&self->vm, 0, &good, NULL));
	resident = kt_vm_stats(self->vm.vm).resident_pages;
	kt_fuse_fail(&self->fuse, ENODATA);
	ASSERT_EQ(0, kt_vm_set(&self->vm, 0, &bad));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vm.vcpu[0]));
		ASSERT_EQ(KEV_EXIT_MEMORY_ERROR, run->kind);
		EXPECT_EQ(EIO, run->error);
		EXPECT_EQ(DATA(0) + 16, run->memory.gpa);
		EXPECT_EQ(KEV_MEM_READ, run->memory.access);
		EXPECT_EQ(KEV_REGION_IMAGE, run->memory.kind);
		EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, run->flags);
		EXPECT_EQ(resident, kt_vm_stats(self->vm.vm).resident_pages);
	}
	/* Other pages are as they were. */
	EXPECT_EQ(0, kt_vm_do(&self->vm, 1, &good, NULL));
	EXPECT_TRUE(has_read(&self->vm, 1, 1));

	kt_fuse_fail(&self->fuse, 0);
	ASSERT_EQ(0, kt_run(self->vm.vcpu[0]));
	ASSERT_TRUE(kt_vm_result(&self->vm, 0, &word));
	EXPECT_EQ(kt_image_word(0) + 16, word);
}

/* Touches the VM's memory through a mapping, as any code of the VMM might */
struct toucher {
	pthread_t thread;
	const volatile uint64_t *word;
	uint64_t value;
};

static void *toucher_main(void *arg)
{
	struct toucher *toucher = arg;

	toucher->value = *toucher->word;
	return NULL;
}

/* Who waits in a mapping keeps nobody from changing the address space. */
TEST_F(slow, mapping)
{
	struct toucher toucher;
	void *map, *other;

	map = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, self->vm.vm, DATA(0));
	ASSERT_NE(MAP_FAILED, map);
	toucher.word = map;
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, pthread_create(&toucher.thread, NULL, toucher_main, &toucher));
	kt_fuse_wait_held(&self->fuse, 1);

	other = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	*(volatile char *)other = 1;
	EXPECT_EQ(0, munmap(other, KT_PAGE));

	kt_fuse_hold(&self->fuse, false);
	ASSERT_EQ(0, pthread_join(toucher.thread, NULL));
	EXPECT_EQ(kt_image_word(0), toucher.value);
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
	EXPECT_EQ(0, munmap(map, KT_PAGE));
}

/* Nor does it keep those who look at the process from outside, as ps does with its arguments. */
TEST_F(slow, looked_at)
{
	uint64_t word;
	void *map;
	int mem;

	map = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, self->vm.vm, DATA(0));
	ASSERT_NE(MAP_FAILED, map);
	mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, mem);
	kt_fuse_hold(&self->fuse, true);
	EXPECT_EQ(-1, pread(mem, &word, sizeof(word), (uintptr_t)map));
	EXPECT_EQ(EIO, errno);

	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(kt_image_word(0), *(volatile uint64_t *)map);
	EXPECT_EQ(sizeof(word), pread(mem, &word, sizeof(word), (uintptr_t)map));
	EXPECT_EQ(kt_image_word(0), word);
	close(mem);
	EXPECT_EQ(0, munmap(map, KT_PAGE));
}

/* A system call of this thread touches the memory, and a signal comes that does not kill. */
struct writer {
	struct kt_runner runner;	/* only its thread */
	const void *from;
	int to;
	ssize_t ret;
};

static void *writer_main(void *arg)
{
	struct writer *writer = arg;

	__atomic_store_n(&writer->runner.tid, gettid(), __ATOMIC_RELEASE);
	writer->ret = write(writer->to, writer->from, 8);
	return NULL;
}

static volatile int signals;

static void count_signal(int signal)
{
	signals += signal == SIGUSR1;
}

/*
 * However often the fault of a system call starts anew: it does not wait with the lock that
 * mmap() and whoever looks at the process want. The signal is handled behind the call.
 */
TEST_F(slow, signal_in_a_system_call)
{
	const struct sigaction action = { .sa_handler = count_signal };
	struct writer writer = {};
	void *map, *other;
	uint64_t word = 0;
	bool asleep = false;
	int pipes[2];

	signals = 0;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	map = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, self->vm.vm, DATA(0));
	ASSERT_NE(MAP_FAILED, map);
	writer.from = map;
	writer.to = pipes[1];
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, pthread_create(&writer.runner.thread, NULL, writer_main, &writer));
	kt_fuse_wait_held(&self->fuse, 1);
	kt_runner_wait_asleep(&writer.runner);
	ASSERT_EQ(0, pthread_kill(writer.runner.thread, SIGUSR1));
	/* Where the signal ends the first wait, it waits again soon. */
	for (int i = 0; i < 100 && !asleep; i++) {
		usleep(1000);
		asleep = kt_runner_is_asleep(&writer.runner);
	}
	EXPECT_TRUE(asleep);

	other = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	EXPECT_EQ(0, munmap(other, KT_PAGE));
	kt_fuse_hold(&self->fuse, false);
	ASSERT_EQ(0, pthread_join(writer.runner.thread, NULL));
	EXPECT_EQ(8, writer.ret);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(8, read(pipes[0], &word, sizeof(word)));
	EXPECT_EQ(kt_image_word(0), word);
	EXPECT_EQ(0, munmap(map, KT_PAGE));
	close(pipes[0]);
	close(pipes[1]);
}

/* The server fails: the system call and the program's own access are told, and later neither. */
TEST_F(slow, error_in_a_mapping)
{
	uint64_t word;
	uint8_t byte;
	int pipes[2];
	void *map;

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	map = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, self->vm.vm, DATA(0));
	ASSERT_NE(MAP_FAILED, map);
	kt_fuse_fail(&self->fuse, ENODATA);
	EXPECT_EQ(-1, write(pipes[1], map, sizeof(word)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(SIGBUS, kt_peek(map, &byte));
	kt_fuse_fail(&self->fuse, 0);
	EXPECT_EQ(8, write(pipes[1], map, sizeof(word)));
	EXPECT_EQ(8, read(pipes[0], &word, sizeof(word)));
	EXPECT_EQ(kt_image_word(0), word);
	EXPECT_EQ(0, munmap(map, KT_PAGE));
	close(pipes[0]);
	close(pipes[1]);
}

/* FUTEX_WAKE_OP makes a page present by a way that cannot drop the lock: it does not wait. */
TEST_F(slow, futex)
{
	uint32_t here = 0;
	uint32_t *map;

	map = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, self->vm.vm, DATA(0));
	ASSERT_NE(MAP_FAILED, map);
	kt_fuse_hold(&self->fuse, true);
	EXPECT_EQ(-1, syscall(SYS_futex, &here, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1, map,
			      FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)));
	EXPECT_EQ(EFAULT, errno);
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ((uint32_t)kt_image_word(0), *(volatile uint32_t *)map);
	EXPECT_EQ(0, syscall(SYS_futex, &here, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1, map,
			     FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)));
	EXPECT_EQ((uint32_t)kt_image_word(0) + 1, *(volatile uint32_t *)map);
	EXPECT_EQ(0, munmap(map, KT_PAGE));
}

/* ---- reads of one user at a time ---- */

#define USER_READS	32
#define READERS		(PAGES - 1)
#define IMAGE_READS	16	/* so many pages in a region, which is an image of its own */
#define REGION_GPA	(64 * KT_MIB)
#define NOBODY		65534

struct reader {
	struct kt_runner runner;	/* only its thread */
	int vm;
	uint64_t gpa, word;
	long ret;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	__atomic_store_n(&reader->runner.tid, gettid(), __ATOMIC_RELEASE);
	reader->ret = kt_read_guest(reader->vm, reader->gpa, &reader->word, 8);
	return NULL;
}

/* In a child, as somebody else: wait for a page of data, as in a VM of the test's user. */
static void read_as_nobody(int kev, int fd)
{
	uint64_t word;
	int vm;

	if (setuid(NOBODY))
		_exit(2);
	vm = kt_create_plain_vm(kev);
	if (vm < 0 || kt_add_file(vm, REGION_GPA, KT_PAGE, fd,
				  KT_DATA_OFFSET + READERS * KT_PAGE, KT_PAGE))
		_exit(3);
	if (kt_read_guest(vm, REGION_GPA, &word, 8) != 8)
		_exit(4);
	_exit(word != kt_image_word(READERS));
}

/* The first @nr pages of data, in as many images as it takes */
static int add_pages(FIXTURE_DATA(slow) *self, int vm, uint64_t nr)
{
	int ret = 0;

	for (uint64_t page = 0; !ret && page < nr; page += IMAGE_READS) {
		uint64_t size = KT_PAGE * (nr - page < IMAGE_READS ? nr - page : IMAGE_READS);

		ret = kt_add_file(vm, REGION_GPA + page * KT_PAGE, size, self->fd,
				  KT_DATA_OFFSET + page * KT_PAGE, size);
	}
	return ret;
}

/* A thread for each of them, which waits */
static int start_readers(struct reader *reader, int vm, uint64_t nr)
{
	for (uint64_t page = 0; page < nr; page++) {
		reader[page].vm = vm;
		reader[page].gpa = REGION_GPA + page * KT_PAGE;
		if (pthread_create(&reader[page].runner.thread, NULL, reader_main, &reader[page]))
			return -1;
		kt_runner_wait_asleep(&reader[page].runner);
	}
	return 0;
}

/* Have they read what is there */
static int join_readers(struct reader *reader, uint64_t nr)
{
	int ret = 0;

	for (uint64_t page = 0; page < nr; page++)
		if (pthread_join(reader[page].runner.thread, NULL) || reader[page].ret != 8 ||
		    reader[page].word != kt_image_word(page))
			ret = -1;
	return ret;
}

/* Who waits for a page of a region that goes, waits no more, nor does who comes after him. */
TEST_F(slow, region_goes)
{
	struct reader reader = {};
	uint64_t word = 1;

	ASSERT_EQ(0, add_pages(self, self->vm.vm, 1));
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, start_readers(&reader, self->vm.vm, 1));
	kt_fuse_wait_held(&self->fuse, 1);
	ASSERT_EQ(0, kt_remove_region(self->vm.vm, REGION_GPA, KT_PAGE));
	EXPECT_EQ(0, pthread_join(reader.runner.thread, NULL));
	EXPECT_EQ(-ENOENT, reader.ret);
	EXPECT_EQ(0, kt_add_ram(self->vm.vm, REGION_GPA, KT_PAGE));
	EXPECT_EQ(8, kt_read_guest(self->vm.vm, REGION_GPA, &word, 8));
	EXPECT_EQ(0, word);
	kt_fuse_hold(&self->fuse, false);
}

/* A user has so many reads under way, in however many images; another has his own. */
TEST_F(slow, reads_of_a_user)
{
	struct reader reader[READERS] = {};
	uint64_t before = kt_fuse_reads(&self->fuse);
	int kev = kt_open(), vm = kt_create_plain_vm(kev), status;
	pid_t pid;

	ASSERT_LE(0, vm);
	ASSERT_EQ(0, add_pages(self, vm, READERS));
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, start_readers(reader, vm, READERS));
	kt_fuse_wait_held(&self->fuse, USER_READS);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		read_as_nobody(kev, self->fd);
	while (!kt_fuse_page_reads(&self->fuse, FILE_PAGE(READERS)))
		sched_yield();
	EXPECT_EQ(before + USER_READS + 1, kt_fuse_reads(&self->fuse));

	/* Who has waited for a place gets it. */
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, join_readers(reader, READERS));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(vm);
	close(kev);
}

/* Servers that hang have all places of a user: his reads of disks go on. */
TEST_F(slow, disks_of_a_user)
{
	struct reader reader[USER_READS] = {};
	int vm = kt_create_plain_vm(self->vm.kev), disk;
	uint64_t word = 0x1234;

	ASSERT_LE(0, vm);
	ASSERT_EQ(0, kt_mount_disk());
	disk = open("/disk/kevtest", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_EQ(8, pwrite(disk, &word, sizeof(word), 0));
	ASSERT_EQ(0, ftruncate(disk, KT_PAGE));
	ASSERT_EQ(0, fsync(disk));
	ASSERT_EQ(0, posix_fadvise(disk, 0, 0, POSIX_FADV_DONTNEED));
	close(disk);
	disk = open("/disk/kevtest", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, add_pages(self, vm, USER_READS));
	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, start_readers(reader, vm, USER_READS));
	kt_fuse_wait_held(&self->fuse, USER_READS);

	ASSERT_EQ(0, kt_add_file(vm, 2 * REGION_GPA, KT_PAGE, disk, 0, KT_PAGE));
	word = 0;
	EXPECT_EQ(8, kt_read_guest(vm, 2 * REGION_GPA, &word, 8));
	EXPECT_EQ(0x1234, word);
	EXPECT_EQ(1, kt_vm_stats(vm).read_pages);

	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, join_readers(reader, USER_READS));
	close(vm);
	close(disk);
	EXPECT_EQ(0, unlink("/disk/kevtest"));
}

/* ---- processes that end while a read hangs ---- */

/* In a child: a guest waits for the server until the process is killed. */
static void hang(struct kt_vm *vm)
{
	const struct kt_job job = { .op = KT_READ, .address = DATA(0) };

	if (!kt_vm_set(vm, 0, &job))
		kt_run(vm->vcpu[0]);
	_exit(1);
}

/* A child with a VM, while the server does not answer. Returns as fork(). */
static pid_t fork_vm(FIXTURE_DATA(slow) *self, struct kt_vm *vm)
{
	pid_t pid;

	kt_fuse_hold(&self->fuse, true);
	pid = fork();
	if (!pid && start_vm(self, vm, NULL))
		_exit(2);
	return pid;
}

TEST_F(slow, kill_while_a_read_hangs)
{
	struct kt_vm vm;
	int status;
	pid_t pid;

	pid = fork_vm(self, &vm);
	ASSERT_LE(0, pid);
	if (!pid)
		hang(&vm);
	kt_fuse_wait_held(&self->fuse, 1);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* The server has not answered yet. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* Who comes next gets the page by the same read. */
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, kt_vm_do(&self->vm, 0, &(struct kt_job){ KT_READ, .address = DATA(0) },
			      NULL));
	EXPECT_TRUE(has_read(&self->vm, 0, 0));
	EXPECT_EQ(1, kt_fuse_page_reads(&self->fuse, FILE_PAGE(0)));
}

/* The kernel's own last accesses for a task that ends: nothing could kill it there. */
TEST_F(slow, exit_touches)
{
	struct kt_vm vm;
	int status;
	void *map;
	pid_t pid;

	pid = fork_vm(self, &vm);
	ASSERT_LE(0, pid);
	if (!pid) {
		map = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vm.vm, DATA(0));
		if (map == MAP_FAILED ||
		    syscall(SYS_set_robust_list, map, sizeof(struct robust_list_head)))
			_exit(3);
		_exit(0);
	}
	/* The server has not answered yet. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	kt_fuse_hold(&self->fuse, false);
}

/* The owner is dead; a process that only has the descriptors closes them. */
TEST_F(slow, last_user_is_another_process)
{
	int go[2], status;
	struct kt_vm vm;
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(go));
	pid = fork_vm(self, &vm);
	ASSERT_LE(0, pid);
	if (!pid) {
		if (!fork()) {
			close(go[1]);
			/* End of file: the test has closed it, and so has the owner. */
			if (read(go[0], &byte, 1))
				_exit(3);
			kt_vm_fini(&vm);
			kt_fuse_hold(&self->fuse, false);
			_exit(0);
		}
		hang(&vm);
	}
	kt_fuse_wait_held(&self->fuse, 1);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(go[1]);
	/* It ends the hold only after its close has returned. */
	EXPECT_EQ(0, kt_vm_do(&self->vm, 0, &(struct kt_job){ KT_READ, .address = DATA(0) },
			      NULL));
	EXPECT_TRUE(has_read(&self->vm, 0, 0));
	close(go[0]);
}

/* The read is the module's last user, and keeps it. */
TEST_F(slow, module_stays_for_the_read)
{
	struct kt_runner runner;

	ASSERT_EQ(0, start_read(self, &self->vm, 0, 0, &runner));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	kt_vm_fini(&self->vm);
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	kt_fuse_hold(&self->fuse, false);
	while (kt_read_number("/sys/module/kev/refcnt") > 0)
		sched_yield();
	EXPECT_EQ(0, kt_unload_module("kev"));
	EXPECT_EQ(0, kt_load_module("/kev.ko"));
}

TEST_HARNESS_MAIN
