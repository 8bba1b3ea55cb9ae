// SPDX-License-Identifier: GPL-2.0
/*
 * kev's execution against this CPU's: random instructions on random registers and memory,
 * carried out by both. Guards length, addressing, results and flags of everything that
 * the decoder takes.
 */
#include <sys/mman.h>

#include <kev/emulate.h>

#include "unit.h"

#define ROUNDS		100000

/* Low, so that every way to address reaches them. */
#define AREA_AT		0x20000000UL
#define AREA_SIZE	0x3000UL
#define CONTEXT_AT	0x20010000UL
#define CODE_AT		0x20020000UL

#define ARITHMETIC	0x8d5ULL	/* OF SF ZF AF PF CF */
#define FLAG_AF		0x10ULL
#define FLAG_DF		0x400ULL

/* What the thunk loads and stores */
struct context {
	u64 gpr[KEV_NR_GPRS];		/* but RSP */
	u64 rflags;
};

struct thunk {
	u8 *at;
	u64 insn;			/* address of the instruction */
};

static void put(struct thunk *t, const void *bytes, size_t size)
{
	memcpy(t->at, bytes, size);
	t->at += size;
}

static void put_absolute(struct thunk *t, const char *opcode, size_t size, u32 address)
{
	put(t, opcode, size);
	put(t, &address, sizeof(address));
}

/* MOV between a register and the context; the opcode says the direction */
static void put_registers(struct thunk *t, u8 opcode)
{
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++) {
		const char mov[] = { i < 8 ? 0x48 : 0x4c, (char)opcode, (i & 7) << 3 | 4, 0x25 };

		if (i != KEV_RSP)
			put_absolute(t, mov, sizeof(mov),
				     CONTEXT_AT + offsetof(struct context, gpr) + 8 * i);
	}
}

/* A function around one instruction that works on the context */
static void build_thunk(struct thunk *t, const u8 *insn, unsigned int length)
{
	const u32 flags = CONTEXT_AT + offsetof(struct context, rflags);

	t->at = (u8 *)CODE_AT;
	put(t, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);	/* push */
	put_absolute(t, "\xff\x34\x25", 3, flags);
	put(t, "\x9d", 1);						/* popf */
	put_registers(t, 0x8b);
	t->insn = (u64)t->at;
	put(t, insn, length);
	put_registers(t, 0x89);
	put(t, "\x9c", 1);						/* pushf */
	put_absolute(t, "\x8f\x04\x25", 3, flags);
	put(t, "\xfc\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 12);	/* cld, pop, ret */
}

/* ---- the instruction ---- */

struct generated {
	u8 bytes[32];
	unsigned int length;		/* of what is there, more than needed */
	unsigned int displacement;	/* where it is, if it has 4 or 8 bytes */
	unsigned int displacement_size;
};

static void append(struct generated *g, u8 byte)
{
	g->bytes[g->length++] = byte;
}

static void append_random(struct generated *g, u64 *seed, unsigned int n)
{
	while (n--)
		append(g, unit_random(seed));
}

static void generate_modrm(struct generated *g, u64 *seed)
{
	u8 modrm = unit_random(seed), mod = modrm >> 6, sib = 0;

	if (mod == 3)
		modrm = (modrm & 0x3f) | (mod = unit_random(seed) % 3) << 6;
	append(g, modrm);
	if ((modrm & 7) == 4) {
		sib = unit_random(seed);
		append(g, sib);
	}
	if (mod == 0 && ((modrm & 7) == 5 || ((modrm & 7) == 4 && (sib & 7) == 5))) {
		g->displacement = g->length;
		g->displacement_size = 4;
		append_random(g, seed, 4);
	}
	append_random(g, seed, mod == 2 ? 4 : mod);
}

/* Any opcode; what the decoder refuses is thrown away. */
static void generate(struct generated *g, u64 *seed)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e };
	u8 opcode = unit_random(seed);

	memset(g, 0, sizeof(*g));
	while (unit_random(seed) % 3 == 0 && g->length < 3)
		append(g, prefixes[unit_random(seed) % sizeof(prefixes)]);
	if (unit_random(seed) % 2)
		append(g, 0x40 | unit_random(seed) % 16);
	if (unit_random(seed) % 4 == 0)
		append(g, 0x0f);
	append(g, opcode);
	if (opcode >= 0xa0 && opcode <= 0xa3) {
		g->displacement = g->length;
		g->displacement_size = 8;
	} else {
		generate_modrm(g, seed);
	}
	append_random(g, seed, 8);
}

static bool is_string(const struct kev_insn *insn)
{
	return insn->form == KEV_FORM_STRING;
}

/* The thunk needs its stack, ports are not ours, and two roles of a register are too many. */
static bool usable(const struct kev_insn *insn)
{
	bool has_register = insn->form == KEV_FORM_MEM_REG || insn->form == KEV_FORM_REG_MEM;

	if (insn->op == KEV_INSN_INS || insn->op == KEV_INSN_OUTS || insn->segment >= KEV_FS)
		return false;
	if (has_register && insn->reg == KEV_RSP && !insn->high)
		return false;
	return is_string(insn) || insn->base == KEV_NO_REGISTER ||
	       (insn->base != KEV_RSP && insn->base != insn->index);
}

/* ---- registers and memory ---- */

static u64 low(u64 value, unsigned int bytes, u64 high)
{
	return bytes == 8 ? value : (value & 0xffffffff) | high << 32;
}

/* Somewhere in the middle of the area, often across pages */
static u64 target(u64 *seed)
{
	return AREA_AT + 0x1000 + (unit_random(seed) % 2 ? 0xff0 + unit_random(seed) % 16 :
				   unit_random(seed) % 0x1000);
}

/* Have the operand lie in the area: false if it cannot be had there. */
static bool aim(struct generated *g, const struct kev_insn *insn, u64 insn_at, struct context *c,
		u64 *seed)
{
	u64 at = target(seed), displacement = insn->displacement, index = 0;

	if (is_string(insn)) {
		c->gpr[KEV_RSI] = low(at, insn->address_size, unit_random(seed));
		c->gpr[KEV_RDI] = low(target(seed), insn->address_size, unit_random(seed));
		if (insn->rep)
			c->gpr[KEV_RCX] = low(unit_random(seed) % 6, insn->address_size,
					      unit_random(seed));
		return true;
	}
	if (insn->index != KEV_NO_REGISTER) {
		c->gpr[insn->index] = low(unit_random(seed) % 64 - 32, insn->address_size,
					  unit_random(seed));
		index = c->gpr[insn->index] << insn->shift;
	}
	if (insn->base != KEV_NO_REGISTER) {
		c->gpr[insn->base] = low(at - displacement - index, insn->address_size,
					 unit_random(seed));
		return true;
	}
	if (!g->displacement_size)
		return false;
	displacement = at - index - (insn->rip_relative ? insn_at + insn->length : 0);
	memcpy(g->bytes + g->displacement, &displacement, g->displacement_size);
	return true;
}

static u8 copy[AREA_SIZE];		/* what kev works on */

static enum kev_executed translate(void *ctx, u64 linear, unsigned int access,
				   struct kev_place *place)
{
	(void)ctx;
	(void)access;
	*place = (struct kev_place) { .gpa = linear - AREA_AT };
	return linear - AREA_AT < AREA_SIZE ? KEV_EXECUTED : KEV_EXECUTED_STOP;
}

static enum kev_executed read_copy(void *ctx, const struct kev_place *place, void *buf,
				   unsigned int len)
{
	(void)ctx;
	memcpy(buf, copy + place->gpa, len);
	return KEV_EXECUTED;
}

static enum kev_executed write_copy(void *ctx, const struct kev_place *place, const void *buf,
				    unsigned int len)
{
	(void)ctx;
	memcpy(copy + place->gpa, buf, len);
	return KEV_EXECUTED;
}

static const struct kev_bus bus = {
	.translate = translate, .read = read_copy, .write = write_copy,
};

/* Flags that the instruction defines */
static u64 defined_flags(const struct kev_insn *insn)
{
	switch (insn->op) {
	case KEV_INSN_AND: case KEV_INSN_OR: case KEV_INSN_XOR: case KEV_INSN_TEST:
		return ARITHMETIC & ~FLAG_AF;
	case KEV_INSN_BT: case KEV_INSN_BTS: case KEV_INSN_BTR: case KEV_INSN_BTC:
		return 0x41;			/* CF; ZF stays */
	default:
		return ARITHMETIC;
	}
}

/*
 * Where a string instruction with a 67h prefix starts with a count of 0, some CPUs clear the upper
 * halves of the count and of the addresses, others keep them (KVM: string_registers_quirk()).
 */
static u64 defined_bits(const struct kev_insn *insn, unsigned int reg,
			const struct context *before)
{
	if (insn->rep && insn->address_size == 4 && !(u32)before->gpr[KEV_RCX] &&
	    (reg == KEV_RCX || reg == KEV_RSI || reg == KEV_RDI))
		return 0xffffffff;
	return ~0ULL;
}

static bool same(const struct kev_insn *insn, const struct kev_cpu *cpu,
		 const struct context *before, const struct context *native)
{
	u64 flags = defined_flags(insn) | FLAG_DF;

	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		if (i != KEV_RSP &&
		    (cpu->gpr[i] ^ native->gpr[i]) & defined_bits(insn, i, before))
			return false;
	return !((cpu->rflags ^ native->rflags) & flags) && !memcmp(copy, (void *)AREA_AT,
	       AREA_SIZE);
}

static void log_difference(const struct generated *g, const struct kev_insn *insn,
			   const struct kev_cpu *cpu, const struct context *before,
			   const struct context *native)
{
	fprintf(stderr, "# op %u form %u width %u size %u:", insn->op, insn->form, insn->width,
		insn->size);
	for (unsigned int i = 0; i < insn->length; i++)
		fprintf(stderr, " %02x", g->bytes[i]);
	fprintf(stderr, "\n# flags %llx: kev %llx, CPU %llx\n", before->rflags, cpu->rflags,
		native->rflags);
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		if (cpu->gpr[i] != native->gpr[i])
			fprintf(stderr, "# gpr %u %llx: kev %llx, CPU %llx\n", i, before->gpr[i],
				cpu->gpr[i], native->gpr[i]);
}

/* One instruction; -1: the decoder does not take it */
static int try_one(u64 *seed, bool *seen)
{
	struct context *native = (void *)CONTEXT_AT, before;
	struct kev_cpu cpu = { .code = KEV_CODE_64, .linear_bits = 48 };
	enum kev_executed ret;
	struct generated g;
	struct kev_insn insn;
	struct thunk thunk;

	generate(&g, seed);
	if (!kev_decode(g.bytes, g.length, KEV_CODE_64, &insn) || !usable(&insn))
		return -1;
	build_thunk(&thunk, g.bytes, insn.length);
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		before.gpr[i] = unit_random_bits(seed);
	before.rflags = 2 | (unit_random(seed) & (ARITHMETIC | FLAG_DF));
	if (!aim(&g, &insn, thunk.insn, &before, seed))
		return -1;
	if (!kev_decode(g.bytes, g.length, KEV_CODE_64, &insn))
		return 1;
	build_thunk(&thunk, g.bytes, insn.length);
	for (size_t i = 0; i < AREA_SIZE; i += 8) {
		u64 random = unit_random_bits(seed);

		memcpy((u8 *)AREA_AT + i, &random, 8);
	}
	/* Equal now and then, for CMPXCHG and CMP */
	if (unit_random(seed) % 2 && !is_string(&insn) && insn.base != KEV_RAX &&
	    insn.index != KEV_RAX)
		for (size_t i = 0; i < AREA_SIZE; i++)
			((u8 *)AREA_AT)[i] = before.gpr[KEV_RAX];
	memcpy(copy, (void *)AREA_AT, AREA_SIZE);

	memcpy(cpu.gpr, before.gpr, sizeof(cpu.gpr));
	cpu.rflags = before.rflags;
	cpu.rip = thunk.insn;
	do {
		ret = kev_execute(&cpu, &insn, &bus, NULL);
	} while (ret == KEV_EXECUTED_PART);
	*native = before;
	((void (*)(void))CODE_AT)();

	native->gpr[KEV_RSP] = cpu.gpr[KEV_RSP];
	seen[insn.op] = true;
	if (ret == KEV_EXECUTED && same(&insn, &cpu, &before, native))
		return 0;
	log_difference(&g, &insn, &cpu, &before, native);
	return 1;
}

static bool map_at(unsigned long at, size_t size, int prot)
{
	return mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		    -1, 0) == (void *)at;
}

TEST(like_this_cpu)
{
	bool seen[KEV_NR_INSNS] = {};
	unsigned int done = 0, wrong = 0, op;
	u64 seed = 42;

	ASSERT_TRUE(map_at(AREA_AT, AREA_SIZE, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(map_at(CONTEXT_AT, 0x1000, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(map_at(CODE_AT, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC));
	while (done < ROUNDS && wrong < 5) {
		int ret = try_one(&seed, seen);

		done += ret >= 0;
		wrong += ret > 0;
	}
	EXPECT_EQ(0, wrong);
	for (op = 0; op < KEV_NR_INSNS; op++)
		EXPECT_EQ(op != KEV_INSN_INS && op != KEV_INSN_OUTS, seen[op]) {
			TH_LOG("op %u", op);
		}
}

TEST_HARNESS_MAIN
