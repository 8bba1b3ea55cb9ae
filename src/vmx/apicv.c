// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CPU does of the local APIC: a task priority that the guest changes without
 * an exit, and in x2APIC mode, where the CPU can, its registers and the delivery of
 * its interrupts. The page of registers is the CPU's virtual-APIC page, so whatever
 * the CPU changes is changed for everybody.
 *
 * SDM Vol. 3, chapter "APIC Virtualization and Virtual Interrupts".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/io.h>
#include <kev/apic.h>
#include <kev/exit.h>

#include "vmx.h"

#define PROC2_APICV_ON	(KEV_PROC2_X2APIC | KEV_PROC2_APIC_REGISTERS | KEV_PROC2_VIRTUAL_INTERRUPTS)

/* Guest interrupt status: the greatest vector requested, and the greatest in service */
#define STATUS_REQUESTED	0x00ffU
#define STATUS_IN_SERVICE	0xff00U

/**
 * kev_vmx_apic_init() - what stays in the VMCS as it is
 * @vmx: loaded, for the first time
 *
 * No end of interrupt exits: nobody outside the vCPU wants to know.
 *
 * Context: IRQs off.
 */
void kev_vmx_apic_init(struct kev_vmx_vcpu *vmx)
{
	if (!kev_vmx_config.tpr_shadow)
		return;
	kev_vmwrite_64(VIRTUAL_APIC_PAGE_ADDR, virt_to_phys(vmx->vcpu.apic.regs));
	kev_vmwrite_32(TPR_THRESHOLD, 0);
	if (!kev_vmx_config.apicv)
		return;
	kev_vmwrite_64(EOI_EXIT_BITMAP0, 0);
	kev_vmwrite_64(EOI_EXIT_BITMAP1, 0);
	kev_vmwrite_64(EOI_EXIT_BITMAP2, 0);
	kev_vmwrite_64(EOI_EXIT_BITMAP3, 0);
}

/*
 * Which MSRs of x2APIC mode the CPU may serve. Where the VM's policy speaks of one, kev
 * serves them all.
 */
static unsigned int passed_msrs(const struct kev_vmx_vcpu *vmx)
{
	u64 at = vmx->vcpu.apic.at;

	if (!(at & KEV_APIC_AT_X2) || vmx->withheld_msrs & KEV_BITMAP_APIC)
		return 0;
	/* The CPU knows of no APIC that software has disabled, and would take SELF IPI. */
	if (kev_vmx_config.apicv && at & KEV_APIC_AT_ENABLED)
		return KEV_BITMAP_APICV;
	return kev_vmx_config.x2apic ? KEV_BITMAP_TPR : 0;
}

static u8 vector_or_zero(int vector)
{
	return vector < 0 ? 0 : vector;
}

/**
 * kev_vmx_apic_changed() - follow a new mode or new registers of the local APIC
 * @vcpu: loaded
 *
 * Outside x2APIC mode, and where the CPU has no virtual-interrupt delivery, kev does
 * that itself.
 *
 * Context: IRQs off.
 */
void kev_vmx_apic_changed(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	unsigned int passed = passed_msrs(vmx);
	u32 *regs = vcpu->apic.regs;
	u32 on = 0;

	if (passed == KEV_BITMAP_APICV)
		on = PROC2_APICV_ON;
	else if (passed == KEV_BITMAP_TPR)
		on = KEV_PROC2_X2APIC;
	vmx->apicv = on == PROC2_APICV_ON;
	vmx->proc2 = (vmx->proc2 & ~PROC2_APICV_ON) | on;
	kev_vmwrite_32(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	kev_vmx_pass_msrs(vmx, KEV_BITMAP_APIC, passed);
	kev_vmx_watch_tpr(vcpu, 0);
	if (vmx->apicv)
		kev_vmwrite_16(GUEST_INTR_STATUS,
			       vector_or_zero(kev_apic_highest(regs, KEV_APIC_ISR)) << 8 |
			       vector_or_zero(kev_apic_highest(regs, KEV_APIC_IRR)));
}

/**
 * kev_vmx_deliver() - the CPU delivers the interrupts of the local APIC
 * @vcpu: armed, about to enter
 * @vector: the greatest one requested, or -1
 *
 * Context: IRQs off. SDM Vol. 3, "Evaluation of Pending Virtual Interrupts"
 * Return: false if it is on kev to choose one, and to inject it.
 */
bool kev_vmx_deliver(struct kev_vcpu *vcpu, int vector)
{
	u16 status, wanted;

	if (!kev_to_vmx(vcpu)->apicv)
		return false;
	status = kev_vmread_16(GUEST_INTR_STATUS);
	wanted = (status & STATUS_IN_SERVICE) | vector_or_zero(vector);
	if (status != wanted)
		kev_vmwrite_16(GUEST_INTR_STATUS, wanted);
	return true;
}

/**
 * kev_vmx_watch_tpr() - an exit when the guest lowers its task priority
 * @vcpu: loaded
 * @class: there is an exit KEV_EV_TPR when bits 7:4 of the priority are below this; no
 *	greater than they are, or the CPU refuses the entry. 0: no exit
 *
 * Without a TPR shadow every change is an exit anyway.
 *
 * Context: IRQs off. SDM Vol. 3, "Virtualizing the TPR"
 */
void kev_vmx_watch_tpr(struct kev_vcpu *vcpu, u8 class)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (!kev_vmx_config.tpr_shadow || vmx->tpr_threshold == class)
		return;
	vmx->tpr_threshold = class;
	kev_vmwrite_32(TPR_THRESHOLD, class);
}

/**
 * kev_vmx_hold_interrupt() - the CPU delivers none at the next entry
 * @vmx: armed, about to enter
 *
 * It looks at the vector in the guest's interrupt status at the entry, and not at IRR, where
 * the interrupt stays.
 *
 * Context: IRQs off. SDM Vol. 3, "Evaluation of Pending Virtual Interrupts"
 */
void kev_vmx_hold_interrupt(struct kev_vmx_vcpu *vmx)
{
	u16 status;

	vmx->held_vector = 0;
	if (!vmx->apicv)
		return;
	status = kev_vmread_16(GUEST_INTR_STATUS);
	vmx->held_vector = status & STATUS_REQUESTED;
	if (vmx->held_vector)
		kev_vmwrite_16(GUEST_INTR_STATUS, status & STATUS_IN_SERVICE);
}

/**
 * kev_vmx_release_interrupt() - the opposite, where one is held
 * @vmx: armed, after the exit
 *
 * Context: IRQs off.
 */
void kev_vmx_release_interrupt(struct kev_vmx_vcpu *vmx)
{
	u16 status;

	if (!vmx->held_vector)
		return;
	status = kev_vmread_16(GUEST_INTR_STATUS);
	if ((status & STATUS_REQUESTED) < vmx->held_vector)
		kev_vmwrite_16(GUEST_INTR_STATUS,
			       (status & STATUS_IN_SERVICE) | vmx->held_vector);
	vmx->held_vector = 0;
}
