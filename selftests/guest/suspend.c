// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend with guests running, as far as the kernel's own test of it goes: tasks frozen,
 * devices off, all CPUs but one gone, and the last one without VMX. Guards that the guests
 * go on where they were, without a word to user space, timers and TSC included; and that
 * VMX which is kept on comes back without a guest, too.
 */
#include "kselftest_harness.h"

#include "ticker.h"

#define LEVEL	"/sys/power/pm_test"
#define DELAY	"/sys/module/suspend/parameters/pm_test_delay"
#define STATE	"/sys/power/state"
#define KEEP	"/sys/module/kev/parameters/keep_vmx"

FIXTURE(suspend) {
	struct kt_ticker ticker;
};

FIXTURE_VARIANT(suspend) {
	const char *level;
};

FIXTURE_VARIANT_ADD(suspend, freezer) { .level = "freezer" };
FIXTURE_VARIANT_ADD(suspend, devices) { .level = "devices" };
FIXTURE_VARIANT_ADD(suspend, processors) { .level = "processors" };
FIXTURE_VARIANT_ADD(suspend, core) { .level = "core" };

FIXTURE_SETUP(suspend)
{
	ASSERT_EQ(0, kt_ticker_init(&self->ticker));
}

FIXTURE_TEARDOWN(suspend)
{
	kt_ticker_fini(&self->ticker);
}

TEST_F_TIMEOUT(suspend, guests_go_on, 300)
{
	struct kt_ticker *ticker = &self->ticker;

	if (access(LEVEL, W_OK))
		SKIP(return, "no " LEVEL);
	ASSERT_EQ(0, kt_write_file(DELAY, "0"));
	ASSERT_EQ(0, kt_write_file(LEVEL, variant->level));
	ASSERT_EQ(0, kt_ticker_start(ticker));
	for (int i = 0; i < 3; i++) {
		kt_ticker_wait(ticker, 2);
		ASSERT_EQ(0, kt_write_file(STATE, "mem"));
		kt_ticker_wait(ticker, 2);
	}
	EXPECT_EQ(0, kt_ticker_stop(ticker));
	EXPECT_EQ(0, ticker->shared->backwards);
	EXPECT_EQ(0, ticker->shared->astray);
	EXPECT_EQ(0, kt_write_file(LEVEL, "none"));
}

KT_CODE(ends, KT_HALT);

/* With VMX off RUN waits until it is on: it is called off after ever so many looks. */
static bool runs(void)
{
	struct kt_guest guest;
	struct kt_runner runner;
	uint64_t *returned = &runner.returned;
	long ret = -ENODEV;

	if (kt_guest_init(&guest, &ends, 0, NULL))
		return false;
	if (!kt_runner_start(&runner, guest.vcpu, -1)) {
		for (int i = 0; i < 20000 && !__atomic_load_n(returned, __ATOMIC_ACQUIRE); i++)
			sched_yield();
		ret = kt_runner_kick(&runner);
	}
	kt_guest_fini(&guest);
	return !ret;
}

TEST(kept_vmx_comes_back)
{
	if (access(LEVEL, W_OK))
		SKIP(return, "no " LEVEL);
	ASSERT_EQ(0, kt_write_file(KEEP, "1"));
	ASSERT_TRUE(runs());
	ASSERT_EQ(0, kt_write_file(DELAY, "0"));
	ASSERT_EQ(0, kt_write_file(LEVEL, "core"));
	EXPECT_EQ(0, kt_write_file(STATE, "mem"));
	EXPECT_EQ(0, kt_write_file(LEVEL, "none"));
	EXPECT_TRUE(runs());
	EXPECT_EQ(0, kt_write_file(KEEP, "0"));
}

TEST_HARNESS_MAIN
