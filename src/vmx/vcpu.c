// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's VMCS: its making, its moves between CPUs, its end.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/io.h>
#include <asm/nospec-branch.h>
#include <asm/trapnr.h>
#include <kev/direct64.h>
#include <kev/ept.h>
#include <kev/fpu.h>
#include <kev/hw.h>
#include <kev/mem.h>

#include "vmx.h"

/* VPID 0 is the host's. SDM Vol. 3, "Virtual Processor Identifiers" */
#define KEV_VPID_MAX	0xffff

static DEFINE_IDA(vpids);

/* A vCPU, and behind it what the guest has in the FPU */
#define FPU_OFFSET	ALIGN(sizeof(struct kev_vmx_vcpu), KEV_FPU_ALIGN)

/* An object waits cleared for its next use, so that a start does not wait for that. */
static struct kmem_cache *vcpus;
static size_t vcpu_size;

static void clear_vcpu(void *vmx)
{
	memset(vmx, 0, vcpu_size);
}

/**
 * kev_vmx_vcpu_init() - be able to make vCPUs
 *
 * Return: 0 or -ENOMEM.
 */
int kev_vmx_vcpu_init(void)
{
	vcpu_size = FPU_OFFSET + kev_fpu_image_size();
	vcpus = kmem_cache_create("kev_vcpu", vcpu_size, KEV_FPU_ALIGN, SLAB_ACCOUNT, clear_vcpu);
	return vcpus ? 0 : -ENOMEM;
}

/**
 * kev_vmx_vcpu_exit() - the opposite; no vCPU exists
 */
void kev_vmx_vcpu_exit(void)
{
	/* Those that are gone wait for a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vcpus);
}

/**
 * kev_vmx_vcpu_create() - allocate a vCPU
 * @vm: its VM, for the page tables
 *
 * Return: the neutral part, zeroed, or an ERR_PTR.
 */
struct kev_vcpu *kev_vmx_vcpu_create(struct kev_vm *vm)
{
	struct kev_vmx_vcpu *vmx;
	int vpid;

	vmx = kmem_cache_alloc(vcpus, KEV_GFP_GUEST);
	if (!vmx)
		return ERR_PTR(-ENOMEM);
	vmx->vmcs = kev_mem_alloc_page(&vm->mem, __GFP_ZERO);
	if (!vmx->vmcs) {
		kmem_cache_free(vcpus, vmx);
		return ERR_PTR(-ENOMEM);
	}
	*(u32 *)page_address(vmx->vmcs) = kev_vmx_config.revision;
	kev_fpu_init(&vmx->vcpu.fpu, (void *)vmx + FPU_OFFSET);
	vmx->cpu = -1;
	vmx->last_cpu = -1;
	vmx->pin = kev_vmx_config.pin;
	vmx->proc = kev_vmx_config.proc;
	vmx->proc2 = kev_vmx_config.proc2;
	if (kev_vmx_config.vpid) {
		vpid = ida_alloc_range(&vpids, 1, KEV_VPID_MAX, GFP_KERNEL);
		if (vpid < 0)
			vmx->proc2 &= ~KEV_PROC2_VPID;	/* a flush at each transition instead */
		else
			vmx->vpid = vpid;
	}
	vmx->eptp = kev_eptp(kev_mem_root(&vm->mem), kev_vmx_config.ept_ad);
	vmx->tsc_lost = kev_hw_tsc_lost();
	vmx->tsc_offset = vmx->tsc_lost - vm->tsc_base;
	return &vmx->vcpu;
}

static void clear_remote(void *arg)
{
	kev_vmx_clear_local(arg);
}

/*
 * Make the VMCS inactive wherever it is active. IRQs on. A CPU that goes down
 * clears it by itself first, and then no IPI reaches it.
 */
static void clear_anywhere(struct kev_vmx_vcpu *vmx)
{
	/* Pairs with kev_vmx_clear_local(). */
	int cpu = smp_load_acquire(&vmx->cpu);

	if (cpu >= 0)
		smp_call_function_single(cpu, clear_remote, vmx, 1);
}

static void free_vcpu(struct rcu_head *rcu)
{
	struct kev_vmx_vcpu *vmx = container_of(rcu, struct kev_vmx_vcpu, rcu);

	clear_vcpu(vmx);
	kmem_cache_free(vcpus, vmx);
}

/**
 * kev_vmx_vcpu_destroy() - free a vCPU
 * @vcpu: not loaded
 *
 * Context: Process, IRQs on.
 */
void kev_vmx_vcpu_destroy(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	/* The CPU may write an active VMCS back long after its last use. */
	clear_anywhere(vmx);
	if (vmx->vpid)
		ida_free(&vpids, vmx->vpid);
	kev_mem_free_page(vmx->vmcs);
	/* kev_vm_flush() and who sends interrupts look at vCPUs under RCU. */
	call_rcu(&vmx->rcu, free_vcpu);
}

static void write_controls(struct kev_vmx_vcpu *vmx)
{
	const struct kev_vmx_config *config = &kev_vmx_config;

	kev_vmwrite_32(PIN_BASED_VM_EXEC_CONTROL, vmx->pin);
	kev_vmwrite_32(CPU_BASED_VM_EXEC_CONTROL, vmx->proc);
	kev_vmwrite_32(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	kev_vmwrite_32(VM_EXIT_CONTROLS, config->exit);
	kev_vmwrite_32(VM_ENTRY_CONTROLS, config->entry);

	/* EXCEPTION_BITMAP and GUEST_DR7: kev_vmx_load_debug(), which finds neither right */
	vmx->exceptions = 0;
	vmx->dr7 = 0;
	/* Of page faults, where user space has asked for them, all */
	kev_vmwrite_32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	kev_vmwrite_32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	kev_vmwrite_32(CR3_TARGET_COUNT, 0);
	kev_vmx_perf_setup(vmx);
	kev_vmwrite_32(VM_ENTRY_INTR_INFO_FIELD, 0);
	kev_vmwrite_64(MSR_BITMAP, kev_vmx_msr_bitmap(vmx));
	kev_vmx_apic_init(vmx);
	kev_vmwrite_64(EPT_POINTER, vmx->eptp);
	kev_vmwrite_64(TSC_OFFSET, vmx->tsc_offset);
	kev_vmwrite_64(VMCS_LINK_POINTER, ~0ULL);
	if (vmx->vpid)
		kev_vmwrite_16(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	/* Nothing else keeps a guest from the functions of SGX. */
	if (config->encls)
		kev_vmwrite_64(ENCLS_EXITING_BITMAP, ~0ULL);

	kev_vmwrite_32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	kev_vmwrite_32(GUEST_INTERRUPTIBILITY_INFO, 0);
	kev_vmwrite_natural(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	kev_vmwrite_64(GUEST_IA32_DEBUGCTL, 0);
	kev_vmwrite_64(GUEST_IA32_PAT, 0x0007040600070406ULL);	/* SDM Vol. 3, reset value */
	kev_vmwrite_32(GUEST_SYSENTER_CS, 0);
	kev_vmwrite_natural(GUEST_SYSENTER_ESP, 0);
	kev_vmwrite_natural(GUEST_SYSENTER_EIP, 0);
}

/**
 * kev_vmx_policy() - put the VM's policy into the VMCS
 * @vcpu: loaded, before its first entry
 *
 * Context: IRQs off.
 * Return: 0, or -EINVAL: CR4 or EFER has a bit that the VM's CPUID does not allow.
 */
int kev_vmx_policy(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	const struct kev_vm *vm = vcpu->vm;

	vmx->withheld_msrs = kev_vmx_withheld_msrs(vm);
	kev_vmx_pass_msrs(vmx, KEV_BITMAP_BASES, KEV_BITMAP_BASES);
	kev_vmx_apic_changed(vcpu);
	if (vmx->efer & ~kev_vm_efer_guest(vm))
		return -EINVAL;
	kev_vmx_set_intercepts(vmx);
	return kev_vmx_cr_policy(vmx);
}

/**
 * kev_vmx_flush_guest() - forget the guest's own translations on this CPU
 * @vcpu: loaded
 *
 * Context: IRQs off.
 */
void kev_vmx_flush_guest(struct kev_vcpu *vcpu)
{
	kev_vmx_flush_vpid(kev_to_vmx(vcpu));
}

/**
 * kev_vmx_flush_vpid() - forget the guest's own translations on this CPU
 * @vmx: loaded
 *
 * Without VPID each entry and exit does so.
 *
 * Context: IRQs off.
 */
void kev_vmx_flush_vpid(struct kev_vmx_vcpu *vmx)
{
	if (!vmx->vpid)
		return;
	if (kev_vmx_config.invvpid_single)
		kev_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vmx->vpid);
	else
		kev_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/**
 * kev_vmx_flush() - forget the VM's second-level translations on this CPU
 * @vcpu: loaded
 *
 * SDM Vol. 3, "Operations that Invalidate Cached Mappings": INVEPT for the EPTP, combined
 * mappings included.
 *
 * Context: IRQs off.
 */
void kev_vmx_flush(struct kev_vcpu *vcpu)
{
	const struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (kev_vmx_config.invept_single)
		kev_invept(VMX_EPT_EXTENT_CONTEXT, vmx->eptp);
	else
		kev_invept(VMX_EPT_EXTENT_GLOBAL, 0);
}

/**
 * kev_vmx_tsc_offset() - guest's TSC minus kev_hw_tsc()
 * @vcpu: the caller owns it
 *
 * Context: any. A suspend does not change it.
 * Return: ticks, modulo 2^64.
 */
u64 kev_vmx_tsc_offset(const struct kev_vcpu *vcpu)
{
	const struct kev_vmx_vcpu *vmx = container_of(vcpu, const struct kev_vmx_vcpu, vcpu);

	return vmx->tsc_offset - vmx->tsc_lost;
}

/* A suspend has made every VMCS inactive: this is looked at before the next entry. */
static void follow_tsc(struct kev_vmx_vcpu *vmx)
{
	u64 lost = kev_hw_tsc_lost();

	if (likely(lost == vmx->tsc_lost))
		return;
	vmx->tsc_offset += lost - vmx->tsc_lost;
	vmx->tsc_lost = lost;
	kev_vmwrite_64(TSC_OFFSET, vmx->tsc_offset);
}

/* IRQs off. */
static int make_current(struct kev_vmx_vcpu *vmx)
{
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);
	bool moved = vmx->cpu < 0;

	if (!c->on)
		return -EAGAIN;

	if (moved && kev_vmclear(page_to_phys(vmx->vmcs)))
		return -EIO;
	if (kev_vmptrld(page_to_phys(vmx->vmcs)))
		return -EIO;
	c->current_vcpu = vmx;
	if (moved) {
		list_add(&vmx->link, &c->active);
		vmx->cpu = smp_processor_id();
		vmx->vcpu.counts.migrations += vmx->last_cpu >= 0 && vmx->last_cpu != vmx->cpu;
		vmx->last_cpu = vmx->cpu;
		vmx->launched = false;
		if (!vmx->ready) {
			write_controls(vmx);
			kev_vmx_host_state_init(vmx);
			vmx->ready = true;
		}
		kev_vmx_host_state_cpu(vmx);
		follow_tsc(vmx);
		/* There may be translations of an earlier life of the root and the VPID. */
		kev_vmx_flush(&vmx->vcpu);
		kev_vmx_flush_vpid(vmx);
	}
	/*
	 * What one guest has taught the branch predictors is not for the next; and what this one
	 * has taught those of a CPU that it left, it may since have meant to clear on another.
	 */
	if (moved || c->last_vcpu != vmx) {
		indirect_branch_prediction_barrier();
		c->last_vcpu = vmx;
	}
	return 0;
}

/* As kev_vmx_load() */
static noinline int load_anew(struct kev_vmx_vcpu *vmx)
{
	int ret;

	if (READ_ONCE(vmx->cpu) != smp_processor_id())
		clear_anywhere(vmx);
	local_irq_disable();
	ret = make_current(vmx);
	if (ret)
		local_irq_enable();
	return ret;
}

/**
 * kev_vmx_load() - make a vCPU's VMCS current on this CPU
 * @vcpu: the caller owns it
 *
 * Context: preemption off, IRQs on: the CPU where the VMCS is active may have
 * to be called.
 * Return: 0, with IRQs off; else with IRQs on: -EAGAIN VMX operation is off
 * here, which ends when the task moves; -EIO the CPU refuses the VMCS, or has
 * failed an instruction on it before.
 */
int kev_vmx_load(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (unlikely(READ_ONCE(vmx->due) & KEV_DUE_BROKEN))
		return -EIO;
	local_irq_disable();
	if (likely(this_cpu_read(kev_vmx_cpu.current_vcpu) == vmx))
		return 0;
	local_irq_enable();
	return load_anew(vmx);
}
