/* SPDX-License-Identifier: GPL-2.0 */
/* Guests in any mode, with tables and a state that are nearly right */
#ifndef FUZZERS_STATE_H
#define FUZZERS_STATE_H

#include "../lib/kevtest.h"

enum fz_mode {
	FZ_LONG, FZ_COMPAT, FZ_PROTECTED, FZ_PROTECTED16, FZ_PAGED, FZ_PAE, FZ_REAL, FZ_V8086,
	FZ_NR_MODES
};

/* 16, 32 or 64 */
unsigned int fz_mode_bits(enum fz_mode mode);

/* Page tables, descriptor tables and a TSS for fz_state(), and code; false with an errno */
bool fz_write_memory(int vm, enum fz_mode mode, uint64_t *random);

/*
 * Change a vCPU's state, as it is after its start, to one of a mode, and @changes fields of
 * that to anything.
 */
void fz_state(struct kev_vcpu_state *state, enum fz_mode mode, unsigned int changes,
	      uint64_t *random);

/* Does the emulator refuse it beyond the SDM: RPL and DPL of a CS that does not conform */
bool fz_only_here(const struct kev_vcpu_state *state);

/* One RUN that ends with -EINTR, should it last */
long fz_run(int vcpu);

#endif /* FUZZERS_STATE_H */
