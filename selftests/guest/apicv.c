// SPDX-License-Identifier: GPL-2.0
/*
 * A local APIC that the CPU serves, partly or not at all. Guards that the guest sees the
 * same whichever way it is: each guest below writes a log, and there is one right log. And
 * that the CPU does what it can: exits are counted.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define LOG		0x180000UL
#define LOG_MAX		64

/* By these OUTs the guest asks for an external interrupt, and says that it is done. */
#define PORT_EXTERNAL	0x81
#define PORT_END	0x82

/* An event in the log: vector, and where it came, in bytes from the start of the code */
#define EVENT		0x8000UL
#define GP		(EVENT | 13)
/* Vectors from here on come at any time: the log does not say where. */
#define VECTOR_TIMER	0xe1
/* From here on no local APIC has made them: no end of interrupt. */
#define VECTOR_EXTERNAL	0xf5

/*
 * R15 says which of the guests it is, RBX is the start of the log, R14 its end, R13 a
 * function that the next handler calls, or 0, R12 the last deadline. The IDT and its stubs
 * have pages of their own, which nothing touches before the first event.
 */
KT_CODE(guest,
	".macro LOG\n mov %rax, (%r14)\n add $8, %r14\n .endm\n"
	".macro RD msr\n mov $\\msr, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n LOG\n .endm\n"
	".macro WR msr, value\n mov $\\msr, %ecx\n mov $\\value, %eax\n xor %edx, %edx\n"
	"wrmsr\n .endm\n"
	".macro CR8 value\n mov $\\value, %eax\n mov %rax, %cr8\n .endm\n"
	".macro IPI vector\n WR 0x83f, \\vector\n .endm\n"
	".macro HOOK function\n lea \\function(%rip), %r13\n .endm\n"
	".macro OPEN\n sti\n nop\n .endm\n"	/* interrupts come behind the NOP */
	".macro END\n out %al, $0x82\n jmp . - 2\n .endm\n"
	/* Not to be had: the log has #GP and the MSR. */
	".macro BAD_RD msr\n mov $\\msr, %ecx\n rdmsr\n mov $\\msr, %eax\n LOG\n .endm\n"
	".macro BAD_WR msr, value\n WR \\msr, \\value\n mov $\\msr, %eax\n LOG\n .endm\n"
	/* Until there are so many entries in the log, of which RBX is the start */
	".macro WAIT entries\n lea 8*\\entries(%rbx), %rax\n cmp %rax, %r14\n jb . - 3\n .endm\n"
	/* RAX and EDX:EAX: the TSC and that many ticks */
	".macro SOON ticks\n rdtsc\n shl $32, %rdx\n or %rdx, %rax\n add $\\ticks, %rax\n"
	"mov %rax, %rdx\n shr $32, %rdx\n .endm\n"
	".macro AT_TSC ticks\n SOON \\ticks\n mov %rax, %r12\n mov $0x6e0, %ecx\n wrmsr\n .endm\n"
	".macro DEADLINE ticks\n WR 0x832, 0x400e1\n AT_TSC \\ticks\n .endm\n"

	"lidt idtr(%rip)\n mov $0x1b, %ecx\n rdmsr\n or $0xc00, %eax\n wrmsr\n"
	"WR 0x80f, 0x1ff\n mov $0x180000, %ebx\n mov %ebx, %r14d\n xor %r13d, %r13d\n jmp *%r15\n"

	"tpr: CR8 5\n RD 0x808\n RD 0x80a\n WR 0x808, 0x37\n RD 0x808\n mov %cr8, %rax\n LOG\n"
	"RD 0x80a\n CR8 0\n RD 0x808\n END\n"

	"ipi: HOOK look\n IPI 0x41\n RD 0x822\n OPEN\n ipi_at: RD 0x822\n RD 0x812\n RD 0x80a\n END\n"
	"look: RD 0x812\n RD 0x822\n RD 0x80a\n ret\n"

	"order: IPI 0x31\n IPI 0x51\n IPI 0x41\n OPEN\n order_at: END\n"

	"nested: HOOK nested_hook\n OPEN\n IPI 0x41\n nested_at: END\n"
	"nested_hook: sti\n nop\n IPI 0x61\n nested_inner: IPI 0x35\n nop\n RD 0x812\n cli\n ret\n"

	"holds: CR8 6\n IPI 0x55\n IPI 0x65\n OPEN\n RD 0x822\n RD 0x823\n CR8 5\n"
	"holds_first: CR8 4\n holds_second: END\n"
	"holds_msr: WR 0x808, 0x6f\n IPI 0x55\n IPI 0x65\n OPEN\n RD 0x822\n RD 0x823\n"
	"WR 0x808, 0x5f\n holds_msr_first: WR 0x808, 0x4f\n holds_msr_second: END\n"
	/* The priority goes up while only RFLAGS.IF holds the interrupt. */
	"raised: IPI 0x55\n CR8 7\n OPEN\n nop\n LOG\n CR8 0\n raised_at: END\n"
	/* It is not the task priority that holds the interrupt. */
	"served: HOOK served_hook\n OPEN\n IPI 0x61\n served_at: END\n"
	"served_hook: sti\n nop\n CR8 3\n IPI 0x45\n CR8 0\n RD 0x822\n cli\n ret\n"
	"spins: CR8 8\n IPI 0x41\n OPEN\n mov $1000000, %ecx\n dec %ecx\n jnz . - 2\n"
	"mov $7, %eax\n LOG\n CR8 0\n spins_at: END\n"
	/* Host interrupts meanwhile are no occasion. */
	"masked: IPI 0x41\n mov $1000000, %ecx\n dec %ecx\n jnz . - 2\n mov $7, %eax\n LOG\n"
	"OPEN\n masked_at: END\n"

	"icr: WR 0x830, 0x40041\n RD 0x830\n OPEN\n icr_at: END\n"
	"external: IPI 0x41\n out %al, $0x81\n OPEN\n external_at: END\n"
	"errors: IPI 0x05\n WR 0x828, 0\n RD 0x828\n RD 0x820\n END\n"
	"gp: BAD_WR 0x808, 0x100\n BAD_WR 0x80b, 1\n BAD_WR 0x83f, 0x100\n BAD_WR 0x80a, 0\n"
	"BAD_WR 0x810, 0\n BAD_RD 0x80b\n BAD_RD 0x83f\n BAD_RD 0x80e\n BAD_RD 0x831\n"
	"BAD_RD 0x804\n BAD_RD 0x8ff\n RD 0x802\n RD 0x80d\n RD 0x80f\n RD 0x83e\n RD 0x838\n"
	"RD 0x839\n RD 0x832\n END\n"
	/* Software has disabled the APIC: it takes nothing. */
	"disabled: WR 0x80f, 0xff\n IPI 0x41\n OPEN\n RD 0x822\n WR 0x80f, 0x1ff\n RD 0x822\n"
	"IPI 0x42\n disabled_at: RD 0x80f\n END\n"
	"off: mov $0x1b, %ecx\n rdmsr\n and $~0xc00, %eax\n wrmsr\n BAD_RD 0x808\n CR8 3\n"
	"mov %cr8, %rax\n LOG\n mov $0x1b, %ecx\n rdmsr\n or $0x800, %eax\n wrmsr\n"
	"BAD_RD 0x808\n mov $0x1b, %ecx\n rdmsr\n or $0x400, %eax\n wrmsr\n RD 0x808\n"
	"WR 0x80f, 0x1ff\n OPEN\n IPI 0x41\n off_at: END\n"

	"deadline: HOOK not_early\n DEADLINE 30000\n sti\n WAIT 2\n RD 0x6e0\n END\n"
	"not_early: SOON 0\n cmp %r12, %rax\n setae %al\n movzx %al, %eax\n LOG\n ret\n"
	"past: WR 0x832, 0x400e1\n OPEN\n WR 0x6e0, 1\n nop\n RD 0x6e0\n END\n"
	"late: DEADLINE 1000\n mov $100000, %ecx\n dec %ecx\n jnz . - 2\n mov $7, %eax\n LOG\n"
	"OPEN\n RD 0x6e0\n END\n"
	"cancelled: DEADLINE 30000\n WR 0x6e0, 0\n OPEN\n mov $200000, %ecx\n dec %ecx\n"
	"jnz . - 2\n mov $7, %eax\n LOG\n END\n"
	"moved: HOOK not_early\n DEADLINE 100000000\n AT_TSC 20000\n sti\n WAIT 2\n END\n"
	"halted: DEADLINE 30000\n sti\n hlt\n RD 0x6e0\n END\n"
	"once: WR 0x83e, 0xb\n WR 0x832, 0xe1\n OPEN\n WR 0x838, 20000\n WAIT 1\n RD 0x839\n END\n"
	"again: WR 0x83e, 0xb\n WR 0x832, 0x200e1\n OPEN\n WR 0x838, 500000\n WAIT 3\n"
	"cli\n WR 0x838, 0\n lea 24(%rbx), %r14\n END\n"	/* there may be more of them */

	/* One of its registers is the VM's policy's. */
	"withheld: BAD_RD 0x80a\n WR 0x808, 0x37\n RD 0x808\n IPI 0x41\n OPEN\n"
	"withheld_at: mov %cr8, %rax\n LOG\n END\n"

	/* For the counts: nothing in the log */
	"many_tpr: mov $1000, %ebp\n 1: CR8 5\n CR8 0\n mov %cr8, %rax\n dec %ebp\n jnz 1b\n END\n"
	"many_msr: mov $1000, %ebp\n 1: WR 0x808, 5\n mov $0x808, %ecx\n rdmsr\n dec %ebp\n"
	"jnz 1b\n END\n"
	"many_ipi: OPEN\n mov $1000, %ebp\n 1: mov %ebx, %r14d\n IPI 0x41\n nop\n dec %ebp\n"
	"jnz 1b\n END\n"
	"many_deadlines: sti\n mov $100, %ebp\n 1: mov %ebx, %r14d\n DEADLINE 20000\n"
	"WAIT 1\n dec %ebp\n jnz 1b\n END\n"

	"event: lea guest_start(%rip), %rdx\n sub %rdx, %rax\n shl $16, %rax\n"
	"cmp $0xe0, %ecx\n jae 1f\n cmp $13, %ecx\n jne 2f\n 1: xor %eax, %eax\n"
	"2: or $0x8000, %eax\n or %rcx, %rax\n LOG\n ret\n"
	"handler: push %rax\n push %rcx\n push %rdx\n mov 24(%rsp), %rcx\n"
	"mov 32(%rsp), %rax\n call event\n cmpl $13, 24(%rsp)\n je fault\n"
	"test %r13, %r13\n jz 1f\n mov %r13, %rax\n xor %r13d, %r13d\n call *%rax\n"
	"1: cmpl $0xf0, 24(%rsp)\n jae 1f\n WR 0x80b, 0\n"
	"1: pop %rdx\n pop %rcx\n pop %rax\n add $8, %rsp\n iretq\n"
	/* RDMSR and WRMSR are two bytes. */
	"fault: addq $2, 40(%rsp)\n pop %rdx\n pop %rcx\n pop %rax\n add $16, %rsp\n iretq\n"
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

LABEL(tpr); LABEL(ipi); LABEL(ipi_at); LABEL(order); LABEL(order_at); LABEL(nested);
LABEL(nested_at); LABEL(nested_inner); LABEL(holds); LABEL(holds_first); LABEL(holds_second);
LABEL(holds_msr); LABEL(holds_msr_first); LABEL(holds_msr_second); LABEL(raised);
LABEL(raised_at); LABEL(served); LABEL(served_at); LABEL(spins); LABEL(spins_at);
LABEL(masked); LABEL(masked_at); LABEL(icr); LABEL(icr_at); LABEL(external);
LABEL(external_at); LABEL(errors); LABEL(gp); LABEL(disabled); LABEL(disabled_at); LABEL(off);
LABEL(off_at); LABEL(deadline); LABEL(past); LABEL(late); LABEL(cancelled); LABEL(moved);
LABEL(halted); LABEL(once); LABEL(again); LABEL(many_tpr); LABEL(many_msr); LABEL(many_ipi);
LABEL(many_deadlines); LABEL(withheld); LABEL(withheld_at);

/* What is to be in the log: a value, or an event at a label */
struct entry {
	uint64_t value;
	const char *at;
};

#define VALUE(v)	{ .value = (v) }
#define AT(label, v)	{ .value = EVENT | (v), .at = (label) }
#define TIMER		{ .value = EVENT | VECTOR_TIMER }

struct scenario {
	const char *name;
	const char *start;
	struct entry log[24];
	size_t length;
};

#define SCENARIO(label, ...)							\
	{ .name = #label, .start = label, .log = { __VA_ARGS__ },		\
	  .length = sizeof((struct entry[]){ __VA_ARGS__ }) / sizeof(struct entry) }

#define NO(msr)		VALUE(GP), VALUE(msr)

static const struct scenario interrupts[] = {
	SCENARIO(tpr, VALUE(0x50), VALUE(0x50), VALUE(0x37), VALUE(3), VALUE(0x37), VALUE(0)),
	SCENARIO(ipi, VALUE(2), AT(ipi_at, 0x41), VALUE(2), VALUE(0), VALUE(0x40),
		 VALUE(0), VALUE(0), VALUE(0)),
	SCENARIO(order, AT(order_at, 0x51), AT(order_at, 0x41), AT(order_at, 0x31)),
	SCENARIO(nested, AT(nested_at, 0x41), AT(nested_inner, 0x61), VALUE(2),
		 AT(nested_at, 0x35)),
	SCENARIO(holds, VALUE(1 << 21), VALUE(1 << 5), AT(holds_first, 0x65),
		 AT(holds_second, 0x55)),
	SCENARIO(holds_msr, VALUE(1 << 21), VALUE(1 << 5), AT(holds_msr_first, 0x65),
		 AT(holds_msr_second, 0x55)),
	SCENARIO(raised, VALUE(7), AT(raised_at, 0x55)),
	SCENARIO(served, AT(served_at, 0x61), VALUE(1 << 5), AT(served_at, 0x45)),
	SCENARIO(spins, VALUE(7), AT(spins_at, 0x41)),
	SCENARIO(masked, VALUE(7), AT(masked_at, 0x41)),
	SCENARIO(icr, VALUE(0x40041), AT(icr_at, 0x41)),
	SCENARIO(external, VALUE(EVENT | VECTOR_EXTERNAL), AT(external_at, 0x41)),
	SCENARIO(errors, VALUE(0x20), VALUE(0)),
	SCENARIO(gp, NO(0x808), NO(0x80b), NO(0x83f), NO(0x80a), NO(0x810), NO(0x80b), NO(0x83f),
		 NO(0x80e), NO(0x831), NO(0x804), NO(0x8ff)),
	SCENARIO(disabled, VALUE(0), VALUE(0), AT(disabled_at, 0x42), VALUE(0x1ff)),
	SCENARIO(off, NO(0x808), VALUE(3), NO(0x808), VALUE(0x30), AT(off_at, 0x41)),
};

/* Behind the #GPs: id, LDR, SVR, divide, counts and the timer's entry */
static const uint64_t after_gp[] = { 0, 1, 0x1ff, 0, 0, 0, 1 << 16 };

static const struct scenario timers[] = {
	SCENARIO(deadline, TIMER, VALUE(1), VALUE(0)),
	SCENARIO(past, TIMER, VALUE(0)),
	SCENARIO(late, VALUE(7), TIMER, VALUE(0)),
	SCENARIO(cancelled, VALUE(7)),
	SCENARIO(moved, TIMER, VALUE(1)),
	SCENARIO(halted, TIMER, VALUE(0)),
	SCENARIO(once, TIMER, VALUE(0)),
	SCENARIO(again, TIMER, TIMER, TIMER),
};

static const struct scenario policy =
	SCENARIO(withheld, NO(0x80a), VALUE(0x37), AT(withheld_at, 0x41), VALUE(3));

static uint64_t address(const char *label)
{
	return KT_CODE_GPA + (label - guest.start);
}

static uint64_t expected(const struct entry *entry)
{
	return entry->at ? (uint64_t)(entry->at - guest.start) << 16 | entry->value : entry->value;
}

static int reload_module(const char *const options[3])
{
	const char *argv[6] = { "insmod", "/kev.ko" };
	int ret = kt_unload_module("kev");

	for (int i = 0; i < 3; i++)
		argv[2 + i] = options[i];
	return ret ? ret : kt_command(argv);
}

FIXTURE(apicv) {
	struct kt_guest guest;
	uint64_t features;
	bool withheld;		/* a policy speaks of one of the MSRs */
	uint64_t log[LOG_MAX];
	long length;
};

FIXTURE_VARIANT(apicv) {
	const char *options[3];
	bool no_shadow;
};

FIXTURE_VARIANT_ADD(apicv, all) { };
FIXTURE_VARIANT_ADD(apicv, no_delivery) { .options = { "apicv=0" } };
FIXTURE_VARIANT_ADD(apicv, nothing) {
	.options = { "apicv=0", "tpr_shadow=0", "preemption_timer=0" },
	.no_shadow = true,
};

FIXTURE_SETUP(apicv)
{
	struct kev_query query = { .size = sizeof(query) };
	int kev;

	ASSERT_EQ(0, reload_module(variant->options));
	kev = kt_open();
	ASSERT_LE(0, kev);
	ASSERT_EQ(0, kt_ioctl(kev, KEV_QUERY, &query));
	close(kev);
	self->features = query.features;
	self->guest = (struct kt_guest){ -1, -1, -1, NULL };
	if (variant->options[0]) {
		EXPECT_EQ(0, query.features & KEV_FEATURE_VIRTUAL_INTERRUPTS);
	}
}

FIXTURE_TEARDOWN(apicv)
{
	static const char *const none[3];

	kt_guest_fini(&self->guest);
	EXPECT_EQ(0, reload_module(none));
}

/* Run one of the guests to its end; what it has written is in self->log. */
static int run_one(FIXTURE_DATA(apicv) *self, const char *start)
{
	static const struct kev_msr_policy ppr = { 0x80a, 1, KEV_MSR_FAULT, 0, 0 };
	const struct kev_set_msrs args = {
		.size = sizeof(args), .nr = 1, .entries = (uintptr_t)&ppr,
	};
	struct kev_vcpu_state state = { 0 };
	int ret;

	kt_guest_fini(&self->guest);
	ret = kt_guest_init(&self->guest, &guest, 0, NULL);
	if (!ret && self->withheld)
		ret = kt_ioctl(self->guest.vm, KEV_VM_SET_MSRS, &args);
	ret = ret ?: kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &state);
	state.gprs.gpr[KEV_R15] = address(start);
	ret = ret ?: kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, &state);
	for (;;) {
		ret = ret ?: kt_run(self->guest.vcpu);
		if (ret || self->guest.run->kind != KEV_EXIT_IO)
			return ret ?: -EPROTO;
		if (self->guest.run->io.port == PORT_END)
			break;
		if (self->guest.run->io.port == PORT_EXTERNAL)
			ret = kt_interrupt(self->guest.vcpu, VECTOR_EXTERNAL);
	}
	self->length = (self->guest.run->gpr[KEV_R14] - LOG) / 8;
	if (self->length < 0 || self->length > LOG_MAX)
		return -EOVERFLOW;
	ret = kt_read_guest(self->guest.vm, LOG, self->log, sizeof(self->log));
	return ret == sizeof(self->log) ? 0 : -EIO;
}

static void check(struct __test_metadata *_metadata, FIXTURE_DATA(apicv) *self,
		  const struct scenario *s, size_t more)
{
	int ret = run_one(self, s->start);

	ASSERT_EQ(0, ret) {
		TH_LOG("%s: report %u", s->name, self->guest.run ? self->guest.run->kind : 0);
	}
	EXPECT_EQ(s->length + more, self->length) {
		TH_LOG("%s", s->name);
	}
	for (size_t i = 0; i < s->length; i++) {
		EXPECT_EQ(expected(&s->log[i]), self->log[i]) {
			TH_LOG("%s: entry %zu", s->name, i);
		}
	}
}

TEST_F(apicv, interrupts)
{
	for (size_t i = 0; i < ARRAY_SIZE(interrupts); i++) {
		const struct scenario *s = &interrupts[i];
		bool more = s->start == gp;

		check(_metadata, self, s, more ? ARRAY_SIZE(after_gp) : 0);
		if (more) {
			EXPECT_EQ(0, memcmp(after_gp, &self->log[s->length], sizeof(after_gp)));
		}
	}
}

TEST_F(apicv, timers)
{
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
		check(_metadata, self, &timers[i], 0);
}

/* Exits that no interrupt of the host's has made */
static long exits(FIXTURE_DATA(apicv) *self, const char *start)
{
	struct kev_vcpu_stats stats;
	int ret = run_one(self, start);

	if (ret)
		return ret;
	stats = kt_vcpu_stats(self->guest.vcpu);
	return stats.exits - stats.interrupt;
}

#define FEW		100
#define MANY		1000

TEST_F(apicv, exits)
{
	bool delivery = self->features & KEV_FEATURE_VIRTUAL_INTERRUPTS;
	long n;

	/* Every CPU with EPT has a TPR shadow. */
	n = exits(self, many_tpr);
	EXPECT_LE(0, n);
	EXPECT_EQ(variant->no_shadow, n >= 3 * MANY) {
		TH_LOG("%ld exits", n);
	}
	EXPECT_EQ(!variant->no_shadow, n < FEW);
	n = exits(self, many_msr);
	EXPECT_LE(0, n);
	EXPECT_EQ(variant->no_shadow, n >= 2 * MANY) {
		TH_LOG("%ld exits", n);
	}
	EXPECT_EQ(!variant->no_shadow, n < FEW);
	n = exits(self, many_ipi);
	EXPECT_LE(0, n);
	EXPECT_EQ(delivery, n < FEW) {
		TH_LOG("%ld exits", n);
	}
	EXPECT_EQ(!delivery, n >= 2 * MANY);
}

/* What the VM's policy says of an MSR holds, whoever would serve it; then kev serves all. */
TEST_F(apicv, policy)
{
	long n;

	self->withheld = true;
	check(_metadata, self, &policy, 0);
	n = exits(self, many_msr);
	EXPECT_LE(2 * MANY, n) {
		TH_LOG("%ld exits", n);
	}
}

/* With the preemption timer a deadline interrupts the guest by an exit of its own. */
TEST_F(apicv, deadlines)
{
	struct kev_vcpu_stats stats;

	ASSERT_EQ(0, run_one(self, many_deadlines));
	stats = kt_vcpu_stats(self->guest.vcpu);
	if (self->features & KEV_FEATURE_PREEMPTION_TIMER) {
		EXPECT_GT(50, stats.interrupt);
	} else {
		EXPECT_LE(100, stats.interrupt);
	}
}

TEST_HARNESS_MAIN
