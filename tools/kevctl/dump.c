// SPDX-License-Identifier: GPL-2.0
/* What a vCPU looks like. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "guest_memory.h"
#include "kevctl.h"

#define MAX_FRAMES	32
/* Words of the stack that may be return addresses, and how many are shown */
#define MAX_WORDS	128
#define MAX_GUESSES	16
/* Code bytes before RIP, and from there */
#define CODE_BEFORE	24
#define CODE_BYTES	48

/* One dump at a time: on a signal, at the end, and for the debugger */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The debugger may be at the vCPU, too. */
static int get_state(int vcpu, struct kev_vcpu_state *state)
{
	unsigned int tries = 0;
	int error;

	*state = (struct kev_vcpu_state){
		.size = sizeof(*state),
		.groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS |
			  KEV_STATE_MSRS,
	};
	do
		error = kev_vcpu_get_state(vcpu, state);
	while (guest_try_again(error, &tries));
	return error;
}

static struct symbols *symbols_of(struct dump *dump)
{
	if (!dump->looked)
		dump->symbols = symbols_open(dump->image, &dump->place);
	dump->looked = true;
	return dump->symbols;
}

static bool is_64bit(const struct kev_vcpu_state *state)
{
	return state->controls.efer & EFER_LMA && state->segments.cs.access & KEV_SEG_L;
}

/* The linear address of the next instruction */
static uint64_t code_address(const struct kev_vcpu_state *state)
{
	if (is_64bit(state))
		return state->gprs.rip;
	return (uint32_t)(state->segments.cs.base + state->gprs.rip);
}

static void print_registers(FILE *to, const struct kev_vcpu_state *state)
{
	static const struct {
		const char *name;
		enum kev_gpr gpr;
	} order[] = {
		{ "rax", KEV_RAX }, { "rbx", KEV_RBX }, { "rcx", KEV_RCX }, { "rdx", KEV_RDX },
		{ "rsi", KEV_RSI }, { "rdi", KEV_RDI }, { "rbp", KEV_RBP }, { "rsp", KEV_RSP },
		{ "r8", KEV_R8 }, { "r9", KEV_R9 }, { "r10", KEV_R10 }, { "r11", KEV_R11 },
		{ "r12", KEV_R12 }, { "r13", KEV_R13 }, { "r14", KEV_R14 }, { "r15", KEV_R15 },
	};
	const struct kev_controls *controls = &state->controls;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		fprintf(to, "  %-3s %016llx%s", order[i].name, state->gprs.gpr[order[i].gpr],
			i % 4 == 3 ? "\n" : "");
	fprintf(to, "  rip %016llx  rflags %llx\n", state->gprs.rip, state->gprs.rflags);
	fprintf(to, "  cr0 %016llx  cr2 %016llx  cr3 %016llx  cr4 %016llx\n", controls->cr0,
		controls->cr2, controls->cr3, controls->cr4);
	fprintf(to, "  efer %llx  xcr0 %llx  dr7 %llx  apic base %llx\n", controls->efer,
		controls->xcr0, controls->dr7, state->msrs.apic_base);
}

static unsigned int bit(const struct kev_segment *segment, uint32_t mask)
{
	return !!(segment->access & mask);
}

static void print_segments(FILE *to, const struct kev_segments *segments)
{
	const struct {
		const char *name;
		const struct kev_segment *segment;
	} order[] = {
		{ "cs", &segments->cs }, { "ss", &segments->ss }, { "ds", &segments->ds },
		{ "es", &segments->es }, { "fs", &segments->fs }, { "gs", &segments->gs },
		{ "tr", &segments->tr }, { "ldt", &segments->ldtr },
	};

	fputs("       selector  base              limit     type  p  dpl  db  s  l  g  avl\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct kev_segment *segment = order[i].segment;

		fprintf(to, "  %-3s  %04x      %016llx  %08x  %-4x  ", order[i].name,
			segment->selector, segment->base, segment->limit,
			segment->access & KEV_SEG_TYPE);
		if (bit(segment, KEV_SEG_UNUSABLE)) {
			fputs("unusable\n", to);
			continue;
		}
		fprintf(to, "%u  %u    %u   %u  %u  %u  %u\n", bit(segment, KEV_SEG_P),
			(segment->access & KEV_SEG_DPL) / (KEV_SEG_DPL & -KEV_SEG_DPL),
			bit(segment, KEV_SEG_DB), bit(segment, KEV_SEG_S),
			bit(segment, KEV_SEG_L), bit(segment, KEV_SEG_G),
			bit(segment, KEV_SEG_AVL));
	}
	fprintf(to, "  gdt            %016llx  %04x\n", segments->gdt.base, segments->gdt.limit);
	fprintf(to, "  idt            %016llx  %04x\n", segments->idt.base, segments->idt.limit);
}

/* What can be read of it: the pages before or behind may not be there. */
static void print_code(FILE *to, const struct guest_view *view, uint64_t address)
{
	uint64_t start = address < CODE_BEFORE ? 0 : address - CODE_BEFORE;
	uint8_t bytes[CODE_BYTES];
	ssize_t got = guest_read(view, start, bytes, sizeof(bytes));

	if (got <= (ssize_t)(address - start)) {
		start = address;
		got = guest_read(view, start, bytes, sizeof(bytes) - CODE_BEFORE);
	}
	fputs("  code", to);
	for (ssize_t i = 0; i < got; i++)
		fprintf(to, start + i == address ? " <%02x>" : " %02x", bytes[i]);
	if (got <= 0)
		fprintf(to, ": none at 0x%llx", (unsigned long long)address);
	fputc('\n', to);
}

static bool read_word(void *owner, uint64_t address, uint64_t *value)
{
	return !guest_read_all(owner, address, value, sizeof(*value));
}

/* A call to nowhere: who has called is on the top of the stack. */
static bool step_back(const struct symbols *symbols, const struct guest_view *view,
		      struct kev_gprs *gprs)
{
	char name[DUMP_NAME];
	uint64_t caller;

	if (symbols_name(symbols, gprs->rip, false, name, sizeof(name)) ||
	    !read_word((void *)view, gprs->gpr[KEV_RSP], &caller) ||
	    !symbols_name(symbols, caller, true, name, sizeof(name)))
		return false;
	gprs->rip = caller;
	gprs->gpr[KEV_RSP] += sizeof(caller);
	return true;
}

static unsigned int find_callers(struct symbols *symbols, const struct guest_view *view,
				 const struct kev_vcpu_state *state, uint64_t *frames)
{
	struct kev_gprs gprs = state->gprs;
	unsigned int nr;

	frames[0] = code_address(state);
	if (!is_64bit(state))
		return 1;
	nr = symbols_unwind(symbols, &gprs, read_word, (void *)view, frames, MAX_FRAMES);
	if (nr == 1 && step_back(symbols, view, &gprs))
		nr += symbols_unwind(symbols, &gprs, read_word, (void *)view, frames + 1,
				     MAX_FRAMES - 1);
	return nr;
}

/* Is there a call right before @address? CALL rel32, or through a register or memory */
static bool is_behind_call(const struct guest_view *view, uint64_t address)
{
	uint8_t bytes[7];

	if (guest_read_all(view, address - sizeof(bytes), bytes, sizeof(bytes)))
		return false;
	if (bytes[2] == 0xe8)
		return true;
	for (size_t length = 2; length <= sizeof(bytes); length++) {
		const uint8_t *call = bytes + sizeof(bytes) - length;

		if (call[0] == 0xff && (call[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

/* Without tables to unwind by: what on the stack looks like the caller of something */
static void print_guesses(struct dump *dump, FILE *to, const struct guest_view *view,
			  const struct kev_vcpu_state *state)
{
	uint64_t stack = state->gprs.gpr[KEV_RSP] & ~7ULL, word;
	char name[DUMP_NAME];
	unsigned int shown = 0;

	for (unsigned int i = 0; i < MAX_WORDS && shown < MAX_GUESSES; i++) {
		if (!read_word((void *)view, stack + 8 * i, &word))
			return;
		if (!symbols_name(dump->symbols, word, true, name, sizeof(name)) ||
		    !is_behind_call(view, word))
			continue;
		fprintf(to, "  ?   %016llx  %s\n", (unsigned long long)word, name);
		shown++;
	}
}

static void print_callers(struct dump *dump, FILE *to, const struct guest_view *view,
			  const struct kev_vcpu_state *state)
{
	struct symbols *symbols = symbols_of(dump);
	uint64_t frames[MAX_FRAMES];
	char name[DUMP_NAME];
	unsigned int nr = find_callers(symbols, view, state, frames);

	for (unsigned int i = 0; i < nr; i++) {
		symbols_name(symbols, frames[i], i, name, sizeof(name));
		fprintf(to, "  #%-2u %016llx%s%s\n", i, (unsigned long long)frames[i],
			*name ? "  " : "", name);
	}
	if (nr == 1 && is_64bit(state))
		print_guesses(dump, to, view, state);
}

void dump_print(struct dump *dump, FILE *to, int vcpu, uint32_t id)
{
	struct guest_view view = { .vm = dump->vm, .virtual = true, .vcpu_id = id };
	struct kev_vcpu_state state;
	int error = get_state(vcpu, &state);
	char *text = NULL;
	size_t size = 0;
	FILE *all;

	pthread_mutex_lock(&lock);
	/* At once: where nobody reads, not each line has to be called off. */
	all = open_memstream(&text, &size);
	if (all) {
		fprintf(all, "kevctl: vCPU %u: ", id);
		if (error) {
			fprintf(all, "no registers: %s\n", strerror(-error));
		} else {
			fputs("registers\n", all);
			print_registers(all, &state);
			print_segments(all, &state.segments);
			print_code(all, &view, code_address(&state));
			print_callers(dump, all, &view, &state);
		}
		fclose(all);
		fwrite(text, 1, size, to);
		free(text);
	}
	pthread_mutex_unlock(&lock);
}

int dump_place(struct dump *dump, int vcpu, uint64_t *rip, char name[DUMP_NAME])
{
	struct kev_vcpu_state state;
	int error = get_state(vcpu, &state);

	*name = '\0';
	if (error)
		return error;
	*rip = state.gprs.rip;
	pthread_mutex_lock(&lock);
	symbols_name(symbols_of(dump), code_address(&state), false, name, DUMP_NAME);
	pthread_mutex_unlock(&lock);
	return 0;
}

void dump_print_place(struct dump *dump, FILE *to, int vcpu, uint32_t id)
{
	char name[DUMP_NAME];
	uint64_t rip;

	if (!dump_place(dump, vcpu, &rip, name))
		fprintf(to, "  vCPU %u at %016llx%s%s\n", id, (unsigned long long)rip,
			*name ? "  " : "", name);
}

void dump_fini(struct dump *dump)
{
	symbols_close(dump->symbols);
}
