// SPDX-License-Identifier: GPL-2.0
/* The user's own commands: `monitor COMMAND` in GDB. */
#include <string.h>

#include <libkev.h>

#include "../dump.h"
#include "../kevctl.h"
#include "../stats.h"
#include "internal.h"

static void print_help(struct gdb *gdb, unsigned int thread, FILE *to);

static void print_registers(struct gdb *gdb, unsigned int thread, FILE *to)
{
	const struct vcpu *vcpu = &gdb->session->vcpus[thread];

	dump_print(gdb->dump, to, vcpu->fd, vcpu->id);
}

static void print_stats(struct gdb *gdb, unsigned int thread, FILE *to)
{
	struct kev_vm_stats stats = { .size = sizeof(stats) };
	struct stats_list list = { .nr = 0 };
	int error = kev_vm_stats(gdb->session->vm, &stats);

	(void)thread;
	if (error) {
		fprintf(to, "%s\n", strerror(-error));
		return;
	}
	stats_add_vm(&list, &stats);
	stats_print(to, &list);
}

static void print_exits(struct gdb *gdb, unsigned int thread, FILE *to)
{
	(void)thread;
	fprintf(to, "%4s %12s %12s %10s %10s %10s %10s %10s %10s %10s\n", "vCPU", "exits", "fast",
		"cpuid", "msr", "hypercall", "memory", "io", "interrupt", "other");
	for (unsigned int i = 0; i < gdb->session->nr_vcpus; i++) {
		const struct vcpu *vcpu = &gdb->session->vcpus[i];
		struct kev_vcpu_stats stats = { .size = sizeof(stats) };
		int error = kev_vcpu_stats(vcpu->fd, &stats);

		if (error) {
			fprintf(to, "%4u %s\n", vcpu->id, strerror(-error));
			continue;
		}
		fprintf(to, "%4u %12llu %12llu %10llu %10llu %10llu %10llu %10llu %10llu %10llu\n",
			vcpu->id, stats.exits, stats.fast, stats.cpuid, stats.msr, stats.hypercall,
			stats.memory, stats.io, stats.interrupt, stats.other);
	}
}

static const struct {
	const char *name;
	void (*print)(struct gdb *gdb, unsigned int thread, FILE *to);
	const char *what;
} commands[] = {
	{ "help", print_help, "this list" },
	{ "regs", print_registers, "registers, code and callers of the thread's vCPU" },
	{ "stats", print_stats, "statistics of the VM" },
	{ "exits", print_exits, "exits of each vCPU, by kind" },
};

static void print_help(struct gdb *gdb, unsigned int thread, FILE *to)
{
	(void)gdb;
	(void)thread;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "%-6s %s\n", commands[i].name, commands[i].what);
}

bool gdb_monitor(void *owner, unsigned int thread, const char *command, FILE *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(command, commands[i].name))
			continue;
		commands[i].print(owner, thread, to);
		return true;
	}
	return false;
}
