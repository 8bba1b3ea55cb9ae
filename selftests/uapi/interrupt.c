// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VCPU_INTERRUPT. Guards that an interrupt reaches the guest once, exactly
 * where it can take it, whatever else happens on the way, and that it ends an HLT.
 */
#include "kselftest_harness.h"

#include <sys/wait.h>
#include <unistd.h>

#include "kevtest.h"

#define VECTOR		0x40
#define FLAGS_TF	0x100
#define FLAGS_IF	0x200

/* By these OUTs the guest says where it is, and a test steps from one to the next. */
#define AT_START	0x80
#define AT_HANDLER	0x81
#define AT_END		0x82
#define SAY_START	"out %al, $0x80\n"
#define SAY_HANDLER	"out %al, $0x81\n"
#define SAY_END		"out %al, $0x82\n jmp . - 2\n"	/* for ever */

/* In the identity map, and no region is there. */
#define HOLE		0x40000000UL

/*
 * R15 says which of the guests it is. Their labels NAME_at are where the event has
 * to come. All vectors lead to one handler: it has the vector in R13, the RIP where
 * the event came in R12, how many there were in R14, and in R11 whether the CPU
 * has pushed no error code. The IDT and the stubs that it leads to have pages of
 * their own, which nothing touches before the first event.
 */
KT_CODE(guest,
	"lidt idtr(%rip)\n xor %r14d, %r14d\n jmp *%r15\n"
	"holds: " SAY_START "sti\n nop\n holds_at: nop\n" SAY_END
	"loops: sti\n 1: " SAY_START "loops_at: jmp 1b\n"
	"after_sti: sti\n mov (%rbx), %al\n after_sti_at: nop\n" SAY_END
	"after_mov_ss: sti\n nop\n mov %ss, %eax\n mov %eax, %ss\n mov (%rbx), %al\n"
	"after_mov_ss_at: nop\n" SAY_END
	"wakes: sti\n nop\n hlt\n wakes_at: " SAY_END
	"sti_hlt: " SAY_START "sti\n hlt\n sti_hlt_at: " SAY_END
	"sleeps: hlt\n sleeps_at: " SAY_END
	"steps_hlt: pushf\n orl $0x100, (%rsp)\n popf\n hlt\n steps_hlt_at: " SAY_END
	"steps: sti\n pushf\n orl $0x100, (%rsp)\n popf\n" SAY_START "steps_at: " SAY_END
	"spins: sti\n 1: jmp 1b\n"
	"spins_cli: " SAY_START "jmp .\n"
	"faults: sti\n mov $0x999, %ecx\n faults_at: rdmsr\n" SAY_END
	"handler: pop %r13\n"
	/* The CPU aligns the stack before it pushes five or six words. */
	"mov %rsp, %r11\n and $8, %r11\n jnz 1f\n add $8, %rsp\n"
	"1: mov (%rsp), %r12\n inc %r14\n" SAY_HANDLER "iretq\n"
	"idtr: .word 0xfff\n .quad 0x101000\n"

	".org guest_start + 0x1000\n"
	".set vector, 0\n .rept 256\n"
	".word 0x2000 + vector * 16, 8, 0x8e00, 0x10\n .quad 0\n"
	".set vector, vector + 1\n .endr\n"

	".set vector, 0\n .rept 256\n"
	".org guest_start + 0x2000 + vector * 16\n"
	"pushq $vector\n jmp handler\n"
	".set vector, vector + 1\n .endr");

#define LABEL(name)	extern const char name[]

LABEL(holds); LABEL(holds_at); LABEL(loops); LABEL(loops_at);
LABEL(after_sti); LABEL(after_sti_at); LABEL(after_mov_ss); LABEL(after_mov_ss_at);
LABEL(wakes); LABEL(wakes_at); LABEL(sti_hlt); LABEL(sti_hlt_at);
LABEL(sleeps); LABEL(sleeps_at); LABEL(steps_hlt); LABEL(steps_hlt_at);
LABEL(steps); LABEL(steps_at); LABEL(spins); LABEL(spins_cli);
LABEL(faults); LABEL(faults_at);

static uint64_t address(const char *label)
{
	return KT_CODE_GPA + (label - guest.start);
}

FIXTURE(interrupt) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_SETUP(interrupt)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, KEV_VM_REPORT_MSR, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(interrupt)
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

#define STACK	0xa0000

/* The last RUN has reported an OUT to this port. */
#define ASSERT_AT(number)						\
do {									\
	ASSERT_EQ(KEV_EXIT_IO, self->run->kind);			\
	ASSERT_EQ(number, self->run->io.port);				\
} while (0)

#define RUN_TO(number)							\
do {									\
	ASSERT_EQ(0, kt_run(self->vcpu));				\
	ASSERT_AT(number);						\
} while (0)

/* The guest is in its handler, for this vector and without an error code. */
#define EXPECT_HANDLER(vector, label)					\
do {									\
	ASSERT_AT(AT_HANDLER);						\
	EXPECT_EQ(vector, self->run->gpr[KEV_R13]);			\
	EXPECT_EQ(address(label), self->run->gpr[KEV_R12]);		\
	EXPECT_EQ(8, self->run->gpr[KEV_R11]);				\
} while (0)

#define RUN_TO_HANDLER(vector, label)					\
do {									\
	ASSERT_EQ(0, kt_run(self->vcpu));				\
	EXPECT_HANDLER(vector, label);					\
} while (0)

#define PENDING()	(!!(self->run->flags & KEV_RUN_INTERRUPT_PENDING))

TEST_F(interrupt, arguments)
{
	static const struct {
		const char *name;
		struct kev_vcpu_interrupt args;
		int result;
	} cases[] = {
		{ "vector 256", { .vector = 256 }, -EINVAL },
		{ "greatest vector", { .vector = 0xffffffff }, -EINVAL },
		{ "flag 0", { .flags = 1, .vector = VECTOR }, -EINVAL },
		{ "flag 31", { .flags = 1U << 31, .vector = VECTOR }, -EINVAL },
		{ "reserved", { .reserved = 1, .vector = VECTOR }, -EINVAL },
		{ "good", { .vector = 255 }, 0 },
		{ "one waits", { .vector = 255 }, -EBUSY },
		{ "another vector", { .vector = VECTOR }, -EBUSY },
		{ "one waits, vector 256", { .vector = 256 }, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_interrupt args = cases[i].args;

		args.size = sizeof(args);
		EXPECT_EQ(cases[i].result, kt_ioctl(self->vcpu, KEV_VCPU_INTERRUPT, &args)) {
			TH_LOG("%s", cases[i].name);
		}
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->vcpu).entries);
}

TEST_F(interrupt, other_process)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(kt_interrupt(self->vcpu, VECTOR) != -EPERM ||
		      kt_interrupt(self->vcpu, 256) != -EPERM);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* It has left nothing. */
	EXPECT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
}

TEST_F(interrupt, every_vector)
{
	ASSERT_EQ(0, start(self->vcpu, loops, STACK));
	RUN_TO(AT_START);
	for (int vector = 0; vector < 256; vector++) {
		ASSERT_EQ(0, kt_interrupt(self->vcpu, vector));
		RUN_TO_HANDLER(vector, loops_at);
		EXPECT_EQ(vector + 1, self->run->gpr[KEV_R14]);
		EXPECT_FALSE(PENDING());
		RUN_TO(AT_START);
	}
}

/* With interrupts off it waits, for the end of the instruction behind STI. */
TEST_F(interrupt, held_until_sti)
{
	ASSERT_EQ(0, start(self->vcpu, holds, STACK));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_START);
	EXPECT_TRUE(PENDING());
	EXPECT_EQ(0, self->run->gpr[KEV_R14]);
	EXPECT_EQ(-EBUSY, kt_interrupt(self->vcpu, VECTOR + 1));
	RUN_TO_HANDLER(VECTOR, holds_at);
	EXPECT_FALSE(PENDING());
	/* The next one waits for the end of the handler, where the first one came. */
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR + 1));
	RUN_TO_HANDLER(VECTOR + 1, holds_at);
	RUN_TO(AT_END);
	EXPECT_EQ(2, self->run->gpr[KEV_R14]);
}

TEST_F(interrupt, ends_hlt)
{
	uint64_t entries;

	ASSERT_EQ(0, start(self->vcpu, wakes, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	EXPECT_FALSE(PENDING());
	entries = kt_vcpu_stats(self->vcpu).entries;
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	EXPECT_EQ(entries, kt_vcpu_stats(self->vcpu).entries);
	/* A kick ends RUN, not the HLT. */
	ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_KICK, NULL));
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
	EXPECT_EQ(address(wakes_at), self->run->rip);
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO_HANDLER(VECTOR, wakes_at);
	RUN_TO(AT_END);
	EXPECT_EQ(1, self->run->gpr[KEV_R14]);
}

/* STI and HLT are one for an interrupt that waits: no HALTED in between */
TEST_F(interrupt, sti_hlt)
{
	ASSERT_EQ(0, start(self->vcpu, sti_hlt, STACK));
	RUN_TO(AT_START);
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO_HANDLER(VECTOR, sti_hlt_at);
	RUN_TO(AT_END);
}

/* With interrupts off nothing ends the HLT, until user space changes that. */
TEST_F(interrupt, hlt_with_interrupts_off)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, sleeps, STACK));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);
		EXPECT_TRUE(PENDING());
		EXPECT_EQ(address(sleeps_at), self->run->rip);
	}
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rflags |= FLAGS_IF;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	RUN_TO_HANDLER(VECTOR, sleeps_at);
	RUN_TO(AT_END);
}

/* The HLT's own step ends it. */
TEST_F(interrupt, hlt_with_single_step)
{
	ASSERT_EQ(0, start(self->vcpu, steps_hlt, STACK));
	RUN_TO_HANDLER(1, steps_hlt_at);
}

/* A single step comes first, and the interrupt does not take its place. */
TEST_F(interrupt, after_single_step)
{
	ASSERT_EQ(0, start(self->vcpu, steps, STACK));
	RUN_TO(AT_START);
	EXPECT_EQ(FLAGS_TF | FLAGS_IF, self->run->rflags & (FLAGS_TF | FLAGS_IF));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO_HANDLER(1, steps_at);
	EXPECT_TRUE(PENDING());
	RUN_TO_HANDLER(VECTOR, steps_at);
}

/* Likewise an exception that kev has queued */
TEST_F(interrupt, after_exception)
{
	ASSERT_EQ(0, start(self->vcpu, faults, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MSR, self->run->kind);
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_HANDLER);
	EXPECT_EQ(13, self->run->gpr[KEV_R13]);
	EXPECT_EQ(0, self->run->gpr[KEV_R11]);
	EXPECT_EQ(address(faults_at), self->run->gpr[KEV_R12]);
	EXPECT_TRUE(PENDING());
	RUN_TO_HANDLER(VECTOR, faults_at);
	EXPECT_FALSE(PENDING());
}

/* From another thread, while the guest spins: RUN does not return for it. */
TEST_F(interrupt, spinning_guest)
{
	struct kt_runner runner;

	ASSERT_EQ(0, start(self->vcpu, spins, STACK));
	for (int i = 1; i <= 50; i++) {
		ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
		ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
		EXPECT_EQ(0, kt_runner_join(&runner));
		ASSERT_AT(AT_HANDLER);
		EXPECT_EQ(VECTOR, self->run->gpr[KEV_R13]);
		EXPECT_EQ(i, self->run->gpr[KEV_R14]);
	}
	EXPECT_EQ(0, kt_vcpu_stats(self->vcpu).kicks);
}

/* What ends RUN, and new registers, leave it where it is. */
TEST_F(interrupt, still_waits)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;

	ASSERT_EQ(0, start(self->vcpu, spins_cli, STACK));
	RUN_TO(AT_START);
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
	EXPECT_EQ(-EBUSY, kt_interrupt(self->vcpu, VECTOR));
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	self->run->request = 0;
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rflags |= FLAGS_IF;
	state.gprs.rip = address(loops_at);
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	RUN_TO_HANDLER(VECTOR, loops_at);
}

/* It could be taken at once, but a RUN that does not enter does not take it. */
TEST_F(interrupt, immediate_exit)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, loops, STACK));
	RUN_TO(AT_START);
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	self->run->request = 0;
	EXPECT_EQ(-EBUSY, kt_interrupt(self->vcpu, VECTOR));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	RUN_TO_HANDLER(VECTOR, loops_at);
}

/* The delivery itself loads the pages of the GDT, the IDT and the stack. */
TEST_F(interrupt, lazy_pages)
{
	struct kev_vcpu_stats before, after;

	ASSERT_EQ(0, start(self->vcpu, holds, STACK));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_START);
	before = kt_vcpu_stats(self->vcpu);
	RUN_TO_HANDLER(VECTOR, holds_at);
	after = kt_vcpu_stats(self->vcpu);
	/* The boot page and the RAM at least: no fault for another page brings them. */
	EXPECT_LE(before.memory + 2, after.memory);
	RUN_TO(AT_END);
	EXPECT_EQ(1, self->run->gpr[KEV_R14]);
}

/* An interrupt that finds no stack; the next one waits behind it. */
TEST_F(interrupt, stack_without_region)
{
	ASSERT_EQ(0, start(self->vcpu, holds, HOLE + KT_PAGE));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_START);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
		EXPECT_EQ(HOLE, self->run->memory.gpa & ~(KT_PAGE - 1));
		EXPECT_TRUE(self->run->flags & KEV_RUN_EVENT_DELIVERY);
		EXPECT_FALSE(PENDING());
		EXPECT_EQ(0x80000000 | VECTOR, self->run->idt_vectoring_info);
		EXPECT_EQ(address(holds_at), self->run->rip);
	}
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR + 1));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	RUN_TO_HANDLER(VECTOR, holds_at);
	EXPECT_TRUE(PENDING());
	RUN_TO_HANDLER(VECTOR + 1, holds_at);
	RUN_TO(AT_END);
	EXPECT_EQ(2, self->run->gpr[KEV_R14]);
}

/* The guest has taken it: a new stack is what it waits for. */
TEST_F(interrupt, new_stack_during_delivery)
{
	ASSERT_EQ(0, start(self->vcpu, holds, HOLE + KT_PAGE));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_START);
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, start(self->vcpu, holds, STACK));
	RUN_TO_HANDLER(VECTOR, holds_at);
	RUN_TO(AT_END);
	EXPECT_EQ(1, self->run->gpr[KEV_R14]);
}

/* Where control goes elsewhere, it is gone. */
TEST_F(interrupt, new_rip_during_delivery)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, holds, HOLE + KT_PAGE));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	RUN_TO(AT_START);
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rip++;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	RUN_TO(AT_END);
	EXPECT_EQ(0, self->run->gpr[KEV_R14]);
}

/* Raised while an instruction in the shadow of another one is not done yet */
FIXTURE(shadow) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_VARIANT(shadow) {
	const char *guest, *at;
	uint32_t interruptibility;
};

FIXTURE_VARIANT_ADD(shadow, sti) { after_sti, after_sti_at, 1 };
FIXTURE_VARIANT_ADD(shadow, mov_ss) { after_mov_ss, after_mov_ss_at, 2 };

FIXTURE_SETUP(shadow)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
}

FIXTURE_TEARDOWN(shadow)
{
	kt_guest_fini(&self->guest);
}

TEST_F(shadow, ends_first)
{
	ASSERT_EQ(0, start(self->vcpu, variant->guest, STACK));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	EXPECT_EQ(variant->interruptibility, self->run->interruptibility);
	ASSERT_EQ(0, kt_interrupt(self->vcpu, VECTOR));
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, HOLE, KT_PAGE));
	RUN_TO_HANDLER(VECTOR, variant->at);
	RUN_TO(AT_END);
}

TEST_HARNESS_MAIN
