// SPDX-License-Identifier: GPL-2.0
/* kevctl ps */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command_line.h"
#include "control/find.h"
#include "json.h"
#include "kevctl.h"
#include "stat/source.h"

#define MINUTE	60
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)

static const char help[] =
	"Usage: kevctl ps [OPTION]...\n"
	"\n"
	"List the guests that kevctl runs for this user, and for root all VMs of the machine.\n"
	"\n"
	"  --json          as a JSON array\n"
	"  --debugfs DIR   where debugfs is mounted, instead of " DEBUGFS "\n"
	"  -h, --help      this text\n";

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

/* Of another program, or another user's: this is all that the kernel tells. */
static bool is_foreign(const struct runtime_info *info)
{
	return !info->started;
}

static void print_table(const struct runtime_info *infos, int nr)
{
	uint64_t now = time(NULL);
	char memory[32], age[64];

	printf("%6s %8s %5s %8s %8s  %s\n", "VM", "PID", "VCPUS", "MEMORY", "AGE", "IMAGE");
	for (int i = 0; i < nr; i++) {
		const struct runtime_info *info = &infos[i];

		strcpy(memory, "-");
		strcpy(age, "-");
		if (!is_foreign(info)) {
			format_memory(memory, sizeof(memory), info->memory_kib);
			format_age(age, sizeof(age),
				   now > info->started ? now - info->started : 0);
		}
		printf("%6" PRIu64 " %8d %5u %8s %8s  ", info->vm, info->pid, info->vcpus, memory,
		       age);
		if (is_foreign(info))
			putchar('[');
		print_name(stdout, info->image);
		puts(is_foreign(info) ? "]" : "");
	}
}

static void print_json(const struct runtime_info *infos, int nr)
{
	putchar('[');
	for (int i = 0; i < nr; i++) {
		const struct runtime_info *info = &infos[i];

		printf("%s\n  {\"vm\": %" PRIu64 ", \"pid\": %d, \"vcpus\": %u, "
		       "\"%s\": ", i ? "," : "", info->vm, info->pid, info->vcpus,
		       is_foreign(info) ? "comm" : "image");
		json_string(stdout, info->image);
		if (!is_foreign(info))
			printf(", \"memory_kib\": %" PRIu64 ", \"started\": %" PRIu64
			       ", \"detached\": %s", info->memory_kib, info->started,
			       info->detached ? "true" : "false");
		putchar('}');
	}
	puts(nr ? "\n]" : "]");
}

/* Of those that the kernel knows, the ones that no kevctl of this user's runs */
static int add_foreign(struct runtime_info **infos, int nr, const struct samples *samples)
{
	struct runtime_info *more;
	int known = nr;

	for (unsigned int i = 0; i < samples->nr; i++) {
		const struct vm_sample *vm = &samples->vms[i];
		bool found = false;

		for (int j = 0; j < known; j++)
			found |= (*infos)[j].pid == vm->pid;
		if (found)
			continue;
		more = realloc(*infos, (nr + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		*infos = more;
		more[nr] = (struct runtime_info){
			.pid = vm->pid, .vm = vm->id, .vcpus = vm->nr_vcpus,
		};
		strcpy(more[nr++].image, vm->comm);
	}
	return nr;
}

static int list(const char *debugfs, struct runtime_info **infos)
{
	int nr = runtime_list(infos), error;
	struct samples samples;
	struct source source;

	if (nr < 0) {
		message("runtime directory", "%s", strerror(-nr));
		return nr;
	}
	error = source_open(&source, debugfs);
	if (error || !source.debugfs)
		return error ? error : nr;
	error = source_read(&source, &samples);
	if (error) {
		message(source.debugfs, "%s", strerror(-error));
	} else {
		error = add_foreign(infos, nr, &samples);
		samples_fini(&samples);
	}
	source_fini(&source);
	return error;
}

int cmd_ps(int argc, char **argv)
{
	struct runtime_info *infos = NULL;
	const char *debugfs = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ "json", .kind = OPTION_FLAG, .value = &json },
		{ "debugfs", .kind = OPTION_TEXT, .value = &debugfs },
		{ }
	};
	const struct command_line line = { "ps", help, .options = options };
	int status, nr;

	if (command_line_take(&line, argc, argv, &status) < 0)
		return status;
	nr = list(debugfs, &infos);
	if (nr >= 0 && json)
		print_json(infos, nr);
	else if (nr >= 0)
		print_table(infos, nr);
	free(infos);
	return nr < 0 ? STATUS_FAILURE : 0;
}
