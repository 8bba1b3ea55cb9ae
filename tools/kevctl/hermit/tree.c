// SPDX-License-Identifier: GPL-2.0
/* The paths that a Hermit guest can name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* A guest that makes names without end gets an error. */
#define MAX_NODES	4096

static struct node *node_create(struct tree *tree, const char *name, size_t length,
				enum node_kind kind)
{
	struct node *node = calloc(1, sizeof(*node) + length + 1);

	if (!node)
		return NULL;
	memcpy(node->name, name, length);
	node->kind = kind;
	tree->nr_nodes++;
	return node;
}

int tree_init(struct tree *tree)
{
	tree->nr_nodes = 0;
	tree->root = node_create(tree, "", 0, NODE_DIRECTORY);
	return tree->root ? 0 : -ENOMEM;
}

static void node_destroy(struct tree *tree, struct node *node)
{
	tree->nr_nodes--;
	free(node);
}

void tree_fini(struct tree *tree)
{
	struct node *node = tree->root, *parent;

	/* The first child of the first child ... has none, and goes first. */
	while (node) {
		if (node->children) {
			node = node->children;
			continue;
		}
		parent = node->parent;
		if (parent)
			parent->children = node->next;
		if (node->kind == NODE_PLACE)
			place_close(&node->place);
		if (node->kind == NODE_MEMORY)
			memory_file_put(node->memory);
		node_destroy(tree, node);
		node = parent;
	}
	tree->root = NULL;
}

/* One name more behind @length bytes of @clean; ".." takes one away. */
static int append(char *clean, size_t *length, const char *name, size_t name_length)
{
	char *slash;

	if (name_length == 1 && name[0] == '.')
		return 0;
	if (name_length == 2 && name[0] == '.' && name[1] == '.') {
		clean[*length] = '\0';
		slash = strrchr(clean, '/');
		*length = slash ? slash - clean : 0;
		return 0;
	}
	if (*length + 1 + name_length >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*length)
		clean[(*length)++] = '/';
	memcpy(clean + *length, name, name_length);
	*length += name_length;
	return 0;
}

static int clean_path(const char *path, char *clean)
{
	size_t length = 0, part;
	int error;

	if (!*path)
		return -ENOENT;
	for (; *path; path += part) {
		path += strspn(path, "/");
		part = strcspn(path, "/");
		error = part ? append(clean, &length, path, part) : 0;
		if (error)
			return error;
	}
	clean[length] = '\0';
	return 0;
}

static struct node *find_child(const struct node *node, const char *name, size_t length)
{
	for (struct node *child = node->children; child; child = child->next)
		if (!strncmp(child->name, name, length) && !child->name[length])
			return child;
	return NULL;
}

int tree_find(const struct tree *tree, const char *path, struct spot *spot)
{
	int error = clean_path(path, spot->path);
	struct node *child;
	size_t length;

	if (error)
		return error;
	spot->node = tree->root;
	spot->rest = spot->path;
	while (*spot->rest && spot->node->kind == NODE_DIRECTORY) {
		length = strcspn(spot->rest, "/");
		child = find_child(spot->node, spot->rest, length);
		if (!child)
			break;
		spot->node = child;
		spot->rest += length + (spot->rest[length] == '/');
	}
	return 0;
}

static struct node *add_child(struct tree *tree, struct node *parent, const char *name,
			      size_t length, enum node_kind kind, int *error)
{
	struct node *node = NULL, **last = &parent->children;

	*error = -ENAMETOOLONG;
	if (length <= NAME_MAX) {
		*error = tree->nr_nodes < MAX_NODES ? -ENOMEM : -ENOSPC;
		if (tree->nr_nodes < MAX_NODES)
			node = node_create(tree, name, length, kind);
	}
	if (!node)
		return NULL;
	node->parent = parent;
	while (*last)
		last = &(*last)->next;
	*last = node;
	return node;
}

void tree_remove(struct tree *tree, struct node *node)
{
	struct node **link = &node->parent->children;

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node_destroy(tree, node);
}

struct node *tree_add(struct tree *tree, const struct spot *spot, enum node_kind kind,
		      int *error)
{
	struct node *node = spot->node, *child;
	const char *rest = spot->rest;
	bool last = false;
	size_t length;

	/* The root may become a mapping while nothing is in it. */
	if (!*rest && !node->parent && !node->children && node->kind == NODE_DIRECTORY &&
	    kind == NODE_PLACE) {
		node->kind = kind;
		return node;
	}
	*error = *rest ? -ENOTDIR : -EEXIST;
	if (!*rest || node->kind != NODE_DIRECTORY)
		return NULL;
	for (child = node; !last && child; rest += length + 1) {
		node = child;
		length = strcspn(rest, "/");
		last = !rest[length];
		child = add_child(tree, node, rest, length, last ? kind : NODE_DIRECTORY, error);
	}
	if (child)
		return child;
	/* Nothing stays of a way that leads nowhere. */
	while (node != spot->node) {
		child = node;
		node = node->parent;
		tree_remove(tree, child);
	}
	return NULL;
}

struct node *tree_next(const struct tree *tree, const struct node *node)
{
	if (!node)
		return tree->root;
	if (node->children)
		return node->children;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}
