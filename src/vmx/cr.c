// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's control registers in the VMCS: what it owns, what it reads, what a write
 * of it does to the mode.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>
#include <kev/cr.h>
#include <kev/walk.h>

#include "vmx.h"

/* The guest writes these without an exit. TS and the like are its own business. */
#define CR0_GUEST_OWNED	(X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_WP | X86_CR0_AM)

/* Entries and exits leave these of the CPU alone, they belong to the host. */
#define CR0_HOST_ONLY	(X86_CR0_CD | X86_CR0_NW)

#define TYPE_BUSY_TSS16	3

/* User space sees every write: then nothing is the guest's alone. */
static bool intercepted(const struct kev_vmx_vcpu *vmx)
{
	return vmx->vcpu.vm->intercepts & KEV_INTERCEPT_CR;
}

/* @all: every write of the guest's is an exit */
static void write_masks(struct kev_vmx_vcpu *vmx, bool all)
{
	vmx->cr0_owned = all ? 0 : CR0_GUEST_OWNED;
	/* CPUID and XSETBV follow OSXSAVE, so kev has to see it change. MCE is the host's. */
	vmx->cr4_owned = all ? 0 :
			 kev_vm_cr4_guest(vmx->vcpu.vm) & ~(X86_CR4_OSXSAVE | X86_CR4_MCE);
	kev_vmwrite_natural(CR0_GUEST_HOST_MASK, ~vmx->cr0_owned);
	kev_vmwrite_natural(CR4_GUEST_HOST_MASK, ~vmx->cr4_owned);
}

/**
 * kev_vmx_real_cr0() - what the CPU gets for a CR0 of the guest
 * @value: as the guest reads it
 *
 * Return: what the CPU's register holds in the guest.
 */
u64 kev_vmx_real_cr0(u64 value)
{
	return (value & ~CR0_HOST_ONLY) | (kev_vmx_config.cr0_fixed0 & X86_CR0_NE) | X86_CR0_ET;
}

/**
 * kev_vmx_real_cr4() - what the CPU gets for a CR4 of the guest
 * @value: as the guest reads it
 *
 * Return: what the CPU's register holds in the guest.
 */
u64 kev_vmx_real_cr4(u64 value)
{
	/* With MCE clear a machine check shuts the machine down: the host's choice holds. */
	return (value & ~X86_CR4_MCE) | (kev_vmx_config.cr4_fixed0 & X86_CR4_VMXE) |
	       (cr4_read_shadow() & X86_CR4_MCE);
}

static void set_cr0(struct kev_vmx_vcpu *vmx, u64 value)
{
	vmx->cr0_shadow = value;
	kev_vmwrite_natural(CR0_READ_SHADOW, value);
	kev_vmwrite_natural(GUEST_CR0, kev_vmx_real_cr0(value));
}

static void set_cr4(struct kev_vmx_vcpu *vmx, u64 value)
{
	vmx->cr4_shadow = value;
	kev_vmwrite_natural(CR4_READ_SHADOW, value);
	kev_vmwrite_natural(GUEST_CR4, kev_vmx_real_cr4(value));
	vmx->vcpu.osxsave = value & X86_CR4_OSXSAVE;
}

static void set_efer(struct kev_vmx_vcpu *vmx, u64 value)
{
	u32 entry = kev_vmx_config.entry;

	vmx->efer = value;
	vmx->due |= KEV_DUE_USER_MSRS;
	if (value & EFER_LMA)
		entry |= KEV_VMENTRY_IA32E_GUEST;
	kev_vmwrite_32(VM_ENTRY_CONTROLS, entry);
	kev_vmwrite_64(GUEST_IA32_EFER, value);
}

/**
 * kev_vmx_cr_policy() - who owns which bits, as the VM's policy has it
 * @vmx: loaded; the policy is final
 *
 * Context: IRQs off.
 * Return: 0, or -EINVAL: CR4 has a bit that the VM's CPUID does not allow.
 */
int kev_vmx_cr_policy(struct kev_vmx_vcpu *vmx)
{
	struct kev_vcpu *vcpu = &vmx->vcpu;
	u64 cr0 = kev_vmx_read_cr(vcpu, 0), cr4 = kev_vmx_read_cr(vcpu, 4);

	if (cr4 & ~kev_vm_cr4_guest(vcpu->vm))
		return -EINVAL;
	write_masks(vmx, intercepted(vmx));
	set_cr0(vmx, cr0);
	set_cr4(vmx, cr4);
	/* Without a TPR shadow they are on anyway. */
	if (kev_vmx_config.tpr_shadow)
		kev_vmx_set_proc(vmx, KEV_PROC_CR8_LOAD | KEV_PROC_CR8_STORE, intercepted(vmx));
	return 0;
}

/**
 * kev_vmx_set_controls() - write the group CONTROLS
 * @vmx: loaded
 * @controls: checked
 *
 * With PAE paging the caller sees to the page-directory-pointer entries.
 *
 * Context: IRQs off.
 */
void kev_vmx_set_controls(struct kev_vmx_vcpu *vmx, const struct kev_controls *controls)
{
	struct kev_vcpu *vcpu = &vmx->vcpu;

	/* Until the vCPU runs the policy may change: kev_vmx_cr_policy() is to come. */
	write_masks(vmx, vmx->vcpu.policed && intercepted(vmx));
	set_efer(vmx, controls->efer);
	set_cr0(vmx, controls->cr0 | X86_CR0_ET);
	set_cr4(vmx, controls->cr4);
	kev_vmwrite_natural(GUEST_CR3, controls->cr3);
	vmx->at.valid = false;
	vcpu->cr2 = controls->cr2;
	vcpu->xcr0 = controls->xcr0;
	kev_vcpu_note_xcr0(vcpu);
	/* PCID and global translations of the old state are the guest's no more. */
	kev_vmx_flush_vpid(vmx);
}

/**
 * kev_vmx_set_pdptes() - the page-directory-pointer entries that the guest goes on with
 * @vcpu: loaded
 * @pdptes: KEV_NR_PDPTES of them, unchecked: what will not do fails the entry
 *
 * Context: IRQs off.
 */
void kev_vmx_set_pdptes(struct kev_vcpu *vcpu, const u64 *pdptes)
{
	for (unsigned int i = 0; i < KEV_NR_PDPTES; i++)
		kev_vmwrite(GUEST_PDPTR0 + 2 * i, pdptes[i]);
}

static bool pdptes_valid(const u64 *pdptes)
{
	for (unsigned int i = 0; i < KEV_NR_PDPTES; i++)
		if (!kev_pdpte_valid(pdptes[i], kev_info.phys_bits))
			return false;
	return true;
}

/**
 * kev_vmx_write_cr() - the guest writes CR0, CR3 or CR4
 * @vcpu: armed, or with @pdptes loaded
 * @cr: 0, 3 or 4
 * @value: what it writes
 * @pdptes: page-directory-pointer entries that CR3, or @value for CR3, points to; NULL:
 *	not known
 *
 * Context: IRQs off.
 * Return: 0; -EINVAL #GP(0); -EAGAIN @pdptes are wanted; -EOPNOTSUPP without unrestricted
 * guest the CPU does not run the mode that the write leads to. But for 0 nothing has
 * changed.
 */
int kev_vmx_write_cr(struct kev_vcpu *vcpu, unsigned int cr, u64 value, const u64 *pdptes)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	const struct kev_cr_state state = {
		.cr0 = kev_vmx_read_cr(vcpu, 0),
		.cr3 = kev_vmread_natural(GUEST_CR3),
		.cr4 = kev_vmx_read_cr(vcpu, 4),
		.efer = vmx->efer,
		.code64 = kev_vmread_32(GUEST_CS_AR_BYTES) & KEV_SEG_L,
		.tss16 = (kev_vmread_32(GUEST_TR_AR_BYTES) & KEV_SEG_TYPE) == TYPE_BUSY_TSS16,
		.cr0_allowed = kev_info.cr0_guest,
		.cr4_allowed = kev_vm_cr4_guest(vcpu->vm),
		.phys_bits = kev_info.phys_bits,
	};
	struct kev_cr_change change;

	if (kev_cr_write(&state, cr, value, &change))
		return -EINVAL;
	if (cr == 0 && kev_vmx_config.cr0_fixed0 & ~change.value & (X86_CR0_PE | X86_CR0_PG))
		return -EOPNOTSUPP;
	if (change.load_pdptes) {
		if (!pdptes)
			return -EAGAIN;
		if (!pdptes_valid(pdptes))
			return -EINVAL;
		kev_vmx_set_pdptes(vcpu, pdptes);
	}
	switch (cr) {
	case 0:
		set_cr0(vmx, change.value);
		if (change.efer != state.efer)
			set_efer(vmx, change.efer);
		break;
	case 3:
		kev_vmwrite_natural(GUEST_CR3, change.value);
		break;
	default:
		set_cr4(vmx, change.value);
		break;
	}
	if (change.flush)
		kev_vmx_flush_vpid(vmx);
	return 0;
}

/**
 * kev_vmx_paging() - what a walk of the guest's page tables needs
 * @vcpu: loaded
 * @paging: written
 *
 * Context: IRQs off.
 */
void kev_vmx_paging(struct kev_vcpu *vcpu, struct kev_paging *paging)
{
	paging->cr0 = kev_vmx_read_cr(vcpu, 0);
	paging->cr3 = kev_vmread_natural(GUEST_CR3);
	paging->cr4 = kev_vmx_read_cr(vcpu, 4);
	paging->efer = kev_to_vmx(vcpu)->efer;
	paging->phys_bits = kev_info.phys_bits;
}
