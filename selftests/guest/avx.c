// SPDX-License-Identifier: GPL-2.0
/*
 * Guards that vector registers of guests and of the host are kept apart: two guests and
 * a thread of the host that take turns on one CPU each find their own, whenever they are
 * preempted.
 */
#include "kselftest_harness.h"

#include <cpuid.h>
#include <sys/resource.h>

#include "kevtest.h"

#define STOP_GPA		0x90000
#define AVX_AND_OSXSAVE	(1U << 28 | 1U << 27)	/* CPUID.1:ECX */

/*
 * Each ymm register holds a pattern of its own number and of RSI, the vCPU's id; it is
 * looked at again and again, until the host has written to STOP_GPA. HaltCpu(0), or with
 * the number of a register that is wrong, from 1.
 */
#define FILL(n)								\
	"lea " #n "(%rsi,%rsi,4), %eax\n imul $0x01030507, %eax, %eax\n"	\
	"vmovd %eax, %xmm" #n "\n vpshufd $0, %xmm" #n ", %xmm" #n "\n"	\
	"vinsertf128 $1, %xmm" #n ", %ymm" #n ", %ymm" #n "\n"
#define LOOK(n)								\
	"lea " #n "(%rsi,%rsi,4), %eax\n imul $0x01030507, %eax, %eax\n"	\
	"mov $" #n " + 1, %edi\n"					\
	"vmovups %ymm" #n ", -64(%rsp)\n"				\
	"cmp %eax, -64(%rsp)\n jne 9f\n cmp %eax, -52(%rsp)\n jne 9f\n"	\
	"cmp %eax, -48(%rsp)\n jne 9f\n cmp %eax, -36(%rsp)\n jne 9f\n"
#define ALL(what)							\
	what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)	\
	what(8) what(9) what(10) what(11) what(12) what(13) what(14) what(15)

KT_CODE(guest_code,
	"mov %cr4, %rax\n or $0x40000, %rax\n mov %rax, %cr4\n"
	"xor %ecx, %ecx\n xor %edx, %edx\n mov $7, %eax\n xsetbv\n"
	"inc %esi\n"
	ALL(FILL)
	"1:\n" ALL(LOOK)
	"cmpl $0, 0x90000\n je 1b\n"		/* STOP_GPA */
	"xor %edi, %edi\n"
	"9:\n" KT_HALT);

static bool has_avx(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
	       (ecx & AVX_AND_OSXSAVE) == AVX_AND_OSXSAVE;
}

/* The same on the host: fill, wait, look. Number of the register that is wrong, or 0. */
static int look_at_host(unsigned int turns)
{
	uint8_t before[16 * 32], after[16 * 32];

	for (size_t i = 0; i < sizeof(before); i++)
		before[i] = 0xa5 ^ i ^ i >> 8;
#define LOAD(n)		"vmovups " #n " * 32(%[before]), %%ymm" #n "\n"
#define STORE(n)	"vmovups %%ymm" #n ", " #n " * 32(%[after])\n"
	asm volatile(ALL(LOAD)
		     "1: dec %[turns]\n jnz 1b\n"
		     ALL(STORE)
		     : [turns] "+r"(turns)
		     : [before] "r"(before), [after] "r"(after)
		     : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
		       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	for (size_t i = 0; i < sizeof(before); i++)
		if (before[i] != after[i])
			return i / 32 + 1;
	return 0;
}

TEST(kept_apart)
{
	struct kt_runner runners[2];
	struct kt_guest guests[2];
	struct rusage usage;
	uint32_t stop = 1;
	int rounds = 0;

	if (!has_avx())
		SKIP(return, "no AVX on the host");
	ASSERT_EQ(0, kt_pin(0));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_guest_init(&guests[i], &guest_code, 0, NULL));
	}
	/* Two VMs with vCPU 0 would have the same values. */
	close(guests[1].vcpu);
	kt_unmap_run(guests[1].run);
	guests[1].vcpu = kt_create_vcpu(guests[1].vm, 7);
	ASSERT_LE(0, guests[1].vcpu);
	guests[1].run = kt_map_run(guests[1].vcpu);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, kt_runner_start(&runners[i], guests[i].vcpu, 0));
	}
	/* Until they have taken turns, against their will */
	do {
		ASSERT_EQ(0, look_at_host(200000)) {
			TH_LOG("round %d", rounds);
		}
		rounds++;
		ASSERT_EQ(0, getrusage(RUSAGE_SELF, &usage));
	} while ((rounds < 2 || usage.ru_nivcsw <= 10) &&
		 kt_status(guests[0].vm).state == KEV_VM_ALIVE &&
		 kt_status(guests[1].vm).state == KEV_VM_ALIVE);
	EXPECT_LT(10, usage.ru_nivcsw);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ((long)sizeof(stop),
			  kt_write_guest(guests[i].vm, STOP_GPA, &stop, sizeof(stop)));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, kt_runner_join(&runners[i]));
		EXPECT_EQ(KEV_EXIT_VM_EXITED, guests[i].run->kind);
		EXPECT_EQ(0, guests[i].run->exit_code);
		kt_guest_fini(&guests[i]);
	}
}

TEST_HARNESS_MAIN
