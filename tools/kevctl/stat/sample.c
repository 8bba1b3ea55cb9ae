// SPDX-License-Identifier: GPL-2.0
/* What VMs and vCPUs have counted up to a moment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kevctl.h"
#include "sample.h"
#include "table.h"

/* More reasons than any CPU has */
#define EXITS_MOST	1024

static void copy_cell(char *to, size_t size, const struct table_row *row, const char *name)
{
	const char *cell = table_cell(row, name);

	snprintf(to, size, "%s", cell ? cell : "");
}

/* Columns that say which line it is, and are no counters */
static bool is_key(const char *name)
{
	static const char *const keys[] = {
		"vm", "vcpu", "pid", "state", "vcpus", "comm", "cpu", "image",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(name, keys[i]))
			return true;
	return false;
}

static int read_counters(struct counts *counts, const struct table_row *row)
{
	struct kev_counter *counter;
	uint64_t value;

	counts->counters = calloc(row->nr, sizeof(*counts->counters));
	if (!counts->counters)
		return -ENOMEM;
	for (unsigned int i = 0; i < row->nr; i++) {
		if (is_key(row->names[i]) || !table_parse(row->cells[i], &value))
			continue;
		counter = &counts->counters[counts->nr_counters++];
		snprintf(counter->name, sizeof(counter->name), "%s", row->names[i]);
		counter->value = value;
	}
	return 0;
}

static struct vm_sample *find_vm(struct samples *samples, uint64_t id)
{
	for (unsigned int i = 0; i < samples->nr; i++)
		if (samples->vms[i].id == id)
			return &samples->vms[i];
	return NULL;
}

const struct vm_sample *samples_find(const struct samples *samples, uint64_t id)
{
	return find_vm((struct samples *)samples, id);
}

static int read_vm(void *owner, const struct table_row *row)
{
	struct samples *samples = owner;
	struct vm_sample *vm, *vms;

	if (samples->most && samples->nr == samples->most)
		return -E2BIG;
	vms = realloc(samples->vms, (samples->nr + 1) * sizeof(*vms));
	if (!vms)
		return -ENOMEM;
	samples->vms = vms;
	vm = &vms[samples->nr++];
	*vm = (struct vm_sample){
		.id = table_number(row, "vm"), .pid = table_number(row, "pid"),
	};
	copy_cell(vm->state, sizeof(vm->state), row, "state");
	copy_cell(vm->comm, sizeof(vm->comm), row, "comm");
	return read_counters(&vm->counts, row);
}

static int read_vcpu(void *owner, const struct table_row *row)
{
	struct vm_sample *vm = find_vm(owner, table_number(row, "vm"));
	const char *cpu = table_cell(row, "cpu");
	struct vcpu_sample *vcpu, *vcpus;

	if (!vm)
		return 0;
	vcpus = realloc(vm->vcpus, (vm->nr_vcpus + 1) * sizeof(*vcpus));
	if (!vcpus)
		return -ENOMEM;
	vm->vcpus = vcpus;
	vcpu = &vcpus[vm->nr_vcpus++];
	*vcpu = (struct vcpu_sample){
		.id = table_number(row, "vcpu"), .cpu = cpu ? atoi(cpu) : -1,
	};
	copy_cell(vcpu->state, sizeof(vcpu->state), row, "state");
	return read_counters(&vcpu->counts, row);
}

static int add_exit(struct counts *counts, const struct kev_exit_count *count)
{
	struct kev_exit_count *exits;

	for (unsigned int i = 0; i < counts->nr_exits; i++) {
		exits = &counts->exits[i];
		if (!strcmp(exits->name, count->name)) {
			exits->exits += count->exits;
			exits->slow += count->slow;
			exits->reported += count->reported;
			return 0;
		}
	}
	if (counts->nr_exits == EXITS_MOST)
		return -E2BIG;
	exits = realloc(counts->exits, (counts->nr_exits + 1) * sizeof(*exits));
	if (!exits)
		return -ENOMEM;
	counts->exits = exits;
	exits[counts->nr_exits++] = *count;
	return 0;
}

static int read_exit(void *owner, const struct table_row *row)
{
	struct vm_sample *vm = find_vm(owner, table_number(row, "vm"));
	const char *vcpu = table_cell(row, "vcpu");
	struct kev_exit_count count = {
		.exits = table_number(row, "exits"),
		.slow = table_number(row, "slow"),
		.reported = table_number(row, "reported"),
	};
	uint64_t id;
	int error;

	if (!vm)
		return 0;
	copy_cell(count.name, sizeof(count.name), row, "name");
	error = add_exit(&vm->counts, &count);
	/* Those of vCPUs that are gone count for the VM. */
	if (error || !vcpu || !table_parse(vcpu, &id))
		return error;
	for (unsigned int i = 0; i < vm->nr_vcpus && !error; i++)
		if (vm->vcpus[i].id == id)
			error = add_exit(&vm->vcpus[i].counts, &count);
	return error;
}

int samples_add(struct samples *samples, const struct sample_tables *tables)
{
	int error = table_read(tables->vms, read_vm, samples);

	if (!error)
		error = table_read(tables->vcpus, read_vcpu, samples);
	return error ? error : table_read(tables->exits, read_exit, samples);
}

static void counts_fini(struct counts *counts)
{
	free(counts->counters);
	free(counts->exits);
}

void samples_fini(struct samples *samples)
{
	for (unsigned int i = 0; i < samples->nr; i++) {
		struct vm_sample *vm = &samples->vms[i];

		for (unsigned int j = 0; j < vm->nr_vcpus; j++)
			counts_fini(&vm->vcpus[j].counts);
		free(vm->vcpus);
		counts_fini(&vm->counts);
	}
	free(samples->vms);
	*samples = (struct samples){ };
}

static char *cut_table(char **text)
{
	char *table = *text, *end = table ? strstr(table, "\n\n") : NULL;

	*text = end ? end + 2 : NULL;
	if (end)
		*end = '\0';
	return table;
}

int samples_split(char *text, struct sample_tables *tables)
{
	tables->vms = cut_table(&text);
	tables->vcpus = cut_table(&text);
	tables->exits = cut_table(&text);
	return tables->exits ? 0 : -EBADMSG;
}

uint64_t counts_value(const struct counts *counts, const char *name)
{
	for (unsigned int i = 0; i < counts->nr_counters; i++)
		if (!strcmp(counts->counters[i].name, name))
			return counts->counters[i].value;
	return 0;
}
