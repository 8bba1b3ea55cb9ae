/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Intel VMX: what the files of this folder share.
 */
#ifndef _KEV_VMX_H
#define _KEV_VMX_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>
#include <asm/desc_defs.h>
#include <asm/vmx.h>
#include <kev/backend.h>
#include <kev/debug.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#include "check.h"
#include "ctls.h"
#include "frame.h"
#include "ops.h"
#include "qual.h"
#include "reasons.h"

struct page;

/* Sets of MSRs that a guest may have without exits */
#define KEV_BITMAP_TPR		BIT(0)	/* task priority, in x2APIC mode */
#define KEV_BITMAP_APICV	BIT(1)	/* what the CPU does of a local APIC in that mode */
#define KEV_BITMAP_APIC		(KEV_BITMAP_TPR | KEV_BITMAP_APICV)
#define KEV_BITMAP_BASES	BIT(2)	/* segment bases and SYSENTER */
#define KEV_NR_BITMAPS		8	/* combinations of them */

/* Pending debug exceptions: an enabled breakpoint was met. "Guest Non-Register State" */
#define KEV_PENDING_DBG_ENABLED	BIT_ULL(12)

/* kev_vmx_vcpu.due: what the next entry has to do first, or always */
#define KEV_DUE_USER_MSRS	BIT(0)	/* the guest has changed one */
#define KEV_DUE_FLUSH_L1D	BIT(1)	/* the L1 data cache may hold the host's secrets */
#define KEV_DUE_TIMER		BIT(2)	/* there is a deadline: kev_vmx_set_deadline() */
#define KEV_DUE_BROKEN		BIT(3)	/* a VMX instruction failed: nothing is entered */
#define KEV_DUE_SHADOW		BIT(4)	/* an NMI waits for the end of STI's shadow */

/* IA32_PERF_GLOBAL_CTRL and IA32_PEBS_ENABLE */
#define KEV_VMX_PERF_MSRS	2

/* How the CPU tells that one instruction is done, or an event delivered */
enum kev_watch {
	KEV_WATCH_NONE = 0,
	KEV_WATCH_TRAP,		/* by the monitor trap flag */
	KEV_WATCH_FLAG,		/* by RFLAGS.TF */
	KEV_WATCH_EVENT,	/* by the NMI window behind the event */
};

/* MSRs that only user space looks at: switched when needed, the host's come back on the way out */
enum kev_user_msr {
	KEV_USER_STAR,
	KEV_USER_LSTAR,
	KEV_USER_CSTAR,
	KEV_USER_SYSCALL_MASK,
	KEV_USER_TSC_AUX,	/* last: not there without RDTSCP */
	KEV_NR_USER_MSRS
};

/**
 * struct kev_vmx_host - what the host had when the vCPU was armed
 * @fs_base: user's FS base
 * @gs_base: user's GS base, in IA32_KERNEL_GS_BASE while in the kernel
 * @debugctl: IA32_DEBUGCTL, which a VM exit clears
 * @ds: selector
 * @es: likewise
 * @fs: likewise
 * @gs: likewise
 * @selectors: all four, 0 in nearly every program
 * @ldt: LDTR
 * @cr3: what HOST_CR3 holds
 * @cr4: what HOST_CR4 holds
 * @written_fs_base: what HOST_FS_BASE holds
 * @written_debugctl: what GUEST_IA32_DEBUGCTL holds
 */
struct kev_vmx_host {
	u64 fs_base;
	u64 gs_base;
	u64 debugctl;
	union {
		struct {
			u16 ds, es, fs, gs;
		};
		u64 selectors;
	};
	u16 ldt;
	u64 cr3;
	u64 cr4;
	u64 written_fs_base;
	u64 written_debugctl;
};

/**
 * struct kev_vmx_at - where the guest is, as a report has read it
 * @valid: nothing has changed it since
 * @blocking: interruptibility state
 * @rip: RIP
 * @rflags: RFLAGS
 * @cr3: CR3
 */
struct kev_vmx_at {
	bool valid;
	u32 blocking;
	u64 rip;
	u64 rflags;
	u64 cr3;
};

/**
 * struct kev_vmx_vcpu - a vCPU on VMX
 * @rcu: for its end
 * @vcpu: the neutral part
 * @vmcs: [I] the VMCS page
 * @link: in the list of the CPU where the VMCS is active; IRQs off, that CPU
 * @cpu: [a] the CPU where the VMCS is active, -1 for none
 * @last_cpu: [c] where it was active last, -1 for nowhere yet
 * @ready: [c] the VMCS holds a whole configuration
 * @launched: [c] VMRESUME instead of VMLAUNCH
 * @vpid: [I] 0 without VPID
 * @eptp: [I]
 * @pin: [c] pin-based controls, as the VMCS has them; as the next two
 * @proc: [c] primary controls
 * @proc2: [c] secondary controls
 * @passed_msrs: [c] sets of MSRs that the guest has without exits, KEV_BITMAP_*
 * @withheld_msrs: [c] sets that it never has so: the VM's policy speaks of them
 * @apicv: [c] the CPU delivers the interrupts of the local APIC
 * @tpr_threshold: [c] what TPR_THRESHOLD holds
 * @deadline: [c] host's TSC at which there is an exit, with KEV_DUE_TIMER
 * @cr0_owned: [c] CR0 bits that the guest changes without an exit
 * @cr4_owned: [c] the same of CR4
 * @efer: [c] what GUEST_IA32_EFER holds: writes of it exit, and so do those of CR0.PG
 * @cr0_shadow: [c] what CR0_READ_SHADOW holds
 * @cr4_shadow: [c] what CR4_READ_SHADOW holds
 * @intercept_proc: [c] primary controls that are off while an instruction runs native
 * @intercept_proc2: [c] secondary ones
 * @native: [c] an instruction runs without the exits that user space has asked for
 * @watch: [c] how the entry is watched that is under way
 * @own_flag: [c] with KEV_WATCH_FLAG: RFLAGS.TF is the guest's own
 * @held_vector: [c] likewise: the interrupt that the CPU is not to deliver meanwhile, or 0
 * @exceptions: [c] what EXCEPTION_BITMAP holds
 * @dr7: [c] what GUEST_DR7 holds
 * @debug_loaded: [c] of the debugger, and it can have gone meanwhile
 * @tsc_offset: [c] what TSC_OFFSET holds
 * @tsc_lost: [c] what @tsc_offset makes good of kev_hw_tsc_lost()
 * @frame: [c] for the entry code
 * @host: [c] valid while armed, but for what the VMCS holds
 * @perf_guest: [c] MSRs of counters for the guest, as an entry loads them
 * @perf_host: [c] the same for the host, as an exit does
 * @perf_count: [c] so many of them do entries and exits load
 * @user_msrs: [c] the guest's, by enum kev_user_msr
 * @kernel_gs_base: [c] the guest's, while not armed
 * @event_info: [c] event to inject at the next entry, VM-entry interruption
 *	information format; 0 for none
 * @event_error: [c] its error code
 * @event_length: [c] its instruction length
 * @at: [c] for the instruction that is over with the answer to a report
 * @exit_reason: [c] of the last exit
 * @qualification: [c] of KEV_EV_IO and KEV_EV_MEMORY
 * @verdict: [c] of the quick level on it; KEV_PASS: it has not been asked
 * @quick: [c] exits that the quick level answers during this entry, BIT(KEV_EV_*)
 * @due: KEV_DUE_*; changed with IRQs off on the CPU where the VMCS is current
 */
struct kev_vmx_vcpu {
	struct kev_vcpu vcpu;
	struct rcu_head rcu;
	struct page *vmcs;
	struct list_head link;
	int cpu;
	int last_cpu;
	bool ready;
	bool launched;
	u16 vpid;
	u64 eptp;
	u32 pin;
	u32 proc;
	u32 proc2;
	unsigned int passed_msrs;
	unsigned int withheld_msrs;
	bool apicv;
	u8 tpr_threshold;
	u64 deadline;
	u64 cr0_owned;
	u64 cr4_owned;
	u64 efer;
	u64 cr0_shadow;
	u64 cr4_shadow;
	u32 intercept_proc;
	u32 intercept_proc2;
	bool native;
	enum kev_watch watch;
	bool own_flag;
	u8 held_vector;
	u32 exceptions;
	u64 dr7;
	bool debug_loaded;
	u64 tsc_offset;
	u64 tsc_lost;
	struct kev_vmx_frame frame;
	struct kev_vmx_host host;
	struct vmx_msr_entry perf_guest[KEV_VMX_PERF_MSRS];
	struct vmx_msr_entry perf_host[KEV_VMX_PERF_MSRS];
	unsigned int perf_count;
	u64 user_msrs[KEV_NR_USER_MSRS];
	u64 kernel_gs_base;
	u32 event_info;
	u32 event_error;
	u32 event_length;
	struct kev_vmx_at at;
	u32 exit_reason;
	u64 qualification;
	enum kev_verdict verdict;
	u32 quick;
	unsigned long due;
};

static_assert(offsetof(struct kev_vmx_vcpu, vcpu.gpr) == KEV_VMX_VCPU_GPR);

static __always_inline struct kev_vmx_vcpu *kev_to_vmx(struct kev_vcpu *vcpu)
{
	return container_of(vcpu, struct kev_vmx_vcpu, vcpu);
}

/**
 * struct kev_vmx_cpu - what kev has on one CPU
 * @vmxon_region: [I] page
 * @same_vmx: it has what kev_vmx_config says; this CPU, IRQs off
 * @on: VMX operation is on, by kev; this CPU, IRQs off
 * @current_vcpu: whose VMCS is current; this CPU, IRQs off
 * @active: vCPUs whose VMCS is active here; this CPU, IRQs off
 * @last_vcpu: whose guest ran here last, for the branch predictors; a name,
 *	never followed
 * @urn: brings back the host's MSRs on the return to user space
 * @urn_registered: it is registered
 * @host_msrs: the host's values, sampled right after VMXON
 * @live_msrs: what the CPU holds now
 * @sysenter_cs: host's IA32_SYSENTER_CS
 * @sysenter_esp: host's IA32_SYSENTER_ESP
 * @sysenter_eip: host's IA32_SYSENTER_EIP
 * @gdt: host's GDT register
 * @idt: host's IDT register
 */
struct kev_vmx_cpu {
	struct page *vmxon_region;
	bool same_vmx;
	bool on;
	struct kev_vmx_vcpu *current_vcpu;
	struct list_head active;
	const void *last_vcpu;
	struct user_return_notifier urn;
	bool urn_registered;
	u64 host_msrs[KEV_NR_USER_MSRS];
	u64 live_msrs[KEV_NR_USER_MSRS];
	u64 sysenter_cs;
	u64 sysenter_esp;
	u64 sysenter_eip;
	struct desc_ptr gdt;
	struct desc_ptr idt;
};

/**
 * kev_vmx_set_proc() - turn primary controls on or off for the next entries
 * @vmx: loaded
 * @controls: KEV_PROC_*
 * @on: which
 *
 * Context: IRQs off.
 */
static inline void kev_vmx_set_proc(struct kev_vmx_vcpu *vmx, u32 controls, bool on)
{
	u32 proc = on ? vmx->proc | controls : vmx->proc & ~controls;

	if (proc == vmx->proc)
		return;
	vmx->proc = proc;
	kev_vmwrite_32(CPU_BASED_VM_EXEC_CONTROL, proc);
}

/**
 * kev_vmx_set_pin() - the same for pin-based controls
 * @vmx: loaded
 * @controls: KEV_PIN_*
 * @on: which
 *
 * Context: IRQs off.
 */
static inline void kev_vmx_set_pin(struct kev_vmx_vcpu *vmx, u32 controls, bool on)
{
	u32 pin = on ? vmx->pin | controls : vmx->pin & ~controls;

	if (pin == vmx->pin)
		return;
	vmx->pin = pin;
	kev_vmwrite_32(PIN_BASED_VM_EXEC_CONTROL, pin);
}

/**
 * kev_vmx_set_proc2() - the same for secondary controls
 * @vmx: loaded
 * @controls: KEV_PROC2_*
 * @on: which
 *
 * Context: IRQs off.
 */
static inline void kev_vmx_set_proc2(struct kev_vmx_vcpu *vmx, u32 controls, bool on)
{
	u32 proc2 = on ? vmx->proc2 | controls : vmx->proc2 & ~controls;

	if (proc2 == vmx->proc2)
		return;
	vmx->proc2 = proc2;
	kev_vmwrite_32(SECONDARY_VM_EXEC_CONTROL, proc2);
}

DECLARE_PER_CPU(struct kev_vmx_cpu, kev_vmx_cpu);

extern struct kev_vmx_config kev_vmx_config;

/**
 * kev_vmx_read_config() - what this CPU's VMX is used for
 * @config: written on success
 * @missing: written on failure
 *
 * Context: Any, on one CPU.
 * Return: 0; -EOPNOTSUPP.
 */
int kev_vmx_read_config(struct kev_vmx_config *config, struct kev_vmx_missing *missing);

/* cpu.c */
int kev_vmx_probe_cpus(void);
void kev_vmx_unprobe_cpus(void);
int kev_vmx_enable_cpu(void);
void kev_vmx_disable_cpu(void);
void kev_vmx_emergency_disable_cpu(void);
void kev_vmx_clear_local(struct kev_vmx_vcpu *vmx);

/* vcpu.c */
int kev_vmx_vcpu_init(void);
void kev_vmx_vcpu_exit(void);
struct kev_vcpu *kev_vmx_vcpu_create(struct kev_vm *vm);
void kev_vmx_vcpu_destroy(struct kev_vcpu *vcpu);
int kev_vmx_load(struct kev_vcpu *vcpu);
int kev_vmx_policy(struct kev_vcpu *vcpu);
void kev_vmx_flush(struct kev_vcpu *vcpu);
u64 kev_vmx_tsc_offset(const struct kev_vcpu *vcpu);
void kev_vmx_flush_guest(struct kev_vcpu *vcpu);
void kev_vmx_flush_vpid(struct kev_vmx_vcpu *vmx);

/* apicv.c */
void kev_vmx_apic_init(struct kev_vmx_vcpu *vmx);
void kev_vmx_apic_changed(struct kev_vcpu *vcpu);
bool kev_vmx_deliver(struct kev_vcpu *vcpu, int vector);
void kev_vmx_watch_tpr(struct kev_vcpu *vcpu, u8 class);
void kev_vmx_hold_interrupt(struct kev_vmx_vcpu *vmx);
void kev_vmx_release_interrupt(struct kev_vmx_vcpu *vmx);

/**
 * kev_vmx_interrupt_status() - for a report
 * @vmx: loaded
 *
 * Context: IRQs off.
 * Return: what the guest's interrupt status holds, or 0.
 */
static inline u16 kev_vmx_interrupt_status(const struct kev_vmx_vcpu *vmx)
{
	return unlikely(vmx->apicv) ? kev_vmread_16(GUEST_INTR_STATUS) : 0;
}

/* timer.c */
bool kev_vmx_set_deadline(struct kev_vcpu *vcpu, u64 deadline);
void kev_vmx_clear_deadline(struct kev_vcpu *vcpu);
void kev_vmx_write_timer(struct kev_vmx_vcpu *vmx);

/* bitmap.c */
int kev_vmx_bitmaps_init(void);
void kev_vmx_bitmaps_exit(void);
u64 kev_vmx_msr_bitmap(const struct kev_vmx_vcpu *vmx);
unsigned int kev_vmx_withheld_msrs(const struct kev_vm *vm);
void kev_vmx_pass_msrs(struct kev_vmx_vcpu *vmx, unsigned int which, unsigned int sets);

/* host.c */
void kev_vmx_host_init(void);
void kev_vmx_arm(struct kev_vcpu *vcpu);
void kev_vmx_disarm(struct kev_vcpu *vcpu);
void kev_vmx_user_msrs_init(struct kev_vmx_cpu *c);
void kev_vmx_user_msrs_load(struct kev_vmx_vcpu *vmx);
void kev_vmx_user_msrs_restore(struct kev_vmx_cpu *c);
void kev_vmx_host_state_init(struct kev_vmx_vcpu *vmx);
void kev_vmx_host_state_cpu(struct kev_vmx_vcpu *vmx);

/* perf.c */
extern bool kev_vmx_perf_switches;

void kev_vmx_perf_init(void);
void kev_vmx_perf_setup(struct kev_vmx_vcpu *vmx);
void kev_vmx_perf_to_guest(struct kev_vmx_vcpu *vmx);
void kev_vmx_perf_to_host(void);

/* l1d.c */
int kev_vmx_l1d_init(void);
void kev_vmx_l1d_exit(void);
extern unsigned int kev_vmx_l1d_due;
void kev_vmx_l1d_flush(struct kev_vmx_vcpu *vmx);

/**
 * kev_vmx_set_resume_flag() - the next instruction meets no breakpoint of its own
 * @vmx: loaded
 *
 * It has met it before it exited, which has cleared the flag: SDM Vol. 3, "Saving RIP, RSP,
 * RFLAGS, and SSP", and "Masking Instruction-Breakpoint Exceptions".
 *
 * Context: IRQs off.
 */
static inline void kev_vmx_set_resume_flag(struct kev_vmx_vcpu *vmx)
{
	vmx->at.valid = false;
	kev_vmwrite_natural(GUEST_RFLAGS, kev_vmread_natural(GUEST_RFLAGS) | X86_EFLAGS_RF);
}

/*
 * kev_vmx_code64() - does the guest execute 64-bit code; loaded. CS.L alone means nothing
 * outside IA-32e mode: SDM Vol. 3, "Code-Segment Descriptor in 64-bit Mode"
 */
static inline bool kev_vmx_code64(const struct kev_vmx_vcpu *vmx)
{
	return vmx->efer & EFER_LMA && kev_vmread_32(GUEST_CS_AR_BYTES) & KEV_SEG_L;
}

/**
 * kev_vmx_look_where() - read where the guest is
 * @vmx: loaded
 *
 * Context: IRQs off.
 */
static inline void kev_vmx_look_where(struct kev_vmx_vcpu *vmx)
{
	vmx->at.valid = true;
	vmx->at.blocking = kev_vmread_32(GUEST_INTERRUPTIBILITY_INFO);
	vmx->at.rip = kev_vmread_natural(GUEST_RIP);
	vmx->at.rflags = kev_vmread_natural(GUEST_RFLAGS);
	vmx->at.cr3 = kev_vmread_natural(GUEST_CR3);
}

/**
 * kev_vmx_read_cr() - CR0 or CR4 as the guest reads it
 * @vcpu: loaded
 * @cr: 0 or 4
 *
 * Context: IRQs off.
 * Return: the value, masks and shadow applied.
 */
static inline u64 kev_vmx_read_cr(struct kev_vcpu *vcpu, unsigned int cr)
{
	const struct kev_vmx_vcpu *vmx = kev_to_vmx(vcpu);

	if (cr)
		return (kev_vmread_natural(GUEST_CR4) & vmx->cr4_owned) |
		       (vmx->cr4_shadow & ~vmx->cr4_owned);
	return (kev_vmread_natural(GUEST_CR0) & vmx->cr0_owned) |
	       (vmx->cr0_shadow & ~vmx->cr0_owned);
}

/* exit.c */
bool kev_vmx_prepare(struct kev_vmx_vcpu *vmx);
enum kev_verdict kev_vmx_enter(struct kev_vcpu *vcpu, struct kev_exit *exit);
void kev_vmx_exit_info(struct kev_vcpu *vcpu, struct kev_exit_info *info);
void kev_vmx_frame(struct kev_vcpu *vcpu, struct kev_run *run);

/* event.c */
void kev_vmx_advance(struct kev_vcpu *vcpu, u8 length);
bool kev_vmx_inject(struct kev_vcpu *vcpu, const struct kev_exception *exception);
bool kev_vmx_event_waits(struct kev_vcpu *vcpu);
bool kev_vmx_inject_interrupt(struct kev_vcpu *vcpu, u8 vector);
bool kev_vmx_inject_nmi(struct kev_vcpu *vcpu);
bool kev_vmx_nmi_blocked(struct kev_vcpu *vcpu);
void kev_vmx_look_at_shadow(struct kev_vmx_vcpu *vmx);
void kev_vmx_write_event(struct kev_vmx_vcpu *vmx);
void kev_vmx_keep_event(struct kev_vmx_vcpu *vmx);
void kev_vmx_block_nmi_again(struct kev_vmx_vcpu *vmx);

/* debug.c */
/* Does kev_vmx_load_debug() find anything to do */
static inline bool kev_vmx_debug_waits(const struct kev_vmx_vcpu *vmx)
{
	return vmx->vcpu.debug.flags || vmx->debug_loaded || vmx->vcpu.dr7 != vmx->dr7 ||
	       vmx->dr7 & KEV_DR7_ENABLES;
}

void kev_vmx_load_debug(struct kev_vcpu *vcpu);
u64 kev_vmx_decode_debug(struct kev_vmx_vcpu *vmx);
void kev_vmx_write_exceptions(struct kev_vmx_vcpu *vmx);
void kev_vmx_where(struct kev_vcpu *vcpu, struct kev_where *where);

/* step.c */
bool kev_vmx_steps(const struct kev_vmx_vcpu *vmx);
void kev_vmx_run_native(struct kev_vcpu *vcpu);
void kev_vmx_end_native(struct kev_vmx_vcpu *vmx);
void kev_vmx_watch(struct kev_vmx_vcpu *vmx);
enum kev_watch kev_vmx_unwatch(struct kev_vmx_vcpu *vmx);
void kev_vmx_decode_step(struct kev_vmx_vcpu *vmx, enum kev_watch watch, struct kev_exit *exit);

/* intercept.c */
u64 kev_vmx_intercepts(const struct kev_vmx_config *config);
u64 kev_vmx_passes(const struct kev_vmx_config *config);
void kev_vmx_set_intercepts(struct kev_vmx_vcpu *vmx);

/* state.c */
void kev_vmx_get(struct kev_vcpu *vcpu, u32 groups, struct kev_vcpu_state *state);
void kev_vmx_set(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state);
int kev_vmx_check_state(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state,
			struct kev_problem *problem);
struct kev_code64 kev_vmx_code_at(struct kev_vcpu *vcpu);
void kev_vmx_commit(struct kev_vcpu *vcpu, u64 rsp, u64 rflags);
void kev_vmx_entry_problem(struct kev_vcpu *vcpu, struct kev_problem *problem);
u64 kev_vmx_read_rip(struct kev_vcpu *vcpu);
u64 kev_vmx_read_rsp(struct kev_vcpu *vcpu);
void kev_vmx_write_rsp(struct kev_vcpu *vcpu, u64 value);

/* cr.c */
u64 kev_vmx_real_cr0(u64 value);
u64 kev_vmx_real_cr4(u64 value);
int kev_vmx_write_cr(struct kev_vcpu *vcpu, unsigned int cr, u64 value, const u64 *pdptes);
int kev_vmx_cr_policy(struct kev_vmx_vcpu *vmx);
void kev_vmx_set_controls(struct kev_vmx_vcpu *vmx, const struct kev_controls *controls);
void kev_vmx_set_pdptes(struct kev_vcpu *vcpu, const u64 *pdptes);
void kev_vmx_paging(struct kev_vcpu *vcpu, struct kev_paging *paging);

/* msr.c */
int kev_vmx_rdmsr(struct kev_vcpu *vcpu, u32 index, u64 *value);
void kev_vmx_move_tsc(struct kev_vcpu *vcpu, u64 ticks);
int kev_vmx_wrmsr(struct kev_vcpu *vcpu, u32 index, u64 value);

#endif /* _KEV_VMX_H */
