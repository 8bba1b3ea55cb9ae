// SPDX-License-Identifier: GPL-2.0
/* Two vCPUs on two CPUs that touch memory of their own for the first time, and one alone */
#include "bench.h"

#define PAGES	4096

static const struct {
	const char *name;
	enum bench_other other;
} pairs[] = {
	{ "first write to 4 KiB, one vCPU", BENCH_ALONE },
	{ "first write to 4 KiB, each of two", BENCH_WORKS },
};

void bench_pair(enum bench_side side)
{
	const struct bench_how how = { .huge_pages = KEV_HUGE_NEVER };
	static struct bench_samples samples;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct bench_program program = {
			&bench_write_all, PAGES, BENCH_RAM_GPA, KT_PAGE, pairs[i].other
		};
		const struct bench_name name = {
			"pair", pairs[i].name, side == BENCH_KVM ? "KVM" : "kev",
			"instructions",
		};
		int ret;

		samples.n = 0;
		ret = bench_vm_measure(side, &program, &how, &samples);
		for (size_t sample = 0; sample < samples.n; sample++)
			samples.values[sample] /= PAGES;
		bench_result(&name, &samples, ret);
	}
}
