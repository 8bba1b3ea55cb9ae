// SPDX-License-Identifier: GPL-2.0
/* Many small VMs that are alive at the same time: what each takes to start, and of memory */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MAX_VMS		1000
/* Of the row: a sample is what so many more VMs take. KVM's take long to close. */
#define IDLE_STEP	96
#define IDLE_STEP_KVM	24
#define IDLE_STEP_FEW	8
#define IDLE_SAMPLES	3

static struct bench_vm fleet[MAX_VMS];
static unsigned int nr_vms;

static uint64_t kev_own_memory(void)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < nr_vms; i++) {
		struct kev_vm_stats stats = kt_vm_stats(fleet[i].vm);

		pages += stats.resident_pages - stats.shared_pages;
	}
	return pages * KT_PAGE;
}

/* What the kernel has left, without the guests' own pages, which are nobody's fault */
static uint64_t memory_left(enum bench_side side)
{
	uint64_t left = bench_free_memory();

	return left + (side == BENCH_KVM ? bench_anonymous_memory() : kev_own_memory());
}

/* Start VMs until there are so many; each has run once. */
static BENCH_ONCE int grow(const struct bench_row *row, enum bench_side side, int image,
			   unsigned int to, struct bench_samples *starts)
{
	long ret = 0;

	while (!ret && nr_vms < to) {
		uint64_t since = BENCH_TSC(bench_tsc_grow), until;
		struct bench_vm *vm = &fleet[nr_vms++];

		ret = bench_vm_start(vm, side, image, &row->program, &row->how);
		if (!ret)
			ret = bench_vm_enter(vm, 0);
		until = BENCH_TSC(bench_tsc_grown);
		if (starts)
			bench_add(starts, until - since);
		/* Nothing needs it any more. */
		close(vm->device);
		vm->device = -1;
	}
	return ret;
}

static void end(void)
{
	while (nr_vms)
		bench_vm_fini(&fleet[--nr_vms]);
	bench_settle();
}

/* The array's own pages are there before anything is measured. */
static int begin(const struct bench_row *row)
{
	int image = bench_image(&row->program, row->how.data);

	memset(fleet, 0xff, sizeof(fleet));
	bench_settle();
	return image;
}

int bench_row_idle(const struct bench_row *row, enum bench_side side,
		   struct bench_samples *samples)
{
	unsigned int step = bench_few ? IDLE_STEP_FEW :
			    side == BENCH_KVM ? IDLE_STEP_KVM : IDLE_STEP;
	int image = begin(row);
	int ret = image < 0 ? image : grow(row, side, image, step, NULL);

	for (int i = 0; !ret && i < IDLE_SAMPLES; i++) {
		uint64_t before = memory_left(side);

		ret = grow(row, side, image, nr_vms + step, NULL);
		bench_add(samples, (before - memory_left(side)) / step);
	}
	end();
	if (image >= 0)
		close(image);
	return ret;
}

static const unsigned int sizes[] = { 1, 10, 100, MAX_VMS };

static void report(const char *what, unsigned int vms, enum bench_side side, const char *unit,
		   struct bench_samples *samples, int error)
{
	char text[40];
	struct bench_name name = { "scale", text, side == BENCH_KVM ? "KVM" : "kev", unit };

	snprintf(text, sizeof(text), "%s, %u VM%s", what, vms, vms > 1 ? "s" : "");
	bench_result(&name, samples, error);
}

/* The starts since the last size, and the memory of all */
void bench_scale(enum bench_side side)
{
	static struct bench_samples starts;
	static const struct bench_row row = {
		.program = { &bench_out_for_ever, 1 },
		.how = { .memory = 2 * KT_MIB },
	};
	int ret = bench_allow_vms(MAX_VMS), image = begin(&row);
	uint64_t before;

	before = memory_left(side);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bench_samples memory = { .n = 1 };

		starts.n = 0;
		if (!ret)
			ret = image < 0 ? image : grow(&row, side, image, sizes[i], &starts);
		memory.values[0] = (before - memory_left(side)) / sizes[i];
		report("start", sizes[i], side, "instructions", &starts, ret);
		report("memory of each", sizes[i], side, "bytes", &memory, ret);
	}
	end();
	if (image >= 0)
		close(image);
}
