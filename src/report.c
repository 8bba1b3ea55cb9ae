// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports to user space: the whole frame, whatever the exit was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/string.h>
#include <kev/backend.h>
#include <kev/vcpu.h>

static void call_frame(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->frame(vcpu, arg);
}

/**
 * kev_report() - fill the run page for a return to user space
 * @vcpu: the caller holds its lock
 * @kind: enum kev_exit_kind
 *
 * The caller adds the kind's own fields afterwards. Nothing is left of an
 * earlier report.
 *
 * Context: process, may sleep.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report(struct kev_vcpu *vcpu, enum kev_exit_kind kind)
{
	struct kev_run *run = vcpu->run;

	/* All but the request, which is not ours, and the values of a string. */
	memset((u8 *)run + offsetof(struct kev_run, kind), 0,
	       offsetof(struct kev_run, data) - offsetof(struct kev_run, kind));
	run->vcpu_id = vcpu->id;
	if (READ_ONCE(vcpu->interrupt))
		run->flags |= KEV_RUN_INTERRUPT_PENDING;
	/* Without the CPU there is still the kind to tell. */
	kev_vcpu_loaded_call(vcpu, call_frame, run);
	run->kind = kind;
	vcpu->counts.reports++;
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
