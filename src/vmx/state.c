// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state in the VMCS: groups of it for user space, control registers for
 * the guest.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>
#include <kev/exit.h>
#include <kev/walk.h>

#include "vmx.h"

/* The guest writes these without an exit. TS and the like are its own business. */
#define CR0_GUEST_OWNED	(X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_WP | X86_CR0_AM)

/* Entries and exits leave these of the CPU alone, they belong to the host. */
#define CR0_HOST_ONLY	(X86_CR0_CD | X86_CR0_NW)

/* Changing one of these flushes what the CPU has cached of the guest's translations. */
#define CR4_FLUSHES	(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PCIDE | X86_CR4_SMEP)

/* CPUID and XSETBV follow OSXSAVE, so kev has to see it change. */
static u64 cr4_guest_owned(const struct kev_vcpu *vcpu)
{
	return kev_vm_cr4_guest(vcpu->vm) & ~X86_CR4_OSXSAVE;
}

static void set_cr0(u64 value)
{
	kev_vmwrite_natural(CR0_GUEST_HOST_MASK, ~CR0_GUEST_OWNED);
	kev_vmwrite_natural(CR0_READ_SHADOW, value);
	kev_vmwrite_natural(GUEST_CR0, (value & ~CR0_HOST_ONLY) |
			    (kev_vmx_config.cr0_fixed0 & X86_CR0_NE) | X86_CR0_ET);
}

static void set_cr4(struct kev_vcpu *vcpu, u64 value)
{
	kev_vmwrite_natural(CR4_GUEST_HOST_MASK, ~cr4_guest_owned(vcpu));
	kev_vmwrite_natural(CR4_READ_SHADOW, value);
	/* With MCE clear a machine check shuts the machine down: the host's choice holds. */
	kev_vmwrite_natural(GUEST_CR4, value | (kev_vmx_config.cr4_fixed0 & X86_CR4_VMXE) |
			    (cr4_read_shadow() & X86_CR4_MCE));
	vcpu->osxsave = value & X86_CR4_OSXSAVE;
}

static void set_efer(u64 value)
{
	u32 entry = kev_vmx_config.entry;

	if (value & EFER_LMA)
		entry |= KEV_VMENTRY_IA32E_GUEST;
	kev_vmwrite_32(VM_ENTRY_CONTROLS, entry);
	kev_vmwrite_64(GUEST_IA32_EFER, value);
}

/**
 * kev_vmx_read_cr() - CR0 or CR4 as the guest reads it
 * @vcpu: loaded
 * @cr: 0 or 4
 *
 * Context: IRQs off.
 */
u64 kev_vmx_read_cr(struct kev_vcpu *vcpu, unsigned int cr)
{
	u64 owned = cr ? cr4_guest_owned(vcpu) : CR0_GUEST_OWNED;
	u64 real = kev_vmread_natural(cr ? GUEST_CR4 : GUEST_CR0);
	u64 shadow = kev_vmread_natural(cr ? CR4_READ_SHADOW : CR0_READ_SHADOW);

	return (real & owned) | (shadow & ~owned);
}

/**
 * kev_vmx_write_cr() - the guest writes CR0 or CR4
 * @vcpu: armed
 * @cr: 0 or 4
 * @value: what it writes
 *
 * Context: IRQs off. SDM Vol. 2, "MOV—Move to/from Control Registers"
 * Return: 0; -EINVAL #GP(0); -EOPNOTSUPP the write would change the mode.
 */
int kev_vmx_write_cr(struct kev_vcpu *vcpu, unsigned int cr, u64 value)
{
	u64 old = kev_vmx_read_cr(vcpu, cr);
	u64 changed = old ^ value;
	u64 efer = kev_vmread_64(GUEST_IA32_EFER);

	if (cr == 0) {
		if (value >> 32)
			return -EINVAL;
		value = (value & kev_info.cr0_guest) | X86_CR0_ET;
		if ((value & X86_CR0_PG) && !(value & X86_CR0_PE))
			return -EINVAL;
		if ((value & X86_CR0_NW) && !(value & X86_CR0_CD))
			return -EINVAL;
		if (changed & (X86_CR0_PG | X86_CR0_PE))
			return -EOPNOTSUPP;
		set_cr0(value);
		return 0;
	}

	if (value & ~kev_vm_cr4_guest(vcpu->vm))
		return -EINVAL;
	if ((efer & EFER_LMA) && !(value & X86_CR4_PAE))
		return -EINVAL;
	if (changed & value & X86_CR4_PCIDE) {
		if (!(efer & EFER_LMA) || (kev_vmread_natural(GUEST_CR3) & 0xfff))
			return -EINVAL;
	}
	set_cr4(vcpu, value);
	if (changed & CR4_FLUSHES)
		kev_vmx_flush_vpid(kev_to_vmx(vcpu));
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
	paging->efer = kev_vmread_64(GUEST_IA32_EFER);
	paging->phys_bits = kev_info.phys_bits;
}

enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR };

static_assert((int)GUEST_TR_BASE - (int)GUEST_ES_BASE == 2 * SEG_TR);
static_assert((int)GUEST_TR_LIMIT - (int)GUEST_ES_LIMIT == 2 * SEG_TR);
static_assert((int)GUEST_TR_AR_BYTES - (int)GUEST_ES_AR_BYTES == 2 * SEG_TR);
static_assert((int)GUEST_TR_SELECTOR - (int)GUEST_ES_SELECTOR == 2 * SEG_TR);

static void get_segment(struct kev_segment *seg, unsigned int index)
{
	/* Fields of one kind follow each other in the order ES CS SS DS FS GS LDTR TR. */
	*seg = (struct kev_segment) {
		.base = kev_vmread(GUEST_ES_BASE + 2 * index),
		.limit = kev_vmread(GUEST_ES_LIMIT + 2 * index),
		.access = kev_vmread(GUEST_ES_AR_BYTES + 2 * index),
		.selector = kev_vmread(GUEST_ES_SELECTOR + 2 * index),
	};
}

static void set_segment(const struct kev_segment *seg, unsigned int index)
{
	kev_vmwrite(GUEST_ES_BASE + 2 * index, seg->base);
	kev_vmwrite(GUEST_ES_LIMIT + 2 * index, seg->limit);
	kev_vmwrite(GUEST_ES_AR_BYTES + 2 * index, seg->access);
	kev_vmwrite(GUEST_ES_SELECTOR + 2 * index, seg->selector);
}

static void get_segments(struct kev_segments *s)
{
	get_segment(&s->es, SEG_ES);
	get_segment(&s->cs, SEG_CS);
	get_segment(&s->ss, SEG_SS);
	get_segment(&s->ds, SEG_DS);
	get_segment(&s->fs, SEG_FS);
	get_segment(&s->gs, SEG_GS);
	get_segment(&s->ldtr, SEG_LDTR);
	get_segment(&s->tr, SEG_TR);
	s->gdt = (struct kev_table) {
		.base = kev_vmread_natural(GUEST_GDTR_BASE),
		.limit = kev_vmread_32(GUEST_GDTR_LIMIT),
	};
	s->idt = (struct kev_table) {
		.base = kev_vmread_natural(GUEST_IDTR_BASE),
		.limit = kev_vmread_32(GUEST_IDTR_LIMIT),
	};
}

static void set_segments(const struct kev_segments *s)
{
	set_segment(&s->es, SEG_ES);
	set_segment(&s->cs, SEG_CS);
	set_segment(&s->ss, SEG_SS);
	set_segment(&s->ds, SEG_DS);
	set_segment(&s->fs, SEG_FS);
	set_segment(&s->gs, SEG_GS);
	set_segment(&s->ldtr, SEG_LDTR);
	set_segment(&s->tr, SEG_TR);
	kev_vmwrite_natural(GUEST_GDTR_BASE, s->gdt.base);
	kev_vmwrite_32(GUEST_GDTR_LIMIT, s->gdt.limit);
	kev_vmwrite_natural(GUEST_IDTR_BASE, s->idt.base);
	kev_vmwrite_32(GUEST_IDTR_LIMIT, s->idt.limit);
}

static void get_msrs(struct kev_vmx_vcpu *vmx, struct kev_msrs *m)
{
	*m = (struct kev_msrs) {
		.star = vmx->user_msrs[KEV_USER_STAR],
		.lstar = vmx->user_msrs[KEV_USER_LSTAR],
		.cstar = vmx->user_msrs[KEV_USER_CSTAR],
		.sfmask = vmx->user_msrs[KEV_USER_SYSCALL_MASK],
		.tsc_aux = vmx->user_msrs[KEV_USER_TSC_AUX],
		.kernel_gs_base = vmx->kernel_gs_base,
		.sysenter_cs = kev_vmread_32(GUEST_SYSENTER_CS),
		.sysenter_esp = kev_vmread_natural(GUEST_SYSENTER_ESP),
		.sysenter_eip = kev_vmread_natural(GUEST_SYSENTER_EIP),
		.pat = kev_vmread_64(GUEST_IA32_PAT),
		.apic_base = vmx->vcpu.msr.apic_base,
		.misc_enable = vmx->vcpu.msr.misc_enable,
	};
}

static void set_msrs(struct kev_vmx_vcpu *vmx, const struct kev_msrs *m)
{
	vmx->user_msrs[KEV_USER_STAR] = m->star;
	vmx->user_msrs[KEV_USER_LSTAR] = m->lstar;
	vmx->user_msrs[KEV_USER_CSTAR] = m->cstar;
	vmx->user_msrs[KEV_USER_SYSCALL_MASK] = m->sfmask;
	vmx->user_msrs[KEV_USER_TSC_AUX] = m->tsc_aux;
	vmx->kernel_gs_base = m->kernel_gs_base;
	kev_vmwrite_32(GUEST_SYSENTER_CS, m->sysenter_cs);
	kev_vmwrite_natural(GUEST_SYSENTER_ESP, m->sysenter_esp);
	kev_vmwrite_natural(GUEST_SYSENTER_EIP, m->sysenter_eip);
	kev_vmwrite_64(GUEST_IA32_PAT, m->pat);
	kev_apic_set_base(&vmx->vcpu, m->apic_base);
	vmx->vcpu.msr.misc_enable = m->misc_enable;
}

/**
 * kev_vmx_get() - read groups of the guest's state
 * @vcpu: loaded, not armed
 * @groups: KEV_STATE_*
 * @state: these groups are written
 *
 * Context: IRQs off.
 */
void kev_vmx_get(struct kev_vcpu *vcpu, u32 groups, struct kev_vcpu_state *state)
{
	if (groups & KEV_STATE_GPRS) {
		memcpy(state->gprs.gpr, vcpu->gpr, sizeof(state->gprs.gpr));
		state->gprs.gpr[KEV_RSP] = kev_vmread_natural(GUEST_RSP);
		state->gprs.rip = kev_vmread_natural(GUEST_RIP);
		state->gprs.rflags = kev_vmread_natural(GUEST_RFLAGS);
	}
	if (groups & KEV_STATE_SEGMENTS)
		get_segments(&state->segments);
	if (groups & KEV_STATE_CONTROLS)
		state->controls = (struct kev_controls) {
			.cr0 = kev_vmx_read_cr(vcpu, 0),
			.cr2 = vcpu->cr2,
			.cr3 = kev_vmread_natural(GUEST_CR3),
			.cr4 = kev_vmx_read_cr(vcpu, 4),
			.efer = kev_vmread_64(GUEST_IA32_EFER),
			.xcr0 = vcpu->xcr0,
			.dr7 = vcpu->dr7,
		};
	if (groups & KEV_STATE_MSRS)
		get_msrs(kev_to_vmx(vcpu), &state->msrs);
}

/**
 * kev_vmx_set() - write the groups that a state names
 * @vcpu: loaded, not armed
 * @state: checked for what could hurt the host
 *
 * What the CPU does not like it refuses at the next entry.
 *
 * Context: IRQs off.
 */
void kev_vmx_set(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (state->groups & KEV_STATE_GPRS) {
		memcpy(vcpu->gpr, state->gprs.gpr, sizeof(vcpu->gpr));
		kev_vmwrite_natural(GUEST_RSP, state->gprs.gpr[KEV_RSP]);
		kev_vmwrite_natural(GUEST_RIP, state->gprs.rip);
		kev_vmwrite_natural(GUEST_RFLAGS, state->gprs.rflags);
		/* Control goes elsewhere: nothing is left to deliver or to step over. */
		vmx->event_info = 0;
		kev_vmx_end_native(vmx);
		kev_vmwrite_32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
		kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO, 0);
		kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	}
	if (state->groups & KEV_STATE_SEGMENTS)
		set_segments(&state->segments);
	if (state->groups & KEV_STATE_CONTROLS) {
		set_efer(state->controls.efer);
		set_cr0(state->controls.cr0);
		set_cr4(vcpu, state->controls.cr4);
		kev_vmwrite_natural(GUEST_CR3, state->controls.cr3);
		vcpu->dr7 = state->controls.dr7;
		vcpu->cr2 = state->controls.cr2;
		vcpu->xcr0 = state->controls.xcr0;
	}
	if (state->groups & KEV_STATE_MSRS)
		set_msrs(vmx, &state->msrs);
	/* PCID and global translations of the old state are the guest's no more. */
	if (state->groups & KEV_STATE_CONTROLS)
		kev_vmx_flush_vpid(vmx);
}

/**
 * kev_vmx_read_rsp() - the guest's RSP
 * @vcpu: loaded
 *
 * Context: IRQs off.
 */
u64 kev_vmx_read_rsp(struct kev_vcpu *vcpu)
{
	return kev_vmread_natural(GUEST_RSP);
}

/**
 * kev_vmx_write_rsp() - change the guest's RSP
 * @vcpu: loaded
 * @value: what
 *
 * Context: IRQs off.
 */
void kev_vmx_write_rsp(struct kev_vcpu *vcpu, u64 value)
{
	kev_vmwrite_natural(GUEST_RSP, value);
}
