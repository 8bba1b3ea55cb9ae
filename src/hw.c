// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtualisation hardware is on from the first VM to the last, on every
 * CPU that is online, and off otherwise, so that others can have it; or, where the
 * module's parameter asks for it, from the first VM on.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/reboot.h>
#include <asm/tsc.h>
#include <kev/backend.h>
#include <kev/compat.h>
#include <kev/hw.h>

#define KVM_MODULE	"kvm_intel"

/* Taken inside cpus_read_lock(); no lock of kev is taken inside it. */
static DEFINE_MUTEX(hw_lock);
static unsigned int hw_users;		/* [hw_lock] */
static bool hw_keep;			/* [hw_lock] to write: it stays on without a VM */
static bool hw_emergency_registered;	/* [hw_lock] */

/* [hw_lock], or alone with IRQs off */
static bool hw_on;	/* on each CPU that is online */
static bool hw_gone;	/* to write: off for good */

enum kvm_presence { KVM_UNKNOWN, KVM_HERE, KVM_GONE };

/* [hw_lock] Unknown until KVM comes or goes, or VMX is needed. */
static enum kvm_presence hw_kvm;

static int hw_hotplug_state;

/* What the TSC has lost by suspends; written alone, with IRQs off. */
static u64 hw_tsc_lost;
static u64 hw_tsc_at_suspend;

struct hw_enable {
	atomic_t error;
};

static void enable_this_cpu(void *arg)
{
	struct hw_enable *enable = arg;
	int ret = kev_backend->enable_cpu();

	/* The first error is the one to tell. */
	if (ret)
		atomic_cmpxchg(&enable->error, 0, ret);
}

static void disable_this_cpu(void *arg)
{
	kev_backend->disable_cpu();
}

/*
 * Unknown of one that goes: as long as its exit function runs it has the slot, and its name is
 * there for some time behind that.
 */
static enum kvm_presence find_kvm(void)
{
	struct kobject *kobj;
	struct module *mod;
	bool going;

	if (IS_BUILTIN(CONFIG_KVM_INTEL))
		return KVM_HERE;
	kobj = kset_find_obj(kev_module_kset(), KVM_MODULE);
	if (!kobj)
		return KVM_GONE;
	/* It stays until the reference is given back. */
	mod = container_of(kobj, struct module_kobject, kobj)->mod;
	going = !mod || READ_ONCE(mod->state) == MODULE_STATE_GOING;
	kobject_put(kobj);
	return going ? KVM_UNKNOWN : KVM_HERE;
}

/*
 * A crash leaves VMX operation before it starts the next kernel: INIT is
 * blocked in VMX operation. There is one slot for whoever does that. KVM's
 * callback turns VMX off no matter who turned it on, so that kev takes the slot
 * only while KVM is not there. An idle KVM of 6.12 that turns VMX on with its
 * first VM (enable_virt_at_load=0) has no callback until then: a crash is not
 * provided for while that KVM is loaded beside VMs of kev's.
 */
static void emergency_disable(void)
{
	kev_backend->emergency_disable_cpu();
}

/* hw_lock held. */
static void emergency_take(void)
{
	if (!hw_emergency_registered)
		cpu_emergency_register_virt_callback(emergency_disable);
	hw_emergency_registered = true;
}

/* hw_lock held. */
static void emergency_yield(void)
{
	if (hw_emergency_registered)
		cpu_emergency_unregister_virt_callback(emergency_disable);
	hw_emergency_registered = false;
}

/*
 * Not before VMX is needed: while this module loads, KVM's load may have told of
 * itself and not be seen yet, or its end not be told of and it be seen.
 *
 * hw_lock held.
 */
static void emergency_follow(void)
{
	if (hw_kvm == KVM_UNKNOWN)
		hw_kvm = find_kvm();
	if (hw_kvm == KVM_GONE)
		emergency_take();
	else
		emergency_yield();
}

/* cpus_read_lock() and hw_lock held. */
static void disable_all(void)
{
	on_each_cpu(disable_this_cpu, NULL, 1);
	hw_on = false;
}

/* cpus_read_lock() and hw_lock held. */
static void disable_unused(void)
{
	if (hw_on && !hw_users && !hw_keep)
		disable_all();
}

/* cpus_read_lock() and hw_lock held. */
static int enable_all(void)
{
	struct hw_enable enable = { .error = ATOMIC_INIT(0) };
	int ret;

	emergency_follow();
	on_each_cpu(enable_this_cpu, &enable, 1);
	ret = atomic_read(&enable.error);
	if (!ret) {
		hw_on = true;
		return 0;
	}
	disable_all();
	if (ret == -EBUSY)
		pr_warn_once("another hypervisor owns VMX%s, then try again\n",
			     hw_kvm == KVM_HERE ?
				   ", probably KVM: end its VMs or unload " KVM_MODULE :
				   ": end its VMs or unload it");
	else
		pr_err_ratelimited("cannot turn VMX on: error %d\n", ret);
	return ret;
}

/**
 * kev_hw_get() - a VM begins: have the hardware on
 *
 * Context: process, may sleep; takes cpus_read_lock().
 * Return: 0; -EBUSY another hypervisor owns it; -EIO a CPU refuses, or the
 * machine is going down, or has not come back from a suspend.
 */
int kev_hw_get(void)
{
	int ret = 0;

	cpus_read_lock();
	mutex_lock(&hw_lock);
	if (hw_gone)
		ret = -EIO;
	else if (!hw_on)
		ret = enable_all();
	if (!ret)
		hw_users++;
	mutex_unlock(&hw_lock);
	cpus_read_unlock();
	return ret;
}

/**
 * kev_hw_put() - a VM has ended
 *
 * Context: process, may sleep; takes cpus_read_lock().
 */
void kev_hw_put(void)
{
	cpus_read_lock();
	mutex_lock(&hw_lock);
	hw_users--;
	disable_unused();
	mutex_unlock(&hw_lock);
	cpus_read_unlock();
}

static int set_keep(const char *value, const struct kernel_param *param)
{
	bool keep;
	int ret = kstrtobool(value, &keep);

	if (ret)
		return ret;
	cpus_read_lock();
	mutex_lock(&hw_lock);
	WRITE_ONCE(hw_keep, keep);
	disable_unused();
	mutex_unlock(&hw_lock);
	cpus_read_unlock();
	return 0;
}

static int get_keep(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%c\n", READ_ONCE(hw_keep) ? 'Y' : 'N');
}

static const struct kernel_param_ops keep_param = { .set = set_keep, .get = get_keep };
module_param_cb(keep_vmx, &keep_param, NULL, 0644);
MODULE_PARM_DESC(keep_vmx, "leave VMX on when the last VM goes: the next one starts sooner, and no other hypervisor can have it (N)");

/**
 * kev_hw_going_down() - is the hardware off for good
 *
 * Context: any.
 * Return: true: the machine restarts, or VMX could not be turned on again.
 */
bool kev_hw_going_down(void)
{
	return READ_ONCE(hw_gone);
}

/**
 * kev_hw_tsc_lost() - what to add to the host's TSC for one that never goes back
 *
 * Changes only while the machine is suspended.
 *
 * Context: any.
 * Return: ticks of the TSC.
 */
u64 kev_hw_tsc_lost(void)
{
	return READ_ONCE(hw_tsc_lost);
}

/* On the CPU that comes up, in its hotplug thread. */
static int online_cpu(unsigned int cpu)
{
	struct hw_enable enable = { .error = ATOMIC_INIT(0) };
	unsigned long flags;

	mutex_lock(&hw_lock);
	if (hw_on && !hw_gone) {
		local_irq_save(flags);
		enable_this_cpu(&enable);
		local_irq_restore(flags);
	}
	mutex_unlock(&hw_lock);
	/* Refusing keeps the CPU offline: vCPUs could be moved to it. */
	return atomic_read(&enable.error);
}

/* On the CPU that goes down; its last tasks are still there. */
static int offline_cpu(unsigned int cpu)
{
	unsigned long flags;

	mutex_lock(&hw_lock);
	local_irq_save(flags);
	disable_this_cpu(NULL);
	local_irq_restore(flags);
	mutex_unlock(&hw_lock);
	return 0;
}

/* The boot CPU, which no hotplug callback turns off; IRQs off, alone. */
static int hw_suspend(void)
{
	disable_this_cpu(NULL);
	hw_tsc_at_suspend = rdtsc_ordered();
	return 0;
}

static void hw_resume(void)
{
	struct hw_enable enable = { .error = ATOMIC_INIT(0) };
	u64 now = rdtsc_ordered();

	/* It may have begun anew: a guest's must not go backwards. */
	if (now < hw_tsc_at_suspend)
		WRITE_ONCE(hw_tsc_lost, hw_tsc_lost + hw_tsc_at_suspend - now);
	if (hw_on)
		enable_this_cpu(&enable);
	if (atomic_read(&enable.error)) {
		pr_err("VMX does not come back after the suspend: error %d\n",
		       atomic_read(&enable.error));
		/* A task that waits for it here would do so for ever. */
		WRITE_ONCE(hw_gone, true);
	}
}

KEV_SYSCORE(hw_syscore, hw_suspend, hw_resume);

static int on_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	cpus_read_lock();
	mutex_lock(&hw_lock);
	WRITE_ONCE(hw_gone, true);
	disable_all();
	mutex_unlock(&hw_lock);
	cpus_read_unlock();
	return NOTIFY_OK;
}

static struct notifier_block hw_reboot_notifier = {
	.notifier_call = on_reboot,
};

static int on_module(struct notifier_block *nb, unsigned long action, void *data)
{
	struct module *module = data;

	if (strcmp(module->name, KVM_MODULE))
		return NOTIFY_DONE;
	mutex_lock(&hw_lock);
	/* When it goes its exit function has run. */
	hw_kvm = action == MODULE_STATE_GOING ? KVM_GONE : KVM_HERE;
	emergency_follow();
	mutex_unlock(&hw_lock);
	return NOTIFY_OK;
}

static struct notifier_block hw_module_notifier = {
	.notifier_call = on_module,
};

/**
 * kev_hw_init() - follow CPUs, modules, suspend and reboot
 *
 * Return: 0 or an errno, with nothing registered.
 */
int kev_hw_init(void)
{
	int ret;

	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "kev:online", online_cpu, offline_cpu);
	if (ret < 0)
		return ret;
	hw_hotplug_state = ret;
	ret = register_reboot_notifier(&hw_reboot_notifier);
	if (ret)
		goto err_hotplug;
	ret = register_module_notifier(&hw_module_notifier);
	if (ret)
		goto err_reboot;
	kev_register_syscore(&hw_syscore);
	return 0;

err_reboot:
	unregister_reboot_notifier(&hw_reboot_notifier);
err_hotplug:
	cpuhp_remove_state(hw_hotplug_state);
	return ret;
}

/**
 * kev_hw_exit() - the opposite of kev_hw_init(); no VM exists
 */
void kev_hw_exit(void)
{
	/* It may have been kept on. */
	cpus_read_lock();
	mutex_lock(&hw_lock);
	disable_all();
	mutex_unlock(&hw_lock);
	cpus_read_unlock();
	kev_unregister_syscore(&hw_syscore);
	unregister_module_notifier(&hw_module_notifier);
	/* Nobody takes the slot any more. */
	mutex_lock(&hw_lock);
	emergency_yield();
	mutex_unlock(&hw_lock);
	unregister_reboot_notifier(&hw_reboot_notifier);
	cpuhp_remove_state(hw_hotplug_state);
}
