// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall ABIs that kev brings: "kev" with HaltCpu and Print, "akaros" with printc,
 * "none" and "report".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/trapnr.h>
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

static enum kev_verdict fast_kev(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	if (call->nr != CALL_HALT_CPU)
		return KEV_PASS;
	/* Only noted here: the run loop ends the VM and calls the others out. */
	vcpu->end_code = call->args[0];
	return KEV_EXIT;
}

static bool should_stop(struct kev_vcpu *vcpu)
{
	return signal_pending(current) || READ_ONCE(vcpu->requests) & KEV_REQ_LEAVE;
}

/* The guest's buffer cannot be read at @gva, because of a page at touch->gpa. */
static enum kev_verdict print_failed(struct kev_vcpu *vcpu, u64 gva,
				     const struct kev_touch *touch, int ret)
{
	const struct kev_exit_memory memory = {
		.gpa = touch->gpa,
		.gva = gva,
		.kind = touch->kind,
		.prot = touch->prot,
		.gva_valid = true,
		.access = KEV_MEM_READ,
	};

	if (ret == -EFAULT) {
		vcpu->gpr[KEV_RAX] = -EFAULT;
		vcpu->printed = 0;
		return KEV_RESUME;
	}
	if (ret == -EINTR)
		return KEV_KICKED;
	/* The page is there but cannot be had now: the next RUN tries again. */
	vcpu->answer = KEV_EXIT_CONSOLE;
	return kev_report_memory(vcpu, &memory, ret);
}

/* The reader has to make room first: the call is made again at the next RUN. */
static enum kev_verdict console_full(struct kev_vcpu *vcpu)
{
	vcpu->answer = KEV_EXIT_CONSOLE;
	return kev_report(vcpu, KEV_EXIT_CONSOLE);
}

/* Page by page, from where the last RUN stopped. */
static enum kev_verdict print_through(struct kev_vcpu *vcpu, u64 gva, u64 len, u8 *buf)
{
	struct kev_vm *vm = vcpu->vm;
	struct kev_touch touch = {
		.access = KEV_MEM_READ,
		.stop = &vcpu->requests,
		.stop_mask = KEV_REQ_LEAVE,
	};
	struct kev_paging paging;
	ssize_t read, written;
	u64 at;

	if (kev_vcpu_paging(vcpu, &paging)) {
		vcpu->fail = -EIO;
		return KEV_FAIL;
	}
	while (vcpu->printed < len) {
		if (should_stop(vcpu))
			return KEV_KICKED;
		at = gva + vcpu->printed;
		if (at < gva)
			return print_failed(vcpu, at, &touch, -EFAULT);
		read = kev_mem_copy_gva(&vm->mem, &paging, at, &touch, buf,
					min(len - vcpu->printed, PAGE_SIZE - offset_in_page(at)));
		if (read < 0)
			return print_failed(vcpu, at, &touch, read);
		written = kev_console_write(&vm->console, buf, read);
		if (written < 0) {
			vcpu->fail = written;
			return KEV_FAIL;
		}
		vcpu->printed += written;
		if (written)
			wake_up_interruptible(&vm->wait);
		if (written < read)
			return console_full(vcpu);
	}
	vcpu->printed = 0;
	return KEV_RESUME;
}

static enum kev_verdict slow_kev(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
{
	enum kev_verdict verdict;
	u8 *buf;

	if (call->nr != CALL_PRINT)
		return KEV_PASS;
	if (!call->args[1])
		return KEV_RESUME;
	buf = (u8 *)__get_free_page(GFP_KERNEL);
	if (!buf) {
		vcpu->fail = -ENOMEM;
		return KEV_FAIL;
	}
	verdict = print_through(vcpu, call->args[0], call->args[1], buf);
	free_page((unsigned long)buf);
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
		vcpu->fail = written;
		return KEV_FAIL;
	}
	if (!written)
		return console_full(vcpu);
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
static enum kev_verdict fast_none(struct kev_vcpu *vcpu, const struct kev_hypercall *call)
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
