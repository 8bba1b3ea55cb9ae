// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VCPU_INJECT. Guards that an exception or an NMI reaches the guest once, where it
 * can take it and with what belongs to it, and that nothing impossible is injected.
 */
#include "kselftest_harness.h"

#include "traps.h"

#define NMI		2
#define BP		3
#define GP		13
#define PF		14
#define INTERRUPT	0x40
#define STACK		KT_TRAPS_STACK
#define HOLE		0x40000000UL	/* in the identity map, and no region is there */

/* R15 says which of the guests it is; the label NAME_at is where the event has to come. */
KT_TRAPS(guest,
	 "waits: " KT_SAY_START "waits_at: nop\n" KT_SAY_END
	 "spins: " KT_SAY_START "spins_at: jmp spins_at\n"
	 "sleeps: hlt\n sleeps_at: " KT_SAY_END
	 "after_sti: sti\n mov (%rbx), %al\n after_sti_at: nop\n" KT_SAY_END
	 "after_mov_ss: mov %ss, %eax\n mov %eax, %ss\n mov (%rbx), %al\n"
	 "after_mov_ss_at: nop\n" KT_SAY_END
	 "loads: mov (%rbx), %al\n loads_behind: nop\n" KT_SAY_END
	 "stores: mov $2, %ecx\n stores_at: mov %al, (%rbx)\n stores_behind: loop stores_at\n"
	 KT_SAY_END
	 "strings: mov $0x80000, %esi\n mov $0x1f0, %edx\n outsb\n strings_behind: nop\n"
	 KT_SAY_END
	 "moves: mov %rbx, %rsi\n lea 0x1000(%rbx), %rdi\n moves_at: movsb\n" KT_SAY_END
	 /* What POPF loads is zero. */
	 "shut: mov %rsp, %r8\n lea 0x800(%rbx), %rsp\n sti\n popf\n"
	 "shut_at: xor %eax, %eax\n cpuid\n shut_end: mov %r8, %rsp\n" KT_SAY_END);

KT_LABEL(waits); KT_LABEL(waits_at); KT_LABEL(spins); KT_LABEL(spins_at); KT_LABEL(sleeps);
KT_LABEL(sleeps_at);
KT_LABEL(after_sti); KT_LABEL(after_sti_at); KT_LABEL(after_mov_ss); KT_LABEL(after_mov_ss_at);
KT_LABEL(loads); KT_LABEL(loads_behind); KT_LABEL(stores); KT_LABEL(stores_behind);
KT_LABEL(strings); KT_LABEL(strings_behind);
KT_LABEL(moves); KT_LABEL(moves_at);
KT_LABEL(shut); KT_LABEL(shut_at); KT_LABEL(shut_end);

static uint64_t address(const char *label)
{
	return kt_label(&guest, label);
}

FIXTURE(inject) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_SETUP(inject)
{
	/*
	 * In the emulator NMIs stay blocked on a CPU that has delivered one where the IRET comes
	 * on another, and the next guest there gets none.
	 */
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, KEV_VM_REPORT_HLT, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(inject)
{
	kt_guest_fini(&self->guest);
}

/* The vCPU is about to run one of the guests. */
static int start(int vcpu, const char *label, uint64_t rsp)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(vcpu, KEV_STATE_GPRS, &state);

	state.gprs.gpr[KEV_R15] = address(label);
	state.gprs.gpr[KEV_RBX] = HOLE;
	state.gprs.gpr[KEV_RSP] = rsp;
	return ret ? ret : kt_set_state(vcpu, KEV_STATE_GPRS, &state);
}

static long inject(int vcpu, uint32_t type, uint32_t vector)
{
	const struct kev_vcpu_inject args = {
		.size = sizeof(args), .type = type, .vector = vector,
	};

	return kt_ioctl(vcpu, KEV_VCPU_INJECT, &args);
}

static long raise_nmi(int vcpu)
{
	return inject(vcpu, KEV_INJECT_NMI, NMI);
}

static long inject_error(int vcpu, uint32_t vector, uint32_t error)
{
	const struct kev_vcpu_inject args = {
		.size = sizeof(args), .type = KEV_INJECT_EXCEPTION, .vector = vector,
		.flags = KEV_INJECT_ERROR_CODE, .error_code = error,
	};

	return kt_ioctl(vcpu, KEV_VCPU_INJECT, &args);
}

TEST_F(inject, arguments)
{
	static const struct {
		const char *name;
		struct kev_vcpu_inject args;
		int result;
	} cases[] = {
		{ "type 1", { .type = 1, .vector = 2 }, -EINVAL },
		{ "type 4", { .type = 4, .vector = 3 }, -EINVAL },
		{ "flag 1", { .flags = 2, .type = 3, .vector = 6 }, -EINVAL },
		{ "reserved", { .type = 3, .vector = 6, .reserved = 1 }, -EINVAL },
		{ "vector 256", { .type = 0, .vector = 256 }, -EINVAL },
		{ "interrupt with a flag", { .flags = 1, .vector = 64 }, -EINVAL },
		{ "interrupt with an error code", { .vector = 64, .error_code = 1 }, -EINVAL },
		{ "NMI of vector 3", { .type = 2, .vector = 3 }, -EINVAL },
		{ "NMI with a flag", { .flags = 1, .type = 2, .vector = 2 }, -EINVAL },
		{ "exception 32", { .type = 3, .vector = 32 }, -EINVAL },
		{ "exception 2", { .type = 3, .vector = 2 }, -EINVAL },
		{ "#UD with an error code", { .flags = 1, .type = 3, .vector = 6 }, -EINVAL },
		{ "#UD, code without flag", { .type = 3, .vector = 6, .error_code = 1 }, -EINVAL },
		{ "#GP without", { .type = 3, .vector = 13 }, -EINVAL },
		{ "#GP, code of 16 bits", { .flags = 1, .type = 3, .vector = 13,
					    .error_code = 0x8000 }, -EINVAL },
		{ "#CP", { .flags = 1, .type = 3, .vector = 21 }, -EOPNOTSUPP },
		{ "#UD", { .type = 3, .vector = 6 }, 0 },
		{ "a second one", { .type = 3, .vector = 6 }, -EBUSY },
		{ "NMI", { .type = 2, .vector = 2 }, 0 },
		{ "a second NMI", { .type = 2, .vector = 2 }, 0 },
		{ "a third NMI", { .type = 2, .vector = 2 }, -EBUSY },
		{ "interrupt", { .vector = 64 }, 0 },
		{ "a second interrupt", { .vector = 65 }, -EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_inject args = cases[i].args;

		args.size = sizeof(args);
		EXPECT_EQ(cases[i].result, kt_ioctl(self->vcpu, KEV_VCPU_INJECT, &args))
			TH_LOG("%s", cases[i].name);
	}
}

/* Each vector with what belongs to it; INT3 and INTO are traps. */
TEST_F(inject, exceptions)
{
	static const uint32_t with_error = 1U << 8 | 0x1fU << 10 | 1U << 17;

	for (uint32_t vector = 0; vector < 32; vector++) {
		bool error = with_error & 1U << vector;
		bool trap = vector == BP || vector == 4;

		if (vector == NMI || vector == 21)
			continue;
		ASSERT_EQ(0, start(self->vcpu, waits, STACK));
		KT_RUN_TO(self, KT_AT_START);
		ASSERT_EQ(0, error ? inject_error(self->vcpu, vector, vector * 8) :
			     inject(self->vcpu, KEV_INJECT_EXCEPTION, vector));
		KT_RUN_TO_HANDLER(self, vector, error ? vector * 8L : -1L,
				  address(waits_at) + trap);
		ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &(struct kev_vcpu_state) {
			.gprs = { .rip = KT_CODE_GPA, .rflags = 2 } }));
	}
}

/* The answer of the last report completes its instruction first. */
TEST_F(inject, only_one_exception)
{
	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, inject_error(self->vcpu, GP, 0x10));
	EXPECT_EQ(-EBUSY, inject_error(self->vcpu, PF, 0));
	KT_RUN_TO_HANDLER(self, GP, 0x10, address(waits_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

/* What RUN has to go on with may raise an exception itself. */
#define EXPECT_AFTER_INSTRUCTION(behind)					\
do {										\
	EXPECT_EQ(-EBUSY, inject_error(self->vcpu, GP, 0));			\
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;				\
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));					\
	self->run->request = 0;							\
	ASSERT_EQ(0, inject_error(self->vcpu, GP, 0x18));			\
	KT_RUN_TO_HANDLER(self, GP, 0x18, address(behind));			\
} while (0)

/* Nor is there a place for what SET_STATE gives. */
#define EXPECT_EVENT_BUSY()							\
do {										\
	struct kev_vcpu_state state = { 0 };					\
										\
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_INTERRUPTS, &state));	\
	EXPECT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_INTERRUPTS, &state));	\
	state.interrupts.event = 0x80000306;	/* #UD */				\
	EXPECT_EQ(-EBUSY, kt_set_state(self->vcpu, KEV_STATE_INTERRUPTS, &state)); \
} while (0)

TEST_F(inject, device_before)
{
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, HOLE, KT_PAGE));
	ASSERT_EQ(0, start(self->vcpu, loads, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MMIO, self->run->kind);
	EXPECT_EVENT_BUSY();
	EXPECT_AFTER_INSTRUCTION(loads_behind);
}

/* The second time kev knows the instruction. */
TEST_F(inject, known_store_before)
{
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, HOLE, KT_PAGE));
	ASSERT_EQ(0, start(self->vcpu, stores, STACK));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_MMIO, self->run->kind);
		EXPECT_EVENT_BUSY();
	}
	EXPECT_AFTER_INSTRUCTION(stores_behind);
}

TEST_F(inject, string_before)
{
	ASSERT_EQ(0, start(self->vcpu, strings, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_IO, self->run->kind);
	EXPECT_EVENT_BUSY();
	EXPECT_AFTER_INSTRUCTION(strings_behind);
}

/* Memory that an instruction needs which kev carries out: it is given up, as by a fault. */
TEST_F(inject, instead_of_memory)
{
	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, HOLE, KT_PAGE));
	ASSERT_EQ(0, start(self->vcpu, moves, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	EXPECT_EQ(HOLE + KT_PAGE, self->run->memory.gpa);
	ASSERT_EQ(0, inject_error(self->vcpu, PF, 2));
	KT_RUN_TO_HANDLER(self, PF, 2, address(moves_at));
}

/* New registers: what waited belongs to the old ones. */
TEST_F(inject, forgotten_by_set_state)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, inject_error(self->vcpu, GP, 0x10));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rip = address(waits_at) + 1;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
}

/* Its delivery finds no stack: no other one may take its place meanwhile. */
TEST_F(inject, delivery_without_stack)
{
	ASSERT_EQ(0, start(self->vcpu, waits, HOLE + KT_PAGE));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, inject_error(self->vcpu, PF, 4));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
		EXPECT_EQ(HOLE, self->run->memory.gpa & ~(KT_PAGE - 1));
		EXPECT_TRUE(self->run->flags & KEV_RUN_EVENT_DELIVERY);
		EXPECT_EQ(0x80000b00U | PF, self->run->idt_vectoring_info);
		EXPECT_EQ(4, self->run->idt_vectoring_error);
		EXPECT_EQ(-EBUSY, inject_error(self->vcpu, GP, 0));
	}
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	KT_RUN_TO_HANDLER(self, PF, 4, address(waits_at));
}

/* The same for INT3, whose length has to come again with it */
TEST_F(inject, breakpoint_without_stack)
{
	ASSERT_EQ(0, start(self->vcpu, waits, HOLE + KT_PAGE));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, inject(self->vcpu, KEV_INJECT_EXCEPTION, BP));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	KT_RUN_TO_HANDLER(self, BP, -1, address(waits_at) + 1);
}

TEST_F(inject, exception_while_running)
{
	struct kt_runner runner;

	ASSERT_EQ(0, start(self->vcpu, spins, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
	EXPECT_EQ(-EBUSY, inject_error(self->vcpu, GP, 0));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	ASSERT_EQ(0, inject_error(self->vcpu, GP, 0));
	KT_RUN_TO_HANDLER(self, GP, 0, address(spins_at));
}

TEST_F(inject, exception_ends_hlt)
{
	ASSERT_EQ(0, start(self->vcpu, sleeps, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, inject_error(self->vcpu, GP, 0));
	KT_RUN_TO_HANDLER(self, GP, 0, address(sleeps_at));
}

/* RFLAGS.IF does not count. */
TEST_F(inject, nmi)
{
	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	EXPECT_TRUE(self->run->interruptibility & KEV_BLOCKED_BY_NMI);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_FALSE(self->run->interruptibility & KEV_BLOCKED_BY_NMI);
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

/* The first one blocks the others until its handler's IRET. */
TEST_F(inject, nmis_one_by_one)
{
	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	for (int i = 1; i <= 2; i++) {
		KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
		EXPECT_EQ(i, self->run->gpr[KT_TRAP_COUNT]);
		KT_RUN_TO(self, KT_AT_IRET);
		EXPECT_TRUE(self->run->interruptibility & KEV_BLOCKED_BY_NMI);
	}
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(2, self->run->gpr[KT_TRAP_COUNT]);
}

/* Of those that come while it is handled one is remembered. */
TEST_F(inject, nmis_behind_a_handler)
{
	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(2, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_F(inject, nmi_while_running)
{
	struct kt_runner runner;

	ASSERT_EQ(0, start(self->vcpu, spins, STACK));
	KT_RUN_TO(self, KT_AT_START);
	for (int i = 1; i <= 50; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
		ASSERT_EQ(0, raise_nmi(self->vcpu));
		EXPECT_EQ(0, kt_runner_join(&runner));
		KT_EXPECT_HANDLER(self->run, NMI, -1, address(spins_at));
		EXPECT_EQ(i, self->run->gpr[KT_TRAP_COUNT]);
		KT_RUN_TO(self, KT_AT_IRET);
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->vcpu).kicks);
	/* Its IRET: Bochs takes a block that is left over into the next guest. */
	ASSERT_EQ(2, kt_write_guest(self->guest.vm, address(spins_at), "\xe6\x83", 2));
	KT_RUN_TO(self, KT_AT_END);
}

TEST_F(inject, nmi_ends_hlt)
{
	ASSERT_EQ(0, start(self->vcpu, sleeps, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(sleeps_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

/* It could not be delivered behind the HLT. */
TEST_F(inject, blocked_nmi_ends_no_hlt)
{
	struct kev_vcpu_state state = { 0 };
	uint64_t behind;

	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_R9] = 1;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	}
	/* An exception does; it is in the NMI's handler, and its IRET ends the block. */
	ASSERT_EQ(0, inject(self->vcpu, KEV_INJECT_EXCEPTION, 6));
	behind = self->run->rip;
	KT_RUN_TO_HANDLER(self, 6, -1, behind);
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_R9] = 0;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO_HANDLER(self, NMI, -1, behind);
	for (int i = 0; i < 2; i++)
		KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

/* The NMI comes first, and before the interrupt is lost. */
TEST_F(inject, nmi_before_interrupt)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, waits, STACK));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rflags |= 0x200;
	state.gprs.rip = address(waits_at);
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, inject(self->vcpu, KEV_INJECT_INTERRUPT, INTERRUPT));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	EXPECT_TRUE(self->run->flags & KEV_RUN_INTERRUPT_PENDING);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO_HANDLER(self, INTERRUPT, -1, address(waits_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(2, self->run->gpr[KT_TRAP_COUNT]);
}

/* Its delivery is cut off: the NMI is not blocked by itself when it comes again. */
TEST_F(inject, nmi_without_stack)
{
	ASSERT_EQ(0, start(self->vcpu, waits, HOLE + KT_PAGE));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	EXPECT_TRUE(self->run->flags & KEV_RUN_EVENT_DELIVERY);
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO_HANDLER(self, NMI, -1, address(waits_at));
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(2, self->run->gpr[KT_TRAP_COUNT]);
}

/* Raised while an instruction in the shadow of another one is not done yet */
FIXTURE(nmi_shadow) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_VARIANT(nmi_shadow) {
	const char *guest, *at;
};

FIXTURE_VARIANT_ADD(nmi_shadow, sti) { after_sti, after_sti_at };
FIXTURE_VARIANT_ADD(nmi_shadow, mov_ss) { after_mov_ss, after_mov_ss_at };

FIXTURE_SETUP(nmi_shadow)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(nmi_shadow)
{
	kt_guest_fini(&self->guest);
}

/*
 * How it is waited for: behind STI not by the window of NMIs, which a CPU may open before the
 * instruction, again and again.
 */
TEST_F(nmi_shadow, ends_first)
{
	bool sti = variant->guest == after_sti;
	struct kt_counters counters;

	ASSERT_EQ(0, start(self->vcpu, variant->guest, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(variant->at));
	ASSERT_EQ(0, kt_vcpu_counters(self->vcpu, &counters));
	EXPECT_EQ(sti, kt_exit_count(&counters, "interrupt window").exits);
	EXPECT_EQ(!sti, kt_exit_count(&counters, "NMI window").exits);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

/*
 * The instruction in STI's shadow clears IF: no window of interrupts opens. The NMI comes with the
 * next exit, here that of CPUID at the latest, which is not answered in passing then.
 */
TEST_F(inject, nmi_shadow_shuts)
{
	ASSERT_EQ(0, start(self->vcpu, shut, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, raise_nmi(self->vcpu));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_HANDLER);
	EXPECT_EQ(NMI, self->run->gpr[KT_TRAP_VECTOR]);
	EXPECT_LE(address(shut_at), self->run->gpr[KT_TRAP_RIP]);
	EXPECT_GE(address(shut_end), self->run->gpr[KT_TRAP_RIP]);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

TEST_HARNESS_MAIN
