/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's x87, SSE and AVX state.
 */
#ifndef _KEV_FPU_H
#define _KEV_FPU_H

#include <linux/types.h>

struct kev_problem;

struct kev_fpu {
	void *area;	/* [I] XSAVE or FXSAVE image, a page */
};

u64 kev_fpu_probe(void);
int kev_fpu_create(struct kev_fpu *fpu);
void kev_fpu_destroy(struct kev_fpu *fpu);
void kev_fpu_load(struct kev_fpu *fpu);
void kev_fpu_put(struct kev_fpu *fpu);
u32 kev_fpu_image_size(void);
void kev_fpu_get(const struct kev_fpu *fpu, void *image);
bool kev_fpu_check(const void *image, struct kev_problem *problem);
void kev_fpu_set(struct kev_fpu *fpu, const void *image);
u64 kev_host_xcr0(void);
void kev_xcr0_switch(u64 from, u64 to);

#endif /* _KEV_FPU_H */
