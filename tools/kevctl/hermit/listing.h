/* SPDX-License-Identifier: GPL-2.0 */
/* What is in a directory that exists only for the guest. */
#ifndef KEVCTL_HERMIT_LISTING_H
#define KEVCTL_HERMIT_LISTING_H

#include <stddef.h>

#include "tree.h"

/* listing_size() - bytes that listing_make() takes for @node, a NODE_DIRECTORY */
size_t listing_size(const struct node *node);

/**
 * listing_make() - what getdents64(2) would tell, all of it
 * @node: NODE_DIRECTORY
 * @size: listing_size() of it
 *
 * Return: memory to be freed, or NULL.
 */
unsigned char *listing_make(const struct node *node, size_t size);

/**
 * listing_whole() - bytes of the entries that fit as a whole
 * @listing: entries
 * @size: bytes of them
 * @room: bytes that there is room for
 *
 * Return: bytes, 0 if not even the first one fits.
 */
size_t listing_whole(const unsigned char *listing, size_t size, size_t room);

#endif /* KEVCTL_HERMIT_LISTING_H */
