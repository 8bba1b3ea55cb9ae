// SPDX-License-Identifier: GPL-2.0
/* The command line of `kevctl run`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
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

static int add_module(struct run_options *options, char *text)
{
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

static int take_operands(int argc, char **argv, struct run_options *options)
{
	if (argc - optind == 1) {
		options->image = argv[optind];
		return 0;
	}
	if (optind < argc)
		message(argv[optind + 1], "unexpected argument");
	else
		message("run", "no image given");
	usage_error("run");
	return -EINVAL;
}

bool run_options_parse(int argc, char **argv, struct run_options *options, int *status)
{
	enum {
		OPT_MEMORY = 0x100, OPT_CPUS, OPT_BOOT, OPT_APPEND, OPT_MODULE, OPT_MACHINE,
		OPT_STRICT, OPT_HYPERCALLS, OPT_CLOCK, OPT_HUGE, OPT_AROUND, OPT_STATS, OPT_DEVICE,
	};
	static const struct option names[] = {
		{ "memory", required_argument, NULL, OPT_MEMORY },
		{ "cpus", required_argument, NULL, OPT_CPUS },
		{ "boot", required_argument, NULL, OPT_BOOT },
		{ "append", required_argument, NULL, OPT_APPEND },
		{ "module", required_argument, NULL, OPT_MODULE },
		{ "machine", required_argument, NULL, OPT_MACHINE },
		{ "strict-ports", no_argument, NULL, OPT_STRICT },
		{ "hypercalls", required_argument, NULL, OPT_HYPERCALLS },
		{ "clock", no_argument, NULL, OPT_CLOCK },
		{ "huge", required_argument, NULL, OPT_HUGE },
		{ "fault-around", required_argument, NULL, OPT_AROUND },
		{ "stats", no_argument, NULL, OPT_STATS },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option, error = 0;

	*options = (struct run_options){
		.cpus = 1, .boot = KEV_BOOT_AUTO, .append = "", .hypercalls = "kev",
	};
	*status = STATUS_FAILURE;
	opterr = 0;
	while (!error && (option = getopt_long(argc, argv, ":vh", names, NULL)) != -1) {
		switch (option) {
		case OPT_MEMORY:
			error = set_memory(options, optarg);
			break;
		case OPT_CPUS:
			error = set_cpus(options, optarg);
			break;
		case OPT_BOOT:
			error = choose(boots, "--boot", "boot protocol", optarg, &options->boot);
			break;
		case OPT_APPEND:
			error = set_append(options, optarg);
			break;
		case OPT_MODULE:
			error = add_module(options, optarg);
			break;
		case OPT_MACHINE:
			error = set_machine(options, optarg);
			break;
		case OPT_STRICT:
			options->strict_ports = true;
			break;
		case OPT_HYPERCALLS:
			error = set_hypercalls(options, optarg);
			break;
		case OPT_CLOCK:
			options->flags |= KEV_VM_CLOCK;
			break;
		case OPT_HUGE:
			error = choose(huge_pages, "--huge", "way", optarg, &options->huge_pages);
			break;
		case OPT_AROUND:
			error = set_fault_around(options, optarg);
			break;
		case OPT_STATS:
			options->stats = true;
			break;
		case OPT_DEVICE:
			options->device = optarg;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			help();
			*status = 0;
			return false;
		default:
			option_error(option, argv);
			return false;
		}
	}
	return !error && !take_operands(argc, argv, options) && !check_options(options);
}
