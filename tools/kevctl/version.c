// SPDX-License-Identifier: GPL-2.0
/* kevctl version */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libkev.h>

#include "command_line.h"
#include "json.h"
#include "kevctl.h"

static const char help[] =
	"Usage: kevctl version [OPTION]...\n"
	"\n"
	"Print the versions of kevctl and, where it is loaded, of the module.\n"
	"\n"
	"  --json         as one JSON object\n"
	"  --device PATH  the device, instead of " KEV_DEVICE "\n"
	"  -h, --help     this text\n";

/* @error: why nothing is known of the module, or 0 */
static void print_text(const char *device, const struct kev_query *query, int error)
{
	printf("kevctl %s, interface %d\n", KEVCTL_VERSION, KEV_API_VERSION);
	if (error)
		printf("module not available: %s: %s\n", device, strerror(-error));
	else
		printf("module %s, interface %u, backend %s\n", query->module_version,
		       query->api_version, query->backend);
}

static void print_json(const struct kev_query *query, int error)
{
	printf("{\"kevctl\": {\"version\": \"%s\", \"interface\": %d}, \"module\": ",
	       KEVCTL_VERSION, KEV_API_VERSION);
	if (error) {
		fputs("null, \"error\": ", stdout);
		json_string(stdout, strerror(-error));
	} else {
		fputs("{\"version\": ", stdout);
		json_string(stdout, query->module_version);
		printf(", \"interface\": %u, \"backend\": ", query->api_version);
		json_string(stdout, query->backend);
		fputs("}, \"error\": null", stdout);
	}
	puts("}");
}

int cmd_version(int argc, char **argv)
{
	struct kev_query query = { .size = sizeof(query) };
	const char *device = KEV_DEVICE;
	bool json = false;
	const struct command_option options[] = {
		{ "json", .kind = OPTION_FLAG, .value = &json },
		{ "device", .kind = OPTION_TEXT, .value = &device },
		{ }
	};
	const struct command_line line = { "version", help, .options = options };
	int status, kev, error;

	if (command_line_take(&line, argc, argv, &status) < 0)
		return status;
	kev = kev_open(device);
	error = kev < 0 ? kev : kev_query(kev, &query);
	if (json)
		print_json(&query, error);
	else
		print_text(device, &query, error);
	if (kev >= 0)
		kev_close(kev);
	return 0;
}
