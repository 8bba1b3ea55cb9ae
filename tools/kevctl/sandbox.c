// SPDX-License-Identifier: GPL-2.0
/* What kevctl gives up before the guest starts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kevctl.h"
#include "sandbox.h"

/* Descriptors that a run needs for itself: the session's, and a few of the libraries' */
#define OWN_FILES	32

/* Of root's, for files that belong to others and are mapped all the same */
static int drop_capabilities(const struct sandbox_needs *needs)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const uint32_t kept = sandbox_opens_files(needs) && !needs->network ?
		1U << CAP_DAC_OVERRIDE : 0;

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		data[i].effective &= i ? 0 : kept;
		data[i].permitted &= i ? 0 : kept;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static int set_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -errno;
	if (limit.rlim_max < value)
		value = limit.rlim_max;
	limit = (struct rlimit){ .rlim_cur = value, .rlim_max = value };
	return setrlimit(resource, &limit) ? -errno : 0;
}

static int set_limits(const struct sandbox_needs *needs)
{
	/* The lowest descriptor that is free; few are open above it. */
	int free = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	int error;

	if (free < 0)
		return -errno;
	close(free);
	error = set_limit(RLIMIT_NOFILE, free + OWN_FILES + needs->files);
	if (!error)
		error = set_limit(RLIMIT_CORE, 0);
	return error ? error : set_limit(RLIMIT_MSGQUEUE, 0);
}

/* In this order: each one needs what the next one takes. */
static const struct part {
	unsigned int bit;
	const char *name;
	int (*enter)(const struct sandbox_needs *needs);
} parts[] = {
	{ SANDBOX_CAPABILITIES, "capabilities", drop_capabilities },
	{ SANDBOX_LIMITS, "limits", set_limits },
	{ SANDBOX_LANDLOCK, "landlock", sandbox_landlock },
	{ SANDBOX_SECCOMP, "seccomp", sandbox_seccomp },
};

static unsigned int part_bit(const char *word, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strlen(parts[i].name) == length && !memcmp(parts[i].name, word, length))
			return parts[i].bit;
	return 0;
}

int sandbox_parse(const char *text, unsigned int *without)
{
	unsigned int bit;
	size_t length;

	*without = 0;
	if (!strcmp(text, "on"))
		return 0;
	if (!strcmp(text, "off")) {
		*without = SANDBOX_ALL;
		return 0;
	}
	do {
		length = strcspn(text, ",");
		bit = *text == '-' ? part_bit(text + 1, length - 1) : 0;
		if (!bit)
			return -EINVAL;
		*without |= bit;
		text += length;
	} while (*text++);
	return 0;
}

static void name_part(char *list, size_t size, const char *name)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length ? ", " : "", name);
}

int sandbox_enter(const struct sandbox_needs *needs)
{
	char absent[64] = "", present[64] = "";
	int error;

	if (needs->without == SANDBOX_ALL) {
		message("--sandbox", "off");
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		message("sandbox", "no new privileges: %s", strerror(errno));
		return STATUS_FAILURE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *part = &parts[i];

		if (needs->without & part->bit) {
			name_part(absent, sizeof(absent), part->name);
			continue;
		}
		error = part->enter(needs);
		if (error && error != -EOPNOTSUPP) {
			message("sandbox", "%s: %s", part->name, strerror(-error));
			hint("--sandbox -%s leaves it out", part->name);
			return STATUS_FAILURE;
		}
		if (!error)
			name_part(present, sizeof(present), part->name);
		else if (needs->verbose)
			message("sandbox", "this kernel has no %s", part->name);
	}
	/* Once is enough. */
	if (*absent && !needs->network)
		message("--sandbox", "without %s", absent);
	if (needs->verbose && *present)
		message("sandbox", "%s", present);
	return 0;
}
