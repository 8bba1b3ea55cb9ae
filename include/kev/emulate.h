/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions of a guest that kev carries out in the CPU's place: what a compiler
 * emits to reach a device's memory, and the strings of port I/O. Pure.
 */
#ifndef _KEV_EMULATE_H
#define _KEV_EMULATE_H

#include <kev/pure.h>
#include <kev/values.h>

/* How code at CS:RIP is read */
enum kev_code {
	KEV_CODE_16,
	KEV_CODE_32,
	KEV_CODE_64,
};

/* Segment registers, in the order of their encoding */
enum kev_seg { KEV_ES, KEV_CS, KEV_SS, KEV_DS, KEV_FS, KEV_GS, KEV_NR_SEGS };

enum kev_insn_op {
	/* In the order of their encoding */
	KEV_INSN_ADD, KEV_INSN_OR, KEV_INSN_ADC, KEV_INSN_SBB,
	KEV_INSN_AND, KEV_INSN_SUB, KEV_INSN_XOR, KEV_INSN_CMP,
	KEV_INSN_BT, KEV_INSN_BTS, KEV_INSN_BTR, KEV_INSN_BTC,
	KEV_INSN_TEST,
	KEV_INSN_MOV,		/* MOVZX where the register is wider */
	KEV_INSN_MOVSX,
	KEV_INSN_XCHG, KEV_INSN_XADD, KEV_INSN_CMPXCHG,
	KEV_INSN_INC, KEV_INSN_DEC, KEV_INSN_NOT, KEV_INSN_NEG,
	KEV_INSN_STOS, KEV_INSN_LODS, KEV_INSN_MOVS, KEV_INSN_INS, KEV_INSN_OUTS,
	KEV_NR_INSNS
};

enum kev_insn_form {
	KEV_FORM_MEM_REG,	/* memory is the destination */
	KEV_FORM_REG_MEM,	/* a register is */
	KEV_FORM_MEM_IMM,
	KEV_FORM_MEM,		/* no other operand */
	KEV_FORM_STRING,
};

#define KEV_NO_REGISTER		0xff

/**
 * struct kev_insn - a decoded instruction with an operand in memory
 * @op: enum kev_insn_op
 * @form: enum kev_insn_form
 * @length: bytes of the instruction, 1 to 15
 * @width: bytes of the operand in memory: 1, 2, 4 or 8
 * @size: bytes of the register, at least @width
 * @address_size: bytes of an address: 2, 4 or 8
 * @segment: enum kev_seg of the memory operand; of a string the one at rSI
 * @rep: with a REP prefix; strings only
 * @reg: enum kev_gpr of the register operand
 * @high: it is AH, CH, DH or BH, bits 15:8 of @reg
 * @base: enum kev_gpr or KEV_NO_REGISTER
 * @index: enum kev_gpr or KEV_NO_REGISTER
 * @shift: the index counts so many bits to the left
 * @rip_relative: the address of the next instruction is the base
 * @displacement: sign-extended; the whole address where neither register is there
 * @immediate: sign-extended
 */
struct kev_insn {
	u8 op;
	u8 form;
	u8 length;
	u8 width;
	u8 size;
	u8 address_size;
	u8 segment;
	bool rep;
	u8 reg;
	bool high;
	u8 base;
	u8 index;
	u8 shift;
	bool rip_relative;
	u64 displacement;
	u64 immediate;
};

/**
 * kev_decode() - decode an instruction
 * @bytes: from its first one on
 * @len: how many there are; more than 15 do not count
 * @code: how they are read
 * @insn: written if it is one that kev carries out
 *
 * SDM Vol. 2, "Instruction Format" and "Opcode Map". MOV, MOVZX, MOVSX, MOVSXD, MOVNTI,
 * XCHG, XADD, CMPXCHG, ADD to CMP, TEST, INC, DEC, NOT, NEG, BT to BTC with an immediate,
 * with an operand in memory; STOS, LODS, MOVS, INS, OUTS. A LOCK prefix is taken where
 * the CPU takes it.
 *
 * Return: true; false: any other instruction, or its end is not there.
 */
bool kev_decode(const u8 *bytes, size_t len, enum kev_code code, struct kev_insn *insn);

/**
 * struct kev_cpu - the registers that an instruction works on
 * @gpr: by enum kev_gpr
 * @rip: of the instruction
 * @rflags: as the guest has it
 * @segment: by enum kev_seg
 * @code: enum kev_code
 * @cpl: privilege level
 * @linear_bits: width of a linear address where it has to be canonical, or 32
 * @protected: segments have types and rights: neither real nor virtual-8086 mode
 * @alignment: unaligned operands are #AC
 * @values: room for the values of a string of port accesses
 * @max_values: its bytes
 * @string_done: accesses of the string at @rip that the port has seen already, or 0
 * @fault: the exception of an instruction that has not been carried out
 */
struct kev_cpu {
	u64 gpr[KEV_NR_GPRS];
	u64 rip;
	u64 rflags;
	struct kev_segment segment[KEV_NR_SEGS];
	u8 code;
	u8 cpl;
	u8 linear_bits;
	bool protected;
	bool alignment;
	void *values;
	u32 max_values;
	u32 string_done;
	struct {
		u8 vector;
		bool has_error;
		u32 error;
		u64 address;		/* of #PF: becomes CR2 */
	} fault;
};

/* struct kev_place - where a linear address leads */
struct kev_place {
	u64 gpa;
	bool device;		/* not memory: each access is one of its own */
};

enum kev_executed {
	KEV_EXECUTED = 0,	/* done: RIP goes behind it */
	KEV_EXECUTED_PART,	/* some of a REP: RIP stays, registers have changed */
	KEV_EXECUTED_FAULT,	/* kev_cpu.fault; of a REP what came before it is done */
	KEV_EXECUTED_STOP,	/* the bus wants to wait: the same again from the start */
};

/**
 * struct kev_bus - what an instruction reaches
 *
 * Each gives KEV_EXECUTED, or KEV_EXECUTED_FAULT or _STOP, which ends the instruction.
 *
 * @translate: where a linear address leads; @access is KEV_MEM_*. Raises #PF. Memory is
 *	there afterwards. The place holds to the end of its page
 * @read: at most 8 bytes in one page, of a device 1, 2, 4 or 8
 * @write: likewise
 * @port: give or take *@count values of a string, @width bytes each, in @values. *@count
 *	is 1 or more, and is written if they were fewer
 */
struct kev_bus {
	enum kev_executed (*translate)(void *ctx, u64 linear, unsigned int access,
				       struct kev_place *place);
	enum kev_executed (*read)(void *ctx, const struct kev_place *place, void *buf,
				  unsigned int len);
	enum kev_executed (*write)(void *ctx, const struct kev_place *place, const void *buf,
				   unsigned int len);
	enum kev_executed (*port)(void *ctx, u16 port, bool in, unsigned int width,
				  void *values, u32 *count);
};

/**
 * kev_execute() - carry out an instruction
 * @cpu: registers; written if the instruction, or a part of it, is done
 * @insn: decoded
 * @bus: memory, devices and ports
 * @ctx: for @bus
 *
 * Segments, canonical form and alignment are checked here: SDM Vol. 3, "Protection";
 * SDM Vol. 2 for each instruction. Every page of every operand is translated before the
 * first access to any. A REP is carried out one element at a time, but for the strings of
 * port I/O, of which the port sees as many as there is room for.
 *
 * Context: That of @bus.
 * Return: enum kev_executed.
 */
enum kev_executed kev_execute(struct kev_cpu *cpu, const struct kev_insn *insn,
			      const struct kev_bus *bus, void *ctx);

/* So many bytes of a value: 1, 2, 4 or 8 */
static inline u64 kev_insn_mask(unsigned int bytes)
{
	static const u64 mask[] = {
		[1] = 0xff, [2] = 0xffff, [4] = 0xffffffff, [8] = ~0ULL,
	};

	return mask[bytes];
}

/* Of a register so many bytes, or the second one */
static inline u64 kev_insn_register(const u64 *gpr, unsigned int reg, bool high,
				    unsigned int bytes)
{
	return (gpr[reg] >> (high ? 8 : 0)) & kev_insn_mask(bytes);
}

/**
 * kev_insn_is_plain() - is it a load or a store, and no more
 * @insn: decoded
 *
 * One access to memory, by registers that a VM exit leaves in memory: RSP is none of them.
 *
 * Return: true: so it is.
 */
bool kev_insn_is_plain(const struct kev_insn *insn);

/**
 * kev_insn_offset() - where in its segment the operand in memory is
 * @insn: decoded; no string
 * @gpr: by enum kev_gpr
 * @rip: of the instruction
 *
 * Return: the effective address, cut to the address size, before the segment's base is added.
 */
static inline u64 kev_insn_offset(const struct kev_insn *insn, const u64 *gpr, u64 rip)
{
	u64 offset = insn->displacement;

	if (insn->base != KEV_NO_REGISTER)
		offset += gpr[insn->base];
	if (insn->index != KEV_NO_REGISTER)
		offset += gpr[insn->index] << insn->shift;
	if (insn->rip_relative)
		offset += rip + insn->length;
	return offset & kev_insn_mask(insn->address_size);
}

/**
 * kev_insn_stored() - what a plain store writes
 * @insn: decoded, plain; its form is not KEV_FORM_REG_MEM
 * @gpr: by enum kev_gpr
 *
 * Return: zero-extended.
 */
static inline u64 kev_insn_stored(const struct kev_insn *insn, const u64 *gpr)
{
	if (insn->form == KEV_FORM_MEM_IMM)
		return insn->immediate & kev_insn_mask(insn->width);
	return kev_insn_register(gpr, insn->reg, insn->high, insn->width);
}

/**
 * kev_insn_load() - carry out a plain load
 * @insn: decoded, plain; its form is KEV_FORM_REG_MEM
 * @gpr: by enum kev_gpr
 * @value: what memory gives; bits above the operand do not count
 */
void kev_insn_load(const struct kev_insn *insn, u64 *gpr, u64 value);

/**
 * kev_alu() - the arithmetic of ADD to CMP, TEST, INC, DEC, NEG
 * @op: enum kev_insn_op
 * @width: bytes: 1, 2, 4 or 8
 * @left: destination operand
 * @right: source operand
 * @rflags: CF, PF, AF, ZF, SF and OF are written; AF, where it is undefined, is 0
 *
 * Return: the result, zero-extended.
 */
u64 kev_alu(enum kev_insn_op op, unsigned int width, u64 left, u64 right, u64 *rflags);

/**
 * kev_address_check() - the linear address of an operand
 * @cpu: registers; @fault is written
 * @segment: enum kev_seg
 * @offset: in the segment, no wider than an address
 * @len: bytes of the operand, not 0
 * @write: it is written
 * @linear: written if this returns true
 *
 * Return: false: #GP or #SS.
 */
bool kev_address_check(struct kev_cpu *cpu, unsigned int segment, u64 offset, unsigned int len,
		       bool write, u64 *linear);

#endif /* _KEV_EMULATE_H */
