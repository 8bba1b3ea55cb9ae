// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: the registry of ABIs, and the way of a call through one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>
#include <linux/slab.h>
#include <asm/trapnr.h>
#include <kev/exit.h>
#include <kev/hypercall.h>
#include <kev/trace.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#define DEFAULT_ABI	"kev"

struct abi_entry {
	struct list_head link;
	const struct kev_hypercall_abi *abi;
};

static LIST_HEAD(abis);		/* [abis_lock] */
static DEFINE_MUTEX(abis_lock);

static struct abi_entry *find_abi(const char *name)
{
	struct abi_entry *entry;

	lockdep_assert_held(&abis_lock);
	list_for_each_entry(entry, &abis, link)
		if (!strcmp(entry->abi->name, name))
			return entry;
	return NULL;
}

/**
 * kev_hypercall_abi_register() - make an ABI known by its name
 * @abi: has to stay until kev_hypercall_abi_unregister()
 *
 * Context: process, may sleep.
 * Return: 0; -EINVAL no name or no resolve(); -EEXIST the name is taken; -ENOMEM.
 */
int kev_hypercall_abi_register(const struct kev_hypercall_abi *abi)
{
	struct abi_entry *entry;
	int ret = 0;

	if (!abi->name[0] || strnlen(abi->name, KEV_NAME_LEN) == KEV_NAME_LEN || !abi->resolve)
		return -EINVAL;
	entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->abi = abi;
	mutex_lock(&abis_lock);
	if (find_abi(abi->name))
		ret = -EEXIST;
	else
		list_add_tail(&entry->link, &abis);
	mutex_unlock(&abis_lock);
	if (ret)
		kfree(entry);
	return ret;
}
EXPORT_SYMBOL_GPL(kev_hypercall_abi_register);

/**
 * kev_hypercall_abi_unregister() - forget an ABI
 * @abi: registered, or not
 *
 * VMs that use it hold its module.
 *
 * Context: process, may sleep.
 */
void kev_hypercall_abi_unregister(const struct kev_hypercall_abi *abi)
{
	struct abi_entry *entry;

	mutex_lock(&abis_lock);
	entry = find_abi(abi->name);
	if (entry && entry->abi == abi) {
		list_del(&entry->link);
		kfree(entry);
	}
	mutex_unlock(&abis_lock);
}
EXPORT_SYMBOL_GPL(kev_hypercall_abi_unregister);

/**
 * kev_hypercall_abi_get() - find an ABI and keep its module
 * @name: NUL-terminated; empty for the default
 *
 * Return: the ABI, or NULL.
 */
const struct kev_hypercall_abi *kev_hypercall_abi_get(const char *name)
{
	const struct kev_hypercall_abi *abi = NULL;
	struct abi_entry *entry;

	mutex_lock(&abis_lock);
	entry = find_abi(*name ? name : DEFAULT_ABI);
	if (entry && try_module_get(entry->abi->owner))
		abi = entry->abi;
	mutex_unlock(&abis_lock);
	return abi;
}

/**
 * kev_hypercall_abi_put() - the opposite of kev_hypercall_abi_get()
 * @abi: the ABI
 */
void kev_hypercall_abi_put(const struct kev_hypercall_abi *abi)
{
	module_put(abi->owner);
}

static const struct kev_hypercall_abi *const builtin[] = {
	&kev_abi_kev, &kev_abi_akaros, &kev_abi_none, &kev_abi_report,
};

/**
 * kev_hypercall_init() - register the ABIs that kev brings
 *
 * Return: 0 or -ENOMEM, with nothing registered.
 */
int kev_hypercall_init(void)
{
	int ret;

	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++) {
		ret = kev_hypercall_abi_register(builtin[i]);
		if (ret) {
			kev_hypercall_exit();
			return ret;
		}
	}
	return 0;
}

/**
 * kev_hypercall_exit() - the opposite of kev_hypercall_init(); also after half of it
 */
void kev_hypercall_exit(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(builtin); i++)
		kev_hypercall_abi_unregister(builtin[i]);
}

/*
 * Outside 64-bit mode a register has 32 bits. What is above them was left by 64-bit mode, is no
 * word of the caller's, and cannot be reached by it: SDM Vol. 1, "General-Purpose Registers in
 * 64-Bit Mode".
 */
static void cut_registers(const u64 *gpr, u64 *low)
{
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		low[i] = (u32)gpr[i];
}

static void resolve(const struct kev_vcpu *vcpu, const struct kev_exit *exit,
		    struct kev_hypercall *call)
{
	u64 low[KEV_NR_GPRS];

	if (likely(exit->hypercall.long_mode)) {
		vcpu->vm->abi->resolve(vcpu->gpr, call);
		return;
	}
	cut_registers(vcpu->gpr, low);
	vcpu->vm->abi->resolve(low, call);
}

/* The handler looks at the vCPU's registers itself; those that it leaves alone stay whole. */
static noinline enum kev_verdict fast_cut(struct kev_vcpu *vcpu)
{
	enum kev_verdict verdict;
	u64 whole[KEV_NR_GPRS];

	memcpy(whole, vcpu->gpr, sizeof(whole));
	cut_registers(whole, vcpu->gpr);
	verdict = vcpu->vm->abi->fast(vcpu);
	for (unsigned int i = 0; i < KEV_NR_GPRS; i++)
		if (vcpu->gpr[i] == (u32)whole[i])
			vcpu->gpr[i] = whole[i];
	return verdict;
}

enum kev_verdict kev_fast_hypercall(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	const struct kev_hypercall_abi *abi = vcpu->vm->abi;

	/* VMCALL works at any privilege. */
	if (exit->hypercall.cpl && abi->kernel_only && !(vcpu->vm->flags & KEV_VM_USER_CALLS))
		return kev_queue_gp(vcpu);
	if (trace_kev_hypercall_enabled()) {
		struct kev_hypercall call;

		resolve(vcpu, exit, &call);
		trace_kev_hypercall(vcpu, &call);
	}
	if (!abi->fast)
		return KEV_PASS;
	return likely(exit->hypercall.long_mode) ? abi->fast(vcpu) : fast_cut(vcpu);
}

enum kev_verdict kev_slow_hypercall(struct kev_vcpu *vcpu, const struct kev_exit *exit)
{
	const struct kev_hypercall_abi *abi = vcpu->vm->abi;
	enum kev_verdict verdict = KEV_PASS;
	struct kev_hypercall call;

	resolve(vcpu, exit, &call);
	if (abi->slow)
		verdict = abi->slow(vcpu, &call);
	if (verdict != KEV_PASS)
		return verdict;

	kev_report(vcpu, KEV_EXIT_HYPERCALL);
	vcpu->run->hypercall.nr = call.nr;
	vcpu->run->hypercall.ret = 0;
	memcpy(vcpu->run->hypercall.args, call.args, sizeof(call.args));
	vcpu->answer = KEV_EXIT_HYPERCALL;
	return KEV_REPORT;
}
