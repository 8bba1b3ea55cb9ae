/* SPDX-License-Identifier: GPL-2.0 */
/* What a step can do: the calls of kev with what their arguments are made of, and others */
#ifndef FUZZERS_CALLS_H
#define FUZZERS_CALLS_H

#include <stdint.h>

#include "world.h"

/* What a field holds that is as it should be */
enum fz_field_kind {
	FZ_ZERO,
	FZ_FLAGS,		/* some of the bits of .arg */
	FZ_ENUM,		/* 0 to .arg */
	FZ_GPA,
	FZ_LENGTH,		/* a few pages */
	FZ_BYTES,		/* a few bytes */
	FZ_USER,		/* a user address */
	FZ_PAGES,		/* one of a page */
	FZ_DESCRIPTOR,		/* of kind .arg */
	FZ_ANY,
	FZ_CPUIDS,		/* addresses of arrays of structures */
	FZ_MSRS,
	FZ_MODULES,
	FZ_BOOT,		/* enum kev_boot */
	FZ_RAM,			/* KiB that guests start with */
	FZ_BASE,		/* what is added to an image's addresses */
};

struct fz_field {
	uint16_t at, width;
	enum fz_field_kind kind;
	uint64_t arg;
};

/**
 * struct fz_call - something that a step does
 * @name: in programs
 * @weight: how often it is taken
 * @kind: of the descriptor
 * @cmd: of the ioctl
 * @size: of its structure, 0 for none
 * @fields: of the structure; what is not among them is 0
 * @nr_fields: how many
 * @makes: the kind of descriptor that it returns; FZ_NR_KINDS: none
 * @act: instead of an ioctl: called with @step and its random numbers
 */
struct fz_call {
	const char *name;
	unsigned int weight;
	enum fz_kind kind;
	unsigned long cmd;
	unsigned int size;
	const struct fz_field *fields;
	unsigned int nr_fields;
	enum fz_kind makes;
	void (*act)(struct fz_world *world, const struct fz_step *step, uint64_t *state);
};

extern const struct fz_call fz_calls[];
extern const unsigned int fz_nr_calls;
/* The one that makes a VM with vCPUs that run */
extern const unsigned int fz_guest_call;

/* Fill the argument of an ioctl: at least KT_PAGE bytes of room */
void fz_fill(struct fz_world *world, const struct fz_step *step, uint64_t *state, uint8_t *bytes);
void fz_apply_patch(const struct fz_step *step, uint8_t *bytes, size_t size);
/* Do a step. */
void fz_do(struct fz_world *world, const struct fz_step *step);

/* ---- actions.c: what is no ioctl, or more than one ---- */

#define FZ_ACTIONS(X)							\
	X(guest, 3) X(set_state, 8) X(answer, 6) X(map_vm, 4) X(map_run, 2) X(unmap, 2)	\
	X(touch, 6) X(close, 4) X(dup, 1) X(open, 1) X(file, 3) X(resize, 2) X(event, 3)	\
	X(fork, 1) X(console, 2) X(poll, 1) X(nonblock, 1) X(signal, 3) X(advise, 2)		\
	X(protect, 2) X(remap, 1) X(limit, 1) X(odd_calls, 2) X(end, 1) X(run_on, 4) X(code, 3)

#define FZ_DECLARE(name, weight)						\
	void fz_act_##name(struct fz_world *world, const struct fz_step *step, uint64_t *state);
FZ_ACTIONS(FZ_DECLARE)

/* Did a signal come, and was it for touching memory: runs @touch, tells whether it could. */
bool fz_try(void (*touch)(void *), void *arg);
void fz_handle_faults(void);

#endif /* FUZZERS_CALLS_H */
