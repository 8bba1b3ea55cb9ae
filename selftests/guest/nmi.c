// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs that arrive in a guest. Guards that the host gets each of them, and that
 * the guest goes on: a backtrace of all CPUs is asked for, which the kernel
 * gets from the others by NMI.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

/* NMIs to each guest: 1,000 to both in the soak */
#define FEW	50
#define MANY	500

#define PRINTK	"/proc/sys/kernel/printk"

/* What the soak takes of the machine's time */
#define SECONDS	300

FIXTURE(nmi) {
	struct kt_guest guest;
	struct kt_runner runner;
};

FIXTURE_VARIANT(nmi) {
	const struct kt_code *code;
};

FIXTURE_VARIANT_ADD(nmi, interrupts_off) { .code = &kt_spin };
FIXTURE_VARIANT_ADD(nmi, interrupts_on) { .code = &kt_spin_if };

FIXTURE_SETUP(nmi)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, variant->code, 0, NULL));
	/* The serial line would be what takes the time. */
	ASSERT_EQ(0, kt_write_file(PRINTK, "1"));
}

FIXTURE_TEARDOWN(nmi)
{
	EXPECT_EQ(0, kt_write_file(PRINTK, "5"));
	kt_guest_fini(&self->guest);
}

TEST_F_TIMEOUT(nmi, backtrace, SECONDS)
{
	/* Who reads the log is not to have the guest's CPU when the next NMI comes. */
	const struct sched_param first = { .sched_priority = 1 };
	const int rounds = kt_rounds(FEW, MANY);
	const int vcpu = self->guest.vcpu;
	int log, seen = 0;
	uint64_t entries;

	if (kt_nr_cpus() < 2)
		SKIP(return, "nmi: one CPU");
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_runner_enter(&self->runner, vcpu, 1));
	ASSERT_EQ(0, pthread_setschedparam(self->runner.thread, SCHED_FIFO, &first));
	log = kt_log_open();
	ASSERT_LE(0, log);
	for (int i = 0; i < rounds; i++) {
		entries = kt_vcpu_stats(vcpu).entries;
		ASSERT_EQ(0, kt_write_file("/proc/sysrq-trigger", "l"));
		/* The guest goes on. */
		kt_wait_entries(vcpu, entries);
		/* Read each time: the log does not hold all of them. */
		seen += kt_log_count(log, "NMI backtrace for cpu 1");
		/* The kernel waits seconds for one that does not come. */
		if (seen < i)
			break;
	}
	EXPECT_EQ(rounds, seen);
	/* Not each of them need have hit the guest itself. */
	EXPECT_LT(rounds / 2, kt_vcpu_stats(vcpu).nmi);
	EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner));
	close(log);
}

TEST_HARNESS_MAIN
