/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is wrong with a state, in words. Pure.
 */
#ifndef _KEV_PROBLEM_H
#define _KEV_PROBLEM_H

#include <kev/pure.h>

/**
 * struct kev_problem - why a vCPU cannot have a state
 * @field: the register that will not do; NULL: there is no problem
 * @why: completes a sentence that begins with @field
 *
 * Both are constants. Together with ": " they fit into KEV_PROBLEM_LEN.
 */
struct kev_problem {
	const char *field;
	const char *why;
};

/* kev_problem_is() - name the problem; false, as nothing is right then */
static inline bool kev_problem_is(struct kev_problem *problem, const char *field, const char *why)
{
	*problem = (struct kev_problem) { field, why };
	return false;
}

#endif /* _KEV_PROBLEM_H */
