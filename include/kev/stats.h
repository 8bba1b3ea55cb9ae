/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vCPU counts, and how it is told.
 */
#ifndef _KEV_STATS_H
#define _KEV_STATS_H

#include <linux/types.h>
#include <kev/exit.h>

struct kev_vm;
struct seq_file;

/* Events that an entry has delivered into the guest: kev_counts.injected */
enum kev_injected {
	KEV_INJECTED_INTERRUPT = 0,
	KEV_INJECTED_NMI,
	KEV_INJECTED_EXCEPTION,
	KEV_INJECTED_SOFTWARE,	/* INT n */
	KEV_NR_INJECTED
};

/**
 * struct kev_counts - what a vCPU has done since it was made
 * @exits: VM exits, by enum kev_event
 * @slow: of these, those that left the entry loop before they were answered
 * @reported: reports to user space because of one
 * @injected: entries with an event to deliver, by enum kev_injected; again after an exit in
 *	the middle of its delivery
 * @reports: returns of KEV_VCPU_RUN with a report
 * @kicks: returns of KEV_VCPU_RUN without a report, nearly all of them with -EINTR
 * @loads: stays in the guest: guest state in, entries, guest state out
 * @migrations: times that the vCPU's state went from one CPU to another
 * @guest_tsc: ticks of the host's TSC in those stays
 * @first_entry: kev_hw_tsc() at the first one, 0 before
 *
 * All are written by the vCPU's owner alone and read by anybody: a plain increment each.
 * All but the last are sums, and have the same width.
 */
struct kev_counts {
	u64 exits[KEV_NR_EVENTS];
	u64 slow[KEV_NR_EVENTS];
	u64 reported[KEV_NR_EVENTS];
	u64 injected[KEV_NR_INJECTED];
	u64 reports;
	u64 kicks;
	u64 loads;
	u64 migrations;
	u64 guest_tsc;
	u64 first_entry;
};

void kev_counts_add(struct kev_counts *sum, const struct kev_counts *part);

/* Calls of both kinds of fd */
long kev_vcpu_get_stats(void *object, void *arg);
long kev_vcpu_get_counters(void *object, void *arg);
long kev_vm_get_stats(void *object, void *arg);
long kev_vm_get_counters(void *object, void *arg);

/* Lines of tables */
void kev_show_vm_names(struct seq_file *file);
void kev_show_vm(struct seq_file *file, struct kev_vm *vm);
void kev_show_vcpu_names(struct seq_file *file);
void kev_show_vcpus(struct seq_file *file, struct kev_vm *vm);
void kev_show_exit_names(struct seq_file *file);
void kev_show_exits(struct seq_file *file, struct kev_vm *vm);

#endif /* _KEV_STATS_H */
