// SPDX-License-Identifier: GPL-2.0
/* kevctl run */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libkev.h>

#include "control/control.h"
#include "control/runtime.h"
#include "detach.h"
#include "dump.h"
#include "gdb/gdb.h"
#include "hermit/hermit.h"
#include "kevctl.h"
#include "net/net.h"
#include "output.h"
#include "report.h"
#include "result.h"
#include "run_image.h"
#include "run_options.h"
#include "sandbox.h"
#include "session.h"
#include "terminal.h"

/* Where guests of --machine kev look for the device that prints from memory */
#define PRINT_DEVICE	0xcafe0000ULL
#define PAGE_SIZE	4096ULL

static int create_vm(int kev, const struct run_options *options)
{
	struct kev_create_vm create = {
		.size = sizeof(create),
		.flags = options->flags,
		.huge_pages = options->huge_pages,
		.fault_around = options->fault_around,
	};
	int vm;

	strcpy(create.hypercall_abi, options->hypercalls);
	vm = kev_create_vm_from(kev, &create);
	if (vm < 0) {
		message("creating the VM", "%s", strerror(-vm));
		if (vm_hint(-vm))
			hint("%s", vm_hint(-vm));
	}
	return vm;
}

/* The devices that the guest finds, if the user has not chosen. */
static enum machine_kind machine_kind(const struct run_options *options, uint32_t boot)
{
	if (options->machine != MACHINE_DEFAULT)
		return options->machine;
	switch (boot) {
	case KEV_BOOT_MULTIBOOT:
	case KEV_BOOT_MULTIBOOT2:
	case KEV_BOOT_PVH:
		return MACHINE_MIN;
	default:
		return MACHINE_KEV;
	}
}

/* What happened to the guest, and what its vCPUs were at */
static void tell_death(const struct session *session, struct dump *dump, bool verbose)
{
	uint32_t dead = session->outcome.run.vcpu_id;

	report_print(stderr, &session->outcome.run);
	for (unsigned int i = 0; i < session->nr_vcpus; i++) {
		const struct vcpu *vcpu = &session->vcpus[i];

		if (vcpu->id == dead || verbose)
			dump_print(dump, stderr, vcpu->fd, vcpu->id);
	}
	for (unsigned int i = 0; i < session->nr_vcpus && !verbose; i++)
		if (session->vcpus[i].id != dead)
			dump_print_place(dump, stderr, session->vcpus[i].fd, session->vcpus[i].id);
}

/* How long a reader of standard error has that is slow, in ms */
#define SLOW_READER	1000

/*
 * A guest may have filled standard error, and nobody reads it. Who ends the VM from outside, and
 * says so once, is not to wait for that: what is left to say is lost.
 */
static void give_up_messages(const struct session *session)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (session->outcome.kind == OUTCOME_SIGNAL && !poll(&fd, 1, SLOW_READER))
		close(STDERR_FILENO);
}

/* Says how the VM ended; returns the exit status. */
static int tell_outcome(const struct session *session, struct dump *dump,
			const struct run_options *options)
{
	const struct outcome *outcome = &session->outcome;

	switch (outcome->kind) {
	case OUTCOME_EXITED:
		/* In the background nobody sees the status. */
		if (options->verbose || options->detach)
			message(options->image, "exit code %" PRIu64 " (0x%" PRIx64 ")",
				outcome->code, outcome->code);
		return guest_status(outcome->code);
	case OUTCOME_REPORT:
		tell_death(session, dump, options->verbose);
		if (outcome->run.kind == KEV_EXIT_IO && options->machine == MACHINE_NONE)
			hint("--machine kev and --machine min have port devices");
		return STATUS_FAILURE;
	case OUTCOME_RUN_ERROR:
		message(outcome_step(outcome->kind), "vCPU %u: %s", outcome->vcpu_id,
			strerror(outcome->error));
		if (vm_hint(outcome->error))
			hint("%s", vm_hint(outcome->error));
		return STATUS_FAILURE;
	case OUTCOME_OUTPUT_ERROR:
		/* Told at the end; a pipe without a reader ends it as SIGPIPE would have done. */
		output_lost(outcome->error);
		return outcome->error == EPIPE ? STATUS_SIGNAL + SIGPIPE : STATUS_FAILURE;
	case OUTCOME_SIGNAL:
		give_up_messages(session);
		message(options->image, "ended by SIG%s", sigabbrev_np(outcome->signal));
		for (unsigned int i = 0; i < session->nr_vcpus; i++) {
			give_up_messages(session);
			dump_print_place(dump, stderr, session->vcpus[i].fd, i);
		}
		return STATUS_SIGNAL + outcome->signal;
	case OUTCOME_NONE:
		message(outcome_step(outcome->kind), "all vCPUs have ended without a result");
		return STATUS_FAILURE;
	case OUTCOME_INTERRUPT_ERROR:
	case OUTCOME_SYSTEM_ERROR:
		break;
	}
	message(outcome_step(outcome->kind), "%s", strerror(outcome->error));
	return STATUS_FAILURE;
}

static void take_stats(int vm, struct kev_vm_stats *stats)
{
	int error;

	*stats = (struct kev_vm_stats){ .size = sizeof(*stats) };
	error = kev_vm_stats(vm, stats);
	if (error)
		message("--stats", "%s", strerror(-error));
}

static uint64_t since_start(uint64_t time)
{
	return time ? time - process_start : 0;
}

static void collect_stats(const struct session *session, const struct kev_vm_stats *before,
			  struct stats_list *list)
{
	const struct stats_times times = {
		.run = since_start(session->times.run),
		.report = since_start(session->times.report),
		.output = since_start(session->console.first),
	};
	struct kev_vm_stats stats;

	take_stats(session->vm, &stats);
	stats_add_start(list, &times, before);
	stats_add_vm(list, &stats);
	if (session->net)
		net_add_stats(list, session->net);
}

/* The protocol kev32 brings its print device itself. */
static int add_device_pages(int vm, const struct machine_config *config, uint32_t boot)
{
	int error = 0;

	if (config->kind == MACHINE_KEV && boot == KEV_BOOT_DIRECT64)
		error = kev_vm_add_region(vm, KEV_REGION_PRINT, KEV_MEM_READ | KEV_MEM_EXEC,
					  PRINT_DEVICE, PAGE_SIZE);
	if (!error && (config->kind == MACHINE_MIN || config->irqchip))
		error = kev_vm_add_region(vm, KEV_REGION_TRAP, 0, IOAPIC_BASE, IOAPIC_SIZE);
	return error;
}

/* Make the vCPUs, and put those of a Hermit guest at its entry. */
static int create_vcpus(struct session *session, const struct run_options *options)
{
	int error = session_create_vcpus(session, options->cpus);

	for (unsigned int i = 0; session->hermit && i < session->nr_vcpus && !error; i++)
		error = hermit_start_vcpu(session->hermit, session->vcpus[i].fd, i);
	if (error)
		message("creating the vCPUs", "%s", strerror(-error));
	return error;
}

/* Everything that has to be opened by its name is open, but a Hermit guest's files. */
static int enter_sandbox(const struct session *session, const struct run_options *options)
{
	struct sandbox_needs needs = {
		.without = options->sandbox,
		.sockets = options->gdb || session->control,
		.streams = options->detach,
		.files = session->control ? CONTROL_FILES : 0,
		.verbose = options->verbose,
	};
	struct sandbox_path *paths;
	int status;

	if (session->hermit) {
		needs.files += HERMIT_FILES;
		needs.nr_paths = hermit_paths(session->hermit, NULL, 0);
	}
	paths = calloc(needs.nr_paths + 1 + CONTROL_PATHS, sizeof(*paths));
	if (!paths) {
		message("--sandbox", "%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	if (session->hermit)
		hermit_paths(session->hermit, paths, needs.nr_paths);
	if (session->gdb)
		needs.nr_paths += gdb_path(session->gdb, &paths[needs.nr_paths]);
	if (session->control)
		needs.nr_paths += control_paths(session->control, &paths[needs.nr_paths]);
	needs.paths = paths;
	status = sandbox_enter(&needs);
	free(paths);
	return status;
}

/* A guest in the foreground does without, where there is no place for it. */
static int open_control(struct session *session, const struct run_image *image,
			const struct run_options *options)
{
	struct runtime_info info = {
		.pid = getpid(),
		.started = time(NULL),
		.memory_kib = image->ram_kib,
		.vcpus = session->nr_vcpus,
		.detached = options->detach,
	};
	struct kev_vm_stats stats = { .size = sizeof(stats) };
	int error;

	if (!kev_vm_stats(session->vm, &stats))
		info.vm = stats.id;
	snprintf(info.image, sizeof(info.image), "%s", options->image);
	error = control_open(&info, options->detach, &session->control);
	if (!error) {
		session->console.copy = control_console;
		session->console.owner = session->control;
	} else if (options->detach || options->verbose) {
		message("runtime directory", "%s", strerror(-error));
		hint("XDG_RUNTIME_DIR names a directory of yours, where others find this guest");
	}
	return options->detach ? error : 0;
}

/* The VM has its image: give it devices, vCPUs and a console, and run it. */
static int run_vm(int vm, const struct kev_query *query, const struct run_image *image,
		  const struct run_options *options, struct net *net, struct detach *detach,
		  struct result *result)
{
	struct stats_list stats = { .nr = 0 };
	struct session session = {
		.vm = vm,
		.run_size = query->run_page_size,
		.hermit = image->hermit,
		.net = net,
		.affinity = &options->affinity,
	};
	struct dump dump = {
		.vm = vm, .image = image->fd, .place.at_paddr = !image->hermit,
	};
	const struct machine_config config = {
		.kind = machine_kind(options, image->boot),
		.strict = options->strict_ports,
		.irqchip = net || image->hermit,
		.ram_kib = image->ram_kib,
		.epoch = events_epoch(),
	};
	struct kev_vm_stats before;
	int status = STATUS_FAILURE;
	int error;

	session.dump = &dump;
	if (image->hermit)
		dump.place.load_base = hermit_load_base(image->hermit);
	error = add_device_pages(vm, &config, image->boot);
	if (error) {
		message("device pages", "%s", strerror(-error));
		return status;
	}
	error = create_vcpus(&session, options);
	if (error)
		goto fini_session;
	error = console_init(&session.console, vm, STDOUT_FILENO);
	if (error) {
		message("console", "%s", strerror(-error));
		goto fini_session;
	}
	error = session_init_machine(&session, &config);
	if (error) {
		message("devices", "%s", strerror(-error));
		goto fini_console;
	}

	if (options->gdb && gdb_open(options->gdb, query->xsave_size, &dump, &session.gdb))
		goto fini_machine;
	if (session.gdb && image->hermit && image->info.nr_segments)
		gdb_moved(session.gdb, dump.place.load_base + image->info.segments[0].vaddr);
	if (options->stats)
		take_stats(vm, &before);
	error = net ? net_attach(net, &session.machine, vm, image->hermit) : 0;
	if (error) {
		message("--net", "%s", strerror(-error));
		goto fini_gdb;
	}
	if (open_control(&session, image, options))
		goto fini_gdb;
	status = enter_sandbox(&session, options);
	if (status)
		goto fini_control;
	error = options->detach ? detach_ready(detach, control_input(session.control)) : 0;
	if (error) {
		message("--detach", "%s", strerror(-error));
		status = STATUS_FAILURE;
		goto fini_control;
	}

	if (options->raw)
		terminal_raw();
	session_run(&session);
	terminal_restore();
	session_release_signals(&session);
	status = tell_outcome(&session, &dump, options);
	give_up_messages(&session);
	if (options->verbose)
		machine_print_unclaimed(&session.machine);
	if (options->stats)
		collect_stats(&session, &before, &stats);
	if (options->stats && !options->json)
		stats_print(stderr, &stats);
	result_tell(result, &session, image, &dump, options->stats ? &stats : NULL);
	dump_fini(&dump);

fini_control:
	control_close(session.control);
fini_gdb:
	gdb_close(session.gdb);
fini_machine:
	session_fini_machine(&session);
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
	if (options->huge_pages == KEV_HUGE_ALWAYS && !(query->features & KEV_FEATURE_EPT_2M))
		message("--huge", "ignored: this CPU has no pages of 2 MiB for guests");
	return 0;
}

static int run(const struct run_options *options, struct detach *detach, struct result *result)
{
	struct kev_query query = { .size = sizeof(query) };
	struct net *net = NULL;
	struct run_image image;
	int kev, vm, status;

	status = run_image_open(&image, options);
	if (status)
		return status;

	status = STATUS_FAILURE;
	if (options->net && net_open(&net, options->net, options->sandbox,
				     options->detach ? detach->log : STDERR_FILENO))
		goto close_image;
	kev = open_device(options->device);
	if (kev < 0)
		goto close_net;
	if (query_device(kev, options, &query))
		goto close_device;
	vm = create_vm(kev, options);
	if (vm < 0)
		goto close_device;
	status = run_image_attach(&image, vm, options);
	if (!status)
		status = run_vm(vm, &query, &image, options, net, detach, result);
	kev_close(vm);
close_device:
	kev_close(kev);
close_net:
	if (net)
		net_close(net);
close_image:
	run_image_close(&image);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct run_options options;
	struct detach detach = { };
	struct result result;
	int status;

	if (!run_options_parse(argc, argv, &options, &status))
		return status;
	/* A VM belongs to the process that makes it. */
	if (options.detach && !detach_fork(&detach, options.log, &status))
		return status;
	if (result_open(&result, options.json))
		return STATUS_FAILURE;
	status = run(&options, &detach, &result);
	return result_close(&result, options.image, status);
}
