/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ioctl fuzzer executes: programs of steps. A step says all that there is to know
 * of it, so that a program is the same wherever and whenever it is executed, but for the
 * order in which its threads come along.
 */
#ifndef FUZZERS_PROGRAM_H
#define FUZZERS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common.h"

#define FZ_MAX_STEPS	32
#define FZ_THREADS	3
/* Bytes of a program's text, at most, with its NUL */
#define FZ_TEXT		(FZ_MAX_STEPS * 64)

/**
 * struct fz_step - a call, or something else that a process does with its descriptors
 * @call: index in fz_calls
 * @thread: that does it
 * @object: which descriptor of those there are
 * @odd: how many fields have a value that is not of their kind
 * @seed: of everything in the argument
 * @at: with @width: a field's place in the argument that has @value after all
 * @width: its bytes: 0, 1, 2, 4 or 8
 * @value: see @at
 */
struct fz_step {
	uint8_t call, thread, object, odd;
	uint32_t seed;
	uint16_t at, width;
	uint64_t value;
};

struct fz_program {
	unsigned int nr;
	struct fz_step step[FZ_MAX_STEPS];
};

void fz_generate(struct fz_program *program, uint64_t *state);
/* Change a little of it; @other may lend some of its steps. */
void fz_mutate(struct fz_program *program, const struct fz_program *other, uint64_t *state);

/*
 * A line: steps with blanks between them. What cannot be read is left out: how many words that
 * were.
 */
unsigned int fz_parse(struct fz_program *program, const char *text);
/* FZ_TEXT bytes */
void fz_text(const struct fz_program *program, char *text);

#endif /* FUZZERS_PROGRAM_H */
