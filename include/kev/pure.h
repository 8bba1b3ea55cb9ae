/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam under kev's pure code: the same names in the kernel and in user
 * space, so that the same source file is built into the module and into unit
 * tests, fuzzers and kevctl. A file that includes nothing else (but uapi headers) does no I/O,
 * takes no lock, never sleeps (unless it says so) and allocates nothing.
 */
#ifndef _KEV_PURE_H
#define _KEV_PURE_H

#ifdef __KERNEL__

#include <linux/align.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/sort.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#define kev_sort(array, nr, size, compare)	sort(array, nr, size, compare, NULL)

/**
 * kev_give_way() - in each round of what may go on for longer than a tick: others may run
 *
 * Context: process, no lock held.
 */
void kev_give_way(void);

#else /* user space: unit tests, fuzzers, kevctl */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own types, so that one printf format serves both */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

#define BUILD_BUG_ON(condition)	static_assert(!(condition), #condition)

/* Both operands have the same type, as the kernel's own demand. */
#define min(x, y)	({			\
	__auto_type _min_x = (x);				\
	__auto_type _min_y = (y);				\
	(void)(&_min_x == &_min_y);				\
	_min_x < _min_y ? _min_x : _min_y; })
#define max(x, y)	({			\
	__auto_type _max_x = (x);				\
	__auto_type _max_y = (y);				\
	(void)(&_max_x == &_max_y);				\
	_max_x > _max_y ? _max_x : _max_y; })
#define min_t(type, x, y)	min((type)(x), (type)(y))
#define max_t(type, x, y)	max((type)(x), (type)(y))

#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)

#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)

#define array_index_nospec(index, size)	(index)
#define OPTIMIZER_HIDE_VAR(var)	((void)(var))

#define lower_32_bits(n)	((u32)((n) & 0xffffffff))
#define upper_32_bits(n)	((u32)((n) >> 32))

#define kev_sort(array, nr, size, compare)	qsort(array, nr, size, compare)

/* A test may want to know. */
void kev_gave_way(void);
#pragma weak kev_gave_way
#define kev_give_way()	do { if (kev_gave_way) kev_gave_way(); } while (0)

#endif /* __KERNEL__ */

#include <linux/kev.h>

/* A page of guest-physical memory; u64, unlike the kernel's own for host memory */
#define KEV_PAGE_SHIFT		12
#define KEV_PAGE_SIZE		BIT_ULL(KEV_PAGE_SHIFT)
#define KEV_PAGE_MASK		(~(KEV_PAGE_SIZE - 1))

/* kev_page_down(), kev_page_up() - round to a page; up wraps in the last page */
static inline u64 kev_page_down(u64 address)
{
	return address & KEV_PAGE_MASK;
}

static inline u64 kev_page_up(u64 address)
{
	return (address + KEV_PAGE_SIZE - 1) & KEV_PAGE_MASK;
}

/* The widest physical address that any paging structure of x86-64 can hold */
#define KEV_PHYS_BITS_MAX	52

/* All rights that guest memory knows */
#define KEV_MEM_ALL		(KEV_MEM_READ | KEV_MEM_WRITE | KEV_MEM_EXEC)

#endif /* _KEV_PURE_H */
