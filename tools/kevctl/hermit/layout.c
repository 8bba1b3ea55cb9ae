// SPDX-License-Identifier: GPL-2.0
/*
 * The layouts of Hermit guests: that of the call interface's version 1 has its addresses
 * from 0, later ones from where the guest's memory begins; see Documentation/hermit.rst.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define PAGE		4096ULL
#define MIB2		0x200000ULL
#define GIB		0x40000000ULL
#define GIB512		(512 * GIB)
/* The last slot of the PML4 is its own, and above is the non-canonical half. */
#define MAP_LIMIT	(256 * GIB512)

#define LOAD_BASE_1	0x400000ULL
#define RAM_BASE_2	0x100000000ULL
#define IMAGE_OFFSET_2	0x40000ULL

/* The first kernel that wants nothing mapped but itself and what is below it */
#define KERNEL_MAPS_ITSELF	0x000a00U

#define PTE_P		1ULL
#define PTE_RW		2ULL
#define PTE_PS		0x80ULL

static uint64_t align_down(uint64_t value, uint64_t unit)
{
	return value & ~(unit - 1);
}

static uint64_t align_up(uint64_t value, uint64_t unit)
{
	return align_down(value + unit - 1, unit);
}

/* Lowest and highest address in the file */
static void find_span(const struct image_info *info, uint64_t *start, uint64_t *end)
{
	*start = UINT64_MAX;
	*end = 0;
	for (unsigned int i = 0; i < info->nr_segments; i++) {
		const struct image_segment *segment = &info->segments[i];
		/* There is no number for the end of what ends with the address space. */
		uint64_t behind = segment->vaddr + segment->mem_bytes ?: UINT64_MAX;

		if (segment->vaddr < *start)
			*start = segment->vaddr;
		if (behind > *end)
			*end = behind;
	}
}

static bool holds_entry(const struct image_info *info)
{
	for (unsigned int i = 0; i < info->nr_segments; i++)
		if (info->entry >= info->segments[i].vaddr &&
		    info->entry - info->segments[i].vaddr < info->segments[i].mem_bytes)
			return true;
	return false;
}

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -ENOEXEC;
}

static int place_image(const struct image_info *info, const struct layout_request *request,
		       struct layout *layout, const char **why)
{
	uint64_t start, end;

	find_span(info, &start, &end);
	if (start >= end)
		return refuse(why, "it has no segment to load");
	if (!holds_entry(info))
		return refuse(why, "its entry point lies in no segment");
	if (info->type == ET_DYN && request->load_given)
		layout->load_base = request->load_address;
	else if (info->type == ET_DYN)
		layout->load_base = info->uhyve_interface == 1 ? LOAD_BASE_1 :
				    RAM_BASE_2 + IMAGE_OFFSET_2;
	else if (request->load_given)
		return refuse(why, "it cannot be moved: only ET_DYN images can");
	if (end > MAP_LIMIT || layout->load_base > MAP_LIMIT - end)
		return refuse(why, "it ends beyond the lower half of the address space");
	layout->image_start = layout->load_base + start;
	layout->image_end = layout->load_base + end;
	layout->entry = layout->load_base + info->entry;
	return 0;
}

static int place_ram(const struct image_info *info, const struct layout_request *request,
		     struct layout *layout, const char **why)
{
	uint64_t base = 0, below, end;

	if (info->uhyve_interface > 1) {
		if (layout->image_start < IMAGE_OFFSET_2)
			return refuse(why, "it lies below 0x40000: there is no room for boot "
				      "information");
		base = align_down(layout->image_start - IMAGE_OFFSET_2, MIB2);
	}
	if (layout->image_start < HERMIT_HOLE_END && layout->image_end > HERMIT_HOLE)
		return refuse(why, "it lies where there is no memory: from 0xd0000000 to 4 GiB");
	if ((base >= HERMIT_HOLE && base < HERMIT_HOLE_END) ||
	    (layout->image_start >= HERMIT_HOLE_END &&
	     layout->image_start < HERMIT_HOLE_END + HERMIT_STACK_BYTES))
		return refuse(why, "there is no memory below it");
	if (request->ram_bytes > MAP_LIMIT - base)
		return -ENOMEM;
	below = base < HERMIT_HOLE ? HERMIT_HOLE - base : UINT64_MAX;
	if (below > request->ram_bytes)
		below = request->ram_bytes;
	layout->ram[0] = (struct memory_range){ base, below };
	layout->nr_ram = 1;
	if (below < request->ram_bytes)
		layout->ram[layout->nr_ram++] = (struct memory_range){
			HERMIT_HOLE_END, request->ram_bytes - below,
		};
	end = layout->ram[layout->nr_ram - 1].start + layout->ram[layout->nr_ram - 1].length;
	return layout->image_end > end ? -ENOMEM : 0;
}

/* Older kernels take away what is mapped behind them in their GiB, and demand that it is. */
static void choose_map(const struct image_info *info, struct layout *layout)
{
	uint64_t end = align_up(layout->image_end, GIB);

	layout->map_start = align_down(layout->ram[0].start, MIB2);
	if (info->hermit_kernel >= KERNEL_MAPS_ITSELF)
		end = align_down(layout->image_end, MIB2) + MIB2;
	layout->map_end = end;
}

/* Pages of tables: one for each GiB, and one for each 512 of them */
static uint64_t count_tables(const struct layout *layout)
{
	uint64_t last = layout->map_end - 1;

	return last / GIB - layout->map_start / GIB + 1 +
	       last / GIB512 - layout->map_start / GIB512 + 1;
}

int layout_make(const struct image_info *info, const struct layout_request *request,
		struct layout *layout, const char **why)
{
	bool first = info->uhyve_interface == 1;
	uint64_t base;
	int error;

	memset(layout, 0, sizeof(*layout));
	error = place_image(info, request, layout, why);
	if (!error)
		error = place_ram(info, request, layout, why);
	if (error)
		return error;
	base = layout->ram[0].start;
	layout->gdt = base + (first ? 0x1000 : 0);
	layout->device_tree = base + (first ? 0x2000 : 0x1000);
	layout->boot_info = base + (first ? 0x9000 : 0x5000);
	layout->device_tree_room = layout->boot_info - layout->device_tree;
	layout->pml4 = base + 0x10000;
	layout->tables = base + 0x11000;
	choose_map(info, layout);
	layout->tables_end = layout->tables + count_tables(layout) * PAGE;
	if (layout->image_start < layout->tables_end + HERMIT_STACK_BYTES)
		return refuse(why, "it lies too low: there is no room for boot information and "
			      "stack below it");
	layout->stack = layout->image_start - HERMIT_STACK_BYTES;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct memory_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

unsigned int layout_free(const struct image_info *info, const struct layout *layout,
			 struct memory_range *free)
{
	struct memory_range taken[IMAGE_MAX_HEADERS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < info->nr_segments; i++) {
		uint64_t start = layout->load_base + info->segments[i].vaddr;
		uint64_t end = align_up(start + info->segments[i].mem_bytes, PAGE);

		start = align_down(start, PAGE);
		taken[i] = (struct memory_range){ start, end - start };
	}
	qsort(taken, info->nr_segments, sizeof(*taken), compare);
	for (unsigned int i = 0; i < layout->nr_ram; i++) {
		uint64_t at = layout->ram[i].start, end = at + layout->ram[i].length;

		for (unsigned int j = 0; j < info->nr_segments; j++) {
			uint64_t next = taken[j].start + taken[j].length;

			if (next <= at || taken[j].start >= end)
				continue;
			if (taken[j].start > at)
				free[nr++] = (struct memory_range){ at, taken[j].start - at };
			at = next;
		}
		if (at < end)
			free[nr++] = (struct memory_range){ at, end - at };
	}
	return nr;
}

static void fill_pml4(const struct layout *layout, uint64_t entries[512])
{
	uint64_t table = layout->tables, at = layout->map_start, next;

	for (; at < layout->map_end; at = next) {
		next = align_down(at, GIB512) + GIB512;
		entries[at / GIB512] = table | PTE_P | PTE_RW;
		if (next > layout->map_end)
			next = align_up(layout->map_end, GIB);
		/* The one for 512 GiB, and those for each of its GiB, follow each other. */
		table += (1 + (next - 1) / GIB - at / GIB + 1) * PAGE;
	}
	entries[511] = layout->pml4 | PTE_P | PTE_RW;
}

static void fill_directory(const struct layout *layout, uint64_t gib, uint64_t entries[512])
{
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t at = gib * GIB + i * MIB2;

		if (at >= layout->map_start && at < layout->map_end)
			entries[i] = at | PTE_P | PTE_RW | PTE_PS;
	}
}

void layout_table(const struct layout *layout, uint64_t at, uint64_t entries[512])
{
	uint64_t gib = layout->map_start / GIB, last = (layout->map_end - 1) / GIB;
	uint64_t table = layout->tables, in_slot;

	memset(entries, 0, 512 * sizeof(*entries));
	if (at == layout->pml4) {
		fill_pml4(layout, entries);
		return;
	}
	while (gib <= last) {
		in_slot = 512 - gib % 512;
		if (in_slot > last - gib + 1)
			in_slot = last - gib + 1;
		if (at == table) {
			for (uint64_t i = 0; i < in_slot; i++)
				entries[gib % 512 + i] = (table + (i + 1) * PAGE) | PTE_P | PTE_RW;
			return;
		}
		if (at <= table + in_slot * PAGE) {
			fill_directory(layout, gib + (at - table) / PAGE - 1, entries);
			return;
		}
		table += (in_slot + 1) * PAGE;
		gib += in_slot;
	}
}
