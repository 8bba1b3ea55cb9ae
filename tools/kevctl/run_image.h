/* SPDX-License-Identifier: GPL-2.0 */
/* The image and the modules of `kevctl run`: from files into a VM. */
#ifndef KEVCTL_RUN_IMAGE_H
#define KEVCTL_RUN_IMAGE_H

#include "hermit/hermit.h"
#include "image/info.h"
#include "run_options.h"

/**
 * struct run_image - files that are open, and what became of them
 * @fd: image
 * @is_hermit: it is a Hermit image:
 * @info: what is known of it
 * @hermit: the guest, once attached
 * @modules: modules as the call takes them, in the order of the options
 * @nr_modules: how many
 * @boot: kev's boot protocol, once attached
 * @ram_kib: memory of the guest, once attached
 */
struct run_image {
	int fd;
	bool is_hermit;
	struct image_info info;
	struct hermit *hermit;
	struct kev_boot_module modules[KEV_MAX_MODULES];
	unsigned int nr_modules;
	uint32_t boot;
	uint64_t ram_kib;
};

/**
 * run_image_open() - open image and modules, or say which cannot be opened
 * @image: out
 * @options: options
 *
 * Says also which option does not go with an image of this kind.
 *
 * Return: 0, or the exit status and nothing is open.
 */
int run_image_open(struct run_image *image, const struct run_options *options);
void run_image_close(struct run_image *image);

/* image_error_status() - exit status after an image was refused with an errno, positive */
int image_error_status(int error);

/**
 * run_image_attach() - give a VM its image, or say why it was refused
 * @image: open image
 * @vm: VM
 * @options: options
 *
 * Return: 0 or the exit status.
 */
int run_image_attach(struct run_image *image, int vm, const struct run_options *options);

#endif /* KEVCTL_RUN_IMAGE_H */
