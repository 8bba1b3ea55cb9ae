// SPDX-License-Identifier: GPL-2.0
/* `jmp .` with interrupts off: only the host can end it. */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	asm volatile("cli\n1:\tjmp 1b");
	return 1;
}
