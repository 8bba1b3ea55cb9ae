// SPDX-License-Identifier: GPL-2.0
/* What version 4 of the entry ABI gives an image that can be moved */
#include "hermit_boot.h"

HERMIT_NOTES(4, 1);

u64 main(u64 boot_info, u64 id)
{
	boot_check(4, 1, 0, boot_info, id);
	return 0;
}
