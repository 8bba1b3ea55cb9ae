// SPDX-License-Identifier: GPL-2.0
/* The table: kev beside KVM, row by row */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define REPEATS		5
#define ROUNDS		256
/* Pages that are touched, one after the other */
#define SMALL_PAGES	4096
#define SMALL_PAGES_FEW	2048
#define HUGE_PAGES	16
#define HUGE_PAGES_FEW	8
#define IMAGE_PAGES	1024

#define EXIT(row, guest)						\
	.name = row, .measure = bench_row_program, .program = { guest, ROUNDS }

static const struct bench_row rows[] = {
	{ EXIT("hypercall", &bench_hypercall), .how = { .abi = "noop" } },
	{ EXIT("print_64", &bench_print), .kev_only = true },
	{ EXIT("cpuid", &bench_cpuid) },
	{ EXIT("rdmsr", &bench_rdmsr) },
	{ EXIT("wrmsr", &bench_wrmsr) },
	{ EXIT("pio_user", &bench_out) },
	{
		.name = "mmio_user",
		.measure = bench_row_program,
		.program = { &bench_mmio_write, ROUNDS, BENCH_DEVICE_GPA },
		.how = { .device = true },
	}, {
		.name = "read_regs",
		.measure = bench_row_registers,
		.program = { &bench_out_for_ever, ROUNDS },
		.parts = { { bench_tsc_exited, bench_tsc_read } },
	}, {
		.name = "kick",
		.measure = bench_row_kick,
		.program = { &bench_count, ROUNDS },
		.cpus = 2,
		.parts = { { bench_tsc_kick, bench_tsc_kicked }, { NULL, bench_tsc_returned } },
	}, {
		.name = "fault_zero_4k",
		.cgroup = true,
		.measure = bench_row_program,
		.program = { &bench_write_all, SMALL_PAGES, BENCH_RAM_GPA, KT_PAGE },
		.how = { .huge_pages = KEV_HUGE_NEVER },
		.each = true,
		.few = SMALL_PAGES_FEW,
	}, {
		.name = "fault_zero_2m",
		.cgroup = true,
		.measure = bench_row_program,
		.program = { &bench_write_huge, HUGE_PAGES, BENCH_RAM_GPA, 2 * KT_MIB },
		.how = { .huge_pages = KEV_HUGE_ALWAYS },
		.each = true,
		.few = HUGE_PAGES_FEW,
	}, {
		.name = "fault_image",
		.measure = bench_row_program,
		.program = { &bench_read_all, IMAGE_PAGES, BENCH_DATA_GPA, KT_PAGE },
		.how = { .data = IMAGE_PAGES * KT_PAGE },
		.each = true,
		/* Few instructions: an interrupt of the host's would be a part that shows. */
		.vms = 5,
	}, {
		.name = "fault_image_cow",
		.measure = bench_row_program,
		.program = { &bench_write_image, IMAGE_PAGES, BENCH_DATA_GPA, KT_PAGE },
		.how = { .data = IMAGE_PAGES * KT_PAGE },
		.each = true,
	}, {
		.name = "start_1m",
		.cgroup = true,
		.measure = bench_row_start,
		.program = { &bench_out_for_ever, 16 },
		.how = { .memory = 64 * KT_MIB, .data = KT_MIB - KT_PAGE },
		.parts = { { bench_tsc_open, bench_tsc_ran } },
	}, {
		.name = "close_vm",
		.cgroup = true,
		.measure = bench_row_close,
		.program = { &bench_out_for_ever, 8 },
		.how = { .memory = 64 * KT_MIB, .data = KT_MIB - KT_PAGE },
		.parts = { { bench_tsc_close, bench_tsc_closed } },
	}, {
		.name = "mem_idle_vm",
		.cgroup = true,
		.unit = "bytes",
		.measure = bench_row_idle,
		.program = { &bench_out_for_ever, 1 },
		.how = { .memory = 64 * KT_MIB },
		.once = true,
		.parts = { { bench_tsc_grow, bench_tsc_grown } },
	}, {
		.name = "cycle",
		.cgroup = true,
		.measure = bench_row_cycle,
		.program = { &bench_out_for_ever, 1000 },
		.how = { .memory = 64 * KT_MIB, .data = KT_MIB - KT_PAGE },
		.once = true,
		.parts = { { bench_tsc_open, bench_tsc_ran }, { bench_tsc_ran, bench_tsc_close },
			   { bench_tsc_close, bench_tsc_closed },
			   { bench_tsc_closed, bench_tsc_open } },
	},
};

int bench_row_program(const struct bench_row *row, enum bench_side side,
		      struct bench_samples *samples)
{
	unsigned int vms = row->vms && !bench_few ? row->vms : 1;
	int image = -1, ret = 0;

	/* KVM's guests are where user space writes them. */
	if (side == BENCH_KEV || row->how.data) {
		image = bench_image(&row->program, row->how.data);
		if (image < 0)
			return image;
	}
	for (unsigned int i = 0; !ret && i < vms; i++) {
		struct bench_vm vm;

		ret = bench_vm_start(&vm, side, image, &row->program, &row->how);
		if (!ret)
			ret = bench_vm_run_program(&vm, &row->program, samples);
		bench_vm_fini(&vm);
	}
	if (image >= 0)
		close(image);
	for (size_t i = 0; row->each && i < samples->n; i++)
		samples->values[i] /= row->program.rounds;
	return ret;
}

BENCH_ONCE int bench_row_registers(const struct bench_row *row, enum bench_side side,
				   struct bench_samples *samples)
{
	struct bench_vm vm;
	long ret = bench_vm_init(&vm, side, &row->program, &row->how);

	for (uint64_t i = 0; !ret && i < row->program.rounds; i++) {
		uint64_t since;

		ret = bench_vm_enter(&vm, 0);
		since = BENCH_TSC(bench_tsc_exited);
		if (!ret)
			ret = bench_vm_registers(&vm, false);
		bench_add(samples, BENCH_TSC(bench_tsc_read) - since);
	}
	bench_vm_fini(&vm);
	return ret;
}

/* One figure of each repetition */
static int measure(const struct bench_row *row, enum bench_side side,
		   struct bench_samples *figures)
{
	static struct bench_samples samples;
	int ret = bench_enter_cgroup(row->cgroup);

	figures->n = 0;
	if (!ret && row->once)
		return row->measure(row, side, figures);
	/* The first time fills what the kernel keeps at hand, and does not count. */
	for (unsigned int i = 0; !ret && i <= REPEATS; i++) {
		samples.n = 0;
		ret = row->measure(row, side, &samples);
		if (!ret && !samples.n)
			ret = -ENODATA;
		if (i)
			bench_add(figures, bench_median(&samples));
	}
	return ret;
}

/* Where a profile finds the row's operation; parts stays empty if that is not known. */
static struct bench_where find(const struct bench_row *row)
{
	struct bench_where where = { .rounds = row->each ? row->program.rounds : 1 };
	uint64_t guest[2];
	size_t n = bench_rdtscs(row->program.code, guest, ARRAY_SIZE(guest));

	if (!row->parts[0].to && n == ARRAY_SIZE(guest)) {
		where.parts[0] = (struct bench_between){ guest[0], guest[1] };
		where.nr_parts = 1;
	}
	for (size_t i = 0; i < BENCH_PARTS && row->parts[i].to; i++) {
		where.parts[i].from = row->parts[i].from ? (uintptr_t)row->parts[i].from : guest[0];
		where.parts[i].to = (uintptr_t)row->parts[i].to;
		where.nr_parts++;
	}
	return where;
}

bool bench_is_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!strcmp(rows[i].name, name))
			return true;
	}
	return false;
}

void bench_rows(enum bench_side side)
{
	static struct bench_samples figures;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench_row few = rows[i];
		const struct bench_row *row = bench_few ? &few : &rows[i];
		const struct bench_name name = {
			"", row->name, side == BENCH_KVM ? "KVM" : "kev",
			row->unit ? row->unit : "instructions",
		};
		const int cpus = row->cpus ? row->cpus : 1;
		struct bench_where where;
		int ret;

		if (!bench_wanted(row->name, true) || (row->kev_only && side == BENCH_KVM))
			continue;
		if (cpus != kt_nr_cpus()) {
			if (!bench_wanted(row->name, false))
				continue;
			fprintf(stderr, "bench: %s needs %d CPUs\n", row->name, cpus);
		}
		if (few.few)
			few.program.rounds = few.few;
		where = find(row);
		ret = cpus == kt_nr_cpus() ? measure(row, side, &figures) : -ENODEV;
		bench_row_result(&name, &where, &figures, ret);
	}
}
