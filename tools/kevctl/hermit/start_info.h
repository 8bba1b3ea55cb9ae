/* SPDX-License-Identifier: GPL-2.0 */
/* What a Hermit guest finds in its memory at the entry. */
#ifndef KEVCTL_HERMIT_START_INFO_H
#define KEVCTL_HERMIT_START_INFO_H

#include "../image/info.h"
#include "boot_info.h"
#include "internal.h"

/**
 * start_info_write() - write descriptors, page tables, device tree and boot information
 * @hermit: guest with memory, layout and arguments
 * @info: its image
 *
 * Says on stderr what is wrong.
 *
 * Return: 0 or the exit status.
 */
int start_info_write(struct hermit *hermit, const struct image_info *info);

/**
 * start_info_entry() - where a vCPU begins
 * @hermit: guest
 * @id: the vCPU's id
 *
 * Return: the image's entry. With entry version 1, whose kernels start one CPU after the
 * other, the others begin in a loop that waits for their turn.
 */
uint64_t start_info_entry(const struct hermit *hermit, uint32_t id);

#endif /* KEVCTL_HERMIT_START_INFO_H */
