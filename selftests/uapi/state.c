// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VCPU_GET_STATE and KEV_VCPU_SET_STATE. Guards that state goes out and in
 * unchanged, that a state which could hurt the host or which the CPU would not enter is
 * refused by its field's name, and that an entry which fails ends the VM and nothing else.
 */
#include "kselftest_harness.h"

#include <poll.h>

#include "kevtest.h"

FIXTURE(state) {
	struct kt_guest guest;
	struct kev_vcpu_state state;	/* at the start */
};

FIXTURE_SETUP(state)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &self->state));
}

FIXTURE_TEARDOWN(state)
{
	kt_guest_fini(&self->guest);
}

#define GROUP(name)	offsetof(struct kev_vcpu_state, name),			\
			sizeof(((struct kev_vcpu_state *)0)->name)

static const struct {
	uint32_t bit;
	size_t offset, size;
} groups[] = {
	{ KEV_STATE_GPRS, GROUP(gprs) },
	{ KEV_STATE_SEGMENTS, GROUP(segments) },
	{ KEV_STATE_CONTROLS, GROUP(controls) },
	{ KEV_STATE_MSRS, GROUP(msrs) },
	{ KEV_STATE_DEBUG, GROUP(debug) },
	{ KEV_STATE_INTERRUPTS, GROUP(interrupts) },
	{ KEV_STATE_TIME, GROUP(time) },
};

TEST_F(state, boot_state)
{
	const struct kev_vcpu_state *s = &self->state;

	EXPECT_EQ(KT_CODE_GPA, s->gprs.rip);
	EXPECT_EQ(2, s->gprs.rflags);
	EXPECT_EQ(0xa0000, s->gprs.gpr[KEV_RSP]);
	EXPECT_EQ(8, s->segments.cs.selector);
	EXPECT_EQ(KEV_SEG_L, s->segments.cs.access & (KEV_SEG_L | KEV_SEG_DB));
	EXPECT_EQ(0x1000, s->segments.gdt.base);
	EXPECT_EQ(23, s->segments.gdt.limit);
	EXPECT_EQ(0x80010033, s->controls.cr0);
	EXPECT_EQ(0x2000, s->controls.cr3);
	EXPECT_EQ(0x620, s->controls.cr4);
	EXPECT_EQ(0x500, s->controls.efer);
	EXPECT_EQ(1, s->controls.xcr0);
	EXPECT_EQ(0x400, s->controls.dr7);
	EXPECT_EQ(0x0007040600070406, s->msrs.pat);
	EXPECT_EQ(0xfee00900, s->msrs.apic_base);
}

TEST_F(state, get_set_get)
{
	struct kev_vcpu_state again;

	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &self->state));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &again));
	EXPECT_EQ(0, memcmp(&self->state, &again, sizeof(again)));
	/* It is a state that runs. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(0x1234, self->guest.run->exit_code);
}

TEST_F(state, bad_groups)
{
	const uint32_t bad[] = { 0, KEV_STATE_ALL + 1, KEV_STATE_GPRS | 0x800, 1U << 31, ~0U };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, kt_get_state(self->guest.vcpu, bad[i], &self->state)) {
			TH_LOG("get %#x", bad[i]);
		}
		EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, bad[i], &self->state)) {
			TH_LOG("set %#x", bad[i]);
		}
	}
}

/* A group that is not named comes back as it was sent. */
TEST_F(state, get_fills_only_its_groups)
{
	uint8_t dirt[sizeof(struct kev_vcpu_state)];
	struct kev_vcpu_state got;
	const uint8_t *bytes = (uint8_t *)&got;

	memset(dirt, 0xa5, sizeof(dirt));
	for (uint32_t wanted = 1; wanted <= KT_STATE_REGISTERS; wanted++) {
		if (wanted & ~KT_STATE_REGISTERS)
			continue;
		memcpy(&got, dirt, sizeof(got));
		got.reserved = 0;
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, wanted, &got));
		for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
			const uint8_t *want = wanted & groups[i].bit ?
					      (uint8_t *)&self->state + groups[i].offset :
					      dirt + groups[i].offset;

			EXPECT_EQ(0, memcmp(bytes + groups[i].offset, want, groups[i].size)) {
				TH_LOG("groups %#x, group %#x", wanted, groups[i].bit);
			}
		}
	}
}

/* What a group is not named for is neither looked at nor changed. */
TEST_F(state, set_takes_only_its_groups)
{
	struct kev_vcpu_state args, got = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		memset(&args, 0xff, sizeof(args));
		args.reserved = 0;
		memcpy((uint8_t *)&args + groups[i].offset,
		       (uint8_t *)&self->state + groups[i].offset, groups[i].size);
		EXPECT_EQ(0, kt_set_state(self->guest.vcpu, groups[i].bit, &args)) {
			TH_LOG("group %#x", groups[i].bit);
		}
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &got));
		EXPECT_EQ(0, memcmp(&self->state, &got, sizeof(got))) {
			TH_LOG("group %#x", groups[i].bit);
		}
	}
}

/* Different values in all fields, in no order that a shift by one would keep */
static void fill_segment(struct kev_segment *seg, unsigned int n, uint32_t access)
{
	*seg = (struct kev_segment) {
		.base = 0x11223300 + n * 0x1357,
		.limit = (0x1000 + n * 0x246) << 12 | 0xfff,
		.access = access | KEV_SEG_G,
		.selector = n * 8,
	};
}

static void fill_segments(struct kev_segments *s)
{
	fill_segment(&s->cs, 1, 0x209b);
	fill_segment(&s->ds, 2, 0x4093);
	fill_segment(&s->es, 3, 0x10f1);
	fill_segment(&s->fs, 4, 0x00f3);
	fill_segment(&s->gs, 5, 0x50ff);
	fill_segment(&s->ss, 6, 0x5097);
	fill_segment(&s->tr, 7, 0x008b);
	fill_segment(&s->ldtr, 8, 0x0082);
	s->fs.base = 0x7f0011223300;
	s->gs.base = 0xffff888011223300;
	s->tr.base = 0xffff888022334400;
	s->gdt = (struct kev_table) { .base = 0xffff888000001000, .limit = 0x127 };
	s->idt = (struct kev_table) { .base = 0xffff888000002000, .limit = 0xfff };
}

static void fill_state(struct kev_vcpu_state *s)
{
	memset(s, 0, sizeof(*s));
	for (int i = 0; i < KEV_NR_GPRS; i++)
		s->gprs.gpr[i] = 0x0123456789abcdef * (i + 1);
	s->gprs.rip = 0xffff800000001234;
	s->gprs.rflags = 0xcd7;
	fill_segments(&s->segments);
	s->controls = (struct kev_controls) {
		.cr0 = 0x8005003b,
		.cr2 = 0xdeadbeefcafef00d,
		.cr3 = 0x12345000,
		.cr4 = 0x6a0,
		.efer = 0xd01,
		.xcr0 = 1,
		.dr7 = 0x1d1327aa,
	};
	s->msrs = (struct kev_msrs) {
		.star = 0x0023001000000000,
		.lstar = 0xffffffff81000001,
		.cstar = 0xffffffff81000002,
		.sfmask = 0x257fd5,
		.kernel_gs_base = 0xffff888000003000,
		.tsc_aux = 0x89abcdef,
		.sysenter_cs = 0x10,
		.sysenter_esp = 0xfffffe0000001000,
		.sysenter_eip = 0xffffffff81000003,
		.pat = 0x0407050106000704,
		.apic_base = 0xfee00d00,
		.misc_enable = 0x850089,
	};
	s->debug = (struct kev_debug_registers) {
		.dr = { 0xffffffff81000004, 0x1111, ~0ULL, 0x0000800000000000 },
		.dr6 = 0xffffaff5,
	};
	s->interrupts = (struct kev_interrupts) {
		.event = 0x80000b0d,
		.event_error = 0x1238,
		.interruptibility = KEV_BLOCKED_BY_MOV_SS | KEV_BLOCKED_BY_NMI,
		.nmis = 2,
		.external = KEV_EXTERNAL_WAITS | 0xe7,
		.pending_debug = 0x1005,
	};
	s->time = (struct kev_time) {
		.tsc_offset = 0xfedcba9876543210,
		.tsc_adjust = 0x1122334455667788,
	};
}

TEST_F(state, all_fields_come_back)
{
	struct kev_vcpu_state set, got = { 0 };

	fill_state(&set);
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &set));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &got));
	for (size_t i = 0; i < sizeof(set) / sizeof(uint64_t); i++) {
		EXPECT_EQ(((uint64_t *)&set)[i], ((uint64_t *)&got)[i]) {
			TH_LOG("at offset %zu", i * sizeof(uint64_t));
		}
	}
}

/* Two vCPUs of two VMs do not see each other's state, whoever is on the CPU. */
TEST_F(state, two_vms_side_by_side)
{
	struct kev_vcpu_state set, first = { 0 }, second = { 0 };
	struct kt_guest other;

	ASSERT_EQ(0, kt_guest_init(&other, &kt_hlt, 0, NULL));
	fill_state(&set);
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &set));
	ASSERT_EQ(0, kt_run(other.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, other.run->kind);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &first));
		EXPECT_EQ(0, memcmp(&set, &first, sizeof(set)));
		ASSERT_EQ(0, kt_get_state(other.vcpu, KT_STATE_REGISTERS, &second));
		EXPECT_EQ(KT_CODE_GPA + 1, second.gprs.rip);
		EXPECT_EQ(0x2000, second.controls.cr3);
		EXPECT_EQ(0, second.msrs.lstar);
	}
	kt_guest_fini(&other);
}

/* The guest sees what was set: a check of registers, then HaltCpu(1), else (0). */
KT_CODE(sees_state,
	"xor %edi, %edi\n"
	"cmp $0x1234567, %r15\n jne 1f\n"
	"mov %cr2, %rax\n cmp $0x4321, %rax\n jne 1f\n"
	"mov $0xc0000082, %ecx\n rdmsr\n cmp $0x5678, %eax\n jne 1f\n"
	"mov $0xc0000102, %ecx\n rdmsr\n cmp $0x8765, %eax\n jne 1f\n"
	"mov $0xc0000100, %ecx\n rdmsr\n cmp $0x180000, %eax\n jne 1f\n"
	"mov $1, %edi\n"
	"1:\n" KT_HALT);

TEST_F(state, guest_sees_it)
{
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &sees_state, 0, NULL));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KT_STATE_REGISTERS, &self->state));
	self->state.gprs.gpr[KEV_R15] = 0x1234567;
	self->state.controls.cr2 = 0x4321;
	self->state.msrs.lstar = 0x5678;
	self->state.msrs.kernel_gs_base = 0x8765;
	self->state.segments.fs.base = 0x180000;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KT_STATE_REGISTERS, &self->state));
	ASSERT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(1, guest.run->exit_code);
	kt_guest_fini(&guest);
}

#define FIELD(group, field)	KEV_STATE_##group,				\
				offsetof(struct kev_vcpu_state, field),		\
				sizeof(((struct kev_vcpu_state *)0)->field)

struct change {
	const char *name;
	const char *problem;	/* the field that SET blames */
	uint32_t group;
	size_t offset, width;
	uint64_t value;
};

static void apply(struct kev_vcpu_state *state, const struct change *change)
{
	memcpy((char *)state + change->offset, &change->value, change->width);
}

#define NOT_CANONICAL	0x0000800000000000ULL

/* One field at a time: what the guest could not have, and what the CPU does not enter with */
static const struct change refused[] = {
	{ "cs reserved", "CS", FIELD(SEGMENTS, segments.cs.reserved[0]), 1 },
	{ "ds reserved", "DS", FIELD(SEGMENTS, segments.ds.reserved[1]), 1 },
	{ "es reserved", "ES", FIELD(SEGMENTS, segments.es.reserved[2]), 0x8000 },
	{ "fs reserved", "FS", FIELD(SEGMENTS, segments.fs.reserved[0]), 1 },
	{ "gs reserved", "GS", FIELD(SEGMENTS, segments.gs.reserved[0]), 1 },
	{ "ss reserved", "SS", FIELD(SEGMENTS, segments.ss.reserved[0]), 1 },
	{ "tr reserved", "TR", FIELD(SEGMENTS, segments.tr.reserved[0]), 1 },
	{ "ldtr reserved", "LDTR", FIELD(SEGMENTS, segments.ldtr.reserved[0]), 1 },
	{ "gdt reserved", "GDTR", FIELD(SEGMENTS, segments.gdt.reserved[0]), 1 },
	{ "idt reserved", "IDTR", FIELD(SEGMENTS, segments.idt.reserved[2]), 1 },
	{ "CR0 bit 6", "CR0", FIELD(CONTROLS, controls.cr0), 0x80010073 },
	{ "CR0 bit 32", "CR0", FIELD(CONTROLS, controls.cr0), 1ULL << 32 | 0x80010033 },
	{ "CR0.NW", "CR0.NW", FIELD(CONTROLS, controls.cr0), 0xa0010033 },
	{ "CR4.VMXE", "CR4", FIELD(CONTROLS, controls.cr4), 0x620 | 1 << 13 },
	{ "CR4.SMXE", "CR4", FIELD(CONTROLS, controls.cr4), 0x620 | 1 << 14 },
	{ "CR4 bit 31", "CR4", FIELD(CONTROLS, controls.cr4), 0x620 | 1ULL << 31 },
	{ "CR4 bit 63", "CR4", FIELD(CONTROLS, controls.cr4), 0x620 | 1ULL << 63 },
	{ "EFER bit 1", "EFER", FIELD(CONTROLS, controls.efer), 0x502 },
	{ "EFER.SVME", "EFER", FIELD(CONTROLS, controls.efer), 0x1500 },
	{ "EFER bit 63", "EFER", FIELD(CONTROLS, controls.efer), 1ULL << 63 | 0x500 },
	{ "XCR0 without x87", "XCR0", FIELD(CONTROLS, controls.xcr0), 0 },
	{ "XCR0: SSE alone", "XCR0", FIELD(CONTROLS, controls.xcr0), 2 },
	{ "XCR0: AVX without SSE", "XCR0", FIELD(CONTROLS, controls.xcr0), 5 },
	{ "XCR0: PKRU", "XCR0", FIELD(CONTROLS, controls.xcr0), 0x203 },
	{ "XCR0: AMX", "XCR0", FIELD(CONTROLS, controls.xcr0), 0x60003 },
	{ "XCR0 bit 63", "XCR0", FIELD(CONTROLS, controls.xcr0), 1ULL << 63 | 1 },
	{ "DR7 0", "DR7", FIELD(CONTROLS, controls.dr7), 0 },
	{ "DR7 bit 11", "DR7", FIELD(CONTROLS, controls.dr7), 0xc00 },
	{ "DR7 bit 12", "DR7", FIELD(CONTROLS, controls.dr7), 0x1400 },
	{ "DR7 bit 14", "DR7", FIELD(CONTROLS, controls.dr7), 0x4400 },
	{ "DR7 bit 32", "DR7", FIELD(CONTROLS, controls.dr7), 1ULL << 32 | 0x400 },
	{ "LSTAR", "LSTAR", FIELD(MSRS, msrs.lstar), NOT_CANONICAL },
	{ "LSTAR, other half", "LSTAR", FIELD(MSRS, msrs.lstar), 0xffff7fffffffffff },
	{ "CSTAR", "CSTAR", FIELD(MSRS, msrs.cstar), NOT_CANONICAL },
	{ "KERNEL_GS_BASE", "KERNEL_GS_BASE", FIELD(MSRS, msrs.kernel_gs_base), NOT_CANONICAL },
	{ "SYSENTER_ESP", "SYSENTER_ESP", FIELD(MSRS, msrs.sysenter_esp), NOT_CANONICAL },
	{ "SYSENTER_EIP", "SYSENTER_EIP", FIELD(MSRS, msrs.sysenter_eip), NOT_CANONICAL },
	{ "SYSENTER_CS", "SYSENTER_CS", FIELD(MSRS, msrs.sysenter_cs), 1ULL << 32 },
	{ "SFMASK", "SFMASK", FIELD(MSRS, msrs.sfmask), 1ULL << 32 },
	{ "TSC_AUX", "TSC_AUX", FIELD(MSRS, msrs.tsc_aux), 1ULL << 32 },
	{ "PAT type 2", "PAT", FIELD(MSRS, msrs.pat), 0x0007040600070402 },
	{ "PAT type 3", "PAT", FIELD(MSRS, msrs.pat), 0x0307040600070406 },
	{ "PAT reserved bits", "PAT", FIELD(MSRS, msrs.pat), 0x0007040600070486 },
	{ "APIC base reserved bit", "APIC_BASE", FIELD(MSRS, msrs.apic_base), 0xfee00901 },
	{ "APIC base too high", "APIC_BASE", FIELD(MSRS, msrs.apic_base), 1ULL << 60 | 0xfee00900 },
	{ "DR6 bit 12", "DR6", FIELD(DEBUG, debug.dr6), 0xffff1ff0 },
	{ "DR6 bit 16 clear", "DR6", FIELD(DEBUG, debug.dr6), 0xfffe0ff0 },
	{ "DR6 bit 32", "DR6", FIELD(DEBUG, debug.dr6), 0x1ffff0ff0 },
	{ "event not valid", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x306 },
	{ "event of a reserved type", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x80000106 },
	{ "exception 32", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x80000320 },
	{ "#GP without an error code", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x8000030d },
	{ "#UD with an error code", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x80000b06 },
	{ "INT3 of no length", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x80000603 },
	{ "interrupt, IF clear", "EVENT", FIELD(INTERRUPTS, interrupts.event), 0x80000040 },
	{ "error code of no event", "EVENT", FIELD(INTERRUPTS, interrupts.event_error), 1 },
	{ "length of no event", "EVENT", FIELD(INTERRUPTS, interrupts.event_length), 1 },
	{ "blocking by SMI", "INTERRUPTIBILITY",
	  FIELD(INTERRUPTS, interrupts.interruptibility), 4 },
	{ "blocking by STI, IF clear", "INTERRUPTIBILITY",
	  FIELD(INTERRUPTS, interrupts.interruptibility), 1 },
	{ "three NMIs", "NMIS", FIELD(INTERRUPTS, interrupts.nmis), 3 },
	{ "a vector that does not wait", "EXTERNAL", FIELD(INTERRUPTS, interrupts.external), 0x20 },
	{ "external bit 9", "EXTERNAL", FIELD(INTERRUPTS, interrupts.external), 0x320 },
	{ "pending debug bit 4", "PENDING_DEBUG",
	  FIELD(INTERRUPTS, interrupts.pending_debug), 0x10 },
	{ "RFLAGS bit 1 clear", "RFLAGS", FIELD(GPRS, gprs.rflags), 0 },
	{ "RFLAGS bit 3", "RFLAGS", FIELD(GPRS, gprs.rflags), 0xa },
	{ "RFLAGS bit 15", "RFLAGS", FIELD(GPRS, gprs.rflags), 0x8002 },
	{ "RFLAGS bit 63", "RFLAGS", FIELD(GPRS, gprs.rflags), 1ULL << 63 | 2 },
	{ "RIP not canonical", "RIP", FIELD(GPRS, gprs.rip), 1ULL << 48 },
	{ "CS access 0", "CS", FIELD(SEGMENTS, segments.cs.access), 0 },
	{ "CS not accessed", "CS", FIELD(SEGMENTS, segments.cs.access), 0xa09a },
	{ "CS not present", "CS", FIELD(SEGMENTS, segments.cs.access), 0xa01b },
	{ "CS with L and D", "CS", FIELD(SEGMENTS, segments.cs.access), 0xe09b },
	{ "CS is a system segment", "CS", FIELD(SEGMENTS, segments.cs.access), 0xa08b },
	{ "CS reserved bits", "CS", FIELD(SEGMENTS, segments.cs.access), 0xa19b },
	{ "CS base above 4 GiB", "CS", FIELD(SEGMENTS, segments.cs.base), 1ULL << 32 },
	{ "SS is read-only", "SS", FIELD(SEGMENTS, segments.ss.access), 0xc091 },
	{ "DS not accessed", "DS", FIELD(SEGMENTS, segments.ds.access), 0xc092 },
	{ "DS not present", "DS", FIELD(SEGMENTS, segments.ds.access), 0xc013 },
	{ "ES base above 4 GiB", "ES", FIELD(SEGMENTS, segments.es.base), 1ULL << 32 },
	{ "FS base not canonical", "FS", FIELD(SEGMENTS, segments.fs.base), NOT_CANONICAL },
	{ "GS base not canonical", "GS", FIELD(SEGMENTS, segments.gs.base), NOT_CANONICAL },
	{ "TR unusable", "TR", FIELD(SEGMENTS, segments.tr.access), 0x10000 },
	{ "TR is no TSS", "TR", FIELD(SEGMENTS, segments.tr.access), 0x82 },
	{ "TR not busy", "TR", FIELD(SEGMENTS, segments.tr.access), 0x89 },
	{ "TR in the LDT", "TR", FIELD(SEGMENTS, segments.tr.selector), 4 },
	{ "LDTR usable and no LDT", "LDTR", FIELD(SEGMENTS, segments.ldtr.access), 0x8b },
	{ "GDT base not canonical", "GDTR", FIELD(SEGMENTS, segments.gdt.base), NOT_CANONICAL },
	{ "IDT base not canonical", "IDTR", FIELD(SEGMENTS, segments.idt.base), NOT_CANONICAL },
	{ "CR3 above the physical width", "CR3", FIELD(CONTROLS, controls.cr3), 1ULL << 52 },
	{ "CR4.PAE clear in long mode", "CR4.PAE", FIELD(CONTROLS, controls.cr4), 0x600 },
	{ "EFER.LMA without LME", "EFER.LMA", FIELD(CONTROLS, controls.efer), 0x400 },
	{ "EFER.LME without LMA", "EFER.LMA", FIELD(CONTROLS, controls.efer), 0x100 },
};

TEST_F(state, refused)
{
	struct kev_vcpu_state args, sent, got = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		args = self->state;
		apply(&args, &refused[i]);
		/* With all groups: not even the valid ones are set. */
		args.gprs.gpr[KEV_RAX] = 0x4711;
		EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &args)) {
			TH_LOG("%s", refused[i].name);
		}
		EXPECT_TRUE(kt_blames(&args, refused[i].problem)) {
			TH_LOG("%s: \"%.48s\"", refused[i].name, args.problem);
		}
		memset(args.problem, 0xff, sizeof(args.problem));
		sent = args;
		sent.groups = refused[i].group;
		EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, refused[i].group, &args)) {
			TH_LOG("%s, alone", refused[i].name);
		}
		/* Nothing but the problem comes back. */
		EXPECT_EQ(0, memcmp(&sent, &args, offsetof(struct kev_vcpu_state, problem))) {
			TH_LOG("%s, alone: changed", refused[i].name);
		}
		EXPECT_TRUE(kt_blames(&args, refused[i].problem)) {
			TH_LOG("%s, alone: \"%.48s\"", refused[i].name, args.problem);
		}
	}
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KT_STATE_REGISTERS, &got));
	EXPECT_EQ(0, memcmp(&self->state, &got, sizeof(got)));
}

/* A change that goes with others counts with them, and with those that are there. */
TEST_F(state, registers_that_depend_on_each_other)
{
	struct kev_vcpu_state *s = &self->state;

	s->interrupts.interruptibility = KEV_BLOCKED_BY_STI;
	s->gprs.rflags = 0x202;
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS, s));
	EXPECT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS | KEV_STATE_GPRS, s));
	s->gprs.rflags = 2;
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu,
					KEV_STATE_INTERRUPTS | KEV_STATE_GPRS, s));
	EXPECT_TRUE(kt_blames(s, "INTERRUPTIBILITY"));
	s->segments.cs.access = 0xa0fb;
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_SEGMENTS, s));
	EXPECT_TRUE(kt_blames(s, "CS"));
	s->segments.ss.access = 0xc0f3;
	s->segments.cs.selector |= 3;
	s->segments.ss.selector |= 3;
	EXPECT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_SEGMENTS, s)) {
		TH_LOG("%.48s", s->problem);
	}
}

/* What has no field to blame */
TEST_F(state, refused_without_a_field)
{
	memset(self->state.problem, 0xff, sizeof(self->state.problem));
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, 0, &self->state));
	EXPECT_TRUE(kt_blames(&self->state, ""));
	memset(self->state.problem, 0xff, sizeof(self->state.problem));
	self->state.reserved = 1;
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, &self->state));
	EXPECT_TRUE(kt_blames(&self->state, ""));
	EXPECT_EQ(-EINVAL, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &self->state));
	self->state.reserved = 0;
	EXPECT_EQ(-EINVAL, kt_get_state(self->guest.vcpu, 0, &self->state));
	EXPECT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_GPRS, &self->state));
}

/* A structure that ends before a group cannot be asked for it. */
TEST_F(state, sizes)
{
	struct kev_vcpu_state state;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		size_t end = groups[i].offset + groups[i].size;

		for (size_t size = 528; size <= sizeof(state); size += 4) {
			long want = size < end ? -EINVAL : 0;

			state = self->state;
			state.groups = groups[i].bit;
			state.size = size;
			EXPECT_EQ(want, kt_ioctl(self->guest.vcpu, KEV_VCPU_GET_STATE, &state));
			EXPECT_EQ(want, kt_ioctl(self->guest.vcpu, KEV_VCPU_SET_STATE, &state)) {
				TH_LOG("group %#x, size %zu", groups[i].bit, size);
			}
		}
	}
}

/* Whether a mode can be had depends on the CPU: the field says why not. */
TEST_F(state, modes_of_the_cpu)
{
	static const struct {
		uint64_t cr0;
		const char *problem;	/* without unrestricted guest */
	} modes[] = {
		{ 0x31, "CR0.PG" }, { 0x30, "CR0.PE" },
	};
	struct kev_query query = { .size = sizeof(query) };

	ASSERT_EQ(0, kt_ioctl(self->guest.kev, KEV_QUERY, &query));
	self->state.controls.efer = 0;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct kev_vcpu_state state = self->state;
		bool there = query.features & KEV_FEATURE_UNRESTRICTED_GUEST;

		state.controls.cr0 = modes[i].cr0;
		EXPECT_EQ(there ? 0 : -EOPNOTSUPP,
			  kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
		if (!there)
			EXPECT_TRUE(kt_blames(&state, modes[i].problem));
	}
	self->state.controls.cr0 = 0x80010032;
	EXPECT_GT(0, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &self->state));
}

TEST_F(state, xcr0_of_the_cpu)
{
	struct kev_query query = { .size = sizeof(query) };
	int want;

	ASSERT_EQ(0, kt_ioctl(self->guest.kev, KEV_QUERY, &query));
	want = query.features & KEV_FEATURE_XSAVE ? 0 : -EINVAL;
	self->state.controls.xcr0 = 3;
	EXPECT_EQ(want, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &self->state));
}

/*
 * What only the guest's memory can tell: with PAE paging the boot structures are no table
 * of page-directory pointers.
 */
TEST_F(state, entry_fails)
{
	struct kev_vm_status status;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	self->state.controls.efer = 0;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_CONTROLS, &self->state));
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_ENTRY_FAILED, guest.run->kind);
	EXPECT_EQ(KEV_RUN_ENTRY_FAILED, guest.run->flags);
	EXPECT_EQ(33, guest.run->exit_reason);
	EXPECT_EQ(0x80000021, guest.run->exit_reason_raw);
	EXPECT_EQ(0, guest.run->entry.instruction_error);
	EXPECT_STREQ("PDPTE0: has reserved bits", guest.run->entry.problem);
	/* It says which state it was that the CPU did not like. */
	EXPECT_EQ(self->state.gprs.rip, guest.run->rip);
	EXPECT_EQ(self->state.gprs.rflags, guest.run->rflags);
	EXPECT_EQ(self->state.controls.cr3, guest.run->cr3);
	status = kt_status(guest.vm);
	EXPECT_EQ(KEV_VM_FAILED, status.state);
	EXPECT_EQ(EIO, status.error);
	EXPECT_EQ(0, status.exit_code);
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, kt_poll(guest.vm));
	/* From now on it is the VM's end that is told. */
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_FAILED, guest.run->kind);
	EXPECT_EQ(EIO, guest.run->error);
	kt_guest_fini(&guest);
	/* The host's CPU is none the worse for it. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

/* Where the table is to be there is no memory: add it, and the guest goes on. */
TEST_F(state, pdptes_without_memory)
{
	const uint64_t hole = 0x40000000, pdpte[] = { 0x1, 0, 0, 0 };

	self->state.controls.efer = 0;
	self->state.controls.cr3 = hole | 0x20;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &self->state));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		EXPECT_EQ(KEV_EXIT_MEMORY, self->guest.run->kind);
		EXPECT_EQ(KEV_RUN_RETRY, self->guest.run->flags);
		EXPECT_EQ(hole | 0x20, self->guest.run->memory.gpa);
		EXPECT_EQ(KEV_MEM_READ, self->guest.run->memory.access);
	}
	ASSERT_EQ(0, kt_add_ram(self->guest.vm, hole, KT_PAGE));
	ASSERT_EQ(32, kt_write_guest(self->guest.vm, hole | 0x20, pdpte, sizeof(pdpte)));
	/* The directory at address 0 maps nothing, and there is no IDT. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
}

/*
 * The CPU accepts it, as an instruction can end there: then it is a triple fault, and the
 * VM is none the worse.
 */
TEST_F(state, behind_the_lower_half)
{
	self->state.gprs.rip = NOT_CANONICAL;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, &self->state));
	EXPECT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
	EXPECT_EQ(KEV_VM_ALIVE, kt_status(self->guest.vm).state);
}

static struct kev_interrupts interrupts_of(int vcpu)
{
	struct kev_vcpu_state state = { 0 };

	kt_get_state(vcpu, KEV_STATE_INTERRUPTS, &state);
	return state.interrupts;
}

/* An event that waits is delivered: here there is no IDT for it. */
TEST_F(state, event)
{
	struct kev_interrupts none = { 0 }, got;

	self->state.interrupts.event = 0x80000306;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS, &self->state));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
	/* And it can be taken back. */
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KT_STATE_REGISTERS, &self->state));
	self->state.interrupts.event = 0;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS, &self->state));
	got = interrupts_of(self->guest.vcpu);
	EXPECT_EQ(0, memcmp(&none, &got, sizeof(none)));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

/* It ends an HLT, as the CPU's would: a halt that has one on its way there is not. */
TEST_F(state, event_of_halted)
{
	struct kev_vcpu_state *s = &self->state;

	s->mp = (struct kev_mp_state) { .state = KEV_MP_HALTED };
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_MP, s));
	s->interrupts.event = 0x80000306;
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_MP | KEV_STATE_INTERRUPTS, s));
	EXPECT_EQ(0, strncmp(s->problem, "MP_STATE: ", 10));
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS, s));
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_MP, s));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_MP, s));
	EXPECT_EQ(KEV_MP_RUNNABLE, s->mp.state);
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_SHUTDOWN, self->guest.run->kind);
}

/* It belongs to the place where it was to come: new registers alone leave it there. */
TEST_F(state, event_and_new_registers)
{
	struct kev_vcpu_state *s = &self->state;
	struct kev_interrupts want = {
		.event = 0x80000306,
		.interruptibility = KEV_BLOCKED_BY_MOV_SS | KEV_BLOCKED_BY_NMI,
		.nmis = 1,
		.external = KEV_EXTERNAL_WAITS | 0x30,
	}, got;

	s->interrupts = want;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_INTERRUPTS, s));
	s->gprs.gpr[KEV_RAX] = 1;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, s));
	got = interrupts_of(self->guest.vcpu);
	EXPECT_EQ(0, memcmp(&want, &got, sizeof(want)));
	/* Elsewhere it has no meaning; what comes from outside still waits. */
	s->gprs.rip++;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_GPRS, s));
	want.event = 0;
	want.interruptibility = KEV_BLOCKED_BY_NMI;
	got = interrupts_of(self->guest.vcpu);
	EXPECT_EQ(0, memcmp(&want, &got, sizeof(want)));
}

TEST_HARNESS_MAIN
