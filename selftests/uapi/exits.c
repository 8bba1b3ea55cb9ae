// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of each instruction and exception that can exit, by itself and when user
 * space is given it: KEV_VM_SET_EXITS. Guards that no exit falls through, that what user
 * space hands back does what it would have done anyway, and that exceptions on the way to
 * others become double and triple faults.
 */
#include "kselftest_harness.h"

#include <cpuid.h>
#include <sched.h>

#include "traps.h"

#define UD		6
#define DF		8
#define NP		11
#define GP		13
#define PF		14

/* In the identity map, and no region is there. */
#define HOLE		0x40000000UL

/* What a row does, beside raising an exception of that vector */
enum { GOES_ON = 100, IS_HLT, IS_CALL };

/* What the CPU has to have */
enum { ANY, INVPCID, RDRAND, RDSEED, XSAVE, ARAT };

/*
 * Name, what comes before, the instruction, how it is intercepted, the exception where that
 * is the way, what it does, and what it needs. An address that ends in _at is that of
 * the instruction. A write to CR0 or CR4 exits only if it changes a bit.
 */
#define ROWS(ROW)							\
	ROW(cpuid, "xor %eax, %eax", "cpuid", CPUID, 0, GOES_ON, ANY)	\
	ROW(rdmsr, "mov $0x10, %ecx", "rdmsr", MSR, 0, GOES_ON, ANY)	\
	ROW(rdmsr_none, "mov $0x999, %ecx", "rdmsr", MSR, 0, GP, ANY)	\
	ROW(wrmsr, "mov $0x174, %ecx", "wrmsr", MSR, 0, GOES_ON, ANY)	\
	ROW(vmcall, "mov $99, %eax", "vmcall", HYPERCALL, 0, IS_CALL, ANY)	\
	ROW(hlt, "", "hlt", HLT, 0, IS_HLT, ANY)			\
	ROW(pause, "", "pause", PAUSE, 0, GOES_ON, ANY)			\
	ROW(monitor, "", "monitor", MWAIT, 0, UD, ANY)			\
	ROW(mwait, "", "mwait", MWAIT, 0, UD, ANY)			\
	ROW(clts, "mov %cr0, %rax\n bts $3, %rax\n mov %rax, %cr0",	\
	    "clts", CR, 0, GOES_ON, ANY)			\
	ROW(lmsw, "smsw %ax\n or $8, %eax", "lmsw %ax", CR, 0, GOES_ON, ANY)		\
	ROW(cr0, "mov %cr0, %rax\n btc $18, %rax", "mov %rax, %cr0", CR, 0, GOES_ON, ANY)	\
	ROW(cr3, "mov %cr3, %rax", "mov %rax, %cr3", CR, 0, GOES_ON, ANY)	\
	ROW(cr4, "mov %cr4, %rax\n btc $7, %rax", "mov %rax, %cr4", CR, 0, GOES_ON, ANY)	\
	ROW(cr8, "xor %eax, %eax", "mov %rax, %cr8", CR, 0, GOES_ON, ANY)	\
	ROW(dr0, "", "mov %rax, %dr0", DR, 0, GOES_ON, ANY)		\
	ROW(dr7, "", "mov %dr7, %rax", DR, 0, GOES_ON, ANY)		\
	ROW(xsetbv, "mov %cr4, %rax\n bts $18, %rax\n mov %rax, %cr4\n"	\
	    "xor %ecx, %ecx\n xor %edx, %edx\n mov $1, %eax",		\
	    "xsetbv", XSETBV, 0, GOES_ON, XSAVE)			\
	ROW(wbinvd, "", "wbinvd", WBINVD, 0, GOES_ON, ANY)		\
	ROW(invd, "", "invd", WBINVD, 0, GOES_ON, ANY)			\
	ROW(invlpg, "", "invlpg (%rsp)", INVLPG, 0, GOES_ON, ANY)	\
	ROW(invpcid, "pushq $0\n pushq $0\n mov $2, %eax",		\
	    "invpcid (%rsp), %rax", INVLPG, 0, GOES_ON, INVPCID)	\
	ROW(invpcid_bad, "mov $4, %eax", "invpcid (%rsp), %rax", INVLPG, 0, GP, INVPCID)	\
	ROW(rdtsc, "", "rdtsc", RDTSC, 0, GOES_ON, ANY)			\
	ROW(rdtscp, "", "rdtscp", RDTSC, 0, GOES_ON, ANY)		\
	ROW(rdpmc, "xor %ecx, %ecx", "rdpmc", RDPMC, 0, GP, ANY)	\
	ROW(sgdt, "sub $16, %rsp", "sgdt (%rsp)", DESCRIPTOR, 0, GOES_ON, ANY)	\
	ROW(sidt, "sub $16, %rsp", "sidt (%rsp)", DESCRIPTOR, 0, GOES_ON, ANY)	\
	ROW(lgdt, "sub $16, %rsp\n sgdt (%rsp)", "lgdt (%rsp)", DESCRIPTOR, 0, GOES_ON, ANY)	\
	ROW(sldt, "", "sldt %eax", DESCRIPTOR, 0, GOES_ON, ANY)		\
	ROW(str, "", "str %eax", DESCRIPTOR, 0, GOES_ON, ANY)		\
	ROW(lldt, "xor %eax, %eax", "lldt %ax", DESCRIPTOR, 0, GOES_ON, ANY)	\
	ROW(ltr, "xor %eax, %eax", "ltr %ax", DESCRIPTOR, 0, GP, ANY)	\
	ROW(vmxon, "", "vmxon (%rsp)", UNDEFINED, 0, UD, ANY)		\
	ROW(vmxoff, "", "vmxoff", UNDEFINED, 0, UD, ANY)		\
	ROW(vmclear, "", "vmclear (%rsp)", UNDEFINED, 0, UD, ANY)	\
	ROW(vmptrld, "", "vmptrld (%rsp)", UNDEFINED, 0, UD, ANY)	\
	ROW(vmptrst, "", "vmptrst (%rsp)", UNDEFINED, 0, UD, ANY)	\
	ROW(vmread, "", "vmread %rax, %rbx", UNDEFINED, 0, UD, ANY)	\
	ROW(vmwrite, "", "vmwrite %rax, %rbx", UNDEFINED, 0, UD, ANY)	\
	ROW(vmlaunch, "", "vmlaunch", UNDEFINED, 0, UD, ANY)		\
	ROW(vmresume, "", "vmresume", UNDEFINED, 0, UD, ANY)		\
	ROW(invept, "", "invept (%rsp), %rax", UNDEFINED, 0, UD, ANY)	\
	ROW(invvpid, "", "invvpid (%rsp), %rax", UNDEFINED, 0, UD, ANY)	\
	ROW(rdrand, "", "rdrand %eax", RDRAND, 0, GOES_ON, RDRAND)	\
	ROW(rdseed, "", "rdseed %eax", RDRAND, 0, GOES_ON, RDSEED)	\
	ROW(divide, "xor %ecx, %ecx", "div %ecx", EXCEPTION, 0, 0, ANY)	\
	ROW(int1, "", ".byte 0xf1", EXCEPTION, 1, 1, ANY)		\
	ROW(int3, "", "int3", EXCEPTION, 3, 3, ANY)			\
	ROW(ud2, "", "ud2", EXCEPTION, UD, UD, ANY)			\
	ROW(no_fpu, "mov %cr0, %rax\n bts $3, %rax\n mov %rax, %cr0",	\
	    "fninit", EXCEPTION, 7, 7, ANY)				\
	ROW(no_segment, "movl $0x18, -8(%rsp)", "int $0x80", EXCEPTION, NP, NP, ANY)	\
	ROW(protection, "mov $1, %rax\n shl $62, %rax", "mov (%rax), %al", EXCEPTION, GP, GP, ANY) \
	ROW(page_fault, "mov $1, %rax\n shl $32, %rax", "mov (%rax), %al", EXCEPTION, PF, PF, ANY)

#define CODE(name, before, text, ...)					\
	"row_" #name ": " before "\n row_" #name "_at: " text "\n row_" #name "_behind: " KT_SAY_END

KT_TRAPS(guest,
	 ROWS(CODE)
	 "double_fault: mov $1, %rax\n shl $62, %rax\n double_fault_at: mov (%rax), %al\n"
	 KT_SAY_END
	 "mwaits: sti\n mov %rsp, %rax\n xor %ecx, %ecx\n xor %edx, %edx\n monitor\n"
	 "xor %eax, %eax\n mwait\n" KT_SAY_END
	 "sleeps: sti\n nop\n sleeps_at: hlt\n jmp sleeps_at\n" KT_SAY_END
	 "pauses: mov $100, %ecx\n 1: pause\n loop 1b\n" KT_SAY_END
	 /* 32-bit code: a far jump to the TSS that the table behind it has at 0x18 */
	 "task: .byte 0xea\n .long 0\n .word 0x18\n"
	 "task_ud: ud2\n .balign 8\n"
	 /* A task gate for each vector up to #UD */
	 "task_idt: .rept 7\n .quad 0x0000850000180000\n .endr\n"
	 "task_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890900000067\n"
	 "tsc: rdtsc\n mov %rax, %rbx\n mov %rdx, %rdi\n rdtscp\n mov %rcx, %rsi\n" KT_SAY_END);

#define LABELS(name, ...)						\
	KT_LABEL(row_##name); KT_LABEL(row_##name##_at); KT_LABEL(row_##name##_behind);
ROWS(LABELS)
KT_LABEL(double_fault); KT_LABEL(double_fault_at); KT_LABEL(mwaits); KT_LABEL(sleeps);
KT_LABEL(sleeps_at); KT_LABEL(pauses); KT_LABEL(tsc); KT_LABEL(task); KT_LABEL(task_gdt);
KT_LABEL(task_ud); KT_LABEL(task_idt);

static uint64_t address(const char *label)
{
	return kt_label(&guest, label);
}

static int start(int vcpu, const char *label)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(vcpu, KEV_STATE_GPRS, &state);

	state.gprs.gpr[KEV_R15] = address(label);
	state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK - 256;
	return ret ? ret : kt_set_state(vcpu, KEV_STATE_GPRS, &state);
}

static long set_exits(int vm, uint64_t report, uint64_t pass, uint32_t exceptions)
{
	const struct kev_set_exits args = {
		.size = sizeof(args), .report = report, .pass = pass, .exceptions = exceptions,
	};

	return kt_ioctl(vm, KEV_VM_SET_EXITS, &args);
}

/* The gate is an interrupt gate still, but not present. */
static int close_gate(int vm, int vector)
{
	return kt_write_guest(vm, KT_TRAPS_IDT + vector * 16 + 5, "\x0e", 1) == 1 ? 0 : -EIO;
}

static bool host_has(int need)
{
	uint32_t eax, ebx, ecx, edx;

	switch (need) {
	case INVPCID:
		return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ebx & 1U << 10;
	case RDRAND:
		return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & 1U << 30;
	case RDSEED:
		return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && ebx & 1U << 18;
	case XSAVE:
		/* That the kernel uses */
		return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & 1U << 27;
	case ARAT:
		return __get_cpuid(6, &eax, &ebx, &ecx, &edx) && eax & 1U << 2;
	default:
		return true;
	}
}

FIXTURE(row) {
	struct kt_guest guest;
	struct kev_run *run;
	int vcpu;
	bool absent;	/* the CPU has no such instruction */
};

FIXTURE_VARIANT(row) {
	const char *guest, *at, *behind;
	uint64_t intercept;
	uint32_t exceptions;
	int does, needs;
};

#define VARIANT(name, before, text, _intercept, vector, _does, _needs)	\
	FIXTURE_VARIANT_ADD(row, name) {				\
		.guest = row_##name, .at = row_##name##_at, .behind = row_##name##_behind, \
		.intercept = KEV_INTERCEPT_##_intercept,		\
		.exceptions = KEV_INTERCEPT_##_intercept == KEV_INTERCEPT_EXCEPTION ? \
			      1U << (vector) : 0,			\
		.does = _does, .needs = _needs,				\
	};
ROWS(VARIANT)

FIXTURE_SETUP(row)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, KEV_VM_REPORT_HLT, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
	self->absent = !host_has(variant->needs);
	/* A gate that is not present, for the row that looks for one */
	ASSERT_EQ(0, close_gate(self->guest.vm, 0x80));
	ASSERT_EQ(0, start(self->vcpu, variant->guest));
}

FIXTURE_TEARDOWN(row)
{
	kt_guest_fini(&self->guest);
}

/* The last RUN says that the instruction has done what it does. */
#define EXPECT_DONE()							\
do {									\
	switch (variant->does) {					\
	case GOES_ON:							\
		KT_ASSERT_AT(self->run, KT_AT_END);			\
		EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);		\
		break;							\
	case IS_HLT:							\
		EXPECT_EQ(KEV_EXIT_HALTED, self->run->kind);		\
		EXPECT_EQ(address(variant->behind), self->run->rip);	\
		break;							\
	case IS_CALL:							\
		EXPECT_EQ(KEV_EXIT_HYPERCALL, self->run->kind);		\
		EXPECT_EQ(99, self->run->hypercall.nr);			\
		break;							\
	default:							\
		KT_ASSERT_AT(self->run, KT_AT_HANDLER);			\
		EXPECT_EQ(variant->does, self->run->gpr[KT_TRAP_VECTOR]);	\
		EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);		\
		/* INT1 and INT3 are delivered behind themselves. */	\
		EXPECT_EQ(variant->does == 1 || variant->does == 3 ?	\
			  address(variant->behind) : address(variant->at),	\
			  self->run->gpr[KT_TRAP_RIP]);			\
		if (variant->does == PF) {				\
			EXPECT_EQ(1UL << 32, self->run->cr2);		\
		}							\
	}								\
} while (0)

TEST_F(row, by_itself)
{
	if (self->absent)
		SKIP(return, "no such instruction on this CPU");
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_DONE();
}

#define EXPECT_INTERCEPT()						\
do {									\
	ASSERT_EQ(0, kt_run(self->vcpu));				\
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);			\
	EXPECT_EQ(variant->intercept, self->run->intercept.intercept);	\
	EXPECT_EQ(KEV_INTERCEPT_CONTINUE, self->run->intercept.answer);	\
} while (0)

TEST_F(row, reported)
{
	long ret = set_exits(self->guest.vm, variant->intercept, 0, variant->exceptions);

	if (self->absent) {
		EXPECT_TRUE(!ret || ret == -EOPNOTSUPP);
		return;
	}
	ASSERT_EQ(0, ret);
	/* What comes before the row may be of its kind. */
	do {
		EXPECT_INTERCEPT();
	} while (self->run->rip < address(variant->at));
	/* INT1 reports itself behind itself. */
	if (variant->does != 1) {
		EXPECT_EQ(address(variant->at), self->run->rip);
	}
	if (variant->exceptions) {
		EXPECT_EQ(variant->does, self->run->intr_info & 0xff);
	}
	/* The same again, then what it would have done */
	self->run->intercept.answer = KEV_INTERCEPT_RETRY;
	if (variant->does != 1) {
		EXPECT_INTERCEPT();
	}
	self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_DONE();
}

TEST_F(row, answered)
{
	if (self->absent)
		SKIP(return, "no such instruction on this CPU");
	ASSERT_EQ(0, set_exits(self->guest.vm, variant->intercept, 0, variant->exceptions));
	do {
		EXPECT_INTERCEPT();
	} while (self->run->rip < address(variant->at));
	self->run->intercept.answer = 3;
	EXPECT_EQ(-EINVAL, kt_run(self->vcpu));
	/* Behind a fault nobody knows where to go. */
	if (variant->exceptions) {
		self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
		ASSERT_EQ(0, kt_run(self->vcpu));
		EXPECT_DONE();
		return;
	}
	self->run->intercept.answer = KEV_INTERCEPT_DONE;
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
}

FIXTURE(exits) {
	struct kt_guest guest;
	struct kev_run *run;
	int vm, vcpu;
};

FIXTURE_SETUP(exits)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, KEV_VM_REPORT_HLT, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
	self->vm = self->guest.vm;
}

FIXTURE_TEARDOWN(exits)
{
	kt_guest_fini(&self->guest);
}

TEST_F(exits, arguments)
{
	static const struct {
		const char *name;
		struct kev_set_exits args;
		int result;
	} cases[] = {
		{ "flags", { .flags = 1 }, -EINVAL },
		{ "reserved", { .reserved = 1 }, -EINVAL },
		{ "unknown exit", { .report = KEV_INTERCEPT_ALL + 1 }, -EINVAL },
		{ "greatest exit", { .report = 1ULL << 63 }, -EINVAL },
		{ "CPUID passes", { .pass = KEV_INTERCEPT_CPUID }, -EINVAL },
		{ "unknown passes", { .pass = 1ULL << 63 }, -EINVAL },
		{ "both", { .report = KEV_INTERCEPT_HLT, .pass = KEV_INTERCEPT_HLT }, -EINVAL },
		{ "vectors alone", { .exceptions = 1 << UD }, -EINVAL },
		{ "no vector", { .report = KEV_INTERCEPT_EXCEPTION }, -EINVAL },
		{ "NMI", { .report = KEV_INTERCEPT_EXCEPTION, .exceptions = 1 << 2 }, -EINVAL },
		{ "#MC", { .report = KEV_INTERCEPT_EXCEPTION, .exceptions = 1 << 18 }, -EINVAL },
		{ "#UD", { .report = KEV_INTERCEPT_EXCEPTION, .exceptions = 1 << UD }, 0 },
		{ "two ways", { .report = KEV_INTERCEPT_MWAIT, .pass = KEV_INTERCEPT_PAUSE }, 0 },
		{ "none", { 0 }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_set_exits args = cases[i].args;

		args.size = sizeof(args);
		EXPECT_EQ(cases[i].result, kt_ioctl(self->vm, KEV_VM_SET_EXITS, &args))
			TH_LOG("%s", cases[i].name);
	}
	ASSERT_EQ(0, start(self->vcpu, row_pause));
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(-EBUSY, set_exits(self->vm, 0, 0, 0));
}

/* Exits are the VM's: another one's guest does not have them. */
TEST_F(exits, of_one_vm)
{
	struct kt_guest other;

	ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_PAUSE, 0, 0));
	ASSERT_EQ(0, kt_guest_init(&other, &guest, 0, NULL));
	ASSERT_EQ(0, start(self->vcpu, pauses));
	ASSERT_EQ(0, start(other.vcpu, pauses));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		EXPECT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
		ASSERT_EQ(0, kt_run(other.vcpu));
		EXPECT_EQ(KEV_EXIT_IO, other.run->kind);
	}
	kt_guest_fini(&other);
}

/* 32-bit code without paging, with a TSS at selector 0x18 */
static int start_32(int vcpu, const char *label)
{
	const struct kev_segment code = {
		.selector = 8, .limit = 0xffffffff,
		.access = KEV_SEG_G | KEV_SEG_DB | KEV_SEG_P | KEV_SEG_S | 0xb,
	};
	struct kev_segment data = code;
	struct kev_vcpu_state state = { 0 };

	if (kt_get_state(vcpu, KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS, &state))
		return -EIO;
	data.selector = 0x10;
	data.access = (data.access & ~KEV_SEG_TYPE) | 3;
	state.gprs.rip = kt_label(&guest, label);
	state.segments.cs = code;
	state.segments.ds = data;
	state.segments.es = data;
	state.segments.fs = data;
	state.segments.gs = data;
	state.segments.ss = data;
	state.segments.gdt = (struct kev_table) { .base = address(task_gdt), .limit = 31 };
	state.segments.idt = (struct kev_table) { .base = address(task_idt), .limit = 55 };
	state.controls.cr0 &= ~0x80000000ULL;
	state.controls.cr4 &= ~0x20ULL;
	state.controls.efer = 0;
	return kt_set_state(vcpu, state.groups, &state);
}

/* kev makes none: user space is told, and the guest is where it was. @event: on its way, or 0 */
static void check_switch(struct __test_metadata *_metadata, FIXTURE_DATA(exits) *self,
			 const char *label, uint64_t qualification, uint32_t event, uint32_t length)
{
	int ret = start_32(self->vcpu, label);

	if (ret == -EOPNOTSUPP)
		SKIP(return, "no unrestricted guest");
	ASSERT_EQ(0, ret);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_UNHANDLED, self->run->kind);
		EXPECT_EQ(9, self->run->exit_reason);
		EXPECT_EQ(qualification, self->run->exit_qualification);
		EXPECT_EQ(event, self->run->idt_vectoring_info);
		EXPECT_EQ(!!event, !!(self->run->flags & KEV_RUN_EVENT_DELIVERY));
		EXPECT_EQ(length, self->run->instruction_length);
		EXPECT_EQ(kt_label(&guest, label), self->run->rip);
	}
}

TEST_F(exits, task_switch)
{
	check_switch(_metadata, self, task, 0x80000018, 0, 7);
}

/* By an exception and a gate: there is no instruction, and the event is told of. */
TEST_F(exits, task_gate)
{
	check_switch(_metadata, self, task_ud, 0xc0000018, 0x80000306, 0);
}

/* What the next entry delivers */
static uint32_t event_of(int vcpu)
{
	struct kev_vcpu_state state = { 0 };

	return kt_get_state(vcpu, KEV_STATE_INTERRUPTS, &state) ? 0 : state.interrupts.event;
}

/* Unlike a fault a trap does not come again: who moves the vCPU takes it along. */
TEST_F(exits, trap_moves)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_EXCEPTION, 0, 1 << 1));
	ASSERT_EQ(0, start(self->vcpu, pauses));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.rflags |= 0x100;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	EXPECT_EQ(0x80000301, event_of(self->vcpu));
}

/* As far as the report of a #GP that user space has asked for */
static int run_to_gp(int vm, int vcpu)
{
	int ret = set_exits(vm, KEV_INTERCEPT_EXCEPTION, 0, 1U << GP);

	ret = ret ? ret : start(vcpu, row_protection);
	return ret ? ret : kt_run(vcpu);
}

static long inject_ud(int vcpu)
{
	const struct kev_vcpu_inject event = {
		.size = sizeof(event), .type = KEV_INJECT_EXCEPTION, .vector = UD,
	};

	return kt_ioctl(vcpu, KEV_VCPU_INJECT, &event);
}

/* There is one exception at an instruction. */
TEST_F(exits, injected_and_continued)
{
	ASSERT_EQ(0, run_to_gp(self->vm, self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	ASSERT_EQ(0, inject_ud(self->vcpu));
	self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
	EXPECT_EQ(-EINVAL, kt_run(self->vcpu));
	/* Whoever looks at it does not change it. */
	EXPECT_EQ(0x80000300 | UD, event_of(self->vcpu));
	EXPECT_EQ(-EINVAL, kt_run(self->vcpu));
	self->run->intercept.answer = KEV_INTERCEPT_RETRY;
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	EXPECT_EQ(0x80000300 | UD, event_of(self->vcpu));
}

/* What CONTINUE has not come to yet may raise one. */
TEST_F(exits, continued_and_injected)
{
	ASSERT_EQ(0, run_to_gp(self->vm, self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
	self->run->request = KEV_RUN_IMMEDIATE_EXIT;
	EXPECT_EQ(-EINTR, kt_run(self->vcpu));
	EXPECT_EQ(-EBUSY, inject_ud(self->vcpu));
}

/* A report without an entry before it has what was set meanwhile. */
TEST_F(exits, frame_of_what_was_set)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, start(self->vcpu, sleeps));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_CONTROLS, &state));
	EXPECT_EQ(state.controls.cr3, self->run->cr3);
	state.controls.cr3 ^= 0x18;	/* how its tables are cached */
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_CONTROLS, &state));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_HALTED, self->run->kind);
	EXPECT_EQ(state.controls.cr3, self->run->cr3);
}

/* Where user space sets RIP to, the next instruction is reported again. */
TEST_F(exits, continued_elsewhere)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_DESCRIPTOR, 0, 0));
	ASSERT_EQ(0, start(self->vcpu, row_sgdt));
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
		ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	} while (self->run->rip < address(row_sgdt_at));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_RSP] = HOLE;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	/* It is still to come: its page is not there. */
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_MEMORY, self->run->kind);
	state.gprs.rip = address(row_str_at);
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	EXPECT_EQ(address(row_str_at), self->run->rip);
}

/* The instruction has met its breakpoint before it is reported. */
TEST_F(exits, breakpoint_at_what_is_reported)
{
	struct kev_vcpu_debug debug = {
		.size = sizeof(debug),
		.flags = KEV_DEBUG_HARDWARE,
		.dr = { address(row_str_at) },
		.dr7 = 1,	/* L0: of its execution */
	};

	ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_DESCRIPTOR, 0, 0));
	ASSERT_EQ(0, start(self->vcpu, row_str));
	ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_SET_DEBUG, &debug));
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
	} while (self->run->kind == KEV_EXIT_INTERCEPT);
	ASSERT_EQ(KEV_EXIT_DEBUG, self->run->kind);
	EXPECT_EQ(address(row_str_at), self->run->rip);
	ASSERT_EQ(0, kt_run(self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	EXPECT_EQ(address(row_str_at), self->run->rip);
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_NE(KEV_EXIT_DEBUG, self->run->kind);
	EXPECT_LT(address(row_str_at), self->run->rip);
}

/* RDTSC that exits tells the same time, in 32 bits a register. */
TEST_F(exits, tsc)
{
	uint64_t first, second;

	ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_RDTSC, 0, 0));
	ASSERT_EQ(0, start(self->vcpu, tsc));
	do {
		ASSERT_EQ(0, kt_run(self->vcpu));
	} while (self->run->kind == KEV_EXIT_INTERCEPT);
	KT_ASSERT_AT(self->run, KT_AT_END);
	EXPECT_EQ(0, (self->run->gpr[KEV_RBX] | self->run->gpr[KEV_RDI] |
		      self->run->gpr[KEV_RAX] | self->run->gpr[KEV_RDX]) >> 32);
	first = self->run->gpr[KEV_RDI] << 32 | self->run->gpr[KEV_RBX];
	second = self->run->gpr[KEV_RDX] << 32 | self->run->gpr[KEV_RAX];
	EXPECT_LT(0, first);
	EXPECT_LT(first, second);
	EXPECT_LT(second, kt_rdtsc());
	EXPECT_EQ(0, self->run->gpr[KEV_RSI]);
}

/*
 * The CPU finds #NP on the way to the handler of #GP, as user space has asked to see: kev
 * has to make of it what the CPU does by itself.
 */
FIXTURE(delivery) {
	struct kt_guest guest;
	struct kev_run *run;
	int vm, vcpu;
};

FIXTURE_VARIANT(delivery) {
	bool reported;
};

FIXTURE_VARIANT_ADD(delivery, by_itself) { false };
FIXTURE_VARIANT_ADD(delivery, reported) { true };

FIXTURE_SETUP(delivery)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
	self->vm = self->guest.vm;
	if (variant->reported) {
		ASSERT_EQ(0, set_exits(self->vm, KEV_INTERCEPT_EXCEPTION, 0, 1 << NP));
	}
	ASSERT_EQ(0, close_gate(self->vm, GP));
	ASSERT_EQ(0, start(self->vcpu, double_fault));
}

FIXTURE_TEARDOWN(delivery)
{
	kt_guest_fini(&self->guest);
}

/* #NP is reported, with the vector that was on its way. */
#define EXPECT_ON_THE_WAY(vector)					\
do {									\
	if (!variant->reported)						\
		break;							\
	ASSERT_EQ(0, kt_run(self->vcpu));				\
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);			\
	EXPECT_EQ(NP, self->run->intr_info & 0xff);			\
	EXPECT_TRUE(self->run->flags & KEV_RUN_EVENT_DELIVERY);		\
	EXPECT_EQ(vector, self->run->idt_vectoring_info & 0xff);	\
} while (0)

TEST_F(delivery, double_fault)
{
	EXPECT_ON_THE_WAY(GP);
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_EXPECT_HANDLER(self->run, DF, 0, address(double_fault_at));
}

TEST_F(delivery, triple_fault)
{
	ASSERT_EQ(0, close_gate(self->vm, DF));
	EXPECT_ON_THE_WAY(GP);
	EXPECT_ON_THE_WAY(DF);
	ASSERT_EQ(0, kt_run(self->vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, self->run->kind);
}

/* An interrupt on its way is benign. */
TEST_F(delivery, interrupt)
{
	struct kev_vcpu_state state = { 0 };

	ASSERT_EQ(0, close_gate(self->vm, 0x80));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
	state.gprs.gpr[KEV_R15] = address(sleeps);
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	ASSERT_EQ(0, kt_interrupt(self->vcpu, 0x80));
	EXPECT_ON_THE_WAY(0x80);
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_EXPECT_HANDLER(self->run, NP, 0x80 * 8 + 3, address(sleeps_at));
}

static int set_event(int vcpu, uint32_t event)
{
	struct kev_vcpu_state state = { 0 };
	int ret = kt_get_state(vcpu, KEV_STATE_INTERRUPTS, &state);

	state.interrupts.event = event;
	return ret ? ret : kt_set_state(vcpu, KEV_STATE_INTERRUPTS, &state);
}

/* What SET_STATE makes of the event counts as INJECT does. */
TEST_F(exits, event_set_and_continued)
{
	ASSERT_EQ(0, run_to_gp(self->vm, self->vcpu));
	ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
	ASSERT_EQ(0, set_event(self->vcpu, 0x80000300 | UD));
	self->run->intercept.answer = KEV_INTERCEPT_CONTINUE;
	EXPECT_EQ(-EINVAL, kt_run(self->vcpu));
	EXPECT_EQ(0x80000300 | UD, event_of(self->vcpu));
	/* Without it the #GP goes its way, which user space does not want to see again. */
	ASSERT_EQ(0, set_event(self->vcpu, 0));
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_HANDLER);
	EXPECT_EQ(GP, self->run->gpr[KT_TRAP_VECTOR]);
}

/*
 * HLT that does not exit: an interrupt, an NMI or an exception ends it. In the emulator an
 * interrupt of the host does too.
 */
TEST_F(exits, hlt_passes)
{
	static const struct kev_vcpu_inject events[] = {
		{ .size = sizeof(*events), .type = KEV_INJECT_INTERRUPT, .vector = 0x40 },
		{ .size = sizeof(*events), .type = KEV_INJECT_NMI, .vector = 2 },
		{ .size = sizeof(*events), .type = KEV_INJECT_EXCEPTION, .vector = UD },
	};
	struct kt_runner runner;

	/* Where an NMI is delivered its IRET has to come too: see inject.c. */
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, set_exits(self->vm, 0, KEV_INTERCEPT_HLT, 0));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		ASSERT_EQ(0, start(self->vcpu, sleeps));
		ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
		if (events[i].type == KEV_INJECT_EXCEPTION) {
			ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
			ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_INJECT, &events[i]));
			ASSERT_EQ(0, kt_run(self->vcpu));
		} else {
			ASSERT_EQ(0, kt_ioctl(self->vcpu, KEV_VCPU_INJECT, &events[i]));
			ASSERT_EQ(0, kt_runner_join(&runner));
		}
		KT_ASSERT_AT(self->run, KT_AT_HANDLER);
		EXPECT_EQ(events[i].vector, self->run->gpr[KT_TRAP_VECTOR]);
		EXPECT_LE(address(sleeps_at), self->run->gpr[KT_TRAP_RIP]);
		EXPECT_GE(address(sleeps_at) + 1, self->run->gpr[KT_TRAP_RIP]);
		ASSERT_EQ(0, kt_run(self->vcpu));
		KT_ASSERT_AT(self->run, KT_AT_IRET);
		/* Behind the IRET it is in the HLT again. */
		ASSERT_EQ(0, kt_interrupt(self->vcpu, 0x41));
		ASSERT_EQ(0, kt_run(self->vcpu));
		KT_ASSERT_AT(self->run, KT_AT_HANDLER);
		EXPECT_EQ(0x41, self->run->gpr[KT_TRAP_VECTOR]);
		ASSERT_EQ(0, kt_run(self->vcpu));
		KT_ASSERT_AT(self->run, KT_AT_IRET);
		ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
	}
}

/* Set to go on elsewhere it does, and does not go on sleeping there. */
TEST_F(exits, hlt_passes_elsewhere)
{
	struct kev_vcpu_state state = { 0 };
	struct kt_runner runner;
	uint64_t entries;

	ASSERT_EQ(0, set_exits(self->vm, 0, KEV_INTERCEPT_HLT, 0));
	ASSERT_EQ(0, start(self->vcpu, sleeps));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, -1));
	do {
		kt_wait_entries(self->vcpu, kt_vcpu_stats(self->vcpu).entries);
		ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
		ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS, &state));
		ASSERT_EQ(0, kt_runner_start(&runner, self->vcpu, -1));
	} while (state.gprs.rip <= address(sleeps_at));
	ASSERT_EQ(-EINTR, kt_runner_kick(&runner));
	state.gprs.rip = address(row_cpuid);
	state.gprs.rflags = 2;
	ASSERT_EQ(0, kt_set_state(self->vcpu, KEV_STATE_GPRS, &state));
	entries = kt_vcpu_stats(self->vcpu).entries;
	ASSERT_EQ(0, kt_runner_start(&runner, self->vcpu, -1));
	while (!runner.returned && kt_vcpu_stats(self->vcpu).entries < entries + 100)
		sched_yield();
	/* It may have ended meanwhile: then this is for nobody. */
	kt_ioctl(self->vcpu, KEV_VCPU_KICK, NULL);
	EXPECT_EQ(0, kt_runner_join(&runner));
	KT_ASSERT_AT(self->run, KT_AT_END);
}

/* An interrupt of the host ends the wait; without ARAT its timer could stop meanwhile. */
TEST_F(exits, mwait_passes)
{
	int ret = host_has(ARAT) ? 0 : -EOPNOTSUPP;

	ASSERT_EQ(ret, set_exits(self->vm, 0, KEV_INTERCEPT_MWAIT, 0));
	if (ret)
		return;
	ASSERT_EQ(0, start(self->vcpu, mwaits));
	ASSERT_EQ(0, kt_run(self->vcpu));
	KT_ASSERT_AT(self->run, KT_AT_END);
	EXPECT_EQ(0, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_HARNESS_MAIN
