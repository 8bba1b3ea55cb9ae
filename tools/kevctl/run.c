// SPDX-License-Identifier: GPL-2.0
/* kevctl run */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libkev.h>

#include "kevctl.h"
#include "report.h"
#include "session.h"

#define KIB		1024ULL
#define MIB		(1024 * KIB)
#define PAGE_KIB	4

/* Without --memory: the least of these, doubled, that holds the image. */
#define DEFAULT_KIB	(64 * MIB / KIB)
#define DEFAULT_MAX_KIB	(DEFAULT_KIB << 14)

struct run_options {
	const char *image;
	const char *device;
	const char *memory_text;	/* NULL: the default */
	uint64_t memory_kib;
	unsigned int cpus;
	enum machine_kind machine;
	bool strict_ports;
	bool stats;
	bool verbose;
};

static void help(void)
{
	puts("Usage: kevctl run [OPTION]... IMAGE\n"
	     "\n"
	     "Run the 64-bit ELF file IMAGE as a guest; its console goes to stdout.\n"
	     "\n"
	     "  --memory SIZE   memory of the guest, with K, M or G behind the number\n"
	     "                  (default 64M, doubled until it holds the image)\n"
	     "  --cpus N        number of vCPUs (default 1)\n"
	     "  --machine NAME  port devices: kev (default) or none\n"
	     "  --strict-ports  end the VM when the guest uses a port without device\n"
	     "  --stats         print statistics at the end, on stderr\n"
	     "  -v, --verbose   print the whole exit code and unknown ports, on stderr\n"
	     "  --device PATH   the device, instead of " KEV_DEVICE "\n"
	     "  -h, --help      this text\n"
	     "\n"
	     "Exit status: the guest's exit code modulo 256, but 255 when the code is not 0\n"
	     "and its low byte is; 125 when kev or kevctl failed, 126 when IMAGE cannot be\n"
	     "used, 127 when there is no IMAGE; 128 and the signal's number after a signal.");
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

static int set_machine(struct run_options *options, const char *text)
{
	if (!strcmp(text, "kev")) {
		options->machine = MACHINE_KEV;
	} else if (!strcmp(text, "none")) {
		options->machine = MACHINE_NONE;
	} else {
		message("--machine", "there is no machine %s", text);
		hint("kev or none");
		return -EINVAL;
	}
	return 0;
}

/* Returns 0 to go on, or 1 with the exit status at @status. */
static int parse_options(int argc, char **argv, struct run_options *options, int *status)
{
	enum { OPT_MEMORY = 0x100, OPT_CPUS, OPT_MACHINE, OPT_STRICT, OPT_STATS, OPT_DEVICE };
	static const struct option names[] = {
		{ "memory", required_argument, NULL, OPT_MEMORY },
		{ "cpus", required_argument, NULL, OPT_CPUS },
		{ "machine", required_argument, NULL, OPT_MACHINE },
		{ "strict-ports", no_argument, NULL, OPT_STRICT },
		{ "stats", no_argument, NULL, OPT_STATS },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int option, error = 0;

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
		case OPT_MACHINE:
			error = set_machine(options, optarg);
			break;
		case OPT_STRICT:
			options->strict_ports = true;
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
			return 1;
		default:
			option_error(option, argv);
			return 1;
		}
	}
	if (error)
		return 1;
	if (argc - optind != 1) {
		if (optind < argc)
			message(argv[optind + 1], "unexpected argument");
		else
			message("run", "no image given");
		usage_error("run");
		return 1;
	}
	options->image = argv[optind];
	return 0;
}

/* Returns a file descriptor, or -1 with the exit status at @status. */
static int open_image(const char *path, int *status)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		*status = errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_UNUSABLE;
		message(path, "%s", strerror(errno));
	}
	return fd;
}

static const char *create_vm_hint(int error)
{
	switch (error) {
	case EBUSY:
		return "another hypervisor uses the CPUs' VMX: "
		       "end its VMs, then modprobe -r kvm_intel";
	case ENODEV:
	case EOPNOTSUPP:
		return "`kevctl check` says what is missing";
	default:
		return NULL;
	}
}

static int create_vm(int kev)
{
	int vm = kev_create_vm(kev, 0, "kev");

	if (vm < 0) {
		message("creating the VM", "%s", strerror(-vm));
		if (create_vm_hint(-vm))
			hint("%s", create_vm_hint(-vm));
	}
	return vm;
}

/* Says why an image was refused; returns the exit status. */
static int image_refused(const struct run_options *options, const struct kev_attach_image *image,
			 int error)
{
	if (image->problem == KEV_IMAGE_RAM) {
		message(options->image, "%s", kev_image_problem_text(image->problem));
		hint("give it more with --memory, or leave that option away");
		return STATUS_FAILURE;
	}
	if (image->problem == KEV_IMAGE_OK)
		message(options->image, "%s", strerror(-error));
	else if (image->segment == KEV_IMAGE_NO_SEGMENT)
		message(options->image, "%s (%s)", kev_image_problem_text(image->problem),
			strerror(-error));
	else
		message(options->image, "program header %u: %s (%s)", image->segment,
			kev_image_problem_text(image->problem), strerror(-error));

	switch (-error) {
	case ENOEXEC:
		hint("readelf -hl shows the headers; a guest is a static 64-bit x86 ELF file");
		return STATUS_UNUSABLE;
	case ETXTBSY:
		hint("close the file where it is open for writing");
		return STATUS_UNUSABLE;
	case EISDIR:
	case EIO:
	case EBADF:
		return STATUS_UNUSABLE;
	default:
		return STATUS_FAILURE;
	}
}

/* Returns 0 or the exit status. */
static int attach_image(int vm, int fd, const struct run_options *options)
{
	uint64_t ram_kib = options->memory_text ? options->memory_kib : DEFAULT_KIB;
	struct kev_attach_image image;
	int error;

	for (;;) {
		image = (struct kev_attach_image){
			.size = sizeof(image),
			.fd = fd,
			.boot = KEV_BOOT_DIRECT64,
			.ram_kib = ram_kib,
			.segment = KEV_IMAGE_NO_SEGMENT,
		};
		error = kev_vm_attach_image(vm, &image);
		if (!error || image.problem != KEV_IMAGE_RAM || options->memory_text ||
		    ram_kib == DEFAULT_MAX_KIB)
			break;
		ram_kib *= 2;
	}
	if (error)
		return image_refused(options, &image, error);
	if (options->verbose)
		message(options->image, "entry 0x%llx, image 0x%llx to 0x%llx, %" PRIu64
			"K of memory", image.entry, image.start, image.end, ram_kib);
	return 0;
}

static int guest_status(uint64_t code)
{
	if (code && !(code & 0xff))
		return 255;
	return code & 0xff;
}

/* Says how the VM ended; returns the exit status. */
static int tell_outcome(const struct outcome *outcome, const struct run_options *options)
{
	switch (outcome->kind) {
	case OUTCOME_EXITED:
		if (options->verbose)
			message(options->image, "exit code %" PRIu64 " (0x%" PRIx64 ")",
				outcome->code, outcome->code);
		return guest_status(outcome->code);
	case OUTCOME_REPORT:
		report_print(stderr, &outcome->run);
		if (outcome->run.kind == KEV_EXIT_IO && options->machine == MACHINE_NONE)
			hint("--machine kev has port devices");
		return STATUS_FAILURE;
	case OUTCOME_RUN_ERROR:
		message("running the guest", "vCPU %u: %s", outcome->vcpu_id,
			strerror(outcome->error));
		if (create_vm_hint(outcome->error))
			hint("%s", create_vm_hint(outcome->error));
		return STATUS_FAILURE;
	case OUTCOME_OUTPUT_ERROR:
		/* As SIGPIPE would have done, had it not been ignored. */
		if (outcome->error == EPIPE)
			return STATUS_SIGNAL + SIGPIPE;
		message("stdout", "%s", strerror(outcome->error));
		return STATUS_FAILURE;
	case OUTCOME_SIGNAL:
		return STATUS_SIGNAL + outcome->signal;
	case OUTCOME_SYSTEM_ERROR:
		message("running the guest", "%s", strerror(outcome->error));
		return STATUS_FAILURE;
	case OUTCOME_NONE:
		break;
	}
	message("running the guest", "all vCPUs have ended without a result");
	return STATUS_FAILURE;
}

static void print_stats(int vm)
{
	struct kev_vm_stats stats = { .size = sizeof(stats) };
	int error = kev_vm_stats(vm, &stats);

	if (error)
		message("--stats", "%s", strerror(-error));
	else
		stats_print(stderr, &stats);
}

/* The VM has its image: give it vCPUs, a console and devices, and run it. */
static int run_vm(int vm, const struct kev_query *query, const struct run_options *options)
{
	struct session session = { .vm = vm, .run_size = query->run_page_size };
	int status = STATUS_FAILURE;
	int error;

	error = session_create_vcpus(&session, options->cpus);
	if (error) {
		message("creating the vCPUs", "%s", strerror(-error));
		goto fini_session;
	}
	error = console_init(&session.console, vm, STDOUT_FILENO);
	if (error) {
		message("console", "%s", strerror(-error));
		goto fini_session;
	}
	error = machine_init(&session.machine, options->machine, options->strict_ports,
			     &session.console);
	if (error) {
		message("port devices", "%s", strerror(-error));
		goto fini_console;
	}

	session_run(&session);
	status = tell_outcome(&session.outcome, options);
	if (options->verbose)
		machine_print_unclaimed(&session.machine);
	if (options->stats)
		print_stats(vm);

	machine_fini(&session.machine);
fini_console:
	console_fini(&session.console);
fini_session:
	session_fini(&session);
	return status;
}

static int query_device(int kev, const struct run_options *options, struct kev_query *query)
{
	int error = kev_query(kev, query);

	if (error) {
		message("asking the device", "%s", strerror(-error));
		hint("the module and kevctl may be of different versions: kevctl version");
		return error;
	}
	if (options->cpus > query->max_vcpus) {
		message("--cpus", "%u is more than %u, the most that kev has", options->cpus,
			query->max_vcpus);
		return -EINVAL;
	}
	return 0;
}

int cmd_run(int argc, char **argv)
{
	struct run_options options = { .cpus = 1, .machine = MACHINE_KEV };
	struct kev_query query = { .size = sizeof(query) };
	int image, kev, vm, status;

	if (parse_options(argc, argv, &options, &status))
		return status;
	image = open_image(options.image, &status);
	if (image < 0)
		return status;

	status = STATUS_FAILURE;
	kev = open_device(options.device);
	if (kev < 0)
		goto close_image;
	if (query_device(kev, &options, &query))
		goto close_device;
	vm = create_vm(kev);
	if (vm < 0)
		goto close_device;
	status = attach_image(vm, image, &options);
	if (!status)
		status = run_vm(vm, &query, &options);
	kev_close(vm);
close_device:
	kev_close(kev);
close_image:
	close(image);
	return status;
}
