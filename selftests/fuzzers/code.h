/* SPDX-License-Identifier: GPL-2.0 */
/* Machine code that nobody meant */
#ifndef FUZZERS_CODE_H
#define FUZZERS_CODE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Fill @bytes with instructions, most of them such that only a kernel executes, with numbers
 * in the registers at which something may change. @bits: 16, 32 or 64.
 */
void fz_code(uint8_t *bytes, size_t size, unsigned int bits, uint64_t *state);

#endif /* FUZZERS_CODE_H */
