/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Turning the virtualisation hardware on and off.
 */
#ifndef _KEV_HW_H
#define _KEV_HW_H

#include <linux/types.h>

int kev_hw_init(void);
void kev_hw_exit(void);
int kev_hw_get(void);
void kev_hw_put(void);
bool kev_hw_going_down(void);
u64 kev_hw_tsc_lost(void);

#endif /* _KEV_HW_H */
