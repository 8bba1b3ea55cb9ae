// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_VM_SET_CPUID and KEV_VM_GET_SUPPORTED_CPUID. Guards that a guest reads what user
 * space has said, that what is taken away cannot be used either, and that nothing comes
 * which kev does not give. What each entry may say is selftests/unit/cpuid_set_test's.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

#define ALL		0xffffffffU
#define FULL		{ ALL, ALL, ALL, ALL }

#define XSAVE		(1U << 26)	/* leaf 1, ECX */
#define AVX		(1U << 28)
#define SMEP		(1U << 7)	/* leaf 7, EBX */
#define CR4_OSXSAVE	(1UL << 18)
#define CR4_SMEP	(1UL << 20)
#define CR4_BOOT	0x620UL
#define EFER		0xc0000080

FIXTURE(cpuid) {
	struct kt_guest guest;
	struct kev_cpuid_entry entries[KEV_MAX_CPUID_ENTRIES];
};

FIXTURE_SETUP(cpuid)
{
	ASSERT_EQ(0, kt_insn_init(&self->guest, 0));
}

FIXTURE_TEARDOWN(cpuid)
{
	kt_guest_fini(&self->guest);
}

static long set_cpuid(int vm, const struct kev_cpuid_entry *entries, uint32_t nr)
{
	const struct kev_cpuid args = {
		.size = sizeof(args), .nr = nr, .entries = (uintptr_t)entries,
	};

	return kt_ioctl(vm, KEV_VM_SET_CPUID, &args);
}

static long get_cpuid(int vm, struct kev_cpuid_entry *entries, uint32_t *nr)
{
	struct kev_cpuid args = {
		.size = sizeof(args), .nr = *nr, .entries = (uintptr_t)entries,
	};
	long ret = kt_ioctl(vm, KEV_VM_GET_SUPPORTED_CPUID, &args);

	*nr = args.nr;
	return ret;
}

#define EXPECT_LEAF(leaf, subleaf, a, b, c, d) do {			\
	uint32_t regs[4];						\
	EXPECT_EQ(KT_DONE, kt_cpuid(&self->guest, leaf, subleaf, regs));	\
	EXPECT_EQ(a, regs[0]);						\
	EXPECT_EQ(b, regs[1]);						\
	EXPECT_EQ(c, regs[2]);						\
	EXPECT_EQ(d, regs[3]);						\
} while (0)

/* Each leaf that the list has reads so in a guest, and it may be set again. */
TEST_F(cpuid, supported)
{
	uint32_t nr = ARRAY_SIZE(self->entries), regs[4];

	ASSERT_EQ(0, get_cpuid(self->guest.vm, self->entries, &nr));
	EXPECT_LT(10, nr);
	EXPECT_EQ(0, set_cpuid(self->guest.vm, self->entries, nr));
	for (uint32_t i = 0; i < nr; i++) {
		const struct kev_cpuid_entry *e = &self->entries[i];

		EXPECT_EQ(0, e->reserved);
		ASSERT_EQ(KT_DONE, kt_cpuid(&self->guest, e->leaf, e->subleaf, regs));
		EXPECT_EQ(0, memcmp(e->value, regs, sizeof(regs))) {
			TH_LOG("leaf %x.%u: %x %x %x %x, not %x %x %x %x", e->leaf, e->subleaf,
			       regs[0], regs[1], regs[2], regs[3],
			       e->value[0], e->value[1], e->value[2], e->value[3]);
		}
		for (int reg = 0; reg < 4; reg++) {
			EXPECT_EQ(ALL, e->mask[reg]);
		}
	}
}

TEST_F(cpuid, room)
{
	uint32_t nr = 0, all;

	EXPECT_EQ(-E2BIG, get_cpuid(self->guest.vm, self->entries, &nr));
	all = nr;
	nr = all - 1;
	memset(self->entries, 0xa5, sizeof(self->entries));
	EXPECT_EQ(-E2BIG, get_cpuid(self->guest.vm, self->entries, &nr));
	EXPECT_EQ(all, nr);
	EXPECT_EQ(0xa5a5a5a5, self->entries[0].leaf);
	EXPECT_EQ(0, get_cpuid(self->guest.vm, self->entries, &nr));
	EXPECT_EQ(all, nr);
	EXPECT_EQ(0xa5a5a5a5, self->entries[nr].leaf);
	nr = KEV_MAX_CPUID_ENTRIES + 1;
	EXPECT_EQ(-EINVAL, get_cpuid(self->guest.vm, self->entries, &nr));
	EXPECT_EQ(-EINVAL, set_cpuid(self->guest.vm, self->entries, nr));
}

TEST_F(cpuid, bad_arguments)
{
	struct kev_cpuid args = { .size = sizeof(args) };
	uint32_t nr = KEV_MAX_CPUID_ENTRIES;

	args.flags = 1;
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_SET_CPUID, &args));
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_GET_SUPPORTED_CPUID, &args));
	args.flags = 0;
	args.reserved = 1;
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_SET_CPUID, &args));
	EXPECT_EQ(-EINVAL, kt_ioctl(self->guest.vm, KEV_VM_GET_SUPPORTED_CPUID, &args));
	EXPECT_EQ(-EFAULT, set_cpuid(self->guest.vm, (void *)16, 1));
	EXPECT_EQ(-EFAULT, get_cpuid(self->guest.vm, (void *)16, &nr));
}

TEST_F(cpuid, names)
{
	const struct kev_cpuid_entry entries[] = {
		{ 0x80000002, 0, 0, 0, { 0x2076656b, 0x20757063, 1, 2 }, FULL },
		{ 0x40000000, 0, 0, 0, { 0x40000000, 0x11, 0x22, 0x33 }, FULL },
		{ 0x40000010, 0, 0, 0, { 1000, 0, 0, 0 }, { ALL, 0, 0, 0 } },
	};

	ASSERT_EQ(0, set_cpuid(self->guest.vm, entries, ARRAY_SIZE(entries)));
	EXPECT_LEAF(0x80000002, 0, 0x2076656b, 0x20757063, 1, 2);
	EXPECT_LEAF(0x40000000, 0, 0x40000000, 0x11, 0x22, 0x33);
	EXPECT_LEAF(0x40000001, 0, 0, 0, 0, 0);
	EXPECT_LEAF(0x40000010, 5, 1000, 0, 0, 0);
}

/* The last SET counts, none at all brings the policy back, the first RUN ends it. */
TEST_F(cpuid, until_the_first_run)
{
	const struct kev_cpuid_entry one = { 0x40000010, 0, 0, 0, { 1 }, FULL };
	const struct kev_cpuid_entry bad = { 0x1, 0, 0, 0, { 0, 0, 1 << 5 }, FULL };

	EXPECT_EQ(0, set_cpuid(self->guest.vm, &one, 1));
	EXPECT_EQ(-EINVAL, set_cpuid(self->guest.vm, &bad, 1));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, set_cpuid(self->guest.vm, &one, 1));
	}
	EXPECT_EQ(0, set_cpuid(self->guest.vm, NULL, 0));
	EXPECT_LEAF(0x40000010, 0, 0, 0, 0, 0);
	EXPECT_EQ(-EBUSY, set_cpuid(self->guest.vm, &one, 1));
	EXPECT_EQ(-EINVAL, set_cpuid(self->guest.vm, &bad, 1));
	EXPECT_LEAF(0x40000010, 0, 0, 0, 0, 0);
}

/* A set that fails changes nothing. */
TEST_F(cpuid, all_or_nothing)
{
	const struct kev_cpuid_entry one = { 0x40000010, 0, 0, 0, { 1 }, FULL };
	const struct kev_cpuid_entry two[] = {
		{ 0x40000010, 0, 0, 0, { 2 }, FULL },
		{ 0x1, 0, 0, 0, { 0, 0, 1 << 5 }, FULL },
	};
	const struct kev_cpuid_entry twice[] = {
		{ 0x40000010, 0, 0, 0, { 2 }, FULL },
		{ 0x40000010, 0, 0, 0, { 2 }, FULL },
	};

	EXPECT_EQ(0, set_cpuid(self->guest.vm, &one, 1));
	EXPECT_EQ(-EINVAL, set_cpuid(self->guest.vm, two, 2));
	EXPECT_EQ(-EINVAL, set_cpuid(self->guest.vm, twice, 2));
	EXPECT_LEAF(0x40000010, 0, 1, 0, 0, 0);
}

TEST_F(cpuid, of_one_vm)
{
	const struct kev_cpuid_entry one = { 0x40000010, 0, 0, 0, { 1 }, FULL };
	struct kt_guest other;
	uint32_t regs[4];

	EXPECT_EQ(0, set_cpuid(self->guest.vm, &one, 1));
	ASSERT_EQ(0, kt_insn_init(&other, 0));
	EXPECT_LEAF(0x40000010, 0, 1, 0, 0, 0);
	EXPECT_EQ(KT_DONE, kt_cpuid(&other, 0x40000010, 0, regs));
	EXPECT_EQ(0, regs[0]);
	kt_guest_fini(&other);
}

static int write_cr4(struct kt_guest *guest, uint64_t value)
{
	uint64_t gpr[KEV_NR_GPRS] = { [KEV_RAX] = value };

	return kt_insn(guest, KT_MOV_TO_CR4, gpr);
}

static int write_xcr0(struct kt_guest *guest, uint64_t value)
{
	uint64_t gpr[KEV_NR_GPRS] = { [KEV_RAX] = (uint32_t)value, [KEV_RDX] = value >> 32 };

	return kt_insn(guest, KT_XSETBV, gpr);
}

/* Bits of a register of a leaf that the policy gives, of those asked for */
static uint32_t offered(int vm, uint32_t leaf, int reg, uint32_t bits)
{
	struct kev_cpuid_entry entries[KEV_MAX_CPUID_ENTRIES];
	uint32_t nr = KEV_MAX_CPUID_ENTRIES;

	if (get_cpuid(vm, entries, &nr))
		return 0;
	for (uint32_t i = 0; i < nr; i++)
		if (entries[i].leaf == leaf && !entries[i].subleaf)
			return entries[i].value[reg] & bits;
	return 0;
}

/* Without its bit in CPUID, the guest cannot turn on what the CPU has. */
TEST_F(cpuid, no_smep)
{
	const struct kev_cpuid_entry gone = { 7, 0, KEV_CPUID_SUBLEAF, 0, { 0 }, { 0, SMEP } };

	if (!offered(self->guest.vm, 7, 1, SMEP))
		SKIP(return, "no SMEP on this CPU");
	ASSERT_EQ(0, set_cpuid(self->guest.vm, &gone, 1));
	EXPECT_EQ(KT_FAULT, write_cr4(&self->guest, CR4_BOOT | CR4_SMEP));
	EXPECT_EQ(KT_DONE, write_cr4(&self->guest, CR4_BOOT));
}

TEST_F(cpuid, smep_otherwise)
{
	if (!offered(self->guest.vm, 7, 1, SMEP))
		SKIP(return, "no SMEP on this CPU");
	EXPECT_EQ(KT_DONE, write_cr4(&self->guest, CR4_BOOT | CR4_SMEP));
}

TEST_F(cpuid, no_xsave)
{
	const struct kev_cpuid_entry gone = { 1, 0, 0, 0, { 0 }, { 0, 0, XSAVE } };

	if (!offered(self->guest.vm, 1, 2, XSAVE))
		SKIP(return, "no XSAVE on this CPU");
	ASSERT_EQ(0, set_cpuid(self->guest.vm, &gone, 1));
	EXPECT_EQ(KT_FAULT, write_cr4(&self->guest, CR4_BOOT | CR4_OSXSAVE));
	EXPECT_EQ(KT_FAULT, write_xcr0(&self->guest, 1));
	EXPECT_LEAF(0xd, 0, 0, 0, 0, 0);
}

TEST_F(cpuid, no_avx)
{
	const struct kev_cpuid_entry gone = { 1, 0, 0, 0, { 0 }, { 0, 0, AVX } };

	if (!offered(self->guest.vm, 1, 2, AVX))
		SKIP(return, "no AVX on this CPU");
	ASSERT_EQ(0, set_cpuid(self->guest.vm, &gone, 1));
	ASSERT_EQ(KT_DONE, write_cr4(&self->guest, CR4_BOOT | CR4_OSXSAVE));
	EXPECT_EQ(KT_FAULT, write_xcr0(&self->guest, 7));
	EXPECT_EQ(KT_DONE, write_xcr0(&self->guest, 3));
	/* 576 bytes: the legacy area and the header */
	EXPECT_LEAF(0xd, 0, 3, 576, 576, 0);
	EXPECT_LEAF(0xd, 2, 0, 0, 0, 0);
}

TEST_F(cpuid, xcr0_rules)
{
	static const struct {
		uint64_t value;
		int kind;
		uint32_t size;
	} values[] = {
		{ 1, KT_DONE, 576 }, { 3, KT_DONE, 576 }, { 7, KT_DONE, 832 },
		{ 0, KT_FAULT, 832 }, { 2, KT_FAULT, 832 }, { 5, KT_FAULT, 832 },
		{ 6, KT_FAULT, 832 }, { 1UL << 63 | 7, KT_FAULT, 832 }, { 0x18 | 7, KT_FAULT, 832 },
		{ 0x207, KT_FAULT, 832 }, { 1, KT_DONE, 576 },
	};
	uint64_t gpr[KEV_NR_GPRS] = { [KEV_RCX] = 1, [KEV_RAX] = 1 };
	uint32_t regs[4];

	if (!offered(self->guest.vm, 1, 2, AVX))
		SKIP(return, "no AVX on this CPU");
	/* Without OSXSAVE: #UD */
	EXPECT_EQ(KT_FAULT, write_xcr0(&self->guest, 1));
	ASSERT_EQ(KT_DONE, write_cr4(&self->guest, CR4_BOOT | CR4_OSXSAVE));
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		EXPECT_EQ(values[i].kind, write_xcr0(&self->guest, values[i].value)) {
			TH_LOG("XCR0 %lx", values[i].value);
		}
		EXPECT_EQ(KT_DONE, kt_cpuid(&self->guest, 0xd, 0, regs));
		EXPECT_EQ(values[i].size, regs[1]) {
			TH_LOG("XCR0 %lx", values[i].value);
		}
	}
	/* There is no XCR1. */
	EXPECT_EQ(KT_FAULT, kt_insn(&self->guest, KT_XSETBV, gpr));
	/* The upper half of RCX does not count. */
	gpr[KEV_RCX] = 1UL << 32;
	gpr[KEV_RAX] = 1UL << 40 | 3;
	gpr[KEV_RDX] = 1UL << 35;
	EXPECT_EQ(KT_DONE, kt_insn(&self->guest, KT_XSETBV, gpr));
}

TEST_F(cpuid, no_nx)
{
	const struct kev_cpuid_entry gone = {
		0x80000001, 0, 0, 0, { 0 }, { 0, 0, 0, 1 << 20 },
	};

	ASSERT_EQ(0, set_cpuid(self->guest.vm, &gone, 1));
	EXPECT_EQ(KT_FAULT, kt_wrmsr(&self->guest, EFER, 0xd00));
	EXPECT_EQ(KT_DONE, kt_wrmsr(&self->guest, EFER, 0x501));
}

/* A vCPU that has already what its VM is not to have does not run until it is changed. */
TEST_F(cpuid, state_does_not_fit)
{
	const struct kev_cpuid_entry gone = { 7, 0, KEV_CPUID_SUBLEAF, 0, { 0 }, { 0, SMEP } };
	struct kev_vcpu_state state = { 0 };

	if (!offered(self->guest.vm, 7, 1, SMEP))
		SKIP(return, "no SMEP on this CPU");
	ASSERT_EQ(0, kt_get_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	state.controls.cr4 |= CR4_SMEP;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	ASSERT_EQ(0, set_cpuid(self->guest.vm, &gone, 1));
	EXPECT_EQ(-EINVAL, kt_run(self->guest.vcpu));
	EXPECT_EQ(0, kt_vcpu_stats(self->guest.vcpu).entries);
	EXPECT_EQ(-EINVAL, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	state.controls.cr4 &= ~CR4_SMEP;
	ASSERT_EQ(0, kt_set_state(self->guest.vcpu, KEV_STATE_CONTROLS, &state));
	EXPECT_EQ(KT_FAULT, write_cr4(&self->guest, CR4_BOOT | CR4_SMEP));
}

/* The number of vCPUs, their ids, and what they share, whatever the ids are */
/* INIT leaves the VM's signature in EDX. The bootstrap processor goes on at the reset vector. */
TEST_F(cpuid, signature_after_init)
{
	static const struct kev_cpuid_entry entry = {
		.leaf = 1, .value = { 0x54321 }, .mask = { ALL },
	};
	const struct kev_signal init = {
		.size = sizeof(init), .address = 0xfee00000, .data = 0x500,
	};
	struct kev_query query = { .size = sizeof(query) };

	ASSERT_EQ(0, kt_ioctl(self->guest.kev, KEV_QUERY, &query));
	if (!(query.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		SKIP(return, "the CPU cannot run real mode in a guest");
	ASSERT_EQ(0, set_cpuid(self->guest.vm, &entry, 1));
	ASSERT_EQ(0, kt_ioctl(self->guest.vm, KEV_VM_SIGNAL, &init));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_MEMORY, self->guest.run->kind);
	EXPECT_EQ(0xfff0, self->guest.run->rip);
	EXPECT_EQ(0x54321, self->guest.run->gpr[KEV_RDX]);
}

TEST_F(cpuid, topology)
{
	static const uint32_t ids[] = { 0, 7, 64, 254 };
	struct kt_guest guests[ARRAY_SIZE(ids)] = { self->guest };
	uint32_t regs[4];

	for (size_t i = 1; i < ARRAY_SIZE(ids); i++) {
		guests[i] = self->guest;
		guests[i].vcpu = kt_create_vcpu(self->guest.vm, ids[i]);
		ASSERT_LE(0, guests[i].vcpu);
		guests[i].run = kt_map_run(guests[i].vcpu);
		ASSERT_NE(NULL, guests[i].run);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		ASSERT_EQ(KT_DONE, kt_cpuid(&guests[i], 1, 0, regs));
		EXPECT_EQ(ids[i] << 24 | 4 << 16, regs[1] & 0xffff0000);
		EXPECT_EQ(1 << 28, regs[3] & 1 << 28);
		ASSERT_EQ(KT_DONE, kt_cpuid(&guests[i], 4, 0, regs));
		EXPECT_EQ(3, regs[0] >> 26);
		ASSERT_EQ(KT_DONE, kt_cpuid(&guests[i], 0xb, 0, regs));
		EXPECT_EQ(0x100, regs[2]);
		EXPECT_EQ(ids[i], regs[3]);
		ASSERT_EQ(KT_DONE, kt_cpuid(&guests[i], 0xb, 1, regs));
		/* All ids are of one package. */
		EXPECT_EQ(0, ids[i] >> regs[0]);
		EXPECT_EQ(4, regs[1]);
		EXPECT_EQ(0x201, regs[2]);
		EXPECT_EQ(ids[i], regs[3]);
	}
	for (size_t i = 1; i < ARRAY_SIZE(ids); i++) {
		kt_unmap_run(guests[i].run);
		close(guests[i].vcpu);
	}
}

TEST_F(cpuid, id_again_and_again)
{
	struct kt_guest guest = self->guest;
	uint32_t regs[4];

	guest.vcpu = kt_create_vcpu(self->guest.vm, 0xba);
	ASSERT_LE(0, guest.vcpu);
	guest.run = kt_map_run(guest.vcpu);
	for (int i = 0; i < 0x100; i++) {
		ASSERT_EQ(KT_DONE, kt_cpuid(&guest, 1, 0, regs));
		ASSERT_EQ(0xba, regs[1] >> 24);
	}
	kt_unmap_run(guest.run);
	close(guest.vcpu);
}

TEST_HARNESS_MAIN
