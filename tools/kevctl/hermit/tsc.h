/* SPDX-License-Identifier: GPL-2.0 */
/* How fast the TSC counts. */
#ifndef KEVCTL_HERMIT_TSC_H
#define KEVCTL_HERMIT_TSC_H

#include <stdint.h>

/**
 * tsc_khz() - frequency of the host's TSC, which is the guest's
 *
 * As the kernel uses it where it says so, else measured, which takes some milliseconds.
 *
 * Return: kHz, not 0.
 */
uint32_t tsc_khz(void);

#endif /* KEVCTL_HERMIT_TSC_H */
