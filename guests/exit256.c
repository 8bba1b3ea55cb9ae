// SPDX-License-Identifier: GPL-2.0
/* An exit code that is not 0 although its low byte is. */
#include "guest.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	return 0x1234567800000100;
}
