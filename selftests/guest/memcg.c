// SPDX-License-Identifier: GPL-2.0
/*
 * A guest in a memory cgroup. Guards that its memory counts for whoever made the VM, that
 * a limit is a report which user space can act on, that it has nobody killed, that the
 * charge goes with the VM, and that pages kept for the next VM go to one that has paid for them.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "boot.h"
#include "vmem.h"

#define CGROUP		"/sys/fs/cgroup/kevtest"
#define LIMIT		(24 * KT_MIB)
#define RAM_SIZE	(64 * KT_MIB)
#define RAM_GPA		(512 * KT_MIB)
#define RAM_PAGES	(RAM_SIZE / KT_PAGE)
/* Charges are taken in batches of 64 pages for each CPU, and kept for later. */
#define TOLERANCE	(2 * KT_MIB)
/* Each needs a page-table page of its own. */
#define PLACES		128UL
#define PLACES_GPA	(1024 * KT_MIB)
#define FILE_NAME	"/disk/kevtest"
#define FILE_PAGES	64UL
#define FILE_GPA	(2048 * KT_MIB)

FIXTURE(memcg) {
	struct kt_image image;
	int fd, limit;
	struct kt_vm vm;
};

static int enter(const char *cgroup)
{
	char path[64], pid[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	snprintf(pid, sizeof(pid), "%d", getpid());
	return kt_write_file(path, pid);
}

/* By a file that is open: to open one at the limit would need memory of the group. */
static int set_limit(int fd, uint64_t bytes)
{
	char number[24];
	int n = snprintf(number, sizeof(number), "%lu", bytes);

	return pwrite(fd, number, n, 0) == n ? 0 : -errno;
}

static int64_t charged(void)
{
	return kt_read_number(CGROUP "/memory.current");
}

/* How often something happened to the group; -1: not known */
static long events(const char *what)
{
	char text[512], *at;
	int fd = open(CGROUP "/memory.events", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (n < 0)
		return -1;
	text[n] = 0;
	at = strstr(text, what);
	return at ? strtol(at + strlen(what), NULL, 10) : -1;
}

FIXTURE_SETUP(memcg)
{
	const struct kt_vm_options options = { .huge_pages = KEV_HUGE_NEVER };

	if (access("/sys/fs/cgroup/memory.stat", F_OK))
		SKIP(return, "no memory controller in /sys/fs/cgroup");
	kt_image_init(&self->image, 1);
	self->fd = memfd_create("kevtest", MFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, kt_image_write(&self->image, self->fd));
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	self->limit = open(CGROUP "/memory.max", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->limit);
	ASSERT_EQ(0, enter(CGROUP));
	ASSERT_EQ(0, kt_vm_init(&self->vm, &self->image, self->fd, &options));
	ASSERT_EQ(0, kt_add_ram(self->vm.vm, RAM_GPA, RAM_SIZE));
	ASSERT_EQ(0, kt_add_ram(self->vm.vm, PLACES_GPA, PLACES * 2 * KT_MIB));
}

FIXTURE_TEARDOWN(memcg)
{
	kt_vm_fini(&self->vm);
	close(self->fd);
	close(self->limit);
	EXPECT_EQ(0, enter("/sys/fs/cgroup"));
	EXPECT_EQ(0, rmdir(CGROUP));
}

static const struct kt_job fill = {
	.op = KT_FILL, .address = RAM_GPA, .value = 0x7000, .pages = RAM_PAGES, .step = 1,
};

/* From another cgroup: the VM's is that of its maker. */
TEST_F(memcg, creator_pays)
{
	int64_t before;

	ASSERT_EQ(0, enter("/sys/fs/cgroup"));
	before = charged();
	ASSERT_EQ(0, kt_vm_do(&self->vm, 0, &fill, NULL));
	EXPECT_LE((int64_t)(RAM_SIZE - TOLERANCE), charged() - before);
	EXPECT_GE((int64_t)(RAM_SIZE + TOLERANCE), charged() - before);
	/* What is given back is not charged any more, nor is what goes with the VM. */
	EXPECT_EQ(0, kt_discard(self->vm.vm, RAM_GPA, RAM_SIZE / 2));
	EXPECT_GE((int64_t)(RAM_SIZE / 2 + TOLERANCE), charged() - before);
	kt_vm_fini(&self->vm);
	EXPECT_GE((int64_t)TOLERANCE, charged() - before);
}

TEST_F(memcg, limit)
{
	const struct kev_run *run = self->vm.run[0];
	uint64_t word;

	ASSERT_EQ(0, enter("/sys/fs/cgroup"));
	ASSERT_EQ(0, set_limit(self->limit, LIMIT));
	ASSERT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &fill, NULL));
	ASSERT_EQ(KEV_EXIT_MEMORY_ERROR, run->kind);
	EXPECT_EQ(ENOMEM, run->error);
	EXPECT_EQ(KEV_MEM_WRITE, run->memory.access);
	EXPECT_EQ(KEV_REGION_RAM, run->memory.kind);
	EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, run->flags);
	EXPECT_LT(RAM_GPA + LIMIT / 2, run->memory.gpa);
	EXPECT_GT(RAM_GPA + LIMIT, run->memory.gpa);
	EXPECT_GE((int64_t)LIMIT, charged());
	EXPECT_LT(0, events("max "));
	EXPECT_EQ(0, events("oom_kill "));

	/* Once more room is there, the guest goes on where it was. */
	ASSERT_EQ(0, set_limit(self->limit, 2 * RAM_SIZE));
	EXPECT_EQ(0, kt_run(self->vm.vcpu[0]));
	EXPECT_TRUE(kt_vm_result(&self->vm, 0, NULL));
	for (uint64_t page = 0; page < RAM_PAGES; page++) {
		ASSERT_EQ(8, kt_read_guest(self->vm.vm, RAM_GPA + page * KT_PAGE, &word, 8));
		ASSERT_EQ(0x7000 + page, word);
	}
	EXPECT_EQ(0, events("oom_kill "));
}

/* A touch of the guest's that is refused until the limit has grown enough: how often, or -1 */
static long touch_at_limit(FIXTURE_DATA(memcg) *self, uint64_t address, uint64_t *limit)
{
	const struct kt_job job = { .op = KT_READ, .address = address };
	const struct kev_run *run = self->vm.run[0];
	long refused = 0;

	if (kt_vm_set(&self->vm, 0, &job))
		return -1;
	while (!kt_run(self->vm.vcpu[0])) {
		if (run->kind == KEV_EXIT_HYPERCALL)
			return refused;
		*limit += KT_PAGE;
		if (run->kind != KEV_EXIT_MEMORY_ERROR || run->error != ENOMEM ||
		    set_limit(self->limit, *limit))
			break;
		refused++;
	}
	return -1;
}

/*
 * At the limit from inside the group, which grows by a page each time: so every page that
 * the guest costs, those that kev needs for itself among them, is refused once. It has
 * nobody killed; that would be this process.
 */
TEST_F(memcg, nobody_is_killed)
{
	uint64_t limit = LIMIT;
	long refused = 0, more;

	/* What the test itself needs is there before. */
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	ASSERT_EQ(0, set_limit(self->limit, limit));
	ASSERT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &fill, NULL));
	EXPECT_EQ(ENOMEM, self->vm.run[0]->error);
	for (uint64_t i = 0; i < PLACES; i++) {
		more = touch_at_limit(self, PLACES_GPA + i * 2 * KT_MIB, &limit);
		ASSERT_LE(0, more);
		refused += more;
	}
	ASSERT_EQ(0, set_limit(self->limit, 2 * RAM_SIZE));
	/* Its table and the page itself */
	EXPECT_LE((long)(2 * PLACES), refused);
	EXPECT_EQ(0, events("oom_kill "));
}

/* Nor has the page of a file: the file system would charge it in a way that has somebody killed. */
TEST_F(memcg, nobody_is_killed_by_a_file)
{
	const size_t size = FILE_PAGES * KT_PAGE;
	uint64_t limit = LIMIT, word;
	int fd;

	ASSERT_EQ(0, kt_mount_disk());
	fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	for (word = 0; word < FILE_PAGES; word++)
		ASSERT_EQ(8, pwrite(fd, &word, sizeof(word), word * KT_PAGE));
	ASSERT_EQ(0, ftruncate(fd, size));
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	close(fd);
	fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, kt_add_file(self->vm.vm, FILE_GPA, size, fd, 0, size));

	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	ASSERT_EQ(0, set_limit(self->limit, limit));
	ASSERT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &fill, NULL));
	for (uint64_t i = 0; i < FILE_PAGES; i++) {
		ASSERT_LE(0, touch_at_limit(self, FILE_GPA + i * KT_PAGE, &limit));
		ASSERT_TRUE(kt_vm_result(&self->vm, 0, &word));
		ASSERT_EQ(i, word);
	}
	EXPECT_LT(LIMIT, limit);
	ASSERT_EQ(0, set_limit(self->limit, 2 * RAM_SIZE));
	EXPECT_EQ(0, events("oom_kill "));
	close(fd);
	EXPECT_EQ(0, unlink(FILE_NAME));
}

/* Prints the sixteen bytes at its start: the console's memory comes with the first of them. */
KT_CODE(prints, "mov $1, %eax\n mov $0x100000, %edi\n mov $16, %esi\n vmcall\n"
	"mov %rax, %rdi\n" KT_HALT);

/* The same for the console, which is more than a page: a print can wait, the VM lives. */
TEST_F(memcg, console)
{
	uint64_t limit = LIMIT, refused = 0;
	struct kt_guest guest;
	char bytes[32];

	ASSERT_EQ(0, kt_guest_init(&guest, &prints, 0, NULL));
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	ASSERT_EQ(0, set_limit(self->limit, limit));
	ASSERT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &fill, NULL));
	for (;;) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		if (guest.run->kind != KEV_EXIT_MEMORY_ERROR)
			break;
		ASSERT_EQ(ENOMEM, guest.run->error);
		refused++;
		limit += KT_PAGE;
		ASSERT_EQ(0, set_limit(self->limit, limit));
	}
	ASSERT_EQ(0, set_limit(self->limit, 2 * RAM_SIZE));
	EXPECT_EQ(0, events("oom_kill "));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(1, guest.run->exit_code);
	EXPECT_LE(8, refused);
	EXPECT_EQ(16, read(guest.vm, bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(prints.start, bytes, 16));
	kt_guest_fini(&guest);
}

/* ---- what a vCPU needs when it does something for the first time ---- */

KT_CODE(loads, "mov $0x200000, %ebx\n mov (%rbx), %eax\n" KT_HALT);
KT_CODE(gets_string, "mov $0x80, %edx\n mov $0x90000, %edi\n insb\n" KT_HALT);
KT_CODE(vmmcalls, "xor %eax, %eax\n vmmcall\n");

#define DEVICE		0x200000UL
#define NOBODYS		0xabcdU		/* MSRs that no CPU has */
#define RESET_VECTOR	0xfffffff0UL
/* VMs whose doorbells are there for their charge only, and how many one takes */
#define NR_SPARE	8
#define MAX_BELLS	64

struct spare {
	int vm[NR_SPARE], eventfd, used;
};

/*
 * Small objects of a cgroup share what it has paid for: take all that is left of that, until
 * a call is refused.
 */
static int use_up(struct spare *spare)
{
	struct kev_doorbell args = {
		.size = sizeof(args), .flags = KEV_DOORBELL_PORT, .fd = spare->eventfd,
	};
	int ret = -ENOSPC;

	while (spare->used < NR_SPARE * MAX_BELLS) {
		args.address = spare->used % MAX_BELLS;
		ret = kt_ioctl(spare->vm[spare->used / MAX_BELLS], KEV_VM_DOORBELL, &args);
		if (ret)
			break;
		spare->used++;
	}
	return ret;
}

/* The vCPU has an INIT, which has to wait while there is no memory for it. */
static int send_init(struct kt_guest *guest)
{
	struct kev_vcpu_state state = { .mp.init = 1 };

	return kt_set_state(guest->vcpu, KEV_STATE_MP, &state);
}

static int set_msrs(struct kt_guest *guest)
{
	struct kev_msr_policy policy[64] = {};
	const struct kev_set_msrs args = {
		.size = sizeof(args), .nr = ARRAY_SIZE(policy), .entries = (uintptr_t)policy,
	};

	for (size_t i = 0; i < ARRAY_SIZE(policy); i++)
		policy[i] = (struct kev_msr_policy) {
			.first = NOBODYS + i, .count = 1, .policy = KEV_MSR_VALUE,
		};
	return kt_ioctl(guest->vm, KEV_VM_SET_MSRS, &args);
}

static int add_device(struct kt_guest *guest)
{
	return kt_add_region(guest->vm, KEV_REGION_TRAP, 0, DEVICE, KT_PAGE);
}

static const struct {
	const char *name;
	const struct kt_code *code;
	int (*prepare)(struct kt_guest *guest);
	uint32_t kind;
	uint64_t gpa;	/* of KEV_EXIT_MEMORY */
	uint64_t features;
} firsts[] = {
	{ "INIT", &kt_halt, send_init, KEV_EXIT_MEMORY, RESET_VECTOR,
	  KEV_FEATURE_UNRESTRICTED_GUEST },
	{ "values of MSRs", &kt_halt, set_msrs, KEV_EXIT_VM_EXITED, 0, 0 },
	{ "MMIO", &loads, add_device, KEV_EXIT_MMIO, 0, 0 },
	{ "INS", &gets_string, NULL, KEV_EXIT_IO, 0, 0 },
	{ "VMMCALL", &vmmcalls, NULL, KEV_EXIT_VM_EXITED, 0, 0 },
};

/*
 * By a group that is full: calls fail, RUN reports or fails, and does it once there is room.
 * What kev allocates has nobody killed here, either.
 */
TEST_F(memcg, first_times)
{
	struct kt_guest guest[ARRAY_SIZE(firsts)];
	uint64_t limit = LIMIT, bitmap[4];
	struct spare spare = {};
	uint8_t byte;
	int kev;

	kev = kt_open();
	spare.eventfd = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, spare.eventfd);
	for (int i = 0; i < NR_SPARE; i++) {
		spare.vm[i] = kt_create_plain_vm(kev);
		ASSERT_LE(0, spare.vm[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		ASSERT_EQ(0, kt_guest_init(&guest[i], firsts[i].code, 0, NULL));
		if (firsts[i].prepare)
			ASSERT_EQ(0, firsts[i].prepare(&guest[i]));
	}
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
	ASSERT_EQ(0, set_limit(self->limit, limit));
	ASSERT_EQ(-EREMOTEIO, kt_vm_do(&self->vm, 0, &fill, NULL));

	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		const struct kev_run *run = guest[i].run;
		uint64_t refused = 0;
		long ret;

		if ((kt_features(kev) & firsts[i].features) != firsts[i].features)
			continue;
		EXPECT_EQ(-ENOMEM, use_up(&spare));
		EXPECT_EQ(-ENOMEM, kt_read_guest(self->vm.vm, RAM_GPA, &byte, 1));
		EXPECT_EQ(-ENOMEM, kt_get_dirty(self->vm.vm, RAM_GPA, 256 * KT_PAGE, bitmap));
		for (;;) {
			ret = kt_run(guest[i].vcpu);
			if (ret ? ret != -ENOMEM : run->kind != KEV_EXIT_MEMORY_ERROR)
				break;
			ASSERT_EQ(ret ? 0 : ENOMEM, run->error);
			refused++;
			limit += KT_PAGE;
			ASSERT_EQ(0, set_limit(self->limit, limit));
		}
		EXPECT_EQ(0, ret);
		EXPECT_LE(1, refused);
		EXPECT_EQ(firsts[i].kind, run->kind) {
			TH_LOG("%s: exit %u", firsts[i].name, run->kind);
		}
		if (firsts[i].gpa)
			EXPECT_EQ(firsts[i].gpa, run->memory.gpa);
	}
	ASSERT_EQ(0, set_limit(self->limit, 2 * RAM_SIZE));
	EXPECT_EQ(0, events("oom_kill "));
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++)
		kt_guest_fini(&guest[i]);
	for (int i = 0; i < NR_SPARE; i++)
		close(spare.vm[i]);
	close(spare.eventfd);
	close(kev);
}

/*
 * A guest that goes through memory leaves its vCPU with pages that it has not touched yet.
 * They go with the vCPU: otherwise these were more than 10 MiB.
 */
#define LIVES		208UL
#define STOCK_PAGES	17UL	/* in a row: some 14 are left over then */

TEST_F(memcg, stock_goes_with_the_vcpu)
{
	const struct kt_vm_options options = { .huge_pages = KEV_HUGE_NEVER };
	const struct kt_job some = {
		.op = KT_FILL, .address = RAM_GPA, .value = 1, .pages = STOCK_PAGES, .step = 1,
	};
	int64_t before = 0;

	for (uint64_t i = 0; i < LIVES; i++) {
		struct kt_vm vm;

		ASSERT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, &options));
		ASSERT_EQ(0, kt_add_ram(vm.vm, RAM_GPA, KT_MIB));
		ASSERT_EQ(0, kt_vm_do(&vm, 0, &some, NULL));
		EXPECT_LE(STOCK_PAGES, kt_vm_stats(vm.vm).ram_pages);
		kt_vm_fini(&vm);
		/* The first ones bring what the kernel keeps for later. */
		if (i == 7)
			before = charged();
	}
	EXPECT_GE((int64_t)TOLERANCE, charged() - before);
}

#define OTHER		"/sys/fs/cgroup/kevtest-other"
#define ROOT		"/sys/fs/cgroup"
#define OWNERS		"/proc/kpagecgroup"

static uint64_t number_at(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t number;

	if (pread(fd, &number, sizeof(number), index * sizeof(number)) != sizeof(number))
		number = ~0ULL;
	close(fd);
	return number;
}

/* Which cgroup pays for the page here: its inode's number, 0: none */
static uint64_t payer(const volatile void *page)
{
	uint64_t frame;

	(void)*(const volatile char *)page;
	frame = number_at("/proc/self/pagemap", (uintptr_t)page / KT_PAGE) & ((1ULL << 55) - 1);
	return number_at(OWNERS, frame);
}

/* Pages of a VM that is gone wait for the next one: only if it would have to pay as well. */
TEST_F(memcg, kept_pages)
{
	static const char *const cgroups[] = { CGROUP, OTHER, ROOT, CGROUP, ROOT, OTHER };
	const struct kt_vm_options options = { .huge_pages = KEV_HUGE_NEVER };

	if (access(OWNERS, R_OK))
		SKIP(return, "no " OWNERS);
	kt_vm_fini(&self->vm);
	ASSERT_EQ(0, mkdir(OTHER, 0755));
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		struct stat cgroup;
		struct kt_vm vm;

		ASSERT_EQ(0, enter(cgroups[i]));
		ASSERT_EQ(0, stat(cgroups[i], &cgroup));
		ASSERT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, &options));
		/* Its first page from here is one of these. Nobody pays for what the root has. */
		EXPECT_EQ(strcmp(cgroups[i], ROOT) ? cgroup.st_ino : 0, payer(vm.run[0])) {
			TH_LOG("VM %zu, in %s", i, cgroups[i]);
		}
		kt_vm_fini(&vm);
	}
	EXPECT_EQ(0, enter(ROOT));
	EXPECT_EQ(0, rmdir(OTHER));
}

TEST_HARNESS_MAIN
