// SPDX-License-Identifier: GPL-2.0
/* Which guest a command means. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kevctl.h"
#include "find.h"

static const struct runtime_info *find(const struct runtime_info *infos, int nr,
				       unsigned int number)
{
	for (int i = 0; i < nr; i++)
		if (infos[i].vm == number)
			return &infos[i];
	for (int i = 0; i < nr; i++)
		if (infos[i].pid == (pid_t)number)
			return &infos[i];
	return NULL;
}

/* Whose process a number is, if it is a kevctl's */
static bool find_owner(unsigned int number, uid_t *owner)
{
	char path[64], name[16] = "";
	struct stat stat;
	FILE *comm;
	bool is;

	snprintf(path, sizeof(path), "/proc/%u/comm", number);
	comm = fopen(path, "re");
	if (!comm)
		return false;
	is = fgets(name, sizeof(name), comm) && !strcmp(name, "kevctl\n") &&
	     !fstat(fileno(comm), &stat);
	fclose(comm);
	if (is)
		*owner = stat.st_uid;
	return is;
}

const char *find_problem(int error)
{
	switch (error) {
	case -EINVAL:
		return "is neither the number of a VM nor a PID";
	case -ENOENT:
		return "no such guest of this user's";
	default:
		return strerror(-error);
	}
}

static void say_not_found(const char *id, unsigned int number)
{
	uid_t owner;

	message(id, "%s", find_problem(-ENOENT));
	if (find_owner(number, &owner) && owner != geteuid())
		hint("it is a process of the user %u, whose kevctl can ask it; root can end it: "
		     "kill %u", owner, number);
	else
		hint("kevctl ps lists those that there are");
}

int find_number(const char *id, unsigned int *number)
{
	int error = parse_count(id, 1, INT_MAX, number);

	if (error) {
		message(id, "%s", find_problem(-EINVAL));
		hint("kevctl ps lists both");
	}
	return error ? -EINVAL : 0;
}

int find_guest(const char *id, struct runtime_info *info)
{
	const struct runtime_info *found;
	struct runtime_info *infos;
	unsigned int number;
	int nr, error = find_number(id, &number);

	if (error)
		return error;
	nr = runtime_list(&infos);
	if (nr < 0) {
		message("runtime directory", "%s", strerror(-nr));
		return nr;
	}
	found = find(infos, nr, number);
	if (found)
		*info = *found;
	else
		say_not_found(id, number);
	free(infos);
	return found ? 0 : -ENOENT;
}

/* ASCII alone: what else a terminal takes for control characters depends on its character set. */
void print_name(FILE *to, const char *text)
{
	for (; *text; text++)
		fputc(*text >= ' ' && *text <= '~' ? *text : '?', to);
}
