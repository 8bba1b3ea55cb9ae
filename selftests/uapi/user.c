// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_REGION_USER: guest memory that is the caller's own. Guards that the guest and the
 * caller have the same pages as long as the region lives, whatever becomes of the
 * caller's mapping; that pages which a file system would have to know about are refused;
 * and that pins are counted and given back.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kevtest.h"

#define GPA	0x200000UL
#define PAGES	16
#define LENGTH	(PAGES * KT_PAGE)
#define NAMED	"/tmp/kevtest-user"
#define FULL	"/tmp/kevtest-full"

/* Takes a byte at 2 MiB, adds one, puts it behind and ends with it. */
KT_CODE(adds, "mov 0x200000, %al\n inc %al\n mov %al, 0x200001\n movzbl %al, %edi\n" KT_HALT);
/* Reports before it does so. */
KT_CODE(adds_later, "out %al, $0x80\n mov 0x200000, %al\n inc %al\n mov %al, 0x200001\n"
	"movzbl %al, %edi\n" KT_HALT);

FIXTURE(user) {
	int kev, vm;
	uint8_t *at;
};

static uint8_t *map_anonymous(size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

FIXTURE_SETUP(user)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	self->vm = kt_create_plain_vm(self->kev);
	ASSERT_LE(0, self->vm);
	self->at = map_anonymous(LENGTH);
	ASSERT_NE(NULL, self->at);
}

FIXTURE_TEARDOWN(user)
{
	unlink(NAMED);
	umount2(FULL, MNT_DETACH);
	rmdir(FULL);
	close(self->vm);
	close(self->kev);
}

/* The number behind a name in a file as /proc/vmstat or /proc/self/status, or -1 */
static long read_value(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	size_t length = strlen(name);
	char line[256];
	long value = -1;

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && strchr(" :\t", line[length]))
			value = strtol(line + length + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* Pages that somebody in the machine has pinned */
static long pinned(void)
{
	/* Each CPU counts for itself at first. */
	kt_write_file("/proc/sys/vm/stat_refresh", "1");
	return read_value("/proc/vmstat", "nr_foll_pin_acquired") -
	       read_value("/proc/vmstat", "nr_foll_pin_released");
}

/* Pages that this process is charged for */
static long charged(void)
{
	return read_value("/proc/self/status", "VmPin") * 1024 / (long)KT_PAGE;
}

/* The guest and its owner see what the other has written. */
static void check_both_ways(struct __test_metadata *_metadata, uint8_t *at, size_t length,
			    const char *name)
{
	struct kev_query_memory query;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &adds, 0, NULL));
	EXPECT_EQ(0, kt_add_user(guest.vm, GPA, length, at, KT_RWX)) {
		TH_LOG("%s", name);
	}
	at[0] = 0x30;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind) {
		TH_LOG("%s", name);
	}
	EXPECT_EQ(0x31, guest.run->exit_code);
	EXPECT_EQ(0x31, at[1]);
	/* Only what was touched counts as resident. */
	ASSERT_EQ(0, kt_query_memory(guest.vm, GPA, &query));
	EXPECT_EQ(KEV_REGION_USER, query.kind);
	EXPECT_EQ(1, query.resident);
	EXPECT_EQ(0, query.shared);
	/* The owner's ways to it */
	EXPECT_EQ(1, kt_read_guest(guest.vm, GPA + length - 1, &at[2], 1));
	EXPECT_EQ(1, kt_write_guest(guest.vm, GPA + length - 1, &at[1], 1));
	EXPECT_EQ(0x31, at[length - 1]);
	kt_guest_fini(&guest);
}

TEST_F(user, anonymous)
{
	check_both_ways(_metadata, self->at, LENGTH, "anonymous");
}

TEST_F(user, shared_anonymous)
{
	uint8_t *at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)at);
	check_both_ways(_metadata, at, LENGTH, "shared anonymous");
}

TEST_F(user, memfd)
{
	int fd = memfd_create("kevtest", MFD_CLOEXEC);
	uint8_t byte, *at;

	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)at);
	check_both_ways(_metadata, at, LENGTH, "memfd");
	/* Who reads the file finds what the guest has written. */
	ASSERT_EQ(1, pread(fd, &byte, 1, 1));
	EXPECT_EQ(0x31, byte);
	close(fd);
}

/*
 * Who can write to a page of a file is one of its writers, whatever became of the mapping: the
 * file is no image meanwhile, whose pages guests would share.
 */
TEST_F(user, file_of_an_image)
{
	struct kt_elf elf;
	int fd, vm;
	void *at;

	kt_elf_init(&elf, kt_halt.end - kt_halt.start);
	fd = open(NAMED, O_CREAT | O_RDWR | O_CLOEXEC, 0755);
	ASSERT_EQ(sizeof(elf), pwrite(fd, &elf, sizeof(elf), 0));
	ASSERT_EQ(kt_halt.end - kt_halt.start, pwrite(fd, kt_halt.start,
						      kt_halt.end - kt_halt.start, KT_CODE_OFFSET));
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	/* In two mappings, with memory of no file behind them */
	at = mmap(self->at, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_EQ(self->at, at);
	at = mmap(self->at + KT_PAGE, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		  3 * KT_PAGE);
	ASSERT_EQ(self->at + KT_PAGE, at);
	ASSERT_EQ(0, kt_add_user(self->vm, GPA, LENGTH, self->at, KT_RWX));
	munmap(self->at, LENGTH);
	close(fd);

	vm = kt_create_plain_vm(self->kev);
	fd = open(NAMED, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-ETXTBSY, kt_attach(vm, fd, KEV_BOOT_DIRECT64, KT_RAM_KIB));
	ASSERT_EQ(0, kt_remove_region(self->vm, GPA, LENGTH));
	EXPECT_EQ(0, kt_attach(vm, fd, KEV_BOOT_DIRECT64, KT_RAM_KIB));
	close(fd);
	close(vm);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a child that may lock less than a page of 2 MiB: nothing of what it tries stays pinned. */
static int add_part_as_nobody(void)
{
	const struct rlimit limit = { .rlim_cur = LENGTH, .rlim_max = LENGTH };
	long pins = pinned(), charge = charged();
	pid_t pid = fork();
	void *at;
	int vm;

	if (pid)
		return wait_for(pid) ?: pinned() != pins || charged() != charge;
	vm = kt_create_plain_vm(kt_open());
	at = mmap(NULL, 2 * KT_MIB, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (vm < 0 || at == MAP_FAILED || setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(65534))
		_exit(1);
	if (kt_add_user(vm, GPA, KT_PAGE, at, KT_RWX) != -ENOMEM)
		_exit(2);
	_exit(charged() ? 3 : 0);
}

TEST_F(user, hugetlb)
{
	const size_t length = 2 * KT_MIB;
	long charge = charged();
	uint8_t *at;

	if (kt_write_file("/proc/sys/vm/nr_hugepages", "2"))
		SKIP(return, "the kernel has no hugetlb pages");
	at = mmap(NULL, length, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (at == MAP_FAILED)
		SKIP(return, "there is no memory for a page of 2 MiB");
	check_both_ways(_metadata, at, length, "hugetlb");
	/* A part of it keeps it all. */
	ASSERT_EQ(0, kt_add_user(self->vm, GPA, KT_PAGE, at + KT_PAGE, KT_RWX));
	EXPECT_EQ(charge + (long)(length / KT_PAGE), charged());
	ASSERT_EQ(0, kt_remove_region(self->vm, GPA, KT_PAGE));
	EXPECT_EQ(charge, charged());
	EXPECT_EQ(0, add_part_as_nobody());
	munmap(at, length);
	kt_write_file("/proc/sys/vm/nr_hugepages", "0");
}

/* The program's own copy of a file's page is anonymous memory. */
TEST_F(user, private_mapping_of_a_file)
{
	int fd = open(NAMED, O_CREAT | O_RDWR, 0644);
	uint8_t byte = 0x66, *at;

	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	ASSERT_EQ(1, pwrite(fd, &byte, 1, 1));
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)at);
	check_both_ways(_metadata, at, LENGTH, "private");
	ASSERT_EQ(1, pread(fd, &byte, 1, 1));
	EXPECT_EQ(0x66, byte);
	close(fd);
}

/* Two pages that are wrong in some way; what was pinned of them is given back. */
static const struct {
	const char *name;
	int prot, flags;
	bool second_unmapped;
	int result;
} refused[] = {
	{ "read-only", PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, .result = -EFAULT },
	{ "no access", PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, .result = -EFAULT },
	{ "shared, read-only", PROT_READ, MAP_SHARED | MAP_ANONYMOUS, .result = -EFAULT },
	{ "ends in nothing", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	  .second_unmapped = true, .result = -EFAULT },
};

TEST_F(user, refused)
{
	long pins = pinned(), charge = charged();

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		uint8_t *at = mmap(NULL, 2 * KT_PAGE, refused[i].prot, refused[i].flags, -1, 0);

		ASSERT_NE(MAP_FAILED, (void *)at);
		if (refused[i].second_unmapped) {
			ASSERT_EQ(0, munmap(at + KT_PAGE, KT_PAGE));
		}
		EXPECT_EQ(refused[i].result,
			  kt_add_user(self->vm, GPA, 2 * KT_PAGE, at, KEV_MEM_READ)) {
			TH_LOG("%s", refused[i].name);
		}
		EXPECT_EQ(pins, pinned()) {
			TH_LOG("%s: pins", refused[i].name);
		}
		EXPECT_EQ(charge, charged()) {
			TH_LOG("%s: charge", refused[i].name);
		}
		munmap(at, 2 * KT_PAGE);
	}
	/* More than there is memory, or addresses */
	EXPECT_EQ(-ENOMEM, kt_add_user(self->vm, 1UL << 32, 1UL << 36, self->at, KT_RWX));
	EXPECT_EQ(-EFAULT, kt_add_user(self->vm, GPA, 2 * KT_PAGE,
				       (void *)(0x7ffffffff000 - KT_PAGE), KT_RWX));
	/* Another region is in the way. */
	ASSERT_EQ(0, kt_add_ram(self->vm, GPA + LENGTH - KT_PAGE, KT_PAGE));
	EXPECT_EQ(-EEXIST, kt_add_user(self->vm, GPA, LENGTH, self->at, KT_RWX));
	EXPECT_EQ(pins, pinned());
	EXPECT_EQ(charge, charged());
}

/* A file on tmpfs has holes, and there is no room to fill them: ENOSPC, for whoever writes. */
TEST_F(user, full_file_system)
{
	long pins = pinned(), charge = charged();
	uint8_t *at;
	int fd;

	ASSERT_EQ(0, mkdir(FULL, 0700));
	ASSERT_EQ(0, mount("tmpfs", FULL, "tmpfs", 0, "size=16k"));
	fd = open(FULL "/file", O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	ASSERT_NE(MAP_FAILED, (void *)at);
	EXPECT_EQ(-EFAULT, kt_add_user(self->vm, GPA, LENGTH, at, KT_RWX));
	EXPECT_EQ(pins, pinned());
	EXPECT_EQ(charge, charged());
	/* What there is room for */
	EXPECT_EQ(0, kt_add_user(self->vm, GPA, 4 * KT_PAGE, at, KT_RWX));
	munmap(at, LENGTH);
	EXPECT_EQ(0, kt_remove_region(self->vm, GPA, 4 * KT_PAGE));
	EXPECT_EQ(0, umount2(FULL, 0));
}

/* A file system that writes pages back would not hear of the guest's writes. */
TEST_F(user, file_on_a_disk)
{
	static const char *const mount_disk[] = { "bed-disk", NULL };
	static const char *const umount_disk[] = { "umount", "/disk", NULL };
	static const char *const unload[] = { "rmmod", "brd", NULL };
	long pins = pinned();
	uint8_t *at;
	int fd;

	if (kt_command(mount_disk))
		SKIP(return, "there is no RAM disk");
	fd = open("/disk/file", O_CREAT | O_RDWR, 0644);
	ASSERT_EQ(0, ftruncate(fd, LENGTH));
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)at);
	EXPECT_EQ(-ENOEXEC, kt_add_user(self->vm, GPA, LENGTH, at, KT_RWX));
	EXPECT_EQ(pins, pinned());
	munmap(at, LENGTH);
	close(fd);
	kt_command(umount_disk);
	kt_command(unload);
}

/* Rights of the region hold for the guest, not for its owner. */
TEST_F(user, rights)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &adds, 0, NULL));
	ASSERT_EQ(0, kt_add_user(guest.vm, GPA, LENGTH, self->at, KEV_MEM_READ));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, guest.run->kind);
	EXPECT_EQ(GPA + 1, guest.run->memory.gpa);
	EXPECT_EQ(KEV_REGION_USER, guest.run->memory.kind);
	EXPECT_EQ(KEV_MEM_READ, guest.run->memory.prot);
	EXPECT_EQ(1, kt_write_guest(guest.vm, GPA + 1, "x", 1));
	EXPECT_EQ('x', self->at[1]);
	kt_guest_fini(&guest);
}

/* Pages are pinned at the call, once, and let go with the region. */
TEST_F(user, pins)
{
	long pins = pinned(), charge = charged();

	ASSERT_EQ(0, kt_add_user(self->vm, GPA, LENGTH, self->at, KT_RWX));
	EXPECT_EQ(pins + PAGES, pinned());
	EXPECT_EQ(charge + PAGES, charged());
	/* The same pages a second time */
	ASSERT_EQ(0, kt_add_user(self->vm, 2 * GPA, LENGTH, self->at, KT_RWX));
	EXPECT_EQ(pins + 2 * PAGES, pinned());
	ASSERT_EQ(8, kt_write_guest(self->vm, GPA, "touched", 8));
	ASSERT_EQ(0, kt_remove_region(self->vm, GPA, LENGTH));
	EXPECT_EQ(pins + PAGES, pinned());
	EXPECT_EQ(charge + PAGES, charged());
	EXPECT_STREQ("touched", (char *)self->at);
	/* With the VM */
	close(self->vm);
	EXPECT_EQ(pins, pinned());
	EXPECT_EQ(charge, charged());
	self->vm = -1;
}

/* More than are pinned at a time, and none behind the last one that can be */
TEST_F(user, many)
{
	const size_t length = 2500 * KT_PAGE;
	long pins = pinned();
	uint8_t *at = map_anonymous(length);

	ASSERT_NE(NULL, at);
	check_both_ways(_metadata, at, length, "many");
	EXPECT_EQ(pins, pinned());
	ASSERT_EQ(0, munmap(at + length - KT_PAGE, KT_PAGE));
	EXPECT_EQ(-EFAULT, kt_add_user(self->vm, GPA, length, at, KT_RWX));
	EXPECT_EQ(pins, pinned());
	munmap(at, length - KT_PAGE);
}

/* With the process, however it ends */
TEST_F(user, pins_of_a_killed_process)
{
	long pins = pinned();
	pid_t pid = fork();

	if (!pid) {
		int kev = kt_open(), vm = kt_create_plain_vm(kev);

		if (kt_add_user(vm, GPA, LENGTH, self->at, KT_RWX))
			_exit(1);
		kt_write_guest(vm, GPA, "touched", 8);
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(128 + SIGKILL, wait_for(pid));
	EXPECT_EQ(pins, pinned());
}

/* What the calls say to a process that may not lock more than so many pages */
static int add_as_nobody(const uint8_t *at)
{
	const struct rlimit limit = { .rlim_cur = LENGTH, .rlim_max = LENGTH };
	int kev = kt_open(), vm = kt_create_plain_vm(kev);

	if (vm < 0 || setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(65534))
		return 1;
	if (kt_add_user(vm, GPA, LENGTH + KT_PAGE, at, KT_RWX) != -ENOMEM)
		return 2;
	if (kt_add_user(vm, GPA, LENGTH, at, KT_RWX))
		return 3;
	if (kt_add_user(vm, 2 * GPA, KT_PAGE, at, KT_RWX) != -ENOMEM)
		return 4;
	if (kt_remove_region(vm, GPA, LENGTH) || kt_add_user(vm, 2 * GPA, KT_PAGE, at, KT_RWX))
		return 5;
	return 0;
}

TEST_F(user, memlock)
{
	uint8_t *at = map_anonymous(LENGTH + KT_PAGE);
	pid_t pid;

	ASSERT_NE(NULL, at);
	pid = fork();
	if (!pid)
		_exit(add_as_nobody(at));
	EXPECT_EQ(0, wait_for(pid));
}

/* The caller unmaps its pages, or has other ones there: the guest keeps them. */
TEST_F(user, unmapped)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &adds_later, 0, NULL));
	ASSERT_EQ(0, kt_add_user(guest.vm, GPA, LENGTH, self->at, KT_RWX));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	self->at[0] = 0x40;
	ASSERT_EQ(self->at, mmap(self->at, LENGTH, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(0, self->at[0]);
	self->at[0] = 0x50;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x41, guest.run->exit_code);
	EXPECT_EQ(0, self->at[1]);
	kt_guest_fini(&guest);
}

/* A child gets copies: parent and guest go on with what they had. */
TEST_F(user, forked)
{
	struct kt_guest guest;
	int fds[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, kt_guest_init(&guest, &adds_later, 0, NULL));
	ASSERT_EQ(0, kt_add_user(guest.vm, GPA, LENGTH, self->at, KT_RWX));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	self->at[0] = 0x60;
	pid = fork();
	if (!pid) {
		self->at[0] = 0x70;
		close(fds[1]);
		/* Until the parent has finished */
		_exit(read(fds[0], &byte, 1) == 0 && self->at[0] == 0x70 &&
		      self->at[1] == 0 ? 0 : 1);
	}
	self->at[0]++;
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0x62, guest.run->exit_code);
	EXPECT_EQ(0x62, self->at[1]);
	close(fds[1]);
	EXPECT_EQ(0, wait_for(pid));
	close(fds[0]);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
