// SPDX-License-Identifier: GPL-2.0
/* affinity_parse(): text, result, CPUs; and what the list does to a thread. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "../../tools/kevctl/affinity.h"
#include "../../tools/kevctl/kevctl.h"
#include "tap.h"

static const struct {
	const char *text;
	int result;
	unsigned int nr;
	uint16_t cpus[8];
} lists[] = {
	{ "0", 0, 1, { 0 } },
	{ "3,1,2", 0, 3, { 3, 1, 2 } },
	{ "0,2-3", 0, 3, { 0, 2, 3 } },
	{ "0-1 5", 0, 3, { 0, 1, 5 } },
	{ "4-4", 0, 1, { 4 } },
	{ "1,1", 0, 2, { 1, 1 } },
	{ "8191", 0, 1, { 8191 } },
	{ "8192", -ERANGE, 0, { 0 } },
	{ "0-99999999999999999999", -ERANGE, 0, { 0 } },
	{ "0-1023", 0, 1024, { 0, 1, 2, 3, 4, 5, 6, 7 } },
	{ "0-1024", -E2BIG, 0, { 0 } },
	{ "0-1023,0", -E2BIG, 0, { 0 } },
	{ "", -EINVAL, 0, { 0 } },
	{ ",", -EINVAL, 0, { 0 } },
	{ "0,", -EINVAL, 0, { 0 } },
	{ ",0", -EINVAL, 0, { 0 } },
	{ "0,,1", -EINVAL, 0, { 0 } },
	{ "1-", -EINVAL, 0, { 0 } },
	{ "-1", -EINVAL, 0, { 0 } },
	{ "1-2-3", -EINVAL, 0, { 0 } },
	{ "2-1", -EINVAL, 0, { 0 } },
	{ "0x1", -EINVAL, 0, { 0 } },
	{ "+1", -EINVAL, 0, { 0 } },
	{ "a", -EINVAL, 0, { 0 } },
};

static void test_lists(void)
{
	static struct affinity affinity;
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		unsigned int shown = lists[i].nr < 8 ? lists[i].nr : 8;
		int result = affinity_parse(lists[i].text, &affinity);
		bool right = result == lists[i].result;

		if (right && !result)
			right = affinity.nr == lists[i].nr &&
				!memcmp(affinity.cpus, lists[i].cpus, shown * sizeof(uint16_t));
		snprintf(name, sizeof(name), "list \"%s\"", lists[i].text);
		tap_result(right, name);
	}
}

static void test_threads(void)
{
	struct affinity affinity = { .nr = 2 };
	cpu_set_t before, after;
	int cpu = 0;

	sched_getaffinity(0, sizeof(before), &before);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	affinity.cpus[0] = AFFINITY_MAX_CPU;
	affinity.cpus[1] = cpu;
	tap_result(affinity_first_absent(&affinity) == AFFINITY_MAX_CPU, "a CPU that is not there");
	tap_result(affinity_apply(&affinity, 0) == -EINVAL, "nobody runs on it");
	tap_result(!affinity_apply(&affinity, 2) && !sched_getaffinity(0, sizeof(after), &after) &&
		   CPU_EQUAL(&before, &after), "a vCPU that is not in the list runs anywhere");
	tap_result(!affinity_apply(&affinity, 1) && !sched_getaffinity(0, sizeof(after), &after) &&
		   CPU_COUNT(&after) == 1 && CPU_ISSET(cpu, &after), "one that is runs there");
	affinity.cpus[0] = cpu;
	tap_result(affinity_first_absent(&affinity) == -1, "all are there");
}

int main(void)
{
	test_lists();
	test_threads();
	return tap_end();
}
