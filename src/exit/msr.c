// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR. What no hardware state holds has a handler in a table by
 * index; nothing a guest writes reaches an MSR of the host.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include <asm/trapnr.h>
#include <kev/backend.h>
#include <kev/exit.h>
#include <kev/msr.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

struct msr_entry {
	struct hlist_node node;
	struct rcu_head rcu;
	u32 index;
	const struct kev_msr_ops *ops;
};

/* Read with IRQs off, written under the lock. */
static DEFINE_HASHTABLE(msr_table, 7);
static DEFINE_MUTEX(msr_lock);

/**
 * kev_msr_find() - who handles an index
 * @index: which
 *
 * Context: IRQs off, or inside an RCU reader. Return: NULL for nobody.
 */
const struct kev_msr_ops *kev_msr_find(u32 index)
{
	struct msr_entry *entry;

	hash_for_each_possible_rcu(msr_table, entry, node, index, true)
		if (entry->index == index)
			return entry->ops;
	return NULL;
}

/**
 * kev_msr_insert() - handle an index, for every VM
 * @index: which
 * @ops: who; has to stay until a grace period after kev_msr_remove()
 *
 * Context: process, may sleep.
 * Return: 0; -EEXIST the index is taken; -ENOMEM.
 */
int kev_msr_insert(u32 index, const struct kev_msr_ops *ops)
{
	struct msr_entry *entry;
	int ret = 0;

	entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->index = index;
	entry->ops = ops;

	mutex_lock(&msr_lock);
	rcu_read_lock();
	if (kev_msr_find(index))
		ret = -EEXIST;
	rcu_read_unlock();
	if (!ret)
		hash_add_rcu(msr_table, &entry->node, index);
	mutex_unlock(&msr_lock);
	if (ret)
		kfree(entry);
	return ret;
}
EXPORT_SYMBOL_GPL(kev_msr_insert);

/**
 * kev_msr_remove() - handle an index no more
 * @index: one that kev_msr_insert() took
 *
 * Context: process, may sleep.
 */
void kev_msr_remove(u32 index)
{
	struct msr_entry *entry;

	mutex_lock(&msr_lock);
	hash_for_each_possible(msr_table, entry, node, index) {
		if (entry->index != index)
			continue;
		hash_del_rcu(&entry->node);
		kfree_rcu(entry, rcu);
		break;
	}
	mutex_unlock(&msr_lock);
}
EXPORT_SYMBOL_GPL(kev_msr_remove);

static int read_zero(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 0;
	return 0;
}

static int write_ignored(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return 0;
}

/* There, empty, and deaf: what guests probe on their way up */
static const struct kev_msr_ops msr_zero = { read_zero, write_ignored };

static int read_microcode(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = 1ULL << 32;	/* revision 1, in the upper half */
	return 0;
}

static const struct kev_msr_ops msr_microcode = { read_microcode, write_ignored };

/* Locked, without VMX: SDM Vol. 3, "Enabling and Entering VMX Operation" */
static int read_feature_control(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = FEAT_CTL_LOCKED;
	return 0;
}

static int write_faults(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return -EINVAL;
}

static const struct kev_msr_ops msr_feature_control = { read_feature_control, write_faults };

/* Read-only, and empty */
static const struct kev_msr_ops msr_zero_read_only = { read_zero, write_faults };

#define MISC_ENABLE_RESET	MSR_IA32_MISC_ENABLE_FAST_STRING

static int read_misc_enable(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	*value = vcpu->msr.misc_enable;
	return 0;
}

static int write_misc_enable(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	vcpu->msr.misc_enable = value;
	return 0;
}

static const struct kev_msr_ops msr_misc_enable = { read_misc_enable, write_misc_enable };

static const struct {
	u32 index;
	const struct kev_msr_ops *ops;
} builtin[] = {
	{ MSR_IA32_FEAT_CTL, &msr_feature_control },
	{ MSR_IA32_UCODE_WRITE, &msr_zero },
	{ MSR_IA32_UCODE_REV, &msr_microcode },
	{ MSR_PLATFORM_INFO, &msr_zero_read_only },
	{ MSR_MTRRcap, &msr_zero_read_only },
	{ MSR_IA32_MCG_CAP, &msr_zero_read_only },
	{ MSR_IA32_MCG_STATUS, &msr_zero },
	{ MSR_IA32_MISC_ENABLE, &msr_misc_enable },
	{ MSR_IA32_DEBUGCTLMSR, &msr_zero },
	{ MSR_MTRRdefType, &msr_zero },
};

/**
 * kev_msr_init() - fill the table with what every guest gets
 *
 * Return: 0 or -ENOMEM, with an empty table.
 */
int kev_msr_init(void)
{
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++) {
		ret = kev_msr_insert(builtin[i].index, builtin[i].ops);
		if (ret) {
			kev_msr_exit();
			return ret;
		}
	}
	return 0;
}

/**
 * kev_msr_exit() - the opposite of kev_msr_init(); also after half of it
 */
void kev_msr_exit(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++)
		kev_msr_remove(builtin[i].index);
}

/**
 * kev_msr_reset() - a vCPU's values after reset
 * @vcpu: not running
 */
void kev_msr_reset(struct kev_vcpu *vcpu)
{
	vcpu->msr = (struct kev_msr_values) {
		.apic_base = KEV_APIC_BASE_DEFAULT | KEV_APIC_BASE_ENABLED,
		.misc_enable = MISC_ENABLE_RESET,
	};
}

/**
 * kev_msr_values_valid() - could the guest have written these values
 * @msrs: from user space
 */
bool kev_msr_values_valid(const struct kev_msrs *msrs)
{
	return kev_canonical(msrs->lstar) && kev_canonical(msrs->cstar) &&
	       kev_canonical(msrs->kernel_gs_base) && kev_canonical(msrs->sysenter_esp) &&
	       kev_canonical(msrs->sysenter_eip) && !(msrs->sfmask >> 32) &&
	       !(msrs->tsc_aux >> 32) && !(msrs->sysenter_cs >> 32) && kev_pat_valid(msrs->pat) &&
	       kev_apic_base_possible(msrs->apic_base, kev_info.phys_bits);
}

/* Nobody has the index: as hardware does, unless the VM's policy is to ask. */
static enum kev_verdict nobody(struct kev_vcpu *vcpu)
{
	if (vcpu->vm->flags & KEV_VM_REPORT_MSR)
		return KEV_PASS;
	return kev_queue_exception(vcpu, X86_TRAP_GP, true, 0);
}

enum kev_verdict kev_fast_rdmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 index = vcpu->gpr[KEV_RCX];
	const struct kev_msr_ops *ops;
	u64 value;
	int ret;

	ret = kev_backend->read_msr(vcpu, index, &value);
	if (ret == -ENOENT) {
		ops = kev_msr_find(index);
		if (!ops)
			return nobody(vcpu);
		ret = ops->read_msr(vcpu, index, &value);
	}
	if (ret)
		return kev_queue_exception(vcpu, X86_TRAP_GP, true, 0);
	vcpu->gpr[KEV_RAX] = lower_32_bits(value);
	vcpu->gpr[KEV_RDX] = upper_32_bits(value);
	return KEV_RESUME;
}

/* EDX:EAX; what the guest has in the upper halves does not count. */
static u64 operand(const struct kev_vcpu *vcpu)
{
	return (vcpu->gpr[KEV_RDX] << 32) | (u32)vcpu->gpr[KEV_RAX];
}

enum kev_verdict kev_fast_wrmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 index = vcpu->gpr[KEV_RCX];
	const struct kev_msr_ops *ops;
	int ret;

	ret = kev_backend->write_msr(vcpu, index, operand(vcpu));
	if (ret == -ENOENT) {
		ops = kev_msr_find(index);
		if (!ops)
			return nobody(vcpu);
		ret = ops->write_msr(vcpu, index, operand(vcpu));
	}
	if (ret)
		return kev_queue_exception(vcpu, X86_TRAP_GP, true, 0);
	return KEV_RESUME;
}

enum kev_verdict kev_slow_msr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	bool write = exit->event == KEV_EV_WRMSR;

	kev_report(vcpu, KEV_EXIT_MSR);
	vcpu->run->msr = (struct kev_exit_msr) {
		.index = vcpu->gpr[KEV_RCX],
		.direction = write ? KEV_MSR_WRITE : KEV_MSR_READ,
		.data = write ? operand(vcpu) : 0,
		.answer = KEV_MSR_ANSWER_GP,
	};
	vcpu->answer = KEV_EXIT_MSR;
	return KEV_REPORT;
}
