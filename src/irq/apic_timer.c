// SPDX-License-Identifier: GPL-2.0-only
/*
 * The timer of a local APIC. It counts ticks of the TSC.
 *
 * Times are kept as kev_hw_tsc() counts them, which no suspend sets back, and watched by
 * a hrtimer. What that one does is to note that it has fired and to ask for a look; the
 * interrupt is the owner's to make, who knows the vector and whether it is masked. A
 * timer that is late or comes on a CPU that the vCPU has left changes nothing of that.
 *
 * A timer that is set while the guest runs is watched by the backend, where that can do so,
 * until the guest is left: a guest that sets one time after the other costs the host no
 * timer of its own and no interrupt. From then on the hrtimer watches for it.
 *
 * Only what is off is changed: the hrtimer's handler may run on another CPU, and moves a
 * period's times on by itself. It does so once; when it fires again and the owner has not
 * looked, it stops until the owner does. So vCPUs that nobody runs cost the host nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/overflow.h>
#include <asm/tsc.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/compat.h>
#include <kev/exit.h>
#include <kev/hw.h>
#include <kev/vcpu.h>

/*
 * A period is 200 microseconds at least, as KVM has it: the guest could keep a CPU of the
 * host busy with interrupts otherwise.
 */
#define MIN_PERIODS_PER_MS	5

static u32 reg(const struct kev_vcpu *vcpu, unsigned int offset)
{
	return *kev_apic_reg(vcpu->apic.regs, offset);
}

static u64 guest_tsc_offset(const struct kev_vcpu *vcpu)
{
	return kev_backend->tsc_offset(vcpu);
}

static ktime_t when(u64 expires, u64 now)
{
	return ktime_add_safe(ktime_get(), kev_tsc_to_ns(expires - now, tsc_khz));
}

/* When a periodic timer fires next. What was missed came while the last one was still waiting. */
static u64 next_time(u64 expires, u64 period, u64 now)
{
	return expires > now ? expires : expires + ((now - expires) / period + 1) * period;
}

/* It is time. Return: does it go on? */
static bool expire(struct kev_timer *timer, u64 now)
{
	u64 period = READ_ONCE(timer->period);
	unsigned long old = READ_ONCE(timer->expired), new;

	if (period)
		WRITE_ONCE(timer->expires, next_time(READ_ONCE(timer->expires), period, now));
	do {
		new = KEV_TIMER_EXPIRED | (period && old ? KEV_TIMER_STOPPED : 0);
	} while (!try_cmpxchg(&timer->expired, &old, new));
	return period && !old;
}

static enum hrtimer_restart fire(struct hrtimer *hrtimer)
{
	struct kev_vcpu *vcpu = container_of(hrtimer, struct kev_vcpu, apic.timer.hrtimer);
	struct kev_timer *timer = &vcpu->apic.timer;
	u64 now = kev_hw_tsc();
	bool goes_on;

	/* The clock that has woken us need not agree with the TSC: never too early. */
	if (now >= READ_ONCE(timer->expires)) {
		goes_on = expire(timer, now);
		kev_vcpu_request(vcpu, KEV_REQ_INTERRUPT);
		if (!goes_on)
			return HRTIMER_NORESTART;
	}
	hrtimer_set_expires(hrtimer, when(READ_ONCE(timer->expires), now));
	return HRTIMER_RESTART;
}

/* Is the owner where the backend can watch the time, and can that? */
static bool watch_in_guest(struct kev_vcpu *vcpu, u64 expires)
{
	return vcpu->guest_cpu >= 0 &&
	       kev_backend->set_deadline(vcpu, expires - kev_hw_tsc_lost());
}

/* When the guest's TSC reaches this, as kev_hw_tsc() counts: 0 if it is past already */
static u64 host_deadline(const struct kev_vcpu *vcpu, u64 deadline)
{
	u64 now = kev_hw_tsc();
	u64 guest_now = now + guest_tsc_offset(vcpu);
	u64 expires;

	if (deadline <= guest_now)
		return 0;
	return check_add_overflow(now, deadline - guest_now, &expires) ? U64_MAX : expires;
}

/* From now on until kev_timer_cancel() whatever watches the time may fire. */
static void kev_timer_arm(struct kev_vcpu *vcpu, u64 expires, u64 period)
{
	struct kev_timer *timer = &vcpu->apic.timer;
	u64 now = kev_hw_tsc();

	timer->armed = true;
	WRITE_ONCE(timer->period, period);
	WRITE_ONCE(timer->expires, expires);
	if (expires <= now && !period) {
		WRITE_ONCE(timer->expired, KEV_TIMER_EXPIRED);
		set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
		return;
	}
	timer->in_guest = watch_in_guest(vcpu, expires);
	if (!timer->in_guest)
		hrtimer_start(&timer->hrtimer, when(max(expires, now), now),
			      HRTIMER_MODE_ABS_PINNED_HARD);
}

/* Nothing fires from now on; it may have done so before. */
static void kev_timer_cancel(struct kev_vcpu *vcpu)
{
	struct kev_timer *timer = &vcpu->apic.timer;

	if (timer->in_guest) {
		timer->in_guest = false;
		kev_backend->clear_deadline(vcpu);
		return;
	}
	/* Its handler takes no lock that the owner holds: this cannot wait for ever. */
	hrtimer_cancel(&timer->hrtimer);
}

/**
 * kev_timer_leave() - the guest is left: from now on the hrtimer watches the time
 * @vcpu: armed, with kev_timer.in_guest, but no longer marked as being in the guest itself
 *
 * Context: IRQs off.
 */
void kev_timer_leave(struct kev_vcpu *vcpu)
{
	struct kev_timer *timer = &vcpu->apic.timer;

	kev_timer_cancel(vcpu);
	kev_timer_arm(vcpu, timer->expires, timer->period);
}

enum kev_verdict kev_fast_timer(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_timer *timer = &vcpu->apic.timer;
	u64 now = kev_hw_tsc();

	if (now < timer->expires)
		return KEV_RETRY;
	kev_timer_cancel(vcpu);
	if (expire(timer, now))
		kev_timer_arm(vcpu, timer->expires, timer->period);
	set_bit(KEV_REQ_INTERRUPT, &vcpu->requests);
	return KEV_RETRY;
}

static u64 period_of(u32 lvt, u64 ticks)
{
	if ((lvt & KEV_LVT_TIMER_MODE) != KEV_LVT_PERIODIC)
		return 0;
	return max_t(u64, ticks, tsc_khz / MIN_PERIODS_PER_MS);
}

/**
 * kev_timer_create() - make a timer that is off
 * @vcpu: nobody else has it
 */
void kev_timer_create(struct kev_vcpu *vcpu)
{
	kev_hrtimer_setup(&vcpu->apic.timer.hrtimer, fire, CLOCK_MONOTONIC,
			  HRTIMER_MODE_ABS_PINNED_HARD);
}

/**
 * kev_timer_destroy() - the opposite
 * @vcpu: nobody owns it any more
 */
void kev_timer_destroy(struct kev_vcpu *vcpu)
{
	kev_timer_cancel(vcpu);
}

/**
 * kev_timer_stop() - turn the timer off; an interrupt that it was to make is lost
 * @vcpu: the caller owns it
 *
 * Context: any.
 */
void kev_timer_stop(struct kev_vcpu *vcpu)
{
	struct kev_timer *timer = &vcpu->apic.timer;

	if (!timer->armed)
		return;
	kev_timer_cancel(vcpu);
	WRITE_ONCE(timer->expired, 0);
	timer->armed = false;
	timer->deadline = 0;
}

/**
 * kev_timer_start_count() - one-shot and periodic mode: begin to count
 * @vcpu: the caller owns it
 * @ticks: of the TSC until it fires; 0 turns it off
 *
 * Context: any.
 */
void kev_timer_start_count(struct kev_vcpu *vcpu, u64 ticks)
{
	u64 period = period_of(reg(vcpu, KEV_APIC_LVT_TIMER), ticks);

	/* What had fired before goes into IRR first. */
	kev_apic_sync(vcpu);
	kev_timer_stop(vcpu);
	if (ticks)
		kev_timer_arm(vcpu, kev_hw_tsc() + max(ticks, period), period);
}

/**
 * kev_timer_set_deadline() - TSC-deadline mode: when to fire
 * @vcpu: the caller owns it
 * @deadline: guest's TSC; 0 turns it off, one that has passed fires at once
 *
 * Context: any.
 */
void kev_timer_set_deadline(struct kev_vcpu *vcpu, u64 deadline)
{
	kev_apic_sync(vcpu);
	kev_timer_stop(vcpu);
	if (!deadline)
		return;
	vcpu->apic.timer.deadline = deadline;
	kev_timer_arm(vcpu, host_deadline(vcpu, deadline), 0);
}

/**
 * kev_timer_set_lvt() - the guest writes the timer's entry of the local vector table
 * @vcpu: the caller owns it
 * @old: the entry as it was
 * @lvt: the new one, which is not in the register yet
 *
 * Context: any. SDM Vol. 3, "TSC-Deadline Mode": a switch to or from it disarms the timer.
 */
void kev_timer_set_lvt(struct kev_vcpu *vcpu, u32 old, u32 lvt)
{
	unsigned int shift = kev_apic_divide_shift(reg(vcpu, KEV_APIC_DIVIDE));
	u64 ticks = (u64)reg(vcpu, KEV_APIC_INITIAL_COUNT) << shift;
	u32 changed = (old ^ lvt) & KEV_LVT_TIMER_MODE;
	struct kev_timer *timer = &vcpu->apic.timer;

	if (!changed)
		return;
	/* What has fired has fired by the old entry. */
	kev_apic_sync(vcpu);
	if (changed & KEV_LVT_DEADLINE) {
		kev_timer_stop(vcpu);
		*kev_apic_reg(vcpu->apic.regs, KEV_APIC_INITIAL_COUNT) = 0;
		return;
	}
	if (!timer->armed || lvt & KEV_LVT_DEADLINE)
		return;
	kev_timer_cancel(vcpu);
	/* It may have fired until then; and a periodic one has been started again. */
	kev_apic_sync(vcpu);
	if (!timer->armed)
		return;
	kev_timer_cancel(vcpu);
	kev_timer_arm(vcpu, timer->expires, period_of(lvt, ticks));
}

/**
 * kev_timer_set_divide() - the timer's clock changes while it counts
 * @vcpu: the caller owns it
 * @old: divide configuration register as it was
 * @divide: and as it is
 *
 * Context: any.
 */
void kev_timer_set_divide(struct kev_vcpu *vcpu, u32 old, u32 divide)
{
	struct kev_timer *timer = &vcpu->apic.timer;
	unsigned int shift = kev_apic_divide_shift(divide);
	u32 lvt = reg(vcpu, KEV_APIC_LVT_TIMER);
	u64 now = kev_hw_tsc();
	u64 left;

	if (old == divide || !timer->armed || lvt & KEV_LVT_DEADLINE)
		return;
	kev_timer_cancel(vcpu);
	left = timer->expires > now ? timer->expires - now : 0;
	left = left >> kev_apic_divide_shift(old) << shift;
	if (!READ_ONCE(timer->expired) || timer->period)
		kev_timer_arm(vcpu, now + left,
			      period_of(lvt, (u64)reg(vcpu, KEV_APIC_INITIAL_COUNT) << shift));
}

/**
 * kev_timer_count() - the current count
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: 0 when it does not count, and in TSC-deadline mode.
 */
u32 kev_timer_count(const struct kev_vcpu *vcpu)
{
	const struct kev_timer *timer = &vcpu->apic.timer;
	unsigned int shift = kev_apic_divide_shift(reg(vcpu, KEV_APIC_DIVIDE));
	u64 expires = READ_ONCE(timer->expires);
	u64 now = kev_hw_tsc();

	if (!timer->armed || reg(vcpu, KEV_APIC_LVT_TIMER) & KEV_LVT_DEADLINE || expires <= now)
		return 0;
	/* It reaches 0 when it fires, not before. */
	return min_t(u64, ((expires - now - 1) >> shift) + 1, reg(vcpu, KEV_APIC_INITIAL_COUNT));
}

/**
 * kev_timer_deadline() - when the timer fires next
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: guest's TSC, 0 for never.
 */
u64 kev_timer_deadline(const struct kev_vcpu *vcpu)
{
	const struct kev_timer *timer = &vcpu->apic.timer;

	if (!timer->armed)
		return 0;
	if (timer->deadline)
		return timer->deadline;
	return READ_ONCE(timer->expires) + guest_tsc_offset(vcpu);
}

/**
 * kev_timer_restore() - make the timer fire when kev_timer_deadline() said that it would
 * @vcpu: the caller owns it; the registers are as they were then, the timer is off
 * @deadline: guest's TSC, 0 for never
 *
 * Context: any.
 */
void kev_timer_restore(struct kev_vcpu *vcpu, u64 deadline)
{
	unsigned int shift = kev_apic_divide_shift(reg(vcpu, KEV_APIC_DIVIDE));
	u64 ticks = (u64)reg(vcpu, KEV_APIC_INITIAL_COUNT) << shift;
	u32 lvt = reg(vcpu, KEV_APIC_LVT_TIMER);

	if (lvt & KEV_LVT_DEADLINE)
		kev_timer_set_deadline(vcpu, deadline);
	else if (deadline)
		kev_timer_arm(vcpu, host_deadline(vcpu, deadline), period_of(lvt, ticks));
}

/**
 * kev_timer_take() - has the timer fired since the last time
 * @vcpu: the caller owns it
 *
 * Context: any.
 * Return: true: it has.
 */
bool kev_timer_take(struct kev_vcpu *vcpu)
{
	struct kev_timer *timer = &vcpu->apic.timer;

	if (!READ_ONCE(timer->expired))
		return false;
	/* A full barrier: what it says of @timer is there; pairs with expire(). */
	if (xchg(&timer->expired, 0) & KEV_TIMER_STOPPED) {
		/* Its handler may not have returned yet. */
		kev_timer_cancel(vcpu);
		kev_timer_arm(vcpu, next_time(timer->expires, timer->period, kev_hw_tsc()),
			      timer->period);
	}
	if (!timer->period) {
		timer->armed = false;
		timer->deadline = 0;
	}
	return true;
}

/**
 * kev_timer_tsc_changed() - the guest's TSC has jumped
 * @vcpu: the caller owns it
 *
 * A deadline moves with it; a count goes on as it is.
 *
 * Context: any.
 */
void kev_timer_tsc_changed(struct kev_vcpu *vcpu)
{
	const struct kev_timer *timer = &vcpu->apic.timer;

	if (!timer->armed || !timer->deadline)
		return;
	kev_timer_cancel(vcpu);
	/* One that has passed by then has fired. */
	kev_apic_sync(vcpu);
	if (timer->armed)
		kev_timer_set_deadline(vcpu, timer->deadline);
}
