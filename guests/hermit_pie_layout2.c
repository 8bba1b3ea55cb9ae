// SPDX-License-Identifier: GPL-2.0
/* What an image finds with version 2 of the call interface: all of it above 4 GiB */
#include "hermit_boot.h"

HERMIT_NOTES(4, 2);

u64 main(u64 boot_info, u64 id)
{
	boot_check(4, 2, 0x100000000UL, boot_info, id);
	return 0;
}
