// SPDX-License-Identifier: GPL-2.0
/*
 * An MSR that nobody handles gives #GP(0), with RIP at the instruction and
 * without a change to RAX and RDX. Exit 0, or the number of the check that
 * failed.
 */
#include "exception.h"

#define UNKNOWN_MSR	0x0badc0deU
#define ROUNDS		100

u64 main(u64 boot_info, u64 vcpu_id)
{
	u64 rax, rdx;

	(void)boot_info;
	(void)vcpu_id;
	exceptions_init();
	for (int i = 0; i < ROUNDS; i++) {
		rax = 0x1111111111111111;
		rdx = 0x2222222222222222;
		asm volatile(FAULTING("rdmsr") : "+a"(rax), "+d"(rdx)
			     : "c"(UNKNOWN_MSR) : "r11", "memory");
		expect(1, "RDMSR gives #GP(0)", exception_taken(VECTOR_GP, 0), true);
		expect(2, "RAX after RDMSR", rax, 0x1111111111111111);
		expect(3, "RDX after RDMSR", rdx, 0x2222222222222222);

		asm volatile(FAULTING("wrmsr") : "+a"(rax), "+d"(rdx)
			     : "c"(UNKNOWN_MSR) : "r11", "memory");
		expect(4, "WRMSR gives #GP(0)", exception_taken(VECTOR_GP, 0), true);
	}
	expect(5, "exceptions", exception_count, 2 * ROUNDS);

	/* A known MSR still works, and a value that it cannot hold is a #GP(0) too. */
	wrmsr(MSR_LSTAR, 0xffff800000001234);
	asm volatile(FAULTING("wrmsr") : : "c"(MSR_LSTAR), "a"(0), "d"(0x00800000)
		     : "r11", "memory");
	expect(6, "WRMSR of a non-canonical LSTAR", exception_taken(VECTOR_GP, 0), true);
	expect(7, "LSTAR after that", rdmsr(MSR_LSTAR), 0xffff800000001234);
	print("badmsr: ok\n");
	return 0;
}
