// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to control registers that the guest does not own alone, and XCR0.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor-flags.h>
#include <kev/backend.h>
#include <kev/cr.h>
#include <kev/emulation.h>
#include <kev/exit.h>
#include <kev/mem.h>
#include <kev/vcpu.h>
#include <kev/vm.h>
#include <kev/walk.h>

#define CR8_MAX		15
#define LMSW_BITS	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

/* What the instruction writes to CR0, CR3, CR4 or CR8. Loaded. */
static u64 operand(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 value;

	switch (exit->cr.op) {
	case KEV_CR_WRITE:
		value = kev_vcpu_gpr(vcpu, exit->cr.gpr);
		return exit->cr.long_mode ? value : (u32)value;
	case KEV_CR_CLTS:
		return kev_backend->read_cr(vcpu, 0) & ~X86_CR0_TS;
	default:
		/* LMSW sets PE but cannot clear it. SDM Vol. 2, "LMSW" */
		value = kev_backend->read_cr(vcpu, 0) & ~(LMSW_BITS & ~X86_CR0_PE);
		return value | (exit->cr.value & LMSW_BITS);
	}
}

static unsigned int target(const struct kev_exit *exit)
{
	return exit->cr.op == KEV_CR_WRITE ? exit->cr.reg : 0;
}

static enum kev_verdict write_cr8(struct kev_vcpu *vcpu, u64 value)
{
	if (value > CR8_MAX)
		return kev_queue_gp(vcpu);
	kev_apic_set_tpr(vcpu, value << 4);
	return KEV_RESUME;
}

enum kev_verdict kev_fast_cr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	if (exit->cr.op == KEV_CR_READ) {
		if (exit->cr.reg != 8)
			return KEV_PASS;
		kev_vcpu_set_gpr(vcpu, exit->cr.gpr, kev_apic_tpr(vcpu) >> 4);
		return KEV_RESUME;
	}
	if (target(exit) == 8)
		return write_cr8(vcpu, operand(vcpu, exit));

	switch (kev_backend->write_cr(vcpu, target(exit), operand(vcpu, exit), NULL)) {
	case 0:
		/* CR4.OSXSAVE may have changed, and paging. */
		kev_vcpu_load_xcr0(vcpu);
		kev_mmio_forget(vcpu);
		return KEV_RESUME;
	case -EINVAL:
		return kev_queue_gp(vcpu);
	default:
		return KEV_PASS;
	}
}

/* Page-directory-pointer entries at @cr3: KEV_RETRY with 0, else what RUN does instead */
static int read_pdptes(struct kev_vcpu *vcpu, u64 cr3, unsigned long stop_mask, u64 *pdptes,
		       enum kev_verdict *verdict)
{
	struct kev_touch touch = {
		.gpa = KEV_PDPT_GPA(cr3),
		.access = KEV_MEM_READ,
		.stop = &vcpu->requests,
		.stop_mask = stop_mask,
	};
	struct kev_exit_memory memory = {
		.gpa = touch.gpa,
		.access = KEV_MEM_READ,
	};
	ssize_t ret;

	*verdict = KEV_RETRY;
	/* They lie in one page: all or nothing. */
	ret = kev_mem_copy(&vcpu->vm->mem, &touch, pdptes, KEV_PDPT_SIZE);
	if (ret >= 0 || ret == -EINTR)
		return ret < 0 ? ret : 0;
	memory.kind = touch.kind;
	memory.prot = touch.prot;
	*verdict = kev_report_memory(vcpu, &memory, ret);
	return ret;
}

/**
 * struct cr_write - a write that the slow level finishes
 * @exit: of the instruction
 * @pdptes: for the backend, or NULL as long as they are not known
 * @cr3: where they are
 * @ret: what the backend says
 */
struct cr_write {
	const struct kev_exit *exit;
	const u64 *pdptes;
	u64 cr3;
	int ret;
};

static void call_write(struct kev_vcpu *vcpu, void *arg)
{
	struct cr_write *write = arg;
	unsigned int cr = target(write->exit);
	u64 value = operand(vcpu, write->exit);
	struct kev_paging paging;

	kev_backend->paging(vcpu, &paging);
	write->cr3 = cr == 3 ? value : paging.cr3;
	write->ret = kev_backend->write_cr(vcpu, cr, value, write->pdptes);
	/* CR4.OSXSAVE may have changed. */
	kev_vcpu_note_xcr0(vcpu);
}

/* With PAE paging the CPU loads four entries of the guest's memory. */
enum kev_verdict kev_slow_cr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	struct cr_write write = { .exit = exit };
	u64 pdptes[KEV_NR_PDPTES];
	enum kev_verdict verdict;
	int ret;

	if (exit->cr.op == KEV_CR_READ)
		return KEV_PASS;
	kev_mmio_forget(vcpu);
	ret = kev_vcpu_loaded_call(vcpu, call_write, &write);
	if (!ret && write.ret == -EAGAIN) {
		if (read_pdptes(vcpu, write.cr3, KEV_REQ_WAKE, pdptes, &verdict))
			return verdict;
		write.pdptes = pdptes;
		ret = kev_vcpu_loaded_call(vcpu, call_write, &write);
	}
	if (ret) {
		vcpu->fail = ret;
		return KEV_FAIL;
	}
	if (write.ret == -EINVAL)
		return kev_queue_gp(vcpu);
	return write.ret ? KEV_PASS : KEV_RESUME;
}

static void call_set_pdptes(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->set_pdptes(vcpu, arg);
}

/**
 * kev_load_pdptes() - load the page-directory-pointer entries of a state that was set
 * @vcpu: the caller holds its lock
 *
 * At the next RUN, not with the state: its memory may be filled after its registers.
 *
 * Context: process, may sleep.
 * Return: KEV_RETRY: they are there, or somebody wants the vCPU first; KEV_REPORT: the
 * memory cannot be had; KEV_FAIL.
 */
enum kev_verdict kev_load_pdptes(struct kev_vcpu *vcpu)
{
	u64 pdptes[KEV_NR_PDPTES];
	struct kev_paging paging;
	enum kev_verdict verdict;

	vcpu->fail = kev_vcpu_paging(vcpu, &paging);
	if (vcpu->fail)
		return KEV_FAIL;
	if (read_pdptes(vcpu, paging.cr3, KEV_REQ_LEAVE, pdptes, &verdict))
		return verdict;
	vcpu->fail = kev_vcpu_loaded_call(vcpu, call_set_pdptes, pdptes);
	if (vcpu->fail)
		return KEV_FAIL;
	vcpu->pdptes_wanted = false;
	return KEV_RETRY;
}

enum kev_verdict kev_fast_xsetbv(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u64 value = (vcpu->gpr[KEV_RDX] << 32) | (u32)vcpu->gpr[KEV_RAX];

	if ((u32)vcpu->gpr[KEV_RCX] || !kev_vm_xcr0_valid(vcpu->vm, value))
		return kev_queue_gp(vcpu);
	vcpu->xcr0 = value;
	kev_vcpu_load_xcr0(vcpu);
	return KEV_RESUME;
}
