// SPDX-License-Identifier: GPL-2.0
/* What the benchmark asks of the host's kernel, and what it can see of its work */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define CGROUPS	"/sys/fs/cgroup"

/* A pause that the loop of bench_stolen() does not make by itself */
#define OWN_TICKS	32

int bench_enter_cgroup(bool own)
{
	char pid[16];

	if (mkdir(CGROUPS "/bench", 0755) && errno != EEXIST)
		return -errno;
	/* The controller is on in it only if its file is there. */
	if (access(CGROUPS "/bench/memory.current", F_OK))
		return -errno;
	snprintf(pid, sizeof(pid), "%d", getpid());
	return kt_write_file(own ? CGROUPS "/bench/cgroup.procs" : CGROUPS "/cgroup.procs", pid);
}

int bench_allow_huge_pages(void)
{
	return kt_write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
}

int bench_allow_vms(unsigned int vms)
{
	const rlim_t files = 4 * vms + 64;
	const struct rlimit limit = { files, files };

	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

uint64_t bench_stolen(uint64_t ticks)
{
	uint64_t begin = kt_rdtsc(), last = begin, stolen = 0;

	while (last - begin < ticks) {
		uint64_t now = kt_rdtsc();

		if (now - last > OWN_TICKS)
			stolen += now - last;
		last = now;
	}
	return stolen;
}

void bench_settle(void)
{
	/* A profile would look at each round of the loop. */
	if (bench_few)
		return;
	/* A grace period takes less than three ticks; callbacks and workers have the rest. */
	bench_stolen(4 * BENCH_TIMER);
}

/* The sum of the numbers behind a word, in all lines that begin with it */
static uint64_t sum_of(const char *path, const char *word)
{
	FILE *in = fopen(path, "r");
	char line[256];
	uint64_t sum = 0;

	while (in && fgets(line, sizeof(line), in)) {
		const char *at = line + strspn(line, " ");

		if (!strncmp(at, word, strlen(word)))
			sum += strtoull(at + strlen(word), NULL, 10);
	}
	if (in)
		fclose(in);
	return sum;
}

uint64_t bench_free_memory(void)
{
	kt_write_file("/proc/sys/vm/stat_refresh", "1");
	/* Those that the CPUs keep at hand are free as well. */
	return KT_PAGE * (sum_of("/proc/vmstat", "nr_free_pages ") +
			  sum_of("/proc/zoneinfo", "count:"));
}

uint64_t bench_anonymous_memory(void)
{
	kt_write_file("/proc/sys/vm/stat_refresh", "1");
	return KT_PAGE * sum_of("/proc/vmstat", "nr_anon_pages ");
}

void bench_save_symbols(const char *path)
{
	FILE *in = fopen("/proc/kallsyms", "r"), *out = fopen(path, "w");
	char line[512];

	while (in && out && fgets(line, sizeof(line), in)) {
		if (strchr(line, '['))
			fputs(line, out);
	}
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}
