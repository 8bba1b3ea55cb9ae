// SPDX-License-Identifier: GPL-2.0
/* The image and the modules of `kevctl run`. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "kevctl.h"
#include "run_image.h"

/* Without --memory: the least of these, doubled, that holds the image. */
#define DEFAULT_KIB	(64ULL * 1024)
#define DEFAULT_MAX_KIB	(DEFAULT_KIB << 14)

/* Returns a file descriptor, or -1 with the exit status at @status. */
static int open_file(const char *path, int *status)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		*status = errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_UNUSABLE;
		message(path, "%s", strerror(errno));
	}
	return fd;
}

/* What other guests do not understand */
static int check_not_hermit(const struct run_options *options)
{
	const struct {
		const char *name;
		bool given;
	} only[] = {
		{ "--env", options->env.nr },
		{ "--file-mapping", options->file_mappings.nr },
		{ "--load-address", options->load_given },
	};

	for (size_t i = 0; i < ARRAY_SIZE(only); i++) {
		if (!only[i].given)
			continue;
		message(only[i].name, "%s is no Hermit image", options->image);
		return STATUS_FAILURE;
	}
	if (!options->nr_arguments)
		return 0;
	message(options->arguments[0], "unexpected argument: %s is no Hermit image",
		options->image);
	hint("--append hands a command line to Multiboot and PVH images");
	return STATUS_FAILURE;
}

static int check_hermit(const struct run_options *options)
{
	if (!options->append[0] && !options->nr_modules)
		return 0;
	message(options->append[0] ? "--append" : "--module", "%s is a Hermit image",
		options->image);
	hint("its arguments stand behind it: kevctl run IMAGE ARGUMENT...");
	return STATUS_FAILURE;
}

/* What kind of image it is decides on what the options mean. */
static int judge_image(struct run_image *image, const struct run_options *options)
{
	const char *why;
	int error = 0;

	if (options->boot == KEV_BOOT_AUTO || options->boot == BOOT_HERMIT)
		error = image_info_read(image->fd, &image->info, &why);
	image->is_hermit = options->boot == BOOT_HERMIT ||
			   (!error && image->info.kind == IMAGE_HERMIT);
	if (!image->is_hermit && (error != -ENOEXEC || !image_is_archive(image->fd)))
		return check_not_hermit(options);
	if (!error)
		return check_hermit(options);
	message(options->image, "%s", error == -ENOEXEC ? why : strerror(-error));
	return STATUS_UNUSABLE;
}

static int open_files(struct run_image *image, const struct run_options *options)
{
	int status;

	*image = (struct run_image){ .fd = open_file(options->image, &status) };
	if (image->fd < 0)
		return status;
	for (unsigned int i = 0; i < options->nr_modules; i++) {
		const struct run_module *module = &options->modules[i];
		int fd = open_file(module->path, &status);

		if (fd < 0) {
			run_image_close(image);
			return status;
		}
		image->modules[image->nr_modules++] = (struct kev_boot_module){
			.fd = fd,
			.cmdline_length = strlen(module->arguments),
			.cmdline = (uintptr_t)module->arguments,
		};
	}
	return 0;
}

int run_image_open(struct run_image *image, const struct run_options *options)
{
	int status = open_files(image, options);

	if (status)
		return status;
	status = judge_image(image, options);
	if (status)
		run_image_close(image);
	return status;
}

void run_image_close(struct run_image *image)
{
	hermit_destroy(image->hermit);
	for (unsigned int i = 0; i < image->nr_modules; i++)
		close(image->modules[i].fd);
	close(image->fd);
}

/* The file that is at fault, and the problem with it */
static void tell_problem(const struct kev_attach_image *attach, const struct run_options *options,
			 int error)
{
	const char *why = kev_image_problem_text(attach->problem);

	if (attach->problem == KEV_IMAGE_OK)
		message(options->image, "%s", strerror(error));
	else if (attach->problem == KEV_IMAGE_RAM)
		message(options->image, "%s", why);
	else if (attach->problem == KEV_IMAGE_MODULE && attach->segment < options->nr_modules)
		message(options->modules[attach->segment].path, "%s (%s)", why, strerror(error));
	else if (attach->segment == KEV_IMAGE_NO_SEGMENT)
		message(options->image, "%s (%s)", why, strerror(error));
	else
		message(options->image, "program header %u: %s (%s)", attach->segment, why,
			strerror(error));
}

static const char *problem_hint(const struct kev_attach_image *attach,
				const struct run_options *options, int error)
{
	switch (attach->problem) {
	case KEV_IMAGE_RAM:
		return "give it more with --memory, or leave that option away";
	case KEV_IMAGE_LOW:
	case KEV_IMAGE_HOLE:
		return "link the image at other addresses, for example from 1 MiB on";
	case KEV_IMAGE_NO_HEADER:
		return "--boot auto chooses the protocol by the image";
	case KEV_IMAGE_OK:
		if (error == EINVAL && (options->append[0] || options->nr_modules))
			return "--append and --module need the boot protocol multiboot, "
			       "multiboot2 or pvh";
		if (error == EOPNOTSUPP)
			return "this CPU has no unrestricted guest, which all boot protocols but "
			       "direct64, none and hermit need";
		if (error == ETXTBSY)
			return "close the file where it is open for writing";
		break;
	}
	if (error == ENOEXEC && attach->problem < KEV_IMAGE_NO_HEADER)
		return "readelf -hl shows the headers; a guest is a static x86 ELF file";
	return NULL;
}

int image_error_status(int error)
{
	switch (error) {
	case ENOEXEC:
	case ETXTBSY:
	case EISDIR:
	case EIO:
	case EBADF:
		return STATUS_UNUSABLE;
	default:
		return STATUS_FAILURE;
	}
}

/* Says why an image was refused; returns the exit status. */
static int image_refused(const struct kev_attach_image *attach, const struct run_options *options,
			 int error)
{
	const char *advice = problem_hint(attach, options, error);

	tell_problem(attach, options, error);
	if (advice)
		hint("%s", advice);
	return image_error_status(error);
}

static uint64_t first_ram_kib(const struct run_options *options)
{
	if (options->boot == KEV_BOOT_NONE)
		return 0;
	return options->memory_text ? options->memory_kib : DEFAULT_KIB;
}

static int attach_hermit(struct run_image *image, int vm, const struct run_options *options)
{
	int status = hermit_create(vm, image->fd, &image->info, options, &image->hermit);

	if (status)
		return status;
	image->boot = KEV_BOOT_NONE;
	image->ram_kib = hermit_ram_kib(image->hermit);
	return 0;
}

int run_image_attach(struct run_image *image, int vm, const struct run_options *options)
{
	bool has_append = options->append[0];
	struct kev_attach_image attach;
	int error;

	if (image->is_hermit)
		return attach_hermit(image, vm, options);
	image->ram_kib = first_ram_kib(options);
	for (;;) {
		attach = (struct kev_attach_image){
			.size = sizeof(attach),
			.fd = image->fd,
			.boot = options->boot,
			.ram_kib = image->ram_kib,
			.segment = KEV_IMAGE_NO_SEGMENT,
			.cmdline = has_append ? (uintptr_t)options->append : 0,
			.cmdline_length = strlen(options->append),
			.modules = image->nr_modules ? (uintptr_t)image->modules : 0,
			.nr_modules = image->nr_modules,
		};
		error = kev_vm_attach_image(vm, &attach);
		if (!error || attach.problem != KEV_IMAGE_RAM || options->memory_text ||
		    !image->ram_kib || image->ram_kib == DEFAULT_MAX_KIB)
			break;
		image->ram_kib *= 2;
	}
	if (error)
		return image_refused(&attach, options, -error);
	image->boot = attach.boot;
	if (options->verbose)
		message(options->image, "boot protocol %s, entry 0x%llx, image 0x%llx to 0x%llx, %"
			PRIu64 "K of memory", kev_boot_name(attach.boot), attach.entry,
			attach.start, attach.end, image->ram_kib);
	return 0;
}
