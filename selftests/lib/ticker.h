/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest of two vCPUs whose timers tick. Each handler looks at whose timer it was; between
 * the ticks vCPU 0 spins and vCPU 1 is in a HLT; and both compare their TSC with what the
 * other one has seen last.
 */
#ifndef TICKER_H
#define TICKER_H

#include "kevtest.h"

#define KT_TICKER_VCPUS	2

/* In guest memory; the guest's code knows the offsets. */
struct kt_ticker_page {
	uint64_t lock;
	uint64_t last;		/* TSC, of either vCPU */
	uint64_t backwards;	/* times that it was behind that */
	uint64_t astray;	/* interrupts that came to the wrong vCPU */
	uint64_t ticks[KT_TICKER_VCPUS];
	uint64_t looks[KT_TICKER_VCPUS];	/* at the TSC */
	uint64_t delay;		/* ticks of the TSC from one interrupt to the next */
	uint64_t step;		/* which is so much longer each time */
};

struct kt_ticker {
	struct kt_guest guest;	/* vCPU 0 */
	int vcpu[KT_TICKER_VCPUS];
	struct kt_runner runners[KT_TICKER_VCPUS];
	volatile struct kt_ticker_page *shared;
};

int kt_ticker_init(struct kt_ticker *ticker);
void kt_ticker_fini(struct kt_ticker *ticker);
/* Start both, each in a thread. */
int kt_ticker_start(struct kt_ticker *ticker);
/* End both: 0, or what a RUN has returned if it was not ended by this. */
long kt_ticker_stop(struct kt_ticker *ticker);
/* Put both threads on a CPU. */
int kt_ticker_pin(struct kt_ticker *ticker, int cpu);
/* Put one there. */
int kt_ticker_pin_one(struct kt_ticker *ticker, int vcpu, int cpu);
/* Wait until each has ticked so many times more. */
void kt_ticker_wait(struct kt_ticker *ticker, uint64_t ticks);

#endif /* TICKER_H */
