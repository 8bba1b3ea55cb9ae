// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory in the owner's address space: mmap of the VM fd.
 *
 * A page comes in by the same way as for a guest, for reading or for writing, so that the
 * first write is noticed: a shared page is copied then, and the page counts as dirty. The
 * mapping has no reference to a page: whoever takes one away from the guest takes it
 * away here as well, under the invalidate lock of the VM's inode.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <kev/compat.h>
#include <kev/mem.h>
#include <kev/mem_table.h>
#include <kev/pt.h>
#include <kev/region.h>

static vm_fault_t fault_result(int err)
{
	/* With a signal pending the access is simply tried again, if it still matters. */
	return err == -EINTR && !fatal_signal_pending(current) ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

#define MAX_TICKS_LOCKED	10

static bool is_of_a_file(const struct kev_touch *touch)
{
	return touch->kind == KEV_REGION_IMAGE || touch->kind == KEV_REGION_FILE;
}

/*
 * The lock cannot be dropped, as for some of a futex's operations, or nothing would end the wait:
 * a page that another thread is making is waited for, but where it may have to be read, not for
 * long.
 */
static vm_fault_t load_locked(struct kev_mem *mem, struct kev_touch *touch)
{
	unsigned int ticks = 0;
	int ret;

	do {
		if (fatal_signal_pending(current) ||
		    (is_of_a_file(touch) && ticks++ == MAX_TICKS_LOCKED))
			return VM_FAULT_SIGBUS;
		schedule_timeout_killable(1);
		ret = kev_mem_fault(mem, touch);
	} while (ret == -EBUSY);
	return ret ? fault_result(ret) : 0;
}

/*
 * Whoever waits for a file keeps nobody from changing the address space, or from looking at it:
 * the lock is dropped, however often the fault is started anew.
 */
static vm_fault_t load_slowly(struct kev_mem *mem, struct vm_fault *vmf, struct kev_touch *touch)
{
	struct file *file;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return load_locked(mem, touch);
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	touch->flags &= ~KEV_TOUCH_NOWAIT;
	/* After a signal that does not kill, the kernel's own access comes back at once. */
	if (!(vmf->flags & FAULT_FLAG_USER))
		touch->flags |= KEV_TOUCH_KILLABLE;
	file = get_file(vmf->vma->vm_file);
	kev_fault_unlock(vmf);
	kev_mem_fault(mem, touch);
	fput(file);
	/* Whatever it was, the next try finds it, an error too. */
	return VM_FAULT_RETRY;
}

static vm_fault_t load(struct kev_mem *mem, struct vm_fault *vmf, u32 access)
{
	struct kev_touch touch = {
		.gpa = (u64)vmf->pgoff << PAGE_SHIFT,
		.access = access,
		.flags = KEV_TOUCH_OWNER | KEV_TOUCH_MAPPING | KEV_TOUCH_NOWAIT,
	};
	int ret;

	if (vmf->flags & FAULT_FLAG_TRIED)
		touch.flags |= KEV_TOUCH_TRIED;
	ret = kev_mem_fault(mem, &touch);
	/* Nothing kills a task that ends: its last accesses do not wait for a file. */
	if (ret == -EBUSY && current->flags & PF_EXITING)
		return load_locked(mem, &touch);
	if (ret == -EBUSY)
		return load_slowly(mem, vmf, &touch);
	return ret ? fault_result(ret) : 0;
}

/*
 * The page at @gpa as a leaf has it for the owner, or an ERR_PTR: -EAGAIN: not, or no
 * longer; -EFAULT: never. What is going to be written counts as dirty from here on.
 */
static struct page *look_up(struct kev_mem *mem, u64 gpa, bool write)
{
	u64 *leaf = kev_table_find(mem, gpa);
	struct kev_pt_page *table;
	struct page *page;
	u64 entry;

	if (!leaf)
		return ERR_PTR(-EAGAIN);
	table = kev_table_of(leaf);
	raw_spin_lock(&table->lock);
	entry = READ_ONCE(*leaf);
	if (!test_bit(kev_leaf_index(leaf), table->used) || entry & KEV_LEAF_BUSY ||
	    (write && entry & KEV_LEAF_SHARED))
		page = ERR_PTR(-EAGAIN);
	else if (entry & KEV_LEAF_BORROWED)
		/* The caller has these pages in a mapping of its own. */
		page = ERR_PTR(-EFAULT);
	else
		page = kev_leaf_page(mem, leaf, entry, gpa);
	if (write && !IS_ERR(page))
		__set_bit(kev_leaf_index(leaf), table->dirty);
	raw_spin_unlock(&table->lock);
	return page;
}

/*
 * Insert the page at @gpa: 0: it is not there. The invalidate lock is held, shared: from
 * the look at the leaf to the insertion nobody can give the page back, or read the log of
 * dirty pages.
 */
static vm_fault_t insert(struct kev_mem *mem, struct vm_fault *vmf, u64 gpa, bool write)
{
	struct page *page = look_up(mem, gpa, write);
	unsigned long flags = vmf->vma->vm_flags;

	if (IS_ERR(page))
		return page == ERR_PTR(-EAGAIN) ? 0 : VM_FAULT_SIGBUS;
	/* Reading it is, whatever the mapping says: x86 has no write without read. */
	if (!write)
		flags = (flags & ~VM_WRITE) | VM_READ;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address, page_to_pfn(page),
				   vm_get_page_prot(flags));
}

static vm_fault_t vma_fault(struct vm_fault *vmf)
{
	struct kev_mem *mem = vmf->vma->vm_private_data;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	u64 gpa = (u64)vmf->pgoff << PAGE_SHIFT;
	vm_fault_t ret;

	do {
		/* The kernel's own access may fault again and again, and would not look. */
		if (fatal_signal_pending(current))
			return VM_FAULT_SIGBUS;
		ret = load(mem, vmf, write ? KEV_MEM_WRITE : KEV_MEM_READ);
		if (ret)
			return ret;
		filemap_invalidate_lock_shared(mem->mapping);
		ret = insert(mem, vmf, gpa, write);
		filemap_invalidate_unlock_shared(mem->mapping);
	} while (!ret);
	return ret;
}

/*
 * The first write through an entry that was inserted for reading. The kernel would make
 * it writable after this returns, when no lock holds the page to the address any more. So
 * it goes, and the write comes back as a fault of its own.
 */
static vm_fault_t vma_mkwrite(struct vm_fault *vmf)
{
	zap_vma_ptes(vmf->vma, vmf->address & PAGE_MASK, PAGE_SIZE);
	return VM_FAULT_NOPAGE;
}

/*
 * For debuggers, which cannot follow such a mapping by themselves. Others come this way, too:
 * whoever reads the command line of a process that has put guest memory there. Nobody waits
 * for a file here, with that process's mmap lock. @len may reach beyond the mapping.
 */
static int vma_access(struct vm_area_struct *vma, unsigned long address, void *buf, int len,
		      int write)
{
	struct kev_touch touch = {
		.gpa = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (address - vma->vm_start),
		.access = write ? KEV_MEM_WRITE : KEV_MEM_READ,
		.flags = KEV_TOUCH_OWNER | KEV_TOUCH_NOWAIT,
	};

	len = min_t(unsigned long, len, vma->vm_end - address);
	return kev_mem_copy(vma->vm_private_data, &touch, buf, len);
}

static const struct vm_operations_struct vma_ops = {
	.fault = vma_fault,
	.pfn_mkwrite = vma_mkwrite,
	.access = vma_access,
};

/* The inode stays as long as the memory: what takes pages away may outlive the fd. */
static void note_mapping(struct kev_mem *mem, struct file *file)
{
	/* Whoever has the lock may keep it for long, and the caller holds mmap_lock. */
	if (READ_ONCE(mem->mapping))
		return;
	mutex_lock(&mem->lock);
	if (!mem->mapping) {
		ihold(file->f_mapping->host);
		WRITE_ONCE(mem->mapping, file->f_mapping);
	}
	mutex_unlock(&mem->lock);
}

int kev_mem_mmap(struct kev_mem *mem, struct vm_area_struct *vma)
{
	u64 pages = BIT_ULL(mem->config.phys_bits - PAGE_SHIFT);

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (vma->vm_pgoff >= pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	note_mapping(mem, vma->vm_file);
	/*
	 * No pages of the kernel's to count, no growth beyond what was checked, nothing
	 * in core dumps, and nothing for a child, which is another process to kev; with
	 * VM_IO madvise() cannot change that.
	 */
	kev_vma_set_flags(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	kev_vma_clear_flags(vma, VM_MAYEXEC);
	vma->vm_private_data = mem;
	vma->vm_ops = &vma_ops;
	return 0;
}
