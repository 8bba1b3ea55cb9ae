/* SPDX-License-Identifier: GPL-2.0 */
/* What the cases have in common */
#ifndef KEV_TSAN_TEST_H
#define KEV_TSAN_TEST_H

#include "shim.h"

/* A promise of the code that is tested, or of the test's own */
#define CHECK(condition)	do {					\
	if (!(condition)) {						\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);	\
		exit(1);						\
	}								\
} while (0)

/* What another thread says that it has done */
#define load(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)

#define MAX_THREADS	12

/**
 * together() - threads that all begin at the same time; returns when the last has ended
 * @nr: how many, up to MAX_THREADS
 * @work: what the thread of this number does, as a task on a CPU of its own
 */
void together(int nr, void (*work)(int number));

/* memory.c */
void test_console(void);
void test_owners(void);
void test_regions(void);
void test_pages(void);
void test_doorbells(void);

/* faults.c */
void test_faults(void);

/* vcpu.c */
void test_interrupts(void);
void test_kicks(void);
void test_halts(void);
void test_stuck(void);

#endif
