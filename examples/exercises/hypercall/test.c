// SPDX-License-Identifier: GPL-2.0
/* Does a module, KEV_EXERCISE, have the hypercall ABI "course"? */
#include "kselftest_harness.h"

#include "kevtest.h"

FIXTURE(course) {
	struct kt_guest guest;
};

FIXTURE_SETUP(course)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	ASSERT_EQ(0, kt_load_module(getenv("KEV_EXERCISE")));
}

FIXTURE_TEARDOWN(course)
{
	kt_guest_fini(&self->guest);
	EXPECT_EQ(0, kt_unload_module(getenv("KEV_EXERCISE_NAME")));
}

#define REGISTERS	"mov $5, %rdi\n mov $-6, %rsi\n mov $7, %rdx\n mov $8, %rcx\n mov $9, %r8\n"
/* Ends with call 99, which is nobody's: registers are told then. */
#define END		"mov $99, %eax\n vmcall\n"

KT_CODE(halts, "mov $0x1234, %rdi\n xor %eax, %eax\n vmcall\n");
KT_CODE(asks_max, REGISTERS "mov $1, %eax\n vmcall\n mov %rax, %r15\n" END);
KT_CODE(swaps, REGISTERS "mov $2, %eax\n vmcall\n mov %rax, %r15\n" END);
/* A number that no other record of the log has */
#define NOTED		"7238194650"
KT_CODE(notes, REGISTERS "movabs $" NOTED ", %rdi\n mov $3, %eax\n vmcall\n mov %rax, %r14\n"
	"mov $3, %eax\n vmcall\n mov %rax, %r15\n" END);
KT_CODE(other, REGISTERS "mov $98, %eax\n vmcall\n");
/* In user mode of the guest: CPL 3 by IRETQ, in memory that its page tables give to it */
KT_CODE(from_user_mode,
	"orb $4, 0x2000\n orb $4, 0x3000\n orb $4, 0x4000\n"
	"mov %cr3, %rax\n mov %rax, %cr3\n"
	"movabs $0x00cff3000000ffff, %rax\n mov %rax, 0x1018\n"
	"movabs $0x00affb000000ffff, %rax\n mov %rax, 0x1020\n"
	"sub $16, %rsp\n movw $0x27, (%rsp)\n movq $0x1000, 2(%rsp)\n lgdt (%rsp)\n"
	"lea 1f(%rip), %rax\n"
	"pushq $0x1b\n pushq $0xa0000\n pushq $2\n pushq $0x23\n push %rax\n iretq\n"
	"1: xor %edi, %edi\n xor %eax, %eax\n vmcall\n");

/* Run @code to its end: the report's kind */
#define RUN(code) ({							\
	ASSERT_EQ(0, kt_guest_init(&self->guest, &(code), 0, "course"));	\
	ASSERT_EQ(0, kt_run(self->guest.vcpu));				\
	self->guest.run->kind;						\
})

#define GPR(name)	(self->guest.run->gpr[KEV_##name])

TEST_F(course, halt)
{
	ASSERT_EQ(KEV_EXIT_VM_EXITED, RUN(halts));
	EXPECT_EQ(0x1234, self->guest.run->exit_code);
}

TEST_F(course, max)
{
	ASSERT_EQ(KEV_EXIT_HYPERCALL, RUN(asks_max));
	ASSERT_EQ(99, self->guest.run->hypercall.nr);
	EXPECT_EQ((uint64_t)-6, GPR(R15));
	EXPECT_EQ(5, GPR(RDI));
	EXPECT_EQ((uint64_t)-6, GPR(RSI));
	EXPECT_EQ(1, kt_vcpu_stats(self->guest.vcpu).fast);
}

TEST_F(course, swap)
{
	ASSERT_EQ(KEV_EXIT_HYPERCALL, RUN(swaps));
	ASSERT_EQ(99, self->guest.run->hypercall.nr);
	EXPECT_EQ((uint64_t)-6, GPR(RDI));
	EXPECT_EQ(5, GPR(RSI));
	EXPECT_EQ(2, GPR(R15));		/* RAX as it was */
	EXPECT_EQ(7, GPR(RDX));
	EXPECT_EQ(8, GPR(RCX));
	EXPECT_EQ(9, GPR(R8));
	EXPECT_EQ(1, kt_vcpu_stats(self->guest.vcpu).fast);
}

TEST_F(course, note)
{
	int log = kt_log_open();

	ASSERT_EQ(KEV_EXIT_HYPERCALL, RUN(notes));
	ASSERT_EQ(99, self->guest.run->hypercall.nr);
	EXPECT_EQ(GPR(R14) + 1, GPR(R15));
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).fast);
	EXPECT_LE(1, kt_log_count(log, NOTED));
	close(log);
}

/* User space is told the call with both arguments, and its answer becomes RAX. */
TEST_F(course, other_calls)
{
	ASSERT_EQ(KEV_EXIT_HYPERCALL, RUN(other));
	EXPECT_EQ(98, self->guest.run->hypercall.nr);
	EXPECT_EQ(5, self->guest.run->hypercall.args[0]);
	EXPECT_EQ((uint64_t)-6, self->guest.run->hypercall.args[1]);
}

/* #GP without an IDT is the guest's end. */
TEST_F(course, user_mode)
{
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, RUN(from_user_mode));
}

TEST_F(course, stays_while_a_vm_uses_it)
{
	ASSERT_EQ(KEV_EXIT_VM_EXITED, RUN(halts));
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module(getenv("KEV_EXERCISE_NAME")));
}

TEST_HARNESS_MAIN
