/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam between the vendor-neutral core and the code that drives one
 * vendor's virtualisation hardware. Chosen once, at module load.
 */
#ifndef _KEV_BACKEND_H
#define _KEV_BACKEND_H

#include <linux/static_call.h>
#include <linux/types.h>
#include <linux/kev.h>
#include <kev/cpuid.h>
#include <kev/pt.h>

struct kev_exception;
struct kev_exit;
struct kev_paging;
struct kev_problem;
struct kev_vcpu;
struct kev_vm;

/**
 * struct kev_backend_info - what the hardware offers, filled by probe()
 * @features: KEV_FEATURE_*
 * @phys_bits: width of a guest-physical address
 * @linear_bits: width that the CPU checks bases and MSRs for, whatever the guest's CPUID says
 * @pt_format: second-level page-table format
 * @huge_exec: leaves of 2 MiB may be executable
 * @xcr0: XCR0 bits that a guest may set; 0 where guests get no XSAVE
 * @cr0_guest: CR0 bits that a guest may set
 * @cr4_guest: CR4 bits that a guest may set whose CPUID has what they need
 * @intercepts: KEV_INTERCEPT_* that user space can be given
 * @passes: KEV_INTERCEPT_* whose instructions need not exit
 * @steps_by_flag: steps through the guest are made with RFLAGS.TF: an instruction that
 *	saves the flags shows it to the guest
 * @cpuid: CPUID answers for a VM that has not been given others
 */
struct kev_backend_info {
	u64 features;
	u32 phys_bits;
	u32 linear_bits;
	const struct kev_pt_format *pt_format;
	bool huge_exec;
	u64 xcr0;
	u64 cr0_guest;
	u64 cr4_guest;
	u64 intercepts;
	u64 passes;
	bool steps_by_flag;
	struct kev_cpuid_table cpuid;
};

/**
 * struct kev_where - where a guest is
 * @rip: linear address of the next instruction
 * @stack: linear address of the top of the stack
 * @code64: it executes 64-bit code
 * @v8086: it is in virtual-8086 mode
 * @event: an event is delivered before the instruction
 */
struct kev_where {
	u64 rip;
	u64 stack;
	bool code64;
	bool v8086;
	bool event;
};

/* No value of CR3: the guest does not execute 64-bit code. */
#define KEV_NO_CODE64	(~0ULL)

/**
 * struct kev_code64 - where a guest executes 64-bit code
 * @rip: its RIP
 * @cr3: its CR3, or KEV_NO_CODE64
 */
struct kev_code64 {
	u64 rip;
	u64 cr3;
};

/**
 * struct kev_exit_info - the last exit as the hardware tells it
 * @reason: of the exit, with bits that qualify it
 * @intr_info: the event that has caused it: SDM Vol. 3, "Information for VM Exits Due to
 *	Vectored Events"
 * @error_code: of that event, if it has one, else 0
 * @rip: guest's
 * @info1: exit qualification
 * @info2: IDT-vectoring information
 */
struct kev_exit_info {
	u32 reason;
	u32 intr_info;
	u32 error_code;
	u64 rip;
	u64 info1;
	u64 info2;
};

/**
 * struct kev_backend - one vendor's hardware
 *
 * "Loaded" means: preemption and IRQs are off and the vCPU's state is current
 * on this CPU; it ends when IRQs go on. "Armed" means: loaded, host state is
 * saved and the guest's is in place as far as an entry needs it.
 *
 * @name: as KEV_QUERY tells it
 * @probe: can this machine run guests; says what is missing in the log.
 *	Returns 0, -EOPNOTSUPP or -ENOMEM. Process context.
 * @unprobe: gives back what probe() took
 * @enable_cpu: turn the hardware on for this CPU. Returns 0, -EBUSY when
 *	another hypervisor owns it, -EIO when the CPU refuses. IRQs off.
 * @disable_cpu: clear every vCPU from this CPU, turn the hardware off. IRQs off.
 * @emergency_disable_cpu: the machine crashes: the hardware off on this CPU,
 *	whatever state the rest is in. Any context, NMI included.
 * @vcpu_create: returns a vCPU whose neutral part is zeroed but for @fpu, which is in the
 *	state after reset; or an ERR_PTR
 * @vcpu_destroy: frees it; it is not loaded anywhere afterwards
 * @load: make the vCPU current on this CPU. Called with preemption off and IRQs
 *	on; returns 0 with IRQs off, or with IRQs on -EAGAIN when the hardware is
 *	off on this CPU, -EIO when it refuses. There is no opposite: the state
 *	stays cached here until the vCPU is loaded elsewhere, destroyed, or the
 *	hardware goes off.
 * @arm: see above
 * @disarm: the opposite; host state is whole again. Armed.
 * @enter: run the guest until an exit, and decode it. Exits that kev_vcpu.quick has may be
 *	answered on the way: <kev/quick.h>. KEV_PASS: the exit is to be answered; else it has
 *	been, and this is the verdict. Armed.
 * @policy: put into the hardware state what the VM's policy says, which is final now:
 *	before the vCPU's first entry. -EINVAL: its registers have what the VM's CPUID
 *	does not. Loaded.
 * @flush: forget the VM's second-level translations on this CPU. Loaded.
 * @advance: move RIP behind the instruction. Loaded.
 * @inject: raise an exception at the next entry. If an event waits for it already,
 *	the two are combined; returns false if that shuts the guest down. Loaded.
 * @event_waits: the next entry delivers an event already. Loaded.
 * @inject_interrupt: raise an external interrupt at the next entry if the guest can
 *	take it then. Otherwise returns false, and there is an exit
 *	KEV_EV_INTERRUPT_WINDOW, once, as soon as it can. Armed.
 * @inject_nmi: the same for an NMI and KEV_EV_NMI_WINDOW. Armed.
 * @nmi_blocked: the guest handles an NMI, or is about to. Armed.
 * @tsc_offset: guest's TSC minus kev_hw_tsc(). The caller owns the vCPU.
 * @apic_changed: the local APIC has another mode, or registers that its owner has set.
 *	Loaded.
 * @deliver: the hardware is to deliver what the local APIC has requested, of which this
 *	vector is the greatest, -1 for none; it moves it to ISR as well. False: it is on
 *	kev to choose and to call @inject_interrupt. Armed, about to enter.
 * @watch_tpr: make an exit KEV_EV_TPR as soon as the class of the task priority is
 *	below this, which it is not now; 0 for none. Where the hardware keeps no task
 *	priority each change is an exit of its own. Armed, about to enter.
 * @set_deadline: make an exit KEV_EV_TIMER when the host's TSC reaches this while the guest
 *	runs. False: it cannot, not for so long; then nothing is watched. Armed.
 * @clear_deadline: watch for none any more. Armed.
 * @get: fill groups (KEV_STATE_*) of a state. Loaded, not armed.
 * @set: take groups of a state that @check accepts with the others as they are. Loaded,
 *	not armed.
 * @check: would the hardware enter the guest with this state, whose groups GPRS to MSRS
 *	and INTERRUPTS are filled. Says why not. -EINVAL; -EOPNOTSUPP: a mode that only
 *	this hardware does not run. Loaded, not armed.
 * @entry_problem: what was wrong when an entry has just failed; empty if it cannot be
 *	told. Loaded.
 * @commit: take RSP and RFLAGS as an instruction that kev has carried out leaves them; the
 *	other registers are in the vCPU already. Loaded.
 * @frame: fill the raw part of an exit frame. Loaded.
 * @paging: registers that a guest page walk needs. Loaded.
 * @read_msr: read an MSR that lives in hardware state. Armed. -ENOENT: not such.
 * @write_msr: write one; the value is checked for canonical form and reserved bits
 *	here. Armed. -EINVAL: the guest gets #GP(0).
 * @move_tsc: add to the guest's TSC. Armed.
 * @write_cr: guest writes CR0, CR3 or CR4. -EINVAL: #GP(0); -EAGAIN: it loads
 *	page-directory-pointer entries, @pdptes is NULL and should be what CR3 points to;
 *	-EOPNOTSUPP: a mode that the hardware does not run. Armed, with @pdptes loaded.
 * @read_cr: CR0 or CR4 as the guest sees it. Loaded.
 * @set_pdptes: the page-directory-pointer entries of PAE paging, unchecked. Loaded.
 * @exit_info: what the last exit was, for who traces it. Armed.
 * @read_rip: the guest's RIP. Loaded.
 * @read_rsp: the guest's RSP. Loaded.
 * @write_rsp: the opposite. Loaded.
 * @load_debug: the guest's debug registers have changed. Armed.
 * @run_native: the exit's instruction runs without an exit that KEV_VM_SET_EXITS has
 *	asked for; KEV_EV_STEP follows. Armed.
 * @flush_guest: forget the guest's own translations. Armed.
 * @where: where the guest is. Loaded.
 * @code64: where the guest executes 64-bit code. Loaded.
 */
struct kev_backend {
	const char *name;
	int (*probe)(struct kev_backend_info *info);
	void (*unprobe)(void);
	int (*enable_cpu)(void);
	void (*disable_cpu)(void);
	void (*emergency_disable_cpu)(void);
	struct kev_vcpu *(*vcpu_create)(struct kev_vm *vm);
	void (*vcpu_destroy)(struct kev_vcpu *vcpu);
	int (*load)(struct kev_vcpu *vcpu);
	void (*arm)(struct kev_vcpu *vcpu);
	void (*disarm)(struct kev_vcpu *vcpu);
	enum kev_verdict (*enter)(struct kev_vcpu *vcpu, struct kev_exit *exit);
	int (*policy)(struct kev_vcpu *vcpu);
	void (*flush)(struct kev_vcpu *vcpu);
	void (*advance)(struct kev_vcpu *vcpu, u8 length);
	bool (*inject)(struct kev_vcpu *vcpu, const struct kev_exception *exception);
	bool (*event_waits)(struct kev_vcpu *vcpu);
	bool (*inject_interrupt)(struct kev_vcpu *vcpu, u8 vector);
	bool (*inject_nmi)(struct kev_vcpu *vcpu);
	bool (*nmi_blocked)(struct kev_vcpu *vcpu);
	u64 (*tsc_offset)(const struct kev_vcpu *vcpu);
	void (*apic_changed)(struct kev_vcpu *vcpu);
	bool (*deliver)(struct kev_vcpu *vcpu, int vector);
	void (*watch_tpr)(struct kev_vcpu *vcpu, u8 class);
	bool (*set_deadline)(struct kev_vcpu *vcpu, u64 deadline);
	void (*clear_deadline)(struct kev_vcpu *vcpu);
	void (*get)(struct kev_vcpu *vcpu, u32 groups, struct kev_vcpu_state *state);
	void (*set)(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state);
	int (*check)(struct kev_vcpu *vcpu, const struct kev_vcpu_state *state,
		     struct kev_problem *problem);
	void (*entry_problem)(struct kev_vcpu *vcpu, struct kev_problem *problem);
	void (*commit)(struct kev_vcpu *vcpu, u64 rsp, u64 rflags);
	void (*frame)(struct kev_vcpu *vcpu, struct kev_run *run);
	void (*paging)(struct kev_vcpu *vcpu, struct kev_paging *paging);
	int (*read_msr)(struct kev_vcpu *vcpu, u32 index, u64 *value);
	int (*write_msr)(struct kev_vcpu *vcpu, u32 index, u64 value);
	void (*move_tsc)(struct kev_vcpu *vcpu, u64 ticks);
	int (*write_cr)(struct kev_vcpu *vcpu, unsigned int cr, u64 value, const u64 *pdptes);
	u64 (*read_cr)(struct kev_vcpu *vcpu, unsigned int cr);
	void (*set_pdptes)(struct kev_vcpu *vcpu, const u64 *pdptes);
	void (*exit_info)(struct kev_vcpu *vcpu, struct kev_exit_info *info);
	u64 (*read_rip)(struct kev_vcpu *vcpu);
	u64 (*read_rsp)(struct kev_vcpu *vcpu);
	void (*write_rsp)(struct kev_vcpu *vcpu, u64 value);
	void (*load_debug)(struct kev_vcpu *vcpu);
	void (*run_native)(struct kev_vcpu *vcpu);
	void (*flush_guest)(struct kev_vcpu *vcpu);
	void (*where)(struct kev_vcpu *vcpu, struct kev_where *where);
	struct kev_code64 (*code64)(struct kev_vcpu *vcpu);
};

/*
 * What each way into the guest and back calls is called directly: patched into the code when
 * the module has chosen its backend.
 */
DECLARE_STATIC_CALL(kev_backend_load, *(((struct kev_backend *)NULL)->load));
DECLARE_STATIC_CALL(kev_backend_arm, *(((struct kev_backend *)NULL)->arm));
DECLARE_STATIC_CALL(kev_backend_disarm, *(((struct kev_backend *)NULL)->disarm));
DECLARE_STATIC_CALL(kev_backend_enter, *(((struct kev_backend *)NULL)->enter));
DECLARE_STATIC_CALL(kev_backend_advance, *(((struct kev_backend *)NULL)->advance));
DECLARE_STATIC_CALL(kev_backend_frame, *(((struct kev_backend *)NULL)->frame));
DECLARE_STATIC_CALL(kev_backend_code64, *(((struct kev_backend *)NULL)->code64));

#define kev_backend_call(name)		static_call(kev_backend_##name)

extern const struct kev_backend *kev_backend;
extern struct kev_backend_info kev_info;
extern const struct kev_backend kev_vmx_backend;

#endif /* _KEV_BACKEND_H */
