/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the Hermit personality share. */
#ifndef KEVCTL_HERMIT_INTERNAL_H
#define KEVCTL_HERMIT_INTERNAL_H

#include "../guest_memory.h"
#include "arguments.h"
#include "hermit.h"
#include "layout.h"

struct hermit_calls;

/**
 * struct hermit - one guest
 * @vm: VM fd
 * @options: command line
 * @entry_version: version of the entry ABI
 * @interface: version of the call interface: 1, 2 or 3
 * @ram_bytes: the guest's memory
 * @layout: where everything lies
 * @calls: state of the calls: its files, its arguments
 */
struct hermit {
	int vm;
	const struct run_options *options;
	unsigned int entry_version;
	uint32_t interface;
	uint64_t ram_bytes;
	struct layout layout;
	struct hermit_calls *calls;
};

/**
 * hermit_calls_create() - set up what the calls work on
 * @hermit: guest, with everything but @calls
 *
 * Opens the host's files that the options map, and checks what does not fit into the
 * guest's limits: says on stderr what is wrong.
 *
 * Return: 0 or the exit status.
 */
int hermit_calls_create(struct hermit *hermit);
void hermit_calls_destroy(struct hermit *hermit);

/* What goes to the guest some other way than by calls: NULL without hermit_calls_create() */
const struct arguments *hermit_arguments(const struct hermit *hermit);

/* Guest directories that have something of the host's: from 0 on, NULL behind the last */
const char *hermit_mount(const struct hermit *hermit, unsigned int index);

#endif /* KEVCTL_HERMIT_INTERNAL_H */
