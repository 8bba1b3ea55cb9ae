/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's model-specific registers.
 */
#ifndef _KEV_MSR_H
#define _KEV_MSR_H

#include <linux/kev.h>
#include <linux/types.h>
#include <kev/exit.h>

struct kev_vcpu;

typedef enum kev_verdict (*kev_msr_slow_write)(struct kev_vcpu *vcpu, u32 index, u64 value);

/**
 * struct kev_msr_ops - one class of MSR
 * @read_msr: 0; -EINVAL for #GP(0); -ENOENT: this VM does not have it
 * @write_msr: the same; NULL: @slow_write
 * @slow_write: in process context, may sleep; KEV_PASS: this VM does not have it. Only
 *	for handlers that are never removed: nothing keeps them meanwhile
 *
 * Context, but for @slow_write: armed: IRQs off, hardware state loaded; only the vCPU is
 * touched.
 */
struct kev_msr_ops {
	int (*read_msr)(struct kev_vcpu *vcpu, u32 index, u64 *value);
	int (*write_msr)(struct kev_vcpu *vcpu, u32 index, u64 value);
	kev_msr_slow_write slow_write;
};

/* Values of MSRs that no hardware state of the guest holds */
struct kev_msr_values {
	u64 apic_base;
	u64 misc_enable;
	u64 tsc_adjust;
};

int kev_msr_insert(u32 index, const struct kev_msr_ops *ops);
void kev_msr_remove(u32 index);
const struct kev_msr_ops *kev_msr_find(u32 index);
int kev_msr_init(void);
void kev_msr_exit(void);
void kev_msr_reset(struct kev_vcpu *vcpu);

#endif /* _KEV_MSR_H */
