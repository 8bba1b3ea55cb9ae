// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest state in the VMCS, by groups.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/vmx.h>

#include "vmx.h"

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

static void get_gprs(struct kev_vcpu *vcpu, struct kev_gprs *g)
{
	memcpy(g->gpr, vcpu->gpr, sizeof(g->gpr));
	g->gpr[KEV_RSP] = kev_vmread_natural(GUEST_RSP);
	g->rip = kev_vmread_natural(GUEST_RIP);
	g->rflags = kev_vmread_natural(GUEST_RFLAGS);
}

static void set_gprs(struct kev_vcpu *vcpu, const struct kev_gprs *g)
{
	kev_to_vmx(vcpu)->at.valid = false;
	memcpy(vcpu->gpr, g->gpr, sizeof(vcpu->gpr));
	kev_vmwrite_natural(GUEST_RSP, g->gpr[KEV_RSP]);
	kev_vmwrite_natural(GUEST_RIP, g->rip);
	kev_vmwrite_natural(GUEST_RFLAGS, g->rflags);
}

static void get_controls(struct kev_vcpu *vcpu, struct kev_controls *c)
{
	*c = (struct kev_controls) {
		.cr0 = kev_vmx_read_cr(vcpu, 0),
		.cr2 = vcpu->cr2,
		.cr3 = kev_vmread_natural(GUEST_CR3),
		.cr4 = kev_vmx_read_cr(vcpu, 4),
		.efer = kev_to_vmx(vcpu)->efer,
		.xcr0 = vcpu->xcr0,
		.dr7 = vcpu->dr7,
	};
}

/* Of the group INTERRUPTS the rest waits in the neutral part. */
static void get_interrupts(struct kev_vmx_vcpu *vmx, struct kev_interrupts *i)
{
	i->event = vmx->event_info;
	i->event_error = vmx->event_info & INTR_INFO_DELIVER_CODE_MASK ? vmx->event_error : 0;
	i->event_length = vmx->event_info ? vmx->event_length : 0;
	i->interruptibility = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO);
	i->pending_debug = kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS);
}

static void set_interrupts(struct kev_vmx_vcpu *vmx, const struct kev_interrupts *i)
{
	vmx->at.valid = false;
	vmx->event_info = i->event;
	vmx->event_error = i->event_error;
	vmx->event_length = i->event_length;
	kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO, i->interruptibility);
	kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS, i->pending_debug);
}

/**
 * kev_vmx_get() - read groups of the guest's state
 * @vcpu: loaded, not armed
 * @groups: KEV_STATE_*
 * @state: these groups are written, as far as they are in the VMCS or beside it
 *
 * Context: IRQs off.
 */
void kev_vmx_get(struct kev_vcpu *vcpu, u32 groups, struct kev_vcpu_state *state)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (groups & KEV_STATE_GPRS)
		get_gprs(vcpu, &state->gprs);
	if (groups & KEV_STATE_SEGMENTS)
		get_segments(&state->segments);
	if (groups & KEV_STATE_CONTROLS)
		get_controls(vcpu, &state->controls);
	if (groups & KEV_STATE_MSRS)
		get_msrs(vmx, &state->msrs);
	if (groups & KEV_STATE_DEBUG) {
		memcpy(state->debug.dr, vcpu->dr, sizeof(state->debug.dr));
		state->debug.dr6 = vcpu->dr6;
	}
	if (groups & KEV_STATE_INTERRUPTS)
		get_interrupts(vmx, &state->interrupts);
	if (groups & KEV_STATE_TIME)
		state->time.tsc_offset = vmx->tsc_offset;
}

/**
 * kev_vmx_set() - write the groups that a state names
 * @vcpu: loaded, not armed
 * @state: kev_vmx_check_state() accepts what it makes of the vCPU
 *
 * Context: IRQs off.
 */
void kev_vmx_set(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	/* An HLT that the CPU has carried out by itself ends: no group tells of it. */
	kev_vmwrite_32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	if (state->groups & KEV_STATE_GPRS) {
		/* What was to run without its exit is elsewhere. */
		kev_vmx_end_native(vmx);
		set_gprs(vcpu, &state->gprs);
	}
	if (state->groups & KEV_STATE_SEGMENTS)
		set_segments(&state->segments);
	if (state->groups & KEV_STATE_CONTROLS) {
		kev_vmx_set_controls(vmx, &state->controls);
		vcpu->dr7 = state->controls.dr7;
	}
	if (state->groups & KEV_STATE_MSRS)
		set_msrs(vmx, &state->msrs);
	if (state->groups & KEV_STATE_DEBUG) {
		memcpy(vcpu->dr, state->debug.dr, sizeof(vcpu->dr));
		vcpu->dr6 = state->debug.dr6;
	}
	if (state->groups & KEV_STATE_INTERRUPTS)
		set_interrupts(vmx, &state->interrupts);
	if (state->groups & KEV_STATE_TIME) {
		vmx->tsc_offset = state->time.tsc_offset;
		kev_vmwrite_64(TSC_OFFSET, vmx->tsc_offset);
		kev_timer_tsc_changed(vcpu);
	}
}

/**
 * kev_vmx_read_rip() - the guest's RIP
 * @vcpu: loaded
 *
 * Context: IRQs off.
 * Return: its 64 bits.
 */
u64 kev_vmx_read_rip(struct kev_vcpu *vcpu)
{
	return kev_vmread_natural(GUEST_RIP);
}

/**
 * kev_vmx_read_rsp() - the guest's RSP
 * @vcpu: loaded
 *
 * Context: IRQs off.
 * Return: its 64 bits.
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

/* What does not depend on the guest's state */
static void fill_limits(struct kev_vmx_guest *guest)
{
	const struct kev_vmx_config *config = &kev_vmx_config;

	guest->unrestricted = config->unrestricted;
	guest->virtual_nmis = config->pin & KEV_PIN_VIRTUAL_NMIS;
	guest->activities = BIT(GUEST_ACTIVITY_ACTIVE) |
			    (config->activity_hlt ? BIT(GUEST_ACTIVITY_HLT) : 0);
	guest->cr0_fixed0 = config->cr0_fixed0;
	guest->cr0_fixed1 = config->cr0_fixed1;
	guest->cr4_fixed0 = config->cr4_fixed0;
	guest->cr4_fixed1 = config->cr4_fixed1;
	guest->phys_bits = kev_info.phys_bits;
	guest->linear_bits = kev_info.linear_bits;
}

/**
 * kev_vmx_check_state() - would the CPU enter the guest with this state
 * @vcpu: loaded, not armed
 * @state: the groups GPRS, SEGMENTS, CONTROLS, MSRS and INTERRUPTS are filled
 * @problem: written on failure
 *
 * Page-directory-pointer entries are not looked at: they come from the guest's memory
 * before the next entry.
 *
 * Context: IRQs off.
 * Return: 0; -EINVAL no; -EOPNOTSUPP this CPU not, it has no unrestricted guest.
 */
int kev_vmx_check_state(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state,
			struct kev_problem *problem)
{
	struct kev_vmx_guest guest = {
		.cr0 = kev_vmx_real_cr0(state->controls.cr0),
		.cr3 = state->controls.cr3,
		.cr4 = kev_vmx_real_cr4(state->controls.cr4),
		.efer = state->controls.efer,
		.dr7 = state->controls.dr7,
		.debugctl = kev_vmread_64(GUEST_IA32_DEBUGCTL),
		.pat = state->msrs.pat,
		.sysenter_esp = state->msrs.sysenter_esp,
		.sysenter_eip = state->msrs.sysenter_eip,
		.segments = state->segments,
		.rip = state->gprs.rip,
		.rflags = state->gprs.rflags,
		.activity = GUEST_ACTIVITY_ACTIVE,
		.interruptibility = state->interrupts.interruptibility,
		.pending_debug = state->interrupts.pending_debug,
		.link = KEV_VMX_NO_LINK,
		.event = state->interrupts.event,
		.event_error = state->interrupts.event_error,
		.event_length = state->interrupts.event_length,
		.ia32e = state->controls.efer & EFER_LMA,
	};
	u64 missing = kev_vmx_config.cr0_fixed0 & ~state->controls.cr0;

	fill_limits(&guest);
	if (missing & (X86_CR0_PE | X86_CR0_PG)) {
		kev_problem_is(problem, missing & X86_CR0_PE ? "CR0.PE" : "CR0.PG",
			       "clear without unrestricted guest");
		return -EOPNOTSUPP;
	}
	return kev_vmx_check(&guest, problem) ? 0 : -EINVAL;
}

/**
 * kev_vmx_entry_problem() - what was it that the CPU did not like
 * @vcpu: loaded; its last entry has failed, and nothing has changed since
 * @problem: written; empty if kev cannot tell
 *
 * Context: IRQs off.
 */
void kev_vmx_entry_problem(struct kev_vcpu *vcpu, struct kev_problem *problem)
{
	struct kev_vmx_guest guest = {
		.cr0 = kev_vmread_natural(GUEST_CR0),
		.cr3 = kev_vmread_natural(GUEST_CR3),
		.cr4 = kev_vmread_natural(GUEST_CR4),
		.efer = kev_vmread_64(GUEST_IA32_EFER),
		.dr7 = kev_vmread_natural(GUEST_DR7),
		.debugctl = kev_vmread_64(GUEST_IA32_DEBUGCTL),
		.pat = kev_vmread_64(GUEST_IA32_PAT),
		.sysenter_esp = kev_vmread_natural(GUEST_SYSENTER_ESP),
		.sysenter_eip = kev_vmread_natural(GUEST_SYSENTER_EIP),
		.rip = kev_vmread_natural(GUEST_RIP),
		.rflags = kev_vmread_natural(GUEST_RFLAGS),
		.activity = kev_vmread_32(GUEST_ACTIVITY_STATE),
		.interruptibility = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO),
		.pending_debug = kev_vmread_natural(GUEST_PENDING_DBG_EXCEPTIONS),
		.link = kev_vmread_64(VMCS_LINK_POINTER),
		.event = kev_vmread_32(VM_ENTRY_INTR_INFO_FIELD),
		.event_error = kev_vmread_32(VM_ENTRY_EXCEPTION_ERROR_CODE),
		.event_length = kev_vmread_32(VM_ENTRY_INSTRUCTION_LEN),
		.ia32e = kev_vmread_32(VM_ENTRY_CONTROLS) & KEV_VMENTRY_IA32E_GUEST,
	};

	fill_limits(&guest);
	get_segments(&guest.segments);
	for (unsigned int i = 0; i < KEV_NR_PDPTES; i++)
		guest.pdpte[i] = kev_vmread(GUEST_PDPTR0 + 2 * i);
	kev_vmx_check(&guest, problem);
}

/**
 * kev_vmx_code_at() - where the guest fetches 64-bit code
 * @vcpu: loaded
 *
 * Context: IRQs off.
 * Return: RIP and CR3, which is KEV_NO_CODE64 if it does not.
 */
struct kev_code64 kev_vmx_code_at(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (!kev_vmx_code64(vmx))
		return (struct kev_code64) { .cr3 = KEV_NO_CODE64 };
	if (!vmx->at.valid)
		kev_vmx_look_where(vmx);
	return (struct kev_code64) { .rip = vmx->at.rip, .cr3 = vmx->at.cr3 };
}

/**
 * kev_vmx_commit() - take what an instruction that kev has carried out leaves
 * @vcpu: loaded, not armed
 * @rsp: stack pointer
 * @rflags: flags
 *
 * Unlike with kev_vmx_set() the guest goes on where it is: blocking and what is pending stay.
 *
 * Context: IRQs off.
 */
void kev_vmx_commit(struct kev_vcpu *vcpu, u64 rsp, u64 rflags)
{
	kev_to_vmx(vcpu)->at.valid = false;
	kev_vmwrite_natural(GUEST_RSP, rsp);
	kev_vmwrite_natural(GUEST_RFLAGS, rflags);
}
