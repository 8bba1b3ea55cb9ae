// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_SET_MSRS, and what RDMSR and WRMSR do of themselves. Guards that a VM's policy
 * holds for its own vCPUs and no others, that values are a vCPU's own, and that the
 * registers that a guest relies on keep what is written.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define NOBODYS		0xabcd		/* an index that no CPU has */
#define TSC		0x10
#define TSC_ADJUST	0x3b
#define SYSENTER_CS	0x174
#define SYSENTER_ESP	0x175
#define SYSENTER_EIP	0x176
#define MISC_ENABLE	0x1a0
#define FS_BASE		0xc0000100
#define GS_BASE		0xc0000101
#define KERNEL_GS_BASE	0xc0000102

FIXTURE(msr) {
	struct kt_guest guest;
};

FIXTURE_SETUP(msr)
{
	ASSERT_EQ(0, kt_insn_init(&self->guest, 0));
}

FIXTURE_TEARDOWN(msr)
{
	kt_guest_fini(&self->guest);
}

static long set_msrs(int vm, const struct kev_msr_policy *entries, uint32_t nr)
{
	const struct kev_set_msrs args = {
		.size = sizeof(args), .nr = nr, .entries = (uintptr_t)entries,
	};

	return kt_ioctl(vm, KEV_VM_SET_MSRS, &args);
}

#define EXPECT_READ(index, expected) do {				\
	uint64_t value;							\
	EXPECT_EQ(KT_DONE, kt_rdmsr(&self->guest, index, &value)) {	\
		TH_LOG("MSR %x", index);				\
	}								\
	EXPECT_EQ(expected, value) {					\
		TH_LOG("MSR %x", index);				\
	}								\
} while (0)

#define EXPECT_NO_READ(index) do {					\
	uint64_t value;							\
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&self->guest, index, &value)) {	\
		TH_LOG("MSR %x", index);				\
	}								\
} while (0)

#define EXPECT_WRITE(kind, index, value)				\
	EXPECT_EQ(kind, kt_wrmsr(&self->guest, index, value)) {		\
		TH_LOG("MSR %x", index);				\
	}

TEST_F(msr, classes)
{
	static const struct kev_msr_policy entries[] = {
		{ 0xffffffff, 1, KEV_MSR_ZERO, 0, 0 },
		{ NOBODYS, 1, KEV_MSR_VALUE, 0, 0x1122334455667788 },
		{ NOBODYS + 1, 2, KEV_MSR_ZERO, 0, 0 },
		{ MISC_ENABLE, 1, KEV_MSR_FAULT, 0, 0 },
		{ TSC_ADJUST, 1, KEV_MSR_EMULATED, 0, 0 },
		{ 0, 1, KEV_MSR_ZERO, 0, 0 },
		{ NOBODYS + 0x10, 0x10, KEV_MSR_REPORT, 0, 0 },
	};
	uint64_t value;

	ASSERT_EQ(0, set_msrs(self->guest.vm, entries, ARRAY_SIZE(entries)));
	EXPECT_READ(NOBODYS, 0x1122334455667788);
	EXPECT_WRITE(KT_DONE, NOBODYS, 0x8877665544332211);
	EXPECT_READ(NOBODYS, 0x8877665544332211);
	EXPECT_NO_READ(NOBODYS - 1);
	EXPECT_READ(NOBODYS + 1, 0);
	EXPECT_WRITE(KT_DONE, NOBODYS + 2, ~0UL);
	EXPECT_READ(NOBODYS + 2, 0);
	EXPECT_NO_READ(NOBODYS + 3);
	EXPECT_WRITE(KT_FAULT, NOBODYS + 3, 0);
	EXPECT_NO_READ(MISC_ENABLE);
	EXPECT_WRITE(KT_FAULT, MISC_ENABLE, 1);
	EXPECT_READ(TSC_ADJUST, 0);
	EXPECT_READ(0, 0);
	EXPECT_READ(0xffffffff, 0);
	EXPECT_NO_READ(0xfffffffe);

	EXPECT_EQ(KEV_EXIT_MSR, kt_rdmsr(&self->guest, NOBODYS + 0x1f, &value));
	EXPECT_EQ(NOBODYS + 0x1f, self->guest.run->msr.index);
	EXPECT_EQ(KEV_MSR_READ, self->guest.run->msr.direction);
	EXPECT_EQ(KEV_EXIT_MSR, kt_wrmsr(&self->guest, NOBODYS + 0x10, 0xabcdef0123456789));
	EXPECT_EQ(NOBODYS + 0x10, self->guest.run->msr.index);
	EXPECT_EQ(0xabcdef0123456789, self->guest.run->msr.data);
	EXPECT_EQ(KEV_MSR_WRITE, self->guest.run->msr.direction);
	EXPECT_NO_READ(NOBODYS + 0x20);
}

/* What passes without an exit has to exit where the policy says something of it. */
TEST_F(msr, bases)
{
	static const struct kev_msr_policy entries[] = {
		{ FS_BASE, 3, KEV_MSR_FAULT, 0, 0 },
		{ SYSENTER_CS, 1, KEV_MSR_VALUE, 0, 0x123 },
		{ SYSENTER_ESP, 2, KEV_MSR_ZERO, 0, 0 },
	};

	ASSERT_EQ(0, set_msrs(self->guest.vm, entries, ARRAY_SIZE(entries)));
	EXPECT_NO_READ(FS_BASE);
	EXPECT_WRITE(KT_FAULT, GS_BASE, 0);
	EXPECT_NO_READ(KERNEL_GS_BASE);
	EXPECT_READ(SYSENTER_CS, 0x123);
	EXPECT_WRITE(KT_DONE, SYSENTER_ESP, 0x5000);
	EXPECT_READ(SYSENTER_ESP, 0);
	EXPECT_READ(SYSENTER_EIP, 0);
}

TEST_F(msr, values_of_a_vcpu)
{
	static const struct kev_msr_policy entries[] = {
		{ NOBODYS + 1, 1, KEV_MSR_VALUE, 0, 2 },
		{ NOBODYS, 1, KEV_MSR_VALUE, 0, 1 },
	};
	struct kt_guest other = self->guest, another;
	uint64_t value;

	other.vcpu = kt_create_vcpu(self->guest.vm, 1);
	ASSERT_LE(0, other.vcpu);
	other.run = kt_map_run(other.vcpu);
	ASSERT_EQ(0, set_msrs(self->guest.vm, entries, ARRAY_SIZE(entries)));
	EXPECT_WRITE(KT_DONE, NOBODYS, 10);
	EXPECT_WRITE(KT_DONE, NOBODYS + 1, 20);
	EXPECT_EQ(KT_DONE, kt_rdmsr(&other, NOBODYS, &value));
	EXPECT_EQ(1, value);
	EXPECT_EQ(KT_DONE, kt_wrmsr(&other, NOBODYS + 1, 30));
	EXPECT_READ(NOBODYS, 10);
	EXPECT_READ(NOBODYS + 1, 20);
	kt_unmap_run(other.run);
	close(other.vcpu);

	ASSERT_EQ(0, kt_insn_init(&another, 0));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&another, NOBODYS, &value));
	kt_guest_fini(&another);
}

static long values_call(const struct kt_guest *guest, unsigned long call, uint64_t *values,
			uint32_t nr)
{
	struct kev_vcpu_state state = {
		.size = sizeof(state), .groups = KEV_STATE_MSR_VALUES,
		.msr_values = (uintptr_t)values, .nr_msr_values = nr,
	};

	return kt_ioctl(guest->vcpu, call, &state);
}

/* They go with the vCPU, in the order of the indices, before its first run or after it. */
TEST_F(msr, values_as_state)
{
	static const struct kev_msr_policy entries[] = {
		{ NOBODYS + 1, 1, KEV_MSR_VALUE, 0, 2 },
		{ NOBODYS + 2, 1, KEV_MSR_ZERO, 0, 0 },
		{ NOBODYS, 1, KEV_MSR_VALUE, 0, 1 },
	};
	uint64_t values[3] = { 0, 0, 0x77 };
	struct kt_guest other;

	ASSERT_EQ(0, set_msrs(self->guest.vm, entries, ARRAY_SIZE(entries)));
	/* Who is mistaken about it can still change it. */
	EXPECT_EQ(-EINVAL, values_call(&self->guest, KEV_VCPU_GET_STATE, values, 3));
	EXPECT_EQ(-EINVAL, values_call(&self->guest, KEV_VCPU_SET_STATE, values, 1));
	ASSERT_EQ(0, set_msrs(self->guest.vm, entries, ARRAY_SIZE(entries)));
	ASSERT_EQ(0, values_call(&self->guest, KEV_VCPU_GET_STATE, values, 2));
	EXPECT_EQ(1, values[0]);
	EXPECT_EQ(2, values[1]);
	EXPECT_EQ(0x77, values[2]);
	EXPECT_EQ(-EBUSY, set_msrs(self->guest.vm, NULL, 0));
	EXPECT_WRITE(KT_DONE, NOBODYS + 1, 20);
	ASSERT_EQ(0, values_call(&self->guest, KEV_VCPU_GET_STATE, values, 2));

	ASSERT_EQ(0, kt_insn_init(&other, 0));
	EXPECT_EQ(0, values_call(&other, KEV_VCPU_GET_STATE, NULL, 0));
	kt_guest_fini(&other);
	ASSERT_EQ(0, kt_insn_init(&other, 0));
	ASSERT_EQ(0, set_msrs(other.vm, entries, ARRAY_SIZE(entries)));
	ASSERT_EQ(0, values_call(&other, KEV_VCPU_SET_STATE, values, 2));
	EXPECT_EQ(-EBUSY, set_msrs(other.vm, NULL, 0));
	values[1] = 0;
	EXPECT_EQ(KT_DONE, kt_rdmsr(&other, NOBODYS + 1, &values[1]));
	EXPECT_EQ(20, values[1]);

	for (uint32_t nr = 0; nr < 4; nr++) {
		if (nr == 2)
			continue;
		EXPECT_EQ(-EINVAL, values_call(&other, KEV_VCPU_GET_STATE, values, nr));
		EXPECT_EQ(-EINVAL, values_call(&other, KEV_VCPU_SET_STATE, values, nr));
	}
	EXPECT_EQ(-EINVAL, values_call(&other, KEV_VCPU_SET_STATE, values,
				       KEV_MAX_MSR_POLICIES + 1));
	EXPECT_EQ(-EFAULT, values_call(&other, KEV_VCPU_GET_STATE, NULL, 2));
	EXPECT_EQ(-EFAULT, values_call(&other, KEV_VCPU_SET_STATE, NULL, 2));
	EXPECT_EQ(KT_DONE, kt_rdmsr(&other, NOBODYS, &values[0]));
	EXPECT_EQ(1, values[0]);
	kt_guest_fini(&other);
}

TEST_F(msr, until_the_first_run)
{
	static const struct kev_msr_policy value = { NOBODYS, 1, KEV_MSR_VALUE, 0, 1 };
	static const struct kev_msr_policy zero = { NOBODYS, 1, KEV_MSR_ZERO, 0, 0 };

	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, set_msrs(self->guest.vm, &value, 1));
	}
	EXPECT_EQ(0, set_msrs(self->guest.vm, &zero, 1));
	EXPECT_READ(NOBODYS, 0);
	EXPECT_EQ(-EBUSY, set_msrs(self->guest.vm, &value, 1));
	EXPECT_EQ(-EBUSY, set_msrs(self->guest.vm, NULL, 0));
	EXPECT_READ(NOBODYS, 0);
}

TEST_F(msr, none_again)
{
	static const struct kev_msr_policy zero = { NOBODYS, 1, KEV_MSR_ZERO, 0, 0 };

	ASSERT_EQ(0, set_msrs(self->guest.vm, &zero, 1));
	ASSERT_EQ(0, set_msrs(self->guest.vm, NULL, 0));
	EXPECT_NO_READ(NOBODYS);
}

TEST_F(msr, refused)
{
	static const struct {
		const char *name;
		struct kev_msr_policy entries[2];
	} bad[] = {
		{ "no MSR", { { 1, 0, KEV_MSR_ZERO, 0, 0 }, { 9, 1, 0, 0, 0 } } },
		{ "wraps", { { 0xffffffff, 2, KEV_MSR_ZERO, 0, 0 }, { 9, 1, 0, 0, 0 } } },
		{ "class", { { 1, 1, 5, 0, 0 }, { 9, 1, 0, 0, 0 } } },
		{ "reserved", { { 1, 1, KEV_MSR_ZERO, 1, 0 }, { 9, 1, 0, 0, 0 } } },
		{ "a value for two", { { 1, 2, KEV_MSR_VALUE, 0, 0 }, { 9, 1, 0, 0, 0 } } },
		{ "a value of none", { { 1, 1, KEV_MSR_ZERO, 0, 1 }, { 9, 1, 0, 0, 0 } } },
		{ "the same twice", { { 1, 1, KEV_MSR_ZERO, 0, 0 }, { 1, 1, 0, 0, 0 } } },
		{ "overlap", { { 5, 1, KEV_MSR_ZERO, 0, 0 }, { 1, 5, 0, 0, 0 } } },
	};
	static const struct kev_msr_policy zero = { NOBODYS, 1, KEV_MSR_ZERO, 0, 0 };
	struct kev_msr_policy many[KEV_MAX_MSR_POLICIES + 1];
	struct kev_set_msrs args = { .size = sizeof(args), .flags = 1 };

	ASSERT_EQ(0, set_msrs(self->guest.vm, &zero, 1));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, set_msrs(self->guest.vm, bad[i].entries, 2)) {
			TH_LOG("%s", bad[i].name);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct kev_msr_policy) { 0x10000 + i, 1, KEV_MSR_ZERO, 0, 0 };
	EXPECT_EQ(-EINVAL, set_msrs(self->guest.vm, many, ARRAY_SIZE(many)));
	EXPECT_EQ(-EFAULT, set_msrs(self->guest.vm, (void *)16, 1));
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_SET_MSRS, &args));
	args = (struct kev_set_msrs) { .size = sizeof(args), .reserved = 1 };
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_SET_MSRS, &args));
	/* What was there is there. */
	EXPECT_READ(NOBODYS, 0);
}

TEST_F(msr, as_many_as_there_may_be)
{
	struct kev_msr_policy many[KEV_MAX_MSR_POLICIES];

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct kev_msr_policy) { 0x10000 + 7 * i % 64, 1, KEV_MSR_VALUE, 0, i };
	ASSERT_EQ(0, set_msrs(self->guest.vm, many, ARRAY_SIZE(many)));
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		EXPECT_READ((unsigned int)(0x10000 + 7 * i % 64), i);
	}
	EXPECT_NO_READ(0xffff);
	EXPECT_NO_READ(0x10040);
}

/* The policy is asked before user space is. */
TEST_F(msr, report_all)
{
	static const struct kev_msr_policy entries[] = {
		{ NOBODYS, 1, KEV_MSR_FAULT, 0, 0 }, { NOBODYS + 1, 1, KEV_MSR_ZERO, 0, 0 },
	};
	struct kt_guest guest;
	uint64_t value;

	ASSERT_EQ(0, kt_insn_init(&guest, KEV_VM_REPORT_MSR));
	ASSERT_EQ(0, set_msrs(guest.vm, entries, ARRAY_SIZE(entries)));
	EXPECT_EQ(KT_FAULT, kt_rdmsr(&guest, NOBODYS, &value));
	EXPECT_EQ(KT_DONE, kt_rdmsr(&guest, NOBODYS + 1, &value));
	EXPECT_EQ(KEV_EXIT_MSR, kt_rdmsr(&guest, NOBODYS + 2, &value));
	kt_guest_fini(&guest);
}

TEST_F(msr, tsc_adjust)
{
	const uint64_t step = 1UL << 52;
	uint64_t gpr[KEV_NR_GPRS] = { 0 }, before, after, adjust;

	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, TSC, &before));
	EXPECT_GT(step, before);
	EXPECT_WRITE(KT_DONE, TSC_ADJUST, step);
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, TSC, &after));
	EXPECT_LT(before + step, after);
	EXPECT_GT(before + 2 * step, after);
	ASSERT_EQ(KT_DONE, kt_insn(&self->guest, KT_RDTSC, gpr));
	EXPECT_LT(after, gpr[KEV_RDX] << 32 | gpr[KEV_RAX]);

	/* A write to the TSC is seen in the other. */
	EXPECT_WRITE(KT_DONE, TSC, 16 * step);
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, TSC, &after));
	EXPECT_LE(16 * step, after);
	EXPECT_GT(17 * step, after);
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, TSC_ADJUST, &adjust));
	EXPECT_LT(15 * step, adjust);
	EXPECT_GE(16 * step, adjust);
	/* Zero takes back all that was added. */
	EXPECT_WRITE(KT_DONE, TSC_ADJUST, 0);
	ASSERT_EQ(KT_DONE, kt_rdmsr(&self->guest, TSC, &after));
	EXPECT_LT(before, after);
	EXPECT_GT(step, after);
}

/* SWAPGS does not exit, and these do not either. */
TEST_F(msr, swapgs)
{
	uint64_t gpr[KEV_NR_GPRS] = { 0 };

	EXPECT_WRITE(KT_DONE, GS_BASE, 0xffff888000001000);
	EXPECT_WRITE(KT_DONE, KERNEL_GS_BASE, 0x7fff00002000);
	EXPECT_EQ(KT_DONE, kt_insn(&self->guest, KT_SWAPGS, gpr));
	EXPECT_READ(GS_BASE, 0x7fff00002000);
	EXPECT_READ(KERNEL_GS_BASE, 0xffff888000001000);
	EXPECT_EQ(KT_DONE, kt_insn(&self->guest, KT_SWAPGS, gpr));
	EXPECT_READ(KERNEL_GS_BASE, 0x7fff00002000);
	EXPECT_WRITE(KT_FAULT, KERNEL_GS_BASE, 0x8000000000000000);
	EXPECT_WRITE(KT_FAULT, FS_BASE, 0x0100000000000000);
	EXPECT_READ(KERNEL_GS_BASE, 0x7fff00002000);
}

TEST_F(msr, pass_without_an_exit)
{
	static const uint32_t passed[] = {
		FS_BASE, GS_BASE, KERNEL_GS_BASE, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP,
	};
	uint64_t exits;

	for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
		exits = kt_vcpu_stats(self->guest.vcpu).msr;
		EXPECT_WRITE(KT_DONE, passed[i], 0x1000 + 8 * i);
		EXPECT_READ(passed[i], 0x1000 + 8 * i);
		EXPECT_EQ(exits, kt_vcpu_stats(self->guest.vcpu).msr) {
			TH_LOG("MSR %x", passed[i]);
		}
	}
	/* They are in the state that user space gets. */
	exits = kt_vcpu_stats(self->guest.vcpu).msr;
	EXPECT_READ(MISC_ENABLE, 0x1801);
	EXPECT_EQ(exits + 1, kt_vcpu_stats(self->guest.vcpu).msr);
}

TEST_F(msr, state_group)
{
	struct kev_vcpu_state state = { 0 };

	EXPECT_WRITE(KT_DONE, SYSENTER_CS, 0x10);
	EXPECT_WRITE(KT_DONE, SYSENTER_ESP, 0xffff888000002000);
	EXPECT_WRITE(KT_DONE, SYSENTER_EIP, 0xffff888000003000);
	EXPECT_WRITE(KT_DONE, KERNEL_GS_BASE, 0xffff888000004000);
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_MSRS, &state));
	EXPECT_EQ(0x10, state.msrs.sysenter_cs);
	EXPECT_EQ(0xffff888000002000, state.msrs.sysenter_esp);
	EXPECT_EQ(0xffff888000003000, state.msrs.sysenter_eip);
	EXPECT_EQ(0xffff888000004000, state.msrs.kernel_gs_base);
	state.msrs.sysenter_esp = 0x1000;
	state.msrs.kernel_gs_base = 0x2000;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_MSRS, &state));
	EXPECT_READ(SYSENTER_ESP, 0x1000);
	EXPECT_READ(KERNEL_GS_BASE, 0x2000);
}

TEST_HARNESS_MAIN
