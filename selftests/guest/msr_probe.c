// SPDX-License-Identifier: GPL-2.0
/*
 * A guest reads and writes every MSR from 0 to 0x1fff and from 0xc0000000 to 0xc0001fff.
 * Guards that each does what Documentation/msrs.rst says, on every CPU, and that none of
 * the host's has changed: the module of selftests/modules/abi reads those.
 */
#include "kselftest_harness.h"

#include <cpuid.h>
#include <fcntl.h>

#include "kevtest.h"

#define MODULE		"/selftests/modules/kev_abi_test.ko"
#define NAME		"kev_abi_test"
#define HOST_MSRS	"/proc/kev_host_msrs"

#define RANGE		0x2000U
#define HIGH		0xc0000000U
#define NR		(2 * RANGE)

/* Where the guest leaves what it has found: a byte and a number for each */
#define OUTCOMES	0x20000
#define VALUES		0x30000

/* What is possible, in the order in which the guest tries */
#define R	1		/* reads */
#define W0	2		/* takes 0 */
#define W	4		/* takes 0x12345678 */
#define KEEPS	8		/* and gives it back */

#define VALUE	(R | W0 | W | KEEPS)
#define ZERO	(R | W0 | W)
#define ONLY_W	(W0 | W)

/*
 * An IDT of one gate, for #GP: the instruction, of two bytes, is skipped and R15 is 1.
 * R12 counts, ECX is the index.
 */
KT_CODE(probe,
	"lea handler(%rip), %rax\n"
	"mov %eax, %edx\n and $0xffff, %edx\n or $0x80000, %edx\n mov %edx, 0x100d0\n"
	"mov %eax, %edx\n and $0xffff0000, %edx\n or $0x8e00, %edx\n mov %edx, 0x100d4\n"
	"movq $0, 0x100d8\n"
	"sub $16, %rsp\n movw $0xdf, (%rsp)\n movq $0x10000, 2(%rsp)\n lidt (%rsp)\n"
	"xor %r12d, %r12d\n"
	"next:\n"
	"mov %r12d, %r13d\n"
	"cmp $0x2000, %r12d\n jb 1f\n"
	"add $(0xc0000000 - 0x2000), %r13d\n"
	"1: xor %r14d, %r14d\n"
	/* Read */
	"mov %r13d, %ecx\n xor %r15d, %r15d\n xor %eax, %eax\n xor %edx, %edx\n rdmsr\n"
	"shl $32, %rdx\n or %rax, %rdx\n mov %rdx, %rbx\n"
	"mov %rdx, 0x30000(,%r12,8)\n"
	"test %r15, %r15\n jnz 2f\n or $1, %r14d\n"
	/* Write zero */
	"2: xor %r15d, %r15d\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"
	"test %r15, %r15\n jnz 3f\n or $2, %r14d\n"
	/* Write a number, and see whether it is there */
	"3: xor %r15d, %r15d\n mov $0x12345678, %eax\n wrmsr\n"
	"test %r15, %r15\n jnz 4f\n or $4, %r14d\n"
	"xor %eax, %eax\n rdmsr\n"
	"test %r15, %r15\n jnz 4f\n"
	"cmp $0x12345678, %eax\n jne 4f\n"
	"test %edx, %edx\n jnz 4f\n or $8, %r14d\n"
	/* What was there before */
	"4: test $1, %r14d\n jz 5f\n"
	"mov %ebx, %eax\n mov %rbx, %rdx\n shr $32, %rdx\n wrmsr\n"
	"5: mov %r14b, 0x20000(%r12)\n"
	"inc %r12d\n cmp $0x4000, %r12d\n jb next\n"
	"xor %edi, %edi\n" KT_HALT
	"handler: add $8, %rsp\n addq $2, (%rsp)\n mov $1, %r15d\n iretq\n");

/* The table of Documentation/msrs.rst: all others are #GP. */
static const struct expected {
	const char *name;
	uint32_t first, last;
	uint8_t outcome;
	bool has_value;
	uint64_t value;
} expected[] = {
	{ "TSC", 0x10, 0x10, ZERO, false, 0 },
	{ "PLATFORM_ID", 0x17, 0x17, R, true, 0 },
	{ "APIC_BASE", 0x1b, 0x1b, R | W0, true, 0xfee00900 },
	{ "EBL_CR_POWERON", 0x2a, 0x2a, ZERO, true, 0 },
	{ "EBC_FREQUENCY_ID", 0x2c, 0x2c, R, true, 0 },
	{ "SMI_COUNT", 0x34, 0x34, R, true, 0 },
	{ "FEATURE_CONTROL", 0x3a, 0x3a, R, true, 1 },
	{ "TSC_ADJUST", 0x3b, 0x3b, VALUE, false, 0 },
	{ "BIOS_UPDT_TRIG", 0x79, 0x79, ONLY_W, false, 0 },
	{ "BIOS_SIGN_ID", 0x8b, 0x8b, ZERO, true, 1UL << 32 },
	{ "PMC0 and 1", 0xc1, 0xc2, ZERO, true, 0 },
	{ "FSB_FREQ", 0xcd, 0xcd, R, true, 0 },
	{ "PLATFORM_INFO", 0xce, 0xce, R, true, 0 },
	{ "MTRRCAP", 0xfe, 0xfe, R, true, 0 },
	{ "BBL_CR_CTL", 0x119, 0x119, ZERO, true, 0 },
	{ "BBL_CR_CTL3", 0x11e, 0x11e, ZERO, true, 0 },
	{ "MISC_FEATURES_ENABLES", 0x140, 0x140, ZERO, true, 0 },
	{ "SYSENTER", 0x174, 0x176, VALUE, true, 0 },
	{ "MCG_CAP", 0x179, 0x179, R, true, 0 },
	{ "MCG_STATUS", 0x17a, 0x17a, ZERO, true, 0 },
	{ "PERFEVTSEL0 and 1", 0x186, 0x187, ZERO, true, 0 },
	{ "PERF_STATUS", 0x198, 0x198, R, true, 0 },
	{ "PERF_CTL", 0x199, 0x199, ZERO, true, 0 },
	{ "thermal", 0x19a, 0x19c, ZERO, true, 0 },
	{ "MISC_ENABLE", 0x1a0, 0x1a0, ZERO, true, 0x1801 },
	{ "TEMPERATURE_TARGET", 0x1a2, 0x1a2, R, true, 0 },
	{ "TURBO_RATIO_LIMIT", 0x1ad, 0x1ad, R, true, 0 },
	{ "LBR_TOS", 0x1c9, 0x1c9, ZERO, true, 0 },
	{ "DEBUGCTL", 0x1d9, 0x1d9, ZERO, true, 0 },
	{ "PAT", 0x277, 0x277, R | W0, true, 0x0007040600070406 },
	{ "MTRR_DEF_TYPE", 0x2ff, 0x2ff, ZERO, true, 0x806 },
	{ "PERF_CAPABILITIES", 0x345, 0x345, R, true, 0 },
	{ "FIXED_CTR_CTRL", 0x38d, 0x38d, ZERO, true, 0 },
	{ "PERF_GLOBAL_STATUS", 0x38e, 0x38e, R, true, 0 },
	{ "PERF_GLOBAL_CTRL and OVF_CTRL", 0x38f, 0x390, ZERO, true, 0 },
	{ "RAPL_POWER_UNIT", 0x606, 0x606, R, true, 0 },
	{ "PKG_ENERGY_STATUS", 0x611, 0x611, R, true, 0 },
	{ "DRAM_ENERGY_STATUS", 0x619, 0x619, R, true, 0 },
	{ "PP0_ENERGY_STATUS", 0x639, 0x639, R, true, 0 },
	{ "PP1_ENERGY_STATUS", 0x641, 0x641, R, true, 0 },
	{ "TSC_DEADLINE", 0x6e0, 0x6e0, ZERO, true, 0 },
	{ "the test module's FIFO", 0xabc, 0xabc, ONLY_W, false, 0 },
	{ "EFER", 0xc0000080, 0xc0000080, R, true, 0x500 },
	{ "STAR to SFMASK", 0xc0000081, 0xc0000084, VALUE, true, 0 },
	{ "segment bases", 0xc0000100, 0xc0000102, VALUE, true, 0 },
	/* TSC_AUX is 0xc0000103: there with RDTSCP. */
};

/* Of the host's these change by themselves. */
static const struct {
	const char *name;
	uint32_t first, last;
} moving[] = {
	{ "TSC", 0x10, 0x10 },
	{ "SMI_COUNT", 0x34, 0x34 },
	{ "counters", 0xc1, 0xc8 },
	{ "MPERF, APERF", 0xe7, 0xe8 },
	{ "frequency and temperature", 0x198, 0x1b2 },
	{ "fixed counters", 0x309, 0x30c },
	{ "residencies and energy", 0x3f8, 0x3ff },
	{ "residencies and energy", 0x600, 0x660 },
	{ "TSC_DEADLINE", 0x6e0, 0x6e0 },
	{ "local APIC", 0x800, 0x8ff },
	{ "FS base of the thread", 0xc0000100, 0xc0000100 },
};

static uint32_t index_of(uint32_t n)
{
	return n < RANGE ? n : HIGH + n - RANGE;
}

static bool moves(uint32_t index)
{
	for (size_t i = 0; i < ARRAY_SIZE(moving); i++)
		if (index >= moving[i].first && index <= moving[i].last)
			return true;
	return false;
}

struct record {
	uint64_t valid, value;
};

/* All of the host's, on this CPU */
static bool read_host(struct record *records)
{
	const size_t size = RANGE * sizeof(*records);
	int fd = open(HOST_MSRS, O_RDONLY);
	bool ok;

	ok = fd >= 0 && pread(fd, records, size, 0) == (ssize_t)size &&
	     pread(fd, records + RANGE, size, (off_t)HIGH * sizeof(*records)) == (ssize_t)size;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool guest_has_rdtscp(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && edx & 1 << 27;
}

FIXTURE(probe) {
	struct kt_guest guest;
	struct record before[NR], after[NR];
	uint8_t outcomes[NR];
	uint64_t values[NR];
};

FIXTURE_SETUP(probe)
{
	ASSERT_EQ(0, kt_load_module(MODULE));
	/* What is compared is of one CPU. */
	ASSERT_EQ(0, kt_pin(0));
	ASSERT_EQ(0, kt_guest_init(&self->guest, &probe, 0, NULL));
	ASSERT_TRUE(read_host(self->before));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	ASSERT_TRUE(read_host(self->after));
	ASSERT_EQ(NR, kt_read_guest(self->guest.vm, OUTCOMES, self->outcomes, NR));
	ASSERT_EQ(sizeof(self->values), kt_read_guest(self->guest.vm, VALUES, self->values,
						      sizeof(self->values)));
}

FIXTURE_TEARDOWN(probe)
{
	kt_guest_fini(&self->guest);
	kt_unload_module(NAME);
}

static struct expected expected_of(uint32_t index)
{
	const struct expected nobody = { "nobody's", index, index, 0, false, 0 };

	if (index == 0xc0000103 && guest_has_rdtscp())
		return (struct expected) { "TSC_AUX", index, index, VALUE, true, 0 };
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (index >= expected[i].first && index <= expected[i].last)
			return expected[i];
	return nobody;
}

TEST_F(probe, every_msr)
{
	for (uint32_t n = 0; n < NR; n++) {
		const struct expected e = expected_of(index_of(n));

		EXPECT_EQ(e.outcome, self->outcomes[n]) {
			TH_LOG("MSR %x, %s", index_of(n), e.name);
		}
		if (e.has_value) {
			EXPECT_EQ(e.value, self->values[n]) {
				TH_LOG("MSR %x, %s", index_of(n), e.name);
			}
		}
	}
	for (uint32_t n = 0; n < NR; n++) {
		if (moves(index_of(n)))
			continue;
		EXPECT_EQ(self->before[n].valid, self->after[n].valid) {
			TH_LOG("the host's MSR %x", index_of(n));
		}
		EXPECT_EQ(self->before[n].value, self->after[n].value) {
			TH_LOG("the host's MSR %x", index_of(n));
		}
	}
	/* The window shows something: EFER, with long mode. */
	EXPECT_EQ(1, self->before[RANGE + 0x80].valid);
	EXPECT_EQ(0x500, self->before[RANGE + 0x80].value & 0x500);
}

TEST_HARNESS_MAIN
