// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from devices in user space: by a call, and by an eventfd.
 *
 * An eventfd and the VM live independently of each other. The irqfd between them holds a
 * reference to the eventfd's context and none to the VM, which detaches its irqfds when it
 * goes. When the eventfd's last descriptor goes, work takes the irqfd away: the wake-up that tells
 * of it can do no more. The VM's end waits for such work, so that it happens where its last
 * descriptor is closed, and before the module can go.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <kev/apic.h>
#include <kev/vm.h>

/**
 * struct irqfd - an eventfd that interrupts a VM's guest
 * @link: in kev_vm.irqfds; empty once it is detached
 * @vm: see above
 * @eventfd: [I] a reference
 * @message: [I] what goes to the local APICs
 * @wait: in the eventfd's queue
 * @queue: [I] that queue; its lock guards @gone
 * @pt: for getting there
 * @gone: the eventfd has no descriptor any more: @detach is under way and frees this
 * @detach: has no reference to @vm, whose end waits for it
 */
struct irqfd {
	struct list_head link;
	struct kev_vm *vm;
	struct eventfd_ctx *eventfd;
	struct kev_apic_message message;
	wait_queue_entry_t wait;
	wait_queue_head_t *queue;
	poll_table pt;
	bool gone;
	struct work_struct detach;
};

static struct workqueue_struct *irqfd_wq;

static void irqfd_free(struct irqfd *irqfd)
{
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

/* Called under the VM's irqfd lock. */
static void irqfd_detach(struct irqfd *irqfd)
{
	struct kev_vm *vm = irqfd->vm;
	u64 count;

	list_del_init(&irqfd->link);
	WRITE_ONCE(vm->nr_irqfds, vm->nr_irqfds - 1);
	/* Nobody is in the wake-up, or comes there, from here on. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	if (!irqfd->gone)
		irqfd_free(irqfd);
}

/* It has no reference to the VM, whose end waits for it. */
static void detach_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, detach);
	struct kev_vm *vm = irqfd->vm;

	mutex_lock(&vm->irqfd_lock);
	if (!list_empty(&irqfd->link))
		irqfd_detach(irqfd);
	mutex_unlock(&vm->irqfd_lock);
	irqfd_free(irqfd);
	kev_halt_recheck(vm);
}

/* Under the lock of the eventfd's queue, IRQs off. */
static int irqfd_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		kev_apic_send(irqfd->vm, NULL, &irqfd->message);
	}
	if (events & EPOLLHUP && !irqfd->gone) {
		irqfd->gone = true;
		WRITE_ONCE(irqfd->vm->detaches, true);
		queue_work(irqfd_wq, &irqfd->detach);
	}
	return !!(events & EPOLLIN);
}

static void irqfd_queue(struct file *file, wait_queue_head_t *queue, poll_table *pt)
{
	struct irqfd *irqfd = container_of(pt, struct irqfd, pt);

	irqfd->queue = queue;
	/*
	 * Before readers, who would take the count away; nobody else is woken for that. Up to
	 * Linux 6.16 the function says so itself.
	 */
	irqfd->wait.flags |= WQ_FLAG_EXCLUSIVE;
	add_wait_queue_priority(queue, &irqfd->wait);
}

static struct irqfd *irqfd_find(struct kev_vm *vm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &vm->irqfds, link)
		if (irqfd->eventfd == eventfd)
			return irqfd;
	return NULL;
}

/* Attach it; what was signalled before counts as well. Called under the VM's irqfd lock. */
static int irqfd_attach(struct kev_vm *vm, struct irqfd *irqfd, struct file *file)
{
	if (irqfd_find(vm, irqfd->eventfd))
		return -EEXIST;
	if (vm->nr_irqfds == KEV_MAX_IRQFDS)
		return -ENOSPC;
	list_add(&irqfd->link, &vm->irqfds);
	WRITE_ONCE(vm->nr_irqfds, vm->nr_irqfds + 1);
	if (vfs_poll(file, &irqfd->pt) & EPOLLIN) {
		spin_lock_irq(&irqfd->queue->lock);
		irqfd_wake(&irqfd->wait, 0, 0, poll_to_key(EPOLLIN));
		spin_unlock_irq(&irqfd->queue->lock);
	}
	return 0;
}

static int irqfd_add(struct kev_vm *vm, const struct kev_irqfd *args, struct file *file)
{
	struct irqfd *irqfd;
	int ret;

	irqfd = kzalloc(sizeof(*irqfd), KEV_GFP_GUEST);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	INIT_WORK(&irqfd->detach, detach_work);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wake);
	init_poll_funcptr(&irqfd->pt, irqfd_queue);
	if (!kev_apic_decode_msi(args->address, args->data, &irqfd->message)) {
		kfree(irqfd);
		return -EINVAL;
	}
	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->eventfd)) {
		ret = PTR_ERR(irqfd->eventfd);
		kfree(irqfd);
		return ret;
	}
	mutex_lock(&vm->irqfd_lock);
	ret = irqfd_attach(vm, irqfd, file);
	mutex_unlock(&vm->irqfd_lock);
	if (ret)
		irqfd_free(irqfd);
	return ret;
}

static int irqfd_remove(struct kev_vm *vm, struct file *file)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fileget(file);
	struct irqfd *irqfd;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&vm->irqfd_lock);
	irqfd = irqfd_find(vm, eventfd);
	if (irqfd)
		irqfd_detach(irqfd);
	mutex_unlock(&vm->irqfd_lock);
	eventfd_ctx_put(eventfd);
	kev_halt_recheck(vm);
	return irqfd ? 0 : -ENOENT;
}

/**
 * kev_vm_irqfd() - KEV_VM_IRQFD
 * @object: the VM
 * @arg: struct kev_irqfd, unchecked
 *
 * Context: process, may sleep, no kev lock held.
 * Return: 0; -EBADF, -EINVAL no eventfd, or no message; -EEXIST; -ENOENT; -ENOSPC; -ENOMEM.
 */
long kev_vm_irqfd(void *object, void *arg)
{
	const struct kev_irqfd *args = arg;
	struct kev_vm *vm = object;
	struct file *file;
	int ret;

	if (args->flags & ~(u32)KEV_IRQFD_REMOVE)
		return -EINVAL;
	file = fget(args->fd);
	if (!file)
		return -EBADF;
	if (args->flags & KEV_IRQFD_REMOVE)
		ret = irqfd_remove(vm, file);
	else
		ret = irqfd_add(vm, args, file);
	fput(file);
	return ret;
}

/**
 * kev_vm_signal() - KEV_VM_SIGNAL
 * @object: the VM
 * @arg: struct kev_signal, unchecked
 *
 * Context: process, no lock held.
 * Return: 0; -EINVAL it is no message that kev delivers.
 */
long kev_vm_signal(void *object, void *arg)
{
	const struct kev_signal *args = arg;
	struct kev_apic_message message;

	if (args->flags || args->reserved ||
	    !kev_apic_decode_msi(args->address, args->data, &message))
		return -EINVAL;
	kev_apic_send(object, NULL, &message);
	return 0;
}

/**
 * kev_irqfd_fini() - a VM goes: forget its eventfds
 * @vm: nobody else has it
 *
 * Context: process, may sleep: for work that detaches some, of whatever VMs.
 */
void kev_irqfd_fini(struct kev_vm *vm)
{
	struct irqfd *irqfd, *next;

	mutex_lock(&vm->irqfd_lock);
	list_for_each_entry_safe(irqfd, next, &vm->irqfds, link)
		irqfd_detach(irqfd);
	mutex_unlock(&vm->irqfd_lock);
	/* Nobody wakes them any more. */
	if (vm->detaches)
		flush_workqueue(irqfd_wq);
}

/**
 * kev_irqfd_init() - at module load
 *
 * Return: 0 or -ENOMEM.
 */
int kev_irqfd_init(void)
{
	irqfd_wq = alloc_workqueue("kev_irqfd", 0, 0);
	return irqfd_wq ? 0 : -ENOMEM;
}

/**
 * kev_irqfd_exit() - at module unload; there are no VMs, and no work
 */
void kev_irqfd_exit(void)
{
	destroy_workqueue(irqfd_wq);
}
