// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs that arrive in a guest. Guards that the host gets each of them, and that
 * the guest goes on: a backtrace of all CPUs is asked for, which the kernel
 * gets from the others by NMI.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define ROUNDS	5

static const struct {
	const char *name;
	const struct kt_code *code;
} spinners[] = {
	{ "interrupts off", &kt_spin },
	{ "interrupts on", &kt_spin_if },
};

TEST(backtrace)
{
	/* Who reads the log is not to have the guest's CPU when the next NMI comes. */
	const struct sched_param first = { .sched_priority = 1 };
	struct kt_runner runner;
	struct kt_guest guest;
	uint64_t entries;
	int log;

	if (kt_nr_cpus() < 2)
		SKIP(return, "nmi: one CPU");
	ASSERT_EQ(0, kt_pin(0));
	for (size_t i = 0; i < ARRAY_SIZE(spinners); i++) {
		ASSERT_EQ(0, kt_guest_init(&guest, spinners[i].code, 0, NULL));
		ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, 1));
		ASSERT_EQ(0, pthread_setschedparam(runner.thread, SCHED_FIFO, &first));
		log = kt_log_open();
		ASSERT_LE(0, log);
		for (int j = 0; j < ROUNDS; j++) {
			entries = kt_vcpu_stats(guest.vcpu).entries;
			ASSERT_EQ(0, kt_write_file("/proc/sysrq-trigger", "l"));
			/* The guest goes on. */
			kt_wait_entries(guest.vcpu, entries);
		}
		EXPECT_EQ(ROUNDS, kt_log_count(log, "NMI backtrace for cpu 1")) {
			TH_LOG("%s", spinners[i].name);
		}
		/* Not each of them need have hit the guest itself. */
		EXPECT_LT(0, kt_vcpu_stats(guest.vcpu).nmi) {
			TH_LOG("%s", spinners[i].name);
		}
		EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
		close(log);
		kt_guest_fini(&guest);
	}
}

TEST_HARNESS_MAIN
