/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's local APIC, its timer, and what wakes a vCPU that waits.
 */
#ifndef _KEV_APIC_H
#define _KEV_APIC_H

#include <linux/bitops.h>
#include <linux/hrtimer.h>
#include <linux/types.h>
#include <kev/apic_math.h>

struct kev_vcpu;
struct kev_vm;

#define KEV_NR_VECTORS	256

#define KEV_TIMER_EXPIRED	BIT(0)	/* it has fired */
#define KEV_TIMER_STOPPED	BIT(1)	/* twice: it is off until the owner looks */

/**
 * struct kev_timer - the timer of a local APIC
 * @hrtimer: watches for @expires, on the CPU where it was started
 * @armed: [c] it fires some time, or has fired and kev_timer_take() was not there since
 * @in_guest: [c] the backend watches for @expires while the guest runs, and @hrtimer is off;
 *	never outside of the guest
 * @expires: [a] when, as kev_hw_tsc() counts; written by the owner while @hrtimer is off,
 *	or @in_guest, else by @hrtimer
 * @period: [a] ticks from one time to the next, 0 for once
 * @deadline: [c] TSC-deadline mode: what the guest has written
 * @expired: [a] KEV_TIMER_*; 0 once the owner has looked
 */
struct kev_timer {
	struct hrtimer hrtimer;
	bool armed;
	bool in_guest;
	u64 expires;
	u64 period;
	u64 deadline;
	unsigned long expired;
};

/**
 * struct kev_apic - a local APIC
 * @regs: [c] a page of registers at their architectural offsets; TPR, ISR, TMR and IRR are
 *	always up to date, what is in @posted is not there yet. Hardware may write to it
 *	while the guest runs; PPR is as of the last kev_apic_ppr_now()
 * @at: [a] KEV_APIC_AT_* and LDR, for those who look for a destination; written by the owner
 * @changed: [c] the mode or what the backend knows of @regs is new: it is told before the
 *	next entry
 * @errors: [c] of ESR, what the next write to it shows
 * @posted: [a] vectors that others have sent, for the owner to move into IRR; those below
 *	KEV_APIC_FIRST_VECTOR become an error
 * @level: [a] of @posted, level-triggered ones
 * @timer: see there
 *
 * All others touch only what is marked [a], and the request bits of the vCPU.
 */
struct kev_apic {
	u32 *regs;
	u64 at;
	bool changed;
	u32 errors;
	DECLARE_BITMAP(posted, KEV_NR_VECTORS);
	DECLARE_BITMAP(level, KEV_NR_VECTORS);
	struct kev_timer timer;
};

/* apic.c: registers. The caller owns the vCPU; any context. */
extern const u32 kev_apic_lvt_writable[KEV_NR_LVTS];	/* by enum kev_apic_lvt */
int kev_apic_create(struct kev_vcpu *vcpu);
void kev_apic_destroy(struct kev_vcpu *vcpu);
void kev_apic_reset(struct kev_vcpu *vcpu);
void kev_apic_publish(struct kev_vcpu *vcpu);
void kev_apic_set_base(struct kev_vcpu *vcpu, u64 base);
u32 kev_apic_read(struct kev_vcpu *vcpu, unsigned int offset);
void kev_apic_write(struct kev_vcpu *vcpu, unsigned int offset, u32 value);
void kev_apic_write_icr(struct kev_vcpu *vcpu, u64 icr);
void kev_apic_set_tpr(struct kev_vcpu *vcpu, u8 tpr);
u8 kev_apic_tpr(const struct kev_vcpu *vcpu);
void kev_apic_eoi(struct kev_vcpu *vcpu);

/* apic.c: interrupts on their way into the guest. The caller owns the vCPU. */
void kev_apic_sync(struct kev_vcpu *vcpu);
bool kev_apic_lvt_wakes(const struct kev_vcpu *vcpu, enum kev_apic_lvt entry, unsigned int class);
u8 kev_apic_ppr_now(struct kev_vcpu *vcpu);
int kev_apic_requested(const struct kev_vcpu *vcpu);
int kev_apic_deliverable(struct kev_vcpu *vcpu);
u8 kev_apic_held(const struct kev_vcpu *vcpu);
void kev_apic_deliver(struct kev_vcpu *vcpu, u8 vector);
void kev_apic_error(struct kev_vcpu *vcpu, u32 error);

/* apic_state.c */
void kev_apic_get_state(struct kev_vcpu *vcpu, struct kev_apic_state *state);
const char *kev_apic_state_problem(const struct kev_vcpu *vcpu, u64 base,
				   const struct kev_apic_state *state);
void kev_apic_set_state(struct kev_vcpu *vcpu, const struct kev_apic_state *state);
void kev_mp_get_state(struct kev_vcpu *vcpu, struct kev_mp_state *state);
const char *kev_mp_state_problem(const struct kev_mp_state *state);
void kev_mp_set_state(struct kev_vcpu *vcpu, const struct kev_mp_state *state);

/* apic_msr.c */
int kev_apic_init(void);
void kev_apic_exit(void);

/* apic_mmio.c */
bool kev_apic_owns_page(const struct kev_vcpu *vcpu, u64 gpa);
u32 kev_apic_mmio_read(struct kev_vcpu *vcpu, unsigned int offset);
void kev_apic_mmio_write(struct kev_vcpu *vcpu, unsigned int offset, u32 value);

/* apic_send.c: from anywhere */
bool kev_apic_send(struct kev_vm *vm, struct kev_vcpu *source,
		   const struct kev_apic_message *message);
void kev_apic_post(struct kev_vcpu *vcpu, u8 vector, bool level);

/* apic_timer.c: the caller owns the vCPU; any context */
void kev_timer_create(struct kev_vcpu *vcpu);
void kev_timer_destroy(struct kev_vcpu *vcpu);
void kev_timer_stop(struct kev_vcpu *vcpu);
void kev_timer_start_count(struct kev_vcpu *vcpu, u64 ticks);
void kev_timer_set_deadline(struct kev_vcpu *vcpu, u64 deadline);
void kev_timer_set_lvt(struct kev_vcpu *vcpu, u32 old, u32 lvt);
void kev_timer_set_divide(struct kev_vcpu *vcpu, u32 old, u32 divide);
u32 kev_timer_count(const struct kev_vcpu *vcpu);
u64 kev_timer_deadline(const struct kev_vcpu *vcpu);
void kev_timer_restore(struct kev_vcpu *vcpu, u64 deadline);
bool kev_timer_take(struct kev_vcpu *vcpu);
void kev_timer_tsc_changed(struct kev_vcpu *vcpu);
void kev_timer_leave(struct kev_vcpu *vcpu);

/* mp.c: INIT and SIPI, from anywhere; the third by the owner */
void kev_mp_init(struct kev_vcpu *vcpu);
void kev_mp_sipi(struct kev_vcpu *vcpu, u8 vector);
int kev_mp_take(struct kev_vcpu *vcpu, bool *started_anew);

/* halt.c: vCPUs that wait */
void kev_halt_begin(struct kev_vcpu *vcpu, bool interruptible, bool nmi);
void kev_halt_end(struct kev_vcpu *vcpu);
void kev_halt_sync(struct kev_vcpu *vcpu);
void kev_halt_restore(struct kev_vcpu *vcpu, u32 mp, bool interruptible, bool nmi);
bool kev_halt_wait(struct kev_vcpu *vcpu);
void kev_halt_recheck(struct kev_vm *vm);

#endif /* _KEV_APIC_H */
