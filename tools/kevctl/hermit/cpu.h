/* SPDX-License-Identifier: GPL-2.0 */
/* The CPU that a Hermit guest finds. */
#ifndef KEVCTL_HERMIT_CPU_H
#define KEVCTL_HERMIT_CPU_H

#include <stdint.h>

#include "layout.h"

/**
 * cpu_set_identity() - give a VM's CPUs the name that Hermit guests know
 * @vm: VM whose vCPUs have not run
 *
 * Return: 0 or a negative errno.
 */
int cpu_set_identity(int vm);

/**
 * cpu_set_entry() - put a vCPU into 64-bit mode, at an instruction
 * @vcpu: vCPU that has not run
 * @id: its id
 * @layout: where everything lies
 * @rip: the instruction's address
 *
 * Return: 0 or a negative errno.
 */
int cpu_set_entry(int vcpu, uint32_t id, const struct layout *layout, uint64_t rip);

#endif /* KEVCTL_HERMIT_CPU_H */
