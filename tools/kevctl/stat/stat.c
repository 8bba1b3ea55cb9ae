// SPDX-License-Identifier: GPL-2.0
/* kevctl stat */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../color.h"
#include "../command_line.h"
#include "../control/find.h"
#include "../escapes.h"
#include "../json.h"
#include "../kevctl.h"
#include "../output.h"
#include "source.h"

#define BLOCK_VCPUS	6	/* columns beside each other */
#define SECONDS_MOST	86400

/* @id: of a VM, or a PID; 0: all. @count: outputs; 0: no end. */
struct stat_options {
	const char *debugfs;
	unsigned int id;
	unsigned int interval;
	unsigned int count;
	bool json;
	bool watch;
};

static const char help[] =
	"Usage: kevctl stat [OPTION]... [GUEST]\n"
	"\n"
	"Print what VMs and their vCPUs have counted: exits by reason, events, faults and\n"
	"memory. GUEST is the number of a VM or the PID of its process, as `kevctl ps` lists\n"
	"them; without one, all. Root sees all VMs of the machine, others the guests that\n"
	"kevctl runs for them.\n"
	"\n"
	"  -w, --watch[=SECONDS]\n"
	"                  print again every second, or so many; with what has been added\n"
	"                  in a second\n"
	"  --count N       end after N times\n"
	"  --json          one JSON array a line\n"
	"  --color WHEN    auto (default: on a terminal, unless NO_COLOR is set), always or never\n"
	"  --debugfs DIR   where debugfs is mounted, instead of " DEBUGFS "\n"
	"  -h, --help      this text\n";

/* Levels, and times that stand still: of these no rate makes sense. */
static bool is_level(const char *name)
{
	static const char *const levels[] = {
		"resident_pages", "ram_pages", "image_pages", "boot_pages", "shared_pages",
		"huge_pages", "table_pages", "first_entry_ns",
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(name, levels[i]))
			return true;
	return false;
}

static uint64_t rate(uint64_t now, uint64_t before, uint64_t ns)
{
	return ns && now > before ? (uint64_t)((now - before) * 1e9 / ns + 0.5) : 0;
}

static void print_counters(const struct vm_sample *vm, const struct vm_sample *before,
			   uint64_t ns)
{
	unsigned int first = 0;

	do {
		unsigned int end = first + BLOCK_VCPUS;

		if (end > vm->nr_vcpus)
			end = vm->nr_vcpus;
		printf("\n%-22s %14s", "", first ? "" : "VM");
		if (before && !first)
			printf(" %12s", "per second");
		for (unsigned int i = first; i < end; i++)
			printf(" %5s %6" PRIu64, "vCPU", vm->vcpus[i].id);
		putchar('\n');
		for (unsigned int i = 0; i < vm->counts.nr_counters; i++) {
			const struct kev_counter *counter = &vm->counts.counters[i];

			print_name(stdout, counter->name);
			printf("%*s", (int)(22 - strnlen(counter->name, 22)), "");
			if (first)
				printf(" %14s", "");
			else
				printf(" %14llu", counter->value);
			if (before && !first && is_level(counter->name))
				printf(" %12s", "");
			else if (before && !first)
				printf(" %12" PRIu64,
				       rate(counter->value,
					    counts_value(&before->counts, counter->name), ns));
			for (unsigned int j = first; j < end; j++) {
				const struct counts *counts = &vm->vcpus[j].counts;
				bool has = false;

				for (unsigned int k = 0; k < counts->nr_counters; k++)
					has |= !strcmp(counts->counters[k].name, counter->name);
				if (has)
					printf(" %12" PRIu64, counts_value(counts, counter->name));
				else
					printf(" %12s", "");
			}
			putchar('\n');
		}
		first = end;
	} while (first < vm->nr_vcpus);
}

static const struct kev_exit_count *find_exit(const struct counts *counts, const char *name)
{
	for (unsigned int i = 0; i < counts->nr_exits; i++)
		if (!strcmp(counts->exits[i].name, name))
			return &counts->exits[i];
	return NULL;
}

static int compare_exits(const void *a, const void *b)
{
	const struct kev_exit_count *x = a, *y = b;

	return (x->exits < y->exits) - (x->exits > y->exits);
}

static void print_exits(const struct vm_sample *vm, const struct vm_sample *before, uint64_t ns)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < vm->counts.nr_exits; i++)
		all += vm->counts.exits[i].exits;
	if (!all)
		return;
	qsort(vm->counts.exits, vm->counts.nr_exits, sizeof(*vm->counts.exits), compare_exits);
	printf("\n%-22s %14s", "exits by reason", "exits");
	if (before)
		printf(" %12s", "per second");
	printf(" %8s %12s %12s %12s\n", "share", "fast", "slow", "reported");
	for (unsigned int i = 0; i < vm->counts.nr_exits; i++) {
		const struct kev_exit_count *exit = &vm->counts.exits[i], *old;

		if (!exit->exits)
			continue;
		fputs("  ", stdout);
		print_name(stdout, exit->name);
		printf("%*s %14llu", (int)(20 - strnlen(exit->name, 20)), "", exit->exits);
		old = before ? find_exit(&before->counts, exit->name) : NULL;
		if (before)
			printf(" %12" PRIu64, rate(exit->exits, old ? old->exits : 0, ns));
		printf(" %7.2f%% %12llu %12llu %12llu\n", 100.0 * exit->exits / all,
		       exit->exits - exit->slow, exit->slow, exit->reported);
	}
}

static void print_vm(const struct vm_sample *vm, const struct vm_sample *before, uint64_t ns)
{
	printf("%sVM %" PRIu64 "%s  pid %d  ", color(COLOR_BOLD), vm->id, color(COLOR_NONE),
	       vm->pid);
	print_name(stdout, vm->state);
	fputs("  ", stdout);
	print_name(stdout, vm->comm);
	fputs("  ", stdout);
	print_name(stdout, vm->image);
	putchar('\n');
	print_counters(vm, before, ns);
	print_exits(vm, before, ns);
}

static void print_counts_json(const struct counts *counts)
{
	fputs("\"counters\": {", stdout);
	for (unsigned int i = 0; i < counts->nr_counters; i++) {
		fputs(i ? ", " : "", stdout);
		json_string(stdout, counts->counters[i].name);
		printf(": %llu", counts->counters[i].value);
	}
	fputs("}, \"exits\": [", stdout);
	for (unsigned int i = 0; i < counts->nr_exits; i++) {
		const struct kev_exit_count *exit = &counts->exits[i];

		fputs(i ? ", {\"name\": " : "{\"name\": ", stdout);
		json_string(stdout, exit->name);
		printf(", \"exits\": %llu, \"fast\": %llu, \"slow\": %llu, \"reported\": %llu}",
		       exit->exits, exit->exits - exit->slow, exit->slow, exit->reported);
	}
	putchar(']');
}

static void print_vm_json(const struct vm_sample *vm)
{
	printf("{\"vm\": %" PRIu64 ", \"pid\": %d, \"state\": ", vm->id, vm->pid);
	json_string(stdout, vm->state);
	fputs(", \"comm\": ", stdout);
	json_string(stdout, vm->comm);
	fputs(", \"image\": ", stdout);
	json_string(stdout, *vm->image ? vm->image : NULL);
	fputs(", ", stdout);
	print_counts_json(&vm->counts);
	fputs(", \"vcpus\": [", stdout);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++) {
		const struct vcpu_sample *vcpu = &vm->vcpus[i];

		printf("%s{\"vcpu\": %" PRIu64 ", ", i ? ", " : "", vcpu->id);
		if (*vcpu->state) {
			printf("\"cpu\": %d, \"state\": ", vcpu->cpu);
			json_string(stdout, vcpu->state);
			fputs(", ", stdout);
		}
		print_counts_json(&vcpu->counts);
		putchar('}');
	}
	fputs("]}", stdout);
}

static const struct vm_sample *find(const struct samples *samples, unsigned int id)
{
	const struct vm_sample *vm = samples_find(samples, id);

	for (unsigned int i = 0; !vm && i < samples->nr; i++)
		if (samples->vms[i].pid == (pid_t)id)
			vm = &samples->vms[i];
	return vm;
}

/* Those that are asked for; returns how many. */
static unsigned int print_all(const struct samples *samples, const struct samples *before,
			      const struct stat_options *options)
{
	const struct vm_sample *only = options->id ? find(samples, options->id) : NULL;
	unsigned int nr = 0;

	if (options->json)
		putchar('[');
	for (unsigned int i = 0; i < samples->nr; i++) {
		const struct vm_sample *vm = &samples->vms[i];

		if (options->id && vm != only)
			continue;
		if (nr++)
			fputs(options->json ? ", " : "\n", stdout);
		if (options->json)
			print_vm_json(vm);
		else
			print_vm(vm, samples_find(before, vm->id), samples->time - before->time);
	}
	if (options->json)
		puts("]");
	else if (!nr && !options->id)
		puts("no VM");
	return nr;
}

static void wait_seconds(unsigned int seconds)
{
	struct timespec time = { .tv_sec = seconds };

	nanosleep(&time, NULL);
}

static int run(const struct stat_options *options)
{
	struct samples before = { }, now;
	struct source source;
	unsigned int seen = 0;
	bool more = true;
	int error = source_open(&source, options->debugfs);

	if (error)
		return STATUS_FAILURE;
	for (unsigned int i = 1; more; i++) {
		error = source_read(&source, &now);
		if (error) {
			message("reading the counters", "%s", strerror(-error));
			break;
		}
		if (options->id && !find(&now, options->id)) {
			source_say_silent(&source);
			samples_fini(&now);
			break;
		}
		if (options->watch && !options->json && takes_escapes(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		seen += print_all(&now, &before, options);
		source_say_silent(&source);
		more = options->watch && i != options->count && !output_flush();
		samples_fini(&before);
		before = now;
		if (more)
			wait_seconds(options->interval);
	}
	samples_fini(&before);
	if (!error && options->id && !seen) {
		message("stat", "no VM %u, and no process %u that has one%s", options->id,
			options->id, source.nr_silent ? ", among those that answer" : "");
		error = -ENOENT;
	}
	source_fini(&source);
	return error ? STATUS_FAILURE : 0;
}

static int set_watch(const char *name, const char *text, void *value)
{
	struct stat_options *options = value;

	options->watch = true;
	return text ? option_number(name, text, SECONDS_MOST, &options->interval) : 0;
}

int cmd_stat(int argc, char **argv)
{
	struct stat_options options = { .interval = 1 };
	const struct command_option names[] = {
		{ "watch", 'w', OPTION_CALL, &options, .may_lack = true, .set = set_watch },
		{ "count", .kind = OPTION_NUMBER, .value = &options.count, .most = INT_MAX },
		{ "json", .kind = OPTION_FLAG, .value = &options.json },
		{ "color", .kind = OPTION_CALL, .set = color_option },
		{ "debugfs", .kind = OPTION_TEXT, .value = &options.debugfs },
		{ }
	};
	const struct command_line line = {
		"stat", help, names, .operand = "guest", .most = 1,
	};
	int status, first = command_line_take(&line, argc, argv, &status);

	if (first < 0)
		return status;
	if (first < argc && find_number(argv[first], &options.id))
		return STATUS_FAILURE;
	return run(&options);
}
