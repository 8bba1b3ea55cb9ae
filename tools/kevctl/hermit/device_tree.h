/* SPDX-License-Identifier: GPL-2.0 */
/* The flattened device tree that newer Hermit kernels read. Pure. */
#ifndef KEVCTL_HERMIT_DEVICE_TREE_H
#define KEVCTL_HERMIT_DEVICE_TREE_H

#include <stddef.h>
#include <stdint.h>

struct memory_range {
	uint64_t start, length;
};

/**
 * struct device_tree - what it says
 * @memory: memory, in ascending order
 * @nr_memory: how many ranges
 * @cpus: number of vCPUs
 * @khz: frequency of the TSC, 0 if unknown
 * @mounts: directories of the host's that the guest sees, each with its NUL
 * @mounts_bytes: of all of them, 0 without any
 * @bootargs: the kernel's command line
 */
struct device_tree {
	const struct memory_range *memory;
	unsigned int nr_memory;
	uint32_t cpus;
	uint32_t khz;
	const char *mounts;
	size_t mounts_bytes;
	const char *bootargs;
};

/**
 * device_tree_write() - lay it out
 * @tree: what it says
 * @bytes: out; may be NULL if @size is 0
 * @size: room there
 *
 * Return: its length; where that is more than @size, @bytes are not all of it.
 */
size_t device_tree_write(const struct device_tree *tree, uint8_t *bytes, size_t size);

#endif /* KEVCTL_HERMIT_DEVICE_TREE_H */
