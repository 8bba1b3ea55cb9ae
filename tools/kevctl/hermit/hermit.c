// SPDX-License-Identifier: GPL-2.0
/* A Hermit guest from image to entry. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../image/info.h"
#include "../kevctl.h"
#include "../run_image.h"
#include "accept.h"
#include "cpu.h"
#include "internal.h"
#include "relocate.h"
#include "start_info.h"

#define KIB		1024ULL
#define DEFAULT_BYTES	(64 * KIB * KIB)
#define LEAST_BYTES	(16 * KIB * KIB)
/* Without --memory: the least of these, doubled, that holds the image. */
#define DEFAULT_MAX	(DEFAULT_BYTES << 14)

static int unusable(const struct hermit *hermit, const char *why)
{
	message(hermit->options->image, "%s", why);
	return STATUS_UNUSABLE;
}

static int failed(const struct hermit *hermit, const char *what, int error)
{
	message(hermit->options->image, "%s: %s", what, strerror(-error));
	return STATUS_FAILURE;
}

static int check_image(const struct hermit *hermit, const struct image_info *info)
{
	char why[ACCEPT_WHY];

	return accept_image(info, why) ? 0 : unusable(hermit, why);
}

/* Decides on the size of the memory, too. */
static int make_layout(struct hermit *hermit, const struct image_info *info)
{
	const struct run_options *options = hermit->options;
	struct layout_request request = {
		.ram_bytes = DEFAULT_BYTES,
		.load_given = options->load_given,
		.load_address = options->load_address,
	};
	const char *why;
	int error;

	if (options->memory_text) {
		request.ram_bytes = options->memory_kib * KIB;
		if (request.ram_bytes < LEAST_BYTES) {
			message("--memory", "%s is less than 16M, the least for a Hermit image",
				options->memory_text);
			return STATUS_FAILURE;
		}
	}
	for (;;) {
		error = layout_make(info, &request, &hermit->layout, &why);
		if (error != -ENOMEM || options->memory_text || request.ram_bytes == DEFAULT_MAX)
			break;
		request.ram_bytes *= 2;
	}
	if (error == -ENOMEM) {
		message(options->image, "it does not fit into the guest's memory");
		hint("give it more with --memory, or leave that option away");
		return STATUS_FAILURE;
	}
	if (error)
		return unusable(hermit, why);
	hermit->ram_bytes = request.ram_bytes;
	return 0;
}

static int try_attach(const struct hermit *hermit, int fd, uint32_t flags, uint32_t *problem)
{
	struct kev_attach_image attach = {
		.size = sizeof(attach),
		.flags = KEV_ATTACH_VADDR | flags,
		.fd = fd,
		.boot = KEV_BOOT_NONE,
		.segment = KEV_IMAGE_NO_SEGMENT,
		.load_base = hermit->layout.load_base,
	};
	int error = kev_vm_attach_image(hermit->vm, &attach);

	*problem = attach.problem;
	return error;
}

/* kev relocates pages as it loads them; where it cannot, all are relocated now. */
static int attach_image(struct hermit *hermit, int fd, const struct image_info *info)
{
	const struct guest_view view = { .vm = hermit->vm };
	const char *why;
	uint32_t problem;
	int error;

	error = try_attach(hermit, fd, KEV_ATTACH_RELOCATE, &problem);
	if (!error)
		return 0;
	if (problem == KEV_IMAGE_RELOCATION) {
		error = try_attach(hermit, fd, 0, &problem);
		if (!error) {
			error = relocate_image(&view, fd, info, hermit->layout.load_base, &why);
			if (error == -ENOEXEC)
				return unusable(hermit, why);
		}
	}
	if (!error)
		return 0;
	if (problem != KEV_IMAGE_OK)
		message(hermit->options->image, "%s (%s)", kev_image_problem_text(problem),
			strerror(-error));
	else
		message(hermit->options->image, "%s", strerror(-error));
	if (error == -ETXTBSY)
		hint("close the file where it is open for writing");
	return image_error_status(-error);
}

static int add_memory(struct hermit *hermit, const struct image_info *info)
{
	struct memory_range free[LAYOUT_MAX_FREE];
	unsigned int nr = layout_free(info, &hermit->layout, free);
	int error = 0;

	for (unsigned int i = 0; i < nr && !error; i++)
		error = kev_vm_add_region(hermit->vm, KEV_REGION_RAM,
					  KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC,
					  free[i].start, free[i].length);
	return error ? failed(hermit, "adding memory", error) : 0;
}

static void tell(const struct hermit *hermit)
{
	const struct layout *layout = &hermit->layout;

	message(hermit->options->image, "boot protocol hermit, entry version %u, interface %" PRIu32
		", entry 0x%" PRIx64 ", image 0x%" PRIx64 " to 0x%" PRIx64 ", %" PRIu64
		"K of memory", hermit->entry_version, hermit->interface, layout->entry,
		layout->image_start, layout->image_end, hermit_ram_kib(hermit));
}

static int set_up(struct hermit *hermit, int fd, const struct image_info *info)
{
	int error, status = check_image(hermit, info);

	if (!status)
		status = make_layout(hermit, info);
	if (!status)
		status = attach_image(hermit, fd, info);
	if (!status)
		status = add_memory(hermit, info);
	if (status)
		return status;
	error = cpu_set_identity(hermit->vm);
	if (error)
		return failed(hermit, "setting its CPUID", error);
	status = hermit_calls_create(hermit);
	if (status)
		return status;
	status = start_info_write(hermit, info);
	if (status)
		hermit_calls_destroy(hermit);
	else if (hermit->options->verbose)
		tell(hermit);
	return status;
}

int hermit_create(int vm, int fd, const struct image_info *info,
		  const struct run_options *options, struct hermit **hermit)
{
	struct hermit *new = calloc(1, sizeof(*new));
	int status;

	if (!new) {
		message(options->image, "%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	new->vm = vm;
	new->options = options;
	new->entry_version = info->hermit_entry;
	new->interface = info->uhyve_interface;
	status = set_up(new, fd, info);
	if (status)
		free(new);
	else
		*hermit = new;
	return status;
}

void hermit_destroy(struct hermit *hermit)
{
	if (!hermit)
		return;
	hermit_calls_destroy(hermit);
	free(hermit);
}

int hermit_start_vcpu(struct hermit *hermit, int vcpu, uint32_t id)
{
	return cpu_set_entry(vcpu, id, &hermit->layout, start_info_entry(hermit, id));
}

uint64_t hermit_ram_kib(const struct hermit *hermit)
{
	return hermit->ram_bytes / KIB;
}

uint64_t hermit_load_base(const struct hermit *hermit)
{
	return hermit->layout.load_base;
}
