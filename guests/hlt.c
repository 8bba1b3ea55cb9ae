// SPDX-License-Identifier: GPL-2.0
/*
 * HLT with nothing that could wake it. If user space lets it go on behind the
 * instruction, it ends with 0x17.
 */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	asm volatile("hlt");
	return 0x17;
}
