/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Debug registers. SDM Vol. 3, "Debug Registers"; a guest has no advanced debugging of
 * transactions and no bus-lock detection.
 */
#ifndef _KEV_DEBUG_H
#define _KEV_DEBUG_H

#include <kev/pure.h>

/* Breakpoints: B0 to B3 of DR6; in DR7 each has two bits that enable it, R/W and LEN. */
#define KEV_NR_BREAKPOINTS	4U
#define KEV_DR6_BREAKPOINTS	0xfULL
#define KEV_DR7_ENABLES		0xffULL
#define KEV_DR7_ENABLE(n)	(3ULL << ((n) * 2))
#define KEV_DR7_RW(dr7, n)	((dr7) >> (16 + (n) * 4) & 3)
#define KEV_DR7_LEN(dr7, n)	((dr7) >> (18 + (n) * 4) & 3)
#define KEV_DR7_RW_EXECUTE	0U
#define KEV_DR7_RW_IO		2U

#define KEV_DR6_BD		BIT_ULL(13)
#define KEV_DR6_BS		BIT_ULL(14)
#define KEV_DR7_GD		BIT_ULL(13)

/* What the guest can change, and what the others read as */
#define KEV_DR6_WRITABLE	0xe00fULL
#define KEV_DR6_RESET		0xffff0ff0ULL
#define KEV_DR7_WRITABLE	0xffff23ffULL
#define KEV_DR7_RESET		0x400ULL

#endif /* _KEV_DEBUG_H */
