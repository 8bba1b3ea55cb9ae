// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what, and how much of it. Guards that the group of /dev/kev is all that a user
 * needs, in a user namespace and behind a system-call filter, too; and that the limits of
 * a user hold over all his processes, and for nobody else.
 */
#include "kselftest_harness.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kevtest.h"

#define DEVICE		"/dev/kev"
#define PARAMETERS	"/sys/module/kev/parameters/"
#define GROUP		54321
#define OTHER_GROUP	54322
#define USER		54323
#define OTHER_USER	54324

#define GPA	0x200000UL
#define LENGTH	(16 * KT_PAGE)

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* From now on nobody with any privilege */
static int become(uid_t user, gid_t group)
{
	if (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(user, user, user))
		return -errno;
	return 0;
}

FIXTURE(rights) {
	struct stat device;
	long max_vms, max_vcpus, max_pinned_pages;
};

FIXTURE_SETUP(rights)
{
	ASSERT_EQ(0, stat(DEVICE, &self->device));
	self->max_vms = kt_read_number(PARAMETERS "max_vms");
	self->max_vcpus = kt_read_number(PARAMETERS "max_vcpus");
	self->max_pinned_pages = kt_read_number(PARAMETERS "max_pinned_pages");
	ASSERT_LT(0, self->max_vms);
	ASSERT_LT(0, self->max_vcpus);
	ASSERT_LT(0, self->max_pinned_pages);
	ASSERT_EQ(0, chown(DEVICE, 0, GROUP));
}

static int set_parameter(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	return kt_write_file(path, text);
}

FIXTURE_TEARDOWN(rights)
{
	EXPECT_EQ(0, chown(DEVICE, self->device.st_uid, self->device.st_gid));
	EXPECT_EQ(0, set_parameter(PARAMETERS "max_vms", self->max_vms));
	EXPECT_EQ(0, set_parameter(PARAMETERS "max_vcpus", self->max_vcpus));
	EXPECT_EQ(0, set_parameter(PARAMETERS "max_pinned_pages", self->max_pinned_pages));
}

/* A guest from its making to its end: 0, or what went wrong */
static int run_guest(void)
{
	struct kt_guest guest;
	int ret = kt_guest_init(&guest, &kt_halt, 0, NULL);

	if (ret)
		return ret;
	if (kt_run(guest.vcpu) || guest.run->kind != KEV_EXIT_VM_EXITED)
		ret = -EIO;
	kt_guest_fini(&guest);
	return ret;
}

static const struct {
	const char *name;
	uid_t user;
	gid_t group;
	bool namespace;
	int open;		/* result of open() */
} openers[] = {
	{ "member", USER, GROUP, false, 0 },
	{ "no member", USER, OTHER_GROUP, false, EACCES },
	{ "member in a user namespace", USER, GROUP, true, 0 },
	{ "root of a user namespace alone", USER, OTHER_GROUP, true, EACCES },
};

/* In a child: its exit status */
static int open_and_run(size_t i)
{
	int fd;

	if (become(openers[i].user, openers[i].group))
		return 1;
	if (openers[i].namespace && unshare(CLONE_NEWUSER))
		return 2;
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if ((fd < 0 ? errno : 0) != openers[i].open)
		return 3;
	if (fd < 0)
		return 0;
	return run_guest() ? 4 : 0;
}

TEST_F(rights, open)
{
	/* As the module makes it; a rule of udev's gives it a group. */
	EXPECT_EQ(0660, self->device.st_mode & 0777);
	EXPECT_EQ(0, self->device.st_uid);
	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(open_and_run(i));
		EXPECT_EQ(0, wait_for(pid)) {
			TH_LOG("%s", openers[i].name);
		}
	}
}

/* What is left to a process that only runs a guest which it has made before */
static int allow_ioctl_alone(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

TEST_F(rights, seccomp)
{
	struct kt_guest guest;
	pid_t pid = fork();

	if (!pid) {
		if (become(USER, GROUP) || kt_guest_init(&guest, &kt_halt, 0, NULL))
			_exit(1);
		if (allow_ioctl_alone())
			_exit(2);
		_exit(kt_run(guest.vcpu) || guest.run->kind != KEV_EXIT_VM_EXITED ? 3 : 0);
	}
	EXPECT_EQ(0, wait_for(pid));
}

/* In a child of a user: a VM more, and its fate; it stays until the child is killed. */
static pid_t keep_vm(uid_t user, int expected)
{
	pid_t pid = fork();
	int vm;

	if (pid)
		return pid;
	if (become(user, GROUP))
		_exit(1);
	vm = kt_create_plain_vm(kt_open());
	if (expected ? vm != expected : vm < 0)
		_exit(2);
	if (!expected)
		kill(getpid(), SIGSTOP);
	_exit(0);
}

static bool is_stopped(pid_t pid)
{
	int status;

	return waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
}

static int end(pid_t pid)
{
	kill(pid, SIGKILL);
	return wait_for(pid) == 128 + SIGKILL ? 0 : -1;
}

TEST_F(rights, vms_of_a_user)
{
	pid_t first, second;

	ASSERT_EQ(0, set_parameter(PARAMETERS "max_vms", 2));
	first = keep_vm(USER, 0);
	ASSERT_TRUE(is_stopped(first));
	second = keep_vm(USER, 0);
	ASSERT_TRUE(is_stopped(second));
	/* In a process of its own the third is the third still. */
	EXPECT_EQ(0, wait_for(keep_vm(USER, -EDQUOT)));
	/* Others have their own. */
	EXPECT_EQ(0, run_guest());

	/* One goes, another comes. */
	EXPECT_EQ(0, end(first));
	first = keep_vm(USER, 0);
	EXPECT_TRUE(is_stopped(first));
	EXPECT_EQ(0, wait_for(keep_vm(USER, -EDQUOT)));
	ASSERT_EQ(0, set_parameter(PARAMETERS "max_vms", 0));
	EXPECT_EQ(0, wait_for(keep_vm(OTHER_USER, -EDQUOT)));
	EXPECT_EQ(0, end(first));
	EXPECT_EQ(0, end(second));
}

TEST_F(rights, vcpus_of_a_user)
{
	int kev = kt_open(), vm[2], vcpu[3];

	ASSERT_LE(0, kev);
	for (size_t i = 0; i < 2; i++) {
		vm[i] = kt_create_plain_vm(kev);
		ASSERT_LE(0, vm[i]);
	}
	ASSERT_EQ(0, set_parameter(PARAMETERS "max_vcpus", 3));
	vcpu[0] = kt_create_vcpu(vm[0], 0);
	vcpu[1] = kt_create_vcpu(vm[0], 1);
	vcpu[2] = kt_create_vcpu(vm[1], 0);
	for (size_t i = 0; i < 3; i++)
		ASSERT_LE(0, vcpu[i]);
	EXPECT_EQ(-EDQUOT, kt_create_vcpu(vm[1], 1));
	/* One that cannot be made is not counted. */
	close(vcpu[2]);
	EXPECT_EQ(-EEXIST, kt_create_vcpu(vm[0], 1));
	vcpu[2] = kt_create_vcpu(vm[1], 1);
	EXPECT_LE(0, vcpu[2]);
	EXPECT_EQ(-EDQUOT, kt_create_vcpu(vm[1], 2));
	for (size_t i = 0; i < 3; i++)
		close(vcpu[i]);
	close(vm[0]);
	close(vm[1]);
	close(kev);
}

/* In a child of a user who may pin LENGTH: a region of his, and its fate */
static pid_t keep_pinned(uid_t user, int expected)
{
	const struct rlimit limit = { LENGTH, LENGTH };
	pid_t pid = fork();
	void *at;
	int ret;

	if (pid)
		return pid;
	at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || setrlimit(RLIMIT_MEMLOCK, &limit) || become(user, GROUP))
		_exit(1);
	ret = kt_add_user(kt_create_plain_vm(kt_open()), GPA, LENGTH, at, KT_RWX);
	if (ret != expected)
		_exit(2);
	if (!expected)
		kill(getpid(), SIGSTOP);
	_exit(0);
}

TEST_F(rights, pins_of_a_user)
{
	pid_t pid = keep_pinned(USER, 0), other;

	ASSERT_TRUE(is_stopped(pid));
	EXPECT_EQ(0, wait_for(keep_pinned(USER, -ENOMEM)));
	other = keep_pinned(OTHER_USER, 0);
	EXPECT_TRUE(is_stopped(other));
	EXPECT_EQ(0, end(pid));
	pid = keep_pinned(USER, 0);
	EXPECT_TRUE(is_stopped(pid));
	EXPECT_EQ(0, end(pid));
	EXPECT_EQ(0, end(other));
}

/* In a child: what RLIMIT_MEMLOCK does not allow counts for nothing with the other limit. */
static int pin_after_refusal(void *at)
{
	const struct rlimit limit = { LENGTH - KT_PAGE, LENGTH - KT_PAGE };
	int vm;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || become(USER, GROUP))
		return 1;
	vm = kt_create_plain_vm(kt_open());
	if (kt_add_user(vm, GPA, LENGTH, at, KT_RWX) != -ENOMEM)
		return 2;
	return kt_add_user(vm, GPA, LENGTH - KT_PAGE, at, KT_RWX) ? 3 : 0;
}

/* The administrator's limit holds for root, whom RLIMIT_MEMLOCK does not bind. */
TEST_F(rights, pins_of_root)
{
	const size_t pages = LENGTH / KT_PAGE;
	int kev = kt_open(), vm[2];
	uint8_t *at = mmap(NULL, LENGTH + KT_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t other;

	ASSERT_NE(MAP_FAILED, at);
	for (size_t i = 0; i < 2; i++) {
		vm[i] = kt_create_plain_vm(kev);
		ASSERT_LE(0, vm[i]);
	}
	ASSERT_EQ(0, set_parameter(PARAMETERS "max_pinned_pages", pages));
	EXPECT_EQ(-EDQUOT, kt_add_user(vm[0], GPA, LENGTH + KT_PAGE, at, KT_RWX));
	EXPECT_EQ(0, kt_add_user(vm[0], GPA, LENGTH - KT_PAGE, at, KT_RWX));
	/* In all VMs, and what is refused counts for nothing. */
	EXPECT_EQ(-EDQUOT, kt_add_user(vm[1], GPA, 2 * KT_PAGE, at, KT_RWX));
	EXPECT_EQ(-EFAULT, kt_add_user(vm[1], GPA, KT_PAGE, NULL, KT_RWX));
	EXPECT_EQ(0, kt_add_user(vm[1], GPA, KT_PAGE, at, KT_RWX));
	/* Others have their own. */
	other = fork();
	if (!other)
		_exit(pin_after_refusal(at));
	EXPECT_EQ(0, wait_for(other));

	/* There may be more of them than are allowed from now on. */
	EXPECT_EQ(0, set_parameter(PARAMETERS "max_pinned_pages", 1));
	EXPECT_EQ(-EDQUOT, kt_add_user(vm[1], 2 * GPA, KT_PAGE, at, KT_RWX));
	EXPECT_EQ(0, kt_remove_region(vm[0], GPA, LENGTH - KT_PAGE));
	EXPECT_EQ(-EDQUOT, kt_add_user(vm[0], GPA, KT_PAGE, at, KT_RWX));
	close(vm[1]);
	EXPECT_EQ(0, kt_add_user(vm[0], GPA, KT_PAGE, at, KT_RWX));
	close(vm[0]);
	close(kev);
	munmap(at, LENGTH + KT_PAGE);
}

TEST_HARNESS_MAIN
