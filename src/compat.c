// SPDX-License-Identifier: GPL-2.0-only
/*
 * What compat.h cannot do inline.
 */
#include <kev/compat.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)

int kev_handle_guest_work(void)
{
	return xfer_to_guest_mode_handle_work();
}

#else

/*
 * The kernel's function notes a signal in the KVM vCPU that it is given, so it
 * gets one that nobody reads.
 */
static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

int kev_handle_guest_work(void)
{
	return xfer_to_guest_mode_handle_work(&nobody);
}

#endif
