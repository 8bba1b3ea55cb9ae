// SPDX-License-Identifier: GPL-2.0
/* From the start of kevctl's process to the first byte that its guest prints */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS	16
#define IMAGE	KT_MIB
#define PAGES	(IMAGE / KT_PAGE - 1)

/* The byte's arrival, in ticks since before fork() */
static int start(const char *sandbox, struct bench_samples *samples)
{
	uint64_t begin = kt_rdtsc();
	int ends[2], status = -1;
	uint8_t byte;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execlp("kevctl", "kevctl", "run", "--fault-around", "0", sandbox,
		       bench_image_path, NULL);
		_exit(127);
	}
	close(ends[1]);
	n = pid < 0 ? -1 : read(ends[0], &byte, 1);
	bench_add(samples, kt_rdtsc() - begin);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return n == 1 && !status ? 0 : -EPROTO;
}

static void measure(const char *name, uint64_t pages, const char *sandbox)
{
	const struct bench_program program = {
		.code = &bench_walk_print,
		.rounds = pages,
		.address = BENCH_DATA_GPA,
		.stride = KT_PAGE,
	};
	const struct bench_name what = {
		"kevctl's process to a guest's first byte, 1 MiB image", name, "kev", "instructions"
	};
	struct bench_samples samples = { 0 };
	int image = bench_image(&program, IMAGE - KT_PAGE);
	int ret = image < 0 ? image : 0;

	for (int round = 0; !ret && round < ROUNDS; round++)
		ret = start(sandbox, &samples);
	bench_result(&what, &samples, ret);
	if (image >= 0)
		close(image);
}

void bench_process(void)
{
	measure("pages as it touches them: 32 KiB", 7, "--sandbox=on");
	measure("all pages before", PAGES, "--sandbox=on");
	measure("32 KiB, without sandbox", 7, "--sandbox=off");
}
