// SPDX-License-Identifier: GPL-2.0
/* Triple fault: an exception while the IDT has no entry at all. */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	print("before\n");
	asm volatile("ud2");
	print("after\n");
	return 1;
}
