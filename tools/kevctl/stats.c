// SPDX-License-Identifier: GPL-2.0
/* A VM's statistics. */
#include <inttypes.h>

#include "kevctl.h"
#include "stats.h"

void stats_add(struct stats_list *list, const char *name, uint64_t value)
{
	if (list->nr < STATS_MOST)
		list->lines[list->nr++] = (struct stats_line){ name, value };
}

void stats_add_start(struct stats_list *list, const struct stats_times *times,
		     const struct kev_vm_stats *before)
{
	stats_add(list, "first_run_us", times->run / 1000);
	stats_add(list, "first_report_us", times->report / 1000);
	stats_add(list, "first_output_us", times->output / 1000);
	stats_add(list, "start_file_pages", before->file_pages);
	stats_add(list, "start_header_bytes", before->header_bytes);
}

void stats_add_vm(struct stats_list *list, const struct kev_vm_stats *stats)
{
	const struct stats_line lines[] = {
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

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		stats_add(list, lines[i].name, lines[i].value);
}

void stats_print(FILE *to, const struct stats_list *list)
{
	for (unsigned int i = 0; i < list->nr; i++)
		fprintf(to, "  %-18s %" PRIu64 "\n", list->lines[i].name, list->lines[i].value);
}

void stats_print_json(FILE *to, const struct stats_list *list)
{
	for (unsigned int i = 0; i < list->nr; i++)
		fprintf(to, "%s\"%s\": %" PRIu64, i ? ", " : "{", list->lines[i].name,
			list->lines[i].value);
	fputs(list->nr ? "}" : "{}", to);
}
