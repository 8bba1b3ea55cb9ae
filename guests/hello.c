// SPDX-License-Identifier: GPL-2.0
/* The smallest guest that shows something: prints, then halts with 0xcafe. */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	print("Hello guest os!\n");
	return 0xcafe;
}
