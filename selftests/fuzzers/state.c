// SPDX-License-Identifier: GPL-2.0
/* States of guests, and the tables in memory that they point to */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "code.h"
#include "common.h"
#include "state.h"

#define TABLES		0x10000		/* PML4, PDPT, PD, PT: a page each */
#define NR_TABLES	4
#define GDT		0x18000
#define IDT		0x19000
#define TSS		0x1a000ULL
#define STACK		0x1f000
#define CODE		KT_CODE_GPA
/* Code of 16 bits is where a segment can reach it. */
#define CODE16		0x8000

#define NR_DESCRIPTORS	32

/* A RUN that lasts, in microseconds */
#define TURN		3000

#define CODE64		0xa09b
#define CODE32		0xc09b
#define CODE16_ACCESS	0x009b
#define DATA		0xc093

unsigned int fz_mode_bits(enum fz_mode mode)
{
	switch (mode) {
	case FZ_LONG:
		return 64;
	case FZ_PROTECTED16:
	case FZ_REAL:
	case FZ_V8086:
		return 16;
	default:
		return 32;
	}
}

/* Each table leads to the next or to itself; now and then somewhere else. */
static uint64_t table_entry(unsigned int table, uint64_t *random)
{
	uint64_t entry = TABLES + (table + 1) * KT_PAGE;

	if (table == NR_TABLES - 1 || fz_one_in(random, 4))
		entry = (uint64_t)fz_below(random, 512) * KT_PAGE;
	entry |= fz_random(random) & 0xfff;
	/* Mostly present, writable, and no large page */
	if (!fz_one_in(random, 8))
		entry = (entry | 3) & ~0x80ULL;
	if (fz_one_in(random, 8))
		entry |= 1ULL << (12 + fz_below(random, 52));
	return entry;
}

static uint64_t descriptor(uint64_t *random)
{
	static const uint64_t good[] = {
		0x00af9b000000ffff, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff,
		0x00cff3000000ffff, 0x000089000000ffff | TSS << 16, 0x0000820000000fff,
		0x00008b000000ffff | TSS << 16, 0x0000e50000080000, 0x0000ec0000080000 | CODE16,
	};
	uint64_t value = good[fz_below(random, ARRAY_SIZE(good))];

	if (fz_one_in(random, 3))
		value ^= 1ULL << fz_below(random, 64);
	return value;
}

/* A gate of 8 bytes; in long mode every second one is the half of another. */
static uint64_t gate(enum fz_mode mode, uint64_t *random)
{
	uint64_t offset = fz_one_in(random, 4) ? fz_random(random) : CODE + fz_below(random, 512);
	uint64_t types[] = { 0x8e00, 0x8f00, 0xee00, 0x8500, 0x8600 };
	uint64_t type = types[fz_below(random, ARRAY_SIZE(types))];

	if (mode == FZ_REAL)
		return CODE16 >> 4 << 16;
	if (fz_one_in(random, 6))
		type = fz_random(random) & 0xffff;
	return (offset & 0xffff) | 8ULL * (1 + fz_below(random, 8)) << 16 | type << 32 |
	       (offset >> 16 & 0xffff) << 48;
}

static bool put(int vm, uint64_t gpa, const void *bytes, size_t size)
{
	return kt_write_guest(vm, gpa, bytes, size) == (long)size;
}

static bool write_tables(int vm, uint64_t *random)
{
	uint64_t page[KT_PAGE / 8];

	for (unsigned int table = 0; table < NR_TABLES; table++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(page); i++)
			page[i] = table_entry(table, random);
		/* Where code and stack are, most of it has to be right. */
		if (table < NR_TABLES - 1 && !fz_one_in(random, 8))
			page[0] = (TABLES + (table + 1) * KT_PAGE) | 7;
		for (unsigned int i = 0; table == NR_TABLES - 1 && i < ARRAY_SIZE(page); i++)
			if (!fz_one_in(random, 16))
				page[i] = i * KT_PAGE | 7;
		if (!put(vm, TABLES + table * KT_PAGE, page, sizeof(page)))
			return false;
	}
	return true;
}

bool fz_write_memory(int vm, enum fz_mode mode, uint64_t *random)
{
	uint64_t gdt[NR_DESCRIPTORS], idt[512], tss[16];
	uint8_t code[KT_PAGE];

	for (unsigned int i = 0; i < ARRAY_SIZE(gdt); i++)
		gdt[i] = descriptor(random);
	for (unsigned int i = 0; i < ARRAY_SIZE(idt); i++)
		idt[i] = gate(mode, random);
	for (unsigned int i = 0; mode == FZ_LONG && i < ARRAY_SIZE(idt); i += 2)
		idt[i + 1] = fz_one_in(random, 16) ? fz_number(random) : 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(tss); i++)
		tss[i] = fz_one_in(random, 2) ? STACK : fz_number(random);
	fz_code(code, sizeof(code), fz_mode_bits(mode), random);
	return write_tables(vm, random) && put(vm, GDT, gdt, sizeof(gdt)) &&
	       put(vm, IDT, idt, sizeof(idt)) && put(vm, TSS, tss, sizeof(tss)) &&
	       put(vm, fz_mode_bits(mode) == 16 ? CODE16 : CODE, code, sizeof(code));
}

static struct kev_segment segment(uint16_t selector, uint64_t base, uint32_t limit, uint32_t access)
{
	return (struct kev_segment) {
		.selector = selector, .base = base, .limit = limit, .access = access,
	};
}

static void all_data(struct kev_segments *s, struct kev_segment data)
{
	struct kev_segment *each[] = { &s->ds, &s->es, &s->fs, &s->gs, &s->ss };

	for (unsigned int i = 0; i < ARRAY_SIZE(each); i++)
		*each[i] = data;
}

static void flat(struct kev_segments *s, uint32_t code)
{
	s->cs = segment(8, 0, code == CODE16_ACCESS ? 0xffff : ~0U, code);
	all_data(s, segment(0x10, 0, ~0U, DATA));
}

static void set_mode(struct kev_vcpu_state *state, enum fz_mode mode)
{
	struct kev_segments *s = &state->segments;
	struct kev_controls *c = &state->controls;

	s->tr = segment(0x40, TSS, 0x67, 0x8b);
	s->ldtr = segment(0, 0, 0, KEV_SEG_UNUSABLE);
	state->gprs.rip = fz_mode_bits(mode) == 16 ? CODE16 : CODE;
	state->gprs.rflags = 2;
	c->cr3 = TABLES;
	c->cr4 = 0x620;
	c->efer = 0;
	switch (mode) {
	case FZ_LONG:
	case FZ_COMPAT:
		flat(s, mode == FZ_LONG ? CODE64 : CODE32);
		c->cr0 = 0x80010033;
		c->efer = 0xd01;
		break;
	case FZ_PAGED:
	case FZ_PAE:
		flat(s, CODE32);
		c->cr0 = 0x80010033;
		c->cr4 = mode == FZ_PAE ? 0x620 : 0x610;
		break;
	case FZ_PROTECTED:
	case FZ_PROTECTED16:
		flat(s, mode == FZ_PROTECTED ? CODE32 : CODE16_ACCESS);
		c->cr0 = 0x33;
		break;
	case FZ_REAL:
		s->cs = segment(0, 0, 0xffff, 0x9b);
		all_data(s, segment(0, 0, 0xffff, 0x93));
		c->cr0 = 0x32;
		break;
	default:
		s->cs = segment(0, 0, 0xffff, 0xf3);
		all_data(s, s->cs);
		state->gprs.rflags = 0x23002;
		c->cr0 = 0x33;
	}
}

/* What may differ without a change of the mode */
static void set_rest(struct kev_vcpu_state *state, uint64_t *random)
{
	static const uint64_t flags[] = {
		0, 0x200, 0x100, 0x300, 0x4000, 0x40000, 0x10000, 0x3000,
	};

	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		state->gprs.gpr[i] = fz_one_in(random, 2) ? fz_number(random) : STACK;
	if (!fz_one_in(random, 4))
		state->gprs.gpr[KEV_RSP] = STACK;
	state->gprs.rflags |= flags[fz_below(random, ARRAY_SIZE(flags))];
	state->segments.gdt = (struct kev_table) { .base = GDT, .limit = NR_DESCRIPTORS * 8 - 1 };
	state->segments.idt = (struct kev_table) { .base = IDT, .limit = KT_PAGE - 1 };
	if (fz_one_in(random, 4))
		state->segments.idt.limit = fz_below(random, KT_PAGE);
	if (fz_one_in(random, 4))
		state->controls.cr4 ^= 1ULL << fz_below(random, 23);
	if (fz_one_in(random, 8))
		state->controls.cr0 ^= 1ULL << fz_below(random, 32);
	if (fz_one_in(random, 4))
		state->controls.dr7 = 0x400 | (fz_random(random) & 0xffff03ff);
	if (fz_one_in(random, 4))
		state->interrupts.interruptibility = 1U << fz_below(random, 4);
	if (fz_one_in(random, 4))
		state->interrupts.nmis = fz_below(random, 3);
	if (fz_one_in(random, 4))
		state->interrupts.external = KEV_EXTERNAL_WAITS | fz_below(random, 256);
	if (fz_one_in(random, 6)) {
		state->interrupts.event = 1U << 31 | fz_below(random, 8) << 8 |
					  fz_below(random, 40);
		if (fz_one_in(random, 2))
			state->interrupts.event |= 1U << 11;
		state->interrupts.event_length = fz_below(random, 4);
	}
	if (fz_one_in(random, 8))
		state->interrupts.pending_debug = fz_random(random) & 0x500f;
}

static void change_one(struct kev_vcpu_state *state, uint64_t *random)
{
	static const struct {
		size_t at, size;
	} parts[] = {
		{ offsetof(struct kev_vcpu_state, segments), sizeof(state->segments) },
		{ offsetof(struct kev_vcpu_state, segments), sizeof(state->segments) },
		{ offsetof(struct kev_vcpu_state, controls), sizeof(state->controls) },
		{ offsetof(struct kev_vcpu_state, msrs), sizeof(state->msrs) },
		{ offsetof(struct kev_vcpu_state, interrupts), sizeof(state->interrupts) },
		{ offsetof(struct kev_vcpu_state, gprs.rip), 16 },
	};
	unsigned int i = fz_below(random, ARRAY_SIZE(parts));
	uint8_t *at = (uint8_t *)state + parts[i].at + fz_below(random, parts[i].size);
	uint64_t number;

	if (fz_one_in(random, 3)) {
		number = fz_number(random);
		memcpy((void *)((uintptr_t)at & ~7UL), &number, sizeof(number));
	} else {
		*at ^= 1 << fz_below(random, 8);
	}
}

void fz_state(struct kev_vcpu_state *state, enum fz_mode mode, unsigned int changes,
	      uint64_t *random)
{
	set_mode(state, mode);
	set_rest(state, random);
	while (changes-- > 0)
		change_one(state, random);
}

bool fz_only_here(const struct kev_vcpu_state *state)
{
	const struct kev_segment *cs = &state->segments.cs;

	return (cs->selector & 3) != (cs->access & KEV_SEG_DPL) >> 5;
}

static void set_timer(unsigned int us)
{
	const struct itimerval timer = {
		.it_value = { .tv_usec = us }, .it_interval = { .tv_usec = us },
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

long fz_run(int vcpu)
{
	long ret;

	kt_ignore_signal(SIGALRM);
	set_timer(TURN);
	ret = kt_run(vcpu);
	set_timer(0);
	return ret;
}
