/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's paravirtual clock: pages of guest memory that turn a guest's TSC into time.
 */
#ifndef _KEV_CLOCK_H
#define _KEV_CLOCK_H

#include <linux/types.h>
#include <kev/exit.h>

struct kev_msr_ops;
struct kev_vcpu;

/**
 * struct kev_clock - a vCPU's clock
 * @system_time: [c] what the guest has written to the MSR: address of its page, and bit 0
 *	when that is in use
 * @wall_clock: [c] address of the page for the wall clock
 */
struct kev_clock {
	u64 system_time;
	u64 wall_clock;
};

extern const struct kev_msr_ops kev_msr_system_time;
extern const struct kev_msr_ops kev_msr_wall_clock;

void kev_clock_moved(struct kev_vcpu *vcpu);
enum kev_verdict kev_clock_update(struct kev_vcpu *vcpu);
bool kev_system_time_valid(u64 value);
bool kev_wall_clock_valid(u64 value);
void kev_clock_set(struct kev_vcpu *vcpu, u64 system_time, u64 wall_clock);

#endif /* _KEV_CLOCK_H */
