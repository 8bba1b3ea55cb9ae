// SPDX-License-Identifier: GPL-2.0
/* 10000 exits for CPUID and as many for RDMSR, and nothing else but HaltCpu. */
#include "guest.h"

#define ROUNDS	10000

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	for (int i = 0; i < ROUNDS; i++) {
		cpuid(0, 0);
		rdmsr(MSR_EFER);
	}
	return 0;
}
