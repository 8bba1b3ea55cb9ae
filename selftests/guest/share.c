// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of the page cache in guests. Guards that VMs of one image have one copy of it,
 * that a guest's write stays in its VM, that only files which cannot change are shared
 * and only by whom they may be kept from changing, and that a file that shrinks costs
 * the pages which are gone and no others.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "vmem.h"

#define MOUNT		"/tmp/kevtest-share"
#define IMAGE		MOUNT "/image"
#define DATA(page)	(KT_DATA_GPA + (page) * KT_PAGE)

/* The large image, and the VMs of it: as many as the acceptance test wants */
#define LARGE_PAGES	(16 * KT_MIB / KT_PAGE)
#define VMS		32
#define COPIED_VMS	8	/* more would not fit into the machine */
/*
 * How far free memory may be off, in bytes: each VM has some 25 pages of its own (page
 * tables, boot structures, vCPU), and each CPU keeps free pages that do not count.
 */
#define TOLERANCE	(8 * KT_MIB)

/* A file of pages of 2 MiB, of which regions have a part: what of it is shared */
#define LARGE		"/tmp/kevtest-large"

static const struct {
	const char *name;
	uint64_t offset, length, first, end;
} parts[] = {
	{ "one page", 2 * KT_MIB, KT_PAGE, 0, 0 },
	{ "all but one page", 2 * KT_MIB, 2 * KT_MIB - KT_PAGE, 0, 0 },
	{ "all but the first", 2 * KT_MIB + KT_PAGE, 2 * KT_MIB - KT_PAGE, 0, 0 },
	{ "all of it", 2 * KT_MIB, 2 * KT_MIB, 2 * KT_MIB, 4 * KT_MIB },
	{ "all of it and a page before", 2 * KT_MIB - KT_PAGE, 2 * KT_MIB + KT_PAGE,
	  2 * KT_MIB, 4 * KT_MIB },
};

FIXTURE(share) {
	struct kt_image image;
	int fd;
};

/* The image as a file, open for reading; a negative errno */
static int create_file(const struct kt_image *image, const char *path, mode_t mode, uid_t owner)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0755);
	int ret;

	if (fd < 0)
		return -errno;
	ret = kt_image_write(image, fd);
	if (!ret && (fchmod(fd, mode) || fchown(fd, owner, owner) || fsync(fd)))
		ret = -errno;
	close(fd);
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

FIXTURE_SETUP(share)
{
	mkdir(MOUNT, 0755);
	ASSERT_EQ(0, mount("kevtest", MOUNT, "tmpfs", 0, NULL));
	kt_image_init(&self->image, 40);
	self->fd = create_file(&self->image, IMAGE, 0755, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(share)
{
	close(self->fd);
	EXPECT_EQ(0, umount(MOUNT));
	rmdir(MOUNT);
}

static int64_t free_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? -1 : (int64_t)info.freeram * info.mem_unit;
}

/* Have the guest read every page. */
static bool reads_all(struct kt_vm *vm, const struct kt_image *image)
{
	const struct kt_job job = {
		.op = KT_SCAN, .address = KT_DATA_GPA, .pages = image->pages, .step = 1,
	};
	uint64_t sum;

	return !kt_vm_do(vm, 0, &job, &sum) && sum == kt_image_sum(image);
}

static bool reads(struct kt_vm *vm, uint64_t page, uint64_t expected)
{
	const struct kt_job job = { .op = KT_READ, .address = DATA(page) };
	uint64_t word;

	return !kt_vm_do(vm, 0, &job, &word) && word == expected;
}

/* ---- how much memory ---- */

/* How much less is free after @nr VMs have read an image; -1: one did not */
static int64_t cost_of(const struct kt_image *image, int fd, size_t nr, uint32_t attach)
{
	const struct kt_vm_options options = { .attach = attach };
	int64_t before = free_memory(), cost = -1;
	struct kt_vm *vms = calloc(nr, sizeof(*vms));
	size_t made = 0;
	bool ok = vms;

	for (; ok && made < nr; made++)
		ok = !kt_vm_init(&vms[made], image, fd, &options) && reads_all(&vms[made], image);
	if (ok)
		cost = before - free_memory();
	while (made)
		kt_vm_fini(&vms[--made]);
	free(vms);
	return cost;
}

/* On tmpfs the file's pages are the image: 32 VMs cost nothing more. */
TEST_F(share, one_copy_of_a_file_in_memory)
{
	int64_t cost;

	close(self->fd);
	kt_image_init(&self->image, LARGE_PAGES);
	self->fd = create_file(&self->image, IMAGE, 0755, 0);
	ASSERT_LE(0, self->fd);
	/* What is allocated once, whoever comes first */
	ASSERT_LE(0, cost_of(&self->image, self->fd, 1, 0));
	cost = cost_of(&self->image, self->fd, VMS, 0);
	EXPECT_LE(0, cost);
	EXPECT_GE(TOLERANCE, cost);

	/* The instrument sees copies. */
	cost = cost_of(&self->image, self->fd, COPIED_VMS, KEV_ATTACH_COPY);
	EXPECT_LE(COPIED_VMS * LARGE_PAGES * KT_PAGE - TOLERANCE, cost);
	EXPECT_GE(COPIED_VMS * LARGE_PAGES * KT_PAGE + TOLERANCE, cost);
}

TEST_F(share, one_copy_of_a_file_on_disk)
{
	struct kt_image image;
	int64_t cost;
	int fd;

	ASSERT_EQ(0, kt_mount_disk());
	kt_image_init(&image, LARGE_PAGES);
	fd = create_file(&image, "/disk/share", 0755, 0);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, cost_of(&image, fd, 1, 0));
	ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "1"));
	cost = cost_of(&image, fd, VMS, 0);
	EXPECT_LE(LARGE_PAGES * KT_PAGE - TOLERANCE, cost);
	EXPECT_GE(LARGE_PAGES * KT_PAGE + TOLERANCE, cost);
	close(fd);
	EXPECT_EQ(0, unlink("/disk/share"));
}

/* Pages of 2 MiB in memory file systems, in KiB; -1: unknown */
static long large_pages(void)
{
	char text[4096], *at;
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	at = strstr(text, "ShmemHugePages:");
	return at ? strtol(at + strlen("ShmemHugePages:"), NULL, 10) : -1;
}

/* A page of 2 MiB is pinned as a whole: only who is charged for all of it shares it. */
TEST_F(share, part_of_a_large_page)
{
	const char *path = LARGE "/file";
	int kev, vm, fd;
	char byte;

	mkdir(LARGE, 0755);
	if (mount("kevtest", LARGE, "tmpfs", 0, "huge=always"))
		SKIP(return, "no large pages in memory file systems");
	kt_image_init(&self->image, 4 * KT_MIB / KT_PAGE);
	fd = create_file(&self->image, path, 0755, 0);
	ASSERT_LE(0, fd);
	ASSERT_LE(4 << 10, large_pages());
	kev = kt_open();
	vm = kt_create_plain_vm(kev);
	ASSERT_LE(0, vm);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		ASSERT_EQ(0, kt_add_file(vm, KT_DATA_GPA, parts[i].length, fd, parts[i].offset,
					 parts[i].length));
		for (uint64_t at = 0; at < parts[i].length; at += parts[i].length - KT_PAGE) {
			bool shared = parts[i].offset + at >= parts[i].first &&
				      parts[i].offset + at < parts[i].end;

			ASSERT_EQ(1, kt_read_guest(vm, KT_DATA_GPA + at, &byte, 1));
			EXPECT_EQ(shared ? KEV_PAGE_SHARED : KEV_PAGE_RESIDENT,
				  kt_page_state(vm, KT_DATA_GPA + at)) {
				TH_LOG("%s, 0x%lx", parts[i].name, at);
			}
			if (parts[i].length == KT_PAGE)
				break;
		}
		ASSERT_EQ(0, kt_remove_region(vm, KT_DATA_GPA, parts[i].length));
	}
	close(vm);
	close(kev);
	close(fd);
	EXPECT_EQ(0, umount(LARGE));
	rmdir(LARGE);
}

/* ---- whose bytes ---- */

TEST_F(share, writes_are_private)
{
	const struct kt_job write_first = { .op = KT_WRITE, .address = DATA(1), .value = 0x1111 };
	const struct kt_job write_again = { .op = KT_WRITE, .address = DATA(2), .value = 0x2222 };
	const struct kt_vm_options alone = { .flags = KEV_VM_FAULT_AROUND };
	struct kt_vm a, b;
	uint64_t word, *map;

	ASSERT_EQ(0, kt_vm_init(&a, &self->image, self->fd, &alone));
	ASSERT_EQ(0, kt_vm_init(&b, &self->image, self->fd, &alone));

	/* A page that is written first is a copy from the start; the other one becomes one. */
	EXPECT_TRUE(reads(&b, 2, kt_image_word(2)));
	EXPECT_TRUE(reads(&a, 2, kt_image_word(2)));
	EXPECT_TRUE(reads(&a, 3, kt_image_word(3)));
	EXPECT_EQ(2, kt_vm_stats(a.vm).shared_pages);
	EXPECT_EQ(0, kt_vm_do(&a, 0, &write_first, NULL));
	EXPECT_EQ(0, kt_vm_stats(a.vm).copied_pages);
	EXPECT_EQ(0, kt_vm_stats(a.vm).flushes);
	EXPECT_EQ(0, kt_vm_do(&a, 0, &write_again, NULL));
	EXPECT_EQ(1, kt_vm_stats(a.vm).copied_pages);
	EXPECT_EQ(1, kt_vm_stats(a.vm).flushes);
	EXPECT_EQ(1, kt_vm_stats(a.vm).shared_pages);

	/* The owner's writes are no different. */
	map = kt_map_memory(a.vm, DATA(3), KT_PAGE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(kt_image_word(3), *map);
	*map = 0x3333;
	EXPECT_EQ(2, kt_vm_stats(a.vm).copied_pages);
	EXPECT_EQ(0, kt_vm_stats(a.vm).shared_pages);

	EXPECT_TRUE(reads(&a, 1, 0x1111));
	EXPECT_TRUE(reads(&a, 2, 0x2222));
	EXPECT_TRUE(reads(&a, 3, 0x3333));
	for (uint64_t page = 1; page <= 3; page++) {
		EXPECT_TRUE(reads(&b, page, kt_image_word(page)));
		EXPECT_EQ(8, pread(self->fd, &word, 8, KT_DATA_OFFSET + page * KT_PAGE));
		EXPECT_EQ(kt_image_word(page), word);
	}
	/* What stands behind the word is copied too. */
	EXPECT_EQ(8, kt_read_guest(a.vm, DATA(2) + KT_PAGE - 8, &word, 8));
	EXPECT_EQ(kt_image_word(2) + KT_PAGE - 8, word);
	munmap(map, KT_PAGE);
	kt_vm_fini(&b);
	kt_vm_fini(&a);
}

/* ---- which files, and who ---- */

#define USER	1000

/* What a process without privileges finds */
struct finding {
	int attach;		/* result of kt_vm_init() */
	bool content;		/* the guest reads what is in the file */
	uint64_t shared;	/* pages */
};

enum file_kind { NAMED, DELETED, MEMFD, MEMFD_THAT_SHRINKS, SEALED_MEMFD };

static const int seals[] = {
	[MEMFD] = 0,
	[MEMFD_THAT_SHRINKS] = F_SEAL_WRITE,
	[SEALED_MEMFD] = F_SEAL_WRITE | F_SEAL_SHRINK,
};

static const struct sharing_case {
	const char *name;
	enum file_kind kind;
	uid_t owner;
	mode_t mode;
	unsigned long mount_flags;
	rlim_t memlock;		/* pages */
	uint32_t attach;	/* KEV_ATTACH_* */
	bool shared;
	bool denied;		/* nobody can open the file for writing meanwhile */
} sharing_cases[] = {
	{ "owner", NAMED, USER, 0400, 0, 1000, 0, true, true },
	{ "executable of another", NAMED, 0, 0755, 0, 1000, 0, true, true },
	{ "readable of another", NAMED, 0, 0744, 0, 1000, 0, false, false },
	{ "executable, mount is not", NAMED, 0, 0755, MS_NOEXEC, 1000, 0, false, false },
	{ "small limit", NAMED, 0, 0755, 0, 39, 0, false, true },
	{ "limit just enough", NAMED, 0, 0755, 0, 40, 0, true, true },
	{ "copies wanted", NAMED, 0, 0755, 0, 1000, KEV_ATTACH_COPY, false, true },
	{ "deleted", DELETED, 0, 0755, 0, 1000, 0, false, true },
	{ "memfd", MEMFD, 0, 0755, 0, 1000, 0, false, true },
	{ "memfd that can shrink", MEMFD_THAT_SHRINKS, 0, 0755, 0, 1000, 0, false, true },
	{ "sealed memfd", SEALED_MEMFD, 0, 0755, 0, 1000, 0, true, true },
};

static int open_memfd(const struct kt_image *image, mode_t mode, enum file_kind kind)
{
	int fd = memfd_create("kevtest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = kt_image_write(image, fd);
	if (!ret && (fchmod(fd, mode) || fcntl(fd, F_ADD_SEALS, seals[kind])))
		ret = -errno;
	return ret ? ret : fd;
}

static int open_case(const struct sharing_case *c, const struct kt_image *image)
{
	int fd;

	if (c->kind >= MEMFD)
		return open_memfd(image, c->mode, c->kind);
	fd = create_file(image, IMAGE, c->mode, c->owner);
	if (fd >= 0 && c->kind == DELETED && unlink(IMAGE))
		return -errno;
	return fd;
}

/* The same file once more, for writing: 0 or a negative errno */
static int try_writing(int fd)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_WRONLY | O_CLOEXEC);
	if (again < 0)
		return -errno;
	close(again);
	return 0;
}

/* In a child: a VM of that user, until the pipe is closed */
static void find_as_user(const struct sharing_case *c, const struct kt_image *image, int fd,
			 struct finding *finding, int until)
{
	const struct rlimit limit = { c->memlock * KT_PAGE, c->memlock * KT_PAGE };
	const struct kt_vm_options options = { .attach = c->attach };
	struct kt_vm vm;
	char byte;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresgid(USER, USER, USER) ||
	    setresuid(USER, USER, USER))
		_exit(1);
	finding->attach = kt_vm_init(&vm, image, fd, &options);
	finding->content = reads_all(&vm, image);
	__atomic_store_n(&finding->shared, kt_vm_stats(vm.vm).shared_pages, __ATOMIC_SEQ_CST);
	_exit(read(until, &byte, 1) != 0);
}

#define UNKNOWN	(~0UL)

static void check_case(struct __test_metadata *_metadata, const struct sharing_case *c,
		       const struct kt_image *image, struct finding *finding)
{
	int fd, until[2], status;
	pid_t pid;

	*finding = (struct finding) { .shared = UNKNOWN };
	ASSERT_EQ(0, mount(NULL, MOUNT, NULL, MS_REMOUNT | MS_BIND | c->mount_flags, NULL));
	fd = open_case(c, image);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(until));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(until[1]);
		find_as_user(c, image, fd, finding, until[0]);
	}
	while (__atomic_load_n(&finding->shared, __ATOMIC_SEQ_CST) == UNKNOWN &&
	       waitpid(pid, &status, WNOHANG) != pid)
		sched_yield();
	EXPECT_EQ(0, finding->attach) {
		TH_LOG("%s", c->name);
	}
	EXPECT_TRUE(finding->content) {
		TH_LOG("%s", c->name);
	}
	EXPECT_EQ(c->shared ? image->pages : 0, finding->shared) {
		TH_LOG("%s", c->name);
	}
	EXPECT_EQ(c->denied ? -ETXTBSY : 0, try_writing(fd)) {
		TH_LOG("%s", c->name);
	}
	close(until[1]);
	close(until[0]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("%s", c->name);
	}
	/* With the VM the denial ends. */
	EXPECT_EQ(0, try_writing(fd)) {
		TH_LOG("%s", c->name);
	}
	close(fd);
}

TEST_F(share, which_files_and_who)
{
	struct finding *finding;

	finding = mmap(NULL, KT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)finding);
	ASSERT_EQ(0, chmod("/dev/kev", 0666));
	for (size_t i = 0; i < ARRAY_SIZE(sharing_cases); i++)
		check_case(_metadata, &sharing_cases[i], &self->image, finding);
	ASSERT_EQ(0, chmod("/dev/kev", 0660));
}

#define MAX_PINNED	"/sys/module/kev/parameters/max_pinned_pages"

static int set_max_pinned(long pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", pages);
	return kt_write_file(MAX_PINNED, text);
}

/* Of what the module's parameter does not allow to share there is a copy, for root as well. */
TEST_F(share, max_pinned_pages)
{
	long before = kt_read_number(MAX_PINNED);

	ASSERT_LT(0, before);
	for (int less = 0; less < 2; less++) {
		struct kt_vm vm;

		ASSERT_EQ(0, set_max_pinned(self->image.pages - less));
		EXPECT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, NULL));
		EXPECT_TRUE(reads_all(&vm, &self->image));
		EXPECT_EQ(less ? 0 : self->image.pages, kt_vm_stats(vm.vm).shared_pages);
		kt_vm_fini(&vm);
	}
	EXPECT_EQ(0, set_max_pinned(before));
}

/* Whoever writes the file comes first, or comes too late. */
TEST_F(share, writers)
{
	int fd = open(IMAGE, O_WRONLY | O_CLOEXEC);
	struct kt_vm vm;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ETXTBSY, kt_vm_init(&vm, &self->image, self->fd, NULL));
	kt_vm_fini(&vm);
	close(fd);
	ASSERT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, NULL));
	EXPECT_EQ(-ETXTBSY, try_writing(self->fd));
	EXPECT_EQ(-1, open(IMAGE, O_RDONLY | O_TRUNC));
	EXPECT_EQ(ETXTBSY, errno);
	EXPECT_EQ(-1, truncate(IMAGE, KT_PAGE));
	EXPECT_EQ(ETXTBSY, errno);
	EXPECT_TRUE(reads_all(&vm, &self->image));
	kt_vm_fini(&vm);
	EXPECT_EQ(0, try_writing(self->fd));
}

/* ---- a file that shrinks: a memfd, whose descriptor writes whatever is denied ---- */

TEST_F(share, truncated)
{
	const struct kt_job gone = { .op = KT_READ, .address = DATA(5) + 24 };
	const struct kt_vm_options alone = { .flags = KEV_VM_FAULT_AROUND };
	int fd = open_memfd(&self->image, 0755, MEMFD);
	const struct kev_run *run;
	struct kt_vm vm;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_vm_init(&vm, &self->image, fd, &alone));
	run = vm.run[0];
	EXPECT_TRUE(reads(&vm, 7, kt_image_word(7)));
	/* Into the middle of page 5 */
	ASSERT_EQ(0, ftruncate(fd, KT_DATA_OFFSET + 5 * KT_PAGE + 2000));

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EREMOTEIO, kt_vm_do(&vm, 0, &gone, NULL));
		ASSERT_EQ(KEV_EXIT_MEMORY_ERROR, run->kind);
		EXPECT_EQ(EIO, run->error);
		EXPECT_EQ(DATA(5) + 24, run->memory.gpa);
		EXPECT_EQ(KEV_REGION_IMAGE, run->memory.kind);
	}
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm.vm, DATA(5)));
	/* Resident pages keep their bytes, and others are there. */
	EXPECT_TRUE(reads(&vm, 7, kt_image_word(7)));
	EXPECT_TRUE(reads(&vm, 4, kt_image_word(4)));
	/* When the bytes are back, so is the page. */
	ASSERT_EQ(0, kt_image_write(&self->image, fd));
	EXPECT_TRUE(reads_all(&vm, &self->image));
	kt_vm_fini(&vm);
	close(fd);
}

/* ---- fault-around ---- */

static const struct around_case {
	const char *name;
	uint32_t window;
	uint64_t page;		/* that the guest touches */
	uint64_t first, last;	/* that are there then */
} around_cases[] = {
	{ "off", 0, 5, 5, 5 },
	{ "one", 1, 5, 5, 5 },
	{ "two", 2, 5, 4, 5 },
	{ "default", 16, 17, 16, 31 },
	{ "end of the region", 16, 33, 32, 39 },
	{ "all", 512, 20, 0, 39 },
};

TEST_F(share, fault_around)
{
	for (size_t i = 0; i < ARRAY_SIZE(around_cases); i++) {
		const struct around_case *c = &around_cases[i];
		const struct kt_vm_options options = {
			.flags = KEV_VM_FAULT_AROUND, .fault_around = c->window,
		};
		struct kev_vm_stats stats;
		struct kt_vm vm;

		ASSERT_EQ(0, kt_vm_init(&vm, &self->image, self->fd, &options));
		EXPECT_TRUE(reads(&vm, c->page, kt_image_word(c->page)));
		stats = kt_vm_stats(vm.vm);
		EXPECT_EQ(c->last - c->first, stats.around_pages) {
			TH_LOG("%s", c->name);
		}
		/* The page itself, and the code, which is no whole page */
		EXPECT_EQ(2, stats.file_pages);
		EXPECT_EQ(0, stats.read_pages);
		for (uint64_t page = 0; page < self->image.pages; page++) {
			bool there = page >= c->first && page <= c->last;

			EXPECT_EQ(there ? KEV_PAGE_SHARED : KEV_PAGE_LAZY,
				  kt_page_state(vm.vm, DATA(page))) {
				TH_LOG("%s: page %lu", c->name, page);
			}
		}
		EXPECT_TRUE(reads_all(&vm, &self->image));
		kt_vm_fini(&vm);
	}
}

/* Nothing is read that nobody has touched: around are only pages that are cached. */
TEST_F(share, around_what_is_cached)
{
	static const uint64_t cached[] = { 3, 7, 21 };	/* the last one: beyond the window */
	const struct kt_vm_options options = {
		.flags = KEV_VM_FAULT_AROUND, .fault_around = 16,
	};
	struct kev_vm_stats stats;
	struct kt_vm vm;
	char byte;
	int fd;

	ASSERT_EQ(0, kt_mount_disk());
	fd = create_file(&self->image, "/disk/around", 0755, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kt_write_file("/proc/sys/vm/drop_caches", "1"));
	for (size_t i = 0; i < ARRAY_SIZE(cached); i++) {
		ASSERT_EQ(1, pread(fd, &byte, 1, KT_DATA_OFFSET + cached[i] * KT_PAGE));
	}
	ASSERT_EQ(0, kt_vm_init(&vm, &self->image, fd, &options));
	EXPECT_TRUE(reads(&vm, 0, kt_image_word(0)));
	stats = kt_vm_stats(vm.vm);
	EXPECT_EQ(2, stats.around_pages);
	EXPECT_EQ(3, stats.shared_pages);
	/* Page 0 and the code */
	EXPECT_EQ(2, stats.file_pages);
	EXPECT_EQ(2, stats.read_pages);
	EXPECT_EQ(KEV_PAGE_SHARED, kt_page_state(vm.vm, DATA(3)));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm.vm, DATA(4)));
	EXPECT_EQ(KEV_PAGE_LAZY, kt_page_state(vm.vm, DATA(21)));
	EXPECT_TRUE(reads_all(&vm, &self->image));
	/* Read: all but the three that were in the cache, and the code */
	EXPECT_EQ(self->image.pages - ARRAY_SIZE(cached) + 1, kt_vm_stats(vm.vm).read_pages);
	kt_vm_fini(&vm);
	close(fd);
	EXPECT_EQ(0, unlink("/disk/around"));
}

TEST_HARNESS_MAIN
