// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC of one vCPU: registers by MSR, priorities, self-IPIs, errors, the timer,
 * and the wait behind an HLT. Guards that each register does what the SDM says and nothing
 * else, and that what the APIC brings reaches the guest.
 */
#include "kselftest_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "script.h"

FIXTURE(apic) {
	struct kt_script s;
	struct kt_script_page *page;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_SETUP(apic)
{
	ASSERT_EQ(0, kt_script_init(&self->s, 0));
	ASSERT_EQ(0, kt_script_vcpu(&self->s, 0));
	self->page = self->s.vcpu[0].page;
	self->run = self->s.vcpu[0].run;
	self->vcpu = self->s.vcpu[0].fd;
}

FIXTURE_TEARDOWN(apic)
{
	kt_script_fini(&self->s);
}

#define DO(...)	ASSERT_EQ(0, KT_DO(&self->s, 0, __VA_ARGS__))
#define RESULT(step)	(self->page->steps[step].result)
#define FAULT(step)	(self->page->steps[step].fault)

/* One access for each row, one after the other */
static const struct access {
	const char *name;
	uint32_t op, msr;
	uint64_t value;		/* written, or what is read */
	uint64_t fault;
} accesses[] = {
#define R	KT_S_RDMSR
#define W	KT_S_WRMSR
	{ "base after reset", R, MSR_APIC_BASE, 0xfee00900, 0 },
	{ "x2APIC MSR in xAPIC mode", R, X2APIC_ID, 0, KT_S_GP },
	{ "write in xAPIC mode", W, X2APIC_SVR, 0x1ff, KT_S_GP },
	{ "base, bit 9", W, MSR_APIC_BASE, 0xfee00b00, KT_S_GP },
	{ "base, bit 0", W, MSR_APIC_BASE, 0xfee00901, KT_S_GP },
	{ "base, above the width", W, MSR_APIC_BASE, 1ULL << 60 | 0xfee00900, KT_S_GP },
	{ "x2APIC without enable", W, MSR_APIC_BASE, 0xfee00500, KT_S_GP },
	{ "disable", W, MSR_APIC_BASE, 0xfee00100, 0 },
	{ "from disabled to x2APIC", W, MSR_APIC_BASE, 0xfee00d00, KT_S_GP },
	{ "enable", W, MSR_APIC_BASE, 0xfee00900, 0 },
	{ "x2APIC", W, MSR_APIC_BASE, 0xfee00d00, 0 },
	{ "from x2APIC to xAPIC", W, MSR_APIC_BASE, 0xfee00900, KT_S_GP },
	{ "base reads back", R, MSR_APIC_BASE, 0xfee00d00, 0 },
	{ "id", R, X2APIC_ID, 0, 0 },
	{ "id is read-only", W, X2APIC_ID, 0, KT_S_GP },
	{ "version", R, X2APIC_VERSION, 0x50014, 0 },
	{ "version is read-only", W, X2APIC_VERSION, 0x50014, KT_S_GP },
	{ "LDR", R, X2APIC_LDR, 1, 0 },
	{ "LDR is read-only", W, X2APIC_LDR, 1, KT_S_GP },
	{ "no DFR", R, 0x80e, 0, KT_S_GP },
	{ "no DFR to write", W, 0x80e, 0, KT_S_GP },
	{ "no ICR2", R, 0x831, 0, KT_S_GP },
	{ "no APR", R, 0x809, 0, KT_S_GP },
	{ "no CMCI", R, 0x82f, 0, KT_S_GP },
	{ "nothing at 0x800", R, 0x800, 0, KT_S_GP },
	{ "nothing at 0x8ff", R, 0x8ff, 0, KT_S_GP },
	{ "SVR after reset", R, X2APIC_SVR, 0xff, 0 },
	{ "LVT after reset", R, X2APIC_LVT_LINT0, 0x10000, 0 },
	{ "LVT stays masked", W, X2APIC_LVT_LINT0, 0x700, 0 },
	{ "it is", R, X2APIC_LVT_LINT0, 0x10700, 0 },
	{ "SVR, reserved bit", W, X2APIC_SVR, 0x11ff, KT_S_GP },
	{ "SVR", W, X2APIC_SVR, 0x1ff, 0 },
	{ "LVT", W, X2APIC_LVT_LINT0, 0xa7ff, 0 },
	{ "LVT reads back", R, X2APIC_LVT_LINT0, 0xa7ff, 0 },
	{ "LVT, reserved bit", W, X2APIC_LVT_LINT0, 0x20000, KT_S_GP },
	{ "LVT, upper half", W, X2APIC_LVT_LINT0, 1ULL << 32, KT_S_GP },
	{ "TPR", W, X2APIC_TPR, 0x5a, 0 },
	{ "TPR reads back", R, X2APIC_TPR, 0x5a, 0 },
	{ "PPR", R, X2APIC_PPR, 0x5a, 0 },
	{ "PPR is read-only", W, X2APIC_PPR, 0, KT_S_GP },
	{ "TPR, reserved bit", W, X2APIC_TPR, 0x100, KT_S_GP },
	{ "TPR, upper half", W, X2APIC_TPR, 1ULL << 32, KT_S_GP },
	{ "CR8 is TPR", KT_S_GET_CR8, 0, 5, 0 },
	{ "CR8", KT_S_SET_CR8, 0, 3, 0 },
	{ "TPR is CR8", R, X2APIC_TPR, 0x30, 0 },
	{ "CR8, reserved bit", KT_S_SET_CR8, 0, 16, KT_S_GP },
	{ "CR8 to 0", KT_S_SET_CR8, 0, 0, 0 },
	{ "EOI is write-only", R, X2APIC_EOI, 0, KT_S_GP },
	{ "EOI, not 0", W, X2APIC_EOI, 1, KT_S_GP },
	{ "EOI of nothing", W, X2APIC_EOI, 0, 0 },
	{ "ISR is read-only", W, X2APIC_ISR, 0, KT_S_GP },
	{ "TMR is read-only", W, X2APIC_TMR + 7, 0, KT_S_GP },
	{ "IRR is read-only", W, X2APIC_IRR, 0, KT_S_GP },
	{ "ESR, not 0", W, X2APIC_ESR, 1, KT_S_GP },
	{ "ESR", W, X2APIC_ESR, 0, 0 },
	{ "ESR is empty", R, X2APIC_ESR, 0, 0 },
	{ "SELF IPI is write-only", R, X2APIC_SELF_IPI, 0, KT_S_GP },
	{ "SELF IPI, reserved bit", W, X2APIC_SELF_IPI, 0x100, KT_S_GP },
	{ "ICR, bit 12", W, X2APIC_ICR, 0x41040, KT_S_GP },
	{ "ICR, bit 13", W, X2APIC_ICR, 0x42040, KT_S_GP },
	{ "ICR, bit 16", W, X2APIC_ICR, 0x50040, KT_S_GP },
	{ "ICR, bit 20", W, X2APIC_ICR, 0x140040, KT_S_GP },
	{ "ICR to nobody", W, X2APIC_ICR, 0x1234500000040, 0 },
	{ "ICR reads back", R, X2APIC_ICR, 0x1234500000040, 0 },
	{ "timer's LVT, reserved bit", W, X2APIC_LVT_TIMER, 0x700, KT_S_GP },
	{ "error's LVT, reserved bit", W, X2APIC_LVT_ERROR, 0x700, KT_S_GP },
	{ "divide, reserved bit", W, X2APIC_TDCR, 4, KT_S_GP },
	{ "divide", W, X2APIC_TDCR, 0xb, 0 },
	{ "divide reads back", R, X2APIC_TDCR, 0xb, 0 },
	{ "count is read-only", W, X2APIC_TMCCT, 0, KT_S_GP },
	{ "initial count, upper half", W, X2APIC_TMICT, 1ULL << 32, KT_S_GP },
	{ "deadline, but not its mode", W, MSR_DEADLINE, 1, 0 },
	{ "it was ignored", R, MSR_DEADLINE, 0, 0 },
	{ "software-disable", W, X2APIC_SVR, 0xff, 0 },
	{ "that masks the LVT", R, X2APIC_LVT_LINT0, 0x1a7ff, 0 },
	{ "disable", W, MSR_APIC_BASE, 0xfee00100, 0 },
	{ "enable anew", W, MSR_APIC_BASE, 0xfee00900, 0 },
	{ "x2APIC anew", W, MSR_APIC_BASE, 0xfee00d00, 0 },
	{ "all is as after reset", R, X2APIC_LVT_LINT0, 0x10000, 0 },
#undef R
#undef W
};

TEST_F(apic, registers)
{
	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		const struct access *a = &accesses[i];

		DO(STEP_AT(a->op, a->msr, a->value));
		EXPECT_EQ(a->fault, FAULT(0)) {
			TH_LOG("%s", a->name);
		}
		if ((a->op == KT_S_RDMSR || a->op == KT_S_GET_CR8) && !a->fault) {
			EXPECT_EQ(a->value, RESULT(0)) {
				TH_LOG("%s", a->name);
			}
		}
	}
}

#define FIXED(vector)	WRMSR(X2APIC_ICR, 0x40000 | (vector))
#define WINDOW		STEP(KT_S_WINDOW, 0)

/* The greatest vector comes first, and a handler holds back what is not above its class. */
TEST_F(apic, priorities)
{
	DO(KT_APIC_ON,
	   FIXED(0x31), FIXED(0x52), FIXED(0x41), FIXED(0x45),
	   RDMSR(X2APIC_IRR + 1), RDMSR(X2APIC_IRR + 2), WINDOW);
	EXPECT_EQ(1 << 0x11, RESULT(6));
	EXPECT_EQ(1 << 0x12 | 1 << 1 | 1 << 5, RESULT(7));
	ASSERT_EQ(4, self->page->taken);
	EXPECT_EQ(0x52, self->page->log[0]);
	EXPECT_EQ(0x45, self->page->log[1]);
	EXPECT_EQ(0x41, self->page->log[2]);
	EXPECT_EQ(0x31, self->page->log[3]);
}

TEST_F(apic, in_service)
{
	DO(KT_APIC_ON, STEP(KT_S_EOI, KT_EOI_NONE),
	   FIXED(0x45), WINDOW, RDMSR(X2APIC_ISR + 2), RDMSR(X2APIC_PPR),
	   FIXED(0x41), WINDOW, FIXED(0x51), WINDOW, RDMSR(X2APIC_PPR),
	   WRMSR(X2APIC_EOI, 0), RDMSR(X2APIC_PPR), WINDOW,
	   WRMSR(X2APIC_EOI, 0), WINDOW, RDMSR(X2APIC_IRR + 2));
	EXPECT_EQ(1 << 5, RESULT(5));
	EXPECT_EQ(0x40, RESULT(6));
	EXPECT_EQ(0x50, RESULT(11));
	EXPECT_EQ(0x40, RESULT(13));
	EXPECT_EQ(0, RESULT(17));
	ASSERT_EQ(3, self->page->taken);
	EXPECT_EQ(0x45, self->page->log[0]);
	EXPECT_EQ(0x51, self->page->log[1]);
	EXPECT_EQ(0x41, self->page->log[2]);
}

TEST_F(apic, task_priority)
{
	DO(KT_APIC_ON, STEP(KT_S_SET_CR8, 4), FIXED(0x4f), WINDOW, FIXED(0x50), WINDOW,
	   STEP(KT_S_SET_CR8, 3), WINDOW);
	ASSERT_EQ(2, self->page->taken);
	EXPECT_EQ(0x50, self->page->log[0]);
	EXPECT_EQ(0x4f, self->page->log[1]);
}

/* One more of the same while it waits is one, while it is in service it is another. */
TEST_F(apic, same_vector)
{
	DO(KT_APIC_ON, FIXED(0x60), FIXED(0x60), WINDOW);
	EXPECT_EQ(1, self->page->taken);
	DO(STEP(KT_S_EOI, KT_EOI_NONE), FIXED(0x60), WINDOW, FIXED(0x60), WINDOW,
	   WRMSR(X2APIC_EOI, 0), WINDOW);
	EXPECT_EQ(2, self->page->taken);
}

TEST_F(apic, self_ipi)
{
	DO(KT_APIC_ON, WRMSR(X2APIC_SELF_IPI, 0x77), WINDOW,
	   WRMSR(X2APIC_ICR, 0x78), WINDOW,	/* physical id 0 */
	   WRMSR(X2APIC_ICR, 1ULL << 32 | 0x879), WINDOW,	/* logical */
	   WRMSR(X2APIC_ICR, 0x8007a), WINDOW,	/* all */
	   WRMSR(X2APIC_ICR, 0xc007b), WINDOW,	/* all others */
	   WRMSR(X2APIC_ICR, 0xffffffffULL << 32 | 0x7c), WINDOW,
	   WRMSR(X2APIC_ICR, 0x17d), WINDOW);	/* lowest priority */
	ASSERT_EQ(6, self->page->taken);
	EXPECT_EQ(0x77, self->page->log[0]);
	EXPECT_EQ(0x78, self->page->log[1]);
	EXPECT_EQ(0x79, self->page->log[2]);
	EXPECT_EQ(0x7a, self->page->log[3]);
	EXPECT_EQ(0x7c, self->page->log[4]);
	EXPECT_EQ(0x7d, self->page->log[5]);
}

TEST_F(apic, software_disabled)
{
	DO(WRMSR(MSR_APIC_BASE, 0xfee00d00),
	   FIXED(0x60), WRMSR(X2APIC_SELF_IPI, 0x61), WINDOW,
	   RDMSR(X2APIC_IRR + 3));
	EXPECT_EQ(0, self->page->taken);
	EXPECT_EQ(0, RESULT(4));
	/* What waits when it is disabled comes all the same. */
	DO(WRMSR(X2APIC_SVR, 0x1ff), FIXED(0x60),
	   WRMSR(X2APIC_SVR, 0xff), WINDOW);
	EXPECT_EQ(1, self->page->taken);
}

TEST_F(apic, errors)
{
	DO(KT_APIC_ON, WRMSR(X2APIC_LVT_ERROR, 0x33), FIXED(0xf),
	   RDMSR(X2APIC_ESR), WRMSR(X2APIC_ESR, 0), RDMSR(X2APIC_ESR), WINDOW,
	   WRMSR(X2APIC_ESR, 0), RDMSR(X2APIC_ESR),
	   WRMSR(X2APIC_SELF_IPI, 0), WRMSR(X2APIC_ESR, 0),
	   RDMSR(X2APIC_ESR), WINDOW);
	EXPECT_EQ(0, RESULT(4));
	EXPECT_EQ(0x20, RESULT(6));
	EXPECT_EQ(0, RESULT(9));
	EXPECT_EQ(0x20, RESULT(12));
	ASSERT_EQ(2, self->page->taken);
	EXPECT_EQ(0x33, self->page->log[0]);
}

/* An interrupt that user space raises has no priority in the APIC. */
TEST_F(apic, external_interrupt)
{
	DO(KT_APIC_ON, STEP(KT_S_SET_CR8, 15));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, 0x22));
	DO(STEP(KT_S_EOI, KT_EOI_NONE), FIXED(0x61), WINDOW, RDMSR(X2APIC_ISR + 1),
	   STEP(KT_S_SET_CR8, 0), WINDOW, RDMSR(X2APIC_ISR + 3));
	EXPECT_EQ(0, RESULT(3));
	EXPECT_EQ(2, RESULT(6));
	ASSERT_EQ(2, self->page->taken);
	EXPECT_EQ(0x22, self->page->log[0]);
	EXPECT_EQ(0x61, self->page->log[1]);
}

/* Both wait: one is delivered behind the other without an exit for anything else. */
TEST_F(apic, external_and_own)
{
	ASSERT_EQ(0, kt_interrupt(self->vcpu, 0x22));
	DO(KT_APIC_ON, FIXED(0x61), WINDOW);
	ASSERT_EQ(2, self->page->taken);
	EXPECT_EQ(0x61, self->page->log[1] ^ self->page->log[0] ^ 0x22);
}

/* ---- HLT ---- */

TEST_F(apic, hlt_ends)
{
	DO(KT_APIC_ON, FIXED(0x61), STEP(KT_S_HLT, 0));
	EXPECT_EQ(1, self->page->taken);
	/* Nothing can end this one. */
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, 0, STEP(KT_S_HLT, 0)));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	/* Held back by the task priority it does not end it. */
	ASSERT_EQ(0, kt_interrupt(self->vcpu, 0x22));
	ASSERT_EQ(0, kt_script_run(&self->s, 0));
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, 0, STEP(KT_S_SET_CR8, 8), FIXED(0x61),
				    STEP(KT_S_HLT, 0)));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	EXPECT_EQ(0, self->page->taken);
}

#define LVT(value_)	WRMSR(X2APIC_LVT_TIMER, value_)
#define COUNT(value_)	WRMSR(X2APIC_TMICT, value_)
#define ONE_SHOT	0
#define PERIODIC	0x20000
#define DEADLINE	0x40000
#define MASKED		0x10000

/* While a timer is armed the vCPU waits in the kernel, and RUN does not return. */
TEST_F(apic, hlt_waits_for_the_timer)
{
	static const struct {
		const char *name;
		uint32_t mode, msr;
		uint64_t value;
	} cases[] = {
		{ "one-shot", ONE_SHOT, X2APIC_TMICT, 200000 },
		{ "periodic", PERIODIC, X2APIC_TMICT, 200000 },
		{ "deadline", DEADLINE, MSR_DEADLINE, 200000 },
	};

	DO(KT_APIC_ON, STEP(KT_S_RDTSC, 0));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t entries = kt_vcpu_stats(self->vcpu).entries, value = cases[i].value;

		DO(STEP(KT_S_RDTSC, 0));
		if (cases[i].mode == DEADLINE)
			value += RESULT(0);
		DO(LVT(cases[i].mode | 0x70), WRMSR(cases[i].msr, value),
		   STEP(KT_S_HLT, 0), LVT(MASKED | 0x70), COUNT(0), WINDOW);
		EXPECT_EQ(1, self->page->taken) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(0x70, self->page->log[0]);
		/* It did not spin. */
		EXPECT_GT(entries + 100, kt_vcpu_stats(self->vcpu).entries);
	}
}

/* What its vector does not allow ends in the interrupt of an error. */
TEST_F(apic, hlt_waits_for_the_error_of_the_timer)
{
	DO(KT_APIC_ON, WRMSR(X2APIC_LVT_ERROR, 0x50), LVT(5), COUNT(100000), STEP(KT_S_HLT, 0));
	ASSERT_EQ(1, self->page->taken);
	EXPECT_EQ(0x50, self->page->log[0]);
}

TEST_F(apic, hlt_with_useless_timer)
{
	static const struct {
		const char *name;
		uint64_t lvt, cr8;
		uint32_t op;
	} cases[] = {
		{ "masked", MASKED | 0x70, 0, KT_S_HLT },
		{ "held back", 0x70, 7, KT_S_HLT },
		{ "interrupts off", 0x70, 0, KT_S_CLI_HLT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, 0, KT_APIC_ON, LVT(cases[i].lvt),
					    STEP(KT_S_SET_CR8, cases[i].cr8),
					    COUNT(0xffffffff), STEP(cases[i].op, 0))) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
		kt_script_fini(&self->s);
		ASSERT_EQ(0, kt_script_init(&self->s, 0));
		ASSERT_EQ(0, kt_script_vcpu(&self->s, 0));
		self->run = self->s.vcpu[0].run;
	}
}

/* ---- timer ---- */

TEST_F(apic, timer_count)
{
	DO(KT_APIC_ON, LVT(MASKED | 0x70), WRMSR(X2APIC_TDCR, 0xb),
	   COUNT(0xf0000000), RDMSR(X2APIC_TMCCT), RDMSR(X2APIC_TMICT), RDMSR(X2APIC_TMCCT),
	   WRMSR(X2APIC_TDCR, 3), RDMSR(X2APIC_TMCCT),
	   COUNT(0), RDMSR(X2APIC_TMCCT));
	EXPECT_GE(0xf0000000, RESULT(5));
	EXPECT_LT(0xe0000000, RESULT(5));
	EXPECT_EQ(0xf0000000, RESULT(6));
	EXPECT_GT(RESULT(5), RESULT(7));
	/* The clock is slower, what is left to count is not changed. */
	EXPECT_GE(RESULT(7), RESULT(9));
	EXPECT_LT(0xe0000000, RESULT(9));
	EXPECT_EQ(0, RESULT(11));
}

TEST_F(apic, timer_one_shot)
{
	DO(KT_APIC_ON, LVT(0x70), WRMSR(X2APIC_TDCR, 0xb), STEP(KT_S_RDTSC, 0),
	   COUNT(100000), STEP(KT_S_TOOK, 1), STEP(KT_S_RDTSC, 0), RDMSR(X2APIC_TMCCT),
	   STEP(KT_S_TICKS, 300000));
	EXPECT_EQ(1, self->page->taken);
	EXPECT_LE(100000, RESULT(7) - RESULT(4));
	EXPECT_EQ(0, RESULT(8));
}

TEST_F(apic, timer_periodic)
{
	DO(KT_APIC_ON, LVT(PERIODIC | 0x70), STEP(KT_S_RDTSC, 0), COUNT(1),
	   STEP(KT_S_TOOK, 10), STEP(KT_S_RDTSC, 0), LVT(PERIODIC | MASKED | 0x70));
	EXPECT_LE(10, self->page->taken);
	/* However short the guest wants it, the host is not flooded. */
	EXPECT_LE(10 * 1000, RESULT(6) - RESULT(3));
}

/* What is being counted goes on, once or again and again. */
TEST_F(apic, timer_changes_mode)
{
	DO(KT_APIC_ON, WRMSR(X2APIC_TDCR, 0xb), LVT(PERIODIC | 0x70), COUNT(4000000),
	   STEP(KT_S_TICKS, 6000000));
	EXPECT_LE(1, self->page->taken);
	/* One may have come before. */
	DO(LVT(ONE_SHOT | 0x70), STEP(KT_S_TICKS, 20000000), RDMSR(X2APIC_TMCCT));
	EXPECT_LE(1, self->page->taken);
	EXPECT_GE(2, self->page->taken);
	EXPECT_EQ(0, RESULT(2));
	DO(COUNT(4000000), LVT(PERIODIC | 0x70), STEP(KT_S_TICKS, 20000000),
	   LVT(ONE_SHOT | MASKED | 0x70));
	EXPECT_LE(2, self->page->taken);
}

/* Of all CPUs and since the start */
static long timer_interrupts(void)
{
	char line[1024], *at = NULL;
	FILE *file = fopen("/proc/interrupts", "r");
	long sum = 0, n;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file) && !(at = strstr(line, "LOC:")))
		;
	fclose(file);
	for (at = at ? at + 4 : line; *at; sum += n) {
		char *end;

		n = strtol(at, &end, 10);
		if (end == at)
			break;
		at = end;
	}
	return sum;
}

/* A vCPU that is not run and takes no interrupt costs the host none, and yet loses none. */
TEST_F(apic, timer_rests)
{
	struct kev_vcpu_state state = {};
	long before;

	/* As often as it can; and it has been left when the first one comes. */
	DO(KT_APIC_ON, LVT(PERIODIC | 0x70));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_APIC, &state));
	state.apic.initial_count = 1;
	state.apic.timer_deadline = 1;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_APIC, &state));
	before = timer_interrupts();
	ASSERT_LT(0, before);
	usleep(400000);
	/* 2000 periods at least */
	EXPECT_GT(1000, timer_interrupts() - before);
	DO(STEP(KT_S_TICKS, 20000000), LVT(PERIODIC | MASKED | 0x70));
	EXPECT_LE(3, self->page->taken);
}

TEST_F(apic, timer_deadline)
{
	uint64_t now;

	DO(KT_APIC_ON, LVT(DEADLINE | 0x70), STEP(KT_S_RDTSC, 0));
	now = RESULT(3);
	DO(WRMSR(MSR_DEADLINE, now + 2000000), RDMSR(MSR_DEADLINE),
	   STEP(KT_S_TOOK, 1), STEP(KT_S_RDTSC, 0), RDMSR(MSR_DEADLINE));
	EXPECT_EQ(now + 2000000, RESULT(1));
	EXPECT_LE(now + 2000000, RESULT(3));
	EXPECT_EQ(0, RESULT(4));
	/* One that has passed */
	DO(WRMSR(MSR_DEADLINE, 1), WINDOW);
	EXPECT_EQ(1, self->page->taken);
	/* Given up again; and a change of the mode gives it up too. */
	DO(WRMSR(MSR_DEADLINE, ~0ULL), WRMSR(MSR_DEADLINE, 0),
	   RDMSR(MSR_DEADLINE), WRMSR(MSR_DEADLINE, ~0ULL),
	   LVT(ONE_SHOT | 0x70), LVT(DEADLINE | 0x70), RDMSR(MSR_DEADLINE));
	EXPECT_EQ(0, RESULT(2));
	EXPECT_EQ(0, RESULT(6));
}

/* So far away that the host's TSC would wrap before: it does not come. */
TEST_F(apic, far_deadline)
{
	DO(KT_APIC_ON, LVT(DEADLINE | 0x70), WRMSR(MSR_TSC, 0), WRMSR(MSR_DEADLINE, ~0ULL),
	   STEP(KT_S_TICKS, 10000), RDMSR(MSR_DEADLINE));
	EXPECT_EQ(0, self->page->taken);
	EXPECT_EQ(~0ULL, RESULT(6));
}

/* A deadline is the guest's TSC, a count is not. */
TEST_F(apic, tsc_is_written)
{
	DO(KT_APIC_ON, LVT(DEADLINE | 0x70),
	   WRMSR(MSR_DEADLINE, 1ULL << 60),
	   WRMSR(MSR_TSC, 1ULL << 61), WINDOW);
	EXPECT_EQ(1, self->page->taken);
	DO(WRMSR(MSR_TSC, 0),
	   WRMSR(MSR_DEADLINE, 1ULL << 60),
	   WRMSR(MSR_TSC_ADJUST, 1ULL << 61), WINDOW);
	EXPECT_EQ(1, self->page->taken);
	DO(LVT(ONE_SHOT | 0x70), COUNT(0xffffffff), WRMSR(MSR_TSC, 1ULL << 62),
	   WINDOW);
	EXPECT_EQ(0, self->page->taken);
}

/* A deadline that has passed has fired, and does not come again where the TSC is set back. */
TEST_F(apic, deadline_comes_once)
{
	struct kev_vcpu_state state = {};
	uint64_t now;

	DO(KT_APIC_ON, LVT(DEADLINE | 0x70), WRMSR(MSR_TSC, 1ULL << 61), STEP(KT_S_RDTSC, 0));
	now = RESULT(4);
	DO(WRMSR(MSR_DEADLINE, now + 4000000));
	usleep(500000);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_TIME, &state));
	state.time.tsc_offset -= 1ULL << 60;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_TIME, &state));
	DO(WINDOW, RDMSR(MSR_DEADLINE));
	EXPECT_EQ(1, self->page->taken);
	EXPECT_EQ(0, RESULT(1));
}

TEST_HARNESS_MAIN
