// SPDX-License-Identifier: GPL-2.0
/*
 * Relocations with symbols: R_X86_64_64 and R_X86_64_GLOB_DAT beside R_X86_64_RELATIVE. It is
 * linked as a library is, and its symbols are its own.
 */
#include "hermit.h"

HERMIT_NOTES(4, 1);

u64 visible = 0x1234;
extern u64 itself __attribute__((alias("visible"), visibility("hidden")));
u64 array[4] = { 1, 2, 3, 4 };
static u64 hidden = 0x5678;
extern u64 missing __weak;

u64 *to_visible = &visible;	/* R_X86_64_64 */
u64 *into_array = &array[3];	/* with an addend */
u64 *to_hidden = &hidden;	/* R_X86_64_RELATIVE */
u64 *to_missing = &missing;

u64 main(u64 boot_info, u64 id)
{
	u64 here = (u64)&itself;

	(void)boot_info;
	(void)id;
	hermit_expect(1, "R_X86_64_64", (u64)hide(to_visible), here);
	hermit_expect(2, "value behind it", *to_visible, 0x1234);
	hermit_expect(3, "addend", *into_array, 4);
	hermit_expect(4, "R_X86_64_RELATIVE", *to_hidden, 0x5678);
	hermit_expect(5, "symbol that is not there", (u64)hide(to_missing), 0);
	/* By way of the global offset table */
	hermit_expect(6, "R_X86_64_GLOB_DAT", (u64)hide(&visible), here);
	hermit_print("symbols: ok\n");
	return 0;
}
