/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paths that a Hermit guest can name: directories that exist only here,
 * files in kevctl's memory, and places of the host's that the user has mapped.
 */
#ifndef KEVCTL_HERMIT_TREE_H
#define KEVCTL_HERMIT_TREE_H

#include <limits.h>
#include <stdbool.h>

#include "memory_file.h"
#include "place.h"

enum node_kind {
	NODE_DIRECTORY,		/* of this tree only */
	NODE_PLACE,		/* a mapping: what is below is the host's */
	NODE_MEMORY,		/* a file of the guest's own */
};

/**
 * struct node - one name
 * @parent: directory that it is in, NULL for the root
 * @next: the next one there
 * @children: of NODE_DIRECTORY
 * @kind: kind
 * @place: of NODE_PLACE
 * @memory: of NODE_MEMORY, with a reference
 * @name: without slash, "" for the root
 */
struct node {
	struct node *parent;
	struct node *next;
	struct node *children;
	enum node_kind kind;
	struct place place;
	struct memory_file *memory;
	char name[];
};

/**
 * struct tree - all names
 * @root: directory or mapping
 * @nr_nodes: how many
 */
struct tree {
	struct node *root;
	unsigned int nr_nodes;
};

/**
 * struct spot - where a path leads
 * @node: the last name on it that there is
 * @rest: what follows, without slash in front; "": the path is @node's own. Below a
 *	NODE_PLACE it is the host's; below others nothing is there
 * @path: the whole path without "." and "..", which @rest is a part of
 */
struct spot {
	struct node *node;
	const char *rest;
	char path[PATH_MAX];
};

/* tree_init() - an empty root; -ENOMEM */
int tree_init(struct tree *tree);

/* Closes the places, puts the files. */
void tree_fini(struct tree *tree);

/**
 * tree_find() - follow a path
 * @tree: tree
 * @path: the guest's, with or without a slash in front; "." and ".." are only text
 * @spot: out
 *
 * Return: 0, -ENOENT for an empty path, -ENAMETOOLONG.
 */
int tree_find(const struct tree *tree, const char *path, struct spot *spot);

/**
 * tree_add() - make a name, and the directories on the way to it
 * @tree: tree
 * @spot: what tree_find() found, with a rest
 * @kind: of the new node; the caller fills in what goes with it
 * @error: out: -ENOTDIR, -EEXIST, -ENOSPC for too many names, -ENOMEM
 *
 * Return: the node, or NULL.
 */
struct node *tree_add(struct tree *tree, const struct spot *spot, enum node_kind kind,
		      int *error);

/* Takes a node without children out; what goes with it is the caller's. */
void tree_remove(struct tree *tree, struct node *node);

/* tree_next() - all nodes, each one before its children; NULL starts and ends */
struct node *tree_next(const struct tree *tree, const struct node *node);

#endif /* KEVCTL_HERMIT_TREE_H */
