/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's x87, SSE and AVX state.
 */
#ifndef _KEV_FPU_H
#define _KEV_FPU_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/fpu/xcr.h>

struct kev_problem;

/* SDM Vol. 1, "XSAVE Area" */
#define KEV_FPU_ALIGN	64

struct kev_fpu {
	void *area;	/* [I] XSAVE or FXSAVE image */
};

/* The host's XCR0; 0 where XSAVE is off */
extern u64 kev_host_xcr0;

u64 kev_fpu_probe(void);
void kev_fpu_init(struct kev_fpu *fpu, void *area);
void kev_fpu_load(struct kev_fpu *fpu);
void kev_fpu_put(struct kev_fpu *fpu);
u32 kev_fpu_image_size(void);
void kev_fpu_get(const struct kev_fpu *fpu, void *image);
bool kev_fpu_check(const void *image, struct kev_problem *problem);
void kev_fpu_set(struct kev_fpu *fpu, const void *image);

/**
 * kev_xcr0_switch() - change XCR0
 * @from: what is live
 * @to: the host's, or one that kev_cpuid_xcr0_valid() accepts
 *
 * Context: IRQs off, between kev_fpu_load() and kev_fpu_put().
 */
static inline void kev_xcr0_switch(u64 from, u64 to)
{
	if (unlikely(from != to))
		xsetbv(XCR_XFEATURE_ENABLED_MASK, to);
}

#endif /* _KEV_FPU_H */
