// SPDX-License-Identifier: GPL-2.0
/*
 * HLT with nothing that could wake it. Run again, the guest goes on behind the
 * instruction and ends with 0x17.
 */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	asm volatile("hlt");
	return 0x17;
}
