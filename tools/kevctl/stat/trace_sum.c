// SPDX-License-Identifier: GPL-2.0
/* How often guests exit, by reason, and how long it takes until they are entered again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_sum.h"

#define NONE	(-1)

static struct trace_vcpu *find_vcpu(struct trace_sum *sum, const struct trace_line *line)
{
	struct trace_vcpu *vcpus;

	for (unsigned int i = 0; i < sum->nr_vcpus; i++)
		if (sum->vcpus[i].vm == line->vm && sum->vcpus[i].vcpu == line->vcpu)
			return &sum->vcpus[i];
	vcpus = realloc(sum->vcpus, (sum->nr_vcpus + 1) * sizeof(*vcpus));
	if (!vcpus)
		return NULL;
	sum->vcpus = vcpus;
	vcpus[sum->nr_vcpus] = (struct trace_vcpu){
		.vm = line->vm, .vcpu = line->vcpu, .reason = NONE,
	};
	return &vcpus[sum->nr_vcpus++];
}

static int find_reason(struct trace_sum *sum, const char *name)
{
	struct trace_reason *reasons;

	for (unsigned int i = 0; i < sum->nr_reasons; i++)
		if (!strcmp(sum->reasons[i].name, name))
			return i;
	reasons = realloc(sum->reasons, (sum->nr_reasons + 1) * sizeof(*reasons));
	if (!reasons)
		return -ENOMEM;
	sum->reasons = reasons;
	reasons[sum->nr_reasons] = (struct trace_reason){ .least = UINT64_MAX };
	strcpy(reasons[sum->nr_reasons].name, name);
	return sum->nr_reasons++;
}

static int add_exit(struct trace_sum *sum, const struct trace_line *line)
{
	struct trace_vcpu *vcpu = find_vcpu(sum, line);
	int reason = vcpu ? find_reason(sum, line->reason) : -ENOMEM;

	if (reason < 0)
		return reason;
	sum->exits++;
	sum->reasons[reason].exits++;
	vcpu->reason = reason;
	vcpu->time = line->time;
	return 0;
}

static int add_entry(struct trace_sum *sum, const struct trace_line *line)
{
	struct trace_vcpu *vcpu = find_vcpu(sum, line);
	struct trace_reason *reason;
	uint64_t time;

	if (!vcpu)
		return -ENOMEM;
	if (vcpu->reason == NONE || line->time < vcpu->time)
		return 0;
	time = line->time - vcpu->time;
	reason = &sum->reasons[vcpu->reason];
	vcpu->reason = NONE;
	reason->timed++;
	reason->sum += time;
	if (time < reason->least)
		reason->least = time;
	if (time > reason->most)
		reason->most = time;
	return 0;
}

/* No exit is known to belong to the next entry. */
static void add_lost(struct trace_sum *sum, uint64_t lost)
{
	sum->lost += lost;
	sum->unknown_lost |= !lost;
	for (unsigned int i = 0; i < sum->nr_vcpus; i++)
		sum->vcpus[i].reason = NONE;
}

int trace_sum_add(struct trace_sum *sum, const struct trace_line *line)
{
	if (line->kind == TRACE_LOST)
		add_lost(sum, line->lost);
	else if (line->kind == TRACE_EVENT && !strcmp(line->event, "kev_exit"))
		return add_exit(sum, line);
	else if (line->kind == TRACE_EVENT && !strcmp(line->event, "kev_entry"))
		return add_entry(sum, line);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct trace_reason *x = a, *y = b;

	if (x->exits != y->exits)
		return x->exits < y->exits ? 1 : -1;
	return strcmp(x->name, y->name);
}

void trace_sum_sort(struct trace_sum *sum)
{
	if (sum->nr_reasons)
		qsort(sum->reasons, sum->nr_reasons, sizeof(*sum->reasons), compare);
	/* The vCPUs' indices mean nothing any more. */
	for (unsigned int i = 0; i < sum->nr_vcpus; i++)
		sum->vcpus[i].reason = NONE;
}

void trace_sum_fini(struct trace_sum *sum)
{
	free(sum->reasons);
	free(sum->vcpus);
	*sum = (struct trace_sum){ };
}
