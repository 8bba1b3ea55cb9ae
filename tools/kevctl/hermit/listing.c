// SPDX-License-Identifier: GPL-2.0
/* Directory entries, as getdents64(2) lays them out. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"

/* struct linux_dirent64 up to its name; the next one starts at a multiple of 8 */
#define NAME_OFFSET	offsetof(struct dirent64, d_name)

static size_t entry_size(const struct node *node)
{
	return (NAME_OFFSET + strlen(node->name) + 1 + 7) & ~(size_t)7;
}

static unsigned char type_of(const struct node *node)
{
	if (node->kind == NODE_MEMORY || (node->kind == NODE_PLACE && node->place.name))
		return DT_REG;
	return DT_DIR;
}

size_t listing_size(const struct node *node)
{
	size_t size = 0;

	for (const struct node *child = node->children; child; child = child->next)
		size += entry_size(child);
	return size;
}

unsigned char *listing_make(const struct node *node, size_t size)
{
	unsigned char *listing = calloc(1, size ? size : 1), *next;

	if (!listing)
		return NULL;
	next = listing;
	for (const struct node *child = node->children; child; child = child->next) {
		struct dirent64 head = {
			.d_ino = child->kind == NODE_MEMORY ? child->memory->id : 1,
			.d_reclen = entry_size(child),
			.d_type = type_of(child),
		};

		head.d_off = next + head.d_reclen - listing;
		memcpy(next, &head, NAME_OFFSET);
		memcpy(next + NAME_OFFSET, child->name, strlen(child->name));
		next += head.d_reclen;
	}
	return listing;
}

static size_t size_at(const unsigned char *entry)
{
	unsigned short size;

	memcpy(&size, entry + offsetof(struct dirent64, d_reclen), sizeof(size));
	return size;
}

size_t listing_whole(const unsigned char *listing, size_t size, size_t room)
{
	size_t whole = 0;

	while (whole < size && size_at(listing + whole) <= room - whole)
		whole += size_at(listing + whole);
	return whole;
}
