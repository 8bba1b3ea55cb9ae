// SPDX-License-Identifier: GPL-2.0
/*
 * vCPUs that move, and that share CPUs with other threads. Guards that a timer goes on and
 * interrupts the vCPU that has armed it, and that no vCPU's TSC is ever behind another's.
 */
#include "kselftest_harness.h"

#include "ticker.h"

#define FEW	20
#define MANY	1000
/* What the soak takes of the machine's time */
#define SECONDS	300

/* Of each vCPU, between two moves */
#define TICKS	2

FIXTURE(timer_move) {
	struct kt_ticker ticker;
};

FIXTURE_SETUP(timer_move)
{
	ASSERT_EQ(0, kt_ticker_init(&self->ticker));
	ASSERT_EQ(0, kt_ticker_start(&self->ticker));
}

FIXTURE_TEARDOWN(timer_move)
{
	volatile struct kt_ticker_page *shared = self->ticker.shared;

	EXPECT_EQ(0, kt_ticker_stop(&self->ticker));
	EXPECT_EQ(0, shared->backwards);
	EXPECT_EQ(0, shared->astray);
	for (int i = 0; i < KT_TICKER_VCPUS; i++) {
		EXPECT_LT(0, shared->looks[i]);
	}
	kt_ticker_fini(&self->ticker);
}

/* Each to the other CPU, now and again; with one CPU they share it. */
TEST_F_TIMEOUT(timer_move, moves, SECONDS)
{
	const int rounds = kt_rounds(FEW, MANY), cpus = kt_nr_cpus();

	for (int i = 0; i < rounds; i++) {
		for (int vcpu = 0; vcpu < KT_TICKER_VCPUS; vcpu++)
			ASSERT_EQ(0, kt_ticker_pin_one(&self->ticker, vcpu, (i + vcpu) % cpus));
		kt_ticker_wait(&self->ticker, TICKS);
	}
}

/* The same with both on one CPU: each has been in guest mode where the other one was. */
TEST_F_TIMEOUT(timer_move, together, SECONDS)
{
	const int rounds = kt_rounds(FEW, MANY), cpus = kt_nr_cpus();

	for (int i = 0; i < rounds; i++) {
		ASSERT_EQ(0, kt_ticker_pin(&self->ticker, i % cpus));
		kt_ticker_wait(&self->ticker, TICKS);
	}
}

static void *compete(void *arg)
{
	const bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* A thread beside them on each CPU that takes what it can get */
TEST_F_TIMEOUT(timer_move, preemption, SECONDS)
{
	const int rounds = kt_rounds(FEW, MANY) / 4, cpus = kt_nr_cpus();
	bool stop = false;
	pthread_t thread;
	cpu_set_t set;

	ASSERT_EQ(0, pthread_create(&thread, NULL, compete, &stop));
	for (int i = 0; i < rounds; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % cpus, &set);
		ASSERT_EQ(0, pthread_setaffinity_np(thread, sizeof(set), &set));
		ASSERT_EQ(0, kt_ticker_pin(&self->ticker, i % cpus));
		kt_ticker_wait(&self->ticker, TICKS);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
