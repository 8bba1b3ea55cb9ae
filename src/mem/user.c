// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of pages that user space brings: pinned when the region is made, so that a
 * guest's fault never waits for the caller's mapping.
 */
#include <linux/container_of.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <kev/compat.h>
#include <kev/mem_table.h>
#include <kev/region.h>

struct kev_user_region {
	struct kev_region region;
	struct kev_payer payer;
	unsigned long nr;
	unsigned long paid;	/* for so many: at least @nr */
	struct page **pages;
	unsigned int nr_files;
	struct file **files;
};

static struct kev_user_region *to_user_region(struct kev_region *region)
{
	return container_of(region, struct kev_user_region, region);
}

static int user_fault(struct kev_fault *fault)
{
	const struct kev_user_region *user = to_user_region(fault->region);

	fault->page = user->pages[(fault->gpa - user->region.gpa) >> PAGE_SHIFT];
	if (is_page_hwpoison(fault->page))
		return -EIO;
	fault->soft = KEV_LEAF_BORROWED;
	return 0;
}

/*
 * So many at once: a region may be all of the host's memory, and the kernel pins what is mapped
 * already with IRQs off.
 */
#define PIN_BATCH	1024UL

static void unpin_pages(struct page **pages, unsigned long nr, bool dirty)
{
	unsigned long done, batch;

	for (done = 0; done < nr; done += batch) {
		batch = min(nr - done, PIN_BATCH);
		unpin_user_pages_dirty_lock(pages + done, batch, dirty);
		cond_resched();
	}
}

static void drop_files(struct kev_user_region *user)
{
	while (user->nr_files)
		fput(user->files[--user->nr_files]);
	kfree(user->files);
	user->files = NULL;
}

static int hold_file(struct kev_user_region *user, struct file *file, unsigned int *room)
{
	struct file **files;

	if (user->nr_files == *room) {
		*room = *room ? 2 * *room : 1;
		files = krealloc_array(user->files, *room, sizeof(*files), KEV_GFP_GUEST);
		if (!files)
			return -ENOMEM;
		user->files = files;
	}
	user->files[user->nr_files++] = get_file(file);
	return 0;
}

/*
 * Who has a page of a file can change the file, whatever becomes of the mapping. So the files
 * stay open for writing as long as the region lives: an image of another VM, whose guests share
 * the file's pages, relies on that nobody has it so.
 */
static int hold_files(struct kev_user_region *user, unsigned long address)
{
	VMA_ITERATOR(vmi, current->mm, address);
	struct file *last = NULL;
	struct vm_area_struct *vma;
	unsigned int room = 0;
	int ret = 0;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	for_each_vma_range(vmi, vma, address + (user->nr << PAGE_SHIFT)) {
		struct file *file = vma->vm_file;

		/* Set only where the file is open for writing */
		if (!(vma->vm_flags & VM_SHARED) || !file || file == last ||
		    !kev_is_shmem(file->f_mapping))
			continue;
		ret = hold_file(user, file, &room);
		if (ret)
			break;
		last = file;
	}
	mmap_read_unlock(current->mm);
	return ret;
}

static void user_release(struct kev_region *region)
{
	struct kev_user_region *user = to_user_region(region);

	unpin_pages(user->pages, user->nr, true);
	drop_files(user);
	kev_payer_unpin(&user->payer, user->paid);
	kev_payer_fini(&user->payer);
	kvfree(user->pages);
}

static const struct kev_region_ops user_ops = {
	.fault = user_fault,
	.release = user_release,
};

/*
 * A file system that writes its pages back would not learn that the guest has written
 * them; these have nothing to write back to, or swap alone. The mapping may have become another
 * one since: what is not of the files that are held is refused. @at: where to look first
 */
static bool page_is_usable(const struct kev_user_region *user, struct page *page, unsigned int *at)
{
	const struct address_space *mapping;
	unsigned int i;

	if (PageAnon(page) || PageHuge(page))
		return true;
	mapping = folio_mapping(page_folio(page));
	for (i = 0; mapping && i < user->nr_files; i++) {
		if (user->files[*at]->f_mapping == mapping)
			return true;
		*at = (*at + 1) % user->nr_files;
	}
	return false;
}

/*
 * Newer kernels do not pin pages of such a file at all, and say what they say where there is
 * no memory.
 */
static bool is_file_written_back(unsigned long address)
{
	struct vm_area_struct *vma;
	bool ret;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, address);
	ret = vma && vma->vm_file && vma->vm_flags & VM_SHARED && vma->vm_flags & VM_WRITE &&
	      !(vma->vm_flags & (VM_IO | VM_PFNMAP)) && !is_vm_hugetlb_page(vma) &&
	      !kev_is_shmem(vma->vm_file->f_mapping);
	mmap_read_unlock(current->mm);
	return ret;
}

/* All of them, or none: 0 or an errno */
static int pin_pages(struct kev_user_region *user, u64 address)
{
	unsigned long done = 0, i;
	unsigned int at = 0;
	int ret;

	while (done < user->nr) {
		ret = fatal_signal_pending(current) ? -EINTR :
		      pin_user_pages_fast(address + (done << PAGE_SHIFT),
					  min(user->nr - done, PIN_BATCH),
					  FOLL_WRITE | FOLL_LONGTERM, user->pages + done);
		if (ret <= 0)
			goto err;
		done += ret;
		cond_resched();
	}
	ret = hold_files(user, address);
	if (ret)
		goto err;
	for (i = 0; i < user->nr; i++) {
		cond_resched();
		ret = fatal_signal_pending(current) ? -EINTR :
		      page_is_usable(user, user->pages[i], &at) ? 0 : -ENOEXEC;
		if (ret)
			goto err;
	}
	return 0;

err:
	unpin_pages(user->pages, done, false);
	drop_files(user);
	if (ret == -EFAULT && is_file_written_back(address + (done << PAGE_SHIFT)))
		ret = -ENOEXEC;
	/* Of what the mapping may say only this matters: there is no such memory. */
	return ret == -ENOEXEC || ret == -ENOMEM || ret == -EINTR ? ret : -EFAULT;
}

/* How many pages stay because of a region's: who has a part of a large one keeps all of it. */
static unsigned long count_kept(const struct kev_user_region *user)
{
	struct folio *folio, *last = NULL;
	unsigned long kept = 0;

	for (unsigned long i = 0; i < user->nr; i++) {
		folio = page_folio(user->pages[i]);
		if (folio != last)
			kept += folio_nr_pages(folio);
		last = folio;
		cond_resched();
	}
	return kept;
}

/* Pay for what is kept beside the pages that are paid for. */
static int pay_the_rest(struct kev_user_region *user)
{
	unsigned long kept = count_kept(user);
	int ret;

	if (kept <= user->paid)
		return 0;
	ret = kev_payer_pin(&user->payer, kept - user->paid);
	if (!ret)
		user->paid = kept;
	return ret;
}

static int pin_region(struct kev_user_region *user, u64 address)
{
	int ret = kev_payer_pin(&user->payer, user->nr);

	if (ret)
		return ret;
	user->paid = user->nr;
	user->pages = kvmalloc_array(user->nr, sizeof(*user->pages),
				     KEV_GFP_GUEST);
	ret = user->pages ? pin_pages(user, address) : -ENOMEM;
	if (ret)
		goto err;
	ret = pay_the_rest(user);
	if (!ret)
		return 0;
	unpin_pages(user->pages, user->nr, false);
	drop_files(user);
err:
	kvfree(user->pages);
	kev_payer_unpin(&user->payer, user->paid);
	return ret;
}

int kev_user_create(struct kev_mem *mem, struct list_head *list, u64 gpa, u64 length,
		    u64 user_address, u32 prot)
{
	struct kev_user_region *user;
	int ret;

	if (length >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	if (!access_ok((void __user *)(unsigned long)user_address, length))
		return -EFAULT;
	user = kev_region_alloc(mem, sizeof(*user));
	if (!user)
		return -ENOMEM;
	kev_payer_copy(&user->payer, &mem->payer);
	user->nr = length >> PAGE_SHIFT;
	user->nr_files = 0;
	user->files = NULL;
	ret = pin_region(user, user_address);
	if (ret) {
		kev_payer_fini(&user->payer);
		kev_region_free(&user->region);
		return ret;
	}
	kev_region_init(&user->region, list, &user_ops, KEV_REGION_USER, gpa, length, prot);
	return 0;
}
