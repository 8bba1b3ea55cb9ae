/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IDT for guests that provoke exceptions on purpose. One vCPU only.
 *
 *	exceptions_init();
 *	asm volatile(FAULTING("ud2") : : : "r11", "memory");
 *	expect(1, "ud2", exception_taken(VECTOR_UD, 0), true);
 *
 * An exception outside FAULTING() is printed and ends the VM with
 * EXIT_EXCEPTION.
 */
#ifndef GUEST_EXCEPTION_H
#define GUEST_EXCEPTION_H

#include "guest.h"

#define VECTOR_UD	6
#define VECTOR_GP	13
#define VECTOR_PF	14

/* As isr.S builds it on the stack */
struct exception_frame {
	u64 r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	u64 vector;
	u64 error;
	u64 rip, cs, rflags, rsp, ss;
};

extern u64 exception_expected;	/* address of the instruction that is to fault */
extern u64 exception_fixup;	/* where to go on after it, 0: no fault is expected */

/* Exceptions since exceptions_init() */
extern u64 exception_count;

/* The one instruction @insn may fault and is then skipped; clobbers R11. */
#define FAULTING(insn)							\
	"leaq 1f(%%rip), %%r11\n\t"					\
	"movq %%r11, exception_expected(%%rip)\n\t"			\
	"leaq 2f(%%rip), %%r11\n\t"					\
	"movq %%r11, exception_fixup(%%rip)\n"				\
	"1:\t" insn "\n"						\
	"2:\tmovq $0, exception_fixup(%%rip)\n"

void exceptions_init(void);

/*
 * Let @handler, a function with the attribute "interrupt", have a vector that is no
 * exception, after exceptions_init().
 */
struct interrupt_frame;
void set_interrupt_gate(u8 vector, u64 handler);

/*
 * Did the last FAULTING() fault, with this vector and error code, and with RIP
 * at the instruction itself? Asking takes the answer away.
 */
bool exception_taken(u64 vector, u64 error);

#endif /* GUEST_EXCEPTION_H */
