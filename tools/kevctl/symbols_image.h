/* SPDX-License-Identifier: GPL-2.0 */
/* What an image's symbols may be read from: looked at before a library takes it all. */
#ifndef KEVCTL_SYMBOLS_IMAGE_H
#define KEVCTL_SYMBOLS_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols.h"

/* Bytes that an image's compressed sections may have, all together */
#define SYMBOLS_UNPACKED	(256ULL << 20)

/**
 * symbols_extent() - where an image lies
 * @elf: image
 * @place: how it was placed
 * @start: out: of the first byte of its lowest segment
 * @end: out: behind the last one of the highest
 *
 * Return: whether it lies anywhere.
 */
bool symbols_extent(Elf *elf, const struct symbols_place *place, uint64_t *start, uint64_t *end);

/**
 * symbols_unpack_to_little() - is an image's unpacking bounded?
 * @elf: image
 */
bool symbols_unpack_to_little(Elf *elf);

/* symbols_append() - put a name behind @text, and nothing that a terminal would obey */
void symbols_append(char *text, size_t size, const char *name);

#endif /* KEVCTL_SYMBOLS_IMAGE_H */
