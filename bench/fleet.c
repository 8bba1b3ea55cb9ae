// SPDX-License-Identifier: GPL-2.0
/* Many small VMs that are alive at the same time: what each takes to start, and of memory */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define MAX_VMS		1000
/* Of the row: from so many VMs to so many */
#define IDLE_FROM	32
#define IDLE_TO		160

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
static int grow(const struct bench_row *row, enum bench_side side, int image, unsigned int to,
		struct bench_samples *starts)
{
	long ret = 0;

	while (!ret && nr_vms < to) {
		uint64_t since = kt_rdtsc();
		struct bench_vm *vm = &fleet[nr_vms++];

		ret = bench_vm_start(vm, side, image, &row->program, &row->how);
		if (!ret)
			ret = bench_vm_enter(vm, 0);
		if (starts)
			bench_add(starts, kt_rdtsc() - since);
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
	uint64_t before = 0;
	int ret, image = begin(row);

	ret = image < 0 ? image : grow(row, side, image, IDLE_FROM, NULL);
	if (!ret) {
		before = memory_left(side);
		ret = grow(row, side, image, IDLE_TO, NULL);
	}
	if (!ret)
		bench_add(samples, (before - memory_left(side)) / (IDLE_TO - IDLE_FROM));
	end();
	if (image >= 0)
		close(image);
	return ret;
}
