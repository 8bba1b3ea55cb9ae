/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KEV_TSAN_FPU_H
#define KEV_TSAN_FPU_H
#include "shim.h"

struct kev_fpu { void *area; };
extern u64 kev_host_xcr0;

#endif
