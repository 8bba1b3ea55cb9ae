// SPDX-License-Identifier: GPL-2.0
/*
 * The boot protocol "kev 32-bit" from the inside: registers, and the page of boot
 * information at address 0. Wants --boot=kev32 --memory=32M.
 */
#include "guest32.h"

struct run {
	u64 base, length;
	u32 type, reserved;
} __packed;

struct information {
	u32 total_size, reserved;
	u32 type, size, entry_size, entry_version;
	struct run run[];
} __packed;

u32 main(const struct registers *registers)
{
	volatile struct information *info = at(0);
	struct memory memory = {};
	volatile u32 *end;
	u32 i, nr;

	expect_unpaged(CR0_PE | CR0_ET | CR0_NE);
	expect(20, "ESI", registers->esi, 0);
	expect(21, "EBX", registers->ebx, 0);
	expect(22, "EAX", registers->eax, 0);
	expect(23, "ESP", registers->esp, 0xa0000);
	expect(24, "reserved field", info->reserved, 0);
	expect(25, "type of the tag", info->type, 6);
	expect(26, "size of an entry", info->entry_size, sizeof(struct run));
	expect(27, "version of an entry", info->entry_version, 0);
	nr = (info->size - 16) / sizeof(struct run);
	expect(28, "size of the tag", info->size, 16 + nr * sizeof(struct run));
	for (i = 0; i < nr; i++) {
		volatile struct run *run = &info->run[i];

		expect(29, "reserved field of a run", run->reserved, 0);
		see_run(&memory, run->base, run->length, run->type);
	}
	expect_memory(&memory, MEMORY);
	end = (volatile u32 *)&info->run[nr];
	expect(30, "end tag", end[0], 0);
	expect(31, "size of the end tag", end[1], 8);
	expect(32, "total size", info->total_size, (u32)&end[2]);
	for (volatile u8 *byte = (volatile u8 *)&end[2]; byte < (u8 *)4096; byte++)
		expect(33, "the rest of the page", *byte, 0);
	print("kev32: ok\n");
	return EXIT_GOOD;
}
