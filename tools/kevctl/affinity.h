/* SPDX-License-Identifier: GPL-2.0 */
/* Which vCPU runs on which CPU of the host. */
#ifndef KEVCTL_AFFINITY_H
#define KEVCTL_AFFINITY_H

#include <stdint.h>

#define AFFINITY_MAX		1024U	/* CPUs in a list */
#define AFFINITY_MAX_CPU	8191

/**
 * struct affinity - one host CPU for each vCPU
 * @nr: how many; 0: vCPUs run anywhere
 * @cpus: by the vCPU's id
 */
struct affinity {
	unsigned int nr;
	uint16_t cpus[AFFINITY_MAX];
};

/**
 * affinity_parse() - read a list of CPUs
 * @text: numbers and ranges, for example 0,2-3, with commas or blanks between them
 * @affinity: out
 *
 * Return: 0; -EINVAL when @text is no list, -ERANGE for a number above AFFINITY_MAX_CPU,
 * -E2BIG for more than AFFINITY_MAX numbers.
 */
int affinity_parse(const char *text, struct affinity *affinity);

/**
 * affinity_first_absent() - check a list against the machine
 * @affinity: list
 *
 * Return: the first CPU of it on which this process may not run, or -1.
 */
int affinity_first_absent(const struct affinity *affinity);

/* affinity_apply() - bind the calling thread, which runs the vCPU @id; 0 or a negative errno */
int affinity_apply(const struct affinity *affinity, uint32_t id);

#endif /* KEVCTL_AFFINITY_H */
