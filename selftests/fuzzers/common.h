/* SPDX-License-Identifier: GPL-2.0 */
/* What every fuzzer needs */
#ifndef FUZZERS_COMMON_H
#define FUZZERS_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof(*(array)))
#endif

/* A number that looks random, and the next state of the generator */
uint32_t fz_random(uint64_t *state);
uint32_t fz_below(uint64_t *state, uint32_t limit);
/* One in @n */
bool fz_one_in(uint64_t *state, uint32_t n);
/* A number at which something may change */
uint64_t fz_number(uint64_t *state);

/* Say in the kernel's log what is going to be executed. */
void fz_log(uint64_t seed, unsigned long number, const char *text);

#endif /* FUZZERS_COMMON_H */
