// SPDX-License-Identifier: GPL-2.0
/* A VM's statistics, one "name value" a line. */
#include "kevctl.h"
#include "report.h"

struct line {
	const char *name;
	unsigned long long value;
};

static void print_lines(FILE *to, const struct line *lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		fprintf(to, "  %-18s %llu\n", lines[i].name, lines[i].value);
}

void stats_print_start(FILE *to, const struct stats_times *times,
		       const struct kev_vm_stats *before)
{
	const struct line lines[] = {
		{ "first_run_us", times->run / 1000 },
		{ "first_report_us", times->report / 1000 },
		{ "first_output_us", times->output / 1000 },
		{ "start_file_pages", before->file_pages },
		{ "start_header_bytes", before->header_bytes },
	};

	print_lines(to, lines, ARRAY_SIZE(lines));
}

void stats_print(FILE *to, const struct kev_vm_stats *stats)
{
	const struct line lines[] = {
		{ "resident_pages", stats->resident_pages },
		{ "ram_pages", stats->ram_pages },
		{ "image_pages", stats->image_pages },
		{ "boot_pages", stats->boot_pages },
		{ "table_pages", stats->table_pages },
		{ "shared_pages", stats->shared_pages },
		{ "huge_pages", stats->huge_pages },
		{ "copied_pages", stats->copied_pages },
		{ "around_pages", stats->around_pages },
		{ "file_pages", stats->file_pages },
		{ "read_pages", stats->read_pages },
		{ "file_bytes", stats->file_bytes },
		{ "header_bytes", stats->header_bytes },
		{ "faults", stats->faults },
		{ "flushes", stats->flushes },
		{ "vcpus", stats->vcpus },
		{ "entries", stats->vcpu.entries },
		{ "exits", stats->vcpu.exits },
		{ "fast", stats->vcpu.fast },
		{ "cpuid", stats->vcpu.cpuid },
		{ "msr", stats->vcpu.msr },
		{ "hypercall", stats->vcpu.hypercall },
		{ "memory", stats->vcpu.memory },
		{ "io", stats->vcpu.io },
		{ "interrupt", stats->vcpu.interrupt },
		{ "nmi", stats->vcpu.nmi },
		{ "other", stats->vcpu.other },
		{ "reports", stats->vcpu.reports },
		{ "kicks", stats->vcpu.kicks },
	};

	print_lines(to, lines, ARRAY_SIZE(lines));
}
