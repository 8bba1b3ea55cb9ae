/* SPDX-License-Identifier: GPL-2.0 */
/* What VMs and vCPUs have counted up to a moment. */
#ifndef KEVCTL_SAMPLE_H
#define KEVCTL_SAMPLE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kev.h>

#define STATE_BYTES	16
#define COMM_BYTES	64

struct counts {
	struct kev_counter *counters;
	unsigned int nr_counters;
	struct kev_exit_count *exits;
	unsigned int nr_exits;
};

/* @cpu: in whose guest it is, or -1 */
struct vcpu_sample {
	uint64_t id;
	int cpu;
	char state[STATE_BYTES];
	struct counts counts;
};

/* @counts: of all its vCPUs, those that are gone included, and of its memory */
struct vm_sample {
	uint64_t id;
	pid_t pid;
	char state[STATE_BYTES];
	char comm[COMM_BYTES];
	char image[PATH_MAX];
	struct counts counts;
	struct vcpu_sample *vcpus;
	unsigned int nr_vcpus;
};

/* @most: more VMs are none, 0: any number. @time: when they were taken, in ns. */
struct samples {
	struct vm_sample *vms;
	unsigned int nr;
	unsigned int most;
	uint64_t time;
};

/* The three tables that the kernel has in debugfs; kevctl gives those of its VM alike. */
struct sample_tables {
	char *vms;
	char *vcpus;
	char *exits;
};

/**
 * samples_add() - read what tables say
 * @samples: what is there already, or zeroed
 * @tables: texts, which are cut up
 *
 * A VM or vCPU that has come or gone while the tables were read may be missing.
 *
 * Return: 0; -EBADMSG, -ENOMEM, -E2BIG; samples_fini() is due either way.
 */
int samples_add(struct samples *samples, const struct sample_tables *tables);
void samples_fini(struct samples *samples);

/**
 * samples_split() - find the tables in the text that kevctl gives
 * @text: the tables, with an empty line between them; is cut up
 * @tables: out
 *
 * Return: 0 or -EBADMSG.
 */
int samples_split(char *text, struct sample_tables *tables);

/* samples_find() - a VM by its number, NULL for none */
const struct vm_sample *samples_find(const struct samples *samples, uint64_t id);

/* counts_value() - a counter by its name; 0 where there is none */
uint64_t counts_value(const struct counts *counts, const char *name);

#endif /* KEVCTL_SAMPLE_H */
