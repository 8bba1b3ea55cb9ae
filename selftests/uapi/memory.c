// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory as its owner arranges it: KEV_VM_ADD_REGION by kind,
 * KEV_VM_REMOVE_REGION, KEV_VM_DISCARD, KEV_VM_QUERY_MEMORY. Guards that each kind
 * behaves as its name says, that a refused call changes nothing, and that what is taken
 * away is gone for the guest when the call returns.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "kevtest.h"

#define R	KEV_MEM_READ
#define W	KEV_MEM_WRITE
#define X	KEV_MEM_EXEC

#define GPA	0x200000UL
#define NAMED	"/tmp/kevtest-memory"

FIXTURE(memory) {
	int kev, vm;
	uint8_t *page;		/* of this process, readable and writable */
};

FIXTURE_SETUP(memory)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->vm = kt_create_plain_vm(self->kev);
	ASSERT_LE(0, self->vm);
	self->page = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
}

FIXTURE_TEARDOWN(memory)
{
	unlink(NAMED);
	close(self->vm);
	close(self->kev);
}

/* Descriptors and addresses that are known when the test runs */
enum fd { FD_0, FD_FILE, FD_MINUS_1, FD_CLOSED, FD_WRITE_ONLY, FD_PATH, FD_WRITTEN, FD_DIRECTORY,
	  FD_PIPE, FD_VM, FD_UNREADABLE, NR_FDS };
enum address { AT_0, AT_PAGE, AT_PAGE_1, AT_NOTHING, AT_KERNEL, NR_ADDRESSES };

#define FILE_SIZE	(2 * KT_PAGE + 100)

static const struct {
	const char *name;
	uint32_t kind, prot;
	enum fd fd;
	enum address address;
	uint64_t offset, file_bytes;
	uint32_t reserved;
	int result;
} fields[] = {
	{ "RAM", KEV_REGION_RAM, R | W, .result = 0 },
	{ "RAM at an address", KEV_REGION_RAM, R | W, .address = AT_PAGE, .result = -EINVAL },
	{ "RAM of a file", KEV_REGION_RAM, R | W, .fd = FD_FILE, .result = -EINVAL },
	{ "RAM of no file", KEV_REGION_RAM, R | W, .fd = FD_MINUS_1, .result = -EINVAL },
	{ "RAM with an offset", KEV_REGION_RAM, R | W, .offset = KT_PAGE, .result = -EINVAL },
	{ "RAM with bytes", KEV_REGION_RAM, R | W, .file_bytes = 1, .result = -EINVAL },
	{ "RAM, reserved field", KEV_REGION_RAM, R | W, .reserved = 1, .result = -EINVAL },
	{ "trap", KEV_REGION_TRAP, 0, .result = 0 },
	{ "trap with rights", KEV_REGION_TRAP, R, .result = -EINVAL },
	{ "trap at an address", KEV_REGION_TRAP, 0, .address = AT_PAGE, .result = -EINVAL },
	{ "read-trap", KEV_REGION_READ_TRAP, R, .result = 0 },
	{ "read-trap to execute", KEV_REGION_READ_TRAP, R | X, .result = 0 },
	{ "read-trap to write", KEV_REGION_READ_TRAP, R | W, .result = -EINVAL },
	{ "read-trap without rights", KEV_REGION_READ_TRAP, 0, .result = -EINVAL },
	{ "read-trap of a file", KEV_REGION_READ_TRAP, R, .fd = FD_FILE, .result = -EINVAL },
	{ "print device", KEV_REGION_PRINT, R | X, .result = 0 },
	{ "print device to write", KEV_REGION_PRINT, R | W, .result = -EINVAL },
	{ "print device without rights", KEV_REGION_PRINT, 0, .result = -EINVAL },
	{ "notify", KEV_REGION_NOTIFY, R | W | X, .result = 0 },
	{ "notify, read-only", KEV_REGION_NOTIFY, R, .result = 0 },
	{ "notify without rights", KEV_REGION_NOTIFY, 0, .result = -EINVAL },
	{ "notify with bytes", KEV_REGION_NOTIFY, R, .file_bytes = 1, .result = -EINVAL },
	{ "user", KEV_REGION_USER, R | W, .address = AT_PAGE, .result = 0 },
	{ "user without rights", KEV_REGION_USER, 0, .address = AT_PAGE, .result = -EINVAL },
	{ "user, unaligned", KEV_REGION_USER, R | W, .address = AT_PAGE_1, .result = -EINVAL },
	{ "user at 0", KEV_REGION_USER, R | W, .address = AT_0, .result = -EFAULT },
	{ "user, not mapped", KEV_REGION_USER, R | W, .address = AT_NOTHING, .result = -EFAULT },
	{ "user, the kernel's", KEV_REGION_USER, R | W, .address = AT_KERNEL, .result = -EFAULT },
	{ "user of a file", KEV_REGION_USER, R | W, FD_FILE, AT_PAGE, .result = -EINVAL },
	{ "user with bytes", KEV_REGION_USER, R | W, .address = AT_PAGE, .file_bytes = 1,
	  .result = -EINVAL },
	{ "file", KEV_REGION_FILE, R | W | X, FD_FILE, .file_bytes = KT_PAGE, .result = 0 },
	{ "file, no byte of it", KEV_REGION_FILE, R, FD_FILE, .result = 0 },
	{ "file, its last byte", KEV_REGION_FILE, R, FD_FILE, .offset = FILE_SIZE - 1,
	  .file_bytes = 1, .result = 0 },
	{ "file, odd offset", KEV_REGION_FILE, R, FD_FILE, .offset = 7, .file_bytes = KT_PAGE,
	  .result = 0 },
	{ "file without rights", KEV_REGION_FILE, 0, FD_FILE, .result = -EINVAL },
	{ "file at an address", KEV_REGION_FILE, R, FD_FILE, AT_PAGE, .result = -EINVAL },
	{ "file, longer than the region", KEV_REGION_FILE, R, FD_FILE, .file_bytes = KT_PAGE + 1,
	  .result = -EINVAL },
	{ "file, beyond its end", KEV_REGION_FILE, R, FD_FILE, .offset = FILE_SIZE - 1,
	  .file_bytes = 2, .result = -EINVAL },
	{ "file, offset wraps", KEV_REGION_FILE, R, FD_FILE, .offset = -KT_PAGE,
	  .file_bytes = KT_PAGE, .result = -EINVAL },
	{ "file, offset is negative", KEV_REGION_FILE, R, FD_FILE, .offset = 1ULL << 63,
	  .file_bytes = 1, .result = -EINVAL },
	{ "file, reserved field", KEV_REGION_FILE, R, FD_FILE, .reserved = 1, .result = -EINVAL },
	{ "file -1", KEV_REGION_FILE, R, FD_MINUS_1, .result = -EBADF },
	{ "file that is not open", KEV_REGION_FILE, R, FD_CLOSED, .result = -EBADF },
	{ "write-only file", KEV_REGION_FILE, R, FD_WRITE_ONLY, .result = -EBADF },
	{ "O_PATH", KEV_REGION_FILE, R, FD_PATH, .result = -EBADF },
	{ "file that is written", KEV_REGION_FILE, R, FD_WRITTEN, .result = -ETXTBSY },
	{ "directory", KEV_REGION_FILE, R, FD_DIRECTORY, .result = -EISDIR },
	{ "pipe", KEV_REGION_FILE, R, FD_PIPE, .result = -ENOEXEC },
	{ "the VM itself", KEV_REGION_FILE, R, FD_VM, .result = -ENOEXEC },
	{ "file that the kernel cannot read", KEV_REGION_FILE, R, FD_UNREADABLE, .result = -EIO },
};

static int named_file(const char *path, int flags)
{
	int fd = open(path, O_CREAT | O_RDWR, 0755);

	if (ftruncate(fd, FILE_SIZE))
		return -1;
	close(fd);
	return open(path, flags);
}

/* It is one page, whose accesses are the calls. */
TEST_F(memory, print_device_of_one_page)
{
	EXPECT_EQ(-EINVAL, kt_add_region(self->vm, KEV_REGION_PRINT, R | X, GPA, 2 * KT_PAGE));
	EXPECT_EQ(0, kt_add_region(self->vm, KEV_REGION_PRINT, R | X, GPA, KT_PAGE));
}

TEST_F(memory, fields_of_kinds)
{
	int pipe_fds[2];

	ASSERT_EQ(0, pipe(pipe_fds));
	{
		const int fds[NR_FDS] = {
			[FD_FILE] = named_file(NAMED, O_RDONLY),
			[FD_MINUS_1] = -1,
			[FD_CLOSED] = 1000,
			[FD_WRITE_ONLY] = named_file(NAMED "2", O_WRONLY),
			[FD_PATH] = open(NAMED, O_PATH),
			[FD_WRITTEN] = open(NAMED "2", O_RDONLY),
			[FD_DIRECTORY] = open("/", O_RDONLY),
			[FD_PIPE] = pipe_fds[0],
			[FD_VM] = self->vm,
			[FD_UNREADABLE] = open("/proc/self/mem", O_RDONLY),
		};
		const uint64_t addresses[NR_ADDRESSES] = {
			[AT_PAGE] = (uintptr_t)self->page,
			[AT_PAGE_1] = (uintptr_t)self->page + 1,
			[AT_NOTHING] = 0x10000,
			[AT_KERNEL] = 0xffff888000000000,
		};

		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			const struct kev_add_region args = {
				.size = sizeof(args),
				.kind = fields[i].kind,
				.prot = fields[i].prot,
				.gpa = GPA,
				.length = KT_PAGE,
				.user_address = addresses[fields[i].address],
				.fd = fds[fields[i].fd],
				.reserved = fields[i].reserved,
				.offset = fields[i].offset,
				.file_bytes = fields[i].file_bytes,
			};
			long ret = kt_ioctl(self->vm, KEV_VM_ADD_REGION, &args);

			EXPECT_EQ(fields[i].result, ret) {
				TH_LOG("%s", fields[i].name);
			}
			/* It is there, and as asked for; or nothing is. */
			EXPECT_EQ(ret ? -ENOENT : 0, kt_remove_region(self->vm, GPA, KT_PAGE)) {
				TH_LOG("%s: removal", fields[i].name);
			}
		}
	}
	unlink(NAMED "2");
}

/* Reads, writes, and ends with what is there afterwards. */
KT_CODE(uses, "mov 0x200000, %rax\n movb $7, 0x200008\n mov 0x200008, %rdi\n" KT_HALT);

/* What each kind does to the guest's read at GPA and write at GPA + 8 */
static const struct {
	const char *name;
	uint32_t kind, prot, refused;
	uint32_t report;
} kinds[] = {
	{ "RAM", KEV_REGION_RAM, R | W, 0, KEV_EXIT_VM_EXITED },
	{ "read-only RAM", KEV_REGION_RAM, R, W, KEV_EXIT_MEMORY },
	{ "trap", KEV_REGION_TRAP, 0, R, KEV_EXIT_MMIO },
	{ "read-trap", KEV_REGION_READ_TRAP, R, W, KEV_EXIT_MMIO },
	{ "print device", KEV_REGION_PRINT, R, 0, KEV_EXIT_VM_EXITED },
	{ "notify", KEV_REGION_NOTIFY, R | W, R, KEV_EXIT_MEMORY },
};

TEST_F(memory, kinds_in_the_guest)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct kt_guest guest;
		const struct kev_exit_memory *memory;

		ASSERT_EQ(0, kt_guest_init(&guest, &uses, 0, NULL));
		ASSERT_EQ(0, kt_add_region(guest.vm, kinds[i].kind, kinds[i].prot, GPA, KT_PAGE));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(kinds[i].report, guest.run->kind) {
			TH_LOG("%s", kinds[i].name);
		}
		if (kinds[i].report == KEV_EXIT_MMIO) {
			EXPECT_EQ(kinds[i].refused == W ? GPA + 8 : GPA, guest.run->mmio.gpa);
		} else if (kinds[i].refused) {
			memory = &guest.run->memory;
			EXPECT_EQ(kinds[i].refused, memory->access & kinds[i].refused);
			EXPECT_EQ(kinds[i].refused == W ? GPA + 8 : GPA, memory->gpa);
			EXPECT_EQ(kinds[i].kind, memory->kind);
			EXPECT_EQ(kinds[i].prot, memory->prot);
			EXPECT_EQ(KEV_RUN_RETRY | KEV_RUN_BACKED, guest.run->flags);
		} else {
			/* A print device ignores a byte. */
			EXPECT_EQ(kinds[i].kind == KEV_REGION_PRINT ? 0 : 7,
				  guest.run->exit_code);
		}
		kt_guest_fini(&guest);
	}
}

/* Where there is no region the report says so. */
TEST_F(memory, no_region_in_the_guest)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &uses, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(0, guest.run->memory.kind);
	EXPECT_EQ(0, guest.run->memory.prot);
	EXPECT_EQ(KEV_RUN_RETRY, guest.run->flags);
	kt_guest_fini(&guest);
}

/* What the guest cannot write its owner can, and the guest reads it. */
TEST_F(memory, read_trap_is_the_owners)
{
	const uint64_t value = 0x1122334455667788;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &uses, 0, NULL));
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_READ_TRAP, R, GPA, KT_PAGE));
	ASSERT_EQ(8, kt_write_guest(guest.vm, GPA, &value, 8));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, guest.run->kind);
	EXPECT_EQ(GPA + 8, guest.run->mmio.gpa);
	EXPECT_EQ(value, guest.run->gpr[KEV_RAX]);
	kt_guest_fini(&guest);
}

static void fill_pattern(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = i * 7 + i / KT_PAGE + 1;
}

/* Which bytes of a file come where, and zeros behind them */
static const struct {
	const char *name;
	uint64_t offset, file_bytes;
} parts[] = {
	{ "all", 0, FILE_SIZE },
	{ "whole pages", 0, 2 * KT_PAGE },
	{ "second page", KT_PAGE, KT_PAGE },
	{ "odd offset", 5, 2 * KT_PAGE },
	{ "odd end", KT_PAGE, KT_PAGE + 99 },
	{ "nothing", 0, 0 },
};

TEST_F(memory, bytes_of_a_file)
{
	static uint8_t file[4 * KT_PAGE], expected[3 * KT_PAGE], bytes[3 * KT_PAGE];
	int fd;

	fill_pattern(file, FILE_SIZE);
	fd = kt_memfile(file, FILE_SIZE);
	ASSERT_LE(0, fd);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		memset(expected, 0, sizeof(expected));
		memcpy(expected, file + parts[i].offset, parts[i].file_bytes);
		ASSERT_EQ(0, kt_add_file(self->vm, GPA, sizeof(bytes), fd, parts[i].offset,
					 parts[i].file_bytes));
		EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->vm, GPA));
		memset(bytes, 0xa5, sizeof(bytes));
		EXPECT_EQ(sizeof(bytes), kt_read_guest(self->vm, GPA, bytes, sizeof(bytes)));
		EXPECT_EQ(0, memcmp(expected, bytes, sizeof(bytes))) {
			TH_LOG("%s", parts[i].name);
		}
		EXPECT_EQ(0, kt_remove_region(self->vm, GPA, sizeof(bytes)));
	}
	close(fd);
}

/* In the order of the table. Two regions, of three pages and of two behind them */
static const struct {
	const char *name;
	uint64_t gpa, length;
	int result;
} removals[] = {
	{ "unaligned address", GPA + 1, 3 * KT_PAGE, -EINVAL },
	{ "unaligned length", GPA, 3 * KT_PAGE - 1, -EINVAL },
	{ "no length", GPA, 0, -EINVAL },
	{ "nothing there", 0, KT_PAGE, -ENOENT },
	{ "wraps", -KT_PAGE, 2 * KT_PAGE, -ENOENT },
	{ "first page", GPA, KT_PAGE, -ENOENT },
	{ "last page", GPA + 2 * KT_PAGE, KT_PAGE, -ENOENT },
	{ "inside", GPA + KT_PAGE, KT_PAGE, -ENOENT },
	{ "both regions", GPA, 5 * KT_PAGE, -ENOENT },
	{ "around", GPA - KT_PAGE, 5 * KT_PAGE, -ENOENT },
	{ "the second", GPA + 3 * KT_PAGE, 2 * KT_PAGE, 0 },
	{ "the second again", GPA + 3 * KT_PAGE, 2 * KT_PAGE, -ENOENT },
	{ "the first", GPA, 3 * KT_PAGE, 0 },
	{ "the first again", GPA, 3 * KT_PAGE, -ENOENT },
};

TEST_F(memory, removals)
{
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA, 3 * KT_PAGE));
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA + 3 * KT_PAGE, 2 * KT_PAGE));
	for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
		EXPECT_EQ(removals[i].result,
			  kt_remove_region(self->vm, removals[i].gpa, removals[i].length)) {
			TH_LOG("%s", removals[i].name);
		}
	}
}

/* Its pages go with it; what comes to its place is new. */
TEST_F(memory, removed_and_added)
{
	uint8_t bytes[2 * KT_PAGE], zeros[2 * KT_PAGE] = { 0 };

	memset(bytes, 0x5a, sizeof(bytes));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_add_ram(self->vm, GPA, sizeof(bytes)));
		ASSERT_EQ(sizeof(bytes), kt_write_guest(self->vm, GPA, bytes, sizeof(bytes)));
		EXPECT_EQ(2, kt_vm_stats(self->vm).resident_pages);
		ASSERT_EQ(0, kt_remove_region(self->vm, GPA, sizeof(bytes)));
		EXPECT_EQ(0, kt_vm_stats(self->vm).resident_pages);
		EXPECT_EQ(KEV_PAGE_ABSENT, kt_page_state(self->vm, GPA));
		EXPECT_EQ(-ENOENT, kt_read_guest(self->vm, GPA, bytes, 1));
	}
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA, sizeof(bytes)));
	ASSERT_EQ(sizeof(bytes), kt_read_guest(self->vm, GPA, bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(zeros, bytes, sizeof(bytes)));
}

/* Reads, until it finds zero. */
KT_CODE(reads_until_zero, "1: mov 0x200000, %rdi\n test %rdi, %rdi\n jnz 1b\n" KT_HALT);

static void start_reading(struct __test_metadata *_metadata, struct kt_guest *guest,
			  struct kt_runner *runner)
{
	const uint64_t value = 1;

	ASSERT_EQ(0, kt_guest_init(guest, &reads_until_zero, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(guest->vm, GPA, KT_PAGE));
	ASSERT_EQ(8, kt_write_guest(guest->vm, GPA, &value, 8));
	ASSERT_EQ(0, kt_runner_enter(runner, guest->vcpu, -1));
	/* It has begun with its pages there; the data have been read by now, or will be. */
	while (kt_vcpu_stats(guest->vcpu).interrupt < 3)
		sched_yield();
}

TEST_F(memory, removed_from_a_running_guest)
{
	struct kt_runner runner;
	struct kt_guest guest;

	start_reading(_metadata, &guest, &runner);
	ASSERT_EQ(0, kt_remove_region(guest.vm, GPA, KT_PAGE));
	EXPECT_EQ(0, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(GPA, guest.run->memory.gpa);
	EXPECT_EQ(0, guest.run->memory.kind);
	kt_guest_fini(&guest);
}

TEST_F(memory, discarded_from_a_running_guest)
{
	struct kt_runner runner;
	struct kt_guest guest;

	start_reading(_metadata, &guest, &runner);
	ASSERT_EQ(0, kt_discard(guest.vm, GPA, KT_PAGE));
	EXPECT_EQ(0, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* What lies where, for the two tables below: one page each, from GPA on */
enum { P_RAM, P_RAM2, P_NOTIFY, P_READ_ONLY, P_HOLE, P_TRAP, P_READ_TRAP, P_USER, P_FILE, NR_P };

static const struct {
	uint32_t kind, prot;
} pages[NR_P] = {
	[P_RAM] = { KEV_REGION_RAM, R | W },
	[P_RAM2] = { KEV_REGION_RAM, R | W | X },
	[P_NOTIFY] = { KEV_REGION_NOTIFY, R | W },
	[P_READ_ONLY] = { KEV_REGION_RAM, R },
	[P_TRAP] = { KEV_REGION_TRAP, 0 },
	[P_READ_TRAP] = { KEV_REGION_READ_TRAP, R },
	[P_USER] = { KEV_REGION_USER, R | W },
	[P_FILE] = { KEV_REGION_FILE, R | W | X },
};

static void add_pages(struct __test_metadata *_metadata, int vm, uint8_t *user)
{
	int fd = kt_memfile("file", 4);

	for (int i = 0; i < NR_P; i++) {
		uint64_t gpa = GPA + i * KT_PAGE;

		if (pages[i].kind == KEV_REGION_USER) {
			ASSERT_EQ(0, kt_add_user(vm, gpa, KT_PAGE, user, pages[i].prot));
		} else if (pages[i].kind == KEV_REGION_FILE) {
			ASSERT_EQ(0, kt_add_file(vm, gpa, KT_PAGE, fd, 0, 4));
		} else if (pages[i].kind) {
			ASSERT_EQ(0, kt_add_region(vm, pages[i].kind, pages[i].prot, gpa,
						   KT_PAGE));
		}
	}
	close(fd);
}

static const struct {
	const char *name;
	uint64_t gpa, length;
	int result;
} discards[] = {
	{ "unaligned address", GPA + 1, KT_PAGE, -EINVAL },
	{ "unaligned length", GPA, KT_PAGE + 1, -EINVAL },
	{ "no length", GPA, 0, -EINVAL },
	{ "wraps", GPA, -KT_PAGE, -EINVAL },
	{ "nothing there", 0, KT_PAGE, -ENOENT },
	{ "begins before", GPA - KT_PAGE, 2 * KT_PAGE, -ENOENT },
	{ "into the hole", GPA + P_READ_ONLY * KT_PAGE, 2 * KT_PAGE, -ENOENT },
	{ "hole", GPA + P_HOLE * KT_PAGE, KT_PAGE, -ENOENT },
	{ "trap", GPA + P_TRAP * KT_PAGE, KT_PAGE, -ENOENT },
	{ "read-trap", GPA + P_READ_TRAP * KT_PAGE, KT_PAGE, -ENOENT },
	{ "user", GPA + P_USER * KT_PAGE, KT_PAGE, -ENOENT },
	{ "file", GPA + P_FILE * KT_PAGE, KT_PAGE, -ENOENT },
	{ "all", GPA, NR_P * KT_PAGE, -ENOENT },
};

static void write_all(struct __test_metadata *_metadata, int vm)
{
	const uint8_t byte = 0x33;

	for (int i = 0; i < NR_P; i++) {
		bool memory = i != P_HOLE && i != P_TRAP;
		long ret = kt_write_guest(vm, GPA + i * KT_PAGE, &byte, 1);

		EXPECT_EQ(memory ? 1 : i == P_TRAP ? -EACCES : -ENOENT, ret) {
			TH_LOG("page %d", i);
		}
	}
}

/* What is refused changes nothing; what is allowed takes that away and nothing else. */
TEST_F(memory, discards)
{
	uint8_t byte;

	add_pages(_metadata, self->vm, self->page);
	write_all(_metadata, self->vm);
	for (size_t i = 0; i < ARRAY_SIZE(discards); i++) {
		EXPECT_EQ(discards[i].result,
			  kt_discard(self->vm, discards[i].gpa, discards[i].length)) {
			TH_LOG("%s", discards[i].name);
		}
	}
	for (int i = 0; i < NR_P; i++) {
		if (i == P_HOLE || i == P_TRAP)
			continue;
		EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(self->vm, GPA + i * KT_PAGE)) {
			TH_LOG("page %d", i);
		}
	}
	/* Three regions at once, and not the fourth */
	EXPECT_EQ(0, kt_discard(self->vm, GPA, 3 * KT_PAGE));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->vm, GPA + i * KT_PAGE));
		/* It is as if it had not been filled: there is nothing to read. */
		if (pages[i].kind == KEV_REGION_NOTIFY) {
			EXPECT_EQ(-EAGAIN, kt_read_guest(self->vm, GPA + i * KT_PAGE, &byte, 1));
			continue;
		}
		EXPECT_EQ(1, kt_read_guest(self->vm, GPA + i * KT_PAGE, &byte, 1));
		EXPECT_EQ(0, byte);
	}
	EXPECT_EQ(1, kt_read_guest(self->vm, GPA + 3 * KT_PAGE, &byte, 1));
	EXPECT_EQ(0x33, byte);
	EXPECT_EQ(0, kt_discard(self->vm, GPA + 3 * KT_PAGE, KT_PAGE));
	EXPECT_EQ(1, kt_read_guest(self->vm, GPA + 3 * KT_PAGE, &byte, 1));
	EXPECT_EQ(0, byte);
}

/* From address 0 on: each region once, in the order of addresses */
TEST_F(memory, query_goes_through)
{
	struct kev_query_memory query;
	uint64_t gpa = 0;

	EXPECT_EQ(-ENOENT, kt_query_memory(self->vm, 0, &query));
	add_pages(_metadata, self->vm, self->page);
	for (int i = 0; i < NR_P; i++) {
		if (i == P_HOLE)
			continue;
		ASSERT_EQ(0, kt_query_memory(self->vm, gpa, &query));
		EXPECT_EQ(GPA + i * KT_PAGE, query.gpa);
		EXPECT_EQ(KT_PAGE, query.length);
		EXPECT_EQ(pages[i].kind, query.kind);
		EXPECT_EQ(pages[i].prot, query.prot);
		EXPECT_EQ(0, query.resident);
		/* From inside as well */
		ASSERT_EQ(0, kt_query_memory(self->vm, query.gpa + KT_PAGE - 1, &query));
		EXPECT_EQ(GPA + i * KT_PAGE, query.gpa);
		gpa = query.gpa + query.length;
	}
	EXPECT_EQ(-ENOENT, kt_query_memory(self->vm, gpa, &query));
	EXPECT_EQ(-ENOENT, kt_query_memory(self->vm, ~0ULL, &query));
}

/* What an image and its boot protocol make is told apart. */
TEST_F(memory, query_of_an_image)
{
	struct kev_query_memory query;
	bool seen[KEV_REGION_BOOT + 1] = { false };
	struct kt_guest guest;
	uint64_t gpa = 0;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	while (!kt_query_memory(guest.vm, gpa, &query)) {
		ASSERT_GT(query.gpa + query.length, gpa);
		ASSERT_LE(query.kind, KEV_REGION_BOOT);
		seen[query.kind] = true;
		gpa = query.gpa + query.length;
	}
	EXPECT_EQ(KT_RAM_KIB * 1024, gpa);
	EXPECT_TRUE(seen[KEV_REGION_RAM]);
	EXPECT_TRUE(seen[KEV_REGION_IMAGE]);
	EXPECT_TRUE(seen[KEV_REGION_BOOT]);
	kt_guest_fini(&guest);
}

/* Pages of the page cache until somebody writes them */
TEST_F(memory, query_counts_pages)
{
	static uint8_t bytes[3 * KT_PAGE];
	struct kev_query_memory query;
	int fd = open(NAMED, O_CREAT | O_RDWR, 0755);

	fill_pattern(bytes, sizeof(bytes));
	ASSERT_EQ(sizeof(bytes), write(fd, bytes, sizeof(bytes)));
	close(fd);
	fd = open(NAMED, O_RDONLY);
	ASSERT_EQ(0, kt_add_file(self->vm, GPA, 4 * KT_PAGE, fd, 0, sizeof(bytes)));
	close(fd);
	/* Two of the file, and the one behind it */
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA, bytes, 1));
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + KT_PAGE, bytes, 1));
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + 3 * KT_PAGE, bytes, 1));
	ASSERT_EQ(0, kt_query_memory(self->vm, GPA, &query));
	EXPECT_EQ(3, query.resident);
	EXPECT_EQ(2, query.shared);
	EXPECT_EQ(1, query.own);
	EXPECT_EQ(0, query.huge);
	EXPECT_EQ(2, query.file_pages);
	EXPECT_EQ(KEV_PAGE_SHARED, kt_page_state(self->vm, GPA));
	/* A write makes a copy; the page of the file counts as it did. */
	ASSERT_EQ(1, kt_write_guest(self->vm, GPA, bytes, 1));
	ASSERT_EQ(0, kt_query_memory(self->vm, GPA, &query));
	EXPECT_EQ(3, query.resident);
	EXPECT_EQ(1, query.shared);
	EXPECT_EQ(2, query.own);
	EXPECT_EQ(2, query.file_pages);
	EXPECT_EQ(1, kt_vm_stats(self->vm).copied_pages);
	EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(self->vm, GPA));
}

/* A page of 2 MiB, and what a discarded part leaves of it */
TEST_F(memory, huge_pages)
{
	const struct kev_create_vm args = {
		.size = sizeof(args),
		.huge_pages = KEV_HUGE_ALWAYS,
	};
	struct kev_query features = { .size = sizeof(features) };
	int vm = kt_ioctl(self->kev, KEV_CREATE_VM, &args);
	struct kev_query_memory query;
	uint64_t value = 0x1234, read;

	ASSERT_LE(0, vm);
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &features));
	if (!(features.features & KEV_FEATURE_EPT_2M))
		SKIP(return, "the CPU has no pages of 2 MiB in its second-level tables");
	ASSERT_EQ(0, kt_add_ram(vm, GPA, 4 * KT_MIB));
	ASSERT_EQ(8, kt_write_guest(vm, GPA + 0x5000, &value, 8));
	ASSERT_EQ(8, kt_write_guest(vm, GPA + 2 * KT_MIB - 8, &value, 8));
	ASSERT_EQ(0, kt_query_memory(vm, GPA, &query));
	EXPECT_EQ(512, query.resident);
	EXPECT_EQ(512, query.huge);
	EXPECT_EQ(512, query.own);
	EXPECT_EQ(512, kt_vm_stats(vm).huge_pages);
	ASSERT_EQ(0, kt_discard(vm, GPA + 0x6000, 2 * KT_PAGE));
	ASSERT_EQ(0, kt_query_memory(vm, GPA, &query));
	EXPECT_EQ(510, query.resident);
	EXPECT_EQ(0, query.huge);
	/* Its neighbours keep their bytes. */
	ASSERT_EQ(8, kt_read_guest(vm, GPA + 0x5000, &read, 8));
	EXPECT_EQ(value, read);
	ASSERT_EQ(8, kt_read_guest(vm, GPA + 2 * KT_MIB - 8, &read, 8));
	EXPECT_EQ(value, read);
	ASSERT_EQ(8, kt_read_guest(vm, GPA + 0x6000, &read, 8));
	EXPECT_EQ(0, read);
	ASSERT_EQ(0, kt_discard(vm, GPA, 4 * KT_MIB));
	EXPECT_EQ(0, kt_vm_stats(vm).resident_pages);
	close(vm);
}

/* Every flag of these calls is refused. */
TEST_F(memory, flags)
{
	const struct {
		const char *name;
		unsigned long cmd;
	} calls[] = {
		{ "KEV_VM_REMOVE_REGION", KEV_VM_REMOVE_REGION },
		{ "KEV_VM_DISCARD", KEV_VM_DISCARD },
		{ "KEV_VM_QUERY_MEMORY", KEV_VM_QUERY_MEMORY },
	};

	ASSERT_EQ(0, kt_add_ram(self->vm, GPA, KT_PAGE));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (int bit = 0; bit < 32; bit++) {
			struct kev_query_memory args = {	/* the largest of them */
				.size = sizeof(args),
				.flags = 1U << bit,
				.gpa = GPA,
				.length = KT_PAGE,
			};

			if (calls[i].cmd != KEV_VM_QUERY_MEMORY)
				args.size = sizeof(struct kev_range_args);
			EXPECT_EQ(-EINVAL, kt_ioctl(self->vm, calls[i].cmd, &args)) {
				TH_LOG("%s: bit %d", calls[i].name, bit);
			}
		}
	}
	EXPECT_EQ(0, kt_remove_region(self->vm, GPA, KT_PAGE));
}

TEST_HARNESS_MAIN
