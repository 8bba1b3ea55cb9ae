// SPDX-License-Identifier: GPL-2.0
/* Tables as the kernel and kevctl print them, as kevctl reads them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/stat/sample.h"
#include "tap.h"

#define VMS	"vm pid state vcpus entries resident_pages comm\n"
#define VCPUS	"vm vcpu cpu state entries\n"
#define EXITS	"vm vcpu exits slow reported name\n"

static const struct {
	const char *name, *vms, *vcpus, *exits;
	int error;
	unsigned int nr;
	uint64_t entries, resident;	/* of the last VM */
	const char *comm;
	unsigned int nr_vcpus;
	uint64_t vcpu_entries;		/* of its last vCPU */
	const char *state;
	int cpu;
	uint64_t exits_of_vm, exits_of_vcpu;	/* "port I/O" */
} cases[] = {
	{ "no VM", VMS, VCPUS, EXITS },
	{ "one VM without vCPU", VMS "3 77 alive 0 5 6 kevctl\n", VCPUS, EXITS,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "kevctl" },
	{ "a name with blanks", VMS "3 77 alive 0 5 6 a b  c\n", VCPUS, EXITS,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "a b  c" },
	{ "no name", VMS "3 77 alive 0 5 6\x20\n", VCPUS, EXITS,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "" },
	{ "no newline at the end", VMS "3 77 alive 0 5 6 x", VCPUS, EXITS,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "x" },
	{ "two VMs", VMS "3 77 alive 0 5 6 x\n4 78 exited 0 7 8 y\n", VCPUS, EXITS,
	  .nr = 2, .entries = 7, .resident = 8, .comm = "y" },
	{ "more columns, in another order",
	  "vm other resident_pages entries pid comm\n3 9 6 5 77 x\n", VCPUS, EXITS,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "x" },
	{ "the greatest number", VMS "3 77 alive 0 18446744073709551615 6 x\n", VCPUS, EXITS,
	  .nr = 1, .entries = UINT64_MAX, .resident = 6, .comm = "x" },
	{ "a number that is too great", VMS "3 77 alive 0 18446744073709551616 6 x\n", VCPUS,
	  EXITS, .nr = 1, .resident = 6, .comm = "x" },
	{ "no number", VMS "3 77 alive 0 -5 6 x\n", VCPUS, EXITS,
	  .nr = 1, .resident = 6, .comm = "x" },
	{ "vCPUs", VMS "3 77 alive 2 5 6 x\n", VCPUS "3 0 -1 halted 2\n3 7 1 runnable 4\n",
	  EXITS "3 0 9 8 7 port I/O\n3 7 5 4 3 port I/O\n3 - 2 1 0 port I/O\n",
	  .nr = 1, .entries = 5, .resident = 6, .comm = "x", .nr_vcpus = 2, .vcpu_entries = 4,
	  .state = "runnable", .cpu = 1, .exits_of_vm = 16, .exits_of_vcpu = 5 },
	{ "a vCPU of a VM that came later", VMS, VCPUS "3 0 -1 halted 2\n",
	  EXITS "3 0 9 8 7 port I/O\n" },
	{ "exits of a vCPU that came later", VMS "3 77 alive 1 5 6 x\n", VCPUS,
	  EXITS "3 0 9 8 7 port I/O\n",
	  .nr = 1, .entries = 5, .resident = 6, .comm = "x", .exits_of_vm = 9 },
	{ "no table", "", VCPUS, EXITS, .error = -EBADMSG },
	{ "an empty first line", "\n3 77\n", VCPUS, EXITS, .error = -EBADMSG },
	{ "a line that is too short", VMS "3 77 alive 0 5 6\n", VCPUS, EXITS, .error = -EBADMSG,
	  .nr = 0 },
	{ "the second table is none", VMS "3 77 alive 0 5 6 x\n", "", EXITS, .error = -EBADMSG,
	  .nr = 1, .entries = 5, .resident = 6, .comm = "x" },
};

static uint64_t exits_of(const struct counts *counts)
{
	for (unsigned int i = 0; i < counts->nr_exits; i++)
		if (!strcmp(counts->exits[i].name, "port I/O"))
			return counts->exits[i].exits;
	return 0;
}

static bool same(const struct samples *samples, size_t i)
{
	const struct vm_sample *vm = samples->nr ? &samples->vms[samples->nr - 1] : NULL;
	const struct vcpu_sample *vcpu;

	if (samples->nr != cases[i].nr)
		return false;
	if (!vm)
		return true;
	vcpu = vm->nr_vcpus ? &vm->vcpus[vm->nr_vcpus - 1] : NULL;
	return counts_value(&vm->counts, "entries") == cases[i].entries &&
	       counts_value(&vm->counts, "resident_pages") == cases[i].resident &&
	       !strcmp(vm->comm, cases[i].comm) && vm->nr_vcpus == cases[i].nr_vcpus &&
	       exits_of(&vm->counts) == cases[i].exits_of_vm &&
	       (!vcpu || (counts_value(&vcpu->counts, "entries") == cases[i].vcpu_entries &&
			  !strcmp(vcpu->state, cases[i].state) && vcpu->cpu == cases[i].cpu &&
			  exits_of(&vcpu->counts) == cases[i].exits_of_vcpu));
}

static void test_tables(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample_tables tables = {
			strdup(cases[i].vms), strdup(cases[i].vcpus), strdup(cases[i].exits),
		};
		struct samples samples = { };
		int error = samples_add(&samples, &tables);

		tap_result(error == cases[i].error && same(&samples, i), cases[i].name);
		samples_fini(&samples);
		free(tables.vms);
		free(tables.vcpus);
		free(tables.exits);
	}
}

static void test_split(void)
{
	static const struct {
		const char *name, *text;
		int error;
	} texts[] = {
		{ "three tables", VMS "\n" VCPUS "\n" EXITS, 0 },
		{ "two tables", VMS "\n" VCPUS, -EBADMSG },
		{ "nothing", "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *text = strdup(texts[i].text);
		struct sample_tables tables;
		int error = samples_split(text, &tables);

		tap_result(error == texts[i].error, texts[i].name);
		free(text);
	}
}

/* A table of a hostile process: more columns than anybody has */
static void test_wide(void)
{
	char *text = calloc(1, 4096);
	struct sample_tables tables = { .vms = text };
	struct samples samples = { };

	for (unsigned int i = 0; i < 100; i++)
		strcat(text, "x ");
	tap_result(samples_add(&samples, &tables) == -EBADMSG, "too many columns");
	samples_fini(&samples);
	free(text);
}

/* Where one VM is expected */
static void test_most(void)
{
	struct sample_tables tables = {
		strdup(VMS "3 77 alive 0 5 6 x\n4 78 alive 0 7 8 y\n"), strdup(VCPUS),
		strdup(EXITS),
	};
	struct samples samples = { .most = 1 };

	tap_result(samples_add(&samples, &tables) == -E2BIG, "too many VMs");
	samples_fini(&samples);
	free(tables.vms);
	free(tables.vcpus);
	free(tables.exits);
}

/* More reasons of exits than there can be */
static void test_reasons(void)
{
	char *exits = calloc(1, 65536), *end = exits + sprintf(exits, EXITS);
	struct sample_tables tables = {
		strdup(VMS "3 77 alive 0 5 6 x\n"), strdup(VCPUS), exits,
	};
	struct samples samples = { };

	for (unsigned int i = 0; i < 1025; i++)
		end += sprintf(end, "3 0 1 1 1 reason%u\n", i);
	tap_result(samples_add(&samples, &tables) == -E2BIG, "too many reasons");
	samples_fini(&samples);
	free(tables.vms);
	free(tables.vcpus);
	free(exits);
}

int main(void)
{
	test_tables();
	test_split();
	test_wide();
	test_most();
	test_reasons();
	return tap_end();
}
