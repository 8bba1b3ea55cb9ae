// SPDX-License-Identifier: GPL-2.0
/*
 * Answers on the network card at 10.7.0.2: see stack.h. Through the modern registers, with
 * messages, mergeable buffers and checksums that the host completes.
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
	print(card.link ? "net: up\n" : "net: down\n");
	stack_run();
}
