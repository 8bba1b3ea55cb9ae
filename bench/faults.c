// SPDX-License-Identifier: GPL-2.0
/* What the first touch of a single page costs in kev, by what is behind it; seen from inside */
#include "bench.h"

#define ROUNDS	256
#define WINDOW	16	/* pages that fault-around maps */

static const struct {
	const char *name;
	struct bench_program program;
	struct bench_how how;
} faults[] = {
	{
		.name = "image page, from the page cache",
		.program = { &bench_read, ROUNDS, BENCH_DATA_GPA, KT_PAGE },
		.how = { .data = ROUNDS * KT_PAGE, .fault_around = 1 },
	}, {
		.name = "image page, copied",
		.program = { &bench_read, ROUNDS, BENCH_DATA_GPA, KT_PAGE },
		.how = { .data = ROUNDS * KT_PAGE, .fault_around = 1,
			 .attach_flags = KEV_ATTACH_COPY },
	}, {
		.name = "16 image pages by fault-around",
		.program = { &bench_read, ROUNDS / WINDOW, BENCH_DATA_GPA, WINDOW * KT_PAGE },
		.how = { .data = ROUNDS * KT_PAGE, .fault_around = WINDOW },
	}, {
		.name = "RAM, 4 KiB",
		.program = { &bench_write, ROUNDS, BENCH_RAM_GPA, KT_PAGE },
		.how = { .huge_pages = KEV_HUGE_NEVER },
	},
};

void bench_faults(void)
{
	static struct bench_samples samples;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct bench_name name = { "single faults", faults[i].name, "kev",
						 "instructions" };
		int ret;

		samples.n = 0;
		ret = bench_vm_measure(BENCH_KEV, &faults[i].program, &faults[i].how, &samples);
		bench_result(&name, &samples, ret);
	}
}
