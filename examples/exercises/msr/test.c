// SPDX-License-Identifier: GPL-2.0
/* Does a module, KEV_EXERCISE, bring the MSRs SUM and WRITES? */
#include "kselftest_harness.h"

#include "kevtest.h"

#define SUM	0x4b450000
#define WRITES	0x4b450001
#define WRITERS	2
#define ROUNDS	50

FIXTURE(msrs) {
	struct kt_guest guest;
	uint64_t sum, writes;	/* at the beginning */
};

FIXTURE_SETUP(msrs)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	ASSERT_EQ(0, kt_load_module(getenv("KEV_EXERCISE")));
	/* What fails here fails again in the test. */
	kt_insn_init(&self->guest, 0);
	kt_rdmsr(&self->guest, SUM, &self->sum);
	kt_rdmsr(&self->guest, WRITES, &self->writes);
}

FIXTURE_TEARDOWN(msrs)
{
	kt_guest_fini(&self->guest);
	kt_unload_module(getenv("KEV_EXERCISE_NAME"));
}

/* How much the two have grown */
#define EXPECT_GROWN(by, times) do {					\
	uint64_t value;							\
									\
	EXPECT_EQ(KT_DONE, kt_rdmsr(&self->guest, SUM, &value));	\
	EXPECT_EQ(self->sum + (by), value);				\
	EXPECT_EQ(KT_DONE, kt_rdmsr(&self->guest, WRITES, &value));	\
	EXPECT_EQ(self->writes + (times), value);			\
} while (0)

TEST_F(msrs, writes_add)
{
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, SUM, 40));
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, SUM, 2));
	EXPECT_GROWN(42, 2);
}

TEST_F(msrs, sum_has_64_bits)
{
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, SUM, UINT32_MAX));
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, SUM, UINT32_MAX));
	EXPECT_GROWN(2UL * UINT32_MAX, 2);
}

TEST_F(msrs, too_much)
{
	EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, SUM, 1UL << 32));
	EXPECT_GROWN(0, 0);
}

TEST_F(msrs, writes_is_read_only)
{
	EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, WRITES, 0));
	EXPECT_GROWN(0, 0);
}

/* Another VM sees the same. */
TEST_F(msrs, of_all_vms)
{
	struct kt_guest other;

	ASSERT_EQ(0, kt_insn_init(&other, 0));
	EXPECT_EQ(KT_DONE, kt_wrmsr(&other, SUM, 7));
	kt_guest_fini(&other);
	EXPECT_GROWN(7, 1);
}

static void *add_many(void *arg)
{
	struct kt_guest guest;
	long failures = 0;

	if (kt_insn_init(&guest, 0))
		return (void *)1;
	for (int i = 0; i < ROUNDS; i++)
		failures += kt_wrmsr(&guest, SUM, 1) != KT_DONE;
	kt_guest_fini(&guest);
	return (void *)failures;
}

/* No write is lost. */
TEST_F(msrs, at_the_same_time)
{
	pthread_t writers[WRITERS];
	void *failures;

	for (int i = 0; i < WRITERS; i++) {
		ASSERT_EQ(0, pthread_create(&writers[i], NULL, add_many, NULL));
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i], &failures);
		EXPECT_EQ(NULL, failures);
	}
	EXPECT_GROWN(WRITERS * ROUNDS, WRITERS * ROUNDS);
}

TEST_F(msrs, gone)
{
	uint64_t value;

	ASSERT_EQ(0, kt_unload_module(getenv("KEV_EXERCISE_NAME")));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, SUM, &value));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, WRITES, &value));
}

TEST_HARNESS_MAIN
