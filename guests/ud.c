// SPDX-License-Identifier: GPL-2.0
/*
 * The guest has no VMX: each of its instructions is #UD, with RIP at the
 * instruction. Exit 0, or the number of the check that failed.
 */
#include "exception.h"

static u64 operand[2] __page_aligned;

#define EXPECT_UD(number, insn)						\
do {									\
	u64 register_operand = 0;					\
									\
	asm volatile(FAULTING(insn) : "+a"(register_operand)		\
		     : "b"(operand) : "r11", "memory", "cc");		\
	expect(number, insn, exception_taken(VECTOR_UD, 0), true);	\
} while (0)

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	exceptions_init();
	EXPECT_UD(1, "ud2");
	EXPECT_UD(2, "vmxon (%%rbx)");
	EXPECT_UD(3, "vmxoff");
	EXPECT_UD(4, "vmclear (%%rbx)");
	EXPECT_UD(5, "vmptrld (%%rbx)");
	EXPECT_UD(6, "vmptrst (%%rbx)");
	EXPECT_UD(7, "vmread %%rax, (%%rbx)");
	EXPECT_UD(8, "vmwrite (%%rbx), %%rax");
	EXPECT_UD(9, "vmlaunch");
	EXPECT_UD(10, "vmresume");
	EXPECT_UD(11, "invept (%%rbx), %%rax");
	EXPECT_UD(12, "invvpid (%%rbx), %%rax");
	EXPECT_UD(13, "vmfunc");
	expect(14, "exceptions", exception_count, 13);
	print("ud: ok\n");
	return 0;
}
