// SPDX-License-Identifier: GPL-2.0
/*
 * bench [--json] [--dir DIR]: what kev costs, beside KVM where KVM has the same.
 *
 * Runs in the bed with kev.ko loaded, on a cold boot. DIR is where images are made: on
 * a file system with a page cache of its own, of a block device. A thing that could not
 * be measured stands in the result with the reason; the exit status is 1 then.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

static int usage(FILE *out)
{
	fprintf(out, "usage: bench [--json] [--dir DIR]\n");
	return out == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "dir", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *dir = "/disk";
	bool json = false;
	char path[256];
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'j')
			json = true;
		else if (option == 'd')
			dir = optarg;
		else
			return usage(option == 'h' ? stdout : stderr);
	}
	if (optind < argc)
		return usage(stderr);
	kt_pin(0);
	snprintf(path, sizeof(path), "%s/bench", dir);
	bench_exits(path);
	bench_start(path);
	bench_faults(path);
	bench_many(path);
	bench_process(path);
	bench_net();
	unlink(path);
	return json ? bench_print_json() : bench_print_table();
}
