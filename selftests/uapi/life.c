// SPDX-License-Identifier: GPL-2.0
/*
 * How long things live, and whose they are. Guards that a VM goes when the
 * last descriptor goes, in whatever order and however its process ends, that
 * another process can watch a VM but not run or change it, and that nothing is
 * left behind.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kevtest.h"

#define REFCNT	"/sys/module/kev/refcnt"

FIXTURE(life) {
	struct kt_guest guest;
	long refcnt;		/* of the module, before anything was opened */
};

FIXTURE_SETUP(life)
{
	self->refcnt = kt_read_number(REFCNT);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_LT(self->refcnt, kt_read_number(REFCNT));
}

FIXTURE_TEARDOWN(life)
{
	kt_guest_fini(&self->guest);
	/* Every file that is open holds the module: nothing is left. */
	EXPECT_EQ(self->refcnt, kt_read_number(REFCNT));
}

/* What another process can do: the errno of each call, 0 for success */
static const struct {
	const char *name;
	bool vcpu;
	unsigned long cmd;
	uint32_t size;		/* 0: no structure */
	int result;
} foreign_calls[] = {
	{ "KEV_VM_CREATE_VCPU", false, KEV_VM_CREATE_VCPU, sizeof(struct kev_create_vcpu), -EPERM },
	{ "KEV_VM_ADD_REGION", false, KEV_VM_ADD_REGION, sizeof(struct kev_add_region), -EPERM },
	{ "KEV_VM_ATTACH_IMAGE", false, KEV_VM_ATTACH_IMAGE, sizeof(struct kev_attach_image),
	  -EPERM },
	{ "KEV_VM_REMOVE_REGION", false, KEV_VM_REMOVE_REGION, sizeof(struct kev_range_args),
	  -EPERM },
	{ "KEV_VM_QUERY_MEMORY", false, KEV_VM_QUERY_MEMORY, sizeof(struct kev_query_memory),
	  -EPERM },
	{ "KEV_VM_DISCARD", false, KEV_VM_DISCARD, sizeof(struct kev_range_args), -EPERM },
	{ "KEV_VM_GET_DIRTY", false, KEV_VM_GET_DIRTY, sizeof(struct kev_get_dirty), -EPERM },
	{ "KEV_VM_TRANSLATE", false, KEV_VM_TRANSLATE, sizeof(struct kev_translate), -EPERM },
	{ "KEV_VM_READ", false, KEV_VM_READ, sizeof(struct kev_access), -EPERM },
	{ "KEV_VM_WRITE", false, KEV_VM_WRITE, sizeof(struct kev_access), -EPERM },
	{ "KEV_VM_SET_CPUID", false, KEV_VM_SET_CPUID, sizeof(struct kev_cpuid), -EPERM },
	{ "KEV_VM_GET_SUPPORTED_CPUID", false, KEV_VM_GET_SUPPORTED_CPUID,
	  sizeof(struct kev_cpuid), -EPERM },
	{ "KEV_VM_SET_MSRS", false, KEV_VM_SET_MSRS, sizeof(struct kev_set_msrs), -EPERM },
	{ "KEV_VM_SET_EXITS", false, KEV_VM_SET_EXITS, sizeof(struct kev_set_exits), -EPERM },
	{ "KEV_VM_DOORBELL", false, KEV_VM_DOORBELL, sizeof(struct kev_doorbell), -EPERM },
	{ "KEV_VM_IRQFD", false, KEV_VM_IRQFD, sizeof(struct kev_irqfd), -EPERM },
	{ "KEV_VM_SIGNAL", false, KEV_VM_SIGNAL, sizeof(struct kev_signal), -EPERM },
	{ "KEV_VM_COUNTERS", false, KEV_VM_COUNTERS, sizeof(struct kev_counters), -E2BIG },
	{ "KEV_VM_STATUS", false, KEV_VM_STATUS, sizeof(struct kev_vm_status), 0 },
	{ "KEV_VM_STATS", false, KEV_VM_STATS, sizeof(struct kev_vm_stats), 0 },
	{ "KEV_VCPU_RUN", true, KEV_VCPU_RUN, 0, -EPERM },
	{ "KEV_VCPU_GET_STATE", true, KEV_VCPU_GET_STATE, sizeof(struct kev_vcpu_state), -EPERM },
	{ "KEV_VCPU_SET_STATE", true, KEV_VCPU_SET_STATE, sizeof(struct kev_vcpu_state), -EPERM },
	{ "KEV_VCPU_STATS", true, KEV_VCPU_STATS, sizeof(struct kev_vcpu_stats), 0 },
	{ "KEV_VCPU_INTERRUPT", true, KEV_VCPU_INTERRUPT, sizeof(struct kev_vcpu_interrupt),
	  -EPERM },
	{ "KEV_VCPU_INJECT", true, KEV_VCPU_INJECT, sizeof(struct kev_vcpu_inject), -EPERM },
	{ "KEV_VCPU_SET_DEBUG", true, KEV_VCPU_SET_DEBUG, sizeof(struct kev_vcpu_debug), -EPERM },
	{ "KEV_VCPU_COUNTERS", true, KEV_VCPU_COUNTERS, sizeof(struct kev_counters), -E2BIG },
	{ "KEV_VCPU_KICK", true, KEV_VCPU_KICK, 0, 0 },
	{ "unknown call", false, _IO(KEV_IOCTL_TYPE, 0xff), 0, -ENOTTY },
};

/* A call that is not in the table is none of this object's. */
static int watch_unknown(int fd, bool vcpu)
{
	int wrong = 0;

	for (unsigned int number = 0; number < 0x100; number++) {
		unsigned long cmd = _IO(KEV_IOCTL_TYPE, number);
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(foreign_calls); i++)
			known |= foreign_calls[i].cmd == cmd && foreign_calls[i].vcpu == vcpu;
		if (known || kt_ioctl(fd, cmd, NULL) == -ENOTTY)
			continue;
		printf("# %s call %#x is not in the table\n", vcpu ? "vCPU" : "VM", number);
		wrong++;
	}
	return wrong;
}

/* In the other process: the number of things that went wrong. Prints them. */
static int watch(int vm, int vcpu)
{
	int wrong = watch_unknown(vm, false) + watch_unknown(vcpu, true);
	uint8_t arg[1024];
	char bytes[8];

	for (size_t i = 0; i < ARRAY_SIZE(foreign_calls); i++) {
		bool has_arg = foreign_calls[i].size;
		long ret;

		memset(arg, 0, sizeof(arg));
		memcpy(arg, &foreign_calls[i].size, sizeof(uint32_t));
		ret = kt_ioctl(foreign_calls[i].vcpu ? vcpu : vm, foreign_calls[i].cmd,
			       has_arg ? arg : NULL);
		if (ret == foreign_calls[i].result)
			continue;
		printf("# %s: %ld\n", foreign_calls[i].name, ret);
		wrong++;
	}
	errno = 0;
	if (mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED, vcpu, 0) != MAP_FAILED || errno != EPERM) {
		printf("# mmap: errno %d\n", errno);
		wrong++;
	}
	/* The VM has printed nothing and is alive. */
	fcntl(vm, F_SETFL, O_NONBLOCK);
	errno = 0;
	if (read(vm, bytes, sizeof(bytes)) != -1 || errno != EAGAIN) {
		printf("# read: errno %d\n", errno);
		wrong++;
	}
	if (kt_poll(vm) != 0) {
		printf("# poll: %#x\n", kt_poll(vm));
		wrong++;
	}
	fflush(stdout);
	return wrong;
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* After another process has been there the VM runs as if nothing had been. */
static void expect_runs(struct __test_metadata *_metadata, struct kt_guest *guest)
{
	/* It may have left a kick. */
	long ret = kt_run(guest->vcpu);

	if (ret == -EINTR)
		ret = kt_run(guest->vcpu);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest->run->kind);
	EXPECT_EQ(0x1234, guest->run->exit_code);
}

TEST_F(life, fork)
{
	pid_t pid = fork();

	if (!pid)
		_exit(watch(self->guest.vm, self->guest.vcpu));
	EXPECT_EQ(0, wait_for(pid));
	expect_runs(_metadata, &self->guest);
}

/* The child has no mapping of the run page. */
TEST_F(life, run_page_is_not_inherited)
{
	unsigned char resident;
	pid_t pid = fork();

	if (!pid) {
		/* ENOMEM: nothing is mapped there */
		int ret = mincore(self->guest.run, KT_PAGE, &resident);

		_exit(!(ret == -1 && errno == ENOMEM));
	}
	EXPECT_EQ(0, wait_for(pid));
	EXPECT_EQ(0, mincore(self->guest.run, KT_PAGE, &resident));
}

static int send_fds(int sock, const int *fds)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, 2 * sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fds(int sock, int *fds)
{
	char control[CMSG_SPACE(2 * sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(fds, CMSG_DATA(cmsg), 2 * sizeof(int));
	return 0;
}

/* A process that never had the VM gets it over a socket, and keeps it alive. */
TEST_F(life, sent_over_a_socket)
{
	int sockets[2], fds[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = fork();
	if (!pid) {
		close(sockets[0]);
		kt_guest_fini(&self->guest);
		if (receive_fds(sockets[1], fds))
			_exit(101);
		if (watch(fds[0], fds[1]))
			_exit(102);
		/* Its maker closes everything; the VM is still there. */
		if (read(sockets[1], &byte, 1) != 1)
			_exit(103);
		_exit(kt_status(fds[0]).state != KEV_VM_ALIVE ||
		      kt_vm_stats(fds[0]).vcpus != 1);
	}
	close(sockets[1]);
	fds[0] = self->guest.vm;
	fds[1] = self->guest.vcpu;
	ASSERT_EQ(0, send_fds(sockets[0], fds));
	kt_guest_fini(&self->guest);
	ASSERT_EQ(1, write(sockets[0], "x", 1));
	EXPECT_EQ(0, wait_for(pid));
	close(sockets[0]);
}

/* Descriptors on their way keep a VM, and their loss ends it. */
TEST_F(life, lost_in_a_socket)
{
	int sockets[2], fds[2] = { self->guest.vm, self->guest.vcpu };

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	ASSERT_EQ(0, send_fds(sockets[0], fds));
	kt_guest_fini(&self->guest);
	EXPECT_LT(self->refcnt, kt_read_number(REFCNT));
	close(sockets[0]);
	close(sockets[1]);
}

/* The watcher's kick ends a RUN of the maker. */
TEST_F(life, foreign_kick)
{
	struct kt_guest spinner;
	struct kt_runner runner;
	pid_t pid;

	ASSERT_EQ(0, kt_guest_init(&spinner, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, spinner.vcpu, -1));
	pid = fork();
	if (!pid)
		_exit(!!kt_ioctl(spinner.vcpu, KEV_VCPU_KICK, NULL));
	EXPECT_EQ(-EINTR, kt_runner_join(&runner));
	EXPECT_EQ(0, wait_for(pid));
	kt_guest_fini(&spinner);
}

/* A watcher reads what is printed and sees the end. */
TEST_F(life, foreign_reader)
{
	struct pollfd poll_fd = { .fd = self->guest.vm, .events = 0 };
	pid_t pid = fork();
	char byte;

	if (!pid) {
		poll(&poll_fd, 1, -1);
		_exit(poll_fd.revents != POLLHUP || read(self->guest.vm, &byte, 1) != 0 ||
		      kt_status(self->guest.vm).exit_code != 0x1234);
	}
	expect_runs(_metadata, &self->guest);
	EXPECT_EQ(0, wait_for(pid));
}

TEST_F(life, dup)
{
	struct kt_guest *guest = &self->guest;
	int vm = dup(guest->vm), vcpu = dup(guest->vcpu);

	ASSERT_LE(0, vm);
	ASSERT_LE(0, vcpu);
	close(guest->vm);
	close(guest->vcpu);
	guest->vm = vm;
	guest->vcpu = vcpu;
	expect_runs(_metadata, guest);
	EXPECT_EQ(KEV_VM_EXITED, kt_status(vm).state);
}

struct closer {
	int from;
	atomic_bool stop;
};

static void *close_all(void *arg)
{
	struct closer *closer = arg;

	while (!atomic_load(&closer->stop))
		for (int i = 0; i < 3; i++)
			close(closer->from + i);
	return NULL;
}

/*
 * Another thread closes what a call is about to return, which has the first free number: on one CPU
 * it hardly comes in between.
 */
TEST_F(life, closed_while_made)
{
	struct closer closer = { .from = fcntl(self->guest.kev, F_DUPFD, self->guest.vcpu) };
	pthread_t thread;
	int gap;

	ASSERT_LE(0, closer.from);
	/* None is free below what the thread closes. */
	while ((gap = dup(STDIN_FILENO)) >= 0 && gap < closer.from)
		;
	close(gap);
	close(closer.from);
	ASSERT_EQ(0, pthread_create(&thread, NULL, close_all, &closer));
	for (int i = 0; i < 1000; i++) {
		int vm = kt_create_vm(self->guest.kev, 0, NULL), vcpu = kt_create_vcpu(vm, 0);

		EXPECT_LE(0, vm);
		EXPECT_TRUE(vcpu >= 0 || vcpu == -EBADF);
		close(vcpu);
		close(vm);
	}
	atomic_store(&closer.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_F(life, close_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->guest.vm, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->guest.vcpu, F_GETFD));
}

/* Device, VM, vCPU and run page, in every order */
enum part { DEV, VM, VCPU, RUN, NR_PARTS };

static void close_part(struct kt_guest *guest, enum part part)
{
	switch (part) {
	case DEV:
		close(guest->kev);
		guest->kev = -1;
		break;
	case VM:
		close(guest->vm);
		guest->vm = -1;
		break;
	case VCPU:
		close(guest->vcpu);
		guest->vcpu = -1;
		break;
	default:
		kt_unmap_run(guest->run);
		guest->run = NULL;
	}
}

/* What is left still works. */
static void expect_parts_work(struct __test_metadata *_metadata, struct kt_guest *guest)
{
	struct kev_query query = { .size = sizeof(query) };

	if (guest->kev >= 0) {
		EXPECT_EQ(0, kt_ioctl(guest->kev, KEV_QUERY, &query));
	}
	if (guest->vm >= 0) {
		EXPECT_EQ(KEV_VM_EXITED, kt_status(guest->vm).state);
		EXPECT_EQ(0x1234, kt_status(guest->vm).exit_code);
		EXPECT_EQ(1, kt_vm_stats(guest->vm).vcpus);
	}
	if (guest->vcpu >= 0) {
		EXPECT_EQ(0, kt_run(guest->vcpu));
	}
	if (guest->run) {
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guest->run->kind);
		EXPECT_EQ(0x1234, guest->run->exit_code);
	}
}

static void close_in_order(struct __test_metadata *_metadata, const enum part *order)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	for (int i = 0; i < NR_PARTS; i++) {
		close_part(&guest, order[i]);
		expect_parts_work(_metadata, &guest);
	}
}

TEST_F(life, close_order)
{
	int orders = 0;

	kt_guest_fini(&self->guest);
	for (int i = 0; i < 256; i++) {
		const enum part order[] = { i & 3, i >> 2 & 3, i >> 4 & 3, i >> 6 & 3 };
		unsigned int parts = 0;

		for (int j = 0; j < NR_PARTS; j++)
			parts |= 1U << order[j];
		if (parts != 0xf)
			continue;
		orders++;
		close_in_order(_metadata, order);
		EXPECT_EQ(self->refcnt, kt_read_number(REFCNT)) {
			TH_LOG("order %d%d%d%d", order[0], order[1], order[2], order[3]);
		}
	}
	EXPECT_EQ(24, orders);
}

/* A guest goes on when all that is left of it is the RUN that it is in. */
TEST_F(life, closed_while_running)
{
	struct kt_guest spinner;
	struct kt_runner runner;

	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	ASSERT_EQ(0, kt_guest_init(&spinner, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, spinner.vcpu, -1));
	kt_guest_fini(&spinner);
	for (int i = 0; i < 3; i++)
		sched_yield();
	ASSERT_EQ(0, pthread_kill(runner.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, kt_runner_join(&runner));
}

/* In a process of its own: guests that spin, and then its end. */
static void spin_and(void (*end)(void))
{
	struct kt_guest guests[2];
	struct kt_runner runners[4];

	for (int i = 0; i < 2; i++) {
		int second;

		if (kt_guest_init(&guests[i], i ? &kt_spin : &kt_spin_if, 0, NULL))
			_exit(101);
		second = kt_create_vcpu(guests[i].vm, 1);
		if (kt_runner_enter(&runners[2 * i], guests[i].vcpu, -1) ||
		    kt_runner_enter(&runners[2 * i + 1], second, -1))
			_exit(102);
	}
	end();
	_exit(103);
}

static void end_by_exit(void)
{
	_exit(7);
}

static void end_by_signal(void)
{
	raise(SIGKILL);
}

static void end_by_abort(void)
{
	abort();
}

static void end_by_exec(void)
{
	execl("/bin/true", "true", NULL);
}

static void end_by_thread_exit(void)
{
	/* The others go on; then the process is killed from outside. */
	syscall(SYS_tgkill, getpid(), getpid(), SIGTERM);
	pause();
}

static const struct {
	const char *name;
	void (*end)(void);
	int status;
} ends[] = {
	{ "_exit", end_by_exit, 7 },
	{ "SIGKILL", end_by_signal, 128 + SIGKILL },
	{ "abort", end_by_abort, 128 + SIGABRT },
	{ "exec", end_by_exec, 0 },
	{ "SIGTERM", end_by_thread_exit, 128 + SIGTERM },
};

TEST_F(life, process_ends_with_running_vcpus)
{
	long refcnt = kt_read_number(REFCNT);
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		pid = fork();
		if (!pid) {
			signal(SIGTERM, SIG_DFL);
			spin_and(ends[i].end);
		}
		EXPECT_EQ(ends[i].status, wait_for(pid)) {
			TH_LOG("%s", ends[i].name);
		}
		EXPECT_EQ(refcnt, kt_read_number(REFCNT)) {
			TH_LOG("%s: something is left", ends[i].name);
		}
	}
	/* The CPUs can still do it. */
	expect_runs(_metadata, &self->guest);
}

#define CGROUP		"/sys/fs/cgroup/kevtest"
#define NR_VMS		200
/* The kernel charges 64 pages in advance for a CPU; the test stays on one. */
#define SLACK_PAGES	80

/*
 * What the cgroup is charged, at the latest when it has come down to @wanted:
 * some memory is freed after a grace period only. What leaks never comes.
 */
static long charged(long wanted)
{
	long now = kt_read_number(CGROUP "/memory.current");

	for (int i = 0; i < 200 && now > wanted; i++) {
		usleep(10000);
		now = kt_read_number(CGROUP "/memory.current");
	}
	return now;
}

static bool one_life(void)
{
	struct kt_guest guest;
	bool ok = !kt_guest_init(&guest, &kt_halt, 0, NULL) && !kt_run(guest.vcpu) &&
		  guest.run->kind == KEV_EXIT_VM_EXITED;

	kt_guest_fini(&guest);
	return ok;
}

/* Memory is charged to the maker's cgroup and comes back: a page of each VM would show. */
TEST_F(life, memory_comes_back)
{
	const long slack = SLACK_PAGES * KT_PAGE;
	long before, after;
	char pid[16];

	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		SKIP(return, "memory_comes_back: no memory cgroup");
	if (access(CGROUP "/memory.current", R_OK)) {
		rmdir(CGROUP);
		SKIP(return, "memory_comes_back: no memory cgroup");
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, kt_write_file(CGROUP "/cgroup.procs", pid));
	ASSERT_EQ(0, kt_pin(0));
	/* What is made once, by the first ones */
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(one_life());
	}
	before = kt_read_number(CGROUP "/memory.current");
	for (int i = 0; i < NR_VMS; i++) {
		ASSERT_TRUE(one_life());
	}
	after = charged(before + slack);
	EXPECT_LT(0, before);
	EXPECT_GE(slack, after - before) {
		TH_LOG("from %ld to %ld bytes", before, after);
	}
	ASSERT_EQ(0, kt_write_file("/sys/fs/cgroup/cgroup.procs", pid));
	rmdir(CGROUP);
}

/* A VM's memory is in that cgroup's account while it is there. */
TEST_F(life, memory_is_charged)
{
	const long pages = 4000, bytes = pages * KT_PAGE;
	struct kt_guest guest;
	long before, after;
	char pid[16];

	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		SKIP(return, "memory_is_charged: no memory cgroup");
	if (access(CGROUP "/memory.current", R_OK)) {
		rmdir(CGROUP);
		SKIP(return, "memory_is_charged: no memory cgroup");
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	ASSERT_EQ(0, kt_write_file(CGROUP "/cgroup.procs", pid));
	before = kt_read_number(CGROUP "/memory.current");
	/* It touches more than 16 MiB. */
	ASSERT_EQ(0, kt_guest_init_file(&guest, KT_GUESTS "/memtest", 32 << 10, NULL));
	ASSERT_EQ(0, kt_run_to_report(&guest));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(0, guest.run->exit_code);
	EXPECT_LE(pages, kt_vm_stats(guest.vm).resident_pages);
	after = kt_read_number(CGROUP "/memory.current");
	EXPECT_LE(bytes, after - before);
	kt_guest_fini(&guest);
	after = charged(before + bytes / 4);
	EXPECT_GE(bytes / 4, after - before);
	ASSERT_EQ(0, kt_write_file("/sys/fs/cgroup/cgroup.procs", pid));
	rmdir(CGROUP);
}

TEST_HARNESS_MAIN
