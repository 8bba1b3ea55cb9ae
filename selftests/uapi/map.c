// SPDX-License-Identifier: GPL-2.0
/*
 * mmap of the VM fd: guest memory in the owner's address space. Guards that it is the
 * guest's memory at every moment, loaded as lazily as by the guest; that pages which are
 * taken away or cannot be had raise SIGBUS in the thread that touches them; and that
 * nobody else and no file gets at it.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "kevtest.h"

#define GPA	0x200000UL
#define PAGES	4
#define LENGTH	(PAGES * KT_PAGE)
#define NAMED	"/tmp/kevtest-map"
#define REFCNT	"/sys/module/kev/refcnt"

/* How an access ends that kt_peek() or kt_poke() tries */
enum { FINE = 0 };

FIXTURE(map) {
	int kev, vm;
	uint8_t *at;	/* RAM at GPA */
	struct kev_query query;
};

FIXTURE_SETUP(map)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->query.size = sizeof(self->query);
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &self->query));
	self->vm = kt_create_plain_vm(self->kev);
	ASSERT_LE(0, self->vm);
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA, LENGTH));
	self->at = kt_map_memory(self->vm, GPA, LENGTH);
	ASSERT_NE(NULL, self->at);
}

FIXTURE_TEARDOWN(map)
{
	unlink(NAMED);
	munmap(self->at, LENGTH);
	close(self->vm);
	close(self->kev);
}

static int try_map(int fd, size_t length, int prot, int flags, uint64_t offset)
{
	void *at = mmap(NULL, length, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, length);
	return 0;
}

TEST_F(map, arguments)
{
	const uint64_t width = 1ULL << self->query.phys_bits;
	const int rw = PROT_READ | PROT_WRITE;
	const struct {
		const char *name;
		size_t length;
		int prot, flags;
		uint64_t offset;
		int result;
	} cases[] = {
		{ "shared", KT_PAGE, rw, MAP_SHARED, GPA, 0 },
		{ "validated", KT_PAGE, rw, MAP_SHARED_VALIDATE, GPA, 0 },
		{ "read-only", KT_PAGE, PROT_READ, MAP_SHARED, GPA, 0 },
		{ "no access", KT_PAGE, PROT_NONE, MAP_SHARED, GPA, 0 },
		{ "where nothing is", KT_PAGE, rw, MAP_SHARED, 1ULL << 32, 0 },
		{ "first page", KT_PAGE, rw, MAP_SHARED, 0, 0 },
		{ "last page", KT_PAGE, rw, MAP_SHARED, width - KT_PAGE, 0 },
		{ "private", KT_PAGE, rw, MAP_PRIVATE, GPA, -EINVAL },
		{ "private, read-only", KT_PAGE, PROT_READ, MAP_PRIVATE, GPA, -EINVAL },
		{ "executable", KT_PAGE, rw | PROT_EXEC, MAP_SHARED, GPA, -EINVAL },
		{ "unaligned", KT_PAGE, rw, MAP_SHARED, GPA + 1, -EINVAL },
		{ "across the physical width", 2 * KT_PAGE, rw, MAP_SHARED, width - KT_PAGE,
		  -EINVAL },
		{ "at the physical width", KT_PAGE, rw, MAP_SHARED, width, -EINVAL },
		{ "far above", KT_PAGE, rw, MAP_SHARED, 1ULL << 62, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].result,
			  try_map(self->vm, cases[i].length, cases[i].prot, cases[i].flags,
				  cases[i].offset)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* Both see what the other writes; only what is touched is there. */
TEST_F(map, is_guest_memory)
{
	uint8_t byte = 0x11;

	EXPECT_EQ(0, kt_vm_stats(self->vm).resident_pages);
	EXPECT_EQ(0, self->at[5]);
	EXPECT_EQ(1, kt_vm_stats(self->vm).resident_pages);
	self->at[5] = 0x42;
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + 5, &byte, 1));
	EXPECT_EQ(0x42, byte);
	byte = 0x43;
	ASSERT_EQ(1, kt_write_guest(self->vm, GPA + 5, &byte, 1));
	EXPECT_EQ(0x43, self->at[5]);
	/* Written before anybody has read it */
	self->at[LENGTH - 1] = 0x44;
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + LENGTH - 1, &byte, 1));
	EXPECT_EQ(0x44, byte);
	EXPECT_EQ(2, kt_vm_stats(self->vm).resident_pages);
}

/* Takes a byte at 2 MiB, adds one, puts it behind. */
KT_CODE(adds, "mov 0x200000, %al\n inc %al\n mov %al, 0x200001\n movzbl %al, %edi\n" KT_HALT);

TEST_F(map, guest_and_owner)
{
	struct kt_guest guest;
	uint8_t *at;

	ASSERT_EQ(0, kt_guest_init(&guest, &adds, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(guest.vm, GPA, KT_PAGE));
	at = kt_map_memory(guest.vm, GPA, KT_PAGE);
	ASSERT_NE(NULL, at);
	at[0] = 0x50;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x51, guest.run->exit_code);
	EXPECT_EQ(0x51, at[1]);
	munmap(at, KT_PAGE);
	kt_guest_fini(&guest);
}

/* Memory of each kind: what a read and a write end with */
static const struct {
	const char *name;
	uint32_t kind, prot;	/* kind 0: none */
	int result;
} kinds[] = {
	{ "RAM", KEV_REGION_RAM, KT_RWX, FINE },
	{ "read-only RAM", KEV_REGION_RAM, KEV_MEM_READ, FINE },
	{ "read-trap", KEV_REGION_READ_TRAP, KEV_MEM_READ, FINE },
	{ "notify", KEV_REGION_NOTIFY, KT_RWX, FINE },
	{ "trap", KEV_REGION_TRAP, 0, SIGBUS },
	{ "nothing", 0, 0, SIGBUS },
};

TEST_F(map, kinds)
{
	uint64_t gpa = 2 * GPA;
	uint8_t *at, byte;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind) {
			ASSERT_EQ(0, kt_add_region(self->vm, kinds[i].kind, kinds[i].prot, gpa,
						   2 * KT_PAGE));
		}
		at = kt_map_memory(self->vm, gpa, 2 * KT_PAGE);
		ASSERT_NE(NULL, at);
		byte = 0xee;
		EXPECT_EQ(kinds[i].result, kt_peek(at, &byte)) {
			TH_LOG("%s: read", kinds[i].name);
		}
		EXPECT_EQ(kinds[i].result ? 0xee : 0, byte);
		EXPECT_EQ(kinds[i].result, kt_poke(at, 0x61)) {
			TH_LOG("%s: write after a read", kinds[i].name);
		}
		EXPECT_EQ(kinds[i].result, kt_poke(at + KT_PAGE, 0x62)) {
			TH_LOG("%s: write first", kinds[i].name);
		}
		if (!kinds[i].result) {
			EXPECT_EQ(0x61, at[0]);
			EXPECT_EQ(0x62, at[KT_PAGE]);
		}
		munmap(at, 2 * KT_PAGE);
		if (kinds[i].kind) {
			ASSERT_EQ(0, kt_remove_region(self->vm, gpa, 2 * KT_PAGE));
		}
	}
}

/* The caller's own pages are not mapped a second time this way. */
TEST_F(map, user_region)
{
	uint8_t *page = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	uint8_t *at, byte;

	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, kt_add_user(self->vm, 2 * GPA, KT_PAGE, page, KT_RWX));
	at = kt_map_memory(self->vm, 2 * GPA, KT_PAGE);
	ASSERT_NE(NULL, at);
	EXPECT_EQ(SIGBUS, kt_peek(at, &byte));
	EXPECT_EQ(SIGBUS, kt_poke(at, 1));
	munmap(at, KT_PAGE);
	munmap(page, KT_PAGE);
}

/* And the other way round: pages of a mapping of a VM cannot be pinned for one. */
TEST_F(map, cannot_be_a_user_region)
{
	self->at[0] = 1;
	EXPECT_EQ(-EFAULT, kt_add_user(self->vm, 2 * GPA, KT_PAGE, self->at, KT_RWX));
	EXPECT_EQ(-ENOENT, kt_remove_region(self->vm, 2 * GPA, KT_PAGE));
}

/* Only the thread that touches it is disturbed. */
static void *touch_hole(void *arg)
{
	static uint8_t byte;

	return (void *)(long)kt_peek(arg, &byte);
}

TEST_F(map, sigbus_of_one_thread)
{
	uint8_t *hole = kt_map_memory(self->vm, 1UL << 32, KT_PAGE);
	pthread_t threads[4];
	void *result;

	ASSERT_NE(NULL, hole);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, touch_hole, hole));
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(SIGBUS, (long)result);
	}
	/* A region that comes later serves the same mapping. */
	ASSERT_EQ(0, kt_add_ram(self->vm, 1UL << 32, KT_PAGE));
	EXPECT_EQ(FINE, kt_poke(hole, 9));
	EXPECT_EQ(9, hole[0]);
	munmap(hole, KT_PAGE);
}

/* A file's bytes: named, so that its pages may be shared, or not, so that they are copied */
static const struct {
	const char *name;
	bool named;
	int state;		/* after a read */
} files[] = {
	{ "shared", true, KEV_PAGE_SHARED },
	{ "copied", false, KEV_PAGE_RESIDENT },
};

static int pattern_file(bool named)
{
	uint8_t bytes[LENGTH];
	int fd;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 1 + i / KT_PAGE;
	if (!named)
		return kt_memfile(bytes, sizeof(bytes));
	fd = open(NAMED, O_CREAT | O_RDWR, 0755);
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		return -1;
	close(fd);
	return open(NAMED, O_RDONLY);
}

TEST_F(map, of_a_file)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = pattern_file(files[i].named);
		uint64_t gpa = (2 + i) * GPA;
		uint8_t *at, byte;

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, kt_add_file(self->vm, gpa, LENGTH, fd, 0, LENGTH));
		at = kt_map_memory(self->vm, gpa, LENGTH);
		ASSERT_NE(NULL, at);
		EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(self->vm, gpa));
		EXPECT_EQ(1, at[0]);
		EXPECT_EQ(files[i].state, kt_page_state(self->vm, gpa)) {
			TH_LOG("%s", files[i].name);
		}
		/* Written after a read, by the mapping: the file stays. */
		at[0] = 0x71;
		EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(self->vm, gpa));
		ASSERT_EQ(1, kt_read_guest(self->vm, gpa, &byte, 1));
		EXPECT_EQ(0x71, byte);
		EXPECT_EQ(1, at[1]);
		/* Written at the first touch */
		at[KT_PAGE] = 0x72;
		EXPECT_EQ(2, at[KT_PAGE + 1]);
		/* Written by another way while the mapping has the old page */
		EXPECT_EQ(3, at[2 * KT_PAGE]);
		byte = 0x73;
		ASSERT_EQ(1, kt_write_guest(self->vm, gpa + 2 * KT_PAGE, &byte, 1));
		EXPECT_EQ(0x73, at[2 * KT_PAGE]);
		EXPECT_EQ(3, at[2 * KT_PAGE + 1]);
		EXPECT_EQ(4, at[3 * KT_PAGE]);
		for (int page = 0; page < PAGES; page++) {
			ASSERT_EQ(1, pread(fd, &byte, 1, page * KT_PAGE));
			EXPECT_EQ(1 + page, byte) {
				TH_LOG("%s: page %d of the file", files[i].name, page);
			}
		}
		munmap(at, LENGTH);
		close(fd);
	}
}

/* Writes to its own code's page, which is shared with the page cache until then. */
KT_CODE(writes_image, "lea data(%rip), %rax\n movb $0x99, (%rax)\n movzbl (%rax), %edi\n" KT_HALT
	"data: .byte 0x11\n .fill 8192, 1, 0x22\n");

TEST_F(map, guest_copies_a_shared_page)
{
	size_t size = writes_image.end - writes_image.start;
	struct kt_guest guest;
	struct kt_elf elf;
	uint8_t *at;
	int fd;

	kt_elf_init(&elf, size);
	fd = open(NAMED, O_CREAT | O_RDWR, 0755);
	ASSERT_EQ(sizeof(elf), pwrite(fd, &elf, sizeof(elf), 0));
	ASSERT_EQ(size, pwrite(fd, writes_image.start, size, KT_CODE_OFFSET));
	close(fd);
	ASSERT_EQ(0, kt_guest_init_file(&guest, NAMED, KT_RAM_KIB, NULL));
	at = kt_map_memory(guest.vm, KT_CODE_GPA, KT_PAGE);
	ASSERT_NE(NULL, at);
	EXPECT_EQ(0, memcmp(at, writes_image.start, KT_PAGE));
	EXPECT_EQ(KEV_PAGE_SHARED, kt_page_state(guest.vm, KT_CODE_GPA));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x99, guest.run->exit_code);
	EXPECT_EQ(KEV_PAGE_RESIDENT, kt_page_state(guest.vm, KT_CODE_GPA));
	/* The mapping has the guest's page now, not the file's. */
	EXPECT_NE(0, memcmp(at, writes_image.start, KT_PAGE));
	munmap(at, KT_PAGE);
	kt_guest_fini(&guest);
}

TEST_F(map, remap)
{
	uint8_t *moved, *to = mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t byte;

	self->at[KT_PAGE] = 0x31;
	ASSERT_NE(MAP_FAILED, (void *)to);
	/* It cannot grow beyond what was checked. */
	EXPECT_EQ(MAP_FAILED, mremap(self->at, LENGTH, 2 * LENGTH, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	moved = mremap(self->at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, moved);
	EXPECT_EQ(SIGSEGV, kt_peek(self->at + KT_PAGE, &byte));
	EXPECT_EQ(0x31, moved[KT_PAGE]);
	/* A page that was not loaded when it moved, and one that was, taken away afterwards */
	moved[2 * KT_PAGE] = 0x32;
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + 2 * KT_PAGE, &byte, 1));
	EXPECT_EQ(0x32, byte);
	ASSERT_EQ(0, kt_discard(self->vm, GPA, LENGTH));
	EXPECT_EQ(0, moved[KT_PAGE]);
	/* Shrunk */
	ASSERT_EQ(moved, mremap(moved, LENGTH, KT_PAGE, 0));
	EXPECT_EQ(SIGSEGV, kt_peek(moved + KT_PAGE, &byte));
	self->at = moved;
}

TEST_F(map, unmap)
{
	uint8_t byte;

	memset(self->at, 0x21, LENGTH);
	ASSERT_EQ(0, munmap(self->at + KT_PAGE, KT_PAGE));
	EXPECT_EQ(SIGSEGV, kt_peek(self->at + KT_PAGE, &byte));
	EXPECT_EQ(0x21, self->at[0]);
	/* What is behind the cut has the right address still. */
	self->at[2 * KT_PAGE] = 0x22;
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + 2 * KT_PAGE, &byte, 1));
	EXPECT_EQ(0x22, byte);
	ASSERT_EQ(0, munmap(self->at, LENGTH));
	/* The guest's memory does not go with it. */
	EXPECT_EQ(PAGES, kt_vm_stats(self->vm).resident_pages);
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + KT_PAGE, &byte, 1));
	EXPECT_EQ(0x21, byte);
}

TEST_F(map, madvise_dontneed)
{
	self->at[0] = 0x41;
	ASSERT_EQ(-1, madvise(self->at, LENGTH, MADV_DONTNEED));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0x41, self->at[0]);
	EXPECT_EQ(1, kt_vm_stats(self->vm).resident_pages);
	/* What else a program may advise neither takes nor copies a page. */
	madvise(self->at, LENGTH, MADV_MERGEABLE);
	madvise(self->at, LENGTH, MADV_HUGEPAGE);
	madvise(self->at, LENGTH, MADV_REMOVE);
	madvise(self->at, LENGTH, MADV_PAGEOUT);
	EXPECT_EQ(0x41, self->at[0]);
}

TEST_F(map, protect)
{
	uint8_t byte;

	self->at[0] = 0x51;
	ASSERT_EQ(0, mprotect(self->at, KT_PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, kt_poke(self->at, 1));
	EXPECT_EQ(0x51, self->at[0]);
	ASSERT_EQ(0, mprotect(self->at, KT_PAGE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, kt_peek(self->at, &byte));
	ASSERT_EQ(0, mprotect(self->at, KT_PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(FINE, kt_poke(self->at, 0x52));
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA, &byte, 1));
	EXPECT_EQ(0x52, byte);
	EXPECT_EQ(-1, mprotect(self->at, KT_PAGE, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A child has neither the mapping nor the right to make one, nor does a core dump. */
TEST_F(map, fork)
{
	uint8_t byte;
	pid_t pid;

	self->at[0] = 0x61;
	EXPECT_EQ(-1, madvise(self->at, LENGTH, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, madvise(self->at, LENGTH, MADV_DODUMP));
	EXPECT_EQ(EINVAL, errno);
	pid = fork();
	if (!pid)
		_exit(kt_peek(self->at, &byte) == SIGSEGV &&
		      try_map(self->vm, KT_PAGE, PROT_READ, MAP_SHARED, GPA) == -EPERM ? 0 : 1);
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0x61, self->at[0]);
}

TEST_F(map, discard)
{
	memset(self->at, 0x71, LENGTH);
	ASSERT_EQ(0, kt_discard(self->vm, GPA + KT_PAGE, 2 * KT_PAGE));
	EXPECT_EQ(0x71, self->at[0]);
	EXPECT_EQ(0, self->at[KT_PAGE]);
	EXPECT_EQ(0x71, self->at[3 * KT_PAGE]);
	/* And it is one page for all: not an old one that only the mapping has */
	self->at[2 * KT_PAGE] = 0x72;
	ASSERT_EQ(1, kt_read_guest(self->vm, GPA + 2 * KT_PAGE, &self->at[0], 1));
	EXPECT_EQ(0x72, self->at[0]);
}

TEST_F(map, remove)
{
	uint8_t byte;

	memset(self->at, 0x81, LENGTH);
	ASSERT_EQ(0, kt_remove_region(self->vm, GPA, LENGTH));
	for (int page = 0; page < PAGES; page++) {
		EXPECT_EQ(SIGBUS, kt_peek(self->at + page * KT_PAGE, &byte));
		EXPECT_EQ(SIGBUS, kt_poke(self->at + page * KT_PAGE, 1));
	}
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA, LENGTH));
	EXPECT_EQ(FINE, kt_peek(self->at, &byte));
	EXPECT_EQ(0, byte);
}

/* The descriptors may go first. */
TEST_F(map, outlives_descriptors)
{
	long before = kt_read_number(REFCNT);
	struct kt_guest guest;
	uint8_t *at;

	ASSERT_EQ(0, kt_guest_init(&guest, &adds, 0, NULL));
	ASSERT_EQ(0, kt_add_ram(guest.vm, GPA, 2 * KT_PAGE));
	at = kt_map_memory(guest.vm, GPA, 2 * KT_PAGE);
	ASSERT_NE(NULL, at);
	at[0] = 0x20;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	kt_guest_fini(&guest);
	EXPECT_EQ(0x21, at[1]);
	at[KT_PAGE] = 0x22;
	EXPECT_EQ(0x22, at[KT_PAGE]);
	EXPECT_LT(before, kt_read_number(REFCNT));
	munmap(at, 2 * KT_PAGE);
	EXPECT_EQ(before, kt_read_number(REFCNT));
}

/* Touch a page that nobody has yet for every way in which the kernel copies. */
TEST_F(map, system_calls)
{
	uint8_t bytes[KT_PAGE];
	int fds[2];

	memset(bytes, 0x91, sizeof(bytes));
	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(KT_PAGE, write(fds[1], bytes, KT_PAGE));
	/* into the mapping, */
	EXPECT_EQ(KT_PAGE, read(fds[0], self->at, KT_PAGE));
	EXPECT_EQ(0, memcmp(bytes, self->at, KT_PAGE));
	/* and out of it */
	EXPECT_EQ(KT_PAGE, write(fds[1], self->at, KT_PAGE));
	memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ(KT_PAGE, read(fds[0], bytes, KT_PAGE));
	EXPECT_EQ(0x91, bytes[KT_PAGE - 1]);
	EXPECT_EQ(KT_PAGE, write(fds[1], self->at + KT_PAGE, KT_PAGE));
	EXPECT_EQ(2, kt_vm_stats(self->vm).resident_pages);
	close(fds[0]);
	close(fds[1]);
}

/* Nobody gets a reference to a page, which could outlive its place in the guest. */
TEST_F(map, no_references)
{
	const struct iovec iov = { self->at, KT_PAGE };
	uint8_t bytes[8];
	const struct iovec local = { bytes, sizeof(bytes) };
	int fds[2];

	self->at[0] = 1;
	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-1, vmsplice(fds[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	/* A kernel may do without this call. */
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &iov, 1, 0));
	EXPECT_TRUE(errno == EFAULT || errno == ENOSYS);
	close(fds[0]);
	close(fds[1]);
}

/* The kernel would read and write the device past the page tables. */
TEST_F(map, direct_io)
{
	static const char *const load[] = { "modprobe", "brd", "rd_nr=1", "rd_size=64", NULL };
	static const char *const unload[] = { "rmmod", "brd", NULL };
	int fd;

	if (kt_command(load))
		SKIP(return, "there is no RAM disk");
	/* With a file system on it, it is not for tests. */
	fd = open("/dev/ram0", O_RDWR | O_DIRECT | O_EXCL);
	if (fd < 0 && errno == EBUSY)
		SKIP(return, "the RAM disk is mounted");
	ASSERT_LE(0, fd);
	self->at[0] = 1;
	EXPECT_EQ(-1, pwrite(fd, self->at, KT_PAGE, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, pread(fd, self->at, KT_PAGE, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, self->at[0]);
	close(fd);
	kt_command(unload);
}

/* Of the mapping at @at, as /proc/self/smaps says them; false: it says nothing. */
static bool read_vm_flags(const void *at, char *line, int size)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool here = false, found = false;
	char start[32];

	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (smaps && !found && fgets(line, size, smaps)) {
		here = here || !strncmp(line, start, strlen(start));
		found = here && !strncmp(line, "VmFlags:", 8);
	}
	if (smaps)
		fclose(smaps);
	return found;
}

TEST_F(map, flags_of_the_mapping)
{
	static const char *const expected[] = {
		" sh ",		/* shared */
		" pf ",		/* pages that the memory manager does not know */
		" de ",		/* does not expand */
		" dc ",		/* not in a child */
		" dd ",		/* not in a core dump */
	};
	char flags[512];

	ASSERT_TRUE(read_vm_flags(self->at, flags, sizeof(flags)));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		EXPECT_NE(NULL, strstr(flags, expected[i])) {
			TH_LOG("%s in %s", expected[i], flags);
		}
	}
	/* No execution, now or by mprotect */
	EXPECT_EQ(NULL, strstr(flags, " ex "));
	EXPECT_EQ(NULL, strstr(flags, " me "));
}

/* A process whose debugger looks into the guest's memory: exits with what it has there. */
static void debuggee(int report)
{
	int kev = kt_open(), vm = kt_create_plain_vm(kev);
	uint64_t *at;

	kt_add_ram(vm, GPA, KT_PAGE);
	at = kt_map_memory(vm, GPA, 2 * KT_PAGE);
	if (at)
		at[1] = 0x1122334455667788;
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	if (!at || write(report, &at, sizeof(at)) != sizeof(at))
		_exit(1);
	raise(SIGSTOP);
	_exit(at[2] == 0x99aa ? 0 : 2);
}

TEST_F(map, debugger)
{
	uint64_t *at;
	int fds[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid)
		debuggee(fds[1]);
	close(fds[1]);
	ASSERT_EQ(sizeof(at), read(fds[0], &at, sizeof(at)));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	errno = 0;
	EXPECT_EQ(0x1122334455667788, ptrace(PTRACE_PEEKDATA, pid, &at[1], NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, &at[2], 0x99aaL));
	EXPECT_EQ(0x99aa, ptrace(PTRACE_PEEKDATA, pid, &at[2], NULL));
	/* Where the guest has nothing it fails, and nothing else happens. */
	EXPECT_EQ(-1, ptrace(PTRACE_PEEKDATA, pid, (char *)at + KT_PAGE, NULL));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(0, wait_for(pid));
	close(fds[0]);
}

/* What a debugger writes ends with the mapping, though the guest has memory behind it. */
TEST_F(map, debugger_across_the_end)
{
	int kev = kt_open(), vm = kt_create_plain_vm(kev), mem;
	uint8_t bytes[64], behind[32];
	uint8_t *at;

	kt_add_ram(vm, GPA, 2 * KT_PAGE);
	/* Nothing is mapped behind it. */
	at = mmap(NULL, 2 * KT_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)at);
	ASSERT_EQ(at, mmap(at, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, vm, GPA));
	ASSERT_EQ(0, munmap(at + KT_PAGE, KT_PAGE));
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, mem);
	memset(bytes, 0x5a, sizeof(bytes));
	EXPECT_EQ(32, pwrite(mem, bytes, sizeof(bytes), (uintptr_t)at + KT_PAGE - 32));
	EXPECT_EQ(0x5a, at[KT_PAGE - 1]);
	EXPECT_EQ(32, kt_read_guest(vm, GPA + KT_PAGE, behind, sizeof(behind)));
	for (size_t i = 0; i < sizeof(behind); i++)
		EXPECT_EQ(0, behind[i]);
	close(mem);
	munmap(at, KT_PAGE);
	close(vm);
	close(kev);
}

/* The end of a VM's owner while its threads fault leaves nothing behind. */
static void *touch_all(void *arg)
{
	volatile uint8_t *at = arg;

	for (size_t i = 0; i < 64 * KT_MIB; i += KT_PAGE)
		at[i] = 1;
	return NULL;
}

TEST_F(map, killed_while_faulting)
{
	long before = kt_read_number(REFCNT);
	pid_t pid = fork();

	if (!pid) {
		int kev = kt_open(), vm = kt_create_plain_vm(kev);
		pthread_t threads[2];
		uint8_t *at;

		kt_add_ram(vm, GPA, 64 * KT_MIB);
		at = kt_map_memory(vm, GPA, 64 * KT_MIB);
		for (int i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, touch_all, at);
		while (kt_vm_stats(vm).resident_pages < 1000)
			;
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(before, kt_read_number(REFCNT));
}

TEST_HARNESS_MAIN
