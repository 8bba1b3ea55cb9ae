// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a set of registers, what a bus answers, and an instruction.
 */
#include <kev/emulate.h>

#include "fuzz.h"

/* What comes first in an input; then the instruction, and then the bus's answers */
struct start {
	struct kev_cpu cpu;
	u8 insn[KEV_INSN_MAX_LENGTH];
};

#define MAX_VALUES	64

struct world {
	struct kev_cpu *cpu;
	const u8 *data;
	size_t size;
	unsigned int calls;
	unsigned int pages;		/* translated */
	bool accessed;			/* behind that no translation may come, but in a string */
	bool string;
};

/* One of the results that a bus may give */
static enum kev_executed answer(struct world *w)
{
	u8 byte;

	fuzz_take(&w->data, &w->size, &byte, 1);
	fuzz_check(++w->calls < 1000, "no end");
	switch (byte % 8) {
	case 1:
		w->cpu->fault.vector = 14;
		return KEV_EXECUTED_FAULT;
	case 2:
		return KEV_EXECUTED_STOP;
	default:
		return KEV_EXECUTED;
	}
}

static bool canonical(const struct world *w, u64 linear)
{
	u64 high = linear >> (w->cpu->linear_bits - 1);

	return high == 0 || high == ~0ULL >> (w->cpu->linear_bits - 1);
}

static enum kev_executed translate(void *ctx, u64 linear, unsigned int access,
				   struct kev_place *place)
{
	struct world *w = ctx;
	u8 kind;

	fuzz_check(access && !(access & ~(KEV_MEM_READ | KEV_MEM_WRITE)), "access");
	fuzz_check(w->string || !w->accessed, "an access before the last translation");
	if (w->cpu->code == KEV_CODE_64)
		fuzz_check(canonical(w, linear), "not canonical");
	else
		fuzz_check(!(linear >> 32), "beyond 4 GiB");
	fuzz_take(&w->data, &w->size, &kind, 1);
	w->pages++;
	*place = (struct kev_place) { .gpa = linear, .device = kind & 1 };
	return answer(w);
}

static void check_access(struct world *w, const struct kev_place *place, unsigned int len)
{
	w->accessed = true;
	fuzz_check(w->pages, "no translation");
	fuzz_check(len >= 1 && len <= 8, "length");
	fuzz_check((place->gpa & (KEV_PAGE_SIZE - 1)) + len <= KEV_PAGE_SIZE, "across pages");
	if (place->device)
		fuzz_check(!(len & (len - 1)), "a device sees powers of two");
}

static enum kev_executed read_place(void *ctx, const struct kev_place *place, void *buf,
				    unsigned int len)
{
	struct world *w = ctx;

	check_access(w, place, len);
	fuzz_take(&w->data, &w->size, buf, len);
	return answer(w);
}

static enum kev_executed write_place(void *ctx, const struct kev_place *place, const void *buf,
				     unsigned int len)
{
	struct world *w = ctx;
	u8 bytes[8];

	check_access(w, place, len);
	memcpy(bytes, buf, len);
	return answer(w);
}

static enum kev_executed access_port(void *ctx, u16 port, bool in, unsigned int width,
				     void *values, u32 *count)
{
	struct world *w = ctx;

	(void)port;
	fuzz_check(width == 1 || width == 2 || width == 4, "width of a port");
	fuzz_check(*count >= 1 && *count * width <= MAX_VALUES, "count");
	if (in)
		fuzz_take(&w->data, &w->size, values, *count * width);
	return answer(w);
}

static const struct kev_bus bus = {
	.translate = translate, .read = read_place, .write = write_place, .port = access_port,
};

static void check_insn(const struct kev_insn *insn)
{
	fuzz_check(insn->op < KEV_NR_INSNS, "op");
	fuzz_check(insn->form <= KEV_FORM_STRING, "form");
	fuzz_check(insn->length >= 1 && insn->length <= KEV_INSN_MAX_LENGTH, "length");
	fuzz_check(insn->width && insn->width <= 8 && !(insn->width & (insn->width - 1)), "width");
	fuzz_check(insn->size >= insn->width && insn->size <= 8, "size");
	fuzz_check(insn->segment < KEV_NR_SEGS, "segment");
	fuzz_check(insn->reg < KEV_NR_GPRS && (!insn->high || insn->reg < 4), "register");
	fuzz_check(insn->base < KEV_NR_GPRS || insn->base == KEV_NO_REGISTER, "base");
	fuzz_check(insn->index < KEV_NR_GPRS || insn->index == KEV_NO_REGISTER, "index");
	fuzz_check(insn->shift <= 3, "shift");
}

static bool unchanged(const struct kev_cpu *before, const struct kev_cpu *cpu)
{
	return !memcmp(before->gpr, cpu->gpr, sizeof(cpu->gpr)) && before->rflags == cpu->rflags;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_insn insn, shorter;
	struct kev_cpu before;
	u8 values[MAX_VALUES];
	struct start start;
	struct world world;

	fuzz_take(&data, &size, &start, offsetof(struct start, insn));
	/* Bytes of an enum, and booleans */
	memset(&start.cpu.values, 0, sizeof(start.cpu.values));
	start.cpu.code %= 3;
	start.cpu.cpl &= 3;
	start.cpu.linear_bits = start.cpu.linear_bits & 1 ? 57 : 48;
	memset(&start.cpu.protected, size & 1, 1);
	memset(&start.cpu.alignment, size & 2 ? 1 : 0, 1);
	fuzz_take(&data, &size, start.insn, sizeof(start.insn));

	if (!kev_decode(start.insn, sizeof(start.insn), start.cpu.code, &insn))
		return 0;
	check_insn(&insn);
	/* All of its bytes are needed, and no more are looked at. */
	fuzz_check(kev_decode(start.insn, insn.length, start.cpu.code, &shorter) &&
		   shorter.length == insn.length, "looks behind its end");
	fuzz_check(!kev_decode(start.insn, insn.length - 1, start.cpu.code, &shorter),
		   "its last byte does not count");

	memset(values, 0, sizeof(values));
	start.cpu.values = values;
	start.cpu.max_values = sizeof(values);
	start.cpu.string_done %= sizeof(values) / insn.width;
	before = start.cpu;
	world = (struct world) {
		.cpu = &start.cpu, .data = data, .size = size,
		.string = insn.form == KEV_FORM_STRING,
	};
	switch (kev_execute(&start.cpu, &insn, &bus, &world)) {
	case KEV_EXECUTED:
		break;
	case KEV_EXECUTED_PART:
		fuzz_check(insn.rep, "a part of what does not repeat");
		fuzz_check(memcmp(before.gpr, start.cpu.gpr, sizeof(before.gpr)), "no progress");
		break;
	case KEV_EXECUTED_FAULT:
		fuzz_check(start.cpu.fault.vector == 12 || start.cpu.fault.vector == 13 ||
			   start.cpu.fault.vector == 14 || start.cpu.fault.vector == 17,
			   "vector");
		fuzz_check(insn.op == KEV_INSN_INS || unchanged(&before, &start.cpu),
			   "registers have changed before a fault");
		break;
	case KEV_EXECUTED_STOP:
		fuzz_check(unchanged(&before, &start.cpu), "registers have changed");
		break;
	}
	fuzz_check(start.cpu.rip == before.rip, "RIP has moved");
	return 0;
}
