// SPDX-License-Identifier: GPL-2.0
/*
 * The input is an image's segments, its dynamic section and its relocation
 * table: no access outside of them, and what is accepted keeps its promises.
 */
#include <kev/reloc.h>

#include "fuzz.h"

#define MAX_SEGMENTS	4

/* A segment as an input has it: small numbers, so that addresses meet */
struct piece {
	u16 gap, vaddr, offset, filesz, memsz;
	u8 high;	/* not 0: at the end of the virtual addresses */
	u8 index;
};

/* Non-overlapping segments by ascending address, as kev_elf_plan() makes them */
static void make_plan(struct kev_elf_plan *plan, const u8 **data, size_t *size)
{
	u64 gpa = 0;
	struct piece piece;
	u8 nr, i;

	memset(plan, 0, sizeof(*plan));
	fuzz_take(data, size, &nr, sizeof(nr));
	plan->class32 = nr >> 7;
	plan->nr = 1 + nr % MAX_SEGMENTS;
	for (i = 0; i < plan->nr; i++) {
		struct kev_elf_segment *seg = &plan->seg[i];

		fuzz_take(data, size, &piece, sizeof(piece));
		seg->gpa = gpa + piece.gap;
		seg->memsz = 1 + piece.memsz;
		seg->vaddr = piece.high ? -seg->memsz : piece.vaddr;
		seg->filesz = min_t(u64, piece.filesz, seg->memsz);
		seg->offset = piece.offset;
		seg->index = piece.index * MAX_SEGMENTS + i;
		gpa = seg->gpa + seg->memsz;
	}
}

/* A copy that ends where its allocation ends */
static void *copy(const void *bytes, size_t len)
{
	void *block = malloc(len);

	if (len)
		memcpy(block, bytes, len);
	return block;
}

static bool in_one_segment(const struct kev_elf_plan *plan, u64 gpa)
{
	u32 i;

	for (i = 0; i < plan->nr; i++)
		if (gpa >= plan->seg[i].gpa &&
		    gpa + 8 <= plan->seg[i].gpa + plan->seg[i].memsz)
			return true;
	return false;
}

static void check_table(const struct kev_elf_plan *plan, const struct kev_elf_extent *table)
{
	u32 i;

	fuzz_check(table->size % KEV_RELOC_ENTRY_SIZE == 0, "half an entry");
	fuzz_check(table->size / KEV_RELOC_ENTRY_SIZE <= KEV_RELOC_MAX, "too many entries");
	if (!table->size)
		return;
	for (i = 0; i < plan->nr; i++)
		if (table->offset >= plan->seg[i].offset &&
		    table->offset + table->size <= plan->seg[i].offset + plan->seg[i].filesz)
			return;
	fuzz_check(false, "a table in no segment's file bytes");
}

/* Page by page, against each relocation by itself */
static void check_pages(const struct kev_elf_plan *plan, const struct kev_relocation *relocs,
			u64 nr)
{
	const struct kev_elf_segment *top = &plan->seg[plan->nr - 1];
	static u8 page[KEV_PAGE_SIZE], expected[KEV_PAGE_SIZE];
	u64 gpa, i, byte;

	for (gpa = 0; gpa < top->gpa + top->memsz; gpa += KEV_PAGE_SIZE) {
		bool touched = false;

		memset(page, 0xa5, sizeof(page));
		memset(expected, 0xa5, sizeof(expected));
		for (i = 0; i < nr; i++) {
			for (byte = 0; byte < 8; byte++) {
				u64 at = relocs[i].gpa + byte;

				if (kev_page_down(at) != gpa)
					continue;
				expected[at - gpa] = relocs[i].value >> byte * 8;
				touched = true;
			}
		}
		fuzz_check((kev_reloc_next(relocs, nr, gpa) - gpa < KEV_PAGE_SIZE) == touched,
			   "touches");
		kev_reloc_apply(relocs, nr, gpa, page);
		fuzz_check(!memcmp(page, expected, sizeof(page)), "apply");
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct kev_image_fault why = { ~0U, 0 };
	struct kev_relocation *relocs;
	struct kev_elf_extent table;
	struct kev_elf_plan plan;
	void *bytes;
	int ret, i;
	u16 len;
	u64 base, nr;

	make_plan(&plan, &data, &size);
	fuzz_take(&data, &size, &base, sizeof(base));
	fuzz_take(&data, &size, &len, sizeof(len));
	len = min_t(size_t, len, size);

	bytes = copy(data, len);
	ret = kev_reloc_find(bytes, len, &plan, &table, &why);
	free(bytes);
	if (ret) {
		fuzz_check(ret == -ENOEXEC && (why.problem == KEV_IMAGE_DYNAMIC ||
					       why.problem == KEV_IMAGE_RELOCATION ||
					       why.problem == KEV_IMAGE_RELOCATIONS),
			   "a section refused without a problem");
	} else {
		fuzz_check(why.problem == KEV_IMAGE_OK, "a section accepted with a problem");
		check_table(&plan, &table);
	}

	/* The table is what follows, wherever the section says that it lies. */
	nr = (size - len) / KEV_RELOC_ENTRY_SIZE;
	bytes = copy(data + len, nr * KEV_RELOC_ENTRY_SIZE);
	relocs = malloc(nr * sizeof(*relocs));
	ret = kev_reloc_decode(&plan, base, bytes, nr, relocs, &why);
	free(bytes);
	if (ret < 0) {
		fuzz_check(ret == -ENOEXEC && why.problem == KEV_IMAGE_RELOCATION,
			   "a table refused without a problem");
	} else {
		fuzz_check(why.problem == KEV_IMAGE_OK, "a table accepted with a problem");
		fuzz_check((u64)ret <= nr, "more relocations than entries");
		for (i = 0; i < ret; i++) {
			fuzz_check(in_one_segment(&plan, relocs[i].gpa), "outside of a segment");
			fuzz_check(!i || relocs[i - 1].gpa + 8 <= relocs[i].gpa, "order");
		}
		check_pages(&plan, relocs, ret);
	}
	free(relocs);
	return 0;
}
