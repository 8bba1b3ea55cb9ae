// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's state around the time that a guest runs: what a VM exit loads
 * from the VMCS, and what it destroys and kev has to put back.
 *
 * SDM Vol. 3, "Loading Host State" says what an exit does: it clears
 * IA32_DEBUGCTL, sets DR7 to 400H, makes the limits of GDTR and IDTR FFFFH and
 * that of TR 67H, and makes LDTR unusable.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jump_label.h>
#include <linux/sched.h>
#include <asm/cpu_entry_area.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/mmu_context.h>
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/spec-ctrl.h>
#include <asm/tlbflush.h>
#include <kev/compat.h>

#include "vmx.h"

static const u32 user_msr_index[KEV_NR_USER_MSRS] = {
	[KEV_USER_STAR] = MSR_STAR,
	[KEV_USER_LSTAR] = MSR_LSTAR,
	[KEV_USER_CSTAR] = MSR_CSTAR,
	[KEV_USER_SYSCALL_MASK] = MSR_SYSCALL_MASK,
	[KEV_USER_TSC_AUX] = MSR_TSC_AUX,
};

static unsigned int nr_user_msrs(void)
{
	return kev_vmx_config.rdtscp ? KEV_NR_USER_MSRS : KEV_USER_TSC_AUX;
}

/**
 * kev_vmx_user_msrs_init() - learn this CPU's values
 * @c: this CPU
 *
 * Context: IRQs off.
 */
void kev_vmx_user_msrs_init(struct kev_vmx_cpu *c)
{
	for (unsigned int i = 0; i < nr_user_msrs(); i++) {
		rdmsrq(user_msr_index[i], c->host_msrs[i]);
		c->live_msrs[i] = c->host_msrs[i];
	}
}

/**
 * kev_vmx_user_msrs_restore() - put the host's values back, forget the notifier
 * @c: this CPU
 *
 * Context: IRQs off.
 */
void kev_vmx_user_msrs_restore(struct kev_vmx_cpu *c)
{
	if (!c->urn_registered)
		return;
	user_return_notifier_unregister(&c->urn);
	c->urn_registered = false;
	for (unsigned int i = 0; i < nr_user_msrs(); i++) {
		if (c->live_msrs[i] == c->host_msrs[i])
			continue;
		wrmsrq(user_msr_index[i], c->host_msrs[i]);
		c->live_msrs[i] = c->host_msrs[i];
	}
}

static void on_user_return(struct user_return_notifier *urn)
{
	struct kev_vmx_cpu *c = container_of(urn, struct kev_vmx_cpu, urn);
	unsigned long flags;

	/* disable_cpu() may come by IPI. */
	local_irq_save(flags);
	kev_vmx_user_msrs_restore(c);
	local_irq_restore(flags);
}

/**
 * kev_vmx_user_msrs_load() - give the CPU the guest's values
 * @vmx: armed, or being armed
 *
 * With EFER.SCE clear nothing of the guest's looks at those of SYSCALL: RDMSR and WRMSR exit.
 *
 * Context: IRQs off.
 */
void kev_vmx_user_msrs_load(struct kev_vmx_vcpu *vmx)
{
	unsigned int first = vmx->efer & EFER_SCE ? 0 : KEV_USER_TSC_AUX;
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);

	vmx->due &= ~KEV_DUE_USER_MSRS;
	for (unsigned int i = first; i < nr_user_msrs(); i++) {
		if (c->live_msrs[i] == vmx->user_msrs[i])
			continue;
		wrmsrq(user_msr_index[i], vmx->user_msrs[i]);
		c->live_msrs[i] = vmx->user_msrs[i];
		if (c->urn_registered)
			continue;
		c->urn.on_user_return = on_user_return;
		user_return_notifier_register(&c->urn);
		c->urn_registered = true;
	}
}

/* Does kev_vmx_user_msrs_load() find anything to do, most likely */
static bool user_msrs_wait(const struct kev_vmx_vcpu *vmx)
{
	return vmx->efer & EFER_SCE || vmx->due & KEV_DUE_USER_MSRS ||
	       this_cpu_read(kev_vmx_cpu.live_msrs[KEV_USER_TSC_AUX]) !=
	       vmx->user_msrs[KEV_USER_TSC_AUX];
}

/**
 * kev_vmx_host_state_init() - host fields that never change
 * @vmx: its VMCS is current
 *
 * DS, ES, FS and GS get the null selector: a VM entry refuses one with RPL or
 * TI set, as user space may have; kev_vmx_disarm() loads those again.
 *
 * Context: IRQs off.
 */
void kev_vmx_host_state_init(struct kev_vmx_vcpu *vmx)
{
	u64 value;

	kev_vmwrite_16(HOST_CS_SELECTOR, __KERNEL_CS);
	kev_vmwrite_16(HOST_SS_SELECTOR, __KERNEL_DS);
	kev_vmwrite_16(HOST_DS_SELECTOR, 0);
	kev_vmwrite_16(HOST_ES_SELECTOR, 0);
	kev_vmwrite_16(HOST_FS_SELECTOR, 0);
	kev_vmwrite_16(HOST_GS_SELECTOR, 0);
	kev_vmwrite_16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);

	/* CR0.TS is clear while a guest runs: its FPU state is loaded. */
	kev_vmwrite_natural(HOST_CR0, read_cr0() & ~X86_CR0_TS);
	kev_vmwrite_natural(HOST_RIP, (unsigned long)kev_vmx_exit);
	rdmsrq(MSR_EFER, value);
	kev_vmwrite_64(HOST_IA32_EFER, value);
	rdmsrq(MSR_IA32_CR_PAT, value);
	kev_vmwrite_64(HOST_IA32_PAT, value);

	vmx->frame.host_rsp = 0;
	vmx->host.cr3 = 0;
	vmx->host.cr4 = 0;
	vmx->host.written_fs_base = 0;
	kev_vmwrite_natural(HOST_FS_BASE, 0);
}

/**
 * kev_vmx_host_state_cpu() - host fields that differ between CPUs
 * @vmx: its VMCS is current
 *
 * Context: IRQs off.
 */
void kev_vmx_host_state_cpu(struct kev_vmx_vcpu *vmx)
{
	struct kev_vmx_cpu *c = this_cpu_ptr(&kev_vmx_cpu);
	int cpu = smp_processor_id();

	kev_vmwrite_natural(HOST_TR_BASE,
			    (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	kev_vmwrite_natural(HOST_GDTR_BASE, (unsigned long)get_cpu_gdt_ro(cpu));
	kev_vmwrite_natural(HOST_IDTR_BASE, c->idt.address);
	kev_vmwrite_natural(HOST_GS_BASE, cpu_kernelmode_gs_base(cpu));
	kev_vmwrite_32(HOST_IA32_SYSENTER_CS, c->sysenter_cs);
	kev_vmwrite_natural(HOST_IA32_SYSENTER_ESP, c->sysenter_esp);
	kev_vmwrite_natural(HOST_IA32_SYSENTER_EIP, c->sysenter_eip);
}

/*
 * Bases by the instructions for them: unlike MSRs they cost next to nothing. User space's GS
 * base waits in IA32_KERNEL_GS_BASE; between two SWAPGS nothing may look at a per-CPU variable:
 * an NMI sees to that by itself, and noinstr keeps everything else away.
 */
static noinstr u64 read_user_gs_base(void)
{
	u64 base;

	asm volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r" (base) : : "memory");
	return base;
}

static noinstr void write_user_gs_base(u64 base)
{
	asm volatile("swapgs\n\twrgsbase %0\n\tswapgs" : : "r" (base) : "memory");
}

/*
 * A CPU with addresses of 57 bits lets a guest have such a base in the MSR. Whether WRGSBASE, also
 * that of an NMI between two SWAPGS, takes it without CR4.LA57 is not written anywhere; WRMSR does.
 */
static DEFINE_STATIC_KEY_FALSE(base_instructions);

/**
 * kev_vmx_host_init() - find out how to switch user space's GS base
 *
 * Context: process, may sleep.
 */
void kev_vmx_host_init(void)
{
	if (boot_cpu_has(X86_FEATURE_FSGSBASE) &&
	    (boot_cpu_has(X86_FEATURE_LA57) || boot_cpu_data.x86_virt_bits <= 48))
		static_branch_enable(&base_instructions);
}

static u64 kernel_gs_base(void)
{
	u64 base;

	if (static_branch_likely(&base_instructions))
		return read_user_gs_base();
	rdmsrq(MSR_KERNEL_GS_BASE, base);
	return base;
}

static void set_kernel_gs_base(u64 base)
{
	if (static_branch_likely(&base_instructions))
		write_user_gs_base(base);
	else
		wrmsrq(MSR_KERNEL_GS_BASE, base);
}

/* Straight to memory, where savesegment() takes a register in between */
static void save_segments(struct kev_vmx_host *host)
{
	asm volatile("mov %%ds, %0" : "=m" (host->ds));
	asm volatile("mov %%es, %0" : "=m" (host->es));
	store_ldt(host->ldt);
	if (static_cpu_has(X86_FEATURE_FSGSBASE)) {
		asm volatile("mov %%fs, %0" : "=m" (host->fs));
		asm volatile("mov %%gs, %0" : "=m" (host->gs));
		host->fs_base = rdfsbase();
		host->gs_base = read_user_gs_base();
	} else {
		current_save_fsgs();
		host->fs = current->thread.fsindex;
		host->gs = current->thread.gsindex;
		host->fs_base = current->thread.fsbase;
		/* Of a descriptor's base the kernel says 0; in the register it is all the same. */
		host->gs_base = host->gs ? kernel_gs_base() : current->thread.gsbase;
	}
}

/* CR3 and CR4 change with every IRQ-on window: the mm's PCID, a switched bit. */
static void refresh_control_registers(struct kev_vmx_host *host)
{
	u64 cr3, cr4;

	cr3 = __get_current_cr3_fast();
	if (unlikely(cr3 != host->cr3)) {
		kev_vmwrite_natural(HOST_CR3, cr3);
		host->cr3 = cr3;
	}
	cr4 = cr4_read_shadow();
	if (unlikely(cr4 != host->cr4)) {
		kev_vmwrite_natural(HOST_CR4, cr4);
		host->cr4 = cr4;
	}
}

/*
 * The host's counters that go on in guests stop in SMM if its administrator wants that, and a guest
 * has an IA32_DEBUGCTL of its own.
 */
static noinline void freeze_in_smm(struct kev_vmx_host *host)
{
	host->written_debugctl = host->debugctl & DEBUGCTLMSR_FREEZE_IN_SMM;
	kev_vmwrite_64(GUEST_IA32_DEBUGCTL, host->written_debugctl);
}

/**
 * kev_vmx_arm() - save the host's state, put the guest's in place
 * @vcpu: loaded
 *
 * Context: preemption and IRQs off.
 */
void kev_vmx_arm(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	struct kev_vmx_host *host = &vmx->host;

	save_segments(host);
	if (host->fs_base != host->written_fs_base) {
		kev_vmwrite_natural(HOST_FS_BASE, host->fs_base);
		host->written_fs_base = host->fs_base;
	}
	refresh_control_registers(host);

	host->debugctl = native_rdmsrq(MSR_IA32_DEBUGCTLMSR);
	if (unlikely((host->debugctl ^ host->written_debugctl) & DEBUGCTLMSR_FREEZE_IN_SMM))
		freeze_in_smm(host);
	if (cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS))
		vmx->frame.spec_ctrl = this_cpu_read(x86_spec_ctrl_current);
	if (unlikely(kev_vmx_debug_waits(vmx)))
		kev_vmx_load_debug(vcpu);
	if (vmx->kernel_gs_base != host->gs_base)
		set_kernel_gs_base(vmx->kernel_gs_base);
	if (unlikely(user_msrs_wait(vmx)))
		kev_vmx_user_msrs_load(vmx);
	if (kev_vmx_perf_switches)
		kev_vmx_perf_to_guest(vmx);
	vmx->due |= kev_vmx_l1d_due;
}

static noinline void reload_tss(void)
{
	invalidate_tss_limit();
}

/* The limit of TR counts for programs with an I/O bitmap: they get it now, others at need. */
static void restore_tss_limit(void)
{
	if (unlikely(test_thread_flag(TIF_IO_BITMAP)))
		reload_tss();
	else
		this_cpu_write(__tss_limit_invalid, true);
}

/* Those of a program that has some, in an order that leaves the right bases */
static noinline void load_segments(const struct kev_vmx_host *host)
{
	if (host->ldt)
		asm volatile("lldt %0" : : "m" (host->ldt));
	if (host->ds | host->es) {
		loadsegment(ds, host->ds);
		loadsegment(es, host->es);
	}
	if (host->fs) {
		loadsegment(fs, host->fs);
		if (boot_cpu_has(X86_FEATURE_FSGSBASE))
			wrmsrq(MSR_FS_BASE, host->fs_base);
	}
	if (host->gs)
		load_gs_index(host->gs);
}

/* User space's segment registers; @gs_base is live */
static void restore_segments(const struct kev_vmx_host *host, u64 gs_base)
{
	if (unlikely(host->selectors | host->ldt))
		load_segments(host);
	/* Without FSGSBASE the descriptor has said what the base is. */
	if (unlikely(host->gs) ? boot_cpu_has(X86_FEATURE_FSGSBASE) : gs_base != host->gs_base)
		set_kernel_gs_base(host->gs_base);
}

/**
 * kev_vmx_disarm() - make the host's state whole again
 * @vcpu: armed
 *
 * Context: preemption and IRQs off.
 */
void kev_vmx_disarm(struct kev_vcpu *vcpu)
{
	struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);
	struct kev_vmx_host *host = &vmx->host;

	if (kev_vmx_perf_switches)
		kev_vmx_perf_to_host();
	/* SWAPGS does not exit. */
	vmx->kernel_gs_base = kernel_gs_base();

	native_load_gdt(this_cpu_ptr(&kev_vmx_cpu.gdt));
	native_load_idt(this_cpu_ptr(&kev_vmx_cpu.idt));
	restore_tss_limit();
	restore_segments(host, vmx->kernel_gs_base);

	if (host->debugctl)
		update_debugctlmsr(host->debugctl);
	if (hw_breakpoint_active())
		hw_breakpoint_restore();
	kev_ibpb_on_exit_to_user();
}
