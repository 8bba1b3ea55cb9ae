// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of a VM fd that concern guest memory.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <kev/backend.h>
#include <kev/mem.h>
#include <kev/vcpu.h>
#include <kev/vm.h>
#include <kev/walk.h>

long kev_vm_add_region(void *object, void *arg)
{
	struct kev_vm *vm = object;

	return kev_mem_add_region(&vm->mem, arg);
}

long kev_vm_remove_region(void *object, void *arg)
{
	const struct kev_range_args *range = arg;
	struct kev_vm *vm = object;

	return range->flags ? -EINVAL : kev_mem_remove_region(&vm->mem, range->gpa, range->length);
}

long kev_vm_discard(void *object, void *arg)
{
	const struct kev_range_args *range = arg;
	struct kev_vm *vm = object;

	return range->flags ? -EINVAL : kev_mem_discard(&vm->mem, range->gpa, range->length);
}

long kev_vm_query_memory(void *object, void *arg)
{
	struct kev_query_memory *query = arg;
	struct kev_vm *vm = object;

	return query->flags ? -EINVAL : kev_mem_query(&vm->mem, query);
}

/* A bitmap of 32 KiB: 1 GiB of guest memory at a time */
#define DIRTY_PAGES	(64 * PAGE_SIZE)

static long get_dirty_part(struct kev_mem *mem, u64 gpa, unsigned long pages,
			   unsigned long *bitmap, void __user *to)
{
	size_t bytes = BITS_TO_LONGS(pages) * sizeof(*bitmap);
	long dirty;

	memset(bitmap, 0, bytes);
	dirty = kev_mem_get_dirty(mem, gpa, pages, bitmap);
	if (dirty < 0)
		return dirty;
	if (!copy_to_user(to, bitmap, bytes))
		return dirty;
	kev_mem_set_dirty(mem, gpa, pages, bitmap);
	return -EFAULT;
}

long kev_vm_get_dirty(void *object, void *arg)
{
	struct kev_get_dirty *args = arg;
	struct kev_vm *vm = object;
	u64 left = args->length >> PAGE_SHIFT, gpa = args->gpa, end;
	void __user *to = u64_to_user_ptr(args->bitmap);
	unsigned long pages, *bitmap;
	long ret = 0;

	args->dirty = 0;
	if (args->flags || !PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(args->length) || !left ||
	    check_add_overflow(gpa, args->length, &end) ||
	    end > BIT_ULL(vm->mem.config.phys_bits))
		return -EINVAL;
	bitmap = kvmalloc(DIRTY_PAGES / BITS_PER_BYTE, KEV_GFP_GUEST);
	if (!bitmap)
		return -ENOMEM;
	for (; left && ret >= 0; left -= pages, gpa += (u64)pages << PAGE_SHIFT) {
		pages = min_t(u64, left, DIRTY_PAGES);
		ret = fatal_signal_pending(current) ? -EINTR :
		      get_dirty_part(&vm->mem, gpa, pages, bitmap, to);
		if (ret > 0)
			args->dirty += ret;
		to += DIRTY_PAGES / BITS_PER_BYTE;
		cond_resched();
	}
	kvfree(bitmap);
	return ret < 0 ? ret : 0;
}

/* How a vCPU that does not run translates: 0, -ENOENT, -EBUSY, -EIO */
static int paging_of(struct kev_vm *vm, u32 vcpu_id, struct kev_paging *paging)
{
	struct kev_vcpu *vcpu;
	int ret;

	/* Inside this lock no vCPU goes; the vCPU's own is only tried, so order is kept. */
	mutex_lock(&vm->lock);
	vcpu = xa_load(&vm->vcpus, vcpu_id);
	if (!vcpu) {
		ret = -ENOENT;
	} else if (!kev_vcpu_trylock(vcpu)) {
		ret = -EBUSY;
	} else {
		ret = kev_vcpu_paging(vcpu, paging);
		kev_vcpu_unlock(vcpu);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int translate_gva(struct kev_vm *vm, struct kev_translate *args)
{
	struct kev_touch touch = { .flags = KEV_TOUCH_OWNER };
	struct kev_paging paging;
	struct kev_walk walk;
	int ret;

	ret = paging_of(vm, args->vcpu_id, &paging);
	if (ret)
		return ret;
	ret = kev_mem_walk(&vm->mem, &paging, args->address, &touch, &walk);
	args->level = walk.level;
	if (ret)
		return ret;
	args->gpa = walk.gpa;
	args->page_size = walk.page_size;
	args->prot = walk.prot;
	args->user = walk.user;
	return 0;
}

long kev_vm_translate(void *object, void *arg)
{
	struct kev_translate *args = arg;
	struct kev_vm *vm = object;
	int ret = 0;

	if (args->flags & ~KEV_ADDRESS_GVA || (!args->flags && args->vcpu_id))
		return -EINVAL;
	*args = (struct kev_translate) {
		.size = args->size,
		.flags = args->flags,
		.vcpu_id = args->vcpu_id,
		.address = args->address,
		.gpa = args->address,
		.page_size = PAGE_SIZE,
		.prot = KEV_MEM_ALL,
	};
	if (args->flags) {
		args->gpa = 0;
		args->page_size = 0;
		args->prot = 0;
		ret = translate_gva(vm, args);
	}
	/* That the guest maps nothing there is an answer. */
	if (ret == -EFAULT)
		return 0;
	/* A stop or a freeze is none of user space's business, and nothing has been done yet. */
	if (ret)
		return ret == -EINTR ? -ERESTARTNOHAND : ret;
	args->mapped = 1;
	args->state = kev_mem_page_state(&vm->mem, args->gpa, &args->kind, &args->region_prot);
	return 0;
}

/**
 * struct copy - KEV_VM_READ or KEV_VM_WRITE under way
 * @mem: the memory
 * @paging: for a guest-virtual address, or NULL
 * @access: KEV_MEM_READ: from the guest
 * @page: a page to bounce the bytes
 */
struct copy {
	struct kev_mem *mem;
	const struct kev_paging *paging;
	u32 access;
	void *page;
};

static ssize_t copy_guest(const struct copy *copy, u64 address, size_t len)
{
	struct kev_touch touch = { .access = copy->access, .flags = KEV_TOUCH_OWNER };
	ssize_t ret;

	if (copy->paging) {
		ret = kev_mem_copy_gva(copy->mem, copy->paging, address, &touch, copy->page, len);
		return ret == -EFAULT ? -ENOENT : ret;
	}
	touch.gpa = address;
	return kev_mem_copy(copy->mem, &touch, copy->page, len);
}

/* Up to the end of a page: bytes copied, or an errno */
static ssize_t copy_part(const struct copy *copy, u64 address, void __user *buffer, size_t len)
{
	ssize_t ret;

	if (copy->access == KEV_MEM_WRITE && copy_from_user(copy->page, buffer, len))
		return -EFAULT;
	ret = copy_guest(copy, address, len);
	if (ret > 0 && copy->access == KEV_MEM_READ && copy_to_user(buffer, copy->page, ret))
		return -EFAULT;
	return ret;
}

static int copy_all(const struct copy *copy, struct kev_access *args)
{
	size_t part;
	ssize_t ret;

	while (args->done < args->length) {
		u64 address = args->address + args->done;

		/* Nothing follows the last address. */
		if (address < args->address)
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		part = min_t(u64, args->length - args->done, PAGE_SIZE - offset_in_page(address));
		ret = copy_part(copy, address, u64_to_user_ptr(args->buffer + args->done), part);
		if (ret < 0)
			return ret;
		args->done += ret;
		if ((size_t)ret < part)
			break;
	}
	return 0;
}

static long copy(struct kev_vm *vm, struct kev_access *args, u32 access)
{
	struct copy copy = { .mem = &vm->mem, .access = access };
	struct kev_paging paging;
	int ret;

	args->done = 0;
	if (args->flags & ~KEV_ADDRESS_GVA || args->reserved || (!args->flags && args->vcpu_id))
		return -EINVAL;
	if (args->flags) {
		ret = paging_of(vm, args->vcpu_id, &paging);
		if (ret)
			return ret;
		copy.paging = &paging;
	}
	copy.page = (void *)__get_free_page(KEV_GFP_GUEST);
	if (!copy.page)
		return -ENOMEM;
	ret = copy_all(&copy, args);
	free_page((unsigned long)copy.page);
	if (args->done)
		return 0;
	/* A stop or a freeze is none of user space's business, as with RUN. */
	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

long kev_vm_read_memory(void *object, void *arg)
{
	return copy(object, arg, KEV_MEM_READ);
}

long kev_vm_write_memory(void *object, void *arg)
{
	return copy(object, arg, KEV_MEM_WRITE);
}
