// SPDX-License-Identifier: GPL-2.0
/*
 * Guards against a guest's XCR0 that stays in the CPU: with a smaller one than
 * the host's, the host's next AVX instruction would fault or lose state.
 */
#include "kselftest_harness.h"
#include <cpuid.h>
#include "kevtest.h"

#define OSXSAVE	(1U << 27)	/* CPUID.1:ECX */

/* CR4.OSXSAVE, XCR0 = 1 (x87 alone), then HaltCpu with what XGETBV gives back */
KT_CODE(smallest_xcr0,
	"mov %cr4, %rax\n"
	"or $0x40000, %rax\n"
	"mov %rax, %cr4\n"
	"xor %ecx, %ecx\n"
	"xor %edx, %edx\n"
	"mov $1, %eax\n"
	"xsetbv\n"
	"xor %eax, %eax\n"
	"xgetbv\n"
	"mov %rax, %rdi\n"
	KT_HALT);

static bool has_xsave(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & OSXSAVE);
}

static uint64_t read_xcr0(void)
{
	uint32_t eax, edx;

	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	return (uint64_t)edx << 32 | eax;
}

TEST(host_keeps_its_xcr0)
{
	struct kt_guest guest;
	uint64_t before;

	if (!has_xsave())
		SKIP(return, "the host has no XSAVE");
	before = read_xcr0();
	/* With 1 in the host as well nothing could show. */
	ASSERT_NE(1, before);
	ASSERT_EQ(0, kt_guest_init(&guest, &smallest_xcr0, 0, NULL));
	ASSERT_EQ(0, kt_run_to_report(&guest));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, guest.run->kind);
	EXPECT_EQ(1, guest.run->exit_code);
	EXPECT_EQ(before, read_xcr0());
	kt_guest_fini(&guest);
}

TEST_HARNESS_MAIN
