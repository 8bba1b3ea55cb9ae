// SPDX-License-Identifier: GPL-2.0
/* Results: printed as they come, and kept for a file that programs read */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define MAX_RESULTS	256
/* Of one row; more are not kept one by one */
#define MAX_FIGURES	8

struct result {
	struct bench_name name;
	char own_group[80], own_name[80];
	bool row;
	struct bench_where where;
	int error;
	size_t n;
	uint64_t median, mean, min, max;
	uint64_t figures[MAX_FIGURES];	/* of a row, as they came */
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

uint64_t bench_median(struct bench_samples *samples)
{
	qsort(samples->values, samples->n, sizeof(samples->values[0]), compare);
	return samples->n ? samples->values[samples->n / 2] : 0;
}

uint64_t bench_mean(struct bench_samples *samples)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < samples->n; i++)
		sum += samples->values[i];
	return samples->n ? sum / samples->n : 0;
}

static struct result *keep(const struct bench_name *name, struct bench_samples *samples,
			   int error)
{
	struct result *result = &results[nr_results];

	if (nr_results == MAX_RESULTS) {
		fprintf(stderr, "bench: more than %d results\n", MAX_RESULTS);
		exit(1);
	}
	nr_results++;
	result->name = *name;
	/* The caller may have put them together. */
	snprintf(result->own_group, sizeof(result->own_group), "%s", name->group);
	snprintf(result->own_name, sizeof(result->own_name), "%s", name->name);
	result->name.group = result->own_group;
	result->name.name = result->own_name;
	result->error = error;
	if (!error && !samples->n)
		result->error = -ENODATA;
	if (!result->error) {
		result->n = samples->n;
		for (size_t i = 0; i < samples->n && i < MAX_FIGURES; i++)
			result->figures[i] = samples->values[i];
		result->median = bench_median(samples);
		result->mean = bench_mean(samples);
		result->min = samples->values[0];
		result->max = samples->values[samples->n - 1];
	}
	return result;
}

/* Between repetitions, as a part of the figure */
static double spread(const struct result *result)
{
	return result->median ? (double)(result->max - result->min) / result->median : 0;
}

/* The name, and whether there is more to say */
static bool print_name(const struct result *result, int width)
{
	printf("  %-*s %-6s ", width, result->name.name, result->name.subject);
	if (result->error)
		printf("not measured: %s\n", strerror(-result->error));
	return !result->error;
}

void bench_row_result(const struct bench_name *name, const struct bench_where *where,
		      struct bench_samples *figures, int error)
{
	struct result *result = keep(name, figures, error);

	result->row = true;
	result->where = *where;
	if (print_name(result, 16))
		printf("%12lu %s, spread %.1f %%\n", result->median, name->unit,
		       100 * spread(result));
	fflush(stdout);
}

void bench_result(const struct bench_name *name, struct bench_samples *samples, int error)
{
	const struct result *result = keep(name, samples, error);
	bool first = nr_results == 1 || strcmp(results[nr_results - 2].name.group, name->group);

	if (first)
		printf("\n%-48s %11s %10s %10s %5s\n", name->group, "median", "mean", "minimum",
		       "n");
	if (!print_name(result, 38))
		return;
	printf("%12lu", result->median);
	if (result->n > 1)
		printf(" %10lu %10lu %5zu", result->mean, result->min, result->n);
	printf(" %s\n", name->unit);
	fflush(stdout);
}

size_t bench_missing(void)
{
	size_t missing = 0;

	for (size_t i = 0; i < nr_results; i++)
		missing += !!results[i].error;
	return missing;
}

static void write_figures(FILE *out, const struct result *result)
{
	fprintf(out, "\"figures\": [");
	for (size_t i = 0; i < result->n && i < MAX_FIGURES; i++)
		fprintf(out, "%s%lu", i ? ", " : "", result->figures[i]);
	fprintf(out, "], ");
}

static void write_where(FILE *out, const struct bench_where *where)
{
	fprintf(out, "\"rounds\": %lu, \"parts\": [", where->rounds);
	for (size_t i = 0; i < where->nr_parts; i++)
		fprintf(out, "%s[\"%#lx\", \"%#lx\"]", i ? ", " : "", where->parts[i].from,
			where->parts[i].to);
	fprintf(out, "], ");
}

static void write_result(FILE *out, const struct result *result)
{
	const struct bench_name *name = &result->name;

	fprintf(out, "  {\"row\": %s, \"group\": \"%s\", \"name\": \"%s\", \"subject\": \"%s\", ",
		result->row ? "true" : "false", name->group, name->name, name->subject);
	if (result->row) {
		write_where(out, &result->where);
		write_figures(out, result);
	}
	if (result->error)
		fprintf(out, "\"error\": \"%s\"}", strerror(-result->error));
	else
		fprintf(out, "\"unit\": \"%s\", \"median\": %lu, \"mean\": %lu, \"min\": %lu, "
			"\"max\": %lu, \"samples\": %zu, \"spread\": %.4f}", name->unit,
			result->median, result->mean, result->min, result->max, result->n,
			spread(result));
}

int bench_write_json(const char *path)
{
	FILE *out = fopen(path, "w");

	if (!out)
		return -errno;
	fprintf(out, "[\n");
	for (size_t i = 0; i < nr_results; i++) {
		write_result(out, &results[i]);
		fprintf(out, "%s\n", i + 1 < nr_results ? "," : "");
	}
	fprintf(out, "]\n");
	return fclose(out) ? -errno : 0;
}
