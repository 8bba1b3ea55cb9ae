// SPDX-License-Identifier: GPL-2.0
/* What the first touch of a page costs in kev, by what is behind it; seen from inside */
#include <unistd.h>

#include "bench.h"

#define ROUNDS	256
#define WINDOW	16	/* pages that fault-around maps */

static const struct {
	const char *name;
	struct bench_program program;
	struct bench_kev how;
} faults[] = {
	{
		.name = "image page, from the page cache",
		.program = { &bench_read, ROUNDS, BENCH_DATA_GPA, KT_PAGE },
		.how = { .fault_around = 1 },
	}, {
		.name = "image page, first touch is a write",
		.program = { &bench_write, ROUNDS, BENCH_DATA_GPA, KT_PAGE },
		.how = { .fault_around = 1 },
	}, {
		.name = "image page, copied",
		.program = { &bench_read, ROUNDS, BENCH_DATA_GPA, KT_PAGE },
		.how = { .fault_around = 1, .attach_flags = KEV_ATTACH_COPY },
	}, {
		.name = "16 image pages by fault-around",
		.program = { &bench_read, ROUNDS / WINDOW, BENCH_DATA_GPA, WINDOW * KT_PAGE },
		.how = { .fault_around = WINDOW },
	}, {
		.name = "RAM, 4 KiB",
		.program = { &bench_write, ROUNDS, BENCH_RAM_GPA, KT_PAGE },
		.how = { .huge_pages = KEV_HUGE_NEVER },
	}, {
		.name = "RAM, 2 MiB",
		.program = { &bench_write, 16, BENCH_RAM_GPA, 2 * KT_MIB },
		.how = { .huge_pages = KEV_HUGE_ALWAYS },
	},
};

static int run(const struct bench_kev *how, struct bench_samples *samples)
{
	struct kt_guest guest;
	int ret = bench_kev_init(&guest, how);

	if (!ret)
		ret = bench_kev_run(&guest, samples);
	kt_guest_fini(&guest);
	return ret;
}

static int measure(size_t i, const char *path, struct bench_samples *samples)
{
	struct bench_kev how = faults[i].how;
	int ret;

	how.image = bench_image(path, &faults[i].program, ROUNDS * KT_PAGE);
	if (how.image < 0)
		return how.image;
	/* The first guest brings the image into the page cache. */
	ret = run(&how, NULL);
	if (!ret)
		ret = run(&how, samples);
	close(how.image);
	return ret;
}

void bench_faults(const char *path)
{
	static struct bench_samples samples;

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		const struct bench_name name = { "faults", faults[i].name, "kev", "ticks" };
		int ret;

		samples.n = 0;
		ret = measure(i, path, &samples);
		bench_result(&name, &samples, ret);
	}
}
