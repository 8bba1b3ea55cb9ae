// SPDX-License-Identifier: GPL-2.0
/*
 * The input is a choice of what kevctl reads, and the text: an option's value, what --net user is
 * told, the tables of counters that another kevctl sends, lines of the kernel's trace; or a frame
 * of a guest's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/kevctl/affinity.h"
#include "../../tools/kevctl/kevctl.h"
#include "../../tools/kevctl/net-user/filter.h"
#include "../../tools/kevctl/net-user/options.h"
#include "../../tools/kevctl/stat/sample.h"
#include "../../tools/kevctl/stat/top_rows.h"
#include "../../tools/kevctl/stat/trace_sum.h"

#include "fuzz.h"

#define MOST_WORDS	8

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* What is wrong is for the user; here nobody reads it. */
void message(const char *what, const char *why, ...)
{
}

void hint(const char *format, ...)
{
}

static void values(char *text)
{
	struct affinity affinity;
	unsigned int count;
	uint64_t bytes;
	int error;

	error = parse_size(text, &bytes);
	fuzz_check(!error || error == -EINVAL || error == -ERANGE, "parse_size()");
	error = parse_count(text, 3, 300, &count);
	fuzz_check(error == -EINVAL || error == -ERANGE || (!error && count >= 3 && count <= 300),
		   "parse_count()");
	error = affinity_parse(text, &affinity);
	fuzz_check(!error || error == -EINVAL || error == -ERANGE || error == -E2BIG,
		   "affinity_parse()");
	if (error)
		return;
	fuzz_check(affinity.nr <= AFFINITY_MAX, "too many CPUs");
	for (unsigned int i = 0; i < affinity.nr; i++)
		fuzz_check(affinity.cpus[i] <= AFFINITY_MAX_CPU, "a CPU that there cannot be");
}

static void net_options(char *text)
{
	char *words[MOST_WORDS + 1] = { 0 };
	struct options options;
	char *at, *word;

	for (int i = 0; i < MOST_WORDS; i++) {
		word = strtok_r(i ? NULL : text, ",", &at);
		if (!word)
			break;
		words[i] = word;
	}
	if (options_parse(&options, words))
		return;
	fuzz_check(options.prefix >= 8 && options.prefix <= 27, "prefix");
	fuzz_check(options.nr_forwards <= MAX_FORWARDS, "too many forwards");
	for (unsigned int i = 0; i < options.nr_forwards; i++)
		fuzz_check(options.forwards[i].guest_port, "a port that is none");
}

static void tables(char *text)
{
	struct samples samples = { .most = 4 };
	struct sample_tables found;
	struct top_row *rows;
	char line[256];
	int error;

	if (samples_split(text, &found))
		return;
	error = samples_add(&samples, &found);
	fuzz_check(!error || error == -EBADMSG || error == -E2BIG, "samples_add()");
	fuzz_check(samples.nr <= samples.most, "too many VMs");
	rows = error ? NULL : top_rows(&samples, &samples, TOP_BY_EXITS);
	for (unsigned int i = 0; rows && i < samples.nr; i++) {
		fuzz_check(samples_find(&samples, samples.vms[i].id), "a VM that is not found");
		top_format(line, sizeof(line), &rows[i]);
	}
	free(rows);
	samples_fini(&samples);
}

static void trace(char *text)
{
	struct trace_sum sum = { 0 };
	struct trace_line line;
	char *word, *at;
	u64 exits = 0;

	for (word = strtok_r(text, "\n", &at); word; word = strtok_r(NULL, "\n", &at)) {
		trace_line_parse(word, &line);
		fuzz_check(memchr(line.event, 0, sizeof(line.event)) &&
			   memchr(line.reason, 0, sizeof(line.reason)), "a name without an end");
		fuzz_check(!trace_sum_add(&sum, &line), "trace_sum_add()");
	}
	trace_sum_sort(&sum);
	for (unsigned int i = 0; i < sum.nr_reasons; i++) {
		fuzz_check(sum.reasons[i].timed <= sum.reasons[i].exits, "more entries than exits");
		exits += sum.reasons[i].exits;
	}
	fuzz_check(exits == sum.exits, "exits that have no reason");
	trace_sum_fini(&sum);
}

/* In a block of its own: what is looked at behind its end is seen. */
static void frame(const u8 *data, size_t size)
{
	u8 *copy = malloc(size ?: 1);

	if (!copy)
		return;
	if (size)
		memcpy(copy, data, size);
	fuzz_check(size < 34 || copy[12] != 8 || copy[13] || copy[30] != 127 ||
		   filter_is_loopback(copy, size), "127.0.0.0/8 goes through");
	fuzz_check(size >= 34 || !filter_is_loopback(copy, size), "an address that is not there");
	free(copy);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static void (*const readers[])(char *text) = { values, net_options, tables, trace };
	char *text;
	u8 which;

	fuzz_take(&data, &size, &which, sizeof(which));
	text = fuzz_text(data, size);
	if (!text)
		return 0;
	/* Until there was a fifth the others had it all. */
	if (which == 0xff)
		frame(data, size);
	else
		readers[which % ARRAY_SIZE(readers)](text);
	free(text);
	return 0;
}
