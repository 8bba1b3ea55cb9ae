// SPDX-License-Identifier: GPL-2.0
/* Landlock: no file of the host's by its name, but those that are mapped. */
#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kevctl.h"
#include "sandbox.h"

/* Rights of later versions than the header's; landlock(7) has the versions. */
#define RIGHT_REFER		(1ULL << 13)	/* 2 */
#define RIGHT_TRUNCATE		(1ULL << 14)	/* 3 */
#define RIGHT_IOCTL_DEV		(1ULL << 15)	/* 5 */
#define RIGHTS_FIRST		((1ULL << 13) - 1)
#define NET_RIGHTS		0x3ULL		/* 4: bind and connect by TCP */
#define SCOPES			0x3ULL		/* 6: abstract Unix sockets, signals */

#define RIGHTS_FILE_READ	LANDLOCK_ACCESS_FS_READ_FILE
#define RIGHTS_FILE_WRITE	(LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_DIR_READ		LANDLOCK_ACCESS_FS_READ_DIR
#define RIGHTS_DIR_WRITE	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
				 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)

/* The kernel takes the structure by its size: what a version does not know is not sent. */
struct ruleset {
	uint64_t files;
	uint64_t net;
	uint64_t scopes;
};

static struct ruleset everything(int version, bool network, size_t *size)
{
	struct ruleset ruleset = { .files = RIGHTS_FIRST };

	*size = version < 4 ? sizeof(uint64_t) : version < 6 ? 2 * sizeof(uint64_t) :
		3 * sizeof(uint64_t);
	if (version >= 2)
		ruleset.files |= RIGHT_REFER;
	if (version >= 3)
		ruleset.files |= RIGHT_TRUNCATE;
	if (version >= 5)
		ruleset.files |= RIGHT_IOCTL_DEV;
	ruleset.net = network ? 0 : NET_RIGHTS;
	ruleset.scopes = SCOPES;
	return ruleset;
}

static int allow(int rules, const struct sandbox_path *path, uint64_t handled)
{
	struct landlock_path_beneath_attr beneath = { .parent_fd = path->fd };
	struct stat stat;

	if (fstat(path->fd, &stat))
		return -errno;
	beneath.allowed_access = RIGHTS_FILE_READ;
	if (path->writable)
		beneath.allowed_access |= RIGHTS_FILE_WRITE;
	if (S_ISDIR(stat.st_mode)) {
		beneath.allowed_access |= RIGHTS_DIR_READ;
		if (path->writable)
			beneath.allowed_access |= RIGHTS_DIR_WRITE;
	}
	if (path->removable)
		beneath.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_FILE;
	else if (path->removable_dirs)
		beneath.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_DIR;
	beneath.allowed_access &= handled;
	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) ?
	       -errno : 0;
}

int sandbox_landlock(const struct sandbox_needs *needs)
{
	int version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			      LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset ruleset;
	int rules, error = 0;
	size_t size;

	if (version < 0)
		return errno == ENOSYS ? -EOPNOTSUPP : -errno;
	ruleset = everything(version, needs->network, &size);
	rules = syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (rules < 0)
		return -errno;
	for (unsigned int i = 0; i < needs->nr_paths && !error; i++)
		error = allow(rules, &needs->paths[i], ruleset.files);
	if (!error && syscall(SYS_landlock_restrict_self, rules, 0))
		error = -errno;
	close(rules);
	return error;
}
