// SPDX-License-Identifier: GPL-2.0-only
/*
 * INIT and SIPI: how one vCPU starts another.
 *
 * Senders leave a note; the vCPU's owner acts on it in RUN, before the next entry or out
 * of its wait. An INIT takes a SIPI before it away, and a SIPI behind it stays.
 *
 * SDM Vol. 3, "Multiple-Processor (MP) Initialization"
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/slab.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/boot.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_mp_init() - send an INIT
 * @vcpu: not freed yet
 *
 * Context: any, IRQs off included.
 */
void kev_mp_init(struct kev_vcpu *vcpu)
{
	xchg(&vcpu->mp_events, KEV_MP_EVENT_INIT);
	kev_vcpu_request(vcpu, KEV_REQ_MP);
}

/**
 * kev_mp_sipi() - send a SIPI
 * @vcpu: not freed yet
 * @vector: page of the code where the vCPU starts, if it waits for one
 *
 * Context: any, IRQs off included.
 */
void kev_mp_sipi(struct kev_vcpu *vcpu, u8 vector)
{
	u32 old = READ_ONCE(vcpu->mp_events);

	/* The first one counts. */
	do {
		if (old & KEV_MP_EVENT_SIPI)
			return;
	} while (!try_cmpxchg(&vcpu->mp_events, &old, old | KEV_MP_EVENT_SIPI | vector));
	kev_vcpu_request(vcpu, KEV_REQ_MP);
}

static void call_get(struct kev_vcpu *vcpu, void *arg)
{
	struct kev_vcpu_state *state = arg;

	kev_backend->get(vcpu, state->groups, state);
}

static void call_set(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->set(vcpu, arg);
}

/* The vCPU is as after INIT. */
static int start_anew(struct kev_vcpu *vcpu, struct kev_vcpu_state *state)
{
	int ret;

	state->groups = KEV_STATE_CONTROLS;
	ret = kev_vcpu_loaded_call(vcpu, call_get, state);
	if (ret)
		return ret;
	kev_boot_init_state(kev_vcpu_signature(vcpu), state);
	kev_vcpu_forget_exit(vcpu);
	vcpu->pdptes_wanted = false;
	ret = kev_vcpu_loaded_call(vcpu, call_set, state);
	if (ret)
		return ret;
	atomic_set(&vcpu->nmis, 0);
	kev_apic_reset(vcpu);
	return 0;
}

static int start_at(struct kev_vcpu *vcpu, u8 vector, struct kev_vcpu_state *state)
{
	int ret;

	state->groups = KEV_STATE_GPRS | KEV_STATE_SEGMENTS;
	ret = kev_vcpu_loaded_call(vcpu, call_get, state);
	if (ret)
		return ret;
	kev_boot_sipi_state(vector, state);
	return kev_vcpu_loaded_call(vcpu, call_set, state);
}

/**
 * kev_mp_take() - act on INIT and SIPI, in this order
 * @vcpu: the caller owns it
 * @started_anew: set if nothing is left of what the vCPU was doing
 *
 * Context: process, may sleep.
 * Return: 0; -EOPNOTSUPP the CPU cannot run real mode, where the vCPU would start;
 * -EIO; -ENOMEM, and they wait on for the next try.
 */
int kev_mp_take(struct kev_vcpu *vcpu, bool *started_anew)
{
	bool waits = READ_ONCE(vcpu->mp) == KEV_MP_WAIT_FOR_SIPI;
	struct kev_vcpu_state *state;
	u32 events;
	int ret = 0;

	/* A full barrier: an event that this look misses makes a new request. */
	if (!test_and_clear_bit(KEV_REQ_MP, &vcpu->requests))
		return 0;
	events = READ_ONCE(vcpu->mp_events);
	if (!(events & KEV_MP_EVENT_INIT) && !(waits && events & KEV_MP_EVENT_SIPI)) {
		/* A SIPI that nobody waits for: an INIT behind it stays. */
		if (events)
			cmpxchg(&vcpu->mp_events, events, 0);
		return 0;
	}
	if (!(kev_info.features & KEV_FEATURE_UNRESTRICTED_GUEST))
		return -EOPNOTSUPP;
	state = kev_mem_zalloc(&vcpu->vm->mem, sizeof(*state));
	if (!state) {
		set_bit(KEV_REQ_MP, &vcpu->requests);
		return -ENOMEM;
	}
	/*
	 * It is not idle from now on until nothing is left of what was taken, or others would
	 * find that nothing can wake it.
	 */
	if (vcpu->mp != KEV_MP_RUNNABLE)
		kev_halt_end(vcpu);
	events = xchg(&vcpu->mp_events, 0);
	if (events & KEV_MP_EVENT_INIT) {
		*started_anew = true;
		ret = start_anew(vcpu, state);
		/* The bootstrap processor goes on at once. */
		waits = !(vcpu->msr.apic_base & KEV_APIC_BASE_BSP);
	}
	if (!ret && events & KEV_MP_EVENT_SIPI && waits) {
		*started_anew = true;
		ret = start_at(vcpu, events & KEV_MP_EVENT_VECTOR, state);
		waits = false;
	}
	if (!ret && waits)
		WRITE_ONCE(vcpu->mp, KEV_MP_WAIT_FOR_SIPI);
	kfree(state);
	return ret;
}
