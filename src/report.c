// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports to user space: the whole frame, whatever the exit was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/string.h>
#include <kev/backend.h>
#include <kev/vcpu.h>

/* What the kinds of report that come most often write of the page's part for the kind */
#define SMALL_KIND	round_up(max(sizeof(struct kev_exit_io), sizeof(struct kev_exit_mmio)), 8)

static bool is_small(u32 kind)
{
	return kind == KEV_EXIT_IO || kind == KEV_EXIT_MMIO;
}

/**
 * kev_report_clean() - leave nothing of an earlier report
 * @vcpu: its next report is of another kind, or the last one had more than its kind's part
 * @kind: enum kev_exit_kind
 */
void kev_report_clean(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	struct kev_run *run = vcpu->run;

	if (is_small(vcpu->reported) && is_small(kind)) {
		memset(run->padding, 0, SMALL_KIND);
	} else {
		memset(run->padding, 0, sizeof(run->padding));
		run->vcpu_id = vcpu->id;
		run->error = 0;
		run->instruction_bytes_len = 0;
		memset(run->instruction_bytes, 0, sizeof(run->instruction_bytes));
	}
	vcpu->reported = kind;
}

static void call_report(struct kev_vcpu *vcpu, void *arg)
{
	const enum kev_exit_kind *kind = arg;

	kev_report_loaded(vcpu, *kind);
}

/* Without the CPU there is still the kind to tell. */
static void report_without_frame(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	struct kev_run *run = vcpu->run;

	/* All but the request, which is not ours, and the values of a string */
	memset((u8 *)run + offsetof(struct kev_run, kind), 0,
	       offsetof(struct kev_run, data) - offsetof(struct kev_run, kind));
	vcpu->reported = kind;
	run->vcpu_id = vcpu->id;
	run->kind = kind;
	vcpu->counts.reports++;
}

/**
 * kev_report() - the same, from where the vCPU is not loaded
 * @vcpu: the caller holds its lock
 * @kind: enum kev_exit_kind
 *
 * What is left to do of the last exit is done before.
 *
 * Context: process, may sleep.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	if (kev_vcpu_loaded_call(vcpu, call_report, &kind))
		report_without_frame(vcpu, kind);
	return KEV_REPORT;
}

/**
 * kev_report_console() - the console is full: its reader has to make room first
 * @vcpu: the caller holds its lock
 *
 * The exit is handled again at the next RUN.
 *
 * Context: process, may sleep.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report_console(struct kev_vcpu *vcpu)
{
	vcpu->answer = KEV_EXIT_CONSOLE;
	return kev_report(vcpu, KEV_EXIT_CONSOLE);
}
