/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turning the virtualisation hardware on and off.
 */
#ifndef _KEV_HW_H
#define _KEV_HW_H

#include <linux/types.h>
#include <asm/tsc.h>

int kev_hw_init(void);
void kev_hw_exit(void);
int kev_hw_get(void);
void kev_hw_put(void);
bool kev_hw_going_down(void);
u64 kev_hw_tsc_lost(void);

/* The host's TSC, as if no suspend had ever set it back. Any context. */
static inline u64 kev_hw_tsc(void)
{
	return rdtsc_ordered() + kev_hw_tsc_lost();
}

#endif /* _KEV_HW_H */
