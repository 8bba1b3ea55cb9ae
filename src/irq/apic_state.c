// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC, and what a vCPU waits for, as user space gets and sets them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/hw.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/* kev_apic_state.esr: what the next write to the register shows lies above what it shows */
#define ESR_BITS	0xffU
#define ESR_NEXT_SHIFT	8

#define NR_WORDS	8	/* of ISR, TMR and IRR */

static u32 *reg(const struct kev_vcpu *vcpu, unsigned int offset)
{
	return kev_apic_reg(vcpu->apic.regs, offset);
}

static void get_field(const struct kev_vcpu *vcpu, unsigned int field, u32 *words)
{
	for (unsigned int i = 0; i < NR_WORDS; i++)
		words[i] = *reg(vcpu, field + i * KEV_APIC_STEP);
}

static void set_field(const struct kev_vcpu *vcpu, unsigned int field, const u32 *words)
{
	for (unsigned int i = 0; i < NR_WORDS; i++)
		*reg(vcpu, field + i * KEV_APIC_STEP) = words[i];
}

/**
 * kev_apic_get_state() - read a local APIC
 * @vcpu: the caller owns it
 * @state: written
 *
 * What others have posted is taken up first, which may end a halt.
 *
 * Context: process.
 */
void kev_apic_get_state(struct kev_vcpu *vcpu, struct kev_apic_state *state)
{
	kev_halt_sync(vcpu);
	*state = (struct kev_apic_state) {
		.id = vcpu->id,
		.tpr = *reg(vcpu, KEV_APIC_TPR),
		.ldr = *reg(vcpu, KEV_APIC_LDR),
		.dfr = *reg(vcpu, KEV_APIC_DFR),
		.svr = *reg(vcpu, KEV_APIC_SVR),
		.esr = *reg(vcpu, KEV_APIC_ESR) | vcpu->apic.errors << ESR_NEXT_SHIFT,
		.initial_count = *reg(vcpu, KEV_APIC_INITIAL_COUNT),
		.divide = *reg(vcpu, KEV_APIC_DIVIDE),
		.icr = (u64)*reg(vcpu, KEV_APIC_ICR_HIGH) << 32 | *reg(vcpu, KEV_APIC_ICR),
		.timer_deadline = kev_timer_deadline(vcpu),
	};
	for (unsigned int i = 0; i < KEV_NR_LVTS; i++)
		state->lvt[i] = *reg(vcpu, KEV_APIC_LVT + i * KEV_APIC_STEP);
	get_field(vcpu, KEV_APIC_ISR, state->isr);
	get_field(vcpu, KEV_APIC_TMR, state->tmr);
	get_field(vcpu, KEV_APIC_IRR, state->irr);
}

/* Vectors of exceptions never get there. */
static bool field_possible(const u32 *words)
{
	return !(words[0] & (BIT(KEV_APIC_FIRST_VECTOR) - 1));
}

static bool lvts_possible(const struct kev_apic_state *state)
{
	for (unsigned int i = 0; i < KEV_NR_LVTS; i++) {
		if (state->lvt[i] & ~kev_apic_lvt_writable[i])
			return false;
		if (!(state->svr & KEV_SVR_ENABLED) && !(state->lvt[i] & KEV_LVT_MASKED))
			return false;
	}
	return true;
}

static bool timer_possible(const struct kev_apic_state *state)
{
	if (state->lvt[KEV_LVT_TIMER] & KEV_LVT_DEADLINE)
		return !state->initial_count;
	return state->initial_count || !state->timer_deadline;
}

/**
 * kev_apic_state_problem() - what a local APIC cannot have
 * @vcpu: whose it is to be
 * @base: IA32_APIC_BASE that goes with it
 * @state: from user space
 *
 * Context: any.
 * Return: the name of the field, or NULL.
 */
const char *kev_apic_state_problem(const struct kev_vcpu *vcpu, u64 base,
				   const struct kev_apic_state *state)
{
	bool x2apic = (base & KEV_APIC_BASE_MODE) == KEV_APIC_BASE_MODE;
	const struct {
		const char *name;
		bool possible;
	} table[] = {
		{ "APIC_ID", state->id == vcpu->id },
		{ "APIC_TPR", state->tpr <= 0xff },
		{ "APIC_LDR", x2apic ? state->ldr == kev_apic_x2_ldr(vcpu->id) :
				       !(state->ldr & 0x00ffffff) },
		{ "APIC_DFR", (state->dfr & 0x0fffffff) == 0x0fffffff },
		{ "APIC_SVR", !(state->svr & ~KEV_SVR_WRITABLE) },
		{ "APIC_ESR", !(state->esr & ~(ESR_BITS | ESR_BITS << ESR_NEXT_SHIFT)) },
		{ "APIC_LVT", lvts_possible(state) },
		{ "APIC_TIMER", timer_possible(state) },
		{ "APIC_DIVIDE", !(state->divide & ~KEV_DIVIDE_WRITABLE) },
		{ "APIC_ICR", !(state->icr & KEV_ICR_BUSY) },
		{ "APIC_ISR", field_possible(state->isr) },
		{ "APIC_TMR", field_possible(state->tmr) },
		{ "APIC_IRR", field_possible(state->irr) },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		if (!table[i].possible)
			return table[i].name;
	return NULL;
}

/**
 * kev_apic_set_state() - write a local APIC
 * @vcpu: the caller owns it; its IA32_APIC_BASE and its TSC are what they are to be
 * @state: kev_apic_state_problem() finds none
 *
 * What others had posted is gone. The caller calls kev_halt_restore() afterwards.
 *
 * Context: process.
 */
void kev_apic_set_state(struct kev_vcpu *vcpu, const struct kev_apic_state *state)
{
	kev_apic_reset(vcpu);
	*reg(vcpu, KEV_APIC_TPR) = state->tpr;
	*reg(vcpu, KEV_APIC_LDR) = state->ldr;
	*reg(vcpu, KEV_APIC_DFR) = state->dfr;
	*reg(vcpu, KEV_APIC_SVR) = state->svr;
	*reg(vcpu, KEV_APIC_ESR) = state->esr & ESR_BITS;
	vcpu->apic.errors = state->esr >> ESR_NEXT_SHIFT;
	for (unsigned int i = 0; i < KEV_NR_LVTS; i++)
		*reg(vcpu, KEV_APIC_LVT + i * KEV_APIC_STEP) = state->lvt[i];
	*reg(vcpu, KEV_APIC_INITIAL_COUNT) = state->initial_count;
	*reg(vcpu, KEV_APIC_DIVIDE) = state->divide;
	*reg(vcpu, KEV_APIC_ICR) = lower_32_bits(state->icr);
	*reg(vcpu, KEV_APIC_ICR_HIGH) = upper_32_bits(state->icr);
	set_field(vcpu, KEV_APIC_ISR, state->isr);
	set_field(vcpu, KEV_APIC_TMR, state->tmr);
	set_field(vcpu, KEV_APIC_IRR, state->irr);
	kev_timer_restore(vcpu, state->timer_deadline);
	kev_apic_publish(vcpu);
}

/**
 * kev_mp_get_state() - what a vCPU waits for
 * @vcpu: the caller owns it
 * @state: written
 *
 * Context: process.
 */
void kev_mp_get_state(struct kev_vcpu *vcpu, struct kev_mp_state *state)
{
	u32 events = READ_ONCE(vcpu->mp_events);

	kev_halt_sync(vcpu);
	*state = (struct kev_mp_state) {
		.state = vcpu->mp,
		.init = !!(events & KEV_MP_EVENT_INIT),
		.sipi = events & (KEV_MP_EVENT_SIPI | KEV_MP_EVENT_VECTOR),
	};
}

/**
 * kev_mp_state_problem() - what cannot be waited for
 * @state: from user space
 *
 * Context: any.
 * Return: the name of the field, or NULL.
 */
const char *kev_mp_state_problem(const struct kev_mp_state *state)
{
	if (state->state > KEV_MP_WAIT_FOR_SIPI || state->reserved)
		return "MP_STATE";
	if (state->init > 1)
		return "MP_INIT";
	if (state->sipi & ~(u32)(KEV_MP_EVENT_SIPI | KEV_MP_EVENT_VECTOR) ||
	    (state->sipi && !(state->sipi & KEV_MP_EVENT_SIPI)))
		return "MP_SIPI";
	return NULL;
}

/**
 * kev_mp_set_state() - what a vCPU waits for
 * @vcpu: the caller owns it, and calls kev_halt_restore() afterwards
 * @state: kev_mp_state_problem() finds none
 *
 * Context: process.
 */
void kev_mp_set_state(struct kev_vcpu *vcpu, const struct kev_mp_state *state)
{
	u32 events = state->sipi | (state->init ? KEV_MP_EVENT_INIT : 0);

	xchg(&vcpu->mp_events, events);
	if (events)
		kev_vcpu_request(vcpu, KEV_REQ_MP);
}
