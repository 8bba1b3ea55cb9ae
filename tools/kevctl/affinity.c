// SPDX-License-Identifier: GPL-2.0
/* Which vCPU runs on which CPU of the host. */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "affinity.h"

/* Large enough for any kernel's: it refuses a set that is smaller than its own. */
#define SET_BYTES	CPU_ALLOC_SIZE(AFFINITY_MAX_CPU + 1)

static int parse_cpu(const char **text, unsigned int *cpu)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	value = strtoul(*text, &end, 10);
	if (value > AFFINITY_MAX_CPU)
		return -ERANGE;
	*cpu = value;
	*text = end;
	return 0;
}

static int add_range(struct affinity *affinity, unsigned int first, unsigned int last)
{
	if (first > last)
		return -EINVAL;
	for (unsigned int cpu = first; cpu <= last; cpu++) {
		if (affinity->nr == AFFINITY_MAX)
			return -E2BIG;
		affinity->cpus[affinity->nr++] = cpu;
	}
	return 0;
}

int affinity_parse(const char *text, struct affinity *affinity)
{
	unsigned int first = 0, last = 0;
	int error;

	affinity->nr = 0;
	for (;;) {
		error = parse_cpu(&text, &first);
		last = first;
		if (!error && *text == '-') {
			text++;
			error = parse_cpu(&text, &last);
		}
		if (!error)
			error = add_range(affinity, first, last);
		if (error)
			return error;
		if (!*text)
			return 0;
		if (*text != ',' && *text != ' ')
			return -EINVAL;
		text++;
	}
}

int affinity_first_absent(const struct affinity *affinity)
{
	cpu_set_t *set = CPU_ALLOC(AFFINITY_MAX_CPU + 1);
	int absent = -1;

	if (!affinity->nr || !set || sched_getaffinity(0, SET_BYTES, set)) {
		CPU_FREE(set);
		return -1;	/* the kernel will say it */
	}
	for (unsigned int i = 0; i < affinity->nr && absent < 0; i++)
		if (!CPU_ISSET_S(affinity->cpus[i], SET_BYTES, set))
			absent = affinity->cpus[i];
	CPU_FREE(set);
	return absent;
}

int affinity_apply(const struct affinity *affinity, uint32_t id)
{
	cpu_set_t *set;
	int error = 0;

	if (id >= affinity->nr)
		return 0;
	set = CPU_ALLOC(AFFINITY_MAX_CPU + 1);
	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(SET_BYTES, set);
	CPU_SET_S(affinity->cpus[id], SET_BYTES, set);
	if (sched_setaffinity(0, SET_BYTES, set))
		error = -errno;
	CPU_FREE(set);
	return error;
}
