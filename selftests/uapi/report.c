// SPDX-License-Identifier: GPL-2.0
/*
 * What KEV_VCPU_RUN reports, and what becomes of the answers. Guards that each
 * report says what the guest did, with the frame at the instruction, and that
 * an answer completes exactly that instruction, whatever is written to the run
 * page meanwhile (CVE-2015-8550, CVE-2019-14821).
 */
#include "kselftest_harness.h"

#include <sched.h>

#include "kevtest.h"

#define RAX_BEFORE	0x1122334455667788ULL

/* What RUN does not write is seen, but for the request, which is ours. */
static void spoil(struct kev_run *run)
{
	memset(&run->kind, 0xa5, sizeof(*run) - sizeof(uint32_t));
}

/* Start @code; the guest and its run page are there until report_fini(). */
static void report_init(struct __test_metadata *_metadata, struct kt_guest *guest,
			const struct kt_code *code, uint32_t flags, const char *abi)
{
	ASSERT_EQ(0, kt_guest_init(guest, code, flags, abi));
	spoil(guest->run);
}

/* RUN, and a report of this kind */
#define EXPECT_REPORT(report, guest)					\
do {									\
	EXPECT_EQ(0, kt_run((guest)->vcpu));				\
	EXPECT_EQ(report, (guest)->run->kind);				\
} while (0)

#define ASSERT_REPORT(report, guest)					\
do {									\
	ASSERT_EQ(0, kt_run((guest)->vcpu));				\
	ASSERT_EQ(report, (guest)->run->kind);				\
} while (0)

static uint64_t get_rip(int vcpu)
{
	struct kev_vcpu_state state = { 0 };

	kt_get_state(vcpu, KEV_STATE_GPRS, &state);
	return state.gprs.rip;
}

/* Every way to say IN and OUT; each leaves RAX for the exit code of the last. */
#define IO_CODE(name, insn)						\
	KT_CODE(name,							\
		"mov $0x1122334455667788, %rax\n"			\
		"mov $0xffff1234, %edx\n"				\
		insn "\n"						\
		"mov %rax, %rdi\n" KT_HALT)

IO_CODE(in_8, "in %dx, %al");
IO_CODE(in_16, "in %dx, %ax");
IO_CODE(in_32, "in %dx, %eax");
IO_CODE(in_8_imm, "in $0x70, %al");
IO_CODE(in_16_imm, "in $0x70, %ax");
IO_CODE(in_32_imm, "in $0x70, %eax");
IO_CODE(out_8, "out %al, %dx");
IO_CODE(out_16, "out %ax, %dx");
IO_CODE(out_32, "out %eax, %dx");
IO_CODE(out_8_imm, "out %al, $0x80");
IO_CODE(out_32_imm, "out %eax, $0x80");

static const struct io {
	const char *name;
	const struct kt_code *code;
	uint16_t port;
	uint8_t direction, width, length;
	uint32_t out;		/* what the guest puts out */
	uint32_t answer;
	uint64_t rax;		/* afterwards */
} ios[] = {
	{ "in (dx), al", &in_8, 0x1234, KEV_IO_IN, 1, 1, 0, 0xdeadbeef, 0x11223344556677ef },
	{ "in (dx), ax", &in_16, 0x1234, KEV_IO_IN, 2, 2, 0, 0xdeadbeef, 0x112233445566beef },
	{ "in (dx), eax", &in_32, 0x1234, KEV_IO_IN, 4, 1, 0, 0xdeadbeef, 0xdeadbeef },
	{ "in imm, al", &in_8_imm, 0x70, KEV_IO_IN, 1, 2, 0, 0x100, 0x1122334455667700 },
	{ "in imm, ax", &in_16_imm, 0x70, KEV_IO_IN, 2, 3, 0, 0x10000, 0x1122334455660000 },
	{ "in imm, eax", &in_32_imm, 0x70, KEV_IO_IN, 4, 2, 0, 0, 0 },
	{ "out al, (dx)", &out_8, 0x1234, KEV_IO_OUT, 1, 1, 0x88, 0xdeadbeef, RAX_BEFORE },
	{ "out ax, (dx)", &out_16, 0x1234, KEV_IO_OUT, 2, 2, 0x7788, 0xdeadbeef, RAX_BEFORE },
	{ "out eax, (dx)", &out_32, 0x1234, KEV_IO_OUT, 4, 1, 0x55667788, 0xdeadbeef, RAX_BEFORE },
	{ "out al, imm", &out_8_imm, 0x80, KEV_IO_OUT, 1, 2, 0x88, 0xdeadbeef, RAX_BEFORE },
	{ "out eax, imm", &out_32_imm, 0x80, KEV_IO_OUT, 4, 2, 0x55667788, 0, RAX_BEFORE },
};

/* Two instructions of 10 and 5 bytes come before it. */
#define IO_RIP	(KT_CODE_GPA + 15)

static void check_io(struct __test_metadata *_metadata, const struct io *io)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, io->code, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_IO, &guest);
	EXPECT_EQ(io->port, guest.run->io.port);
	EXPECT_EQ(io->direction, guest.run->io.direction);
	EXPECT_EQ(io->width, guest.run->io.width);
	EXPECT_EQ(io->out, guest.run->io.data);
	EXPECT_EQ(30, guest.run->exit_reason);
	EXPECT_EQ(30, guest.run->exit_reason_raw);
	EXPECT_EQ(io->length, guest.run->instruction_length);
	EXPECT_EQ(0, guest.run->flags);
	EXPECT_EQ(RAX_BEFORE, guest.run->gpr[KEV_RAX]);
	EXPECT_EQ(IO_RIP, guest.run->rip);
	EXPECT_EQ(IO_RIP, get_rip(guest.vcpu));
	guest.run->io.data = io->answer;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(io->rax, guest.run->exit_code);
	EXPECT_EQ(1, kt_vcpu_stats(guest.vcpu).io);
	kt_guest_fini(&guest);
}

TEST(io)
{
	for (size_t i = 0; i < ARRAY_SIZE(ios); i++) {
		int passed = _metadata->passed;

		check_io(_metadata, &ios[i]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", ios[i].name);
	}
}

/* The answer is taken although nothing runs then, and only once. */
TEST(io_answer_with_immediate_exit)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &in_32, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_IO, &guest);
	guest.run->io.data = 1;
	guest.run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	guest.run->io.data = 2;
	EXPECT_EQ(-EINTR, kt_run(guest.vcpu));
	guest.run->request = 0;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(1, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* Whoever sets new registers has answered. */
TEST(set_state_cancels_the_answer)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	report_init(_metadata, &guest, &in_32, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_IO, &guest);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	/* Over the IN, and with a RAX of one's own */
	state.gprs.rip++;
	state.gprs.gpr[KEV_RAX] = 0x4711;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_GPRS, &state));
	guest.run->io.data = 2;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(0x4711, guest.run->exit_code);
	kt_guest_fini(&guest);
}

TEST(other_groups_do_not_cancel)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	report_init(_metadata, &guest, &in_32, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_IO, &guest);
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &state));
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KT_STATE_REGISTERS & ~KEV_STATE_GPRS, &state));
	guest.run->io.data = 2;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(2, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* RIP is behind the HLT. There the guest goes on when user space sets it so. */
KT_CODE(halts_twice, "hlt\n hlt\n mov $9, %edi\n" KT_HALT);

TEST(halted)
{
	struct kt_guest guest;
	uint64_t entries;

	report_init(_metadata, &guest, &halts_twice, 0, NULL);
	EXPECT_REPORT(KEV_EXIT_HALTED, &guest);
	EXPECT_EQ(12, guest.run->exit_reason);
	EXPECT_EQ(KT_CODE_GPA + 1, guest.run->rip);
	EXPECT_EQ(KT_CODE_GPA + 1, get_rip(guest.vcpu));
	entries = kt_vcpu_stats(guest.vcpu).entries;
	/* Until then there is the same to tell, and no need to enter. */
	for (int i = 0; i < 3; i++) {
		spoil(guest.run);
		EXPECT_REPORT(KEV_EXIT_HALTED, &guest);
		EXPECT_EQ(12, guest.run->exit_reason);
		EXPECT_EQ(KT_CODE_GPA + 1, guest.run->rip);
	}
	EXPECT_EQ(entries, kt_vcpu_stats(guest.vcpu).entries);
	EXPECT_EQ(0, kt_leave_halt(guest.vcpu));
	EXPECT_REPORT(KEV_EXIT_HALTED, &guest);
	EXPECT_EQ(KT_CODE_GPA + 2, guest.run->rip);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	EXPECT_EQ(0, kt_leave_halt(guest.vcpu));
	EXPECT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(9, guest.run->exit_code);
	kt_guest_fini(&guest);
}

/* There is no IDT: the fault has no handler, nor has that fault one. */
KT_CODE(triple_faults, "ud2\n");

TEST(shutdown)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &triple_faults, 0, NULL);
	for (int i = 0; i < 3; i++) {
		EXPECT_REPORT(KEV_EXIT_SHUTDOWN, &guest);
		EXPECT_EQ(2, guest.run->exit_reason);
		EXPECT_EQ(KT_CODE_GPA, guest.run->rip);
	}
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

/* Leaf and subleaf with dirt above; the exit code is all four answers added up. */
KT_CODE(asks_cpuid,
	"mov $0xffffffff00000004, %rax\n"
	"mov $0xffffffff00000001, %rcx\n"
	"mov $-1, %rbx\n"
	"mov $-1, %rdx\n"
	"cpuid\n"
	"lea (%rax,%rbx), %rdi\n"
	"add %rcx, %rdi\n"
	"add %rdx, %rdi\n"
	KT_HALT);

TEST(cpuid)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &asks_cpuid, KEV_VM_REPORT_CPUID, NULL);
	ASSERT_REPORT(KEV_EXIT_CPUID, &guest);
	EXPECT_EQ(10, guest.run->exit_reason);
	EXPECT_EQ(4, guest.run->cpuid.leaf);
	EXPECT_EQ(1, guest.run->cpuid.subleaf);
	EXPECT_EQ(KT_CODE_GPA + 34, guest.run->rip);
	guest.run->cpuid.eax = 0xf0000000;
	guest.run->cpuid.ebx = 0x20000000;
	guest.run->cpuid.ecx = 0x00300000;
	guest.run->cpuid.edx = 0x00000004;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(0x110300004, guest.run->exit_code);
	EXPECT_EQ(1, kt_vcpu_stats(guest.vcpu).cpuid);
	kt_guest_fini(&guest);
}

/* The policy's answer is there already: who changes nothing gets that. */
TEST(cpuid_policy_is_filled_in)
{
	struct kt_guest guest, plain;

	report_init(_metadata, &guest, &asks_cpuid, KEV_VM_REPORT_CPUID, NULL);
	report_init(_metadata, &plain, &asks_cpuid, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_CPUID, &guest);
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &plain);
	EXPECT_EQ(plain.run->exit_code, guest.run->exit_code);
	EXPECT_NE(0, guest.run->exit_code);
	kt_guest_fini(&guest);
	kt_guest_fini(&plain);
}

/* An MSR that nobody has; afterwards RDX:RAX folded together */
KT_CODE(reads_msr,
	"mov $0xffffffff0badc0de, %rcx\n"
	"mov $-1, %rax\n"
	"mov $-1, %rdx\n"
	"rdmsr\n"
	"mov %rdx, %rdi\n"
	"shl $8, %rdi\n"
	"add %rax, %rdi\n"
	KT_HALT);
KT_CODE(writes_msr,
	"mov $0xffffffff0badc0de, %rcx\n"
	"mov $0xaaaaaaaa12345678, %rax\n"
	"mov $0xbbbbbbbb9abcdef0, %rdx\n"
	"wrmsr\n"
	"mov $3, %edi\n"
	KT_HALT);

static const struct msr {
	const char *name;
	const struct kt_code *code;
	uint32_t reason, direction, answer;
	uint64_t data;		/* of the report */
	uint64_t answer_data;
	uint32_t next;		/* report after the answer */
	uint64_t exit_code;
} msrs[] = {
	{ "read, done", &reads_msr, 31, KEV_MSR_READ, KEV_MSR_ANSWER_DONE, 0,
	  0x1100000022, KEV_EXIT_VM_EXITED, 0x1122 },
	{ "read, all ones", &reads_msr, 31, KEV_MSR_READ, KEV_MSR_ANSWER_DONE, 0,
	  ~0ULL, KEV_EXIT_VM_EXITED, 0x100fffffeff },
	/* There is no IDT: the #GP becomes a triple fault. */
	{ "read, refused", &reads_msr, 31, KEV_MSR_READ, KEV_MSR_ANSWER_GP, 0,
	  5, KEV_EXIT_SHUTDOWN, 0 },
	{ "write, done", &writes_msr, 32, KEV_MSR_WRITE, KEV_MSR_ANSWER_DONE, 0x9abcdef012345678,
	  0, KEV_EXIT_VM_EXITED, 3 },
	{ "write, refused", &writes_msr, 32, KEV_MSR_WRITE, KEV_MSR_ANSWER_GP, 0x9abcdef012345678,
	  0, KEV_EXIT_SHUTDOWN, 0 },
};

static void check_msr(struct __test_metadata *_metadata, const struct msr *msr)
{
	struct kt_guest guest;
	uint64_t rip;

	report_init(_metadata, &guest, msr->code, KEV_VM_REPORT_MSR, NULL);
	ASSERT_REPORT(KEV_EXIT_MSR, &guest);
	EXPECT_EQ(msr->reason, guest.run->exit_reason);
	EXPECT_EQ(0x0badc0de, guest.run->msr.index);
	EXPECT_EQ(msr->direction, guest.run->msr.direction);
	EXPECT_EQ(msr->data, guest.run->msr.data);
	/* Who does not answer refuses. */
	EXPECT_EQ(KEV_MSR_ANSWER_GP, guest.run->msr.answer);
	rip = guest.run->rip;
	/* What is no answer leaves the question open. */
	guest.run->msr.answer = 2;
	EXPECT_EQ(-EINVAL, kt_run(guest.vcpu));
	guest.run->msr.answer = ~0U;
	EXPECT_EQ(-EINVAL, kt_run(guest.vcpu));
	EXPECT_EQ(rip, get_rip(guest.vcpu));
	if (msr->answer == KEV_MSR_ANSWER_GP) {
		const struct kev_vcpu_inject event = {
			.size = sizeof(event), .type = KEV_INJECT_EXCEPTION, .vector = 6,
		};

		/* Nor is one that would be in the way of what was raised. */
		EXPECT_EQ(0, kt_ioctl(guest.vcpu, KEV_VCPU_INJECT, &event));
		guest.run->msr.answer = KEV_MSR_ANSWER_GP;
		EXPECT_EQ(-EINVAL, kt_run(guest.vcpu));
		EXPECT_EQ(rip, get_rip(guest.vcpu));
		EXPECT_EQ(-EINVAL, kt_run(guest.vcpu));
		kt_guest_fini(&guest);
		report_init(_metadata, &guest, msr->code, KEV_VM_REPORT_MSR, NULL);
		ASSERT_REPORT(KEV_EXIT_MSR, &guest);
	}
	guest.run->msr.answer = msr->answer;
	guest.run->msr.data = msr->answer_data;
	ASSERT_REPORT(msr->next, &guest);
	if (msr->next == KEV_EXIT_VM_EXITED) {
		EXPECT_EQ(msr->exit_code, guest.run->exit_code);
	} else {
		EXPECT_EQ(rip, guest.run->rip);
	}
	EXPECT_EQ(1, kt_vcpu_stats(guest.vcpu).msr);
	kt_guest_fini(&guest);
}

TEST(msr)
{
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		int passed = _metadata->passed;

		check_msr(_metadata, &msrs[i]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", msrs[i].name);
	}
}

/* Without the flag nobody is asked. */
TEST(msr_without_report)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &reads_msr, 0, NULL);
	EXPECT_REPORT(KEV_EXIT_SHUTDOWN, &guest);
	kt_guest_fini(&guest);
}

/* Every register that an argument may come from, and RAX and R11 afterwards */
KT_CODE(calls,
	"mov $0x1000000000000077, %rax\n"
	"mov $0xa1, %rdi\n mov $0xa2, %rsi\n mov $0xa3, %rdx\n"
	"mov $0xa4, %r10\n mov $0xa5, %r9\n mov $0xa6, %r8\n mov $0xcc, %rcx\n"
	"vmcall\n"
	"mov %rax, %rdi\n"
	KT_HALT);

TEST(hypercall)
{
	const uint64_t args[6] = { 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6 };
	struct kt_guest guest;

	report_init(_metadata, &guest, &calls, 0, "kev");
	ASSERT_REPORT(KEV_EXIT_HYPERCALL, &guest);
	EXPECT_EQ(18, guest.run->exit_reason);
	EXPECT_EQ(3, guest.run->instruction_length);
	EXPECT_EQ(0x1000000000000077, guest.run->hypercall.nr);
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		EXPECT_EQ(args[i], guest.run->hypercall.args[i]);
	}
	EXPECT_EQ(0x1000000000000077, guest.run->gpr[KEV_RAX]);
	EXPECT_EQ(0xcc, guest.run->gpr[KEV_RCX]);
	guest.run->hypercall.ret = 0xfedcba9876543210;
	guest.run->hypercall.nr = 0;
	guest.run->hypercall.args[0] = 0;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(0xfedcba9876543210, guest.run->exit_code);
	EXPECT_EQ(2, kt_vcpu_stats(guest.vcpu).hypercall);
	kt_guest_fini(&guest);
}

/* "report" has no calls of its own: HaltCpu is only a number. */
TEST(hypercall_report)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &kt_halt, 0, "report");
	ASSERT_REPORT(KEV_EXIT_HYPERCALL, &guest);
	EXPECT_EQ(0, guest.run->hypercall.nr);
	EXPECT_EQ(0x1234, guest.run->hypercall.args[0]);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

/* Without hypercalls VMCALL is #UD. */
TEST(hypercall_none)
{
	struct kt_guest guest;

	report_init(_metadata, &guest, &kt_halt, 0, "none");
	EXPECT_REPORT(KEV_EXIT_SHUTDOWN, &guest);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

/*
 * HaltCpu from CPL 3: the guest gives user space the first 2 MiB, a data
 * and a code segment, and goes there. The call is #GP(0): a triple fault here.
 */
KT_CODE(user_calls,
	"orb $4, 0x2000\n"			/* PML4[0], PDPT[0], PD[0]: user */
	"orb $4, 0x3000\n"
	"orb $4, 0x4000\n"
	"mov %cr3, %rax\n mov %rax, %cr3\n"
	"movabs $0x00cff3000000ffff, %rax\n mov %rax, 0x1018\n"
	"movabs $0x00affb000000ffff, %rax\n mov %rax, 0x1020\n"
	"sub $16, %rsp\n movw $0x27, (%rsp)\n movq $0x1000, 2(%rsp)\n lgdt (%rsp)\n"
	"lea 1f(%rip), %rax\n"
	"pushq $0x1b\n pushq $0xa0000\n pushq $2\n pushq $0x23\n push %rax\n"
	"iretq\n"
	"1: mov $5, %edi\n"
	KT_HALT);

TEST(hypercall_from_user_mode)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_guest guest;

	report_init(_metadata, &guest, &user_calls, 0, "kev");
	EXPECT_REPORT(KEV_EXIT_SHUTDOWN, &guest);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	/* It was there: CPL 3, at the VMCALL. */
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_SEGMENTS, &state));
	EXPECT_EQ(0x23, state.segments.cs.selector);
	EXPECT_EQ(1, kt_vcpu_stats(guest.vcpu).hypercall);
	kt_guest_fini(&guest);
}

/* An exit that nobody handles */
TEST(unhandled)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_task_switch_init(&guest));
	spoil(guest.run);
	for (int i = 0; i < 2; i++) {
		EXPECT_REPORT(KEV_EXIT_UNHANDLED, &guest);
		EXPECT_EQ(9, guest.run->exit_reason);
		/* A JMP to this selector */
		EXPECT_EQ(0x80000018, guest.run->exit_qualification);
		EXPECT_EQ(7, guest.run->instruction_length);
		EXPECT_EQ(KT_CODE_GPA, guest.run->rip);
		EXPECT_EQ(0x80010033, guest.run->cr0);
	}
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(guest.vm).state);
	kt_guest_fini(&guest);
}

/* The frame has all registers, and nothing of the report before. */
KT_CODE(fills_registers,
	"mov $1, %eax\n in %dx, %al\n"
	"mov $0x10, %rax\n mov $0x11, %rcx\n mov $0x12, %rdx\n mov $0x13, %rbx\n"
	"mov $0x14, %rsp\n mov $0x15, %rbp\n mov $0x16, %rsi\n mov $0x17, %rdi\n"
	"mov $0x18, %r8\n mov $0x19, %r9\n mov $0x1a, %r10\n mov $0x1b, %r11\n"
	"mov $0x1c, %r12\n mov $0x1d, %r13\n mov $0x1e, %r14\n mov $0x1f, %r15\n"
	"stc\n"
	"hlt\n");

TEST(frame)
{
	const uint8_t zeros[sizeof(((struct kev_run *)0)->padding)] = { 0 };
	struct kt_guest guest;

	report_init(_metadata, &guest, &fills_registers, 0, NULL);
	ASSERT_REPORT(KEV_EXIT_IO, &guest);
	memset(&guest.run->kind, 0xa5, KT_PAGE - sizeof(uint32_t));
	guest.run->io.data = 0;
	ASSERT_REPORT(KEV_EXIT_HALTED, &guest);
	for (int i = 0; i < KEV_NR_GPRS; i++) {
		EXPECT_EQ(0x10 + i, guest.run->gpr[i]);
	}
	EXPECT_EQ(KT_CODE_GPA + (fills_registers.end - fills_registers.start), guest.run->rip);
	EXPECT_EQ(3, guest.run->rflags);
	EXPECT_EQ(0x80010033, guest.run->cr0);
	EXPECT_EQ(0, guest.run->cr2);
	EXPECT_EQ(0x2000, guest.run->cr3);
	EXPECT_EQ(0x620, guest.run->cr4);
	EXPECT_EQ(0, guest.run->vcpu_id);
	EXPECT_EQ(0, guest.run->error);
	EXPECT_EQ(0, guest.run->flags);
	EXPECT_EQ(1, guest.run->instruction_length);
	EXPECT_EQ(0, memcmp(guest.run->padding, zeros, sizeof(zeros)));
	kt_guest_fini(&guest);
}

/* ---- against another thread that writes to the run page ---- */

#define DEVICE		0x200000UL
#define SCRIBBLE_SEED	0x2545f491U
/* More than any way through the guest takes */
#define MAX_RUNS	200000

#define EXPECT_RAX(code, value)						\
	"mov $" #code ", %ebp\n mov $" value ", %rcx\n cmp %rcx, %rax\n jne 9f\n"

/*
 * All that the page has an answer for. An answer may be any value, but what it has no say in
 * is as it would be on a CPU: other bytes of a register, bytes behind a string, pointers.
 * HaltCpu says what was not.
 */
KT_CODE(checks_answers,
	"mov $200, %r15d\n mov $0x1234, %r14d\n"
	"1: mov %r14d, %edx\n mov $0x200000, %ebx\n"
	"mov $0x1122334455667788, %rax\n in %dx, %al\n shr $8, %rax\n"
	EXPECT_RAX(1, "0x11223344556677")
	"mov $0x1122334455667788, %rax\n in %dx, %ax\n shr $16, %rax\n"
	EXPECT_RAX(2, "0x112233445566")
	"mov $0x1122334455667788, %rax\n out %ax, %dx\n"
	EXPECT_RAX(3, "0x1122334455667788")
	"in %dx, %eax\n shr $32, %rax\n" EXPECT_RAX(4, "0")
	/* Strings: as many values as RCX says, and no byte of the next word */
	"mov $0x90000, %edi\n movq $-1, 24(%rdi)\n mov $24, %ecx\n rep insb\n"
	"lea (%rdi,%rcx), %rax\n" EXPECT_RAX(5, "0x90018") "mov (%rdi), %rax\n" EXPECT_RAX(6, "-1")
	"mov $0x90000, %esi\n mov $6, %ecx\n rep outsl\n"
	"lea (%rsi,%rcx), %rax\n" EXPECT_RAX(7, "0x90018")
	/* A device; one instruction that reads and writes; one that crosses a page */
	"mov $0x1122334455667788, %rax\n mov 5(%rbx), %al\n shr $8, %rax\n"
	EXPECT_RAX(8, "0x11223344556677")
	"mov %al, 3(%rbx)\n lock addl $1, 8(%rbx)\n mov 0xffc(%rbx), %rax\n"
	"movzwl 2(%rbx), %eax\n shr $16, %rax\n" EXPECT_RAX(9, "0")
	"mov $-1, %rax\n mov %rax, %rcx\n mov %rax, %rdx\n mov %rax, %rbx\n cpuid\n"
	"or %rbx, %rax\n or %rcx, %rax\n or %rdx, %rax\n shr $32, %rax\n" EXPECT_RAX(10, "0")
	"mov $0x77, %eax\n vmcall\n"
	"mov %rsp, %rax\n" EXPECT_RAX(11, "0xa0000")
	"mov %r14, %rax\n" EXPECT_RAX(12, "0x1234")
	"dec %r15d\n jnz 1b\n xor %ebp, %ebp\n"
	"9: mov %ebp, %edi\n" KT_HALT);

struct scribbler {
	pthread_t thread;
	volatile uint32_t *page;
	bool yields;		/* it has the only CPU */
	bool stop;
	uint64_t passes;
};

/* All over the page: numbers that mean something there, and others, by turns */
static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint32_t random = SCRIBBLE_SEED;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		for (size_t i = 0; i < KT_PAGE / sizeof(*s->page); i++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			s->page[i] = random & 0x100 ? random & 3 : random;
		}
		__atomic_fetch_add(&s->passes, 1, __ATOMIC_RELAXED);
		if (s->yields)
			sched_yield();
	}
	return NULL;
}

TEST(scribbled_over)
{
	struct kev_vcpu_state state = { 0 };
	struct scribbler scribbler = { .yields = kt_nr_cpus() == 1 };
	unsigned int runs, refused = 0;
	struct kt_guest guest;

	report_init(_metadata, &guest, &checks_answers, KEV_VM_REPORT_CPUID, "kev");
	ASSERT_EQ(0, kt_add_region(guest.vm, KEV_REGION_TRAP, 0, DEVICE, 2 * KT_PAGE));
	ASSERT_EQ(0, kt_pin(0));
	scribbler.page = (volatile uint32_t *)guest.run;
	ASSERT_EQ(0, pthread_create(&scribbler.thread, NULL, scribble, &scribbler));
	if (!scribbler.yields)
		ASSERT_EQ(0, kt_pin(1));
	for (runs = 0; runs < MAX_RUNS && kt_status(guest.vm).state == KEV_VM_ALIVE; runs++) {
		long ret;

		if (scribbler.yields)
			sched_yield();
		guest.run->request = 0;
		ret = kt_run(guest.vcpu);
		refused += ret == -EINVAL;
		/* A request or an answer without sense, or a request to leave at once */
		if (ret != -EINVAL && ret != -EINTR)
			ASSERT_EQ(0, ret);
	}
	__atomic_store_n(&scribbler.stop, true, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(scribbler.thread, NULL));
	TH_LOG("%u runs, %u refused, scribbled over %llu times", runs, refused,
	       (unsigned long long)scribbler.passes);
	EXPECT_LT(200, scribbler.passes);

	/* The guest came to its end, and found nothing that the page has no say in. */
	ASSERT_EQ(KEV_VM_EXITED, kt_status(guest.vm).state);
	EXPECT_EQ(0, kt_status(guest.vm).exit_code);
	EXPECT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_GPRS, &state));
	EXPECT_EQ(0xa0000, state.gprs.gpr[KEV_RSP]);
	guest.run->request = 0;
	ASSERT_REPORT(KEV_EXIT_VM_EXITED, &guest);
	EXPECT_EQ(0, guest.run->exit_code);
	EXPECT_EQ(0, guest.run->vcpu_id);
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
