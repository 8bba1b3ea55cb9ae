/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest whose exceptions and interrupts all lead to one handler, and that says by OUTs
 * where it is: a test steps from one to the next.
 */
#ifndef TRAPS_H
#define TRAPS_H

#include "kevtest.h"

#define KT_AT_START	0x80
#define KT_AT_HANDLER	0x81
#define KT_AT_IRET	0x82
#define KT_AT_END	0x83
#define KT_SAY_START	"out %al, $0x80\n"
#define KT_SAY_HANDLER	"out %al, $0x81\n"
#define KT_SAY_IRET	"out %al, $0x82\n"
#define KT_SAY_END	"out %al, $0x83\n jmp . - 2\n"	/* for ever */

/* The pages of the IDT and of the stubs that it leads to */
#define KT_TRAPS_IDT	(KT_CODE_GPA + KT_PAGE)
#define KT_TRAPS_STUBS	(KT_TRAPS_IDT + KT_PAGE)	/* 16 bytes for each vector */
#define KT_TRAPS_STACK	0xa0000UL

/* What has come, in the handler's registers */
#define KT_TRAP_VECTOR	KEV_R13
#define KT_TRAP_RIP	KEV_R12		/* where it came */
#define KT_TRAP_ERROR	KEV_R10		/* its error code, or -1 */
#define KT_TRAP_COUNT	KEV_R14		/* how many so far */

/*
 * KT_TRAPS(name, text): the guest goes to the address in R15, which is to be in @text.
 * With R9 its handler executes an HLT. No page but its first is touched before the first
 * event.
 */
#define KT_TRAPS(name, text)						\
	KT_CODE(name,							\
		"lidt " #name "_idtr(%rip)\n xor %r14d, %r14d\n jmp *%r15\n"	\
		text							\
		#name "_handler: pop %r13\n"				\
		/* The CPU aligns the stack, then pushes five or six words. */	\
		"mov $-1, %r10\n mov %rsp, %r11\n test $8, %r11\n jnz 1f\n"	\
		"pop %r10\n 1: mov (%rsp), %r12\n inc %r14\n" KT_SAY_HANDLER	\
		"test %r9, %r9\n jz 1f\n hlt\n 1: " KT_SAY_IRET "iretq\n"	\
		#name "_idtr: .word 0xfff\n .quad 0x101000\n"		\
									\
		".org " #name "_start + 0x1000\n"			\
		".set vector, 0\n .rept 256\n"				\
		".word 0x2000 + vector * 16, 8, 0x8e00, 0x10\n .quad 0\n"	\
		".set vector, vector + 1\n .endr\n"			\
									\
		".set vector, 0\n .rept 256\n"				\
		".org " #name "_start + 0x2000 + vector * 16\n"		\
		"pushq $vector\n jmp " #name "_handler\n"		\
		".set vector, vector + 1\n .endr")

/* A label in the text of such a guest */
#define KT_LABEL(name)	extern const char name[]

static inline uint64_t kt_label(const struct kt_code *guest, const char *label)
{
	return KT_CODE_GPA + (label - guest->start);
}

/* The last RUN has reported an OUT to this port. */
#define KT_ASSERT_AT(_run, port_)					\
do {									\
	ASSERT_EQ(KEV_EXIT_IO, (_run)->kind);				\
	ASSERT_EQ(port_, (_run)->io.port);				\
} while (0)

/* The guest is in its handler, for this vector, with this error code or -1. */
#define KT_EXPECT_HANDLER(_run, vector_, error_, at_)			\
do {									\
	KT_ASSERT_AT(_run, KT_AT_HANDLER);				\
	EXPECT_EQ(vector_, (_run)->gpr[KT_TRAP_VECTOR]);		\
	EXPECT_EQ((uint64_t)(error_), (_run)->gpr[KT_TRAP_ERROR]);	\
	EXPECT_EQ(at_, (_run)->gpr[KT_TRAP_RIP]);			\
} while (0)

/* The same after the next RUN of a fixture's vCPU */
#define KT_RUN_TO(_self, port_)						\
do {									\
	ASSERT_EQ(0, kt_run((_self)->vcpu));				\
	KT_ASSERT_AT((_self)->run, port_);				\
} while (0)

#define KT_RUN_TO_HANDLER(_self, vector_, error_, at_)			\
do {									\
	ASSERT_EQ(0, kt_run((_self)->vcpu));				\
	KT_EXPECT_HANDLER((_self)->run, vector_, error_, at_);		\
} while (0)

#endif /* TRAPS_H */
