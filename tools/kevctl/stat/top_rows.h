/* SPDX-License-Identifier: GPL-2.0 */
/* What `kevctl top` shows: a line for each VM, from two samples. */
#ifndef KEVCTL_TOP_ROWS_H
#define KEVCTL_TOP_ROWS_H

#include <stdio.h>

#include "sample.h"

/* By what lines are in order: descending, but by number */
enum top_order {
	TOP_BY_GUEST,
	TOP_BY_EXITS,
	TOP_BY_FAULTS,
	TOP_BY_MEMORY,
	TOP_BY_NUMBER,
};

/* @guest: CPUs' time in the guest, in percent of one. Others in a second, but @resident. */
struct top_row {
	const struct vm_sample *vm;
	double guest;
	uint64_t exits, slow, reports, faults;
	uint64_t resident_kib;
};

/**
 * top_rows() - make the lines
 * @now: samples; have to stay as long as the lines
 * @before: earlier ones; a VM that is not in them has done all it has since then
 * @order: of the lines
 *
 * Return: an array of @now->nr lines for free(), or NULL.
 */
struct top_row *top_rows(const struct samples *now, const struct samples *before,
			 enum top_order order);

/* top_header(), top_format() - one line as text; @size bytes with the NUL */
void top_header(char *text, size_t size);
void top_format(char *text, size_t size, const struct top_row *row);

/* top_json() - @nr lines as one JSON array, in a line */
void top_json(FILE *to, const struct top_row *rows, unsigned int nr);

#endif /* KEVCTL_TOP_ROWS_H */
