// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMSR and WRMSR. The VM's policy comes first, then a table of handlers by index. Nothing
 * a guest writes reaches an MSR of the host.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <kev/exit.h>
#include <kev/msr.h>
#include <kev/msr_policy.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

struct hlist_head kev_msr_table[1 << KEV_MSR_HASH_BITS];
static DEFINE_MUTEX(msr_lock);

static int nobody_reads(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	return -ENOENT;
}

static int nobody_writes(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	return -ENOENT;
}

const struct kev_msr_ops kev_msr_nobody = { nobody_reads, nobody_writes };

/**
 * kev_msr_insert() - handle an index, for every VM
 * @index: which
 * @ops: who; has to stay until a grace period after kev_msr_remove()
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL nobody reads, or nobody writes; -EEXIST the index is taken; -ENOMEM.
 */
int kev_msr_insert(u32 index, const struct kev_msr_ops *ops)
{
	struct kev_msr_entry *entry;
	int ret = 0;

	if ((!ops->read_msr && !ops->field) || (!ops->write_msr && !ops->slow_write))
		return -EINVAL;
	entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->index = index;
	entry->ops = ops;

	mutex_lock(&msr_lock);
	rcu_read_lock();
	if (kev_msr_find(index) != &kev_msr_nobody)
		ret = -EEXIST;
	rcu_read_unlock();
	if (!ret)
		hlist_add_head_rcu(&entry->node, kev_msr_bucket(index));
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
	struct kev_msr_entry *entry;

	mutex_lock(&msr_lock);
	hlist_for_each_entry(entry, kev_msr_bucket(index), node) {
		if (entry->index != index)
			continue;
		hlist_del_rcu(&entry->node);
		kfree_rcu(entry, rcu);
		break;
	}
	mutex_unlock(&msr_lock);
}
EXPORT_SYMBOL_GPL(kev_msr_remove);

/* Nobody has the index: as hardware does, unless the VM's policy is to ask. */
static enum kev_verdict nobody(struct kev_vcpu *vcpu)
{
	if (vcpu->vm->flags & KEV_VM_REPORT_MSR)
		return KEV_PASS;
	return kev_queue_gp(vcpu);
}

/**
 * kev_msr_verdict() - what becomes of an access; a read's value is in place
 * @vcpu: armed
 * @write: WRMSR
 * @ret: what @read_msr or @write_msr said; -EAGAIN: not at this level
 *
 * Return: KEV_RESUME; KEV_INJECT: #GP; KEV_PASS: not at this level, or user space is asked.
 */
enum kev_verdict kev_msr_verdict(struct kev_vcpu *vcpu, bool write, int ret)
{
	enum kev_verdict verdict;

	switch (ret) {
	case 0:
		verdict = KEV_RESUME;
		break;
	case -EAGAIN:
		return KEV_PASS;
	case -ENOENT:
		verdict = nobody(vcpu);
		break;
	default:
		verdict = kev_queue_gp(vcpu);
		break;
	}
	if (verdict != KEV_PASS)
		trace_kev_msr(vcpu, write, verdict == KEV_INJECT);
	return verdict;
}

/* NULL: as kev does by default */
static const struct kev_msr_rule *rule_of(const struct kev_vcpu *vcpu, u32 index)
{
	const struct kev_msr_rules *rules = vcpu->vm->msrs;
	const struct kev_msr_rule *rule;

	if (likely(!rules))
		return NULL;
	rule = kev_msr_find_rule(rules, index);
	return rule && rule->class != KEV_MSR_EMULATED ? rule : NULL;
}

/* -EAGAIN: not at this level */
static int read_by_rule(const struct kev_vcpu *vcpu, const struct kev_msr_rule *rule, u64 *value)
{
	switch (rule->class) {
	case KEV_MSR_VALUE:
		*value = vcpu->msr_values[rule->slot];
		return 0;
	case KEV_MSR_ZERO:
		*value = 0;
		return 0;
	case KEV_MSR_REPORT:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

static int write_by_rule(struct kev_vcpu *vcpu, const struct kev_msr_rule *rule, u64 value)
{
	switch (rule->class) {
	case KEV_MSR_VALUE:
		vcpu->msr_values[rule->slot] = value;
		return 0;
	case KEV_MSR_ZERO:
		return 0;
	case KEV_MSR_REPORT:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

static int read_emulated(struct kev_vcpu *vcpu, u32 index, u64 *value)
{
	const struct kev_msr_ops *ops = kev_msr_find(index);

	if (!ops->field)
		return ops->read_msr(vcpu, index, value);
	*value = *kev_msr_field(vcpu, ops);
	return 0;
}

static int write_emulated(struct kev_vcpu *vcpu, u32 index, u64 value)
{
	const struct kev_msr_ops *ops = kev_msr_find(index);

	return ops->write_msr ? ops->write_msr(vcpu, index, value) : -EAGAIN;
}

enum kev_verdict kev_fast_rdmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 index = vcpu->gpr[KEV_RCX];
	const struct kev_msr_rule *rule = rule_of(vcpu, index);
	u64 value;
	int ret;

	if (unlikely(rule))
		ret = read_by_rule(vcpu, rule, &value);
	else
		ret = read_emulated(vcpu, index, &value);
	if (!ret) {
		vcpu->gpr[KEV_RAX] = lower_32_bits(value);
		vcpu->gpr[KEV_RDX] = upper_32_bits(value);
	}
	return kev_msr_verdict(vcpu, false, ret);
}

/* EDX:EAX; what the guest has in the upper halves does not count. */
static u64 operand(const struct kev_vcpu *vcpu)
{
	return (vcpu->gpr[KEV_RDX] << 32) | (u32)vcpu->gpr[KEV_RAX];
}

enum kev_verdict kev_fast_wrmsr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	u32 index = vcpu->gpr[KEV_RCX];
	const struct kev_msr_rule *rule = rule_of(vcpu, index);
	int ret;

	if (unlikely(rule))
		ret = write_by_rule(vcpu, rule, operand(vcpu));
	else
		ret = write_emulated(vcpu, index, operand(vcpu));
	return kev_msr_verdict(vcpu, true, ret);
}

/* Its handler writes in process context: kev_msr_ops.slow_write; NULL: nobody does. */
static kev_msr_slow_write slow_writer(const struct kev_vcpu *vcpu, u32 index)
{
	kev_msr_slow_write slow;

	if (rule_of(vcpu, index))
		return NULL;
	rcu_read_lock();
	slow = kev_msr_find(index)->slow_write;
	rcu_read_unlock();
	return slow;
}

static enum kev_verdict report(struct kev_vcpu *vcpu, bool write)
{
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

enum kev_verdict kev_slow_msr(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	bool write = exit->event == KEV_EV_WRMSR;
	u32 index = vcpu->gpr[KEV_RCX];
	kev_msr_slow_write slow = write ? slow_writer(vcpu, index) : NULL;
	enum kev_verdict ret = KEV_PASS;

	if (slow) {
		ret = slow(vcpu, index, operand(vcpu));
		if (ret == KEV_PASS)
			ret = nobody(vcpu);
		if (ret == KEV_RESUME || ret == KEV_INJECT)
			trace_kev_msr(vcpu, true, ret == KEV_INJECT);
	}
	return ret == KEV_PASS ? report(vcpu, write) : ret;
}
