/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that a step by RFLAGS.TF cannot just go over. Pure.
 */
#ifndef _KEV_STEP_H
#define _KEV_STEP_H

#include <kev/pure.h>

enum kev_saves_flags {
	KEV_SAVES_NO_FLAGS = 0,
	KEV_SAVES_ON_STACK,	/* PUSHF */
	KEV_SAVES_IN_R11,	/* SYSCALL */
};

/**
 * struct kev_step - what an instruction does with RFLAGS
 * @loads: it loads them: POPF, IRET, SYSRET
 * @saves: enum kev_saves_flags
 * @interrupt: it is INT n: they are pushed, and a handler runs without TF
 * @vector: of @interrupt
 * @length: bytes, of @interrupt
 * @cut: the bytes end before it can be told
 */
struct kev_step {
	bool loads;
	u8 saves;
	bool interrupt;
	u8 vector;
	u8 length;
	bool cut;
};

/**
 * kev_step_decode() - look at an instruction
 * @bytes: from its first one on
 * @len: how many are there
 * @code64: it is 64-bit code
 * @step: written
 *
 * SDM Vol. 2, "Instruction Prefixes", "Opcode Map". Bytes that are not there belong to
 * none of these instructions.
 *
 * Context: Any.
 */
void kev_step_decode(const u8 *bytes, unsigned int len, bool code64, struct kev_step *step);

#endif /* _KEV_STEP_H */
