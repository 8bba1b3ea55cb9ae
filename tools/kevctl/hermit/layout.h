/* SPDX-License-Identifier: GPL-2.0 */
/* Where everything lies in a Hermit guest's memory. Pure. */
#ifndef KEVCTL_HERMIT_LAYOUT_H
#define KEVCTL_HERMIT_LAYOUT_H

#include "../image/info.h"
#include "device_tree.h"

/* No memory is from here up to 4 GiB: local APICs and devices lie there. */
#define HERMIT_HOLE		0xd0000000ULL
#define HERMIT_HOLE_END		0x100000000ULL

#define HERMIT_GDT_ENTRIES	3
#define HERMIT_STACK_BYTES	0x8000U		/* below the image */

/* Room for what layout_free() gives */
#define LAYOUT_MAX_FREE		(IMAGE_MAX_HEADERS + 2)

/**
 * struct layout_request - what is asked for
 * @ram_bytes: the guest's memory, a multiple of 4096
 * @load_given: for an image that can be moved:
 * @load_address: its load base, a multiple of 4096
 */
struct layout_request {
	uint64_t ram_bytes;
	bool load_given;
	uint64_t load_address;
};

/**
 * struct layout - guest-physical addresses
 * @ram: memory, the image's included
 * @nr_ram: ranges of it: two where it goes round the hole
 * @load_base: what is added to the image's addresses
 * @image_start: its first byte
 * @image_end: first one behind it
 * @entry: where the vCPUs start
 * @stack: lowest byte of the boot stack
 * @gdt: three descriptors
 * @device_tree: device tree
 * @device_tree_room: bytes that it can have
 * @boot_info: boot information
 * @pml4: root of the page tables
 * @tables: the others, up to @tables_end
 * @tables_end: see there
 * @map_start: what they map to itself, in pages of 2 MiB
 * @map_end: first byte behind it
 */
struct layout {
	struct memory_range ram[2];
	unsigned int nr_ram;
	uint64_t load_base, image_start, image_end, entry;
	uint64_t stack;
	uint64_t gdt, device_tree, device_tree_room, boot_info;
	uint64_t pml4, tables, tables_end;
	uint64_t map_start, map_end;
};

/**
 * layout_make() - find a place for everything
 * @info: image, 64-bit
 * @request: what is asked for
 * @layout: out
 * @why: out: what is wrong with the image, for a person
 *
 * Return: 0, -ENOEXEC with @why, or -ENOMEM if the guest has not enough memory.
 */
int layout_make(const struct image_info *info, const struct layout_request *request,
		struct layout *layout, const char **why);

/**
 * layout_free() - memory without the pages of the image
 * @info: image
 * @layout: where it lies
 * @free: out: LAYOUT_MAX_FREE ranges of whole pages, in ascending order
 *
 * Return: how many.
 */
unsigned int layout_free(const struct image_info *info, const struct layout *layout,
			 struct memory_range *free);

/**
 * layout_table() - a page of the page tables
 * @layout: layout
 * @at: which one: pml4, or from tables up to tables_end
 * @entries: out
 */
void layout_table(const struct layout *layout, uint64_t at, uint64_t entries[512]);

#endif /* KEVCTL_HERMIT_LAYOUT_H */
