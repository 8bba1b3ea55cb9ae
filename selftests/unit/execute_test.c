// SPDX-License-Identifier: GPL-2.0
/*
 * Execution beside the CPU, as far as this CPU cannot be asked. Guards the checks of
 * segments and addresses in each mode, the order of translations and accesses, and that
 * an instruction that is stopped anywhere and started again ends as if it had not been.
 */
#include <kev/emulate.h>

#include "unit.h"

#define SS	12
#define GP	13
#define PF	14
#define AC	17

#define FLAG_DF	0x400ULL

/* ---- addresses ---- */

#define DATA	(KEV_SEG_P | KEV_SEG_S | 3)
#define DATA_RO	(KEV_SEG_P | KEV_SEG_S | 1)
#define DOWN	(KEV_SEG_P | KEV_SEG_S | 7)
#define CODE	(KEV_SEG_P | KEV_SEG_S | 0xb)
#define CODE_XO	(KEV_SEG_P | KEV_SEG_S | 9)

static const struct {
	const char *name;
	u8 code;
	bool protected;
	u8 segment;
	struct kev_segment seg;
	u64 offset;
	unsigned int len;
	bool write;
	u8 vector;		/* 0: fine */
	u64 linear;
} addresses[] = {
	{ "flat", KEV_CODE_32, true, KEV_DS, { 0, 0xffffffff, DATA, 0, {} }, 0x1234, 4, true, 0,
	  0x1234 },
	{ "base", KEV_CODE_32, true, KEV_ES, { 0x10000, 0xffff, DATA, 0, {} }, 0xfffc, 4, true, 0,
	  0x1fffc },
	{ "base wraps", KEV_CODE_32, true, KEV_ES, { 0xfffff000, 0xffff, DATA, 0, {} }, 0x1004, 4,
	  true, 0, 4 },
	{ "beyond the limit", KEV_CODE_32, true, KEV_DS, { 0, 0xffff, DATA, 0, {} }, 0xfffd, 4,
	  false, GP, 0 },
	{ "beyond the stack's", KEV_CODE_32, true, KEV_SS, { 0, 0xffff, DATA, 0, {} }, 0xfffd, 4,
	  false, SS, 0 },
	{ "read-only", KEV_CODE_32, true, KEV_DS, { 0, 0xffff, DATA_RO, 0, {} }, 0, 4, true, GP,
	  0 },
	{ "reads read-only", KEV_CODE_32, true, KEV_DS, { 0, 0xffff, DATA_RO, 0, {} }, 0, 4, false,
	  0, 0 },
	{ "writes code", KEV_CODE_32, true, KEV_CS, { 0, 0xffff, CODE, 0, {} }, 0, 4, true, GP,
	  0 },
	{ "reads code", KEV_CODE_32, true, KEV_CS, { 0, 0xffff, CODE, 0, {} }, 8, 4, false, 0, 8 },
	{ "reads execute-only", KEV_CODE_32, true, KEV_CS, { 0, 0xffff, CODE_XO, 0, {} }, 0, 4,
	  false, GP, 0 },
	{ "unusable", KEV_CODE_32, true, KEV_FS, { 0, 0xffff, DATA | KEV_SEG_UNUSABLE, 0, {} },
	  0, 1,
	  false, GP, 0 },
	{ "expands down", KEV_CODE_32, true, KEV_DS, { 0, 0xfff, DOWN | KEV_SEG_DB, 0, {} },
	  0x1000,
	  4, true, 0, 0x1000 },
	{ "below that", KEV_CODE_32, true, KEV_DS, { 0, 0xfff, DOWN | KEV_SEG_DB, 0, {} },
	  0xfff, 1,
	  true, GP, 0 },
	{ "its upper end", KEV_CODE_32, true, KEV_DS, { 0, 0xfff, DOWN, 0, {} }, 0xfffe, 4,
	  true, GP,
	  0 },
	{ "real mode", KEV_CODE_16, false, KEV_CS, { 0xf0000, 0xffff, DATA, 0, {} }, 0x10, 2, true,
	  0, 0xf0010 },
	{ "real mode, its limit", KEV_CODE_16, false, KEV_DS, { 0, 0xffff, DATA, 0, {} },
	  0xffff, 2,
	  false, GP, 0 },
	{ "64-bit: no base", KEV_CODE_64, true, KEV_DS, { 0x1000, 0, DATA_RO, 0, {} }, 0x123456789,
	  8, true, 0, 0x123456789 },
	{ "64-bit: GS has one", KEV_CODE_64, true, KEV_GS, { 0xffff888000000000, 0, 0, 0, {} },
	  0x10,
	  8, true, 0, 0xffff888000000010 },
	{ "64-bit: not canonical", KEV_CODE_64, true, KEV_DS, { 0, 0, 0, 0, {} },
	  0x800000000000, 1,
	  false, GP, 0 },
	{ "64-bit: its last byte", KEV_CODE_64, true, KEV_SS, { 0, 0, 0, 0, {} },
	  0x7ffffffffffc, 8,
	  false, SS, 0 },
	{ "64-bit: around the end", KEV_CODE_64, true, KEV_DS, { 0, 0, 0, 0, {} }, -4ULL, 8, false,
	  GP, 0 },
};

TEST(address)
{
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct kev_cpu cpu = {
			.code = addresses[i].code, .protected = addresses[i].protected,
			.linear_bits = 48,
		};
		u64 linear = 0;
		bool fine;

		cpu.segment[addresses[i].segment] = addresses[i].seg;
		fine = kev_address_check(&cpu, addresses[i].segment, addresses[i].offset,
					 addresses[i].len, addresses[i].write, &linear);
		EXPECT_EQ(!addresses[i].vector, fine);
		EXPECT_EQ(addresses[i].vector, cpu.fault.vector);
		EXPECT_EQ(addresses[i].linear, fine ? linear : 0) {
			TH_LOG("%s", addresses[i].name);
		}
	}
}

/* ---- a machine of three pages, of which the last is a device ---- */

#define PAGE	0x1000UL
#define DEVICE	(2 * PAGE)
#define NOWHERE	(3 * PAGE)

struct machine {
	u8 memory[2 * PAGE];
	unsigned int fault_at;	/* which translation faults; 0: none */
	unsigned int translated;
	unsigned int done, at;	/* accesses to the device */
	u64 device[16];		/* what it was given, or has given */
	bool no_write;		/* page 1 cannot be written */
	char log[64];		/* T translate, r read, w write, p port; in capitals a device */
};

static void note(struct machine *m, char what)
{
	size_t length = strlen(m->log);

	if (length < sizeof(m->log) - 1)
		m->log[length] = what;
}

static struct kev_cpu *fault_of;
/* The last page of 32 bits is that before the first. */
static bool wraps;

static enum kev_executed translate(void *ctx, u64 linear, unsigned int access,
				   struct kev_place *place)
{
	struct machine *m = ctx;

	note(m, 't');
	if (wraps && linear >> 12 == 0xfffff)
		linear -= 0xfffff000 - PAGE;
	if (linear >= NOWHERE || ++m->translated == m->fault_at ||
	    (m->no_write && linear / PAGE == 1 && access & KEV_MEM_WRITE)) {
		fault_of->fault.vector = PF;
		fault_of->fault.address = linear;
		return KEV_EXECUTED_FAULT;
	}
	*place = (struct kev_place) { .gpa = linear, .device = linear >= DEVICE };
	return KEV_EXECUTED;
}

/* Each access to the device is stopped before it is made. */
static enum kev_executed access_device(struct machine *m, u64 *value, bool write)
{
	if (m->at < m->done) {
		*value = m->device[m->at++];
		return KEV_EXECUTED;
	}
	m->device[m->at] = write ? *value : 0x8877665544332211;
	m->done = m->at + 1;
	return KEV_EXECUTED_STOP;
}

static enum kev_executed read_bytes(void *ctx, const struct kev_place *place, void *buf,
				    unsigned int len)
{
	struct machine *m = ctx;
	enum kev_executed ret;
	u64 value = 0;

	note(m, place->device ? 'R' : 'r');
	if (!place->device) {
		memcpy(buf, m->memory + place->gpa, len);
		return KEV_EXECUTED;
	}
	ret = access_device(m, &value, false);
	memcpy(buf, &value, len);
	return ret;
}

static enum kev_executed write_bytes(void *ctx, const struct kev_place *place, const void *buf,
				     unsigned int len)
{
	struct machine *m = ctx;
	u64 value = 0;

	note(m, place->device ? 'W' : 'w');
	memcpy(place->device ? (void *)&value : m->memory + place->gpa, buf, len);
	return place->device ? access_device(m, &value, true) : KEV_EXECUTED;
}

static enum kev_executed port(void *ctx, u16 number, bool in, unsigned int width, void *values,
			      u32 *count)
{
	struct machine *m = ctx;

	note(m, 'p');
	if (in)
		for (u32 i = 0; i < *count * width; i++)
			((u8 *)values)[i] = number + i;
	return KEV_EXECUTED;
}

static const struct kev_bus bus = {
	.translate = translate, .read = read_bytes, .write = write_bytes, .port = port,
};

static const struct kev_cpu long_mode = {
	.code = KEV_CODE_64, .linear_bits = 48, .protected = true, .rflags = 2,
};

/* From the start again each time the device has stopped it */
static enum kev_executed run(struct kev_cpu *cpu, const char *bytes, size_t length,
			     struct machine *m)
{
	const struct kev_cpu before = *cpu;
	enum kev_executed ret;
	struct kev_insn insn;

	if (!kev_decode((const u8 *)bytes, length, cpu->code, &insn))
		return KEV_EXECUTED_STOP;
	do {
		*cpu = before;
		fault_of = cpu;
		m->at = 0;
		memset(m->log, 0, sizeof(m->log));
		ret = kev_execute(cpu, &insn, &bus, m);
	} while (ret == KEV_EXECUTED_STOP && m->done < ARRAY_SIZE(m->device));
	return ret;
}

#define INSN(bytes)	bytes, sizeof(bytes) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	u64 rsi, rdi, rcx;
	bool no_write;
	enum kev_executed ret;
	const char *log;	/* of the last try */
	u8 vector;
	u64 rcx_after;
} orders[] = {
	{ "mov %rax, (%rdi)", INSN("\x48\x89\x07"), 0, 8, 0, false, KEV_EXECUTED, "tw", 0, 0 },
	{ "both pages first", INSN("\x48\x89\x07"), 0, PAGE - 4, 0, false, KEV_EXECUTED, "ttww", 0,
	  0 },
	{ "second page not to write", INSN("\x48\x89\x07"), 0, PAGE - 4, 0, true,
	  KEV_EXECUTED_FAULT, "tt", PF, 0 },
	{ "from the device", INSN("\x48\x8b\x06"), DEVICE, 0, 0, false, KEV_EXECUTED, "tR", 0, 0 },
	{ "add to the device", INSN("\x01\x07"), 0, DEVICE, 0, false, KEV_EXECUTED, "tRW", 0, 0 },
	{ "half of it a device", INSN("\x01\x07"), 0, DEVICE - 1, 0, false, KEV_EXECUTED,
	  "ttrRRWWw", 0, 0 },
	{ "movs to memory", INSN("\xa4"), DEVICE, 0, 0, false, KEV_EXECUTED, "ttRw", 0, 0 },
	{ "movs, destination first", INSN("\xa4"), DEVICE, PAGE, 0, true, KEV_EXECUTED_FAULT, "tt",
	  PF, 0 },
	{ "rep movs", INSN("\xf3\xa4"), DEVICE, 0, 3, false, KEV_EXECUTED_PART, "ttRw", 0, 2 },
	{ "rep movs, the last", INSN("\xf3\xa4"), DEVICE, 0, 1, false, KEV_EXECUTED, "ttRw", 0,
	  0 },
	{ "rep movs, none", INSN("\xf3\xa4"), NOWHERE, NOWHERE, 0, false, KEV_EXECUTED, "", 0, 0 },
	{ "ins", INSN("\x6c"), 0, 0, 0, false, KEV_EXECUTED, "tptw", 0, 0 },
	{ "ins to nowhere", INSN("\x6c"), 0, NOWHERE, 0, false, KEV_EXECUTED_FAULT, "t", PF, 0 },
	{ "rep ins up to a page", INSN("\xf3\x6d"), 0, PAGE - 8, 5, true, KEV_EXECUTED_PART,
	  "tttptwtw", 0, 3 },
	{ "rep ins up to a device", INSN("\xf3\x6c"), 0, DEVICE - 1, 5, false, KEV_EXECUTED_PART,
	  "ttptw", 0, 4 },
	{ "rep outs", INSN("\xf3\x6e"), 0, 0, 2, false, KEV_EXECUTED, "trtrp", 0, 0 },
	{ "rep outs from a device", INSN("\xf3\x6e"), DEVICE, 0, 2, false, KEV_EXECUTED_PART,
	  "tRp",
	  0, 1 },
	{ "rep ins, none", INSN("\xf3\x6c"), 0, NOWHERE, 0, false, KEV_EXECUTED, "", 0, 0 },
	{ "cmpxchg at nowhere", INSN("\x0f\xb1\x0f"), 0, NOWHERE, 1, false, KEV_EXECUTED_FAULT, "t",
	  PF, 1 },
	{ "cmpxchg of a device", INSN("\x0f\xb1\x0f"), 0, DEVICE, 1, false, KEV_EXECUTED, "tRW", 0,
	  1 },
	{ "rep outs, none", INSN("\xf3\x6e"), NOWHERE, 0, 0, false, KEV_EXECUTED, "", 0, 0 },
	{ "not canonical", INSN("\x48\x89\x07"), 0, 1ULL << 47, 0, false, KEV_EXECUTED_FAULT,
	  "", GP,
	  0 },
};

TEST(order)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct machine m = { .no_write = orders[i].no_write };
		struct kev_cpu cpu = long_mode;
		int passed = _metadata->passed;
		enum kev_executed ret;
		u8 values[64];

		cpu.values = values;
		cpu.max_values = sizeof(values);
		cpu.gpr[KEV_RSI] = orders[i].rsi;
		cpu.gpr[KEV_RDI] = orders[i].rdi;
		cpu.gpr[KEV_RCX] = orders[i].rcx;
		ret = run(&cpu, orders[i].bytes, orders[i].length, &m);
		EXPECT_EQ(orders[i].ret, ret);
		EXPECT_STREQ(orders[i].log, m.log);
		EXPECT_EQ(orders[i].vector, ret == KEV_EXECUTED_FAULT ? cpu.fault.vector : 0);
		EXPECT_EQ(orders[i].rcx_after, cpu.gpr[KEV_RCX]);
		if (passed && !_metadata->passed)
			TH_LOG("%s", orders[i].name);
	}
}

/* What has been stopped between its accesses has the result of one that was not. */
TEST(started_again)
{
	struct kev_cpu cpu = long_mode;
	struct machine m = {};

	m.memory[DEVICE - 1] = 0xff;
	cpu.gpr[KEV_RAX] = 1;
	cpu.gpr[KEV_RDI] = DEVICE - 1;
	EXPECT_EQ(KEV_EXECUTED, run(&cpu, INSN("\x01\x07"), &m));
	/* 0x112211ff + 1: the device has read 0x2211 and 0x11. */
	EXPECT_EQ(4, m.done);
	EXPECT_EQ(0, m.memory[DEVICE - 1]);
	EXPECT_EQ(0x2212, m.device[2]);
	EXPECT_EQ(0x11, m.device[3]);
}

/* Tables that change between the look at all of a string and its last element */
TEST(string_faults_late)
{
	static const struct {
		unsigned int fault_at;
		u64 rcx_after;
		const char *log;
	} faults[] = { { 3, 2, "ttpt" }, { 4, 1, "ttptwt" } };

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct machine m = { .fault_at = faults[i].fault_at };
		struct kev_cpu cpu = long_mode;
		u8 values[2];

		cpu.values = values;
		cpu.max_values = sizeof(values);
		cpu.gpr[KEV_RCX] = 2;
		EXPECT_EQ(KEV_EXECUTED_FAULT, run(&cpu, INSN("\xf3\x6c"), &m));
		EXPECT_EQ(faults[i].rcx_after, cpu.gpr[KEV_RCX]);
		EXPECT_EQ(2 - faults[i].rcx_after, cpu.gpr[KEV_RDI]);
		EXPECT_STREQ(faults[i].log, m.log);
	}
}

/* An operand around the end of 32 bits goes on at 0. */
TEST(linear_wraps)
{
	struct kev_cpu cpu = long_mode;
	struct machine m = {};

	cpu.code = KEV_CODE_32;
	cpu.segment[KEV_DS] = (struct kev_segment) {
		.base = 0xfffff000, .limit = 0xffffffff, .access = DATA,
	};
	cpu.gpr[KEV_RDI] = 0xffe;
	EXPECT_EQ(KEV_EXECUTED_FAULT, run(&cpu, INSN("\x89\x07"), &m));
	EXPECT_EQ(0xfffffffe, cpu.fault.address);
	wraps = true;
	EXPECT_EQ(KEV_EXECUTED, run(&cpu, INSN("\x89\x07"), &m));
	wraps = false;
	EXPECT_STREQ("ttww", m.log);
}

TEST(alignment)
{
	struct kev_cpu cpu = long_mode;
	struct machine m = {};

	cpu.alignment = true;
	cpu.gpr[KEV_RDI] = 4;
	EXPECT_EQ(KEV_EXECUTED_FAULT, run(&cpu, INSN("\x48\x89\x07"), &m));
	EXPECT_EQ(AC, cpu.fault.vector);
	EXPECT_TRUE(cpu.fault.has_error);
	EXPECT_EQ(KEV_EXECUTED, run(&cpu, INSN("\x89\x07"), &m));
}

/* Registers of 16 bits wrap and leave the rest alone, those of 32 clear it. */
TEST(string_registers)
{
	static const struct {
		u8 code;
		const char *bytes;
		size_t length;
		u64 rdi, rcx, rdi_after, rcx_after;
		u64 rflags;
	} strings[] = {
		{ KEV_CODE_16, INSN("\xf3\xaa"), 0xaaaa0000ffffULL, 0xbbbb00000002ULL,
		  0xaaaa00000000ULL, 0xbbbb00000001ULL, 0 },
		{ KEV_CODE_16, INSN("\xf3\xab"), 0, 0x10001, 0xfffe, 0x10000, FLAG_DF },
		{ KEV_CODE_64, INSN("\x67\xf3\xaa"), 0xaaaa00000010ULL, 0xbbbb00000003ULL, 0x11, 2,
		  0 },
		{ KEV_CODE_64, INSN("\xf3\x48\xab"), 0x18, 1, 0x10, 0, FLAG_DF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct kev_cpu cpu = long_mode;
		struct machine m = {};

		cpu.code = strings[i].code;
		cpu.protected = false;
		cpu.rflags |= strings[i].rflags;
		for (int s = 0; s < KEV_NR_SEGS; s++)
			cpu.segment[s].limit = 0xffff;
		cpu.gpr[KEV_RDI] = strings[i].rdi;
		cpu.gpr[KEV_RCX] = strings[i].rcx;
		/* Only what lies in the machine can be reached. */
		if (strings[i].rdi % 0x10000 == 0xffff)
			cpu.segment[KEV_ES].base = (u32)-0xf000;
		EXPECT_EQ(strings[i].rcx_after % 0x10000 ? KEV_EXECUTED_PART : KEV_EXECUTED,
			  run(&cpu, strings[i].bytes, strings[i].length, &m));
		EXPECT_EQ(strings[i].rdi_after, cpu.gpr[KEV_RDI]);
		EXPECT_EQ(strings[i].rcx_after, cpu.gpr[KEV_RCX]);
	}
}

TEST_HARNESS_MAIN
