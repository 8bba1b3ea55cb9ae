// SPDX-License-Identifier: GPL-2.0
/*
 * With $BED_PROFILE=FILE: which instructions a processor executes between one RDTSC and the next,
 * where both are in the lower half of the address space, a guest's or a program's: what measures
 * by RDTSC is profiled without any change. Each processor is followed by itself.
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

#include "bed.h"

#define SYM_RDTSC "_ZN8BX_CPU_C5RDTSCEP15bxInstruction_c"

#define CPUS_MAX 2
#define STEPS_MAX (4u << 20) /* a longer stretch is no measurement */
#define PAIRS_MAX 1024
#define SAMPLES_MAX 32
#define LENGTHS_MAX 4096

struct step {
	uint64_t rip;
	void *handler;
};

struct pair {
	uint64_t from, to;
	unsigned int seen;
};

static FILE *out;
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

static void before_execution(unsigned int number, const struct bed_instruction *i)
{
	struct cpu *cpu = &cpus[number % CPUS_MAX];
	uint64_t rip;

	if (number >= CPUS_MAX || (!cpu->from && i->handler != rdtsc))
		return;
	rip = bed_instruction_rip(number);
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
			     __attribute__((unused)) const struct bed_instruction *i)
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

static const char *start(const char *file)
{
	rdtsc = dlsym(RTLD_DEFAULT, SYM_RDTSC);
	if (!rdtsc)
		return "this Bochs does not export the functions that it needs";
	for (unsigned int i = 0; i < CPUS_MAX; i++) {
		cpus[i].steps = malloc(STEPS_MAX * sizeof(struct step));
		if (!cpus[i].steps)
			return "there is no memory for the steps";
	}
	out = fopen(file, "we");
	if (!out)
		return "its file cannot be written";
	return bed_instruction_watch(before_execution, repeat_iteration);
}

__attribute__((constructor)) static void profile(void)
{
	const char *file = getenv("BED_PROFILE");

	if (file && dlsym(RTLD_DEFAULT, "bx_mem"))
		bed_port_note("profile: %s", start(file));
}
