// SPDX-License-Identifier: GPL-2.0
/* Exercise: a pager that takes the page away that came first. */
#include <errno.h>
#include <libkev.h>

#include "pager.h"

int pager_fault(struct pager *pager, uint64_t gpa)
{
	/*
	 * To do:
	 * 1. If all frames are used: keep what the guest has left in the page that came first
	 *    (kev_vm_read_memory()), and take it away (kev_vm_discard()).
	 * 2. Bring the page that is wanted (kev_vm_write_memory()), whole and at once.
	 */
	return -ENOSYS;
}
