// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VCPU_GET_STATE and KEV_VCPU_SET_STATE. Guards that state goes out and in
 * unchanged, that what could hurt the host is refused before it is set, and
 * that a state which only the CPU refuses ends the VM and nothing else.
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
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &self->state));
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

	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_ALL, &self->state));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &again));
	EXPECT_EQ(0, memcmp(&self->state, &again, sizeof(again)));
	/* It is a state that runs. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(0x1234, self->guest.run->exit_code);
}

TEST_F(state, bad_groups)
{
	const uint32_t bad[] = { 0, KEV_STATE_ALL + 1, KEV_STATE_ALL | 0x10, 1U << 31, ~0U };

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
	for (uint32_t wanted = 1; wanted <= KEV_STATE_ALL; wanted++) {
		memcpy(&got, dirt, sizeof(got));
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
	struct kev_vcpu_state args, got;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		memset(&args, 0xff, sizeof(args));
		memcpy((uint8_t *)&args + groups[i].offset,
		       (uint8_t *)&self->state + groups[i].offset, groups[i].size);
		EXPECT_EQ(0, kt_set_state(self->guest.vcpu, groups[i].bit, &args)) {
			TH_LOG("group %#x", groups[i].bit);
		}
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &got));
		EXPECT_EQ(0, memcmp(&self->state, &got, sizeof(got))) {
			TH_LOG("group %#x", groups[i].bit);
		}
	}
}

/* Different values in all fields, in no order that a shift by one would keep */
static void fill_segment(struct kev_segment *seg, unsigned int n)
{
	*seg = (struct kev_segment) {
		.base = 0x7f0011223300 + n * 0x1357,
		.limit = 0x1000000 + n * 0x2468,
		.access = 0x93 + (n % 3) * 0x1000,
		.selector = n * 8,
	};
}

static void fill_state(struct kev_vcpu_state *s)
{
	struct kev_segment *const segments[] = {
		&s->segments.cs, &s->segments.ds, &s->segments.es, &s->segments.fs,
		&s->segments.gs, &s->segments.ss, &s->segments.tr, &s->segments.ldtr,
	};

	memset(s, 0, sizeof(*s));
	for (int i = 0; i < KEV_NR_GPRS; i++)
		s->gprs.gpr[i] = 0x0123456789abcdef * (i + 1);
	s->gprs.rip = 0xffff800000001234;
	s->gprs.rflags = 0xcd7;
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		fill_segment(segments[i], i + 1);
	s->segments.gdt = (struct kev_table) { .base = 0xffff888000001000, .limit = 0x127 };
	s->segments.idt = (struct kev_table) { .base = 0xffff888000002000, .limit = 0xfff };
	s->controls = (struct kev_controls) {
		.cr0 = 0x8005003b,
		.cr2 = 0xdeadbeefcafef00d,
		.cr3 = 0x12345000,
		.cr4 = 0x6a0,
		.efer = 0xd01,
		.xcr0 = 1,
		.dr7 = 0x400,
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
}

TEST_F(state, all_fields_come_back)
{
	struct kev_vcpu_state set, got = { 0 };

	fill_state(&set);
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_ALL, &set));
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &got));
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
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_ALL, &set));
	ASSERT_EQ(0, kt_run(other.vcpu));
	EXPECT_EQ(KEV_EXIT_HALTED, other.run->kind);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &first));
		EXPECT_EQ(0, memcmp(&set, &first, sizeof(set)));
		ASSERT_EQ(0, kt_get_state(other.vcpu, KEV_STATE_ALL, &second));
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
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_ALL, &self->state));
	self->state.gprs.gpr[KEV_R15] = 0x1234567;
	self->state.controls.cr2 = 0x4321;
	self->state.msrs.lstar = 0x5678;
	self->state.msrs.kernel_gs_base = 0x8765;
	self->state.segments.fs.base = 0x180000;
	ASSERT_EQ(0, kt_set_state(guest.vcpu, KEV_STATE_ALL, &self->state));
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
	uint32_t group;
	size_t offset, width;
	uint64_t value;
};

static void apply(struct kev_vcpu_state *state, const struct change *change)
{
	memcpy((char *)state + change->offset, &change->value, change->width);
}

#define NOT_CANONICAL	0x0000800000000000ULL

/* What kev does not take: one field at a time */
static const struct change refused[] = {
	{ "PAE paging", FIELD(CONTROLS, controls.efer), 0 },
	{ "PAE paging, long mode enabled", FIELD(CONTROLS, controls.efer), 0x100 },
	{ "cs reserved", FIELD(SEGMENTS, segments.cs.reserved[0]), 1 },
	{ "ds reserved", FIELD(SEGMENTS, segments.ds.reserved[1]), 1 },
	{ "es reserved", FIELD(SEGMENTS, segments.es.reserved[2]), 0x8000 },
	{ "fs reserved", FIELD(SEGMENTS, segments.fs.reserved[0]), 1 },
	{ "gs reserved", FIELD(SEGMENTS, segments.gs.reserved[0]), 1 },
	{ "ss reserved", FIELD(SEGMENTS, segments.ss.reserved[0]), 1 },
	{ "tr reserved", FIELD(SEGMENTS, segments.tr.reserved[0]), 1 },
	{ "ldtr reserved", FIELD(SEGMENTS, segments.ldtr.reserved[0]), 1 },
	{ "gdt reserved", FIELD(SEGMENTS, segments.gdt.reserved[0]), 1 },
	{ "idt reserved", FIELD(SEGMENTS, segments.idt.reserved[2]), 1 },
	{ "CR4.VMXE", FIELD(CONTROLS, controls.cr4), 0x620 | 1 << 13 },
	{ "CR4.SMXE", FIELD(CONTROLS, controls.cr4), 0x620 | 1 << 14 },
	{ "CR4 bit 31", FIELD(CONTROLS, controls.cr4), 0x620 | 1ULL << 31 },
	{ "CR4 bit 63", FIELD(CONTROLS, controls.cr4), 0x620 | 1ULL << 63 },
	{ "EFER bit 1", FIELD(CONTROLS, controls.efer), 0x502 },
	{ "EFER.SVME", FIELD(CONTROLS, controls.efer), 0x1500 },
	{ "EFER bit 63", FIELD(CONTROLS, controls.efer), 1ULL << 63 | 0x500 },
	{ "XCR0 without x87", FIELD(CONTROLS, controls.xcr0), 0 },
	{ "XCR0: SSE alone", FIELD(CONTROLS, controls.xcr0), 2 },
	{ "XCR0: AVX without SSE", FIELD(CONTROLS, controls.xcr0), 5 },
	{ "XCR0: PKRU", FIELD(CONTROLS, controls.xcr0), 0x203 },
	{ "XCR0: AMX", FIELD(CONTROLS, controls.xcr0), 0x60003 },
	{ "XCR0 bit 63", FIELD(CONTROLS, controls.xcr0), 1ULL << 63 | 1 },
	{ "DR7 with a breakpoint", FIELD(CONTROLS, controls.dr7), 0x401 },
	{ "DR7 0", FIELD(CONTROLS, controls.dr7), 0 },
	{ "LSTAR", FIELD(MSRS, msrs.lstar), NOT_CANONICAL },
	{ "LSTAR, other half", FIELD(MSRS, msrs.lstar), 0xffff7fffffffffff },
	{ "CSTAR", FIELD(MSRS, msrs.cstar), NOT_CANONICAL },
	{ "KERNEL_GS_BASE", FIELD(MSRS, msrs.kernel_gs_base), NOT_CANONICAL },
	{ "SYSENTER_ESP", FIELD(MSRS, msrs.sysenter_esp), NOT_CANONICAL },
	{ "SYSENTER_EIP", FIELD(MSRS, msrs.sysenter_eip), NOT_CANONICAL },
	{ "SYSENTER_CS", FIELD(MSRS, msrs.sysenter_cs), 1ULL << 32 },
	{ "SFMASK", FIELD(MSRS, msrs.sfmask), 1ULL << 32 },
	{ "TSC_AUX", FIELD(MSRS, msrs.tsc_aux), 1ULL << 32 },
	{ "PAT type 2", FIELD(MSRS, msrs.pat), 0x0007040600070402 },
	{ "PAT type 3", FIELD(MSRS, msrs.pat), 0x0307040600070406 },
	{ "PAT reserved bits", FIELD(MSRS, msrs.pat), 0x0007040600070486 },
	{ "APIC base reserved bit", FIELD(MSRS, msrs.apic_base), 0xfee00901 },
	{ "APIC base too high", FIELD(MSRS, msrs.apic_base), 1ULL << 60 | 0xfee00900 },
};

TEST_F(state, refused)
{
	struct kev_vcpu_state args, got;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		args = self->state;
		apply(&args, &refused[i]);
		/* With all groups: not even the valid ones are set. */
		args.gprs.rip = 0x4711;
		EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_ALL, &args)) {
			TH_LOG("%s", refused[i].name);
		}
		EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, refused[i].group, &args)) {
			TH_LOG("%s, alone", refused[i].name);
		}
	}
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_ALL, &got));
	EXPECT_EQ(0, memcmp(&self->state, &got, sizeof(got)));
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

/* What the CPU does not enter with, SDM Vol. 3, "Checks on Guest State" */
static const struct change bad_guest_state[] = {
	{ "RFLAGS bit 1 clear", FIELD(GPRS, gprs.rflags), 0 },
	{ "RFLAGS bit 3", FIELD(GPRS, gprs.rflags), 0xa },
	{ "RFLAGS bit 15", FIELD(GPRS, gprs.rflags), 0x8002 },
	{ "RFLAGS bit 63", FIELD(GPRS, gprs.rflags), 1ULL << 63 | 2 },
	{ "RFLAGS.VM in long mode", FIELD(GPRS, gprs.rflags), 0x20002 },
	{ "CS access 0", FIELD(SEGMENTS, segments.cs.access), 0 },
	{ "CS is data", FIELD(SEGMENTS, segments.cs.access), 0xa092 },
	{ "CS not present", FIELD(SEGMENTS, segments.cs.access), 0xa01b },
	{ "CS with L and D", FIELD(SEGMENTS, segments.cs.access), 0xe09b },
	{ "CS is a system segment", FIELD(SEGMENTS, segments.cs.access), 0xa08b },
	{ "CS reserved bits", FIELD(SEGMENTS, segments.cs.access), 0xa19b },
	{ "SS is read-only", FIELD(SEGMENTS, segments.ss.access), 0xc091 },
	{ "DS not accessed", FIELD(SEGMENTS, segments.ds.access), 0xc092 },
	{ "DS not present", FIELD(SEGMENTS, segments.ds.access), 0xc013 },
	{ "FS base not canonical", FIELD(SEGMENTS, segments.fs.base), NOT_CANONICAL },
	{ "GS base not canonical", FIELD(SEGMENTS, segments.gs.base), NOT_CANONICAL },
	{ "CS base above 4 GiB", FIELD(SEGMENTS, segments.cs.base), 1ULL << 32 },
	{ "TR unusable", FIELD(SEGMENTS, segments.tr.access), 0x10000 },
	{ "TR is no TSS", FIELD(SEGMENTS, segments.tr.access), 0x82 },
	{ "TR not busy", FIELD(SEGMENTS, segments.tr.access), 0x89 },
	{ "TR in the LDT", FIELD(SEGMENTS, segments.tr.selector), 4 },
	{ "LDTR usable and no LDT", FIELD(SEGMENTS, segments.ldtr.access), 0x8b },
	{ "GDT base not canonical", FIELD(SEGMENTS, segments.gdt.base), NOT_CANONICAL },
	{ "IDT base not canonical", FIELD(SEGMENTS, segments.idt.base), NOT_CANONICAL },
	{ "CR0.PG without PE", FIELD(CONTROLS, controls.cr0), 0x80010032 },
	{ "CR3 above the physical width", FIELD(CONTROLS, controls.cr3), 1ULL << 52 },
	{ "CR4.PAE clear in long mode", FIELD(CONTROLS, controls.cr4), 0x600 },
	{ "EFER.LMA without LME", FIELD(CONTROLS, controls.efer), 0x400 },
};

static void check_bad_state(struct __test_metadata *_metadata, const struct change *change)
{
	struct kev_vcpu_state state = { 0 };
	struct kev_vm_status status;
	struct kt_guest guest;

	ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, kt_get_state(guest.vcpu, KEV_STATE_ALL, &state));
	apply(&state, change);
	ASSERT_EQ(0, kt_set_state(guest.vcpu, change->group, &state));
	EXPECT_EQ(0, kt_run(guest.vcpu));
	EXPECT_EQ(KEV_EXIT_ENTRY_FAILED, guest.run->kind);
	EXPECT_EQ(KEV_RUN_ENTRY_FAILED, guest.run->flags);
	EXPECT_EQ(33, guest.run->exit_reason);
	EXPECT_EQ(0x80000021, guest.run->exit_reason_raw);
	EXPECT_EQ(0, guest.run->entry.instruction_error);
	/* It says which state it was that the CPU did not like. */
	EXPECT_EQ(state.gprs.rip, guest.run->rip);
	EXPECT_EQ(state.gprs.rflags, guest.run->rflags);
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
}

TEST_F(state, bad_guest_state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_guest_state); i++) {
		int passed = _metadata->passed;

		_metadata->passed = 1;
		check_bad_state(_metadata, &bad_guest_state[i]);
		if (!_metadata->passed)
			TH_LOG("%s", bad_guest_state[i].name);
		_metadata->passed &= passed;
	}
	/* The host's CPU is none the worse for it. */
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

/*
 * Emulators look at these only when the guest uses them: then it is a triple
 * fault, and the VM is none the worse.
 */
static const struct change used_guest_state[] = {
	{ "RIP not canonical", FIELD(GPRS, gprs.rip), NOT_CANONICAL },
	{ "SS.DPL is not CS.DPL", FIELD(SEGMENTS, segments.ss.access), 0xc0f3 },
};

TEST_F(state, refused_or_faults)
{
	struct kt_guest guest;

	for (size_t i = 0; i < ARRAY_SIZE(used_guest_state); i++) {
		struct kev_vcpu_state state = self->state;
		bool refused;

		ASSERT_EQ(0, kt_guest_init(&guest, &kt_halt, 0, NULL));
		apply(&state, &used_guest_state[i]);
		ASSERT_EQ(0, kt_set_state(guest.vcpu, used_guest_state[i].group, &state));
		EXPECT_EQ(0, kt_run(guest.vcpu));
		refused = guest.run->kind == KEV_EXIT_ENTRY_FAILED;
		EXPECT_TRUE(refused || guest.run->kind == KEV_EXIT_SHUTDOWN) {
			TH_LOG("%s: report %u", used_guest_state[i].name, guest.run->kind);
		}
		EXPECT_EQ(refused ? KEV_VM_FAILED : KEV_VM_ALIVE, kt_status(guest.vm).state) {
			TH_LOG("%s", used_guest_state[i].name);
		}
		kt_guest_fini(&guest);
	}
}

TEST_HARNESS_MAIN
