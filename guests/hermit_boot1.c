// SPDX-License-Identifier: GPL-2.0
/* What version 1 of the entry ABI gives an image with fixed addresses */
#include "hermit_boot.h"

HERMIT_NOTES(1, 1);

u64 main(u64 boot_info, u64 id)
{
	boot_check(1, 1, 0, boot_info, id);
	return 0;
}
