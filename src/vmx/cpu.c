// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX operation on each CPU: on with the first VM, off after the last.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>

#include "vmx.h"

DEFINE_PER_CPU(struct kev_vmx_cpu, kev_vmx_cpu);

/* @vmx: whose VMCS it was, or NULL */
static void insn_failed(struct kev_vmx_vcpu *vmx, const char *insn, unsigned long operand)
{
	if (vmx)
		vmx->due |= KEV_DUE_BROKEN;
	pr_err_ratelimited("%s failed, operand %#lx\n", insn, operand);
}

/**
 * kev_vmx_insn_failed() - note that a VMX instruction failed or faulted
 * @insn: its name
 * @operand: VMCS field or type
 *
 * The vCPU whose VMCS is current cannot be trusted any more: its next entry
 * ends the VM. The host goes on.
 *
 * Context: Any.
 */
noinline void kev_vmx_insn_failed(const char *insn, unsigned long operand)
{
	insn_failed(this_cpu_read(kev_vmx_cpu.current_vcpu), insn, operand);
}

/**
 * kev_vmx_probe_cpus() - allocate what each CPU needs for VMX operation
 *
 * Return: 0 or -ENOMEM, with nothing left allocated.
 */
int kev_vmx_probe_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct kev_vmx_cpu *c = per_cpu_ptr(&kev_vmx_cpu, cpu);
		struct page *page;

		page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!page) {
			kev_vmx_unprobe_cpus();
			return -ENOMEM;
		}
		/* SDM Vol. 3, "VMXON Region": bits 30:0, bit 31 is 0 */
		*(u32 *)page_address(page) = kev_vmx_config.revision;
		c->vmxon_region = page;
		INIT_LIST_HEAD(&c->active);
	}
	return 0;
}

/**
 * kev_vmx_unprobe_cpus() - the opposite of kev_vmx_probe_cpus()
 */
void kev_vmx_unprobe_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct kev_vmx_cpu *c = per_cpu_ptr(&kev_vmx_cpu, cpu);

		if (c->vmxon_region)
			__free_page(c->vmxon_region);
		c->vmxon_region = NULL;
	}
}

/* No translation of an earlier owner of a root or a VPID may survive. */
static void flush_everything(void)
{
	if (kev_vmx_config.invept_global)
		kev_invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (kev_vmx_config.vpid && kev_vmx_config.invvpid_global)
		kev_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/* In all that is used of it: what is offered beside that may differ. */
static bool is_same(const struct kev_vmx_config *a, const struct kev_vmx_config *b)
{
	return a->basic == b->basic && a->pin == b->pin && a->proc == b->proc &&
	       a->proc2 == b->proc2 && a->exit == b->exit && a->entry == b->entry &&
	       a->ept_ad == b->ept_ad && a->ept_2m == b->ept_2m && a->ept_1g == b->ept_1g &&
	       a->ept_xo == b->ept_xo && a->invept_single == b->invept_single &&
	       a->invvpid_single == b->invvpid_single &&
	       a->preemption_timer == b->preemption_timer && a->timer_shift == b->timer_shift &&
	       a->x2apic == b->x2apic && a->apicv == b->apicv &&
	       a->invept_global == b->invept_global && a->invvpid_global == b->invvpid_global &&
	       a->cr0_fixed0 == b->cr0_fixed0 && a->cr4_fixed0 == b->cr4_fixed0 &&
	       a->cr0_fixed1 == b->cr0_fixed1 && a->cr4_fixed1 == b->cr4_fixed1 &&
	       kev_vmx_intercepts(a) == kev_vmx_intercepts(b) &&
	       kev_vmx_passes(a) == kev_vmx_passes(b) &&
	       !((a->proc_allowed ^ b->proc_allowed) & KEV_PROC_MONITOR_TRAP) &&
	       !((a->proc2_allowed ^ b->proc2_allowed) & KEV_PROC2_RDSEED);
}

/*
 * Capabilities were read on one CPU. Machines exist whose CPUs differ, by microcode for one: a
 * control that one has not, or a timer of another rate. What is the same is looked at once.
 */
static bool same_vmx(struct kev_vmx_cpu *c)
{
	struct kev_vmx_missing missing;
	struct kev_vmx_config config;

	if (!c->same_vmx)
		c->same_vmx = !kev_vmx_read_config(&config, &missing) &&
			      is_same(&config, &kev_vmx_config);
	if (!c->same_vmx)
		pr_err_ratelimited("CPU %d has another VMX than the CPU that loaded the module; is its microcode up to date?\n",
				   smp_processor_id());
	return c->same_vmx;
}

/**
 * kev_vmx_enable_cpu() - enter VMX operation on this CPU
 *
 * Context: IRQs off. SDM Vol. 3, "Enabling and Entering VMX Operation".
 * Return: 0; -EBUSY CR4.VMXE is set: another hypervisor is there; -EIO
 * VMXON failed, or this CPU's VMX is another one.
 */
int kev_vmx_enable_cpu(void)
{
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);

	if (c->on)
		return 0;
	if (!same_vmx(c))
		return -EIO;
	if (cr4_read_shadow() & X86_CR4_VMXE)
		return -EBUSY;

	/* Processor Trace may not run in VMX operation on some CPUs. */
	intel_pt_handle_vmx(1);
	cr4_set_bits(X86_CR4_VMXE);
	if (kev_vmxon(page_to_phys(c->vmxon_region))) {
		cr4_clear_bits(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		return -EIO;
	}
	flush_everything();

	/* Whoever switched these MSRs before has put the host's back by now. */
	kev_vmx_user_msrs_init(c);
	rdmsrq(MSR_IA32_SYSENTER_CS, c->sysenter_cs);
	rdmsrq(MSR_IA32_SYSENTER_ESP, c->sysenter_esp);
	rdmsrq(MSR_IA32_SYSENTER_EIP, c->sysenter_eip);
	c->gdt.address = (unsigned long)get_cpu_gdt_ro(smp_processor_id());
	c->gdt.size = GDT_SIZE - 1;
	store_idt(&c->idt);
	c->last_vcpu = NULL;
	c->on = true;
	return 0;
}

/**
 * kev_vmx_clear_local() - VMCLEAR a vCPU on the CPU where its VMCS is active
 * @vmx: the vCPU; nothing happens when it is not active here
 *
 * Context: IRQs off, on that CPU.
 */
void kev_vmx_clear_local(struct kev_vmx_vcpu *vmx)
{
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);

	if (vmx->cpu != smp_processor_id())
		return;
	if (kev_vmclear(page_to_phys(vmx->vmcs)))
		insn_failed(vmx, "VMCLEAR", vmx->vcpu.id);
	if (c->current_vcpu == vmx)
		c->current_vcpu = NULL;
	/* Another vCPU may get this memory: the name ends with the VMCS's stay here. */
	if (c->last_vcpu == vmx)
		c->last_vcpu = NULL;
	list_del(&vmx->link);
	vmx->launched = false;
	/* Whoever sees -1 may make the VMCS active elsewhere, or free it. */
	smp_store_release(&vmx->cpu, -1);
}

/**
 * kev_vmx_disable_cpu() - leave VMX operation on this CPU
 *
 * Context: IRQs off.
 */
void kev_vmx_disable_cpu(void)
{
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);
	struct kev_vmx_vcpu *vmx, *next;

	if (!c->on)
		return;

	list_for_each_entry_safe(vmx, next, &c->active, link)
		kev_vmx_clear_local(vmx);
	kev_vmx_user_msrs_restore(c);
	c->on = false;
	if (kev_vmxoff())
		pr_err("CPU %d: VMXOFF failed\n", smp_processor_id());
	cr4_clear_bits(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/**
 * kev_vmx_emergency_disable_cpu() - leave VMX operation, trusting nothing
 *
 * The next kernel's INIT IPIs are blocked in VMX operation.
 *
 * Context: any, NMI included.
 */
void kev_vmx_emergency_disable_cpu(void)
{
	if (!(__read_cr4() & X86_CR4_VMXE))
		return;
	kev_vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
}
