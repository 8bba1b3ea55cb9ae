// SPDX-License-Identifier: GPL-2.0
/* kevctl version */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <libkev.h>

#include "kevctl.h"

static void help(void)
{
	puts("Usage: kevctl version [--device PATH]\n"
	     "\n"
	     "Print the versions of kevctl and, where it is loaded, of the module.\n"
	     "\n"
	     "  --device PATH  the device, instead of " KEV_DEVICE "\n"
	     "  -h, --help     this text");
}

int cmd_version(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct kev_query query = { .size = sizeof(query) };
	const char *device = NULL;
	int option, kev, error;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			device = optarg;
			break;
		case 'h':
			help();
			return 0;
		default:
			return option_error(option, argv);
		}
	}
	if (optind < argc) {
		message(argv[optind], "unexpected argument");
		return usage_error("version");
	}

	printf("kevctl %s, interface %d\n", KEVCTL_VERSION, KEV_API_VERSION);
	kev = kev_open(device);
	error = kev < 0 ? kev : kev_query(kev, &query);
	if (error)
		printf("module not available: %s: %s\n", device ? device : KEV_DEVICE,
		       strerror(-error));
	else
		printf("module %s, interface %u, backend %s\n", query.module_version,
		       query.api_version, query.backend);
	if (kev >= 0)
		kev_close(kev);
	return 0;
}
