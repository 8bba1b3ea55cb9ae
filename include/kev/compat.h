/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernel versions and configurations that kev builds
 * for. Nothing but this and compat.c looks at LINUX_VERSION_CODE.
 */
#ifndef _KEV_COMPAT_H
#define _KEV_COMPAT_H

#include <linux/cpufeature.h>
#include <linux/anon_inodes.h>
#include <linux/cgroup.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shmem_fs.h>
#include <linux/syscore_ops.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#include <linux/entry-virt.h>
#else
#include <linux/entry-kvm.h>
#endif
#include <asm/mce.h>
#include <asm/reboot.h>
/* what smp_send_reschedule() is made of since 6.4 */
#include <trace/events/ipi.h>

/* An asm goto with outputs, and the compilers' bugs with them worked around */
#ifndef asm_goto_output
#define asm_goto_output(x...)	asm_volatile_goto(x)
#endif

/*
 * A variable that kernels with INIT_STACK_ALL_ZERO need not clear: all that is read is written.
 * With KEV_FILL_STACK (Kbuild) tests see whether that is so.
 */
#if __has_attribute(__uninitialized__) && !defined(KEV_FILL_STACK)
#define kev_uninitialized	__attribute__((__uninitialized__))
#else
#define kev_uninitialized
#endif

/**
 * kev_handle_guest_work() - do what is pending before a return to the guest
 *
 * Signals, rescheduling and task work, as the way out to user space does them.
 *
 * Context: Process context, IRQs on, may sleep.
 * Return: 0, or -EINTR when a signal is pending.
 */
int kev_handle_guest_work(void);

/* Flexible return and event delivery replaces the IDT: NMIs would be lost. */
static inline bool kev_host_has_fred(void)
{
#ifdef X86_CR4_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, value)		rdmsrl(msr, value)
#define wrmsrq(msr, value)		wrmsrl(msr, value)
#define rdmsrq_safe(msr, value)		rdmsrl_safe(msr, value)
#define native_rdmsrq(msr)		__rdmsr(msr)
#define native_wrmsrq(msr, value)	native_wrmsrl(msr, value)
#endif

/* Hand a machine check that came out of the guest to the host's handler. */
static inline void kev_machine_check(void)
{
	if (IS_ENABLED(CONFIG_X86_MCE)) {
		struct pt_regs regs = {
			.cs = 3,	/* not in the kernel: the guest was running */
			.flags = X86_EFLAGS_IF,
		};

		do_machine_check(&regs);
	}
}

/* All modules, as sysfs has them: what is built into the kernel cannot ask its own entry. */
static inline struct kset *kev_module_kset(void)
{
#ifdef MODULE
	return THIS_MODULE->mkobj.kobj.kset;
#else
	return module_kset;
#endif
}

static inline void kev_vma_set_flags(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void kev_vma_clear_flags(struct vm_area_struct *vma, unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* Give up the lock under which a fault handler was called; it returns VM_FAULT_RETRY. */
static inline void kev_fault_unlock(struct vm_fault *vmf)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	release_fault_lock(vmf);
#else
	mmap_read_unlock(vmf->vma->vm_mm);
#endif
}

static inline void kev_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*fn)(struct hrtimer *timer),
				     clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

/**
 * kev_anon_inode_getfd() - an fd on an inode of its own
 * @name: for /proc
 * @fops: operations
 * @priv: private_data
 *
 * Return: the fd, installed, or an errno and nothing has happened.
 */
static inline int kev_anon_inode_getfd(const char *name, const struct file_operations *fops,
				       void *priv)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	struct file *file;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		return fd;
	file = anon_inode_create_getfile(name, fops, priv, O_RDWR, NULL);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
#else
	return anon_inode_getfd_secure(name, fops, priv, O_RDWR | O_CLOEXEC, NULL);
#endif
}

/* Add 1 to an eventfd's counter. Context: any, but for PREEMPT_RT. */
static inline void kev_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

/* The pages of tmpfs and shared memory, which have no file system to be written to */
static inline bool kev_is_shmem(struct address_space *mapping)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return shmem_mapping(mapping);
#else
	return mapping->a_ops == &shmem_aops;
#endif
}

/*
 * Whose limits on disks hold for the current task, with a reference; NULL where the kernel has
 * none. For kev_io_css_put() and, in a worker, kthread_associate_blkcg().
 */
static inline struct cgroup_subsys_state *kev_io_css_get(void)
{
#ifdef CONFIG_BLK_CGROUP
	return task_get_css(current, io_cgrp_id);
#else
	return NULL;
#endif
}

static inline void kev_io_css_put(struct cgroup_subsys_state *css)
{
#ifdef CONFIG_BLK_CGROUP
	css_put(css);
#endif
}

/**
 * KEV_SYSCORE() - define what is called when the machine goes to sleep and when it wakes up
 * @name: of the definition
 * @suspend_fn: int (void), with IRQs off on the last CPU
 * @resume_fn: void (void), likewise
 *
 * For kev_register_syscore() and kev_unregister_syscore().
 */
#ifdef KEV_HAVE_SYSCORE
#define KEV_SYSCORE(name, suspend_fn, resume_fn)					\
	static int name##_suspend(void *data) { return suspend_fn(); }			\
	static void name##_resume(void *data) { resume_fn(); }				\
	static const struct syscore_ops name##_ops = {					\
		.suspend = name##_suspend, .resume = name##_resume,			\
	};										\
	static struct syscore name = { .ops = &name##_ops }
#define kev_register_syscore(syscore)	register_syscore(syscore)
#define kev_unregister_syscore(syscore)	unregister_syscore(syscore)
#else
#define KEV_SYSCORE(name, suspend_fn, resume_fn)					\
	static struct syscore_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#define kev_register_syscore(syscore)	register_syscore_ops(syscore)
#define kev_unregister_syscore(syscore)	unregister_syscore_ops(syscore)
#endif

/* Branch predictors are flushed on the way out to the VMM (VMSCAPE). */
static inline void kev_ibpb_on_exit_to_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

#endif /* _KEV_COMPAT_H */
