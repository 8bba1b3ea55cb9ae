/* SPDX-License-Identifier: GPL-2.0 */
/* What layout_make() promises of the memory of a Hermit guest. */
#ifndef LAYOUT_PROMISES_H
#define LAYOUT_PROMISES_H

#include <errno.h>

#include "../../tools/kevctl/hermit/layout.h"
#include "fuzz.h"

static bool in_ram(const struct layout *layout, u64 start, u64 end)
{
	for (unsigned int i = 0; i < layout->nr_ram; i++) {
		const struct memory_range *ram = &layout->ram[i];

		if (start >= ram->start && end <= ram->start + ram->length)
			return start <= end;
	}
	return false;
}

/* The page tables are what a walk needs, and map what they say to itself. */
static void check_walk(const struct layout *layout, u64 address)
{
	uint64_t table = layout->pml4, entries[512], entry = 0;

	for (int level = 3; level; level--) {
		fuzz_check(table == layout->pml4 ||
			   (table >= layout->tables && table < layout->tables_end),
			   "a table elsewhere");
		layout_table(layout, table, entries);
		entry = entries[address >> (12 + 9 * level) & 511];
		fuzz_check((entry & 3) == 3, "not mapped");
		table = entry & ~0xfffULL;
	}
	fuzz_check(entry == ((address & ~0x1fffffULL) | 0x83), "mapped to something else");
}

static void check_free(const struct image_info *info, const struct layout *layout)
{
	struct memory_range free[LAYOUT_MAX_FREE];
	unsigned int nr = layout_free(info, layout, free);
	u64 last = 0;

	fuzz_check(nr <= LAYOUT_MAX_FREE, "more ranges than there is room for");
	for (unsigned int i = 0; i < nr; i++) {
		u64 end = free[i].start + free[i].length;

		fuzz_check(free[i].length && !(free[i].start % 4096) && !(end % 4096) &&
			   free[i].start >= last && in_ram(layout, free[i].start, end),
			   "a range of memory");
		last = end;
		for (unsigned int j = 0; j < info->nr_segments; j++) {
			u64 start = layout->load_base + info->segments[j].vaddr;

			fuzz_check(start >= end ||
				   start + info->segments[j].mem_bytes <= free[i].start,
				   "memory where the image is");
		}
	}
}

static void check_layout(const struct image_info *info, const struct layout_request *request)
{
	const char *why = NULL;
	struct layout layout;
	int error = layout_make(info, request, &layout, &why);

	if (error) {
		fuzz_check(error == -ENOMEM || (error == -ENOEXEC && why), "result");
		return;
	}
	fuzz_check(in_ram(&layout, layout.image_start, layout.image_end), "the image is in memory");
	fuzz_check(layout.entry >= layout.image_start && layout.entry < layout.image_end, "entry");
	fuzz_check(in_ram(&layout, layout.stack, layout.image_start), "the stack is in memory");
	fuzz_check(in_ram(&layout, layout.gdt, layout.tables_end), "structures are in memory");
	fuzz_check(layout.gdt + 24 <= layout.device_tree &&
		   layout.device_tree + layout.device_tree_room <= layout.boot_info &&
		   layout.boot_info + 4096 <= layout.pml4 && layout.pml4 + 4096 <= layout.tables &&
		   layout.tables < layout.tables_end && layout.tables_end <= layout.stack,
		   "structures overlap");
	fuzz_check(layout.map_start <= layout.gdt && layout.map_end >= layout.image_end,
		   "something is not mapped");
	check_walk(&layout, layout.gdt);
	check_walk(&layout, layout.entry);
	check_walk(&layout, layout.map_end - 1);
	check_free(info, &layout);
}

#endif /* LAYOUT_PROMISES_H */
