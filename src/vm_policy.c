// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM does on exits, as user space has it: calls of the VM fd that change it before
 * the first RUN, and what follows from it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kev/backend.h>
#include <kev/msr_policy.h>
#include <kev/quick.h>
#include <kev/uapi.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

/* A table that user space has asked for, and what it is made of */
struct own_cpuid {
	struct kev_cpuid_table table;
	struct rcu_head rcu;
	struct kev_cpuid_entry entries[];
};

/**
 * kev_vm_cpuid() - what CPUID tells in a VM
 * @vm: the VM
 *
 * Context: in an RCU reader, as with IRQs off, or after the first RUN.
 * Return: the table, which goes with the VM, or before the first RUN with the next policy.
 */
const struct kev_cpuid_table *kev_vm_cpuid(const struct kev_vm *vm)
{
	return rcu_dereference_check(vm->cpuid, irqs_disabled() || READ_ONCE(vm->frozen));
}

/**
 * kev_vm_cr4_guest() - CR4 bits that a VM's guests may set
 * @vm: the VM
 *
 * Context: any.
 * Return: a mask.
 */
u64 kev_vm_cr4_guest(const struct kev_vm *vm)
{
	u64 bits;

	rcu_read_lock();
	bits = kev_vm_cpuid(vm)->cr4 & kev_info.cr4_guest;
	rcu_read_unlock();
	return bits;
}

/**
 * kev_vm_efer_guest() - IA32_EFER bits that a VM's guests may have
 * @vm: the VM
 *
 * Context: any.
 * Return: a mask.
 */
u64 kev_vm_efer_guest(const struct kev_vm *vm)
{
	u64 bits;

	rcu_read_lock();
	bits = kev_vm_cpuid(vm)->efer;
	rcu_read_unlock();
	return bits;
}

/**
 * kev_vm_xcr0_valid() - may a VM's guest load this value with XSETBV
 * @vm: the VM
 * @xcr0: the value
 *
 * Context: any.
 * Return: true: XSETBV takes it; else it raises #GP.
 */
bool kev_vm_xcr0_valid(const struct kev_vm *vm, u64 xcr0)
{
	bool valid;

	rcu_read_lock();
	valid = kev_cpuid_xcr0_valid(kev_vm_cpuid(vm), xcr0);
	rcu_read_unlock();
	return valid;
}

static u32 nr_msr_values(const struct kev_msr_rules *rules)
{
	return rules ? rules->nr_values : 0;
}

/* What a vCPU's MSRs of KEV_MSR_VALUE begin with */
static int make_msr_values(struct kev_vcpu *vcpu)
{
	const struct kev_msr_rules *rules = vcpu->vm->msrs;

	if (!nr_msr_values(rules) || vcpu->msr_values)
		return 0;
	vcpu->msr_values = kev_mem_zalloc(&vcpu->vm->mem,
					  array_size(rules->nr_values, sizeof(u64)));
	if (!vcpu->msr_values)
		return -ENOMEM;
	for (u32 i = 0; i < rules->nr; i++)
		if (rules->rule[i].class == KEV_MSR_VALUE)
			vcpu->msr_values[rules->rule[i].slot] = rules->rule[i].value;
	return 0;
}

/**
 * kev_vcpu_msr_values() - what the MSRs hold that are KEV_MSR_VALUE
 * @vcpu: the caller holds its lock
 * @nr: how many the caller expects
 * @values: out: they, in the order of their indices; NULL where there are none. They are
 *	the vCPU's, and may be changed under its lock
 *
 * The VM's policy is final from now on, unless -EINVAL is returned.
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL there are more or fewer; -ENOMEM.
 */
int kev_vcpu_msr_values(struct kev_vcpu *vcpu, u32 nr, u64 **values)
{
	struct kev_vm *vm = vcpu->vm;
	bool fits;
	int ret;

	mutex_lock(&vm->lock);
	fits = nr == nr_msr_values(vm->msrs);
	if (fits)
		kev_vm_freeze_locked(vm);
	mutex_unlock(&vm->lock);
	if (!fits)
		return -EINVAL;
	ret = make_msr_values(vcpu);
	*values = vcpu->msr_values;
	return ret;
}

static void call_policy(struct kev_vcpu *vcpu, void *arg)
{
	*(int *)arg = kev_backend->policy(vcpu);
}

/**
 * kev_vcpu_take_policy() - before a vCPU's first entry: what the VM's policy makes of it
 * @vcpu: the caller holds its lock; the VM's policy is final
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL the vCPU's registers have what the VM's CPUID does not; -ENOMEM; -EIO.
 */
int kev_vcpu_take_policy(struct kev_vcpu *vcpu)
{
	int ret, problem = 0;

	if (vcpu->xcr0 != KEV_XCR0_X87 && !kev_vm_xcr0_valid(vcpu->vm, vcpu->xcr0))
		return -EINVAL;
	ret = make_msr_values(vcpu);
	if (!ret)
		ret = kev_vcpu_loaded_call(vcpu, call_policy, &problem);
	if (!ret)
		ret = problem;
	if (!ret)
		kev_quick_init(vcpu);
	vcpu->policed = !ret;
	return ret;
}

static bool cpuid_args_valid(const struct kev_cpuid *args)
{
	return !args->flags && !args->reserved && args->nr <= KEV_MAX_CPUID_ENTRIES;
}

/* The table that the arguments describe; NULL for the module's; or an ERR_PTR */
static struct own_cpuid *make_cpuid(const struct kev_cpuid *args)
{
	struct own_cpuid *own;
	int ret;

	if (!args->nr)
		return NULL;
	own = kvzalloc(struct_size(own, entries, args->nr), KEV_GFP_GUEST);
	if (!own)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(own->entries, u64_to_user_ptr(args->entries),
			   array_size(args->nr, sizeof(own->entries[0]))))
		ret = -EFAULT;
	else
		ret = kev_cpuid_set(&own->table, &kev_info.cpuid, own->entries, args->nr);
	if (!ret)
		return own;
	kvfree(own);
	return ERR_PTR(ret);
}

static void replace_cpuid(struct kev_vm *vm, struct own_cpuid *own)
{
	const struct kev_cpuid_table *old = rcu_dereference_protected(vm->cpuid,
			lockdep_is_held(&vm->lock) || !kref_read(&vm->ref));
	struct own_cpuid *old_own = container_of(old, struct own_cpuid, table);

	rcu_assign_pointer(vm->cpuid, own ? &own->table : &kev_info.cpuid);
	if (old != &kev_info.cpuid)
		kvfree_rcu(old_own, rcu);
}

/* KEV_VM_SET_CPUID */
long kev_vm_set_cpuid(void *object, void *arg)
{
	const struct kev_cpuid *args = arg;
	struct kev_vm *vm = object;
	struct own_cpuid *own;
	int ret;

	if (!cpuid_args_valid(args))
		return -EINVAL;
	own = make_cpuid(args);
	if (IS_ERR(own))
		return PTR_ERR(own);
	ret = kev_vm_lock_policy(vm);
	if (ret) {
		kvfree(own);
		return ret;
	}
	replace_cpuid(vm, own);
	mutex_unlock(&vm->lock);
	return 0;
}

/* KEV_VM_GET_SUPPORTED_CPUID */
long kev_vm_get_supported_cpuid(void *object, void *arg)
{
	const struct kev_vm *vm = object;
	struct kev_cpuid *args = arg;
	struct kev_cpuid_entry *entries;
	u32 room = args->nr;
	int ret = 0;

	if (!cpuid_args_valid(args))
		return -EINVAL;
	entries = kvcalloc(room, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	args->nr = kev_cpuid_list(&kev_info.cpuid, vm->flags & KEV_VM_CLOCK, entries, room);
	if (args->nr > room)
		ret = -E2BIG;
	else if (copy_to_user(u64_to_user_ptr(args->entries), entries,
			      array_size(args->nr, sizeof(*entries))))
		ret = -EFAULT;
	kvfree(entries);
	return ret;
}

/* The rules that the arguments describe; NULL for none; or an ERR_PTR */
static struct kev_msr_rules *make_msrs(const struct kev_set_msrs *args)
{
	struct kev_msr_policy *entries;
	struct kev_msr_rules *rules;
	int ret;

	if (!args->nr)
		return NULL;
	entries = kev_memdup_user(args->entries, array_size(args->nr, sizeof(*entries)));
	if (IS_ERR(entries))
		return ERR_CAST(entries);
	rules = kzalloc(struct_size(rules, rule, args->nr), KEV_GFP_GUEST);
	ret = rules ? kev_msr_set_rules(rules, entries, args->nr) : -ENOMEM;
	kfree(entries);
	if (!ret)
		return rules;
	kfree(rules);
	return ERR_PTR(ret);
}

/* KEV_VM_SET_MSRS. Nobody looks at the rules before the first RUN. */
long kev_vm_set_msrs(void *object, void *arg)
{
	const struct kev_set_msrs *args = arg;
	const struct kev_msr_rules *rules;
	struct kev_vm *vm = object;
	int ret;

	if (args->flags || args->reserved || args->nr > KEV_MAX_MSR_POLICIES)
		return -EINVAL;
	rules = make_msrs(args);
	if (IS_ERR(rules))
		return PTR_ERR(rules);
	ret = kev_vm_lock_policy(vm);
	if (!ret) {
		swap(vm->msrs, rules);
		mutex_unlock(&vm->lock);
	}
	kfree(rules);
	return ret;
}

/**
 * kev_vm_policy_init() - a VM begins with what every VM does
 * @vm: the VM
 */
void kev_vm_policy_init(struct kev_vm *vm)
{
	RCU_INIT_POINTER(vm->cpuid, &kev_info.cpuid);
}

/**
 * kev_vm_policy_fini() - free what user space has asked for
 * @vm: the VM
 */
void kev_vm_policy_fini(struct kev_vm *vm)
{
	replace_cpuid(vm, NULL);
	kfree(vm->msrs);
}
