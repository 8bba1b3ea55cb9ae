// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space may set: values that the guest itself could have written, so that
 * nothing is switched for it that kev does not switch. How they go together the backend
 * checks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <kev/clock.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/state.h>
#include <kev/values.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

static const char reserved_bits[] = "has reserved bits";

static bool bad(struct kev_problem *problem, const char *field, const char *why)
{
	return kev_problem_is(problem, field, why);
}

static bool all_zero(const u16 *reserved)
{
	return !reserved[0] && !reserved[1] && !reserved[2];
}

static bool check_segments(const struct kev_segments *s, struct kev_problem *problem)
{
	const struct {
		const char *name;
		const u16 *reserved;
	} list[] = {
		{ "CS", s->cs.reserved }, { "DS", s->ds.reserved }, { "ES", s->es.reserved },
		{ "FS", s->fs.reserved }, { "GS", s->gs.reserved }, { "SS", s->ss.reserved },
		{ "TR", s->tr.reserved }, { "LDTR", s->ldtr.reserved },
		{ "GDTR", s->gdt.reserved }, { "IDTR", s->idt.reserved },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(list); i++)
		if (!all_zero(list[i].reserved))
			return bad(problem, list[i].name, "reserved fields are not 0");
	return true;
}

static bool check_controls(const struct kev_vm *vm, const struct kev_controls *c,
			   struct kev_problem *problem)
{
	if (c->cr0 & ~kev_info.cr0_guest)
		return bad(problem, "CR0", reserved_bits);
	if ((c->cr0 & X86_CR0_NW) && !(c->cr0 & X86_CR0_CD))
		return bad(problem, "CR0.NW", "without CR0.CD");
	if (c->cr4 & ~kev_vm_cr4_guest(vm))
		return bad(problem, "CR4", "has a bit that the guest does not have");
	if (c->efer & ~kev_vm_efer_guest(vm))
		return bad(problem, "EFER", "has a bit that the guest does not have");
	if ((c->dr7 & ~KEV_DR7_WRITABLE) != KEV_DR7_RESET)
		return bad(problem, "DR7", reserved_bits);
	if (c->xcr0 != KEV_XCR0_X87 && !kev_vm_xcr0_valid(vm, c->xcr0))
		return bad(problem, "XCR0", "XSETBV would not take it");
	return true;
}

static bool check_msrs(const struct kev_msrs *m, struct kev_problem *problem)
{
	const struct {
		const char *name;
		u64 value;
	} addresses[] = {
		{ "LSTAR", m->lstar },
		{ "CSTAR", m->cstar },
	}, own_addresses[] = {	/* that the guest writes without an exit */
		{ "KERNEL_GS_BASE", m->kernel_gs_base },
		{ "SYSENTER_ESP", m->sysenter_esp },
		{ "SYSENTER_EIP", m->sysenter_eip },
	}, words[] = {
		{ "SFMASK", m->sfmask },
		{ "TSC_AUX", m->tsc_aux },
		{ "SYSENTER_CS", m->sysenter_cs },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(addresses); i++)
		if (!kev_canonical(addresses[i].value))
			return bad(problem, addresses[i].name, "is not canonical");
	for (unsigned int i = 0; i < ARRAY_SIZE(own_addresses); i++)
		if (!kev_canonical_in(own_addresses[i].value, kev_info.linear_bits))
			return bad(problem, own_addresses[i].name, "is not canonical");
	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].value >> 32)
			return bad(problem, words[i].name, "has more than 32 bits");
	if (!kev_pat_valid(m->pat))
		return bad(problem, "PAT", "has a reserved memory type");
	if (!kev_apic_base_possible(m->apic_base, kev_info.phys_bits))
		return bad(problem, "APIC_BASE", reserved_bits);
	return true;
}

#define EVENT_VALID		BIT(31)
#define EVENT_HAS_ERROR		BIT(11)
#define EVENT_TYPE(event)	((event) >> 8 & 7)
#define EVENT_SOFTWARE		4	/* and the next two: they have a length */

static bool check_interrupts(const struct kev_interrupts *i, struct kev_problem *problem)
{
	bool software = EVENT_TYPE(i->event) >= EVENT_SOFTWARE;

	if (i->event && !(i->event & EVENT_VALID))
		return bad(problem, "EVENT", "is not valid");
	if (i->event_error && !(i->event & EVENT_HAS_ERROR))
		return bad(problem, "EVENT", "error code of an event without one");
	if (i->event_length && !software)
		return bad(problem, "EVENT", "length of an event without one");
	if (i->nmis > KEV_MAX_NMIS)
		return bad(problem, "NMIS", "are more than can wait");
	if (i->external & ~(u32)(KEV_EXTERNAL_WAITS | 0xff) ||
	    (i->external && !(i->external & KEV_EXTERNAL_WAITS)))
		return bad(problem, "EXTERNAL", reserved_bits);
	return true;
}

static bool check_time(const struct kev_vm *vm, const struct kev_time *t,
		       struct kev_problem *problem)
{
	if (!(vm->flags & KEV_VM_CLOCK) && (t->system_time || t->wall_clock))
		return bad(problem, "SYSTEM_TIME", "the guest has no clock page");
	if (!kev_system_time_valid(t->system_time))
		return bad(problem, "SYSTEM_TIME", "no address of a clock page");
	if (!kev_wall_clock_valid(t->wall_clock))
		return bad(problem, "WALL_CLOCK", "no address of a clock page");
	return true;
}

/**
 * kev_state_check() - could the guest have these values, each by itself
 * @vm: the guest's
 * @state: the groups that it names are looked at
 * @problem: written on failure
 *
 * Context: any.
 * Return: true: it could; else @problem says what could not.
 */
bool kev_state_check(const struct kev_vm *vm, const struct kev_vcpu_state *state,
		     struct kev_problem *problem)
{
	u32 groups = state->groups;

	if (groups & KEV_STATE_DEBUG && (state->debug.dr6 & ~KEV_DR6_WRITABLE) != KEV_DR6_RESET)
		return bad(problem, "DR6", reserved_bits);
	return (!(groups & KEV_STATE_SEGMENTS) || check_segments(&state->segments, problem)) &&
	       (!(groups & KEV_STATE_CONTROLS) ||
		check_controls(vm, &state->controls, problem)) &&
	       (!(groups & KEV_STATE_MSRS) || check_msrs(&state->msrs, problem)) &&
	       (!(groups & KEV_STATE_INTERRUPTS) ||
		check_interrupts(&state->interrupts, problem)) &&
	       (!(groups & KEV_STATE_TIME) || check_time(vm, &state->time, problem));
}
