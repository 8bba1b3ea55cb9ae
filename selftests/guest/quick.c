// SPDX-License-Identifier: GPL-2.0
/*
 * Exits that are answered right behind the exit, without the run loop. Guards that what the
 * CPU does around an instruction comes as it would have come without the exit: its single
 * step, the end of a shadow, an event that the exit has cut off, what the guest's own write
 * has made due.
 */
#include "kselftest_harness.h"

#include <unistd.h>

#include "traps.h"

#define MODULE		"/selftests/modules/kev_abi_test.ko"
#define NAME		"kev_abi_test"

#define DB		1
#define NMI		2
#define BP		3
#define UD		6
#define GP		13
#define PF		14
#define INTERRUPT	0x40
#define SOFTWARE	0x41
#define OWN		0x50
#define TIMER		0x51

/* A page of RAM that nothing touches before, and an address in the middle of it */
#define FRESH_PAGE	0x60000UL
#define FRESH		(FRESH_PAGE + 0x800)

/* The last page below 4 GiB, in the identity map */
#define TOP		0xfffff000UL

/* Name, what comes before, and the instruction */
#define INSNS(I)							\
	I(cpuid, "xor %eax, %eax\n", "cpuid\n")				\
	I(cpuid_prefixed, "xor %eax, %eax\n", ".byte 0x2e, 0x2e, 0x66, 0x0f, 0xa2\n")	\
	I(cpuid_own, "mov $1, %eax\n", "cpuid\n")			\
	I(rdmsr, "mov $0x3b, %ecx\n", "rdmsr\n")			\
	I(rdmsr_called, "mov $0x10, %ecx\n", "rdmsr\n")			\
	I(wrmsr, "mov $0x3b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n", "wrmsr\n")	\
	I(vmcall, "mov $0x4e4f, %eax\n", "vmcall\n")
/*
 * First touches. They are not stepped over: the emulator leaves the trap of an instruction
 * pending that an EPT violation has cut off, as no CPU does.
 */
#define TOUCHES(I)							\
	I(read, "", "mov (%rbx), %al\n")				\
	I(write, "", "mov %al, (%rbx)\n")

#define SET_TF		"pushf\n orl $0x100, (%rsp)\n popf\n"

/* The descriptor is read here for the first time, and not again for the first time. */
#define KNOW_SS		"mov %ss, %r8d\n mov %r8d, %ss\n"

/*
 * Each in the shadow of an STI and of a MOV SS; as the first one with TF set, and that in the
 * shadow of a MOV SS. An address that ends in _at is the one behind.
 */
#define SHADOWED(name, before, insn)					\
	#name "_sti: " before KT_SAY_START "sti\n" insn			\
	#name "_sti_at: nop\n" KT_SAY_END				\
	#name "_ss: " before KNOW_SS KT_SAY_START "sti\n mov %r8d, %ss\n" insn	\
	#name "_ss_at: nop\n" KT_SAY_END
#define STEPPED(name, before, insn)					\
	#name "_tf: " before KT_SAY_START SET_TF insn			\
	#name "_tf_at: nop\n" KT_SAY_END				\
	#name "_tf_ss: " before KNOW_SS KT_SAY_START SET_TF "mov %r8d, %ss\n" insn	\
	#name "_tf_ss_at: nop\n" KT_SAY_END

#define MSR(index, low)							\
	"mov $" index ", %ecx\n mov $" low ", %eax\n xor %edx, %edx\n wrmsr\n"
/* The local APIC in x2APIC mode, and on */
#define X2APIC									\
	"mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n" MSR("0x80f", "0x1ff")

KT_TRAPS(guest,
	 INSNS(SHADOWED) INSNS(STEPPED) TOUCHES(SHADOWED)
	 "ud2: mov %rbx, %rsp\n" KT_SAY_START "ud2_at: ud2\n"
	 "int3: mov %rbx, %rsp\n" KT_SAY_START "int3\n int3_at: nop\n" KT_SAY_END
	 "int_n: mov %rbx, %rsp\n" KT_SAY_START "int $0x41\n int_n_at: nop\n" KT_SAY_END
	 "step: " KT_SAY_START SET_TF "mov %rbx, %rsp\n step_at: nop\n" KT_SAY_END
	 "waits: mov %rbx, %rsp\n" KT_SAY_START "waits_at: nop\n" KT_SAY_END
	 "opens: mov %rbx, %rsp\n" KT_SAY_START "sti\n nop\n opens_at: nop\n" KT_SAY_END
	 /* Pages in a row: the quick level has some at hand then. */
	 "stays: mov $0x61000, %ecx\n 1: movb $0, (%rcx)\n add $0x1000, %ecx\n"
	 "cmp $0x69000, %ecx\n jb 1b\n" KT_SAY_START "stays_at: nop\n" KT_SAY_END
	 "no_msr: mov $0x999, %ecx\n" KT_SAY_START "no_msr_at: rdmsr\n" KT_SAY_END
	 "own: " X2APIC KT_SAY_START "sti\n" MSR("0x830", "0x44050") "own_at: nop\n" KT_SAY_END
	 "aux: " KT_SAY_START MSR("0xc0000103", "0x77") "rdtscp\n" KT_SAY_END
	 "timer: " X2APIC MSR("0x832", "0x40051") KT_SAY_START
	 "rdtsc\n add $5000, %eax\n adc $0, %edx\n mov $0x6e0, %ecx\n wrmsr\n"
	 "xor %esi, %esi\n sti\n 1: inc %rsi\n xor %eax, %eax\n cpuid\n jmp 1b\n"
	 "loop: xor %eax, %eax\n cpuid\n mov $0x4e4f, %eax\n vmcall\n"
	 "mov $0x3b, %ecx\n rdmsr\n wrmsr\n jmp loop\n");

#define SHADOW_LABELS(name, ...)					\
	KT_LABEL(name##_sti); KT_LABEL(name##_sti_at); KT_LABEL(name##_ss); KT_LABEL(name##_ss_at);
#define STEP_LABELS(name, ...)						\
	KT_LABEL(name##_tf); KT_LABEL(name##_tf_at);			\
	KT_LABEL(name##_tf_ss); KT_LABEL(name##_tf_ss_at);
INSNS(SHADOW_LABELS) INSNS(STEP_LABELS) TOUCHES(SHADOW_LABELS)
KT_LABEL(ud2); KT_LABEL(ud2_at); KT_LABEL(int3); KT_LABEL(int3_at); KT_LABEL(int_n);
KT_LABEL(int_n_at); KT_LABEL(step); KT_LABEL(step_at); KT_LABEL(waits); KT_LABEL(waits_at);
KT_LABEL(opens); KT_LABEL(opens_at); KT_LABEL(stays); KT_LABEL(stays_at); KT_LABEL(no_msr);
KT_LABEL(no_msr_at); KT_LABEL(own); KT_LABEL(own_at); KT_LABEL(aux); KT_LABEL(timer);
KT_LABEL(loop);

static uint64_t address(const char *label)
{
	return kt_label(&guest, label);
}

FIXTURE(quick) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
};

FIXTURE_SETUP(quick)
{
	self->guest = (struct kt_guest) { .kev = -1, .vm = -1, .vcpu = -1 };
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_load_module(MODULE));
}

FIXTURE_TEARDOWN(quick)
{
	kt_guest_fini(&self->guest);
	kt_unload_module(NAME);
}

/* A new guest, about to run from a label */
static int begin(FIXTURE_DATA(quick) *self, const char *label, uint32_t flags)
{
	struct kev_vcpu_state state = { 0 };
	int ret;

	kt_guest_fini(&self->guest);
	ret = kt_guest_init(&self->guest, &guest, flags, "noop");
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
	if (!ret)
		ret = kt_get_state(self->vcpu, KEV_STATE_GPRS, &state);
	state.gprs.gpr[KEV_R15] = address(label);
	state.gprs.gpr[KEV_RBX] = FRESH;
	state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK;
	return ret ? ret : kt_set_state(self->vcpu, KEV_STATE_GPRS, &state);
}

/* An NMI, an interrupt of that vector, or with 0 nothing */
static int raise_event(int vcpu, int vector)
{
	const struct kev_vcpu_inject args = {
		.size = sizeof(args), .type = KEV_INJECT_NMI, .vector = NMI,
	};

	if (!vector)
		return 0;
	return vector == NMI ? kt_ioctl(vcpu, KEV_VCPU_INJECT, &args) : kt_interrupt(vcpu, vector);
}

#define BEGIN(label)	ASSERT_EQ(0, begin(self, label, 0))

struct row {
	const char *name, *label, *at;
	int vector, raise;
};

#define SHADOW_ROWS(name, ...)						\
	{ #name ", STI", name##_sti, name##_sti_at, INTERRUPT, INTERRUPT },	\
	{ #name ", MOV SS", name##_ss, name##_ss_at, INTERRUPT, INTERRUPT },
#define STEP_ROWS(name, ...)						\
	{ #name ", TF", name##_tf, name##_tf_at, DB, 0 },		\
	{ #name ", TF and MOV SS", name##_tf_ss, name##_tf_ss_at, DB, 0 },

/* What comes behind an instruction */
static const struct row behind[] = {
	INSNS(SHADOW_ROWS) INSNS(STEP_ROWS) TOUCHES(SHADOW_ROWS)
};

/* What is delivered on a stack that is touched for the first time */
static const struct row deliveries[] = {
	{ "#UD", ud2, ud2_at, UD, 0 },
	{ "#BP", int3, int3_at, BP, 0 },
	{ "INT n", int_n, int_n_at, SOFTWARE, 0 },
	{ "single step", step, step_at, DB, 0 },
	{ "interrupt", opens, opens_at, INTERRUPT, INTERRUPT },
	{ "NMI", waits, waits_at, NMI, NMI },
};

/* The event of a row comes where it has to, and once. */
static void check(struct __test_metadata *_metadata, FIXTURE_DATA(quick) *self,
		  const struct row *row)
{
	BEGIN(row->label);
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_event(self->vcpu, row->raise));
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_HANDLER);
	EXPECT_EQ(row->vector, self->run->gpr[KT_TRAP_VECTOR]) {
		TH_LOG("%s", row->name);
	}
	EXPECT_EQ(address(row->at), self->run->gpr[KT_TRAP_RIP]) {
		TH_LOG("%s", row->name);
	}
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
	/* In the emulator NMIs stay blocked on a CPU until there is an IRET. */
	if (row->raise == NMI) {
		KT_RUN_TO(self, KT_AT_IRET);
		KT_RUN_TO(self, KT_AT_END);
	}
}

TEST_F(quick, behind_an_instruction)
{
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++)
		check(_metadata, self, &behind[i]);
}

TEST_F(quick, delivery)
{
	for (size_t i = 0; i < ARRAY_SIZE(deliveries); i++)
		check(_metadata, self, &deliveries[i]);
}

/*
 * The IRET of an NMI's handler finds its stack untouched: it has unblocked NMIs by then, and
 * is not done. The next NMI waits until it is: there it fails, for the stack is empty.
 */
TEST_F(quick, iret)
{
	struct kev_vcpu_state state = { 0 };
	uint64_t at;

	BEGIN(stays);
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, raise_event(self->vcpu, NMI));
	KT_RUN_TO_HANDLER(self, NMI, -1, address(stays_at));
	ASSERT_EQ(0, raise_event(self->vcpu, NMI));
	KT_RUN_TO(self, KT_AT_IRET);
	at = self->run->rip + self->run->instruction_length;
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_RSP] = FRESH;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	/* The OUT is made again, and then the IRET. */
	KT_RUN_TO(self, KT_AT_IRET);
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_HANDLER);
	/* In the handler of the fault, before its first instruction */
	EXPECT_EQ(NMI, self->run->gpr[KT_TRAP_VECTOR]);
	EXPECT_EQ(KT_TRAPS_STUBS + GP * 16, self->run->gpr[KT_TRAP_RIP]) {
		TH_LOG("the IRET is at %#lx", at);
	}
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO_HANDLER(self, GP, 0, at);
}

TEST_F(quick, exception)
{
	BEGIN(no_msr);
	KT_RUN_TO(self, KT_AT_START);
	KT_RUN_TO_HANDLER(self, GP, 0, address(no_msr_at));
}

/* User space is asked for a leaf too that is the same for all vCPUs. */
TEST_F(quick, reported)
{
	ASSERT_EQ(0, begin(self, cpuid_sti, KEV_VM_REPORT_CPUID));
	KT_RUN_TO(self, KT_AT_START);
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_CPUID, self->run->kind);
	EXPECT_EQ(0, self->run->cpuid.leaf);
}

/* What a write has asked for comes before the next instruction. */
TEST_F(quick, own_interrupt)
{
	BEGIN(own);
	KT_RUN_TO(self, KT_AT_START);
	KT_RUN_TO_HANDLER(self, OWN, -1, address(own_at));
}

TEST_F(quick, due)
{
	BEGIN(aux);
	KT_RUN_TO(self, KT_AT_START);
	KT_RUN_TO(self, KT_AT_END);
	EXPECT_EQ(0x77, self->run->gpr[KEV_RCX]);
}

/* Exits do not put off the guest's timer, though each entry counts down anew. */
TEST_F(quick, timer)
{
	const unsigned int most = 200;

	for (int i = 0; i < 8; i++) {
		BEGIN(timer);
		KT_RUN_TO(self, KT_AT_START);
		ASSERT_EQ(0, kt_run(self->vcpu));
		KT_ASSERT_AT(self->run, KT_AT_HANDLER);
		EXPECT_EQ(TIMER, self->run->gpr[KT_TRAP_VECTOR]);
		EXPECT_GT(most, self->run->gpr[KEV_RSI]);
	}
}

TEST_F(quick, kick)
{
	struct kt_runner runner;

	BEGIN(loop);
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));
}

/* The last instruction below 4 GiB: outside 64-bit mode RIP begins again. */
static const struct wrap {
	const char *name, *bytes;
	uint64_t rax, rcx;
	bool code64;
} wraps[] = {
	{ "CPUID", "\x0f\xa2", 0, 0, false },
	{ "RDMSR", "\x0f\x32", 0, 0x3b, false },
	{ "WRMSR", "\x0f\x30", 0, 0x3b, false },
	{ "VMCALL", "\x0f\x01\xc1", 0x4e4f, 0, false },
	{ "CPUID, 64 bits", "\x0f\xa2", 0, 0, true },
};

TEST_F(quick, wrap)
{
	/* OUT of AL to port KT_AT_END */
	const uint8_t end[] = { 0xe6, KT_AT_END };
	const uint32_t groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS;
	struct kev_vcpu_state state;
	size_t length;

	for (const struct wrap *wrap = wraps; wrap < wraps + ARRAY_SIZE(wraps); wrap++) {
		TH_LOG("%s", wrap->name);
		length = strlen(wrap->bytes);
		BEGIN(stays);
		ASSERT_EQ(0, kt_add_ram(self->guest.vm, TOP, KT_PAGE));
		ASSERT_EQ(length, kt_write_guest(self->guest.vm, TOP + KT_PAGE - length,
						 wrap->bytes, length));
		ASSERT_EQ(sizeof(end), kt_write_guest(self->guest.vm, 0, end, sizeof(end)));
		KT_RUN_TO(self, KT_AT_START);
		state = (struct kev_vcpu_state) { 0 };
		ASSERT_EQ(0, kt_get_state(self->vcpu, groups, &state));
		state.gprs.rip = TOP + KT_PAGE - length;
		state.gprs.gpr[KEV_RAX] = wrap->rax;
		state.gprs.gpr[KEV_RCX] = wrap->rcx;
		state.gprs.gpr[KEV_RDX] = 0;
		if (!wrap->code64)
			state.segments.cs.access = 0xc09b;
		ASSERT_EQ(0, kt_set_state(self->vcpu, groups, &state)) {
			TH_LOG("%.48s", state.problem);
		}
		if (wrap->code64) {
			/* There the map ends. */
			KT_RUN_TO_HANDLER(self, PF, 0, TOP + KT_PAGE);
			continue;
		}
		KT_RUN_TO(self, KT_AT_END);
		EXPECT_EQ(0, self->run->rip);
	}
}

TEST_HARNESS_MAIN
