/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KEV_ABI_TEST_H
#define KEV_ABI_TEST_H

int fifo_init(void);
void fifo_exit(void);
int host_msrs_init(void);
void host_msrs_exit(void);

#endif /* KEV_ABI_TEST_H */
