// SPDX-License-Identifier: GPL-2.0
/* kevctl ps */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/find.h"
#include "json.h"
#include "kevctl.h"

#define MINUTE	60
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)

static void help(void)
{
	puts("Usage: kevctl ps [--json]\n"
	     "\n"
	     "List the guests that kevctl runs for this user.\n"
	     "\n"
	     "  --json      as a JSON array\n"
	     "  -h, --help  this text");
}

/* Two units at most: 3d04h, 2h05m, 1m30s, 12s */
static void format_age(char *text, size_t size, uint64_t seconds)
{
	static const struct { uint64_t unit, part; char name, part_name; } units[] = {
		{ DAY, HOUR, 'd', 'h' }, { HOUR, MINUTE, 'h', 'm' }, { MINUTE, 1, 'm', 's' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (seconds < units[i].unit)
			continue;
		snprintf(text, size, "%" PRIu64 "%c%02" PRIu64 "%c", seconds / units[i].unit,
			 units[i].name, seconds % units[i].unit / units[i].part,
			 units[i].part_name);
		return;
	}
	snprintf(text, size, "%" PRIu64 "s", seconds);
}

/* A whole number of the greatest unit */
static void format_memory(char *text, size_t size, uint64_t kib)
{
	static const char names[] = "KMGT";
	unsigned int unit = 0;

	while (kib && !(kib % 1024) && names[unit + 1]) {
		kib /= 1024;
		unit++;
	}
	snprintf(text, size, "%" PRIu64 "%c", kib, names[unit]);
}

static void print_table(const struct runtime_info *infos, int nr)
{
	uint64_t now = time(NULL);
	char memory[32], age[64];

	printf("%6s %8s %5s %8s %8s  %s\n", "VM", "PID", "VCPUS", "MEMORY", "AGE", "IMAGE");
	for (int i = 0; i < nr; i++) {
		const struct runtime_info *info = &infos[i];

		format_memory(memory, sizeof(memory), info->memory_kib);
		format_age(age, sizeof(age), now > info->started ? now - info->started : 0);
		printf("%6" PRIu64 " %8d %5u %8s %8s  ", info->vm, info->pid, info->vcpus, memory,
		       age);
		print_name(stdout, info->image);
		putchar('\n');
	}
}

static void print_json(const struct runtime_info *infos, int nr)
{
	putchar('[');
	for (int i = 0; i < nr; i++) {
		const struct runtime_info *info = &infos[i];

		printf("%s\n  {\"vm\": %" PRIu64 ", \"pid\": %d, \"vcpus\": %u, "
		       "\"memory_kib\": %" PRIu64 ", \"started\": %" PRIu64 ", "
		       "\"detached\": %s, \"image\": ", i ? "," : "", info->vm, info->pid,
		       info->vcpus, info->memory_kib, info->started,
		       info->detached ? "true" : "false");
		json_string(stdout, info->image);
		putchar('}');
	}
	puts(nr ? "\n]" : "]");
}

int cmd_ps(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct runtime_info *infos;
	bool json = false;
	int option, nr;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			help();
			return 0;
		default:
			return option_error(option, argv);
		}
	}
	if (optind < argc) {
		message(argv[optind], "unexpected argument");
		return usage_error("ps");
	}
	nr = runtime_list(&infos);
	if (nr < 0) {
		message("runtime directory", "%s", strerror(-nr));
		return STATUS_FAILURE;
	}
	if (json)
		print_json(infos, nr);
	else
		print_table(infos, nr);
	free(infos);
	return 0;
}
