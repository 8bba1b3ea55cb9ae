// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the file does not fill reads as zero: behind p_filesz in the last
 * page that has file bytes (the file goes on there with its symbol table), in
 * the pages after it, and in a segment with p_filesz = 0. Initialised data is
 * what the file says. Exit 0, or the number of the check that failed.
 */
#include "guest.h"

#define DATA_PAGES	2
#define BSS_PAGES	4
#define ZEROSEG_PAGES	3

/* Ends 123 bytes into a page, so that most of that page lies behind p_filesz. */
static u8 data[DATA_PAGES * PAGE_SIZE + 123] __page_aligned = {
	[0] = 0x11,
	[PAGE_SIZE - 1] = 0x22,
	[PAGE_SIZE] = 0x33,
	[DATA_PAGES * PAGE_SIZE] = 0x44,
	[DATA_PAGES * PAGE_SIZE + 122] = 0x55,
};

static u8 bss[BSS_PAGES * PAGE_SIZE];

extern u8 zeroseg[];
asm(".pushsection .zeroseg, \"aw\", @nobits\n"
	".balign	4096\n"
	"zeroseg:\n"
	".skip	3 * 4096\n"
	".popsection");

static void expect_zeros(u64 number, const char *what, const u8 *from, const u8 *to)
{
	for (const u8 *byte = hide(from); byte < to; byte++)
		expect(number, what, *byte, 0);
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	const u8 *d = hide(data);
	u8 *b = hide(bss), *z = hide(zeroseg), *behind = hide(guest_data_end);

	(void)boot_info;
	(void)vcpu_id;
	expect(1, "data: first byte", d[0], 0x11);
	expect(2, "data: last byte of a page", d[PAGE_SIZE - 1], 0x22);
	expect(3, "data: first byte of the next page", d[PAGE_SIZE], 0x33);
	expect(4, "data: first byte of the last page", d[DATA_PAGES * PAGE_SIZE], 0x44);
	expect(5, "data: last byte", d[sizeof(data) - 1], 0x55);
	expect_zeros(6, "data: a byte between", d + 1, d + PAGE_SIZE - 1);
	expect_zeros(7, "behind p_filesz", behind, b + sizeof(bss));
	expect_zeros(8, "segment without file bytes", z, z + ZEROSEG_PAGES * PAGE_SIZE);

	/* All of it can be written, and the writes stay apart. */
	b[sizeof(bss) - 1] = 1;
	z[PAGE_SIZE] = 2;
	behind[0] = 3;
	hide(NULL);
	expect(9, "bss after a write", b[sizeof(bss) - 1], 1);
	expect(10, "segment without file bytes after a write", z[PAGE_SIZE], 2);
	expect(11, "first byte behind p_filesz after a write", behind[0], 3);
	print("bss: ok\n");
	return 0;
}
