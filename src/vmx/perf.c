// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's performance counters around the time that a guest runs.
 *
 * Those that the host keeps for itself stop; PEBS would write its records to host addresses
 * through the guest's page tables. An NMI's handler turns all of them on again, and NMIs come
 * between the last look and the entry, too: IA32_PERF_GLOBAL_CTRL, without which none counts,
 * changes with the entry and with the exit. The areas of MSRs do that on every CPU; with the
 * controls for this one MSR, exits of Nehalem and Westmere do not always load it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/perf_event.h>
#include <asm/msr.h>
#include <asm/perf_event.h>

#include "vmx.h"

/* There are counters of the host that a guest's entry and exit have to switch. */
bool kev_vmx_perf_switches __ro_after_init;

/**
 * kev_vmx_perf_init() - is there a driver of the counters that wants them switched
 *
 * It is part of the kernel: it is there by now, or never.
 */
void kev_vmx_perf_init(void)
{
	int nr;

	/* It looks at this CPU's counters. */
	preempt_disable();
	kev_vmx_perf_switches = perf_guest_get_msrs(&nr, NULL);
	preempt_enable();
}

/* The next entries load the guest's value, and their exits the host's. */
static void switch_with_entry(struct kev_vmx_vcpu *vmx, const struct perf_guest_switch_msr *msr)
{
	bool differ = msr->guest != msr->host;

	vmx->perf_guest.value = msr->guest;
	vmx->perf_host.value = msr->host;
	if (differ == vmx->perf_loaded)
		return;
	kev_vmwrite_32(VM_ENTRY_MSR_LOAD_COUNT, differ);
	kev_vmwrite_32(VM_EXIT_MSR_LOAD_COUNT, differ);
	vmx->perf_loaded = differ;
}

/**
 * kev_vmx_perf_setup() - the areas of MSRs of a new VMCS
 * @vmx: its VMCS is current
 *
 * Context: IRQs off. SDM Vol. 3, "VM-Entry Controls for MSRs", "VM-Exit Controls for MSRs"
 */
void kev_vmx_perf_setup(struct kev_vmx_vcpu *vmx)
{
	vmx->perf_guest = (struct vmx_msr_entry) { .index = MSR_CORE_PERF_GLOBAL_CTRL };
	vmx->perf_host = vmx->perf_guest;
	vmx->perf_loaded = false;
	kev_vmwrite_64(VM_ENTRY_MSR_LOAD_ADDR, __pa(&vmx->perf_guest));
	kev_vmwrite_64(VM_EXIT_MSR_LOAD_ADDR, __pa(&vmx->perf_host));
	kev_vmwrite_32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	kev_vmwrite_32(VM_EXIT_MSR_LOAD_COUNT, 0);
	kev_vmwrite_32(VM_EXIT_MSR_STORE_COUNT, 0);
}

/**
 * kev_vmx_perf_to_guest() - stop the host's counters from the next entry on
 * @vmx: about to be armed; or armed, and the handler of an NMI has put them back
 *
 * PEBS stops now: a record that is being written is to be finished before the entry.
 *
 * Context: IRQs off.
 */
void kev_vmx_perf_to_guest(struct kev_vmx_vcpu *vmx)
{
	const struct perf_guest_switch_msr *msrs;
	int nr;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (int i = 0; i < nr; i++) {
		if (msrs[i].msr == MSR_CORE_PERF_GLOBAL_CTRL)
			switch_with_entry(vmx, &msrs[i]);
		else if (msrs[i].host != msrs[i].guest)
			wrmsrq(msrs[i].msr, msrs[i].guest);
	}
}

/**
 * kev_vmx_perf_to_host() - give the host what the last exit has not
 *
 * Context: armed, IRQs off.
 */
void kev_vmx_perf_to_host(void)
{
	const struct perf_guest_switch_msr *msrs;
	int nr;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (int i = 0; i < nr; i++)
		if (msrs[i].msr != MSR_CORE_PERF_GLOBAL_CTRL && msrs[i].host != msrs[i].guest)
			wrmsrq(msrs[i].msr, msrs[i].host);
}
