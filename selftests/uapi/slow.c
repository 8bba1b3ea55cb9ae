// SPDX-License-Identifier: GPL-2.0
/*
 * Calls on a VM that need bytes of a file whose server does not answer, or fails. Guards that
 * a signal ends the wait and leaves nothing of the call, that a stop of the process is none of
 * the caller's business, that an error is told and is over when the server is well again, and
 * that nobody changes a VM while an image is being attached.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kevtest.h"

/* The file: an image, a table of the guest's, and two pages of data */
#define TABLE_OFFSET	(2 * KT_PAGE)
#define DATA_OFFSET	(3 * KT_PAGE)
#define SIZE		(5 * KT_PAGE)
/* Where they are in the guest; RAM is a page that is there. */
#define TABLE_GPA	0x400000UL
#define DATA_GPA	0x500000UL
#define RAM_GPA		(DATA_GPA - KT_PAGE)

/* The first entry maps the lowest 512 GiB to a table that is not there. */
#define ENTRY		0x7000000007UL
#define WORD		0x0123456789abcdefUL
#define WRITTEN		0xfedcba9876543210UL

static uint8_t file[SIZE];

/* What a process needs for each of the calls. A VM is its own only. */
struct world {
	struct kt_guest guest;
	int attached_to, fd;
};

static int make_world(struct world *world, int fd)
{
	struct kev_vcpu_state state;
	int vm, ret;

	ret = kt_guest_init(&world->guest, &kt_halt, 0, NULL);
	if (ret)
		return ret;
	vm = world->guest.vm;
	world->fd = fd;
	world->attached_to = kt_create_vm(world->guest.kev, 0, NULL);
	if (world->attached_to < 0)
		return world->attached_to;
	ret = kt_add_file(vm, TABLE_GPA, KT_PAGE, fd, TABLE_OFFSET, KT_PAGE) ?:
	      kt_add_file(vm, DATA_GPA, 2 * KT_PAGE, fd, DATA_OFFSET, 2 * KT_PAGE) ?:
	      kt_add_ram(vm, RAM_GPA, KT_PAGE) ?:
	      kt_get_state(world->guest.vcpu, KEV_STATE_CONTROLS, &state);
	if (ret)
		return ret;
	state.controls.cr3 = TABLE_GPA;
	return kt_set_state(world->guest.vcpu, KEV_STATE_CONTROLS, &state);
}

static void end_world(struct world *world)
{
	close(world->attached_to);
	kt_guest_fini(&world->guest);
}

/* Each is 0 if it did what it should, or its errno, or -EILSEQ. */
static long attach(struct world *world)
{
	return kt_attach(world->attached_to, world->fd, KEV_BOOT_DIRECT64, KT_RAM_KIB);
}

static long read_data(struct world *world)
{
	uint64_t word = 0;
	long ret = kt_read_guest(world->guest.vm, DATA_GPA, &word, sizeof(word));

	return ret < 0 ? ret : ret == sizeof(word) && word == WORD ? 0 : -EILSEQ;
}

/* It takes the page's other bytes from the file. */
static long write_data(struct world *world)
{
	const uint64_t written = WRITTEN;
	uint64_t words[2] = {};
	long ret = kt_write_guest(world->guest.vm, DATA_GPA + 8, &written, sizeof(written));

	if (ret < 0)
		return ret;
	if (kt_read_guest(world->guest.vm, DATA_GPA, words, sizeof(words)) != sizeof(words))
		return -EILSEQ;
	return ret == sizeof(written) && words[0] == WORD && words[1] == WRITTEN ? 0 : -EILSEQ;
}

/* That nothing is there only the table tells. */
static long read_virtual(struct world *world)
{
	uint64_t word;
	struct kev_access args = {
		.size = sizeof(args),
		.flags = KEV_ADDRESS_GVA,
		.buffer = (uintptr_t)&word,
		.length = sizeof(word),
	};
	long ret = kt_ioctl(world->guest.vm, KEV_VM_READ, &args);

	return ret == -ENOENT ? 0 : ret ?: -EILSEQ;
}

static long translate(struct world *world)
{
	struct kev_translate args = { .size = sizeof(args), .flags = KEV_ADDRESS_GVA };
	long ret = kt_ioctl(world->guest.vm, KEV_VM_TRANSLATE, &args);

	return ret < 0 ? ret : args.mapped ? -EILSEQ : 0;
}

FIXTURE(slow) {
	struct kt_fuse fuse;
	int fd;
};

FIXTURE_VARIANT(slow) {
	long (*call)(struct world *world);
};

FIXTURE_VARIANT_ADD(slow, attach) { attach };
FIXTURE_VARIANT_ADD(slow, read) { read_data };
FIXTURE_VARIANT_ADD(slow, write) { write_data };
FIXTURE_VARIANT_ADD(slow, read_virtual) { read_virtual };
FIXTURE_VARIANT_ADD(slow, translate) { translate };

static int mount_file(struct kt_fuse *fuse)
{
	const struct kt_fuse_file served = { .size = SIZE, .arg = file };
	const uint64_t entry = ENTRY, word = WORD;
	struct stat st;
	struct kt_elf elf;
	int fd;

	kt_elf_init(&elf, kt_halt.end - kt_halt.start);
	memcpy(file, &elf, sizeof(elf));
	memcpy(file + KT_CODE_OFFSET, kt_halt.start, kt_halt.end - kt_halt.start);
	memcpy(file + TABLE_OFFSET, &entry, sizeof(entry));
	memcpy(file + DATA_OFFSET, &word, sizeof(word));
	if (kt_fuse_mount(fuse, &served))
		return -1;
	fd = open(fuse->path, O_RDONLY | O_CLOEXEC);
	/* The kernel asks for the size of a mount's root only now. */
	return fd >= 0 && !fstat(fd, &st) && st.st_size == SIZE ? fd : -1;
}

FIXTURE_SETUP(slow)
{
	self->fd = mount_file(&self->fuse);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(slow)
{
	close(self->fd);
	EXPECT_EQ(0, kt_fuse_unmount(&self->fuse));
}

/* ---- a process that waits ---- */

/* Why it ended, as its exit status */
enum { GOOD, NO_WORLD, NOT_INTERRUPTED, BAD_RESULT };

/*
 * The call, in a process of its own. With @again the first one is to end by a signal, which a byte
 * to @told says.
 */
static void caller(long (*call)(struct world *world), int fd, bool again, int told)
{
	struct world world;
	long ret;

	if (kt_ignore_signal(SIGUSR1) || make_world(&world, fd))
		_exit(NO_WORLD);
	ret = call(&world);
	if (again) {
		if (ret != -EINTR || write(told, "", 1) != 1)
			_exit(NOT_INTERRUPTED);
		ret = call(&world);
	}
	end_world(&world);
	_exit(ret ? BAD_RESULT : GOOD);
}

/* Its pid, with its read in the server; *@told is where it says that the call has ended. */
static pid_t start_caller(FIXTURE_DATA(slow) *self, const FIXTURE_VARIANT(slow) *variant,
			  bool again, int *told)
{
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -1;
	kt_fuse_hold(&self->fuse, true);
	pid = fork();
	if (!pid)
		caller(variant->call, self->fd, again, pipes[1]);
	close(pipes[1]);
	*told = pipes[0];
	if (pid > 0)
		kt_fuse_wait_held(&self->fuse, 1);
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Nothing has been done: the same call does all of it. */
TEST_F(slow, signal)
{
	char byte;
	pid_t pid;
	int told;

	pid = start_caller(self, variant, true, &told);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	/* The server has not answered yet. */
	EXPECT_EQ(1, read(told, &byte, 1));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(GOOD, end_of(pid));
	close(told);
}

/* No handler runs, so the call goes on; the wait itself is over, or the process would not stop. */
TEST_F(slow, stop)
{
	int told, status;
	pid_t pid;

	pid = start_caller(self, variant, false, &told);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	EXPECT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(GOOD, end_of(pid));
	close(told);
}

TEST_F(slow, kill)
{
	pid_t pid;
	int told;

	pid = start_caller(self, variant, false, &told);
	ASSERT_LE(0, pid);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* The server has not answered yet. */
	EXPECT_EQ(-SIGKILL, end_of(pid));
	kt_fuse_hold(&self->fuse, false);
	close(told);
}

TEST_F(slow, server_errors)
{
	struct world world;

	ASSERT_EQ(0, make_world(&world, self->fd));
	kt_fuse_fail(&self->fuse, ENODATA);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(-EIO, variant->call(&world));
	kt_fuse_fail(&self->fuse, 0);
	EXPECT_EQ(0, variant->call(&world));
	end_world(&world);
}

/* ---- what is not the same for each call ---- */

FIXTURE(slow_file) {
	struct kt_fuse fuse;
	struct world world;
	int fd;
};

FIXTURE_SETUP(slow_file)
{
	self->fd = mount_file(&self->fuse);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, make_world(&self->world, self->fd));
}

FIXTURE_TEARDOWN(slow_file)
{
	end_world(&self->world);
	close(self->fd);
	EXPECT_EQ(0, kt_fuse_unmount(&self->fuse));
}

/* Bytes that were copied are told of, and the error only where there are none. */
TEST_F(slow_file, bytes_before_an_error)
{
	int vm = self->world.guest.vm;
	uint8_t bytes[3 * KT_PAGE] = {};

	kt_fuse_fail(&self->fuse, ENODATA);
	EXPECT_EQ(KT_PAGE, kt_read_guest(vm, RAM_GPA, bytes, sizeof(bytes)));
	EXPECT_EQ(KT_PAGE, kt_write_guest(vm, RAM_GPA, bytes, sizeof(bytes)));
	EXPECT_EQ(-EIO, kt_read_guest(vm, RAM_GPA + KT_PAGE, bytes, sizeof(bytes)));
	kt_fuse_fail(&self->fuse, 0);
	EXPECT_EQ(3 * KT_PAGE, kt_read_guest(vm, RAM_GPA, bytes, sizeof(bytes)));
	EXPECT_EQ(0, memcmp(bytes + KT_PAGE, file + DATA_OFFSET, 2 * KT_PAGE));
}

TEST_F(slow_file, problem_of_an_image)
{
	struct kev_attach_image args = {
		.size = sizeof(args),
		.fd = self->fd,
		.boot = KEV_BOOT_DIRECT64,
		.ram_kib = KT_RAM_KIB,
	};
	struct kev_query_memory left;

	kt_fuse_fail(&self->fuse, ENODATA);
	EXPECT_EQ(-EIO, kt_ioctl(self->world.attached_to, KEV_VM_ATTACH_IMAGE, &args));
	EXPECT_EQ(KEV_IMAGE_READ, args.problem);
	EXPECT_EQ(-ENOENT, kt_query_memory(self->world.attached_to, 0, &left));
}

/* A thread that attaches the image */
struct attacher {
	struct kt_runner runner;	/* only its thread */
	struct world *world;
};

static void *attacher_main(void *arg)
{
	struct attacher *attacher = arg;

	attacher->runner.ret = attach(attacher->world);
	return NULL;
}

TEST_F(slow_file, busy_while_attaching)
{
	struct attacher attacher = { .world = &self->world };
	int vm = self->world.attached_to, vcpu;

	kt_fuse_hold(&self->fuse, true);
	ASSERT_EQ(0, pthread_create(&attacher.runner.thread, NULL, attacher_main, &attacher));
	kt_fuse_wait_held(&self->fuse, 1);
	EXPECT_EQ(-EBUSY, kt_create_vcpu(vm, 0));
	EXPECT_EQ(-EBUSY, attach(&self->world));
	/* What does not depend on the image is not kept waiting. */
	EXPECT_EQ(0, kt_add_ram(vm, DATA_GPA, KT_PAGE));
	EXPECT_EQ(0, kt_remove_region(vm, DATA_GPA, KT_PAGE));

	kt_fuse_hold(&self->fuse, false);
	EXPECT_EQ(0, kt_runner_join(&attacher.runner));
	EXPECT_EQ(-EBUSY, attach(&self->world));
	vcpu = kt_create_vcpu(vm, 0);
	EXPECT_LE(0, vcpu);
	close(vcpu);
}

TEST_HARNESS_MAIN
