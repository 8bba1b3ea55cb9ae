// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest that never lets go of its CPU costs the host. Guards that with
 * one on each CPU, and whether it takes interrupts or not, a signal ends RUN, an
 * expired timer is served at once, other threads get their share of the CPU and
 * an RCU grace period does not grow by more than three jiffies.
 */
#include "kselftest_harness.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "kevtest.h"

#define MAX_CPUS	16
/* Odd: the middle one counts. */
#define TRIES		9

/* How much later a timer may be served because of a guest, in ticks of the TSC */
#define TIMER_TICKS	100000
/* How much longer a grace period may take because of a guest */
#define RCU_JIFFIES	3

#define SLEEP_NS	3000000

FIXTURE(latency) {
	struct kt_guest guests[MAX_CPUS];
	struct kt_runner runners[MAX_CPUS];
	int nr_cpus, nr_running;
};

FIXTURE_VARIANT(latency) {
	const struct kt_code *spin;
};

FIXTURE_VARIANT_ADD(latency, interrupts_off) { .spin = &kt_spin };
FIXTURE_VARIANT_ADD(latency, interrupts_on) { .spin = &kt_spin_if };

FIXTURE_SETUP(latency)
{
	self->nr_running = 0;
	self->nr_cpus = kt_nr_cpus();
	ASSERT_GE(MAX_CPUS, self->nr_cpus);
	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	for (int i = 0; i < self->nr_cpus; i++) {
		ASSERT_EQ(0, kt_guest_init(&self->guests[i], variant->spin, 0, NULL));
	}
}

FIXTURE_TEARDOWN(latency)
{
	for (int i = 0; i < self->nr_cpus; i++)
		kt_guest_fini(&self->guests[i]);
}

/* One guest spins on each CPU. */
static int start_all(FIXTURE_DATA(latency) *self)
{
	int ret = 0;

	while (!ret && self->nr_running < self->nr_cpus) {
		int cpu = self->nr_running;

		ret = kt_runner_enter(&self->runners[cpu], self->guests[cpu].vcpu, cpu);
		self->nr_running += !ret;
	}
	return ret;
}

/* How many RUNs were ended by a kick; all of them, if the guests were there all the time */
static int stop_all(FIXTURE_DATA(latency) *self)
{
	int kicked = 0;

	while (self->nr_running)
		kicked += kt_runner_kick(&self->runners[--self->nr_running]) == -EINTR;
	return kicked;
}

/*
 * Comes before all ordinary threads, so that what is measured is when the host
 * gets the CPU, not whom its scheduler prefers.
 */
static int come_first(bool first)
{
	const struct sched_param param = { .sched_priority = first ? 10 : 0 };

	return sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER, &param) ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median time of @call in TSC ticks */
static uint64_t median_ticks(void (*call)(void))
{
	uint64_t ticks[TRIES], start;

	for (int i = 0; i < TRIES; i++) {
		start = kt_rdtsc();
		call();
		ticks[i] = kt_rdtsc() - start;
	}
	qsort(ticks, TRIES, sizeof(ticks[0]), compare);
	return ticks[TRIES / 2];
}

static void sleep_once(void)
{
	const struct timespec time = { .tv_nsec = SLEEP_NS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void synchronize_rcu(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/* The coarse clock is set at each jiffy. */
static void wait_for_jiffy(void)
{
	struct timespec then, now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &then);
	do {
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	} while (now.tv_nsec == then.tv_nsec);
}

TEST_F(latency, signal)
{
	ASSERT_EQ(0, start_all(self));
	for (int i = 0; i < self->nr_cpus; i++) {
		ASSERT_EQ(0, pthread_kill(self->runners[i].thread, SIGUSR1));
		EXPECT_EQ(-EINTR, kt_runner_join(&self->runners[i])) {
			TH_LOG("CPU %d", i);
		}
		EXPECT_EQ(KEV_EXIT_NONE, self->guests[i].run->kind);
		EXPECT_EQ(1, kt_vcpu_stats(self->guests[i].vcpu).kicks);
	}
}

TEST_F(latency, timer)
{
	uint64_t without[MAX_CPUS], with;

	ASSERT_EQ(0, come_first(true));
	for (int i = 0; i < self->nr_cpus; i++) {
		ASSERT_EQ(0, kt_pin(i));
		without[i] = median_ticks(sleep_once);
	}
	ASSERT_EQ(0, come_first(false));
	ASSERT_EQ(0, start_all(self));
	ASSERT_EQ(0, come_first(true));
	for (int i = 0; i < self->nr_cpus; i++) {
		ASSERT_EQ(0, kt_pin(i));
		with = median_ticks(sleep_once);
		TH_LOG("CPU %d: %lu ticks without guests, %lu with", i, without[i], with);
		EXPECT_GE(without[i] + TIMER_TICKS, with);
	}
	EXPECT_EQ(self->nr_cpus, stop_all(self));
}

TEST_F(latency, grace_period)
{
	uint64_t jiffy, without, with;

	if (self->nr_cpus == 1)
		SKIP(return, "membarrier() waits for no grace period on one CPU");
	ASSERT_LE(0, syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
	ASSERT_EQ(0, syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
	wait_for_jiffy();
	jiffy = median_ticks(wait_for_jiffy);
	without = median_ticks(synchronize_rcu);
	ASSERT_EQ(0, start_all(self));
	ASSERT_EQ(0, come_first(true));
	with = median_ticks(synchronize_rcu);
	TH_LOG("%lu ticks without guests, %lu with; a jiffy is %lu", without, with, jiffy);
	EXPECT_GE(without + RCU_JIFFIES * jiffy, with);
	/* It was a grace period. */
	EXPECT_LT(jiffy / 4, without);
	EXPECT_EQ(self->nr_cpus, stop_all(self));
}

static uint64_t thread_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000UL + time.tv_nsec;
}

/* An ordinary thread beside each guest gets about half of its CPU, and so does the guest. */
TEST_F(latency, share_of_the_cpu)
{
	const uint64_t work = 40000000;
	uint64_t own, guest;
	clockid_t clock;

	ASSERT_EQ(0, start_all(self));
	for (int i = 0; i < self->nr_cpus; i++) {
		ASSERT_EQ(0, kt_pin(i));
		ASSERT_EQ(0, pthread_getcpuclockid(self->runners[i].thread, &clock));
		guest = thread_ns(clock);
		own = thread_ns(CLOCK_THREAD_CPUTIME_ID);
		while (thread_ns(CLOCK_THREAD_CPUTIME_ID) - own < work)
			;
		guest = thread_ns(clock) - guest;
		TH_LOG("CPU %d: %lu ns for the guest, %lu ns beside it", i, guest, work);
		EXPECT_GE(2 * work, guest);
		EXPECT_LE(work / 2, guest);
	}
	EXPECT_EQ(self->nr_cpus, stop_all(self));
}

TEST_HARNESS_MAIN
