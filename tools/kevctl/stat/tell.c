// SPDX-License-Identifier: GPL-2.0
/* The tables of one VM, by the process that runs it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libkev.h>

#include "../kevctl.h"
#include "../session.h"
#include "tell.h"

#define MAX_COUNTERS	128

/* All that there is of one of the two; names of another version may be more. */
struct told {
	struct kev_counter counters[MAX_COUNTERS];
	struct kev_exit_count exits[MAX_COUNTERS];
	unsigned int nr_counters, nr_exits;
};

static int ask(int fd, int (*call)(int fd, struct kev_counters *counters), struct told *told)
{
	struct kev_counters counters = {
		.size = sizeof(counters),
		.nr_counters = MAX_COUNTERS,
		.nr_exits = MAX_COUNTERS,
		.counters = (uintptr_t)told->counters,
		.exits = (uintptr_t)told->exits,
	};
	int error = call(fd, &counters);

	told->nr_counters = counters.nr_counters;
	told->nr_exits = counters.nr_exits;
	return error;
}

static void print_names(FILE *to, const char *keys, const struct told *told, const char *last)
{
	fputs(keys, to);
	for (unsigned int i = 0; i < told->nr_counters; i++)
		fprintf(to, " %s", told->counters[i].name);
	fprintf(to, "%s\n", last);
}

static void print_values(FILE *to, const struct told *told)
{
	for (unsigned int i = 0; i < told->nr_counters; i++)
		fprintf(to, " %llu", told->counters[i].value);
}

static const char *state_name(uint32_t state)
{
	static const char *const names[] = { "alive", "exited", "failed" };

	return state < ARRAY_SIZE(names) ? names[state] : "?";
}

static int print_vm(FILE *to, const struct session *session, uint64_t id, struct told *told)
{
	struct kev_vm_status status = { .size = sizeof(status) };
	int error = ask(session->vm, kev_vm_counters, told);

	if (!error)
		error = kev_vm_status(session->vm, &status);
	if (error)
		return error;
	print_names(to, "vm pid state vcpus", told, " comm");
	fprintf(to, "%" PRIu64 " %d %s %u", id, getpid(), state_name(status.state),
		session->nr_vcpus);
	print_values(to, told);
	fputs(" kevctl\n\n", to);
	return 0;
}

static void print_exits(FILE *to, uint64_t id, uint32_t vcpu, const struct told *told)
{
	for (unsigned int i = 0; i < told->nr_exits; i++) {
		const struct kev_exit_count *exit = &told->exits[i];

		if (exit->exits)
			fprintf(to, "%" PRIu64 " %u %llu %llu %llu %s\n", id, vcpu, exit->exits,
				exit->slow, exit->reported, exit->name);
	}
}

static int print_vcpus(FILE *to, FILE *exits, const struct session *session, uint64_t id,
		       struct told *told)
{
	int error = 0;

	for (unsigned int i = 0; i < session->nr_vcpus && !error; i++) {
		const struct vcpu *vcpu = &session->vcpus[i];

		error = ask(vcpu->fd, kev_vcpu_counters, told);
		if (error)
			break;
		if (!i)
			print_names(to, "vm vcpu", told, "");
		fprintf(to, "%" PRIu64 " %u", id, vcpu->id);
		print_values(to, told);
		fputc('\n', to);
		print_exits(exits, id, vcpu->id, told);
	}
	return error;
}

static int print_tables(FILE *to, const struct session *session, struct told *told)
{
	struct kev_vm_stats stats = { .size = sizeof(stats) };
	size_t length = 0;
	char *text = NULL;
	FILE *exits;
	int error = kev_vm_stats(session->vm, &stats);

	if (!error)
		error = print_vm(to, session, stats.id, told);
	exits = error ? NULL : open_memstream(&text, &length);
	if (!exits)
		return error ? error : -ENOMEM;
	error = print_vcpus(to, exits, session, stats.id, told);
	if (fclose(exits) && !error)
		error = -ENOMEM;
	fputs("\nvm vcpu exits slow reported name\n", to);
	if (text)
		fputs(text, to);
	free(text);
	return error;
}

char *tell_counters(const struct session *session, size_t *length)
{
	struct told *told = malloc(sizeof(*told));
	char *text = NULL;
	FILE *file;
	int error;

	if (!told)
		return NULL;
	file = open_memstream(&text, length);
	error = file ? print_tables(file, session, told) : -ENOMEM;
	if (file && fclose(file))
		error = -ENOMEM;
	free(told);
	if (error) {
		free(text);
		text = NULL;
	}
	return text;
}
