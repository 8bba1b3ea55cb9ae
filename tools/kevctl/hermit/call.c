// SPDX-License-Identifier: GPL-2.0
/* What a call does that both versions of the interface have. */
#include <errno.h>
#include <limits.h>

#include "../kevctl.h"
#include "call.h"

void call_warn(struct call *call, unsigned int what, const char *text)
{
	if (!(__atomic_fetch_or(&call->calls->warned, what, __ATOMIC_RELAXED) & what))
		message("the guest", "%s", text);
}

bool call_structure(struct call *call, uint64_t parameter, void *structure, size_t size)
{
	if (!guest_read_all(&call->physical, parameter, structure, size))
		return true;
	if (call->calls->verbose)
		call_warn(call, WARNED_STRUCTURE,
			  "a call's structure is not in its memory; such calls do nothing");
	return false;
}

void call_exit(struct call *call, int32_t code)
{
	call->ended = true;
	call->code = (uint32_t)code;
}

/* Why memory cannot be had is nothing to the guest. */
static int get_path(struct call *call, uint64_t name, char path[PATH_MAX])
{
	ssize_t length = guest_string(&call->physical, name, path, PATH_MAX);

	if (length < 0)
		return length == -ENAMETOOLONG ? -ENAMETOOLONG : -EFAULT;
	return 0;
}

int32_t call_open(struct call *call, uint64_t name, uint32_t flags, uint32_t mode)
{
	char path[PATH_MAX];
	int error = get_path(call, name, path);

	return error ? error : files_open(&call->calls->files, path, flags, mode);
}

int32_t call_close(struct call *call, int32_t fd)
{
	return files_close(&call->calls->files, fd);
}

int32_t call_unlink(struct call *call, uint64_t name)
{
	char path[PATH_MAX];
	int error = get_path(call, name, path);

	return error ? error : files_unlink(&call->calls->files, path);
}

int32_t call_mkdir(struct call *call, uint64_t name)
{
	char path[PATH_MAX];
	int error = get_path(call, name, path);

	return error ? error : files_mkdir(&call->calls->files, path);
}

int32_t call_stat(struct call *call, uint64_t name, bool follow, struct stat *stat)
{
	char path[PATH_MAX];
	int error = get_path(call, name, path);

	return error ? error : files_stat(&call->calls->files, path, follow, stat);
}

int32_t call_fstat(struct call *call, int32_t fd, struct stat *stat)
{
	return files_fstat(&call->calls->files, fd, stat);
}

int64_t call_lseek(struct call *call, int32_t fd, int64_t offset, uint32_t whence)
{
	return files_lseek(&call->calls->files, fd, offset, whence);
}
