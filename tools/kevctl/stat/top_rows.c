// SPDX-License-Identifier: GPL-2.0
/* What `kevctl top` shows. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "top_rows.h"

#define PAGE_KIB	4
#define KIB_PER_MIB	1024

static uint64_t added(const struct vm_sample *vm, const struct vm_sample *before,
		      const char *name)
{
	uint64_t now = counts_value(&vm->counts, name);
	uint64_t then = before ? counts_value(&before->counts, name) : 0;

	return now > then ? now - then : 0;
}

static struct top_row make_row(const struct vm_sample *vm, const struct vm_sample *before,
			       double ns)
{
	const double per_second = ns > 0 ? 1e9 / ns : 0;
	uint64_t exits = added(vm, before, "exits"), fast = added(vm, before, "fast");

	return (struct top_row){
		.vm = vm,
		.guest = ns > 0 ? 100 * added(vm, before, "guest_ns") / ns : 0,
		.exits = exits * per_second + 0.5,
		.slow = (exits > fast ? exits - fast : 0) * per_second + 0.5,
		.reports = added(vm, before, "reports") * per_second + 0.5,
		.faults = added(vm, before, "faults") * per_second + 0.5,
		.resident_kib = PAGE_KIB * counts_value(&vm->counts, "resident_pages"),
	};
}

/* qsort() has no place for it. */
static enum top_order order_of_rows;

static double weight(const struct top_row *row)
{
	switch (order_of_rows) {
	case TOP_BY_GUEST:
		return row->guest;
	case TOP_BY_EXITS:
		return row->exits;
	case TOP_BY_FAULTS:
		return row->faults;
	case TOP_BY_MEMORY:
		return row->resident_kib;
	case TOP_BY_NUMBER:
		break;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;

	if (weight(x) != weight(y))
		return weight(x) < weight(y) ? 1 : -1;
	return (x->vm->id > y->vm->id) - (x->vm->id < y->vm->id);
}

struct top_row *top_rows(const struct samples *now, const struct samples *before,
			 enum top_order order)
{
	struct top_row *rows = calloc(now->nr + 1, sizeof(*rows));
	const double ns = before->time ? now->time - before->time : 0;

	if (!rows)
		return NULL;
	for (unsigned int i = 0; i < now->nr; i++)
		rows[i] = make_row(&now->vms[i], samples_find(before, now->vms[i].id), ns);
	order_of_rows = order;
	qsort(rows, now->nr, sizeof(*rows), compare);
	return rows;
}

void top_header(char *text, size_t size)
{
	snprintf(text, size, "%5s %7s %4s %6s %8s %7s %7s %7s %7s  %s", "VM", "PID", "CPUS",
		 "%GUEST", "EXITS/s", "SLOW/s", "REPRT/s", "FAULT/s", "MEMORY", "IMAGE");
}

static void format_memory(char *text, size_t size, uint64_t kib)
{
	if (kib < 10 * KIB_PER_MIB)
		snprintf(text, size, "%" PRIu64 "K", kib);
	else
		snprintf(text, size, "%" PRIu64 "M", kib / KIB_PER_MIB);
}

void top_format(char *text, size_t size, const struct top_row *row)
{
	const struct vm_sample *vm = row->vm;
	bool alive = !strcmp(vm->state, "alive");
	char memory[32];

	format_memory(memory, sizeof(memory), row->resident_kib);
	snprintf(text, size, "%5" PRIu64 " %7d %4u %6.1f %8" PRIu64 " %7" PRIu64 " %7" PRIu64
		 " %7" PRIu64 " %7s  %s%s%s", vm->id, vm->pid, vm->nr_vcpus, row->guest,
		 row->exits, row->slow, row->reports, row->faults, memory,
		 *vm->image ? vm->image : vm->comm, alive ? "" : ": ", alive ? "" : vm->state);
	/* What others have chosen is for a terminal, and in ASCII. */
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void top_json(FILE *to, const struct top_row *rows, unsigned int nr)
{
	fputc('[', to);
	for (unsigned int i = 0; i < nr; i++) {
		const struct top_row *row = &rows[i];
		const struct vm_sample *vm = row->vm;

		fprintf(to, "%s{\"vm\": %" PRIu64 ", \"pid\": %d, \"state\": ", i ? ", " : "",
			vm->id, vm->pid);
		json_string(to, vm->state);
		fputs(", \"comm\": ", to);
		json_string(to, vm->comm);
		fputs(", \"image\": ", to);
		json_string(to, *vm->image ? vm->image : NULL);
		fprintf(to, ", \"vcpus\": %u, \"guest_percent\": %.1f, \"exits\": %" PRIu64
			", \"slow\": %" PRIu64 ", \"reports\": %" PRIu64 ", \"faults\": %" PRIu64
			", \"resident_kib\": %" PRIu64 "}", vm->nr_vcpus, row->guest, row->exits,
			row->slow, row->reports, row->faults, row->resident_kib);
	}
	fputs("]\n", to);
}
