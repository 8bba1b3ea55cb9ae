// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs come and go while VMs exist. Guards that a guest whose CPU goes offline
 * goes on elsewhere, and that a CPU which comes up can run guests at once.
 */
#include "kselftest_harness.h"

#include "ticker.h"

#define ROUNDS	((int)kt_rounds(3, 60))

/* Of each test: a SKIP in the fixture's setup does not keep the test from running. */
#define NEED_CPU1()							\
	do {								\
		if (!kt_cpu_can_go(1))					\
			SKIP(return, "one CPU, or none that goes offline");	\
	} while (0)

FIXTURE(hotplug) {
	struct kt_guest guest;
};

FIXTURE_SETUP(hotplug)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_spin, 0, NULL));
}

FIXTURE_TEARDOWN(hotplug)
{
	kt_guest_fini(&self->guest);
	if (kt_cpu_can_go(1))
		EXPECT_EQ(0, kt_cpu_online(1, true));
}

TEST_F(hotplug, guest_is_moved)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;

	NEED_CPU1();
	for (int i = 0; i < ROUNDS; i++) {
		/* On the second CPU again in each round */
		ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, 1));
		EXPECT_EQ(1, kt_runner_cpu(&runner));
		ASSERT_EQ(0, kt_cpu_online(1, false));
		/* It is on the CPU that is left, and in the guest again. */
		kt_wait_entries(self->guest.vcpu, kt_vcpu_stats(self->guest.vcpu).entries);
		EXPECT_EQ(0, kt_runner_cpu(&runner));
		EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
		EXPECT_EQ(KEV_EXIT_NONE, self->guest.run->kind);
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &state));
		EXPECT_EQ(KT_CODE_GPA, state.gprs.rip);
		ASSERT_EQ(0, kt_cpu_online(1, true));
	}
}

/* The VMCS was active on the CPU that is gone. */
TEST_F(hotplug, between_runs)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;

	NEED_CPU1();
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, 1));
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
		ASSERT_EQ(0, kt_cpu_online(1, false));
		EXPECT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &state));
		EXPECT_EQ(KT_CODE_GPA, state.gprs.rip & ~0xfffULL);
		ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, -1));
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
		ASSERT_EQ(0, kt_cpu_online(1, true));
	}
}

/* A CPU that was not there when the VM was made */
TEST_F(hotplug, cpu_comes_up)
{
	struct kt_runner runner;
	struct kt_guest guest;

	NEED_CPU1();
	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, kt_cpu_online(1, false));
	ASSERT_EQ(0, kt_guest_init(&guest, &kt_spin_if, 0, NULL));
	ASSERT_EQ(0, kt_cpu_online(1, true));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, 1));
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
	}
	kt_guest_fini(&guest);
}

/* The last VM goes while a CPU is away, and comes back to one without VMX. */
TEST_F(hotplug, last_vm_goes_meanwhile)
{
	struct kt_runner runner;

	NEED_CPU1();
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, 1));
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
		ASSERT_EQ(0, kt_cpu_online(1, false));
		kt_guest_fini(&self->guest);
		ASSERT_EQ(0, kt_cpu_online(1, true));
		ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_spin, 0, NULL));
	}
}

/* The CPU goes of two guests whose timers are armed: one spins, one waits in a HLT. */
TEST_F(hotplug, timers_go_on)
{
	struct kt_ticker ticker;

	NEED_CPU1();
	ASSERT_EQ(0, kt_ticker_init(&ticker));
	ASSERT_EQ(0, kt_ticker_start(&ticker));
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, kt_ticker_pin(&ticker, 1));
		kt_ticker_wait(&ticker, 3);
		ASSERT_EQ(0, kt_cpu_online(1, false));
		kt_ticker_wait(&ticker, 3);
		ASSERT_EQ(0, kt_cpu_online(1, true));
	}
	EXPECT_EQ(0, kt_ticker_stop(&ticker));
	EXPECT_EQ(0, ticker.shared->backwards);
	EXPECT_EQ(0, ticker.shared->astray);
	kt_ticker_fini(&ticker);
}

/*
 * VMX is kept on while no VM is there: on a CPU that comes back as well. Without it RUN waits for
 * VMX until it is interrupted, which would take the harness long; and so would the tests behind it.
 */
TEST_F_TIMEOUT(hotplug, cpu_comes_back_to_kept_vmx, 5)
{
	static const char keep[] = "/sys/module/kev/parameters/keep_vmx";
	struct kt_runner runner;

	NEED_CPU1();
	ASSERT_EQ(0, kt_write_file(keep, "1"));
	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, kt_cpu_online(1, false));
	ASSERT_EQ(0, kt_cpu_online(1, true));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_spin, 0, NULL));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->guest.vcpu, 1));
	EXPECT_EQ(1, kt_runner_cpu(&runner));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_EQ(0, kt_write_file(keep, "0"));
}

TEST_HARNESS_MAIN
