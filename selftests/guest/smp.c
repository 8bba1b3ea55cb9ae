// SPDX-License-Identifier: GPL-2.0
/*
 * Several vCPUs: IPIs of all kinds, INIT and SIPI, and the end of all of them. Guards that
 * an interrupt reaches those that are meant, once, wherever they are, and that nobody waits
 * for ever for what cannot come.
 */
#include "kselftest_harness.h"

#include <sched.h>
#include <unistd.h>

#include "script.h"

#define VCPUS	4

/* Sparse, and in three clusters of x2APIC mode */
static const uint32_t ids[VCPUS] = { 3, 0, 17, 254 };

FIXTURE(smp) {
	struct kt_script s;
	struct kt_runner runner[VCPUS];
};

FIXTURE_SETUP(smp)
{
	ASSERT_EQ(0, kt_script_init(&self->s, 0));
	for (int i = 0; i < VCPUS; i++) {
		ASSERT_EQ(0, kt_script_vcpu(&self->s, ids[i]));
		ASSERT_EQ(0, KT_DO(&self->s, ids[i], KT_APIC_ON));
	}
}

FIXTURE_TEARDOWN(smp)
{
	kt_script_fini(&self->s);
}

#define VCPU(i)		(self->s.vcpu[kt_slot(ids[i])])
#define PAGE(i)		(VCPU(i).page)
#define START(i)	ASSERT_EQ(0, kt_runner_start(&self->runner[i], VCPU(i).fd, -1))
#define ENTER(i)	ASSERT_EQ(0, kt_runner_enter(&self->runner[i], VCPU(i).fd, -1))
#define JOIN(i)		kt_runner_join(&self->runner[i])
#define EXPECT_END(i, what)						\
do {									\
	EXPECT_EQ(0, JOIN(i));						\
	EXPECT_EQ(what, VCPU(i).run->kind);				\
} while (0)

#define ICR(value)	WRMSR(X2APIC_ICR, value)
#define DEST(id)	((uint64_t)(id) << 32)

#define NMI		0x4400ULL
#define INIT		0x4500ULL
#define SIPI		0x4600ULL
#define ALL		0x80000ULL
#define OTHERS		0xc0000ULL

/* Who took what an IPI of the first vCPU brought, as bits */
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

TEST_F(smp, destinations)
{
	static const struct {
		const char *name;
		uint64_t icr;
		int takers;
	} cases[] = {
		{ "itself", DEST(3) | 0x40, 1 },
		{ "another", DEST(0) | 0x41, 2 },
		{ "the greatest id", DEST(254) | 0x42, 8 },
		{ "nobody", DEST(1) | 0x43, 0 },
		{ "xAPIC's broadcast is an id here", DEST(255) | 0x44, 0 },
		{ "broadcast", DEST(0xffffffff) | 0x45, 0xf },
		{ "shorthand self", 0x40046, 1 },
		{ "shorthand all", ALL | 0x47, 0xf },
		{ "shorthand others", OTHERS | 0x48, 0xe },
		{ "logical, one cluster", DEST(0x0009) | 0x849, 3 },
		{ "logical, another cluster", DEST(0x10002) | 0x84a, 4 },
		{ "logical, nobody", DEST(0x20002) | 0x84b, 0 },
		{ "logical, empty", DEST(0x10000) | 0x84c, 0 },
		{ "logical broadcast", DEST(0xffffffff) | 0x84d, 0xf },
		{ "lowest priority", DEST(0x0009) | 0x94e, 2 },
		{ "lowest priority, others", OTHERS | 0x14f, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(cases[i].icr)));
		/* Its own may have come with the script's first instruction. */
		EXPECT_EQ(cases[i].takers, takers(&self->s, cases[i].icr)) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* Spinning, halted, and not in RUN at all */
TEST_F(smp, wherever_it_is)
{
	KT_SET(&self->s, ids[1], STEP(KT_S_TOOK, 1));
	KT_SET(&self->s, ids[2], STEP(KT_S_HLT, 0));
	KT_SET(&self->s, ids[3], STEP(KT_S_WINDOW, 0));
	ENTER(1);
	/* It waits in the kernel, as the first vCPU could wake it. */
	ENTER(2);
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | 0x55)));
	EXPECT_END(1, KEV_EXIT_HYPERCALL);
	EXPECT_END(2, KEV_EXIT_HYPERCALL);
	ASSERT_EQ(0, kt_script_run(&self->s, ids[3]));
	for (int i = 1; i < VCPUS; i++) {
		EXPECT_EQ(1, PAGE(i)->taken);
		EXPECT_EQ(0x55, PAGE(i)->log[0]);
	}
	EXPECT_EQ(0, kt_vcpu_stats(VCPU(1).fd).kicks);
	EXPECT_EQ(0, kt_vcpu_stats(VCPU(2).fd).kicks);
}

/* Back and forth, each waiting for the other in an HLT: no interrupt is lost. */
TEST_F(smp, ping_pong)
{
	const struct kt_step ping[] = {
		ICR(DEST(0) | 0x60), STEP(KT_S_HLT, 0), ICR(DEST(0) | 0x60), STEP(KT_S_HLT, 0),
		ICR(DEST(0) | 0x60), STEP(KT_S_HLT, 0), ICR(DEST(0) | 0x60), STEP(KT_S_HLT, 0),
	}, pong[] = {
		STEP(KT_S_HLT, 0), ICR(DEST(3) | 0x61), STEP(KT_S_HLT, 0), ICR(DEST(3) | 0x61),
		STEP(KT_S_HLT, 0), ICR(DEST(3) | 0x61), STEP(KT_S_HLT, 0), ICR(DEST(3) | 0x61),
	};

	for (int i = 0; i < 50; i++) {
		kt_script_set(&self->s, ids[0], ping, ARRAY_SIZE(ping));
		kt_script_set(&self->s, ids[1], pong, ARRAY_SIZE(pong));
		START(0);
		START(1);
		EXPECT_END(0, KEV_EXIT_HYPERCALL);
		EXPECT_END(1, KEV_EXIT_HYPERCALL);
		EXPECT_EQ(4, PAGE(0)->taken);
		EXPECT_EQ(4, PAGE(1)->taken);
	}
}

TEST_F(smp, nmi)
{
	KT_SET(&self->s, ids[1], STEP(KT_S_CLI_HLT, 0));
	KT_SET(&self->s, ids[2], STEP(KT_S_WAIT, 1));
	VCPU(2).page->steps[0].arg = KT_SCRIPT_SHARED;
	ENTER(1);
	ENTER(2);
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | NMI),
			   STEP_AT(KT_S_STORE, KT_SCRIPT_SHARED, 1)));
	EXPECT_END(2, KEV_EXIT_HYPERCALL);
	EXPECT_EQ(1, PAGE(2)->taken);
	EXPECT_EQ(2, PAGE(2)->log[0]);
	while (*(volatile uint32_t *)&PAGE(1)->taken != 1)
		sched_yield();
	EXPECT_EQ(2, PAGE(1)->log[0]);
	EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner[1]));
}

/* ---- nothing can wake any of them ---- */

/* Each one that waits is told, and again at the next RUN. */
TEST_F(smp, all_halted)
{
	for (int i = 0; i < VCPUS; i++) {
		KT_SET(&self->s, ids[i], STEP(i & 1 ? KT_S_CLI_HLT : KT_S_HLT, 0));
		START(i);
	}
	for (int i = 0; i < VCPUS; i++)
		EXPECT_END(i, KEV_EXIT_HALTED);
	ASSERT_EQ(0, kt_run(VCPU(2).fd));
	EXPECT_EQ(KEV_EXIT_HALTED, VCPU(2).run->kind);
	/* One goes on: then the others wait for it. */
	ASSERT_EQ(0, kt_interrupt(VCPU(2).fd, 0x44));
	START(0);
	START(1);
	ASSERT_EQ(0, kt_script_run(&self->s, ids[2]));
	ASSERT_EQ(0, KT_DO(&self->s, ids[2], ICR(DEST(3) | 0x45)));
	EXPECT_END(0, KEV_EXIT_HYPERCALL);
	EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner[1]));
}

/* One that is not in RUN but could go on keeps the others waiting, until it is closed. */
TEST_F(smp, last_one_closed)
{
	KT_SET(&self->s, ids[0], STEP(KT_S_HLT, 0));
	KT_SET(&self->s, ids[1], STEP(KT_S_HLT, 0));
	KT_SET(&self->s, ids[2], STEP(KT_S_HLT, 0));
	ENTER(0);
	ENTER(1);
	ENTER(2);
	kt_unmap_run(VCPU(3).run);
	VCPU(3).run = NULL;
	close(VCPU(3).fd);
	VCPU(3).fd = -1;
	for (int i = 0; i < 3; i++)
		EXPECT_END(i, KEV_EXIT_HALTED);
}

/* The timer of one keeps all waiting. */
TEST_F(smp, timer_of_another)
{
	for (int i = 1; i < VCPUS; i++) {
		KT_SET(&self->s, ids[i], STEP(KT_S_HLT, 0));
		START(i);
	}
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], WRMSR(X2APIC_LVT_TIMER, 0x70),
			   WRMSR(X2APIC_TMICT, 1000000), STEP(KT_S_HLT, 0),
			   ICR(OTHERS | 0x71)));
	EXPECT_EQ(0x70, PAGE(0)->log[0]);
	for (int i = 1; i < VCPUS; i++) {
		EXPECT_END(i, KEV_EXIT_HYPERCALL);
		EXPECT_EQ(0x71, PAGE(i)->log[0]);
	}
}

/* ---- the end ---- */

TEST_F(smp, halt_cpu_ends_all)
{
	KT_SET(&self->s, ids[1], STEP(KT_S_SPIN, 0));
	KT_SET(&self->s, ids[2], STEP(KT_S_HLT, 0));
	KT_SET(&self->s, ids[3], STEP(KT_S_CLI_HLT, 0));
	for (int i = 1; i < VCPUS; i++)
		ENTER(i);
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, ids[0], STEP(KT_S_HALT_CPU, 0xcafe)));
	for (int i = 1; i < VCPUS; i++) {
		EXPECT_END(i, KEV_EXIT_VM_EXITED);
		EXPECT_EQ(0xcafe, VCPU(i).run->exit_code);
	}
}

/* ---- INIT and SIPI ---- */

static bool unrestricted(int kev)
{
	struct kev_query query = { .size = sizeof(query) };

	return !kt_ioctl(kev, KEV_QUERY, &query) &&
	       query.features & KEV_FEATURE_UNRESTRICTED_GUEST;
}

#define NEEDS_UNRESTRICTED()							\
	do {									\
		if (!unrestricted(self->s.kev))					\
			SKIP(return, "the CPU cannot run real mode in a guest");	\
	} while (0)

/* OUT to port 0x80, then HLT with interrupts off: "mov %cs, %ax; out %ax, $0x80; hlt" */
static const uint8_t ap_code[] = { 0x8c, 0xc8, 0xe7, 0x80, 0xf4, 0xeb, 0xfd };

TEST_F(smp, sipi_starts_real_mode)
{
	NEEDS_UNRESTRICTED();
	ASSERT_EQ(sizeof(ap_code), kt_write_guest(self->s.vm, 0x9000, ap_code, sizeof(ap_code)));
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | INIT), ICR(OTHERS | SIPI | 9),
			   ICR(OTHERS | SIPI | 8)));
	for (int i = 1; i < VCPUS; i++) {
		ASSERT_EQ(0, kt_run(VCPU(i).fd));
		EXPECT_EQ(KEV_EXIT_IO, VCPU(i).run->kind);
		EXPECT_EQ(0x80, VCPU(i).run->io.port);
		EXPECT_EQ(0x900, VCPU(i).run->io.data);
		EXPECT_EQ(2, VCPU(i).run->rip);
		/* CD and NW stay as they were. */
		EXPECT_EQ(0x10, VCPU(i).run->cr0);
	}
	/* It runs: one more SIPI is nothing to it. */
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | SIPI | 9)));
	ENTER(1);
	EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner[1]));
	/* An INIT without a SIPI: it waits, whatever comes but that. */
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(DEST(0) | INIT), ICR(DEST(0) | NMI),
			   ICR(DEST(0) | 0x44)));
	START(1);
	EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner[1]));
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(DEST(0) | SIPI | 9)));
	START(1);
	EXPECT_END(1, KEV_EXIT_IO);
}

/* In the middle of a wait and of a spin; the state is a new one. */
TEST_F(smp, init_wherever_it_is)
{
	NEEDS_UNRESTRICTED();
	ASSERT_EQ(sizeof(ap_code), kt_write_guest(self->s.vm, 0x9000, ap_code, sizeof(ap_code)));
	KT_SET(&self->s, ids[1], STEP(KT_S_SPIN, 0));
	KT_SET(&self->s, ids[2], STEP(KT_S_HLT, 0));
	KT_SET(&self->s, ids[3], STEP(KT_S_CLI_HLT, 0));
	for (int i = 1; i < VCPUS; i++)
		ENTER(i);
	for (int i = 1; i < VCPUS; i++) {
		ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(DEST(ids[i]) | INIT),
				   ICR(DEST(ids[i]) | SIPI | 9)));
		EXPECT_END(i, KEV_EXIT_IO);
		EXPECT_EQ(0x900, VCPU(i).run->io.data);
		EXPECT_EQ(0, kt_vcpu_stats(VCPU(i).fd).kicks);
	}
}

/* Who is being started will call: the one that sleeps meanwhile is not told that none can. */
TEST(init_while_another_sleeps)
{
	const struct kt_step cpuid = STEP_AT(KT_S_CPUID, 1, 0), hlt = STEP(KT_S_HLT, 0);
	const struct kt_step init = ICR(DEST(1) | INIT);
	const struct kt_step sipi = ICR(DEST(1) | SIPI | KT_SCRIPT_SIPI);
	struct kt_step steps[KT_MAX_STEPS - 1] = { KT_APIC_ON };
	struct kt_runner runner;
	struct kt_script s;
	size_t nr;

	ASSERT_EQ(0, kt_script_init(&s, 0));
	ASSERT_EQ(0, kt_script_vcpu(&s, 0));
	ASSERT_EQ(0, kt_script_vcpu(&s, 1));
	if (!unrestricted(s.kev))
		SKIP(return, "the CPU cannot run real mode in a guest");
	ASSERT_EQ(0, KT_DO(&s, 1, KT_APIC_ON));
	KT_SET(&s, 1, KT_APIC_ON, ICR(DEST(0) | 0x61), STEP(KT_S_CLI_HLT, 0));
	/* It goes to sleep sooner or later after the call. */
	for (size_t delay = 0; delay < 60; delay++) {
		for (nr = 2; nr + 3 + delay % 20 <= ARRAY_SIZE(steps);) {
			steps[nr++] = init;
			steps[nr++] = sipi;
			for (size_t i = 0; i < delay % 20; i++)
				steps[nr++] = cpuid;
			steps[nr++] = hlt;
		}
		ASSERT_EQ(0, kt_runner_start(&runner, s.vcpu[1].fd, -1));
		ASSERT_EQ(0, kt_script_do(&s, 0, steps, nr));
		EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	}
	kt_script_fini(&s);
}

/* The vCPUs that wait for a SIPI do not keep the halted one waiting. */
TEST_F(smp, halted_beside_waiting_for_sipi)
{
	NEEDS_UNRESTRICTED();
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | INIT)));
	KT_SET(&self->s, ids[0], STEP(KT_S_HLT, 0));
	for (int i = 0; i < VCPUS; i++)
		START(i);
	for (int i = 0; i < VCPUS; i++)
		EXPECT_END(i, KEV_EXIT_HALTED);
}

/* Nor does an INIT that reaches them meanwhile: it would not end their wait. */
TEST_F_TIMEOUT(smp, halted_beside_init, 10)
{
	NEEDS_UNRESTRICTED();
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | INIT)));
	for (int i = 1; i < VCPUS; i++) {
		START(i);
		kt_runner_wait_asleep(&self->runner[i]);
		EXPECT_EQ(-EINTR, kt_runner_kick(&self->runner[i]));
	}
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | INIT)));
	KT_SET(&self->s, ids[0], STEP(KT_S_HLT, 0));
	START(0);
	EXPECT_END(0, KEV_EXIT_HALTED);
}

TEST_F(smp, halt_cpu_ends_waiting_for_sipi)
{
	NEEDS_UNRESTRICTED();
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(OTHERS | INIT)));
	for (int i = 1; i < VCPUS; i++)
		START(i);
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, ids[0], STEP(KT_S_HALT_CPU, 7)));
	for (int i = 1; i < VCPUS; i++)
		EXPECT_END(i, KEV_EXIT_VM_EXITED);
}

/* Without such a CPU the VM ends, and says why. */
TEST_F(smp, sipi_without_real_mode)
{
	if (unrestricted(self->s.kev))
		SKIP(return, "the CPU runs real mode in a guest");
	ASSERT_EQ(0, KT_DO(&self->s, ids[0], ICR(DEST(0) | INIT)));
	ASSERT_EQ(0, kt_run(VCPU(1).fd));
	EXPECT_EQ(KEV_EXIT_FAILED, VCPU(1).run->kind);
	EXPECT_EQ(EOPNOTSUPP, VCPU(1).run->error);
}

TEST_HARNESS_MAIN
