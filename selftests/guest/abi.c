// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercall ABIs: what the one called akaros does, and what another module brings
 * (selftests/modules/abi). Guards that a module stays while a VM uses its ABI, that each
 * ABI has registers of its own, and that an MSR handler of another module is asked.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define MODULE		"/selftests/modules/kev_abi_test.ko"
#define NAME		"kev_abi_test"

#define FIFO		0xabc
#define FIFO_SIZE	16
#define DIRTY		0xdeadbeef00000000UL

#define SET_REGISTERS							\
	"mov $0x11, %rdi\n mov $0x12, %rsi\n mov $0x13, %rdx\n mov $0x14, %r10\n"	\
	"mov $0x15, %r9\n mov $0x16, %r8\n mov $0x21, %r15\n mov $0x22, %r14\n"	\
	"mov $0x23, %r13\n mov $0x24, %r12\n mov $0x25, %rbp\n mov $0x26, %rcx\n"

KT_CODE(noop,
	SET_REGISTERS
	"mov $0x4e4f, %rax\n vmcall\n"
	"mov %rax, %rbx\n"
	"mov $0x77, %rax\n vmcall\n");

KT_CODE(second,
	SET_REGISTERS
	"mov $0x4e4f, %rax\n"
	"mov $1, %ebx\n vmcall\n mov %rax, %r11\n"
	"mov $2, %ebx\n vmcall\n mov %rax, %r8\n"
	"vmcall\n sub %r8, %rax\n"
	"mov $0, %ebx\n vmcall\n");

/*
 * The host's page fault in a call is none of the guest's business. The first exit of all, here
 * CPUID's, is not answered at the quick level.
 */
KT_CODE(faults,
	"xor %eax, %eax\n cpuid\n"
	"mov $0x123456, %eax\n mov %rax, %cr2\n xor %eax, %eax\n"
	"mov $3, %ebx\n vmcall\n mov %cr2, %r11\n mov %rax, %r12\n"
	"mov $0, %ebx\n vmcall\n");

FIXTURE(module) {
	struct kt_guest guest;
};

FIXTURE_SETUP(module)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	ASSERT_EQ(0, kt_load_module(MODULE));
}

FIXTURE_TEARDOWN(module)
{
	kt_guest_fini(&self->guest);
	kt_unload_module(NAME);
}

/* The six arguments of a report */
#define EXPECT_ARGS(first) do {						\
	for (int arg = 0; arg < 6; arg++) {				\
		EXPECT_EQ((first) + arg, self->guest.run->hypercall.args[arg]);	\
	}								\
} while (0)

TEST_F(module, noop)
{
	const struct kev_run *run;

	ASSERT_EQ(0, kt_guest_init(&self->guest, &noop, 0, "noop"));
	run = self->guest.run;
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, run->kind);
	/* The first call has done nothing, not even to RAX. */
	EXPECT_EQ(0x4e4f, run->gpr[KEV_RBX]);
	EXPECT_EQ(0x77, run->hypercall.nr);
	EXPECT_ARGS(0x11);
	EXPECT_EQ(1, kt_vcpu_stats(self->guest.vcpu).fast);
}

TEST_F(module, second)
{
	const struct kev_run *run;

	ASSERT_EQ(0, kt_guest_init(&self->guest, &second, 0, "second"));
	run = self->guest.run;
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, run->kind);
	EXPECT_EQ(0x43, run->gpr[KEV_R11]);
	EXPECT_EQ(1, run->gpr[KEV_RAX]);
	EXPECT_EQ(0, run->hypercall.nr);
	EXPECT_ARGS(0x21);
}

TEST_F(module, page_fault_of_the_host)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &faults, 0, "second"));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, self->guest.run->kind);
	EXPECT_EQ(1, self->guest.run->gpr[KEV_R12]);
	EXPECT_EQ(0x123456, self->guest.run->gpr[KEV_R11]);
}

TEST_F(module, stays_while_a_vm_uses_it)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &noop, 0, "noop"));
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module(NAME));
	EXPECT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module(NAME));
	/* It needs kev itself. */
	EXPECT_EQ(-EWOULDBLOCK, kt_unload_module("kev"));
	kt_guest_fini(&self->guest);
	EXPECT_EQ(0, kt_unload_module(NAME));
}

TEST_F(module, gone)
{
	int kev = kt_open();
	uint64_t value;

	ASSERT_LE(0, kev);
	ASSERT_EQ(0, kt_insn_init(&self->guest, 0));
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, FIFO, 1));
	ASSERT_EQ(0, kt_unload_module(NAME));
	EXPECT_EQ(-ENOENT, kt_create_vm(kev, 0, "noop"));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, FIFO, &value));
	EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, FIFO, 1));
	close(kev);
}

/* What goes in comes out, in order; the upper halves of RAX, RDX and RCX do not count. */
TEST_F(module, fifo)
{
	uint64_t value;

	ASSERT_EQ(0, kt_insn_init(&self->guest, 0));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, FIFO, &value));
	for (uint64_t i = 0; i < FIFO_SIZE; i++) {
		uint64_t gpr[KEV_NR_GPRS] = {
			[KEV_RCX] = DIRTY | FIFO, [KEV_RAX] = DIRTY | (0x89abcde0 + i),
			[KEV_RDX] = DIRTY | (0x01234560 + i),
		};

		ASSERT_EQ(KT_DONE, kt_insn(&self->guest, KT_WRMSR, gpr));
		EXPECT_EQ(DIRTY | (0x89abcde0 + i), gpr[KEV_RAX]);
		EXPECT_EQ(DIRTY | (0x01234560 + i), gpr[KEV_RDX]);
	}
	EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, FIFO, 1));
	for (uint64_t i = 0; i < FIFO_SIZE; i++) {
		uint64_t gpr[KEV_NR_GPRS] = {
			[KEV_RCX] = DIRTY | FIFO, [KEV_RAX] = DIRTY, [KEV_RDX] = DIRTY,
		};

		ASSERT_EQ(KT_DONE, kt_insn(&self->guest, KT_RDMSR, gpr));
		EXPECT_EQ(0x89abcde0 + i, gpr[KEV_RAX]);
		EXPECT_EQ(0x01234560 + i, gpr[KEV_RDX]);
		EXPECT_EQ(DIRTY | FIFO, gpr[KEV_RCX]);
	}
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, FIFO, &value));
}

/* RIP of the guest, which is behind each call that is finished */
static uint64_t get_rip(int vcpu)
{
	struct kev_vcpu_state state = { 0 };

	return kt_get_state(vcpu, KEV_STATE_GPRS, &state) ? 0 : state.gprs.rip;
}

/* Two letters, with registers that stay; then what akaros does not know */
KT_CODE(akaros,
	"mov $1, %rax\n"
	"mov $0xffffff4f, %rdi\n vmcall\n"	/* O */
	"mov $0x4b, %edi\n vmcall\n"		/* K */
	"mov %rax, %rbx\n"
	SET_REGISTERS
	"xor %eax, %eax\n vmcall\n"
	"1: jmp 1b\n");

TEST(akaros_printc)
{
	struct kt_guest guest;
	char text[8] = "";

	ASSERT_EQ(0, kt_guest_init(&guest, &akaros, 0, "akaros"));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	/* HaltCpu is of another ABI. */
	ASSERT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
	EXPECT_EQ(0, guest.run->hypercall.nr);
	for (int arg = 0; arg < 6; arg++) {
		EXPECT_EQ(0x11 + arg, guest.run->hypercall.args[arg]);
	}
	EXPECT_EQ(1, guest.run->gpr[KEV_RBX]);
	EXPECT_EQ(2, read(guest.vm, text, sizeof(text)));
	EXPECT_STREQ("OK", text);
	kt_guest_fini(&guest);
}

/* RIP stays at a call that user space has not answered. */
TEST(rip_moves_with_the_answer)
{
	struct kt_runner runner;
	struct kt_guest guest;
	uint64_t rip;

	ASSERT_EQ(0, kt_guest_init(&guest, &akaros, 0, "akaros"));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	ASSERT_EQ(KEV_EXIT_HYPERCALL, guest.run->kind);
	rip = guest.run->rip;
	EXPECT_EQ(rip, get_rip(guest.vcpu));
	ASSERT_EQ(0, kt_runner_enter(&runner, guest.vcpu, -1));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_EQ(rip + 3, get_rip(guest.vcpu));
	kt_guest_fini(&guest);
}

/* A full console: the character waits until somebody has read. */
KT_CODE(akaros_many, "mov $1, %eax\n mov $0x2e, %edi\n 1: vmcall\n jmp 1b\n");

TEST(akaros_full_console)
{
	char bytes[4096];
	struct kev_query query = { .size = sizeof(query) };
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &akaros_many, 0, "akaros"));
	ASSERT_EQ(0, kt_ioctl(guest.kev, KEV_QUERY, &query));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(guest.vcpu));
		ASSERT_EQ(KEV_EXIT_CONSOLE, guest.run->kind);
		for (size_t done = 0; done < query.console_size; done += sizeof(bytes)) {
			ASSERT_EQ(sizeof(bytes), read(guest.vm, bytes, sizeof(bytes)));
		}
	}
	kt_guest_fini(&guest);
}

/* CPL 3 by IRETQ, in the first 2 MiB, which the guest's page tables give to it */
#define TO_USER_MODE							\
	"orb $4, 0x2000\n orb $4, 0x3000\n orb $4, 0x4000\n"		\
	"mov %cr3, %rax\n mov %rax, %cr3\n"				\
	"movabs $0x00cff3000000ffff, %rax\n mov %rax, 0x1018\n"		\
	"movabs $0x00affb000000ffff, %rax\n mov %rax, 0x1020\n"		\
	"sub $16, %rsp\n movw $0x27, (%rsp)\n movq $0x1000, 2(%rsp)\n lgdt (%rsp)\n"	\
	"lea 1f(%rip), %rax\n"						\
	"pushq $0x1b\n pushq $0xa0000\n pushq $2\n pushq $0x23\n push %rax\n iretq\n"	\
	"1:\n"

KT_CODE(user_halts, TO_USER_MODE "mov $0x55, %edi\n" KT_HALT);
KT_CODE(user_prints, TO_USER_MODE "mov $1, %eax\n mov $0x2e, %edi\n vmcall\n");

static const struct {
	const char *name, *abi;
	const struct kt_code *code;
	uint32_t flags;
	int kind;
} user_calls[] = {
	{ "kev", "kev", &user_halts, 0, KEV_EXIT_SHUTDOWN },
	{ "kev, allowed", "kev", &user_halts, KEV_VM_USER_CALLS, KEV_EXIT_VM_EXITED },
	{ "akaros", "akaros", &user_prints, 0, KEV_EXIT_SHUTDOWN },
	{ "report", "report", &user_halts, 0, KEV_EXIT_HYPERCALL },
	{ "none, allowed", "none", &user_halts, KEV_VM_USER_CALLS, KEV_EXIT_SHUTDOWN },
};

TEST(from_user_mode)
{
	struct kt_guest guest;

	for (size_t i = 0; i < ARRAY_SIZE(user_calls); i++) {
		ASSERT_EQ(0, kt_guest_init(&guest, user_calls[i].code, user_calls[i].flags,
					   user_calls[i].abi));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		EXPECT_EQ(user_calls[i].kind, guest.run->kind) {
			TH_LOG("%s", user_calls[i].name);
		}
		if (guest.run->kind == KEV_EXIT_VM_EXITED) {
			EXPECT_EQ(0x55, guest.run->exit_code);
		}
		kt_guest_fini(&guest);
	}
}

TEST_HARNESS_MAIN
