// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_CREATE_VCPU, the mapping of the run page, and statistics of a VM's
 * vCPUs. Guards the limits on ids and numbers, and that the run page is one
 * page that only its process can map, as a whole and shared.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kevtest.h"

#define MAX_VCPUS	64
#define MAX_VCPU_ID	254

FIXTURE(vcpu) {
	int kev, vm;
};

FIXTURE_SETUP(vcpu)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->vm = kt_create_vm(self->kev, 0, NULL);
	ASSERT_LE(0, self->vm);
}

FIXTURE_TEARDOWN(vcpu)
{
	close(self->vm);
	close(self->kev);
}

static const struct {
	const char *name;
	struct kev_create_vcpu args;
	int result;	/* 0: a descriptor */
} cases[] = {
	{ "id 0", { .id = 0 }, 0 },
	{ "id 0 again", { .id = 0 }, -EEXIST },
	{ "id 1", { .id = 1 }, 0 },
	{ "sparse id", { .id = 100 }, 0 },
	{ "last id", { .id = MAX_VCPU_ID }, 0 },
	{ "last id again", { .id = MAX_VCPU_ID }, -EEXIST },
	{ "id 255", { .id = MAX_VCPU_ID + 1 }, -EINVAL },
	{ "id 256", { .id = 256 }, -EINVAL },
	{ "greatest id", { .id = ~0U }, -EINVAL },
	{ "flags", { .id = 7, .flags = 1 }, -EINVAL },
	{ "last flag", { .id = 7, .flags = 1U << 31 }, -EINVAL },
	{ "reserved", { .id = 7, .reserved = 1 }, -EINVAL },
	{ "id 7 after all that", { .id = 7 }, 0 },
};

TEST_F(vcpu, ids)
{
	struct kev_create_vcpu args;
	uint32_t made = 0;
	long fd;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		args = cases[i].args;
		args.size = sizeof(args);
		fd = kt_ioctl(self->vm, KEV_VM_CREATE_VCPU, &args);
		EXPECT_EQ(cases[i].result, fd < 0 ? fd : 0) {
			TH_LOG("%s", cases[i].name);
		}
		if (fd < 0)
			continue;
		made++;
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	}
	EXPECT_EQ(made, kt_vm_stats(self->vm).vcpus);
}

TEST_F(vcpu, number)
{
	int fds[MAX_VCPUS];

	for (int i = 0; i < MAX_VCPUS; i++) {
		fds[i] = kt_create_vcpu(self->vm, i * 3);
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-ENOSPC, kt_create_vcpu(self->vm, 1));
	/* The id is looked at first: who asks for one that is there learns that. */
	EXPECT_EQ(-EEXIST, kt_create_vcpu(self->vm, 0));
	/* One that is closed makes room, and its id is free again. */
	close(fds[5]);
	fds[5] = kt_create_vcpu(self->vm, 15);
	EXPECT_LE(0, fds[5]);
	EXPECT_EQ(-ENOSPC, kt_create_vcpu(self->vm, 1));
	EXPECT_EQ(MAX_VCPUS + 1, kt_vm_stats(self->vm).vcpus);
	for (int i = 0; i < MAX_VCPUS; i++)
		close(fds[i]);
}

TEST_F(vcpu, own_ids_in_other_vms)
{
	int other = kt_create_vm(self->kev, 0, NULL);

	EXPECT_LE(0, kt_create_vcpu(self->vm, 3));
	EXPECT_LE(0, kt_create_vcpu(other, 3));
	EXPECT_EQ(1, kt_vm_stats(self->vm).vcpus);
	EXPECT_EQ(1, kt_vm_stats(other).vcpus);
}

/* HaltCpu with the id that RSI and CPUID give; -1 where they differ */
KT_CODE(tells_id,
	"mov %rsi, %r12\n"
	"mov $1, %eax\n"
	"cpuid\n"
	"shr $24, %ebx\n"
	"mov $-1, %rdi\n"
	"cmp %r12, %rbx\n"
	"cmove %r12, %rdi\n"
	KT_HALT);

TEST_F(vcpu, guest_knows_its_id)
{
	const uint32_t ids[] = { 0, 1, 63, 64, 100, MAX_VCPU_ID };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		size_t size = tells_id.end - tells_id.start;
		int vm = kt_create_vm(self->kev, 0, NULL);
		struct kev_run *run;
		struct kt_elf elf;
		int image, vcpu;

		kt_elf_init(&elf, size);
		image = kt_elf_file(&elf, tells_id.start, size);
		ASSERT_EQ(0, kt_attach(vm, image, KEV_BOOT_DIRECT64, KT_RAM_KIB));
		vcpu = kt_create_vcpu(vm, ids[i]);
		ASSERT_LE(0, vcpu);
		run = kt_map_run(vcpu);
		ASSERT_NE(NULL, run);
		EXPECT_EQ(0, kt_run(vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
		EXPECT_EQ(ids[i], run->exit_code);
		EXPECT_EQ(ids[i], run->vcpu_id);
		EXPECT_EQ(ids[i], kt_status(vm).vcpu_id);
		kt_unmap_run(run);
		close(vcpu);
		close(vm);
		close(image);
	}
}

static int map(int fd, size_t length, int prot, int flags, off_t offset)
{
	void *page = mmap(NULL, length, prot, flags, fd, offset);

	if (page == MAP_FAILED)
		return -errno;
	munmap(page, length);
	return 0;
}

TEST_F(vcpu, mapping)
{
	const int rw = PROT_READ | PROT_WRITE;
	const struct {
		const char *name;
		size_t length;
		int prot, flags;
		off_t offset;
		int result;
	} mappings[] = {
		{ "right", KT_PAGE, rw, MAP_SHARED, 0, 0 },
		{ "validated", KT_PAGE, rw, MAP_SHARED_VALIDATE, 0, 0 },
		{ "read-only", KT_PAGE, PROT_READ, MAP_SHARED, 0, 0 },
		{ "less than a page", 100, rw, MAP_SHARED, 0, 0 },
		{ "private", KT_PAGE, rw, MAP_PRIVATE, 0, -EINVAL },
		{ "two pages", 2 * KT_PAGE, rw, MAP_SHARED, 0, -EINVAL },
		{ "a page and a byte", KT_PAGE + 1, rw, MAP_SHARED, 0, -EINVAL },
		{ "second page", KT_PAGE, rw, MAP_SHARED, KT_PAGE, -EINVAL },
		{ "last page", KT_PAGE, rw, MAP_SHARED, 0x7fffffffffff000 & ~0xfff, -EINVAL },
		{ "two pages from the second", 2 * KT_PAGE, rw, MAP_SHARED, KT_PAGE, -EINVAL },
	};
	int vcpu = kt_create_vcpu(self->vm, 0);

	ASSERT_LE(0, vcpu);
	for (size_t i = 0; i < ARRAY_SIZE(mappings); i++) {
		EXPECT_EQ(mappings[i].result,
			  map(vcpu, mappings[i].length, mappings[i].prot, mappings[i].flags,
			      mappings[i].offset)) {
			TH_LOG("%s", mappings[i].name);
		}
	}
	EXPECT_EQ(-ENODEV, map(self->kev, KT_PAGE, rw, MAP_SHARED, 0));
}

/* All mappings are one page, fresh and clear at first, and it cannot grow. */
TEST_F(vcpu, run_page)
{
	const uint8_t zeros[KT_PAGE] = { 0 };
	int vcpu = kt_create_vcpu(self->vm, 0);
	struct kev_run *first, *second;

	ASSERT_LE(0, vcpu);
	first = kt_map_run(vcpu);
	second = kt_map_run(vcpu);
	ASSERT_NE(NULL, first);
	ASSERT_NE(NULL, second);
	EXPECT_EQ(0, memcmp(first, zeros, KT_PAGE));
	first->request = 0x12345678;
	EXPECT_EQ(0x12345678, second->request);
	EXPECT_EQ(MAP_FAILED, mremap(first, KT_PAGE, 2 * KT_PAGE, MREMAP_MAYMOVE));
	/* It outlives the descriptor; nobody writes it any more. */
	close(vcpu);
	EXPECT_EQ(0x12345678, first->request);
	kt_unmap_run(first);
	EXPECT_EQ(0x12345678, second->request);
	kt_unmap_run(second);
}

/* Whatever the process has asked for, its child gets no page that it may not run with. */
TEST_F(vcpu, run_page_of_a_child)
{
	int status, vcpu = kt_create_vcpu(self->vm, 0);
	struct kev_run *run;
	uint8_t byte;
	pid_t pid;

	ASSERT_LE(0, vcpu);
	for (int i = 0; i < 2; i++) {
		run = kt_map_run(vcpu);
		ASSERT_NE(NULL, run);
		run->request = 0;
		if (i)
			madvise(run, KT_PAGE, MADV_DOFORK);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(kt_peek((uint8_t *)run, &byte) ? 0 : 1);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		kt_unmap_run(run);
	}
	close(vcpu);
}

/* Nobody else gets the page while no process has it mapped. */
TEST_F(vcpu, run_page_between_mappings)
{
	const size_t much = 4096 * KT_PAGE;
	int vcpu = kt_create_vcpu(self->vm, 0);
	struct kev_run *run;
	void *others;

	ASSERT_LE(0, vcpu);
	run = kt_map_run(vcpu);
	ASSERT_NE(NULL, run);
	run->request = 0x12345678;
	kt_unmap_run(run);
	others = mmap(NULL, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, others);
	memset(others, 0xaa, much);
	run = kt_map_run(vcpu);
	ASSERT_NE(NULL, run);
	EXPECT_EQ(0x12345678, run->request);
	kt_unmap_run(run);
	munmap(others, much);
	close(vcpu);
}

/* A mapping is a reference to the vCPU, as its descriptors are. */
TEST_F(vcpu, mapping_keeps_the_vcpu)
{
	int vcpu = kt_create_vcpu(self->vm, 0);
	struct kev_run *run;

	ASSERT_LE(0, vcpu);
	run = kt_map_run(vcpu);
	ASSERT_NE(NULL, run);
	close(vcpu);
	EXPECT_EQ(-EEXIST, kt_create_vcpu(self->vm, 0));
	kt_unmap_run(run);
	EXPECT_LE(0, kt_create_vcpu(self->vm, 0));
}

/* Reports for ever */
KT_CODE(puts_out, "1: out %al, $0x80\n jmp 1b");

/* A VM's sum keeps what vCPUs did that are gone. */
TEST_F(vcpu, statistics)
{
	struct kev_vcpu_stats first, second;
	struct kev_vm_stats sum;
	struct kt_guest guest;
	int vcpu;

	ASSERT_EQ(0, kt_guest_init(&guest, &puts_out, 0, NULL));
	EXPECT_EQ(0, kt_vcpu_stats(guest.vcpu).entries);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
	}
	first = kt_vcpu_stats(guest.vcpu);
	EXPECT_EQ(3, first.reports);
	EXPECT_EQ(3, first.io);
	EXPECT_EQ(first.entries, first.exits);
	EXPECT_EQ(first.exits, first.cpuid + first.msr + first.hypercall + first.memory +
		  first.io + first.interrupt + first.nmi + first.other);
	EXPECT_EQ(0, first.kicks);

	vcpu = kt_create_vcpu(guest.vm, 1);
	ASSERT_LE(0, vcpu);
	ASSERT_EQ(0, kt_run(vcpu));
	second = kt_vcpu_stats(vcpu);
	EXPECT_EQ(1, second.reports);
	sum = kt_vm_stats(guest.vm);
	EXPECT_EQ(4, sum.vcpu.reports);
	EXPECT_EQ(first.exits + second.exits, sum.vcpu.exits);
	EXPECT_EQ(0, sum.vcpu.size);
	close(vcpu);
	EXPECT_EQ(4, kt_vm_stats(guest.vm).vcpu.reports);
	EXPECT_EQ(sum.vcpu.exits, kt_vm_stats(guest.vm).vcpu.exits);
	EXPECT_EQ(2, kt_vm_stats(guest.vm).vcpus);
	kt_guest_fini(&guest);
}

/* The pages of a guest of one page of code that touches nothing else */
TEST_F(vcpu, memory_statistics)
{
	struct kev_vm_stats stats;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_hlt, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	stats = kt_vm_stats(guest.vm);
	EXPECT_EQ(1, stats.image_pages);
	EXPECT_EQ(1, stats.file_pages);
	EXPECT_EQ(kt_hlt.end - kt_hlt.start, stats.file_bytes);
	EXPECT_EQ(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), stats.header_bytes);
	EXPECT_EQ(0, stats.ram_pages);
	/* PML4, PDPT and the first page directory */
	EXPECT_EQ(3, stats.boot_pages);
	EXPECT_EQ(4, stats.resident_pages);
	EXPECT_EQ(4, stats.faults);
	/* All of it is there before the first entry. */
	EXPECT_EQ(0, stats.vcpu.memory);
	/* One table for each level: all lies in the first 2 MiB. */
	EXPECT_EQ(4, stats.table_pages);
	kt_guest_fini(&guest);
}

static const struct {
	const char *name;
	unsigned long cmd;
	bool vcpu;
} flagged[] = {
	{ "KEV_VM_STATUS", KEV_VM_STATUS, false },
	{ "KEV_VM_STATS", KEV_VM_STATS, false },
	{ "KEV_VM_COUNTERS", KEV_VM_COUNTERS, false },
	{ "KEV_VCPU_STATS", KEV_VCPU_STATS, true },
	{ "KEV_VCPU_COUNTERS", KEV_VCPU_COUNTERS, true },
};

/* A vCPU that user space has put elsewhere brings no page along before it touches it. */
TEST_F(vcpu, state_before_the_start)
{
	struct kev_vcpu_state state = { 0 };
	struct kev_vm_stats stats;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_hlt, 0, NULL));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	stats = kt_vm_stats(guest.vm);
	EXPECT_EQ(4, stats.resident_pages);
	EXPECT_EQ(4, stats.vcpu.memory);
	kt_guest_fini(&guest);
}

/* Nor does a second vCPU, which finds them there. */
TEST_F(vcpu, second_start)
{
	struct kt_guest guest;
	int vcpu;

	ASSERT_EQ(0, kt_guest_init(&guest, &puts_out, 0, NULL));
	vcpu = kt_create_vcpu(guest.vm, 1);
	ASSERT_LE(0, vcpu);
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(0, kt_run(vcpu));
	EXPECT_EQ(4, kt_vm_stats(guest.vm).faults);
	EXPECT_EQ(0, kt_vm_stats(guest.vm).vcpu.memory);
	close(vcpu);
	kt_guest_fini(&guest);
}

/* Objects are used again: nothing of the one before is in a new one. */
#define LIVES	64
#define RAM_GPA	(KT_CODE_GPA + KT_MIB / 2)

TEST_F(vcpu, nothing_is_left)
{
	struct kev_vcpu_state state = { 0 };

	for (int i = 0; i < LIVES; i++) {
		struct kev_vm_stats stats;
		struct kt_guest guest;
		uint64_t word;

		ASSERT_EQ(0, kt_guest_init(&guest, &kt_hlt, 0, NULL));
		stats = kt_vm_stats(guest.vm);
		ASSERT_EQ(0, stats.vcpu.entries + stats.vcpu.exits + stats.faults +
			     stats.resident_pages);
		ASSERT_EQ(1, stats.table_pages);
		ASSERT_EQ(0, kt_vcpu_stats(guest.vcpu).kicks);
		ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
		ASSERT_EQ(0, state.gprs.gpr[KEV_R15]);
		for (uint64_t gpa = RAM_GPA; gpa < RAM_GPA + 4 * KT_PAGE; gpa += 512) {
			ASSERT_EQ(8, kt_read_guest(guest.vm, gpa, &word, 8));
			ASSERT_EQ(0, word);
			word = ~0ULL;
			ASSERT_EQ(8, kt_write_guest(guest.vm, gpa, &word, 8));
		}
		ASSERT_EQ(0, kt_run(guest.vcpu));
		state.gprs.gpr[KEV_R15] = ~0ULL;
		ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
		ASSERT_EQ(0, kt_ioctl(guest.vcpu, KEV_VCPU_KICK, NULL));
		ASSERT_EQ(-EINTR, kt_run(guest.vcpu));
		/* The VM's sum has it then. */
		close(guest.vcpu);
		guest.vcpu = -1;
		kt_guest_fini(&guest);
	}
}

TEST_F(vcpu, flags_of_statistics)
{
	int vcpu = kt_create_vcpu(self->vm, 0);
	struct kev_vm_stats args;	/* the largest of them */

	for (size_t i = 0; i < ARRAY_SIZE(flagged); i++) {
		for (int bit = 0; bit < 32; bit++) {
			memset(&args, 0, sizeof(args));
			args.size = sizeof(args);
			args.flags = 1U << bit;
			EXPECT_EQ(-EINVAL, kt_ioctl(flagged[i].vcpu ? vcpu : self->vm,
						    flagged[i].cmd, &args)) {
				TH_LOG("%s: bit %d", flagged[i].name, bit);
			}
		}
	}
}

TEST_HARNESS_MAIN
