// SPDX-License-Identifier: GPL-2.0
/* The command line of `kevctl run`. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity.h"
#include "kevctl.h"
#include "run_options.h"
#include "sandbox.h"

#define KIB		1024ULL
#define PAGE_KIB	4
#define MAX_AROUND	512

/* A word that an option takes, and what it stands for; a NULL word ends the table. */
struct choice {
	const char *word;
	uint32_t value;
};

static const struct choice machines[] = {
	{ "none", MACHINE_NONE }, { "kev", MACHINE_KEV }, { "min", MACHINE_MIN }, { }
};

static const struct choice boots[] = {
	{ "auto", KEV_BOOT_AUTO }, { "none", KEV_BOOT_NONE }, { "direct64", KEV_BOOT_DIRECT64 },
	{ "kev32", KEV_BOOT_KEV32 }, { "multiboot", KEV_BOOT_MULTIBOOT },
	{ "multiboot2", KEV_BOOT_MULTIBOOT2 }, { "pvh", KEV_BOOT_PVH },
	{ "hermit", BOOT_HERMIT }, { }
};

static const struct choice huge_pages[] = {
	{ "never", KEV_HUGE_NEVER }, { "auto", KEV_HUGE_AUTO }, { "always", KEV_HUGE_ALWAYS }, { }
};

static int choose(const struct choice *choices, const char *name, const char *what,
		  const char *text, uint32_t *value)
{
	char list[128] = "";

	for (const struct choice *choice = choices; choice->word; choice++) {
		if (!strcmp(text, choice->word)) {
			*value = choice->value;
			return 0;
		}
		if (choice != choices)
			strcat(list, choice[1].word ? ", " : " or ");
		strcat(list, choice->word);
	}
	message(name, "there is no %s %s", what, text);
	hint("%s", list);
	return -EINVAL;
}

/*
 * What an option does. @name: as messages call it: the option, or the variable that
 * stands for it. Says what is wrong with @text, which is NULL where none is taken.
 */
typedef int setter(struct run_options *options, const char *name, const char *text);

static int set_machine(struct run_options *options, const char *name, const char *text)
{
	uint32_t kind;
	int error = choose(machines, name, "machine", text, &kind);

	if (!error)
		options->machine = kind;
	return error;
}

static int set_memory(struct run_options *options, const char *name, const char *text)
{
	uint64_t bytes;
	int error = parse_size(text, &bytes);

	if (error == -ERANGE)
		message(name, "%s is too large", text);
	else if (error)
		message(name, "%s is no size", text);
	else if (!bytes || bytes % (PAGE_KIB * KIB))
		message(name, "%s is not a multiple of %dK above 0", text, PAGE_KIB);
	else {
		options->memory_text = text;
		options->memory_kib = bytes / KIB;
		return 0;
	}
	hint("for example 64M, 1G, 512K or 65536");
	return -EINVAL;
}

static int set_cpus(struct run_options *options, const char *name, const char *text)
{
	int error = parse_count(text, 1, UINT16_MAX, &options->cpus);

	if (error)
		message(name, "%s is no number of vCPUs", text);
	return error;
}

static int set_affinity(struct run_options *options, const char *name, const char *text)
{
	int error = affinity_parse(text, &options->affinity);

	if (error == -ERANGE)
		message(name, "%s has a CPU above %d", text, AFFINITY_MAX_CPU);
	else if (error == -E2BIG)
		message(name, "%s has more than %u CPUs", text, AFFINITY_MAX);
	else if (error) {
		message(name, "%s is no list of CPUs", *text ? text : "an empty text");
		hint("for example 0,2-3: one host CPU for each vCPU");
	}
	return error;
}

static int set_fault_around(struct run_options *options, const char *name, const char *text)
{
	unsigned int pages = 0;
	int error = parse_count(text, 0, MAX_AROUND, &pages);

	if (error || pages & (pages - 1)) {
		message(name, "%s is neither 0 nor a power of two up to %d", text, MAX_AROUND);
		return -EINVAL;
	}
	options->fault_around = pages;
	options->flags |= KEV_VM_FAULT_AROUND;
	return 0;
}

static int set_hypercalls(struct run_options *options, const char *name, const char *text)
{
	options->hypercalls = text;
	if (*text && strlen(text) < KEV_NAME_LEN)
		return 0;
	message(name, "%s is no name of 1 to %d characters", text, KEV_NAME_LEN - 1);
	return -EINVAL;
}

static int check_length(const char *name, const char *text)
{
	if (strlen(text) < KEV_MAX_CMDLINE)
		return 0;
	message(name, "the command line has more than %u bytes", KEV_MAX_CMDLINE - 1);
	return -EINVAL;
}

static int set_append(struct run_options *options, const char *name, const char *text)
{
	options->append = text;
	return check_length(name, text);
}

static int add_module(struct run_options *options, const char *name, const char *given)
{
	char *text = (char *)given;	/* of argv, which is ours to cut */
	char *comma = strchrnul(text, ',');
	const char *arguments = *comma ? comma + 1 : comma;

	if (options->nr_modules == KEV_MAX_MODULES) {
		message(name, "more than %u", KEV_MAX_MODULES);
		return -EINVAL;
	}
	*comma = '\0';
	options->modules[options->nr_modules++] = (struct run_module){ text, arguments };
	return check_length(name, arguments);
}

static int set_boot(struct run_options *options, const char *name, const char *text)
{
	return choose(boots, name, "boot protocol", text, &options->boot);
}

static int set_huge(struct run_options *options, const char *name, const char *text)
{
	return choose(huge_pages, name, "way", text, &options->huge_pages);
}

static int set_thp(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->huge_pages = KEV_HUGE_ALWAYS;
	return 0;
}

/* Whoever asks for it wants less memory, not an error. */
static int say_ksm(struct run_options *options, const char *name, const char *text)
{
	(void)options;
	(void)text;
	message(name, "ignored: the kernel merges pages of processes, and a guest's are kev's");
	hint("guests share the pages of an image that none of them has written");
	return 0;
}

static int set_strict(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->strict_ports = true;
	return 0;
}

static int set_clock(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->flags |= KEV_VM_CLOCK;
	return 0;
}

static int set_raw(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->raw = true;
	return 0;
}

static int set_stats(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->stats = true;
	return 0;
}

/* What other commands print on stdout, where the guest prints here. */
static int set_json(struct run_options *options, const char *name, const char *text)
{
	options->json = text;
	if (text && *text && strcmp(text, "-"))
		return 0;
	message(name, "needs a file: stdout is the guest's");
	hint("--json=FILE, or for example --json=/dev/fd/3");
	return -EINVAL;
}

static int set_detach(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->detach = true;
	return 0;
}

static int set_log(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	options->log = text;
	return 0;
}

static int set_verbose(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	(void)text;
	options->verbose = true;
	return 0;
}

static int set_device(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	options->device = text;
	return 0;
}

static int add_text(struct text_list *list, const char *name, const char *text)
{
	const char **items = realloc(list->items, (list->nr + 1) * sizeof(*items));

	if (!items) {
		message(name, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	list->items = items;
	items[list->nr++] = text;
	return 0;
}

static int add_env(struct run_options *options, const char *name, const char *text)
{
	if (*text && *text != '=')
		return add_text(&options->env, name, text);
	message(name, "%s has no name", *text ? text : "an empty text");
	hint("--env NAME=VALUE, or --env NAME for the value that kevctl has itself");
	return -EINVAL;
}

static int add_file_mapping(struct run_options *options, const char *name, const char *text)
{
	return add_text(&options->file_mappings, name, text);
}

static int set_load_address(struct run_options *options, const char *name, const char *text)
{
	char *end;

	errno = 0;
	options->load_address = strtoull(text, &end, 0);
	options->load_given = true;
	/* strtoull() alone would take signs and blanks, too. */
	if (isdigit((unsigned char)*text) && !errno && !*end &&
	    !(options->load_address % (PAGE_KIB * KIB)))
		return 0;
	message(name, "%s is no multiple of 4096", text);
	return -EINVAL;
}

static int set_gdb(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	options->gdb = text;
	return 0;
}

static int set_net(struct run_options *options, const char *name, const char *text)
{
	(void)name;
	options->net = text;
	return 0;
}

static int set_sandbox(struct run_options *options, const char *name, const char *text)
{
	if (!sandbox_parse(text, &options->sandbox))
		return 0;
	message(name, "%s is neither on nor off nor a list of parts", text);
	hint("parts that can be left out: %s", SANDBOX_WORDS);
	return -EINVAL;
}

/* The keys of options without a letter */
enum {
	OPT_BOOT = 0x100, OPT_APPEND, OPT_MODULE, OPT_MACHINE, OPT_STRICT, OPT_HYPERCALLS,
	OPT_CLOCK, OPT_HUGE, OPT_AROUND, OPT_STATS, OPT_DEVICE, OPT_FILES, OPT_LOAD, OPT_THP,
	OPT_KSM, OPT_NET, OPT_SANDBOX, OPT_RAW, OPT_LOG, OPT_JSON,
};

static const struct {
	int key;
	setter *set;
} setters[] = {
	{ 'm', set_memory }, { 'c', set_cpus }, { OPT_BOOT, set_boot }, { OPT_APPEND, set_append },
	{ OPT_MODULE, add_module }, { OPT_MACHINE, set_machine }, { OPT_STRICT, set_strict },
	{ OPT_HYPERCALLS, set_hypercalls }, { OPT_CLOCK, set_clock }, { OPT_HUGE, set_huge },
	{ OPT_AROUND, set_fault_around }, { OPT_STATS, set_stats }, { OPT_DEVICE, set_device },
	{ 'v', set_verbose }, { 'e', add_env }, { OPT_FILES, add_file_mapping },
	{ OPT_LOAD, set_load_address }, { 'a', set_affinity }, { OPT_THP, set_thp },
	{ OPT_KSM, say_ksm }, { 's', set_gdb }, { OPT_NET, set_net }, { OPT_SANDBOX, set_sandbox },
	{ OPT_RAW, set_raw }, { 'd', set_detach }, { OPT_LOG, set_log },
	{ OPT_JSON, set_json },
};

/* Those of the same key are several names for one thing; messages use the first. */
static const struct option names[] = {
	{ "memory", required_argument, NULL, 'm' },
	{ "memory-size", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "cpu-count", required_argument, NULL, 'c' },
	{ "affinity", required_argument, NULL, 'a' },
	{ "boot", required_argument, NULL, OPT_BOOT },
	{ "load-address", required_argument, NULL, OPT_LOAD },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "machine", required_argument, NULL, OPT_MACHINE },
	{ "strict-ports", no_argument, NULL, OPT_STRICT },
	{ "hypercalls", required_argument, NULL, OPT_HYPERCALLS },
	{ "clock", no_argument, NULL, OPT_CLOCK },
	{ "huge", required_argument, NULL, OPT_HUGE },
	{ "thp", no_argument, NULL, OPT_THP },
	{ "ksm", no_argument, NULL, OPT_KSM },
	{ "fault-around", required_argument, NULL, OPT_AROUND },
	{ "env", required_argument, NULL, 'e' },
	{ "file-mapping", required_argument, NULL, OPT_FILES },
	{ "net", required_argument, NULL, OPT_NET },
	{ "gdb", required_argument, NULL, 's' },
	{ "gdb-port", required_argument, NULL, 's' },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "sandbox", required_argument, NULL, OPT_SANDBOX },
	{ "detach", no_argument, NULL, 'd' },
	{ "log", required_argument, NULL, OPT_LOG },
	/* Only behind =, so that it does not take the image for its file. */
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* Variables that stand for options which are not given; an empty one does not. */
static const struct {
	const char *name;
	int key;
} variables[] = {
	{ "HERMIT_MEMORY_SIZE", 'm' }, { "HERMIT_CPU_COUNT", 'c' }, { "HERMIT_GDB_PORT", 's' },
};

static int set_named(struct run_options *options, int key, const char *name, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(setters); i++)
		if (setters[i].key == key)
			return setters[i].set(options, name, text);
	return -ENOENT;
}

static int set_option(struct run_options *options, int key, const char *text)
{
	char name[32] = "";

	for (const struct option *option = names; option->name && !*name; option++)
		if (option->val == key)
			snprintf(name, sizeof(name), "--%s", option->name);
	return set_named(options, key, name, text);
}

static bool is_given(const struct run_options *options, int key)
{
	switch (key) {
	case 'm':
		/* Without memory but the image there is none to give. */
		return options->memory_text || options->boot == KEV_BOOT_NONE;
	case 'c':
		return options->cpus;
	default:
		return options->gdb;
	}
}

static int take_environment(struct run_options *options)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variables) && !error; i++) {
		const char *text = getenv(variables[i].name);

		if (text && *text && !is_given(options, variables[i].key))
			error = set_named(options, variables[i].key, variables[i].name, text);
	}
	if (!options->cpus)
		options->cpus = 1;
	return error;
}

static int check_affinity(const struct run_options *options)
{
	const struct affinity *affinity = &options->affinity;
	int cpu = affinity_first_absent(affinity);

	if (affinity->nr && affinity->nr != options->cpus) {
		message("--affinity", "%u CPUs for %u vCPUs", affinity->nr, options->cpus);
		return -EINVAL;
	}
	if (cpu >= 0) {
		message("--affinity", "kevctl may not run on a CPU %d", cpu);
		hint("taskset -cp $$ shows on which ones it may");
		return -EINVAL;
	}
	return 0;
}

/* Options that contradict each other */
static int check_options(const struct run_options *options)
{
	bool has_text = options->append[0] || options->nr_modules;

	if (options->net && options->machine == MACHINE_NONE) {
		message("--net", "there are no devices with --machine none");
		return -EINVAL;
	}
	if (options->log && !options->detach) {
		message("--log", "is for guests in the background");
		hint("--detach puts the guest there");
		return -EINVAL;
	}
	switch (options->boot) {
	case KEV_BOOT_NONE:
		if (options->memory_text) {
			message("--memory", "there is no memory but the image with --boot none");
			return -EINVAL;
		}
		/* fall through */
	case KEV_BOOT_DIRECT64:
	case KEV_BOOT_KEV32:
		if (has_text) {
			message(options->append[0] ? "--append" : "--module",
				"the boot protocol %s cannot hand it over",
				kev_boot_name(options->boot));
			hint("multiboot, multiboot2 and pvh can");
			return -EINVAL;
		}
	}
	return check_affinity(options);
}

/* What comes behind the image is the guest's. */
static int take_operands(int argc, char **argv, struct run_options *options)
{
	if (optind == argc) {
		message("run", "no image given");
		usage_error("run");
		return -EINVAL;
	}
	options->image = argv[optind];
	options->arguments = argv + optind + 1;
	options->nr_arguments = argc - optind - 1;
	return 0;
}

bool run_options_parse(int argc, char **argv, struct run_options *options, int *status)
{
	int key, error = 0;

	*options = (struct run_options){
		.boot = KEV_BOOT_AUTO, .append = "", .hypercalls = "kev",
	};
	*status = STATUS_FAILURE;
	opterr = 0;
	/* '+': options of the guest's own stand behind the image. */
	while (!error && (key = getopt_long(argc, argv, "+:m:c:a:s:e:dvh", names, NULL)) != -1) {
		if (key == 'h') {
			run_help();
			*status = 0;
			return false;
		}
		error = set_option(options, key, optarg);
		if (error == -ENOENT)
			option_error(key, argv);
	}
	return !error && !take_operands(argc, argv, options) && !take_environment(options) &&
	       !check_options(options);
}
