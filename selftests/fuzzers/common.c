// SPDX-License-Identifier: GPL-2.0
/* Random numbers, and lines in the kernel's log: a report behind one tells what has caused it */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kevtest.h"
#include "common.h"

uint32_t fz_random(uint64_t *state)
{
	uint64_t x;

	/* SplitMix64: any state will do, 0 too. */
	*state += 0x9e3779b97f4a7c15;
	x = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) >> 16;
}

uint32_t fz_below(uint64_t *state, uint32_t limit)
{
	return fz_random(state) % limit;
}

bool fz_one_in(uint64_t *state, uint32_t n)
{
	return fz_below(state, n) == 0;
}

uint64_t fz_number(uint64_t *state)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 7, 8, 0xf, 0x10, 0x3f, 0x40, 0xff, 0x100, 0x1ff, 0x200, 0xfff, 0x1000,
		0x1001, 0xffff, 0x10000, 0xfffff, 0x100000, 0x1fffff, 0x200000, 0x7fffffff,
		0x80000000, 0xbffda000, 0xfee00000, 0xfffff000, 0xffffffff, 0x100000000,
		0x7fffffffff, 0x8000000000, 0xfffffff000, 0x10000000000, 0x7fffffffffff,
		0x7ffffffff000, 0x800000000000, 0xffff7fffffffffff, 0xffff800000000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000, ~0ULL,
	};

	switch (fz_below(state, 4)) {
	case 0:
		return 1ULL << fz_below(state, 64);
	case 1:
		return (uint64_t)fz_random(state) << 32 | fz_random(state);
	default:
		return numbers[fz_below(state, ARRAY_SIZE(numbers))];
	}
}

/* A record of the kernel's log has about 1,000 bytes. */
#define LOG_BYTES	900

static int log_fd = -1;

void fz_log(uint64_t seed, unsigned long number, const char *text)
{
	char record[LOG_BYTES + 64];
	int n;

	if (log_fd < 0) {
		kt_write_file("/proc/sys/kernel/printk_devkmsg", "on\n");
		log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	}
	do {
		/* Level 7 keeps it from the console. */
		n = snprintf(record, sizeof(record), "<7>fuzz: seed %lu, number %lu %.*s", seed,
			     number, LOG_BYTES, text);
		(void)!write(log_fd, record, n);
		text += strnlen(text, LOG_BYTES);
	} while (*text);
}
