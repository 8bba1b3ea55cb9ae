// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercall ABI "akaros": call 1 prints the character in RDI. Wants
 * --hypercalls=akaros; ends by the power switch, as this ABI has no call for it.
 */
#include "guest.h"

#define CALL_PRINTC	1
#define POWER_OFF	0x604
#define POWER_OFF_NOW	0x2000

u64 main(u64 boot_info, u64 vcpu_id)
{
	(void)boot_info;
	(void)vcpu_id;
	for (const char *c = "akaros: ok\n"; *c; c++) {
		/* Only the low byte of RDI counts. */
		if (hypercall(CALL_PRINTC, DIRTY | *c, 0) != CALL_PRINTC)
			break;
	}
	out16(POWER_OFF, POWER_OFF_NOW);
	return 1;
}
