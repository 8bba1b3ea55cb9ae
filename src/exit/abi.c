// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall ABIs that kev brings: "kev" with HaltCpu and Print, "akaros" with printc,
 * "none" and "report".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/trapnr.h>
#include <kev/emulation.h>
#include <kev/exit.h>
#include <kev/hypercall.h>
#include <kev/vcpu.h>
#include <kev/vm.h>
#include <kev/walk.h>

#define CALL_HALT_CPU	0
#define CALL_PRINT	1
#define CALL_PRINTC	1	/* of "akaros" */

/* RAX; RDI, RSI, RDX, R10, R9, R8 */
static void resolve_kev(const u64 *gpr, struct kev_hypercall *call)
{
	*call = (struct kev_hypercall) {
		.nr = gpr[KEV_RAX],
		.args = { gpr[KEV_RDI], gpr[KEV_RSI], gpr[KEV_RDX], gpr[KEV_R10], gpr[KEV_R9],
			  gpr[KEV_R8] },
	};
}

static enum kev_verdict fast_kev(struct kev_vcpu *vcpu)
{
	if (vcpu->gpr[KEV_RAX] != CALL_HALT_CPU)
		return KEV_PASS;
	/* Only noted here: the run loop ends the VM and calls the others out. */
	vcpu->end_code = vcpu->gpr[KEV_RDI];
	return KEV_EXIT;
}

static enum kev_verdict slow_kev(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	struct kev_paging paging;
	enum kev_verdict verdict;
	int error;

	if (call->nr != CALL_PRINT)
		return KEV_PASS;
	if (kev_vcpu_paging(vcpu, &paging)) {
		vcpu->fail = -EIO;
		return KEV_FAIL;
	}
	verdict = kev_print(vcpu, &paging, call->args[0], call->args[1], &error);
	if (error)
		vcpu->gpr[KEV_RAX] = error;
	return verdict;
}

const struct kev_hypercall_abi kev_abi_kev = {
	.name = "kev",
	.owner = THIS_MODULE,
	.kernel_only = true,
	.resolve = resolve_kev,
	.fast = fast_kev,
	.slow = slow_kev,
};

/* RDI: one character */
static enum kev_verdict slow_akaros(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	struct kev_vm *vm = vcpu->vm;
	u8 byte = call->args[0];
	ssize_t written;

	if (call->nr != CALL_PRINTC)
		return KEV_PASS;
	written = kev_console_write(&vm->console, &byte, 1);
	if (written < 0) {
		vcpu->answer = KEV_EXIT_MEMORY;
		return kev_report_no_memory(vcpu);
	}
	if (!written)
		return kev_report_console(vcpu);
	wake_up_interruptible(&vm->wait);
	return KEV_RESUME;
}

const struct kev_hypercall_abi kev_abi_akaros = {
	.name = "akaros",
	.owner = THIS_MODULE,
	.kernel_only = true,
	.resolve = resolve_kev,
	.slow = slow_akaros,
};

/* A guest without a hypervisor: VMCALL is no instruction. */
static enum kev_verdict fast_none(struct kev_vcpu *vcpu)
{
	return kev_queue_exception(vcpu, X86_TRAP_UD, false, 0);
}

const struct kev_hypercall_abi kev_abi_none = {
	.name = "none",
	.owner = THIS_MODULE,
	.resolve = resolve_kev,
	.fast = fast_none,
};

/* Every call goes to user space. */
const struct kev_hypercall_abi kev_abi_report = {
	.name = "report",
	.owner = THIS_MODULE,
	.resolve = resolve_kev,
};
