/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM object.
 */
#ifndef _KEV_VM_H
#define _KEV_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <linux/kev.h>
#include <kev/boot.h>
#include <kev/console.h>
#include <kev/doorbell.h>
#include <kev/mem.h>
#include <kev/stats.h>

struct kev_cpuid_table;
struct kev_hypercall_abi;
struct kev_msr_rules;
struct kev_owner;
struct kev_vcpu;
struct mm_struct;

#define KEV_MAX_VCPUS		64
#define KEV_MAX_VCPU_ID		254
#define KEV_MAX_IRQFDS		256

/**
 * struct kev_vm - a virtual machine
 * @ref: the VM fd and each vCPU hold one
 * @link: in the list of all VMs
 * @id: [I] from 1; no other VM has it while the module is loaded
 * @pid: [I] the creator's process, as the host's first PID namespace counts
 * @comm: [I] its name
 * @mm: [I] the creator's address space; grabbed, not used
 * @owner: [I] the creator's user, who is charged for it
 * @flags: [I] KEV_VM_* of its making
 * @abi: [I] hypercall ABI
 * @frozen: [a] a vCPU has run, or its KEV_STATE_MSR_VALUES were asked for: the policy, which
 *	is the next five, is final; set once, under @lock
 * @cpuid: what CPUID tells, changed under @lock and followed under RCU; the module's or
 *	the VM's own
 * @msrs: what user space has said of MSRs, changed under @lock; NULL for nothing
 * @intercepts: KEV_INTERCEPT_* that user space is given
 * @passes: KEV_INTERCEPT_* that do not exit
 * @exceptions: by vector, with KEV_INTERCEPT_EXCEPTION
 * @tsc_base: [I] host TSC at the VM's making, with what suspends had cost it: the
 *	guest's zero
 * @lock: [v] guards what is marked so; taken inside a vCPU's lock
 * @vcpus: [v] by id; entries are not references
 * @nr_vcpus: [a] vCPUs that exist; written under @lock
 * @vcpus_made: [v] vCPUs made so far
 * @has_bsp: [v] one of them is, or was, the bootstrap processor
 * @wakeups: [a] goes up before a vCPU ends its wait
 * @irqfd_lock: innermost
 * @irqfds: eventfds that interrupt the guest, under @irqfd_lock
 * @nr_irqfds: [a] how many; written under @irqfd_lock
 * @detaches: [a] work was asked to detach one
 * @attaching: [v] an attach is under way; no vCPU can be made
 * @start: [v] how a vCPU starts; set once, before the first vCPU
 * @past: [v] what vCPUs that are gone have counted
 * @mem: guest-physical memory, with locks of its own
 * @flush_wanted: [a] goes up when vCPUs have to forget translations
 * @doorbells: a part of them under @lock
 * @console: with a lock of its own
 * @wait: readers and pollers of the VM fd
 * @state: [a] enum kev_vm_state; leaves KEV_VM_ALIVE once, under @lock
 * @exit_code: [I] once @state is not KEV_VM_ALIVE; so are the next two
 * @error: errno, positive
 * @ender: id of the vCPU that ended the VM
 */
struct kev_vm {
	struct kref ref;
	struct list_head link;
	u64 id;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	struct mm_struct *mm;
	struct kev_owner *owner;
	u32 flags;
	const struct kev_hypercall_abi *abi;
	bool frozen;
	const struct kev_cpuid_table __rcu *cpuid;
	const struct kev_msr_rules *msrs;
	u64 intercepts;
	u64 passes;
	u32 exceptions;
	u64 tsc_base;

	struct mutex lock;	/* inside a vCPU's */
	struct xarray vcpus;
	u32 nr_vcpus;
	u32 vcpus_made;
	bool has_bsp;
	atomic_t wakeups;
	struct mutex irqfd_lock;	/* innermost */
	struct list_head irqfds;
	u32 nr_irqfds;
	bool detaches;
	bool attaching;
	struct kev_boot_start start;
	struct kev_counts past;

	struct kev_mem mem;
	atomic64_t flush_wanted;
	struct kev_doorbells doorbells;
	struct kev_console console;
	wait_queue_head_t wait;

	int state;
	u64 exit_code;
	u32 error;
	u32 ender;
};

/**
 * kev_vm_mine() - does the VM belong to the caller's address space
 * @vm: the VM
 *
 * A name only: the mm is grabbed, so that no other can have its address.
 *
 * Return: true: the caller may run and change it.
 */
static inline bool kev_vm_mine(const struct kev_vm *vm)
{
	return current->mm == vm->mm;
}

/**
 * kev_vm_ended() - has the VM ended
 * @vm: the VM
 *
 * Context: any. When true, exit_code, error and ender are final.
 * Return: true: it has; else it may at any time.
 */
static inline bool kev_vm_ended(const struct kev_vm *vm)
{
	/* Pairs with kev_vm_end(). */
	return smp_load_acquire(&vm->state) != KEV_VM_ALIVE;
}

int kev_vm_init(void);
void kev_vm_exit(void);
int kev_vm_create(const struct kev_create_vm *args);
void kev_vm_get(struct kev_vm *vm);
void kev_vm_put(struct kev_vm *vm);
void kev_vm_end(struct kev_vcpu *vcpu, enum kev_vm_state state, u64 code, u32 error);
int kev_vm_lock_policy(struct kev_vm *vm);
void kev_vm_freeze(struct kev_vm *vm);
void kev_vm_freeze_locked(struct kev_vm *vm);
void kev_vm_forget_vcpu(struct kev_vm *vm, struct kev_vcpu *vcpu);
void kev_vm_flush(struct kev_mem *mem);

/* vms.c */
void kev_vms_add(struct kev_vm *vm);
void kev_vms_remove(struct kev_vm *vm);
void kev_vms_init(void);
void kev_vms_exit(void);

/* vm_policy.c */
const struct kev_cpuid_table *kev_vm_cpuid(const struct kev_vm *vm);
u64 kev_vm_cr4_guest(const struct kev_vm *vm);
u64 kev_vm_efer_guest(const struct kev_vm *vm);
bool kev_vm_xcr0_valid(const struct kev_vm *vm, u64 xcr0);
int kev_vcpu_take_policy(struct kev_vcpu *vcpu);
int kev_vcpu_msr_values(struct kev_vcpu *vcpu, u32 nr, u64 **values);
void kev_vm_policy_init(struct kev_vm *vm);
void kev_vm_policy_fini(struct kev_vm *vm);
long kev_vm_set_cpuid(void *object, void *arg);
long kev_vm_get_supported_cpuid(void *object, void *arg);
long kev_vm_set_msrs(void *object, void *arg);

/* irq/msi.c: calls of the VM fd, and the end */
long kev_vm_irqfd(void *object, void *arg);
long kev_vm_signal(void *object, void *arg);
void kev_irqfd_fini(struct kev_vm *vm);
int kev_irqfd_init(void);
void kev_irqfd_exit(void);

/* vm_exits.c: a call of the VM fd */
long kev_vm_set_exits(void *object, void *arg);

/* vm_memory.c: calls of the VM fd */
long kev_vm_add_region(void *object, void *arg);
long kev_vm_remove_region(void *object, void *arg);
long kev_vm_discard(void *object, void *arg);
long kev_vm_query_memory(void *object, void *arg);
long kev_vm_get_dirty(void *object, void *arg);
long kev_vm_translate(void *object, void *arg);
long kev_vm_read_memory(void *object, void *arg);
long kev_vm_write_memory(void *object, void *arg);

#endif /* _KEV_VM_H */
