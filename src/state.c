// SPDX-License-Identifier: GPL-2.0-only
/*
 * KEV_VCPU_GET_STATE and KEV_VCPU_SET_STATE: a vCPU's state out and in, by groups.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/boot.h>
#include <kev/cr.h>
#include <kev/exit.h>
#include <kev/state.h>
#include <kev/uapi.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/* What the backend has of a state, and looks at before it takes another */
#define CHECKED_GROUPS	(KEV_STATE_GPRS | KEV_STATE_SEGMENTS | KEV_STATE_CONTROLS |	\
			 KEV_STATE_MSRS | KEV_STATE_INTERRUPTS)

#define GROUP(bit, last)	{ (bit), offsetofend(struct kev_vcpu_state, last) }

/* Each group that there is, and how much of the structure it takes */
static const struct {
	u32 bit;
	u32 end;
} groups[] = {
	GROUP(KEV_STATE_GPRS, gprs),
	GROUP(KEV_STATE_SEGMENTS, segments),
	GROUP(KEV_STATE_CONTROLS, controls),
	GROUP(KEV_STATE_MSRS, msrs),
	GROUP(KEV_STATE_DEBUG, debug),
	GROUP(KEV_STATE_INTERRUPTS, interrupts),
	GROUP(KEV_STATE_APIC, apic),
	GROUP(KEV_STATE_MP, mp),
	GROUP(KEV_STATE_TIME, time),
	GROUP(KEV_STATE_XSAVE, xsave_size),
	GROUP(KEV_STATE_MSR_VALUES, reserved2),
};

/* A caller of an older kev has a shorter structure. */
static bool groups_valid(const struct kev_vcpu_state *state)
{
	u32 left = state->groups;

	for (unsigned int i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!(left & groups[i].bit))
			continue;
		if (state->size < groups[i].end)
			return false;
		left &= ~groups[i].bit;
	}
	if (state->groups & KEV_STATE_XSAVE && state->xsave_size != kev_fpu_image_size())
		return false;
	if (state->groups & KEV_STATE_MSR_VALUES &&
	    (state->nr_msr_values > KEV_MAX_MSR_POLICIES || state->reserved2))
		return false;
	return state->groups && !left && !state->reserved;
}

/* Bytes at kev_vcpu_state.msr_values */
static size_t values_size(const struct kev_vcpu_state *state)
{
	return state->groups & KEV_STATE_MSR_VALUES ? state->nr_msr_values * sizeof(u64) : 0;
}

/**
 * kev_problem_text() - a problem as user space is told of it
 * @problem: see there
 * @text: KEV_PROBLEM_LEN bytes, all of them written
 */
void kev_problem_text(const struct kev_problem *problem, char *text)
{
	memset(text, 0, KEV_PROBLEM_LEN);
	if (problem->field)
		scnprintf(text, KEV_PROBLEM_LEN, "%s: %s", problem->field, problem->why);
}

static void call_get(struct kev_vcpu *vcpu, void *arg)
{
	struct kev_vcpu_state *state = arg;

	kev_backend->get(vcpu, state->groups, state);
}

/* What lies behind pointers of a state that goes out; NULL where a group is not wanted */
struct getting {
	void *image;
	u64 *values;
};

/* The caller holds the vCPU's lock. */
static int get_state(struct kev_vcpu *vcpu, struct kev_vcpu_state *state, struct getting *g)
{
	u64 *values;
	int ret;

	if (state->groups & KEV_STATE_MSR_VALUES) {
		ret = kev_vcpu_msr_values(vcpu, state->nr_msr_values, &values);
		if (ret)
			return ret;
		if (g->values)
			memcpy(g->values, values, values_size(state));
	}
	ret = kev_vcpu_loaded_call(vcpu, call_get, state);
	if (ret)
		return ret;
	if (state->groups & KEV_STATE_INTERRUPTS) {
		state->interrupts.nmis = atomic_read(&vcpu->nmis);
		static_assert(KEV_INTERRUPT_WAITS == KEV_EXTERNAL_WAITS);
		state->interrupts.external = READ_ONCE(vcpu->interrupt);
	}
	if (state->groups & KEV_STATE_APIC)
		kev_apic_get_state(vcpu, &state->apic);
	if (state->groups & KEV_STATE_MP)
		kev_mp_get_state(vcpu, &state->mp);
	if (state->groups & KEV_STATE_TIME) {
		state->time.tsc_adjust = vcpu->msr.tsc_adjust;
		state->time.system_time = vcpu->clock.system_time;
		state->time.wall_clock = vcpu->clock.wall_clock;
	}
	if (state->groups & KEV_STATE_XSAVE)
		kev_fpu_get(&vcpu->fpu, g->image);
	return 0;
}

static int make_room(const struct kev_vcpu_state *state, struct getting *g)
{
	if (state->groups & KEV_STATE_XSAVE) {
		g->image = kzalloc(state->xsave_size, GFP_KERNEL);
		if (!g->image)
			return -ENOMEM;
	}
	if (values_size(state)) {
		g->values = kzalloc(values_size(state), GFP_KERNEL);
		if (!g->values)
			return -ENOMEM;
	}
	return 0;
}

/* No kev lock is held. */
static int copy_out(const struct kev_vcpu_state *state, const struct getting *g)
{
	if (g->image &&
	    copy_to_user(u64_to_user_ptr(state->xsave), g->image, state->xsave_size))
		return -EFAULT;
	if (g->values &&
	    copy_to_user(u64_to_user_ptr(state->msr_values), g->values, values_size(state)))
		return -EFAULT;
	return 0;
}

long kev_vcpu_get_state(void *object, void *arg)
{
	struct kev_vcpu_state *state = arg;
	struct kev_vcpu *vcpu = object;
	struct getting g = { };
	long ret;

	if (!groups_valid(state))
		return -EINVAL;
	ret = make_room(state, &g);
	if (!ret && kev_vcpu_trylock(vcpu)) {
		ret = get_state(vcpu, state, &g);
		kev_vcpu_unlock(vcpu);
	} else if (!ret) {
		ret = -EBUSY;
	}
	if (!ret)
		ret = copy_out(state, &g);
	kfree(g.values);
	kfree(g.image);
	return ret;
}

/**
 * struct setting - a KEV_VCPU_SET_STATE under way
 * @state: what user space gave; but for the problem it goes back as it came
 * @image: for KEV_STATE_XSAVE
 * @values: for KEV_STATE_MSR_VALUES
 * @merged: the state that the vCPU would have; @groups says what of it is new
 * @problem: what is wrong with it
 * @mp: what the vCPU waited for before
 * @ret: what the backend says
 */
struct setting {
	const struct kev_vcpu_state *state;
	void *image;
	u64 *values;
	struct kev_vcpu_state *merged;
	struct kev_problem problem;
	u32 mp;
	int ret;
};

/*
 * Control goes elsewhere: what was to be delivered, and what the last instruction has
 * left to wait for, belongs to the old place.
 */
static bool goes_elsewhere(const struct kev_vcpu_state *state, const struct kev_vcpu_state *old)
{
	if (!(state->groups & KEV_STATE_GPRS) || state->groups & KEV_STATE_INTERRUPTS)
		return false;
	return state->gprs.rip != old->gprs.rip || state->gprs.rflags != old->gprs.rflags;
}

/* The event alone, where the last exit stays as it is */
static bool sets_event(const struct kev_vcpu_state *state)
{
	return (state->groups & (KEV_STATE_INTERRUPTS | KEV_STATE_GPRS)) == KEV_STATE_INTERRUPTS;
}

/* @merged holds what the vCPU has. */
static void merge(struct kev_vcpu_state *merged, const struct kev_vcpu_state *state)
{
	merged->groups = state->groups;
	if (goes_elsewhere(state, merged)) {
		merged->interrupts = (struct kev_interrupts) {
			.interruptibility = merged->interrupts.interruptibility &
					    KEV_BLOCKED_BY_NMI,
		};
		merged->groups |= KEV_STATE_INTERRUPTS;
	}
	if (state->groups & KEV_STATE_GPRS)
		merged->gprs = state->gprs;
	if (state->groups & KEV_STATE_SEGMENTS)
		merged->segments = state->segments;
	if (state->groups & KEV_STATE_CONTROLS)
		merged->controls = state->controls;
	if (state->groups & KEV_STATE_MSRS)
		merged->msrs = state->msrs;
	if (state->groups & KEV_STATE_DEBUG)
		merged->debug = state->debug;
	if (state->groups & KEV_STATE_INTERRUPTS)
		merged->interrupts = state->interrupts;
	if (state->groups & KEV_STATE_TIME)
		merged->time = state->time;
}

/* What can only be told with the vCPU and the other groups at hand */
static bool check_apic(struct kev_vcpu *vcpu, struct setting *s)
{
	const struct kev_vcpu_state *state = s->state;
	const char *field = NULL;

	if (state->groups & KEV_STATE_APIC)
		field = kev_apic_state_problem(vcpu, s->merged->msrs.apic_base, &state->apic);
	if (!field && state->groups & KEV_STATE_MP)
		field = kev_mp_state_problem(&state->mp);
	/* It ends with the event, or would keep it back until something else does. */
	if (!field && state->groups & KEV_STATE_MP && state->mp.state == KEV_MP_HALTED &&
	    s->merged->interrupts.event)
		return kev_problem_is(&s->problem, "MP_STATE", "halted, with an event on its way");
	return !field || kev_problem_is(&s->problem, field, "cannot have this value");
}

static void call_set(struct kev_vcpu *vcpu, void *arg)
{
	struct setting *s = arg;
	const struct kev_controls *controls = &s->merged->controls;

	kev_backend->get(vcpu, CHECKED_GROUPS, s->merged);
	merge(s->merged, s->state);
	s->ret = kev_backend->check(vcpu, s->merged, &s->problem);
	if (!s->ret && !check_apic(vcpu, s))
		s->ret = -EINVAL;
	if (!s->ret && sets_event(s->state) && s->state->interrupts.event &&
	    kev_vcpu_unfinished(vcpu))
		s->ret = -EBUSY;
	if (s->ret)
		return;
	/* From here on what would wake it may be taken up: it does not wait meanwhile. */
	s->mp = vcpu->mp;
	if (s->mp != KEV_MP_RUNNABLE)
		kev_halt_end(vcpu);
	kev_backend->set(vcpu, s->merged);
	if (s->state->groups & KEV_STATE_CONTROLS)
		vcpu->pdptes_wanted = kev_pae(controls->cr0, controls->cr4, controls->efer);
}

/* The groups are set that may change for what the vCPU waits. */
static void set_wait(struct kev_vcpu *vcpu, const struct setting *s, u32 named)
{
	const struct kev_vcpu_state *state = s->state, *merged = s->merged;
	u32 mp = s->mp;

	/* The guest goes on at the RIP that was set, or with the event's handler. */
	if (mp == KEV_MP_HALTED && (named & KEV_STATE_GPRS || merged->interrupts.event))
		mp = KEV_MP_RUNNABLE;
	if (named & KEV_STATE_MP) {
		kev_mp_set_state(vcpu, &state->mp);
		mp = state->mp.state;
	}
	if (mp != KEV_MP_RUNNABLE || s->mp != KEV_MP_RUNNABLE)
		kev_halt_restore(vcpu, mp, merged->gprs.rflags & X86_EFLAGS_IF,
				 !(merged->interrupts.interruptibility & KEV_BLOCKED_BY_NMI));
}

/* The caller holds the vCPU's lock. */
static int set_state(struct kev_vcpu *vcpu, struct setting *s)
{
	const struct kev_vcpu_state *state = s->state;
	u32 named = state->groups;
	u64 *values;
	int ret;

	if (named & KEV_STATE_MSR_VALUES) {
		ret = kev_vcpu_msr_values(vcpu, state->nr_msr_values, &values);
		if (ret)
			return ret;
	}
	ret = kev_vcpu_loaded_call(vcpu, call_set, s);
	if (!ret)
		ret = s->ret;
	if (ret)
		return ret;
	vcpu->starts = false;
	/* A new RIP: what the last exit left to do belongs to the old one. */
	if (named & KEV_STATE_GPRS)
		kev_vcpu_forget_exit(vcpu);
	if (sets_event(state))
		kev_vcpu_event_set(vcpu, state->interrupts.event);
	if (named & KEV_STATE_INTERRUPTS) {
		atomic_set(&vcpu->nmis, state->interrupts.nmis);
		WRITE_ONCE(vcpu->interrupt, state->interrupts.external);
		kev_vcpu_request(vcpu, KEV_REQ_INTERRUPT);
	}
	if (named & KEV_STATE_TIME) {
		vcpu->msr.tsc_adjust = state->time.tsc_adjust;
		kev_clock_set(vcpu, state->time.system_time, state->time.wall_clock);
	}
	if (named & KEV_STATE_XSAVE)
		kev_fpu_set(&vcpu->fpu, s->image);
	if (named & KEV_STATE_APIC)
		kev_apic_set_state(vcpu, &state->apic);
	if (s->values)
		memcpy(values, s->values, values_size(state));
	set_wait(vcpu, s, named);
	return 0;
}

/* No kev lock is held. @to: NULL without bytes to copy */
static int copy_in(u64 address, size_t size, void **to)
{
	void *copy;

	if (!size)
		return 0;
	copy = kev_memdup_user(address, size);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	*to = copy;
	return 0;
}

static int copy_pointers(struct setting *s)
{
	const struct kev_vcpu_state *state = s->state;
	int ret;

	ret = copy_in(state->msr_values, values_size(state), (void **)&s->values);
	if (ret || !(state->groups & KEV_STATE_XSAVE))
		return ret;
	ret = copy_in(state->xsave, state->xsave_size, &s->image);
	if (ret)
		return ret;
	return kev_fpu_check(s->image, &s->problem) ? 0 : -EINVAL;
}

static int check_and_set(struct kev_vcpu *vcpu, struct setting *s)
{
	int ret;

	if (!kev_state_check(vcpu->vm, s->state, &s->problem))
		return -EINVAL;
	ret = copy_pointers(s);
	if (ret)
		return ret;
	s->merged = kzalloc(sizeof(*s->merged), GFP_KERNEL);
	if (!s->merged)
		return -ENOMEM;
	if (!kev_vcpu_trylock(vcpu))
		return -EBUSY;
	ret = set_state(vcpu, s);
	kev_vcpu_unlock(vcpu);
	return ret;
}

long kev_vcpu_set_state(void *object, void *arg)
{
	struct kev_vcpu_state *state = arg;
	struct setting s = { .state = state };
	long ret = -EINVAL;

	if (groups_valid(state))
		ret = check_and_set(object, &s);
	kev_problem_text(&s.problem, state->problem);
	kfree(s.merged);
	kfree(s.values);
	kfree(s.image);
	return ret;
}

static void call_start(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->set(vcpu, arg);
}

/**
 * kev_vcpu_start_state() - put a new vCPU into the state of the VM's boot protocol
 * @vcpu: the caller holds its lock
 *
 * Context: process, may sleep.
 * Return: 0, -EIO.
 */
int kev_vcpu_start_state(struct kev_vcpu *vcpu)
{
	/* The run page is zeros, and nobody else has it yet. */
	struct kev_vcpu_state *state = (void *)vcpu->run;
	int ret;

	BUILD_BUG_ON(sizeof(*state) > PAGE_SIZE);
	if (vcpu->mp == KEV_MP_WAIT_FOR_SIPI)
		kev_boot_init_state(kev_vcpu_signature(vcpu), state);
	else
		kev_boot_state(&vcpu->vm->start, vcpu->id, state);
	ret = kev_vcpu_loaded_call(vcpu, call_start, state);
	vcpu->starts = vcpu->msr.apic_base & KEV_APIC_BASE_BSP;
	memset(state, 0, sizeof(*state));
	return ret;
}
