// SPDX-License-Identifier: GPL-2.0
/*
 * The state groups APIC and MP. Guards that they go out and in unchanged, that what was under
 * way goes on from there, and that a state which no local APIC has is refused by the name
 * of its field.
 */
#include "kselftest_harness.h"

#include "script.h"

FIXTURE(apic_state) {
	struct kt_script s;
	struct kt_script_page *page;
	struct kev_run *run;
	int vcpu;
	struct kev_vcpu_state state;
};

FIXTURE_SETUP(apic_state)
{
	ASSERT_EQ(0, kt_script_init(&self->s, 0));
	ASSERT_EQ(0, kt_script_vcpu(&self->s, 5));
	self->page = self->s.vcpu[5].page;
	self->run = self->s.vcpu[5].run;
	self->vcpu = self->s.vcpu[5].fd;
	ASSERT_EQ(0, KT_DO(&self->s, 5, KT_APIC_ON));
	memset(&self->state, 0, sizeof(self->state));
}

FIXTURE_TEARDOWN(apic_state)
{
	kt_script_fini(&self->s);
}

#define DO(...)		ASSERT_EQ(0, KT_DO(&self->s, 5, __VA_ARGS__))
#define FIXED(vector)	WRMSR(X2APIC_ICR, 0x40000 | (vector))
#define WINDOW		STEP(KT_S_WINDOW, 0)
#define GROUPS		(KEV_STATE_APIC | KEV_STATE_MP)

#define GET(groups)	ASSERT_EQ(0, kt_get_state(self->vcpu, groups, &self->state))
#define SET(groups)	ASSERT_EQ(0, kt_set_state(self->vcpu, groups, &self->state))

TEST_F(apic_state, reset)
{
	const struct kev_apic_state *a = &self->state.apic;

	DO(WRMSR(MSR_APIC_BASE, 0xfee00000), WRMSR(MSR_APIC_BASE, 0xfee00800));
	GET(GROUPS);
	EXPECT_EQ(5, a->id);
	EXPECT_EQ(0xff, a->svr);
	EXPECT_EQ(0xffffffff, a->dfr);
	for (int i = 0; i < KEV_NR_LVTS; i++)
		EXPECT_EQ(0x10000, a->lvt[i]);
	EXPECT_EQ(0, a->tpr | a->ldr | a->esr | a->initial_count | a->divide);
	EXPECT_EQ(0, a->icr | a->timer_deadline);
	EXPECT_EQ(KEV_MP_RUNNABLE, self->state.mp.state);
}

/* One interrupt in service, one requested, one posted, an error that has not been shown */
TEST_F(apic_state, goes_on)
{
	struct kev_vcpu_state again = { 0 };

	DO(STEP(KT_S_EOI, KT_EOI_NONE), FIXED(0x45), WINDOW, FIXED(0x41), FIXED(3),
	   WRMSR(X2APIC_TDCR, 3), WRMSR(X2APIC_LVT_LINT0, 0x700), WRMSR(X2APIC_TPR, 0x12));
	GET(GROUPS);
	EXPECT_EQ(1 << 5, self->state.apic.isr[2]);
	EXPECT_EQ(1 << 1, self->state.apic.irr[2]);
	EXPECT_EQ(0x20 << 8, self->state.apic.esr);
	EXPECT_EQ(0x20, self->state.apic.ldr);
	EXPECT_EQ(3, self->state.apic.divide);
	EXPECT_EQ(0x700, self->state.apic.lvt[KEV_LVT_LINT0]);
	EXPECT_EQ(0x12, self->state.apic.tpr);
	/* All else first, so that nothing of it is there already. */
	DO(WRMSR(MSR_APIC_BASE, 0xfee00000), WRMSR(MSR_APIC_BASE, 0xfee00800),
	   WRMSR(MSR_APIC_BASE, 0xfee00c00));
	SET(GROUPS);
	ASSERT_EQ(0, kt_get_state(self->vcpu, GROUPS, &again));
	EXPECT_EQ(0, memcmp(&self->state.apic, &again.apic, sizeof(again.apic)));
	EXPECT_EQ(0, memcmp(&self->state.mp, &again.mp, sizeof(again.mp)));

	DO(WINDOW, RDMSR(X2APIC_PPR), WRMSR(X2APIC_EOI, 0), WINDOW, WRMSR(X2APIC_EOI, 0),
	   WRMSR(X2APIC_ESR, 0), RDMSR(X2APIC_ESR));
	EXPECT_EQ(0x40, self->page->steps[1].result);
	EXPECT_EQ(1, self->page->taken);
	EXPECT_EQ(0x41, self->page->log[0]);
	EXPECT_EQ(0x20, self->page->steps[6].result);
}

/* What was sent to a vCPU that is not in RUN is a part of its state. */
TEST_F(apic_state, posted)
{
	struct kev_signal msi = {
		.size = sizeof(msi), .address = 0xfee05000, .data = 0xc050,
	};

	ASSERT_EQ(0, kt_ioctl(self->s.vm, KEV_VM_SIGNAL, &msi));
	GET(GROUPS);
	EXPECT_EQ(1 << 16, self->state.apic.irr[2]);
	EXPECT_EQ(1 << 16, self->state.apic.tmr[2]);
	self->state.apic.irr[2] = 0;
	SET(GROUPS);
	DO(WINDOW);
	EXPECT_EQ(0, self->page->taken);
}

TEST_F(apic_state, timer)
{
	static const struct {
		const char *name;
		uint32_t mode, count;
	} cases[] = {
		{ "one-shot", 0, 1000000 },
		{ "periodic", 0x20000, 1000000 },
		{ "deadline", 0x40000, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_state again = { 0 };

		DO(WRMSR(X2APIC_TDCR, 0xb), WRMSR(X2APIC_LVT_TIMER, cases[i].mode | 0x70),
		   STEP(KT_S_RDTSC, 0));
		GET(GROUPS);
		EXPECT_EQ(0, self->state.apic.timer_deadline);
		self->state.apic.initial_count = cases[i].count;
		self->state.apic.timer_deadline = self->page->steps[2].result + 3000000;
		SET(GROUPS);
		ASSERT_EQ(0, kt_get_state(self->vcpu, GROUPS, &again));
		EXPECT_EQ(0, memcmp(&self->state.apic, &again.apic, sizeof(again.apic))) {
			TH_LOG("%s", cases[i].name);
		}
		DO(STEP(KT_S_HLT, 0), STEP(KT_S_RDTSC, 0), WRMSR(X2APIC_LVT_TIMER, 0x10070),
		   WRMSR(X2APIC_TMICT, 0), WINDOW);
		EXPECT_LE(self->state.apic.timer_deadline, self->page->steps[1].result) {
			TH_LOG("%s", cases[i].name);
		}
		EXPECT_LE(1, self->page->taken);
	}
}

#define FIELD(field_)	offsetof(struct kev_vcpu_state, field_), \
			sizeof(((struct kev_vcpu_state *)0)->field_)

TEST_F(apic_state, refused)
{
	static const struct {
		const char *problem;
		uint32_t group;
		size_t offset, size;
		uint64_t value;
	} cases[] = {
		{ "APIC_ID", KEV_STATE_APIC, FIELD(apic.id), 4 },
		{ "APIC_TPR", KEV_STATE_APIC, FIELD(apic.tpr), 0x100 },
		{ "APIC_LDR", KEV_STATE_APIC, FIELD(apic.ldr), 0x21 },
		{ "APIC_DFR", KEV_STATE_APIC, FIELD(apic.dfr), 0xf0000000 },
		{ "APIC_SVR", KEV_STATE_APIC, FIELD(apic.svr), 0x5ff },
		{ "APIC_ESR", KEV_STATE_APIC, FIELD(apic.esr), 0x10000 },
		{ "APIC_LVT", KEV_STATE_APIC, FIELD(apic.lvt[KEV_LVT_TIMER]), 0x100 },
		{ "APIC_LVT", KEV_STATE_APIC, FIELD(apic.lvt[KEV_LVT_ERROR]), 0x100 },
		{ "APIC_LVT", KEV_STATE_APIC, FIELD(apic.svr), 0xff },
		{ "APIC_TIMER", KEV_STATE_APIC, FIELD(apic.timer_deadline), 1 },
		{ "APIC_DIVIDE", KEV_STATE_APIC, FIELD(apic.divide), 4 },
		{ "APIC_ICR", KEV_STATE_APIC, FIELD(apic.icr), 0x1000 },
		{ "APIC_ISR", KEV_STATE_APIC, FIELD(apic.isr[0]), 1 },
		{ "APIC_TMR", KEV_STATE_APIC, FIELD(apic.tmr[0]), 0x8000 },
		{ "APIC_IRR", KEV_STATE_APIC, FIELD(apic.irr[0]), 0x8000 },
		{ "MP_STATE", KEV_STATE_MP, FIELD(mp.state), 3 },
		{ "MP_STATE", KEV_STATE_MP, FIELD(mp.reserved), 1 },
		{ "MP_INIT", KEV_STATE_MP, FIELD(mp.init), 2 },
		{ "MP_SIPI", KEV_STATE_MP, FIELD(mp.sipi), 0x200 },
		{ "MP_SIPI", KEV_STATE_MP, FIELD(mp.sipi), 0x10 },
	};
	struct kev_vcpu_state before, after = { 0 };

	DO(WRMSR(X2APIC_LVT_LINT0, 0x700));
	GET(GROUPS);
	before = self->state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t length = strlen(cases[i].problem);

		self->state = before;
		memcpy((char *)&self->state + cases[i].offset, &cases[i].value, cases[i].size);
		EXPECT_EQ(-EINVAL, kt_set_state(self->vcpu, cases[i].group, &self->state)) {
			TH_LOG("%zu: %s", i, cases[i].problem);
		}
		EXPECT_EQ(0, strncmp(cases[i].problem, self->state.problem, length)) {
			TH_LOG("%zu: %s", i, self->state.problem);
		}
	}
	ASSERT_EQ(0, kt_get_state(self->vcpu, GROUPS, &after));
	EXPECT_EQ(0, memcmp(&before.apic, &after.apic, sizeof(after.apic)));
}

/* ---- what it waits for ---- */

TEST_F(apic_state, halted)
{
	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, 5, STEP(KT_S_HLT, 0)));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	GET(GROUPS);
	EXPECT_EQ(KEV_MP_HALTED, self->state.mp.state);
	/* It stays so through a SET of itself. */
	SET(GROUPS);
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	/* A request that is set with it ends it. */
	self->state.apic.irr[3] = 1;
	SET(GROUPS);
	ASSERT_EQ(0, kt_script_run(&self->s, 5));
	EXPECT_EQ(1, self->page->taken);
	EXPECT_EQ(0x60, self->page->log[0]);

	/* Out of nowhere, with interrupts off: nothing but an NMI ends it. */
	GET(GROUPS);
	self->state.mp.state = KEV_MP_HALTED;
	self->state.apic.irr[3] = 1;
	SET(GROUPS);
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	GET(KEV_STATE_MP);
	EXPECT_EQ(KEV_MP_HALTED, self->state.mp.state);
	self->state.mp.state = KEV_MP_RUNNABLE;
	SET(KEV_STATE_MP);
	DO(WINDOW);
	EXPECT_EQ(1, self->page->taken);
}

/* Whoever looks at a vCPU that is halted takes nothing away from it. */
TEST_F(apic_state, looked_at_while_halted)
{
	const struct kev_signal message = {
		.size = sizeof(message), .address = 0xfee05000, .data = 0x61,
	};

	EXPECT_EQ(-EREMOTEIO, KT_DO(&self->s, 5, STEP(KT_S_HLT, 0)));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, kt_ioctl(self->s.vm, KEV_VM_SIGNAL, &message));
	GET(GROUPS);
	EXPECT_EQ(2, self->state.apic.irr[3]);
	ASSERT_EQ(0, kt_script_run(&self->s, 5));
	EXPECT_EQ(1, self->page->taken);
	EXPECT_EQ(0x61, self->page->log[0]);
}

TEST_F(apic_state, wait_for_sipi)
{
	struct kev_query query = { .size = sizeof(query) };

	GET(KEV_STATE_MP);
	self->state.mp.state = KEV_MP_WAIT_FOR_SIPI;
	SET(KEV_STATE_MP);
	/* It waits for what nobody is there to send. */
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, kt_ioctl(self->s.kev, KEV_QUERY, &query));
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "the CPU cannot run real mode in a guest");
	self->state.mp.init = 1;
	self->state.mp.sipi = 0x109;
	SET(KEV_STATE_MP);
	GET(KEV_STATE_MP);
	EXPECT_EQ(KEV_MP_WAIT_FOR_SIPI, self->state.mp.state);
	EXPECT_EQ(1, self->state.mp.init);
	EXPECT_EQ(0x109, self->state.mp.sipi);
	/* At 0x9000: OUT AL, 0x80 */
	ASSERT_EQ(2, kt_write_guest(self->s.vm, 0x9000, "\xe6\x80", 2));
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_IO, self->run->kind);
	GET(KEV_STATE_MP | KEV_STATE_SEGMENTS);
	EXPECT_EQ(0x900, self->state.segments.cs.selector);
	EXPECT_EQ(KEV_MP_RUNNABLE, self->state.mp.state);
	EXPECT_EQ(0, self->state.mp.init | self->state.mp.sipi);

	/* The bootstrap processor waits for nobody: it starts at the reset vector. */
	GET(KEV_STATE_MSRS);
	self->state.msrs.apic_base |= 0x100;
	self->state.mp.init = 1;
	SET(KEV_STATE_MSRS | KEV_STATE_MP);
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	EXPECT_EQ(0xfffffff0, self->run->memory.gpa & ~0xfULL);
	EXPECT_EQ(0xfff0, self->run->rip);
}

TEST_HARNESS_MAIN
