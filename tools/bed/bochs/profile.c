// SPDX-License-Identifier: GPL-2.0
/*
 * With $BED_PROFILE=FILE: which instructions a processor executes between one RDTSC and the next,
 * where both are in the lower half of the address space, a guest's or a program's: what measures
 * by RDTSC is profiled without any change. Each processor is followed by itself.
 *
 * Bochs calls a function before each instruction, and one for each repetition of a string
 * instruction. They are empty, made to be replaced when Bochs is built; here they get a jump.
 *
 * FILE has lines of text: "sample FROM TO LENGTH", with the addresses of the two RDTSCs, and one
 * line "ADDRESS COUNT HANDLER" for each address executed in between, HANDLER being the method of
 * Bochs that carried the instruction out; "length FROM TO LENGTH" when there are samples enough
 * of that pair.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bed.h"

#define SYM_BEFORE "_Z25bx_instr_before_executionjP15bxInstruction_c"
#define SYM_REPEAT "_Z25bx_instr_repeat_iterationjP15bxInstruction_c"
#define SYM_RIP "_Z14bx_dbg_get_ripv"
#define SYM_CPU "dbg_cpu" /* whose RIP that is */
#define SYM_RDTSC "_ZN8BX_CPU_C5RDTSCEP15bxInstruction_c"

#define CPUS_MAX 2
#define STEPS_MAX (4u << 20) /* a longer stretch is no measurement */
#define PAIRS_MAX 1024
#define SAMPLES_MAX 32
#define LENGTHS_MAX 4096

/* What is known of struct bxInstruction_c: it begins with the function that carries it out. */
struct instruction {
	void *handler;
};

struct step {
	uint64_t rip;
	void *handler;
};

struct pair {
	uint64_t from, to;
	unsigned int seen;
};

static FILE *out;
static uint64_t (*get_rip)(void);
static unsigned int *rip_cpu;
static void *rdtsc;
static struct cpu {
	struct step *steps;
	unsigned int nr_steps;
	uint64_t from; /* 0: no RDTSC yet, or too long ago */
	bool repeats;  /* the last step was counted before its first repetition */
} cpus[CPUS_MAX];
static struct pair pairs[PAIRS_MAX];
static unsigned int nr_pairs;

static struct pair *find_pair(uint64_t from, uint64_t to)
{
	for (unsigned int i = 0; i < nr_pairs; i++)
		if (pairs[i].from == from && pairs[i].to == to)
			return &pairs[i];
	if (nr_pairs == PAIRS_MAX)
		return NULL;
	pairs[nr_pairs] = (struct pair){ .from = from, .to = to };
	return &pairs[nr_pairs++];
}

static int by_address(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return x->rip < y->rip ? -1 : x->rip > y->rip;
}

static void write_steps(struct step *steps, unsigned int nr_steps)
{
	Dl_info info;

	qsort(steps, nr_steps, sizeof(*steps), by_address);
	for (unsigned int i = 0, same; i < nr_steps; i += same) {
		for (same = 1; i + same < nr_steps && steps[i + same].rip == steps[i].rip; same++)
			;
		if (!dladdr(steps[i].handler, &info) || !info.dli_sname)
			info.dli_sname = "?";
		fprintf(out, "%" PRIx64 " %u %s\n", steps[i].rip, same, info.dli_sname);
	}
}

static void finish(const struct cpu *cpu, uint64_t to)
{
	struct pair *pair = find_pair(cpu->from, to);

	if (!pair || pair->seen == LENGTHS_MAX)
		return;
	pair->seen++;
	fprintf(out, "%s %" PRIx64 " %" PRIx64 " %u\n",
		pair->seen > SAMPLES_MAX ? "length" : "sample", cpu->from, to, cpu->nr_steps);
	if (pair->seen <= SAMPLES_MAX)
		write_steps(cpu->steps, cpu->nr_steps);
	fflush(out);
}

/* Bochs' debugger asks the processor that it looks at. */
static uint64_t rip_of(unsigned int number)
{
	unsigned int before = *rip_cpu;
	uint64_t rip;

	*rip_cpu = number;
	rip = get_rip();
	*rip_cpu = before;
	return rip;
}

static void before_execution(unsigned int number, const struct instruction *i)
{
	struct cpu *cpu = &cpus[number % CPUS_MAX];
	uint64_t rip;

	if (number >= CPUS_MAX || (!cpu->from && i->handler != rdtsc))
		return;
	rip = rip_of(number);
	if (cpu->nr_steps == STEPS_MAX) {
		cpu->from = 0;
		cpu->nr_steps = 0;
	}
	cpu->steps[cpu->nr_steps++] = (struct step){ .rip = rip, .handler = i->handler };
	cpu->repeats = true;
	/* The second RDTSC is part of what the two measure, the first is not. */
	if (i->handler == rdtsc && !(rip >> 63)) {
		if (cpu->from)
			finish(cpu, rip);
		cpu->from = rip;
		cpu->nr_steps = 0;
	}
}

/* The first repetition is the instruction itself. */
static void repeat_iteration(unsigned int number,
			     __attribute__((unused)) const struct instruction *i)
{
	struct cpu *cpu = &cpus[number % CPUS_MAX];

	if (number >= CPUS_MAX || !cpu->from || !cpu->nr_steps)
		return;
	if (cpu->repeats) {
		cpu->repeats = false;
		return;
	}
	if (cpu->nr_steps < STEPS_MAX) {
		cpu->steps[cpu->nr_steps] = cpu->steps[cpu->nr_steps - 1];
		cpu->nr_steps++;
	}
}

/* "mov rax, target; jmp rax" in place of an empty function, which is padded to 16 bytes */
static bool replace(uint8_t *function, void *target)
{
	long page = sysconf(_SC_PAGESIZE);
	uint8_t *start = (uint8_t *)((uintptr_t)function & -page);

	if ((uintptr_t)function % 16 || *function != 0xc3 ||
	    mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC))
		return false;
	memcpy(function, "\x48\xb8", 2);
	memcpy(function + 2, &target, sizeof(target));
	memcpy(function + 10, "\xff\xe0", 2);
	return !mprotect(start, page, PROT_READ | PROT_EXEC);
}

static const char *start(const char *file)
{
	uint8_t *before = dlsym(RTLD_DEFAULT, SYM_BEFORE);
	uint8_t *repeat = dlsym(RTLD_DEFAULT, SYM_REPEAT);

	get_rip = (uint64_t (*)(void))dlsym(RTLD_DEFAULT, SYM_RIP);
	rip_cpu = dlsym(RTLD_DEFAULT, SYM_CPU);
	rdtsc = dlsym(RTLD_DEFAULT, SYM_RDTSC);
	if (!before || !repeat || !get_rip || !rip_cpu || !rdtsc)
		return "this Bochs does not export the functions that it needs";
	for (unsigned int i = 0; i < CPUS_MAX; i++) {
		cpus[i].steps = malloc(STEPS_MAX * sizeof(struct step));
		if (!cpus[i].steps)
			return "there is no memory for the steps";
	}
	out = fopen(file, "we");
	if (!out)
		return "its file cannot be written";
	if (!replace(before, (void *)before_execution) ||
	    !replace(repeat, (void *)repeat_iteration))
		return "the functions of this Bochs have another form";
	return "applied";
}

__attribute__((constructor)) static void profile(void)
{
	const char *file = getenv("BED_PROFILE");

	if (file && dlsym(RTLD_DEFAULT, "bx_mem"))
		bed_port_note("profile: %s", start(file));
}
