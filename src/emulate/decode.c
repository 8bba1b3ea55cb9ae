// SPDX-License-Identifier: GPL-2.0
/*
 * From bytes to an instruction. What is not recognised for certain is refused. Pure.
 */
#include <kev/emulate.h>

#define REX_B	BIT(0)
#define REX_X	BIT(1)
#define REX_R	BIT(2)
#define REX_W	BIT(3)

/* How the operands of an opcode are encoded */
enum shape {
	NONE = 0,		/* not one of ours */
	RM_REG,			/* ModRM: memory, register */
	REG_RM,			/* ModRM: register, memory */
	RM_IMM,			/* ModRM: memory; an immediate as wide, at most 4 bytes */
	RM_IMM8,		/* ModRM: memory; one byte, sign-extended */
	RM_ONLY,		/* ModRM: memory */
	MOFFS_TO_A,		/* an address; AL, AX, EAX or RAX is the destination */
	A_TO_MOFFS,
	STRING,
	GROUP,			/* ModRM.reg decides: groups[] */
};

/* opcode.flags */
#define BYTE_OP		BIT(0)	/* one byte; otherwise by mode and prefixes */
#define LOCKABLE	BIT(1)	/* if memory is the destination */
#define NO_64		BIT(2)	/* there is no such operand of 64 bits */
#define SRC_8		BIT(3)	/* memory is one byte, whatever the register is */
#define SRC_16		BIT(4)
#define SRC_32		BIT(5)
#define ONLY_64		BIT(6)	/* only in 64-bit mode */
#define NO_PREFIX	BIT(7)	/* 66, F2 and F3 make it another instruction */

struct opcode {
	u8 shape;
	u8 op;			/* of a GROUP: its index */
	u8 flags;
};

enum { GROUP_80, GROUP_81, GROUP_83, GROUP_C6, GROUP_C7, GROUP_F6, GROUP_F7, GROUP_FE, GROUP_FF,
	GROUP_0FBA, NR_GROUPS };

#define ALU(code, name, lock)							\
	[(code)] = { RM_REG, KEV_INSN_##name, BYTE_OP | (lock) },		\
	[(code) + 1] = { RM_REG, KEV_INSN_##name, (lock) },			\
	[(code) + 2] = { REG_RM, KEV_INSN_##name, BYTE_OP },			\
	[(code) + 3] = { REG_RM, KEV_INSN_##name, 0 }

/* SDM Vol. 2, "One-Byte Opcode Map" */
static const struct opcode one_byte[256] = {
	ALU(0x00, ADD, LOCKABLE), ALU(0x08, OR, LOCKABLE),
	ALU(0x10, ADC, LOCKABLE), ALU(0x18, SBB, LOCKABLE),
	ALU(0x20, AND, LOCKABLE), ALU(0x28, SUB, LOCKABLE),
	ALU(0x30, XOR, LOCKABLE), ALU(0x38, CMP, 0),
	[0x63] = { REG_RM, KEV_INSN_MOVSX, SRC_32 | ONLY_64 },
	[0x6c] = { STRING, KEV_INSN_INS, BYTE_OP },
	[0x6d] = { STRING, KEV_INSN_INS, NO_64 },
	[0x6e] = { STRING, KEV_INSN_OUTS, BYTE_OP },
	[0x6f] = { STRING, KEV_INSN_OUTS, NO_64 },
	[0x80] = { GROUP, GROUP_80, 0 },
	[0x81] = { GROUP, GROUP_81, 0 },
	[0x83] = { GROUP, GROUP_83, 0 },
	[0x84] = { RM_REG, KEV_INSN_TEST, BYTE_OP },
	[0x85] = { RM_REG, KEV_INSN_TEST, 0 },
	[0x86] = { RM_REG, KEV_INSN_XCHG, BYTE_OP | LOCKABLE },
	[0x87] = { RM_REG, KEV_INSN_XCHG, LOCKABLE },
	[0x88] = { RM_REG, KEV_INSN_MOV, BYTE_OP },
	[0x89] = { RM_REG, KEV_INSN_MOV, 0 },
	[0x8a] = { REG_RM, KEV_INSN_MOV, BYTE_OP },
	[0x8b] = { REG_RM, KEV_INSN_MOV, 0 },
	[0xa0] = { MOFFS_TO_A, KEV_INSN_MOV, BYTE_OP },
	[0xa1] = { MOFFS_TO_A, KEV_INSN_MOV, 0 },
	[0xa2] = { A_TO_MOFFS, KEV_INSN_MOV, BYTE_OP },
	[0xa3] = { A_TO_MOFFS, KEV_INSN_MOV, 0 },
	[0xa4] = { STRING, KEV_INSN_MOVS, BYTE_OP },
	[0xa5] = { STRING, KEV_INSN_MOVS, 0 },
	[0xaa] = { STRING, KEV_INSN_STOS, BYTE_OP },
	[0xab] = { STRING, KEV_INSN_STOS, 0 },
	[0xac] = { STRING, KEV_INSN_LODS, BYTE_OP },
	[0xad] = { STRING, KEV_INSN_LODS, 0 },
	[0xc6] = { GROUP, GROUP_C6, 0 },
	[0xc7] = { GROUP, GROUP_C7, 0 },
	[0xf6] = { GROUP, GROUP_F6, 0 },
	[0xf7] = { GROUP, GROUP_F7, 0 },
	[0xfe] = { GROUP, GROUP_FE, 0 },
	[0xff] = { GROUP, GROUP_FF, 0 },
};

/* SDM Vol. 2, "Two-Byte Opcode Map" */
static const struct opcode two_byte[256] = {
	[0xb0] = { RM_REG, KEV_INSN_CMPXCHG, BYTE_OP | LOCKABLE },
	[0xb1] = { RM_REG, KEV_INSN_CMPXCHG, LOCKABLE },
	[0xb6] = { REG_RM, KEV_INSN_MOV, SRC_8 },
	[0xb7] = { REG_RM, KEV_INSN_MOV, SRC_16 },
	[0xba] = { GROUP, GROUP_0FBA, 0 },
	[0xbe] = { REG_RM, KEV_INSN_MOVSX, SRC_8 },
	[0xbf] = { REG_RM, KEV_INSN_MOVSX, SRC_16 },
	[0xc0] = { RM_REG, KEV_INSN_XADD, BYTE_OP | LOCKABLE },
	[0xc1] = { RM_REG, KEV_INSN_XADD, LOCKABLE },
	[0xc3] = { RM_REG, KEV_INSN_MOV, NO_PREFIX },	/* MOVNTI */
};

#define ALU_GROUP(shape, flags) {						\
	{ (shape), KEV_INSN_ADD, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_OR, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_ADC, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_SBB, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_AND, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_SUB, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_XOR, (flags) | LOCKABLE },				\
	{ (shape), KEV_INSN_CMP, (flags) },					\
}

#define UNARY_GROUP(flags) {							\
	[0] = { RM_IMM, KEV_INSN_TEST, (flags) },				\
	[2] = { RM_ONLY, KEV_INSN_NOT, (flags) | LOCKABLE },			\
	[3] = { RM_ONLY, KEV_INSN_NEG, (flags) | LOCKABLE },			\
}

#define STEP_GROUP(flags) {							\
	[0] = { RM_ONLY, KEV_INSN_INC, (flags) | LOCKABLE },			\
	[1] = { RM_ONLY, KEV_INSN_DEC, (flags) | LOCKABLE },			\
}

/* SDM Vol. 2, "Opcode Extensions for One- and Two-byte Opcodes by Group Number" */
static const struct opcode groups[NR_GROUPS][8] = {
	[GROUP_80] = ALU_GROUP(RM_IMM, BYTE_OP),
	[GROUP_81] = ALU_GROUP(RM_IMM, 0),
	[GROUP_83] = ALU_GROUP(RM_IMM8, 0),
	[GROUP_C6] = { [0] = { RM_IMM, KEV_INSN_MOV, BYTE_OP } },
	[GROUP_C7] = { [0] = { RM_IMM, KEV_INSN_MOV, 0 } },
	[GROUP_F6] = UNARY_GROUP(BYTE_OP),
	[GROUP_F7] = UNARY_GROUP(0),
	[GROUP_FE] = STEP_GROUP(BYTE_OP),
	[GROUP_FF] = STEP_GROUP(0),
	[GROUP_0FBA] = {
		[4] = { RM_IMM8, KEV_INSN_BT, 0 },
		[5] = { RM_IMM8, KEV_INSN_BTS, LOCKABLE },
		[6] = { RM_IMM8, KEV_INSN_BTR, LOCKABLE },
		[7] = { RM_IMM8, KEV_INSN_BTC, LOCKABLE },
	},
};

/* What is known while the bytes are read */
struct reader {
	const u8 *bytes;
	size_t len, at;
	enum kev_code code;
	u8 rex;
	u8 segment;		/* override, or KEV_NR_SEGS */
	bool operand_prefix, address_prefix, lock, rep, repne;
	bool short_of;		/* bytes: what was read since is 0 */
};

static u8 next_byte(struct reader *r)
{
	if (r->at == r->len) {
		r->short_of = true;
		return 0;
	}
	return r->bytes[r->at++];
}

/* Little-endian and signed, @size bytes */
static u64 next_signed(struct reader *r, unsigned int size)
{
	u64 value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (u64)next_byte(r) << (8 * i);
	if (size < 8 && value >> (8 * size - 1))
		value |= ~0ULL << (8 * size);
	return value;
}

/* In 64-bit mode the prefixes of these four are there without effect. */
static void take_segment(struct reader *r, unsigned int segment)
{
	if (r->code != KEV_CODE_64 || segment >= KEV_FS)
		r->segment = segment;
}

/* One legacy prefix; false: @byte is none */
static bool take_prefix(struct reader *r, u8 byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		take_segment(r, KEV_ES + (byte - 0x26) / 8);
		return true;
	case 0x64: case 0x65:
		take_segment(r, KEV_FS + byte - 0x64);
		return true;
	case 0x66:
		r->operand_prefix = true;
		return true;
	case 0x67:
		r->address_prefix = true;
		return true;
	case 0xf0:
		r->lock = true;
		return true;
	case 0xf2:
		r->repne = true;
		return true;
	case 0xf3:
		r->rep = true;
		return true;
	default:
		return false;
	}
}

/* The prefixes, and the first byte of the opcode. A REX counts only right before that. */
static u8 read_prefixes(struct reader *r)
{
	u8 byte = next_byte(r);

	while (take_prefix(r, byte))
		byte = next_byte(r);
	if (r->code == KEV_CODE_64 && (byte & 0xf0) == 0x40) {
		r->rex = byte;
		byte = next_byte(r);
	}
	return byte;
}

static unsigned int address_size(const struct reader *r)
{
	static const u8 sizes[][2] = {
		[KEV_CODE_16] = { 2, 4 },
		[KEV_CODE_32] = { 4, 2 },
		[KEV_CODE_64] = { 8, 4 },
	};

	return sizes[r->code][r->address_prefix];
}

static unsigned int operand_size(const struct reader *r, u8 flags)
{
	if (flags & BYTE_OP)
		return 1;
	if (r->rex & REX_W)
		return flags & NO_64 ? 4 : 8;
	/* MOVNTI has no form of 16 bits, in 16-bit code neither. */
	if (flags & NO_PREFIX)
		return 4;
	return (r->code == KEV_CODE_16) != r->operand_prefix ? 2 : 4;
}

/* SDM Vol. 2, "16-Bit Addressing Forms with the ModR/M Byte" */
static void address_16(struct reader *r, u8 mod, u8 rm, struct kev_insn *insn)
{
	static const u8 base[] = { KEV_RBX, KEV_RBX, KEV_RBP, KEV_RBP, KEV_RSI, KEV_RDI, KEV_RBP,
				   KEV_RBX };
	static const u8 index[] = { KEV_RSI, KEV_RDI, KEV_RSI, KEV_RDI };

	if (mod == 0 && rm == 6) {
		insn->displacement = next_signed(r, 2);
		return;
	}
	insn->base = base[rm];
	if (rm < ARRAY_SIZE(index))
		insn->index = index[rm];
	if (mod)
		insn->displacement = next_signed(r, mod);
	if (insn->base == KEV_RBP)
		insn->segment = KEV_SS;
}

/* "32-Bit Addressing Forms with the SIB Byte" */
static void address_sib(struct reader *r, u8 mod, struct kev_insn *insn)
{
	u8 sib = next_byte(r);
	u8 base = sib & 7, index = (sib >> 3 & 7) | (r->rex & REX_X ? 8 : 0);

	if (index != KEV_RSP) {
		insn->index = index;
		insn->shift = sib >> 6;
	}
	/* REX.B does not count here. */
	if (base == KEV_RBP && mod == 0) {
		insn->displacement = next_signed(r, 4);
		return;
	}
	insn->base = base | (r->rex & REX_B ? 8 : 0);
}

/* "32-Bit Addressing Forms with the ModR/M Byte", and those of 64-bit mode */
static void address_32(struct reader *r, u8 mod, u8 rm, struct kev_insn *insn)
{
	if (rm == KEV_RSP) {
		address_sib(r, mod, insn);
	} else if (mod == 0 && rm == KEV_RBP) {
		insn->displacement = next_signed(r, 4);
		insn->rip_relative = r->code == KEV_CODE_64;
	} else {
		insn->base = rm | (r->rex & REX_B ? 8 : 0);
	}
	if (mod)
		insn->displacement = next_signed(r, mod == 1 ? 1 : 4);
	if (insn->base == KEV_RSP || insn->base == KEV_RBP)
		insn->segment = KEV_SS;
}

/* Without a REX the byte registers 4 to 7 are AH, CH, DH and BH. */
static void set_register(const struct reader *r, struct kev_insn *insn, u8 reg)
{
	if (insn->size == 1 && !r->rex && reg >= 4) {
		insn->high = true;
		reg -= 4;
	}
	insn->reg = reg | (r->rex & REX_R ? 8 : 0);
}

static void set_sizes(const struct reader *r, const struct opcode *opcode, struct kev_insn *insn)
{
	insn->size = operand_size(r, opcode->flags);
	insn->width = insn->size;
	if (opcode->flags & SRC_8)
		insn->width = 1;
	else if (opcode->flags & SRC_16)
		insn->width = 2;
	else if (opcode->flags & SRC_32)
		insn->width = 4;
}

/* ModRM and what follows it. */
static bool read_modrm(struct reader *r, const struct opcode *first, struct kev_insn *insn)
{
	struct opcode opcode = *first;
	u8 modrm = next_byte(r);
	u8 mod = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;

	if (opcode.shape == GROUP)
		opcode = groups[opcode.op][reg];
	/* Registers only: none of our business */
	if (opcode.shape == NONE || mod == 3)
		return false;
	if (r->lock && !(opcode.flags & LOCKABLE))
		return false;
	if (opcode.flags & ONLY_64 && r->code != KEV_CODE_64)
		return false;
	if (opcode.flags & NO_PREFIX && (r->operand_prefix || r->rep || r->repne))
		return false;
	insn->op = opcode.op;
	set_sizes(r, &opcode, insn);
	/* MOVSXD to a register narrower than the operand */
	if (insn->size < insn->width)
		return false;

	if (insn->address_size == 2)
		address_16(r, mod, rm, insn);
	else
		address_32(r, mod, rm, insn);

	switch (opcode.shape) {
	case RM_REG:
		insn->form = KEV_FORM_MEM_REG;
		set_register(r, insn, reg);
		return true;
	case REG_RM:
		insn->form = KEV_FORM_REG_MEM;
		set_register(r, insn, reg);
		return true;
	case RM_IMM:
		insn->form = KEV_FORM_MEM_IMM;
		insn->immediate = next_signed(r, min_t(unsigned int, insn->size, 4));
		return true;
	case RM_IMM8:
		insn->form = KEV_FORM_MEM_IMM;
		insn->immediate = next_signed(r, 1);
		return true;
	default:
		insn->form = KEV_FORM_MEM;
		return true;
	}
}

/* What has no ModRM */
static bool read_implicit(struct reader *r, const struct opcode *opcode, struct kev_insn *insn)
{
	if (r->lock)
		return false;
	insn->op = opcode->op;
	set_sizes(r, opcode, insn);
	if (opcode->shape == STRING) {
		insn->form = KEV_FORM_STRING;
		/* REPNE repeats as well where there is nothing to compare. */
		insn->rep = r->rep || r->repne;
		return true;
	}
	insn->form = opcode->shape == MOFFS_TO_A ? KEV_FORM_REG_MEM : KEV_FORM_MEM_REG;
	insn->displacement = next_signed(r, insn->address_size);
	return true;
}

static bool read_opcode(struct reader *r, struct kev_insn *insn)
{
	u8 byte = read_prefixes(r);
	const struct opcode *opcode = &one_byte[byte];

	if (byte == 0x0f)
		opcode = &two_byte[next_byte(r)];
	insn->address_size = address_size(r);
	switch (opcode->shape) {
	case NONE:
		return false;
	case MOFFS_TO_A:
	case A_TO_MOFFS:
	case STRING:
		return read_implicit(r, opcode, insn);
	default:
		return read_modrm(r, opcode, insn);
	}
}

bool kev_decode(const u8 *bytes, size_t len, enum kev_code code, struct kev_insn *insn)
{
	struct reader r = {
		.bytes = bytes,
		.len = min_t(size_t, len, KEV_INSN_MAX_LENGTH),
		.code = code,
		.segment = KEV_NR_SEGS,
	};

	*insn = (struct kev_insn) {
		.segment = KEV_DS,
		.base = KEV_NO_REGISTER,
		.index = KEV_NO_REGISTER,
	};
	if (!read_opcode(&r, insn) || r.short_of)
		return false;
	if (r.segment != KEV_NR_SEGS)
		insn->segment = r.segment;
	insn->length = r.at;
	return true;
}
