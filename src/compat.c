// SPDX-License-Identifier: GPL-2.0-only
/*
 * What compat.h cannot do inline.
 */
#include <kev/compat.h>

/* The kernel's function writes run->exit_reason and a counter of it. */
static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

int kev_handle_guest_work(void)
{
	return xfer_to_guest_mode_handle_work(&nobody);
}
