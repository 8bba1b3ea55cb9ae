// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercall 77 with six arguments, which no ABI of kev's knows: user space
 * gets it and answers. The answer is the exit code; 0xbad if any register but
 * RAX changed.
 */
#include "guest.h"

#define NUMBER	77

u64 main(u64 boot_info, u64 vcpu_id)
{
	register u64 r10 asm("r10") = 0xa4;
	register u64 r9 asm("r9") = 0xa5;
	register u64 r8 asm("r8") = 0xa6;
	register u64 r11 asm("r11") = 0x11;
	u64 rax = NUMBER, rdi = 0xa1, rsi = 0xa2, rdx = 0xa3, rcx = 0xcc, rbx = 0xbb;

	(void)boot_info;
	(void)vcpu_id;
	asm volatile("vmcall" : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+c"(rcx), "+b"(rbx),
		     "+r"(r10), "+r"(r9), "+r"(r8), "+r"(r11) : : "memory");
	if (rdi != 0xa1 || rsi != 0xa2 || rdx != 0xa3 || r10 != 0xa4 || r9 != 0xa5 || r8 != 0xa6 ||
	    rcx != 0xcc || rbx != 0xbb || r11 != 0x11)
		return 0xbad;
	return rax;
}
