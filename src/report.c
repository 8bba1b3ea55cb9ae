// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports to user space: the whole frame, whatever the exit was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/string.h>
#include <kev/backend.h>
#include <kev/vcpu.h>

/**
 * kev_report_loaded() - fill the run page for a return to user space
 * @vcpu: loaded, armed or not; nothing is pending
 * @kind: enum kev_exit_kind
 *
 * The caller writes the kind's own structure afterwards, all of it. Nothing is left of an
 * earlier report of another kind.
 *
 * Context: IRQs off.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report_loaded(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	struct kev_run *run = vcpu->run;

	if (vcpu->reported != kind)
		memset(run->padding, 0, sizeof(run->padding));
	vcpu->reported = kind;
	run->flags = READ_ONCE(vcpu->interrupt) ? KEV_RUN_INTERRUPT_PENDING : 0;
	run->vcpu_id = vcpu->id;
	run->error = 0;
	run->instruction_bytes_len = 0;
	memset(run->instruction_bytes, 0, sizeof(run->instruction_bytes));
	kev_backend->frame(vcpu, run);
	run->kind = kind;
	vcpu->counts.reports++;
	return KEV_REPORT;
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
