// SPDX-License-Identifier: GPL-2.0
/*
 * Asks for an address on the network card, says which it has got, and answers there: see
 * stack.h.
 */
#include "stack.h"

u64 main(u64 boot_info, u64 vcpu_id)
{
	int error;

	(void)boot_info;
	(void)vcpu_id;
	error = virtio_start(true);
	if (error)
		return 100 + error;
	stack_address = 0;
	stack_run();
}
