/* SPDX-License-Identifier: GPL-2.0 */
/* Errors, each made when its function is called */
#ifndef KEV_BROKEN_H
#define KEV_BROKEN_H

/**
 * struct broken_kind - an error that a detector has to notice
 * @name: as it is written to the parameter "make"
 * @make: makes it; returns 0 or an errno
 */
struct broken_kind {
	const char *name;
	int (*make)(void);
};

/* Each ends with an empty one. */
extern const struct broken_kind broken_memory[];
extern const struct broken_kind broken_locks[];
extern const struct broken_kind broken_objects[];
extern const struct broken_kind broken_stalls[];

#endif
