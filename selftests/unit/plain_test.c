// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores that the fast level carries out by itself. Guards which instructions it
 * may take, and that it finds the same address and the same bytes as kev_execute() does.
 */
#include <kev/emulate.h>

#include "unit.h"

#define INSN(bytes)	bytes, sizeof(bytes) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	bool plain;
} kinds[] = {
	{ "mov %eax, (%rdi)", INSN("\x89\x07"), true },
	{ "mov (%rdi), %eax", INSN("\x8b\x07"), true },
	{ "movb $1, (%rdi)", INSN("\xc6\x07\x01"), true },
	{ "movl $1, (%rdi)", INSN("\xc7\x07\x01\0\0\0"), true },
	{ "movzbl (%rdi), %eax", INSN("\x0f\xb6\x07"), true },
	{ "movsbq (%rdi), %rax", INSN("\x48\x0f\xbe\x07"), true },
	{ "movslq (%rdi), %rax", INSN("\x48\x63\x07"), true },
	{ "movnti %eax, (%rdi)", INSN("\x0f\xc3\x07"), true },
	{ "mov %ah, (%rdi)", INSN("\x88\x27"), true },
	{ "mov %eax, 0(%rip)", INSN("\x89\x05\0\0\0\0"), true },
	{ "movabs %eax, 0", INSN("\xa3\0\0\0\0\0\0\0\0"), true },
	{ "mov %r12d, (%rdi)", INSN("\x44\x89\x27"), true },
	{ "mov %eax, (%r12)", INSN("\x41\x89\x04\x24"), true },
	/* RSP is not where the other registers are. */
	{ "mov %esp, (%rdi)", INSN("\x89\x27"), false },
	{ "mov (%rdi), %esp", INSN("\x8b\x27"), false },
	{ "movsbl (%rdi), %esp", INSN("\x0f\xbe\x27"), false },
	{ "mov %eax, (%rsp)", INSN("\x89\x04\x24"), false },
	{ "mov (%rsp), %eax", INSN("\x8b\x04\x24"), false },
	{ "movl $1, (%rsp)", INSN("\xc7\x04\x24\x01\0\0\0"), false },
	{ "add %eax, (%rdi)", INSN("\x01\x07"), false },
	{ "add (%rdi), %eax", INSN("\x03\x07"), false },
	{ "addb $1, (%rdi)", INSN("\x80\x07\x01"), false },
	{ "cmp %eax, (%rdi)", INSN("\x39\x07"), false },
	{ "test %eax, (%rdi)", INSN("\x85\x07"), false },
	{ "testb $1, (%rdi)", INSN("\xf6\x07\x01"), false },
	{ "xchg %eax, (%rdi)", INSN("\x87\x07"), false },
	{ "xadd %eax, (%rdi)", INSN("\x0f\xc1\x07"), false },
	{ "cmpxchg %edx, (%rdi)", INSN("\x0f\xb1\x17"), false },
	{ "incl (%rdi)", INSN("\xff\x07"), false },
	{ "notl (%rdi)", INSN("\xf7\x17"), false },
	{ "btl $1, (%rdi)", INSN("\x0f\xba\x27\x01"), false },
	{ "stosb", INSN("\xaa"), false },
	{ "lodsb", INSN("\xac"), false },
	{ "movsb", INSN("\xa4"), false },
	{ "insb", INSN("\x6c"), false },
	{ "outsb", INSN("\x6e"), false },
};

TEST(is_plain)
{
	struct kev_insn insn;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int passed = _metadata->passed;

		ASSERT_TRUE(kev_decode((const u8 *)kinds[i].bytes, kinds[i].length, KEV_CODE_64,
				       &insn));
		EXPECT_EQ(kinds[i].plain, kev_insn_is_plain(&insn));
		if (passed && !_metadata->passed)
			TH_LOG("%s", kinds[i].name);
	}
}

/* RAX 1111..., RCX 2, RBX 0x3000, RDI 0x4000, R12 0x5000, RIP 0x100000 */
static const u64 registers[KEV_NR_GPRS] = {
	[KEV_RAX] = 0x1122334455667788, [KEV_RCX] = 2, [KEV_RBX] = 0x3000,
	[KEV_RDI] = 0x4000, [KEV_R12] = 0xfffffffffffff000,
};

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	u8 code;
	u64 offset;
} places[] = {
	{ "(%rdi)", INSN("\x8b\x07"), KEV_CODE_64, 0x4000 },
	{ "-8(%rdi)", INSN("\x8b\x47\xf8"), KEV_CODE_64, 0x3ff8 },
	{ "0x12345678(%rdi)", INSN("\x8b\x87\x78\x56\x34\x12"), KEV_CODE_64, 0x12349678 },
	{ "(%rdi,%rcx)", INSN("\x8b\x04\x0f"), KEV_CODE_64, 0x4002 },
	{ "8(%rbx,%rcx,8)", INSN("\x8b\x44\xcb\x08"), KEV_CODE_64, 0x3018 },
	{ "0x10(,%rcx,4)", INSN("\x8b\x04\x8d\x10\0\0\0"), KEV_CODE_64, 0x18 },
	{ "0x10", INSN("\x8b\x04\x25\x10\0\0\0"), KEV_CODE_64, 0x10 },
	{ "-16", INSN("\x8b\x04\x25\xf0\xff\xff\xff"), KEV_CODE_64, -16ULL },
	{ "0x20(%rip)", INSN("\x8b\x05\x20\0\0\0"), KEV_CODE_64, 0x100026 },
	/* The immediate is behind the displacement, and part of the length. */
	{ "0x20(%rip), an immediate", INSN("\xc7\x05\x20\0\0\0\x01\0\0\0"), KEV_CODE_64,
	  0x10002a },
	{ "(%r12)", INSN("\x41\x8b\x04\x24"), KEV_CODE_64, 0xfffffffffffff000 },
	{ "wraps at 64 bits", INSN("\x41\x8b\x84\x24\x10\x10\0\0"), KEV_CODE_64, 0x10 },
	{ "(%r12d)", INSN("\x67\x41\x8b\x04\x24"), KEV_CODE_64, 0xfffff000 },
	{ "wraps at 32 bits", INSN("\x67\x41\x8b\x84\x24\x10\x10\0\0"), KEV_CODE_64, 0x10 },
	{ "(%edi), 32-bit code", INSN("\x8b\x07"), KEV_CODE_32, 0x4000 },
	{ "-16, 32-bit code", INSN("\x8b\x05\xf0\xff\xff\xff"), KEV_CODE_32, 0xfffffff0 },
	{ "2(%bx,%di)", INSN("\x8b\x41\x02"), KEV_CODE_16, 0x7002 },
	{ "wraps at 16 bits", INSN("\x8b\x81\xff\xaf"), KEV_CODE_16, 0x1fff },
};

TEST(offset)
{
	struct kev_insn insn;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int passed = _metadata->passed;

		ASSERT_TRUE(kev_decode((const u8 *)places[i].bytes, places[i].length,
				       places[i].code, &insn));
		EXPECT_EQ(places[i].offset, kev_insn_offset(&insn, registers, 0x100000));
		if (passed && !_metadata->passed)
			TH_LOG("%s", places[i].name);
	}
}

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	u64 value;
} stores[] = {
	{ "mov %al", INSN("\x88\x07"), 0x88 },
	{ "mov %ah", INSN("\x88\x27"), 0x77 },
	{ "mov %ax", INSN("\x66\x89\x07"), 0x7788 },
	{ "mov %eax", INSN("\x89\x07"), 0x55667788 },
	{ "mov %rax", INSN("\x48\x89\x07"), 0x1122334455667788 },
	{ "movb $-1", INSN("\xc6\x07\xff"), 0xff },
	{ "movw $-2", INSN("\x66\xc7\x07\xfe\xff"), 0xfffe },
	{ "movl $-2", INSN("\xc7\x07\xfe\xff\xff\xff"), 0xfffffffe },
	{ "movq $-2", INSN("\x48\xc7\x07\xfe\xff\xff\xff"), -2ULL },
};

TEST(stored)
{
	struct kev_insn insn;

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		int passed = _metadata->passed;

		ASSERT_TRUE(kev_decode((const u8 *)stores[i].bytes, stores[i].length, KEV_CODE_64,
				       &insn));
		EXPECT_EQ(stores[i].value, kev_insn_stored(&insn, registers));
		if (passed && !_metadata->passed)
			TH_LOG("%s", stores[i].name);
	}
}

/* Memory gives 0x...90abcdef, of which the operand's part counts. */
static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	u64 rax;
} loads[] = {
	{ "mov to al", INSN("\x8a\x07"), 0x11223344556677ef },
	{ "mov to ah", INSN("\x8a\x27"), 0x112233445566ef88 },
	{ "mov to ax", INSN("\x66\x8b\x07"), 0x112233445566cdef },
	{ "mov to eax", INSN("\x8b\x07"), 0x90abcdef },
	{ "mov to rax", INSN("\x48\x8b\x07"), 0x1234567890abcdef },
	{ "movzbl", INSN("\x0f\xb6\x07"), 0xef },
	{ "movzbw", INSN("\x66\x0f\xb6\x07"), 0x11223344556600ef },
	{ "movzwl", INSN("\x0f\xb7\x07"), 0xcdef },
	{ "movsbw", INSN("\x66\x0f\xbe\x07"), 0x112233445566ffef },
	{ "movsbl", INSN("\x0f\xbe\x07"), 0xffffffef },
	{ "movsbq", INSN("\x48\x0f\xbe\x07"), 0xffffffffffffffef },
	{ "movswl", INSN("\x0f\xbf\x07"), 0xffffcdef },
	{ "movswq", INSN("\x48\x0f\xbf\x07"), 0xffffffffffffcdef },
	{ "movslq", INSN("\x48\x63\x07"), 0xffffffff90abcdef },
};

TEST(load)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		int passed = _metadata->passed;
		u64 gpr[KEV_NR_GPRS];
		struct kev_insn insn;

		memcpy(gpr, registers, sizeof(gpr));
		ASSERT_TRUE(kev_decode((const u8 *)loads[i].bytes, loads[i].length, KEV_CODE_64,
				       &insn));
		kev_insn_load(&insn, gpr, 0x1234567890abcdef);
		EXPECT_EQ(loads[i].rax, gpr[KEV_RAX]);
		gpr[KEV_RAX] = registers[KEV_RAX];
		EXPECT_EQ(0, memcmp(gpr, registers, sizeof(gpr)));
		if (passed && !_metadata->passed)
			TH_LOG("%s", loads[i].name);
	}
}

/* ---- beside kev_execute() ---- */

/* One operand, wherever it is: its address, what it holds, what is written */
struct operand {
	bool found;
	u64 linear;
	u64 value;
	unsigned int written;
};

static enum kev_executed translate(void *ctx, u64 linear, unsigned int access,
				   struct kev_place *place)
{
	struct operand *operand = ctx;

	if (!operand->found) {
		operand->found = true;
		operand->linear = linear;
	}
	place->gpa = linear - operand->linear;
	place->device = false;
	return KEV_EXECUTED;
}

static enum kev_executed read_bytes(void *ctx, const struct kev_place *place, void *buf,
				    unsigned int len)
{
	const struct operand *operand = ctx;

	memcpy(buf, (const u8 *)&operand->value + place->gpa, len);
	return KEV_EXECUTED;
}

static enum kev_executed write_bytes(void *ctx, const struct kev_place *place, const void *buf,
				     unsigned int len)
{
	struct operand *operand = ctx;

	if (!operand->written)
		operand->value = 0;
	memcpy((u8 *)&operand->value + place->gpa, buf, len);
	operand->written += len;
	return KEV_EXECUTED;
}

static const struct kev_bus bus = {
	.translate = translate, .read = read_bytes, .write = write_bytes,
};

/* Opcodes with an operand in memory, most of them plain; the rest of the bytes is random. */
static size_t random_bytes(u64 *state, u8 bytes[16])
{
	static const u8 opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0x63, 0xa0, 0xa3, 0x01 };
	static const u8 long_opcodes[] = { 0xb6, 0xb7, 0xbe, 0xbf, 0xc3 };
	static const u8 prefixes[] = { 0x66, 0x67, 0x64, 0x2e };
	size_t length = 0;

	for (size_t i = 0; i < 16; i++)
		bytes[i] = unit_random(state);
	if (unit_random(state) % 2)
		bytes[length++] = prefixes[unit_random(state) % sizeof(prefixes)];
	if (unit_random(state) % 2)
		bytes[length++] = 0x40 | unit_random(state) % 16;
	if (unit_random(state) % 3) {
		bytes[length++] = opcodes[unit_random(state) % sizeof(opcodes)];
	} else {
		bytes[length++] = 0x0f;
		bytes[length++] = long_opcodes[unit_random(state) % sizeof(long_opcodes)];
	}
	/* C6 and C7 are MOV with 0 in the middle. */
	if (unit_random(state) % 2)
		bytes[length] &= 0xc7;
	return 16;
}

TEST(beside_execute)
{
	u64 state = 1;
	unsigned int plain = 0, done = 0;

	for (int i = 0; i < 200000; i++) {
		struct kev_cpu cpu = {
			.code = KEV_CODE_64, .linear_bits = 48, .protected = true, .rflags = 2,
		};
		struct operand operand = { .value = unit_random(&state) };
		u64 gpr[KEV_NR_GPRS], value = operand.value, offset;
		struct kev_insn insn;
		u8 bytes[16];
		size_t length = random_bytes(&state, bytes);

		for (int r = 0; r < KEV_NR_GPRS; r++)
			cpu.gpr[r] = unit_random(&state) >> (unit_random(&state) % 2 ? 40 : 24);
		cpu.rip = unit_random(&state) >> 20;
		memcpy(gpr, cpu.gpr, sizeof(gpr));
		if (!kev_decode(bytes, length, KEV_CODE_64, &insn) || !kev_insn_is_plain(&insn))
			continue;
		plain++;
		offset = kev_insn_offset(&insn, gpr, cpu.rip);
		/* Not canonical, most often a whole address in the instruction */
		if (kev_execute(&cpu, &insn, &bus, &operand) != KEV_EXECUTED)
			continue;
		done++;
		ASSERT_EQ(operand.linear, offset);
		if (insn.form == KEV_FORM_REG_MEM)
			kev_insn_load(&insn, gpr, value);
		else
			ASSERT_EQ(operand.value, kev_insn_stored(&insn, gpr));
		ASSERT_EQ(insn.form == KEV_FORM_REG_MEM ? 0 : insn.width, operand.written);
		ASSERT_EQ(0, memcmp(gpr, cpu.gpr, sizeof(gpr)));
	}
	/* They were not all something else. */
	EXPECT_LT(50000, plain);
	EXPECT_LT(40000, done);
}

TEST_HARNESS_MAIN
