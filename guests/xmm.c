// SPDX-License-Identifier: GPL-2.0
/*
 * Vector registers keep their values over exits: the sixteen XMM registers, and
 * where CPUID has AVX the whole YMM registers after an XSETBV. Exit 0, or the
 * number of the check that failed. Prints what it has tested.
 */
#include "guest.h"

#define ROUNDS		1000
#define NR_REGISTERS	16
#define CR4_OSXSAVE	BIT(18)
#define XCR0_X87_SSE_AVX 7

/* CPUID leaf 1, ECX */
#define XSAVE		BIT(26)
#define OSXSAVE		BIT(27)
#define AVX		BIT(28)

#define EACH_REGISTER(m)						\
	m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)				\
	m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)

#define LOAD_XMM(n)	"movdqu 16*" #n "(%%r8), %%xmm" #n "\n\t"
#define STORE_XMM(n)	"movdqu %%xmm" #n ", 16*" #n "(%%r9)\n\t"
#define LOAD_YMM(n)	"vmovdqu 32*" #n "(%%r8), %%ymm" #n "\n\t"
#define STORE_YMM(n)	"vmovdqu %%ymm" #n ", 32*" #n "(%%r9)\n\t"

/* An exit that is answered at once, and a hypercall: Print of no bytes */
#define EXITS								\
	"xor %%eax, %%eax\n\t"						\
	"cpuid\n\t"							\
	"mov $1, %%eax\n\t"						\
	"mov %%r8, %%rdi\n\t"						\
	"xor %%esi, %%esi\n\t"						\
	"vmcall\n\t"

#define ROUND_TRIP(name, load, store)					\
static void name(const u64 *in, u64 *out)				\
{									\
	register const u64 *r8 asm("r8") = in;				\
	register u64 *r9 asm("r9") = out;				\
									\
	asm volatile(EACH_REGISTER(load) EXITS EACH_REGISTER(store)	\
		     : : "r"(r8), "r"(r9)				\
		     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory"); \
}

ROUND_TRIP(xmm_round_trip, LOAD_XMM, STORE_XMM)
ROUND_TRIP(ymm_round_trip, LOAD_YMM, STORE_YMM)

static void check(u64 number, const char *what, void (*round_trip)(const u64 *, u64 *), int words,
		  u64 seed)
{
	/* On the stack: several vCPUs may run this. */
	u64 in[NR_REGISTERS * 4], out[NR_REGISTERS * 4];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < words; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			in[i] = seed;
			out[i] = 0;
		}
		round_trip(in, out);
		for (int i = 0; i < words; i++)
			expect(number, what, out[i], in[i]);
	}
	print(what);
	print(": ok\n");
}

static void enable_avx(void)
{
	u32 low, high;

	write_cr4(read_cr4() | CR4_OSXSAVE);
	expect(3, "CPUID has OSXSAVE", cpuid(1, 0).rcx & OSXSAVE, OSXSAVE);
	asm volatile("xsetbv" : : "a"(XCR0_X87_SSE_AVX), "c"(0), "d"(0) : "memory");
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	expect(4, "XCR0", (u64)high << 32 | low, XCR0_X87_SSE_AVX);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	check(1, "xmm", xmm_round_trip, NR_REGISTERS * 2, vcpu_id);
	if (~cpuid(1, 0).rcx & (XSAVE | AVX))
		return 0;
	enable_avx();
	check(2, "ymm", ymm_round_trip, NR_REGISTERS * 4, vcpu_id);
	return 0;
}
