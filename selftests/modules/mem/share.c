// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the page cache that guests have in common.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include "test.h"

static const struct setup share = { .shared = true };

/* The page cache's page behind a page of @big, without a reference */
static struct page *cache_page(struct file *file, u64 gpa)
{
	pgoff_t index = (gpa - BIG_GPA + BIG_OFFSET) >> PAGE_SHIFT;
	struct page *page = find_get_page(file_inode(file)->i_mapping, index);

	if (page)
		put_page(page);
	return page;
}

static struct page *page_at(struct kev_mem *mem, u64 gpa)
{
	u64 leaf = leaf_at(mem, gpa);

	return leaf ? pfn_to_page(PHYS_PFN(kev_ept_format.address(leaf, KEV_PT_LEVEL_4K))) : NULL;
}

/* While a shared page is being replaced nobody can reach it, but it is still there. */
static struct page *replaced;
static int replaced_count;

static void check_replaced(struct kev_mem *mem)
{
	CHECK(!kev_ept_format.present(leaf_at(mem, BIG_GPA)));
	CHECK_EQ(page_count(replaced), replaced_count);
}

void test_shared(void)
{
	struct fixture *f = SETUP(&big, .shared = true);
	struct kev_attach_result result;
	struct kev_vm_stats stats;
	struct kev_mem other;
	struct page *page;
	u8 byte = 0;
	int count;

	if (!f)
		return;
	if (!make_mem(&other, NULL))
		goto out;
	if (!CHECK_EQ(attach(&other, f->file, &share, &result), 0))
		goto out_other;
	page = cache_page(f->file, BIG_GPA);
	if (!CHECK(page))
		goto out_other;
	count = page_count(page);
	CHECK_EQ(fault(&f->mem, BIG_GPA, R), 0);
	CHECK_EQ(fault(&other, BIG_GPA, X), 0);
	CHECK(page_at(&f->mem, BIG_GPA) == page && page_at(&other, BIG_GPA) == page);
	CHECK_EQ(page_count(page), count + 2);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&f->mem, BIG_GPA)), R | X);
	CHECK(leaf_at(&f->mem, BIG_GPA) & KEV_LEAF_SHARED);
	CHECK_EQ(state_at(&f->mem, BIG_GPA), KEV_PAGE_SHARED);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA), file_byte(BIG_OFFSET));
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.shared_pages, 1);
	CHECK_EQ(stats.image_pages, 1);
	CHECK_EQ(stats.file_pages, 1);
	CHECK_EQ(stats.file_bytes, PAGE_SIZE);
	CHECK_EQ(stats.read_pages, 0);
	CHECK_EQ(atomic_read(&image_reads), 0);
	CHECK_EQ(atomic_read(&flushes), 0);

	/* The first write makes a copy, and flushes once; all others find it. */
	replaced = page;
	replaced_count = count + 2;
	at_flush = check_replaced;
	CHECK_EQ(write_gpa(&f->mem, BIG_GPA, &byte, 1), 1);
	at_flush = NULL;
	CHECK_EQ(write_gpa(&f->mem, BIG_GPA + 0x800, &byte, 1), 1);
	CHECK_EQ(fault(&f->mem, BIG_GPA, R | W | X), 0);
	CHECK_EQ(atomic_read(&flushes), 1);
	CHECK(page_at(&f->mem, BIG_GPA) != page);
	CHECK_EQ(page_count(page), count + 1);
	CHECK_EQ(kev_ept_format.prot(leaf_at(&f->mem, BIG_GPA)), R | W | X);
	CHECK_EQ(state_at(&f->mem, BIG_GPA), KEV_PAGE_RESIDENT);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA), 0);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 1), file_byte(BIG_OFFSET + 1));
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0xfff), file_byte(BIG_OFFSET + 0xfff));
	CHECK_EQ(byte_at(&other, BIG_GPA), file_byte(BIG_OFFSET));
	CHECK_EQ(*(u8 *)page_address(page), file_byte(BIG_OFFSET));
	stats = stats_of(&f->mem);
	CHECK_EQ(stats.shared_pages, 0);
	CHECK_EQ(stats.resident_pages, 1);
	CHECK_EQ(stats.copied_pages, 1);
	CHECK_EQ(stats.file_pages, 1);

	/* Whose first touch is a write has nothing to give back. */
	CHECK_EQ(fault(&f->mem, BIG_GPA + PAGE_SIZE, W), 0);
	CHECK_EQ(state_at(&f->mem, BIG_GPA + PAGE_SIZE), KEV_PAGE_RESIDENT);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + PAGE_SIZE), file_byte(BIG_OFFSET + PAGE_SIZE));
	CHECK_EQ(stats_of(&f->mem).copied_pages, 1);
	CHECK_EQ(atomic_read(&flushes), 1);

	/* The owner's write is no less. */
	CHECK_EQ(fault_as(&other, BIG_GPA, W, KEV_TOUCH_OWNER), 0);
	CHECK_EQ(stats_of(&other).copied_pages, 1);
	CHECK_EQ(atomic_read(&flushes), 2);
	CHECK_EQ(page_count(page), count);
	CHECK_EQ(*(u8 *)page_address(page), file_byte(BIG_OFFSET));
out_other:
	kev_mem_fini(&other);
out:
	teardown(f);
}

/* Which pages are shared: whole ones of one segment, that hold nothing else */
void test_shared_pages(void)
{
	static const struct {
		u64 gpa;
		u32 state;
	} cases[] = {
		{ 0x100000, KEV_PAGE_SHARED }, { 0x101000, KEV_PAGE_SHARED },
		{ 0x102000, KEV_PAGE_RESIDENT }, { 0x103000, KEV_PAGE_RESIDENT },
		{ 0x108000, KEV_PAGE_RESIDENT }, { 0x10c000, KEV_PAGE_RESIDENT },
	};
	struct fixture *f = SETUP(&all_kinds, .shared = true);
	u64 gpa;
	int i;

	if (!f)
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(fault(&f->mem, cases[i].gpa, R), 0);
		if (!CHECK_EQ(state_at(&f->mem, cases[i].gpa), cases[i].state))
			pr_err("# case %d\n", i);
	}
	for (gpa = 0x100000; gpa < 0x10e000; gpa += 0x33)
		if (image_has_page(&all_kinds, gpa & PAGE_MASK))
			CHECK_EQ(byte_at(&f->mem, gpa), image_byte(&all_kinds, gpa));
	CHECK_EQ(stats_of(&f->mem).read_pages, 0);
	CHECK_EQ(atomic_read(&image_reads), 0);
	teardown(f);
}

static void expect_state(struct file *file, const struct setup *how, u32 state)
{
	atomic64_t *pinned = &current->mm->pinned_vm;
	u64 before = atomic64_read(pinned);
	struct kev_attach_result result;
	struct kev_mem mem;

	if (!make_mem(&mem, NULL))
		return;
	if (CHECK_EQ(attach(&mem, file, how, &result), 0)) {
		CHECK_EQ(fault(&mem, BIG_GPA, R), 0);
		CHECK_EQ(state_at(&mem, BIG_GPA), state);
		CHECK_EQ(byte_at(&mem, BIG_GPA), file_byte(BIG_OFFSET));
		CHECK_EQ(atomic64_read(pinned) - before,
			 state == KEV_PAGE_SHARED ? BIG_FILE_PAGES : 0);
	}
	kev_mem_fini(&mem);
	CHECK_EQ(atomic64_read(pinned), before);
	wait_for_file(file);
}

/* Without CAP_IPC_LOCK, and with room for one page less than the image has */
static void expect_limited(struct file *file, unsigned long pages, u32 state)
{
	struct rlimit *limit = &current->signal->rlim[RLIMIT_MEMLOCK];
	unsigned long old_limit = limit->rlim_cur;
	struct cred *cred = prepare_creds();
	const struct cred *old;

	if (!CHECK(cred))
		return;
	cap_lower(cred->cap_effective, CAP_IPC_LOCK);
	limit->rlim_cur = pages << PAGE_SHIFT;
	old = override_creds(cred);
	expect_state(file, &share, state);
	revert_creds(old);
	limit->rlim_cur = old_limit;
	put_cred(cred);
}

/* Whose pages are shared, and with whom */
void test_sharers(void)
{
	static const struct setup copy = { .flags = KEV_ATTACH_COPY };
	struct file *file = create_image(&big, true);

	if (!file)
		return;
	expect_state(file, &share, KEV_PAGE_SHARED);
	expect_state(file, &copy, KEV_PAGE_RESIDENT);
	expect_limited(file, BIG_FILE_PAGES, KEV_PAGE_SHARED);
	expect_limited(file, BIG_FILE_PAGES - 1, KEV_PAGE_RESIDENT);
	/* It has no name either: somebody may still write to it. */
	SHMEM_I(file_inode(file))->seals &= ~F_SEAL_WRITE;
	expect_state(file, &share, KEV_PAGE_RESIDENT);
	/* Or make it end in the middle of a page. */
	SHMEM_I(file_inode(file))->seals = F_SEAL_WRITE;
	expect_state(file, &share, KEV_PAGE_RESIDENT);
	SHMEM_I(file_inode(file))->seals |= F_SEAL_SHRINK;
	expect_state(file, &share, KEV_PAGE_SHARED);
	/* A mapping that is not the inode's is that of another file system. */
	put_image(file);
	file = create_image(&big, false);
	if (!file)
		return;
	SHMEM_I(file_inode(file))->seals |= F_SEAL_WRITE | F_SEAL_SHRINK;
	expect_state(file, &share, KEV_PAGE_RESIDENT);
	put_image(file);
}

/* The file shrinks by other means than writing. */
void test_truncated(void)
{
	struct fixture *f = SETUP(&big, .shared = true);
	struct inode *inode;
	loff_t size;

	if (!f)
		return;
	inode = file_inode(f->file);
	size = i_size_read(inode);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x5000, R), 0);
	i_size_write(inode, BIG_OFFSET + 0x2800);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, R), 0);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x2000, R), -EIO);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x2000, W), -EIO);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x3000, R), -EIO);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0x5000), file_byte(BIG_OFFSET + 0x5000));
	CHECK_EQ(stats_of(&f->mem).resident_pages, 2);
	i_size_write(inode, size);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0x2000), file_byte(BIG_OFFSET + 0x2000));
	teardown(f);
}

/* A page of the page cache that the hardware has lost */
void test_poisoned(void)
{
	struct kev_mem_config config = plain;
	struct fixture *f;
	struct page *page, *got;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE)) {
		kev_test_skip("no CONFIG_MEMORY_FAILURE");
		return;
	}
	config.fault_around = 4;
	f = SETUP(&big, .shared = true, .config = &config);
	if (!f)
		return;
	page = cache_page(f->file, BIG_GPA + 0x1000);
	if (!CHECK(page))
		goto out;
	SetPageHWPoison(page);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, R), -EIO);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, W), -EIO);
	/* Its neighbours come, and not it with them. */
	CHECK_EQ(fault(&f->mem, BIG_GPA, R), 0);
	CHECK_EQ(state_at(&f->mem, BIG_GPA + 0x1000), KEV_PAGE_LAZY);
	CHECK_EQ(state_at(&f->mem, BIG_GPA + 0x2000), KEV_PAGE_SHARED);
	CHECK_EQ(stats_of(&f->mem).resident_pages, 3);
	ClearPageHWPoison(page);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0x1000), file_byte(BIG_OFFSET + 0x1000));
	/* It is found when the guest has it: the kernel does not read it, nor copies it. */
	SetPageHWPoison(page);
	CHECK_EQ(get_page_at(&f->mem, BIG_GPA + 0x1000, R, &got), -EIO);
	CHECK(!kev_mem_find_bytes(&f->mem, BIG_GPA + 0x1000));
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, W), -EIO);
	CHECK_EQ(state_at(&f->mem, BIG_GPA + 0x1000), KEV_PAGE_SHARED);
	ClearPageHWPoison(page);
	CHECK_EQ(fault(&f->mem, BIG_GPA + 0x1000, W), 0);
	CHECK_EQ(byte_at(&f->mem, BIG_GPA + 0x1000), file_byte(BIG_OFFSET + 0x1000));
out:
	teardown(f);
}

/* After the end nothing is left of a VM: not in the page cache, not in the accounts. */
void test_given_back(void)
{
	u64 pinned = atomic64_read(&current->mm->pinned_vm);
	struct fixture *f = SETUP(&big, .shared = true);
	struct page *shared, *copied;
	struct inode *inode;
	int count, i;

	if (!f)
		return;
	inode = file_inode(f->file);
	CHECK_EQ(atomic64_read(&current->mm->pinned_vm) - pinned, BIG_FILE_PAGES);
	CHECK_EQ(get_write_access(inode), -ETXTBSY);
	shared = cache_page(f->file, BIG_GPA);
	count = page_count(shared);
	for (i = 0; i < BIG_PAGES; i++)
		CHECK_EQ(fault(&f->mem, BIG_GPA + i * PAGE_SIZE, i % 2 ? W : R), 0);
	CHECK_EQ(stats_of(&f->mem).shared_pages, BIG_FILE_PAGES / 2);
	CHECK_EQ(page_count(shared), count + 1);
	if (!CHECK_EQ(get_page_at(&f->mem, BIG_GPA + PAGE_SIZE, R, &copied), 0))
		goto out;
	CHECK_EQ(page_count(copied), 2);
	kev_mem_fini(&f->mem);
	CHECK_EQ(page_count(copied), 1);
	put_page(copied);
	CHECK_EQ(page_count(shared), count);
	CHECK_EQ(atomic64_read(&current->mm->pinned_vm), pinned);
	if (CHECK_EQ(get_write_access(inode), 0))
		put_write_access(inode);
	make_mem(&f->mem, NULL);
out:
	teardown(f);
}
