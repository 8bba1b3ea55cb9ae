// SPDX-License-Identifier: GPL-2.0
/* Exits for CPUID, one after the other, without end. */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	for (;;)
		cpuid(0, 0);
}
