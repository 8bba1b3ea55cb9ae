// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions carried out. Pure.
 *
 * Nothing is kept from one try to the next: whoever has to wait in the middle starts
 * again, and its bus knows which accesses have been done.
 */
#include <kev/emulate.h>
#include <kev/values.h>

#define TRAP_SS		12
#define TRAP_GP		13
#define TRAP_AC		17

#define RFLAGS_CF	BIT_ULL(0)
#define RFLAGS_ZF	BIT_ULL(6)
#define RFLAGS_DF	BIT_ULL(10)

#define TYPE_CODE	BIT(3)
#define TYPE_DOWN	BIT(2)	/* of data: expands down */
#define TYPE_WRITE	BIT(1)	/* of data: may be written; of code: may be read */

/* What the functions here hand around */
struct run {
	struct kev_cpu *cpu;
	const struct kev_insn *insn;
	const struct kev_bus *bus;
	void *ctx;
};

/* An operand in memory: on one page, or on two */
struct operand {
	struct kev_place place[2];
	unsigned int len[2];
};

static u64 sign_extend(u64 value, unsigned int bytes)
{
	u64 sign = 1ULL << (8 * bytes - 1);

	return ((value & kev_insn_mask(bytes)) ^ sign) - sign;
}

/* 32 bits clear the upper half, fewer leave the rest alone. */
static void write_register(u64 *gpr, unsigned int reg, bool high, unsigned int bytes, u64 value)
{
	unsigned int shift = high ? 8 : 0;
	u64 mask = bytes == 4 ? ~0ULL : kev_insn_mask(bytes) << shift;

	value = (value & kev_insn_mask(bytes)) << shift;
	gpr[reg] = (gpr[reg] & ~mask) | value;
}

static bool raise(struct kev_cpu *cpu, u8 vector)
{
	cpu->fault.vector = vector;
	cpu->fault.has_error = true;
	cpu->fault.error = 0;
	return false;
}

/* SDM Vol. 3, "Type Checking" */
static bool type_allows(const struct kev_segment *seg, bool write)
{
	if (seg->access & KEV_SEG_UNUSABLE)
		return false;
	if (seg->access & TYPE_CODE)
		return !write && seg->access & TYPE_WRITE;
	return !write || seg->access & TYPE_WRITE;
}

/* "Limit Checking" */
static bool limit_allows(const struct kev_segment *seg, u64 offset, u64 last)
{
	if (!(seg->access & TYPE_CODE) && seg->access & TYPE_DOWN)
		return offset > seg->limit &&
		       last <= (seg->access & KEV_SEG_DB ? 0xffffffff : 0xffff);
	return last <= seg->limit;
}

bool kev_address_check(struct kev_cpu *cpu, unsigned int segment, u64 offset, unsigned int len,
		       bool write, u64 *linear)
{
	const struct kev_segment *seg = &cpu->segment[segment];
	u8 vector = segment == KEV_SS ? TRAP_SS : TRAP_GP;

	if (cpu->code == KEV_CODE_64) {
		*linear = offset + (segment >= KEV_FS ? seg->base : 0);
		if (!kev_canonical_in(*linear, cpu->linear_bits) ||
		    !kev_canonical_in(*linear + len - 1, cpu->linear_bits) ||
		    *linear + len - 1 < *linear)
			return raise(cpu, vector);
		return true;
	}
	if (cpu->protected && !type_allows(seg, write))
		return raise(cpu, vector);
	if (!limit_allows(seg, offset, offset + len - 1))
		return raise(cpu, vector);
	*linear = (u32)(seg->base + offset);
	return true;
}

/* Where the @len bytes at an offset lie; every page of them is asked for. */
static enum kev_executed locate(struct run *run, unsigned int segment, u64 offset,
				unsigned int len, unsigned int access, struct operand *operand)
{
	struct kev_cpu *cpu = run->cpu;
	enum kev_executed ret;
	u64 linear;

	if (!kev_address_check(cpu, segment, offset, len, access & KEV_MEM_WRITE, &linear))
		return KEV_EXECUTED_FAULT;
	if (cpu->alignment && linear & (len - 1)) {
		raise(cpu, TRAP_AC);
		return KEV_EXECUTED_FAULT;
	}
	operand->len[0] = min_t(u64, len, KEV_PAGE_SIZE - (linear & (KEV_PAGE_SIZE - 1)));
	operand->len[1] = len - operand->len[0];
	ret = run->bus->translate(run->ctx, linear, access, &operand->place[0]);
	if (ret || !operand->len[1])
		return ret;
	linear += operand->len[0];
	if (cpu->code != KEV_CODE_64)
		linear = (u32)linear;
	return run->bus->translate(run->ctx, linear, access, &operand->place[1]);
}

static bool on_device(const struct operand *operand)
{
	return operand->place[0].device || (operand->len[1] && operand->place[1].device);
}

/* A device sees 1, 2, 4 or 8 bytes at a time: of another number the aligned parts. */
static unsigned int part_of(const struct kev_place *place, unsigned int len)
{
	unsigned int part = 8;

	if (!place->device || !(len & (len - 1)))
		return len;
	while (part > len || place->gpa & (part - 1))
		part /= 2;
	return part;
}

static enum kev_executed transfer_page(struct run *run, struct kev_place place, unsigned int len,
				       u8 *bytes, bool write)
{
	enum kev_executed ret = KEV_EXECUTED;
	unsigned int part;

	for (; len && !ret; len -= part) {
		part = part_of(&place, len);
		if (write)
			ret = run->bus->write(run->ctx, &place, bytes, part);
		else
			ret = run->bus->read(run->ctx, &place, bytes, part);
		place.gpa += part;
		bytes += part;
	}
	return ret;
}

static enum kev_executed read_bytes(struct run *run, const struct operand *operand, u8 *bytes)
{
	enum kev_executed ret;

	ret = transfer_page(run, operand->place[0], operand->len[0], bytes, false);
	if (ret)
		return ret;
	return transfer_page(run, operand->place[1], operand->len[1], bytes + operand->len[0],
			     false);
}

/*
 * Devices first: one that has to be waited for leaves memory as it was, for the next try
 * to read.
 */
static enum kev_executed write_bytes(struct run *run, const struct operand *operand, u8 *bytes)
{
	unsigned int first = operand->len[1] && operand->place[1].device &&
			     !operand->place[0].device;
	enum kev_executed ret = KEV_EXECUTED;

	for (unsigned int i = 0; i < 2 && !ret; i++) {
		unsigned int page = i ^ first;

		ret = transfer_page(run, operand->place[page], operand->len[page],
				    bytes + (page ? operand->len[0] : 0), true);
	}
	return ret;
}

static enum kev_executed read_operand(struct run *run, const struct operand *operand, u64 *value)
{
	u8 bytes[8] = {};
	enum kev_executed ret = read_bytes(run, operand, bytes);

	*value = 0;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		*value |= (u64)bytes[i] << (8 * i);
	return ret;
}

static enum kev_executed write_operand(struct run *run, const struct operand *operand, u64 value)
{
	u8 bytes[8];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = value >> (8 * i);
	return write_bytes(run, operand, bytes);
}

static bool only_compares(unsigned int op)
{
	return op == KEV_INSN_CMP || op == KEV_INSN_TEST || op == KEV_INSN_BT;
}

/* KEV_MEM_*: what the instruction does to its operand in memory */
static unsigned int access_of(const struct kev_insn *insn)
{
	if (insn->form == KEV_FORM_REG_MEM || only_compares(insn->op))
		return KEV_MEM_READ;
	return insn->op == KEV_INSN_MOV ? KEV_MEM_WRITE : KEV_MEM_READ | KEV_MEM_WRITE;
}

/* The bit is chosen by an immediate: it lies in the operand. */
static u64 bit_op(unsigned int op, u64 left, u64 bit, u64 *rflags)
{
	*rflags = (*rflags & ~RFLAGS_CF) | (left & bit ? RFLAGS_CF : 0);
	switch (op) {
	case KEV_INSN_BTS:
		return left | bit;
	case KEV_INSN_BTR:
		return left & ~bit;
	case KEV_INSN_BTC:
		return left ^ bit;
	default:
		return left;
	}
}

/* left = left op right */
static u64 compute(const struct kev_insn *insn, u64 left, u64 right, u64 *rflags)
{
	switch (insn->op) {
	case KEV_INSN_MOV:
	case KEV_INSN_XCHG:
		return right;
	case KEV_INSN_MOVSX:
		return sign_extend(right, insn->width);
	case KEV_INSN_NOT:
		return ~left;
	case KEV_INSN_BT:
	case KEV_INSN_BTS:
	case KEV_INSN_BTR:
	case KEV_INSN_BTC:
		return bit_op(insn->op, left, 1ULL << (right & (8 * insn->width - 1)), rflags);
	case KEV_INSN_XADD:
		return kev_alu(KEV_INSN_ADD, insn->width, left, right, rflags);
	default:
		return kev_alu(insn->op, insn->width, left, right, rflags);
	}
}

static enum kev_executed to_register(struct run *run, const struct operand *operand)
{
	const struct kev_insn *insn = run->insn;
	struct kev_cpu *cpu = run->cpu;
	enum kev_executed ret;
	u64 memory, result;

	ret = read_operand(run, operand, &memory);
	if (ret)
		return ret;
	result = compute(insn, kev_insn_register(cpu->gpr, insn->reg, insn->high, insn->size),
			 memory, &cpu->rflags);
	if (!only_compares(insn->op))
		write_register(cpu->gpr, insn->reg, insn->high, insn->size, result);
	return KEV_EXECUTED;
}

/* Memory takes the register if it equals the accumulator, which takes memory otherwise. */
static enum kev_executed compare_exchange(struct run *run, const struct operand *operand)
{
	const struct kev_insn *insn = run->insn;
	struct kev_cpu *cpu = run->cpu;
	u64 rflags = cpu->rflags, memory;
	enum kev_executed ret;
	bool equal;

	ret = read_operand(run, operand, &memory);
	if (ret)
		return ret;
	kev_alu(KEV_INSN_CMP, insn->width, kev_insn_register(cpu->gpr, KEV_RAX, false, insn->width),
		memory, &rflags);
	equal = rflags & RFLAGS_ZF;
	/* It is written either way. */
	if (equal)
		memory = kev_insn_register(cpu->gpr, insn->reg, insn->high, insn->width);
	ret = write_operand(run, operand, memory);
	if (ret)
		return ret;
	if (!equal)
		write_register(cpu->gpr, KEV_RAX, false, insn->width, memory);
	cpu->rflags = rflags;
	return KEV_EXECUTED;
}

static enum kev_executed to_memory(struct run *run, const struct operand *operand,
				   unsigned int access)
{
	const struct kev_insn *insn = run->insn;
	u64 memory = 0, right = insn->immediate, result;
	enum kev_executed ret = KEV_EXECUTED;
	struct kev_cpu *cpu = run->cpu;
	u64 rflags = cpu->rflags;

	if (access & KEV_MEM_READ)
		ret = read_operand(run, operand, &memory);
	if (ret)
		return ret;
	if (insn->form == KEV_FORM_MEM_REG)
		right = kev_insn_register(cpu->gpr, insn->reg, insn->high, insn->size);
	result = compute(insn, memory, right & kev_insn_mask(insn->width), &rflags);
	if (access & KEV_MEM_WRITE)
		ret = write_operand(run, operand, result);
	if (ret)
		return ret;
	if (insn->op == KEV_INSN_XCHG || insn->op == KEV_INSN_XADD)
		write_register(cpu->gpr, insn->reg, insn->high, insn->size, memory);
	cpu->rflags = rflags;
	return KEV_EXECUTED;
}

static enum kev_executed execute_operand(struct run *run)
{
	const struct kev_insn *insn = run->insn;
	unsigned int access = access_of(insn);
	struct operand operand;
	enum kev_executed ret;

	ret = locate(run, insn->segment, kev_insn_offset(insn, run->cpu->gpr, run->cpu->rip),
		     insn->width, access, &operand);
	if (ret)
		return ret;
	if (insn->form == KEV_FORM_REG_MEM)
		return to_register(run, &operand);
	if (insn->op == KEV_INSN_CMPXCHG)
		return compare_exchange(run, &operand);
	return to_memory(run, &operand, access);
}

/* ---- strings ---- */

/* Element @i of the string at rSI, or rDI */
static enum kev_executed locate_element(struct run *run, unsigned int reg, u32 i,
					struct operand *operand)
{
	const struct kev_insn *insn = run->insn;
	bool write = reg == KEV_RDI;
	u64 step = (u64)i * insn->width;
	u64 offset = run->cpu->gpr[reg];

	offset += run->cpu->rflags & RFLAGS_DF ? -step : step;
	offset &= kev_insn_mask(insn->address_size);
	return locate(run, write ? KEV_ES : insn->segment, offset, insn->width,
		      write ? KEV_MEM_WRITE : KEV_MEM_READ, operand);
}

static void move_register(struct run *run, unsigned int reg, u64 by)
{
	struct kev_cpu *cpu = run->cpu;

	write_register(cpu->gpr, reg, false, run->insn->address_size, cpu->gpr[reg] + by);
}

static u64 elements_left(const struct run *run)
{
	if (!run->insn->rep)
		return 1;
	return kev_insn_register(run->cpu->gpr, KEV_RCX, false, run->insn->address_size);
}

/* @count elements are done. */
static enum kev_executed step(struct run *run, bool source, bool destination, u32 count)
{
	u64 by = (u64)count * run->insn->width;

	if (run->cpu->rflags & RFLAGS_DF)
		by = -by;
	if (source)
		move_register(run, KEV_RSI, by);
	if (destination)
		move_register(run, KEV_RDI, by);
	if (!run->insn->rep)
		return KEV_EXECUTED;
	move_register(run, KEV_RCX, -(u64)count);
	return elements_left(run) ? KEV_EXECUTED_PART : KEV_EXECUTED;
}

/* One element of STOS, LODS or MOVS */
static enum kev_executed execute_element(struct run *run)
{
	const struct kev_insn *insn = run->insn;
	bool source = insn->op != KEV_INSN_STOS, destination = insn->op != KEV_INSN_LODS;
	u64 value = kev_insn_register(run->cpu->gpr, KEV_RAX, false, insn->width);
	enum kev_executed ret = KEV_EXECUTED;
	struct operand from, to;

	if (!elements_left(run))
		return KEV_EXECUTED;
	if (source)
		ret = locate_element(run, KEV_RSI, 0, &from);
	if (!ret && destination)
		ret = locate_element(run, KEV_RDI, 0, &to);
	if (!ret && source)
		ret = read_operand(run, &from, &value);
	if (!ret && destination)
		ret = write_operand(run, &to, value);
	if (ret)
		return ret;
	if (!destination)
		write_register(run->cpu->gpr, KEV_RAX, false, insn->width, value);
	return step(run, source, destination, 1);
}

static u8 *value_at(const struct run *run, u32 i)
{
	return (u8 *)run->cpu->values + i * run->insn->width;
}

static enum kev_executed access_port(struct run *run, u32 *count)
{
	return run->bus->port(run->ctx, (u16)run->cpu->gpr[KEV_RDX],
			      run->insn->op == KEV_INSN_INS, run->insn->width, run->cpu->values,
			      count);
}

/*
 * How many elements the port can see at once: those in memory, or one on a device. For
 * OUTS their values are read. An element that cannot be had ends the string before it.
 */
static enum kev_executed gather(struct run *run, unsigned int reg, u32 *count)
{
	u32 most = min_t(u64, elements_left(run), run->cpu->max_values / run->insn->width);
	struct operand operand;
	enum kev_executed ret;
	u32 i;

	for (i = 0; i < most; i++) {
		ret = locate_element(run, reg, i, &operand);
		if (!ret && i && on_device(&operand))
			break;
		if (!ret && reg == KEV_RSI)
			ret = read_bytes(run, &operand, value_at(run, i));
		if (ret && !i)
			return ret;
		if (ret)
			break;
		if (on_device(&operand))
			most = 1;
	}
	*count = i;
	return KEV_EXECUTED;
}

static enum kev_executed execute_outs(struct run *run)
{
	u32 count = run->cpu->string_done;
	enum kev_executed ret;

	if (!elements_left(run))
		return KEV_EXECUTED;
	if (!count) {
		ret = gather(run, KEV_RSI, &count);
		if (!ret)
			ret = access_port(run, &count);
		if (ret)
			return ret;
	}
	return step(run, true, false, count);
}

/*
 * Memory is asked for before the device is: what a device has given cannot be put back. Where the
 * guest has changed its tables meanwhile a fault, or a device behind memory, ends the string before
 * it, and what the port has given for the elements behind is lost.
 */
static enum kev_executed execute_ins(struct run *run)
{
	u32 count = run->cpu->string_done;
	enum kev_executed ret = KEV_EXECUTED;
	struct operand operand;

	if (!elements_left(run))
		return KEV_EXECUTED;
	if (!count)
		ret = gather(run, KEV_RDI, &count);
	if (!ret)
		ret = access_port(run, &count);
	if (ret)
		return ret;
	for (u32 i = 0; i < count; i++) {
		ret = locate_element(run, KEV_RDI, i, &operand);
		if (!ret && i && on_device(&operand))
			return step(run, false, true, i);
		if (!ret)
			ret = write_bytes(run, &operand, value_at(run, i));
		if (ret == KEV_EXECUTED_FAULT && i)
			step(run, false, true, i);
		if (ret)
			return ret;
	}
	return step(run, false, true, count);
}

bool kev_insn_is_plain(const struct kev_insn *insn)
{
	if (insn->base == KEV_RSP)
		return false;
	switch (insn->form) {
	case KEV_FORM_REG_MEM:
		return (insn->op == KEV_INSN_MOV || insn->op == KEV_INSN_MOVSX) &&
		       insn->reg != KEV_RSP;
	case KEV_FORM_MEM_REG:
		return insn->op == KEV_INSN_MOV && insn->reg != KEV_RSP;
	case KEV_FORM_MEM_IMM:
		return insn->op == KEV_INSN_MOV;
	default:
		return false;
	}
}

void kev_insn_load(const struct kev_insn *insn, u64 *gpr, u64 value)
{
	value &= kev_insn_mask(insn->width);
	if (insn->op == KEV_INSN_MOVSX)
		value = sign_extend(value, insn->width);
	write_register(gpr, insn->reg, insn->high, insn->size, value);
}

enum kev_executed kev_execute(struct kev_cpu *cpu, const struct kev_insn *insn,
			      const struct kev_bus *bus, void *ctx)
{
	struct run run = { cpu, insn, bus, ctx };

	switch (insn->op) {
	case KEV_INSN_STOS:
	case KEV_INSN_LODS:
	case KEV_INSN_MOVS:
		return execute_element(&run);
	case KEV_INSN_INS:
		return execute_ins(&run);
	case KEV_INSN_OUTS:
		return execute_outs(&run);
	default:
		return execute_operand(&run);
	}
}
