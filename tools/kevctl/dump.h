/* SPDX-License-Identifier: GPL-2.0 */
/* What a vCPU looks like: registers, code, callers. */
#ifndef KEVCTL_DUMP_H
#define KEVCTL_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "symbols.h"

#define DUMP_NAME	256		/* bytes of a name in the guest's code */
#define EFER_LMA	(1ULL << 10)	/* the vCPU is in one of the 64-bit modes */

/**
 * struct dump - where its names come from
 * @vm: VM fd
 * @image: the guest's image, open for reading
 * @place: where it lies
 * @looked: @symbols is what there is
 * @symbols: of the image, once something was dumped; NULL without
 */
struct dump {
	int vm;
	int image;
	struct symbols_place place;
	bool looked;
	struct symbols *symbols;
};

/**
 * dump_print() - show all registers, the code at RIP, and the callers
 * @dump: whose VM
 * @to: stream
 * @vcpu: vCPU fd; not in RUN
 * @id: its id
 *
 * The first one reads the image's symbols.
 */
void dump_print(struct dump *dump, FILE *to, int vcpu, uint32_t id);

/**
 * dump_place() - where a vCPU is
 * @dump: whose VM
 * @vcpu: vCPU fd; not in RUN
 * @rip: out
 * @name: out: what that is by the image's symbols, "" if they do not say
 *
 * Return: 0 or a negative errno.
 */
int dump_place(struct dump *dump, int vcpu, uint64_t *rip, char name[DUMP_NAME]);

/* dump_print_place() - that in one line, without a word about an error */
void dump_print_place(struct dump *dump, FILE *to, int vcpu, uint32_t id);

/* Give back what the others have taken. */
void dump_fini(struct dump *dump);

#endif /* KEVCTL_DUMP_H */
