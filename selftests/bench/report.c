// SPDX-License-Identifier: GPL-2.0
/* Results: kept until all are there, then printed for people or programs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define MAX_RESULTS	128

struct result {
	struct bench_name name;
	char own_group[80];
	int error;
	size_t n;
	uint64_t median, mean, min;
};

static struct result results[MAX_RESULTS];
static size_t nr_results;

void bench_add(struct bench_samples *samples, uint64_t value)
{
	if (samples->n < BENCH_MAX_SAMPLES)
		samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void summarise(struct result *result, const struct bench_samples *samples)
{
	static uint64_t sorted[BENCH_MAX_SAMPLES];
	uint64_t sum = 0;

	result->n = samples->n;
	memcpy(sorted, samples->values, samples->n * sizeof(sorted[0]));
	qsort(sorted, samples->n, sizeof(sorted[0]), compare);
	for (size_t i = 0; i < samples->n; i++)
		sum += sorted[i];
	result->min = sorted[0];
	result->median = sorted[samples->n / 2];
	result->mean = sum / samples->n;
}

void bench_result(const struct bench_name *name, const struct bench_samples *samples, int error)
{
	struct result *result = &results[nr_results];

	if (nr_results == MAX_RESULTS) {
		fprintf(stderr, "bench: more than %d results\n", MAX_RESULTS);
		exit(1);
	}
	nr_results++;
	result->name = *name;
	/* The caller may have put it together. */
	snprintf(result->own_group, sizeof(result->own_group), "%s", name->group);
	result->name.group = result->own_group;
	result->error = error;
	if (!error && !samples->n)
		result->error = -ENODATA;
	if (!result->error)
		summarise(result, samples);
}

static size_t count_missing(void)
{
	size_t missing = 0;

	for (size_t i = 0; i < nr_results; i++)
		missing += !!results[i].error;
	return missing;
}

int bench_print_table(void)
{
	const char *group = "";
	size_t missing = count_missing();

	for (size_t i = 0; i < nr_results; i++) {
		const struct result *result = &results[i];

		if (strcmp(group, result->name.group)) {
			group = result->name.group;
			printf("\n%-48s %10s %10s %10s %6s\n", group, "median", "mean",
			       "minimum", "n");
		}
		printf("  %-40s %-5s ", result->name.name, result->name.subject);
		if (result->error) {
			printf("not measured: %s\n", strerror(-result->error));
			continue;
		}
		if (result->n == 1)
			printf("%10lu %s\n", result->median, result->name.unit);
		else
			printf("%10lu %10lu %10lu %6zu %s\n", result->median, result->mean,
			       result->min, result->n, result->name.unit);
	}
	printf("\n%zu measured, %zu not measured\n", nr_results - missing, missing);
	return missing ? 1 : 0;
}

int bench_print_json(void)
{
	printf("[\n");
	for (size_t i = 0; i < nr_results; i++) {
		const struct result *result = &results[i];
		const struct bench_name *name = &result->name;

		printf("  {\"group\": \"%s\", \"name\": \"%s\", \"subject\": \"%s\", ",
		       name->group, name->name, name->subject);
		if (result->error)
			printf("\"error\": \"%s\"}", strerror(-result->error));
		else
			printf("\"unit\": \"%s\", \"median\": %lu, \"mean\": %lu, "
			       "\"min\": %lu, \"samples\": %zu}", name->unit, result->median,
			       result->mean, result->min, result->n);
		printf("%s\n", i + 1 < nr_results ? "," : "");
	}
	printf("]\n");
	return count_missing() ? 1 : 0;
}
