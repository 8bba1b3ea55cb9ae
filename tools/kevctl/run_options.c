// SPDX-License-Identifier: GPL-2.0
/* The command line of `kevctl run`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kevctl.h"
#include "run_options.h"

#define KIB		1024ULL
#define PAGE_KIB	4
#define MAX_AROUND	512

static void help(void)
{
	puts("Usage: kevctl run [OPTION]... IMAGE\n"
	     "\n"
	     "Run the ELF file IMAGE as a guest; its console goes to stdout.\n"
	     "\n"
	     "  --memory SIZE   memory of the guest, with K, M or G behind the number\n"
	     "                  (default 64M, doubled until it holds the image)\n"
	     "  --cpus N        number of vCPUs (default 1)\n"
	     "  --boot NAME     boot protocol: auto (default), none, direct64, kev32,\n"
	     "                  multiboot, multiboot2 or pvh\n"
	     "  --append TEXT   the guest's command line\n"
	     "  --module FILE[,TEXT]\n"
	     "                  a file that the guest finds in memory, and its own command\n"
	     "                  line; may be repeated\n"
	     "  --machine NAME  devices: min (default for multiboot, multiboot2 and pvh),\n"
	     "                  kev (default otherwise) or none\n"
	     "  --strict-ports  end the VM when the guest uses a port without device\n"
	     "  --hypercalls NAME\n"
	     "                  what hypercalls mean: kev (default), akaros, none or another\n"
	     "                  that a module brings\n"
	     "  --clock         offer KVM's clock to the guest\n"
	     "  --huge WHEN     memory in pages of 2 MiB: never, auto or always\n"
	     "  --fault-around PAGES\n"
	     "                  pages of the image that are mapped together at most\n"
	     "  --stats         print statistics at the end, on stderr\n"
	     "  -v, --verbose   print the whole exit code and unknown ports, on stderr\n"
	     "  --device PATH   the device, instead of " KEV_DEVICE "\n"
	     "  -h, --help      this text\n"
	     "\n"
	     "Exit status: the guest's exit code modulo 256, but 255 when the code is not 0\n"
	     "and its low byte is; 125 when kev or kevctl failed, 126 when IMAGE cannot be\n"
	     "used, 127 when there is no IMAGE; 128 and the signal's number after a signal.");
}

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
	{ "multiboot2", KEV_BOOT_MULTIBOOT2 }, { "pvh", KEV_BOOT_PVH }, { }
};

static const struct choice huge_pages[] = {
	{ "never", KEV_HUGE_NEVER }, { "auto", KEV_HUGE_AUTO }, { "always", KEV_HUGE_ALWAYS }, { }
};

static int choose(const struct choice *choices, const char *option, const char *what,
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
	message(option, "there is no %s %s", what, text);
	hint("%s", list);
	return -EINVAL;
}

static int set_machine(struct run_options *options, const char *text)
{
	uint32_t kind;
	int error = choose(machines, "--machine", "machine", text, &kind);

	if (!error)
		options->machine = kind;
	return error;
}

static int set_memory(struct run_options *options, const char *text)
{
	uint64_t bytes;
	int error = parse_size(text, &bytes);

	if (error == -ERANGE)
		message("--memory", "%s is too large", text);
	else if (error)
		message("--memory", "%s is no size", text);
	else if (!bytes || bytes % (PAGE_KIB * KIB))
		message("--memory", "%s is not a multiple of %dK above 0", text, PAGE_KIB);
	else {
		options->memory_text = text;
		options->memory_kib = bytes / KIB;
		return 0;
	}
	hint("for example 64M, 1G, 512K or 65536");
	return -EINVAL;
}

static int set_cpus(struct run_options *options, const char *text)
{
	int error = parse_count(text, 1, UINT16_MAX, &options->cpus);

	if (error)
		message("--cpus", "%s is no number of vCPUs", text);
	return error;
}

static int set_fault_around(struct run_options *options, const char *text)
{
	unsigned int pages = 0;
	int error = parse_count(text, 0, MAX_AROUND, &pages);

	if (error || pages & (pages - 1)) {
		message("--fault-around", "%s is neither 0 nor a power of two up to %d", text,
			MAX_AROUND);
		return -EINVAL;
	}
	options->fault_around = pages;
	options->flags |= KEV_VM_FAULT_AROUND;
	return 0;
}

static int set_hypercalls(struct run_options *options, const char *text)
{
	options->hypercalls = text;
	if (*text && strlen(text) < KEV_NAME_LEN)
		return 0;
	message("--hypercalls", "%s is no name of 1 to %d characters", text, KEV_NAME_LEN - 1);
	return -EINVAL;
}

static int check_length(const char *option, const char *text)
{
	if (strlen(text) < KEV_MAX_CMDLINE)
		return 0;
	message(option, "the command line has more than %u bytes", KEV_MAX_CMDLINE - 1);
	return -EINVAL;
}

static int set_append(struct run_options *options, const char *text)
{
	options->append = text;
	return check_length("--append", text);
}

static int add_module(struct run_options *options, const char *given)
{
	char *text = (char *)given;	/* of argv, which is ours to cut */
	char *comma = strchrnul(text, ',');
	const char *arguments = *comma ? comma + 1 : comma;

	if (options->nr_modules == KEV_MAX_MODULES) {
		message("--module", "more than %u", KEV_MAX_MODULES);
		return -EINVAL;
	}
	*comma = '\0';
	options->modules[options->nr_modules++] = (struct run_module){ text, arguments };
	return check_length("--module", arguments);
}

static int set_boot(struct run_options *options, const char *text)
{
	return choose(boots, "--boot", "boot protocol", text, &options->boot);
}

static int set_huge(struct run_options *options, const char *text)
{
	return choose(huge_pages, "--huge", "way", text, &options->huge_pages);
}

static int set_strict(struct run_options *options, const char *text)
{
	(void)text;
	options->strict_ports = true;
	return 0;
}

static int set_clock(struct run_options *options, const char *text)
{
	(void)text;
	options->flags |= KEV_VM_CLOCK;
	return 0;
}

static int set_stats(struct run_options *options, const char *text)
{
	(void)text;
	options->stats = true;
	return 0;
}

static int set_verbose(struct run_options *options, const char *text)
{
	(void)text;
	options->verbose = true;
	return 0;
}

static int set_device(struct run_options *options, const char *text)
{
	options->device = text;
	return 0;
}

static int add_text(struct text_list *list, const char *text)
{
	const char **items = realloc(list->items, (list->nr + 1) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->nr++] = text;
	return 0;
}

static int add_env(struct run_options *options, const char *text)
{
	if (*text && *text != '=')
		return add_text(&options->env, text);
	message("--env", "%s has no name", *text ? text : "an empty text");
	hint("--env NAME=VALUE, or --env NAME for the value that kevctl has itself");
	return -EINVAL;
}

static int add_file_mapping(struct run_options *options, const char *text)
{
	return add_text(&options->file_mappings, text);
}

static int set_load_address(struct run_options *options, const char *text)
{
	char *end;

	errno = 0;
	options->load_address = strtoull(text, &end, 0);
	options->load_given = true;
	if (!errno && end != text && !*end && *text != '-' &&
	    !(options->load_address % (PAGE_KIB * KIB)))
		return 0;
	message("--load-address", "%s is no multiple of 4096", text);
	return -EINVAL;
}

static int set_affinity(struct run_options *options, const char *text)
{
	options->affinity = text;
	return 0;
}

static int set_thp(struct run_options *options, const char *text)
{
	(void)text;
	options->thp = true;
	return 0;
}

static int set_ksm(struct run_options *options, const char *text)
{
	(void)text;
	options->ksm = true;
	return 0;
}

static int set_gdb(struct run_options *options, const char *text)
{
	options->gdb = text;
	return 0;
}

static int set_net(struct run_options *options, const char *text)
{
	options->net = text;
	return 0;
}

static int set_sandbox(struct run_options *options, const char *text)
{
	options->sandbox = text;
	return 0;
}

static int set_config(struct run_options *options, const char *text)
{
	options->config = text;
	return 0;
}

/* Options that contradict each other */
static int check_options(const struct run_options *options)
{
	bool has_text = options->append[0] || options->nr_modules;

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
	return 0;
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

/* The keys of options without a letter */
enum {
	OPT_BOOT = 0x100, OPT_APPEND, OPT_MODULE, OPT_MACHINE, OPT_STRICT, OPT_HYPERCALLS, OPT_CLOCK,
	OPT_HUGE, OPT_AROUND, OPT_STATS, OPT_DEVICE, OPT_FILES, OPT_LOAD, OPT_THP, OPT_KSM, OPT_NET,
	OPT_SANDBOX, OPT_CONFIG,
};

/* One that takes no value has a NULL text. */
static const struct {
	int key;
	int (*set)(struct run_options *options, const char *text);
} setters[] = {
	{ 'm', set_memory }, { 'c', set_cpus }, { OPT_BOOT, set_boot }, { OPT_APPEND, set_append },
	{ OPT_MODULE, add_module }, { OPT_MACHINE, set_machine }, { OPT_STRICT, set_strict },
	{ OPT_HYPERCALLS, set_hypercalls }, { OPT_CLOCK, set_clock }, { OPT_HUGE, set_huge },
	{ OPT_AROUND, set_fault_around }, { OPT_STATS, set_stats }, { OPT_DEVICE, set_device },
	{ 'v', set_verbose }, { 'e', add_env }, { OPT_FILES, add_file_mapping },
	{ OPT_LOAD, set_load_address }, { 'a', set_affinity }, { OPT_THP, set_thp },
	{ OPT_KSM, set_ksm }, { 's', set_gdb }, { OPT_NET, set_net }, { OPT_SANDBOX, set_sandbox },
	{ OPT_CONFIG, set_config },
};

/* Those of the same key are two names for one thing; the first is the one in the help. */
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
	{ "sandbox", required_argument, NULL, OPT_SANDBOX },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static int set_option(struct run_options *options, int key, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(setters); i++)
		if (setters[i].key == key)
			return setters[i].set(options, text);
	return -ENOENT;
}

bool run_options_parse(int argc, char **argv, struct run_options *options, int *status)
{
	int key, error = 0;

	*options = (struct run_options){
		.cpus = 1, .boot = KEV_BOOT_AUTO, .append = "", .hypercalls = "kev",
	};
	*status = STATUS_FAILURE;
	opterr = 0;
	/* '+': options of the guest's own stand behind the image. */
	while (!error && (key = getopt_long(argc, argv, "+:m:c:a:s:e:vh", names, NULL)) != -1) {
		if (key == 'h') {
			help();
			*status = 0;
			return false;
		}
		error = set_option(options, key, optarg);
		if (error == -ENOENT)
			option_error(key, argv);
	}
	return !error && !take_operands(argc, argv, options) && !check_options(options);
}
