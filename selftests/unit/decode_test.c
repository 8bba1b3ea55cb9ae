// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction decoder. Guards what execution beside the CPU cannot reach: code of 16
 * and 32 bits, ports, what is refused, and where an instruction ends.
 */
#include <kev/emulate.h>

#include "unit.h"

#define NO	KEV_NO_REGISTER
/* No shift, not relative to RIP, no displacement, no immediate */
#define REST	0, false, 0, 0

struct decoded {
	const char *name;
	u8 bytes[15];
	u8 code;
	struct kev_insn insn;
};

/* op, form, length, width, size, address size, segment, rep, reg, high, base, index, ... */
static const struct decoded taken[] = {
	{ "mov (%bx,%si), %ax", { 0x8b, 0x00 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 2, 2, 2, 2, KEV_DS, 0, KEV_RAX, 0, KEV_RBX, KEV_RSI,
	    REST } },
	{ "mov %al, -2(%bp,%di)", { 0x88, 0x43, 0xfe }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_MEM_REG, 3, 1, 1, 2, KEV_SS, 0, KEV_RAX, 0, KEV_RBP, KEV_RDI,
	    .displacement = -2 } },
	{ "mov %ax, 0x1234 by ModRM", { 0x89, 0x06, 0x34, 0x12 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_MEM_REG, 4, 2, 2, 2, KEV_DS, 0, KEV_RAX, 0, NO, NO,
	    .displacement = 0x1234 } },
	{ "mov 0(%bp), %ax", { 0x8b, 0x46, 0x00 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 3, 2, 2, 2, KEV_SS, 0, KEV_RAX, 0, KEV_RBP, NO,
	    REST } },
	{ "mov (%bx), %dh", { 0x8a, 0x37 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 2, 1, 1, 2, KEV_DS, 0, KEV_RDX, 1, KEV_RBX, NO,
	    REST } },
	{ "mov %eax, (%ecx) in 16-bit code", { 0x66, 0x67, 0x89, 0x01 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_MEM_REG, 4, 4, 4, 4, KEV_DS, 0, KEV_RAX, 0, KEV_RCX, NO,
	    REST } },
	{ "movnti %eax, (%bx) in 16-bit code", { 0x0f, 0xc3, 0x07 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_MEM_REG, 3, 4, 4, 2, KEV_DS, 0, KEV_RAX, 0, KEV_RBX, NO,
	    REST } },
	{ "mov %ax, %es:0x8000 by offset", { 0x26, 0xa3, 0x00, 0x80 }, KEV_CODE_16,
	  { KEV_INSN_MOV, KEV_FORM_MEM_REG, 4, 2, 2, 2, KEV_ES, 0, KEV_RAX, 0, NO, NO,
	    .displacement = 0xffffffffffff8000 } },
	{ "movl $imm, (%esp)", { 0xc7, 0x04, 0x24, 1, 2, 3, 0x84 }, KEV_CODE_32,
	  { KEV_INSN_MOV, KEV_FORM_MEM_IMM, 7, 4, 4, 4, KEV_SS, 0, 0, 0, KEV_RSP, NO,
	    .immediate = 0xffffffff84030201 } },
	{ "movw $imm, (%si) in 32-bit code", { 0x66, 0x67, 0xc7, 0x04, 0x34, 0x12 },
	  KEV_CODE_32,
	  { KEV_INSN_MOV, KEV_FORM_MEM_IMM, 6, 2, 2, 2, KEV_DS, 0, 0, 0, KEV_RSI, NO,
	    .immediate = 0x1234 } },
	{ "mov %fs:disp32, %ecx in 32-bit code", { 0x64, 0x8b, 0x0d, 4, 3, 2, 0x81 },
	  KEV_CODE_32,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 7, 4, 4, 4, KEV_FS, 0, KEV_RCX, 0, NO, NO,
	    .displacement = 0xffffffff81020304 } },
	{ "add %eax, 8(%ebp,%ecx,4)", { 0x01, 0x44, 0x8d, 0x08 }, KEV_CODE_32,
	  { KEV_INSN_ADD, KEV_FORM_MEM_REG, 4, 4, 4, 4, KEV_SS, 0, KEV_RAX, 0, KEV_RBP, KEV_RCX, 2,
	    .displacement = 8 } },
	{ "mov disp32(%rip), %r9", { 0x4c, 0x8b, 0x0d, 0, 0, 0, 0x80 }, KEV_CODE_64,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 7, 8, 8, 8, KEV_DS, 0, KEV_R9, 0, NO, NO,
	    .rip_relative = true, .displacement = 0xffffffff80000000 } },
	{ "mov %gs:(%r13), %spl", { 0x65, 0x41, 0x8a, 0x65, 0x00 }, KEV_CODE_64,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 5, 1, 1, 8, KEV_GS, 0, KEV_RSP, 0, KEV_R13, NO,
	    REST } },
	{ "mov (%r12), %rsp", { 0x49, 0x8b, 0x24, 0x24 }, KEV_CODE_64,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 4, 8, 8, 8, KEV_DS, 0, KEV_RSP, 0, KEV_R12, NO,
	    REST } },
	{ "movzbl (%rdi), %eax", { 0x0f, 0xb6, 0x07 }, KEV_CODE_64,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 3, 1, 4, 8, KEV_DS, 0, KEV_RAX, 0, KEV_RDI, NO,
	    REST } },
	{ "movslq (%rdi), %rax", { 0x48, 0x63, 0x07 }, KEV_CODE_64,
	  { KEV_INSN_MOVSX, KEV_FORM_REG_MEM, 3, 4, 8, 8, KEV_DS, 0, KEV_RAX, 0, KEV_RDI, NO,
	    REST } },
	{ "lock orl $1, (%rax)", { 0xf0, 0x83, 0x08, 0x01 }, KEV_CODE_64,
	  { KEV_INSN_OR, KEV_FORM_MEM_IMM, 4, 4, 4, 8, KEV_DS, 0, 0, 0, KEV_RAX, NO,
	    .immediate = 1 } },
	{ "lock btsq $63, (%rax)", { 0xf0, 0x48, 0x0f, 0xba, 0x28, 0x3f }, KEV_CODE_64,
	  { KEV_INSN_BTS, KEV_FORM_MEM_IMM, 6, 8, 8, 8, KEV_DS, 0, 0, 0, KEV_RAX, NO,
	    .immediate = 0x3f } },
	{ "rep insb", { 0xf3, 0x6c }, KEV_CODE_64,
	  { KEV_INSN_INS, KEV_FORM_STRING, 2, 1, 1, 8, KEV_DS, true, 0, 0, NO, NO, REST } },
	{ "insl with REX.W is 32 bits", { 0x48, 0x6d }, KEV_CODE_64,
	  { KEV_INSN_INS, KEV_FORM_STRING, 2, 4, 4, 8, KEV_DS, false, 0, 0, NO, NO, REST } },
	{ "repne outsl %es:(%esi) in 16-bit code", { 0xf2, 0x66, 0x67, 0x26, 0x6f }, KEV_CODE_16,
	  { KEV_INSN_OUTS, KEV_FORM_STRING, 5, 4, 4, 4, KEV_ES, true, 0, 0, NO, NO, REST } },
	{ "outsb %fs:(%rsi)", { 0x64, 0x6e }, KEV_CODE_64,
	  { KEV_INSN_OUTS, KEV_FORM_STRING, 2, 1, 1, 8, KEV_FS, false, 0, 0, NO, NO, REST } },
	{ "rep stosq", { 0xf3, 0x48, 0xab }, KEV_CODE_64,
	  { KEV_INSN_STOS, KEV_FORM_STRING, 3, 8, 8, 8, KEV_DS, true, 0, 0, NO, NO, REST } },
	{ "the last of two segments", { 0x2e, 0x65, 0x8b, 0x00 }, KEV_CODE_32,
	  { KEV_INSN_MOV, KEV_FORM_REG_MEM, 4, 4, 4, 4, KEV_GS, 0, KEV_RAX, 0, KEV_RAX, NO,
	    REST } },
};

static void check(struct __test_metadata *_metadata, const struct decoded *d)
{
	const struct kev_insn *want = &d->insn;
	struct kev_insn insn;

	EXPECT_TRUE(kev_decode(d->bytes, sizeof(d->bytes), d->code, &insn));
	EXPECT_EQ(want->op, insn.op);
	EXPECT_EQ(want->form, insn.form);
	EXPECT_EQ(want->length, insn.length);
	EXPECT_EQ(want->width, insn.width);
	EXPECT_EQ(want->size, insn.size);
	EXPECT_EQ(want->address_size, insn.address_size);
	EXPECT_EQ(want->segment, insn.segment);
	EXPECT_EQ(want->rep, insn.rep);
	EXPECT_EQ(want->reg, insn.reg);
	EXPECT_EQ(want->high, insn.high);
	EXPECT_EQ(want->base, insn.base);
	EXPECT_EQ(want->index, insn.index);
	EXPECT_EQ(want->shift, insn.shift);
	EXPECT_EQ(want->rip_relative, insn.rip_relative);
	EXPECT_EQ(want->displacement, insn.displacement);
	EXPECT_EQ(want->immediate, insn.immediate);
}

TEST(takes)
{
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		int passed = _metadata->passed;

		check(_metadata, &taken[i]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", taken[i].name);
	}
}

static const struct {
	const char *name;
	u8 bytes[15];
	u8 code;
} refused[] = {
	{ "register operands", { 0x89, 0xc0 }, KEV_CODE_64 },
	{ "lea", { 0x8d, 0x00 }, KEV_CODE_64 },
	{ "push (%rax)", { 0xff, 0x30 }, KEV_CODE_64 },
	{ "call *(%rax)", { 0xff, 0x10 }, KEV_CODE_64 },
	{ "div (%rax)", { 0xf7, 0x30 }, KEV_CODE_64 },
	{ "test, second encoding", { 0xf7, 0x08, 1, 0, 0, 0 }, KEV_CODE_64 },
	{ "mov $imm, second encoding", { 0xc7, 0x08, 1, 0, 0, 0 }, KEV_CODE_64 },
	{ "cmpxchg8b", { 0x0f, 0xc7, 0x08 }, KEV_CODE_64 },
	{ "movdqu (%rax)", { 0xf3, 0x0f, 0x6f, 0x00 }, KEV_CODE_64 },
	{ "mov %ds", { 0x8e, 0x18 }, KEV_CODE_64 },
	{ "lock mov", { 0xf0, 0x89, 0x00 }, KEV_CODE_64 },
	{ "lock cmp", { 0xf0, 0x39, 0x00 }, KEV_CODE_64 },
	{ "lock add to a register", { 0xf0, 0x03, 0x00 }, KEV_CODE_64 },
	{ "lock bt", { 0xf0, 0x0f, 0xba, 0x20, 1 }, KEV_CODE_64 },
	{ "lock stos", { 0xf0, 0xab }, KEV_CODE_64 },
	{ "movsxd in 32-bit code is arpl", { 0x63, 0x00 }, KEV_CODE_32 },
	{ "movsxd of 16 bits", { 0x66, 0x63, 0x00 }, KEV_CODE_64 },
	{ "movnti with a prefix", { 0xf3, 0x0f, 0xc3, 0x00 }, KEV_CODE_64 },
	{ "a REX before a prefix", { 0x48, 0x66, 0x89, 0x00 }, KEV_CODE_64 },
	{ "scas", { 0xae }, KEV_CODE_64 },
	{ "cmps", { 0xa6 }, KEV_CODE_64 },
	{ "vex", { 0xc5, 0xf8, 0x10, 0x00 }, KEV_CODE_64 },
	{ "0f 38", { 0x0f, 0x38, 0xf0, 0x00 }, KEV_CODE_64 },
	{ "vmmcall", { 0x0f, 0x01, 0xd9 }, KEV_CODE_64 },
	{ "prefixes only", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
			     0x66, 0x66, 0x66, 0x66 }, KEV_CODE_64 },
};

TEST(refuses)
{
	struct kev_insn insn;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		bool decoded = kev_decode(refused[i].bytes, 15, refused[i].code, &insn);

		EXPECT_FALSE(decoded);
		if (decoded)
			TH_LOG("%s", refused[i].name);
	}
}

/* With any byte less than all of them it is not decoded. */
TEST(cut_off)
{
	struct kev_insn insn;

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		for (u8 len = 0; len < taken[i].insn.length; len++)
			EXPECT_FALSE(kev_decode(taken[i].bytes, len, taken[i].code, &insn));
		EXPECT_TRUE(kev_decode(taken[i].bytes, taken[i].insn.length, taken[i].code,
				       &insn));
	}
}

/* One byte more than 15 does not count, although it is there. */
TEST(too_long)
{
	u8 bytes[17] = { [14] = 0x89 };
	struct kev_insn insn;

	memset(bytes, 0x3e, 14);
	EXPECT_FALSE(kev_decode(bytes, sizeof(bytes), KEV_CODE_64, &insn));
	bytes[13] = 0x89;
	bytes[14] = 0;
	EXPECT_TRUE(kev_decode(bytes, sizeof(bytes), KEV_CODE_64, &insn));
	EXPECT_EQ(15, insn.length);
}

TEST_HARNESS_MAIN
