// SPDX-License-Identifier: GPL-2.0
/*
 * As many vCPUs as a VM can have, and all of them run. Guards that each one is started, knows
 * which it is, gets what is sent to all, and that all of them end.
 */
#include "kselftest_harness.h"

#include "script.h"

#define VCPUS	64

#define ICR(value)	WRMSR(X2APIC_ICR, value)
#define INIT		0x4500ULL
#define SIPI		0x4600ULL
#define OTHERS		0xc0000ULL

/* Where they count themselves */
#define BEGUN		(KT_SCRIPT_SHARED + 0)
#define WOKEN		(KT_SCRIPT_SHARED + 4)

FIXTURE(many) {
	struct kt_script s;
	struct kt_runner runner[VCPUS];
	uint32_t id[VCPUS];
};

/* Ids of which no two have the same slot in the script */
FIXTURE_VARIANT(many) {
	uint32_t step;
};

FIXTURE_VARIANT_ADD(many, dense) { 1 };
FIXTURE_VARIANT_ADD(many, sparse) { 3 };

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, kt_script_init(&self->s, 0));
	for (uint32_t i = 0; i < VCPUS; i++) {
		self->id[i] = i * variant->step;
		ASSERT_EQ(0, kt_script_vcpu(&self->s, self->id[i]));
	}
}

FIXTURE_TEARDOWN(many)
{
	kt_script_fini(&self->s);
}

#define VCPU(i)		(self->s.vcpu[kt_slot(self->id[i])])
#define START(i)	ASSERT_EQ(0, kt_runner_start(&self->runner[i], VCPU(i).fd, -1))

/* Each of the others: tell that it is there, sleep until the first one calls, tell again. */
static void set_others(FIXTURE_DATA(many) *self)
{
	for (int i = 1; i < VCPUS; i++)
		KT_SET(&self->s, self->id[i], KT_APIC_ON, STEP_AT(KT_S_CPUID, 0xb, 0),
		       STEP_AT(KT_S_ADD, BEGUN, 1), STEP(KT_S_HLT, 0),
		       STEP_AT(KT_S_ADD, WOKEN, 1));
}

#define EXPECT_ALL_RAN()						\
do {									\
	for (int i = 1; i < VCPUS; i++) {				\
		const struct kt_script_page *page = VCPU(i).page;	\
									\
		EXPECT_EQ(0, kt_runner_join(&self->runner[i]));		\
		EXPECT_EQ(KEV_EXIT_HYPERCALL, VCPU(i).run->kind);	\
		EXPECT_EQ(self->id[i], page->steps[2].result >> 32);	\
		EXPECT_EQ(1, page->taken);				\
		EXPECT_EQ(0x51, page->log[0]);				\
	}								\
} while (0)

#define CALL_ALL	STEP_AT(KT_S_WAIT, BEGUN, VCPUS - 1), ICR(OTHERS | 0x51),	\
			STEP_AT(KT_S_WAIT, WOKEN, VCPUS - 1)

TEST_F(many, at_once)
{
	set_others(self);
	for (int i = 1; i < VCPUS; i++)
		START(i);
	ASSERT_EQ(0, KT_DO(&self->s, self->id[0], KT_APIC_ON, CALL_ALL));
	EXPECT_ALL_RAN();
}

/* They have not run before, and are started by the first one. */
TEST_F(many, by_sipi)
{
	struct kev_query query = { .size = sizeof(query) };

	ASSERT_EQ(0, kt_ioctl(self->s.kev, KEV_QUERY, &query));
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "the CPU cannot run real mode in a guest");
	/* Only CPUID leaf 1 tells the start-up code its id, in 8 bits. */
	set_others(self);
	ASSERT_EQ(0, KT_DO(&self->s, self->id[0], KT_APIC_ON, ICR(OTHERS | INIT)));
	for (int i = 1; i < VCPUS; i++)
		START(i);
	ASSERT_EQ(0, KT_DO(&self->s, self->id[0], ICR(OTHERS | SIPI | KT_SCRIPT_SIPI), CALL_ALL));
	EXPECT_ALL_RAN();
}

/* Most of them sleep, some spin. */
TEST_F(many, end)
{
	for (int i = 1; i < VCPUS; i++) {
		KT_SET(&self->s, self->id[i], STEP_AT(KT_S_ADD, BEGUN, 1),
		       STEP(i % 8 ? KT_S_CLI_HLT : KT_S_SPIN, 0));
		START(i);
	}
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, self->id[0], STEP_AT(KT_S_WAIT, BEGUN, VCPUS - 1),
				    STEP(KT_S_HALT_CPU, 42)));
	for (int i = 1; i < VCPUS; i++) {
		EXPECT_EQ(0, kt_runner_join(&self->runner[i]));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, VCPU(i).run->kind);
		EXPECT_EQ(42, VCPU(i).run->exit_code);
	}
}

TEST_HARNESS_MAIN
