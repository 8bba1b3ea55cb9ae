// SPDX-License-Identifier: GPL-2.0
/* How fast the TSC counts: perf_event_open(2), "time_mult" and "time_shift". */
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "tsc.h"

#define NS_PER_S	1000000000LL
#define MEASURE_NS	5000000LL

/* ns = cycles * mult >> shift */
static uint32_t ask_kernel(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
	};
	const struct perf_event_mmap_page *page;
	size_t page_size = sysconf(_SC_PAGESIZE);
	uint64_t khz = 0;
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return 0;
	page = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		if (page->cap_user_time && page->time_mult && page->time_shift < 40)
			khz = ((1000000ULL << page->time_shift) + page->time_mult / 2) /
			      page->time_mult;
		munmap((void *)page, page_size);
	}
	close(fd);
	return khz <= UINT32_MAX ? khz : 0;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

static uint32_t measure(void)
{
	int64_t start = now(), end;
	uint64_t first = __rdtsc(), last;

	do {
		end = now();
		last = __rdtsc();
	} while (end - start < MEASURE_NS);
	return (last - first) * 1000000 / (end - start);
}

uint32_t tsc_khz(void)
{
	uint32_t khz = ask_kernel();

	if (!khz)
		khz = measure();
	return khz ? khz : 1;
}
