/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's state as user space has it.
 */
#ifndef _KEV_STATE_H
#define _KEV_STATE_H

#include <kev/problem.h>

struct kev_vm;

void kev_problem_text(const struct kev_problem *problem, char *text);

/* state_check.c */
bool kev_state_check(const struct kev_vm *vm, const struct kev_vcpu_state *state,
		     struct kev_problem *problem);

#endif /* _KEV_STATE_H */
