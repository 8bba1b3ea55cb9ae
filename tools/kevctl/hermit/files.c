// SPDX-License-Identifier: GPL-2.0
/* The calls of a Hermit guest that name files: open and what goes by a path. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kevctl.h"
#include "files.h"
#include "listing.h"

#define BLOCK_SIZE	4096

/* Kernels up to 0.10 have the host's files below one of these, and leave it out of their calls. */
static const char *const old_mounts[] = { "root", "host" };

/* HOST:GUEST[:ro|rw], taken apart in place */
static const char *split_mapping(char *text, char **guest, bool *writable)
{
	char *mode;

	*guest = strchr(text, ':');
	if (!*guest || *guest == text || !(*guest)[1])
		return "not HOST:GUEST[:ro|rw]";
	*(*guest)++ = '\0';
	*writable = true;
	mode = strchr(*guest, ':');
	if (!mode)
		return NULL;
	*mode++ = '\0';
	*writable = !strcmp(mode, "rw");
	if (!**guest || (!*writable && strcmp(mode, "ro")))
		return "not HOST:GUEST[:ro|rw]";
	return NULL;
}

static const char *why_not_added(int error)
{
	switch (error) {
	case -EEXIST:
		return "the guest's path is mapped twice, or another mapping is inside it";
	case -ENOTDIR:
		return "the guest's path is inside another mapping";
	default:
		return strerror(-error);
	}
}

/* Returns what is wrong, or NULL. */
static const char *add_mapping(struct files *files, char *text)
{
	struct spot spot;
	struct node *node;
	const char *why;
	bool writable;
	char *guest;
	int error;

	why = split_mapping(text, &guest, &writable);
	if (why)
		return why;
	error = tree_find(&files->tree, guest, &spot);
	if (error)
		return strerror(-error);
	node = tree_add(&files->tree, &spot, NODE_PLACE, &error);
	if (!node)
		return why_not_added(error);
	error = place_open(&node->place, text, writable);
	if (error == -EPERM)
		return "a directory of /proc has kevctl's own memory in it";
	return error ? strerror(-error) : NULL;
}

int files_init(struct files *files, const struct text_list *mappings, uint64_t memory_bytes)
{
	const char *why = NULL;
	char *text;

	memset(files, 0, sizeof(*files));
	pthread_mutex_init(&files->lock, NULL);
	files->budget.most = memory_bytes;
	if (tree_init(&files->tree))
		why = strerror(ENOMEM);
	for (unsigned int i = 0; !why && i < mappings->nr; i++) {
		text = strdup(mappings->items[i]);
		why = text ? add_mapping(files, text) : strerror(ENOMEM);
		free(text);
		if (why)
			message("--file-mapping", "%s: %s", mappings->items[i], why);
	}
	if (!why)
		return 0;
	files_fini(files);
	return STATUS_FAILURE;
}

static void file_destroy_locked(struct files *files, struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->memory)
		memory_file_put(file->memory);
	files->budget.used -= file->list_size;
	free(file->list);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

void files_fini(struct files *files)
{
	for (unsigned int i = 0; i < FILES_MAX; i++)
		if (files->table[i])
			file_destroy_locked(files, files->table[i]);
	tree_fini(&files->tree);
	pthread_mutex_destroy(&files->lock);
}

const struct place *files_place(struct files *files, unsigned int index)
{
	for (struct node *node = tree_next(&files->tree, NULL); node;
	     node = tree_next(&files->tree, node))
		if (node->kind == NODE_PLACE && !index--)
			return &node->place;
	return NULL;
}

static bool has_mapped_file(const struct node *node)
{
	for (struct node *child = node->children; child; child = child->next)
		if (child->kind == NODE_PLACE && child->place.name)
			return true;
	return false;
}

/* Hermit's kernel has its own root, where it can mount nothing. */
static bool is_mount(const struct node *node)
{
	if (!node->parent)
		return false;
	if (node->kind == NODE_PLACE)
		return !node->place.name;
	return node->kind == NODE_DIRECTORY && has_mapped_file(node);
}

/* From the end to the front */
static char *node_path(const struct node *node)
{
	size_t length = 0;
	char *path, *at;

	for (const struct node *n = node; n->parent; n = n->parent)
		length += 1 + strlen(n->name);
	path = calloc(1, length + 1);
	if (!path)
		return NULL;
	at = path + length;
	for (const struct node *n = node; n->parent; n = n->parent) {
		at -= strlen(n->name);
		memcpy(at, n->name, strlen(n->name));
		*--at = '/';
	}
	return path;
}

char *files_mount(struct files *files, unsigned int index)
{
	for (struct node *node = tree_next(&files->tree, NULL); node;
	     node = tree_next(&files->tree, node))
		if (is_mount(node) && !index--)
			return node_path(node);
	return NULL;
}

/* Is there anything of that name, as far as the tree itself can tell? */
static bool leads_somewhere(const struct spot *spot)
{
	return !*spot->rest || spot->node->kind == NODE_PLACE;
}

static bool find_below(struct files *files, const char *mount, const char *path,
		       struct spot *spot)
{
	char whole[PATH_MAX];

	if (snprintf(whole, sizeof(whole), "%s/%s", mount, path) >= (int)sizeof(whole))
		return false;
	return !tree_find(&files->tree, whole, spot) && leads_somewhere(spot);
}

static int find_locked(struct files *files, const char *path, struct spot *spot)
{
	int error = tree_find(&files->tree, path, spot);

	if (error || *path == '/' || leads_somewhere(spot))
		return error;
	for (size_t i = 0; i < ARRAY_SIZE(old_mounts); i++)
		if (find_below(files, old_mounts[i], path, spot))
			return 0;
	return tree_find(&files->tree, path, spot);
}

/* The lowest descriptor that is free, or -EMFILE */
static int find_free_locked(const struct files *files)
{
	for (unsigned int i = 0; i < FILES_MAX; i++)
		if (!files->table[i])
			return FILES_FIRST + i;
	return -EMFILE;
}

static struct file *file_create(enum file_kind kind, uint32_t flags)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	pthread_mutex_init(&file->lock, NULL);
	file->refs = 1;
	file->kind = kind;
	file->fd = -1;
	file->readable = (flags & O_ACCMODE) != O_WRONLY;
	file->writable = (flags & O_ACCMODE) != O_RDONLY;
	file->append = flags & O_APPEND;
	return file;
}

/*
 * Flags by their names. What has no use here is left out: there is nobody to signal or to
 * execute, and O_DIRECT wants buffers that the guest's are not. Unknown ones are ignored,
 * as open(2) does; what would give more than a file is refused.
 */
static int translate(uint32_t flags)
{
	const uint32_t kept = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY |
			      O_NOFOLLOW | O_SYNC | O_DSYNC;
	const uint32_t refused = O_PATH | O_ASYNC | (O_TMPFILE & ~O_DIRECTORY);

	if (flags & refused || (flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	return flags & kept;
}

static enum file_kind kind_of(const struct stat *stat)
{
	if (S_ISDIR(stat->st_mode))
		return FILE_DIRECTORY;
	return S_ISREG(stat->st_mode) ? FILE_REGULAR : FILE_STREAM;
}

static struct file *open_place(const struct spot *spot, int flags, uint32_t mode, int *error)
{
	struct stat stat;
	struct file *file;
	int fd = place_open_file(&spot->node->place, spot->rest, flags, mode & 0777, &stat);

	*error = fd < 0 ? fd : -ENOMEM;
	if (fd < 0)
		return NULL;
	file = file_create(kind_of(&stat), flags);
	if (file)
		file->fd = fd;
	else
		close(fd);
	return file;
}

static struct file *open_memory_locked(struct memory_file *memory, int flags, int *error)
{
	struct file *file;

	*error = flags & O_DIRECTORY ? -ENOTDIR : -EEXIST;
	if (flags & O_DIRECTORY || (flags & O_CREAT && flags & O_EXCL))
		return NULL;
	*error = -ENOMEM;
	file = file_create(FILE_MEMORY, flags);
	if (!file)
		return NULL;
	if (flags & O_TRUNC)
		memory_file_truncate(memory);
	file->memory = memory_file_get(memory);
	return file;
}

static struct file *open_list_locked(struct files *files, const struct node *node, int flags,
				     int *error)
{
	size_t size = listing_size(node);
	struct file *file;

	*error = -EISDIR;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC))
		return NULL;
	*error = -ENOMEM;
	if (size > files->budget.most - files->budget.used)
		return NULL;
	file = file_create(FILE_LIST, flags);
	if (!file)
		return NULL;
	files->budget.used += size;
	file->list_size = size;
	file->list = listing_make(node, size);
	if (file->list)
		return file;
	file_destroy_locked(files, file);
	return NULL;
}

/* The guest's own file, which no one else sees */
static struct file *create_memory_locked(struct files *files, const struct spot *spot, int flags,
					 int *error)
{
	struct memory_file *memory = memory_file_create(&files->budget, files->last_id + 1);
	struct node *node;

	*error = -ENOMEM;
	if (!memory)
		return NULL;
	node = tree_add(&files->tree, spot, NODE_MEMORY, error);
	if (!node) {
		memory_file_put(memory);
		return NULL;
	}
	node->memory = memory;
	files->last_id++;
	return open_memory_locked(memory, flags & ~O_EXCL, error);
}

static struct file *open_locked(struct files *files, const struct spot *spot, int flags,
				uint32_t mode, int *error)
{
	switch (spot->node->kind) {
	case NODE_PLACE:
		return open_place(spot, flags, mode, error);
	case NODE_MEMORY:
		if (!*spot->rest)
			return open_memory_locked(spot->node->memory, flags, error);
		*error = -ENOTDIR;
		return NULL;
	case NODE_DIRECTORY:
		if (!*spot->rest)
			return open_list_locked(files, spot->node, flags, error);
		if (flags & O_CREAT)
			return create_memory_locked(files, spot, flags, error);
		break;
	}
	*error = -ENOENT;
	return NULL;
}

int files_open(struct files *files, const char *path, uint32_t flags, uint32_t mode)
{
	struct file *file = NULL;
	struct spot spot;
	int fd, error, host_flags = translate(flags);

	if (host_flags < 0)
		return host_flags;
	pthread_mutex_lock(&files->lock);
	error = find_locked(files, path, &spot);
	/* Before the open, which may make a file or empty one. */
	fd = find_free_locked(files);
	if (!error && fd < 0)
		error = fd;
	if (!error)
		file = open_locked(files, &spot, host_flags, mode, &error);
	if (file)
		files->table[fd - FILES_FIRST] = file;
	pthread_mutex_unlock(&files->lock);
	return file ? fd : error;
}

int files_close(struct files *files, int32_t fd)
{
	struct file *file;

	if (fd >= 0 && fd < FILES_FIRST)
		return 0;
	if (fd < 0 || fd >= FILES_FIRST + FILES_MAX)
		return -EBADF;
	pthread_mutex_lock(&files->lock);
	file = files->table[fd - FILES_FIRST];
	files->table[fd - FILES_FIRST] = NULL;
	pthread_mutex_unlock(&files->lock);
	if (!file)
		return -EBADF;
	files_put(files, file);
	return 0;
}

struct file *files_get(struct files *files, int32_t fd)
{
	struct file *file;

	if (fd < FILES_FIRST || fd >= FILES_FIRST + FILES_MAX)
		return NULL;
	pthread_mutex_lock(&files->lock);
	file = files->table[fd - FILES_FIRST];
	if (file)
		file->refs++;
	pthread_mutex_unlock(&files->lock);
	return file;
}

void files_put(struct files *files, struct file *file)
{
	pthread_mutex_lock(&files->lock);
	if (!--file->refs)
		file_destroy_locked(files, file);
	pthread_mutex_unlock(&files->lock);
}

static int unlink_locked(struct files *files, const struct spot *spot)
{
	struct node *node = spot->node;

	if (node->kind == NODE_PLACE)
		return place_unlink(&node->place, spot->rest);
	if (*spot->rest)
		return node->kind == NODE_DIRECTORY ? -ENOENT : -ENOTDIR;
	if (node->kind == NODE_DIRECTORY)
		return -EISDIR;
	memory_file_put(node->memory);
	tree_remove(&files->tree, node);
	return 0;
}

static int mkdir_locked(struct files *files, const struct spot *spot)
{
	int error;

	if (spot->node->kind == NODE_PLACE)
		return place_mkdir(&spot->node->place, spot->rest);
	return tree_add(&files->tree, spot, NODE_DIRECTORY, &error) ? 0 : error;
}

int files_unlink(struct files *files, const char *path)
{
	struct spot spot;
	int error;

	pthread_mutex_lock(&files->lock);
	error = find_locked(files, path, &spot);
	if (!error)
		error = unlink_locked(files, &spot);
	pthread_mutex_unlock(&files->lock);
	return error;
}

int files_mkdir(struct files *files, const char *path)
{
	struct spot spot;
	int error;

	pthread_mutex_lock(&files->lock);
	error = find_locked(files, path, &spot);
	if (!error)
		error = mkdir_locked(files, &spot);
	pthread_mutex_unlock(&files->lock);
	return error;
}

static void stat_directory(struct stat *stat)
{
	*stat = (struct stat){
		.st_ino = 1, .st_mode = S_IFDIR | 0755, .st_nlink = 2, .st_blksize = BLOCK_SIZE,
	};
}

static void stat_memory(const struct memory_file *memory, struct stat *stat)
{
	*stat = (struct stat){
		.st_ino = memory->id,
		.st_mode = S_IFREG | 0644,
		.st_nlink = 1,
		.st_size = memory->size,
		.st_blksize = BLOCK_SIZE,
		.st_blocks = (memory->size + 511) / 512,
		.st_atim = memory->changed,
		.st_mtim = memory->changed,
		.st_ctim = memory->changed,
	};
}

static int stat_locked(const struct spot *spot, bool follow, struct stat *stat)
{
	const struct node *node = spot->node;

	if (node->kind == NODE_PLACE)
		return place_stat(&node->place, spot->rest, follow, stat);
	if (*spot->rest)
		return node->kind == NODE_DIRECTORY ? -ENOENT : -ENOTDIR;
	if (node->kind == NODE_DIRECTORY)
		stat_directory(stat);
	else
		stat_memory(node->memory, stat);
	return 0;
}

int files_stat(struct files *files, const char *path, bool follow, struct stat *stat)
{
	struct spot spot;
	int error;

	pthread_mutex_lock(&files->lock);
	error = find_locked(files, path, &spot);
	if (!error)
		error = stat_locked(&spot, follow, stat);
	pthread_mutex_unlock(&files->lock);
	return error;
}

int files_fstat(struct files *files, int32_t fd, struct stat *stat)
{
	struct file *file = files_get(files, fd);
	int error = 0;

	if (!file)
		return -EBADF;
	if (file->kind == FILE_LIST) {
		stat_directory(stat);
	} else if (file->kind == FILE_MEMORY) {
		pthread_mutex_lock(&files->lock);
		stat_memory(file->memory, stat);
		pthread_mutex_unlock(&files->lock);
	} else if (fstat(file->fd, stat)) {
		error = -errno;
	}
	files_put(files, file);
	return error;
}
