/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's x87, SSE and AVX state.
 */
#ifndef _KEV_FPU_H
#define _KEV_FPU_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

struct kev_problem;

/* SDM Vol. 1, "XSAVE Area" */
#define KEV_FPU_ALIGN	64

struct kev_fpu {
	void *area;	/* [I] XSAVE or FXSAVE image */
};

/* What is switched; 0: FXSAVE */
extern u64 kev_fpu_xcr0;

/* The host's XCR0; 0 where XSAVE is off */
extern u64 kev_host_xcr0;

u64 kev_fpu_probe(void);
void kev_fpu_init(struct kev_fpu *fpu, void *area);
u32 kev_fpu_image_size(void);
void kev_fpu_get(const struct kev_fpu *fpu, void *image);
bool kev_fpu_check(const void *image, struct kev_problem *problem);
void kev_fpu_set(struct kev_fpu *fpu, const void *image);

/**
 * kev_fpu_load() - take the FPU and give it the guest's registers
 * @fpu: the guest's
 *
 * Context: IRQs off, host's XCR0.
 */
static inline void kev_fpu_load(struct kev_fpu *fpu)
{
	u64 xcr0 = kev_fpu_xcr0;

	kernel_fpu_begin_mask(0);
	if (likely(xcr0))
		asm volatile("xrstor64 %0"
			     : : "m" (*(struct xregs_state *)fpu->area),
			       "a" ((u32)xcr0), "d" ((u32)(xcr0 >> 32))
			     : "memory");
	else
		asm volatile("fxrstor64 %0" : : "m" (*(struct fxregs_state *)fpu->area));
}

/**
 * kev_fpu_put() - save the guest's registers, give the FPU back
 * @fpu: the guest's
 *
 * Context: IRQs off, host's XCR0. The task's own registers come back on its way
 * to user space.
 */
static inline void kev_fpu_put(struct kev_fpu *fpu)
{
	u64 xcr0 = kev_fpu_xcr0;

	if (likely(xcr0))
		asm volatile("xsave64 %0"
			     : "+m" (*(struct xregs_state *)fpu->area)
			     : "a" ((u32)xcr0), "d" ((u32)(xcr0 >> 32))
			     : "memory");
	else
		asm volatile("fxsave64 %0" : "=m" (*(struct fxregs_state *)fpu->area));
	kernel_fpu_end();
}

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
