// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vCPU object and its fd.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <kev/apic.h>
#include <kev/backend.h>
#include <kev/compat.h>
#include <kev/debug.h>
#include <kev/owner.h>
#include <kev/trace.h>
#include <kev/uapi.h>
#include <kev/vcpu.h>
#include <kev/vm.h>
#include <kev/walk.h>

/**
 * kev_vcpu_forget_exit() - control goes elsewhere: nothing is left to do of the last exit
 * @vcpu: the caller holds its lock
 */
void kev_vcpu_forget_exit(struct kev_vcpu *vcpu)
{
	vcpu->answer = KEV_EXIT_NONE;
	vcpu->raised = false;
	vcpu->pending = 0;
	vcpu->printed = 0;
	vcpu->intercepted = false;
	vcpu->resumed = false;
	kev_emulate_drop(vcpu);
	kev_mmio_forget(vcpu);
}

/**
 * kev_vcpu_loaded_call() - call a function with the vCPU loaded
 * @vcpu: the caller holds its lock
 * @fn: called with IRQs off
 * @arg: for @fn
 *
 * What is left to do of the last exit is done first, so that RIP is right.
 *
 * Context: process, may sleep.
 * Return: 0, or -EIO.
 */
int kev_vcpu_loaded_call(struct kev_vcpu *vcpu, void (*fn)(struct kev_vcpu *vcpu, void *arg),
			 void *arg)
{
	int ret;

	do {
		preempt_disable();
		ret = kev_backend_call(load)(vcpu);
		if (!ret) {
			kev_vcpu_apply_pending(vcpu);
			fn(vcpu, arg);
			local_irq_enable();
		}
		preempt_enable();
	} while (ret == -EAGAIN && !kev_vcpu_wait_for_hw());
	return ret == -EAGAIN ? -EIO : ret;
}

static void call_paging(struct kev_vcpu *vcpu, void *arg)
{
	kev_backend->paging(vcpu, arg);
}

/**
 * kev_vcpu_paging() - how the guest translates now
 * @vcpu: the caller holds its lock
 * @paging: written
 *
 * Context: process, may sleep.
 * Return: 0 or -EIO.
 */
int kev_vcpu_paging(struct kev_vcpu *vcpu, struct kev_paging *paging)
{
	return kev_vcpu_loaded_call(vcpu, call_paging, paging);
}

/**
 * kev_vcpu_gpr() - a general-purpose register
 * @vcpu: loaded
 * @gpr: enum kev_gpr
 *
 * Context: IRQs off.
 * Return: its 64 bits.
 */
u64 kev_vcpu_gpr(struct kev_vcpu *vcpu, unsigned int gpr)
{
	return gpr == KEV_RSP ? kev_backend->read_rsp(vcpu) : vcpu->gpr[gpr];
}

/**
 * kev_vcpu_set_gpr() - change a general-purpose register
 * @vcpu: loaded
 * @gpr: enum kev_gpr
 * @value: all 64 bits
 *
 * Context: IRQs off.
 */
void kev_vcpu_set_gpr(struct kev_vcpu *vcpu, unsigned int gpr, u64 value)
{
	if (gpr == KEV_RSP)
		kev_backend->write_rsp(vcpu, value);
	else
		vcpu->gpr[gpr] = value;
}

static long ioctl_run(struct kev_vcpu *vcpu, unsigned long arg)
{
	long ret;

	if (!kev_vm_mine(vcpu->vm))
		return -EPERM;
	if (arg)
		return -EINVAL;

	if (!kev_vcpu_trylock(vcpu))
		return -EBUSY;
	ret = kev_vcpu_run(vcpu);
	kev_vcpu_unlock(vcpu);
	return ret;
}

static long ioctl_kick(struct kev_vcpu *vcpu, unsigned long arg)
{
	if (arg)
		return -EINVAL;
	kev_vcpu_request(vcpu, KEV_REQ_KICK);
	return 0;
}

static long ioctl_interrupt(void *object, void *arg)
{
	const struct kev_vcpu_interrupt *args = arg;

	if (args->flags || args->reserved || args->vector > U8_MAX)
		return -EINVAL;
	return kev_interrupt_raise(object, args->vector);
}

static const struct kev_ioctl vcpu_ioctls[] = {
	KEV_IOCTL(KEV_VCPU_GET_STATE, kev_vcpu_state, msrs, true, KEV_OUT_SUCCESS,
		  kev_vcpu_get_state),
	KEV_IOCTL(KEV_VCPU_SET_STATE, kev_vcpu_state, msrs, true, KEV_OUT_FAILURE,
		  kev_vcpu_set_state),
	KEV_IOCTL(KEV_VCPU_STATS, kev_vcpu_stats, kicks, false, KEV_OUT_SUCCESS,
		  kev_vcpu_get_stats),
	KEV_IOCTL(KEV_VCPU_COUNTERS, kev_counters, exits, false, KEV_OUT_ALWAYS,
		  kev_vcpu_get_counters),
	KEV_IOCTL(KEV_VCPU_INTERRUPT, kev_vcpu_interrupt, reserved, true, KEV_OUT_NEVER,
		  ioctl_interrupt),
	KEV_IOCTL(KEV_VCPU_INJECT, kev_vcpu_inject, reserved, true, KEV_OUT_NEVER,
		  kev_vcpu_inject),
	KEV_IOCTL(KEV_VCPU_SET_DEBUG, kev_vcpu_debug, dr7, true, KEV_OUT_NEVER,
		  kev_vcpu_set_debug),
};

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kev_vcpu *vcpu = file->private_data;

	/* They have no structure; one is called most often, for the other somebody waits. */
	if (likely(cmd == KEV_VCPU_RUN))
		return ioctl_run(vcpu, arg);
	if (cmd == KEV_VCPU_KICK)
		return ioctl_kick(vcpu, arg);
	return kev_uapi_call(vcpu_ioctls, ARRAY_SIZE(vcpu_ioctls), kev_vm_mine(vcpu->vm), vcpu,
			     cmd, arg);
}

/*
 * The run page comes when it is touched: a vCPU's start need not wait for page tables of user
 * space. Who wants it at once has MAP_POPULATE.
 */
static vm_fault_t run_page_fault(struct vm_fault *vmf)
{
	struct kev_vcpu *vcpu = vmf->vma->vm_file->private_data;

	/* MADV_DOFORK gives a child the mapping all the same. */
	if (vmf->vma->vm_mm != vcpu->vm->mm)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(vcpu->run);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct run_page_ops = {
	.fault = run_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kev_vcpu *vcpu = file->private_data;

	if (!kev_vm_mine(vcpu->vm))
		return -EPERM;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	kev_vma_set_flags(vma, VM_DONTEXPAND | VM_DONTCOPY);
	vma->vm_ops = &run_page_ops;
	return 0;
}

static void vcpu_free(struct kev_vcpu *vcpu)
{
	struct kev_vm *vm = vcpu->vm;

	kev_apic_destroy(vcpu);
	kev_stock_drop(&vcpu->stock);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu->emulation);
	kfree(vcpu->msr_values);
	kev_backend->vcpu_destroy(vcpu);
	kev_owner_remove_vcpu(vm->owner);
	kev_vm_put(vm);
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct kev_vcpu *vcpu = file->private_data;

	kev_vm_forget_vcpu(vcpu->vm, vcpu);
	vcpu_free(vcpu);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

static struct kev_vcpu *vcpu_alloc(struct kev_vm *vm, u32 id)
{
	struct kev_vcpu *vcpu;
	int ret;

	ret = kev_owner_add_vcpu(vm->owner);
	if (ret)
		return ERR_PTR(ret);
	vcpu = kev_backend->vcpu_create(vm);
	if (IS_ERR(vcpu)) {
		ret = PTR_ERR(vcpu);
		goto err_owner;
	}
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->guest_cpu = -1;
	vcpu->xcr0 = KEV_XCR0_X87;
	vcpu->dr6 = KEV_DR6_RESET;
	vcpu->dr7 = KEV_DR7_RESET;
	/* Its maker's, until it has a state */
	atomic_set(&vcpu->lock, 1);
	vcpu->run = kev_mem_zeroed_page(&vm->mem);
	if (!vcpu->run) {
		ret = -ENOMEM;
		goto err_backend;
	}
	kev_msr_reset(vcpu);
	ret = kev_apic_create(vcpu);
	if (ret)
		goto err_run;
	kev_vm_get(vm);
	return vcpu;

err_run:
	free_page((unsigned long)vcpu->run);
err_backend:
	kev_backend->vcpu_destroy(vcpu);
err_owner:
	kev_owner_remove_vcpu(vm->owner);
	return ERR_PTR(ret);
}

/* Called under the VM's lock. The first one is the bootstrap processor. */
static int join(struct kev_vm *vm, struct kev_vcpu *vcpu)
{
	int ret;

	if (!vm->has_bsp)
		kev_apic_set_base(vcpu, vcpu->msr.apic_base | KEV_APIC_BASE_BSP);
	else if (kev_boot_is_32bit(vm->start.protocol))
		vcpu->mp = KEV_MP_WAIT_FOR_SIPI;
	ret = xa_err(xa_store(&vm->vcpus, vcpu->id, vcpu, KEV_GFP_GUEST));
	if (!ret)
		vm->has_bsp = true;
	return ret;
}

/* Give the vCPU its place in the VM. Others can kick it from now on. */
static int join_vm(struct kev_vm *vm, struct kev_vcpu *vcpu)
{
	int ret;

	mutex_lock(&vm->lock);
	if (vm->attaching)
		ret = -EBUSY;
	else if (xa_load(&vm->vcpus, vcpu->id))
		ret = -EEXIST;
	else if (vm->nr_vcpus == KEV_MAX_VCPUS)
		ret = -ENOSPC;
	else
		ret = join(vm, vcpu);
	if (!ret) {
		WRITE_ONCE(vm->nr_vcpus, vm->nr_vcpus + 1);
		vm->vcpus_made++;
		if (vm->state != KEV_VM_ALIVE)
			set_bit(KEV_REQ_VM_ENDED, &vcpu->requests);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/* As if it had never joined: it has not run. Others may have joined meanwhile. */
static void leave_vm(struct kev_vm *vm, struct kev_vcpu *vcpu)
{
	kev_vm_forget_vcpu(vm, vcpu);
	mutex_lock(&vm->lock);
	vm->vcpus_made--;
	if (vcpu->msr.apic_base & KEV_APIC_BASE_BSP)
		vm->has_bsp = false;
	mutex_unlock(&vm->lock);
}

/**
 * kev_vcpu_create() - make a vCPU
 * @vm: its VM
 * @args: copied from user space, unchecked
 *
 * Context: process, may sleep, no kev lock held.
 * Return: its fd; -EINVAL; -EEXIST the id is taken; -ENOSPC too many; -EBUSY an
 * image is being attached; -EDQUOT the user has as many as he may; -ENOMEM; -EMFILE; -EIO.
 */
int kev_vcpu_create(struct kev_vm *vm, const struct kev_create_vcpu *args)
{
	struct kev_vcpu *vcpu;
	int ret;

	if (args->flags || args->reserved || args->id > KEV_MAX_VCPU_ID)
		return -EINVAL;
	vcpu = vcpu_alloc(vm, args->id);
	if (IS_ERR(vcpu))
		return PTR_ERR(vcpu);
	ret = join_vm(vm, vcpu);
	if (ret)
		goto err_free;
	ret = kev_vcpu_start_state(vcpu);
	kev_vcpu_unlock(vcpu);
	if (ret)
		goto err_leave;
	ret = anon_inode_getfd("[kev-vcpu]", &vcpu_fops, vcpu, O_RDWR | O_CLOEXEC);
	if (ret < 0)
		goto err_leave;
	return ret;

err_leave:
	leave_vm(vm, vcpu);
err_free:
	vcpu_free(vcpu);
	return ret;
}
