// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_SIGNAL and KEV_VM_IRQFD: messages from devices. Guards who is meant by an address,
 * what is refused, and that a signal on an eventfd interrupts for as long as the two are tied
 * together, whichever of them ends first.
 */
#include "kselftest_harness.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script.h"

FIXTURE(signal) {
	struct kt_script s;
	struct kt_script_page *page;
	int vm;
};

#define VCPUS	4

/* Ids that are far apart: 0, 5, 18, 254 */
static const uint32_t ids[VCPUS] = { 0, 5, 18, 254 };

FIXTURE_SETUP(signal)
{
	ASSERT_EQ(0, kt_script_init(&self->s, 0));
	self->vm = self->s.vm;
	for (int i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, kt_script_vcpu(&self->s, ids[i]));
		ASSERT_EQ(0, KT_DO(&self->s, ids[i], KT_APIC_ON));
	}
	self->page = self->s.vcpu[0].page;
}

FIXTURE_TEARDOWN(signal)
{
	kt_script_fini(&self->s);
}

static int send(int vm, uint64_t address, uint32_t data)
{
	struct kev_signal args = { .size = sizeof(args), .address = address, .data = data };

	return kt_ioctl(vm, KEV_VM_SIGNAL, &args);
}

static int irqfd(int vm, int fd, uint32_t flags, uint64_t address, uint32_t data)
{
	struct kev_irqfd args = {
		.size = sizeof(args), .flags = flags, .fd = fd, .address = address, .data = data,
	};

	return kt_ioctl(vm, KEV_VM_IRQFD, &args);
}

#define MSI	0xfee00000ULL
#define LOGICAL	4
#define TO(id)	(MSI | (id) << 12)

TEST_F(signal, refused)
{
	static const struct {
		const char *name;
		struct kev_signal args;
	} cases[] = {
		{ "flag", { .flags = 1, .address = MSI, .data = 0x40 } },
		{ "reserved", { .reserved = 1, .address = MSI, .data = 0x40 } },
		{ "below", { .address = MSI - 4, .data = 0x40 } },
		{ "above", { .address = 0xfef00000, .data = 0x40 } },
		{ "upper half", { .address = 1ULL << 32 | MSI, .data = 0x40 } },
		{ "SMI", { .address = MSI, .data = 0x200 } },
		{ "reserved mode", { .address = MSI, .data = 0x300 } },
		{ "SIPI", { .address = MSI, .data = 0x608 } },
		{ "ExtINT", { .address = MSI, .data = 0x740 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_signal args = cases[i].args;

		args.size = sizeof(args);
		EXPECT_EQ(-EINVAL, kt_ioctl(self->vm, KEV_VM_SIGNAL, &args)) {
			TH_LOG("%s", cases[i].name);
		}
	}
	ASSERT_EQ(0, KT_DO(&self->s, 0, STEP(KT_S_WINDOW, 0)));
	EXPECT_EQ(0, self->page->taken);
}

/* Which of the vCPUs took an interrupt, as bits, and that each took it once */
static int takers(struct kt_script *s, uint8_t vector)
{
	int taken = 0;

	for (int i = 0; i < VCPUS; i++) {
		struct kt_script_page *page = s->vcpu[kt_slot(ids[i])].page;

		if (KT_DO(s, ids[i], STEP(KT_S_WINDOW, 0)) || page->taken > 1)
			return -1;
		if (page->taken && page->log[0] == vector)
			taken |= 1 << i;
	}
	return taken;
}

TEST_F(signal, destinations)
{
	static const struct {
		const char *name;
		uint64_t address;
		uint32_t data;
		int takers;
	} cases[] = {
		{ "physical", TO(0), 0x40, 1 },
		{ "physical 5", TO(5), 0x41, 2 },
		{ "physical 254", TO(254), 0x42, 8 },
		{ "nobody", TO(7), 0x43, 0 },
		{ "all", TO(255), 0x44, 0xf },
		{ "logical, cluster 0", TO(0x21) | LOGICAL, 0x45, 3 },
		{ "logical, nobody", TO(0x10) | LOGICAL, 0x46, 0 },
		{ "lowest priority", TO(0x21) | LOGICAL, 0x147, 1 },
		{ "redirection", TO(0x21) | LOGICAL | 8, 0x48, 1 },
		{ "level", TO(5), 0xc049, 2 },
		{ "level de-asserted", TO(5), 0x804a, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, send(self->vm, cases[i].address, cases[i].data));
		EXPECT_EQ(cases[i].takers, takers(&self->s, cases[i].data)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* A level shows in TMR, and an edge of the same vector takes it out again. */
TEST_F(signal, trigger_mode)
{
	ASSERT_EQ(0, send(self->vm, TO(0), 0xc040));
	ASSERT_EQ(0, KT_DO(&self->s, 0, RDMSR(X2APIC_TMR + 2), STEP(KT_S_WINDOW, 0)));
	EXPECT_EQ(1, self->page->steps[0].result);
	ASSERT_EQ(0, send(self->vm, TO(0), 0x40));
	ASSERT_EQ(0, KT_DO(&self->s, 0, RDMSR(X2APIC_TMR + 2), STEP(KT_S_WINDOW, 0)));
	EXPECT_EQ(0, self->page->steps[0].result);
}

TEST_F(signal, nmi)
{
	ASSERT_EQ(0, send(self->vm, TO(0), 0x400));
	ASSERT_EQ(0, KT_DO(&self->s, 0, STEP(KT_S_RDTSC, 0)));
	ASSERT_EQ(1, self->page->taken);
	EXPECT_EQ(2, self->page->log[0]);
}

/* An illegal vector is no interrupt but an error. */
TEST_F(signal, illegal_vector)
{
	ASSERT_EQ(0, send(self->vm, TO(0), 0xf));
	ASSERT_EQ(0, KT_DO(&self->s, 0, STEP(KT_S_WINDOW, 0), WRMSR(X2APIC_ESR, 0),
			   RDMSR(X2APIC_ESR)));
	EXPECT_EQ(0, self->page->taken);
	EXPECT_EQ(0x40, self->page->steps[2].result);
}

/* To a vCPU that spins, that waits in an HLT, and to one that is not in RUN */
TEST_F(signal, wherever_it_is)
{
	int vcpu = self->s.vcpu[0].fd;
	struct kt_runner runner;

	for (int i = 0; i < 20; i++) {
		KT_SET(&self->s, 0, STEP(KT_S_TOOK, 1));
		ASSERT_EQ(0, kt_runner_enter(&runner, vcpu, -1));
		ASSERT_EQ(0, send(self->vm, TO(0), 0x40));
		EXPECT_EQ(0, kt_runner_join(&runner));
		EXPECT_EQ(1, self->page->taken);
	}
	EXPECT_EQ(0, kt_vcpu_stats(vcpu).kicks);
}

/* ---- eventfds ---- */

TEST_F(signal, irqfd_arguments)
{
	int fd = eventfd(0, EFD_CLOEXEC), pipes[2];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EINVAL, irqfd(self->vm, fd, 2, MSI, 0x40));
	EXPECT_EQ(-EBADF, irqfd(self->vm, 9999, 0, MSI, 0x40));
	EXPECT_EQ(-EINVAL, irqfd(self->vm, pipes[0], 0, MSI, 0x40));
	EXPECT_EQ(-EINVAL, irqfd(self->vm, fd, 0, 0xfed00000, 0x40));
	EXPECT_EQ(-EINVAL, irqfd(self->vm, fd, 0, MSI, 0x740));
	EXPECT_EQ(-ENOENT, irqfd(self->vm, fd, KEV_IRQFD_REMOVE, 0, 0));
	EXPECT_EQ(-EINVAL, irqfd(self->vm, pipes[0], KEV_IRQFD_REMOVE, 0, 0));
	EXPECT_EQ(0, irqfd(self->vm, fd, 0, MSI, 0x40));
	EXPECT_EQ(-EEXIST, irqfd(self->vm, fd, 0, MSI, 0x41));
	EXPECT_EQ(0, irqfd(self->vm, fd, KEV_IRQFD_REMOVE, 0, 0));
	EXPECT_EQ(-ENOENT, irqfd(self->vm, fd, KEV_IRQFD_REMOVE, 0, 0));
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

TEST_F(signal, irqfd_limit)
{
	int fd[257];

	for (int i = 0; i < 257; i++) {
		fd[i] = eventfd(0, EFD_CLOEXEC);
		ASSERT_GE(fd[i], 0);
		EXPECT_EQ(i < 256 ? 0 : -ENOSPC, irqfd(self->vm, fd[i], 0, MSI, 0x40));
	}
	for (int i = 0; i < 257; i++)
		close(fd[i]);
}

static int signal_eventfd(int fd)
{
	const uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

TEST_F(signal, irqfd_interrupts)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t count;

	/* What it has when it is tied counts. */
	ASSERT_EQ(0, signal_eventfd(fd));
	ASSERT_EQ(0, irqfd(self->vm, fd, 0, TO(5), 0x50));
	EXPECT_EQ(2, takers(&self->s, 0x50));
	EXPECT_EQ(0, takers(&self->s, 0x50));
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(0, signal_eventfd(fd));
		EXPECT_EQ(2, takers(&self->s, 0x50));
	}
	/* The signal is the guest's alone. */
	EXPECT_EQ(-1, read(fd, &count, sizeof(count)));
	ASSERT_EQ(0, irqfd(self->vm, fd, KEV_IRQFD_REMOVE, 0, 0));
	ASSERT_EQ(0, signal_eventfd(fd));
	EXPECT_EQ(0, takers(&self->s, 0x50));
	EXPECT_EQ(sizeof(count), read(fd, &count, sizeof(count)));
	close(fd);
}

/* Another process signals; it can do no more with the VM. */
TEST_F(signal, irqfd_other_process)
{
	int fd = eventfd(0, EFD_CLOEXEC), status;
	pid_t pid;

	ASSERT_EQ(0, irqfd(self->vm, fd, 0, TO(254), 0x50));
	pid = fork();
	if (!pid)
		_exit(send(self->vm, TO(0), 0x51) != -EPERM ||
		      irqfd(self->vm, fd, KEV_IRQFD_REMOVE, 0, 0) != -EPERM ||
		      signal_eventfd(fd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(8, takers(&self->s, 0x50));
	close(fd);
}

/* While an eventfd can interrupt, a halted vCPU waits for it; then it is told. */
TEST_F(signal, irqfd_keeps_waiting)
{
	int fd = eventfd(0, EFD_CLOEXEC), vcpu = self->s.vcpu[0].fd;
	struct kt_runner runner;

	ASSERT_EQ(0, irqfd(self->vm, fd, 0, TO(0), 0x50));
	KT_SET(&self->s, 0, STEP(KT_S_HLT, 0), STEP(KT_S_HLT, 0));
	ASSERT_EQ(0, kt_runner_enter(&runner, vcpu, -1));
	ASSERT_EQ(0, signal_eventfd(fd));
	while (!*(volatile uint32_t *)&self->page->taken)
		sched_yield();
	/* The others are closed: then nobody is left to end the second HLT. */
	for (int i = 1; i < VCPUS; i++) {
		int slot = kt_slot(ids[i]);

		kt_unmap_run(self->s.vcpu[slot].run);
		close(self->s.vcpu[slot].fd);
		self->s.vcpu[slot].run = NULL;
		self->s.vcpu[slot].fd = -1;
	}
	/* Closing the eventfd is as good as taking it away. */
	close(fd);
	EXPECT_EQ(0, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_HALTED, self->s.vcpu[0].run->kind);
	EXPECT_EQ(1, self->page->taken);
}

/* The VM goes first, or at the same time. */
TEST_F(signal, irqfd_outlives_the_vm)
{
	for (int i = 0; i < 20; i++) {
		int fd = eventfd(0, EFD_CLOEXEC), kev = kt_open(), status;
		int vm = kt_create_vm(kev, 0, NULL);
		pid_t pid;

		ASSERT_EQ(0, irqfd(vm, fd, 0, TO(0), 0x50));
		pid = fork();
		if (!pid) {
			/* With one of the two in another process both ends come together. */
			for (int j = 0; j < 100; j++)
				signal_eventfd(fd);
			_exit(0);
		}
		if (i & 1)
			close(fd);
		close(vm);
		close(kev);
		if (!(i & 1)) {
			EXPECT_EQ(0, signal_eventfd(fd));
			close(fd);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
}

TEST_HARNESS_MAIN
