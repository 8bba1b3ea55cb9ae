// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's performance counters around the time that a guest runs.
 *
 * Those that the host keeps for itself stop; PEBS would write its records to host addresses
 * through the guest's page tables. An NMI's handler turns all of them on again, and NMIs come
 * between the last look and the entry, too: IA32_PERF_GLOBAL_CTRL, without which none counts, and
 * IA32_PEBS_ENABLE change with the entry and with the exit. The areas of MSRs do that on every
 * CPU; with the controls for the first of them, exits of Nehalem and Westmere do not always load
 * it.
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

/* What changes with the entry: as many as KEV_VMX_PERF_MSRS */
static bool is_loaded(u32 index)
{
	return index == MSR_CORE_PERF_GLOBAL_CTRL || index == MSR_IA32_PEBS_ENABLE;
}

/**
 * kev_vmx_perf_setup() - the areas of MSRs of a new VMCS
 * @vmx: its VMCS is current
 *
 * Context: IRQs off. SDM Vol. 3, "VM-Entry Controls for MSRs", "VM-Exit Controls for MSRs"
 */
void kev_vmx_perf_setup(struct kev_vmx_vcpu *vmx)
{
	vmx->perf_count = 0;
	kev_vmwrite_64(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->perf_guest));
	kev_vmwrite_64(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->perf_host));
	kev_vmwrite_32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	kev_vmwrite_32(VM_EXIT_MSR_LOAD_COUNT, 0);
	kev_vmwrite_32(VM_EXIT_MSR_STORE_COUNT, 0);
}

/**
 * kev_vmx_perf_to_guest() - stop the host's counters from the next entry on
 * @vmx: about to be armed; or armed, and the handler of an NMI has put them back
 *
 * PEBS stops now, too: a record that is being written is to be finished before the entry.
 *
 * Context: IRQs off.
 */
void kev_vmx_perf_to_guest(struct kev_vmx_vcpu *vmx)
{
	const struct perf_guest_switch_msr *msrs;
	unsigned int count = 0;
	int nr;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (int i = 0; i < nr; i++) {
		const struct perf_guest_switch_msr *msr = &msrs[i];

		if (msr->host == msr->guest)
			continue;
		if (msr->msr != MSR_CORE_PERF_GLOBAL_CTRL)
			wrmsrq(msr->msr, msr->guest);
		if (!is_loaded(msr->msr) || WARN_ON_ONCE(count == KEV_VMX_PERF_MSRS))
			continue;
		vmx->perf_guest[count] = (struct vmx_msr_entry) { msr->msr, .value = msr->guest };
		vmx->perf_host[count++] = (struct vmx_msr_entry) { msr->msr, .value = msr->host };
	}
	if (count == vmx->perf_count)
		return;
	kev_vmwrite_32(VM_ENTRY_MSR_LOAD_COUNT, count);
	kev_vmwrite_32(VM_EXIT_MSR_LOAD_COUNT, count);
	vmx->perf_count = count;
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
