// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VCPU_RUN and KEV_VCPU_KICK: what makes RUN return, who may call it, and
 * how a VM ends. Guards that a guest can be called out whatever it does, that no
 * kick is lost or taken twice, and that the end of a VM reaches all of its vCPUs.
 */
#include "kselftest_harness.h"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include "kevtest.h"

FIXTURE(run) {
	struct kt_guest guest;
};

FIXTURE_VARIANT(run) {
	const struct kt_code *spin;
};

/* A guest that nothing inside it can end */
FIXTURE_VARIANT_ADD(run, interrupts_off) { .spin = &kt_spin };
FIXTURE_VARIANT_ADD(run, interrupts_on) { .spin = &kt_spin_if };

FIXTURE_SETUP(run)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, variant->spin, 0, NULL));
	/* What is left of it is not what this test has put there. */
	memset(&self->guest.run->kind, 0xa5, sizeof(struct kev_run) - sizeof(uint32_t));
}

FIXTURE_TEARDOWN(run)
{
	kt_guest_fini(&self->guest);
}

TEST_F(run, kick_from_a_thread)
{
	struct kt_runner runner;

	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
		EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
		EXPECT_EQ(KEV_EXIT_NONE, self->guest.run->kind);
	}
	EXPECT_EQ(10, kt_vcpu_stats(self->guest.vcpu).kicks);
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).reports);
}

TEST_F(run, kick_before_run)
{
	/* Several are one. */
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
	}
	EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_NONE, self->guest.run->kind);
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).entries);
}

TEST_F(run, kick_is_taken_once)
{
	struct kt_runner runner;

	ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
	EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
	/* The next one is in the guest until it is kicked itself. */
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
}

TEST_F(run, immediate_exit)
{
	self->guest.run->request = KEV_RUN_IMMEDIATE_EXIT;
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
		EXPECT_EQ(KEV_EXIT_NONE, self->guest.run->kind);
		EXPECT_EQ(KEV_RUN_IMMEDIATE_EXIT, self->guest.run->request);
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).entries);
}

TEST_F(run, unknown_requests)
{
	for (int bit = 1; bit < 32; bit++) {
		self->guest.run->request = 1U << bit;
		EXPECT_EQ(-EINVAL, kt_run(self->guest.vcpu)) {
			TH_LOG("bit %d", bit);
		}
		self->guest.run->request = 1U << bit | KEV_RUN_IMMEDIATE_EXIT;
		EXPECT_EQ(-EINVAL, kt_run(self->guest.vcpu)) {
			TH_LOG("bit %d and immediate exit", bit);
		}
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).entries);
}

TEST_F(run, signal_from_a_thread)
{
	struct kt_runner runner;

	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	ASSERT_EQ(0, pthread_kill(runner.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, kt_runner_join(&runner));
	EXPECT_EQ(KEV_EXIT_NONE, self->guest.run->kind);
}

/* RUN is not restarted behind the back of its caller. */
TEST_F(run, restarting_signal)
{
	struct sigaction action;
	struct kt_runner runner;

	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	ASSERT_EQ(0, sigaction(SIGUSR1, NULL, &action));
	action.sa_flags |= SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	ASSERT_EQ(0, pthread_kill(runner.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, kt_runner_join(&runner));
}

/* A timer of its own: no other thread is there to help. */
TEST_F(run, timer)
{
	const struct itimerval timer = { .it_value = { .tv_usec = 1000 } };

	ASSERT_EQ(0, kt_ignore_signal(SIGVTALRM));
	ASSERT_EQ(0, setitimer(ITIMER_VIRTUAL, &timer, NULL));
	/* Time in the guest is time of the process. */
	EXPECT_EQ(-EINTR, kt_run(self->guest.vcpu));
}

TEST_F(run, two_threads)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;

	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &state));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	EXPECT_EQ(-EBUSY, kt_run(self->guest.vcpu));
	EXPECT_EQ(-EBUSY, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &state));
	EXPECT_EQ(-EBUSY, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &state));
	/* What is wrong with the arguments is said all the same. */
	EXPECT_EQ(-EINVAL, kt_get_state(self->guest.vcpu, 0, &state));
	/* These do not wait for the guest. */
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(self->guest.vm).state);
	EXPECT_LE(1, kt_vm_stats(self->guest.vm).vcpu.entries);
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &state));
}

/* A guest that is called out has lost nothing: it is where it was. */
TEST_F(run, state_after_kick)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;
	uint64_t rip;

	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &state));
	rip = state.gprs.rip;
	EXPECT_LE(KT_CODE_GPA, rip);
	EXPECT_GT(KT_CODE_GPA + (variant->spin->end - variant->spin->start), rip);
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
	ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_LE(rip, state.gprs.rip);
	EXPECT_EQ(0xa0000, state.gprs.gpr[KEV_RSP]);
}

/* The spinner is called out when another vCPU ends the VM. */
KT_CODE(one_spins,
	"test %esi, %esi\n"
	"jz 2f\n"
	"1: jmp 1b\n"
	"2: mov $0xabcdef0123456789, %rdi\n"
	KT_HALT);

FIXTURE(end) {
	struct kt_guest guest;
};

FIXTURE_SETUP(end)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &one_spins, 0, NULL));
}

FIXTURE_TEARDOWN(end)
{
	kt_guest_fini(&self->guest);
}

#define EXIT_CODE	0xabcdef0123456789ULL

TEST_F(end, exit_code)
{
	struct kev_vm_status status;

	EXPECT_EQ(0, kt_poll(self->guest.vm));
	EXPECT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(EXIT_CODE, self->guest.run->exit_code);
	EXPECT_EQ(0, self->guest.run->error);
	status = kt_status(self->guest.vm);
	EXPECT_EQ(KEV_VM_EXITED, status.state);
	EXPECT_EQ(EXIT_CODE, status.exit_code);
	EXPECT_EQ(0, status.error);
	EXPECT_EQ(0, status.vcpu_id);
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, kt_poll(self->guest.vm));
}

TEST_F(end, run_after_end)
{
	uint64_t entries;

	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	entries = kt_vcpu_stats(self->guest.vcpu).entries;
	for (int i = 0; i < 3; i++) {
		memset(&self->guest.run->kind, 0xa5, 512);
		EXPECT_EQ(0, kt_run(self->guest.vcpu));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
		EXPECT_EQ(EXIT_CODE, self->guest.run->exit_code);
	}
	EXPECT_EQ(entries, kt_vcpu_stats(self->guest.vcpu).entries);
	/* A kick does not come first: the end is what there is to tell. */
	ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
	EXPECT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

TEST_F(end, spinning_vcpus)
{
	struct kt_runner runners[3];
	struct kev_run *runs[3];
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = kt_create_vcpu(self->guest.vm, i + 1);
		ASSERT_LE(0, fds[i]);
		runs[i] = kt_map_run(fds[i]);
		ASSERT_NE(NULL, runs[i]);
		ASSERT_EQ(0, kt_runner_enter(&runners[i], fds[i], -1));
	}
	EXPECT_EQ(0, kt_run(self->guest.vcpu));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, kt_runner_join(&runners[i]));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, runs[i]->kind);
		EXPECT_EQ(EXIT_CODE, runs[i]->exit_code);
		EXPECT_EQ(i + 1, runs[i]->vcpu_id);
		kt_unmap_run(runs[i]);
		close(fds[i]);
	}
	EXPECT_EQ(0, kt_status(self->guest.vm).vcpu_id);
}

TEST_F(end, vcpu_made_after_the_end)
{
	struct kev_run *run;
	int vcpu;

	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	vcpu = kt_create_vcpu(self->guest.vm, 1);
	ASSERT_LE(0, vcpu);
	run = kt_map_run(vcpu);
	ASSERT_NE(NULL, run);
	EXPECT_EQ(0, kt_run(vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, run->kind);
	EXPECT_EQ(EXIT_CODE, run->exit_code);
	EXPECT_EQ(0, kt_vcpu_stats(vcpu).entries);
	kt_unmap_run(run);
	close(vcpu);
}

/* The end wakes who waits for it. */
static void *wait_for_end(void *arg)
{
	struct pollfd poll_fd = { .fd = *(int *)arg, .events = 0 };

	poll(&poll_fd, 1, -1);
	return (void *)(long)poll_fd.revents;
}

TEST_F(end, poll_waits)
{
	pthread_t thread;
	void *events;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_end, &self->guest.vm));
	/* On one CPU it has to get there first. */
	for (int i = 0; i < 10; i++)
		sched_yield();
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, pthread_join(thread, &events));
	EXPECT_EQ(POLLHUP, (long)events);
}

/* A process of a guest; it tells when that runs, and wants to hear when to end it. */
static int child_main(int told, int heard)
{
	struct kt_runner runner;
	struct kt_guest guest;
	uint64_t entries;
	char byte = 0;

	if (kt_guest_init(&guest, &kt_spin, 0, NULL) || kt_runner_enter(&runner, guest.vcpu, -1))
		return 1;
	if (write(told, &byte, 1) != 1 || read(heard, &byte, 1) != 1)
		return 2;
	/* The guest goes on; or RUN has returned to us, with nobody having asked. */
	entries = kt_vcpu_stats(guest.vcpu).entries;
	while (kt_vcpu_stats(guest.vcpu).entries == entries)
		if (!pthread_tryjoin_np(runner.thread, NULL))
			return 3;
	return kt_runner_kick(&runner) == -EINTR ? 0 : 4;
}

/* A signal without a handler is none of the process's business. */
TEST(stopped_and_continued)
{
	int told[2], heard[2], status;
	char byte = 0;
	pid_t child;

	ASSERT_EQ(0, pipe(told));
	ASSERT_EQ(0, pipe(heard));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(child_main(told[1], heard[0]));
	/* Or the read would wait for ever where the child fails. */
	close(told[1]);
	close(heard[0]);
	ASSERT_EQ(1, read(told[0], &byte, 1));
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child, SIGCONT));
	ASSERT_EQ(1, write(heard[1], &byte, 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(told[0]);
	close(heard[1]);
}

/* The end of one VM is not that of another. */
TEST_F(end, other_vms_go_on)
{
	struct kt_guest other;
	struct kt_runner runner;

	ASSERT_EQ(0, kt_guest_init(&other, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, other.vcpu, -1));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_VM_EXITED, kt_status(self->guest.vm).state);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(other.vm).state);
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	kt_guest_fini(&other);
}

TEST_HARNESS_MAIN
