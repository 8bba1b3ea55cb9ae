// SPDX-License-Identifier: GPL-2.0
/* The registers of a vCPU as GDB knows them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registers.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* SDM Vol. 1, "Layout of the 64-bit Mode FXSAVE64 Map", "XSAVE Header" */
#define XSAVE_FCW		0
#define XSAVE_FTW		4	/* abridged: a bit for each register that is not empty */
#define XSAVE_MXCSR		24
#define XSAVE_ST		32
#define XSAVE_XMM		160
#define XSAVE_BV		512
#define XSAVE_YMM		576
#define XSAVE_ST_STEP		16

#define COMPONENT_X87		(1ULL << 0)
#define COMPONENT_SSE		(1ULL << 1)
#define COMPONENT_AVX		(1ULL << 2)

#define FCW_INITIAL		0x37f
#define MXCSR_INITIAL		0x1f80

enum feature { CORE, SSE, AVX, SEGMENTS, SYSTEM, NR_FEATURES };

static const char *const feature_names[] = {
	[CORE] = "org.gnu.gdb.i386.core",
	[SSE] = "org.gnu.gdb.i386.sse",
	[AVX] = "org.gnu.gdb.i386.avx",
	[SEGMENTS] = "org.gnu.gdb.i386.segments",
	[SYSTEM] = "org.kev.system",
};

enum kind { PLAIN, TAG_WORD };

/* Which shapes a row is in */
enum only { ALWAYS, ONLY_X86_64, ONLY_I386 };

/* Vector registers of the i386 shape, of which there are more in the other */
#define I386_VECTORS		8

/*
 * A row of registers: @count of them, @step bytes apart. Of the @bytes that GDB sees the first
 * @width are there, the rest is zero.
 */
struct row {
	enum feature feature;
	const char *name;	/* with %u where there are several */
	const char *type;
	const char *group;	/* NULL: GDB chooses */
	uint32_t state;		/* KEV_STATE_* */
	uint64_t component;	/* of XSAVE */
	enum kind kind;
	enum only only;
	uint8_t bytes, width;
	uint8_t count, step;
	size_t offset;		/* in struct gdb_registers */
};

#define GPR(name_, type_, index) {						\
	.name = name_, .type = type_, .bytes = 8, .width = 8, .state = KEV_STATE_GPRS,	\
	.only = ONLY_X86_64,							\
	.offset = offsetof(struct gdb_registers, state.gprs.gpr[index]),	\
}

/* The low half; what is written leaves the high one, which is 0 in this mode */
#define GPR32(name_, type_, member) {						\
	.name = name_, .type = type_, .bytes = 4, .width = 4, .state = KEV_STATE_GPRS,	\
	.only = ONLY_I386,							\
	.offset = offsetof(struct gdb_registers, state.gprs.member),		\
}

#define STATE(feature_, name_, type_, group_, bytes_, width_, group_bit, member) {	\
	.feature = feature_, .name = name_, .type = type_, .group = group_,	\
	.bytes = bytes_, .width = width_, .state = group_bit,			\
	.offset = offsetof(struct gdb_registers, state.member),			\
}

#define SELECTOR(name_)								\
	STATE(CORE, #name_, "int32", NULL, 4, 2, KEV_STATE_SEGMENTS, segments.name_.selector)
#define CONTROL(name_)								\
	STATE(SYSTEM, #name_, "int64", "system", 8, 8, KEV_STATE_CONTROLS, controls.name_)

#define BASE(name_, segment) {							\
	.feature = SEGMENTS, .name = name_, .type = "int", .bytes = 8, .width = 8, \
	.only = ONLY_X86_64, .state = KEV_STATE_SEGMENTS,			\
	.offset = offsetof(struct gdb_registers, state.segments.segment.base),	\
}

#define X87(name_, width_, at) {						\
	.name = name_, .type = "int", .group = "float", .bytes = 4, .width = width_,	\
	.state = KEV_STATE_XSAVE, .component = COMPONENT_X87,			\
	.offset = offsetof(struct gdb_registers, xsave) + (at),			\
}

#define VECTORS(feature_, name_, type_, component_, bytes_, count_, step_, at) {	\
	.feature = feature_, .name = name_, .type = type_, .bytes = bytes_, .width = bytes_, \
	.count = count_, .step = step_, .state = KEV_STATE_XSAVE, .component = component_, \
	.offset = offsetof(struct gdb_registers, xsave) + (at),			\
}

/* In the order of their numbers, which GDB knows as far as the XMM registers */
static const struct row rows[] = {
	GPR("rax", "int64", KEV_RAX), GPR("rbx", "int64", KEV_RBX),
	GPR("rcx", "int64", KEV_RCX), GPR("rdx", "int64", KEV_RDX),
	GPR("rsi", "int64", KEV_RSI), GPR("rdi", "int64", KEV_RDI),
	GPR("rbp", "data_ptr", KEV_RBP), GPR("rsp", "data_ptr", KEV_RSP),
	GPR("r8", "int64", KEV_R8), GPR("r9", "int64", KEV_R9),
	GPR("r10", "int64", KEV_R10), GPR("r11", "int64", KEV_R11),
	GPR("r12", "int64", KEV_R12), GPR("r13", "int64", KEV_R13),
	GPR("r14", "int64", KEV_R14), GPR("r15", "int64", KEV_R15),
	{
		.name = "rip", .type = "code_ptr", .bytes = 8, .width = 8, .state = KEV_STATE_GPRS,
		.only = ONLY_X86_64, .offset = offsetof(struct gdb_registers, state.gprs.rip),
	},
	GPR32("eax", "int32", gpr[KEV_RAX]), GPR32("ecx", "int32", gpr[KEV_RCX]),
	GPR32("edx", "int32", gpr[KEV_RDX]), GPR32("ebx", "int32", gpr[KEV_RBX]),
	GPR32("esp", "data_ptr", gpr[KEV_RSP]), GPR32("ebp", "data_ptr", gpr[KEV_RBP]),
	GPR32("esi", "int32", gpr[KEV_RSI]), GPR32("edi", "int32", gpr[KEV_RDI]),
	GPR32("eip", "code_ptr", rip),
	STATE(CORE, "eflags", "flags", NULL, 4, 4, KEV_STATE_GPRS, gprs.rflags),
	SELECTOR(cs), SELECTOR(ss), SELECTOR(ds), SELECTOR(es), SELECTOR(fs), SELECTOR(gs),
	VECTORS(CORE, "st%u", "i387_ext", COMPONENT_X87, 10, 8, XSAVE_ST_STEP, XSAVE_ST),
	X87("fctrl", 2, XSAVE_FCW), X87("fstat", 2, 2),
	{
		.name = "ftag", .type = "int", .group = "float", .kind = TAG_WORD,
		.bytes = 4, .width = 1, .state = KEV_STATE_XSAVE, .component = COMPONENT_X87,
		.offset = offsetof(struct gdb_registers, xsave) + XSAVE_FTW,
	},
	X87("fiseg", 2, 12), X87("fioff", 4, 8), X87("foseg", 2, 20), X87("fooff", 4, 16),
	X87("fop", 2, 6),
	VECTORS(SSE, "xmm%u", "vec128", COMPONENT_SSE, 16, 16, 16, XSAVE_XMM),
	{
		.feature = SSE, .name = "mxcsr", .type = "i386_mxcsr", .group = "vector",
		.bytes = 4, .width = 4, .state = KEV_STATE_XSAVE, .component = COMPONENT_SSE,
		.offset = offsetof(struct gdb_registers, xsave) + XSAVE_MXCSR,
	},
	VECTORS(AVX, "ymm%uh", "uint128", COMPONENT_AVX, 16, 16, 16, XSAVE_YMM),
	BASE("fs_base", fs), BASE("gs_base", gs),
	CONTROL(cr0), CONTROL(cr2), CONTROL(cr3), CONTROL(cr4),
	CONTROL(efer), CONTROL(xcr0), CONTROL(dr7),
};

/* Types that are not built in */
static const char *const feature_types[NR_FEATURES] = {
	[CORE] =
		"<flags id=\"flags\" size=\"4\">"
		"<field name=\"\" start=\"22\" end=\"31\"/>"
		"<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
		"<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
		"<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
		"<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
		"<field name=\"DF\" start=\"10\" end=\"10\"/>"
		"<field name=\"OF\" start=\"11\" end=\"11\"/>"
		"<field name=\"NT\" start=\"14\" end=\"14\"/>"
		"<field name=\"RF\" start=\"16\" end=\"16\"/>"
		"<field name=\"VM\" start=\"17\" end=\"17\"/>"
		"<field name=\"AC\" start=\"18\" end=\"18\"/>"
		"<field name=\"VIF\" start=\"19\" end=\"19\"/>"
		"<field name=\"VIP\" start=\"20\" end=\"20\"/>"
		"<field name=\"ID\" start=\"21\" end=\"21\"/></flags>\n",
	[SSE] =
		"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
		"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
		"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
		"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
		"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
		"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
		"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
		"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
		"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
		"<field name=\"v2_int64\" type=\"v2i64\"/>"
		"<field name=\"uint128\" type=\"uint128\"/></union>"
		"<flags id=\"i386_mxcsr\" size=\"4\">"
		"<field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
		"<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
		"<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
		"<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
		"<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
		"<field name=\"OM\" start=\"10\" end=\"10\"/>"
		"<field name=\"UM\" start=\"11\" end=\"11\"/>"
		"<field name=\"PM\" start=\"12\" end=\"12\"/>"
		"<field name=\"FZ\" start=\"15\" end=\"15\"/></flags>\n",
};

static unsigned int row_count(const struct row *row, unsigned int shape)
{
	bool i386 = shape & GDB_SHAPE_I386;

	if (row->feature == AVX && !(shape & GDB_SHAPE_AVX))
		return 0;
	if (row->only == (i386 ? ONLY_X86_64 : ONLY_I386))
		return 0;
	if (i386 && row->count > I386_VECTORS)
		return I386_VECTORS;
	return row->count ? row->count : 1;
}

/* The row of a register, and which one of the row it is */
static const struct row *find_row(unsigned int shape, unsigned int number, unsigned int *index)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned int count = row_count(&rows[i], shape);

		if (number < count) {
			*index = number;
			return &rows[i];
		}
		number -= count;
	}
	return NULL;
}

unsigned int gdb_registers_count(unsigned int shape)
{
	unsigned int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		count += row_count(&rows[i], shape);
	return count;
}

size_t gdb_register_size(unsigned int shape, unsigned int number)
{
	unsigned int index;
	const struct row *row = find_row(shape, number, &index);

	return row ? row->bytes : 0;
}

/* SDM Vol. 1, "Recreating FSAVE Format": what each register holds, two bits for each */
static uint16_t full_tag_word(const uint8_t *xsave)
{
	uint8_t abridged = xsave[XSAVE_FTW];
	unsigned int top = (xsave[3] >> 3) & 7;	/* FSW bits 13:11 */
	uint16_t tags = 0;

	for (unsigned int physical = 0; physical < 8; physical++) {
		const uint8_t *st = xsave + XSAVE_ST + ((physical - top) & 7) * XSAVE_ST_STEP;
		uint64_t mantissa;
		uint16_t exponent;
		unsigned int tag;

		memcpy(&mantissa, st, 8);
		memcpy(&exponent, st + 8, 2);
		exponent &= 0x7fff;
		if (!(abridged & 1U << physical))
			tag = 3;			/* empty */
		else if (!exponent && !mantissa)
			tag = 1;			/* zero */
		else if (!exponent || exponent == 0x7fff || !(mantissa >> 63))
			tag = 2;			/* special */
		else
			tag = 0;			/* valid */
		tags |= tag << 2 * physical;
	}
	return tags;
}

static uint8_t abridged_tag_word(uint16_t tags)
{
	uint8_t abridged = 0;

	for (unsigned int physical = 0; physical < 8; physical++)
		if ((tags >> 2 * physical & 3) != 3)
			abridged |= 1U << physical;
	return abridged;
}

void gdb_register_get(const struct gdb_registers *registers, unsigned int shape,
		      unsigned int number, uint8_t *bytes)
{
	unsigned int index;
	const struct row *row = find_row(shape, number, &index);
	uint16_t tags;

	if (!row)
		return;
	memset(bytes, 0, row->bytes);
	if (row->kind == TAG_WORD) {
		tags = full_tag_word(registers->xsave);
		memcpy(bytes, &tags, sizeof(tags));
		return;
	}
	memcpy(bytes, (const uint8_t *)registers + row->offset + index * row->step, row->width);
}

uint32_t gdb_register_set(struct gdb_registers *registers, unsigned int shape, unsigned int number,
			  const uint8_t *bytes)
{
	unsigned int index;
	const struct row *row = find_row(shape, number, &index);
	uint8_t abridged, *at;
	uint64_t components;
	uint16_t tags;

	if (!row)
		return 0;
	at = (uint8_t *)registers + row->offset + index * row->step;
	if (row->kind == TAG_WORD) {
		memcpy(&tags, bytes, sizeof(tags));
		abridged = abridged_tag_word(tags);
		bytes = &abridged;
	}
	if (!memcmp(at, bytes, row->width))
		return 0;
	memcpy(at, bytes, row->width);
	if (row->state == KEV_STATE_XSAVE) {
		memcpy(&components, registers->xsave + XSAVE_BV, sizeof(components));
		components |= row->component;
		memcpy(registers->xsave + XSAVE_BV, &components, sizeof(components));
	}
	return row->state;
}

void gdb_registers_prepare(struct gdb_registers *registers)
{
	const uint16_t fcw = FCW_INITIAL;
	const uint32_t mxcsr = MXCSR_INITIAL;
	uint8_t *xsave = registers->xsave;
	uint64_t components;

	memcpy(&components, xsave + XSAVE_BV, sizeof(components));
	if (!(components & COMPONENT_X87)) {
		memset(xsave, 0, XSAVE_MXCSR);
		memset(xsave + XSAVE_ST, 0, XSAVE_XMM - XSAVE_ST);
		memcpy(xsave + XSAVE_FCW, &fcw, sizeof(fcw));
	}
	if (!(components & COMPONENT_SSE)) {
		memset(xsave + XSAVE_XMM, 0, 16 * 16);
		/* MXCSR is there with SSE or AVX. */
		if (!(components & COMPONENT_AVX))
			memcpy(xsave + XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	}
	if (!(components & COMPONENT_AVX))
		memset(xsave + XSAVE_YMM, 0, 16 * 16);
}

static void describe_row(FILE *to, const struct row *row, unsigned int shape)
{
	char name[16];

	for (unsigned int i = 0; i < row_count(row, shape); i++) {
		/* The only argument that a name of the table takes */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(name, sizeof(name), row->name, i);
#pragma GCC diagnostic pop
		fprintf(to, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", name, 8 * row->bytes,
			row->type);
		if (row->group)
			fprintf(to, " group=\"%s\"", row->group);
		fputs("/>\n", to);
	}
}

char *gdb_registers_describe(unsigned int shape)
{
	bool i386 = shape & GDB_SHAPE_I386;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fputs("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
	      "<target>\n", to);
	fprintf(to, "<architecture>%s</architecture>\n", i386 ? "i386" : "i386:x86-64");
	for (unsigned int feature = 0; feature < NR_FEATURES; feature++) {
		if ((feature == AVX && !(shape & GDB_SHAPE_AVX)) || (feature == SEGMENTS && i386))
			continue;
		fprintf(to, "<feature name=\"%s\">\n", feature_names[feature]);
		if (feature_types[feature])
			fputs(feature_types[feature], to);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (rows[i].feature == feature)
				describe_row(to, &rows[i], shape);
		fputs("</feature>\n", to);
	}
	fputs("</target>\n", to);
	if (fclose(to)) {
		free(text);
		return NULL;
	}
	return text;
}

const unsigned int *gdb_registers_useful(unsigned int shape)
{
	static const unsigned int x86_64[GDB_USEFUL] = { 6, 7, 16 }, i386[GDB_USEFUL] = { 5, 4, 8 };

	return shape & GDB_SHAPE_I386 ? i386 : x86_64;
}
