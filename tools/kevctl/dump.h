/* SPDX-License-Identifier: GPL-2.0 */
/* What a vCPU looks like: registers, code, callers. */
#ifndef KEVCTL_DUMP_H
#define KEVCTL_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "symbols.h"

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

/* dump_print_place() - the same in one line: where it is */
void dump_print_place(struct dump *dump, FILE *to, int vcpu, uint32_t id);

/* Give back what the others have taken. */
void dump_fini(struct dump *dump);

#endif /* KEVCTL_DUMP_H */
