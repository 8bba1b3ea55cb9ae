// SPDX-License-Identifier: GPL-2.0
/* The life of a VM, from the open of the device to the close of the last descriptor */
#include <unistd.h>

#include "bench.h"

/* KVM's close takes long, and is as long each time: fewer of them. */
#define KVM_CLOSES	4
#define KVM_CYCLES	20
#define FEW_CYCLES	16
/* What the kernel put off is done in so long: grace periods, and callbacks by and by */
#define DRAIN		(16 * BENCH_TIMER)

/* Start and run to the exit of the first instruction; *ticks is what that took. */
static BENCH_ONCE int begin(struct bench_vm *vm, const struct bench_row *row,
			    enum bench_side side, int image, uint64_t *ticks)
{
	uint64_t since = BENCH_TSC(bench_tsc_open);
	long ret = bench_vm_start(vm, side, image, &row->program, &row->how);

	if (!ret)
		ret = bench_vm_enter(vm, 0);
	*ticks = BENCH_TSC(bench_tsc_ran) - since;
	return ret;
}

/* The close of the VM's own descriptor, once nothing else is left */
static BENCH_ONCE uint64_t end(struct bench_vm *vm)
{
	uint64_t since;

	bench_vm_release(vm);
	since = BENCH_TSC(bench_tsc_close);
	if (vm->vm >= 0)
		close(vm->vm);
	since = BENCH_TSC(bench_tsc_closed) - since;
	vm->vm = -1;
	bench_vm_fini(vm);
	return since;
}

static int live(const struct bench_row *row, enum bench_side side, uint64_t rounds,
		struct bench_samples *starts, struct bench_samples *closes)
{
	int image = bench_image(&row->program, row->how.data);
	int ret = image < 0 ? image : 0;

	for (uint64_t i = 0; !ret && i < rounds; i++) {
		struct bench_vm vm;
		uint64_t ticks;

		ret = begin(&vm, row, side, image, &ticks);
		if (starts)
			bench_add(starts, ticks);
		ticks = end(&vm);
		if (closes)
			bench_add(closes, ticks);
	}
	if (image >= 0)
		close(image);
	return ret;
}

int bench_row_start(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples)
{
	/* What earlier VMs had comes back before, not somewhere in between. */
	bench_settle();
	return live(row, side, row->program.rounds, samples, NULL);
}

int bench_row_close(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples)
{
	return live(row, side, side == BENCH_KVM ? KVM_CLOSES : row->program.rounds, NULL,
		    samples);
}

/* What is left to do at the end is what takes the CPU from a process that goes on. */
int bench_row_cycle(const struct bench_row *row, enum bench_side side,
		    struct bench_samples *samples)
{
	uint64_t rounds = side == BENCH_KVM ? KVM_CYCLES : row->program.rounds;
	uint64_t drain = DRAIN, usual, since, ticks, left;
	int ret;

	/* A profile is of single cycles, and would look at each round of the wait. */
	if (bench_few) {
		rounds = FEW_CYCLES;
		drain = 0;
	}
	bench_settle();
	usual = bench_stolen(drain);
	since = kt_rdtsc();
	ret = live(row, side, rounds, NULL, NULL);
	ticks = kt_rdtsc() - since;
	left = bench_stolen(drain);
	if (left > usual)
		ticks += left - usual;
	bench_add(samples, ticks / rounds);
	return ret;
}
