/* SPDX-License-Identifier: GPL-2.0 */
/* Relocations that kev does not apply as pages are loaded. */
#ifndef KEVCTL_HERMIT_RELOCATE_H
#define KEVCTL_HERMIT_RELOCATE_H

#include "../guest_memory.h"
#include "../image/info.h"

/**
 * relocate_image() - apply every relocation of an image in the guest's memory
 * @view: guest-physical memory, with the image in it
 * @fd: image
 * @info: what it is
 * @load_base: what is added to its addresses
 * @why: out: what is wrong with the image, for a person
 *
 * Loads the pages that have one.
 *
 * Return: 0, -ENOEXEC with @why, or another negative errno.
 */
int relocate_image(const struct guest_view *view, int fd, const struct image_info *info,
		   uint64_t load_base, const char **why);

#endif /* KEVCTL_HERMIT_RELOCATE_H */
