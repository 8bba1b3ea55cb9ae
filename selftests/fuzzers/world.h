/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the steps of a program work on. Threads look at it and change it without any
 * order: that one closes what another uses is the point.
 */
#ifndef FUZZERS_WORLD_H
#define FUZZERS_WORLD_H

#include <stdatomic.h>

#include "../lib/kevtest.h"
#include "program.h"

/* Kinds of descriptors */
enum fz_kind { FZ_KEV, FZ_VM, FZ_VCPU, FZ_FILE, FZ_EVENT, FZ_NR_KINDS };

#define FZ_MAX_CALLS	80

#define FZ_SLOTS	4
#define FZ_MAPS		4

/* Memory for arguments and for regions: its last page is never there. */
#define FZ_AREA_PAGES	64
#define FZ_AREA_SIZE	(FZ_AREA_PAGES * KT_PAGE)

/* A mapping: its address and, in the bits of the page's offset, its pages; 0: none */
typedef _Atomic(uintptr_t) fz_map_t;

#define FZ_MAX_PAGES	4095UL

struct fz_world {
	atomic_int fd[FZ_NR_KINDS][FZ_SLOTS];	/* -1: none */
	fz_map_t map[FZ_MAPS];			/* of VMs and run pages */
	uint8_t *area;

	atomic_int tid[FZ_THREADS];
	atomic_uint taken[FZ_MAX_CALLS], refused[FZ_MAX_CALLS];	/* by step */
	atomic_int finding, finding_call, finding_errno;
};

/* One of a kind, the first where there is none in its place; -1 without either */
int fz_fd(struct fz_world *world, enum fz_kind kind, unsigned int object);
/* Put one there; what was there is closed. */
void fz_put(struct fz_world *world, enum fz_kind kind, unsigned int object, int fd);

/* One of the mappings, at most FZ_MAX_PAGES long, NULL without any; *@size is written. */
uint8_t *fz_map(struct fz_world *world, unsigned int object, size_t *size);
/* The same, and it is no longer among them. */
uint8_t *fz_take_map(struct fz_world *world, unsigned int object, size_t *size);
/* Put one there; what was there is unmapped. MAP_FAILED is nothing. */
void fz_put_map(struct fz_world *world, unsigned int object, void *at, size_t size);

/* An image whose vCPUs do this or that; -1 and an errno */
int fz_image(uint64_t *state);
/* A descriptor of one or the other kind of file */
int fz_file(uint64_t *state);

enum fz_finding { FZ_FINE, FZ_ERRNO, FZ_ASLEEP, FZ_NR_FINDINGS };

void fz_found(struct fz_world *world, enum fz_finding what, int call, int error);

#endif /* FUZZERS_WORLD_H */
