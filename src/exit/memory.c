// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level faults: the page is loaded, a device is accessed, or the access is reported.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kev/exit.h>
#include <kev/mem.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/**
 * kev_report_memory() - report an access that guest memory cannot serve
 * @vcpu: the caller holds its lock
 * @memory: the access
 * @ret: what kev_mem_fault() said
 *
 * Context: process, may sleep.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report_memory(struct kev_vcpu *vcpu, const struct kev_exit_memory *memory,
				   int ret)
{
	bool refused = ret == -ENOENT || ret == -EACCES || ret == -EAGAIN;
	struct kev_run *run = vcpu->run;

	kev_report(vcpu, refused ? KEV_EXIT_MEMORY : KEV_EXIT_MEMORY_ERROR);
	run->memory = *memory;
	run->flags |= KEV_RUN_RETRY;
	if (ret != -ENOENT)
		run->flags |= KEV_RUN_BACKED;
	if (!refused)
		run->error = -ret;
	kev_report_has_more(vcpu);
	return KEV_REPORT;
}

/**
 * kev_report_no_memory() - report that kev itself has no memory to handle an exit
 * @vcpu: the caller holds its lock
 *
 * The guest comes to the instruction again, unless the caller sees to it that the exit is
 * handled again.
 *
 * Context: process, may sleep.
 * Return: KEV_REPORT.
 */
enum kev_verdict kev_report_no_memory(struct kev_vcpu *vcpu)
{
	struct kev_exit_memory memory = {};

	if (vcpu->exit.event == KEV_EV_MEMORY) {
		memory.gpa = vcpu->exit.memory.gpa;
		memory.access = vcpu->exit.memory.access;
	}
	return kev_report_memory(vcpu, &memory, -ENOMEM);
}

/* A page that is at hand, where kev_fast_mmio() has found no device */
enum kev_verdict kev_fast_memory(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 kind;

	kind = kev_mem_fault_fast(&vcpu->vm->mem, &vcpu->stock, exit->memory.gpa,
				  exit->memory.access);
	if (!kind)
		return KEV_PASS;
	trace_kev_fault(vcpu, exit->memory.gpa, exit->memory.gva, exit->memory.access, kind, 0);
	return KEV_RETRY;
}

/**
 * kev_memory_start() - make present what a vCPU's first instruction needs
 * @vcpu: the caller holds its lock; it is in its first state
 *
 * Without this each page were an exit of its own, one behind the other. What would have to
 * wait, or cannot be had, is left to the guest, whose access tells.
 *
 * Context: process, may sleep.
 */
void kev_memory_start(struct kev_vcpu *vcpu)
{
	u64 gpa[KEV_BOOT_MAX_TOUCHED];
	u32 nr = kev_boot_touched(&vcpu->vm->start, gpa);
	struct kev_touch touch = {
		.flags = KEV_TOUCH_NOWAIT,
		.stock = &vcpu->stock,
	};
	u32 i;

	for (i = 0; i < nr; i++) {
		touch.gpa = gpa[i];
		touch.access = i == nr - 1 ? KEV_MEM_EXEC : KEV_MEM_WRITE;
		if (kev_mem_fault(&vcpu->vm->mem, &touch))
			return;
	}
}

enum kev_verdict kev_slow_memory(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct kev_exit_memory memory = {
		.gpa = exit->memory.gpa,
		.gva = exit->memory.gva,
		.access = exit->memory.access,
		.gva_valid = exit->memory.gva_valid,
	};
	struct kev_touch touch = {
		.gpa = memory.gpa,
		.access = memory.access,
		.stock = &vcpu->stock,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_WAKE,
	};
	int ret;

	if (vcpu->emulation && vcpu->emulation->active)
		return kev_emulate(vcpu);
	if (exit->memory.operand && !(touch.access & KEV_MEM_EXEC) &&
	    kev_apic_owns(vcpu, touch.gpa))
		return kev_emulate(vcpu);
	ret = kev_mem_fault(&vcpu->vm->mem, &touch);
	trace_kev_fault(vcpu, memory.gpa, memory.gva, memory.access, touch.kind, ret);
	/* A signal: the run loop sees it, the guest meets the fault again. */
	if (!ret || ret == -EINTR)
		return KEV_RETRY;
	if (ret == -EACCES && exit->memory.operand && kev_is_device(touch.kind, touch.access))
		return kev_emulate(vcpu);
	memory.kind = touch.kind;
	memory.prot = touch.prot;
	return kev_report_memory(vcpu, &memory, ret);
}
