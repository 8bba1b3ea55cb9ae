/* SPDX-License-Identifier: GPL-2.0 */
/* The image and the modules of `kevctl run`: from files into a VM. */
#ifndef KEVCTL_RUN_IMAGE_H
#define KEVCTL_RUN_IMAGE_H

#include "run_options.h"

/**
 * struct run_image - files that are open, and what became of them
 * @fd: image
 * @modules: modules as the call takes them, in the order of the options
 * @nr_modules: how many
 * @boot: boot protocol, once attached
 * @ram_kib: memory of the guest, once attached
 */
struct run_image {
	int fd;
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
 * Return: 0, or the exit status and nothing is open.
 */
int run_image_open(struct run_image *image, const struct run_options *options);
void run_image_close(struct run_image *image);

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
