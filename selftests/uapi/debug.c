// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers of a guest, and KEV_VCPU_SET_DEBUG. Guards that a guest's breakpoints are
 * its own and the host's are the host's, that a debugger outside sees every instruction and
 * every address that it asks for, and that the guest finds no trace of it.
 */
#include "kselftest_harness.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "traps.h"

#define DB		1
#define BP		3
#define UD		6
#define GP		13
#define FLAGS_TF	0x100ULL
#define FLAGS_RF	0x10000ULL

#define DR6_RESET	0xffff0ff0ULL
#define DR7_RESET	0x400ULL
#define DR7_LOCAL(n)	(1ULL << ((n) * 2))
#define DR7_WRITE4(n)	(0xdULL << (16 + (n) * 4))
#define DR7_WRITE1(n)	(0x1ULL << (16 + (n) * 4))
#define B(n)		(1ULL << (n))
#define BS		(1ULL << 14)
#define BD		(1ULL << 13)

/* In the identity map, and no region is there. */
#define HOLE		0x40000000UL
/* RAM that nothing else uses */
#define DATA		0x90000UL

/* First, every register, and what it reads as */
KT_TRAPS(guest,
	 "registers: mov $0x1111, %eax\n mov %rax, %dr0\n inc %rax\n mov %rax, %dr1\n"
	 "inc %rax\n mov %rax, %dr2\n inc %rax\n mov %rax, %dr3\n"
	 "mov $-1, %eax\n mov %rax, %dr6\n mov $0xffffffff, %eax\n and $0xffff00ff, %eax\n"
	 "and $~0x2000, %eax\n and $~0xff, %eax\n mov %rax, %dr7\n"
	 "mov %dr0, %rax\n mov %dr1, %rbx\n mov %dr2, %rcx\n mov %dr3, %rdx\n"
	 "mov %dr6, %rsi\n mov %dr7, %rdi\n" KT_SAY_END
	 /* Without CR4.DE DR4 and DR5 are DR6 and DR7. */
	 "aliases: mov %cr4, %rax\n btr $3, %rax\n mov %rax, %cr4\n"
	 "xor %eax, %eax\n .byte 0x0f, 0x23, 0xe0\n mov %dr6, %rsi\n"
	 ".byte 0x0f, 0x21, 0xef\n" KT_SAY_END
	 "extensions: mov %cr4, %rax\n bts $3, %rax\n mov %rax, %cr4\n"
	 "extensions_at: .byte 0x0f, 0x21, 0xe0\n" KT_SAY_END
	 "by_stack: mov %rsp, %rbx\n mov $0x1234, %esp\n mov %rsp, %dr2\n xor %esp, %esp\n"
	 "mov %dr2, %rsp\n mov %rsp, %rcx\n mov %rbx, %rsp\n" KT_SAY_END
	 "wide6: mov $1, %rax\n shl $32, %rax\n wide6_at: mov %rax, %dr6\n" KT_SAY_END
	 "wide7: mov $1, %rax\n shl $32, %rax\n wide7_at: mov %rax, %dr7\n" KT_SAY_END
	 "detect: mov $0x2400, %eax\n mov %rax, %dr7\n detect_at: mov %dr0, %rax\n" KT_SAY_END
	 /* The guest's own breakpoints */
	 "executes: lea executes_at(%rip), %rax\n mov %rax, %dr1\n mov $0x404, %eax\n"
	 "mov %rax, %dr7\n nop\n executes_at: nop\n" KT_SAY_END
	 "writes: mov $0x90000, %eax\n mov %rax, %dr3\n mov $0xd0000440, %eax\n"
	 "mov %rax, %dr7\n movl $1, (0x90000)\n writes_at: nop\n" KT_SAY_END
	 "steps: pushf\n orl $0x100, (%rsp)\n popf\n nop\n steps_at: nop\n" KT_SAY_END
	 "int1: .byte 0xf1\n int1_at: " KT_SAY_END
	 /* To be stepped through: s0 to sN, each at the start of an instruction */
	 "walk: s0: mov $1, %eax\n s1: xor %ecx, %ecx\n s2: cpuid\n s3: sti\n s4: nop\n"
	 "s5: cli\n s6: mov %ss, %eax\n s7: mov %eax, %ss\n s8: nop\n s9: pushf\n"
	 "s10: pop %rbx\n s11: push %rbx\n s12: popf\n s13: jmp s14\n hlt\n"
	 "s14: hlt\n s15: " KT_SAY_END
	 "popfs: mov $2, %eax\n popfs_at: push %rax\n popf\n jmp popfs_at\n"
	 "soft: int $0x40\n soft_at: nop\n" KT_SAY_END
	 "faults: ud2\n"
	 "own: pushf\n orl $0x100, (%rsp)\n own_popf: popf\n own_nop: nop\n own_at: nop\n"
	 KT_SAY_END
	 "breaks: nop\n breaks_at: int3\n breaks_behind: " KT_SAY_END
	 "plain: nop\n plain_at: nop\n movl $1, (0x90000)\n plain_wrote: nop\n"
	 "mov %dr7, %rax\n mov %dr6, %rbx\n" KT_SAY_END
	 "hole: mov (%rbx), %al\n hole_at: nop\n" KT_SAY_END
	 /* Its own interrupt waits, in x2APIC mode, for the STI and for the steps. */
	 "own_ipi: mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n xor %edx, %edx\n"
	 "mov $0x80f, %ecx\n mov $0x1ff, %eax\n wrmsr\n"
	 "mov $0x83f, %ecx\n mov $0x50, %eax\n wrmsr\n" KT_SAY_START
	 "sti\n nop\n ipi_nop: nop\n ipi_nop2: nop\n ipi_at: " KT_SAY_END
	 /* In xAPIC mode: an interrupt of class 3 waits for a lower priority. */
	 "lowers: mov $0xfee000f0, %ebx\n movl $0x1ff, (%rbx)\n mov $4, %eax\n"
	 "mov %rax, %cr8\n mov $0xfee00300, %ebx\n movl $0x40035, (%rbx)\n sti\n"
	 KT_SAY_START "xor %eax, %eax\n lowers_at: mov %rax, %cr8\n lowers_nop: nop\n"
	 "lowers_nop2: nop\n" KT_SAY_END
	 "flags_insn: cpuid\n flags_insn_behind: nop\n" KT_SAY_END
	 "flags_store: mov %eax, (%rbx)\n flags_store_behind: nop\n" KT_SAY_END
	 "spins: jmp spins\n");

KT_LABEL(registers); KT_LABEL(aliases); KT_LABEL(extensions); KT_LABEL(extensions_at);
KT_LABEL(by_stack); KT_LABEL(wide6); KT_LABEL(wide6_at); KT_LABEL(wide7); KT_LABEL(wide7_at);
KT_LABEL(detect); KT_LABEL(detect_at); KT_LABEL(executes); KT_LABEL(executes_at);
KT_LABEL(writes); KT_LABEL(writes_at); KT_LABEL(steps); KT_LABEL(steps_at);
KT_LABEL(int1); KT_LABEL(int1_at); KT_LABEL(walk); KT_LABEL(popfs); KT_LABEL(popfs_at);
KT_LABEL(soft); KT_LABEL(soft_at);
KT_LABEL(faults); KT_LABEL(own); KT_LABEL(own_popf); KT_LABEL(own_nop); KT_LABEL(own_at);
KT_LABEL(breaks); KT_LABEL(breaks_at); KT_LABEL(breaks_behind); KT_LABEL(plain);
KT_LABEL(plain_at); KT_LABEL(plain_wrote); KT_LABEL(hole); KT_LABEL(hole_at); KT_LABEL(spins);
KT_LABEL(own_ipi); KT_LABEL(ipi_nop); KT_LABEL(ipi_nop2); KT_LABEL(ipi_at);
KT_LABEL(lowers); KT_LABEL(lowers_at); KT_LABEL(lowers_nop); KT_LABEL(lowers_nop2);
KT_LABEL(flags_insn); KT_LABEL(flags_insn_behind); KT_LABEL(flags_store);
KT_LABEL(flags_store_behind);
KT_LABEL(s0); KT_LABEL(s1); KT_LABEL(s2); KT_LABEL(s3); KT_LABEL(s4); KT_LABEL(s5);
KT_LABEL(s6); KT_LABEL(s7); KT_LABEL(s8); KT_LABEL(s9); KT_LABEL(s10); KT_LABEL(s11);
KT_LABEL(s12); KT_LABEL(s13); KT_LABEL(s14); KT_LABEL(s15);

static uint64_t address(const char *label)
{
	return kt_label(&guest, label);
}

FIXTURE(debug) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_SETUP(debug)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, KEV_VM_REPORT_HLT, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(debug)
{
	kt_guest_fini(&self->guest);
}

static int start(int vcpu, const char *label)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(vcpu, KEV_STATE_GPRS, &state);

	state.gprs.gpr[KEV_R15] = address(label);
	state.gprs.gpr[KEV_RBX] = HOLE;
	state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK;
	return ret ? ret : kt_set_state(vcpu, KEV_STATE_GPRS, &state);
}

static long set_debug(int vcpu, uint32_t flags, uint64_t dr0, uint64_t dr7)
{
	const struct kev_vcpu_debug args = {
		.size = sizeof(args), .flags = flags, .dr = { dr0 }, .dr7 = dr7,
	};

	return kt_ioctl(vcpu, KEV_VCPU_SET_DEBUG, &args);
}

#define RUN_TO_HANDLER(vector, at)					\
	KT_RUN_TO_HANDLER(self, vector, (vector) == GP ? 0 : -1, address(at))

#define EXPECT_DEBUG(_vector, at, _dr6)					\
do {									\
	ASSERT_EQ(0, kt_run(self->vcpu));				\
	ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);			\
	EXPECT_EQ(_vector, self->run->debug.vector);			\
	EXPECT_EQ(address(at), self->run->debug.address);		\
	EXPECT_EQ(address(at), self->run->rip);				\
	EXPECT_EQ(_dr6, self->run->debug.dr6);				\
} while (0)

TEST_F(debug, arguments)
{
	static const struct {
		const char *name;
		struct kev_vcpu_debug args;
		int result;
	} cases[] = {
		{ "flag 3", { .flags = 8 }, -EINVAL },
		{ "flag 31", { .flags = 1U << 31 }, -EINVAL },
		{ "DR0 without the flag", { .dr = { 1 } }, -EINVAL },
		{ "DR3 without the flag", { .flags = 1, .dr = { 0, 0, 0, 1 } }, -EINVAL },
		{ "DR7 without the flag", { .flags = 1, .dr7 = 1 }, -EINVAL },
		{ "LE", { .flags = 4, .dr7 = 0x101 }, -EINVAL },
		{ "fixed bit", { .flags = 4, .dr7 = 0x401 }, -EINVAL },
		{ "GD", { .flags = 4, .dr7 = 0x2001 }, -EINVAL },
		{ "bit 32", { .flags = 4, .dr7 = 1ULL << 32 }, -EINVAL },
		{ "I/O", { .flags = 4, .dr7 = 0x20001 }, -EINVAL },
		{ "I/O, off", { .flags = 4, .dr7 = 0x20000000 }, -EINVAL },
		{ "execution of 2 bytes", { .flags = 4, .dr7 = 0x40001 }, -EINVAL },
		{ "all", { .flags = 7, .dr = { 1, 2, 3, 4 }, .dr7 = 0xfd1000ff }, 0 },
		{ "none", { .flags = 0 }, 0 },
	};
	struct kt_runner runner;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_debug args = cases[i].args;

		args.size = sizeof(args);
		EXPECT_EQ(cases[i].result, kt_ioctl(self->vcpu, KEV_VCPU_SET_DEBUG, &args))
			TH_LOG("%s", cases[i].name);
	}
	ASSERT_EQ(0, start(self->vcpu, spins));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
	EXPECT_EQ(-EBUSY, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
}

TEST_F(debug, registers)
{
	ASSERT_EQ(0, start(self->vcpu, registers));
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0x1111, self->run->gpr[KEV_RAX]);
	EXPECT_EQ(0x1112, self->run->gpr[KEV_RBX]);
	EXPECT_EQ(0x1113, self->run->gpr[KEV_RCX]);
	EXPECT_EQ(0x1114, self->run->gpr[KEV_RDX]);
	EXPECT_EQ(DR6_RESET | 0xe00f, self->run->gpr[KEV_RSI]);
	EXPECT_EQ(0xffff0000 | DR7_RESET, self->run->gpr[KEV_RDI]);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_F(debug, aliases)
{
	ASSERT_EQ(0, start(self->vcpu, aliases));
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(DR6_RESET, self->run->gpr[KEV_RSI]);
	EXPECT_EQ(DR7_RESET, self->run->gpr[KEV_RDI]);
}

TEST_F(debug, stack_pointer)
{
	ASSERT_EQ(0, start(self->vcpu, by_stack));
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0x1234, self->run->gpr[KEV_RCX]);
}

TEST_F(debug, faults)
{
	ASSERT_EQ(0, start(self->vcpu, extensions));
	RUN_TO_HANDLER(UD, extensions_at);
}

TEST_F(debug, wide_dr6)
{
	ASSERT_EQ(0, start(self->vcpu, wide6));
	RUN_TO_HANDLER(GP, wide6_at);
}

TEST_F(debug, wide_dr7)
{
	ASSERT_EQ(0, start(self->vcpu, wide7));
	RUN_TO_HANDLER(GP, wide7_at);
}

/* The handler's own accesses are free: the CPU clears GD. */
TEST_F(debug, general_detect)
{
	ASSERT_EQ(0, start(self->vcpu, detect));
	RUN_TO_HANDLER(DB, detect_at);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_F(debug, own_execution)
{
	ASSERT_EQ(0, start(self->vcpu, executes));
	RUN_TO_HANDLER(DB, executes_at);
}

TEST_F(debug, own_write)
{
	ASSERT_EQ(0, start(self->vcpu, writes));
	RUN_TO_HANDLER(DB, writes_at);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_F(debug, own_step)
{
	ASSERT_EQ(0, start(self->vcpu, steps));
	RUN_TO_HANDLER(DB, steps_at);
}

TEST_F(debug, int1)
{
	ASSERT_EQ(0, start(self->vcpu, int1));
	RUN_TO_HANDLER(DB, int1_at);
}

/* A breakpoint of this thread is there again after each RUN, and only for it. */
TEST_F(debug, host_breakpoint)
{
	static volatile int watched;
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W, .bp_addr = (uintptr_t)&watched,
		.bp_len = HW_BREAKPOINT_LEN_4, .exclude_kernel = 1, .exclude_hv = 1,
	};
	uint64_t count = 0;
	int event = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (event < 0)
		SKIP(return, "no hardware breakpoints");
	watched = 1;
	ASSERT_EQ((ssize_t)sizeof(count), read(event, &count, sizeof(count)));
	ASSERT_EQ(1, count);
	ASSERT_EQ(0, start(self->vcpu, writes));
	RUN_TO_HANDLER(DB, writes_at);
	watched = 2;
	KT_RUN_TO(self, KT_AT_IRET);
	watched = 3;
	KT_RUN_TO(self, KT_AT_END);
	watched = 4;
	ASSERT_EQ((ssize_t)sizeof(count), read(event, &count, sizeof(count)));
	EXPECT_EQ(4, count);
	close(event);
}

/* Each instruction once: those that kev carries out, shadows, PUSHF, HLT */
TEST_F(debug, step)
{
	static const char *const at[] = {
		/* RFLAGS.TF steps over MOV SS and what follows it, s8, as one. */
		s0, s1, s2, s3, s4, s5, s6, s7, s9, s10, s11, s12, s13, s14, s15
	};

	ASSERT_EQ(0, start(self->vcpu, walk));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	/* The first page's three instructions */
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
		EXPECT_EQ(BS, self->run->debug.dr6);
		EXPECT_EQ(DR7_RESET, self->run->debug.dr7);
	}
	EXPECT_EQ(address(s0), self->run->rip);
	for (size_t i = 1; i < ARRAY_SIZE(at); i++) {
		EXPECT_DEBUG(DB, at[i], BS);
		EXPECT_EQ(0, self->run->rflags & FLAGS_TF);
		if (at[i] == s11) {
			EXPECT_EQ(0, self->run->gpr[KEV_RBX] & FLAGS_TF);
		}
	}
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
}

/* An interrupt of the host may come before the POPF: the flag of its step is not the guest's. */
TEST_F(debug, step_many)
{
	ASSERT_EQ(0, start(self->vcpu, popfs));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	for (int i = 0; i < 6000; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
		ASSERT_EQ(0, self->run->rflags & FLAGS_TF);
		ASSERT_GE(KT_TRAPS_IDT, self->run->rip);
	}
	EXPECT_LE(address(popfs_at), self->run->rip);
}

/* A report of another kind completes its instruction, and that is a step. */
TEST_F(debug, step_over_report)
{
	ASSERT_EQ(0, start(self->vcpu, s15));
	KT_RUN_TO(self, KT_AT_END);
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	EXPECT_EQ(address(s15) + 2, self->run->rip);
	/* The jump back */
	EXPECT_DEBUG(DB, s15, BS);
}

/* A page that has to be made does not count. */
TEST_F(debug, step_over_fault)
{
	ASSERT_EQ(0, start(self->vcpu, hole));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	EXPECT_DEBUG(DB, hole_at, BS);
}

#define STEP_TO_START()							\
do {									\
	for (int step_ = 0; step_ < 3; step_++) {			\
		ASSERT_EQ(0, kt_run(self->vcpu));			\
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);		\
	}								\
} while (0)

/* Into the handler of an exception and of INT n, whose frame shows no flag */
FIXTURE(into) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_VARIANT(into) {
	const char *guest, *at;
	int vector;
};

FIXTURE_VARIANT_ADD(into, fault) { faults, faults, UD };
FIXTURE_VARIANT_ADD(into, interrupt) { soft, soft_at, 0x40 };

FIXTURE_SETUP(into)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(into)
{
	kt_guest_fini(&self->guest);
}

TEST_F(into, handler)
{
	uint64_t frame[3];

	ASSERT_EQ(0, start(self->vcpu, variant->guest));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	STEP_TO_START();
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	EXPECT_EQ(KT_TRAPS_IDT + KT_PAGE + variant->vector * 16, self->run->rip);
	ASSERT_EQ((long)sizeof(frame), kt_read_guest(self->guest.vm, self->run->gpr[KEV_RSP],
						     frame, sizeof(frame)));
	EXPECT_EQ(address(variant->at), frame[0]);
	EXPECT_EQ(0, frame[2] & FLAGS_TF);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	RUN_TO_HANDLER(variant->vector, variant->at);
}

/* The guest steps through itself: its #DB is its own. */
TEST_F(debug, step_of_both)
{
	ASSERT_EQ(0, start(self->vcpu, own));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	STEP_TO_START();
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	} while (self->run->rip <= address(own_popf));
	EXPECT_EQ(address(own_nop), self->run->rip);
	EXPECT_EQ(FLAGS_TF, self->run->rflags & FLAGS_TF);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	RUN_TO_HANDLER(DB, own_at);
}

TEST_F(debug, interrupt_waits_for_steps)
{
	ASSERT_EQ(0, start(self->vcpu, walk));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	STEP_TO_START();
	ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_INJECT, &(struct kev_vcpu_inject) {
		.size = sizeof(struct kev_vcpu_inject), .type = KEV_INJECT_NMI, .vector = 2 }));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_HANDLER);
	EXPECT_EQ(2, self->run->gpr[KT_TRAP_VECTOR]);
	KT_RUN_TO(self, KT_AT_IRET);
	ASSERT_EQ(0, kt_run(self->vcpu));
}

/* The CPU may deliver it by itself: not into a step, and no flag of the step with it. */
TEST_F(debug, own_interrupt_waits_for_steps)
{
	uint64_t frame[3];

	ASSERT_EQ(0, start(self->vcpu, own_ipi));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
		ASSERT_GE(address(ipi_nop), self->run->rip);
	} while (self->run->rip < address(ipi_nop));
	EXPECT_DEBUG(DB, ipi_nop2, BS);
	EXPECT_DEBUG(DB, ipi_at, BS);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	RUN_TO_HANDLER(0x50, ipi_at);
	ASSERT_EQ((long)sizeof(frame), kt_read_guest(self->guest.vm, self->run->gpr[KEV_RSP],
						     frame, sizeof(frame)));
	EXPECT_EQ(0, frame[2] & FLAGS_TF);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

/* Where the CPU watches the priority, its exit comes in place of the step's. */
TEST_F(debug, step_over_priority)
{
	ASSERT_EQ(0, start(self->vcpu, lowers));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_STEP, 0, 0));
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
		ASSERT_GE(address(lowers_at), self->run->rip);
	} while (self->run->rip < address(lowers_at));
	EXPECT_DEBUG(DB, lowers_nop, BS);
	EXPECT_DEBUG(DB, lowers_nop2, BS);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	RUN_TO_HANDLER(0x35, lowers_nop2);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

/* A fault's frame has RF set, whoever raises it; a trap's does not. */
TEST_F(debug, flags_of_frame)
{
	static const struct {
		const char *guest, *at;
		int vector;
		uint64_t rf;
	} cases[] = {
		{ wide6, wide6_at, GP, FLAGS_RF },
		{ faults, faults, UD, FLAGS_RF },
		{ breaks_at, breaks_behind, BP, 0 },
		{ steps, steps_at, DB, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kt_guest other;
		uint64_t frame[3] = { 0 };

		ASSERT_EQ(0, kt_guest_init(&other, &guest, 0, NULL));
		ASSERT_EQ(0, start(other.vcpu, cases[i].guest));
		ASSERT_EQ(0, kt_run(other.vcpu));
		KT_EXPECT_HANDLER(other.run, cases[i].vector, cases[i].vector == GP ? 0 : -1,
				  address(cases[i].at));
		EXPECT_EQ((long)sizeof(frame),
			  kt_read_guest(other.vm, other.run->gpr[KEV_RSP], frame, sizeof(frame)));
		EXPECT_EQ(cases[i].rf, frame[2] & FLAGS_RF) {
			TH_LOG("vector %d", cases[i].vector);
		}
		kt_guest_fini(&other);
	}
}

/* RF holds for one instruction, whoever carries that out: the next one meets its breakpoint. */
TEST_F(debug, flag_is_for_one_instruction)
{
	static const struct {
		const char *guest, *behind;
		bool reported;
	} cases[] = {
		{ flags_insn, flags_insn_behind, false },
		{ flags_store, flags_store_behind, true },
	};
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, kt_add_region(self->guest.vm, KEV_REGION_TRAP, 0, HOLE, KT_PAGE));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS | KEV_STATE_SEGMENTS |
				  KEV_STATE_CONTROLS | KEV_STATE_DEBUG, &state));
	state.segments.idt = (struct kev_table) { .base = KT_TRAPS_IDT, .limit = 0xfff };
	state.controls.dr7 = DR7_RESET | DR7_LOCAL(0);
	state.gprs.gpr[KEV_RBX] = HOLE;
	state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK;
	state.gprs.rflags = 2 | FLAGS_RF;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		state.gprs.rip = address(cases[i].guest);
		state.debug.dr[0] = address(cases[i].behind);
		ASSERT_EQ(0, kt_set_state(self->vcpu, state.groups, &state));
		if (cases[i].reported) {
			ASSERT_EQ(0, kt_run(self->vcpu));
			ASSERT_EQ(KEV_EXIT_MMIO, self->run->kind);
		}
		RUN_TO_HANDLER(DB, cases[i].behind);
	}
}

/* Reported before it is executed, and the next RUN goes on. */
TEST_F(debug, execution)
{
	ASSERT_EQ(0, start(self->vcpu, plain));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_HARDWARE, address(plain_at), DR7_LOCAL(0)));
	EXPECT_DEBUG(DB, plain_at, B(0));
	EXPECT_EQ(DR7_RESET | DR7_LOCAL(0), self->run->debug.dr7);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
	/* The guest has its own. */
	EXPECT_EQ(DR7_RESET, self->run->gpr[KEV_RAX]);
	EXPECT_EQ(DR6_RESET, self->run->gpr[KEV_RBX]);
}

TEST_F(debug, write)
{
	ASSERT_EQ(0, start(self->vcpu, plain));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_HARDWARE, DATA,
			       DR7_LOCAL(0) | DR7_WRITE4(0)));
	EXPECT_DEBUG(DB, plain_wrote, B(0));
	KT_RUN_TO(self, KT_AT_END);
}

/* With a step the watchpoint tells in the same report. */
TEST_F(debug, step_and_write)
{
	ASSERT_EQ(0, start(self->vcpu, plain));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_HARDWARE | KEV_DEBUG_STEP, DATA,
			       DR7_LOCAL(0) | DR7_WRITE4(0)));
	STEP_TO_START();
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	} while (self->run->rip < address(plain_wrote));
	EXPECT_EQ(address(plain_wrote), self->run->rip);
	EXPECT_EQ(BS | B(0), self->run->debug.dr6);
}

/* While there is a debugger the guest's breakpoints are off, and its registers as they were. */
TEST_F(debug, guest_breakpoints_wait)
{
	ASSERT_EQ(0, start(self->vcpu, writes));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_SOFTWARE, 0, 0));
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
	ASSERT_EQ(0, set_debug(self->vcpu, 0, 0, 0));
	ASSERT_EQ(0, start(self->vcpu, plain));
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &(struct kev_vcpu_state) {
		.gprs = { .rip = address(plain), .rflags = 2,
			  .gpr[KEV_RSP] = KT_TRAPS_STACK } }));
	RUN_TO_HANDLER(DB, plain_wrote);
}

TEST_F(debug, software)
{
	ASSERT_EQ(0, start(self->vcpu, breaks));
	ASSERT_EQ(0, set_debug(self->vcpu, KEV_DEBUG_SOFTWARE, 0, 0));
	for (int i = 0; i < 2; i++)
		EXPECT_DEBUG(BP, breaks_at, 0);
	/* It is the guest's after all. */
	ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_INJECT, &(struct kev_vcpu_inject) {
		.size = sizeof(struct kev_vcpu_inject), .type = KEV_INJECT_EXCEPTION,
		.vector = BP }));
	RUN_TO_HANDLER(BP, breaks_behind);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
}

TEST_F(debug, software_without_debugger)
{
	ASSERT_EQ(0, start(self->vcpu, breaks));
	RUN_TO_HANDLER(BP, breaks_behind);
}

TEST_HARNESS_MAIN
