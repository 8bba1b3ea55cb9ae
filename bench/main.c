// SPDX-License-Identifier: GPL-2.0
/*
 * bench [OPTIONS] [NAME...]: what kev costs, beside KVM.
 *
 * Runs in the bed with kev.ko loaded. A NAME is a row of the table, a group of other
 * things, or "rows" for all of these; without any the rows. DIR is where images are made: on a file
 * system with a page cache of its own, of a block device. A thing that could not be
 * measured stands in the result with the reason; the exit status is 1 then. For "bed run
 * --profile": --few touches fewer pages, --symbols leaves the modules' symbols in /out.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define TEST_MODULE	"/selftests/modules/kev_abi_test.ko"

char bench_image_path[256];
bool bench_few;

static char *const *wanted;
static bool symbols;

/* Measured after the rows, by name */
static const struct {
	const char *name;
	void (*both)(enum bench_side side);	/* of KVM as well */
	void (*kev)(void);
} groups[] = {
	{ "exits", .both = bench_exits },
	{ "returns", .both = bench_returns },
	{ "pair", .both = bench_pair },
	{ "kicks", .both = bench_kicks },
	{ "scale", .both = bench_scale },
	{ "start", .kev = bench_start },
	{ "faults", .kev = bench_faults },
	{ "memory", .kev = bench_many },
	{ "process", .kev = bench_process },
	{ "net", .kev = bench_net },
};

bool bench_wanted(const char *name, bool is_row)
{
	if (!*wanted)
		return is_row;
	for (char *const *word = wanted; *word; word++) {
		if (!strcmp(*word, name) || (is_row && !strcmp(*word, "rows")))
			return true;
	}
	return false;
}

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!strcmp(groups[i].name, name))
			return true;
	}
	return !strcmp(name, "rows") || bench_is_row(name);
}

static void measure(enum bench_side side)
{
	bench_rows(side);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		int error;

		if (!bench_wanted(groups[i].name, false))
			continue;
		error = bench_enter_cgroup(true);
		if (error)
			fprintf(stderr, "bench: %s: in no cgroup of its own: %s\n",
				groups[i].name, strerror(-error));
		if (groups[i].both)
			groups[i].both(side);
		else if (side == BENCH_KEV)
			groups[i].kev();
	}
}

/*
 * Both have VMX as long as they have a VM. KVM's module is unloaded again, so that what
 * is measured later has the machine to itself.
 */
static void measure_kvm(void)
{
	static const char *const load[] = { "modprobe", "kvm_intel", NULL };
	int error;

	kt_command(load);
	error = bench_kvm_ask();
	if (error)
		fprintf(stderr, "bench: KVM: %s\n", strerror(-error));
	if (symbols)
		bench_save_symbols("/out/kallsyms.kvm");
	measure(BENCH_KVM);
	kt_unload_module("kvm_intel");
	kt_unload_module("kvm");
}

static void measure_kev(void)
{
	int error = kt_load_module(TEST_MODULE);

	/* It may be there from another run. */
	if (error && error != -EEXIST)
		fprintf(stderr, "bench: " TEST_MODULE ": %s\n", strerror(-error));
	if (symbols)
		bench_save_symbols("/out/kallsyms.kev");
	measure(BENCH_KEV);
	kt_unload_module("kev_abi_test");
}

static int usage(FILE *out)
{
	fprintf(out, "usage: bench [--side kev|kvm] [--json FILE] [--dir DIR] [--few] "
		"[--symbols] [NAME...]\n");
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "side", required_argument, NULL, 's' },
		{ "json", required_argument, NULL, 'j' },
		{ "dir", required_argument, NULL, 'd' },
		{ "few", no_argument, NULL, 'f' },
		{ "symbols", no_argument, NULL, 'y' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *dir = "/disk", *json = NULL, *side = "";
	int option, error;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			side = optarg;
		else if (option == 'j')
			json = optarg;
		else if (option == 'd')
			dir = optarg;
		else if (option == 'f')
			bench_few = true;
		else if (option == 'y')
			symbols = true;
		else
			return usage(option == 'h' ? stdout : stderr);
	}
	wanted = argv + optind;
	for (char *const *word = wanted; *word; word++) {
		if (!is_known(*word)) {
			fprintf(stderr, "bench: %s is neither a row nor a group\n", *word);
			return 2;
		}
	}
	kt_pin(0);
	snprintf(bench_image_path, sizeof(bench_image_path), "%s/bench", dir);
	error = bench_allow_huge_pages();
	if (error)
		fprintf(stderr, "bench: no pages of 2 MiB: %s\n", strerror(-error));
	if (strcmp(side, "kev"))
		measure_kvm();
	if (strcmp(side, "kvm"))
		measure_kev();
	unlink(bench_image_path);
	error = json ? bench_write_json(json) : 0;
	if (error)
		fprintf(stderr, "bench: %s: %s\n", json, strerror(-error));
	return error || bench_missing() ? 1 : 0;
}
