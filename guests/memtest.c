// SPDX-License-Identifier: GPL-2.0
/*
 * Plain RAM: 16 MiB above the image read as zero, then hold a pattern that is
 * different in every word. Wants a VM of 32 MiB. Exit 0, or the number of the
 * check that failed.
 */
#include "guest.h"

#define SIZE	(16 * MIB)

static u64 pattern(const u64 *word)
{
	return (u64)word * 0x9e3779b97f4a7c15;
}

u64 main(u64 boot_info, u64 vcpu_id)
{
	u64 *start = hide(guest_end), *end = hide(guest_end + SIZE);

	(void)boot_info;
	(void)vcpu_id;
	for (u64 *word = start; word < end; word++) {
		expect(1, "fresh RAM", *word, 0);
		*word = pattern(word);
	}
	for (u64 *word = start; word < end; word++)
		expect(2, "the pattern", *word, pattern(word));
	print("memtest: ok\n");
	return 0;
}
