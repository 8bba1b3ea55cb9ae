/* SPDX-License-Identifier: GPL-2.0 */
/* Executing a program in a process of its own, and what it reached of the module's code */
#ifndef FUZZERS_EXECUTE_H
#define FUZZERS_EXECUTE_H

#include "program.h"

struct fz_result {
	const char *finding;	/* NULL: all is as it should be */
	int call, error;	/* with an errno: who said it */
	unsigned int places;	/* of the module's code that no program had reached before */
};

/* To be called once */
void fz_start(void);
/* Does the kernel tell what code is reached */
extern bool fz_cover;
/* How often a call has succeeded and failed, in all programs */
extern uint64_t fz_taken[], fz_refused[];
/* @result is written. */
void fz_execute(const struct fz_program *program, struct fz_result *result);

#endif /* FUZZERS_EXECUTE_H */
