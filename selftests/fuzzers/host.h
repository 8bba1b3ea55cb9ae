/* SPDX-License-Identifier: GPL-2.0 */
/* What a host must find as it was, whatever its guests have done */
#ifndef FUZZERS_HOST_H
#define FUZZERS_HOST_H

#include <stdbool.h>

/*
 * Remember what is there now. To be called on the CPU that the guests will run on. False: it cannot
 * be looked at, which is said.
 */
bool fz_host_remember(void);
/* Is all as it was; says what is not */
bool fz_host_unharmed(void);

#endif /* FUZZERS_HOST_H */
