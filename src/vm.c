// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VM object and its fd.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/tsc.h>
#include <kev/apic.h>
#include <kev/attach.h>
#include <kev/backend.h>
#include <kev/compat.h>
#include <kev/hw.h>
#include <kev/hypercall.h>
#include <kev/owner.h>
#include <kev/uapi.h>
#include <kev/vcpu.h>
#include <kev/vm.h>

#define VM_FLAGS	(KEV_VM_REPORT_MSR | KEV_VM_REPORT_CPUID | KEV_VM_CONSOLE_LOG |	\
			 KEV_VM_FAULT_AROUND | KEV_VM_REPORT_HLT | KEV_VM_USER_CALLS |		\
			 KEV_VM_CLOCK)

/*
 * A VM, and behind it room for what every VM has of small objects: to allocate each by itself
 * would be a tenth of its start. Less than a page, as the cache keeps a pointer behind it.
 */
#define VM_BYTES	(PAGE_SIZE - SMP_CACHE_BYTES)

static_assert(sizeof(struct kev_vm) < VM_BYTES);

/* An object waits cleared for its next use, so that a start does not wait for that. */
static struct kmem_cache *vm_cache;

/* Of each CPU, with preemption off: those it interrupts for a flush. */
static struct cpumask __percpu *flush_cpus;

static void clear_vm(void *vm)
{
	memset(vm, 0, VM_BYTES);
}

/**
 * kev_vm_init() - be able to make VMs
 *
 * Return: 0 or -ENOMEM.
 */
int kev_vm_init(void)
{
	flush_cpus = alloc_percpu(struct cpumask);
	if (!flush_cpus)
		return -ENOMEM;
	vm_cache = kmem_cache_create("kev_vm", VM_BYTES, 0, SLAB_ACCOUNT, clear_vm);
	if (vm_cache)
		return 0;
	free_percpu(flush_cpus);
	return -ENOMEM;
}

/**
 * kev_vm_exit() - the opposite; no VM exists
 */
void kev_vm_exit(void)
{
	kmem_cache_destroy(vm_cache);
	free_percpu(flush_cpus);
}

static void give_back(struct kev_vm *vm)
{
	clear_vm(vm);
	kmem_cache_free(vm_cache, vm);
}

static void vm_free(struct kref *ref)
{
	struct kev_vm *vm = container_of(ref, struct kev_vm, ref);

	kev_vms_remove(vm);
	kev_irqfd_fini(vm);
	xa_destroy(&vm->vcpus);
	kev_doorbells_fini(&vm->doorbells);
	kev_console_fini(&vm->console);
	kev_mem_fini(&vm->mem);
	kev_vm_policy_fini(vm);
	kev_hypercall_abi_put(vm->abi);
	mmdrop(vm->mm);
	kev_owner_remove_vm(vm->owner);
	give_back(vm);
	kev_hw_put();
}

/**
 * kev_vm_get() - take a reference
 * @vm: the VM
 */
void kev_vm_get(struct kev_vm *vm)
{
	kref_get(&vm->ref);
}

/**
 * kev_vm_put() - give a reference back; the last one frees the VM
 * @vm: the VM
 *
 * Context: process, no kev lock held.
 */
void kev_vm_put(struct kev_vm *vm)
{
	kref_put(&vm->ref, vm_free);
}

/**
 * kev_vm_end() - end the VM; the first to call decides how
 * @vcpu: whose guest or failure it was
 * @state: KEV_VM_EXITED or KEV_VM_FAILED
 * @code: exit code
 * @error: errno, positive
 *
 * Every vCPU leaves its guest soon.
 *
 * Context: process, may sleep.
 */
void kev_vm_end(struct kev_vcpu *vcpu, enum kev_vm_state state, u64 code, u32 error)
{
	struct kev_vm *vm = vcpu->vm;
	struct kev_vcpu *other;
	unsigned long id;

	mutex_lock(&vm->lock);
	if (vm->state == KEV_VM_ALIVE) {
		vm->exit_code = code;
		vm->error = error;
		vm->ender = vcpu->id;
		/* Pairs with kev_vm_ended(). */
		smp_store_release(&vm->state, state);
		xa_for_each(&vm->vcpus, id, other)
			kev_vcpu_request(other, KEV_REQ_VM_ENDED);
	}
	mutex_unlock(&vm->lock);
	wake_up_interruptible_all(&vm->wait);
}

/* Returns whether a vCPU of the VM is in its guest. @cpus: where those are */
static bool find_in_guest(struct kev_vm *vm, struct cpumask *cpus)
{
	struct kev_vcpu *vcpu;
	unsigned long id;
	bool found = false;

	cpumask_clear(cpus);
	rcu_read_lock();
	xa_for_each(&vm->vcpus, id, vcpu) {
		/* What it has read without a reference, it has read: pairs with run_loaded(). */
		int cpu = smp_load_acquire(&vcpu->guest_cpu);

		if (cpu < 0)
			continue;
		__cpumask_set_cpu(cpu, cpus);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

/* The interrupt is all: it has brought the CPU out of the guest. */
static void leave_guest(void *info)
{
}

/**
 * kev_vm_flush() - have every vCPU forget translations that are gone from the tables
 * @mem: the VM's memory, whose page-table entries have changed
 *
 * A vCPU that is not in its guest forgets them before its next entry.
 *
 * Context: process, IRQs on, no lock held that code with IRQs off takes: it waits for
 * other CPUs.
 */
void kev_vm_flush(struct kev_mem *mem)
{
	struct kev_vm *vm = container_of(mem, struct kev_vm, mem);
	struct cpumask *cpus;

	/* The entries before the wish; pairs with kev_mmio_remember(). */
	smp_mb__before_atomic();
	atomic64_inc(&vm->flush_wanted);
	/* The wish, and the entries, before the look at guest_cpu; pairs with run_loaded(). */
	smp_mb__after_atomic();
	cpus = get_cpu_ptr(flush_cpus);
	/* Most have one vCPU, whose own fault this is: no CPU need be asked. */
	if (find_in_guest(vm, cpus))
		smp_call_function_many(cpus, leave_guest, NULL, true);
	put_cpu_ptr(flush_cpus);
}

/**
 * kev_vm_forget_vcpu() - a vCPU goes
 * @vm: its VM
 * @vcpu: it runs no more
 *
 * Context: process, may sleep.
 */
void kev_vm_forget_vcpu(struct kev_vm *vm, struct kev_vcpu *vcpu)
{
	mutex_lock(&vm->lock);
	xa_erase(&vm->vcpus, vcpu->id);
	WRITE_ONCE(vm->nr_vcpus, vm->nr_vcpus - 1);
	kev_counts_add(&vm->past, &vcpu->counts);
	mutex_unlock(&vm->lock);
	kev_halt_recheck(vm);
}

/**
 * kev_vm_lock_policy() - begin to change what a VM does on exits
 * @vm: the VM
 *
 * Context: process, may sleep.
 * Return: 0 with the VM's lock held; -EBUSY a vCPU has run already.
 */
int kev_vm_lock_policy(struct kev_vm *vm)
{
	mutex_lock(&vm->lock);
	if (!vm->frozen)
		return 0;
	mutex_unlock(&vm->lock);
	return -EBUSY;
}

/**
 * kev_vm_freeze_locked() - the VM's policy is final
 * @vm: the VM; the caller holds its lock
 */
void kev_vm_freeze_locked(struct kev_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	/* Pairs with kev_vm_freeze()'s look, of other vCPUs. */
	smp_store_release(&vm->frozen, true);
}

/**
 * kev_vm_freeze() - a vCPU is about to run: the VM's policy is final
 * @vm: the VM
 *
 * Context: process, may sleep.
 */
void kev_vm_freeze(struct kev_vm *vm)
{
	/* Pairs with kev_vm_freeze_locked(): who sees it sees the policy. */
	if (likely(smp_load_acquire(&vm->frozen)))
		return;
	mutex_lock(&vm->lock);
	kev_vm_freeze_locked(vm);
	mutex_unlock(&vm->lock);
}

static long ioctl_create_vcpu(void *object, void *arg)
{
	return kev_vcpu_create(object, arg);
}

/*
 * A vCPU takes the boot state at its making, so the image comes first. No lock is
 * held while the file's headers are read.
 */
static int begin_attach(struct kev_vm *vm)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	if (vm->vcpus_made || vm->attaching)
		ret = -EBUSY;
	else
		vm->attaching = true;
	mutex_unlock(&vm->lock);
	return ret;
}

static void end_attach(struct kev_vm *vm, const struct kev_boot_start *start)
{
	mutex_lock(&vm->lock);
	vm->attaching = false;
	if (start)
		vm->start = *start;
	mutex_unlock(&vm->lock);
}

static int attach(struct kev_vm *vm, const struct kev_attach_args *args,
		  struct kev_attach_result *result)
{
	int ret = begin_attach(vm);

	if (ret)
		return ret;
	ret = kev_image_attach(&vm->mem, args, result);
	end_attach(vm, ret ? NULL : &result->boot);
	return ret;
}

static long ioctl_attach_image(void *object, void *arg)
{
	struct kev_attach_image *image = arg;
	struct kev_attach_result result = {};
	struct kev_attach_args args;
	int ret;

	ret = kev_attach_args_get(&args, image, &result.why);
	if (!ret) {
		ret = attach(object, &args, &result);
		kev_attach_args_put(&args);
	}
	if (!ret)
		image->boot = result.boot.protocol;
	image->entry = result.boot.entry;
	image->start = result.start;
	image->end = result.end;
	image->problem = result.why.problem;
	image->segment = result.why.segment;
	/* A wait was cut short and nothing is left of it: without a handler, from the start. */
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

static long ioctl_status(void *object, void *arg)
{
	struct kev_vm_status *status = arg;
	struct kev_vm *vm = object;

	if (status->flags)
		return -EINVAL;
	*status = (struct kev_vm_status) { .size = status->size };
	if (kev_vm_ended(vm)) {
		status->state = vm->state;
		status->error = vm->error;
		status->exit_code = vm->exit_code;
		status->vcpu_id = vm->ender;
	}
	return 0;
}

static const struct kev_ioctl vm_ioctls[] = {
	KEV_IOCTL(KEV_VM_CREATE_VCPU, kev_create_vcpu, reserved, true, KEV_OUT_NEVER,
		  ioctl_create_vcpu),
	KEV_IOCTL(KEV_VM_ADD_REGION, kev_add_region, length, true, KEV_OUT_NEVER,
		  kev_vm_add_region),
	KEV_IOCTL(KEV_VM_REMOVE_REGION, kev_range_args, length, true, KEV_OUT_NEVER,
		  kev_vm_remove_region),
	KEV_IOCTL(KEV_VM_QUERY_MEMORY, kev_query_memory, file_pages, true, KEV_OUT_SUCCESS,
		  kev_vm_query_memory),
	KEV_IOCTL(KEV_VM_DISCARD, kev_range_args, length, true, KEV_OUT_NEVER, kev_vm_discard),
	KEV_IOCTL(KEV_VM_GET_DIRTY, kev_get_dirty, dirty, true, KEV_OUT_SUCCESS,
		  kev_vm_get_dirty),
	KEV_IOCTL(KEV_VM_TRANSLATE, kev_translate, kind, true, KEV_OUT_SUCCESS,
		  kev_vm_translate),
	KEV_IOCTL(KEV_VM_READ, kev_access, done, true, KEV_OUT_SUCCESS, kev_vm_read_memory),
	KEV_IOCTL(KEV_VM_WRITE, kev_access, done, true, KEV_OUT_SUCCESS, kev_vm_write_memory),
	KEV_IOCTL(KEV_VM_ATTACH_IMAGE, kev_attach_image, segment, true, KEV_OUT_ALWAYS,
		  ioctl_attach_image),
	KEV_IOCTL(KEV_VM_IRQFD, kev_irqfd, address, true, KEV_OUT_NEVER, kev_vm_irqfd),
	KEV_IOCTL(KEV_VM_SIGNAL, kev_signal, reserved, true, KEV_OUT_NEVER, kev_vm_signal),
	KEV_IOCTL(KEV_VM_SET_CPUID, kev_cpuid, entries, true, KEV_OUT_NEVER, kev_vm_set_cpuid),
	KEV_IOCTL(KEV_VM_GET_SUPPORTED_CPUID, kev_cpuid, entries, true, KEV_OUT_ALWAYS,
		  kev_vm_get_supported_cpuid),
	KEV_IOCTL(KEV_VM_SET_MSRS, kev_set_msrs, entries, true, KEV_OUT_NEVER, kev_vm_set_msrs),
	KEV_IOCTL(KEV_VM_DOORBELL, kev_doorbell, data, true, KEV_OUT_NEVER, kev_vm_doorbell),
	KEV_IOCTL(KEV_VM_SET_EXITS, kev_set_exits, reserved, true, KEV_OUT_NEVER,
		  kev_vm_set_exits),
	KEV_IOCTL(KEV_VM_STATUS, kev_vm_status, reserved, false, KEV_OUT_SUCCESS,
		  ioctl_status),
	KEV_IOCTL(KEV_VM_STATS, kev_vm_stats, vcpu, false, KEV_OUT_SUCCESS, kev_vm_get_stats),
	KEV_IOCTL(KEV_VM_COUNTERS, kev_counters, exits, false, KEV_OUT_ALWAYS,
		  kev_vm_get_counters),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kev_vm *vm = file->private_data;

	return kev_uapi_call(vm_ioctls, ARRAY_SIZE(vm_ioctls), kev_vm_mine(vm), vm, cmd, arg);
}

static ssize_t vm_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	struct kev_vm *vm = file->private_data;
	ssize_t n;
	int ret;

	if (!len)
		return 0;
	for (;;) {
		/* The end first: what was printed before it is on the console then. */
		bool ended = kev_vm_ended(vm);

		n = kev_console_read(&vm->console, to, len);
		if (n || ended)
			return n;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(vm->wait, !kev_console_empty(&vm->console) ||
					       kev_vm_ended(vm));
		if (ret)
			return ret;
	}
}

static __poll_t vm_poll(struct file *file, poll_table *wait)
{
	struct kev_vm *vm = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &vm->wait, wait);
	if (kev_vm_ended(vm))
		mask |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	if (!kev_console_empty(&vm->console))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static int vm_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kev_vm *vm = file->private_data;

	return kev_vm_mine(vm) ? kev_mem_mmap(&vm->mem, vma) : -EPERM;
}

static int vm_release(struct inode *inode, struct file *file)
{
	kev_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.read = vm_read,
	.poll = vm_poll,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vm_file_mmap,
	.release = vm_release,
	.llseek = noop_llseek,
};

static int init_memory(struct kev_vm *vm, const struct kev_create_vm *args)
{
	struct kev_mem_config config = {
		.format = kev_info.pt_format,
		.phys_bits = kev_info.phys_bits,
		.huge_exec = kev_info.huge_exec,
		.dirty_flag = kev_info.features & KEV_FEATURE_EPT_ACCESSED_DIRTY,
		.room = vm + 1,
		.room_size = VM_BYTES - sizeof(*vm),
		.flush = kev_vm_flush,
	};
	int ret;

	ret = kev_mem_option(&config, args->huge_pages, args->fault_around,
			     args->flags & KEV_VM_FAULT_AROUND,
			     kev_info.features & KEV_FEATURE_EPT_2M);
	return ret ?: kev_mem_init(&vm->mem, &config);
}

static struct kev_vm *vm_alloc(const struct kev_create_vm *args)
{
	struct kev_vm *vm;
	int ret;

	vm = kmem_cache_alloc(vm_cache, KEV_GFP_GUEST);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->abi = kev_hypercall_abi_get(args->hypercall_abi);
	if (!vm->abi) {
		ret = -ENOENT;
		goto err_free;
	}
	vm->owner = kev_owner_add_vm();
	if (IS_ERR(vm->owner)) {
		ret = PTR_ERR(vm->owner);
		goto err_abi;
	}
	ret = init_memory(vm, args);
	if (ret)
		goto err_owner;
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	mutex_init(&vm->irqfd_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	xa_init_flags(&vm->vcpus, XA_FLAGS_ACCOUNT);
	kev_console_init(&vm->console, vm->mem.memcg, args->flags & KEV_VM_CONSOLE_LOG);
	kev_doorbells_init(&vm->doorbells);
	init_waitqueue_head(&vm->wait);
	vm->flags = args->flags;
	kev_vm_policy_init(vm);
	vm->tsc_base = rdtsc_ordered() + kev_hw_tsc_lost();
	vm->mm = current->mm;
	mmgrab(vm->mm);
	kev_vms_add(vm);
	return vm;

err_owner:
	kev_owner_remove_vm(vm->owner);
err_abi:
	kev_hypercall_abi_put(vm->abi);
err_free:
	give_back(vm);
	return ERR_PTR(ret);
}

/**
 * kev_vm_create() - make a VM
 * @args: copied from user space, unchecked
 *
 * Context: process, may sleep.
 * Return: its fd; -EINVAL flags, name or an option; -ENOENT no such hypercall ABI; -EBUSY
 * another hypervisor owns the hardware; -EIO; -EDQUOT the user has as many as he may; -ENOMEM;
 * -EMFILE.
 */
int kev_vm_create(const struct kev_create_vm *args)
{
	struct kev_vm *vm;
	int ret;

	if (args->flags & ~VM_FLAGS)
		return -EINVAL;
	if (strnlen(args->hypercall_abi, KEV_NAME_LEN) == KEV_NAME_LEN)
		return -EINVAL;

	ret = kev_hw_get();
	if (ret)
		return ret;
	vm = vm_alloc(args);
	if (IS_ERR(vm)) {
		kev_hw_put();
		return PTR_ERR(vm);
	}
	/* An inode of its own: what is zapped from its mappings is this VM's alone. */
	ret = kev_anon_inode_getfd("[kev-vm]", &vm_fops, vm);
	if (ret < 0)
		kev_vm_put(vm);
	return ret;
}
