// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that kev looks at and the guest is to have: #AC and #DB, of its ring 3 too.
 * Guards that they reach the guest as on a CPU, that a #DB which a MOV SS puts off comes behind
 * an instruction that exits, and that one whose delivery raises the next one, without end, keeps
 * neither user space nor the host's interrupts from the CPU.
 */
#include "kselftest_harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include "traps.h"

#define DB		1
#define GP		13
#define AC		17

#define CR0_AM		0x40000ULL
#define CR4_PSE		0x10ULL
#define FLAGS_IOPL	0x3000ULL
#define FLAGS_RF	0x10000ULL
#define FLAGS_AC	0x40000ULL

#define DR6_RESET	0xffff0ff0ULL
#define DR7_RESET	0x400ULL
#define DR7_GD		0x2000ULL
#define DR7_WRITE4	0xd0001ULL	/* at DR0 */
#define DR7_WRITE8	0x90001ULL
#define DR7_ACCESS2	0x70001ULL
#define BS		(1ULL << 14)
#define PENDING_B0	0x1001ULL	/* of an enabled breakpoint */

/* What the guest has below its image, in RAM that nothing else uses */
#define TABLES		0x80000UL	/* of pages: four levels */
#define GDT		0x84000UL
#define TSS		0x85000UL
#define USER_STACK	0x90000UL
#define OWN_STACK	0x98000UL	/* of #DB, by its gate */

#define USER_CODE	0x1b
#define USER_DATA	0x23
#define USER_CODE32	0x2b

KT_TRAPS(guest,
	 "loads: mov %eax, %ebx\n loads_at: mov (%rdi), %eax\n" KT_SAY_END
	 "reads_dr: nop\n reads_dr_at: mov %dr7, %rax\n" KT_SAY_END
	 "writes_dr: nop\n writes_dr_at: mov %rax, %dr0\n" KT_SAY_END
	 "alias: nop\n alias_at: mov %rax, %dr6\n" KT_SAY_END
	 "stores: movl $1, (%rdi)\n stores_at: nop\n" KT_SAY_END
	 "steps: pushf\n orl $0x100, (%rsp)\n popf\n nop\n steps_at: nop\n" KT_SAY_END
	 "breaks: nop\n breaks_at: nop\n" KT_SAY_END
	 "ss_vmcall: mov (%rdi), %ss\n vmcall\n ss_vmcall_at: nop\n" KT_SAY_END
	 "ss_out: mov (%rdi), %ss\n " KT_SAY_START "ss_out_at: nop\n" KT_SAY_END
	 "ss_in: mov (%rdi), %ss\n in %dx, %eax\n ss_in_at: nop\n" KT_SAY_END
	 "ss_cpuid: mov (%rdi), %ss\n cpuid\n ss_cpuid_at: nop\n" KT_SAY_END
	 "ss_int: mov (%rdi), %ss\n int $0x40\n ss_int_at: nop\n" KT_SAY_END
	 /* 32-bit code */
	 "ac_for_ever: .byte 0x8b, 0x04, 0x24\n jmp .\n"	/* mov (%esp), %eax */
	 "db_for_ever: .byte 0xf1\n jmp .\n");

KT_LABEL(loads); KT_LABEL(loads_at); KT_LABEL(reads_dr); KT_LABEL(reads_dr_at);
KT_LABEL(writes_dr); KT_LABEL(writes_dr_at); KT_LABEL(alias); KT_LABEL(alias_at);
KT_LABEL(stores); KT_LABEL(stores_at); KT_LABEL(steps); KT_LABEL(steps_at); KT_LABEL(breaks);
KT_LABEL(breaks_at); KT_LABEL(ac_for_ever); KT_LABEL(db_for_ever); KT_LABEL(ss_vmcall);
KT_LABEL(ss_vmcall_at); KT_LABEL(ss_out); KT_LABEL(ss_out_at); KT_LABEL(ss_in); KT_LABEL(ss_in_at);
KT_LABEL(ss_cpuid); KT_LABEL(ss_cpuid_at); KT_LABEL(ss_int); KT_LABEL(ss_int_at);

static uint64_t address(const char *label)
{
	return kt_label(&guest, label);
}

FIXTURE(traps) {
	struct kt_guest guest;
	struct kev_vcpu_state state;
	struct kev_run *run;
	int vm, vcpu;
};

static int write_words(int vm, uint64_t gpa, const uint64_t *words, size_t nr)
{
	size_t size = nr * sizeof(*words);

	return kt_write_guest(vm, gpa, words, size) == (long)size ? 0 : -EIO;
}

/* The first 2 MiB, for ring 3 too: as four levels, and as the one level of 32-bit paging */
static int write_tables(int vm)
{
	const uint64_t table = 7, page = 0x87;
	const uint64_t levels[] = { TABLES + 0x1000 + table, TABLES + 0x2000 + table, page, page };
	/* Null, ring 0 code and data, ring 3 code and data, ring 3 code of 32 bits */
	const uint64_t gdt[] = {
		0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff,
		0x00cff3000000ffff, 0x00cffb000000ffff,
	};
	const uint32_t stacks[] = {
		0, KT_TRAPS_STACK, 0, 0, 0, 0, 0, 0, 0, OWN_STACK, 0,
	};
	int ret = 0;

	for (int i = 0; i < 4; i++)
		ret = ret ?: write_words(vm, TABLES + i * KT_PAGE, &levels[i], 1);
	ret = ret ?: write_words(vm, GDT, gdt, ARRAY_SIZE(gdt));
	if (!ret && kt_write_guest(vm, TSS, stacks, sizeof(stacks)) != sizeof(stacks))
		ret = -EIO;
	return ret;
}

FIXTURE_SETUP(traps)
{
	struct kev_segments *s = &self->state.segments;

	ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
	self->run = self->guest.run;
	self->vcpu = self->guest.vcpu;
	self->vm = self->guest.vm;
	ASSERT_EQ(0, write_tables(self->vm));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS | KEV_STATE_SEGMENTS |
				  KEV_STATE_CONTROLS | KEV_STATE_DEBUG, &self->state));
	self->state.controls.cr3 = TABLES;
	s->gdt = (struct kev_table) { .base = GDT, .limit = 6 * 8 - 1 };
	s->idt = (struct kev_table) { .base = KT_TRAPS_IDT, .limit = 0xfff };
	s->tr = (struct kev_segment) { .base = TSS, .limit = 0x67, .access = KEV_SEG_P | 0xb };
	self->state.gprs.gpr[KEV_RSP] = KT_TRAPS_STACK - 0x1000;
}

FIXTURE_TEARDOWN(traps)
{
	kt_guest_fini(&self->guest);
}

static void enter_ring3(struct kev_vcpu_state *state)
{
	struct kev_segments *s = &state->segments;
	const struct kev_segment data = {
		.limit = 0xffffffff, .selector = USER_DATA,
		.access = KEV_SEG_G | KEV_SEG_DB | KEV_SEG_P | KEV_SEG_DPL | KEV_SEG_S | 3,
	};

	s->cs.selector = USER_CODE;
	s->cs.access |= KEV_SEG_DPL;
	s->ss = data;
	s->ds = data;
	s->es = data;
	s->fs = data;
	s->gs = data;
	/* It says where it is by OUTs. */
	state->gprs.rflags |= FLAGS_IOPL;
	state->gprs.gpr[KEV_RSP] = USER_STACK;
}

static int set_state(FIXTURE_DATA(traps) *self)
{
	return kt_set_state(self->vcpu, self->state.groups, &self->state);
}

static int report_exceptions(int vm, uint32_t vectors)
{
	const struct kev_set_exits args = {
		.size = sizeof(args), .report = KEV_INTERCEPT_EXCEPTION, .exceptions = vectors,
	};

	return kt_ioctl(vm, KEV_VM_SET_EXITS, &args);
}

/* The frame of what the handler has: RIP, CS, RFLAGS, RSP, SS */
static int read_frame(FIXTURE_DATA(traps) *self, uint64_t frame[5])
{
	size_t size = 5 * sizeof(*frame);
	long ret = kt_read_guest(self->vm, self->run->gpr[KEV_RSP], frame, size);

	return ret == (long)size ? 0 : -EIO;
}

/* Alignment counts in ring 3, with CR0.AM and RFLAGS.AC, and nowhere else. */
TEST_F(traps, alignment)
{
	static const struct {
		const char *name;
		bool ring3, am, ac, reported;
		uint64_t at;
		bool faults;
	} cases[] = {
		{ "misaligned", true, true, true, false, USER_STACK + 2, true },
		{ "reported first", true, true, true, true, USER_STACK + 1, true },
		{ "aligned", true, true, true, false, USER_STACK + 4, false },
		{ "no CR0.AM", true, false, true, false, USER_STACK + 2, false },
		{ "no RFLAGS.AC", true, true, false, false, USER_STACK + 2, false },
		{ "ring 0", false, true, true, false, USER_STACK + 2, false },
	};
	const struct kev_vcpu_state begin = self->state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_state *state = &self->state;
		uint64_t frame[5];

		*state = begin;
		if (cases[i].ring3)
			enter_ring3(state);
		state->controls.cr0 &= ~CR0_AM;
		if (cases[i].am)
			state->controls.cr0 |= CR0_AM;
		if (cases[i].ac)
			state->gprs.rflags |= FLAGS_AC;
		state->gprs.rip = address(loads);
		state->gprs.gpr[KEV_RDI] = cases[i].at;
		/* What is reported is decided before the first RUN. */
		if (cases[i].reported) {
			kt_guest_fini(&self->guest);
			ASSERT_EQ(0, kt_guest_init(&self->guest, &guest, 0, NULL));
			self->run = self->guest.run;
			self->vcpu = self->guest.vcpu;
			self->vm = self->guest.vm;
			ASSERT_EQ(0, write_tables(self->vm));
			ASSERT_EQ(0, report_exceptions(self->vm, 1 << AC));
		}
		ASSERT_EQ(0, set_state(self)) {
			TH_LOG("%s: %s", cases[i].name, state->problem);
		}
		ASSERT_EQ(0, kt_run(self->vcpu));
		if (cases[i].reported) {
			ASSERT_EQ(KEV_EXIT_INTERCEPT, self->run->kind);
			EXPECT_EQ(AC, self->run->intr_info & 0xff);
			EXPECT_EQ(0, self->run->intr_error);
			EXPECT_EQ(address(loads_at), self->run->rip);
			ASSERT_EQ(0, kt_run(self->vcpu));
		}
		if (!cases[i].faults) {
			KT_ASSERT_AT(self->run, KT_AT_END);
			continue;
		}
		KT_EXPECT_HANDLER(self->run, AC, 0, address(loads_at));
		ASSERT_EQ(0, read_frame(self, frame));
		EXPECT_EQ(USER_CODE, frame[1]);
		EXPECT_EQ(FLAGS_AC | FLAGS_RF, frame[2] & (FLAGS_AC | FLAGS_RF));
		EXPECT_EQ(USER_STACK, frame[3]);
		EXPECT_EQ(USER_DATA, frame[4]);
	}
}

/* Ring 3 has no debug registers, however the guest has set them. */
TEST_F(traps, debug_registers_of_ring3)
{
	static const struct {
		const char *name, *guest, *at;
		uint64_t dr7;
	} cases[] = {
		{ "read", reads_dr, reads_dr_at, DR7_RESET },
		{ "write", writes_dr, writes_dr_at, DR7_RESET },
		{ "write of DR6", alias, alias_at, DR7_RESET },
		{ "read with GD", reads_dr, reads_dr_at, DR7_RESET | DR7_GD },
	};

	enter_ring3(&self->state);
	self->state.gprs.gpr[KEV_RAX] = 0x1234;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_state after = { 0 };

		self->state.gprs.rip = address(cases[i].guest);
		self->state.controls.dr7 = cases[i].dr7;
		ASSERT_EQ(0, set_state(self));
		KT_RUN_TO_HANDLER(self, GP, 0, address(cases[i].at));
		ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_DEBUG | KEV_STATE_CONTROLS,
					  &after));
		EXPECT_EQ(0, after.debug.dr[0]);
		EXPECT_EQ(DR6_RESET, after.debug.dr6);
		EXPECT_EQ(cases[i].dr7, after.controls.dr7) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* The guest's ring 3 is debugged by the guest. */
TEST_F(traps, debug_of_ring3)
{
	static const struct {
		const char *name, *guest, *at;
		uint64_t dr0, dr7, dr6;
	} cases[] = {
		{ "step", steps, steps_at, 0, DR7_RESET, DR6_RESET | BS },
		{ "write", stores, stores_at, USER_STACK + 8, DR7_RESET | DR7_WRITE4,
		  DR6_RESET | 1 },
		{ "execution", breaks, breaks_at, 0, DR7_RESET | 1, DR6_RESET | 1 },
	};

	enter_ring3(&self->state);
	self->state.gprs.gpr[KEV_RDI] = USER_STACK + 8;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kev_vcpu_state after = { 0 };
		uint64_t frame[5];

		self->state.gprs.rip = address(cases[i].guest);
		self->state.controls.dr7 = cases[i].dr7;
		self->state.debug.dr[0] = cases[i].dr0 ?: address(cases[i].at);
		ASSERT_EQ(0, set_state(self));
		KT_RUN_TO_HANDLER(self, DB, -1, address(cases[i].at));
		ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_DEBUG, &after));
		EXPECT_EQ(cases[i].dr6, after.debug.dr6);
		ASSERT_EQ(0, read_frame(self, frame));
		EXPECT_EQ(USER_CODE, frame[1]);
		/* It is on the handler to set it behind a breakpoint on an instruction. */
		EXPECT_EQ(0, frame[2] & FLAGS_RF) {
			TH_LOG("%s", cases[i].name);
		}
	}
}

/* ---- put off by MOV SS: CVE-2018-8897, CVE-2018-1087 ---- */

#define OPERAND		(USER_STACK + 0x100)
#define KERNEL_CODE	0x08
#define KERNEL_DATA	0x10
#define INT_VECTOR	0x40

/*
 * MOV SS meets a breakpoint on its operand. The #DB is a trap that waits until the next
 * instruction is over: SDM Vol. 3, "Masking Exceptions and Interrupts When Switching Stacks".
 */
static int set_mov_ss(FIXTURE_DATA(traps) *self, const char *label, bool ring3)
{
	const uint16_t selector = ring3 ? USER_DATA : KERNEL_DATA;
	struct kev_vcpu_state *state = &self->state;

	if (ring3)
		enter_ring3(state);
	state->gprs.rip = address(label);
	state->gprs.gpr[KEV_RDI] = OPERAND;
	state->gprs.gpr[KEV_RAX] = 0x77;
	state->debug.dr[0] = OPERAND;
	state->controls.dr7 = DR7_RESET | DR7_ACCESS2;
	/* INT n of ring 3 needs a gate that lets it. */
	if (kt_write_guest(self->vm, OPERAND, &selector, sizeof(selector)) != sizeof(selector) ||
	    kt_write_guest(self->vm, KT_TRAPS_IDT + INT_VECTOR * 16 + 5, "\xee", 1) != 1)
		return -EIO;
	return set_state(self);
}

static void expect_put_off(struct __test_metadata *_metadata, FIXTURE_DATA(traps) *self,
			   const char *at)
{
	struct kev_vcpu_state after = { 0 };

	KT_RUN_TO_HANDLER(self, DB, -1, address(at));
	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_DEBUG | KEV_STATE_INTERRUPTS, &after));
	EXPECT_EQ(DR6_RESET | 1, after.debug.dr6);
	EXPECT_EQ(0, after.interrupts.pending_debug);
	KT_RUN_TO(self, KT_AT_IRET);
	KT_RUN_TO(self, KT_AT_END);
	/* Once */
	EXPECT_EQ(1, self->run->gpr[KT_TRAP_COUNT]);
}

TEST_F(traps, debug_put_off_by_mov_ss)
{
	static const struct {
		const char *name, *guest, *at;
		uint32_t kind;		/* of its report */
		bool ring3;
	} cases[] = {
		{ "VMCALL", ss_vmcall, ss_vmcall_at, KEV_EXIT_HYPERCALL, false },
		{ "OUT", ss_out, ss_out_at, KEV_EXIT_IO, false },
		{ "OUT of ring 3", ss_out, ss_out_at, KEV_EXIT_IO, true },
		{ "IN", ss_in, ss_in_at, KEV_EXIT_IO, false },
		{ "IN of ring 3", ss_in, ss_in_at, KEV_EXIT_IO, true },
		{ "CPUID", ss_cpuid, ss_cpuid_at, KEV_EXIT_NONE, false },
		{ "CPUID of ring 3", ss_cpuid, ss_cpuid_at, KEV_EXIT_NONE, true },
	};
	const struct kev_vcpu_state begin = self->state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		bool set_again = i >= ARRAY_SIZE(cases);
		const typeof(cases[0]) *c = &cases[i % ARRAY_SIZE(cases)];
		struct kev_vcpu_state state = { 0 };

		TH_LOG("%s%s", c->name, set_again ? ", set again" : "");
		self->state = begin;
		self->state.gprs.gpr[KT_TRAP_COUNT] = 0;
		ASSERT_EQ(0, set_mov_ss(self, c->guest, c->ring3)) {
			TH_LOG("%s", self->state.problem);
		}
		if (c->kind != KEV_EXIT_NONE) {
			ASSERT_EQ(0, kt_run(self->vcpu));
			ASSERT_EQ(c->kind, self->run->kind);
			ASSERT_EQ(0, kt_get_state(self->vcpu, KT_STATE_REGISTERS, &state));
			EXPECT_EQ(KEV_BLOCKED_BY_MOV_SS, state.interrupts.interruptibility);
			EXPECT_EQ(PENDING_B0, state.interrupts.pending_debug);
			/* What an exit leaves can be entered with: all but what would cancel it */
			if (set_again)
				ASSERT_EQ(0, kt_set_state(self->vcpu, KT_STATE_REGISTERS &
							  ~KEV_STATE_GPRS, &state)) {
					TH_LOG("%s", state.problem);
				}
		}
		expect_put_off(_metadata, self, c->at);
	}
}

/*
 * No exit lies between MOV SS and INT n: the CPU delivers both, and the #DB comes at the first
 * instruction of the other handler, in ring 0 also if ring 3 has asked for it. Bochs 2.7 forgets
 * what is put off when it delivers an event; then the guest goes on as if nothing had been.
 */
TEST_F(traps, debug_put_off_by_mov_ss_and_int)
{
	const struct kev_vcpu_state begin = self->state;

	for (int ring3 = 0; ring3 < 2; ring3++) {
		uint64_t frame[5];

		self->state = begin;
		ASSERT_EQ(0, set_mov_ss(self, ss_int, ring3));
		ASSERT_EQ(0, kt_run(self->vcpu));
		KT_ASSERT_AT(self->run, KT_AT_HANDLER);
		if (self->run->gpr[KT_TRAP_VECTOR] == DB) {
			KT_EXPECT_HANDLER(self->run, DB, -1, KT_TRAPS_STUBS + INT_VECTOR * 16);
			ASSERT_EQ(0, read_frame(self, frame));
			EXPECT_EQ(KERNEL_CODE, frame[1]);
			KT_RUN_TO(self, KT_AT_IRET);
			ASSERT_EQ(0, kt_run(self->vcpu));
		} else {
			TH_LOG("the CPU has forgotten the #DB");
		}
		KT_EXPECT_HANDLER(self->run, INT_VECTOR, -1, address(ss_int_at));
		KT_RUN_TO(self, KT_AT_IRET);
		KT_RUN_TO(self, KT_AT_END);
	}
}

/* ---- without end: CVE-2015-5307, CVE-2015-8104 ---- */

/*
 * 32-bit code of ring 3 whose gate for #AC leads to ring 3: the frame goes onto the same
 * stack, which is not aligned.
 */
static int ac_without_end(FIXTURE_DATA(traps) *self)
{
	const uint64_t gate = 0x00108e00002b2000ULL;
	struct kev_vcpu_state *state = &self->state;

	enter_ring3(state);
	state->segments.cs.selector = USER_CODE32;
	state->segments.cs.access &= ~KEV_SEG_L;
	state->segments.cs.access |= KEV_SEG_DB;
	state->controls.cr3 = TABLES + 3 * KT_PAGE;
	state->controls.cr4 = CR4_PSE;
	state->controls.efer = 0;
	state->controls.cr0 |= CR0_AM;
	state->gprs.rflags |= FLAGS_AC;
	state->gprs.rip = address(ac_for_ever);
	state->gprs.gpr[KEV_RSP] = USER_STACK + 1;
	return write_words(self->vm, KT_TRAPS_IDT + AC * 8, &gate, 1) ?: set_state(self);
}

/* The frame of #DB, always at the same place, meets the breakpoint that is there. */
static int db_without_end(FIXTURE_DATA(traps) *self)
{
	struct kev_vcpu_state *state = &self->state;

	state->gprs.rip = address(db_for_ever);
	state->debug.dr[0] = OWN_STACK - 8;
	state->controls.dr7 = DR7_RESET | DR7_WRITE8;
	if (kt_write_guest(self->vm, KT_TRAPS_IDT + DB * 16 + 4, "\1", 1) != 1)
		return -EIO;
	return set_state(self);
}

/* A thread in RUN that a timer on its CPU interrupts */
struct timed {
	pthread_t thread;
	int vcpu, cpu;
	bool done;
	long ret;
};

static void *run_timed(void *arg)
{
	const struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, never = { 0 };
	struct timed *timed = arg;
	sigset_t alarm;

	kt_pin(timed->cpu);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	timed->ret = kt_run(timed->vcpu);
	setitimer(ITIMER_REAL, &never, NULL);
	__atomic_store_n(&timed->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* More exits than a guest makes until a timer of the host comes */
#define STUCK	50000

/* The guest, at @rip, does nothing but have this exception delivered. */
static void check_endless(struct __test_metadata *_metadata, FIXTURE_DATA(traps) *self,
			  int vector, uint64_t rip)
{
	struct timed timed = { .vcpu = self->vcpu, .cpu = kt_nr_cpus() - 1 };
	struct kt_runner runner;
	bool stuck = false;
	uint64_t begin;
	sigset_t alarm;

	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_runner_enter(&runner, self->vcpu, timed.cpu));
	kt_wait_entries(self->vcpu, kt_vcpu_stats(self->vcpu).entries + 1000);
	EXPECT_EQ(-EINTR, kt_runner_kick(&runner));

	ASSERT_EQ(0, kt_ignore_signal(SIGALRM));
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	ASSERT_EQ(0, pthread_sigmask(SIG_BLOCK, &alarm, NULL));
	begin = kt_vcpu_stats(self->vcpu).entries;
	ASSERT_EQ(0, pthread_create(&timed.thread, NULL, run_timed, &timed));
	while (!stuck && !__atomic_load_n(&timed.done, __ATOMIC_ACQUIRE)) {
		sched_yield();
		stuck = kt_vcpu_stats(self->vcpu).entries - begin > STUCK;
	}
	if (stuck)
		kt_ioctl(self->vcpu, KEV_VCPU_KICK, NULL);
	ASSERT_EQ(0, pthread_join(timed.thread, NULL));
	EXPECT_FALSE(stuck);
	EXPECT_EQ(-EINTR, timed.ret);

	ASSERT_EQ(0, kt_get_state(self->vcpu, KEV_STATE_GPRS | KEV_STATE_INTERRUPTS,
				  &self->state));
	EXPECT_EQ(vector, self->state.interrupts.event & 0xff);
	EXPECT_EQ(rip, self->state.gprs.rip);
}

TEST_F(traps, alignment_without_end)
{
	ASSERT_EQ(0, ac_without_end(self)) {
		TH_LOG("%s", self->state.problem);
	}
	check_endless(_metadata, self, AC, address(ac_for_ever));
}

TEST_F(traps, debug_without_end)
{
	ASSERT_EQ(0, db_without_end(self)) {
		TH_LOG("%s", self->state.problem);
	}
	/* It has been delivered each time. */
	check_endless(_metadata, self, DB, KT_TRAPS_IDT + KT_PAGE + DB * 16);
}

TEST_HARNESS_MAIN
